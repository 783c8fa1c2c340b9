#!/usr/bin/env python3
"""Security groups through boto3: what is refused, what is stored, who may."""
import json

import harness
from ec2_case import Ec2Case

TCP22 = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}


def tcp(from_port, to_port=None, cidr="10.0.0.0/8", **more):
    return {"IpProtocol": "tcp", "FromPort": from_port, "ToPort": from_port if to_port is None else to_port,
            "IpRanges": [{"CidrIp": cidr}], **more}


class Creating(Ec2Case):
    def test_refusals(self):
        make = self.ec2.create_security_group
        reserved = "Cannot use reserved security group name: default"
        self.refused("InvalidParameterValue", reserved, make, GroupName="default", Description="d")
        self.refused("InvalidParameterValue", "Value (sg-x) for parameter GroupName is invalid. Group names may not be in the format sg-*.",
                     make, GroupName="sg-x", Description="d")
        self.refused("InvalidParameterValue", "Value (ü) for parameter GroupName is invalid. Character sets beyond ASCII are not supported.",
                     make, GroupName="ü", Description="d")
        self.refused("MissingParameter", None, make, GroupName="x")
        self.refused("MissingParameter", None, make, Description="x")
        permitted = "are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
        for wrong in ("x" * 256, "it's", "a<b", "a\tb"):
            self.refused("InvalidParameterValue", f"Invalid security group name. Valid names {permitted}", make, GroupName=wrong, Description="d")
            self.refused("InvalidParameterValue", f"Invalid security group description. Valid descriptions {permitted}", make, GroupName="x", Description=wrong)
        make(GroupName="y" * 255, Description="d" * 255)
        self.refused("InvalidVpcID.NotFound", "The vpc ID 'vpc-0123456789abcdef0' does not exist", make, GroupName="x", Description="d",
                     VpcId="vpc-0123456789abcdef0")
        self.refused("InvalidVpcID.NotFound", "The vpc ID 'x' does not exist", make, GroupName="x", Description="d", VpcId="x")
        vpc = self.default_vpc()["VpcId"]
        name = self.name()
        made = make(GroupName=name, Description="d")["GroupId"]
        self.refused("InvalidGroup.Duplicate", f"The security group '{name}' already exists for VPC '{vpc}'", make, GroupName=name, Description="e")
        self.refused("InvalidGroup.Duplicate", f"The security group '{name.upper()}' already exists for VPC '{vpc}'", make, GroupName=name.upper(), Description="e")
        self.ec2.delete_security_group(GroupName=name)
        self.refused("InvalidGroup.NotFound", f"The security group '{made}' does not exist", self.ec2.delete_security_group, GroupId=made)
        self.refused("InvalidParameterValue", "'vpc' is not a valid taggable resource type for this operation.", make, GroupName=name,
                     Description="d", TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}])

    def test_a_new_group_reaches_out_alone(self):
        name = self.name()
        made = self.ec2.create_security_group(GroupName=name, Description="why", TagSpecifications=[
            {"ResourceType": "security-group", "Tags": [{"Key": "team", "Value": "red"}]}])
        self.assertRegex(made["GroupId"], "^sg-[0-9a-f]{17}$")
        self.assertEqual([{"Key": "team", "Value": "red"}], made["Tags"])
        self.assertEqual(self.arn("security-group/" + made["GroupId"]), made["SecurityGroupArn"])
        shown = self.ec2.describe_security_groups(GroupIds=[made["GroupId"]])["SecurityGroups"][0]
        self.assertEqual((name, "why", self.account, self.default_vpc()["VpcId"], []),
                         (shown["GroupName"], shown["Description"], shown["OwnerId"], shown["VpcId"], shown["IpPermissions"]))
        self.assertEqual([{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [], "PrefixListIds": [],
                           "UserIdGroupPairs": []}], shown["IpPermissionsEgress"])

    def test_the_default_group(self):
        default = self.ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]
        self.assertEqual([{"UserId": self.account, "GroupId": default["GroupId"]}], default["IpPermissions"][0]["UserIdGroupPairs"])
        self.refused("CannotDelete", f'the specified group: "{default["GroupId"]}" name: "default" cannot be deleted by a user',
                     self.ec2.delete_security_group, GroupId=default["GroupId"])
        self.refused("InvalidGroup.NotFound", None, self.ec2.describe_security_groups, GroupNames=["no-such-name"])

    def test_dry_run(self):
        name = self.name()
        answer = self.refused("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", self.ec2.create_security_group,
                              GroupName=name, Description="d", DryRun=True)
        self.assertEqual(412, answer["ResponseMetadata"]["HTTPStatusCode"])
        self.assertEqual([], self.ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])["SecurityGroups"])
        nobody = self.user()
        answer = self.refused("UnauthorizedOperation", None, nobody.create_security_group, GroupName=name, Description="d", DryRun=True)
        self.assertEqual(403, answer["ResponseMetadata"]["HTTPStatusCode"])


class Rules(Ec2Case):
    def add(self, group, *permissions, **more):
        return self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=list(permissions), **more)["SecurityGroupRules"]

    def shown(self, group):
        return self.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]

    def test_refusals(self):
        group = self.group()
        def wrong(code, message, **permission):
            self.refused(code, message, self.ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[permission])
        both = "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange."
        v4 = {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
        bad = "InvalidParameterValue"
        wrong(bad, both, IpProtocol="tcp", **v4)
        wrong(bad, both, IpProtocol="udp", FromPort=1, **v4)
        wrong(bad, "TCP/UDP port (65536) out of range", IpProtocol="tcp", FromPort=1, ToPort=65536, **v4)
        wrong(bad, "TCP/UDP port (-1) out of range", IpProtocol="tcp", FromPort=-1, ToPort=-1, **v4)
        wrong(bad, "Invalid TCP/UDP port range (443:80)", IpProtocol="tcp", FromPort=443, ToPort=80, **v4)
        wrong(bad, "ICMP type (256) out of range", IpProtocol="icmp", FromPort=256, ToPort=0, **v4)
        wrong(bad, "ICMP code (-2) out of range", IpProtocol="icmp", FromPort=8, ToPort=-2, **v4)
        wrong(bad, None, IpProtocol="icmp", FromPort=-1, ToPort=0, **v4)
        wrong(bad, "Invalid value 'tpc' for IP protocol. Unknown protocol.", IpProtocol="tpc", **v4)
        wrong(bad, None, IpProtocol="256", **v4)
        for cidr in ("10.0.0.0", "10.0.0.0/33", "10.0.0.0/08", "10.0.0/8", "10.0.0.256/8", " 10.0.0.0/8", "::/0", "", "010.0.0.0/8", "10.0.0.0/8/8"):
            wrong(bad, f"CIDR block {cidr} is malformed", IpProtocol="-1", IpRanges=[{"CidrIp": cidr}])
        for cidr in ("10.0.0.0/8", "::/129", "1::2::3/64", "::", "::ffff:10.0.0.0/104", "::ffff:0:0/96", "::ffff:10.1.2.3/128"):
            wrong(bad, f"CIDR block {cidr} is malformed", IpProtocol="-1", Ipv6Ranges=[{"CidrIpv6": cidr}])
        wrong("MissingParameter", "Missing source specification: include source security group or CIDR information", IpProtocol="-1")
        wrong("MissingParameter", None, FromPort=1, ToPort=1, **v4)
        wrong("InvalidGroupId.Malformed", 'Invalid id: "x" (expecting "sg-...")', IpProtocol="-1", UserIdGroupPairs=[{"GroupId": "x"}])
        wrong("InvalidGroup.NotFound", "The security group 'sg-0123456789abcdef0' does not exist", IpProtocol="-1",
              UserIdGroupPairs=[{"GroupId": "sg-0123456789abcdef0"}])
        wrong("InvalidGroup.NotFound", None, IpProtocol="-1", UserIdGroupPairs=[{"GroupId": group, "UserId": "000000000001"}])
        wrong("InvalidPrefixListID.NotFound", None, IpProtocol="-1", PrefixListIds=[{"PrefixListId": "pl-0123456789abcdef0"}])
        wrong(bad, "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  "
              "a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*", IpProtocol="-1", IpRanges=[{"CidrIp": "0.0.0.0/0", "Description": "<b>"}])
        wrong(bad, None, IpProtocol="-1", IpRanges=[{"CidrIp": "0.0.0.0/0", "Description": "x" * 256}])
        self.refused(bad, "The same permission must not appear multiple times", self.ec2.authorize_security_group_ingress, GroupId=group,
                     IpPermissions=[TCP22, tcp(22, cidr="10.1.2.3/8")])
        self.refused("MissingParameter", None, self.ec2.authorize_security_group_ingress, GroupId=group)
        self.refused("MissingParameter", None, self.ec2.authorize_security_group_ingress, IpPermissions=[TCP22])
        self.assertEqual([], self.shown(group)["IpPermissions"])

    def test_duplicates_are_worded(self):
        group = self.group()
        for peer, text, permission in (
                ("10.0.0.0/8", "TCP, from port: 22, to port: 22", TCP22),
                ("0.0.0.0/0", "ALL", {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
                ("::/0", "UDP, from port: 53, to port: 54", {"IpProtocol": "udp", "FromPort": 53, "ToPort": 54, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}),
                ("0.0.0.0/0", "ICMP, type: ALL, code: ALL", {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
                (group, "TCP, from port: 0, to port: 65535", {"IpProtocol": "6", "FromPort": 0, "ToPort": 65535, "UserIdGroupPairs": [{"GroupId": group}]})):
            self.add(group, permission)
            self.refused("InvalidPermission.Duplicate", f'the specified rule "peer: {peer}, {text}, ALLOW" already exists',
                         self.ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[tcp(1), permission])
        # Nothing of a refused call is kept.
        self.assertNotIn(1, [p.get("FromPort") for p in self.shown(group)["IpPermissions"]])

    def test_rules_are_kept_as_aws_shows_them(self):
        group = self.group()
        rules = self.add(group, {"IpProtocol": "TCP", "FromPort": 443, "ToPort": 443, "IpRanges": [
            {"CidrIp": "100.68.0.18/18", "Description": "office"}], "Ipv6Ranges": [{"CidrIpv6": "2001:DB8:0:0::1/32"}]},
            TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "a", "Value": "b"}]}])
        self.assertEqual(["100.68.0.0/18", None], [r.get("CidrIpv4") for r in rules])
        self.assertEqual([None, "2001:db8::/32"], [r.get("CidrIpv6") for r in rules])
        first = rules[0]
        self.assertRegex(first.pop("SecurityGroupRuleId"), "^sgr-[0-9a-f]{17}$")
        first.pop("SecurityGroupRuleArn")
        self.assertEqual({"GroupId": group, "GroupOwnerId": self.account, "IsEgress": False, "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
                          "CidrIpv4": "100.68.0.0/18", "Description": "office", "Tags": [{"Key": "a", "Value": "b"}]}, first)
        self.add(group, tcp(443, cidr="10.9.0.0/16"))
        self.assertEqual([{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [], "PrefixListIds": [],
                           "IpRanges": [{"CidrIp": "100.68.0.0/18", "Description": "office"}, {"CidrIp": "10.9.0.0/16"}],
                           "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}]}], self.shown(group)["IpPermissions"])

    def test_protocols_without_ports(self):
        group = self.group()
        esp = self.add(group, {"IpProtocol": "50", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]})[0]
        self.assertEqual(("50", -1, -1), (esp["IpProtocol"], esp["FromPort"], esp["ToPort"]))
        v6 = self.add(group, {"IpProtocol": "58", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]})[0]
        self.assertEqual(("icmpv6", -1, -1), (v6["IpProtocol"], v6["FromPort"], v6["ToPort"]))
        everything = self.add(group, {"IpProtocol": "all", "FromPort": 5, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]})[0]
        self.assertEqual("-1", everything["IpProtocol"])

    def test_the_older_form(self):
        group = self.group()
        self.ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0")
        self.refused("InvalidPermission.Duplicate", None, self.ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[
            tcp(80, cidr="0.0.0.0/0")])
        self.refused("InvalidParameterCombination", None, self.ec2.authorize_security_group_ingress, GroupId=group, IpProtocol="tcp",
                     FromPort=81, ToPort=81, CidrIp="0.0.0.0/0", IpPermissions=[TCP22])
        self.ec2.revoke_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0")
        self.assertEqual([], self.shown(group)["IpPermissions"])

    def test_revoking(self):
        group = self.group()
        rule = self.add(group, TCP22, tcp(80))[0]
        self.refused("InvalidSecurityGroupRuleId.NotFound", None, self.ec2.revoke_security_group_egress, GroupId=group,
                     SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
        self.refused("InvalidSecurityGroupRuleId.Malformed", None, self.ec2.revoke_security_group_ingress, GroupId=group,
                     SecurityGroupRuleIds=["sg-1"])
        self.refused("MissingParameter", None, self.ec2.revoke_security_group_ingress, GroupId=group)
        gone = self.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
        self.assertEqual([rule["SecurityGroupRuleId"]], [r["SecurityGroupRuleId"] for r in gone["RevokedSecurityGroupRules"]])
        # In the default VPC an unknown rule is told, not refused.
        told = self.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[TCP22])
        self.assertEqual(22, told["UnknownIpPermissions"][0]["FromPort"])
        egress = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[egress])
        self.assertEqual([], self.shown(group)["IpPermissionsEgress"])
        self.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[egress])
        self.refused("InvalidPermission.Duplicate", None, self.ec2.authorize_security_group_egress, GroupId=group, IpPermissions=[egress])

    def test_a_referenced_group_stays(self):
        server, client = self.group(), self.group()
        self.add(server, {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": client, "Description": "it"}]})
        self.refused("DependencyViolation", f"resource {client} has a dependent object", self.ec2.delete_security_group, GroupId=client)
        pair = self.shown(server)["IpPermissions"][0]["UserIdGroupPairs"]
        self.assertEqual([{"UserId": self.account, "GroupId": client, "Description": "it"}], pair)
        self.ec2.revoke_security_group_ingress(GroupId=server, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": client}]}])
        self.ec2.delete_security_group(GroupId=client)
        # A group that refers to itself is no reason.
        self.add(server, {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": server}]})
        self.ec2.delete_security_group(GroupId=server)

    def test_quota(self):
        group = self.group()
        self.add(group, *[tcp(p) for p in range(1, 60)])
        self.add(group, tcp(60))
        self.refused("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.",
                     self.ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[tcp(61)])
        # Each family has its own.
        self.add(group, {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]})


class Filters(Ec2Case):
    def ids(self, *filters, **more):
        found = self.ec2.describe_security_groups(Filters=[{"Name": n, "Values": v if isinstance(v, list) else [v]} for n, v in filters], **more)
        return [g["GroupId"] for g in found["SecurityGroups"]]

    def test_filters(self):
        mark = self.name()
        a, b = (self.ec2.create_security_group(GroupName=f"{mark}-{x}", Description=f"*{x}!", TagSpecifications=[
            {"ResourceType": "security-group", "Tags": [{"Key": "mark", "Value": mark}, {"Key": "empty", "Value": ""}]}])["GroupId"] for x in "ab")
        self.ec2.authorize_security_group_ingress(GroupId=a, IpPermissions=[tcp(4444, cidr="192.0.2.0/24")])
        ours = ("tag:mark", mark)
        self.assertEqual({a, b}, set(self.ids(ours)))
        self.assertEqual([a], self.ids(ours, ("group-name", "*-a")))
        self.assertEqual([b], self.ids(ours, ("group-name", f"{mark}-?"), ("description", r"\*b!")))
        self.assertEqual([], self.ids(ours, ("description", r"\?b!")))
        self.assertEqual({a, b}, set(self.ids(ours, ("group-name", [f"{mark}-a", f"{mark}-b"]))))
        self.assertEqual([], self.ids(ours, ("group-name", f"{mark}-A")))
        self.assertEqual([a], self.ids(("ip-permission.cidr", "192.0.2.*"), ("ip-permission.from-port", "4444"), ours))
        self.assertEqual([], self.ids(("egress.ip-permission.cidr", "192.0.2.*"), ours))
        self.assertEqual({a, b}, set(self.ids(ours, ("tag-key", "emp*"), ("tag:empty", ""))))
        self.refused("InvalidParameterValue", "The filter 'nonsense' is invalid", self.ec2.describe_security_groups,
                     Filters=[{"Name": "nonsense", "Values": ["x"]}])
        self.refused("FilterLimitExceeded", None, self.ec2.describe_security_groups,
                     Filters=[{"Name": "group-name", "Values": [str(i) for i in range(201)]}])
        self.refused("InvalidGroup.NotFound", None, self.ec2.describe_security_groups, GroupIds=[a, "sg-0123456789abcdef0"])

    def test_filters_of_rules(self):
        group, ask = self.group(), self.ec2.describe_security_group_rules
        for value, n in ((group, 1), (group[:-1] + "?", None), ("*" + group[3:], 1), ("sg-0123456789abcdef0", 0)):
            found = {r["GroupId"] for r in ask(Filters=[{"Name": "group-id", "Values": [value]}])["SecurityGroupRules"]}
            self.assertEqual({group} if n else set() if n == 0 else found | {group}, found, value)
        for value in ("", "foo", "vpc-0123456789abcdef0"):
            self.refused("InvalidGroupId.Malformed", f"The security group ID '{value}' is malformed", ask,
                         Filters=[{"Name": "group-id", "Values": [group, value]}])

    def test_pages(self):
        mark = self.name()
        made = {self.ec2.create_security_group(GroupName=f"{mark}-{i}", Description="d")["GroupId"] for i in range(12)}
        mine = [{"Name": "group-name", "Values": [mark + "-*"]}]
        seen, token, sizes = [], None, []
        while True:
            page = self.ec2.describe_security_groups(Filters=mine, MaxResults=5, **({"NextToken": token} if token else {}))
            seen += [g["GroupId"] for g in page["SecurityGroups"]]
            sizes.append(len(page["SecurityGroups"]))
            token = page.get("NextToken")
            if not token:
                break
        self.assertEqual(([5, 5, 2], made, 12), (sizes, set(seen), len(seen)))
        for token in ("!", "foo", "Zm9v", "YWZ0ZXIg"):
            self.refused("InvalidNextToken", None, self.ec2.describe_security_groups, NextToken=token, MaxResults=5)
        self.refused("InvalidParameterValue", None, self.ec2.describe_security_groups, MaxResults=4)
        self.refused("InvalidParameterValue", None, self.ec2.describe_security_groups, MaxResults=1001)


def nobody_arn(text):
    return text.split("User: ", 1)[1].split(" ", 1)[0]


class Permissions(Ec2Case):
    def test_denial(self):
        group = self.group()
        nobody = self.user()
        answer = self.refused("UnauthorizedOperation", None, nobody.authorize_security_group_ingress, GroupId=group, IpPermissions=[TCP22])
        said, _, sealed = answer["Error"]["Message"].partition(" Encoded authorization failure message: ")
        user = nobody_arn(answer["Error"]["Message"])
        self.assertEqual(f"You are not authorized to perform this operation. User: {user} is not authorized to perform: "
                         f"ec2:AuthorizeSecurityGroupIngress on resource: {self.arn('security-group/' + group)} because no identity-based policy "
                         "allows the ec2:AuthorizeSecurityGroupIngress action.", said)
        opened = json.loads(harness.client("sts").decode_authorization_message(EncodedMessage=sealed)["DecodedMessage"])
        self.assertEqual("ec2:AuthorizeSecurityGroupIngress", opened["context"]["action"])
        # What is about no resource says none, and its reasons are in the header alone.
        self.refused("UnauthorizedOperation", f"You are not authorized to perform this operation. User: {user} is not authorized to perform: "
                     "ec2:DescribeSecurityGroups because no identity-based policy allows the ec2:DescribeSecurityGroups action", nobody.describe_security_groups)

    def test_a_tag_opens_one_group_alone(self):
        red, blue = self.group(), self.group()
        for group, team in ((red, "red"), (blue, "blue")):
            self.ec2.create_tags(Resources=[group], Tags=[{"Key": "team", "Value": team}])
        for key in ("aws:ResourceTag/team", "ec2:ResourceTag/team"):
            user = self.user({"Effect": "Allow", "Action": "ec2:*SecurityGroup*", "Resource": self.arn("security-group/*"),
                              "Condition": {"StringEquals": {key: "red"}}})
            user.authorize_security_group_ingress(GroupId=red, IpPermissions=[TCP22])
            user.revoke_security_group_ingress(GroupId=red, IpPermissions=[TCP22])
            self.refused("UnauthorizedOperation", None, user.authorize_security_group_ingress, GroupId=blue, IpPermissions=[TCP22])
            self.refused("UnauthorizedOperation", None, user.create_security_group, GroupName="x", Description="d")

    def test_vpc_and_region_keys(self):
        group, vpc = self.group(), self.default_vpc()["VpcId"]
        for condition, allowed in (({"ArnEquals": {"ec2:Vpc": self.arn("vpc/" + vpc)}}, True), ({"ArnEquals": {"ec2:Vpc": self.arn("vpc/vpc-1")}}, False),
                                   ({"StringEquals": {"ec2:Region": "us-east-1"}}, True), ({"StringEquals": {"ec2:Region": "eu-west-1"}}, False)):
            user = self.user({"Effect": "Allow", "Action": "ec2:DeleteSecurityGroup", "Resource": "*", "Condition": condition})
            self.refused("DryRunOperation" if allowed else "UnauthorizedOperation", None, user.delete_security_group, GroupId=group, DryRun=True)

    def test_tagging_at_birth_needs_leave(self):
        tagged = {"GroupName": self.name(), "Description": "d",
                  "TagSpecifications": [{"ResourceType": "security-group", "Tags": [{"Key": "team", "Value": "red"}]}]}
        make = {"Effect": "Allow", "Action": "ec2:CreateSecurityGroup", "Resource": "*"}
        tag = {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": self.arn("security-group/*"),
               "Condition": {"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup", "aws:RequestTag/team": "red"}}}
        answer = self.refused("UnauthorizedOperation", None, self.user(make).create_security_group, DryRun=True, **tagged)
        self.assertIn("ec2:CreateTags", answer["Error"]["Message"])
        both = self.user(make, tag)
        self.refused("DryRunOperation", None, both.create_security_group, DryRun=True, **tagged)
        # The same leave does not tag what is there already, nor otherwise.
        self.refused("UnauthorizedOperation", None, both.create_tags, Resources=[self.group()], Tags=[{"Key": "team", "Value": "red"}])
        tagged["TagSpecifications"][0]["Tags"][0]["Value"] = "blue"
        self.refused("UnauthorizedOperation", None, both.create_security_group, DryRun=True, **tagged)
        # A second specification cannot bring in what the decision did not see.
        twice = [{"ResourceType": "security-group", "Tags": [{"Key": "team", "Value": v}]} for v in ("red", "blue")]
        self.refused("InvalidParameterValue", None, both.create_security_group, **{**tagged, "TagSpecifications": twice})
        # The VPC has no say over request tags: it must be allowed by itself.
        only_tagged = self.user({"Effect": "Allow", "Action": "ec2:*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestTag/team": "blue"}}})
        self.refused("UnauthorizedOperation", None, only_tagged.create_security_group, DryRun=True, **tagged)


if __name__ == "__main__":
    harness.serve()
    harness.main()
