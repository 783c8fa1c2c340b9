#!/usr/bin/env python3
"""Terraform's AWS provider builds a site: its network, security group, certificate, trust store and load balancers. Apply, traffic, no drift,
change, import, traffic, destroy."""
import json
import pathlib

import harness
from site_case import STRANGER, VISITOR, Application, Authority, Site, trust
from terraform_case import TerraformCase

NAMES = ("first", "second", "third")
# The provider waits half a minute after every change of a load balancer itself, so none is made.
CHANGED = {"delay": "7", "weight": "90", "visitors": STRANGER + "/32"}


class Terraform(TerraformCase):
    configuration = "terraform_elbv2"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        acm = harness.client("acm")
        first = acm.request_certificate(DomainName="first.example", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
        cls.authority = Authority()
        cls.addClassCleanup(cls.authority.clean)
        trust("tf-trust", **{"ca.pem": cls.authority.read("ca.pem")})
        cls.ports = dict(zip(("http", "https", "mutual", "shown"), (harness.free_port() for _ in range(4))))
        cls.given = {"ports": json.dumps(cls.ports), "applications": json.dumps({n: Application(n).port for n in NAMES}),
                     "authority": acm.describe_certificate(CertificateArn=first)["Certificate"]["CertificateAuthorityArn"]}

    def run_(self, *words, **more):
        return self.terraform(*words, "-input=false", **{**self.given, **more})

    def site(self):
        got, elb = self.outputs(), harness.client("elbv2")
        lb = elb.describe_load_balancers(LoadBalancerArns=[got["site"]])["LoadBalancers"][0]
        self.authority.write("site-ca.pem", harness.client("acm").get_certificate(CertificateArn=got["certificate"])["CertificateChain"])
        return Site(self, lb["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"], *list(self.ports.values())[:3],
                    self.authority.path("site-ca.pem"), self.authority)

    def test_10_init(self):
        self.terraform("init", "-input=false")

    def test_20_apply(self):
        self.assertRegex(self.run_("apply", "-auto-approve"), r"Apply complete! Resources: 27 added, 0 changed, 0 destroyed\.")
        got = self.outputs()
        self.assertRegex(got["dns"], r"^tf-site-\d+\.us-east-1\.elb\.amazonaws\.com$")
        self.assertGreater(int(got["rule"]), 0)

    def test_21_it_works(self):
        self.site().proven(NAMES)

    def test_22_no_drift(self):
        self.same(**self.given)

    def test_30_changes_foreign_ones_and_imports_in_one(self):
        """Three variables change, somebody else deletes a rule, and the state forgets three resources and learns them again."""
        elb = harness.client("elbv2")
        arn = self.outputs()["site"]
        listener = next(x for x in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"] if x["Port"] == self.ports["https"])
        elb.delete_rule(RuleArn=elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"][0]["RuleArn"])
        groups = {g["TargetGroupName"]: g["TargetGroupArn"] for g in elb.describe_target_groups()["TargetGroups"]}
        lost = {"aws_lb.site": arn, "aws_lb_target_group.plain": groups["tf-plain"], "aws_lb_target_group.tcp": groups["tf-tcp"]}
        self.terraform("state", "rm", *lost)
        pathlib.Path(self.folder, "imports.tf").write_text("".join(f'import {{\n  to = {to}\n  id = "{by}"\n}}\n' for to, by in lost.items()))
        self.assertIn("Resources: 3 imported, 1 added, 7 changed, 0 destroyed.", self.run_("apply", "-auto-approve", **CHANGED))

    def test_31_it_works_for_others_now(self):
        self.site().proven(NAMES, visitor=STRANGER, stranger=VISITOR)

    def test_90_destroy(self):
        self.assertIn("Destroy complete!", self.run_("destroy", "-auto-approve", **CHANGED))
        elb = harness.client("elbv2")
        self.assertEqual(([], []), (elb.describe_load_balancers()["LoadBalancers"], elb.describe_target_groups()["TargetGroups"]))


if __name__ == "__main__":
    harness.serve()
    harness.main()
