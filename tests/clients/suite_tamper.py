#!/usr/bin/env python3
"""A store that was changed behind its server's back: what the server does that finds out, and what it gives away before it has."""
import ctypes
import json
import os
import shutil
import subprocess
import threading
import time
import unittest

import harness
from seal_case import WORK, bulwark

LMDB = ctypes.CDLL("liblmdb.so.0")
FINAL = 65
USER_KEY = "/global/iam/user/"
DENY = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})
TRUST = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}})


class Val(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("data", ctypes.c_void_p)]

    def bytes(self):
        return ctypes.string_at(self.data, self.size)


def val(b):
    return Val(len(b), ctypes.cast(ctypes.c_char_p(b), ctypes.c_void_p))


class Records:
    """The records of a stopped server's store, as bytes: with Records(data) as r: r.get, r.put, r.delete, r.keys."""

    def __init__(self, data):
        self.data = str(data)

    def must(self, rc):
        if rc:
            raise OSError(f"lmdb: {rc}")

    def __enter__(self):
        self.env, self.txn, self.dbi = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint()
        self.must(LMDB.mdb_env_create(ctypes.byref(self.env)))
        self.must(LMDB.mdb_env_set_mapsize(self.env, ctypes.c_size_t(1 << 32)))
        self.must(LMDB.mdb_env_set_maxdbs(self.env, 3))
        self.must(LMDB.mdb_env_open(self.env, self.data.encode(), 0, 0o600))
        self.must(LMDB.mdb_txn_begin(self.env, None, 0, ctypes.byref(self.txn)))
        self.must(LMDB.mdb_dbi_open(self.txn, b"records", 0, ctypes.byref(self.dbi)))
        return self

    def __exit__(self, *_):
        self.must(LMDB.mdb_txn_commit(self.txn))
        LMDB.mdb_env_close(self.env)

    def get(self, key):
        out = Val()
        self.must(LMDB.mdb_get(self.txn, self.dbi, ctypes.byref(val(key)), ctypes.byref(out)))
        return out.bytes()

    def put(self, key, value):
        self.must(LMDB.mdb_put(self.txn, self.dbi, ctypes.byref(val(key)), ctypes.byref(val(value)), 0))

    def delete(self, key):
        self.must(LMDB.mdb_del(self.txn, self.dbi, ctypes.byref(val(key)), None))

    def keys(self):
        cursor, k, v, found = ctypes.c_void_p(), Val(), Val(), []
        self.must(LMDB.mdb_cursor_open(self.txn, self.dbi, ctypes.byref(cursor)))
        while LMDB.mdb_cursor_get(cursor, ctypes.byref(k), ctypes.byref(v), 8) == 0:  # MDB_NEXT
            found.append(k.bytes())
        LMDB.mdb_cursor_close(cursor)
        return found


class Served:
    """`bulwark serve` on a data folder; its words are read at its end."""

    def __init__(self, data):
        self.port = harness.free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        self.process = subprocess.Popen([harness.BINARY, "serve", "--data", str(data), "--root-key", f"{data}.key", "--listen", f"127.0.0.1:{self.port}"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)

    def end(self):
        err = self.process.communicate(timeout=harness.PATIENCE_SECONDS)[1]
        return self.process.returncode, err


class Tampered(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """A store with a user of whom there is an older record, from before he was denied everything."""
        cls.made = WORK / "tampered-made"
        server = harness.Server(ephemeral=False, data=str(cls.made), root_key=False)
        cls.key_id, cls.secret = server.key_id, server.secret
        iam = harness.client("iam", server)
        iam.create_user(UserName="alice")
        cls.role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        cls.kms_key = harness.client("kms", server).create_key()["KeyMetadata"]["KeyId"]
        server.stop()
        with Records(cls.made) as r:
            cls.alice = next(k for k in r.keys() if USER_KEY.encode() in k and k.endswith(b"/alice"))
            cls.before = r.get(cls.alice)
        server = harness.Server(ephemeral=False, data=str(cls.made), root_key=False)
        harness.client("iam", server).put_user_policy(UserName="alice", PolicyName="none", PolicyDocument=DENY)
        server.stop()

    def setUp(self):
        self.data = WORK / self.id().rpartition(".")[2]
        shutil.copytree(self.made, self.data, ignore=shutil.ignore_patterns("keyer.sock"))
        shutil.copyfile(f"{self.made}.key", f"{self.data}.key")
        os.chmod(f"{self.data}.key", 0o600)

    def serves(self):
        server = harness.Server(ephemeral=False, data=str(self.data), root_key=False)
        users = {u["UserName"] for u in harness.client("iam", server).list_users()["Users"]}
        self.assertEqual(0, server.stop(), server.last_log)
        return users

    def ends(self):
        served = Served(self.data)
        status, err = served.end()
        self.assertEqual(FINAL, status, err)
        self.assertIn("the records", err)
        self.assertIn("are not those last committed", err)
        self.assertIn("will not start with this data folder", err)
        self.assertNotIn("started again in", err)
        return err

    def trail(self):
        done = subprocess.run([harness.BINARY, "trail", "list", "--data", str(self.data), "--root-key", f"{self.data}.key"], capture_output=True,
                              text=True, timeout=harness.PATIENCE_SECONDS)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def test_whatever_was_changed_ends_the_server_for_good(self):
        def removed(r):
            r.delete(self.alice)

        def added(r):
            r.put(self.alice + b"2", r.get(self.alice))

        def put_back(r):
            r.put(self.alice, self.before)
        for change in (removed, added, put_back):
            with self.subTest(change.__name__):
                with Records(self.data) as r:
                    newest = r.get(self.alice)
                    change(r)
                for _ in range(2):  # it says so each time
                    self.ends()
                status, _, err = bulwark("init", self.data)
                self.assertEqual(1, status)
                self.assertIn("are not those last committed", err)
                with Records(self.data) as r:
                    if change is added:
                        r.delete(self.alice + b"2")
                    r.put(self.alice, newest)
        self.assertEqual({"admin", "alice"}, self.serves())
        self.assertIn("StoreCheckFailed", self.trail())

    def test_nothing_is_written_used_or_given_before_it_is_known(self):
        rounds, junk = {}, [b"zzz/%07d" % i for i in range(200000)]
        with Records(self.data) as r:
            newest = r.get(self.alice)
            r.put(self.alice, self.before)
            for key in junk:  # so that the check takes a while
                r.put(key, b"x" * 64)
        served = Served(self.data)

        def clients(service):
            return harness.client(service, served, key=self.key_id, secret=self.secret)
        sts, iam, kms = clients("sts"), clients("iam"), clients("kms")
        calls = {"identity": sts.get_caller_identity, "get": lambda: iam.get_user(UserName="alice"),
                 "create": lambda: iam.create_user(UserName="eve"), "session": sts.get_session_token,
                 "assume": lambda: sts.assume_role(RoleArn=self.role, RoleSessionName="s"),
                 "federate": lambda: sts.get_federation_token(Name="f"),
                 "encrypt": lambda: kms.encrypt(KeyId=self.kms_key, Plaintext=b"p"), "random": lambda: kms.generate_random(NumberOfBytes=8)}

        def run(name, call):
            end = time.monotonic() + harness.PATIENCE_SECONDS
            while time.monotonic() < end and served.process.poll() is None:
                try:
                    call()
                    rounds.setdefault(name, []).append("ok")
                except Exception as e:  # whatever a client calls an answer that does not come
                    rounds.setdefault(name, []).append(type(e).__name__)
        threads = [threading.Thread(target=run, args=c) for c in calls.items()]
        for t in threads:
            t.start()
        status, err = served.end()
        for t in threads:
            t.join()
        self.assertEqual(FINAL, status, err)
        self.assertIn("ok", rounds["identity"], (rounds, err))
        self.assertIn("ok", rounds["get"], rounds)
        for name in set(calls) - {"identity", "get"}:
            self.assertNotIn("ok", rounds[name], (name, rounds))
            self.assertIn("ConnectionClosedError", rounds[name], (name, rounds))
        with Records(self.data) as r:
            self.assertFalse([k for k in r.keys() if k.endswith(b"/eve")])
            for key in junk:
                r.delete(key)
            r.put(self.alice, newest)
        records = self.trail()
        self.assertIn("StoreCheckFailed", records)
        self.assertIn("GetCallerIdentity", records)
        self.assertEqual({"admin", "alice"}, self.serves())


if __name__ == "__main__":
    harness.main()
