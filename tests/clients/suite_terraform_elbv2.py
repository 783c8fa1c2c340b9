#!/usr/bin/env python3
"""Terraform's AWS provider over load balancers: apply, no drift, change, import, destroy."""
import json
import pathlib

import harness
from terraform_case import TerraformCase

# The provider waits half a minute after every change of a load balancer itself, so none is made.
CHANGED = {"delay": "7", "weight": "20"}


class Terraform(TerraformCase):
    configuration = "terraform_elbv2"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        subnets = harness.client("ec2").describe_subnets()["Subnets"]
        cls.network = {"vpc": subnets[0]["VpcId"], "subnets": json.dumps([s["SubnetId"] for s in subnets[:3]])}

    def run_(self, *words, **more):
        return self.terraform(*words, "-input=false", **{**self.network, **more})

    def test_10_init(self):
        self.terraform("init", "-input=false")

    def test_20_apply(self):
        self.assertRegex(self.run_("apply", "-auto-approve"), r"Apply complete! Resources: 13 added, 0 changed, 0 destroyed\.")
        got = self.outputs()
        self.assertRegex(got["dns"], r"^tf-site-\d+\.us-east-1\.elb\.amazonaws\.com$")
        self.assertGreater(int(got["rule"]), 0)

    def test_21_no_drift(self):
        self.same(**self.network)

    def test_30_changes_foreign_ones_and_imports_in_one(self):
        """Two variables change, somebody else deletes a rule, and the state forgets three resources and learns them again."""
        elb = harness.client("elbv2")
        arn = self.outputs()["site"]
        listener = next(x for x in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"] if x["Port"] == 80)
        elb.delete_rule(RuleArn=elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"][0]["RuleArn"])
        groups = {g["TargetGroupName"]: g["TargetGroupArn"] for g in elb.describe_target_groups()["TargetGroups"]}
        lost = {"aws_lb.site": arn, "aws_lb_target_group.plain": groups["tf-plain"], "aws_lb_target_group.tcp": groups["tf-tcp"]}
        self.terraform("state", "rm", *lost)
        pathlib.Path(self.folder, "imports.tf").write_text("".join(f'import {{\n  to = {to}\n  id = "{by}"\n}}\n' for to, by in lost.items()))
        self.assertIn("Resources: 3 imported, 1 added, 3 changed, 0 destroyed.", self.run_("apply", "-auto-approve", **CHANGED))

    def test_90_destroy(self):
        self.assertIn("Destroy complete!", self.run_("destroy", "-auto-approve", **CHANGED))
        elb = harness.client("elbv2")
        self.assertEqual(([], []), (elb.describe_load_balancers()["LoadBalancers"], elb.describe_target_groups()["TargetGroups"]))


if __name__ == "__main__":
    harness.serve()
    harness.main()
