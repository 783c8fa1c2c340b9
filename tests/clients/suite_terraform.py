#!/usr/bin/env python3
"""Terraform's AWS provider over IAM: apply, no drift, change, import, destroy."""
import json
import pathlib
import subprocess

import harness
from terraform_case import TerraformCase


class Terraform(TerraformCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if hasattr(cls, "folder"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "site.key", "-out", "site.pem", "-days", "30",
                            "-subj", "/CN=site.example"], cwd=cls.folder, check=True, capture_output=True, timeout=harness.PATIENCE_SECONDS)

    def test_10_init(self):
        self.terraform("init", "-input=false")

    def test_20_apply(self):
        said = self.terraform("apply", "-input=false", "-auto-approve")
        self.assertRegex(said, r"Apply complete! Resources: \d+ added, 0 changed, 0 destroyed\.")
        got = self.outputs()
        self.assertEqual((harness.SERVER.health["account"], "ReadOnlyAccess", False), (got["account"], got["managed"], got["may"]))

    def test_21_no_drift(self):
        self.same()

    def test_22_the_made_key_works(self):
        bob = self.outputs()["bob"]
        iam = harness.client("iam", key=bob["id"], secret=bob["secret"])
        self.assertLessEqual({"tf-alice", "tf-bob", "tf-carol"}, {u["UserName"] for u in iam.list_users()["Users"]})

    def test_30_change(self):
        said = self.terraform("apply", "-input=false", "-auto-approve", department="audit", session_hours="2")
        self.assertRegex(said, r"Apply complete! Resources: 0 added, [1-9]\d* changed, 0 destroyed\.")
        iam = harness.client("iam")
        role = iam.get_role(RoleName="tf-app")["Role"]
        self.assertEqual(7200, role["MaxSessionDuration"])
        self.assertEqual({"department": "audit", "managed-by": "terraform"}, {t["Key"]: t["Value"] for t in role["Tags"]})
        tags = {t["Key"]: t["Value"] for t in iam.list_user_tags(UserName="tf-alice")["Tags"]}
        self.assertEqual({"department": "audit", "managed-by": "terraform"}, tags)

    def test_31_no_drift_after_the_change(self):
        self.same(department="audit", session_hours="2")

    def test_40_foreign_changes_are_seen_and_mended(self):
        iam, changed = harness.client("iam"), {"department": "audit", "session_hours": "2"}
        iam.untag_user(UserName="tf-alice", TagKeys=["department"])
        iam.detach_role_policy(RoleName="tf-guests", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
        iam.put_group_policy(GroupName="tf-team", PolicyName="inline", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}))
        said = self.terraform("apply", "-input=false", "-auto-approve", **changed)
        self.assertIn("Resources: 1 added, 2 changed, 0 destroyed.", said)

    def test_50_import(self):
        """The state forgets a group, a role, a policy and the alias, and learns them again from the server. What the mending had left
        different would be counted here, too."""
        changed = {"department": "audit", "session_hours": "2"}
        lost = {"aws_iam_group.auditors": "tf-auditors", "aws_iam_role.guests": "tf-guests", "aws_iam_policy.bucket": self.outputs()["policy"],
                "aws_iam_account_alias.this": "terraformed-account"}
        self.terraform("state", "rm", *lost)
        blocks = "".join(f'import {{\n  to = {to}\n  id = "{by}"\n}}\n' for to, by in lost.items())
        pathlib.Path(self.folder, "imports.tf").write_text(blocks)
        said = self.terraform("apply", "-input=false", "-auto-approve", **changed)
        self.assertIn("Resources: 4 imported, 0 added, 0 changed, 0 destroyed.", said)

    def test_90_destroy(self):
        self.assertIn("Destroy complete!", self.terraform("destroy", "-input=false", "-auto-approve", department="audit", session_hours="2"))
        iam = harness.client("iam")
        self.assertEqual([], [u["UserName"] for u in iam.list_users()["Users"] if u["UserName"].startswith("tf-")])
        self.assertEqual([], [r["RoleName"] for r in iam.list_roles()["Roles"] if r["RoleName"].startswith(("tf-", "AWSServiceRoleForAutoScaling"))])
        self.assertEqual([], iam.list_account_aliases()["AccountAliases"])
        self.assertEqual([], iam.list_policies(Scope="Local")["Policies"])


if __name__ == "__main__":
    harness.serve()
    harness.main()
