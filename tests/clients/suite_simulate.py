#!/usr/bin/env python3
"""`bulwark simulate`: answers, exit status, reasons, places of faults. No server."""
import json
import os
import pathlib
import pty
import shutil
import subprocess
import tempfile
import unittest

import harness

BINARY = os.path.abspath(harness.BINARY)
ALICE = "arn:aws:iam::111122223333:user/team/alice"
ROLE = "arn:aws:iam::111122223333:role/deploy"


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action="*", resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action="*", resource="*", **more):
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


class Simulate(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="bulwark-simulate-"))
        self.addCleanup(shutil.rmtree, self.work)

    def file(self, name, text):
        (self.work / name).write_text(text)
        return name

    def run_(self, *words, env=None):
        done = subprocess.run([BINARY, "simulate", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, cwd=self.work, env={**os.environ, **(env or {})})
        return done.returncode, done.stdout, done.stderr

    def ask(self, *words, who=ALICE, action="s3:GetObject", resource="arn:aws:s3:::reports/q1"):
        """(exit status, the one result)"""
        status, out, err = self.run_("--principal", who, "--action", action, "--resource", resource, "--json", *words)
        self.assertIn(status, (0, 1), err)
        answer = json.loads(out)
        self.assertEqual(status == 0, answer["allowed"])
        return status, answer["results"][0]

    def refused(self, sentence, *words):
        status, out, err = self.run_(*words)
        self.assertEqual((2, ""), (status, out), words)
        self.assertIn(sentence, err)

    def test_status_follows_the_decision(self):
        mine = self.file("mine.json", policy(allow("s3:Get*", "arn:aws:s3:::reports/*")))
        self.assertEqual(0, self.ask("--identity", mine)[0])
        status, result = self.ask("--identity", mine, action="s3:PutObject")
        self.assertEqual((1, "implicitDeny", "identity"), (status, result["decision"], result["layer"]))
        self.assertEqual(f"User: {ALICE} is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::reports/q1 because no "
                         "identity-based policy allows the s3:PutObject action", result["message"])
        both = self.run_("--principal", ALICE, "--action", "s3:GetObject", "--action", "s3:PutObject", "--resource",
                         "arn:aws:s3:::reports/q1", "--identity", mine, "--brief")
        self.assertEqual(1, both[0])
        self.assertEqual(["ALLOWED", "DENIED"], [line.split()[0] for line in both[1].splitlines() if line[:1] != " "])

    def test_every_layer_counts(self):
        everything = self.file("all.json", policy(allow()))
        nothing = self.file("none.json", policy(allow("ec2:*")))
        open_ = self.file("open.json", policy(allow(Principal="*")))
        theirs = self.file("bucket.json", policy(allow("s3:GetObject", Principal={"AWS": "*"})))
        self.assertEqual(0, self.ask("--identity", everything, "--boundary", everything, "--session", everything, "--scp", everything,
                                     "--rcp", open_, "--vpce", open_)[0])
        for option, layer, more in (("--boundary", "permissionsBoundary", {}), ("--session", "session", {}), ("--scp", "serviceControl", {}),
                                    ("--rcp", "resourceControl", {"Principal": "*"}), ("--vpce", "vpcEndpoint", {"Principal": "*"})):
            for statement, decision in ((allow("ec2:*", **more), "implicitDeny"), (deny("s3:*", **more), "explicitDeny")):
                status, result = self.ask("--identity", everything, option, policy(statement))
                self.assertEqual((1, decision, layer), (status, result["decision"], result["layer"]))
        # A second level that does not allow is enough; documents of one level add up.
        self.assertEqual(1, self.ask("--identity", everything, "--scp", everything, "--scp", nothing)[0])
        self.assertEqual(0, self.ask("--identity", everything, "--scp", everything, "--scp", f"{nothing},{everything}")[0])
        # Across accounts both sides must allow.
        self.assertEqual(0, self.ask("--resource-policy", theirs)[0])
        self.assertEqual(1, self.ask("--resource-policy", theirs, "--resource-account", "999988887777")[0])
        self.assertEqual(0, self.ask("--resource-policy", theirs, "--resource-account", "999988887777", "--identity", everything)[0])

    def test_principals(self):
        everything = self.file("all.json", policy(allow()))
        scp = self.file("scp.json", policy(allow("ec2:*")))
        for who, kind in ((ALICE, "user"), (ROLE, "role"), ("arn:aws:sts::111122223333:assumed-role/deploy/ci", "role"),
                          ("arn:aws:iam::111122223333:root", "root"), ("ec2.amazonaws.com", "service"), ("anonymous", "anonymous"),
                          ("arn:aws:sts::111122223333:federated-user/bob", "federatedUser"), ("accounts.google.com", "identityProvider")):
            self.assertEqual(kind, self.ask(who=who)[1]["request"]["principalKind"])
        self.assertEqual(0, self.ask(who="arn:aws:iam::111122223333:root")[0])
        self.assertEqual(1, self.ask("--identity", everything, who="arn:aws:sts::111122223333:federated-user/bob")[0])
        linked = "arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"
        self.assertEqual(1, self.ask("--identity", everything, "--scp", scp, who=ROLE)[0])
        self.assertEqual(0, self.ask("--identity", everything, "--scp", scp, who=linked)[0])
        for who in ("alice", "arn:aws:iam::1:user/a", "arn:aws:s3:::x", "arn:aws:sts::111122223333:assumed-role/x", ""):
            self.refused("--principal", "--principal", who, "--action", "s3:GetObject")

    def test_context(self):
        home = self.file("home.json", policy(allow("s3:*", "arn:aws:s3:::home/${aws:username}/*")))
        self.assertEqual(0, self.ask("--identity", home, resource="arn:aws:s3:::home/alice/x")[0])
        self.assertEqual(1, self.ask("--identity", home, "--context", "aws:username=bob", resource="arn:aws:s3:::home/alice/x")[0])
        tags = self.file("tags.json", policy(allow(Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}})))
        self.assertEqual(0, self.ask("--identity", tags, "--context", "aws:TagKeys=a", "--context", "AWS:tagkeys=b")[0])
        self.assertEqual(1, self.ask("--identity", tags, "--context", "aws:TagKeys=a", "--context", "aws:TagKeys=c")[0])
        now = self.file("now.json", policy(allow(Condition={"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}})))
        self.assertEqual(0, self.ask("--identity", now)[0])
        self.assertEqual(1, self.ask("--identity", now, "--context", "aws:CurrentTime=2019-01-01T00:00:00Z")[0])
        arn = self.file("arn.json", policy(allow(Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}})))
        self.assertEqual(0, self.ask("--identity", arn, who="arn:aws:sts::111122223333:assumed-role/deploy/ci")[0])
        for word in ("novalue", "=x"):
            self.refused("is not KEY=VALUE", "--principal", ALICE, "--action", "s3:GetObject", "--context", word)

    def test_a_role_is_assumed_by_its_trust_policy(self):
        everything = self.file("all.json", policy(allow()))
        self.refused("depends on the role's trust policy", "--principal", ALICE, "--action", "sts:AssumeRole", "--identity", everything)
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ALICE}}
        mine = self.file("trust.json", policy(trust))
        other = self.file("other.json", policy({**trust, "Principal": {"Service": "ec2.amazonaws.com"}}))
        ask = {"action": "sts:AssumeRole", "resource": ROLE}
        self.assertEqual(0, self.ask("--resource-policy", mine, **ask)[0])
        status, result = self.ask("--resource-policy", other, "--identity", everything, **ask)
        self.assertEqual((1, "trust"), (status, result["layer"]))
        self.assertEqual(0, self.ask("--resource-policy", other, who="ec2.amazonaws.com", **ask)[0])

    def test_key_policies_must_allow(self):
        everything = self.file("all.json", policy(allow()))
        key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        to_account = self.file("key.json", policy(allow("kms:*", Principal={"AWS": "arn:aws:iam::111122223333:root"})))
        to_bob = self.file("bob.json", policy(allow("kms:*", Principal={"AWS": "arn:aws:iam::111122223333:user/bob"})))
        self.assertEqual(0, self.ask("--identity", everything, "--resource-policy", to_account, action="kms:Decrypt", resource=key)[0])
        self.assertEqual(1, self.ask("--resource-policy", to_account, action="kms:Decrypt", resource=key)[0])
        self.assertEqual(1, self.ask("--identity", everything, "--resource-policy", to_bob, action="kms:Decrypt", resource=key)[0])

    def test_documents_by_word_and_by_arn(self):
        self.assertEqual(0, self.ask("--identity", policy(allow("s3:*")))[0])
        self.assertEqual(0, self.ask("--identity", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")[0])
        self.assertEqual(1, self.ask("--identity", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", action="s3:PutObject")[0])
        self.refused("AWS has no such managed policy", "--principal", ALICE, "--action", "s3:GetObject", "--identity",
                     "arn:aws:iam::aws:policy/Nonsense")

    def test_faults_name_their_place(self):
        ask = ("--principal", ALICE, "--action", "s3:GetObject", "--identity")
        self.file("comma.json", '{\n  "Version": "2012-10-17",\n  "Statement": [,]\n}\n')
        self.refused("bulwark: simulate: comma.json:3:17: Syntax errors in policy.", *ask, "comma.json")
        self.file("effect.json", '{"Version":"2012-10-17","Statement":[\n{"Effect":"Alow","Action":"*","Resource":"*"}]}')
        self.refused("bulwark: simulate: effect.json:2:1: ", *ask, "effect.json")
        self.refused("there is no such file", *ask, "absent.json")
        self.file("full.json", " " * (160 * 1024))
        self.refused("Syntax errors in policy", *ask, "full.json")
        self.file("large.json", " " * (160 * 1024 + 1))
        self.refused("it is too large for a policy", *ask, "large.json")
        self.refused("cannot be read", *ask, ".")

    def test_words_are_checked(self):
        for sentence, *words in (("which --principal?", "--action", "s3:GetObject"), ("which --action?", "--principal", ALICE),
                                 ("is not one action", "--principal", ALICE, "--action", "s3:*"),
                                 ("is not one action", "--principal", ALICE, "--action", "GetObject"),
                                 ("is not one action", "--principal", ALICE, "--action", "s3:a:b"),
                                 ("12 digits", "--principal", ALICE, "--action", "s3:A", "--resource-account", "12"),
                                 ("'extra' is too much", "--principal", ALICE, "--action", "s3:A", "extra")):
            self.refused(sentence, *words)
        # A fault in one answer leaves no half of a JSON text behind.
        self.refused("trust policy", "--principal", ALICE, "--action", "s3:GetObject", "--action", "sts:AssumeRole", "--json")

    def test_people_are_told_why(self):
        mine = self.file("mine.json", json.dumps(json.loads(policy(
            allow("s3:Get*", "arn:aws:s3:::reports/*", Sid="Read", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}}),
            deny("s3:*", "arn:aws:s3:::secret/*"))), indent=2))
        words = ("--principal", ALICE, "--action", "s3:GetObject", "--resource", "arn:aws:s3:::reports/q1", "--identity", mine)
        status, out, _ = self.run_(*words)
        self.assertEqual(1, status)
        self.assertIn("because no identity policy allows it", out)
        self.assertIn('Condition: StringEquals aws:PrincipalTag/team "red"; the request has nothing', out)
        self.assertIn("Resource: arn:aws:s3:::secret/*", out)
        status, out, _ = self.run_(*words, "--context", "aws:PrincipalTag/team=red")
        self.assertEqual(0, status)
        self.assertIn("because an identity policy allows it: mine.json:4:5 (Read)", out)
        # What was asked cannot steer the terminal.
        out = self.run_(*words[:-4], "--resource", "arn:aws:s3:::\x1b[2Jx", "--identity", mine)[1]
        self.assertNotIn("\x1b", out)

    def test_colour_is_for_terminals(self):
        words = [BINARY, "simulate", "--principal", ALICE, "--action", "s3:GetObject"]
        for variable, coloured in (("", True), ("1", False)):
            ours, theirs = pty.openpty()
            subprocess.run(words, stdin=subprocess.DEVNULL, stdout=theirs, timeout=60, env={**os.environ, "NO_COLOR": variable})
            os.close(theirs)
            self.assertEqual(coloured, b"\x1b[31m" in os.read(ours, 65536))
            os.close(ours)
        self.assertNotIn("\x1b", self.run_(*words[2:])[1])


if __name__ == "__main__":
    harness.main()
