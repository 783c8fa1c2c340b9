#!/usr/bin/env python3
"""The credential report, through boto3."""
import csv
import datetime
import io
import os
import subprocess
import time

import harness
from iam_case import IamCase, allow

COLUMNS = """user arn user_creation_time password_enabled password_last_used password_last_changed password_next_rotation mfa_active access_key_1_active
access_key_1_last_rotated access_key_1_last_used_date access_key_1_last_used_region access_key_1_last_used_service access_key_2_active access_key_2_last_rotated
access_key_2_last_used_date access_key_2_last_used_region access_key_2_last_used_service cert_1_active cert_1_last_rotated cert_2_active cert_2_last_rotated""".split()


class Report(IamCase):
    def rows(self):
        for _ in range(10):
            if self.iam.generate_credential_report()["State"] == "COMPLETE":
                break
        got = self.iam.get_credential_report()
        self.assertEqual("text/csv", got["ReportFormat"])
        self.assertLess(abs((got["GeneratedTime"] - datetime.datetime.now(datetime.timezone.utc)).total_seconds()), 60)
        table = list(csv.reader(io.StringIO(got["Content"].decode())))
        self.assertEqual(COLUMNS, table[0])
        return {row[0]: dict(zip(COLUMNS, row)) for row in table[1:]}

    def test_it_tells_who_has_what(self):
        harness.SERVER.reset()
        self.refused("ReportNotPresent", None, self.iam.get_credential_report)
        bare, full = self.user(UserName="a,b")["UserName"], self.user(Path="/x/")["UserName"]
        self.iam.update_account_password_policy(MinimumPasswordLength=8, MaxPasswordAge=90)
        self.cleanup(self.iam.delete_account_password_policy)
        self.iam.create_login_profile(UserName=full, Password="Abcdefgh1!")
        self.cleanup(self.iam.delete_login_profile, UserName=full)
        keys = [self.iam.create_access_key(UserName=full)["AccessKey"] for _ in range(2)]
        for key in keys:
            self.cleanup(self.iam.delete_access_key, UserName=full, AccessKeyId=key["AccessKeyId"])
        body = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=c", "-keyout", os.devnull],
                              capture_output=True, text=True, check=True, timeout=harness.PATIENCE_SECONDS).stdout
        signing = self.iam.upload_signing_certificate(UserName=full, CertificateBody=body)["Certificate"]
        self.cleanup(self.iam.delete_signing_certificate, UserName=full, CertificateId=signing["CertificateId"])
        self.iam.update_access_key(UserName=full, AccessKeyId=keys[1]["AccessKeyId"], Status="Inactive")
        harness.client("sts", key=keys[0]["AccessKeyId"], secret=keys[0]["SecretAccessKey"]).get_caller_identity()
        end = time.monotonic() + 20
        while time.monotonic() < end and "LastUsedDate" not in self.iam.get_access_key_last_used(AccessKeyId=keys[0]["AccessKeyId"])["AccessKeyLastUsed"]:
            time.sleep(0.5)
        started = self.iam.generate_credential_report()
        self.assertEqual(("STARTED", "No report exists. Starting a new report generation task"), (started["State"], started["Description"]))
        rows = self.rows()
        root = rows["<root_account>"]
        self.assertEqual((f"arn:aws:iam::{self.account}:root", "not_supported", "false"), (root["arn"], root["password_enabled"], root["mfa_active"]))
        self.assertEqual("true", root["access_key_1_active"])
        mine = rows[full]
        self.assertEqual((self.arn("user", full, "/x/"), "true", "no_information"), (mine["arn"], mine["password_enabled"], mine["password_last_used"]))
        at = datetime.datetime.fromisoformat
        self.assertEqual(90, (at(mine["password_next_rotation"]) - at(mine["password_last_changed"])).days)
        self.assertEqual(("true", "sts", "us-east-1"), (mine["access_key_1_active"], mine["access_key_1_last_used_service"], mine["access_key_1_last_used_region"]))
        self.assertEqual(("false", "N/A"), (mine["access_key_2_active"], mine["access_key_2_last_used_date"]))
        self.assertRegex(mine["access_key_2_last_rotated"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")
        self.assertEqual(("true", signing["UploadDate"].isoformat(), "false", "N/A"),
                         (mine["cert_1_active"], mine["cert_1_last_rotated"], mine["cert_2_active"], mine["cert_2_last_rotated"]))
        none = rows[bare]
        self.assertEqual(("false", "N/A", "N/A", "N/A", "false", "N/A", "false"),
                         (none["password_enabled"], none["password_last_used"], none["password_last_changed"], none["password_next_rotation"],
                          none["access_key_1_active"], none["access_key_1_last_rotated"], none["cert_1_active"]))
        # It stands for four hours.
        self.user(UserName="later")
        self.assertEqual("COMPLETE", self.iam.generate_credential_report()["State"])
        self.assertNotIn("later", self.rows())

    def test_permissions(self):
        nobody = self.client_with(allow("iam:GenerateCredentialReport"))
        nobody.generate_credential_report()
        self.denied(nobody.get_credential_report)


if __name__ == "__main__":
    harness.serve()
    harness.main()
