#!/usr/bin/env python3
"""An upgrade in which somebody is killed: the program on trial, and the parent at three of its steps. What runs goes on, or is started
anew; what was answered stands. And file systems that permit no programs."""
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
from edge_case import Load
from elbv2_case import Elbv2Case
from upgrade_case import FIRST, INSTALLED, NEXT, WORK, children, health, install, until, upgrade, versions

OPTIONS = ("--loops", "1", "--edge-loops", "1")


class Watch:
    """Waits for a line of the log that comes after now, and looks often."""

    def __init__(self, server):
        self.log = open(server.log_path, encoding="utf-8", errors="replace")
        self.log.seek(0, os.SEEK_END)
        self.text = ""

    def until(self, *words):
        end = time.monotonic() + harness.PATIENCE_SECONDS
        while time.monotonic() < end:
            self.text += self.log.read()
            at = next((self.text.find(w) for w in words if w in self.text), -1)
            if at >= 0:
                self.text = self.text[at + 1:]
                return
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


def newcomers(pid, known, *names):
    """Who was not there before, as soon as there is somebody, and of one of the names if there are any."""
    end = time.monotonic() + harness.PATIENCE_SECONDS
    while time.monotonic() < end:
        fresh = {child for child, name in offspring(pid).items() if child not in known and (not names or name in names)}
        if fresh:
            return fresh
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
        return Load(self, clients=2), Load(self, clients=2, kept=False)

    def served(self, loads):
        """Nobody was refused, and no connection was cut."""
        for load in loads:
            load.stop()
            self.assertEqual((load.refused, load.cut, load.wrong), (0, 0, []))
            self.assertGreater(load.answers, 10)
        self.assertEqual(harness.client("kms").decrypt(CiphertextBlob=self.sealed)["Plaintext"], b"before")

    def other(self):
        """The program that does not run, installed; its version."""
        runs = health(self.server)["version"]
        install(FIRST if runs == "0.99.0-next" else NEXT)
        return subprocess.run([str(INSTALLED), "version"], capture_output=True, text=True, check=True).stdout.split()[1]

    def test_1_the_program_on_trial(self):
        parent, loads, writer = self.server.process.pid, self.loads(), Writer(self.server)
        self.other()
        before, said = offspring(parent), versions(self.server)
        killer = threading.Thread(target=lambda: [kill(pid) for pid in newcomers(parent, before)], daemon=True)
        killer.start()
        status, out, err = upgrade(self.server)
        killer.join()
        self.assertEqual((status, out), (1, ""), err)
        self.assertIn("was tried, and ended with signal 9", err)
        self.assertEqual((offspring(parent), versions(self.server)), (before, said))
        self.served(loads)
        writer.stop(self)

    def test_2_the_parent(self):
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
