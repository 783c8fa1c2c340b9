#!/usr/bin/env python3
"""IAM users and their tags through boto3: refusals to the letter, names, renaming, deletion, pages, quotas, races."""
import base64
import concurrent.futures
import json

from botocore.exceptions import ClientError

import harness
from iam_case import EC2_TRUST, S3_POLICY, IamCase, allow

ABSENT = "The user with name nobody cannot be found."
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
QUOTAS = ("--quota", "iam-users=3", "--quota", "iam-groups=2", "--quota", "iam-groups-per-user=3", "--quota", "iam-tags-per-resource=4")


class UserRefusals(IamCase):
    def test_absent(self):
        iam = self.iam
        for call, more in [
            (iam.get_user, {}), (iam.update_user, {"NewPath": "/x/"}), (iam.delete_user, {}),
            (iam.tag_user, {"Tags": [{"Key": "a", "Value": "b"}]}), (iam.untag_user, {"TagKeys": ["a"]}), (iam.list_user_tags, {}),
            (iam.list_groups_for_user, {}), (iam.list_access_keys, {}), (iam.create_access_key, {}), (iam.list_mfa_devices, {}),
            (iam.list_ssh_public_keys, {}), (iam.list_signing_certificates, {}), (iam.list_service_specific_credentials, {}),
            (iam.create_login_profile, {"Password": "Abcdefgh1!"}), (iam.get_login_profile, {}), (iam.delete_login_profile, {}),
            (iam.update_login_profile, {"Password": "Abcdefgh1!"}),
        ]:
            with self.subTest(call.__name__):
                self.refused("NoSuchEntity", ABSENT, call, UserName="nobody", **more)

    def test_malformed(self):
        cases = [
            {"UserName": ""}, {"UserName": "a" * 65}, {"UserName": "bad/name"}, {"UserName": "sp ace"}, {"UserName": "umläut"},
            {"UserName": "ok", "Path": ""}, {"UserName": "ok", "Path": "no-slash"}, {"UserName": "ok", "Path": "/open"},
            {"UserName": "ok", "Path": "/" + "a" * 511 + "/"}, {"UserName": "ok", "Path": "/sp ace/"},
            {"UserName": "ok", "PermissionsBoundary": "x" * 19}, {"UserName": "ok", "Tags": [{"Key": "a" * 129, "Value": ""}]},
            {"UserName": "ok", "Tags": [{"Key": "k", "Value": "v" * 257}]}, {"UserName": "ok", "Tags": [{"Key": "", "Value": "v"}]},
            {"UserName": "ok", "Tags": [{"Key": "bad!", "Value": "v"}]}, {},
        ]
        for case in cases:
            with self.subTest(case):
                self.refused("ValidationError", None, self.iam.create_user, **case)
        for items in (0, 1001, -1):
            self.refused("ValidationError", None, self.iam.list_users, MaxItems=items)
        self.refused("ValidationError", None, self.iam.list_users, Marker="not-one-of-ours!")
        self.refused("ValidationError", None, self.iam.list_users, PathPrefix="x")

    def test_limits_are_met(self):
        longest = self.user(UserName="a" * 64, Path="/" + "p" * 510 + "/")
        self.assertEqual(f"arn:aws:iam::{self.account}:user{longest['Path']}{longest['UserName']}", longest["Arn"])
        self.assertEqual("+=,.@_-", self.user(UserName="+=,.@_-")["UserName"])

    def test_boundary_must_be_there(self):
        arn = self.arn("policy", "absent")
        for missing in (arn, "arn:aws:iam::aws:policy/NoSuchPolicyOfAws"):
            self.refused("NoSuchEntity", f"Scope ARN: {missing} does not exist or is not attachable.", self.iam.create_user,
                         UserName=self.name(), PermissionsBoundary=missing)

    def test_no_name_and_no_user(self):
        role = self.role({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": self.account}, "Action": "sts:AssumeRole"}]})
        self.iam.put_role_policy(RoleName=role["RoleName"], PolicyName="p", PolicyDocument=json.dumps(allow("iam:*")))
        self.cleanup(self.iam.delete_role_policy, RoleName=role["RoleName"], PolicyName="p")
        c = harness.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
        session = harness.client("iam", key=c["AccessKeyId"], secret=c["SecretAccessKey"], token=c["SessionToken"])
        for call in (session.get_user, session.list_access_keys, session.create_access_key, session.list_mfa_devices):
            self.refused("ValidationError", "Must specify userName when calling with non-User credentials", call)


class Users(IamCase):
    def test_shape(self):
        name = self.name()
        made = self.user(UserName=name, Path="/a/b/", PermissionsBoundary=READ_ONLY, Tags=[{"Key": "Team", "Value": "x"}])
        self.assertEqual({"Path": "/a/b/", "UserName": name, "Arn": self.arn("user", name, "/a/b/"),
                          "PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": READ_ONLY},
                          "Tags": [{"Key": "Team", "Value": "x"}]},
                         {k: v for k, v in made.items() if k not in ("UserId", "CreateDate")})
        self.assertRegex(made["UserId"], r"^AIDA[A-Z2-7]{17}$")
        self.assertEqual(made, self.iam.get_user(UserName=name)["User"])
        listed = [u for u in self.iam.list_users(PathPrefix="/a/b/")["Users"] if u["UserName"] == name]
        self.assertEqual([{k: v for k, v in made.items() if k not in ("PermissionsBoundary", "Tags")}], listed)
        plain = self.user()
        self.assertEqual("/", plain["Path"])
        self.assertNotIn("Tags", plain)
        self.assertNotIn("PermissionsBoundary", plain)

    def test_name_is_unique_in_any_case_and_found_in_one(self):
        name = self.user(UserName=self.name("Mixed"))["UserName"]
        for taken in (name, name.upper(), name.lower()):
            self.refused("EntityAlreadyExists", f"User with name {taken} already exists.", self.iam.create_user, UserName=taken)
        for other in (name.upper(), name.lower()):
            self.refused("NoSuchEntity", f"The user with name {other} cannot be found.", self.iam.get_user, UserName=other)
            self.refused("NoSuchEntity", None, self.iam.delete_user, UserName=other)

    def test_self_and_root(self):
        me = self.iam.get_user()["User"]
        self.assertEqual("admin", me["UserName"])
        root = harness.client("iam", key=harness.ROOT_KEY, secret=harness.ROOT_SECRET).get_user()["User"]
        self.assertEqual((self.account, f"arn:aws:iam::{self.account}:root"), (root["UserId"], root["Arn"]))
        self.assertNotIn("UserName", root)

    def test_rename_takes_everything_along(self):
        name, new = self.user(Tags=[{"Key": "a", "Value": "b"}], PermissionsBoundary=READ_ONLY)["UserName"], self.name("New")
        before = self.iam.get_user(UserName=name)["User"]
        group = self.group()["GroupName"]
        self.iam.add_user_to_group(GroupName=group, UserName=name)
        self.iam.attach_user_policy(UserName=name, PolicyArn=READ_ONLY)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        self.iam.create_login_profile(UserName=name, Password="Abcdefgh1!")
        self.iam.update_user(UserName=name, NewUserName=new, NewPath="/moved/")
        self.cleanup(self.iam.delete_user, UserName=new)
        after = self.iam.get_user(UserName=new)["User"]
        self.assertEqual({**before, "UserName": new, "Path": "/moved/", "Arn": self.arn("user", new, "/moved/")}, after)
        self.refused("NoSuchEntity", None, self.iam.get_user, UserName=name)
        self.assertEqual([new], [u["UserName"] for u in self.iam.get_group(GroupName=group)["Users"]])
        self.assertEqual([(new, key["AccessKeyId"])], [(k["UserName"], k["AccessKeyId"]) for k in
                                                       self.iam.list_access_keys(UserName=new)["AccessKeyMetadata"]])
        self.assertEqual(new, self.iam.get_login_profile(UserName=new)["LoginProfile"]["UserName"])
        mine = harness.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
        self.assertEqual((after["Arn"], after["UserId"]), tuple(mine.get_caller_identity()[k] for k in ("Arn", "UserId")))
        for usage in ("PermissionsPolicy", "PermissionsBoundary"):
            users = self.iam.list_entities_for_policy(PolicyArn=READ_ONLY, PolicyUsageFilter=usage)["PolicyUsers"]
            self.assertIn(new, [u["UserName"] for u in users])
            self.assertNotIn(name, [u["UserName"] for u in users])
        self.user(UserName=name)  # free again
        self.empty(new, group, key["AccessKeyId"])

    def empty(self, name, group, key):
        self.iam.remove_user_from_group(GroupName=group, UserName=name)
        self.iam.detach_user_policy(UserName=name, PolicyArn=READ_ONLY)
        self.iam.delete_access_key(UserName=name, AccessKeyId=key)
        self.iam.delete_login_profile(UserName=name)

    def test_rename_to_a_taken_name(self):
        one, other = self.user()["UserName"], self.user()["UserName"]
        for taken in (other, other.upper()):
            self.refused("EntityAlreadyExists", f"User with name {taken} already exists.", self.iam.update_user, UserName=one,
                         NewUserName=taken)
        self.iam.update_user(UserName=one, NewUserName=one.upper())  # its own name in another case
        self.cleanup(self.iam.delete_user, UserName=one.upper())
        self.assertEqual(one.upper(), self.iam.get_user(UserName=one.upper())["User"]["UserName"])

    def test_rename_needs_both_names(self):
        one, new = self.user()["UserName"], self.name()
        source = allow("iam:UpdateUser", self.arn("user", one))
        message = self.denied(self.client_with(source).update_user, UserName=one, NewUserName=new)
        self.assertIn(self.arn("user", new), message)
        self.denied(self.client_with(source).update_user, UserName=one, NewPath="/x/")
        self.client_with(source, allow("iam:UpdateUser", self.arn("user", new))).update_user(UserName=one, NewUserName=new)
        self.cleanup(self.iam.delete_user, UserName=new)

    def test_delete_conflicts_in_order(self):
        name, group = self.user(PermissionsBoundary=READ_ONLY)["UserName"], self.group()["GroupName"]
        self.iam.attach_user_policy(UserName=name, PolicyArn=READ_ONLY)
        self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(S3_POLICY))
        self.iam.add_user_to_group(UserName=name, GroupName=group)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
        self.iam.create_login_profile(UserName=name, Password="Abcdefgh1!")
        for first, undo, more in [
            ("detach all policies", self.iam.detach_user_policy, {"PolicyArn": READ_ONLY}),
            ("delete policies", self.iam.delete_user_policy, {"PolicyName": "p"}),
            ("remove users from group", self.iam.remove_user_from_group, {"GroupName": group}),
            ("delete access keys", self.iam.delete_access_key, {"AccessKeyId": key}),
            ("delete login profile", self.iam.delete_login_profile, {}),
        ]:
            self.refused("DeleteConflict", f"Cannot delete entity, must {first} first.", self.iam.delete_user, UserName=name)
            undo(UserName=name, **more)
        self.iam.delete_user(UserName=name)
        self.refused("NoSuchEntity", None, self.iam.get_user, UserName=name)
        bound = self.iam.list_entities_for_policy(PolicyArn=READ_ONLY, PolicyUsageFilter="PermissionsBoundary")["PolicyUsers"]
        self.assertNotIn(name, [u["UserName"] for u in bound])

    def test_pages(self):
        path = f"/{self.name()}/"
        names = sorted((self.user(UserName=self.name("Pp"[i % 2]), Path=path)["UserName"] for i in range(7)), key=str.lower)
        for size in (1, 3, 7, 1000):
            seen, marker = [], {}
            while True:
                page = self.iam.list_users(PathPrefix=path, MaxItems=size, **marker)
                self.assertLessEqual(len(page["Users"]), size)
                seen += [u["UserName"] for u in page["Users"]]
                if not page["IsTruncated"]:
                    self.assertNotIn("Marker", page)
                    break
                marker = {"Marker": page["Marker"]}
            self.assertEqual(names, seen)
        self.assertEqual([], self.iam.list_users(PathPrefix=path + "deeper/")["Users"])
        self.assertEqual(7, len(self.iam.list_users(PathPrefix=path[:-1])["Users"]))

    def test_pages_of_heavy_users_are_shorter(self):
        """White space in policies is free of charge: what a page reads of it has an end."""
        prefix = f"/{self.name('heavy')}/"
        blank = '{"Version":"2012-10-17",' + " " * 130000 + '"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'
        names = [self.user(Path=prefix)["UserName"] for _ in range(19)]
        for name in names:
            for policy in "abcd":
                self.iam.put_user_policy(UserName=name, PolicyName=policy, PolicyDocument=blank)
        pages = list(self.iam.get_paginator("list_users").paginate(PathPrefix=prefix, PaginationConfig={"PageSize": 1000}))
        self.assertEqual(2, len(pages))
        self.assertEqual(sorted(names, key=str.lower), [u["UserName"] for page in pages for u in page["Users"]])

    def test_a_marker_is_one_that_was_given(self):
        path = f"/{self.name()}/"
        for _ in range(3):
            self.user(Path=path)
            role = self.name("role")
            self.iam.create_role(RoleName=role, Path=path, AssumeRolePolicyDocument=json.dumps(EC2_TRUST))
            self.cleanup(self.iam.delete_role, RoleName=role)
        users, roles = (call(PathPrefix=path, MaxItems=1)["Marker"] for call in (self.iam.list_users, self.iam.list_roles))
        spelled = lambda text: base64.urlsafe_b64encode(text).decode().rstrip("=")
        opened = base64.urlsafe_b64decode(users + "=" * (-len(users) % 4))
        forged = [spelled(opened[:-1] + bytes([opened[-1] ^ 1])), spelled(bytes([opened[0] ^ 1]) + opened[1:]), spelled(opened[:8]), spelled(opened[8:]),
                  spelled(b"after admin"), spelled(b"admin"), spelled(b"0:admin"), users[:-1], users + "A"]
        for call, foreign in ((self.iam.list_users, roles), (self.iam.list_roles, users), (self.iam.list_groups, users)):
            for marker in [foreign, *forged]:
                self.refused("ValidationError", "Invalid Marker specified in the request", call, Marker=marker)
        self.assertEqual(2, len(self.iam.list_users(PathPrefix=path, Marker=users)["Users"]))
        self.assertEqual(2, len(self.iam.list_roles(PathPrefix=path, Marker=roles)["Roles"]))

    def test_page_goes_on_when_its_last_user_is_deleted(self):
        path = f"/{self.name()}/"
        names = sorted(self.user(Path=path)["UserName"] for _ in range(4))
        page = self.iam.list_users(PathPrefix=path, MaxItems=2)
        self.iam.delete_user(UserName=page["Users"][-1]["UserName"])
        rest = self.iam.list_users(PathPrefix=path, Marker=page["Marker"])["Users"]
        self.assertEqual(names[2:], [u["UserName"] for u in rest])

    def test_one_of_many_wins_a_name(self):
        clients = [harness.client("iam") for _ in range(8)]
        for _ in range(5):
            name = self.name()
            self.cleanup(self.iam.delete_user, UserName=name)

            def create(i):
                try:
                    clients[i].create_user(UserName=name.upper() if i % 2 else name)
                    return "made"
                except ClientError as e:
                    return e.response["Error"]["Code"]
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                results = sorted(pool.map(create, range(8)))
            self.assertEqual(["EntityAlreadyExists"] * 7 + ["made"], results)
            self.cleanup(self.iam.delete_user, UserName=name.upper())


class Tags(IamCase):
    def tags(self, name):
        return [(t["Key"], t["Value"]) for t in self.iam.list_user_tags(UserName=name)["Tags"]]

    def test_keys_are_the_same_in_any_case(self):
        message = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        twice = [{"Key": "Env", "Value": "1"}, {"Key": "eNV", "Value": "2"}]
        name = self.user(Tags=[{"Key": "Env", "Value": "1"}])["UserName"]
        self.refused("InvalidInput", message, self.iam.tag_user, UserName=name, Tags=twice)
        self.refused("InvalidInput", message, self.iam.create_user, UserName=self.name(), Tags=twice)
        self.iam.tag_user(UserName=name, Tags=[{"Key": "ENV", "Value": ""}])
        self.assertEqual([("ENV", "")], self.tags(name))
        self.iam.untag_user(UserName=name, TagKeys=["env", "absent"])
        self.assertEqual([], self.tags(name))

    def test_reserved_prefix(self):
        for key in ("aws:x", "AWS:x"):
            self.refused("InvalidInput", None, self.iam.create_user, UserName=self.name(), Tags=[{"Key": key, "Value": ""}])

    def test_fifty_and_no_more(self):
        tags = [{"Key": f"k{i:02}", "Value": str(i)} for i in range(50)]
        name = self.user(Tags=tags)["UserName"]
        self.iam.tag_user(UserName=name, Tags=[{"Key": "K00", "Value": "again"}])
        self.refused("LimitExceeded", "The number of tags has reached the maximum limit.", self.iam.tag_user, UserName=name,
                     Tags=[{"Key": "one-more", "Value": ""}])
        self.refused("ValidationError", None, self.iam.tag_user, UserName=name, Tags=tags + [{"Key": "x", "Value": ""}])
        page = self.iam.list_user_tags(UserName=name, MaxItems=30)
        rest = self.iam.list_user_tags(UserName=name, Marker=page["Marker"])
        keys = [t["Key"] for t in page["Tags"] + rest["Tags"]]
        self.assertEqual((30, 50, False), (len(page["Tags"]), len(keys), rest["IsTruncated"]))
        self.assertEqual(sorted(keys), keys)

    def test_tagging_at_creation_needs_both_permissions(self):
        create, tag = allow("iam:CreateUser"), allow("iam:TagUser")
        arguments = {"UserName": self.name(), "Tags": [{"Key": "a", "Value": "b"}]}
        self.assertIn("iam:TagUser", self.denied(self.client_with(create).create_user, **arguments))
        self.client_with(create, tag).create_user(**arguments)
        self.cleanup(self.iam.delete_user, UserName=arguments["UserName"])

    def test_resource_tags_decide(self):
        name = self.user(Tags=[{"Key": "team", "Value": "red"}])["UserName"]
        for key in ("aws:ResourceTag/team", "iam:ResourceTag/team"):
            self.client_with(allow("iam:GetUser", condition={"StringEquals": {key: "red"}})).get_user(UserName=name)
            self.denied(self.client_with(allow("iam:GetUser", condition={"StringEquals": {key: "blue"}})).get_user, UserName=name)

    def test_boundary_key_decides(self):
        only = allow("iam:CreateUser", condition={"StringEquals": {"iam:PermissionsBoundary": READ_ONLY}})
        client, name = self.client_with(only), self.name()
        self.denied(client.create_user, UserName=name)
        client.create_user(UserName=name, PermissionsBoundary=READ_ONLY)
        self.cleanup(self.iam.delete_user, UserName=name)


class Quotas(IamCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.small = harness.Server(*QUOTAS)
        cls.iam = harness.client("iam", cls.small)

    @classmethod
    def tearDownClass(cls):
        cls.small.stop()

    def test_users(self):
        for name in ("one", "two"):  # the administrator is the third
            self.user(UserName=name)
        for _ in range(2):
            self.refused("LimitExceeded", "Cannot exceed quota for UsersPerAccount: 3", self.iam.create_user, UserName="three")
            self.iam.update_user(UserName="one", NewUserName="uno")
            self.iam.update_user(UserName="uno", NewUserName="one")
        self.iam.delete_user(UserName="two")
        self.user(UserName="three")
        self.refused("LimitExceeded", None, self.iam.create_user, UserName="two")

    def test_users_at_once(self):
        clients = [harness.client("iam", self.small) for _ in range(6)]

        def create(i):
            try:
                clients[i].create_user(UserName=f"race-{i}")
                return "made"
            except ClientError as e:
                return e.response["Error"]["Code"]
        for i in range(6):
            self.cleanup(self.iam.delete_user, UserName=f"race-{i}")
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            self.assertEqual(["LimitExceeded"] * 4 + ["made"] * 2, sorted(pool.map(create, range(6))))

    def test_groups(self):
        self.group()
        self.refused("LimitExceeded", "Cannot exceed quota for GroupsPerAccount: 2", self.iam.create_group, GroupName="more")

    def test_tags(self):
        tags = [{"Key": f"k{i}", "Value": ""} for i in range(5)]
        self.refused("LimitExceeded", None, self.iam.create_user, UserName="tagged", Tags=tags)
        self.user(UserName="tagged", Tags=tags[:4])


if __name__ == "__main__":
    harness.serve()
    harness.main()
