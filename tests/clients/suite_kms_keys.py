#!/usr/bin/env python3
"""Keys, aliases, tags, key policies and deletion through boto3: refusals first."""
import json
import uuid

import harness
from kms_case import KmsCase


class Keys(KmsCase):
    def test_specs_and_usages_must_fit(self):
        create = self.kms.create_key
        self.refused("ValidationException", "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
                     create, KeySpec="RSA_2048")
        for spec, usage in (("ECC_NIST_P256", "ENCRYPT_DECRYPT"), ("SYMMETRIC_DEFAULT", "SIGN_VERIFY"), ("HMAC_256", "SIGN_VERIFY"),
                            ("ECC_SECG_P256K1", "KEY_AGREEMENT"), ("RSA_2048", "GENERATE_VERIFY_MAC")):
            self.refused("ValidationException", f"KeyUsage {usage} is not compatible with KeySpec {spec}", create, KeySpec=spec,
                         KeyUsage=usage)
        self.assertIn("enum value set", self.refused("ValidationException", None, create, KeySpec="AES_256")["Error"]["Message"])
        self.refused("ValidationException", None, create, KeySpec="RSA_2048", CustomerMasterKeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
        self.refused("CustomKeyStoreNotFoundException", None, create, Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId="cks-1")
        self.refused("ValidationException", None, create, Origin="AWS_CLOUDHSM")

    def test_a_key_as_it_is_described(self):
        made = self.key(Description="words", Tags=[{"TagKey": "team", "TagValue": "red"}])
        self.assertRegex(made["KeyId"], r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        self.assertEqual(self.arn("key/" + made["KeyId"]), made["Arn"])
        self.assertRegex(made["CurrentKeyMaterialId"], r"^[0-9a-f]{64}$")
        facts = {k: made[k] for k in ("AWSAccountId", "Enabled", "Description", "KeyUsage", "KeyState", "Origin", "KeyManager", "KeySpec",
                                      "CustomerMasterKeySpec", "EncryptionAlgorithms", "MultiRegion")}
        self.assertEqual({"AWSAccountId": self.account, "Enabled": True, "Description": "words", "KeyUsage": "ENCRYPT_DECRYPT",
                          "KeyState": "Enabled", "Origin": "AWS_KMS", "KeyManager": "CUSTOMER", "KeySpec": "SYMMETRIC_DEFAULT",
                          "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
                          "MultiRegion": False}, facts)
        for name in (made["KeyId"], made["Arn"]):
            self.assertEqual(made, self.kms.describe_key(KeyId=name)["KeyMetadata"])

    def test_multi_region_ids(self):
        made = self.key(MultiRegion=True)
        self.assertRegex(made["KeyId"], r"^mrk-[0-9a-f]{32}$")
        here = {"Arn": made["Arn"], "Region": harness.REGION}
        self.assertEqual({"MultiRegionKeyType": "PRIMARY", "PrimaryKey": here, "ReplicaKeys": []}, made["MultiRegionConfiguration"])

    def test_keys_that_are_not_there(self):
        absent = "12345678-1234-4234-8234-123456789012"
        for call in (self.kms.describe_key, self.kms.enable_key, self.kms.list_grants, self.kms.get_key_policy):
            self.refused("NotFoundException", f"Key '{self.arn('key/' + absent)}' does not exist", call, KeyId=absent)
        self.refused("NotFoundException", "Invalid keyId 'nothing'", self.kms.describe_key, KeyId="nothing")
        self.refused("NotFoundException", f"Alias {self.arn('alias/nothing')} is not found.", self.kms.describe_key, KeyId="alias/nothing")
        self.refused("NotFoundException", "Invalid arn eu-west-1", self.kms.describe_key,
                     KeyId=f"arn:aws:kms:eu-west-1:{self.account}:key/{absent}")
        self.refused("InvalidArnException", None, self.kms.describe_key, KeyId=f"arn:aws:iam::{self.account}:user/admin")
        # Names are for using keys, not for managing them.
        self.refused("NotFoundException", "Invalid keyId 'alias/nothing'", self.kms.disable_key, KeyId="alias/nothing")
        for odd in ("../key/x", "ABCD1234-1234-4234-8234-123456789012", "mrk-" + "g" * 32, absent + "/", "key/" + absent):
            self.refused("NotFoundException", f"Invalid keyId '{odd}'", self.kms.describe_key, KeyId=odd)

    def test_states(self):
        key = self.key()["KeyId"]
        arn = self.arn("key/" + key)
        self.kms.disable_key(KeyId=key)
        self.assertEqual(("Disabled", False), tuple(self.kms.describe_key(KeyId=key)["KeyMetadata"][k] for k in ("KeyState", "Enabled")))
        self.refused("DisabledException", f"{arn} is disabled.", self.kms.encrypt, KeyId=key, Plaintext=b"x")
        self.refused("DisabledException", f"{arn} is disabled.", self.kms.create_grant, KeyId=key, Operations=["Decrypt"],
                     GranteePrincipal=f"arn:aws:iam::{self.account}:user/admin")
        self.kms.disable_key(KeyId=key)
        self.kms.enable_key(KeyId=key)
        self.allowed(self.kms.encrypt, KeyId=key, Plaintext=b"x")
        self.kms.update_key_description(KeyId=key, Description="other")
        self.assertEqual("other", self.kms.describe_key(KeyId=key)["KeyMetadata"]["Description"])

    def test_deletion_waits(self):
        key = self.key()["KeyId"]
        arn = self.arn("key/" + key)
        for days in (6, 31, 1, 365):
            self.refused("ValidationException", None, self.kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=days)
        self.refused("KMSInvalidStateException", f"{arn} is not pending deletion.", self.kms.cancel_key_deletion, KeyId=key)
        got = self.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        self.assertEqual((arn, "PendingDeletion", 7), (got["KeyId"], got["KeyState"], got["PendingWindowInDays"]))
        about = self.kms.describe_key(KeyId=key)["KeyMetadata"]
        self.assertEqual(got["DeletionDate"], about["DeletionDate"])
        for call, more in ((self.kms.encrypt, {"Plaintext": b"x"}), (self.kms.enable_key, {}), (self.kms.disable_key, {}),
                           (self.kms.schedule_key_deletion, {}), (self.kms.update_key_description, {"Description": ""}),
                           (self.kms.tag_resource, {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
                           (self.kms.generate_data_key, {"KeySpec": "AES_256"})):
            self.refused("KMSInvalidStateException", f"{arn} is pending deletion.", call, KeyId=key, **more)
        self.refused("KMSInvalidStateException", f"{arn} is pending deletion.", self.kms.create_alias, AliasName="alias/late", TargetKeyId=key)
        self.assertEqual(arn, self.kms.cancel_key_deletion(KeyId=key)["KeyId"])
        self.assertEqual("Disabled", self.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"])
        self.assertEqual("PendingDeletion", self.kms.schedule_key_deletion(KeyId=key)["KeyState"])

    def test_pages(self):
        keys = {self.key()["KeyId"] for _ in range(3)}
        seen, marker = [], {}
        while True:
            page = self.kms.list_keys(Limit=2, **marker)
            self.assertLessEqual(len(page["Keys"]), 2)
            seen += [k["KeyId"] for k in page["Keys"]]
            if not page["Truncated"]:
                self.assertNotIn("NextMarker", page)
                break
            marker = {"Marker": page["NextMarker"]}
        self.assertEqual(len(seen), len(set(seen)))
        self.assertLessEqual(keys, set(seen))
        self.refused("InvalidMarkerException", "Could not deserialize marker", self.kms.list_keys, Marker="!")
        self.refused("ValidationException", None, self.kms.list_keys, Limit=1001)
        self.refused("ValidationException", None, self.kms.list_keys, Limit=0)


class Aliases(KmsCase):
    def name(self):
        return "alias/a-" + uuid.uuid4().hex[:8]

    def test_names(self):
        key = self.key()["KeyId"]
        create = self.kms.create_alias
        self.assertIn('Alias must start with the prefix "alias/"', self.refused("ValidationException", None, create, AliasName="x", TargetKeyId=key)["Error"]["Message"])
        self.refused("ValidationException", None, create, AliasName="alias/", TargetKeyId=key)
        self.refused("ValidationException", "alias/a:b contains invalid characters for an alias", create, AliasName="alias/a:b", TargetKeyId=key)
        self.refused("ValidationException", None, create, AliasName="alias/a b", TargetKeyId=key)
        self.refused("NotAuthorizedException", "", create, AliasName="alias/aws/s3", TargetKeyId=key)
        self.refused("ValidationException", None, create, AliasName="alias/" + "a" * 251, TargetKeyId=key)
        self.kms.create_alias(AliasName="alias/" + "a" * 250, TargetKeyId=key)

    def test_an_alias_names_its_key(self):
        a, b, name = self.key(), self.key(), self.name()
        self.kms.create_alias(AliasName=name, TargetKeyId=a["KeyId"])
        self.refused("AlreadyExistsException", f"An alias with the name {self.arn(name)} already exists", self.kms.create_alias,
                     AliasName=name, TargetKeyId=b["KeyId"])
        for given in (name, self.arn(name)):
            self.assertEqual(a["Arn"], self.kms.describe_key(KeyId=given)["KeyMetadata"]["Arn"])
        self.kms.update_alias(AliasName=name, TargetKeyId=b["Arn"])
        self.assertEqual(b["Arn"], self.kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"])
        self.assertEqual([], self.kms.list_aliases(KeyId=a["KeyId"])["Aliases"])
        listed = self.kms.list_aliases(KeyId=b["KeyId"])["Aliases"][0]
        self.assertEqual((name, self.arn(name), b["KeyId"]), (listed["AliasName"], listed["AliasArn"], listed["TargetKeyId"]))
        self.assertIn(name, [x["AliasName"] for x in self.kms.list_aliases(Limit=1000)["Aliases"]])
        other = self.key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        self.refused("ValidationException", None, self.kms.update_alias, AliasName=name, TargetKeyId=other["KeyId"])
        self.kms.delete_alias(AliasName=name)
        gone = f"Alias {self.arn(name)} is not found."
        self.refused("NotFoundException", gone, self.kms.describe_key, KeyId=name)
        self.refused("NotFoundException", gone, self.kms.delete_alias, AliasName=name)
        self.refused("NotFoundException", gone, self.kms.update_alias, AliasName=name, TargetKeyId=a["KeyId"])

    def test_fifty_a_key(self):
        key = self.key()["KeyId"]
        base = self.name()
        for i in range(50):
            self.kms.create_alias(AliasName=f"{base}-{i}", TargetKeyId=key)
        self.refused("LimitExceededException", None, self.kms.create_alias, AliasName=base, TargetKeyId=key)
        self.kms.delete_alias(AliasName=f"{base}-7")
        self.kms.create_alias(AliasName=base, TargetKeyId=key)

    def test_both_the_alias_and_its_keys_must_be_allowed(self):
        a, b, name = self.key(), self.key(), self.name()
        _, only_alias = self.user(self.statement("kms:*Alias", self.arn("alias/*")))
        _, one_key = self.user(self.statement("kms:*Alias", [self.arn("alias/*"), a["Arn"]]))
        self.denied(only_alias.create_alias, AliasName=name, TargetKeyId=a["KeyId"])
        self.denied(one_key.create_alias, AliasName=name, TargetKeyId=b["KeyId"])
        one_key.create_alias(AliasName=name, TargetKeyId=a["KeyId"])
        self.denied(one_key.update_alias, AliasName=name, TargetKeyId=b["KeyId"])
        self.denied(only_alias.delete_alias, AliasName=name)
        one_key.delete_alias(AliasName=name)


class Tags(KmsCase):
    def test_tags(self):
        key = self.key(Tags=[{"TagKey": "a", "TagValue": "1"}])["KeyId"]
        tag = self.kms.tag_resource
        self.refused("TagException", None, tag, KeyId=key, Tags=[{"TagKey": "AWS:x", "TagValue": ""}])
        self.refused("TagException", None, tag, KeyId=key, Tags=[{"TagKey": "x", "TagValue": ""}, {"TagKey": "x", "TagValue": ""}])
        self.refused("TagException", None, self.kms.create_key, Tags=[{"TagKey": "aws:x", "TagValue": ""}])
        self.refused("LimitExceededException", None, tag, KeyId=key, Tags=[{"TagKey": f"k{i}", "TagValue": ""} for i in range(50)])
        tag(KeyId=key, Tags=[{"TagKey": "A", "TagValue": "2"}, {"TagKey": "a", "TagValue": "3"}])
        self.assertEqual([("a", "3"), ("A", "2")], [(t["TagKey"], t["TagValue"]) for t in self.kms.list_resource_tags(KeyId=key)["Tags"]])
        page = self.kms.list_resource_tags(KeyId=key, Limit=1)
        self.assertTrue(page["Truncated"])
        self.assertEqual(1, len(self.kms.list_resource_tags(KeyId=key, Limit=1, Marker=page["NextMarker"])["Tags"]))
        self.kms.untag_resource(KeyId=key, TagKeys=["a", "not-there"])
        self.assertEqual(["A"], [t["TagKey"] for t in self.kms.list_resource_tags(KeyId=key)["Tags"]])

    def test_tags_need_their_permission(self):
        _, plain = self.user(self.statement("kms:CreateKey"))
        plain.create_key()
        self.assertIn("kms:TagResource", self.denied(plain.create_key, Tags=[{"TagKey": "a", "TagValue": "1"}]))
        _, red = self.user(self.statement(["kms:CreateKey", "kms:TagResource"], Condition={"StringEquals": {"aws:RequestTag/team": "red"}}))
        self.denied(red.create_key)
        self.denied(red.create_key, Tags=[{"TagKey": "team", "TagValue": "blue"}])
        made = red.create_key(Tags=[{"TagKey": "team", "TagValue": "red"}])["KeyMetadata"]["KeyId"]
        _, by_tag = self.user(self.statement("kms:Encrypt", Condition={"StringEquals": {"aws:ResourceTag/team": "red"}}))
        self.allowed(by_tag.encrypt, KeyId=made, Plaintext=b"x")
        self.denied(by_tag.encrypt, KeyId=self.key()["KeyId"], Plaintext=b"x")


class Policies(KmsCase):
    def test_malformed(self):
        key = self.key()["KeyId"]
        for text in ("{", "{}", "x", json.dumps({"Version": "2012-10-17", "Statement": []}),
                     self.document(self.statement("kms:*")), self.document(self.statement("kms:*", None, Principal="*"))):
            self.refused("MalformedPolicyDocumentException", None, self.kms.put_key_policy, KeyId=key, Policy=text)
            self.refused("MalformedPolicyDocumentException", None, self.kms.create_key, Policy=text)
        absent = self.policy(self.statement("kms:*", Principal={"AWS": f"arn:aws:iam::{self.account}:user/nobody-here"}))
        self.refused("MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals.",
                     self.kms.put_key_policy, KeyId=key, Policy=absent)
        self.refused("LimitExceededException", None, self.kms.put_key_policy, KeyId=key, Policy=self.policy() + " " * 32768)
        self.refused("NotFoundException", "No such policy exists", self.kms.get_key_policy, KeyId=key, PolicyName="other")
        self.assertEqual(["default"], self.kms.list_key_policies(KeyId=key)["PolicyNames"])

    def test_many_principals_that_moved_far(self):
        """Their new ARNs together are longer than any policy."""
        arn, user = self.user(self.statement("kms:*"))
        key = self.key()["KeyId"]
        text = self.policy(self.statement("kms:Encrypt", Principal={"AWS": [arn] * 600}))
        self.kms.put_key_policy(KeyId=key, Policy=text)
        far = "/" + "/".join(["~" * 254] * 2) + "/"
        self.iam.update_user(UserName=arn.rpartition("/")[2], NewPath=far)
        shown = json.loads(self.kms.get_key_policy(KeyId=key)["Policy"])["Statement"][1]["Principal"]["AWS"]
        self.assertEqual((600, self.iam.get_user(UserName=arn.rpartition("/")[2])["User"]["Arn"]), (len(shown), shown[0]))
        self.allowed(user.encrypt, KeyId=key, Plaintext=b"x")
        self.kms.put_key_policy(KeyId=key, Policy=self.policy())

    def test_nobody_locks_himself_out(self):
        text = "The new key policy will not allow you to update the key policy in the future."
        arn, _ = self.user()
        theirs = self.policy(self.statement("kms:*", Principal={"AWS": arn}), root=False)
        self.refused("MalformedPolicyDocumentException", text, self.kms.create_key, Policy=theirs)
        key = self.key()["KeyId"]
        self.refused("MalformedPolicyDocumentException", text, self.kms.put_key_policy, KeyId=key, Policy=theirs)
        self.kms.put_key_policy(KeyId=key, Policy=theirs, BypassPolicyLockoutSafetyCheck=True)
        self.denied(self.kms.describe_key, KeyId=key)
        # Who may create keys but not change their policies cannot give one either, save the usual one.
        _, creator = self.user(self.statement("kms:CreateKey"))
        creator.create_key()
        self.refused("MalformedPolicyDocumentException", text, creator.create_key, Policy=self.policy())

    def test_the_key_policy_decides(self):
        arn, user = self.user(self.statement("kms:*"))
        key = self.key()["KeyId"]
        self.allowed(user.encrypt, KeyId=key, Plaintext=b"x")
        me = f"arn:aws:iam::{self.account}:user/admin"
        self.kms.put_key_policy(KeyId=key, Policy=self.policy(self.statement("kms:*", Principal={"AWS": me}), root=False))
        # The user's own policies no longer count.
        self.denied(user.encrypt, KeyId=key, Plaintext=b"x")
        self.denied(user.describe_key, KeyId=key)
        other, nothing = self.user()
        self.kms.put_key_policy(KeyId=key, Policy=self.policy(self.statement("kms:Encrypt", Principal={"AWS": other}),
                                                              self.statement("kms:*", Principal={"AWS": me}), root=False))
        self.allowed(nothing.encrypt, KeyId=key, Plaintext=b"x")
        self.denied(nothing.generate_data_key, KeyId=key, KeySpec="AES_256")
        self.kms.put_key_policy(KeyId=key, Policy=self.policy(
            self.statement("kms:Encrypt", effect="Deny", Principal="*", Condition={"StringNotEquals": {"aws:PrincipalArn": me}})))
        self.assertIn("explicit deny", self.denied(user.encrypt, KeyId=key, Plaintext=b"x"))
        self.allowed(user.generate_data_key, KeyId=key, KeySpec="AES_256")

    def test_a_namesake_is_somebody_else(self):
        arn, user = self.user()
        name = arn.rsplit("/", 1)[1]
        key = self.key(Policy=self.policy(self.statement("kms:Encrypt", Principal={"AWS": arn})))["KeyId"]
        self.allowed(user.encrypt, KeyId=key, Plaintext=b"x")
        id_ = self.iam.get_user(UserName=name)["User"]["UserId"]
        self.iam.delete_access_key(UserName=name, AccessKeyId=self.iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]["AccessKeyId"])
        self.iam.delete_user(UserName=name)
        self.iam.create_user(UserName=name)
        again = self.iam.create_access_key(UserName=name)["AccessKey"]
        self.denied(harness.client("kms", key=again["AccessKeyId"], secret=again["SecretAccessKey"]).encrypt, KeyId=key, Plaintext=b"x")
        shown = json.loads(self.kms.get_key_policy(KeyId=key)["Policy"])
        self.assertEqual(id_, shown["Statement"][1]["Principal"]["AWS"])


if __name__ == "__main__":
    harness.serve()
    harness.main()
