#!/usr/bin/env python3
"""IAM groups and their members through boto3."""
import concurrent.futures
import json

from botocore.exceptions import ClientError

import harness
from iam_case import S3_POLICY, IamCase, allow

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
NO_GROUP, NO_USER = "The group with name nothing cannot be found.", "The user with name nobody cannot be found."


class Groups(IamCase):
    def member(self, group, **more):
        name = self.user(**more)["UserName"]
        self.iam.add_user_to_group(GroupName=group, UserName=name)
        self.cleanup(self.iam.remove_user_from_group, GroupName=group, UserName=name)
        return name

    def test_absent(self):
        user = self.user()["UserName"]
        group = self.group()["GroupName"]
        for call, more, message in [
            (self.iam.get_group, {"GroupName": "nothing"}, NO_GROUP), (self.iam.delete_group, {"GroupName": "nothing"}, NO_GROUP),
            (self.iam.update_group, {"GroupName": "nothing", "NewPath": "/x/"}, NO_GROUP),
            (self.iam.get_group, {"GroupName": group.upper()}, f"The group with name {group.upper()} cannot be found."),
        ]:
            self.refused("NoSuchEntity", message, call, **more)
        for call in (self.iam.add_user_to_group, self.iam.remove_user_from_group):
            self.refused("NoSuchEntity", NO_GROUP, call, GroupName="nothing", UserName=user)
            self.refused("NoSuchEntity", NO_USER, call, GroupName=group, UserName="nobody")
            self.refused("NoSuchEntity", NO_USER, call, GroupName="nothing", UserName="nobody")

    def test_malformed(self):
        for case in ({"GroupName": ""}, {"GroupName": "a" * 129}, {"GroupName": "a/b"}, {"GroupName": "a", "Path": "x"}, {}):
            self.refused("ValidationError", None, self.iam.create_group, **case)

    def test_shape_and_taken_names(self):
        name = self.name("Group")
        made = self.iam.create_group(GroupName=name, Path="/g/")["Group"]
        self.cleanup(self.iam.delete_group, GroupName=name)
        self.assertEqual(("/g/", name, self.arn("group", name, "/g/")), tuple(made[k] for k in ("Path", "GroupName", "Arn")))
        self.assertRegex(made["GroupId"], r"^AGPA[A-Z2-7]{17}$")
        got = self.iam.get_group(GroupName=name)
        self.assertEqual((made, [], False), (got["Group"], got["Users"], got["IsTruncated"]))
        self.assertEqual([made], self.iam.list_groups(PathPrefix="/g/")["Groups"])
        for taken in (name, name.lower()):
            self.refused("EntityAlreadyExists", f"Group with name {taken} already exists.", self.iam.create_group, GroupName=taken)

    def test_membership(self):
        group = self.group()["GroupName"]
        names = sorted(self.member(group, UserName=self.name("Uu"[i % 2])) for i in range(5))
        names.sort(key=str.lower)
        self.iam.add_user_to_group(GroupName=group, UserName=names[0])  # again: no error
        seen, marker = [], {}
        while True:
            page = self.iam.get_group(GroupName=group, MaxItems=2, **marker)
            seen += [u["UserName"] for u in page["Users"]]
            if not page["IsTruncated"]:
                break
            marker = {"Marker": page["Marker"]}
        self.assertEqual(names, seen)
        self.assertEqual([group], [g["GroupName"] for g in self.iam.list_groups_for_user(UserName=names[0])["Groups"]])
        for _ in range(2):  # the second time: no error
            self.iam.remove_user_from_group(GroupName=group, UserName=names[0])
        self.assertEqual([], self.iam.list_groups_for_user(UserName=names[0])["Groups"])
        self.assertEqual(names[1:], [u["UserName"] for u in self.iam.get_group(GroupName=group)["Users"]])

    def test_ten_groups_a_user(self):
        user = self.user()["UserName"]
        groups = [self.group()["GroupName"] for _ in range(11)]
        for g in groups[:10]:
            self.iam.add_user_to_group(GroupName=g, UserName=user)
            self.cleanup(self.iam.remove_user_from_group, GroupName=g, UserName=user)
        self.refused("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10", self.iam.add_user_to_group,
                     GroupName=groups[10], UserName=user)
        page = self.iam.list_groups_for_user(UserName=user, MaxItems=4)
        rest = self.iam.list_groups_for_user(UserName=user, Marker=page["Marker"])["Groups"]
        self.assertEqual(sorted(groups[:10]), [g["GroupName"] for g in page["Groups"] + rest])

    def test_rename_takes_everything_along(self):
        group, new = self.group()["GroupName"], self.name("New")
        member = self.member(group)
        self.iam.attach_group_policy(GroupName=group, PolicyArn=READ_ONLY)
        self.iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=json.dumps(allow("iam:GetGroup")))
        client = self.client_of(member)
        client.get_group(GroupName=group)
        before = self.iam.get_group(GroupName=group)["Group"]
        self.iam.update_group(GroupName=group, NewGroupName=new, NewPath="/m/")
        after = self.iam.get_group(GroupName=new)
        self.assertEqual({**before, "GroupName": new, "Path": "/m/", "Arn": self.arn("group", new, "/m/")}, after["Group"])
        self.assertEqual([member], [u["UserName"] for u in after["Users"]])
        self.assertEqual([new], [g["GroupName"] for g in self.iam.list_groups_for_user(UserName=member)["Groups"]])
        client.get_group(GroupName=new)
        self.refused("NoSuchEntity", None, self.iam.get_group, GroupName=group)
        users = self.iam.list_entities_for_policy(PolicyArn=READ_ONLY)["PolicyGroups"]
        self.assertIn(new, [g["GroupName"] for g in users])
        self.assertNotIn(group, [g["GroupName"] for g in users])
        other = self.group()["GroupName"]
        self.refused("EntityAlreadyExists", f"Group with name {other} already exists.", self.iam.update_group, GroupName=new,
                     NewGroupName=other)
        self.iam.update_group(GroupName=new, NewGroupName=new.upper())
        self.assertEqual([member], [u["UserName"] for u in self.iam.get_group(GroupName=new.upper())["Users"]])
        self.iam.remove_user_from_group(GroupName=new.upper(), UserName=member)
        self.iam.detach_group_policy(GroupName=new.upper(), PolicyArn=READ_ONLY)
        self.iam.delete_group_policy(GroupName=new.upper(), PolicyName="p")
        self.iam.delete_group(GroupName=new.upper())

    def test_delete_conflicts_in_order(self):
        group = self.group()["GroupName"]
        member = self.member(group)
        self.iam.attach_group_policy(GroupName=group, PolicyArn=READ_ONLY)
        self.iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=json.dumps(S3_POLICY))
        for first, undo, more in [
            ("detach all policies", self.iam.detach_group_policy, {"PolicyArn": READ_ONLY}),
            ("delete policies", self.iam.delete_group_policy, {"PolicyName": "p"}),
            ("remove users from group", self.iam.remove_user_from_group, {"UserName": member}),
        ]:
            self.refused("DeleteConflict", f"Cannot delete entity, must {first} first.", self.iam.delete_group, GroupName=group)
            undo(GroupName=group, **more)
        self.iam.delete_group(GroupName=group)
        self.refused("NoSuchEntity", None, self.iam.delete_group, GroupName=group)

    def test_permissions_come_and_go_with_membership(self):
        group = self.group()["GroupName"]
        self.iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=json.dumps(allow("iam:ListGroups")))
        self.cleanup(self.iam.delete_group_policy, GroupName=group, PolicyName="p")
        user = self.user()["UserName"]
        client = self.client_of(user)
        self.denied(client.list_groups)
        self.iam.add_user_to_group(GroupName=group, UserName=user)
        client.list_groups()
        self.iam.remove_user_from_group(GroupName=group, UserName=user)
        self.denied(client.list_groups)

    def test_joining_races_with_deleting(self):
        for _ in range(8):
            group, user = self.iam.create_group(GroupName=self.name())["Group"]["GroupName"], self.user()["UserName"]
            clients = [harness.client("iam") for _ in range(2)]

            def attempt(call, **arguments):
                try:
                    call(**arguments)
                    return "done"
                except ClientError as e:
                    return e.response["Error"]["Code"]
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                joined = pool.submit(attempt, clients[0].add_user_to_group, GroupName=group, UserName=user)
                deleted = pool.submit(attempt, clients[1].delete_group, GroupName=group)
            self.assertIn((joined.result(), deleted.result()), {("done", "DeleteConflict"), ("NoSuchEntity", "done")})
            groups = [g["GroupName"] for g in self.iam.list_groups_for_user(UserName=user)["Groups"]]
            self.assertEqual([group] if joined.result() == "done" else [], groups)
            if groups:
                self.iam.remove_user_from_group(GroupName=group, UserName=user)
                self.iam.delete_group(GroupName=group)


if __name__ == "__main__":
    harness.serve()
    harness.main()
