#!/usr/bin/env python3
"""What only passed by is in no process's memory when its call has been answered: secrets of every kind are told to a server, or made by it,
over connections that stay open and ones that were closed, plain and TLS, and looked for at once. Then what is kept: where, and marked how."""
import configparser
import os
import pathlib
import re
import socket
import subprocess
import time
import unittest

import harness
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from planted_case import KINDS, OUTSIDE, Line, Site
from secrets_case import children, look, mappings, marker, pieces


def processes():
    return children(harness.SERVER.process.pid).items()


def of_name(wanted):
    return next(pid for pid, name in processes() if name == wanted)


def seen(secrets, pid):
    """{secret's name: (address, mapping, the bytes around it)} of one place of each."""
    return {name: where for name, *where in look(secrets, pieces(pid))}


def written():
    """As pieces(), of what the server has written: its folder, what it has said, and its trail in clear."""
    folder = pathlib.Path(harness.SERVER.data)
    for path in [p for p in folder.rglob("*") if p.is_file()] + [pathlib.Path(harness.SERVER.log_path)]:
        yield 0, str(path), path.read_bytes()
    command = [harness.BINARY, "trail", "list", "--data", str(folder), "--root-key", f"{folder}.key"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout
    assert b"CreateListener" in listed, listed
    yield 0, "the trail", listed


@unittest.skipUnless(os.geteuid() == 0, "only root can read another process's memory")
class Memory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ["AWS_CA_BUNDLE"] = os.path.join(harness.SERVER.data, "ca.pem")
        cls.site = Site()  # the edge is there when something needs it

    def everywhere(self, secrets, known=lambda process: ()):
        """{process: {secret: where}}, but for what a process may know."""
        found = {f"{name} {pid}": {word: where for word, where in seen(secrets, pid).items() if word not in known(name)} for pid, name in processes()}
        return {name: where for name, where in found.items() if where}

    def passes(self, tls):
        """Secrets that passed by, over connections that were closed when nothing of them was in the api any more."""
        passed = {}
        for kinds in (KINDS[:6], KINDS[6:]):
            lines, secrets = [], {}
            for kind in kinds:
                lines.append(Line(tls))
                secrets.update({f"{kind.__name__}: {name}": word for name, word in kind(lines[-1]).items()})
            self.assertEqual({}, seen(secrets, of_name("api")), f"{tls=}, the connections are open")
            for line in lines:
                line.close()
            passed.update({f"{tls=} {name}": word for name, word in secrets.items()})
        return passed

    def test_nothing_that_passed_by(self):
        passed = {**self.passes(tls=False), **self.passes(tls=True)}
        self.assertLessEqual({"outside", "edge", "keyer"}, {name for _, name in processes()})
        self.assertEqual({}, self.everywhere(passed), "the connections were closed")
        self.assertEqual([], look(passed, written()))

    def test_a_login_at_the_edge(self):
        """The client's secret is the edge's, and the api's that publishes it, as long as there is a listener that needs it."""
        word = {"client secret": self.site.client_secret.encode()}
        told = {**self.site.login(), **word}
        self.assertIn("helper", {name for _, name in processes()})
        self.assertEqual({}, self.everywhere(told, lambda process: word if process == "api" or process.startswith("edge") else ()))
        self.assertTrue(seen(word, of_name("edge")))
        self.site.close()
        end = time.monotonic() + 20  # it takes an image to reach the edge
        while any(seen(word, pid) for pid, name in processes() if name.startswith("edge")) and time.monotonic() < end:
            time.sleep(0.2)
        self.assertEqual({}, self.everywhere(word))
        self.assertEqual([], look(told, written()))

    def test_what_is_there_is_found(self):
        """The search finds a request that is only half there, and what is kept of its sender when he has gone is nothing."""
        api, word = of_name("api"), marker()
        with socket.create_connection(("127.0.0.1", harness.SERVER.port)) as s:
            s.sendall(f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nPassword={word}".encode())
            end = time.monotonic() + 30
            while not seen({"word": word.encode()}, api) and time.monotonic() < end:
                time.sleep(0.1)
            self.assertIn("word", seen({"word": word.encode()}, api))
        while seen({"word": word.encode()}, api) and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual({}, seen({"word": word.encode()}, api))
        # A caller's secret is kept as long as he is known: his next call is verified with it.
        self.assertIn("it", seen({"it": harness.SERVER.secret.encode()}, api))

    def test_secrets_of_the_first_start_are_forgotten(self):
        text = pathlib.Path(harness.SERVER.data, "credentials").read_text()
        password = re.search(r"one-time console password: (\S+)", text)[1].encode()
        section = configparser.ConfigParser()
        section.read_string(text)
        admin = section[section.sections()[0]]["aws_secret_access_key"].encode()
        # All digits in a row, its end, stand in many libraries.
        secrets = {"the root user's password": password, "the administrator's secret": admin, "the root user's secret": harness.ROOT_SECRET.encode()[:26]}
        for pid, name in processes():
            # Who calls is known to the api. The parent has the root user's secret from the environment, and gives it to an api that
            # starts anew; a sanitizer keeps a copy of the environment.
            known = {"api": {"the administrator's secret"}, "bulwark": {"the root user's secret"}}.get(name, set())
            found = [f for f in look(secrets, pieces(pid)) if f[0] not in known]
            self.assertEqual([], [f for f in found if f[2] == "[stack]" or b"BULWARK_ROOT_SECRET_ACCESS_KEY=" not in f[3]], name)

    def test_keys_are_kept_by_the_keyer_alone(self):
        kms, material = harness.client("kms"), os.urandom(32)
        key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
        p = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
        wrapped = serialization.load_der_public_key(p["PublicKey"]).encrypt(material, padding.OAEP(padding.MGF1(SHA256()), SHA256(), None))
        kms.import_key_material(KeyId=key, ImportToken=p["ImportToken"], EncryptedKeyMaterial=wrapped, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
        kms.encrypt(KeyId=key, Plaintext=b"it is in use")
        root = bytes.fromhex(pathlib.Path(harness.SERVER.data + ".key").read_text().strip())
        kept = {"imported material": material, "the root key": root}
        for pid, name in processes():
            found = look(kept, pieces(pid))
            if name != "keyer":
                self.assertEqual([], found, name)
                continue
            self.assertEqual(set(kept), {which for which, *_ in found})
            # Nowhere that could reach a disk by swapping, whatever the limit on locked memory: keys stand in pages of their own.
            places = mappings(pid)
            for which, at, *_ in found:
                flags = next((flags for start, end, _, flags in places if start <= int(at, 16) < end), ())
                self.assertIn("lo", flags, which)
                self.assertIn("dd", flags, which)

    def test_nobody_is_told_secrets_by_name(self):
        """Of the environment the parent alone keeps what it was given."""
        for pid, name in processes():
            self.assertNotIn(harness.ROOT_SECRET.encode(), pathlib.Path(f"/proc/{pid}/cmdline").read_bytes(), name)
            if name != "bulwark":
                self.assertNotIn(harness.ROOT_SECRET.encode(), pathlib.Path(f"/proc/{pid}/environ").read_bytes(), name)

    def test_no_memory_would_be_dumped(self):
        for pid, name in processes():
            self.assertEqual(0, int(pathlib.Path(f"/proc/{pid}/coredump_filter").read_text(), 16), name)
            self.assertRegex(pathlib.Path(f"/proc/{pid}/limits").read_text(), r"Max core file size +0 +0 ", name)


if __name__ == "__main__":
    harness.serve(*OUTSIDE.options, ephemeral=False, env=OUTSIDE.env)
    harness.main()
