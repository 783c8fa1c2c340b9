#!/usr/bin/env python3
"""Planted secrets are looked for in every file of the data folder, and core files, of which there are none (suite_memory looks into memory).
Then the data folder is cut, and put back to what it was."""
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import time
import unittest

import botocore.session
import harness
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.hashes import SHA256
from secrets_case import children, forms, marker


class Planted(unittest.TestCase):
    """A server that was told secrets of every kind."""

    @classmethod
    def setUpClass(cls):
        cls.kms, cls.iam = harness.client("kms"), harness.client("iam")
        cls.stored, cls.passing, cls.kept = {}, {}, {}
        cls.plant_keys()
        cls.plant_people()
        cls.plant_certificate()
        # The edge is there when something needs it.
        subnet = harness.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        harness.client("elbv2").create_load_balancer(Name="planted", Type="network", Subnets=[subnet])
        end = time.monotonic() + 60
        while "edge" not in children(harness.SERVER.process.pid).values() and time.monotonic() < end:
            time.sleep(0.1)

    @classmethod
    def plant_keys(cls):
        material = os.urandom(32)
        cls.key = cls.kms.create_key(Origin="EXTERNAL", Tags=[{"TagKey": "t", "TagValue": marker()}])["KeyMetadata"]["KeyId"]
        p = cls.kms.get_parameters_for_import(KeyId=cls.key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
        wrapped = serialization.load_der_public_key(p["PublicKey"]).encrypt(material, padding.OAEP(padding.MGF1(SHA256()), SHA256(), None))
        cls.kms.import_key_material(KeyId=cls.key, ImportToken=p["ImportToken"], EncryptedKeyMaterial=wrapped,
                                    ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
        # Keys in use are kept ready, by the keyer alone.
        cls.kept["imported material"] = material
        cls.passing["a plaintext"] = text = marker().encode()
        context = {"purpose": marker()}
        blob = cls.kms.encrypt(KeyId=cls.key, Plaintext=text, EncryptionContext=context)["CiphertextBlob"]
        assert text == cls.kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"]
        cls.stored["an encryption context"] = context["purpose"].encode()
        cls.passing["a data key"] = cls.kms.generate_data_key(KeyId=cls.key, KeySpec="AES_256")["Plaintext"]
        pair = cls.kms.generate_data_key_pair(KeyId=cls.key, KeyPairSpec="ECC_NIST_P256")["PrivateKeyPlaintext"]
        cls.passing["a data key pair"] = cls.scalar(serialization.load_der_private_key(pair, None))

    @classmethod
    def plant_people(cls):
        cls.iam.create_user(UserName="planted", Tags=[{"Key": "t", "Value": marker()}])
        password = "Aa1!" + marker()
        cls.iam.create_login_profile(UserName="planted", Password=password)
        cls.passing["a password"] = password.encode()
        sid = marker().replace("-", "")
        cls.iam.put_user_policy(UserName="planted", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Sid": sid, "Effect": "Allow", "Action": "*", "Resource": "*"}]}))
        cls.stored["a policy"] = sid.encode()
        key = cls.iam.create_access_key(UserName="planted")["AccessKey"]
        # As long as its owner is known it is needed to verify what he signs.
        cls.stored["a secret access key"] = key["SecretAccessKey"].encode()
        sts = harness.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
        cls.passing["a session's secret"] = sts.get_session_token()["Credentials"]["SecretAccessKey"].encode()
        cls.passing["a seed"] = cls.iam.create_virtual_mfa_device(VirtualMFADeviceName="planted")["VirtualMFADevice"]["Base32StringSeed"]

    @classmethod
    def plant_certificate(cls):
        key = os.path.join(harness.SERVER.work, "key.pem")
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                               "/CN=planted.example.com", "-keyout", key, "-days", "30"], capture_output=True, check=True)
        pem = pathlib.Path(key).read_text()
        cls.iam.upload_server_certificate(ServerCertificateName="planted", CertificateBody=made.stdout.decode(), PrivateKey=pem)
        cls.passing["a private key"] = cls.scalar(serialization.load_pem_private_key(pem.encode(), None))
        cls.passing["a private key's text"] = pem.splitlines()[1].encode()

    @staticmethod
    def scalar(key):
        return key.private_numbers().private_value.to_bytes(key.curve.key_size // 8, "big")

    def where(self, secrets, chunks):
        """{secret's name: where}: chunks are (where, bytes)."""
        found = {}
        wanted = [(name, form) for name, secret in secrets.items() for form in forms(secret)]
        for place, data in chunks:
            for name, form in wanted:
                if form in data:
                    found.setdefault(name, set()).add(place)
        return found

    def test_no_file_has_any_of_them(self):
        root = {**self.kept, "the root key": bytes.fromhex(pathlib.Path(harness.SERVER.data + ".key").read_text().strip())}
        files = [p for p in pathlib.Path(harness.SERVER.data).rglob("*") if p.is_file()]
        self.assertGreater(len(files), 2)
        chunks = [(p.name, p.read_bytes()) for p in files]
        self.assertEqual({}, self.where({**self.stored, **self.passing, **root}, chunks))
        # The search finds what there is: the administrator's file is for him to read.
        self.assertEqual({"it": {"credentials"}}, self.where({"it": harness.SERVER.secret.encode()}, chunks))

    def test_files_are_their_owner_s_alone(self):
        """Whatever the umask, which is none here."""
        data = pathlib.Path(harness.SERVER.data)
        for path in [data, *data.rglob("*"), pathlib.Path(f"{data}.key")]:
            self.assertEqual(0, path.lstat().st_mode & 0o077, path)

    @unittest.skipIf(os.geteuid() == 0, "root may read any process's memory")
    def test_nobody_else_reads_memory(self):
        for pid in list(children(harness.SERVER.process.pid))[1:]:
            self.assertRaises(PermissionError, open, f"/proc/{pid}/mem", "rb")

    def test_a_crash_leaves_no_core_file(self):
        before = children(harness.SERVER.process.pid)
        folders = {os.path.realpath(f"/proc/{pid}/cwd") for pid in before} | {harness.SERVER.work, harness.SERVER.data}
        pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
        if pattern.startswith("/"):
            folders.add(os.path.dirname(pattern))

        def cores():
            return {p for f in folders if os.path.isdir(f) for p in pathlib.Path(f).iterdir() if p.name.startswith("core") and p.is_file()}
        known = cores()
        for pid, name in before.items():
            limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
            self.assertRegex(limits, r"Max core file size +0 +0 ", name)
        crashed = [pid for pid, name in before.items() if name in ("keyer", "api", "edge")]
        self.assertEqual(3, len(crashed))
        for pid in crashed:
            os.kill(pid, signal.SIGSEGV)
        end = time.monotonic() + 30
        while time.monotonic() < end and set(crashed) & set(children(harness.SERVER.process.pid)):
            time.sleep(0.1)
        self.assertTrue(harness.SERVER.wait())
        self.assertEqual(set(), cores() - known)
        self.assertFalse(set(crashed) & set(children(harness.SERVER.process.pid)))
        # What was there is there.
        for _ in range(100):
            try:
                self.assertEqual("planted", self.iam.get_user(UserName="planted")["User"]["UserName"])
                break
            except Exception:
                time.sleep(0.1)
        blob = self.kms.encrypt(KeyId=self.key, Plaintext=b"again")["CiphertextBlob"]
        self.assertEqual(b"again", self.kms.decrypt(CiphertextBlob=blob)["Plaintext"])


class Sensitive(unittest.TestCase):
    """What AWS's models call sensitive is left out of audit records by our copies of them."""

    def shapes(self, model):
        """All that operations which are there take and give, by name."""
        known, found = json.loads((harness.ROOT / "models" / f"{model.service_name}.json").read_text()), {}

        def walk(shape):
            if shape is None or shape.name in found:
                return
            found[shape.name] = shape
            for inner in (*getattr(shape, "members", {}).values(), getattr(shape, "member", None), getattr(shape, "key", None), getattr(shape, "value", None)):
                walk(inner)
        for name in set(model.operation_names) & set(known["operations"]):
            walk(model.operation_model(name).input_shape)
            walk(model.operation_model(name).output_shape)
        return known["shapes"], found

    def test_models_have_what_aws_s_have(self):
        session, count = botocore.session.get_session(), 0
        for service in ("acm", "acm-pca", "ec2", "elbv2", "iam", "kms", "sts"):
            ours, theirs = self.shapes(session.get_service_model(service))
            for name, shape in theirs.items():
                if shape.metadata.get("sensitive"):
                    count += 1
                    self.assertTrue(ours[name].get("sensitive"), f"{service}: {name}")
        self.assertGreater(count, 15)


class Folder(unittest.TestCase):
    """A server's folder in the hands of others while it is down."""

    def setUp(self):
        self.work = pathlib.Path(harness.tempfile.mkdtemp(prefix="bulwark-secrets-"))
        self.addCleanup(shutil.rmtree, self.work)
        self.data = self.work / "data"

    def serve(self):
        return harness.Server(ephemeral=False, data=str(self.data))

    def refused(self, sentence):
        """It does not start, and says why."""
        done = subprocess.run([harness.BINARY, "serve", "--data", str(self.data), "--root-key", f"{self.data}.key", "--listen",
                               f"127.0.0.1:{harness.free_port()}", "--edge-pool", "127.200.0.0/24"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertNotEqual(0, done.returncode)
        self.assertIn(sentence, done.stdout + done.stderr)

    def test_a_restored_folder_encrypts_anew(self):
        server = self.serve()
        kms = harness.client("kms", server)
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        server.stop()
        shutil.copytree(self.data, self.work / "backup", ignore=shutil.ignore_patterns("*.sock"))
        blobs = []
        for _ in range(2):
            server = self.serve()
            kms = harness.client("kms", server)
            blobs += [kms.encrypt(KeyId=key, Plaintext=b"the same words")["CiphertextBlob"] for _ in range(2)]
            for blob in blobs:
                self.assertEqual(b"the same words", kms.decrypt(CiphertextBlob=blob)["Plaintext"])
            server.stop()
            shutil.rmtree(self.data)
            shutil.copytree(self.work / "backup", self.data)
        front = os.path.commonprefix(blobs)
        self.assertIn(key.encode(), front)
        # Behind the key's name come the bytes that a message's key and nonce are derived from: each is drawn anew.
        self.assertEqual(4, len({blob[len(front):len(front) + 32] for blob in blobs}))

    def test_a_folder_that_was_cut_is_refused(self):
        self.serve().stop()
        store = self.data / "data.mdb"
        whole = store.read_bytes()
        # An empty file is a new store's; that it was another's is told by the trail.
        for size, sentence in ((0, "audit trail: its head does not authenticate"), (6 * 4096 + 1, "data.mdb is cut short"), (4096, "not an LMDB file"), (100, "not an LMDB file")):
            store.write_bytes(whole[:size])
            self.refused(sentence)
        store.write_bytes(whole)
        server = self.serve()
        harness.client("iam", server).list_users()
        server.stop()


if __name__ == "__main__":
    # As much as this system gives: what is not written is not written for want of room.
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    os.umask(0)
    harness.serve(ephemeral=False, env={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0"})
    harness.main()
