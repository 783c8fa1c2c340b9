#!/usr/bin/env python3
"""Sealed servers: what they answer, who opens them, and what stays as it was."""
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest
import urllib.request

import harness
from seal_case import WORK, answered, bulwark, code_of, is_open, is_sealed, processes, state, until

PASSPHRASE = "correct horse battery staple"
# What these tests are about is not how dear a guess is.
SEAL = ["--seal", "passphrase", "--seal-memory", "64"]


class Passphrase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = WORK / "passphrase"
        status, out, err = bulwark("init", cls.data, *SEAL, say=PASSPHRASE + "\n")
        assert status == 0, err
        cls.made = out
        cls.server = harness.Server(ephemeral=False, data=str(cls.data), root_key=False)
        assert is_sealed(cls.server)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, cls.server.last_log

    def unsealed(self):
        if state(self.server)["status"] != "ok":
            status, _, err = bulwark("unseal", self.data, say=PASSPHRASE + "\n")
            self.assertEqual(0, status, err)
        self.assertTrue(is_open(self.server), self.server.log())

    def sealed(self):
        if state(self.server)["status"] == "sealed":
            return
        status, _, err = bulwark("seal", self.data)
        self.assertEqual(0, status, err)
        self.assertTrue(is_sealed(self.server), self.server.log())

    def test_no_root_key_file_is_made(self):
        self.assertFalse(os.path.exists(f"{self.data}.key"))
        self.assertNotIn("root key", self.made)

    def test_health_says_what_is_wanted(self):
        self.sealed()
        status, body, _ = answered(self.server)
        self.assertEqual(200, status)
        self.assertEqual({"sealed": True, "kind": "passphrase", "asks": "passphrase", "given": 0, "wanted": 1}, json.loads(body)["seal"])
        _, out, _ = bulwark("unseal", self.data, "--status")
        self.assertEqual("sealed, kind passphrase, 0 of 1 passphrase said\n", out)
        status, out, _ = bulwark("status", self.data)
        self.assertEqual(0, status)
        self.assertIn("sealed (passphrase): 0 of 1 said", out)

    def test_every_service_is_refused_in_its_own_form(self):
        self.sealed()
        wants = {"iam": ("ServiceUnavailable", 503), "sts": ("ServiceUnavailable", 503), "ec2": ("ServiceUnavailable", 503),
                 "elbv2": ("ServiceUnavailable", 503), "acm": ("ServiceUnavailable", 503), "kms": ("KMSInvalidStateException", 503)}
        calls = {"iam": lambda c: c.list_users(), "sts": lambda c: c.get_caller_identity(), "ec2": lambda c: c.describe_vpcs(),
                 "elbv2": lambda c: c.describe_load_balancers(), "acm": lambda c: c.list_certificates(), "kms": lambda c: c.list_keys()}
        for service, want in wants.items():
            with self.subTest(service=service):
                self.assertEqual(want, code_of(lambda: calls[service](harness.client(service, self.server))))

    def test_strangers_are_refused_alike(self):
        self.sealed()
        for path, method, body in (("/", "POST", b"Action=ListUsers&Version=2010-05-08"), ("/_bulwark/listeners", "GET", None),
                                   ("/", "GET", None), ("/x" * 3000, "GET", None), ("/", "POST", b"\0\xff{")):
            status, text, headers = answered(self.server, path, method, body)
            self.assertEqual(503, status)
            self.assertIn("ServiceUnavailable", text)
            self.assertEqual("5", headers["Retry-After"])

    def test_the_command_line_shows_it(self):
        self.sealed()
        done = subprocess.run(["aws", "kms", "list-keys"], capture_output=True, text=True, timeout=60,
                              env={**self.server.environment(), "AWS_MAX_ATTEMPTS": "1"})
        self.assertNotEqual(0, done.returncode)
        self.assertIn("(KMSInvalidStateException) when calling the ListKeys operation", done.stderr)
        self.assertIn("sealed", done.stderr)

    def test_unsealed_it_works_and_sealed_again_it_does_not(self):
        self.unsealed()
        kms = harness.client("kms", self.server)
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        blob = kms.encrypt(KeyId=key, Plaintext=b"what is kept")["CiphertextBlob"]
        self.sealed()
        self.assertEqual(("KMSInvalidStateException", 503), code_of(lambda: kms.decrypt(CiphertextBlob=blob)))
        self.unsealed()
        self.assertEqual(b"what is kept", kms.decrypt(CiphertextBlob=blob)["Plaintext"])

    def test_a_wrong_passphrase_opens_nothing_and_has_to_wait(self):
        self.sealed()
        # Of a keyer of its own: the wait for a wrong word ends with it.
        status, _, err = bulwark("unseal", self.data, say="not the passphrase\n")
        self.assertEqual(1, status)
        self.assertIn("that is not the right passphrase", err)
        # Each wrong one is waited for twice as long, so that one comes too soon on the slowest of machines.
        for _ in range(8):
            status, _, err = bulwark("unseal", self.data, say="not the passphrase\n")
            if "too soon after a wrong one" in err:
                break
        self.assertEqual(1, status)
        self.assertIn("too soon after a wrong one", err)
        self.assertEqual("sealed", state(self.server)["status"])
        self.assertTrue(until(lambda: bulwark("unseal", self.data, say=PASSPHRASE + "\n")[0] == 0, 120))
        self.unsealed()

    def test_nothing_said_is_an_error(self):
        self.sealed()
        for said in ("", "\n"):
            status, _, err = bulwark("unseal", self.data, say=said)
            self.assertEqual(1, status)
            self.assertIn("a passphrase is wanted", err)
        status, _, err = bulwark("unseal", self.data, PASSPHRASE)
        self.assertEqual(2, status)
        self.assertIn("seen by others", err)

    def test_a_keyer_that_dies_comes_back_sealed(self):
        self.unsealed()
        os.kill(processes(self.server)["keyer"], signal.SIGKILL)
        self.assertTrue(is_sealed(self.server), self.server.log())
        self.unsealed()
        self.assertTrue(harness.client("sts", self.server).get_caller_identity()["Account"])

    def test_only_the_owner_may_speak_to_the_keyer(self):
        self.assertEqual(0o600, os.stat(self.data / "keyer.sock").st_mode & 0o777)
        self.assertEqual(0o600, os.stat(self.data / "seal").st_mode & 0o777)

    def test_noise_on_the_socket_is_left_unanswered(self):
        folder = os.open(self.data, os.O_PATH)
        for noise in (b"x", b"\0" * 4096, b"unseal\n" + PASSPHRASE.encode()):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
                s.settimeout(10)
                s.connect(f"/proc/self/fd/{folder}/keyer.sock")
                s.send(noise)
                self.assertEqual(b"", s.recv(4096))
        os.close(folder)

    def test_a_second_server_is_refused(self):
        done = subprocess.run([harness.BINARY, "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{harness.free_port()}"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(1, done.returncode)
        self.assertIn("another bulwark is running", done.stderr)
        self.assertEqual(200, answered(self.server)[0])

    def test_a_certificate_of_the_operators_is_served_while_sealed(self):
        data, cert, key = WORK / "with-tls", WORK / "tls.crt", WORK / "tls.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key), "-out",
                        str(cert), "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        self.assertEqual(0, bulwark("init", data, "--seal", "shamir")[0])
        server = harness.Server("--tls-cert", str(cert), "--tls-key", str(key), ephemeral=False, data=str(data), root_key=False)
        self.assertTrue(is_sealed(server))
        context = ssl.create_default_context(cafile=str(cert))
        with urllib.request.urlopen(f"https://127.0.0.1:{server.port}/_bulwark/health", context=context, timeout=10) as answer:
            self.assertEqual("sealed", json.load(answer)["status"])
        self.assertEqual(0, server.stop())
        # Without one nobody is answered over TLS: the certificate of the built-in CA is in the store.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.sealed()
        with self.assertRaises(OSError):
            urllib.request.urlopen(f"https://127.0.0.1:{self.server.port}/_bulwark/health", context=context, timeout=10)
        self.assertEqual(200, answered(self.server)[0])

    def test_the_trail_is_read_with_the_passphrase(self):
        self.unsealed()
        harness.client("sts", self.server).get_caller_identity()
        status, out, err = bulwark("trail", self.data, "list", say=PASSPHRASE + "\n")
        self.assertEqual(0, status, err)
        status, out, err = bulwark("trail", self.data, "list", say="no it is not\n")
        self.assertEqual(1, status)
        self.assertIn("that is not the passphrase", err)

    def test_the_passphrase_stands_nowhere(self):
        self.unsealed()
        for path in [p for p in WORK.rglob("*") if p.is_file()] + [pathlib.Path(self.server.log_path)]:
            self.assertNotIn(PASSPHRASE.encode(), path.read_bytes(), path)


class Shares(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = WORK / "shares"
        status, out, err = bulwark("init", cls.data, "--seal", "shamir", "--shares", "4", "--threshold", "3")
        assert status == 0, err
        cls.shares = [line for line in out.splitlines() if line.startswith("bwshare1-")]
        cls.server = harness.Server(ephemeral=False, data=str(cls.data), root_key=False)
        assert is_sealed(cls.server)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, cls.server.last_log

    def test_shares_are_said_one_at_a_time_by_several_people(self):
        self.assertEqual(4, len(self.shares))
        for n, share in ((1, self.shares[3]), (2, self.shares[0])):
            status, out, err = bulwark("unseal", self.data, say=share + "\n")
            self.assertEqual((0, f"sealed, kind shamir, {n} of 3 shares said\n"), (status, out), err)
            self.assertEqual(n, state(self.server)["seal"]["given"])
        status, _, err = bulwark("unseal", self.data, say=self.shares[3] + "\n")
        self.assertEqual(1, status)
        self.assertIn("was said already", err)
        status, _, err = bulwark("unseal", self.data, say=self.shares[1][:-1] + "\n")
        self.assertEqual(1, status)
        self.assertIn("has a slip in it", err)
        status, out, err = bulwark("unseal", self.data, say=self.shares[2] + "\n")
        self.assertEqual((0, "unsealed, kind shamir\n"), (status, out), err)
        self.assertTrue(is_open(self.server))
        self.assertEqual({"sealed": False, "kind": "shamir", "shares": 4, "threshold": 3, "generation": 1, "rekey": False}, state(self.server)["seal"])
        harness.client("sts", self.server).get_caller_identity()


class File(unittest.TestCase):
    """The usual kind: nobody is asked, and sealing is possible all the same."""

    @classmethod
    def setUpClass(cls):
        cls.data = WORK / "file"
        cls.server = harness.Server(ephemeral=False, data=str(cls.data), root_key=False)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, cls.server.last_log

    def test_sealed_by_hand_it_stays_so_until_unsealed_by_hand(self):
        kms = harness.client("kms", self.server)
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        self.assertEqual(0, bulwark("seal", self.data)[0])
        self.assertTrue(is_sealed(self.server))
        time.sleep(0.5)
        self.assertEqual("sealed", state(self.server)["status"])
        self.assertEqual(("KMSInvalidStateException", 503), code_of(lambda: kms.list_keys()))
        status, out, err = bulwark("unseal", self.data)
        self.assertEqual((0, "unsealed, kind file\n"), (status, out), err)
        self.assertTrue(is_open(self.server))
        self.assertEqual(key, kms.list_keys()["Keys"][0]["KeyId"])

    def test_another_kind_is_not_taken_by_an_option(self):
        status, _, err = bulwark("init", self.data, "--seal", "passphrase", say=PASSPHRASE + "\n")
        self.assertEqual(2, status)
        self.assertIn("sealed by file", err)


class Rekey(unittest.TestCase):
    """Keys made anew beneath a server that serves."""

    KEYS = 40

    @classmethod
    def setUpClass(cls):
        cls.data = WORK / "rekey"
        cls.server = harness.Server(ephemeral=False, data=str(cls.data), root_key=False)
        cls.kms = harness.client("kms", cls.server)
        cls.iam = harness.client("iam", cls.server)
        cls.blobs = {}
        for n in range(cls.KEYS):
            key = cls.kms.create_key(**({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"} if n % 8 == 7 else {}))["KeyMetadata"]["KeyId"]
            if n % 8 == 7:
                signed = cls.kms.sign(KeyId=key, Message=b"signed before", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
                cls.blobs[key] = signed
                continue
            cls.blobs[key] = cls.kms.encrypt(KeyId=key, Plaintext=b"kept %d" % n, EncryptionContext={"n": str(n)})["CiphertextBlob"]
            if n % 8 == 1:
                # An older material, which the blob was made with, beside one in use.
                cls.kms.rotate_key_on_demand(KeyId=key)
        # An authority, whose key is the keyer's too.
        cls.authority = harness.client("acm-pca", cls.server).create_certificate_authority(
            CertificateAuthorityType="ROOT", CertificateAuthorityConfiguration={
                "KeyAlgorithm": "EC_prime256v1", "SigningAlgorithm": "SHA256WITHECDSA", "Subject": {"CommonName": "kept"}})["CertificateAuthorityArn"]

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, cls.server.last_log

    def generation(self):
        return state(self.server)["seal"]["generation"]

    def check(self):
        for n, (key, blob) in enumerate(self.blobs.items()):
            if n % 8 == 7:
                self.kms.verify(KeyId=key, Message=b"signed before", Signature=blob, SigningAlgorithm="ECDSA_SHA_256")
            else:
                got = self.kms.decrypt(CiphertextBlob=blob, EncryptionContext={"n": str(n)})
                self.assertEqual(b"kept %d" % n, got["Plaintext"])
        pca = harness.client("acm-pca", self.server)
        csr = pca.get_certificate_authority_csr(CertificateAuthorityArn=self.authority)["Csr"].encode()
        pca.issue_certificate(CertificateAuthorityArn=self.authority, Csr=csr, SigningAlgorithm="SHA256WITHECDSA", Validity={"Type": "DAYS", "Value": 9},
                              TemplateArn="arn:aws:acm-pca:::template/RootCACertificate/V1")

    def test_1_under_load_nothing_is_lost(self):
        before = self.generation()
        stop, made, failed = threading.Event(), [], []

        def load():
            kms, iam = harness.client("kms", self.server), harness.client("iam", self.server)
            n = 0
            while not stop.is_set():
                try:
                    iam.create_user(UserName=f"during-{n}")
                    key = kms.create_key()["KeyMetadata"]["KeyId"]
                    made.append((n, key, kms.encrypt(KeyId=key, Plaintext=b"during")["CiphertextBlob"]))
                except Exception as e:  # noqa: BLE001: whatever it is, it was lost
                    failed.append(e)
                n += 1
        thread = threading.Thread(target=load)
        thread.start()
        self.assertTrue(until(lambda: len(made) > 3))
        status, out, err = bulwark("rekey", self.data)
        stop.set()
        thread.join()
        self.assertEqual(0, status, err + self.server.log())
        self.assertIn(f"rekeyed: generation {before + 1}; the older keys are destroyed", out)
        self.assertEqual([], failed)
        self.check()
        users = {u["UserName"] for page in self.iam.get_paginator("list_users").paginate() for u in page["Users"]}
        for n, key, blob in made:
            self.assertIn(f"during-{n}", users)
            self.assertEqual(b"during", self.kms.decrypt(CiphertextBlob=blob)["Plaintext"])
        self.assertEqual(before + 1, self.generation())
        self.assertNotIn("rekey", state(self.server))

    def test_2_killed_in_the_middle_it_is_gone_on_with(self):
        before = self.generation()
        for victim in ("api", "keyer", "everything"):
            self.assertEqual(0, bulwark("rekey", self.data, "--no-wait")[0])
            self.assertTrue(until(lambda: state(self.server)["seal"]["rekey"]))
            time.sleep(0.3)
            if victim == "everything":
                self.server.process.kill()
                self.server.process.wait()
                self.server = type(self).server = harness.Server(ephemeral=False, data=str(self.data), root_key=False)
                type(self).kms, type(self).iam = harness.client("kms", self.server), harness.client("iam", self.server)
            else:
                os.kill(processes(self.server)[victim], signal.SIGKILL)
            self.assertTrue(until(lambda: state(self.server)["seal"].get("rekey") is False, 60), self.server.log())
            self.check()
        self.assertEqual(before + 3, self.generation())

    def test_3_the_older_keys_are_gone(self):
        """A seal file from before opens nothing: what it holds the key of is not there any more."""
        copy = WORK / "rekey-copy"
        seal = (self.data / "seal").read_bytes()
        self.assertEqual(0, bulwark("rekey", self.data)[0])
        self.server.stop()
        shutil.copytree(self.data, copy, ignore=shutil.ignore_patterns("keyer.sock"))
        shutil.copy(f"{self.data}.key", f"{copy}.key")
        (copy / "seal").write_bytes(seal)
        status, _, err = bulwark("init", copy)
        self.assertEqual(1, status, err)
        self.server = type(self).server = harness.Server(ephemeral=False, data=str(self.data), root_key=False)
        type(self).kms, type(self).iam = harness.client("kms", self.server), harness.client("iam", self.server)
        self.check()


class Rotate(unittest.TestCase):
    """Another root key, and another way to keep it; and back."""

    @classmethod
    def setUpClass(cls):
        cls.data = WORK / "rotate"
        cls.server = harness.Server(ephemeral=False, data=str(cls.data), root_key=False)
        cls.kms = harness.client("kms", cls.server)
        cls.key = cls.kms.create_key()["KeyMetadata"]["KeyId"]
        cls.blob = cls.kms.encrypt(KeyId=cls.key, Plaintext=b"kept")["CiphertextBlob"]

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, cls.server.last_log

    def check(self):
        self.assertEqual(b"kept", self.kms.decrypt(CiphertextBlob=self.blob)["Plaintext"])

    def again(self, *words):
        """Sealed and unsealed: by the new root key, then."""
        self.assertEqual(0, bulwark("seal", self.data)[0])
        self.assertTrue(is_sealed(self.server))
        for word in words or [""]:
            status, _, err = bulwark("unseal", self.data, say=word + "\n")
            self.assertEqual(0, status, err)
        self.assertTrue(is_open(self.server))
        self.check()

    def test_from_a_file_to_a_passphrase_to_shares_and_back(self):
        key = pathlib.Path(f"{self.data}.key")
        first = key.read_text()
        status, out, err = bulwark("rotate-root", self.data)
        self.assertEqual((0, "the root key is another one, kept by file\n"), (status, out), err)
        second = key.read_text()
        self.assertNotEqual(first, second)
        self.check()
        self.again()
        key.write_text(first)
        self.assertEqual(0, bulwark("seal", self.data)[0])
        self.assertTrue(is_sealed(self.server))
        self.assertEqual(1, bulwark("unseal", self.data)[0])
        key.write_text(second)
        self.assertTrue(until(lambda: bulwark("unseal", self.data)[0] == 0))
        self.assertTrue(is_open(self.server))
        # To a passphrase.
        status, out, err = bulwark("rotate-root", self.data, *SEAL, say=PASSPHRASE + "\n")
        self.assertEqual(0, status, err)
        self.assertIn("kept by passphrase", out)
        self.assertIn("opens no data folder any more", out)
        key.unlink()
        self.again(PASSPHRASE)
        # Not by whoever happens to be on the machine.
        status, _, err = bulwark("rotate-root", self.data, "--seal", "file", say="not the passphrase\n")
        self.assertEqual(1, status)
        self.assertIn("that is not the passphrase", err)
        self.assertFalse(key.exists())
        # To shares.
        status, out, err = bulwark("rotate-root", self.data, "--seal", "shamir", "--shares", "3", "--threshold", "2", say=PASSPHRASE + "\n")
        self.assertEqual(0, status, err)
        shares = [line for line in out.splitlines() if line.startswith("bwshare1-")]
        self.again(shares[2], shares[0])
        # And back.
        status, out, err = bulwark("rotate-root", self.data, "--seal", "file", say=f"{shares[1]}\n{shares[2]}\n")
        self.assertEqual(0, status, err)
        self.again()

    def test_a_sealed_server_rotates_and_rekeys_nothing(self):
        self.assertEqual(0, bulwark("seal", self.data)[0])
        self.assertTrue(is_sealed(self.server))
        status, _, err = bulwark("rotate-root", self.data)
        self.assertEqual(1, status)
        self.assertIn("sealed", err)
        status, _, err = bulwark("rekey", self.data)
        self.assertEqual(1, status)
        self.assertIn("not now: it is sealed", err)
        self.assertTrue(until(lambda: bulwark("unseal", self.data)[0] == 0))
        self.assertTrue(is_open(self.server))

    def test_a_rotation_that_was_cut_off_is_finished(self):
        """Killed between the seal file and the root key's file: the new key lies beside its place."""
        data = WORK / "cut-off"
        server = harness.Server(ephemeral=False, data=str(data), root_key=False)
        key, fresh = pathlib.Path(f"{data}.key"), pathlib.Path(f"{data}.key.next")
        old = key.read_text()
        self.assertEqual(0, bulwark("rotate-root", data)[0])
        self.assertEqual(0, server.stop())
        key.rename(fresh)
        key.write_text(old)
        key.chmod(0o600)
        server = harness.Server(ephemeral=False, data=str(data), root_key=False)
        self.assertEqual("ok", state(server)["status"])
        self.assertFalse(fresh.exists())
        self.assertEqual(0, server.stop())


class Making(unittest.TestCase):
    def refused(self, say, *words, status=1):
        data = WORK / "refused"
        got, _, err = bulwark("init", data, *words, say=say)
        self.assertEqual(status, got, err)
        self.assertFalse((data / "seal").exists())
        self.assertFalse((data / "data.mdb").exists())
        return err

    def test_what_cannot_be_made(self):
        self.assertIn("at least 12", self.refused("too short\n", "--seal", "passphrase"))
        self.assertIn("a passphrase is wanted", self.refused("", "--seal", "passphrase"))
        self.assertIn("none of file, passphrase, shamir", self.refused("", "--seal", "trust", status=2))
        self.assertIn("not a number from 2 to 32", self.refused("", "--seal", "shamir", "--shares", "33", status=2))
        self.assertIn("not a number from 2 to 4", self.refused("", "--seal", "shamir", "--shares", "4", "--threshold", "5", status=2))
        self.assertIn("not a number", self.refused("", "--seal", "shamir", "--shares", "1", status=2))
        self.assertIn("not a number from 64 to 1024", self.refused(PASSPHRASE, "--seal", "passphrase", "--seal-memory", "63", status=2))
        self.assertIn("not a number from 64 to 1024", self.refused(PASSPHRASE, "--seal", "passphrase", "--seal-memory", "1025", status=2))
        self.assertIn("goes with --seal passphrase", self.refused("", "--seal", "shamir", "--seal-memory", "64", status=2))
        self.assertIn("go with --seal shamir", self.refused(PASSPHRASE, "--seal", "passphrase", "--shares", "3", status=2))

    def test_a_seal_file_that_was_changed_is_told(self):
        data = WORK / "changed"
        self.assertEqual(0, bulwark("init", data)[0])
        seal = data / "seal"
        whole = seal.read_bytes()
        for changed in (whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1]), whole[:20] + bytes([whole[20] ^ 1]) + whole[21:], b""):
            seal.write_bytes(changed)
            status, _, err = bulwark("init", data)
            self.assertEqual(1, status)
            self.assertIn("seal", err)
        seal.write_bytes(whole)
        self.assertEqual(0, bulwark("init", data)[0])


SOFTHSM = next((p for p in ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so") if os.path.exists(p)), None)


@unittest.skipUnless(SOFTHSM, "softhsm2 is not installed")
class Token(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        home = WORK / "token"
        (home / "tokens").mkdir(parents=True)
        conf, cls.pin = home / "softhsm2.conf", home / "pin"
        conf.write_text(f"directories.tokendir = {home}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        cls.pin.write_text("123456\n")
        cls.pin.chmod(0o600)
        os.environ["SOFTHSM2_CONF"] = str(conf)
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "bulwark", "--pin", "123456", "--so-pin", "654321"],
                       check=True, capture_output=True)
        cls.data = WORK / "pkcs11"
        cls.words = ["--seal", "pkcs11", "--seal-module", SOFTHSM, "--seal-token", "bulwark", "--seal-pin-file", str(cls.pin)]

    def test_the_token_opens_it_and_without_the_pin_it_stays_sealed(self):
        status, _, err = bulwark("init", self.data, *self.words)
        self.assertEqual(0, status, err)
        self.assertFalse(os.path.exists(f"{self.data}.key"))
        server = harness.Server(ephemeral=False, data=str(self.data), root_key=False)
        self.assertTrue(is_open(server), server.log())
        self.assertEqual("pkcs11", state(server)["seal"]["kind"])
        kms = harness.client("kms", server)
        blob = kms.encrypt(KeyId=kms.create_key()["KeyMetadata"]["KeyId"], Plaintext=b"kept")["CiphertextBlob"]
        self.assertEqual(0, bulwark("seal", self.data)[0])
        self.assertTrue(is_sealed(server))
        self.pin.write_text("000000\n")
        self.assertEqual(1, bulwark("unseal", self.data)[0])
        self.pin.write_text("123456\n")
        self.assertEqual(0, bulwark("unseal", self.data)[0])
        self.assertTrue(is_open(server))
        self.assertEqual(b"kept", kms.decrypt(CiphertextBlob=blob)["Plaintext"])
        self.assertEqual(0, server.stop())
        self.pin.chmod(0o640)
        server = harness.Server(ephemeral=False, data=str(self.data), root_key=False)
        self.assertTrue(is_sealed(server))
        self.assertIn("mode 0640 lets others at it", server.log())
        self.pin.chmod(0o600)
        self.assertEqual(0, bulwark("unseal", self.data)[0])
        self.assertTrue(is_open(server))
        self.assertEqual(0, server.stop())

    def test_what_is_missing_is_named(self):
        for without in range(2, 8, 2):
            words = self.words[:without] + self.words[without + 2:]
            status, _, err = bulwark("init", WORK / "no-token", *words)
            self.assertEqual(2, status)
            self.assertIn("--seal pkcs11 wants --seal-", err)
        status, _, err = bulwark("serve", WORK / "no-token", *self.words)
        self.assertEqual(2, status)
        self.assertIn("'bulwark init --seal pkcs11' first", err)
        status, _, err = bulwark("init", WORK / "no-token", "--seal-token", "x")
        self.assertEqual(2, status)
        self.assertIn("--seal-token goes with --seal pkcs11", err)


class OtherKms(unittest.TestCase):
    """Opened by a key of another server's, over TLS."""

    @classmethod
    def setUpClass(cls):
        cls.keeper = harness.Server(ephemeral=False, data=str(WORK / "keeper"), root_key=False)
        cls.kms = harness.client("kms", cls.keeper)
        cls.key = cls.kms.create_key()["KeyMetadata"]["KeyId"]
        cls.credentials = WORK / "kms-credentials"
        cls.credentials.write_text(f"[default]\naws_access_key_id = {cls.keeper.key_id}\naws_secret_access_key = {cls.keeper.secret}\n")
        cls.credentials.chmod(0o600)
        cls.data = WORK / "kms"
        cls.words = ["--seal", "kms", "--seal-endpoint", f"https://127.0.0.1:{cls.keeper.port}", "--seal-key-id", cls.key,
                     "--seal-credentials", str(cls.credentials), "--seal-ca", str(WORK / "keeper" / "ca.pem")]

    @classmethod
    def tearDownClass(cls):
        assert cls.keeper.stop() == 0, cls.keeper.last_log

    def test_it_starts_by_itself_and_not_when_the_key_is_disabled(self):
        status, _, err = bulwark("init", self.data, *self.words)
        self.assertEqual(0, status, err)
        self.assertFalse(os.path.exists(f"{self.data}.key"))
        server = harness.Server(ephemeral=False, data=str(self.data), root_key=False)
        self.assertTrue(is_open(server), server.log())
        self.assertEqual("kms", state(server)["seal"]["kind"])
        harness.client("sts", server).get_caller_identity()
        self.assertEqual(0, bulwark("seal", self.data)[0])
        self.assertTrue(is_sealed(server))
        self.kms.disable_key(KeyId=self.key)
        status, _, err = bulwark("unseal", self.data)
        self.assertEqual(1, status)
        self.assertIn("DisabledException", err)
        self.kms.enable_key(KeyId=self.key)
        self.assertEqual(0, bulwark("unseal", self.data)[0])
        self.assertTrue(is_open(server))
        self.assertEqual(0, server.stop())
        # It is up, and sealed, as long as the other is not to be had.
        self.kms.disable_key(KeyId=self.key)
        server = harness.Server(ephemeral=False, data=str(self.data), root_key=False)
        self.assertTrue(is_sealed(server))
        self.kms.enable_key(KeyId=self.key)
        self.assertTrue(until(lambda: state(server)["status"] == "ok", 60), server.log())
        self.assertEqual(0, server.stop())

    def test_a_certificate_of_somebody_else_is_not_trusted(self):
        other = WORK / "other-ca"
        self.assertEqual(0, bulwark("init", other)[0])
        server = harness.Server(ephemeral=False, data=str(other), root_key=False)
        self.assertEqual(0, server.stop())
        words = [str(other / "ca.pem") if w.endswith("ca.pem") else w for w in self.words]
        status, _, err = bulwark("init", WORK / "kms-refused", *words)
        self.assertEqual(1, status)
        self.assertIn("could not be sealed", err)
        words = [w.replace("https://", "http://") for w in self.words]
        status, _, err = bulwark("init", WORK / "kms-refused", *words)
        self.assertEqual(1, status)
        self.assertFalse((WORK / "kms-refused" / "seal").exists())

    def test_readable_credentials_are_refused(self):
        loose = WORK / "loose-credentials"
        loose.write_text(self.credentials.read_text())
        loose.chmod(0o644)
        words = [str(loose) if w == str(self.credentials) else w for w in self.words]
        status, _, err = bulwark("init", WORK / "kms-refused", *words)
        self.assertEqual(1, status)
        self.assertIn("lets others at it", err)


class Backup(unittest.TestCase):
    def test_a_backup_of_a_serving_server_is_whole(self):
        data, copy, again = WORK / "live", WORK / "backup", WORK / "restored"
        server = harness.Server(ephemeral=False, data=str(data), root_key=False)
        iam, kms = harness.client("iam", server), harness.client("kms", server)
        blob = kms.encrypt(KeyId=kms.create_key()["KeyMetadata"]["KeyId"], Plaintext=b"kept")["CiphertextBlob"]
        iam.create_user(UserName="before")
        stop, made = threading.Event(), []

        def load():
            while not stop.is_set():
                iam.create_user(UserName=f"u{len(made)}")
                made.append(len(made))
        thread = threading.Thread(target=load)
        thread.start()
        self.assertTrue(until(lambda: len(made) > 5))
        at_least = len(made)
        status, out, err = bulwark("backup", data, str(copy))
        stop.set()
        thread.join()
        self.assertEqual(0, status, err)
        self.assertIn("its root key is not in it", out)
        iam.create_user(UserName="after")
        self.assertEqual(0, server.stop())
        for path in copy.rglob("*"):
            self.assertEqual(0, path.stat().st_mode & 0o077, path)
        self.assertFalse(any(copy.rglob("*.key")))
        # Nothing is written over, in either direction.
        self.assertEqual(1, bulwark("backup", data, str(copy))[0])
        self.assertEqual(1, bulwark("restore", data, str(copy))[0])
        self.assertEqual(2, bulwark("backup", data)[0])
        status, _, err = bulwark("restore", again, str(copy))
        self.assertEqual(0, status, err)
        shutil.copy(f"{data}.key", f"{again}.key")
        server = harness.Server(ephemeral=False, data=str(again), root_key=False)
        iam, kms = harness.client("iam", server), harness.client("kms", server)
        users = {u["UserName"] for page in iam.get_paginator("list_users").paginate() for u in page["Users"]}
        self.assertIn("before", users)
        self.assertLessEqual({f"u{n}" for n in range(at_least)}, users)
        self.assertNotIn("after", users)
        self.assertEqual(b"kept", kms.decrypt(CiphertextBlob=blob)["Plaintext"])
        self.assertEqual(0, server.stop())
        status, out, err = bulwark("trail", again, "verify")
        self.assertEqual(0, status, out + err)

    def test_a_backup_opens_with_its_own_root_key_alone(self):
        data, copy, again = WORK / "turned", WORK / "turned-backup", WORK / "turned-back"
        server = harness.Server(ephemeral=False, data=str(data), root_key=False)
        self.assertEqual(0, bulwark("backup", data, str(copy))[0])
        key = pathlib.Path(f"{data}.key").read_text()
        self.assertEqual(0, bulwark("rotate-root", data)[0])
        self.assertEqual(0, server.stop())
        self.assertEqual(0, bulwark("restore", again, str(copy))[0])
        shutil.copy(f"{data}.key", f"{again}.key")
        status, _, err = bulwark("init", again)
        self.assertEqual(1, status)
        self.assertIn("does not open this data folder", err)
        pathlib.Path(f"{again}.key").write_text(key)
        self.assertEqual(0, bulwark("init", again)[0])


if __name__ == "__main__":
    harness.main()
