#!/usr/bin/env python3
"""AWS managed keys: what an account sees of them, and all that it may not do with them."""
import concurrent.futures
import datetime
import json
import uuid

import boto3
import harness
from botocore.config import Config
from kms_case import KmsCase

NAMES = ["acm", "backup", "dynamodb", "ebs", "elasticfilesystem", "es", "kafka", "lambda", "rds", "s3", "secretsmanager", "sns", "ssm"]


class Managed(KmsCase):
    def region(self):
        """A client of a Region where nothing has been made yet."""
        return self.at(f"xx-{uuid.uuid4().hex[:8]}-1")

    @staticmethod
    def at(region, key=None):
        at = harness.SERVER
        return boto3.client("kms", endpoint_url=at.endpoint, region_name=region, aws_access_key_id=key["AccessKeyId"] if key else at.key_id,
                            aws_secret_access_key=key["SecretAccessKey"] if key else at.secret,
                            config=Config(retries={"total_max_attempts": 1}))

    def made(self, name):
        return self.kms.describe_key(KeyId=f"alias/aws/{name}")["KeyMetadata"]

    def test_nobody_changes_one(self):
        """AWS KMS Developer Guide, "AWS managed keys"; the text is that of a key policy that does not allow."""
        key, arn = self.made("s3")["KeyId"], self.made("s3")["Arn"]
        me = self.sts.get_caller_identity()["Arn"]
        for action, arguments in (
                ("schedule_key_deletion", {"PendingWindowInDays": 7}), ("cancel_key_deletion", {}), ("disable_key", {}), ("enable_key", {}),
                ("enable_key_rotation", {}), ("disable_key_rotation", {}), ("rotate_key_on_demand", {}),
                ("update_key_description", {"Description": "mine"}),
                ("put_key_policy", {"Policy": self.policy(), "BypassPolicyLockoutSafetyCheck": True}),
                ("tag_resource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}), ("untag_resource", {"TagKeys": ["a"]}),
                ("create_grant", {"GranteePrincipal": me, "Operations": ["Decrypt"]}), ("replicate_key", {"ReplicaRegion": "eu-west-1"}),
                ("update_primary_region", {"PrimaryRegion": "eu-west-1"}), ("delete_imported_key_material", {}),
                ("get_parameters_for_import", {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"})):
            with self.subTest(action):
                name = "".join(part.capitalize() for part in action.split("_"))
                if action == "get_parameters_for_import":
                    self.refused("UnsupportedOperationException", None, self.kms.get_parameters_for_import, KeyId=key, **arguments)
                    continue
                self.assertIn(f"is not authorized to perform: kms:{name} on resource: {arn} because no resource-based policy allows the "
                              f"kms:{name} action", self.denied(getattr(self.kms, action), KeyId=key, **arguments))
        facts = self.made("s3")
        self.assertEqual(("Enabled", True, key), (facts["KeyState"], facts["Enabled"], facts["KeyId"]))

    def test_nobody_uses_one_himself(self):
        alias = "alias/aws/ebs"
        key = self.made("ebs")["KeyId"]
        _, user = self.user(self.statement("kms:*"))
        for kms in (self.kms, user):
            for given in (alias, self.arn(alias), key):
                self.denied(kms.encrypt, KeyId=given, Plaintext=b"x")
                self.denied(kms.generate_data_key, KeyId=given, KeySpec="AES_256")
                self.denied(kms.encrypt, KeyId=given, Plaintext=b"x", DryRun=True)
        own = self.key()["KeyId"]
        blob = self.kms.encrypt(KeyId=own, Plaintext=b"x")["CiphertextBlob"]
        self.denied(self.kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=alias)
        self.denied(self.kms.decrypt, CiphertextBlob=blob, KeyId=alias)

    def test_aliases_of_aws_are_nobody_elses(self):
        key, own = self.made("rds")["KeyId"], self.key()["KeyId"]
        for name in ("alias/aws/rds", "alias/aws/mine"):
            self.refused("NotAuthorizedException", "", self.kms.create_alias, AliasName=name, TargetKeyId=own)
        self.denied(self.kms.update_alias, AliasName="alias/aws/rds", TargetKeyId=own)
        self.denied(self.kms.delete_alias, AliasName="alias/aws/rds")
        self.refused("NotAuthorizedException", "", self.kms.delete_alias, AliasName="alias/aws/lambda")
        self.denied(self.kms.create_alias, AliasName="alias/my-rds", TargetKeyId=key)
        for name in ("alias/aws/nothing", "alias/aws/", "alias/aws/s3x", "alias/aws/S3"):
            self.refused("NotFoundException", f"Alias {self.arn(name)} is not found.", self.kms.describe_key, KeyId=name)

    def test_describing_makes_it_and_nothing_else_does(self):
        kms = self.region()
        alias = "alias/aws/sns"
        for call, arguments in ((kms.encrypt, {"Plaintext": b"x"}), (kms.generate_data_key, {"KeySpec": "AES_256"})):
            self.refused("NotFoundException", None, call, KeyId=alias, **arguments)
        self.assertEqual([], kms.list_keys()["Keys"])
        made = kms.describe_key(KeyId=alias)["KeyMetadata"]
        self.assertEqual([made["KeyId"]], [k["KeyId"] for k in kms.list_keys()["Keys"]])
        self.assertEqual(made, kms.describe_key(KeyId=alias)["KeyMetadata"])
        self.assertEqual(made, kms.describe_key(KeyId=made["Arn"])["KeyMetadata"])
        other = f"arn:aws:kms:{kms.meta.region_name}:999999999999:{alias}"
        self.denied(kms.describe_key, KeyId=other)

    def test_who_may_not_look_makes_nothing(self):
        kms = self.region()
        name = self.user()[0].rpartition("/")[2]
        nobody = self.at(kms.meta.region_name, self.iam.create_access_key(UserName=name)["AccessKey"])
        self.denied(nobody.describe_key, KeyId="alias/aws/s3")
        self.assertEqual([], kms.list_keys()["Keys"])
        # ACM's key lets everybody in the account look.
        self.assertEqual("AWS", nobody.describe_key(KeyId="alias/aws/acm")["KeyMetadata"]["KeyManager"])

    def test_many_at_once_make_one(self):
        kms = self.region()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            ids = set(pool.map(lambda _: kms.describe_key(KeyId="alias/aws/kafka")["KeyMetadata"]["KeyId"], range(16)))
        self.assertEqual(1, len(ids))
        self.assertEqual(1, len(kms.list_keys()["Keys"]))

    def test_as_they_are_described(self):
        made = self.made("secretsmanager")
        facts = {k: made[k] for k in ("AWSAccountId", "Enabled", "Description", "KeyUsage", "KeyState", "Origin", "KeyManager", "KeySpec", "MultiRegion")}
        self.assertEqual({"AWSAccountId": self.account, "Enabled": True, "KeyUsage": "ENCRYPT_DECRYPT", "KeyState": "Enabled", "Origin": "AWS_KMS",
                          "Description": "Default key that protects my Secrets Manager data when no other key is defined", "KeyManager": "AWS",
                          "KeySpec": "SYMMETRIC_DEFAULT", "MultiRegion": False}, facts)
        status = self.kms.get_key_rotation_status(KeyId=made["KeyId"])
        self.assertEqual((True, 365), (status["KeyRotationEnabled"], status["RotationPeriodInDays"]))
        self.assertEqual(datetime.timedelta(days=365), status["NextRotationDate"] - made["CreationDate"])
        self.assertEqual([], self.kms.list_resource_tags(KeyId=made["KeyId"])["Tags"])
        self.assertEqual(["default"], self.kms.list_key_policies(KeyId=made["KeyId"])["PolicyNames"])

    def test_policies_name_the_service(self):
        for name in NAMES:
            with self.subTest(name):
                policy = json.loads(self.kms.get_key_policy(KeyId=self.made(name)["KeyId"])["Policy"])
                self.assertRegex(policy["Id"], "^auto-")
                everybody = [s for s in policy["Statement"] if s["Principal"] == {"AWS": "*"} and s["Effect"] == "Allow"]
                self.assertTrue(everybody)
                for statement in everybody:
                    self.assertEqual(self.account, statement["Condition"]["StringEquals"]["kms:CallerAccount"])
                    via = {**statement["Condition"]["StringEquals"], **statement["Condition"].get("StringLike", {})}.get("kms:ViaService")
                    if via is None:
                        self.assertEqual({"kms:DescribeKey", "kms:ListGrants", "kms:RevokeGrant", "kms:GetKeyPolicy"}, set(statement["Action"]))
                    else:
                        self.assertIn(via.split(".")[1], (harness.REGION, "*"))
                self.assertFalse([s for s in policy["Statement"] if "kms:*" in s["Action"] or "kms:PutKeyPolicy" in s["Action"]])
        s3 = json.loads(self.kms.get_key_policy(KeyId=self.made("s3")["KeyId"])["Policy"])
        self.assertEqual(
            {"Version": "2012-10-17", "Id": "auto-s3-2", "Statement": [
                {"Sid": "Allow access through S3 for all principals in the account that are authorized to use S3", "Effect": "Allow",
                 "Principal": {"AWS": "*"},
                 "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"], "Resource": "*",
                 "Condition": {"StringEquals": {"kms:CallerAccount": self.account, "kms:ViaService": f"s3.{harness.REGION}.amazonaws.com"}}},
                {"Sid": "Allow direct access to key metadata to the account", "Effect": "Allow",
                 "Principal": {"AWS": f"arn:aws:iam::{self.account}:root"}, "Action": ["kms:Describe*", "kms:Get*", "kms:List*"],
                 "Resource": "*"}]}, s3)

    def test_lists_have_their_aliases_from_the_beginning(self):
        kms = self.region()
        owned = kms.create_key()["KeyMetadata"]["KeyId"]
        for name in ("alias/a", "alias/aws-mine", "alias/awt", "alias/zz"):
            kms.create_alias(AliasName=name, TargetKeyId=owned)
        kms.describe_key(KeyId="alias/aws/ebs")
        key = kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]["KeyId"]
        whole = kms.list_aliases(Limit=1000)
        names = [a["AliasName"] for a in whole["Aliases"]]
        self.assertEqual(["alias/a", "alias/aws-mine", *(f"alias/aws/{n}" for n in NAMES), "alias/awt", "alias/zz"], names)
        self.assertFalse(whole["Truncated"])
        keyed = {a["AliasName"] for a in whole["Aliases"] if "TargetKeyId" in a}
        self.assertEqual({"alias/a", "alias/aws-mine", "alias/aws/ebs", "alias/aws/ssm", "alias/awt", "alias/zz"}, keyed)
        self.assertEqual(["alias/aws/ssm"], [a["AliasName"] for a in kms.list_aliases(KeyId=key)["Aliases"]])
        for limit in (1, 2, 3, 7, len(names) - 1, len(names), len(names) + 1):
            with self.subTest(limit):
                seen, marker = [], {}
                while True:
                    page = kms.list_aliases(Limit=limit, **marker)
                    self.assertIn(len(page["Aliases"]), range(1, limit + 1))
                    seen += page["Aliases"]
                    if not page["Truncated"]:
                        break
                    marker = {"Marker": page["NextMarker"]}
                self.assertEqual(whole["Aliases"], seen)


if __name__ == "__main__":
    harness.serve()
    harness.main()
