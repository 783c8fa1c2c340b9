#!/usr/bin/env python3
"""Terraform's keys, replicas, aliases, grants, ciphertexts, certificates and private authorities: apply, change, no drift, destroy. Needs what
suite_terraform.py needs."""
import base64
import os

import boto3
import harness
from terraform_case import TerraformCase

CHANGED = {"words": "second", "days": "90"}


class Terraform(TerraformCase):
    configuration = "terraform_kms"
    attaches = False  # keys in two regions

    def test_10_apply(self):
        self.terraform("init", "-input=false")
        said = self.terraform("apply", "-input=false", "-auto-approve")
        self.assertRegex(said, r"Apply complete! Resources: \d+ added, 0 changed, 0 destroyed\.")
        got, kms = self.outputs(), harness.client("kms")
        opened = kms.decrypt(CiphertextBlob=base64.b64decode(got["secret"]), EncryptionContext={"team": "red"})
        self.assertEqual((b"words", got["key"]), (opened["Plaintext"], opened["KeyId"]))
        self.assertEqual(180, kms.get_key_rotation_status(KeyId=got["key"])["RotationPeriodInDays"])
        about = harness.client("acm").describe_certificate(CertificateArn=got["certificate"])["Certificate"]
        self.assertEqual(["site.example", "www.site.example"], about["SubjectAlternativeNames"])
        public = harness.client("acm").describe_certificate(CertificateArn=got["public"])["Certificate"]
        self.assertEqual(("AMAZON_ISSUED", "ISSUED"), (public["Type"], public["Status"]))
        self.assertEqual("AWS", kms.describe_key(KeyId=got["managed"])["KeyMetadata"]["KeyManager"])
        # The replica opens what its primary sealed.
        primary = got["replica"].replace("us-west-2", "us-east-1")
        blob = kms.encrypt(KeyId=primary, Plaintext=b"wide")["CiphertextBlob"]
        self.assertEqual((b"wide", got["replica"]), self.in_west(blob))
        root = harness.client("acm-pca").describe_certificate_authority(CertificateAuthorityArn=got["root"])["CertificateAuthority"]
        self.assertEqual(("ROOT", "ACTIVE"), (root["Type"], root["Status"]))

    @staticmethod
    def in_west(blob):
        at = harness.SERVER
        west = boto3.client("kms", endpoint_url=at.endpoint, region_name="us-west-2", aws_access_key_id=at.key_id,
                            aws_secret_access_key=at.secret)
        opened = west.decrypt(CiphertextBlob=blob)
        return opened["Plaintext"], opened["KeyId"]

    def test_20_change(self):
        """What the first apply had left different would be counted here, too."""
        said = self.terraform("apply", "-input=false", "-auto-approve", **CHANGED)
        # A grant is not changed but made anew.
        self.assertRegex(said, r"Apply complete! Resources: 1 added, 3 changed, 1 destroyed\.")
        got, kms = self.outputs(), harness.client("kms")
        self.assertEqual(90, kms.get_key_rotation_status(KeyId=got["key"])["RotationPeriodInDays"])
        self.assertEqual("second", kms.describe_key(KeyId=got["key"])["KeyMetadata"]["Description"])
        self.assertIn("kms:DescribeKey", kms.get_key_policy(KeyId=got["key"])["Policy"])
        self.assertEqual([["Decrypt", "Encrypt"]], [sorted(g["Operations"]) for g in kms.list_grants(KeyId=got["key"])["Grants"]])

    def test_30_no_drift(self):
        self.same(**CHANGED)

    def test_40_destroy(self):
        got, kms = self.outputs(), harness.client("kms")
        self.assertRegex(self.terraform("destroy", "-input=false", "-auto-approve", **CHANGED), r"Destroy complete! Resources: 16 destroyed\.")
        self.assertEqual("PendingDeletion", kms.describe_key(KeyId=got["key"])["KeyMetadata"]["KeyState"])
        self.assertEqual("Enabled", kms.describe_key(KeyId=got["managed"])["KeyMetadata"]["KeyState"])


if __name__ == "__main__":
    harness.serve()
    acm = harness.client("acm")
    first = acm.request_certificate(DomainName="first.example", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
    os.environ["TF_VAR_authority"] = acm.describe_certificate(CertificateArn=first)["Certificate"]["CertificateAuthorityArn"]
    harness.main()
