#!/usr/bin/env python3
"""An upgrade in which somebody is killed at each of its steps: the program on trial, each successor as it begins, each process as it
is succeeded, the parent. What runs goes on, or is started anew; what was answered stands. Upgrades that come while one is under way. And
file systems that permit no programs."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

import harness
from edge_case import Load, header, read_answer
from elbv2_case import Elbv2Case
from upgrade_case import FIRST, INSTALLED, NEXT, WORK, children, health, install, until, upgrade, versions

OPTIONS = ("--loops", "1", "--edge-loops", "1")
SUCCEEDED = ("keyer", "api", "edge")  # in their order


class Watch:
    """Waits for one of some words that the log has from now on, in whatever order, says which, and looks often."""

    def __init__(self, server):
        self.log = open(server.log_path, encoding="utf-8", errors="replace")
        self.log.seek(0, os.SEEK_END)
        self.text = ""

    def until(self, *words):
        end = time.monotonic() + harness.PATIENCE_SECONDS
        while time.monotonic() < end:
            self.text += self.log.read()
            for word in words:
                if word in self.text:
                    return word
            time.sleep(0.001)
        raise AssertionError(f"{words} was not said\n{self.text[-3000:]}")


def offspring(pid):
    """As children() has it, at once."""
    found = {}
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            found[int(child)] = pathlib.Path(f"/proc/{child}/comm").read_text().strip()
        except OSError:
            pass
    return found


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def newcomer(pid, known, name=None):
    """Who was not there before, as soon as there is somebody, of that name if it is given."""
    end = time.monotonic() + harness.PATIENCE_SECONDS
    while time.monotonic() < end:
        fresh = [child for child, title in offspring(pid).items() if child not in known and name in (None, title)]
        if fresh:
            return fresh[0]
        time.sleep(0.001)
    raise AssertionError("nobody came")


class Writer:
    """Creates users all the time, and remembers those of which it was told that they are there."""

    def __init__(self, server):
        self.going, self.told, self.server = True, [], server
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        n = 0
        while self.going:
            n += 1
            name = f"written-{id(self)}-{n}"
            try:
                harness.client("iam", self.server).create_user(UserName=name)
            except Exception:  # the API is away, or was killed with the call in its hands
                time.sleep(0.01)
                continue
            self.told.append(name)

    def stop(self, case, at_least=1):
        self.going = False
        self.thread.join(30)
        case.assertGreaterEqual(len(self.told), at_least)
        there = {u["UserName"] for page in harness.client("iam", self.server).get_paginator("list_users").paginate() for u in page["Users"]}
        case.assertEqual(set(self.told) - there, set())


class Killed(Elbv2Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = harness.SERVER
        lb = cls.elb.create_load_balancer(Name="killed", Subnets=cls.subnets[:2])["LoadBalancers"][0]
        everyone = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 65535, "IpRanges": [{"CidrIp": "127.0.0.0/8"}]}
        cls.ec2.authorize_security_group_ingress(GroupId=lb["SecurityGroups"][0], IpPermissions=[everyone])
        cls.address, cls.port = lb["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"], harness.free_port()
        cls.elb.create_listener(LoadBalancerArn=lb["LoadBalancerArn"], Protocol="HTTP", Port=cls.port, DefaultActions=[
            {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "MessageBody": "ok", "ContentType": "text/plain"}}])
        cls.key = harness.client("kms").create_key()["KeyMetadata"]["KeyId"]
        cls.sealed = harness.client("kms").encrypt(KeyId=cls.key, Plaintext=b"before")["CiphertextBlob"]
        until(cls.answers)

    def setUp(self):
        until(lambda: self.settled(health(self.server)["version"]))

    @classmethod
    def connect(cls):
        return socket.create_connection((cls.address, cls.port), timeout=20)

    @classmethod
    def answers(cls):
        try:
            with cls.connect() as s:
                s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                return b" 200 " in s.recv(100)
        except OSError:
            return False

    def loads(self):
        return Load(self, clients=2, pause=0.002), Load(self, clients=2, kept=False, pause=0.002)

    def served(self, loads, cuts=0):
        """Nobody was refused, and no connections were cut but those of a process that was killed: one a client each time."""
        for load in loads:
            load.stop()
            self.assertEqual((load.refused, load.wrong), (0, []))
            self.assertLessEqual(load.cut, cuts * 2)
            self.assertGreater(load.answers, 10)
        self.assertEqual(harness.client("kms").decrypt(CiphertextBlob=self.sealed)["Plaintext"], b"before")

    def settled(self, version):
        """All is of this version but for who could not be succeeded, one process a row, and nobody finishes."""
        processes = health(self.server)["processes"]
        return health(self.server)["version"] == version and all(
            p["state"] != "starting" and "retiring" not in p and ("stays" in p or p.get("version", version) == version) for p in processes)

    def stay(self):
        return {p["name"] for p in health(self.server)["processes"] if "stays" in p}

    def alone(self):
        names = sorted(offspring(self.server.process.pid).values())
        self.assertEqual(names, sorted(set(names)))

    def go(self):
        self.server.process.send_signal(signal.SIGUSR2)

    def other(self):
        """The program that does not run, installed; its version."""
        install(FIRST if health(self.server)["version"] == "0.99.0-next" else NEXT)
        return subprocess.run([str(INSTALLED), "version"], capture_output=True, text=True, check=True).stdout.split()[1]

    def test_1_the_program_on_trial(self):
        parent, loads, writer = self.server.process.pid, self.loads(), Writer(self.server)
        self.other()
        before, said = offspring(parent), versions(self.server)
        killer = threading.Thread(target=lambda: kill(newcomer(parent, before)), daemon=True)
        killer.start()
        status, out, err = upgrade(self.server)
        killer.join()
        self.assertEqual((status, out), (1, ""), err)
        self.assertIn("was tried, and ended with signal 9", err)
        self.assertEqual((offspring(parent), versions(self.server)), (before, said))
        self.served(loads)
        writer.stop(self)

    def test_2_each_successor_as_it_begins(self):
        """Before it serves it relieves nobody; afterwards, as is found out by what the log says, it is started again."""
        parent, loads, writer, ends = self.server.process.pid, self.loads(), Writer(self.server), {}
        version, watch, known = self.other(), Watch(self.server), set(offspring(parent))
        self.go()
        for title in SUCCEEDED:
            watch.until(f"process {title}: {version} in the place of")
            kill(newcomer(parent, known, title))
            ends[title] = watch.until(f"process {title} ended (signal 9); the one before it", f"process {title} ended (signal 9); it is started")
        until(lambda: self.settled(version))
        self.assertEqual(self.stay(), {title for title, said in ends.items() if said.endswith("before it")})
        self.assertIn("it is started", ends["api"])
        self.served(loads, cuts="it is started" in ends["edge"])
        writer.stop(self)
        self.alone()
        # Once more, and undisturbed.
        self.assertEqual(upgrade(self.server), (0, f"version {version} serves\n", ""))
        self.assertEqual((set(versions(self.server).values()), self.stay()), ({version}, set()))

    def test_3_each_process_as_it_is_succeeded(self):
        parent, loads, writer = self.server.process.pid, self.loads(), Writer(self.server)
        version, watch = self.other(), Watch(self.server)
        before = {name: pid for pid, name in offspring(parent).items()}
        self.go()
        for title in SUCCEEDED:
            watch.until(f"process {title}: {version} in the place of")
            kill(before[title])
        until(lambda: self.settled(version))
        self.assertEqual(self.stay(), set())
        self.served(loads, cuts=1)
        writer.stop(self)
        self.alone()

    def test_4_once_more_while_one_is_on_trial(self):
        """It waits for its turn: what is installed by then is what runs."""
        parent, watch, before = self.server.process.pid, Watch(self.server), offspring(self.server.process.pid)
        runs, done = health(self.server)["version"], health(self.server)["upgrades"]["done"]
        version = self.other()
        self.go()
        tried = newcomer(parent, before)
        os.kill(tried, signal.SIGSTOP)
        self.go()
        watch.until("asked for again while a program is on trial")
        install(NEXT if runs == "0.99.0-next" else FIRST)
        os.kill(tried, signal.SIGCONT)
        watch.until(f"version {runs} makes way for {version}")
        watch.until(f"version {version} makes way for {runs}")
        until(lambda: health(self.server)["upgrades"]["done"] == done + 2 and self.settled(runs))
        self.assertEqual(self.stay(), set())
        self.alone()

    def test_5_once_more_while_somebody_finishes(self):
        """Whose place is not free yet is waited for, as the log says and 'bulwark upgrade' does; the others need not wait."""
        first, watch = self.other(), Watch(self.server)
        with self.connect() as idle, idle.makefile("rb") as stream:
            idle.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(read_answer(stream)[0], 200)
            self.assertEqual(upgrade(self.server)[:2], (0, f"version {first} serves\n"))
            second = self.other()
            self.go()
            watch.until(f"process edge: {second} waits until the one before {first} has ended")
            until(lambda: versions(self.server)["api"] == second)
            self.assertEqual(versions(self.server)["edge"], first)
            # Which still answers whom it has.
            idle.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(header(read_answer(stream)[1], "connection"), ["close"])
        until(lambda: self.settled(second))
        self.alone()

    def test_6_from_a_program_whose_api_cannot_start(self):
        """Which says nothing of itself then, and is told all the same."""
        parent, version, watch, told, going = self.server.process.pid, self.other(), Watch(self.server), [], True

        def end_each():
            while going:
                for pid in (pid for pid, name in offspring(parent).items() if name == "api"):
                    kill(pid)
                time.sleep(0.001)
        killer = threading.Thread(target=end_each, daemon=True)
        asks = threading.Thread(target=lambda: told.append(upgrade(self.server)), daemon=True)
        killer.start()
        watch.until("process api ended (signal 9)")
        asks.start()
        watch.until(f"makes way for {version}")
        going = False
        for thread in (killer, asks):
            thread.join()
        self.assertEqual(told[0][:2], (0, f"version {version} serves\n"))
        self.assertIn("does not say how it is", told[0][2])
        until(lambda: self.settled(version))
        self.alone()

    def test_7_the_parent(self):
        """With it all its processes end; what systemd does then is done here."""
        for step in ("has taken over", "process api: ", "process edge: "):
            with self.subTest(step=step):
                version, watch, writer = self.other(), Watch(self.server), Writer(self.server)
                until(lambda: writer.told)
                family = set(offspring(self.server.process.pid))
                self.server.process.send_signal(signal.SIGUSR2)
                watch.until(step)
                family |= set(offspring(self.server.process.pid))
                self.server.process.kill()
                self.server.process.wait()
                until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in family))
                self.server.start(OPTIONS, self.server.variables)
                self.assertTrue(self.server.wait())
                writer.stop(self)
                self.assertEqual(harness.client("kms").decrypt(CiphertextBlob=self.sealed)["Plaintext"], b"before")
                self.assertEqual(set(versions(self.server).values()), {version})
                until(self.answers)


@unittest.skipUnless(os.geteuid() == 0, "only root can mount")
class Noexec(unittest.TestCase):
    def mounted(self, name):
        at = WORK / name
        at.mkdir(exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec,mode=0700", "tmpfs", str(at)], capture_output=True, text=True)
        if done.returncode:
            self.skipTest(done.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "-l", str(at)], check=True)
        return at

    def test_a_data_folder_where_no_program_may_be(self):
        data = self.mounted("data") / "data"
        install(FIRST)
        server = harness.Server(*OPTIONS, ephemeral=False, data=str(data))
        self.addCleanup(server.stop)
        harness.client("iam", server).create_user(UserName="before")
        install(NEXT)
        self.assertEqual(upgrade(server)[:2], (0, "version 0.99.0-next serves\n"))
        self.assertEqual(harness.client("iam", server).get_user(UserName="before")["User"]["UserName"], "before")

    def test_a_program_where_none_may_be(self):
        at = WORK / "programs"
        at.mkdir(mode=0o700)
        shutil.copy(INSTALLED, at / "bulwark")
        harness.BINARY = str(at / "bulwark")
        try:
            server = harness.Server(*OPTIONS, ephemeral=False)
        finally:
            harness.BINARY = str(INSTALLED)
        self.addCleanup(server.stop)
        before = children(server.process.pid)
        self.mounted("programs")  # over it
        shutil.copy(NEXT, at / "bulwark")
        status, out, err = upgrade(server)
        self.assertEqual((status, out), (1, ""), err)
        self.assertIn("cannot be started: Permission denied", err)
        self.assertEqual(children(server.process.pid), before)


harness.serve(*OPTIONS, ephemeral=False)

if __name__ == "__main__":
    harness.main()
