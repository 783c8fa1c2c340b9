#!/usr/bin/env python3
"""Root keys sealed to a TPM: swtpm stands in for the chip."""
import os
import shutil
import unittest

import harness
from seal_case import WORK, bulwark, is_open, is_sealed, state, until
from tpm_case import SWTPM, Chip


@unittest.skipUnless(SWTPM, "swtpm is not installed")
class Tpm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chip = Chip("one")

    @classmethod
    def tearDownClass(cls):
        cls.chip.stop()

    def made(self, name, *more):
        data = WORK / name
        status, _, err = bulwark("init", data, "--seal", "tpm2", "--seal-tpm", self.chip.way, *more)
        self.assertEqual(0, status, err)
        self.assertFalse(os.path.exists(f"{data}.key"))
        return data

    def served(self, data):
        return harness.Server(ephemeral=False, data=str(data), root_key=False)

    def refused(self, data, why):
        """By the command that opens a folder as a starting server does."""
        status, _, err = bulwark("trail", data, "list")
        self.assertEqual(1, status)
        self.assertIn(why, err)

    def opened(self, data):
        status, _, err = bulwark("trail", data, "list")
        self.assertEqual(0, status, err)

    def test_it_opens_after_a_restart_of_either_and_is_sealed_and_unsealed(self):
        word = WORK / "word"
        word.write_text("what the chip wants too\n")
        word.chmod(0o600)
        data = self.made("whole", "--seal-auth-file", str(word), "--seal-pcrs", "0,7")
        server = self.served(data)
        self.assertTrue(is_open(server), server.log())
        self.assertEqual("tpm2", state(server)["seal"]["kind"])
        kms = harness.client("kms", server)
        blob = kms.encrypt(KeyId=kms.create_key()["KeyMetadata"]["KeyId"], Plaintext=b"kept")["CiphertextBlob"]
        self.assertEqual(0, bulwark("seal", data)[0])
        self.assertTrue(is_sealed(server))
        word.write_text("what it does not\n")
        status, _, err = bulwark("unseal", data)
        self.assertEqual(1, status)
        self.assertIn("the word is wrong", err)
        word.write_text("what the chip wants too\n")
        self.assertEqual(0, bulwark("unseal", data)[0])
        self.assertTrue(is_open(server))
        self.assertEqual(0, bulwark("rekey", data)[0])
        self.assertEqual(b"kept", kms.decrypt(CiphertextBlob=blob)["Plaintext"])
        status, out, err = bulwark("rotate-root", data, "--seal", "tpm2", "--seal-tpm", self.chip.way)
        self.assertEqual((0, "the root key is another one, kept by tpm2\n"), (status, out), err)
        self.assertEqual(0, server.stop())
        # The port it is reached at is the server's to know: the chip comes back where it was.
        server = self.served(data)
        self.assertTrue(is_open(server), server.log())
        self.assertEqual(b"kept", harness.client("kms", server).decrypt(CiphertextBlob=blob)["Plaintext"])
        # Away, it is up and sealed, and says why.
        self.assertEqual(0, server.stop())
        self.chip.stop()
        server = self.served(data)
        self.assertTrue(is_sealed(server), server.log())
        self.assertTrue(until(lambda: "TPM" in server.log()))
        self.assertIn(f"TPM at {self.chip.way}: does not give the root key: input/output error", server.log())
        self.assertEqual(1, bulwark("unseal", data)[0])
        self.chip.again_there()
        self.assertEqual(0, bulwark("unseal", data)[0])
        self.assertTrue(is_open(server), server.log())
        self.assertEqual(0, server.stop())

    def test_other_pcrs_refuse_and_shares_bring_it_back(self):
        data, free = self.made("bound"), self.made("unbound", "--seal-pcrs", "none")
        for folder in (data, free):
            server = self.served(folder)
            self.assertTrue(is_open(server), server.log())
            if folder != data:
                self.assertEqual(0, server.stop())
                continue
            status, out, err = bulwark("root-key", data, "split", "--shares", "3", "--threshold", "2")
            self.assertEqual(0, status, err)
            shares = out.splitlines()
            self.assertEqual(0, server.stop())
        self.chip.extend(7)
        self.opened(free)
        self.refused(data, "its PCRs are not what they were when it sealed")
        server = self.served(data)
        self.assertTrue(is_sealed(server))
        self.assertEqual(0, bulwark("root-key", data, "join", say="\n".join(shares[1:]))[0])
        wrong = WORK / "wrong.key"
        wrong.write_text("ab" * 32 + "\n")
        wrong.chmod(0o600)
        self.assertEqual(1, bulwark("unseal", data, "--recovery-key", str(wrong))[0])
        self.assertTrue(until(lambda: bulwark("unseal", data, "--recovery-key", f"{data}.key")[0] == 0))
        self.assertTrue(is_open(server))
        self.assertEqual(1, bulwark("rotate-root", data)[0])
        status, _, err = bulwark("rotate-root", data, "--recovery-key", f"{data}.key", "--seal", "tpm2", "--seal-tpm", self.chip.way)
        self.assertEqual(0, status, err)
        self.assertEqual(0, server.stop())
        self.opened(data)

    def test_another_chip_refuses(self):
        data, other = self.made("one-chip"), Chip("other")
        self.opened_once(data)
        stolen = WORK / "stolen"
        shutil.copytree(data, stolen, ignore=shutil.ignore_patterns("keyer.sock"))
        self.chip.stop()
        other.again_there(self.chip.port)
        self.refused(stolen, "not the one that sealed the root key, or it was cleared since")
        other.stop()
        self.chip.again_there()
        self.opened(data)

    def opened_once(self, data):
        server = self.served(data)
        self.assertTrue(is_open(server), server.log())
        self.assertEqual(0, server.stop())

    def test_a_changed_blob_refuses(self):
        data = self.made("changed")
        self.opened_once(data)
        seal = data / "seal"
        whole = seal.read_bytes()
        # In the sealed object's private part, in its public part, and in what says which PCRs.
        at = whole.index(bytes.fromhex("0008000b"))
        for place in (at + 60, at + 8, at + 150, len(whole) - 1):
            seal.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
            self.assertEqual(1, bulwark("trail", data, "list")[0], place)
        seal.write_bytes(whole)
        self.opened(data)

    def test_what_is_asked_wrongly(self):
        data = WORK / "asked"
        for words, why in ((["--seal-pcrs", "24"], "neither none nor numbers from 0 to 23"), (["--seal-pcrs", "7,7"], "each once"),
                           (["--seal-pcrs", ""], "neither none"), (["--seal-pcrs", "7,"], "neither none"), (["--seal-tpm", "cmd:sh -c id"], "is not device:FILE"),
                           (["--seal-tpm", "/tmp/evil.so"], "is not device:FILE"), (["--seal-auth-file", "/no/such"], "--seal-auth-file /no/such"),
                           (["--seal-pin-file", "/etc/passwd"], "--seal-pin-file goes with --seal pkcs11")):
            status, _, err = bulwark("init", data, "--seal", "tpm2", *words)
            self.assertEqual(2, status, words)
            self.assertIn(why, err)
        status, _, err = bulwark("init", data, "--seal-pcrs", "7")
        self.assertEqual(2, status)
        self.assertIn("--seal-pcrs goes with --seal tpm2", err)
        status, _, err = bulwark("init", data, "--seal", "tpm2", "--seal-tpm", "device:/no/such/tpm")
        self.assertEqual(1, status)
        self.assertIn("TPM: device:/no/such/tpm:", err)
        self.assertIn("could not be sealed", err)
        self.assertFalse((data / "seal").exists())


if __name__ == "__main__":
    harness.main()
