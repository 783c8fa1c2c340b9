#!/usr/bin/env python3
"""IAM roles, their trust, service-linked roles and instance profiles, through boto3."""
import json

import harness
from botocore.exceptions import ClientError
from iam_case import EC2_TRUST, S3_POLICY, IamCase, allow, padded, trust_of


class RoleRefusals(IamCase):
    def test_absent_role(self):
        iam, absent, arn = self.iam, "no-such-role", "arn:aws:iam::aws:policy/ReadOnlyAccess"
        document = json.dumps(S3_POLICY)
        calls = [
            (iam.get_role, {}), (iam.update_role, {"Description": "x"}), (iam.update_role_description, {"Description": "x"}),
            (iam.delete_role, {}), (iam.update_assume_role_policy, {"PolicyDocument": json.dumps(EC2_TRUST)}),
            (iam.tag_role, {"Tags": [{"Key": "a", "Value": "b"}]}), (iam.untag_role, {"TagKeys": ["a"]}),
            (iam.list_role_tags, {}), (iam.put_role_permissions_boundary, {"PermissionsBoundary": arn}),
            (iam.delete_role_permissions_boundary, {}), (iam.attach_role_policy, {"PolicyArn": arn}),
            (iam.detach_role_policy, {"PolicyArn": arn}), (iam.list_attached_role_policies, {}),
            (iam.put_role_policy, {"PolicyName": "p", "PolicyDocument": document}), (iam.get_role_policy, {"PolicyName": "p"}),
            (iam.delete_role_policy, {"PolicyName": "p"}), (iam.list_role_policies, {}),
            (iam.list_instance_profiles_for_role, {}), (iam.delete_service_linked_role, {}),
        ]
        for call, more in calls:
            with self.subTest(call.__name__):
                self.refused("NoSuchEntity", "The role with name no-such-role cannot be found.", call, RoleName=absent, **more)

    def test_name_taken_in_any_case(self):
        name = self.role()["RoleName"]
        for taken in (name, name.upper()):
            self.refused("EntityAlreadyExists", f"Role with name {taken} already exists.", self.iam.create_role,
                         RoleName=taken, AssumeRolePolicyDocument=json.dumps(EC2_TRUST))
        self.refused("NoSuchEntity", None, self.iam.get_role, RoleName=name.upper())

    def test_reserved_names(self):
        self.refused("InvalidInput", "Path prefix '/aws-service-role/' can only be used for AWS Service linked Roles",
                     self.iam.create_role, RoleName=self.name(), Path="/aws-service-role/ecs.amazonaws.com/",
                     AssumeRolePolicyDocument=json.dumps(EC2_TRUST))
        self.refused("InvalidInput", "Role name prefix AWSServiceRoleFor can only be used for AWS Service Linked Roles",
                     self.iam.create_role, RoleName="AWSServiceRoleForMe", AssumeRolePolicyDocument=json.dumps(EC2_TRUST))

    def test_malformed_trust(self):
        statement = EC2_TRUST["Statement"][0]
        cases = [
            ("{", "This policy contains invalid Json"),
            (json.dumps(EC2_TRUST) + "x", "This policy contains invalid Json"),
            (json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": "*"}]}), "Has prohibited field Resource"),
            (json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Action": "s3:GetObject"}]}),
             "AssumeRole policy may only specify STS AssumeRole actions."),
            (json.dumps(allow("sts:AssumeRole")), None),
            (json.dumps({"Version": "2012-10-17"}), None),
            (json.dumps({"Version": "2013-10-17", "Statement": [statement]}), None),
        ]
        role = self.role()
        for document, message in cases:
            with self.subTest(document):
                self.refused("MalformedPolicyDocument", message, self.iam.create_role, RoleName=self.name(),
                             AssumeRolePolicyDocument=document)
                self.refused("MalformedPolicyDocument", message, self.iam.update_assume_role_policy,
                             RoleName=role["RoleName"], PolicyDocument=document)
        self.assertEqual(self.iam.get_role(RoleName=role["RoleName"])["Role"]["AssumeRolePolicyDocument"], EC2_TRUST)

    def test_trust_size(self):
        name = self.role()["RoleName"]
        self.iam.update_assume_role_policy(RoleName=name, PolicyDocument=padded(EC2_TRUST, 2048).replace(",", " , "))
        self.refused("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", self.iam.update_assume_role_policy,
                     RoleName=name, PolicyDocument=padded(EC2_TRUST, 2049))
        self.refused("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", self.iam.create_role,
                     RoleName=self.name(), AssumeRolePolicyDocument=padded(EC2_TRUST, 2049))

    def test_session_duration(self):
        for seconds, bound in ((3599, "greater than or equal to 3600"), (43201, "less than or equal to 43200")):
            error = self.refused("ValidationError", None, self.iam.create_role, RoleName=self.name(),
                                 AssumeRolePolicyDocument=json.dumps(EC2_TRUST), MaxSessionDuration=seconds)["Error"]
            self.assertIn(bound, error["Message"])
        for seconds in (3600, 43200):
            name = self.role(MaxSessionDuration=seconds)["RoleName"]
            self.assertEqual(self.iam.get_role(RoleName=name)["Role"]["MaxSessionDuration"], seconds)

    def test_boundary(self):
        name = self.role()["RoleName"]
        absent = self.arn("policy", "absent")
        scope = f"Scope ARN: {absent} does not exist or is not attachable."
        self.refused("NoSuchEntity", scope, self.iam.put_role_permissions_boundary, RoleName=name, PermissionsBoundary=absent)
        self.refused("NoSuchEntity", scope, self.iam.create_role, RoleName=self.name(), PermissionsBoundary=absent,
                     AssumeRolePolicyDocument=json.dumps(EC2_TRUST))
        # CreateRole's model does not list the error; its status is that of the service's others.
        with self.assertRaises(ClientError) as caught:
            self.iam.create_role(RoleName=self.name(), PermissionsBoundary=absent, AssumeRolePolicyDocument=json.dumps(EC2_TRUST))
        self.assertEqual(404, caught.exception.response["ResponseMetadata"]["HTTPStatusCode"])
        wrong = self.arn("not_a_policy", "invalid")
        self.refused("InvalidInput", f"ARN {wrong} is not valid.", self.iam.put_role_permissions_boundary, RoleName=name,
                     PermissionsBoundary=wrong)

    def test_tags(self):
        duplicate = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        name = self.role(Tags=[{"Key": f"k{i}", "Value": ""} for i in range(50)])["RoleName"]
        self.refused("InvalidInput", duplicate, self.iam.tag_role, RoleName=name,
                     Tags=[{"Key": "k", "Value": "1"}, {"Key": "K", "Value": "2"}])
        self.refused("LimitExceeded", None, self.iam.tag_role, RoleName=name, Tags=[{"Key": "more", "Value": ""}])
        self.refused("ValidationError", None, self.iam.tag_role, RoleName=name,
                     Tags=[{"Key": f"n{i}", "Value": ""} for i in range(51)])
        self.refused("InvalidInput", None, self.iam.tag_role, RoleName=name, Tags=[{"Key": "aws:x", "Value": ""}])
        self.iam.tag_role(RoleName=name, Tags=[{"Key": "k0", "Value": "new"}])


class RoleLife(IamCase):
    def test_shapes(self):
        tags = [{"Key": "team", "Value": "blue"}]
        made = self.role(Path="/app/", Description="first", MaxSessionDuration=7200, Tags=tags)
        self.assertEqual(set(made), {"Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument", "Tags"})
        self.assertEqual(made["Arn"], self.arn("role", made["RoleName"], "/app/"))
        self.assertRegex(made["RoleId"], r"^AROA[A-Z2-7]{17}$")
        got = self.iam.get_role(RoleName=made["RoleName"])["Role"]
        self.assertEqual((got["Description"], got["MaxSessionDuration"], got["RoleLastUsed"], got["Tags"]),
                         ("first", 7200, {}, tags))
        self.assertEqual(got["AssumeRolePolicyDocument"], EC2_TRUST)
        bare = self.iam.get_role(RoleName=self.role()["RoleName"])["Role"]
        self.assertNotIn("Tags", bare)
        self.assertNotIn("Description", bare)
        self.assertEqual(bare["MaxSessionDuration"], 3600)

    def test_update(self):
        name = self.role(Description="first")["RoleName"]
        self.iam.update_role(RoleName=name, MaxSessionDuration=7200)
        role = self.iam.get_role(RoleName=name)["Role"]
        self.assertEqual((role["Description"], role["MaxSessionDuration"]), ("first", 7200))
        # Without a duration the usual hour is set, as AWS says.
        self.iam.update_role(RoleName=name, Description="second")
        role = self.iam.get_role(RoleName=name)["Role"]
        self.assertEqual((role["Description"], role["MaxSessionDuration"]), ("second", 3600))
        role = self.iam.update_role_description(RoleName=name, Description="third")["Role"]
        self.assertEqual(role["Description"], "third")
        self.assertNotIn("MaxSessionDuration", role)

    def test_tags(self):
        name = self.role()["RoleName"]
        self.iam.tag_role(RoleName=name, Tags=[{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}])
        self.iam.tag_role(RoleName=name, Tags=[{"Key": "B", "Value": "3"}])
        listed = self.iam.list_role_tags(RoleName=name)
        self.assertFalse(listed["IsTruncated"])
        self.assertEqual(sorted((t["Key"].lower(), t["Value"]) for t in listed["Tags"]), [("a", "2"), ("b", "3")])
        page = self.iam.list_role_tags(RoleName=name, MaxItems=1)
        self.assertTrue(page["IsTruncated"])
        rest = self.iam.list_role_tags(RoleName=name, Marker=page["Marker"])
        self.assertEqual(len(page["Tags"]) + len(rest["Tags"]), 2)
        self.iam.untag_role(RoleName=name, TagKeys=["A", "absent"])
        self.assertEqual([t["Value"] for t in self.iam.list_role_tags(RoleName=name)["Tags"]], ["3"])

    def test_delete_conflicts_in_order(self):
        name, profile = self.role()["RoleName"], self.name("profile")
        arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
        self.iam.create_instance_profile(InstanceProfileName=profile)
        self.cleanup(self.iam.delete_instance_profile, InstanceProfileName=profile)
        self.iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=name)
        self.iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(S3_POLICY))
        steps = [
            ("Cannot delete entity, must remove roles from instance profile first.", self.iam.remove_role_from_instance_profile,
             {"InstanceProfileName": profile}),
            ("Cannot delete entity, must detach all policies first.", self.iam.detach_role_policy, {"PolicyArn": arn}),
            ("Cannot delete entity, must delete policies first.", self.iam.delete_role_policy, {"PolicyName": "p"}),
        ]
        for message, undo, more in steps:
            self.refused("DeleteConflict", message, self.iam.delete_role, RoleName=name)
            undo(RoleName=name, **more)
        self.iam.delete_role(RoleName=name)
        self.refused("NoSuchEntity", None, self.iam.get_role, RoleName=name)

    def test_list_pages(self):
        path = f"/{self.name()}/"
        names = sorted(self.role(Path=path)["RoleName"] for _ in range(5))
        self.role(Path=path[:-1] + "x/")
        pages = list(self.iam.get_paginator("list_roles").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2}))
        self.assertEqual([len(p["Roles"]) for p in pages], [2, 2, 1])
        self.assertEqual([r["RoleName"] for p in pages for r in p["Roles"]], names)
        self.assertEqual(pages[0]["Roles"][0]["MaxSessionDuration"], 3600)
        self.assertEqual(self.iam.list_roles(PathPrefix="/absent/")["Roles"], [])
        self.refused("ValidationError", None, self.iam.list_roles, Marker="not a marker")

    def test_boundary(self):
        policy = self.policy()["Arn"]
        name = self.role()["RoleName"]
        self.assertNotIn("PermissionsBoundary", self.iam.get_role(RoleName=name)["Role"])
        self.iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=policy)
        self.assertEqual(self.iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"],
                         {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": policy})
        self.assertEqual(self.iam.get_policy(PolicyArn=policy)["Policy"]["PermissionsBoundaryUsageCount"], 1)
        self.refused("DeleteConflict", "Cannot delete a policy attached to entities.", self.iam.delete_policy, PolicyArn=policy)
        self.iam.delete_role_permissions_boundary(RoleName=name)
        self.assertEqual(self.iam.get_policy(PolicyArn=policy)["Policy"]["PermissionsBoundaryUsageCount"], 0)
        made = self.role(PermissionsBoundary=policy)
        self.assertEqual(made["PermissionsBoundary"]["PermissionsBoundaryArn"], policy)
        self.iam.delete_role(RoleName=made["RoleName"])
        self.assertEqual(self.iam.get_policy(PolicyArn=policy)["Policy"]["PermissionsBoundaryUsageCount"], 0)


class Trust(IamCase):
    """A principal is trusted as the very user or role that it was when the policy was saved."""

    def principal_of(self, role_name):
        document = self.iam.get_role(RoleName=role_name)["Role"]["AssumeRolePolicyDocument"]
        return document["Statement"][0]["Principal"]["AWS"]

    def test_absent_principals(self):
        for arn in (self.arn("user", "absent"), self.arn("role", "absent")):
            message = f'Invalid principal in policy: "AWS":"{arn}"'
            self.refused("MalformedPolicyDocument", message, self.iam.create_role, RoleName=self.name(),
                         AssumeRolePolicyDocument=json.dumps(trust_of(arn)))
            self.refused("MalformedPolicyDocument", message, self.iam.update_assume_role_policy,
                         RoleName=self.role()["RoleName"], PolicyDocument=json.dumps(trust_of(arn)))

    def refused_trust(self, message, *statements):
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        with self.subTest(document):
            self.refused("MalformedPolicyDocument", message, self.iam.create_role, RoleName=self.name(), AssumeRolePolicyDocument=document)
            self.refused("MalformedPolicyDocument", message, self.iam.update_assume_role_policy, RoleName=self.role()["RoleName"],
                         PolicyDocument=document)

    def test_who_is_no_principal(self):
        sound = EC2_TRUST["Statement"][0]
        for arn in (self.arn("group", "Administrators"), self.arn("policy", "p"), self.arn("instance-profile", "p"),
                    f"arn:aws:sts::{self.account}:session/x", "arn:aws:s3:::bucket"):
            self.refused_trust(f'Invalid principal in policy: "AWS":"{arn}"', sound, {**sound, "Principal": {"AWS": [self.account, arn]}})
        self.refused_trust("AssumeRole policy must not contain NotPrincipal field.", sound,
                           {"Effect": "Deny", "NotPrincipal": {"AWS": self.account}, "Action": "sts:AssumeRole"})
        self.role(trust_of(self.account, f"arn:aws:sts::{self.account}:assumed-role/r/s", f"arn:aws:sts::{self.account}:federated-user/f"))

    def test_federated_principals(self):
        def federated(principal, effect="Allow", action="sts:AssumeRoleWithWebIdentity", **condition):
            return {"Effect": effect, "Principal": {"Federated": principal}, "Action": action,
                    **({"Condition": condition} if condition else {})}
        for principal in ("foo", "foo bar.com", f"arn:aws:iam::{self.account}:user/x", ["accounts.google.com", "foo"]):
            self.refused_trust("Federated principals must be valid domain names or SAML metadata ARNs", federated(principal))
        self.refused_trust("A condition block must be present for the Cognito provider", federated("cognito-identity.amazonaws.com"))
        for statement in (federated("accounts.google.com"), federated(self.arn("saml-provider", "x"), action="sts:AssumeRoleWithSAML"),
                          federated(self.arn("oidc-provider", "id.example.com/x")),
                          federated("cognito-identity.amazonaws.com", StringEquals={"cognito-identity.amazonaws.com:aud": "eu-west-1:x"})):
            self.role({"Version": "2012-10-17", "Statement": [statement]})

    def test_a_provider_that_tenants_share_is_asked_for_the_tenant(self):
        def trusting(url, claim, **condition):
            return {"Effect": "Allow", "Principal": {"Federated": self.arn("oidc-provider", url)}, "Action": claim, "Condition": condition}
        web = "sts:AssumeRoleWithWebIdentity"
        must = "Trust policy with trusted principal {} must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, {} which is not scoped to all."
        for url, keys in (("token.actions.githubusercontent.com", ("sub", "job_workflow_ref")),
                          ("token.actions.githubusercontent.com/acme", ("sub", "job_workflow_ref")), ("gitlab.com", ("sub",)),
                          ("oidc.vercel.com", ("aud",))):
            first = f"{url}:{keys[0]}"
            message = must.format(self.arn("oidc-provider", url), " or ".join(f"{url}:{k}" for k in keys))
            for condition in ({}, {"StringEquals": {f"{url}:azp": "x"}}, {"StringLike": {first: "*"}}, {"StringLike": {first: ["*", "?*", ""]}},
                              {"StringNotEquals": {first: "x"}}, {"StringEquals": {"gitlab.net:sub": "x"}}, {"StringLike": {first: []}}):
                self.refused_trust(message, trusting(url, web, **condition))
            for condition in ({"StringEquals": {first: "x"}}, {"StringLike": {first: "repo:*"}}, {"StringLike": {first: ["*", "x"]}},
                              {"ForAnyValue:StringEqualsIgnoreCase": {first.upper(): "x"}}, {"StringEquals": {f"{url}:{keys[-1]}": "x"}}):
                self.role({"Version": "2012-10-17", "Statement": [trusting(url, web, **condition)]})
            self.refused_trust(message, trusting(url, ["sts:TagSession", "sts:*"]))
            self.role({"Version": "2012-10-17", "Statement": [trusting(url, "sts:TagSession"), {**trusting(url, web), "Effect": "Deny"}]})
        self.role({"Version": "2012-10-17", "Statement": [trusting("gitlab.example.com", web), trusting("gitlab.com.example.com", web)]})

    def test_account_and_root_need_no_entity(self):
        self.role(trust_of(self.account))
        self.role(trust_of(f"arn:aws:iam::{self.account}:root"))

    def test_recreated_user_is_a_stranger(self):
        user = self.user()
        name, arn, old_id = user["UserName"], user["Arn"], user["UserId"]
        role = self.role(trust_of(arn))
        assume = {"RoleArn": role["Arn"], "RoleSessionName": "s1"}
        self.assertEqual(self.principal_of(role["RoleName"]), [arn])
        client = self.client_of(name, "sts")
        client.assume_role(**assume)
        for key in self.iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            self.iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        self.iam.delete_user(UserName=name)
        self.assertEqual(self.principal_of(role["RoleName"]), [old_id])

        self.user(UserName=name)
        self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(allow("sts:AssumeRole")))
        self.cleanup(self.iam.delete_user_policy, UserName=name, PolicyName="p")
        client = self.client_of(name, "sts")
        self.assertEqual(self.principal_of(role["RoleName"]), [old_id])
        self.denied(client.assume_role, **assume)
        self.refused("MalformedPolicyDocument", None, self.iam.update_assume_role_policy, RoleName=role["RoleName"],
                     PolicyDocument=json.dumps(trust_of(old_id)))

        self.iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=json.dumps(trust_of(arn)))
        self.assertEqual(self.principal_of(role["RoleName"]), [arn])
        client.assume_role(**assume)

    def test_recreated_role_is_a_stranger(self):
        trusted = self.role()
        role = self.role(trust_of(trusted["Arn"]))
        self.iam.delete_role(RoleName=trusted["RoleName"])
        self.role(RoleName=trusted["RoleName"])
        self.assertEqual(self.principal_of(role["RoleName"]), [trusted["RoleId"]])


class ServiceLinked(IamCase):
    def linked(self, service="batch.amazonaws.com", **more):
        role = self.iam.create_service_linked_role(AWSServiceName=service, **more)["Role"]
        self.cleanup(self.iam.delete_service_linked_role, RoleName=role["RoleName"])
        return role

    def test_refusals(self):
        self.refused("InvalidInput", "Custom suffix is not allowed for acm.amazonaws.com", self.iam.create_service_linked_role,
                     AWSServiceName="acm.amazonaws.com", CustomSuffix="x")
        self.refused("InvalidInput", None, self.iam.create_service_linked_role, AWSServiceName="absent.amazonaws.com")
        self.refused("InvalidInput", None, self.iam.create_service_linked_role, AWSServiceName="acm")
        self.refused("NoSuchEntity", None, self.iam.delete_service_linked_role, RoleName=self.role()["RoleName"])
        self.refused("NoSuchEntity", None, self.iam.get_service_linked_role_deletion_status,
                     DeletionTaskId="task/aws-service-role/acm.amazonaws.com/AWSServiceRoleForCertificateManager/x")
        name = self.linked("ram.amazonaws.com")["RoleName"]
        self.refused("InvalidInput",
                     f"Service role name {name} has been taken in this account, please try a different suffix.",
                     self.iam.create_service_linked_role, AWSServiceName="ram.amazonaws.com")

    def test_only_its_service_changes_it(self):
        iam, name, arn = self.iam, self.linked("ses.amazonaws.com")["RoleName"], "arn:aws:iam::aws:policy/ReadOnlyAccess"
        calls = [
            (iam.delete_role, {}), (iam.update_role, {"MaxSessionDuration": 7200}),
            (iam.update_assume_role_policy, {"PolicyDocument": json.dumps(EC2_TRUST)}),
            (iam.attach_role_policy, {"PolicyArn": arn}), (iam.detach_role_policy, {"PolicyArn": arn}),
            (iam.put_role_policy, {"PolicyName": "p", "PolicyDocument": json.dumps(S3_POLICY)}),
            (iam.delete_role_policy, {"PolicyName": "p"}), (iam.put_role_permissions_boundary, {"PermissionsBoundary": arn}),
            (iam.delete_role_permissions_boundary, {}),
        ]
        for call, more in calls:
            with self.subTest(call.__name__):
                self.refused("UnmodifiableEntity", f"Cannot perform the operation on the protected role '{name}' - this role "
                             "is only modifiable by AWS", call, RoleName=name, **more)
        iam.update_role(RoleName=name, Description="mail")
        self.assertEqual(iam.get_role(RoleName=name)["Role"]["Description"], "mail")

    def test_life(self):
        made = self.linked()
        self.assertEqual(made["Arn"], self.arn("role", "AWSServiceRoleForBatch", "/aws-service-role/batch.amazonaws.com/"))
        self.assertEqual(made["AssumeRolePolicyDocument"]["Statement"][0]["Principal"], {"Service": "batch.amazonaws.com"})
        attached = self.iam.list_attached_role_policies(RoleName=made["RoleName"])["AttachedPolicies"]
        policy = "arn:aws:iam::aws:policy/aws-service-role/BatchServiceRolePolicy"
        self.assertEqual([p["PolicyArn"] for p in attached], [policy])
        self.assertEqual(self.iam.get_policy(PolicyArn=policy)["Policy"]["AttachmentCount"], 1)
        task = self.iam.delete_service_linked_role(RoleName=made["RoleName"])["DeletionTaskId"]
        self.assertRegex(task, r"^task/aws-service-role/batch\.amazonaws\.com/AWSServiceRoleForBatch/[0-9a-f-]{36}$")
        self.assertEqual(self.iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"], "SUCCEEDED")
        self.refused("NoSuchEntity", None, self.iam.get_role, RoleName=made["RoleName"])
        self.assertEqual(self.iam.get_policy(PolicyArn=policy)["Policy"]["AttachmentCount"], 0)

    def test_suffix(self):
        for suffix in ("one", "two"):
            role = self.linked("autoscaling.amazonaws.com", CustomSuffix=suffix, Description="d")
            self.assertEqual(role["RoleName"], f"AWSServiceRoleForAutoScaling_{suffix}")

    def test_permission_names_the_service(self):
        document = allow("iam:CreateServiceLinkedRole", condition={"StringLike": {"iam:AWSServiceName": "fis.amazonaws.com"}})
        client = self.client_with(document)
        self.denied(client.create_service_linked_role, AWSServiceName="dax.amazonaws.com")
        client.create_service_linked_role(AWSServiceName="fis.amazonaws.com")
        self.cleanup(self.iam.delete_service_linked_role, RoleName="AWSServiceRoleForFIS")


class InstanceProfiles(IamCase):
    def profile(self, **more):
        made = self.iam.create_instance_profile(InstanceProfileName=self.name("profile"), **more)["InstanceProfile"]
        self.cleanup(self.iam.delete_instance_profile, InstanceProfileName=made["InstanceProfileName"])
        return made

    def fill(self, profile, role):
        self.iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
        self.cleanup(self.iam.remove_role_from_instance_profile, InstanceProfileName=profile, RoleName=role)

    def test_refusals(self):
        iam, absent = self.iam, "Instance Profile absent cannot be found."
        profile, role, other = self.profile()["InstanceProfileName"], self.role()["RoleName"], self.role()["RoleName"]
        for call, more in [
            (iam.get_instance_profile, {}), (iam.delete_instance_profile, {}), (iam.list_instance_profile_tags, {}),
            (iam.tag_instance_profile, {"Tags": [{"Key": "a", "Value": "b"}]}), (iam.untag_instance_profile, {"TagKeys": ["a"]}),
            (iam.add_role_to_instance_profile, {"RoleName": role}), (iam.remove_role_from_instance_profile, {"RoleName": role}),
        ]:
            with self.subTest(call.__name__):
                self.refused("NoSuchEntity", absent, call, InstanceProfileName="absent", **more)
        self.refused("EntityAlreadyExists", f"Instance Profile {profile} already exists.", iam.create_instance_profile,
                     InstanceProfileName=profile)
        for call in (iam.add_role_to_instance_profile, iam.remove_role_from_instance_profile):
            self.refused("NoSuchEntity", "The role with name absent cannot be found.", call, InstanceProfileName=profile,
                         RoleName="absent")
        self.refused("NoSuchEntity", f"Role {role} in Instance Profile {profile} cannot be found.",
                     iam.remove_role_from_instance_profile, InstanceProfileName=profile, RoleName=role)
        self.fill(profile, role)
        for again in (role, other):
            self.refused("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
                         iam.add_role_to_instance_profile, InstanceProfileName=profile, RoleName=again)
        self.refused("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.",
                     iam.delete_instance_profile, InstanceProfileName=profile)
        self.refused("InvalidInput", "Duplicate tag keys found.", iam.tag_instance_profile, InstanceProfileName=profile,
                     Tags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])

    def test_shapes(self):
        made = self.profile(Path="/x/")
        self.assertEqual(set(made), {"Path", "InstanceProfileName", "InstanceProfileId", "Arn", "CreateDate", "Roles"})
        self.assertEqual(made["Arn"], self.arn("instance-profile", made["InstanceProfileName"], "/x/"))
        self.assertRegex(made["InstanceProfileId"], r"^AIPA[A-Z2-7]{17}$")
        role = self.role()
        self.fill(made["InstanceProfileName"], role["RoleName"])
        got = self.iam.get_instance_profile(InstanceProfileName=made["InstanceProfileName"])["InstanceProfile"]
        self.assertEqual(got["Tags"], [])
        self.assertEqual(set(got["Roles"][0]), {"Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"})
        self.assertEqual(got["Roles"][0]["AssumeRolePolicyDocument"], EC2_TRUST)

    def test_lists(self):
        path, role = f"/{self.name()}/", self.role()["RoleName"]
        names = sorted(self.profile(Path=path)["InstanceProfileName"] for _ in range(3))
        for name in names:
            self.fill(name, role)
        pages = list(self.iam.get_paginator("list_instance_profiles").paginate(
            PathPrefix=path, PaginationConfig={"PageSize": 2}))
        self.assertEqual([p["InstanceProfileName"] for page in pages for p in page["InstanceProfiles"]], names)
        pages = list(self.iam.get_paginator("list_instance_profiles_for_role").paginate(
            RoleName=role, PaginationConfig={"PageSize": 2}))
        self.assertEqual([len(p["InstanceProfiles"]) for p in pages], [2, 1])
        self.assertEqual([p["InstanceProfileName"] for page in pages for p in page["InstanceProfiles"]], names)
        self.iam.remove_role_from_instance_profile(InstanceProfileName=names[0], RoleName=role)
        self.assertEqual(len(self.iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"]), 2)

    def test_tags_are_exact(self):
        name = self.profile(Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}])["InstanceProfileName"]
        self.iam.untag_instance_profile(InstanceProfileName=name, TagKeys=["a"])
        self.assertEqual(self.iam.list_instance_profile_tags(InstanceProfileName=name)["Tags"], [{"Key": "A", "Value": "2"}])

    def test_role_must_be_passed(self):
        profile, role = self.profile()["InstanceProfileName"], self.role()
        arguments = {"InstanceProfileName": profile, "RoleName": role["RoleName"]}
        add = allow("iam:AddRoleToInstanceProfile")

        def to(service):
            return allow("iam:PassRole", role["Arn"], condition={"StringEquals": {"iam:PassedToService": service}})

        message = self.denied(self.client_with(add).add_role_to_instance_profile, **arguments)
        self.assertIn("iam:PassRole", message)
        self.assertIn(role["Arn"], message)
        self.denied(self.client_with(add, to("lambda.amazonaws.com")).add_role_to_instance_profile, **arguments)
        self.denied(self.client_with(allow("iam:PassRole")).add_role_to_instance_profile, **arguments)
        self.client_with(add, to("ec2.amazonaws.com")).add_role_to_instance_profile(**arguments)
        self.cleanup(self.iam.remove_role_from_instance_profile, **arguments)


if __name__ == "__main__":
    harness.serve()
    harness.main()
