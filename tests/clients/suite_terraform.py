#!/usr/bin/env python3
"""Terraform and its AWS provider: apply, no drift afterwards, a change in place, destroy.

Terraform and the provider are not in Debian: they are taken from where they are (TF_PLUGIN_MIRROR, /opt/tf-plugins or
~/.terraform.d/plugins); without them the suite says so and is skipped.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

import harness

HERE = pathlib.Path(__file__).resolve().parent / "terraform"


def mirror():
    places = [os.environ.get("TF_PLUGIN_MIRROR", ""), "/opt/tf-plugins", str(pathlib.Path.home() / ".terraform.d/plugins")]
    for place in places:
        if place and any(pathlib.Path(place).glob("*/hashicorp/aws/*/linux_*")):
            return place
    return None


class Terraform(unittest.TestCase):
    """One story: the cases run in order and build on each other."""

    @classmethod
    def setUpClass(cls):
        cls.work = pathlib.Path(harness.SERVER.work) / "terraform"
        cls.work.mkdir()
        shutil.copy(HERE / "main.tf", cls.work)
        (cls.work / "cli.rc").write_text(
            'disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' % mirror())
        cls.env = {**os.environ, "TF_CLI_CONFIG_FILE": str(cls.work / "cli.rc"), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1",
                   "TF_VAR_endpoint": harness.SERVER.endpoint, "AWS_MAX_ATTEMPTS": "2"}
        for name in ("AWS_CA_BUNDLE", "TF_LOG", "TF_CLI_ARGS"):
            cls.env.pop(name, None)

    def terraform(self, *words, status=0):
        done = subprocess.run(["terraform", *words, "-no-color"], cwd=self.work, env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        self.assertEqual(status, done.returncode, done.stdout[-4000:])
        return done.stdout

    def test_1_init(self):
        self.terraform("init", "-input=false")

    def test_2_apply_makes_everything(self):
        self.terraform("apply", "-input=false", "-auto-approve")
        outputs = json.loads(self.terraform("output", "-json"))
        account = harness.SERVER.health["account"]
        self.assertEqual(f"arn:aws:iam::{account}:user/team/tf-user", outputs["user_arn"]["value"])
        self.assertEqual(f"arn:aws:iam::{account}:role/service/tf-role", outputs["role_arn"]["value"])
        self.assertEqual(account, outputs["account"]["value"])

    def test_3_a_second_plan_finds_no_drift(self):
        self.terraform("plan", "-input=false", "-detailed-exitcode")

    def test_4_the_applied_key_works_and_is_bound_by_its_policies(self):
        key = json.loads(self.terraform("output", "-json"))
        user = harness.client("iam", key=key["key_id"]["value"], secret=key["key_secret"]["value"])
        self.assertEqual("tf-user", user.get_user(UserName="tf-user")["User"]["UserName"])
        with self.assertRaises(user.exceptions.ClientError) as caught:
            user.delete_user(UserName="tf-user")
        self.assertEqual("AccessDenied", caught.exception.response["Error"]["Code"])

    def test_5_a_change_is_made_in_place(self):
        self.terraform("apply", "-input=false", "-auto-approve", "-var", "description=changed", "-var", "max_session=7200")
        role = harness.client("iam").get_role(RoleName="tf-role")["Role"]
        self.assertEqual(("changed", 7200), (role["Description"], role["MaxSessionDuration"]))
        self.terraform("plan", "-input=false", "-detailed-exitcode", "-var", "description=changed", "-var", "max_session=7200")

    def test_6_import_adopts_what_exists(self):
        self.terraform("state", "rm", "aws_iam_group.team")
        self.terraform("import", "-input=false", "aws_iam_group.team", "tf-group")
        self.terraform("plan", "-input=false", "-detailed-exitcode", "-var", "description=changed", "-var", "max_session=7200")

    def test_7_destroy_leaves_nothing(self):
        self.terraform("destroy", "-input=false", "-auto-approve")
        iam = harness.client("iam")
        self.assertEqual([], [u["UserName"] for u in iam.list_users()["Users"] if u["UserName"].startswith("tf-")])
        self.assertEqual([], [r["RoleName"] for r in iam.list_roles()["Roles"] if r["RoleName"].startswith("tf-")])
        self.assertEqual([], iam.list_policies(Scope="Local")["Policies"])


if __name__ == "__main__":
    if not shutil.which("terraform") or not mirror():
        print("ok 1 - Terraform # SKIP terraform or its AWS provider is not on this machine\n1..1")
        sys.exit(0)
    harness.serve()
    harness.main()
