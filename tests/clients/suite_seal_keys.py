#!/usr/bin/env python3
"""Keys made anew beneath a server, root keys kept another way, and copies of a data folder."""
import os
import pathlib
import shutil
import signal
import threading
import time
import unittest

import harness
from seal_case import PASSPHRASE, SEAL, WORK, bulwark, is_open, is_sealed, processes, state, until


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
