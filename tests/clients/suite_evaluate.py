#!/usr/bin/env python3
"""`bulwark evaluate`: the contract of its lines, and the evaluation logic by table. Each table names the guide's page. No server."""
import json
import os
import subprocess
import unittest

import harness

BINARY = os.path.abspath(harness.BINARY)
HOME, OTHER = "111122223333", "444455556666"
USER = f"arn:aws:iam::{HOME}:user/team/alice"
ROOT = f"arn:aws:iam::{HOME}:root"
ROLE = f"arn:aws:iam::{HOME}:role/app"
SESSION = f"arn:aws:sts::{HOME}:assumed-role/app/s1"
FEDERATED = f"arn:aws:sts::{HOME}:federated-user/feb"
LINKED = f"arn:aws:iam::{HOME}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
OBJECT = "arn:aws:s3:::bucket/key"
YES, NO, DENY = "Allowed", "ImplicitlyDenied", "ExplicitlyDenied"


def doc(*statements, version="2012-10-17"):
    return {"Version": version, "Statement": list(statements)}


def st(effect, action="*", resource="*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


ALL = doc(st("Allow"))
NOTHING = doc(st("Allow", "ec2:*"))
NEVER = doc(st("Deny"))


def to(principal, effect="Allow"):
    return doc(st(effect, Principal=principal))


def aws(*names):
    return {"AWS": list(names)}


def request(principal=USER, action="s3:GetObject", resource=OBJECT, **more):
    return {"principal": principal, "action": action, "resource": resource, **more}


def evaluate(lines, *words):
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    done = subprocess.run([BINARY, "evaluate", *words], input=text.encode(), capture_output=True, timeout=harness.PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


class Evaluate(unittest.TestCase):
    maxDiff = None

    def table(self, rows):
        answers = evaluate([line for _, line in rows])
        self.assertEqual(len(rows), len(answers))
        for (want, line), answer in zip(rows, answers):
            self.assertEqual(want, answer.get("decision", answer.get("error")), json.dumps(line))

    # "Policy evaluation for requests within a single account"
    def test_one_account(self):
        self.table([
            (NO, request()),
            (YES, request(identityPolicies=[ALL])),
            (YES, request(identityPolicies=[NOTHING, ALL])),
            (DENY, request(identityPolicies=[ALL, NEVER])),
            (YES, request(resourcePolicy=to(aws(USER)))),
            (YES, request(resourcePolicy=to("*"))),
            (NO, request(resourcePolicy=to(aws(HOME)))),
            (NO, request(resourcePolicy=to(aws(ROOT)))),
            (YES, request(resourcePolicy=to(aws(ROOT)), identityPolicies=[ALL])),
            (DENY, request(resourcePolicy=to(aws(ROOT), "Deny"), identityPolicies=[ALL])),
            (YES, request(ROOT)),
            (DENY, request(ROOT, resourcePolicy=to(aws(HOME), "Deny"))),
            (YES, request(ROLE, identityPolicies=[ALL])),
            (YES, request(SESSION, identityPolicies=[ALL])),
            (NO, request(SESSION)),
            (YES, request(ROLE, resourcePolicy=to(aws(ROLE)))),
            (YES, request(SESSION, resourcePolicy=to(aws(ROLE)))),
            (YES, request(SESSION, resourcePolicy=to(aws(SESSION)))),
            (NO, request(ROLE, resourcePolicy=to(aws(SESSION)))),
            (NO, request(SESSION, resourcePolicy=to(aws(SESSION + "x")))),
        ])

    # "Permissions boundaries for IAM entities", "Session policies": who is named decides what an implicit denial does.
    def test_bypasses_of_implicit_denials(self):
        def row(want, who, named, **more):
            return want, request(who, resourcePolicy=to(aws(named)), **more)
        limit, session = {"permissionBoundaries": [NOTHING]}, {"sessionPolicy": NOTHING}
        self.table([
            row(YES, USER, USER, **limit),
            row(NO, SESSION, ROLE, **limit),
            row(NO, SESSION, ROLE, **session),
            row(YES, SESSION, ROLE, sessionPolicy=ALL, permissionBoundaries=[ALL]),
            row(YES, SESSION, SESSION, **limit),
            row(YES, SESSION, SESSION, **session),
            row(NO, ROLE, ROLE, **limit),
            (YES, request(SESSION, resourcePolicy=to("*"), **limit, **session)),
            row(DENY, USER, USER, permissionBoundaries=[NEVER]),
            row(DENY, SESSION, SESSION, sessionPolicy=NEVER),
            row(YES, FEDERATED, FEDERATED),
            row(NO, FEDERATED, HOME, identityPolicies=[ALL]),
            (NO, request(FEDERATED, identityPolicies=[ALL])),
            (YES, request(FEDERATED, identityPolicies=[ALL], sessionPolicy=ALL)),
            (NO, request(FEDERATED, identityPolicies=[NOTHING], sessionPolicy=ALL)),
            (NO, request(identityPolicies=[ALL], **limit)),
            (YES, request(identityPolicies=[ALL], permissionBoundaries=None)),
            (NO, request(SESSION, identityPolicies=[ALL], **session)),
        ])

    # "Cross-account policy evaluation logic"
    def test_two_accounts(self):
        def row(want, **more):
            return want, request(**{"resourceAccount": OTHER, **more})
        self.table([
            row(NO, identityPolicies=[ALL]),
            row(NO, resourcePolicy=to(aws(USER))),
            row(NO, resourcePolicy=to("*")),
            row(YES, resourcePolicy=to(aws(USER)), identityPolicies=[ALL]),
            row(YES, resourcePolicy=to(aws(HOME)), identityPolicies=[ALL]),
            row(NO, resourcePolicy=to(aws(OTHER)), identityPolicies=[ALL]),
            row(NO, resourcePolicy=to(aws(USER)), identityPolicies=[ALL], permissionBoundaries=[NOTHING]),
            row(NO, principal=SESSION, resourcePolicy=to(aws(SESSION)), identityPolicies=[ALL], sessionPolicy=NOTHING),
            row(YES, principal=ROOT, resourcePolicy=to(aws(HOME))),
            row(NO, principal=ROOT),
            row(NO, resourcePolicy=to(aws(USER)), identityPolicies=[ALL], scps=[[NOTHING]]),
            # The account stands in the ARN.
            (NO, request(action="sqs:SendMessage", resource=f"arn:aws:sqs:us-east-1:{OTHER}:q", identityPolicies=[ALL])),
            (YES, request(action="sqs:SendMessage", resource=f"arn:aws:sqs:us-east-1:{HOME}:q", identityPolicies=[ALL])),
        ])

    # "Service control policies", "Resource control policies": AWS Organizations User Guide
    def test_organisations(self):
        all_rcp, no_rcp = to("*"), doc(st("Deny", Principal="*"))
        base = {"identityPolicies": [ALL]}
        self.table([
            (YES, request(scps=[], rcps=[], **base)),
            (YES, request(scps=[[ALL], [NOTHING, ALL]], **base)),
            (NO, request(scps=[[ALL], [NOTHING]], **base)),
            (NO, request(scps=[[NOTHING], [ALL]], **base)),
            (NO, request(scps=[[ALL], []], **base)),
            (DENY, request(scps=[[ALL], [ALL, NEVER]], **base)),
            (NO, request(ROOT, scps=[[NOTHING]])),
            (NO, request(scps=[[NOTHING]], resourcePolicy=to(aws(USER)))),
            (YES, request(LINKED, scps=[[NEVER]], rcps=[[no_rcp]], **base)),
            (YES, request("ec2.amazonaws.com", scps=[[NEVER]], resourcePolicy=to({"Service": "ec2.amazonaws.com"}))),
            (YES, request(rcps=[[all_rcp], [all_rcp]], **base)),
            (DENY, request(rcps=[[all_rcp], [all_rcp, no_rcp]], **base)),
            (NO, request(rcps=[[all_rcp], []], **base)),
            (DENY, request("anonymous", rcps=[[all_rcp, no_rcp]], resourcePolicy=to("*"))),
        ])

    # "AWS JSON policy elements: Principal", "...: NotPrincipal"
    def test_who(self):
        def deny_others(*named):
            return doc(st("Allow", Principal="*"), {"Effect": "Deny", "NotPrincipal": aws(*named), "Action": "*", "Resource": "*"})
        self.table([
            (YES, request("anonymous", resourcePolicy=to("*"))),
            (YES, request("anonymous", resourcePolicy=to({"AWS": "*"}))),
            (NO, request("anonymous", resourcePolicy=to(aws(HOME)))),
            (NO, request("anonymous", identityPolicies=[ALL])),
            (NO, request("ec2.amazonaws.com", resourcePolicy=to({"Service": "ecs.amazonaws.com"}))),
            (NO, request(resourcePolicy=to({"Service": "ec2.amazonaws.com"}))),
            (YES, request(resourcePolicy=deny_others(USER, ROOT))),
            (DENY, request(resourcePolicy=deny_others(USER))),
            (DENY, request(resourcePolicy=deny_others(USER, ROOT), permissionBoundaries=[ALL])),
            (YES, request(SESSION, resourcePolicy=deny_others(SESSION, ROLE, HOME))),
            (DENY, request(SESSION, resourcePolicy=deny_others(ROLE, HOME))),
            (YES, request(ROLE, resourcePolicy=deny_others(ROLE, HOME))),
        ])

    # "How IAM works with key policies" (KMS), "IAM role trust policies": they must allow by themselves.
    def test_policies_that_must_opt_in(self):
        key, role = f"arn:aws:kms:us-east-1:{HOME}:key/1", f"arn:aws:iam::{HOME}:role/x"
        def trust(principal):
            return doc({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
        def kms(**more):
            return request(action="kms:Decrypt", resource=key, **more)
        def assume(**more):
            return request(action="sts:AssumeRole", resource=role, **more)
        self.table([
            (NO, kms(identityPolicies=[ALL])),
            (NO, kms(identityPolicies=[ALL], resourcePolicy=to(aws(OTHER)))),
            (YES, kms(identityPolicies=[ALL], resourcePolicy=to(aws(HOME)))),
            (NO, kms(resourcePolicy=to(aws(HOME)))),
            (YES, kms(resourcePolicy=to(aws(USER)))),
            (NO, kms(principal=ROOT, resourcePolicy=to(aws(OTHER)))),
            (YES, request(action="kms:ListKeys", resource="*", identityPolicies=[ALL])),
            (YES, request(action="kms:CreateAlias", resource=f"arn:aws:kms:us-east-1:{HOME}:alias/a", identityPolicies=[ALL])),
            (NO, assume(identityPolicies=[ALL])),
            (NO, assume(identityPolicies=[ALL], resourcePolicy=trust(aws(OTHER)))),
            (YES, assume(identityPolicies=[ALL], resourcePolicy=trust(aws(HOME)))),
            (NO, assume(resourcePolicy=trust(aws(HOME)))),
            (YES, assume(resourcePolicy=trust(aws(USER)))),
            (YES, request("ec2.amazonaws.com", "sts:AssumeRole", role, resourcePolicy=trust({"Service": "ec2.amazonaws.com"}))),
            (YES, request(action="iam:GetRole", resource=role, identityPolicies=[ALL])),
        ])

    # "Control access to VPC endpoints using endpoint policies"
    def test_endpoints(self):
        self.table([
            (YES, request(identityPolicies=[ALL], vpcePolicies=[])),
            (YES, request(identityPolicies=[ALL], vpcePolicies=[to("*")])),
            (NO, request(identityPolicies=[ALL], vpcePolicies=[to(aws(OTHER))])),
            (NO, request(vpcePolicies=[to("*")])),
            (DENY, request(identityPolicies=[ALL], vpcePolicies=[to("*"), to("*", "Deny")])),
        ])

    # "AWS global condition context keys", "IAM policy elements: Variables and tags", "Condition operators"
    def test_context(self):
        def when(operator, key, value, context=None, who=USER, version="2012-10-17"):
            return request(who, identityPolicies=[doc(st("Allow", Condition={operator: {key: value}}), version=version)],
                           **({} if context is None else {"context": context}))
        tagged = {"aws:PrincipalTag/team": "red", "aws:TagKeys": ["a", "b"]}
        self.table([
            (YES, when("StringEquals", "aws:username", "alice")),
            (NO, when("StringEquals", "aws:username", "alice", {"AWS:UserName": "bob"})),
            (YES, when("ArnEquals", "aws:PrincipalArn", USER)),
            (YES, when("ArnEquals", "aws:PrincipalArn", ROLE, who=SESSION)),
            (YES, when("ArnEquals", "aws:PrincipalArn", f"arn:aws:iam::{HOME}:role/x/app",
                       {"aws:PrincipalArn": f"arn:aws:iam::{HOME}:role/x/app"}, SESSION)),
            (YES, when("StringEquals", "aws:PrincipalType", "AssumedRole", who=SESSION)),
            (YES, when("StringEquals", "aws:PrincipalAccount", HOME)),
            (YES, when("StringEquals", "aws:ResourceAccount", HOME)),
            (YES, when("Bool", "aws:PrincipalIsAWSService", "false")),
            (YES, when("StringEquals", "aws:PrincipalTag/TEAM", "${aws:PrincipalTag/team}", tagged)),
            (NO, when("StringEquals", "aws:PrincipalTag/team", "${aws:PrincipalTag/team}", tagged, version="2008-10-17")),
            (YES, when("ForAllValues:StringEquals", "aws:TagKeys", ["a", "b", "c"], tagged)),
            (NO, when("ForAllValues:StringEquals", "aws:TagKeys", ["a"], tagged)),
            (YES, when("ForAllValues:StringEquals", "aws:Absent", ["a"], tagged)),
            (NO, when("ForAnyValue:StringEquals", "aws:Absent", ["a"], tagged)),
            (YES, when("ForAnyValue:StringLike", "aws:TagKeys", "B*", {"aws:TagKeys": ["Bx"]})),
            (YES, when("Null", "aws:TokenIssueTime", "true")),
            (YES, when("StringNotEquals", "aws:Absent", "x")),
            (YES, when("NumericLessThanIfExists", "aws:MultiFactorAuthAge", 60)),
            (NO, when("NumericLessThan", "aws:MultiFactorAuthAge", 60, {"aws:MultiFactorAuthAge": 61})),
            (YES, when("IpAddress", "aws:SourceIp", "2001:db8::/32", {"aws:SourceIp": "2001:0DB8::1"})),
            (YES, when("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z", {"aws:CurrentTime": "1767225600"})),
            (YES, when("BinaryEquals", "x:Key", "QUI=", {"x:Key": "AB"})),
        ])

    def test_learns_a_role_path_from_the_context_for_that_role_alone(self):
        far = f"arn:aws:iam::{HOME}:role/x/app"
        self.table([
            (YES, request(SESSION, resourcePolicy=to(aws(far)), context={"aws:PrincipalArn": far})),
            (NO, request(SESSION, resourcePolicy=to(aws(far + "2")), context={"aws:PrincipalArn": far + "2"})),
            (NO, request(SESSION, resourcePolicy=to(aws(far)), context={"aws:PrincipalArn": [far, far]})),
        ])

    def test_errors_are_answers(self):
        good = request(identityPolicies=[ALL])
        lines = ["", "{", "[]", "null", json.dumps(good) + " x", json.dumps({**good, "permissionBoundary": []}),
                 '{"principal":"anonymous","principal":"anonymous","action":"s3:x","resource":"*"}',
                 {"action": "s3:x", "resource": "*"}, {**good, "action": "s3:*"}, {**good, "action": "s3"},
                 {**good, "principal": "nobody"}, {**good, "principal": {"AWS": USER}}, {**good, "resource": ""},
                 {**good, "resourceAccount": "12"}, {**good, "context": []}, {**good, "context": {"a": {"b": "c"}}},
                 {**good, "context": {"a:b": "1", "A:B": "2"}}, {**good, "identityPolicies": ALL},
                 {**good, "identityPolicies": ["{}"]}, {**good, "scps": [ALL]}, {**good, "sessionPolicy": [ALL]},
                 {**good, "identityPolicies": [doc({"Effect": "Allow", "Action": "s3:*"})]},
                 {**good, "resourcePolicy": doc(st("Allow"))}, {**good, "rcps": [[ALL]]},
                 {**good, "principal": f"arn:aws:iam::{HOME}:group/g"}]
        answers = evaluate(lines + [good])
        self.assertEqual(len(lines) + 1, len(answers))
        for line, answer in zip(lines, answers):
            self.assertEqual(["error"], list(answer), line)
        self.assertEqual(YES, answers[-1]["decision"])

    def test_errors_name_the_place(self):
        bad = doc(st("Allow"), {"Effect": "Allow", "Action": "s3:*", "Resource": "x"})
        answer = evaluate([request(identityPolicies=[ALL, bad])])[0]["error"]
        self.assertIn("identityPolicies[1]: Resource x must be in ARN format or \"*\".", answer)

    def test_reasons_name_the_statement(self):
        policy = doc(st("Allow"), st("Deny", Sid="Stop"))
        reason = evaluate([request(scps=[[ALL], [ALL, policy]])])[0]["reasons"][0]
        self.assertEqual(("scps", 1, 1, 1, "Deny", "Stop", 1),
                         tuple(reason[k] for k in ("layer", "level", "policy", "statement", "effect", "sid", "line")))
        self.assertIn("with an explicit deny in a service control policy", reason["message"])
        explained = evaluate([request(identityPolicies=[policy])], "--explain")[0]
        self.assertEqual(DENY, explained["decision"])
        self.assertEqual("explicitDeny", explained["reasons"][0]["decision"])

    def test_many_lines_keep_their_order(self):
        rows = [request(identityPolicies=[doc(st("Allow", f"s3:Get{i % 97}"))], action=f"s3:Get{i % 89}") for i in range(20000)]
        answers = evaluate(rows)
        self.assertEqual([YES if i % 97 == i % 89 else NO for i in range(20000)], [a["decision"] for a in answers])

    def test_answers_each_line_as_it_comes(self):
        with subprocess.Popen([BINARY, "evaluate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
            for want, line in ((YES, request(identityPolicies=[ALL])), (NO, request())):
                p.stdin.write(json.dumps(line).encode() + b"\n")
                p.stdin.flush()
                self.assertEqual(want, json.loads(p.stdout.readline())["decision"])
            p.stdin.write(json.dumps(request(ROOT)).encode())
            p.stdin.close()
            self.assertEqual(YES, json.loads(p.stdout.readline())["decision"])
            self.assertEqual(0, p.wait(timeout=20))

    def test_over_long_lines_are_refused_alone(self):
        huge = '{"principal":"' + "a" * (18 << 20) + '"}'
        answers = evaluate([request(ROOT), huge, request(ROOT)])
        self.assertEqual([YES, None, YES], [a.get("decision") for a in answers])


if __name__ == "__main__":
    harness.main()
