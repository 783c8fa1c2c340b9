#!/usr/bin/env python3
"""Bulwark's own commands beside a running server with state on the disk: exec, env, status, trail; restarts and kills."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time
import unittest

import harness


def ended(command, env=None, cwd=None, seconds=60):
    """(status, stdout, stderr)"""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, cwd=cwd,
                          env={**os.environ, **(env or {})})
    return done.returncode, done.stdout, done.stderr


def bulwark(*words, server=None, **more):
    """One of bulwark's commands about a server's data folder."""
    at = server or harness.SERVER
    return ended([harness.BINARY, words[0], "--data", at.data, "--root-key", at.data + ".key", *words[1:]], **more)


def without_aws():
    return {name: "" for name in os.environ if name.startswith("AWS_") and name != "AWS_EC2_METADATA_DISABLED"}


class Commands(unittest.TestCase):
    maxDiff = None

    def test_help_teaches_every_command(self):
        status, overview, _ = ended([harness.BINARY, "help"])
        self.assertEqual(0, status)
        for command in ("serve", "init", "exec", "env", "status", "ca", "trail", "root-key", "coverage", "version", "upgrade", "help"):
            self.assertIn(command, overview)
            status, text, _ = ended([harness.BINARY, "help", command])
            self.assertEqual(0, status)
            self.assertIn(f"Usage: bulwark {command}", text)
            if command not in ("help", "exec"):
                self.assertEqual(text, ended([harness.BINARY, command, "--help"])[1])

    def test_wrong_words_are_refused_with_status_2(self):
        for words in (["nonsense"], ["serve", "--foo"], ["serve", "--region"], ["serve", "--region", "US EAST"], ["serve", "extra"],
                      ["serve", "--account-id", "12"], ["serve", "--account-id", "12345678901x"], ["serve", "--loops", "0"],
                      ["serve", "--loops", "9"], ["serve", "--loops", "2x"], ["serve", "--ephemeral=yes"], ["serve", "--log-level", "loud"],
                      ["serve", "--data", "a", "--data", "b"], ["serve", "--quota", "iam-users"],
                      ["serve", "--quota", "iam-users=-1"], ["serve", "--quota", "iam-users=1x"], ["serve", "--quota", "cats=1"], ["serve", "--quota", ""],
                      ["serve", "--quota", "iam-users=1", "--quota", "IAM-USERS=1"], ["exec"], ["trail", "shred"], ["help", "nonsense"]):
            status, out, err = ended([harness.BINARY, *words], env={"HOME": harness.SERVER.work}, cwd=harness.SERVER.work)
            self.assertEqual((2, ""), (status, out), words)
            self.assertIn("bulwark: ", err)
        err = ended([harness.BINARY, "serve", "--quota", "cats=1"])[2]
        self.assertRegex(err, r"bulwark: serve: --quota cats=1 is not NAME=NUMBER with one of these names:\n  iam-users \(5000\)\n")
        self.assertIn("bulwark: serve: unknown option --foo (try 'bulwark help serve')", ended([harness.BINARY, "serve", "--foo"])[2])

    def test_an_address_that_is_taken_is_told(self):
        work = pathlib.Path(harness.SERVER.work) / "taken"
        status, _, err = ended([harness.BINARY, "serve", "--data", str(work), "--root-key", str(work) + ".key", "--listen",
                                f"127.0.0.1:{harness.free_port()}", "--listen", "10.255.255.1:4566"])
        self.assertEqual(1, status)
        self.assertIn("cannot listen on 10.255.255.1:4566 (this machine has no such address)", err)
        # Nor does a second server share the port of a first.
        status, _, err = ended([harness.BINARY, "serve", "--data", str(work), "--root-key", str(work) + ".key", "--listen",
                                f"127.0.0.1:{harness.SERVER.port}"])
        self.assertEqual(1, status)
        self.assertIn("is it taken?", err)

    def test_a_data_folder_that_is_none_is_told(self):
        work = pathlib.Path(harness.SERVER.work) / "none"
        work.touch()
        for folder in (work, work / "below"):
            status, _, err = ended([harness.BINARY, "init", "--data", str(folder), "--root-key", f"{work}.key"])
            self.assertEqual((1, f"bulwark: cannot make or write the data folder {folder}: Not a directory\n"), (status, err))

    def test_a_certificate_that_cannot_be_read_is_named(self):
        work = pathlib.Path(harness.SERVER.work) / "certificate"
        status, _, err = ended([harness.BINARY, "serve", "--data", str(work), "--root-key", str(work) + ".key", "--listen",
                                f"127.0.0.1:{harness.free_port()}", "--tls-cert", f"{work}.pem", "--tls-key", f"{work}.pem"])
        self.assertEqual(1, status)
        self.assertIn(f"--tls-cert {work}.pem: cannot be read (No such file or directory)", err)

    def test_version(self):
        self.assertRegex(ended([harness.BINARY, "version"])[1], r"^bulwark \d+\.\d+\.\d+\n$")

    def test_coverage_lists_the_operations(self):
        services = {s["service"]: s["operations"] for s in json.loads(ended([harness.BINARY, "coverage", "--json"])[1])}
        self.assertIn("CreateUser", services["iam"])
        self.assertIn("AssumeRole", services["sts"])

    def test_status_tells_up_from_down(self):
        status, text, _ = bulwark("status")
        self.assertEqual(0, status)
        self.assertIn(harness.SERVER.health["account"], text)
        status, _, err = bulwark("status", "--endpoint", f"http://127.0.0.1:{harness.free_port()}")
        self.assertEqual(1, status)
        self.assertIn("no answer", err)

    def test_init_makes_an_account_once_and_guards_its_files(self):
        work = pathlib.Path(harness.SERVER.work) / "init"
        command = [harness.BINARY, "init", "--data", str(work), "--root-key", str(work) + ".key", "--account-id", "210987654321"]
        status, text, err = ended(command)
        self.assertEqual(0, status, err)
        self.assertIn("210987654321", text)
        for file in (work / "credentials", pathlib.Path(str(work) + ".key")):
            self.assertEqual(0o600, file.stat().st_mode & 0o777, file)
        self.assertEqual(0o700, work.stat().st_mode & 0o777)
        before = (work / "credentials").read_text()
        self.assertEqual(0, ended(command)[0])
        self.assertEqual(before, (work / "credentials").read_text())

    def test_another_root_key_opens_nothing(self):
        work = pathlib.Path(harness.SERVER.work) / "other"
        for part in ("a", "b"):
            self.assertEqual(0, ended([harness.BINARY, "init", "--data", f"{work}-{part}", "--root-key", f"{work}-{part}.key"])[0])
        status, _, err = ended([harness.BINARY, "init", "--data", f"{work}-a", "--root-key", f"{work}-b.key"])
        self.assertEqual(1, status)
        self.assertIn("does not open this data folder", err)
        # What cannot be read is no other folder's.
        for text, mode, words in (("nonsense", 0o600, "wanted one line"), (pathlib.Path(f"{work}-a.key").read_text(), 0o644, "chmod 600")):
            key = pathlib.Path(f"{work}-bad.key")
            key.write_text(text)
            key.chmod(mode)
            status, _, err = ended([harness.BINARY, "init", "--data", f"{work}-a", "--root-key", str(key)])
            self.assertEqual(1, status)
            self.assertIn(words, err)
            self.assertNotIn("does not open this data folder", err)


class RootKey(unittest.TestCase):
    """Shares of the root key: enough of them write the file again, and nothing else does."""

    @classmethod
    def setUpClass(cls):
        cls.data = pathlib.Path(harness.SERVER.work) / "shared"
        cls.key = pathlib.Path(f"{cls.data}.key")
        assert ended([harness.BINARY, "init", "--data", str(cls.data), "--root-key", str(cls.key)])[0] == 0
        cls.text = cls.key.read_text()
        status, out, err = cls.run_verb("split", "--shares", "5", "--threshold", "3")
        assert status == 0, err
        cls.shares = out.splitlines()
        cls.key.unlink()

    @classmethod
    def run_verb(cls, verb, *words, lines=()):
        done = subprocess.run([harness.BINARY, "root-key", verb, "--data", str(cls.data), "--root-key", str(cls.key), *words],
                              input="".join(line + "\n" for line in lines), capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS)
        return done.returncode, done.stdout, done.stderr

    def refused(self, lines, words):
        status, _, err = self.run_verb("join", lines=lines)
        self.assertEqual(1, status)
        self.assertIn(words, err)
        self.assertFalse(self.key.exists())

    def test_any_three_of_five_write_the_file_again(self):
        self.assertEqual(5, len(set(self.shares)))
        for chosen in ((0, 1, 2), (4, 2, 0), (3, 4, 1)):
            status, _, err = self.run_verb("join", lines=[self.shares[i] for i in chosen])
            self.assertEqual((0, ""), (status, err))
            self.assertEqual(self.text, self.key.read_text())
            self.assertEqual(0o600, self.key.stat().st_mode & 0o777)
            self.key.unlink()

    def test_no_share_tells_the_key(self):
        for share in self.shares:
            self.assertNotIn(self.text.strip(), share)

    def test_two_are_not_enough(self):
        self.refused(self.shares[:2], "not enough")

    def test_one_share_twice_is_not_two(self):
        self.refused([self.shares[0], self.shares[1], self.shares[0]], "do not give the root key back")

    def test_a_slip_of_the_pen_is_found(self):
        for at in (0, 9, 20, 40, len(self.shares[0]) - 1):
            wrong = self.shares[0][:at] + ("0" if self.shares[0][at] != "0" else "1") + self.shares[0][at + 1:]
            self.refused([wrong, *self.shares[1:3]], "share 1")
        self.refused([self.shares[0] + "00", *self.shares[1:3]], "share 1")

    def test_shares_of_two_splittings_do_not_mix(self):
        self.assertEqual(0, self.run_verb("join", lines=self.shares[:3])[0])
        other = self.run_verb("split", "--shares", "4", "--threshold", "3")[1].splitlines()
        self.key.unlink()
        self.refused([self.shares[0], other[1], other[2]], "do not give the root key back")

    def test_a_root_key_that_is_there_stays(self):
        self.key.write_text("something\n")
        status, _, err = self.run_verb("join", lines=self.shares[:3])
        self.assertEqual(1, status)
        self.assertIn("is there already", err)
        self.assertEqual("something\n", self.key.read_text())
        self.key.unlink()

    def test_numbers_have_their_bounds(self):
        for words in (("--shares", "1"), ("--shares", "33"), ("--shares", "3", "--threshold", "4"), ("--threshold", "1")):
            self.assertEqual(2, self.run_verb("split", *words)[0], words)


class Exec(unittest.TestCase):
    def test_a_script_that_calls_aws_finds_the_server(self):
        if not shutil.which("aws"):
            self.skipTest("no aws CLI")
        status, out, err = bulwark("exec", "--", "sh", "-c", "aws sts get-caller-identity --query Arn --output text", env=without_aws())
        self.assertEqual(0, status, err)
        self.assertTrue(out.strip().endswith(":user/admin"))

    def test_an_endpoint_given_by_hand_wins(self):
        if not shutil.which("aws"):
            self.skipTest("no aws CLI")
        status, _, err = bulwark("exec", "--", "aws", "--endpoint-url", f"http://127.0.0.1:{harness.free_port()}", "sts",
                                 "get-caller-identity", env=without_aws())
        self.assertNotEqual(0, status)
        self.assertIn("onnect", err)

    def test_an_aws_called_by_its_path_finds_the_server(self):
        at = pathlib.Path(harness.SERVER.work) / "by-path"
        at.mkdir()
        (at / "aws").write_text('#!/bin/sh\necho "$@"\n')
        (at / "aws").chmod(0o700)
        status, out, _ = bulwark("exec", "--", str(at / "aws"), "sts", "get-caller-identity")
        self.assertEqual((0, f"--endpoint-url {harness.SERVER.endpoint} sts get-caller-identity"), (status, out.strip()))

    def test_nothing_in_the_environment_leads_elsewhere(self):
        foreign = {"AWS_ENDPOINT_URL_STS": "http://192.0.2.1", "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2": "http://192.0.2.1",
                   "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_PROFILE": "other", "AWS_DEFAULT_PROFILE": "other", "AWS_SESSION_TOKEN": "x"}
        script = f'eval "$({harness.BINARY} env --data {harness.SERVER.data})"; env'
        for out in (bulwark("exec", "--", "env", env=foreign)[1], ended(["sh", "-c", script], env={**without_aws(), **foreign})[1]):
            names = {line.partition("=")[0] for line in out.splitlines()}
            self.assertFalse(names & set(foreign))
            self.assertIn("AWS_ENDPOINT_URL", names)

    def test_the_status_of_the_command_is_handed_on(self):
        self.assertEqual(7, bulwark("exec", "--", "sh", "-c", "exit 7")[0])
        self.assertEqual(127, bulwark("exec", "--", "/no/such/program")[0])

    def test_exec_leaves_nothing_behind(self):
        place = pathlib.Path(harness.SERVER.work) / "tmp"
        place.mkdir()
        self.assertEqual(0, bulwark("exec", "--", "true", env={"TMPDIR": str(place)})[0])
        self.assertEqual([], list(place.iterdir()))

    def test_env_is_what_clients_read(self):
        script = f'eval "$({harness.BINARY} env --data {harness.SERVER.data})"; env'
        lines = ended(["sh", "-c", script], env=without_aws())[1].splitlines()
        self.assertIn(f"AWS_ENDPOINT_URL={harness.SERVER.endpoint}", lines)
        self.assertIn(f"AWS_ACCESS_KEY_ID={harness.SERVER.key_id}", lines)


class Trail(unittest.TestCase):
    def records(self, *words):
        status, out, err = bulwark("trail", "list", "--json", *words)
        self.assertEqual(0, status, err)
        return [json.loads(line) for line in out.splitlines()]

    def wait_for(self, wanted, *words):
        """The records for which `wanted` holds, as soon as there are some: they may take the flush's time."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            found = [r for r in self.records(*words) if wanted(r)]
            if found:
                return found
            time.sleep(0.05)
        self.fail("the record did not appear")

    def test_a_call_is_recorded_within_a_second(self):
        name = f"trail-{time.monotonic_ns()}"
        began = time.monotonic()
        harness.client("iam").create_user(UserName=name)
        record = self.wait_for(lambda r: (r.get("requestParameters") or {}).get("userName") == name)[0]
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(("CreateUser", "iam.amazonaws.com"), (record["eventName"], record["eventSource"]))
        self.assertEqual(f"arn:aws:iam::{harness.SERVER.health['account']}:user/admin", record["userIdentity"]["arn"])
        self.assertEqual("127.0.0.1", record["sourceIPAddress"])
        self.assertNotIn("errorCode", record)

    def test_denied_and_unauthenticated_calls_are_recorded(self):
        iam = harness.client("iam")
        name = f"trail-{time.monotonic_ns()}"
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        user = harness.client("iam", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
        with self.assertRaises(user.exceptions.ClientError):
            user.delete_user(UserName="admin")
        record = self.wait_for(lambda r: r["userIdentity"].get("userName") == name, "--errors")[0]
        self.assertEqual(("DeleteUser", "AccessDenied"), (record["eventName"], record["errorCode"]))
        with self.assertRaises(user.exceptions.ClientError):
            harness.client("iam", key=key["AccessKeyId"], secret="wrong" * 8).list_users()
        self.wait_for(lambda r: r.get("errorCode") == "SignatureDoesNotMatch", "--errors")

    def test_what_was_refused_early_is_told_from_a_read(self):
        agent = f"early-{time.monotonic_ns()}"
        for action, version in (("CreateUser", "2010-05-08"), ("ListUsers", "2010-05-08"), ("AssumeRole", "2011-06-15")):
            form = f"Action={action}&Version={version}&UserName={agent}"
            request = (f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {agent}\r\nContent-Length: {len(form)}\r\n"
                       f"Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n{form}").encode()
            with socket.create_connection(("127.0.0.1", harness.SERVER.port), timeout=60) as s:
                s.sendall(request)
                self.assertRegex(s.recv(65536), rb"^HTTP/1\.1 403")
        for action, reads in (("CreateUser", False), ("ListUsers", True), ("AssumeRole", True)):
            record = self.wait_for(lambda r: r.get("userAgent") == agent and r["eventName"] == action)[0]
            self.assertEqual(("MissingAuthenticationToken", reads), (record["errorCode"], record["readOnly"]))

    def test_resources_and_codes_as_cloudtrail_tells_them(self):
        account = harness.SERVER.health["account"]
        iam, kms, sts = (harness.client(s) for s in ("iam", "kms", "sts"))
        name = f"told-{time.monotonic_ns()}"
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        low = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
        master, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
        sealed = kms.encrypt(KeyId=master, Plaintext=b"told")["CiphertextBlob"]
        kms.decrypt(CiphertextBlob=sealed)
        kms.re_encrypt(CiphertextBlob=sealed, DestinationKeyId=other)
        kms.generate_random(NumberOfBytes=8)
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}]}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        sts.assume_role(RoleArn=role, RoleSessionName="told", Tags=[{"Key": "a", "Value": "b"}])
        for service, call, words in (("kms", "decrypt", {"CiphertextBlob": sealed}), ("ec2", "describe_vpcs", {}),
                                     ("sts", "assume_role", {"RoleArn": role, "RoleSessionName": "told"})):
            client = harness.client(service, **low)
            with self.assertRaises(client.exceptions.ClientError):
                getattr(client, call)(**words)

        def told(kind, *arns):
            return [{"accountId": account, "type": kind, "ARN": arn} for arn in arns]

        def one(event, user, resources):
            found = self.wait_for(lambda r: r["eventName"] == event and r["userIdentity"].get("userName") == user and r.get("resources") == resources)
            return found[0].get("errorCode")
        key_kind, role_kind = "AWS::KMS::Key", "AWS::IAM::Role"
        self.assertIsNone(one("Decrypt", "admin", told(key_kind, master)))
        self.assertIsNone(one("ReEncrypt", "admin", told(key_kind, master, other)))
        self.assertIsNone(one("GenerateRandom", "admin", None))
        self.assertIsNone(one("AssumeRole", "admin", told(role_kind, role)))
        self.assertEqual("AccessDenied", one("Decrypt", name, told(key_kind, master)))
        self.assertEqual("AccessDenied", one("AssumeRole", name, told(role_kind, role)))
        self.assertEqual("Client.UnauthorizedOperation", one("DescribeVpcs", name, None))
        self.assertIsNone(one("CreateUser", "admin", None))

    def test_strangers_do_not_fill_the_trail(self):
        # On one connection, and so on one loop. What each brings of its own is cut; above a number they are counted alone.
        agent, n, at_once = f"flood-{time.monotonic_ns()}", 2000, 100
        form = "Action=ListUsers&Version=2010-05-08"
        request = (f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {agent}-{'x' * 1000}\r\nContent-Length: {len(form)}\r\n"
                   f"Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}").encode()
        with socket.create_connection(("127.0.0.1", harness.SERVER.port), timeout=60) as s:
            for _ in range(n // at_once):
                s.sendall(request * at_once)
                answers = b""
                while answers.count(b"</ErrorResponse>") < at_once:
                    answers += s.recv(65536)
                self.assertEqual(at_once, answers.count(b"HTTP/1.1 403 "))
        told = self.wait_for(lambda r: r["eventName"] == "StrangerCallsNotRecorded")
        self.assertEqual("AwsServiceEvent", told[0]["eventType"])
        self.assertGreater(sum(int(r["serviceEventDetails"]["subject"]) for r in told), 0)
        records = self.wait_for(lambda r: r.get("userAgent", "").startswith(agent))
        self.assertLess(len(records), n)
        self.assertLess(max(len(json.dumps(r)) for r in records), 2048)
        # Who has proven who it is is written down all the same.
        harness.client("iam").create_user(UserName=agent)
        self.wait_for(lambda r: (r.get("requestParameters") or {}).get("userName") == agent)

    def test_what_a_stranger_says_is_cut_in_the_trail(self):
        agent = f"long-{time.monotonic_ns()}"
        key, form = "AKIA" + "K" * 100, "Action=" + "%01" * 5000 + "&Version=2010-05-08"
        day = time.strftime("%Y%m%d", time.gmtime())
        request = (f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {agent}{chr(34) * 1000}\r\nX-Amz-Date: {day}T000000Z\r\n"
                   f"Authorization: AWS4-HMAC-SHA256 Credential={key}/{day}/us-east-1/iam/aws4_request, SignedHeaders=host;x-amz-date, "
                   f"Signature={'0' * 64}\r\nContent-Length: {len(form)}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                   f"Connection: close\r\n\r\n{form}").encode()
        with socket.create_connection(("127.0.0.1", harness.SERVER.port), timeout=60) as s:
            s.sendall(request)
            self.assertRegex(s.recv(65536), rb"^HTTP/1\.1 4")
        record = self.wait_for(lambda r: r.get("userAgent", "").startswith(agent))[0]
        self.assertTrue(record["userIdentity"]["accessKeyId"].startswith("AKIAKKK"), record)
        self.assertLess(len(json.dumps(record)), 2048)

    def test_no_secret_is_recorded(self):
        iam = harness.client("iam")
        name = f"trail-{time.monotonic_ns()}"
        iam.create_user(UserName=name)
        secret = iam.create_access_key(UserName=name)["AccessKey"]["SecretAccessKey"]
        iam.create_login_profile(UserName=name, Password="Secret-Pass-Word-7731!")
        self.wait_for(lambda r: r["eventName"] == "CreateLoginProfile" and r["requestParameters"]["userName"] == name)
        text = bulwark("trail", "list", "--json")[1]
        self.assertNotIn(secret, text)
        self.assertNotIn("Secret-Pass-Word-7731!", text)

    def test_sessions_are_told_but_not_their_secrets(self):
        sts = harness.client("sts")
        account = harness.SERVER.health["account"]
        role = f"trail-{time.monotonic_ns()}"
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}]}
        arn = harness.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        with self.assertRaises(sts.exceptions.ClientError):
            sts.assume_role(RoleArn=arn, RoleSessionName="code", SerialNumber=f"arn:aws:iam::{account}:mfa/absent", TokenCode="740913")
        given = [sts.assume_role(RoleArn=arn, RoleSessionName="told"), sts.get_session_token(), sts.get_federation_token(Name="told")]
        for answer in given:
            credentials = answer["Credentials"]
            record = self.wait_for(lambda r: ((r.get("responseElements") or {}).get("credentials") or {}).get("accessKeyId") == credentials["AccessKeyId"])[0]
            self.assertEqual({"accessKeyId", "expiration"}, set(record["responseElements"]["credentials"]))
            self.assertTrue(record["readOnly"])
        text = bulwark("trail", "list", "--json")[1]
        self.assertIn(f'"assumedRoleUser":{{"assumedRoleId":"{given[0]["AssumedRoleUser"]["AssumedRoleId"]}"', text)
        for secret in ["740913"] + [a["Credentials"][m] for a in given for m in ("SecretAccessKey", "SessionToken")]:
            self.assertNotIn(secret, text)

    def test_what_a_stranger_says_does_not_reach_the_terminal(self):
        def ask(path):
            with socket.create_connection(("127.0.0.1", harness.SERVER.port), timeout=10) as s:
                s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                while s.recv(65536):
                    pass
        mark = f"M{time.monotonic_ns()}"
        evil = "%1B%5B2J%0A2026-11-24T02:19:53Z%20%20DeleteUser%7F%C2%9B31m"
        ask(f"/?Version=2010-05-08&Action={mark}{evil}{'A' * 3000}")
        ask(f"/?Action={mark}b&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={mark}{evil}/20261124/us-east-1/iam/aws4_request&X-Amz-Date=20261124T000000Z"
            "&X-Amz-SignedHeaders=host&X-Amz-Signature=00")
        first = self.wait_for(lambda r: r["eventName"].startswith(mark + "\x1b"))[0]
        self.wait_for(lambda r: r["userIdentity"].get("accessKeyId", "").startswith(mark))
        self.assertEqual(128, len(first["eventName"].encode()))
        for words, lines in ((["--json"], 2), ([], 2)):
            text = bulwark("trail", "list", *words)[1]
            mine = [line for line in text.splitlines() if mark in line]
            self.assertEqual(lines, len(mine))
            for line in mine:
                self.assertNotRegex(line, "[\x00-\x1f\x7f-\x9f]")
            self.assertFalse([line for line in text.splitlines() if line.startswith("2026-11-24T02:19:53Z")])

    def test_the_table_and_its_filters(self):
        harness.client("sts").get_caller_identity()
        self.wait_for(lambda r: r["eventName"] == "GetCallerIdentity")
        status, text, _ = bulwark("trail", "list", "--event", "GetCallerIdentity", "--since", "1h")
        self.assertEqual(0, status)
        self.assertTrue(all("GetCallerIdentity" in line for line in text.splitlines()) and text)
        self.assertNotIn("\033", text)
        self.assertEqual([], self.records("--since", "2099-01-01T00:00:00Z"))
        self.assertEqual(2, bulwark("trail", "list", "--since", "yesterday")[0])

    def test_follow_shows_what_comes(self):
        name = f"trail-{time.monotonic_ns()}"
        at = harness.SERVER
        follower = subprocess.Popen([harness.BINARY, "trail", "--data", at.data, "--root-key", at.data + ".key", "follow", "--json"],
                                    stdout=subprocess.PIPE, text=True)
        try:
            time.sleep(1)
            harness.client("iam").create_user(UserName=name)
            for line in follower.stdout:
                if name in line:
                    break
        finally:
            follower.kill()
            follower.wait()
            follower.stdout.close()

    def test_verify_beside_the_running_server(self):
        for _ in range(5):
            status, text, err = bulwark("trail", "verify")
            self.assertEqual(0, status, text + err)

    def test_verify_misses_a_trail_that_was_taken_away_or_put_back(self):
        data = os.path.join(harness.SERVER.work, "kept")
        words = ("--data", data, "--root-key", data + ".key")

        def used(*calls):
            server = harness.Server(ephemeral=False, data=data)
            for name in calls:
                harness.client("iam", server).create_user(UserName=name)
                time.sleep(0.5)
            self.assertEqual(0, server.stop())

        def said(*command):
            return ended([harness.BINARY, *command, *words])
        used("a1", "a2", "a3")
        self.assertEqual(0, said("trail", "verify")[0])
        old = data + "-old"
        shutil.copytree(os.path.join(data, "trail"), old)
        used("b1", "b2", "b3")
        self.assertEqual(0, said("trail", "verify")[0])

        # An older copy is authentic in itself.
        newest = data + "-newest"
        os.rename(os.path.join(data, "trail"), newest)
        shutil.copytree(old, os.path.join(data, "trail"))
        status, out, _ = said("trail", "verify")
        self.assertEqual(1, status)
        self.assertIn("an older copy was put in the trail's place", out)
        status, _, err = said("init")
        self.assertEqual(1, status)
        self.assertIn("an older copy was put in its place", err)

        # None at all.
        shutil.rmtree(os.path.join(data, "trail"))
        status, _, err = said("trail", "verify")
        self.assertEqual(1, status)
        self.assertIn("the trail is gone", err)
        for name in ("c1", "c2"):
            used(name)
            status, out, _ = said("trail", "verify")
            self.assertEqual(1, status)
            self.assertIn("were not there when the server started", out)
        self.assertIn("TrailRecordsMissing", said("trail", "list")[1])

        # Until somebody says that he knows.
        self.assertEqual(0, said("accept")[0])
        self.assertEqual(0, said("trail", "verify")[0])
        self.assertIn("TrailRecordsMissing", said("trail", "list")[1])

    def test_verify_finds_a_changed_byte_and_a_cut_tail(self):
        copy = pathlib.Path(harness.SERVER.work) / "copy"
        server = harness.Server(ephemeral=False)
        for _ in range(3):
            harness.client("sts", server).get_caller_identity()
            time.sleep(0.4)
        work, key = server.data, server.data + ".key"
        server.process.terminate()
        server.process.wait(40)
        verify = [harness.BINARY, "trail", "verify", "--data", work, "--root-key", key]
        self.assertEqual(0, ended(verify)[0])
        segment = pathlib.Path(work) / "trail" / "000000000001.trail"
        whole = segment.read_bytes()
        for broken in (whole[:200] + bytes([whole[200] ^ 1]) + whole[201:], whole[:-1], whole[:100], b""):
            segment.write_bytes(broken)
            status, text, _ = ended(verify)
            self.assertEqual(1, status)
            self.assertIn("segment 1", text)
            self.assertEqual(1, ended(verify[:2] + ["list"] + verify[3:])[0])
        segment.write_bytes(whole)
        self.assertEqual(0, ended(verify)[0])
        shutil.rmtree(copy, ignore_errors=True)


class Life(unittest.TestCase):
    """A server's data outlives it."""

    def again(self, server, *options):
        """A server on the same data folder."""
        return harness.Server(*options, ephemeral=False, data=server.data)

    def test_everything_stands_after_a_restart(self):
        first = harness.Server(ephemeral=False)
        harness.client("iam", first).create_user(UserName="stays")
        session = harness.client("sts", first).get_session_token()["Credentials"]
        first.process.terminate()
        self.assertEqual(0, first.process.wait(40))
        second = self.again(first)
        self.assertEqual("stays", harness.client("iam", second).get_user(UserName="stays")["User"]["UserName"])
        self.assertEqual(first.health["account"], second.health["account"])
        of = harness.client("sts", second, key=session["AccessKeyId"], secret=session["SecretAccessKey"], token=session["SessionToken"])
        self.assertTrue(of.get_caller_identity()["Arn"].endswith(":user/admin"))
        self.assertEqual(0, bulwark("trail", "verify", server=second)[0])

    def test_nothing_answered_is_lost_when_it_is_killed(self):
        server = harness.Server(ephemeral=False)
        iam = harness.client("iam", server)
        for i in range(20):
            iam.create_user(UserName=f"kept-{i}")
        children = pathlib.Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        for pid in [*children, str(server.process.pid)]:
            try:
                os.kill(int(pid), 9)
            except ProcessLookupError:
                pass
        server.process.wait()
        again = self.again(server)
        names = {u["UserName"] for u in harness.client("iam", again).list_users()["Users"]}
        self.assertTrue({f"kept-{i}" for i in range(20)} <= names)
        self.assertEqual(0, bulwark("trail", "verify", server=again)[0])

    def test_a_dead_api_process_is_started_again(self):
        server = harness.Server(ephemeral=False)
        child = int(pathlib.Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()[0])
        os.kill(child, 9)
        time.sleep(0.2)
        server.wait()
        self.assertTrue(harness.client("sts", server).get_caller_identity()["Arn"].endswith(":user/admin"))

    def test_who_is_not_needed_is_not_there(self):
        server = harness.Server(ephemeral=False)

        def shown():
            return dict(re.findall(r"^  (?:processes)? +(\w+) +(serving|starting|not started \(nothing needs it\))(?:, version [\w.-]+)?$",
                                   bulwark("status", server=server)[1], re.M))
        idle = "not started (nothing needs it)"
        self.assertEqual({"keyer": "serving", "api": "serving", "helper": idle, "outside": idle, "edge": idle}, shown())
        subnet = harness.client("ec2", server).describe_subnets()["Subnets"][0]["SubnetId"]
        harness.client("elbv2", server).create_load_balancer(Name="first", Type="network", Subnets=[subnet])
        end = time.monotonic() + 20
        while shown()["edge"] != "serving" and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual("serving", shown()["edge"])
        self.assertEqual(idle, shown()["helper"])

    def test_https_is_trusted_by_its_own_ca(self):
        server = harness.Server(ephemeral=False)
        status, pem, err = bulwark("ca", server=server)
        self.assertEqual(0, status, err)
        bundle = os.path.join(server.work, "ca.pem")
        pathlib.Path(bundle).write_text(pem)
        import boto3
        sts = boto3.client("sts", endpoint_url=f"https://127.0.0.1:{server.port}", region_name=harness.REGION, verify=bundle,
                           aws_access_key_id=server.key_id, aws_secret_access_key=server.secret)
        self.assertTrue(sts.get_caller_identity()["Arn"].endswith(":user/admin"))

    def test_two_servers_cannot_have_one_data_folder(self):
        work = harness.SERVER.data
        status, _, err = ended([harness.BINARY, "serve", "--data", work, "--root-key", work + ".key", "--listen",
                                f"127.0.0.1:{harness.free_port()}"], seconds=60)
        self.assertNotEqual(0, status)
        self.assertIn("another bulwark is running", err)


if __name__ == "__main__":
    harness.serve(ephemeral=False)
    harness.main()
