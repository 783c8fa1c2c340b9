#!/usr/bin/env python3
"""IAM policies: managed, versions, attached, inline, boundaries, and what describes them, through boto3."""
import json

import harness
from iam_case import S3_POLICY, IamCase, allow, padded, trust_of

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
KINDS = ("user", "group", "role")


class Holders(IamCase):
    """User, group and role are asked alike."""

    def holder(self, kind):
        return {"user": self.user, "group": self.group, "role": self.role}[kind]()[f"{kind.title()}Name"]

    def op(self, kind, verb, noun="policy"):
        return getattr(self.iam, f"{verb}_{kind}_{noun}")

    def who(self, kind, name):
        return {f"{kind.title()}Name": name}

    def attach(self, kind, name, arn):
        self.op(kind, "attach")(**self.who(kind, name), PolicyArn=arn)
        self.cleanup(self.op(kind, "detach"), **self.who(kind, name), PolicyArn=arn)

    def put(self, kind, name, policy, document):
        text = document if isinstance(document, str) else json.dumps(document)
        self.op(kind, "put")(**self.who(kind, name), PolicyName=policy, PolicyDocument=text)
        self.cleanup(self.op(kind, "delete"), **self.who(kind, name), PolicyName=policy)


class ManagedPolicies(IamCase):
    def test_absent(self):
        arn = self.arn("policy", "absent")
        gone, version = f"Policy {arn} was not found.", f"Policy {arn} version v1 does not exist or is not attachable."
        for call, more, message in [
            (self.iam.get_policy, {}, gone), (self.iam.delete_policy, {}, gone),
            (self.iam.tag_policy, {"Tags": [{"Key": "a", "Value": "b"}]}, gone), (self.iam.untag_policy, {"TagKeys": ["a"]}, gone),
            (self.iam.list_policy_tags, {}, gone), (self.iam.list_policy_versions, {}, gone),
            (self.iam.list_entities_for_policy, {}, gone),
            (self.iam.create_policy_version, {"PolicyDocument": json.dumps(S3_POLICY)}, gone),
            (self.iam.get_policy_version, {"VersionId": "v1"}, version),
            (self.iam.delete_policy_version, {"VersionId": "v1"}, version),
            (self.iam.set_default_policy_version, {"VersionId": "v1"}, version),
        ]:
            with self.subTest(call.__name__):
                self.refused("NoSuchEntity", message, call, PolicyArn=arn, **more)

    def test_arn_is_whole(self):
        arn = self.policy(Path="/x/")["Arn"]
        for wrong in (arn.replace("/x/", "/"), arn.replace("/x/", "/y/"), arn.upper().replace("ARN:AWS:IAM", "arn:aws:iam")
                      .replace("POLICY", "policy")):
            self.refused("NoSuchEntity", None, self.iam.get_policy, PolicyArn=wrong)
        self.refused("ValidationError", None, self.iam.get_policy, PolicyArn="x" * 19)
        self.refused("NoSuchEntity", None, self.iam.get_policy, PolicyArn="arn:aws:iam::aws:policy/NoSuchPolicyOfAws")

    def test_name_taken_in_any_case(self):
        name = self.policy()["PolicyName"]
        for taken in (name, name.upper()):
            self.refused("EntityAlreadyExists", f"A policy called {taken} already exists. Duplicate names are not allowed.",
                         self.iam.create_policy, PolicyName=taken, Path="/other/", PolicyDocument=json.dumps(S3_POLICY))

    def test_malformed(self):
        arn = self.policy()["Arn"]
        statement = S3_POLICY["Statement"][0]
        for document in ("{", "[]", json.dumps({"Version": "2012-10-17"}), json.dumps(trust_of(self.account)),
                         json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Effect": "Permit"}]}),
                         json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*"}]}),
                         '{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}'):
            with self.subTest(document):
                self.refused("MalformedPolicyDocument", None, self.iam.create_policy, PolicyName=self.name(),
                             PolicyDocument=document)
                self.refused("MalformedPolicyDocument", None, self.iam.create_policy_version, PolicyArn=arn,
                             PolicyDocument=document)

    def test_size(self):
        message = "Cannot exceed quota for PolicySize: 6144"
        made = self.iam.create_policy(PolicyName=self.name(), PolicyDocument=padded(S3_POLICY, 6144).replace(",", " ,\n"))["Policy"]
        self.cleanup(self.iam.delete_policy, PolicyArn=made["Arn"])
        self.refused("LimitExceeded", message, self.iam.create_policy, PolicyName=self.name(),
                     PolicyDocument=padded(S3_POLICY, 6145))
        self.refused("LimitExceeded", message, self.iam.create_policy_version, PolicyArn=made["Arn"],
                     PolicyDocument=padded(S3_POLICY, 6145))

    def test_shapes(self):
        tags = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
        made = self.policy(Path="/p/q/", Description="what for", Tags=tags)
        self.assertEqual(set(made), {"PolicyName", "PolicyId", "Arn", "Path", "DefaultVersionId", "AttachmentCount",
                                     "PermissionsBoundaryUsageCount", "IsAttachable", "CreateDate", "UpdateDate", "Tags"})
        self.assertEqual((made["DefaultVersionId"], made["AttachmentCount"], made["IsAttachable"]), ("v1", 0, True))
        self.assertRegex(made["PolicyId"], r"^ANPA[A-Z2-7]{17}$")
        got = self.iam.get_policy(PolicyArn=made["Arn"])["Policy"]
        self.assertEqual((got["Description"], got["Tags"]), ("what for", tags))
        self.assertNotIn("Tags", self.policy())
        self.assertEqual(self.iam.list_policy_tags(PolicyArn=made["Arn"])["Tags"], tags[::-1])
        self.iam.untag_policy(PolicyArn=made["Arn"], TagKeys=["a"])
        self.assertEqual(self.iam.get_policy(PolicyArn=made["Arn"])["Policy"]["Tags"], tags[1:])

    def test_aws_managed(self):
        got = self.iam.get_policy(PolicyArn=READ_ONLY)["Policy"]
        self.assertEqual((got["PolicyName"], got["Path"], got["Arn"], got["Tags"]), ("ReadOnlyAccess", "/", READ_ONLY, []))
        version = self.iam.get_policy_version(PolicyArn=READ_ONLY, VersionId=got["DefaultVersionId"])["PolicyVersion"]
        self.assertTrue(version["IsDefaultVersion"])
        self.assertEqual(version["Document"]["Version"], "2012-10-17")
        self.assertEqual(self.iam.list_policy_versions(PolicyArn=READ_ONLY)["Versions"][0]["VersionId"], got["DefaultVersionId"])
        for call, more in [(self.iam.delete_policy, {}), (self.iam.tag_policy, {"Tags": [{"Key": "a", "Value": "b"}]}),
                           (self.iam.create_policy_version, {"PolicyDocument": json.dumps(S3_POLICY)})]:
            with self.subTest(call.__name__), self.assertRaises(self.iam.exceptions.ClientError):
                call(PolicyArn=READ_ONLY, **more)


class Versions(IamCase):
    def test_life(self):
        arn = self.policy()["Arn"]
        made = self.iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(allow("s3:List*")))["PolicyVersion"]
        self.assertEqual((made["VersionId"], made["IsDefaultVersion"], "Document" in made), ("v2", False, False))
        self.iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(allow("s3:Put*")), SetAsDefault=True)
        listed = self.iam.list_policy_versions(PolicyArn=arn)["Versions"]
        self.assertEqual([(v["VersionId"], v["IsDefaultVersion"]) for v in listed], [("v3", True), ("v2", False), ("v1", False)])
        self.refused("DeleteConflict", "Cannot delete the default version of a policy.", self.iam.delete_policy_version,
                     PolicyArn=arn, VersionId="v3")
        self.refused("DeleteConflict", "This policy has more than one version. Before you delete a policy, you must delete the "
                     "policy's versions. The default version is deleted with the policy.", self.iam.delete_policy, PolicyArn=arn)
        self.iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
        self.assertEqual(self.iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"], "v2")
        got = self.iam.get_policy_version(PolicyArn=arn, VersionId="v3")["PolicyVersion"]
        self.assertEqual((got["Document"], got["IsDefaultVersion"]), (allow("s3:Put*"), False))
        for version in ("v1", "v3"):
            self.iam.delete_policy_version(PolicyArn=arn, VersionId=version)
        absent = f"Policy {arn} version v1 does not exist or is not attachable."
        for call in (self.iam.get_policy_version, self.iam.delete_policy_version, self.iam.set_default_policy_version):
            self.refused("NoSuchEntity", absent, call, PolicyArn=arn, VersionId="v1")
        self.refused("ValidationError", None, self.iam.get_policy_version, PolicyArn=arn, VersionId="1")
        self.iam.delete_policy(PolicyArn=arn)

    def test_five(self):
        arn = self.policy()["Arn"]
        document = json.dumps(S3_POLICY)
        for _ in range(4):
            self.iam.create_policy_version(PolicyArn=arn, PolicyDocument=document)
        self.refused("LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must "
                     "delete an existing version.", self.iam.create_policy_version, PolicyArn=arn, PolicyDocument=document)
        self.iam.delete_policy_version(PolicyArn=arn, VersionId="v3")
        made = self.iam.create_policy_version(PolicyArn=arn, PolicyDocument=document)["PolicyVersion"]
        self.assertEqual(made["VersionId"], "v6")
        for version in ("v2", "v4", "v5", "v6"):
            self.iam.delete_policy_version(PolicyArn=arn, VersionId=version)

    def test_default_version_decides(self):
        arn = self.policy(allow("iam:ListRoles"))["Arn"]
        user = self.user()["UserName"]
        self.iam.attach_user_policy(UserName=user, PolicyArn=arn)
        self.cleanup(self.iam.detach_user_policy, UserName=user, PolicyArn=arn)
        client = self.client_of(user)
        client.list_roles()
        self.iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(allow("iam:ListUsers")), SetAsDefault=True)
        self.denied(client.list_roles)
        client.list_users()
        self.iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
        self.denied(client.list_users)
        self.cleanup(self.iam.delete_policy_version, PolicyArn=arn, VersionId="v2")


class ListPolicies(IamCase):
    def arns(self, **more):
        pages = self.iam.get_paginator("list_policies").paginate(**more)
        return [p["Arn"] for page in pages for p in page["Policies"]]

    def test_scopes(self):
        own = self.policy()["Arn"]
        local, aws, everything = self.arns(Scope="Local"), self.arns(Scope="AWS"), self.arns()
        self.assertIn(own, local)
        self.assertIn(READ_ONLY, aws)
        self.assertFalse([a for a in local if ":aws:policy" in a] + [a for a in aws if ":aws:policy" not in a])
        self.assertEqual(sorted(local + aws), sorted(everything))
        self.refused("ValidationError", None, self.iam.list_policies, Scope="Mine")

    def test_pages_run_through_both(self):
        for _ in range(3):
            self.policy()
        for size in (1, 7, 1000):
            more = {"Scope": "All"} if size > 1 else {"Scope": "Local"}
            arns = self.arns(PaginationConfig={"PageSize": size}, **more)
            self.assertEqual(len(arns), len(set(arns)))
            self.assertEqual(arns, self.arns(**more))
        self.refused("ValidationError", None, self.iam.list_policies, Marker="!")

    def test_filters(self):
        path = f"/{self.name()}/"
        attached, boundary, unused = (self.policy(Path=path)["Arn"] for _ in range(3))
        user = self.user(PermissionsBoundary=boundary)["UserName"]
        self.iam.attach_user_policy(UserName=user, PolicyArn=attached)
        self.cleanup(self.iam.detach_user_policy, UserName=user, PolicyArn=attached)
        self.assertEqual(sorted(self.arns(PathPrefix=path)), sorted([attached, boundary, unused]))
        self.assertEqual(self.arns(PathPrefix=path, OnlyAttached=True), [attached])
        self.assertEqual(self.arns(PathPrefix=path, PolicyUsageFilter="PermissionsBoundary"), [boundary])
        self.assertEqual(self.arns(PathPrefix=path, PolicyUsageFilter="PermissionsPolicy"), [attached])


class Attachments(Holders):
    def test_refusals(self):
        absent = self.arn("policy", "absent")
        for kind in KINDS:
            with self.subTest(kind):
                name, arn = self.holder(kind), self.policy()["Arn"]
                who = self.who(kind, name)
                self.refused("NoSuchEntity", f"Policy {absent} does not exist or is not attachable.", self.op(kind, "attach"),
                             **who, PolicyArn=absent)
                self.refused("ValidationError", "ARN longpolicynamebutnoarn is not valid.", self.op(kind, "attach"), **who,
                             PolicyArn="longpolicynamebutnoarn")
                self.refused("NoSuchEntity", f"Policy {arn} was not found.", self.op(kind, "detach"), **who, PolicyArn=arn)
                self.refused("NoSuchEntity", f"The {kind} with name absent cannot be found.", self.op(kind, "attach"),
                             **self.who(kind, "absent"), PolicyArn=arn)
                self.refused("PolicyNotAttachable", None, self.op(kind, "attach"), **who,
                             PolicyArn="arn:aws:iam::aws:policy/aws-service-role/BatchServiceRolePolicy")

    def test_life_and_counts(self):
        arn = self.policy(Path="/deep/er/")["Arn"]
        names = {kind: self.holder(kind) for kind in KINDS}
        for kind, name in names.items():
            self.attach(kind, name, arn)
            self.attach(kind, name, arn)
            self.attach(kind, name, READ_ONLY)
            listed = self.op(kind, "list_attached", "policies")(**self.who(kind, name))
            self.assertEqual([p["PolicyArn"] for p in listed["AttachedPolicies"]], [arn, READ_ONLY])
            self.assertEqual([p["PolicyName"] for p in listed["AttachedPolicies"]], [arn.split("/")[-1], "ReadOnlyAccess"])
            listed = self.op(kind, "list_attached", "policies")(**self.who(kind, name), PathPrefix="/deep/")
            self.assertEqual([p["PolicyArn"] for p in listed["AttachedPolicies"]], [arn])
            page = self.op(kind, "list_attached", "policies")(**self.who(kind, name), MaxItems=1)
            rest = self.op(kind, "list_attached", "policies")(**self.who(kind, name), Marker=page["Marker"])
            self.assertEqual([p["PolicyArn"] for p in page["AttachedPolicies"] + rest["AttachedPolicies"]], [arn, READ_ONLY])
        self.assertEqual(self.iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"], 3)
        self.refused("DeleteConflict", "Cannot delete a policy attached to entities.", self.iam.delete_policy, PolicyArn=arn)
        entities = self.iam.list_entities_for_policy(PolicyArn=arn)
        self.assertEqual([u["UserName"] for u in entities["PolicyUsers"]], [names["user"]])
        self.assertEqual([g["GroupName"] for g in entities["PolicyGroups"]], [names["group"]])
        self.assertEqual([r["RoleName"] for r in entities["PolicyRoles"]], [names["role"]])
        for kind, name in names.items():
            self.op(kind, "detach")(**self.who(kind, name), PolicyArn=arn)
        self.assertEqual(self.iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"], 0)
        self.iam.delete_policy(PolicyArn=arn)

    def test_ten(self):
        arns = [self.policy()["Arn"] for _ in range(11)]
        for kind in KINDS:
            name = self.holder(kind)
            for arn in arns[:10]:
                self.attach(kind, name, arn)
            self.refused("LimitExceeded", f"Cannot exceed quota for Policies{'Per' + kind.title()}: 10", self.op(kind, "attach"),
                         **self.who(kind, name), PolicyArn=arns[10])

    def test_condition_keys(self):
        good, bad = self.policy()["Arn"], self.policy()["Arn"]
        boundary = self.policy()["Arn"]
        bound, free = self.user(PermissionsBoundary=boundary)["UserName"], self.user()["UserName"]
        client = self.client_with(allow("iam:AttachUserPolicy", condition={
            "ArnEquals": {"iam:PolicyARN": good}, "StringEquals": {"iam:PermissionsBoundary": boundary}}))
        self.denied(client.attach_user_policy, UserName=bound, PolicyArn=bad)
        self.denied(client.attach_user_policy, UserName=free, PolicyArn=good)
        client.attach_user_policy(UserName=bound, PolicyArn=good)
        self.cleanup(self.iam.detach_user_policy, UserName=bound, PolicyArn=good)

    def test_resource_tags(self):
        mine = self.user(Tags=[{"Key": "team", "Value": "blue"}])["UserName"]
        other = self.user(Tags=[{"Key": "team", "Value": "red"}])["UserName"]
        client = self.client_with(allow("iam:AttachUserPolicy", condition={"StringEquals": {"iam:ResourceTag/team": "blue"}}))
        self.denied(client.attach_user_policy, UserName=other, PolicyArn=READ_ONLY)
        client.attach_user_policy(UserName=mine, PolicyArn=READ_ONLY)
        self.cleanup(self.iam.detach_user_policy, UserName=mine, PolicyArn=READ_ONLY)


class InlinePolicies(Holders):
    LIMITS = {"user": 2048, "group": 5120, "role": 10240}

    def test_refusals(self):
        for kind in KINDS:
            with self.subTest(kind):
                name = self.holder(kind)
                absent = f"The {kind} policy with name absent cannot be found."
                for verb in ("get", "delete"):
                    self.refused("NoSuchEntity", absent, self.op(kind, verb), **self.who(kind, name), PolicyName="absent")
                self.refused("NoSuchEntity", f"The {kind} with name absent cannot be found.", self.op(kind, "put"),
                             **self.who(kind, "absent"), PolicyName="p", PolicyDocument=json.dumps(S3_POLICY))
                for document in ("{", json.dumps(trust_of(self.account))):
                    self.refused("MalformedPolicyDocument", None, self.op(kind, "put"), **self.who(kind, name), PolicyName="p",
                                 PolicyDocument=document)

    def test_size_of_all_together(self):
        for kind, limit in self.LIMITS.items():
            with self.subTest(kind):
                name = self.holder(kind)
                message = f"Maximum policy size of {limit} bytes exceeded for {kind} {name}"
                self.refused("LimitExceeded", message, self.op(kind, "put"), **self.who(kind, name), PolicyName="p",
                             PolicyDocument=padded(S3_POLICY, limit + 1))
                self.put(kind, name, "p", padded(S3_POLICY, limit - 200).replace(",", ",\n   "))
                self.refused("LimitExceeded", message, self.op(kind, "put"), **self.who(kind, name), PolicyName="q",
                             PolicyDocument=padded(S3_POLICY, 201))
                self.put(kind, name, "q", padded(S3_POLICY, 200))
                self.put(kind, name, "p", padded(S3_POLICY, limit - 200))

    def test_white_space_has_a_ceiling_too(self):
        name = self.role()["RoleName"]
        wide = json.dumps(S3_POLICY) + " " * 130000
        refused = 0
        for i in range(5):
            try:
                self.put("role", name, f"p{i}", wide)
            except self.iam.exceptions.LimitExceededException:
                refused += 1
        self.assertGreater(refused, 0)

    def test_life(self):
        for kind in KINDS:
            with self.subTest(kind):
                name = self.holder(kind)
                for policy in ("one", "two", "three"):
                    self.put(kind, name, policy, S3_POLICY)
                document = allow("s3:*", "arn:aws:s3:::a b/ü*")
                self.put(kind, name, "two", document)
                got = self.op(kind, "get")(**self.who(kind, name), PolicyName="two")
                self.assertEqual((got["PolicyDocument"], got["PolicyName"]), (document, "two"))
                page = self.op(kind, "list", "policies")(**self.who(kind, name), MaxItems=2)
                rest = self.op(kind, "list", "policies")(**self.who(kind, name), Marker=page["Marker"])
                self.assertEqual(sorted(page["PolicyNames"] + rest["PolicyNames"]), ["one", "three", "two"])
                self.op(kind, "delete")(**self.who(kind, name), PolicyName="two")
                listed = self.op(kind, "list", "policies")(**self.who(kind, name))
                self.assertEqual((sorted(listed["PolicyNames"]), listed["IsTruncated"]), (["one", "three"], False))


class Boundaries(IamCase):
    def test_user(self):
        policy, name = self.policy(allow("iam:ListUsers"))["Arn"], self.user()["UserName"]
        self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(allow("iam:List*")))
        self.cleanup(self.iam.delete_user_policy, UserName=name, PolicyName="p")
        client = self.client_of(name)
        client.list_roles()
        self.iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=policy)
        self.assertIn("permissions boundary", self.denied(client.list_roles))
        client.list_users()
        self.iam.delete_user_permissions_boundary(UserName=name)
        client.list_roles()
        self.refused("NoSuchEntity", "The user with name absent cannot be found.", self.iam.put_user_permissions_boundary,
                     UserName="absent", PermissionsBoundary=policy)

    def test_only_with_this_boundary(self):
        policy, other = self.policy()["Arn"], self.policy()["Arn"]
        client = self.client_with(allow(["iam:CreateRole", "iam:PutRolePermissionsBoundary"],
                                        condition={"StringEquals": {"iam:PermissionsBoundary": policy}}))
        arguments = {"RoleName": self.name("role"), "AssumeRolePolicyDocument": json.dumps(trust_of(self.account))}
        self.denied(client.create_role, **arguments)
        self.denied(client.create_role, **arguments, PermissionsBoundary=other)
        client.create_role(**arguments, PermissionsBoundary=policy)
        self.cleanup(self.iam.delete_role, RoleName=arguments["RoleName"])
        self.denied(client.put_role_permissions_boundary, RoleName=arguments["RoleName"], PermissionsBoundary=other)


class Descriptions(Holders):
    def test_entities(self):
        arn = self.policy()["Arn"]
        attached = sorted(self.user(Path="/in/")["UserName"] for _ in range(3))
        for name in attached:
            self.attach("user", name, arn)
        bounded = self.role(PermissionsBoundary=arn)["RoleName"]
        whole = self.iam.list_entities_for_policy(PolicyArn=arn)
        self.assertEqual([u["UserName"] for u in whole["PolicyUsers"]], attached)
        self.assertEqual([r["RoleName"] for r in whole["PolicyRoles"]], [bounded])
        self.assertTrue(whole["PolicyUsers"][0]["UserId"].startswith("AIDA"))
        listed = self.iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
        self.assertEqual((listed["PolicyUsers"], len(listed["PolicyRoles"])), ([], 1))
        listed = self.iam.list_entities_for_policy(PolicyArn=arn, EntityFilter="User", PathPrefix="/in/")
        self.assertEqual((len(listed["PolicyUsers"]), listed["PolicyRoles"]), (3, []))
        self.assertEqual(self.iam.list_entities_for_policy(PolicyArn=arn, PathPrefix="/out/")["PolicyUsers"], [])
        pages = list(self.iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=arn, PaginationConfig={"PageSize": 1}))
        self.assertEqual(len(pages), 4)
        self.assertEqual([u["UserName"] for p in pages for u in p["PolicyUsers"]], attached)

    def details(self, **more):
        pages = list(self.iam.get_paginator("get_account_authorization_details").paginate(**more))
        return {key: [item for page in pages for item in page[key]]
                for key in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")}

    def test_details(self):
        arn, user, group = self.policy()["Arn"], self.user()["UserName"], self.group()["GroupName"]
        role = self.role(Tags=[{"Key": "a", "Value": "b"}])["RoleName"]
        profile = self.name("profile")
        self.iam.create_instance_profile(InstanceProfileName=profile)
        self.cleanup(self.iam.delete_instance_profile, InstanceProfileName=profile)
        self.iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
        self.cleanup(self.iam.remove_role_from_instance_profile, InstanceProfileName=profile, RoleName=role)
        self.iam.add_user_to_group(UserName=user, GroupName=group)
        self.cleanup(self.iam.remove_user_from_group, UserName=user, GroupName=group)
        self.attach("group", group, arn)
        self.attach("role", role, READ_ONLY)
        self.put("role", role, "inline", S3_POLICY)
        whole = self.details()
        detail = next(r for r in whole["RoleDetailList"] if r["RoleName"] == role)
        self.assertEqual(detail["RolePolicyList"], [{"PolicyName": "inline", "PolicyDocument": S3_POLICY}])
        self.assertEqual(detail["AttachedManagedPolicies"], [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}])
        self.assertEqual(detail["InstanceProfileList"][0]["Roles"][0]["RoleName"], role)
        self.assertEqual((detail["Tags"], detail["RoleLastUsed"]), ([{"Key": "a", "Value": "b"}], {}))
        detail = next(u for u in whole["UserDetailList"] if u["UserName"] == user)
        self.assertEqual((detail["GroupList"], detail["Tags"], detail["AttachedManagedPolicies"]), ([group], [], []))
        self.assertNotIn("UserPolicyList", detail)
        detail = next(g for g in whole["GroupDetailList"] if g["GroupName"] == group)
        self.assertEqual((detail["GroupPolicyList"], len(detail["AttachedManagedPolicies"])), ([], 1))
        detail = next(p for p in whole["Policies"] if p["Arn"] == arn)
        self.assertEqual((detail["AttachmentCount"], detail["PolicyVersionList"][0]["Document"]), (1, S3_POLICY))
        self.assertIn(READ_ONLY, [p["Arn"] for p in whole["Policies"]])
        self.assertEqual(self.details(PaginationConfig={"PageSize": 1}), whole)
        only = self.details(Filter=["Group", "LocalManagedPolicy"])
        self.assertEqual((only["UserDetailList"], only["RoleDetailList"]), ([], []))
        self.assertEqual(only["GroupDetailList"], whole["GroupDetailList"])
        self.assertNotIn(READ_ONLY, [p["Arn"] for p in only["Policies"]])

    def test_context_keys(self):
        document = allow("s3:*", "arn:aws:s3:::${aws:username}/*", condition={
            "StringEquals": {"aws:PrincipalTag/team": "blue"}, "Bool": {"AWS:SecureTransport": "true"}})
        got = self.iam.get_context_keys_for_custom_policy(PolicyInputList=[json.dumps(document)] * 2)["ContextKeyNames"]
        self.assertEqual(sorted(k.lower() for k in got), ["aws:principaltag/team", "aws:securetransport", "aws:username"])
        self.refused("InvalidInput", None, self.iam.get_context_keys_for_custom_policy, PolicyInputList=["{"])
        user, group = self.user(), self.group()["GroupName"]
        self.put("group", group, "p", document)
        self.iam.add_user_to_group(UserName=user["UserName"], GroupName=group)
        self.cleanup(self.iam.remove_user_from_group, UserName=user["UserName"], GroupName=group)
        got = self.iam.get_context_keys_for_principal_policy(PolicySourceArn=user["Arn"])["ContextKeyNames"]
        self.assertEqual(len(got), 3)
        self.refused("NoSuchEntity", None, self.iam.get_context_keys_for_principal_policy,
                     PolicySourceArn=self.arn("user", "absent"))

    def test_no_providers(self):
        self.assertEqual(self.iam.list_saml_providers()["SAMLProviderList"], [])


class Escalation(IamCase):
    """The ways by which one right of IAM becomes all: each is asked for on what it changes, and on nothing else."""

    def said(self, action, arn):
        """How IAM's denials name what is there: by its name, but in those of its newer operations."""
        kind, _, name = arn.rpartition(":")[2].partition("/")
        if kind == "policy":
            return f"policy {arn}"
        newer = action.startswith(("Tag", "Untag")) or (action.startswith("Put") and action.endswith("PermissionsBoundary"))
        return arn if newer else f"{kind.replace('-', ' ')} {name.rpartition('/')[2]}"

    def test_how_denials_name_what_they_are_about(self):
        me = self.user()["UserName"]
        iam, trust, document, tags = self.client_of(me), json.dumps(trust_of(self.account)), json.dumps(S3_POLICY), [{"Key": "a", "Value": "b"}]
        for said, call, arguments in [
            ("role absent", iam.get_role, {"RoleName": "absent"}),
            (self.arn("role", "r", "/p/"), iam.create_role, {"RoleName": "r", "Path": "/p/", "AssumeRolePolicyDocument": trust}),
            (self.arn("role", ""), iam.list_roles, {}),
            (self.arn("role", "", "/p/"), iam.list_roles, {"PathPrefix": "/p/"}),
            (self.arn("role", "absent"), iam.untag_role, {"RoleName": "absent", "TagKeys": ["a"]}),
            ("role absent", iam.list_role_tags, {"RoleName": "absent"}),
            (self.arn("user", "u"), iam.create_user, {"UserName": "u", "Tags": tags}),
            ("user admin", iam.list_mfa_devices, {"UserName": "admin"}),
            (f"user {me}", iam.get_user, {}),
            (f"user {me}", iam.change_password, {"OldPassword": "x", "NewPassword": "y"}),
            (self.arn("group", "g"), iam.create_group, {"GroupName": "g"}),
            ("group g", iam.get_group, {"GroupName": "g"}),
            ("policy p", iam.create_policy, {"PolicyName": "p", "PolicyDocument": document, "Tags": tags}),
            ("policy " + self.arn("policy", "p"), iam.get_policy, {"PolicyArn": self.arn("policy", "p")}),
            ("policy path /", iam.list_policies, {}),
            ("policy path /p/", iam.list_policies, {"PathPrefix": "/p/"}),
            (self.arn("instance-profile", "i"), iam.create_instance_profile, {"InstanceProfileName": "i"}),
            ("instance profile i", iam.get_instance_profile, {"InstanceProfileName": "i"}),
            ("*", iam.get_account_summary, {}),
        ]:
            action = iam.meta.method_to_api_mapping[call.__name__]
            with self.subTest(action):
                self.refused("AccessDenied", f"User: {self.arn('user', me)} is not authorized to perform: iam:{action} on resource: {said} "
                             f"because no identity-based policy allows the iam:{action} action", call, **arguments)
        self.iam.put_user_policy(UserName=me, PolicyName="p", PolicyDocument=json.dumps(allow("iam:Create*")))
        self.cleanup(self.iam.delete_user_policy, UserName=me, PolicyName="p")
        for said, call, arguments in [
            ("iam:TagPolicy on resource: policy p ", iam.create_policy, {"PolicyName": "p", "PolicyDocument": document, "Tags": tags}),
            (f"iam:TagRole on resource: {self.arn('role', 'r')} ", iam.create_role, {"RoleName": "r", "AssumeRolePolicyDocument": trust, "Tags": tags}),
        ]:
            self.assertIn(said, self.denied(call, **arguments))

    def test_each_way_is_asked_for_on_its_own_resource(self):
        victim, group = self.user()["UserName"], self.group()["GroupName"]
        role = self.role(Path="/p/")["RoleName"]
        policy, profile = self.policy()["Arn"], self.name("profile")
        self.iam.create_instance_profile(InstanceProfileName=profile)
        self.cleanup(self.iam.delete_instance_profile, InstanceProfileName=profile)
        attacker = self.user()["UserName"]
        iam = self.client_of(attacker)
        self.cleanup(self.iam.delete_user_policy, UserName=attacker, PolicyName="p")
        key = self.iam.create_access_key(UserName=victim)["AccessKey"]["AccessKeyId"]
        self.cleanup(self.iam.delete_access_key, UserName=victim, AccessKeyId=key)
        document, user = json.dumps(S3_POLICY), {"UserName": victim}
        of_user, of_role, of_group = self.arn("user", victim), self.arn("role", role, "/p/"), self.arn("group", group)
        ways = [
            (policy, iam.create_policy_version, {"PolicyArn": policy, "PolicyDocument": document, "SetAsDefault": True}),
            (policy, iam.set_default_policy_version, {"PolicyArn": policy, "VersionId": "v1"}),
            (of_group, iam.add_user_to_group, {"GroupName": group, "UserName": attacker}),
            (of_role, iam.update_assume_role_policy, {"RoleName": role, "PolicyDocument": json.dumps(trust_of(self.account))}),
            (of_role, iam.update_role, {"RoleName": role, "MaxSessionDuration": 43200}),
            (of_user, iam.create_login_profile, {**user, "Password": "Correct-horse-1"}),
            (of_user, iam.update_login_profile, {**user, "Password": "Correct-horse-2"}),
            (of_user, iam.delete_login_profile, user),
            (of_user, iam.update_access_key, {**user, "AccessKeyId": key, "Status": "Active"}),
            (of_user, iam.tag_user, {**user, "Tags": [{"Key": "team", "Value": "red"}]}),
            (of_user, iam.put_user_permissions_boundary, {**user, "PermissionsBoundary": policy}),
            (of_user, iam.delete_user_permissions_boundary, user),
            (self.arn("instance-profile", profile), iam.add_role_to_instance_profile, {"InstanceProfileName": profile, "RoleName": role}),
        ]
        for kind, name, arn in (("user", victim, of_user), ("group", group, of_group), ("role", role, of_role)):
            who, do = {f"{kind.title()}Name": name}, lambda verb: getattr(iam, f"{verb}_{kind}_policy")
            ways += [(arn, do("attach"), {**who, "PolicyArn": policy}), (arn, do("detach"), {**who, "PolicyArn": policy}),
                     (arn, do("put"), {**who, "PolicyName": "x", "PolicyDocument": document}), (arn, do("delete"), {**who, "PolicyName": "x"})]
        for resource, call, arguments in ways:
            action = iam.meta.method_to_api_mapping[call.__name__]
            with self.subTest(action):
                place, _, name = resource.rpartition("/")
                for wrong in (self.arn("user", attacker), f"{place}/{name.title()}"):
                    self.iam.put_user_policy(UserName=attacker, PolicyName="p", PolicyDocument=json.dumps(allow("iam:" + action, wrong)))
                    self.assertIn(f"iam:{action} on resource: {self.said(action, resource)} because", self.denied(call, **arguments))
                right = allow("iam:" + action, resource)
                if action == "AddRoleToInstanceProfile":
                    self.iam.put_user_policy(UserName=attacker, PolicyName="p", PolicyDocument=json.dumps(right))
                    self.assertIn(f"iam:PassRole on resource: {of_role} ", self.denied(call, **arguments))
                    self.cleanup(self.iam.remove_role_from_instance_profile, **arguments)
                    right["Statement"] += allow("iam:PassRole", of_role, condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}})["Statement"]
                self.iam.put_user_policy(UserName=attacker, PolicyName="p", PolicyDocument=json.dumps(right))
                call(**arguments)
        self.iam.remove_user_from_group(GroupName=group, UserName=attacker)
        self.iam.delete_policy_version(PolicyArn=policy, VersionId="v2")


if __name__ == "__main__":
    harness.serve()
    harness.main()
