#!/usr/bin/env python3
"""Terraform's keys, aliases, grants, ciphertexts and certificates: apply, no drift. Needs what suite_terraform.py
needs."""
import base64
import os

import harness
from terraform_case import TerraformCase


class Terraform(TerraformCase):
    configuration = "terraform_kms"

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

    def test_20_no_drift(self):
        self.same()


if __name__ == "__main__":
    harness.serve()
    acm = harness.client("acm")
    first = acm.request_certificate(DomainName="first.example", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
    os.environ["TF_VAR_authority"] = acm.describe_certificate(CertificateArn=first)["Certificate"]["CertificateAuthorityArn"]
    harness.main()
