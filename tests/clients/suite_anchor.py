#!/usr/bin/env python3
"""A data folder that was put back to an older state, as a whole: refused where there is an anchor, accepted where that is said."""
import os
import shutil
import subprocess
import unittest

import harness
from seal_case import WORK, bulwark, state
from tpm_case import SWTPM, Chip


def copied(data, to):
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(data, to, ignore=shutil.ignore_patterns("keyer.sock"))


class Case(unittest.TestCase):
    def served(self, data, *words):
        return harness.Server(*words, ephemeral=False, data=str(data), root_key=False)

    def used(self, data, user, *words):
        """A run of the server in which a user is made. The users at its end."""
        server = self.served(data, *words)
        iam = harness.client("iam", server)
        iam.create_user(UserName=user)
        users = {u["UserName"] for u in iam.list_users()["Users"]}
        self.assertEqual(0, server.stop(), server.last_log)
        return users

    def refused(self, data, why, *words):
        status, _, err = bulwark("init", data, *words)
        self.assertEqual(1, status)
        self.assertIn(why, err)

    def not_served(self, data, why, *words):
        done = subprocess.run([harness.BINARY, "serve", "--data", str(data), "--root-key", f"{data}.key", "--listen", f"127.0.0.1:{harness.free_port()}", *words],
                              capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS)
        self.assertEqual(1, done.returncode)
        self.assertIn(why, done.stderr)


class File(Case):
    @classmethod
    def setUpClass(cls):
        cls.far = WORK / "far"
        cls.far.mkdir()

    def words(self, name):
        return ["--anchor", f"file:{self.far}/{name}"]

    def test_a_folder_that_was_put_back_is_refused_and_accepted_knowingly(self):
        name, words = "by-file", self.words("by-file")
        data, old = WORK / name, WORK / f"{name}-old"
        self.used(data, "first", *words)
        copied(data, old)
        self.used(data, "second", *words)
        newest = WORK / f"{name}-newest"
        copied(data, newest)
        copied(old, data)
        self.refused(data, "THE DATA FOLDER HAS BEEN PUT BACK", *words)
        self.not_served(data, "THE DATA FOLDER HAS BEEN PUT BACK", *words)
        # What was there last is still good.
        copied(newest, data)
        self.assertEqual(0, bulwark("init", data, *words)[0])
        # A restore is a roll-back that is meant.
        backup = WORK / f"{name}-backup"
        self.assertEqual(0, bulwark("backup", data, str(backup))[0])
        self.used(data, "third", *words)
        late = WORK / f"{name}-late"
        copied(data, late)
        shutil.rmtree(data)
        self.assertEqual(0, bulwark("restore", data, str(backup))[0])
        self.refused(data, "THE DATA FOLDER HAS BEEN PUT BACK", *words)
        status, out, err = bulwark("accept", data, *words)
        self.assertEqual(0, status, err)
        self.assertIn("is the data folder from now on, bound to its anchor", out)
        self.assertEqual({"admin", "first", "second", "fourth"}, self.used(data, "fourth", *words))
        # What was given up for it does not come back by itself.
        copied(late, data)
        self.refused(data, "PUT BACK", *words)

    def test_a_crash_is_no_roll_back(self):
        data, words = WORK / "crash", self.words("crash")
        server = self.served(data, *words)
        harness.client("iam", server).create_user(UserName="before")
        old = WORK / "crash-old"
        server.process.kill()
        server.process.wait()
        copied(data, old)
        server = self.served(data, *words)
        self.assertEqual("file", state(server)["anchor"]["kind"])
        self.assertFalse(state(server)["anchor"]["failing"])
        status, out, _ = bulwark("status", data)
        self.assertEqual(0, status)
        self.assertIn("anchor     file, at ", out)
        self.assertEqual(0, server.stop())
        # Nor is what was copied behind the crash any good after the start.
        copied(old, data)
        self.refused(data, "PUT BACK", *words)

    def test_one_behind_by_one_is_a_crash_between_the_two(self):
        data, words, far = WORK / "between", self.words("between"), self.far / "between"
        self.used(data, "a", *words)
        at = far.read_text().split()
        self.assertEqual("bulwark anchor 1".split(), at[:3])
        far.write_text(f"bulwark anchor 1 {int(at[3]) - 1}\n")
        self.assertEqual(0, bulwark("init", data, *words)[0])
        self.assertEqual(int(at[3]), int(far.read_text().split()[3]))
        far.write_text(f"bulwark anchor 1 {int(at[3]) - 2}\n")
        self.refused(data, "it is older than the data folder", *words)
        far.write_text(f"bulwark anchor 1 {int(at[3]) + 1}\n")
        self.refused(data, "PUT BACK", *words)
        for broken in ("", f"bulwark anchor 1 {at[3]}", f"bulwark anchor 1 -{at[3]}\n", "x" * 100):
            far.write_text(broken)
            self.refused(data, "cannot be read", *words)
        far.unlink()
        self.refused(data, "it is gone", *words)
        self.assertEqual(0, bulwark("accept", data, *words)[0])
        self.assertEqual(0, bulwark("init", data, *words)[0])

    def test_a_trail_that_was_put_back_alone_is_told(self):
        data, words = WORK / "trail", self.words("trail")
        self.used(data, "a", *words)
        copied(data / "trail", WORK / "trail-old")
        self.used(data, "b", *words)
        self.used(data, "c", *words)
        copied(WORK / "trail-old", data / "trail")
        self.refused(data, "the trail ends before records that it had", *words)

    def test_bound_to_none_is_said_and_binding_is_knowingly(self):
        data, words = WORK / "unbound", self.words("unbound")
        server = self.served(data)
        self.assertEqual({"kind": "none"}, state(server)["anchor"])
        self.assertIn("anchor     a roll-back of the whole data folder goes unnoticed", bulwark("status", data)[1])
        self.assertEqual(0, server.stop())
        self.refused(data, "the data folder is not bound to it", *words)
        self.assertFalse((self.far / "unbound").exists())
        self.assertEqual(0, bulwark("accept", data, *words)[0])
        self.assertEqual(0, bulwark("init", data, *words)[0])
        self.refused(data, "bound to an anchor (file)")
        status, out, _ = bulwark("accept", data)
        self.assertEqual(0, status)
        self.assertIn("bound to no anchor", out)
        self.assertEqual(0, bulwark("init", data)[0])
        self.refused(data, "not bound to it", *words)

    def test_an_anchor_that_goes_away_is_told_while_serving(self):
        data, words = WORK / "away", self.words("away")
        server = self.served(data, *words)
        harness.client("iam", server).create_user(UserName="a")
        os.rename(self.far / "away", self.far / "away.moved")
        self.assertEqual(0, server.stop())
        self.assertIn("not raised", server.last_log)
        os.rename(self.far / "away.moved", self.far / "away")
        # The store was ahead by one, which the next start makes up for.
        self.assertEqual(0, bulwark("init", data, *words)[0])

    def test_what_is_asked_wrongly(self):
        data = WORK / "asked"
        for words, why in ((["--anchor", "ntp"], "neither file:PATH nor tpm2"), (["--anchor", "file:relative"], "absolute path"), (["--anchor", "file:/"], "absolute path"),
                           (["--anchor", f"file:{data}/head"], "put back with it"), (["--anchor", "tpm2:cmd:id"], "is not device:FILE"),
                           (["--anchor-minutes", "5"], "goes with --anchor"), (["--anchor", "tpm2", "--anchor-minutes", "14"], "from 15 to 1440"),
                           (["--anchor", "file:/x", "--anchor-minutes", "0"], "from 1 to 1440"), (["--anchor", "file:/x", "--anchor-minutes", "1441"], "from 1 to 1440")):
            status, _, err = bulwark("init", data, *words)
            self.assertEqual(2, status, words)
            self.assertIn(why, err)
        status, _, err = bulwark("serve", data, "--ephemeral", "--anchor", "tpm2", "--listen", f"127.0.0.1:{harness.free_port()}")
        self.assertEqual(2, status)
        self.assertIn("--anchor is for a data folder", err)


@unittest.skipUnless(SWTPM, "swtpm is not installed")
class Counter(Case):
    def test_a_folder_that_was_put_back_is_refused_and_accepted_knowingly(self):
        chip = Chip("counter")
        words = ["--anchor", f"tpm2:{chip.way}"]
        data, old = WORK / "by-tpm", WORK / "by-tpm-old"
        self.used(data, "first", *words)
        copied(data, old)
        self.used(data, "second", *words)
        copied(old, data)
        self.refused(data, "THE DATA FOLDER HAS BEEN PUT BACK", *words)
        status, out, err = bulwark("accept", data, *words)
        self.assertEqual(0, status, err)
        self.assertIn("bound to its anchor", out)
        # It stays over a loss of power.
        chip.again_there()
        self.assertEqual(0, bulwark("init", data, *words)[0])
        # Away, nothing is opened.
        chip.stop()
        self.refused(data, "TPM", *words)
        # Another's has no such counter.
        other = Chip("without")
        self.refused(data, "it is gone", "--anchor", f"tpm2:{other.way}")
        other.stop()


if __name__ == "__main__":
    harness.main()
