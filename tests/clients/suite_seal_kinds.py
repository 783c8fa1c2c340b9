#!/usr/bin/env python3
"""Seals that open without people: a PKCS #11 token, and another KMS."""
import os
import subprocess
import unittest

import harness
from seal_case import WORK, bulwark, is_open, is_sealed, state, until


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
        self.assertEqual((0, ""), bulwark("unseal", self.data)[::2])
        self.assertTrue(is_open(server))
        self.assertEqual(b"kept", kms.decrypt(CiphertextBlob=blob)["Plaintext"])
        self.assertEqual(0, server.stop())
        self.pin.chmod(0o640)
        server = harness.Server(ephemeral=False, data=str(self.data), root_key=False)
        self.assertTrue(is_sealed(server))
        self.assertIn("mode 0640 lets others at it", server.log())
        self.pin.chmod(0o600)
        self.assertEqual((0, ""), bulwark("unseal", self.data)[::2])
        self.assertTrue(is_open(server))
        self.assertEqual(0, server.stop())

    def test_what_is_missing_is_named(self):
        for without in range(2, 8, 2):
            words = self.words[:without] + self.words[without + 2:]
            status, _, err = bulwark("init", WORK / "no-token", *words)
            self.assertEqual(2, status)
            self.assertIn("--seal pkcs11 wants --seal-", err)
        status, _, err = bulwark("serve", WORK / "no-token", "--listen", f"127.0.0.1:{harness.free_port()}", *self.words)
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
        self.assertEqual((0, ""), bulwark("unseal", self.data)[::2])
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


if __name__ == "__main__":
    harness.main()
