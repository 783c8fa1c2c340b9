#!/usr/bin/env python3
"""SimulateCustomPolicy, SimulatePrincipalPolicy and the context keys they need, through boto3."""
import json

import harness
from iam_case import IamCase, allow, trust_of

ALICE, OTHER = "arn:aws:iam::111122223333:user/alice", "999988887777"
REPORT = "arn:aws:s3:::reports/q1"


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(effect, action, resource="*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def entry(key, kind, *values):
    return {"ContextKeyName": key, "ContextKeyType": kind, "ContextKeyValues": list(values)}


READ = policy(statement("Allow", "s3:Get*", "arn:aws:s3:::reports/*"))


class Simulate(IamCase):
    def custom(self, *documents, action="s3:GetObject", resource=REPORT, **more):
        """The one result, with its one resource's."""
        got = self.iam.simulate_custom_policy(PolicyInputList=list(documents), ActionNames=[action], ResourceArns=[resource], **more)
        self.assertEqual((1, False), (len(got["EvaluationResults"]), got["IsTruncated"]))
        result = got["EvaluationResults"][0]
        self.assertEqual((action, resource), (result["EvalActionName"], result["EvalResourceName"]))
        if resource != "*":
            self.assertEqual(result["EvalDecision"], result["ResourceSpecificResults"][0]["EvalResourceDecision"])
        return result

    def decision(self, *documents, **more):
        return self.custom(*documents, **more)["EvalDecision"]

    def wrong(self, code, message, *documents, **more):
        self.refused(code, message, lambda: self.custom(*documents, **more))

    def test_decisions(self):
        self.assertEqual("allowed", self.decision(READ))
        self.assertEqual("implicitDeny", self.decision(READ, action="s3:PutObject"))
        self.assertEqual("explicitDeny", self.decision(READ, policy(statement("Deny", "*"))))
        self.assertEqual("implicitDeny", self.decision(READ, resource="*"))
        everything = self.iam.simulate_custom_policy(PolicyInputList=[policy(statement("Allow", "*"))], ActionNames=["s3:GetObject"])["EvaluationResults"][0]
        self.assertEqual(("*", "allowed"), (everything["EvalResourceName"], everything["EvalDecision"]))
        self.assertNotIn("ResourceSpecificResults", everything)

    def test_statements_stand_where_aws_says(self):
        one = '{"Version":"2012-10-17","Statement":' + json.dumps(statement("Allow", "s3:*"), separators=(",", ":")) + "}"
        several = ('{\n  "Version": "2012-10-17",\n  "Statement": [\n    {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"},\n'
                   '    {\n      "Effect": "Allow", "Action": "s3:*", "Resource": "*"\n    }\n  ]\n}')
        self.assertEqual([{"SourcePolicyId": "PolicyInputList.1", "SourcePolicyType": "IAM Policy", "StartPosition": {"Line": 1, "Column": 38},
                           "EndPosition": {"Line": 1, "Column": len(one)}}], self.custom(one)["MatchedStatements"])
        comma = {"Line": 4, "Column": len(several.splitlines()[3])}
        matched = self.custom(one, several)["MatchedStatements"]
        self.assertEqual(["PolicyInputList.1", "PolicyInputList.2"], [m["SourcePolicyId"] for m in matched])
        self.assertEqual((comma, {"Line": 7, "Column": 6}), (matched[1]["StartPosition"], matched[1]["EndPosition"]))
        ec2 = self.custom(several, action="ec2:RunInstances")["MatchedStatements"]
        self.assertEqual(({"Line": 3, "Column": 17}, comma), (ec2[0]["StartPosition"], ec2[0]["EndPosition"]))
        # A deny is the only kind told; what is denied by absence has nothing to tell.
        self.assertEqual(["PolicyInputList.2"], [m["SourcePolicyId"] for m in self.custom(one, policy(statement("Deny", "s3:GetObject")))["MatchedStatements"]])
        self.assertEqual([], self.custom(several, action="iam:GetUser")["MatchedStatements"])

    def test_context_of_every_type(self):
        for operator, key, kind, good, bad in (
                ("StringEquals", "aws:PrincipalTag/a", "string", "x", "y"), ("NumericLessThan", "s3:max-keys", "numeric", "9.5", "11"),
                ("Bool", "aws:SecureTransport", "boolean", "true", "false"), ("IpAddress", "aws:SourceIp", "ip", "10.1.2.3", "11.1.2.3"),
                ("DateLessThan", "aws:CurrentTime", "date", "2019-01-01T00:00:00Z", "1700000000"), ("BinaryEquals", "my:bytes", "binary", "QmluYXJ5", "QmluYXI=")):
            value = {"StringEquals": "x", "NumericLessThan": "10", "Bool": "true", "IpAddress": "10.0.0.0/8", "DateLessThan": "2020-01-01T00:00:00Z",
                     "BinaryEquals": "QmluYXJ5"}[operator]
            document = policy(statement("Allow", "*", Condition={operator: {key: value}}))
            for given, decision in ((good, "allowed"), (bad, "implicitDeny")):
                self.assertEqual(decision, self.decision(document, ContextEntries=[entry(key, kind, given)]), (operator, given))
        every = policy(statement("Allow", "*", Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}))
        self.assertEqual("allowed", self.decision(every, ContextEntries=[entry("aws:TagKeys", "stringList", "a", "b")]))
        self.assertEqual("implicitDeny", self.decision(every, ContextEntries=[entry("aws:TagKeys", "stringList", "a", "c")]))

    def test_context_is_checked(self):
        for bad in (entry("aws:a", "numeric", "10abc"), entry("aws:a", "numeric", ""), entry("aws:a", "boolean", "yes"), entry("aws:a", "ip", "10.0.0"),
                    entry("aws:a", "date", "tomorrow"), entry("aws:a", "binary", "?"), entry("aws:a", "string", "a", "b"), entry("aws:a", "string")):
            self.wrong("InvalidInput", None, READ, ContextEntries=[bad])
        self.wrong("InvalidInput", None, READ, ContextEntries=[entry("aws:a", "string", "a"), entry("AWS:A", "string", "b")])
        self.wrong("ValidationError", None, READ, ContextEntries=[entry("aws:a", "text", "a")])

    def test_missing_context_is_named(self):
        document = policy(statement("Allow", "s3:*", "arn:aws:s3:::home/${aws:username}/*"),
                          statement("Deny", "*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}}))
        specific = self.custom(document)["ResourceSpecificResults"][0]
        self.assertEqual(["aws:MultiFactorAuthPresent", "aws:username"], sorted(specific["MissingContextValues"]))
        got = self.custom(document, resource="arn:aws:s3:::home/alice/x", CallerArn=ALICE, ContextEntries=[entry("AWS:multifactorauthpresent", "boolean", "true")])
        self.assertEqual(("allowed", []), (got["EvalDecision"], got["ResourceSpecificResults"][0]["MissingContextValues"]))
        self.assertEqual(["aws:MultiFactorAuthPresent", "aws:username"], sorted(self.custom(document, resource="*")["MissingContextValues"]))

    def test_boundaries(self):
        everything = policy(statement("Allow", "*"))
        for boundary, allows, decision in ((READ, True, "allowed"), (policy(statement("Allow", "ec2:*")), False, "implicitDeny"),
                                           (policy(statement("Allow", "*"), statement("Deny", "s3:*")), False, "explicitDeny")):
            got = self.custom(everything, PermissionsBoundaryPolicyInputList=[boundary])
            self.assertEqual((decision, {"AllowedByPermissionsBoundary": allows}), (got["EvalDecision"], got["PermissionsBoundaryDecisionDetail"]))
        self.assertEqual(["PermissionsBoundaryPolicyInputList.1"], [m["SourcePolicyId"] for m in got["MatchedStatements"]])
        self.assertNotIn("PermissionsBoundaryDecisionDetail", self.custom(everything))
        self.wrong("InvalidInput", None, everything, PermissionsBoundaryPolicyInputList=[READ, READ])

    def test_resource_policies(self):
        theirs = policy(statement("Allow", "s3:GetObject", "arn:aws:s3:::reports/*", Principal={"AWS": ALICE}))
        nothing = policy(statement("Allow", "ec2:*"))
        got = self.custom(nothing, ResourcePolicy=theirs, CallerArn=ALICE)
        self.assertEqual(("allowed", {}), (got["EvalDecision"], got["EvalDecisionDetails"]))
        self.assertEqual([("ResourcePolicy", "Resource Policy")], [(m["SourcePolicyId"], m["SourcePolicyType"]) for m in got["MatchedStatements"]])
        self.assertEqual("implicitDeny", self.decision(nothing, ResourcePolicy=theirs, CallerArn=ALICE.replace("alice", "bob")))
        # Across accounts both sides must allow, and both are told.
        owner = f"arn:aws:iam::{OTHER}:root"
        got = self.custom(nothing, ResourcePolicy=theirs, CallerArn=ALICE, ResourceOwner=owner)
        self.assertEqual(("implicitDeny", {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}),
                         (got["EvalDecision"], got["ResourceSpecificResults"][0]["EvalDecisionDetails"]))
        self.assertEqual("allowed", self.decision(READ, ResourcePolicy=theirs, CallerArn=ALICE, ResourceOwner=owner))
        self.wrong("InvalidInput", "Invalid caller - Caller must be an IAM user in this context.", READ, ResourcePolicy=theirs)
        for caller in ("arn:aws:iam::111122223333:role/r", "arn:aws:sts::111122223333:assumed-role/r/s", "alice"):
            self.wrong("InvalidInput", "Invalid caller - Caller must be an IAM user in this context.", READ, CallerArn=caller)
        self.wrong("InvalidInput", f"'{OTHER}' is not a valid as a Resource Owner.", READ, ResourceOwner=OTHER)
        self.wrong("InvalidInput", None, READ, ResourcePolicy=READ, CallerArn=ALICE)

    def test_roles_are_assumed_by_their_trust(self):
        role = "arn:aws:iam::111122223333:role/deploy"
        may = policy(statement("Allow", "sts:AssumeRole"))
        ask = {"action": "sts:AssumeRole", "resource": role, "CallerArn": ALICE}
        trust = {"Effect": "Allow", "Principal": {"AWS": ALICE}, "Action": "sts:AssumeRole"}
        self.assertEqual("allowed", self.decision(may, ResourcePolicy=policy(trust), **ask))
        self.assertEqual("explicitDeny", self.decision(may, ResourcePolicy=policy({**trust, "Effect": "Deny"}), **ask))
        self.assertEqual("implicitDeny", self.decision(may, ResourcePolicy=policy({**trust, "Principal": {"Service": "ec2.amazonaws.com"}}), **ask))
        # A role of the account brings its own.
        user = self.user()
        self.iam.put_user_policy(UserName=user["UserName"], PolicyName="p", PolicyDocument=may)
        self.cleanup(self.iam.delete_user_policy, UserName=user["UserName"], PolicyName="p")
        mine, other = self.role(trust_of(user["Arn"])), self.role()
        got = self.iam.simulate_principal_policy(PolicySourceArn=user["Arn"], ActionNames=["sts:AssumeRole"], ResourceArns=[mine["Arn"], other["Arn"]])
        result = got["EvaluationResults"][0]
        self.assertEqual("implicitDeny", result["EvalDecision"])
        self.assertEqual(["allowed", "implicitDeny"], [r["EvalResourceDecision"] for r in result["ResourceSpecificResults"]])
        self.assertIn(f"user_{user['UserName']}_p", [m["SourcePolicyId"] for m in result["ResourceSpecificResults"][0]["MatchedStatements"]])

    def test_principals(self):
        user, group, role = self.user(Tags=[{"Key": "team", "Value": "red"}]), self.group(), self.role()
        tagged = policy(statement("Allow", "s3:GetObject", "arn:aws:s3:::${aws:username}/*", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}}))
        self.iam.put_user_policy(UserName=user["UserName"], PolicyName="mine", PolicyDocument=tagged)
        self.cleanup(self.iam.delete_user_policy, UserName=user["UserName"], PolicyName="mine")
        self.iam.put_group_policy(GroupName=group["GroupName"], PolicyName="ours", PolicyDocument=policy(statement("Allow", "sqs:*")))
        self.cleanup(self.iam.delete_group_policy, GroupName=group["GroupName"], PolicyName="ours")
        self.iam.add_user_to_group(GroupName=group["GroupName"], UserName=user["UserName"])
        self.cleanup(self.iam.remove_user_from_group, GroupName=group["GroupName"], UserName=user["UserName"])
        aws = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
        self.iam.attach_role_policy(RoleName=role["RoleName"], PolicyArn=aws)
        self.cleanup(self.iam.detach_role_policy, RoleName=role["RoleName"], PolicyArn=aws)

        def of(arn, action, resource="*", **more):
            result = self.iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource], **more)["EvaluationResults"][0]
            return result["EvalDecision"], [m["SourcePolicyId"] for m in result["MatchedStatements"]]
        self.assertEqual(("allowed", [f"user_{user['UserName']}_mine"]), of(user["Arn"], "s3:GetObject", f"arn:aws:s3:::{user['UserName']}/x"))
        self.assertEqual(("allowed", [f"group_{group['GroupName']}_ours"]), of(user["Arn"], "sqs:SendMessage"))
        self.assertEqual(("allowed", [f"group_{group['GroupName']}_ours"]), of(self.arn("group", group["GroupName"]), "sqs:SendMessage"))
        self.assertEqual(("allowed", ["IAMReadOnlyAccess"]), of(role["Arn"], "iam:ListUsers"))
        self.assertEqual("implicitDeny", of(role["Arn"], "iam:CreateUser")[0])
        self.assertEqual("allowed", of(role["Arn"], "iam:CreateUser", PolicyInputList=[policy(statement("Allow", "*"))])[0])
        # Its boundary counts unless another is given in its place.
        boundary = self.policy(allow("ec2:*"))["Arn"]
        self.iam.put_role_permissions_boundary(RoleName=role["RoleName"], PermissionsBoundary=boundary)
        self.assertEqual("implicitDeny", of(role["Arn"], "iam:ListUsers")[0])
        self.assertEqual("allowed", of(role["Arn"], "iam:ListUsers", PermissionsBoundaryPolicyInputList=[policy(statement("Allow", "*"))])[0])
        self.iam.delete_role_permissions_boundary(RoleName=role["RoleName"])
        self.refused("InvalidInput", "Invalid caller - Caller must be an IAM user in this context.", self.iam.simulate_principal_policy,
                     PolicySourceArn=role["Arn"], ActionNames=["s3:GetObject"], ResourcePolicy=policy(statement("Allow", "*", Principal="*")))

    def test_sources_are_checked(self):
        for call, more in ((self.iam.simulate_principal_policy, {"ActionNames": ["s3:GetObject"]}), (self.iam.get_context_keys_for_principal_policy, {})):
            session = f"arn:aws:sts::{self.account}:assumed-role/r/s"
            self.refused("InvalidInput", f"Invalid Entity Arn: {session} does not clearly define entity type and name.", call, PolicySourceArn=session, **more)
            self.refused("InvalidInput", f"Invalid Policy Source Arn: caller's account {self.account} does not have access to policies in account {OTHER}",
                         call, PolicySourceArn=f"arn:aws:iam::{OTHER}:user/alice", **more)
            self.refused("NoSuchEntity", "The user with name none cannot be found.", call, PolicySourceArn=self.arn("user", "none"), **more)
            self.refused("NoSuchEntity", "The role with name none cannot be found.", call, PolicySourceArn=self.arn("role", "none"), **more)

    def test_inputs_are_checked(self):
        for action in ("GetObject", "s3:*", "s3:Get?bject", "s3:a:b", ":GetObject", "s3:"):
            self.wrong("InvalidInput", None, READ, action=action)
        self.wrong("InvalidInput", "ResourceNames are not in a valid ARN format: reports.", READ, resource="reports")
        self.wrong("InvalidInput", None, "{}")
        self.wrong("InvalidInput", None, "{")
        self.refused("ValidationError", None, self.iam.simulate_custom_policy, PolicyInputList=[READ])
        self.wrong("ValidationError", None, READ, MaxItems=1001)
        self.wrong("InvalidInput", None, READ, ResourceHandlingOption="EC2-Nonsense")
        machine = [f"arn:aws:ec2:us-east-1:111122223333:{kind}/x" for kind in ("instance", "security-group", "network-interface")] + ["arn:aws:ec2:us-east-1::image/x"]
        run = {"PolicyInputList": [READ], "ActionNames": ["ec2:RunInstances"], "ResourceHandlingOption": "EC2-VPC-InstanceStore"}
        self.iam.simulate_custom_policy(ResourceArns=machine, **run)
        self.refused("InvalidInput", None, self.iam.simulate_custom_policy, ResourceArns=machine[:3], **run)

    def test_several_resources(self):
        document = policy(statement("Allow", "s3:*", "arn:aws:s3:::a"), statement("Deny", "s3:*", "arn:aws:s3:::b"))
        ask = lambda *names: self.iam.simulate_custom_policy(PolicyInputList=[document], ActionNames=["s3:ListBucket"],
                                                             ResourceArns=[f"arn:aws:s3:::{n}" for n in names])["EvaluationResults"][0]
        self.assertEqual(["allowed", "explicitDeny", "implicitDeny"], [r["EvalResourceDecision"] for r in ask("a", "b", "c")["ResourceSpecificResults"]])
        self.assertEqual(("explicitDeny", "implicitDeny", "allowed"), (ask("a", "b", "c")["EvalDecision"], ask("a", "c")["EvalDecision"], ask("a", "a")["EvalDecision"]))

    def test_pages(self):
        actions = [f"s3:Get{i}" for i in range(7)]
        pages = list(self.iam.get_paginator("simulate_custom_policy").paginate(PolicyInputList=[READ], ActionNames=actions, PaginationConfig={"PageSize": 3}))
        self.assertEqual([3, 3, 1], [len(p["EvaluationResults"]) for p in pages])
        self.assertEqual(actions, [r["EvalActionName"] for p in pages for r in p["EvaluationResults"]])
        self.wrong("ValidationError", None, READ, Marker="nonsense")

    def test_permission_is_needed(self):
        nobody = self.client_with(allow("iam:SimulateCustomPolicy"))
        nobody.simulate_custom_policy(PolicyInputList=[READ], ActionNames=["s3:GetObject"])
        self.refused("AccessDenied", None, nobody.simulate_principal_policy, PolicySourceArn=self.user()["Arn"], ActionNames=["s3:GetObject"])


if __name__ == "__main__":
    harness.serve()
    harness.main()
