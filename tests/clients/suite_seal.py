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
import time
import unittest
import urllib.request

import harness
from seal_case import PASSPHRASE, SEAL, WORK, answered, bulwark, code_of, is_open, is_sealed, processes, state, until


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
        self.assertEqual({"sealed": True, "kind": "passphrase", "asks": "passphrase", "given": 0, "wanted": 1, "memory_locked": True}, json.loads(body)["seal"])
        # How this server is made is for programs of this machine.
        self.assertIn("processes", json.loads(body))
        for foreign in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            status, body, _ = answered(self.server, headers=foreign)
            self.assertEqual((200, False, False), (status, "processes" in json.loads(body), "upgrades" in json.loads(body)), foreign)
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
        done = subprocess.run(["aws", "kms", "list-keys"], capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS,
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
                              capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS)
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
        self.assertEqual({"sealed": False, "kind": "shamir", "shares": 4, "threshold": 3, "generation": 1, "rekey": False, "memory_locked": True}, state(self.server)["seal"])
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

    def test_the_process_that_serves_cannot_open_the_root_key(self):
        # It tries at each start.
        self.assertNotIn("could read the root key", self.server.log())
        self.assertNotIn("not fenced off", self.server.log())
        data, key = WORK / "beside", WORK / "beside.key"
        self.assertEqual(0, bulwark("init", data)[0])
        key.rename(data / "root.key")
        key.symlink_to(data / "root.key")
        server = harness.Server(ephemeral=False, data=str(data), root_key=False)
        self.assertIn(f"could read the root key {key}", server.log())
        self.assertEqual(0, server.stop())

    @unittest.skipUnless(shutil.which("setpriv") and os.geteuid() == 0, "a limit on locked memory is wanted, and to be subject to it")
    def test_memory_that_cannot_be_locked_is_told(self):
        self.assertTrue(state(self.server)["seal"]["memory_locked"])
        self.assertNotIn("NOT LOCKED", bulwark("status", self.data)[1])
        script, binary = WORK / "unlocked", harness.BINARY
        script.write_text(f'#!/bin/sh\nulimit -l 64\nexec setpriv --bounding-set=-ipc_lock --inh-caps=-ipc_lock {binary} "$@"\n')
        script.chmod(0o755)
        harness.BINARY = str(script)
        try:
            server = harness.Server(ephemeral=False, data=str(WORK / "unlocked-data"), root_key=False)
        finally:
            harness.BINARY = binary
        self.assertFalse(state(server)["seal"]["memory_locked"])
        self.assertIn("the keyer's memory is not locked", server.log())
        self.assertIn("NOT LOCKED", bulwark("status", WORK / "unlocked-data")[1])
        self.assertEqual(0, server.stop())

    def test_another_kind_is_not_taken_by_an_option(self):
        status, _, err = bulwark("init", self.data, "--seal", "passphrase", say=PASSPHRASE + "\n")
        self.assertEqual(2, status)
        self.assertIn("sealed by file", err)


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


if __name__ == "__main__":
    harness.main()
