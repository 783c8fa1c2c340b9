"""Terraform's AWS provider over one configuration's life. The provider comes from a mirror on this machine: TF_PLUGIN_MIRROR,
/opt/tf-plugins or ~/.terraform.d/plugins; without one every case is skipped.
"""
import json
import os
import pathlib
import shutil
import subprocess
import unittest

import harness

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT_SECONDS = 600
MIRRORS = (os.environ.get("TF_PLUGIN_MIRROR", ""), "/opt/tf-plugins", os.path.expanduser("~/.terraform.d/plugins"))
MIRROR = next((m for m in MIRRORS if m and any(pathlib.Path(m).glob("*/hashicorp/aws/**/*terraform-provider-aws*"))), None)
TERRAFORM = shutil.which("terraform")


class TerraformCase(unittest.TestCase):
    """Cases in the order of the names: each stands on the one before. `configuration` is a folder beside this file."""
    configuration = "terraform"
    maxDiff = None
    broken = None

    @classmethod
    def setUpClass(cls):
        if TERRAFORM and MIRROR:
            cls.folder = os.path.join(harness.SERVER.work, cls.configuration)
            shutil.copytree(HERE / cls.configuration, cls.folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
            cls.settings = os.path.join(harness.SERVER.work, "terraform.rc")
            pathlib.Path(cls.settings).write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{MIRROR}"\n  }}\n}}\n')

    def setUp(self):
        if not TERRAFORM:
            self.skipTest("no terraform on this machine")
        if not MIRROR:
            self.skipTest("no terraform provider on this machine")
        if self.broken:
            self.fail(f"{self.broken} went wrong before")

    def terraform(self, *words, expect=0, **variables):
        """What it printed. A wrong exit status fails this case and the ones that build on it."""
        env = {**os.environ, "TF_CLI_CONFIG_FILE": self.settings, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1",
               "TF_VAR_endpoint": harness.SERVER.endpoint, **{f"TF_VAR_{k}": v for k, v in variables.items()}}
        # The endpoints stand in the provider's block.
        env.pop("AWS_ENDPOINT_URL")
        done = subprocess.run([TERRAFORM, *words, "-no-color"], cwd=self.folder, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=TIMEOUT_SECONDS)
        if done.returncode != expect:
            if words[0] in ("init", "apply"):
                type(self).broken = words[0]
            self.fail(f"terraform {' '.join(words)}: status {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}")
        return done.stdout

    def outputs(self):
        return {k: v["value"] for k, v in json.loads(self.terraform("output", "-json")).items()}

    def same(self, **variables):
        self.terraform("plan", "-input=false", "-detailed-exitcode", expect=0, **variables)
