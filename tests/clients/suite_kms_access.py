#!/usr/bin/env python3
"""Who may use a key: condition keys and grants, asked through dry runs. Refusals first."""
import harness
from kms_case import KmsCase

TEXT = {"Plaintext": b"x"}


class Conditions(KmsCase):
    def when(self, actions, **condition):
        """A client that may do that under this condition alone."""
        return self.user(self.statement(actions, Condition=condition))[1]

    def test_encryption_context(self):
        key = self.key()["KeyId"]
        red = self.when("kms:Encrypt", StringEquals={"kms:EncryptionContext:team": "red"})
        self.denied(red.encrypt, KeyId=key, **TEXT)
        for context in ({}, {"team": "blue"}, {"Team2": "red"}, {"te": "amred"}):
            self.denied(red.encrypt, KeyId=key, EncryptionContext=context, **TEXT)
        self.allowed(red.encrypt, KeyId=key, EncryptionContext={"team": "red", "more": "x"}, **TEXT)
        keys = self.when("kms:Encrypt", **{"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["a", "b"]},
                                           "Null": {"kms:EncryptionContextKeys": "false"}})
        self.denied(keys.encrypt, KeyId=key, **TEXT)
        self.denied(keys.encrypt, KeyId=key, EncryptionContext={"a": "1", "c": "2"}, **TEXT)
        self.allowed(keys.encrypt, KeyId=key, EncryptionContext={"a": "1", "b": "2"}, **TEXT)

    def test_what_the_key_is(self):
        plain, rsa = self.key()["KeyId"], self.key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyId"]
        many = self.key(MultiRegion=True)["KeyId"]
        for name, value in (("KeySpec", "SYMMETRIC_DEFAULT"), ("EncryptionAlgorithm", "SYMMETRIC_DEFAULT")):
            only = self.when("kms:Encrypt", StringEquals={"kms:" + name: value})
            self.denied(only.encrypt, KeyId=rsa, EncryptionAlgorithm="RSAES_OAEP_SHA_256", **TEXT)
            self.allowed(only.encrypt, KeyId=plain, **TEXT)
        for condition in ({"Bool": {"kms:MultiRegion": "true"}}, {"StringEquals": {"kms:MultiRegionKeyType": "PRIMARY"}}):
            only = self.when("kms:Encrypt", **condition)
            self.denied(only.encrypt, KeyId=plain, **TEXT)
            self.allowed(only.encrypt, KeyId=many, **TEXT)
        foreign = self.when("kms:Encrypt", StringEquals={"kms:KeyOrigin": "EXTERNAL"})
        self.denied(foreign.encrypt, KeyId=plain, **TEXT)
        here = self.when("kms:Encrypt", StringEquals={"kms:CallerAccount": self.account, "kms:KeyUsage": "ENCRYPT_DECRYPT"})
        self.allowed(here.encrypt, KeyId=plain, **TEXT)
        self.denied(self.when("kms:Encrypt", StringLike={"kms:ViaService": "*"}).encrypt, KeyId=plain, **TEXT)

    def test_how_the_key_is_named(self):
        key = self.key()["KeyId"]
        self.kms.create_alias(AliasName="alias/named", TargetKeyId=key)
        by_name = self.when("kms:Encrypt", StringEquals={"kms:RequestAlias": "alias/named"})
        self.denied(by_name.encrypt, KeyId=key, **TEXT)
        self.allowed(by_name.encrypt, KeyId="alias/named", **TEXT)
        self.allowed(by_name.encrypt, KeyId=self.arn("alias/named"), **TEXT)
        having = self.when("kms:Encrypt", **{"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/named"}})
        self.allowed(having.encrypt, KeyId=key, **TEXT)
        self.denied(having.encrypt, KeyId=self.key()["KeyId"], **TEXT)

    def test_creating(self):
        only = self.when("kms:CreateKey", StringEquals={"kms:KeySpec": "SYMMETRIC_DEFAULT", "kms:KeyUsage": "ENCRYPT_DECRYPT",
                                                        "kms:KeyOrigin": "AWS_KMS"}, Bool={"kms:MultiRegion": "false"})
        for more in ({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}, {"Origin": "EXTERNAL"}, {"MultiRegion": True}):
            self.denied(only.create_key, **more)
        only.create_key()
        safe = self.user(self.statement("kms:*"), self.statement("kms:CreateKey", effect="Deny", Condition={
            "Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}))[1]
        self.denied(safe.create_key, BypassPolicyLockoutSafetyCheck=True)
        safe.create_key(BypassPolicyLockoutSafetyCheck=False)

    def test_signing_macs_pairs_and_deletion(self):
        rsa = self.key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyId"]
        sign = self.when("kms:Sign", StringEquals={"kms:SigningAlgorithm": "RSASSA_PSS_SHA_256", "kms:MessageType": "RAW"})
        for more in ({"SigningAlgorithm": "RSASSA_PSS_SHA_512"}, {"SigningAlgorithm": "RSASSA_PSS_SHA_256", "MessageType": "DIGEST"}):
            self.denied(sign.sign, KeyId=rsa, Message=bytes(32), **more)
        self.allowed(sign.sign, KeyId=rsa, Message=b"m", SigningAlgorithm="RSASSA_PSS_SHA_256")
        mac = self.key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyId"]
        other = self.when("kms:GenerateMac", StringEquals={"kms:MacAlgorithm": "HMAC_SHA_512"})
        self.denied(other.generate_mac, KeyId=mac, Message=b"m", MacAlgorithm="HMAC_SHA_256")
        key = self.key()["KeyId"]
        pairs = self.when("kms:GenerateDataKeyPair", StringLike={"kms:DataKeyPairSpec": "ECC_*"})
        self.denied(pairs.generate_data_key_pair, KeyId=key, KeyPairSpec="RSA_2048")
        self.allowed(pairs.generate_data_key_pair, KeyId=key, KeyPairSpec="ECC_NIST_P256")
        slow = self.when("kms:ScheduleKeyDeletion", NumericGreaterThanEquals={"kms:ScheduleKeyDeletionPendingWindowInDays": "20"})
        self.denied(slow.schedule_key_deletion, KeyId=key, PendingWindowInDays=19)
        slow.schedule_key_deletion(KeyId=key, PendingWindowInDays=20)


class Grants(KmsCase):
    def grant(self, key, principal, *operations, by=None, **more):
        return (by or self.kms).create_grant(KeyId=key, GranteePrincipal=principal, Operations=list(operations), **more)

    def test_what_may_not_be_granted(self):
        key, rsa = self.key()["KeyId"], self.key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyId"]
        arn, _ = self.user()
        for principal in ("nobody", f"arn:aws:iam::{self.account}:user/nobody-here", f"arn:aws:iam::{self.account}:group/Administrators"):
            self.refused("InvalidArnException", f"ARN does not refer to a valid principal: {principal}", self.kms.create_grant, KeyId=key,
                         GranteePrincipal=principal, Operations=["Decrypt"])
        self.refused("ValidationException", None, self.kms.create_grant, KeyId=key, GranteePrincipal=arn, Operations=["Sign"])
        self.refused("ValidationException", None, self.kms.create_grant, KeyId=rsa, GranteePrincipal=arn, Operations=["Encrypt"])
        self.refused("ValidationException", None, self.kms.create_grant, KeyId=key, GranteePrincipal=arn, Operations=[])
        self.refused("ValidationException", None, self.kms.create_grant, KeyId=key, GranteePrincipal=arn, Operations=["PutKeyPolicy"])
        both = {"EncryptionContextEquals": {"a": "1"}, "EncryptionContextSubset": {"a": "1"}}
        self.refused("ValidationException", None, self.kms.create_grant, KeyId=key, GranteePrincipal=arn, Operations=["Decrypt"], Constraints=both)
        self.refused("ValidationException", None, self.kms.create_grant, KeyId=rsa, GranteePrincipal=arn, Operations=["Sign"],
                     Constraints={"EncryptionContextEquals": {"a": "1"}})
        for kind in ("Equals", "Subset"):
            for many, long in ((9, 1), (8, 385), (4000, 1)):
                self.refused("ValidationException", None, self.kms.create_grant, KeyId=key, GranteePrincipal=arn, Operations=["Decrypt"],
                             Constraints={"EncryptionContext" + kind: {f"k{i}": "v" * long for i in range(many)}})
            self.refused("ValidationException", None, self.kms.create_grant, KeyId=key, GranteePrincipal=arn, Operations=["Decrypt"],
                         Constraints={"EncryptionContext" + kind: {"k" * 8193: ""}})
            self.allowed(self.kms.create_grant, KeyId=key, GranteePrincipal=arn, Operations=["Decrypt"],
                         Constraints={"EncryptionContext" + kind: {f"k{i}": "v" * 384 for i in range(8)}})
        self.allowed(self.kms.create_grant, KeyId=key, GranteePrincipal=arn, Operations=["Decrypt"])
        one = {"EncryptionContextEquals": {"a": "1"}, "EncryptionContextSubset": {}}
        self.allowed(self.kms.create_grant, KeyId=key, GranteePrincipal=arn, Operations=["Decrypt"], Constraints=one)
        self.assertEqual([], self.kms.list_grants(KeyId=key)["Grants"])

    def test_a_grant_allows_what_it_says(self):
        key, other = self.key()["KeyId"], self.key()["KeyId"]
        arn, user = self.user()
        self.denied(user.encrypt, KeyId=key, **TEXT)
        made = self.grant(key, arn, "Encrypt", "DescribeKey", Name="n")
        self.assertRegex(made["GrantId"], r"^[0-9a-f]{64}$")
        self.allowed(user.encrypt, KeyId=key, **TEXT)
        self.assertEqual(key, user.describe_key(KeyId=key)["KeyMetadata"]["KeyId"])
        self.denied(user.generate_data_key, KeyId=key, KeySpec="AES_256")
        self.denied(user.encrypt, KeyId=other, **TEXT)
        self.denied(user.list_grants, KeyId=key)
        listed = self.kms.list_grants(KeyId=key)["Grants"][0]
        self.assertEqual((made["GrantId"], "n", arn, sorted(["Encrypt", "DescribeKey"]), self.arn("key/" + key)),
                         (listed["GrantId"], listed["Name"], listed["GranteePrincipal"], sorted(listed["Operations"]), listed["KeyId"]))
        self.kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
        self.denied(user.encrypt, KeyId=key, **TEXT)
        self.refused("NotFoundException", None, self.kms.revoke_grant, KeyId=key, GrantId=made["GrantId"])

    def test_a_denial_is_stronger(self):
        arn, user = self.user(self.statement("kms:Encrypt", effect="Deny"))
        key = self.key()["KeyId"]
        self.grant(key, arn, "Encrypt")
        self.assertIn("explicit deny", self.denied(user.encrypt, KeyId=key, **TEXT))

    def test_constraints_hold(self):
        key = self.key()["KeyId"]
        arn, user = self.user()
        self.grant(key, arn, "Encrypt", "DescribeKey", Constraints={"EncryptionContextEquals": {"a": "1", "b": "2"}})
        for context in ({}, {"a": "1"}, {"a": "1", "b": "3"}, {"a": "1", "b": "2", "c": "3"}, {"a": "1b", "": "2"}, {"a": "1", "b": "2", "B": "2"},
                        {"a": "1", "A": "1"}, {"A": "1", "b": "3"}):
            self.denied(user.encrypt, KeyId=key, EncryptionContext=context, **TEXT)
        for context in ({"b": "2", "a": "1"}, {"A": "1", "b": "2"}):
            self.allowed(user.encrypt, KeyId=key, EncryptionContext=context, **TEXT)
        user.describe_key(KeyId=key)
        self.grant(key, arn, "Encrypt", Constraints={"EncryptionContextSubset": {"a": "9"}})
        self.denied(user.encrypt, KeyId=key, EncryptionContext={"a": "8"}, **TEXT)
        self.allowed(user.encrypt, KeyId=key, EncryptionContext={"a": "9", "z": "1"}, **TEXT)

    def test_one_pair_does_not_stand_for_two(self):
        key = self.key()["KeyId"]
        arn, user = self.user()
        self.grant(key, arn, "Encrypt", Constraints={"EncryptionContextEquals": {"a": "1", "A": "1"}})
        for context in ({"a": "1", "b": "2"}, {"a": "1"}, {"a": "1", "A": "2"}):
            self.denied(user.encrypt, KeyId=key, EncryptionContext=context, **TEXT)
        self.allowed(user.encrypt, KeyId=key, EncryptionContext={"a": "1", "A": "1"}, **TEXT)

    def test_roles_and_sessions(self):
        key = self.key()["KeyId"]
        role, session, client = self.role()
        self.denied(client.encrypt, KeyId=key, **TEXT)
        first = self.grant(key, role, "Encrypt")
        self.allowed(client.encrypt, KeyId=key, **TEXT)
        self.kms.revoke_grant(KeyId=key, GrantId=first["GrantId"])
        self.grant(key, session, "Encrypt")
        self.allowed(client.encrypt, KeyId=key, **TEXT)

    def test_same_name_same_grant(self):
        key = self.key()["KeyId"]
        arn, _ = self.user()
        one = self.grant(key, arn, "Encrypt", "Decrypt", Name="same")
        self.assertEqual(one["GrantId"], self.grant(key, arn, "Decrypt", "Encrypt", Name="same")["GrantId"])
        self.assertNotEqual(one["GrantId"], self.grant(key, arn, "Decrypt", Name="same")["GrantId"])
        self.assertNotEqual(self.grant(key, arn, "Encrypt")["GrantId"], self.grant(key, arn, "Encrypt")["GrantId"])
        self.kms.revoke_grant(KeyId=key, GrantId=one["GrantId"])
        self.assertNotEqual(one["GrantId"], self.grant(key, arn, "Encrypt", "Decrypt", Name="same")["GrantId"])

    def test_a_grant_gives_no_more_than_it_has(self):
        key = self.key()["KeyId"]
        arn, user = self.user()
        third, other = self.user()
        self.grant(key, arn, "CreateGrant", "Encrypt", Constraints={"EncryptionContextSubset": {"a": "1"}})
        within = {"EncryptionContextSubset": {"a": "1", "b": "2"}}
        for operations, constraints in ((["Decrypt"], within), (["Encrypt"], None), (["Encrypt"], {"EncryptionContextSubset": {"b": "2"}}),
                                        (["Encrypt", "DescribeKey"], within)):
            self.denied(user.create_grant, KeyId=key, GranteePrincipal=third, Operations=operations,
                        **({"Constraints": constraints} if constraints else {}))
        self.grant(key, third, "Encrypt", by=user, Constraints=within)
        self.allowed(other.encrypt, KeyId=key, EncryptionContext={"a": "1", "b": "2"}, **TEXT)
        self.denied(other.encrypt, KeyId=key, EncryptionContext={"a": "1"}, **TEXT)

    def test_retiring(self):
        key = self.key()["KeyId"]
        arn, user = self.user()
        other, retirer = self.user()
        plain = self.grant(key, arn, "Encrypt", RetiringPrincipal=other)
        self.denied(user.retire_grant, KeyId=self.arn("key/" + key), GrantId=plain["GrantId"])
        self.assertEqual([plain["GrantId"]], [g["GrantId"] for g in self.kms.list_retirable_grants(RetiringPrincipal=other)["Grants"]])
        self.allowed(retirer.retire_grant, KeyId=self.arn("key/" + key), GrantId=plain["GrantId"])
        retirer.retire_grant(KeyId=self.arn("key/" + key), GrantId=plain["GrantId"])
        self.denied(user.encrypt, KeyId=key, **TEXT)
        self.assertEqual([], self.kms.list_retirable_grants(RetiringPrincipal=other)["Grants"])
        own = self.grant(key, arn, "Encrypt", "RetireGrant")
        self.denied(retirer.retire_grant, GrantToken=own["GrantToken"])
        user.retire_grant(GrantToken=own["GrantToken"])
        self.denied(user.encrypt, KeyId=key, **TEXT)
        self.refused("ValidationException", None, self.kms.retire_grant)
        self.refused("ValidationException", None, self.kms.retire_grant, KeyId=key)
        self.refused("InvalidGrantTokenException", None, self.kms.retire_grant, GrantToken="nonsense")
        self.refused("InvalidGrantTokenException", None, self.kms.encrypt, KeyId=key, GrantTokens=["nonsense"], **TEXT)

    def test_a_namesake_gets_nothing(self):
        key = self.key()["KeyId"]
        arn, _ = self.user()
        name = arn.rsplit("/", 1)[1]
        self.grant(key, arn, "Encrypt")
        self.iam.delete_access_key(UserName=name, AccessKeyId=self.iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]["AccessKeyId"])
        id_ = self.iam.get_user(UserName=name)["User"]["UserId"]
        self.iam.delete_user(UserName=name)
        self.iam.create_user(UserName=name)
        again = self.iam.create_access_key(UserName=name)["AccessKey"]
        self.denied(harness.client("kms", key=again["AccessKeyId"], secret=again["SecretAccessKey"]).encrypt, KeyId=key, **TEXT)
        self.assertEqual(id_, self.kms.list_grants(KeyId=key)["Grants"][0]["GranteePrincipal"])

    def test_a_renamed_user_keeps_grants(self):
        key = self.key()["KeyId"]
        arn, user = self.user()
        name = arn.rsplit("/", 1)[1]
        made = self.grant(key, arn, "Encrypt", RetiringPrincipal=arn)
        self.iam.update_user(UserName=name, NewUserName=name + "-now", NewPath="/moved/")
        now = arn.replace(name, f"moved/{name}-now")
        # Whoever takes the name that became free has nothing of them.
        self.iam.create_user(UserName=name)
        other = self.iam.create_access_key(UserName=name)["AccessKey"]
        other = harness.client("kms", key=other["AccessKeyId"], secret=other["SecretAccessKey"])
        self.denied(other.encrypt, KeyId=key, **TEXT)
        self.denied(other.retire_grant, KeyId=self.arn("key/" + key), GrantId=made["GrantId"])
        self.assertEqual([], self.kms.list_grants(KeyId=key, GranteePrincipal=arn)["Grants"])
        self.assertEqual([], self.kms.list_retirable_grants(RetiringPrincipal=arn)["Grants"])
        self.allowed(user.encrypt, KeyId=key, **TEXT)
        for listed in (self.kms.list_grants(KeyId=key, GranteePrincipal=now), self.kms.list_retirable_grants(RetiringPrincipal=now)):
            self.assertEqual([(made["GrantId"], now, now)], [(g["GrantId"], g["GranteePrincipal"], g["RetiringPrincipal"]) for g in listed["Grants"]])
        user.retire_grant(KeyId=self.arn("key/" + key), GrantId=made["GrantId"])
        self.denied(user.encrypt, KeyId=key, **TEXT)
        self.assertEqual([], self.kms.list_retirable_grants(RetiringPrincipal=now)["Grants"])

    def test_a_session_has_no_grants_of_another(self):
        key = self.key()["KeyId"]
        role, session, client = self.role()
        got = self.sts.assume_role(RoleArn=role, RoleSessionName="other")["Credentials"]
        other = harness.client("kms", key=got["AccessKeyId"], secret=got["SecretAccessKey"], token=got["SessionToken"])
        made = self.grant(key, session, "Encrypt", RetiringPrincipal=session)
        self.denied(other.encrypt, KeyId=key, **TEXT)
        self.denied(other.retire_grant, KeyId=self.arn("key/" + key), GrantId=made["GrantId"])
        self.allowed(client.encrypt, KeyId=key, **TEXT)
        self.allowed(client.retire_grant, KeyId=self.arn("key/" + key), GrantId=made["GrantId"])

    def test_conditions_on_creating(self):
        key = self.key()["KeyId"]
        arn, _ = self.user()
        _, only = self.user(self.statement("kms:CreateGrant", Condition={
            "ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "DescribeKey"]},
            "StringEquals": {"kms:GranteePrincipal": arn, "kms:GrantConstraintType": "EncryptionContextEquals"},
            "Bool": {"kms:GrantIsForAWSResource": "false"}}))
        fit = {"Constraints": {"EncryptionContextEquals": {"a": "1"}}}
        self.denied(only.create_grant, KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"])
        self.denied(only.create_grant, KeyId=key, GranteePrincipal=arn, Operations=["Decrypt"], **fit)
        self.denied(only.create_grant, KeyId=key, GranteePrincipal=f"arn:aws:iam::{self.account}:user/admin", Operations=["Encrypt"], **fit)
        only.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"], **fit)

    def test_a_federated_user_has_what_its_session_policy_permits_of_its_user(self):
        granted, told = self.key()["KeyId"], self.key()["KeyId"]
        arn, _ = self.user(self.statement("sts:GetFederationToken"))
        grant = self.grant(granted, arn, "Encrypt", RetiringPrincipal=arn)["GrantId"]
        self.kms.put_key_policy(KeyId=told, Policy=self.policy(self.statement("kms:Encrypt", Principal={"AWS": arn})))
        made = self.iam.create_access_key(UserName=arn.rpartition("/")[2])["AccessKey"]
        sts = harness.client("sts", key=made["AccessKeyId"], secret=made["SecretAccessKey"])
        for policy, may in (({}, False), ({"Policy": self.document(self.statement("kms:DescribeKey"))}, False),
                            ({"Policy": self.document(self.statement(["kms:Encrypt", "kms:RetireGrant"]))}, True)):
            c = sts.get_federation_token(Name="guest", **policy)["Credentials"]
            guest = harness.client("kms", key=c["AccessKeyId"], secret=c["SecretAccessKey"], token=c["SessionToken"])
            for key in (granted, told):
                (self.allowed if may else self.denied)(guest.encrypt, KeyId=key, **TEXT)
            (self.allowed if may else self.denied)(guest.retire_grant, KeyId=self.arn("key/" + granted), GrantId=grant)

    def test_pages(self):
        key = self.key()["KeyId"]
        arn, _ = self.user()
        other, _ = self.user()
        made = {self.grant(key, arn, "Encrypt")["GrantId"] for _ in range(3)}
        self.grant(key, other, "Encrypt")
        page = self.kms.list_grants(KeyId=key, Limit=3)
        rest = self.kms.list_grants(KeyId=key, Limit=3, Marker=page["NextMarker"])
        self.assertEqual(4, len({g["GrantId"] for g in page["Grants"] + rest["Grants"]}))
        self.assertEqual(made, {g["GrantId"] for g in self.kms.list_grants(KeyId=key, GranteePrincipal=arn)["Grants"]})
        one = made.pop()
        self.assertEqual([one], [g["GrantId"] for g in self.kms.list_grants(KeyId=key, GrantId=one)["Grants"]])


if __name__ == "__main__":
    harness.serve()
    harness.main()
