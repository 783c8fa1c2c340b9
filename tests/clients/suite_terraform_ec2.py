#!/usr/bin/env python3
"""Terraform's network resources: apply, change over a foreign change, import, no drift, destroy. Needs what
suite_terraform.py needs."""
import pathlib

import harness
from terraform_case import TerraformCase


class Terraform(TerraformCase):
    configuration = "terraform_ec2"

    def apply(self, said, **variables):
        self.assertRegex(self.terraform("apply", "-input=false", "-auto-approve", **variables), said)

    def test_10_apply(self):
        self.terraform("init", "-input=false")
        self.apply(r"Apply complete! Resources: \d+ added, 0 changed, 0 destroyed\.")
        got, ec2 = self.outputs(), harness.client("ec2")
        self.assertEqual(6, got["default_subnets"])
        default = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [got["vpc"]]}, {"Name": "group-name", "Values": ["default"]}])
        # Terraform's aws_default_security_group takes every rule away.
        self.assertEqual([[], []], [default["SecurityGroups"][0][k] for k in ("IpPermissions", "IpPermissionsEgress")])
        shown = ec2.describe_network_interfaces(NetworkInterfaceIds=[got["interface"]])["NetworkInterfaces"][0]
        self.assertEqual(("10.20.0.10", ["database"]), (shown["PrivateIpAddress"], [g["GroupName"] for g in shown["Groups"]]))

    def test_30_change_and_import(self):
        """A foreign rule is taken away, the wanted one made; what the state forgot it learns again."""
        got, ec2 = self.outputs(), harness.client("ec2")
        group = got["balancer"]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 23, "ToPort": 23, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
        self.terraform("state", "rm", "aws_vpc.site")
        pathlib.Path(self.folder, "imports.tf").write_text(f'import {{\n  to = aws_vpc.site\n  id = "{got["vpc"]}"\n}}\n')
        self.apply(r"Resources: 1 imported, 0 added, 2 changed, 0 destroyed\.", web_port="8443")
        shown = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
        self.assertEqual({8443, 22, 8}, {p.get("FromPort") for p in shown["IpPermissions"]})
        self.same(web_port="8443")

    def test_90_destroy(self):
        self.assertIn("Destroy complete!", self.terraform("destroy", "-input=false", "-auto-approve", web_port="8443"))
        ec2 = harness.client("ec2")
        self.assertEqual([True], [v["IsDefault"] for v in ec2.describe_vpcs()["Vpcs"]])
        self.assertEqual([], ec2.describe_network_interfaces()["NetworkInterfaces"] + ec2.describe_managed_prefix_lists()["PrefixLists"])
        self.assertEqual([], ec2.describe_tags()["Tags"])


if __name__ == "__main__":
    harness.serve()
    harness.main()
