"""Terraform's AWS provider over one configuration's life. The provider comes from a mirror on this machine: TF_PLUGIN_MIRROR,
/opt/tf-plugins or ~/.terraform.d/plugins; without one every case is skipped.

A provider takes seconds of a core until it is there, and a command of Terraform's starts it three or four times. So it is started once a
suite, the way its makers do it (-debug), and Terraform is told where it is; half of what remained was Go's collector. A suite whose
configuration has two providers, one an alias, lets Terraform start them as everybody does: a provider that is shared would have the
settings of the last one alone.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import time
import unittest

import harness

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT_SECONDS = 600
MIRRORS = (os.environ.get("TF_PLUGIN_MIRROR", ""), "/opt/tf-plugins", os.path.expanduser("~/.terraform.d/plugins"))
PROVIDER = "*/hashicorp/aws/**/*terraform-provider-aws*"
MIRROR = next((m for m in MIRRORS if m and any(pathlib.Path(m).glob(PROVIDER))), None)
TERRAFORM = shutil.which("terraform")


class Provider:
    """One that serves every command. What it says is in a file, so that it never waits for a reader."""

    def __init__(self, program, env):
        self.said = pathlib.Path(harness.SERVER.work, "provider.log")
        quiet = dict.fromkeys(("TF_LOG_SDK", "TF_LOG_SDK_PROTO", "TF_LOG_PROVIDER", "TF_LOG_PROVIDER_AWS"), "ERROR")
        with open(self.said, "wb") as out:
            self.process = subprocess.Popen([program, "-debug"], env={**env, **quiet}, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def place(self):
        """What Terraform has to have in its environment."""
        end = time.monotonic() + harness.PATIENCE_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            where = re.search(r"^\s*TF_REATTACH_PROVIDERS='(.*)'$", self.log(), re.M)
            if where:
                return {"TF_REATTACH_PROVIDERS": where[1]}
            time.sleep(0.05)
        raise AssertionError(f"the provider did not start (status {self.process.poll()}):\n{self.log()}")

    def log(self):
        return self.said.read_text(errors="replace")[-6000:]

    def stop(self):
        self.process.kill()
        self.process.wait()


class TerraformCase(unittest.TestCase):
    """Cases in the order of the names: each stands on the one before. `configuration` is a folder beside this file."""
    configuration = "terraform"
    attaches = True
    provider = None
    attached = {}
    maxDiff = None
    broken = None

    @classmethod
    def setUpClass(cls):
        if TERRAFORM and MIRROR:
            cls.folder = os.path.join(harness.SERVER.work, cls.configuration)
            shutil.copytree(HERE / cls.configuration, cls.folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
            cls.settings = os.path.join(harness.SERVER.work, "terraform.rc")
            pathlib.Path(cls.settings).write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{MIRROR}"\n  }}\n}}\n')
            if cls.attaches:
                cls.attach()

    @staticmethod
    def environment():
        """The endpoints stand in the provider's block. Nothing else of AWS's is this machine's own: a provider that serves many commands
        cannot be given a bundle of authorities twice."""
        return {**{k: v for k, v in harness.SERVER.environment().items() if k != "AWS_ENDPOINT_URL"}, "GOGC": "400"}

    @classmethod
    def attach(cls):
        """One that lies packed in its mirror stays Terraform's to unpack and to start."""
        program = next((str(p) for p in sorted(pathlib.Path(MIRROR).glob(PROVIDER)) if p.is_file() and os.access(p, os.X_OK)), None)
        if program:
            cls.provider = Provider(program, cls.environment())
            cls.addClassCleanup(cls.provider.stop)
            cls.attached = cls.provider.place()

    def setUp(self):
        if not TERRAFORM:
            self.skipTest("no terraform on this machine")
        if not MIRROR:
            self.skipTest("no terraform provider on this machine")
        if self.broken:
            self.fail(f"{self.broken} went wrong before")

    def terraform(self, *words, expect=0, **variables):
        """What it printed. A wrong exit status fails this case and the ones that build on it."""
        # An installation is Terraform's own: it looks for the provider in the mirror, as everybody's does.
        attached = {} if words[0] == "init" else self.attached
        env = {**self.environment(), **attached, "TF_CLI_CONFIG_FILE": self.settings, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1",
               "TF_VAR_endpoint": harness.SERVER.endpoint, **{f"TF_VAR_{k}": v for k, v in variables.items()}}
        try:
            done = subprocess.run([TERRAFORM, *words, "-no-color"], cwd=self.folder, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired as late:
            type(self).broken = words[0]
            self.fail(f"terraform {' '.join(words)}: nothing after {TIMEOUT_SECONDS} s\n{(late.stdout or b'')[-6000:]}\n{self.trouble()}")
        if done.returncode != expect:
            if words[0] in ("init", "apply"):
                type(self).broken = words[0]
            self.fail(f"terraform {' '.join(words)}: status {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}\n{self.trouble()}")
        return done.stdout

    def trouble(self):
        """Of a provider that serves all commands."""
        return f"the provider (status {self.provider.process.poll()}): {self.provider.log()}" if self.provider else ""

    def outputs(self):
        """As the state has them: a command that prints them would be one more start of Terraform's."""
        state = json.loads(pathlib.Path(self.folder, "terraform.tfstate").read_text(encoding="utf-8"))
        return {k: v["value"] for k, v in state["outputs"].items()}

    def same(self, **variables):
        self.terraform("plan", "-input=false", "-detailed-exitcode", expect=0, **variables)
