#!/usr/bin/env python3
"""Access keys, passwords, the password policy and the account, through boto3."""
import base64
import concurrent.futures
import json
import re
import time

from botocore.exceptions import ClientError

import harness
from iam_case import IamCase, allow

GOOD, OTHER = "Abcdefgh1!", "Zyxwvuts9?"


class AccessKeys(IamCase):
    def test_absent(self):
        user, other = self.user()["UserName"], self.user()["UserName"]
        theirs = self.iam.create_access_key(UserName=other)["AccessKey"]["AccessKeyId"]
        self.cleanup(self.iam.delete_access_key, UserName=other, AccessKeyId=theirs)
        for key in ("AKIAIOSFODNN7EXAMPLE", theirs):
            message = f"The Access Key with id {key} cannot be found."
            self.refused("NoSuchEntity", message, self.iam.delete_access_key, UserName=user, AccessKeyId=key)
            self.refused("NoSuchEntity", message, self.iam.update_access_key, UserName=user, AccessKeyId=key, Status="Inactive")
        with self.assertRaises(ClientError) as caught:
            self.iam.get_access_key_last_used(AccessKeyId="AKIAIOSFODNN7EXAMPLE")
        response = caught.exception.response
        self.assertEqual(("AccessDenied", 403), (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]))
        self.assertEqual(f"User: {self.arn('user', 'admin')} is not authorized to perform iam:GetAccessKeyLastUsed on resource: "
                         "access key AKIAIOSFODNN7EXAMPLE", response["Error"]["Message"])

    def test_malformed(self):
        user = self.user()["UserName"]
        key = self.iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
        self.cleanup(self.iam.delete_access_key, UserName=user, AccessKeyId=key)
        for status in ("", "active", "Deleted"):
            self.refused("ValidationError", None, self.iam.update_access_key, UserName=user, AccessKeyId=key, Status=status)
        self.refused("InvalidInput", None, self.iam.update_access_key, UserName=user, AccessKeyId=key, Status="Expired")
        for bad in ("A" * 15, "A" * 129, "AKIA/../../../../x"):
            self.refused("ValidationError", None, self.iam.get_access_key_last_used, AccessKeyId=bad)

    def test_two_a_user(self):
        user = self.user()["UserName"]
        keys = [self.iam.create_access_key(UserName=user)["AccessKey"] for _ in range(2)]
        for k in keys:
            self.assertRegex(k["AccessKeyId"], r"^AKIA[A-Z2-7]{16}$")
            self.assertRegex(k["SecretAccessKey"], r"^[A-Za-z0-9+/]{40}$")
            self.assertEqual((user, "Active"), (k["UserName"], k["Status"]))
        self.refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", self.iam.create_access_key, UserName=user)
        listed = self.iam.list_access_keys(UserName=user)
        self.assertEqual([k["AccessKeyId"] for k in keys], [k["AccessKeyId"] for k in listed["AccessKeyMetadata"]])
        self.assertNotIn("SecretAccessKey", listed["AccessKeyMetadata"][0])
        page = self.iam.list_access_keys(UserName=user, MaxItems=1)
        rest = self.iam.list_access_keys(UserName=user, MaxItems=1, Marker=page["Marker"])
        self.assertEqual((True, False), (page["IsTruncated"], rest["IsTruncated"]))
        self.assertEqual(keys[1]["AccessKeyId"], rest["AccessKeyMetadata"][0]["AccessKeyId"])
        for k in keys:
            self.iam.delete_access_key(UserName=user, AccessKeyId=k["AccessKeyId"])
        self.assertEqual([], self.iam.list_access_keys(UserName=user)["AccessKeyMetadata"])

    def test_two_a_user_at_once(self):
        user = self.user()["UserName"]
        clients = [harness.client("iam") for _ in range(6)]

        def create(i):
            try:
                return clients[i].create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
            except ClientError as e:
                return e.response["Error"]["Code"]
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            made = sorted(pool.map(create, range(6)))
        self.assertEqual(["LimitExceeded"] * 4, made[2:])
        self.assertEqual(made[:2], sorted(k["AccessKeyId"] for k in self.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]))
        for key in made[:2]:
            self.iam.delete_access_key(UserName=user, AccessKeyId=key)

    def test_inactive_and_deleted_keys_do_not_sign(self):
        user = self.user()["UserName"]
        key = self.iam.create_access_key(UserName=user)["AccessKey"]
        sts = harness.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
        sts.get_caller_identity()
        self.iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Inactive")
        self.assertEqual("Inactive", self.iam.list_access_keys(UserName=user)["AccessKeyMetadata"][0]["Status"])
        self.refused("InvalidClientTokenId", None, sts.get_caller_identity)
        self.iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Active")
        sts.get_caller_identity()
        self.iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
        self.refused("InvalidClientTokenId", None, sts.get_caller_identity)

    def test_last_used(self):
        user = self.user()["UserName"]
        key = self.iam.create_access_key(UserName=user)["AccessKey"]
        self.cleanup(self.iam.delete_access_key, UserName=user, AccessKeyId=key["AccessKeyId"])
        unused = self.iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
        self.assertEqual((user, {"ServiceName": "N/A", "Region": "N/A"}), (unused["UserName"], unused["AccessKeyLastUsed"]))
        harness.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"]).get_caller_identity()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            used = self.iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
            if used["ServiceName"] != "N/A":
                break
            time.sleep(0.2)
        self.assertEqual(("sts", harness.REGION), (used["ServiceName"], used["Region"]))

    def test_last_used_is_allowed_on_the_owner(self):
        user = self.user()["UserName"]
        key = self.iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
        self.cleanup(self.iam.delete_access_key, UserName=user, AccessKeyId=key)
        self.client_with(allow("iam:GetAccessKeyLastUsed", self.arn("user", user))).get_access_key_last_used(AccessKeyId=key)
        self.denied(self.client_with(allow("iam:GetAccessKeyLastUsed", self.arn("user", "x"))).get_access_key_last_used, AccessKeyId=key)

    def test_own_keys_without_a_name(self):
        client = self.client_with(allow("iam:*AccessKey*", self.arn("user", "${aws:username}")))
        key = client.create_access_key()["AccessKey"]
        self.assertEqual(2, len(client.list_access_keys()["AccessKeyMetadata"]))
        client.delete_access_key(AccessKeyId=key["AccessKeyId"])
        self.denied(client.create_access_key, UserName="admin")

    def test_root_has_its_own(self):
        root = harness.client("iam", key=harness.ROOT_KEY, secret=harness.ROOT_SECRET)
        self.assertEqual([harness.ROOT_KEY], [k["AccessKeyId"] for k in root.list_access_keys()["AccessKeyMetadata"]])
        key = root.create_access_key()["AccessKey"]
        self.refused("LimitExceeded", None, root.create_access_key)
        self.assertEqual(1, self.iam.get_account_summary()["SummaryMap"]["AccountAccessKeysPresent"])
        second = harness.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
        self.assertEqual(f"arn:aws:iam::{self.account}:root", second.get_caller_identity()["Arn"])
        root.delete_access_key(AccessKeyId=key["AccessKeyId"])
        self.refused("InvalidClientTokenId", None, second.get_caller_identity)


class Passwords(IamCase):
    def profile(self, password=GOOD, **more):
        user = self.user()["UserName"]
        made = self.iam.create_login_profile(UserName=user, Password=password, **more)["LoginProfile"]
        self.cleanup(self.iam.delete_login_profile, UserName=user)
        return user, made

    def policy(self, **settings):
        self.iam.update_account_password_policy(**settings)
        self.cleanup(self.iam.delete_account_password_policy)

    def test_absent_and_taken(self):
        user = self.user()["UserName"]
        absent = f"Login Profile for User {user} cannot be found."
        for call, more in [(self.iam.get_login_profile, {}), (self.iam.delete_login_profile, {}),
                           (self.iam.update_login_profile, {"Password": GOOD})]:
            self.refused("NoSuchEntity", absent, call, UserName=user, **more)
        user, made = self.profile(PasswordResetRequired=True)
        self.assertEqual((user, True), (made["UserName"], made["PasswordResetRequired"]))
        self.refused("EntityAlreadyExists", f"Login Profile for user {user} already exists.", self.iam.create_login_profile,
                     UserName=user, Password=GOOD)
        self.iam.update_login_profile(UserName=user, PasswordResetRequired=False)
        self.assertIs(False, self.iam.get_login_profile(UserName=user)["LoginProfile"]["PasswordResetRequired"])
        self.iam.delete_login_profile(UserName=user)
        self.refused("NoSuchEntity", f"Login Profile for User {user} cannot be found.", self.iam.get_login_profile, UserName=user)

    def test_malformed(self):
        user = self.user()["UserName"]
        for password in ("", "a" * 129, "Abcdefg1\x01"):
            self.refused("ValidationError", None, self.iam.create_login_profile, UserName=user, Password=password)
        self.refused("ValidationError", None, self.iam.create_login_profile, UserName=user)

    def test_default_policy(self):
        user = self.user()["UserName"]
        for password, message in [
            ("Abcde1!", "Password should have a minimum length of 8"),
            ("abcdefg1", "Password should meet 1 more of the following requirements: Password should have at least one uppercase "
                         "letter, Password should have at least one symbol"),
            ("abcdefgh", None), ("12345678", None), ("ABCDEFG1", None),
        ]:
            self.refused("PasswordPolicyViolation", message, self.iam.create_login_profile, UserName=user, Password=password)
        for password in ("Abcdefg1", "abcdef1!", "Abcdefg!", "ABCDEF1!"):
            self.iam.create_login_profile(UserName=user, Password=password)
            self.iam.delete_login_profile(UserName=user)

    def test_own_policy(self):
        self.policy(MinimumPasswordLength=10, RequireSymbols=True, RequireNumbers=True, RequireUppercaseCharacters=True,
                    RequireLowercaseCharacters=True)
        user = self.user()["UserName"]
        cleanup = "Password should have at least one "
        for password, message in [
            ("Abcdefg1!", "Password should have a minimum length of 10"), ("abcdefghi1!", cleanup + "uppercase letter"),
            ("ABCDEFGHI1!", cleanup + "lowercase letter"), ("Abcdefghij!", cleanup + "number"), ("Abcdefghij1", cleanup + "symbol"),
            ("Abcdefghij1?", cleanup + "symbol"),
        ]:
            self.refused("PasswordPolicyViolation", message, self.iam.create_login_profile, UserName=user, Password=password)
        self.iam.create_login_profile(UserName=user, Password="Abcdefgh1!")
        self.refused("PasswordPolicyViolation", None, self.iam.update_login_profile, UserName=user, Password="short")
        self.iam.delete_login_profile(UserName=user)

    def test_change_password(self):
        user, _ = self.profile(PasswordResetRequired=True)
        client = self.client_of(user)
        change = {"OldPassword": GOOD, "NewPassword": OTHER}
        self.denied(client.change_password, **change)
        self.denied(client.get_account_password_policy)
        self.policy(AllowUsersToChangePassword=True, PasswordReusePrevention=2)
        self.assertEqual(2, client.get_account_password_policy()["PasswordPolicy"]["PasswordReusePrevention"])
        self.assertIn("old password", self.denied(client.change_password, OldPassword="wrong", NewPassword=OTHER))
        client.change_password(**change)
        self.assertIs(False, self.iam.get_login_profile(UserName=user)["LoginProfile"]["PasswordResetRequired"])
        again = "Policy constraint violation with password reuse prevention during password change."
        for new in (GOOD, OTHER):
            self.refused("PasswordPolicyViolation", again, client.change_password, OldPassword=OTHER, NewPassword=new)
        client.change_password(OldPassword=OTHER, NewPassword="Third-one-1")
        client.change_password(OldPassword="Third-one-1", NewPassword=GOOD)  # two have gone by since
        self.iam.put_user_policy(UserName=user, PolicyName="no", PolicyDocument='{"Version":"2012-10-17","Statement":'
                                 '{"Effect":"Deny","Action":"iam:ChangePassword","Resource":"*"}}')
        self.cleanup(self.iam.delete_user_policy, UserName=user, PolicyName="no")
        self.denied(client.change_password, OldPassword=GOOD, NewPassword=OTHER)

    def test_guessing_the_old_password_ends(self):
        user, _ = self.profile()
        client = self.client_of(user)
        self.policy(AllowUsersToChangePassword=True)
        wrong = {"OldPassword": "Wrong-one-1", "NewPassword": OTHER}
        for _ in range(9):
            self.denied(client.change_password, **wrong)
        # The right one at last, and all tries are there again.
        client.change_password(OldPassword=GOOD, NewPassword=OTHER)
        for _ in range(10):
            self.denied(client.change_password, **wrong)
        often = "Too many passwords have been wrong. Please try again later."
        for old in ("Wrong-one-1", OTHER):
            self.refused("EntityTemporarilyUnmodifiable", often, client.change_password, OldPassword=old, NewPassword=GOOD)
        # Whoever administers the user may, and another user is another matter.
        self.iam.update_login_profile(UserName=user, Password=GOOD)
        other, _ = self.profile()
        self.client_of(other).change_password(OldPassword=GOOD, NewPassword=OTHER)

    def test_nothing_is_done_by_a_right_that_was_taken_back_meanwhile(self):
        # Hashing takes its time: calls that were allowed when they came are still at work, or wait for it, when the right goes.
        actor, users = self.user()["UserName"], [self.user()["UserName"] for _ in range(24)]
        self.iam.put_user_policy(UserName=actor, PolicyName="p", PolicyDocument=json.dumps(allow("iam:CreateLoginProfile")))
        client = self.client_of(actor)

        def give(name):
            try:
                client.create_login_profile(UserName=name, Password=GOOD)
            except client.exceptions.ClientError as e:
                return e.response["Error"]["Code"]
            return None

        def has(name):
            try:
                return bool(self.iam.get_login_profile(UserName=name))
            except self.iam.exceptions.NoSuchEntityException:
                return False

        self.assertIsNone(give(users[0]))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            at_work = [pool.submit(give, name) for name in users[1:]]
            at_work[0].result()
            self.iam.delete_user_policy(UserName=actor, PolicyName="p")
            before = [name for name in reversed(users) if has(name)]
            ended = [call.result() for call in at_work]
        self.assertIn("AccessDenied", ended)
        self.assertEqual(before, [name for name in reversed(users) if has(name)])
        for name in before:
            self.iam.delete_login_profile(UserName=name)

    def test_change_password_is_for_users(self):
        root = harness.client("iam", key=harness.ROOT_KEY, secret=harness.ROOT_SECRET)
        self.refused("InvalidUserType", None, root.change_password, OldPassword=GOOD, NewPassword=OTHER)
        name = self.user()["UserName"]
        self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument='{"Version":"2012-10-17","Statement":'
                                 '{"Effect":"Allow","Action":"iam:ChangePassword","Resource":"*"}}')
        self.cleanup(self.iam.delete_user_policy, UserName=name, PolicyName="p")
        self.refused("NoSuchEntity", f"Login Profile for User {name} cannot be found.", self.client_of(name).change_password,
                     OldPassword=GOOD, NewPassword=OTHER)


class PasswordPolicy(IamCase):
    def test_absent(self):
        self.refused("NoSuchEntity", f"The Password Policy with domain name {self.account} cannot be found.",
                     self.iam.get_account_password_policy)
        self.refused("NoSuchEntity", "The account policy with name PasswordPolicy cannot be found.",
                     self.iam.delete_account_password_policy)

    def test_ranges(self):
        for member, values in {"MinimumPasswordLength": (5, 129), "MaxPasswordAge": (0, 1096), "PasswordReusePrevention": (0, 25)}.items():
            for value in values:
                self.refused("ValidationError", None, self.iam.update_account_password_policy, **{member: value})
        error = self.refused("ValidationError", None, self.iam.update_account_password_policy, MinimumPasswordLength=500,
                             PasswordReusePrevention=50, MaxPasswordAge=2000)["Error"]
        begin, faults = error["Message"].split(": ", 1)
        self.assertEqual("3 validation errors detected", begin)
        self.assertEqual(
            {f"Value at '{member}' failed to satisfy constraint: Member must have value less than or equal to {most}"
             for member, most in (("minimumPasswordLength", 128), ("passwordReusePrevention", 24), ("maxPasswordAge", 1095))},
            set(faults.split("; ")))

    def test_what_is_left_out_returns_to_its_default(self):
        plain = {"MinimumPasswordLength": 6, "RequireSymbols": False, "RequireNumbers": False, "RequireUppercaseCharacters": False,
                 "RequireLowercaseCharacters": False, "AllowUsersToChangePassword": False, "ExpirePasswords": False}
        full = {"MinimumPasswordLength": 128, "RequireSymbols": True, "RequireNumbers": True, "RequireUppercaseCharacters": True,
                "RequireLowercaseCharacters": True, "AllowUsersToChangePassword": True, "MaxPasswordAge": 1095,
                "PasswordReusePrevention": 24, "HardExpiry": True}
        self.cleanup(self.iam.delete_account_password_policy)
        self.iam.update_account_password_policy(**full)
        self.assertEqual({**full, "ExpirePasswords": True}, self.iam.get_account_password_policy()["PasswordPolicy"])
        self.iam.update_account_password_policy()
        self.assertEqual(plain, self.iam.get_account_password_policy()["PasswordPolicy"])


class Account(IamCase):
    def test_alias(self):
        for bad in ("ab", "a" * 64, "-ab", "ab-", "a--b", "Abc", "a_b"):
            self.refused("ValidationError", None, self.iam.create_account_alias, AccountAlias=bad)
        self.assertEqual([], self.iam.list_account_aliases()["AccountAliases"])
        self.iam.create_account_alias(AccountAlias="first-one")
        self.refused("EntityAlreadyExists", "The account alias first-one already exists.", self.iam.create_account_alias,
                     AccountAlias="first-one")
        self.iam.create_account_alias(AccountAlias="the-next")
        self.assertEqual(["the-next"], self.iam.list_account_aliases()["AccountAliases"])
        self.refused("NoSuchEntity", None, self.iam.delete_account_alias, AccountAlias="first-one")
        self.iam.delete_account_alias(AccountAlias="the-next")
        self.refused("NoSuchEntity", None, self.iam.delete_account_alias, AccountAlias="the-next")

    def summary(self):
        return self.iam.get_account_summary()["SummaryMap"]

    def test_summary(self):
        before = self.summary()
        self.assertEqual(34, len(before))
        for key, quota in {"UsersQuota": 5000, "GroupsQuota": 300, "RolesQuota": 1000, "PoliciesQuota": 1500, "InstanceProfilesQuota": 1000,
                           "AccessKeysPerUserQuota": 2, "GroupsPerUserQuota": 10, "PolicySizeQuota": 6144, "VersionsPerPolicyQuota": 5,
                           "UserPolicySizeQuota": 2048, "GroupPolicySizeQuota": 5120, "RolePolicySizeQuota": 10240,
                           "AssumeRolePolicySizeQuota": 2048, "PolicyVersionsInUseQuota": 10000, "ServerCertificatesQuota": 20,
                           "SigningCertificatesPerUserQuota": 2, "AttachedPoliciesPerRoleQuota": 10}.items():
            self.assertEqual(quota, before[key], key)
        self.user(), self.group(), self.role()
        arn = self.policy()["Arn"]
        self.iam.create_policy_version(PolicyArn=arn, PolicyDocument=re.sub(r"\s", "", '{"Version":"2012-10-17","Statement":[{"Effect":'
                                       '"Deny","Action":"*","Resource":"*"}]}'))
        self.cleanup(self.iam.delete_policy_version, PolicyArn=arn, VersionId="v1")
        after = self.summary()
        changed = {k: after[k] - before[k] for k in after if after[k] != before[k]}
        self.assertEqual({"Users": 1, "Groups": 1, "Roles": 1, "Policies": 1, "PolicyVersionsInUse": 2}, changed)

    def test_token_version(self):
        self.assertEqual(1, self.summary()["GlobalEndpointTokenVersion"])
        self.refused("ValidationError", None, self.iam.set_security_token_service_preferences, GlobalEndpointTokenVersion="v3Token")
        self.iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v2Token")
        self.assertEqual(2, self.summary()["GlobalEndpointTokenVersion"])
        self.iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v1Token")

    def test_what_nobody_has(self):
        user = self.user()["UserName"]
        for call, member, more in [
            (self.iam.list_mfa_devices, "MFADevices", {"UserName": user}), (self.iam.list_mfa_devices, "MFADevices", {}),
            (self.iam.list_virtual_mfa_devices, "VirtualMFADevices", {}), (self.iam.list_ssh_public_keys, "SSHPublicKeys", {"UserName": user}),
            (self.iam.list_signing_certificates, "Certificates", {"UserName": user}),
            (self.iam.list_service_specific_credentials, "ServiceSpecificCredentials", {"UserName": user}),
            (self.iam.list_server_certificates, "ServerCertificateMetadataList", {}),
        ]:
            self.assertEqual([], call(**more)[member])
        serial = f"arn:aws:iam::{self.account}:mfa/none"
        self.refused("NoSuchEntity", f"MFA Device with serial number {serial} does not exist.", self.iam.list_mfa_device_tags,
                     SerialNumber=serial)


class ServiceCredentials(IamCase):
    GIT, CQL, KEYS = "codecommit.amazonaws.com", "cassandra.amazonaws.com", "bedrock.amazonaws.com"

    def make(self, user, service=GIT, **more):
        made = self.iam.create_service_specific_credential(UserName=user, ServiceName=service, **more)["ServiceSpecificCredential"]
        self.cleanup(self.iam.delete_service_specific_credential, UserName=user, ServiceSpecificCredentialId=made["ServiceSpecificCredentialId"])
        return made

    def listed(self, **more):
        return self.iam.list_service_specific_credentials(**more)["ServiceSpecificCredentials"]

    def test_absent(self):
        user = self.user()["UserName"]
        absent = {"UserName": user, "ServiceSpecificCredentialId": "ACCA" + "A" * 16}
        text = f"No such credential {absent['ServiceSpecificCredentialId']} exists"
        self.refused("NoSuchEntity", text, self.iam.reset_service_specific_credential, **absent)
        self.refused("NoSuchEntity", text, self.iam.delete_service_specific_credential, **absent)
        self.refused("NoSuchEntity", text, self.iam.update_service_specific_credential, **absent, Status="Active")
        self.refused("NoSuchEntity", "The user with name nobody cannot be found.", self.iam.create_service_specific_credential, UserName="nobody", ServiceName=self.GIT)
        other = "No such service s3.amazonaws.com is supported for Service Specific Credentials"
        self.refused("NotSupportedService", other, self.iam.create_service_specific_credential, UserName=user, ServiceName="s3.amazonaws.com")
        self.refused("NotSupportedService", other, self.iam.list_service_specific_credentials, UserName=user, ServiceName="s3.amazonaws.com")
        # Another user's is nobody's.
        mine = self.make(self.user()["UserName"])
        self.refused("NoSuchEntity", None, self.iam.delete_service_specific_credential, UserName=user, ServiceSpecificCredentialId=mine["ServiceSpecificCredentialId"])

    def test_life(self):
        user = self.user()["UserName"]
        first, second = self.make(user), self.make(user)
        self.assertEqual((f"{user}-at-{self.account}", f"{user}+1-at-{self.account}"), (first["ServiceUserName"], second["ServiceUserName"]))
        self.assertRegex(first["ServiceSpecificCredentialId"], r"^ACCA[A-Z2-7]{16,17}$")
        self.assertRegex(first["ServicePassword"], r"^[A-Za-z0-9+/]{43}=$")
        self.assertEqual(("Active", self.GIT, user), (first["Status"], first["ServiceName"], first["UserName"]))
        self.refused("LimitExceeded", "Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2", self.iam.create_service_specific_credential, UserName=user, ServiceName=self.GIT)
        cql = self.make(user, self.CQL)
        one = {"UserName": user, "ServiceSpecificCredentialId": first["ServiceSpecificCredentialId"]}
        again = self.iam.reset_service_specific_credential(**one)["ServiceSpecificCredential"]
        self.assertEqual(first["ServiceUserName"], again["ServiceUserName"])
        self.assertNotIn(again["ServicePassword"], (first["ServicePassword"], second["ServicePassword"]))
        self.iam.update_service_specific_credential(**one, Status="Inactive")
        self.refused("InvalidInput", None, self.iam.update_service_specific_credential, **one, Status="Expired")
        got = {c["ServiceSpecificCredentialId"]: c for c in self.listed(UserName=user)}
        self.assertEqual(3, len(got))
        self.assertEqual("Inactive", got[first["ServiceSpecificCredentialId"]]["Status"])
        self.assertNotIn("ServicePassword", got[first["ServiceSpecificCredentialId"]])
        self.assertEqual([cql["ServiceSpecificCredentialId"]], [c["ServiceSpecificCredentialId"] for c in self.listed(UserName=user, ServiceName=self.CQL)])
        self.refused("DeleteConflict", "Cannot delete entity, must delete service specific credentials first.", self.iam.delete_user, UserName=user)
        # They follow a renamed user.
        new = self.name("renamed")
        self.iam.update_user(UserName=user, NewUserName=new)
        self.assertEqual({new}, {c["UserName"] for c in self.listed(UserName=new)})
        for c in self.listed(UserName=new):
            self.iam.delete_service_specific_credential(UserName=new, ServiceSpecificCredentialId=c["ServiceSpecificCredentialId"])
        self.iam.delete_user(UserName=new)

    def test_a_name_is_one_credentials_in_the_account(self):
        user = self.user()["UserName"]
        namesake = self.user(UserName=f"{user}+1".capitalize())["UserName"]
        made = [self.make(namesake), self.make(user), self.make(user), self.make(namesake, self.CQL)]
        names = [m["ServiceUserName"].removesuffix(f"-at-{self.account}") for m in made]
        self.assertEqual([namesake, user, f"{user}+2", f"{namesake}+1"], names)
        # A name that has been given back is free.
        self.iam.delete_service_specific_credential(UserName=namesake, ServiceSpecificCredentialId=made[0]["ServiceSpecificCredentialId"])
        self.assertEqual(f"{user}+1-at-{self.account}", self.make(user, self.CQL)["ServiceUserName"])

    def test_permissions_name_the_service(self):
        policy = allow("iam:*ServiceSpecificCredential", condition={"StringEquals": {"iam:ServiceSpecificCredentialServiceName": self.CQL}})
        name = self.user()["UserName"]
        self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        self.cleanup(self.iam.delete_user_policy, UserName=name, PolicyName="p")
        own = self.client_of(name)
        git, cql = self.make(name), self.make(name, self.CQL)
        self.denied(own.create_service_specific_credential, UserName=name, ServiceName=self.GIT)
        for call, more in ((own.reset_service_specific_credential, {}), (own.update_service_specific_credential, {"Status": "Inactive"}), (own.delete_service_specific_credential, {})):
            self.denied(call, ServiceSpecificCredentialId=git["ServiceSpecificCredentialId"], **more)
            call(ServiceSpecificCredentialId=cql["ServiceSpecificCredentialId"], **more)

    def test_api_keys(self):
        members = self.iam.meta.service_model.operation_model("CreateServiceSpecificCredential").input_shape.members
        if "CredentialAgeDays" not in members:
            self.skipTest("this boto3 does not know API keys")
        user = self.user()["UserName"]
        made = self.make(user, self.KEYS, CredentialAgeDays=30)
        self.assertEqual(f"{user}-at-{self.account}", made["ServiceCredentialAlias"])
        self.assertEqual(30 * 86400, (made["ExpirationDate"] - made["CreateDate"]).total_seconds())
        self.assertTrue(base64.b64decode(made["ServiceCredentialSecret"].removeprefix("ABSK")).startswith(made["ServiceCredentialAlias"].encode() + b":"))
        self.assertNotIn("ServicePassword", made)
        self.assertNotIn("ExpirationDate", self.make(user, self.KEYS))
        for days in (0, 36601):
            self.refused("ValidationError", None, self.iam.create_service_specific_credential, UserName=user, ServiceName=self.KEYS, CredentialAgeDays=days)
        self.refused("ValidationError", None, self.iam.create_service_specific_credential, UserName=user, ServiceName=self.GIT, CredentialAgeDays=1)
        everybody = self.listed(AllUsers=True)
        self.assertIn((user, made["ServiceSpecificCredentialId"]), {(c["UserName"], c["ServiceSpecificCredentialId"]) for c in everybody})
        self.denied(self.client_with(allow("iam:ListServiceSpecificCredentials", f"arn:aws:iam::{self.account}:user/x")).list_service_specific_credentials, AllUsers=True)


if __name__ == "__main__":
    harness.serve()
    harness.main()
