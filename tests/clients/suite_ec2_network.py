#!/usr/bin/env python3
"""VPCs, subnets, gateways, interfaces and prefix lists through boto3."""
import concurrent.futures
import datetime
import ipaddress
import unittest

import harness
from botocore.exceptions import ClientError
from ec2_case import Ec2Case


class Network(Ec2Case):
    def vpc(self, cidr="10.0.0.0/16", **more):
        made = self.ec2.create_vpc(CidrBlock=cidr, **more)["Vpc"]["VpcId"]
        self.addCleanup(self.gone, self.ec2.delete_vpc, VpcId=made)
        return made

    def subnet(self, vpc, cidr="10.0.0.0/24", **more):
        made = self.ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, **more)["Subnet"]["SubnetId"]
        self.addCleanup(self.gone, self.ec2.delete_subnet, SubnetId=made)
        return made

    def interface(self, subnet, **more):
        made = self.ec2.create_network_interface(SubnetId=subnet, **more)["NetworkInterface"]
        self.addCleanup(self.gone, self.ec2.delete_network_interface, NetworkInterfaceId=made["NetworkInterfaceId"])
        return made


class Vpcs(Network):
    def test_the_default_network_is_there_from_the_start(self):
        vpc = self.default_vpc()
        inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
        subnets = [s for s in self.ec2.describe_subnets(Filters=inside)["Subnets"] if s["DefaultForAz"]]
        zones = self.ec2.describe_availability_zones()["AvailabilityZones"]
        self.assertEqual({z["ZoneName"] for z in zones}, {s["AvailabilityZone"] for s in subnets})
        self.assertGreaterEqual(len(subnets), 3)
        self.assertEqual({("us-east-1-zg-1", "US East (N. Virginia) 1", "United States of America")},
                         {(z["GroupName"], z["GroupLongName"], z["Geography"][0]["Name"]) for z in zones})
        self.assertEqual(zones, self.ec2.describe_availability_zones(Filters=[{"Name": "group-long-name", "Values": ["US East (N. Virginia) 1"]}])["AvailabilityZones"])
        self.assertEqual(len(subnets), len({s["CidrBlock"] for s in subnets}))
        gateway = self.ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}])["InternetGateways"][0]
        self.assertEqual([{"State": "available", "VpcId": vpc["VpcId"]}], gateway["Attachments"])
        table = self.ec2.describe_route_tables(Filters=inside + [{"Name": "association.main", "Values": ["true"]}])["RouteTables"][0]
        self.assertEqual({("172.31.0.0/16", "local"), ("0.0.0.0/0", gateway["InternetGatewayId"])},
                         {(r["DestinationCidrBlock"], r["GatewayId"]) for r in table["Routes"]})
        acl = self.ec2.describe_network_acls(Filters=inside + [{"Name": "default", "Values": ["true"]}])["NetworkAcls"][0]
        self.assertEqual({(True, 100, "allow"), (True, 32767, "deny"), (False, 100, "allow"), (False, 32767, "deny")},
                         {(e["Egress"], e["RuleNumber"], e["RuleAction"]) for e in acl["Entries"]})
        self.assertLessEqual({s["SubnetId"] for s in subnets}, {a["SubnetId"] for a in acl["Associations"]})
        options = self.ec2.describe_dhcp_options(DhcpOptionsIds=[vpc["DhcpOptionsId"]])["DhcpOptions"][0]
        self.assertEqual({"domain-name": "ec2.internal", "domain-name-servers": "AmazonProvidedDNS"},
                         {c["Key"]: c["Values"][0]["Value"] for c in options["DhcpConfigurations"]})
        self.assertEqual([True, True], [self.ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute=a)[a[0].upper() + a[1:]]["Value"]
                                        for a in ("enableDnsSupport", "enableDnsHostnames")])

    def test_refusals(self):
        bad = "InvalidParameterValue"
        for cidr in ("10.0.0.0", "10.0.0.0/33", "x", "::/16"):
            self.refused(bad, f"Value ({cidr}) for parameter cidrBlock is invalid. This is not a valid CIDR block.", self.ec2.create_vpc, CidrBlock=cidr)
        for cidr in ("10.0.0.0/15", "10.0.0.0/29"):
            self.refused("InvalidVpc.Range", f"The CIDR '{cidr}' is invalid.", self.ec2.create_vpc, CidrBlock=cidr)
        self.refused("MissingParameter", None, self.ec2.create_vpc)
        self.refused("UnsupportedOperation", None, self.ec2.create_vpc, CidrBlock="10.0.0.0/16", Ipv6CidrBlock="2001:db8::/56", Ipv6Pool="p")
        self.refused("InvalidIpamPoolId.NotFound", None, self.ec2.create_vpc, Ipv4IpamPoolId="ipam-pool-1", Ipv4NetmaskLength=20)
        self.refused("DefaultVpcAlreadyExists", None, self.ec2.create_default_vpc)
        # An id that is none is not there.
        for call, given in ((self.ec2.describe_vpcs, {"VpcIds": ["10.0.0.0/16"]}), (self.ec2.delete_vpc, {"VpcId": "10.0.0.0/16"}),
                            (self.ec2.create_subnet, {"VpcId": "10.0.0.0/16", "CidrBlock": "10.0.0.0/24"})):
            self.refused("InvalidVpcID.NotFound", "The vpc ID '10.0.0.0/16' does not exist", call, **given)
        self.refused("InvalidSubnetID.NotFound", "The subnet ID 'subnet-1,subnet-2' does not exist", self.ec2.describe_subnets, SubnetIds=["subnet-1,subnet-2"])
        self.refused("InvalidVpcID.NotFound", None, self.ec2.delete_vpc, VpcId="vpc-0123456789abcdef0")
        self.refused("MissingParameter", None, self.ec2.modify_vpc_attribute, VpcId=self.default_vpc()["VpcId"])

    def test_what_is_made_is_pending_at_first(self):
        made = self.ec2.create_vpc(CidrBlock="10.9.0.0/16", DryRun=False)["Vpc"]
        self.addCleanup(self.ec2.delete_vpc, VpcId=made["VpcId"])
        self.assertEqual("pending", made["State"])
        self.assertEqual("available", self.ec2.describe_vpcs(VpcIds=[made["VpcId"]])["Vpcs"][0]["State"])
        subnet = self.subnet(made["VpcId"], "10.9.0.0/24")
        eni = self.interface(subnet)
        self.assertEqual("pending", eni["Status"])
        self.assertEqual("available", self.ec2.describe_network_interfaces(NetworkInterfaceIds=[eni["NetworkInterfaceId"]])["NetworkInterfaces"][0]["Status"])

    def test_what_is_named_has_no_pages(self):
        named = "The parameter %s cannot be used with the parameter MaxResults"
        self.refused("InvalidParameterCombination", named % "VpcIds", self.ec2.describe_vpcs, VpcIds=[self.default_vpc()["VpcId"]], MaxResults=5)
        self.refused("InvalidParameterCombination", named % "NetworkInterfaceIds", self.ec2.describe_network_interfaces,
                     NetworkInterfaceIds=["eni-0123456789abcdef0"], MaxResults=5)

    def test_life_of_a_vpc(self):
        vpc = self.vpc("100.68.0.18/18", TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "mine"}]}])
        shown = self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]
        self.assertEqual(("100.68.0.0/18", False, "default", "available", [{"Key": "Name", "Value": "mine"}]),
                         (shown["CidrBlock"], shown["IsDefault"], shown["InstanceTenancy"], shown["State"], shown["Tags"]))
        inside = [{"Name": "vpc-id", "Values": [vpc]}]
        group = self.ec2.describe_security_groups(Filters=inside)["SecurityGroups"]
        self.assertEqual(["default"], [g["GroupName"] for g in group])
        self.assertEqual([["100.68.0.0/18"]], [[r["DestinationCidrBlock"] for r in t["Routes"]]
                                               for t in self.ec2.describe_route_tables(Filters=inside)["RouteTables"]])
        self.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        self.assertTrue(self.ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"])
        in_use = f"The vpc '{vpc}' has dependencies and cannot be deleted."
        subnet = self.subnet(vpc, "100.68.1.0/24")
        self.refused("DependencyViolation", in_use, self.ec2.delete_vpc, VpcId=vpc)
        self.ec2.delete_subnet(SubnetId=subnet)
        other = self.group(VpcId=vpc)
        self.refused("DependencyViolation", in_use, self.ec2.delete_vpc, VpcId=vpc)
        self.ec2.delete_security_group(GroupId=other)
        self.ec2.delete_vpc(VpcId=vpc)
        self.refused("InvalidGroup.NotFound", None, self.ec2.describe_security_groups, GroupIds=[group[0]["GroupId"]])
        self.assertEqual([], self.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [vpc]}])["Tags"])

    def test_quota(self):
        made = []
        while len(self.ec2.describe_vpcs()["Vpcs"]) < 5:
            made.append(self.vpc("10.%d.0.0/16" % len(made)))
        self.refused("VpcLimitExceeded", "The maximum number of VPCs has been reached.", self.ec2.create_vpc, CidrBlock="10.99.0.0/16")

    def test_subnets(self):
        vpc = self.vpc()
        bad = "InvalidParameterValue"
        make = self.ec2.create_subnet
        self.refused(bad, "Value (x) for parameter cidrBlock is invalid. This is not a valid CIDR block.", make, VpcId=vpc, CidrBlock="x")
        for cidr in ("10.1.0.0/24", "10.0.0.0/15", "10.0.0.0/29"):
            self.refused("InvalidSubnet.Range", f"The CIDR '{cidr}' is invalid.", make, VpcId=vpc, CidrBlock=cidr)
        self.refused(bad, "Value (us-east-1z) for parameter availabilityZone is invalid. Subnets can currently only be created in the following "
                     "availability zones: us-east-1a, us-east-1b, us-east-1c, us-east-1d, us-east-1e, us-east-1f.", make, VpcId=vpc,
                     CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1z")
        subnet = self.subnet(vpc, "10.0.0.9/24", AvailabilityZone="us-east-1b")
        self.refused("InvalidSubnet.Conflict", "The CIDR '10.0.0.128/25' conflicts with another subnet", make, VpcId=vpc, CidrBlock="10.0.0.128/25")
        shown = self.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]
        self.assertEqual(("10.0.0.0/24", "us-east-1b", "use1-az2", 251, False, False, self.arn("subnet/" + subnet)),
                         (shown["CidrBlock"], shown["AvailabilityZone"], shown["AvailabilityZoneId"], shown["AvailableIpAddressCount"],
                          shown["MapPublicIpOnLaunch"], shown["DefaultForAz"], shown["SubnetArn"]))
        self.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        self.assertTrue(self.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["MapPublicIpOnLaunch"])
        self.refused(bad, None, self.ec2.modify_subnet_attribute, SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True})
        self.refused("InvalidParameterCombination", None, self.ec2.modify_subnet_attribute, SubnetId=subnet, EnableDns64={"Value": True},
                     MapPublicIpOnLaunch={"Value": True})

    def test_gateways(self):
        vpc = self.vpc()
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.addCleanup(self.gone, self.ec2.delete_internet_gateway, InternetGatewayId=gateway)
        both = {"InternetGatewayId": gateway, "VpcId": vpc}
        self.refused("Gateway.NotAttached", f"resource {gateway} is not attached to network {vpc}", self.ec2.detach_internet_gateway, **both)
        self.refused("InvalidParameterValue", None, self.ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId=self.default_vpc()["VpcId"])
        self.refused("InvalidVpcId.Malformed", 'Invalid id: "x" (expecting "vpc-...")', self.ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId="x")
        self.ec2.attach_internet_gateway(**both)
        self.refused("Resource.AlreadyAssociated", f"resource {gateway} is already attached to network {vpc}", self.ec2.attach_internet_gateway, **both)
        self.refused("DependencyViolation", None, self.ec2.delete_internet_gateway, InternetGatewayId=gateway)
        self.refused("DependencyViolation", None, self.ec2.delete_vpc, VpcId=vpc)
        self.ec2.detach_internet_gateway(**both)
        self.ec2.delete_internet_gateway(InternetGatewayId=gateway)
        self.refused("InvalidInternetGatewayID.NotFound", f"The internetGateway ID '{gateway}' does not exist",
                     self.ec2.describe_internet_gateways, InternetGatewayIds=[gateway])

    def test_account_attributes(self):
        shown = {a["AttributeName"]: a["AttributeValues"][0]["AttributeValue"] for a in self.ec2.describe_account_attributes()["AccountAttributes"]}
        self.assertEqual(("VPC", self.default_vpc()["VpcId"]), (shown["supported-platforms"], shown["default-vpc"]))


class Interfaces(Network):
    def test_refusals(self):
        subnet = self.subnet(self.vpc(), "10.0.0.0/28")
        make, bad = self.ec2.create_network_interface, "InvalidParameterValue"
        self.refused("InvalidSubnetID.NotFound", "The subnet ID 'subnet-0123456789abcdef0' does not exist", make, SubnetId="subnet-0123456789abcdef0")
        for address in ("10.0.0.3", "10.0.0.15", "10.0.0.16", "10.0.1.4", "::1", "x"):
            self.refused(bad, "Address does not fall within the subnet's address range", make, SubnetId=subnet, PrivateIpAddress=address)
        self.interface(subnet, PrivateIpAddress="10.0.0.5")
        self.refused("InvalidIPAddress.InUse", "Address 10.0.0.5 is in use.", make, SubnetId=subnet, PrivateIpAddress="10.0.0.5")
        self.refused("InvalidGroup.NotFound", None, make, SubnetId=subnet, Groups=["sg-0123456789abcdef0"])
        foreign = self.group()
        self.refused("InvalidParameter", f"Security group {foreign} and subnet {subnet} belong to different networks.", make, SubnetId=subnet, Groups=[foreign])
        self.refused("SecurityGroupsPerInterfaceLimitExceeded", None, make, SubnetId=subnet, Groups=[foreign] * 6)
        self.refused("PrivateIpAddressLimitExceeded", None, make, SubnetId=subnet, SecondaryPrivateIpAddressCount=50)
        self.refused("InsufficientFreeAddressesInSubnet", None, make, SubnetId=subnet, SecondaryPrivateIpAddressCount=10)
        self.interface(subnet, SecondaryPrivateIpAddressCount=9)
        self.refused("InsufficientFreeAddressesInSubnet", None, make, SubnetId=subnet)
        self.assertEqual(0, self.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"])
        self.refused("UnsupportedOperation", None, make, SubnetId=subnet, InterfaceType="efa")
        self.refused("InvalidNetworkInterfaceID.NotFound", None, self.ec2.delete_network_interface, NetworkInterfaceId="eni-0123456789abcdef0")
        self.refused("InvalidAttachmentID.NotFound", None, self.ec2.detach_network_interface, AttachmentId="eni-attach-1")

    def test_life_of_an_interface(self):
        vpc = self.vpc()
        subnet = self.subnet(vpc)
        first, second = self.group(VpcId=vpc), self.group(VpcId=vpc)
        made = self.interface(subnet, Description="mine", Groups=[first], PrivateIpAddresses=[
            {"PrivateIpAddress": "10.0.0.9", "Primary": True}, {"PrivateIpAddress": "10.0.0.4"}],
            TagSpecifications=[{"ResourceType": "network-interface", "Tags": [{"Key": "a", "Value": "b"}]}])
        eni = made["NetworkInterfaceId"]
        shown = self.ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"][0]
        self.assertEqual(("mine", "interface", "available", "10.0.0.9", ["10.0.0.9", "10.0.0.4"], [first], False, True, "ip-10-0-0-9.ec2.internal"),
                         (shown["Description"], shown["InterfaceType"], shown["Status"], shown["PrivateIpAddress"],
                          [a["PrivateIpAddress"] for a in shown["PrivateIpAddresses"]], [g["GroupId"] for g in shown["Groups"]],
                          shown["RequesterManaged"], shown["SourceDestCheck"], shown["PrivateDnsName"]))
        self.assertEqual([{"Key": "a", "Value": "b"}], shown["TagSet"])
        self.refused("DependencyViolation", f"resource {first} has a dependent object", self.ec2.delete_security_group, GroupId=first)
        self.refused("DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted.", self.ec2.delete_subnet, SubnetId=subnet)
        self.ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, Groups=[second])
        self.ec2.delete_security_group(GroupId=first)
        self.refused("DependencyViolation", None, self.ec2.delete_security_group, GroupId=second)
        self.ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, SourceDestCheck={"Value": False})
        get = lambda a: self.ec2.describe_network_interface_attribute(NetworkInterfaceId=eni, Attribute=a)
        self.assertFalse(get("sourceDestCheck")["SourceDestCheck"]["Value"])
        self.ec2.reset_network_interface_attribute(NetworkInterfaceId=eni)
        self.assertTrue(get("sourceDestCheck")["SourceDestCheck"]["Value"])
        self.assertEqual([second], [g["GroupId"] for g in get("groupSet")["Groups"]])
        self.assertEqual([eni], [i["NetworkInterfaceId"] for i in self.ec2.describe_network_interfaces(Filters=[
            {"Name": "group-id", "Values": [second]}, {"Name": "addresses.private-ip-address", "Values": ["10.0.0.4"]}])["NetworkInterfaces"]])
        self.assertEqual({"Managed": False}, shown["Operator"])
        found = lambda name, value: eni in {i["NetworkInterfaceId"] for i in self.ec2.describe_network_interfaces(  # noqa: E731
            Filters=[{"Name": name, "Values": [value]}])["NetworkInterfaces"]}
        self.assertEqual((True, False), (found("operator.managed", "false"), found("operator.managed", "true")))
        for name in ("addresses.association.owner-id", "association.ip-owner-id", "association.public-dns-name", "attachment.attach-time",
                     "attachment.delete-on-termination", "attachment.device-index", "operator.principal"):
            self.assertFalse(found(name, "*"), name)
        self.ec2.delete_network_interface(NetworkInterfaceId=eni)
        self.ec2.delete_security_group(GroupId=second)
        self.interface(subnet, PrivateIpAddress="10.0.0.9")

    def test_filters_of_attached_interfaces(self):
        elb, subnets = harness.client("elbv2"), [s["SubnetId"] for s in self.ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"][:2]]
        arn = elb.create_load_balancer(Name="attached", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        self.addCleanup(elb.delete_load_balancer, LoadBalancerArn=arn)
        found = lambda *filters: self.ec2.describe_network_interfaces(Filters=[  # noqa: E731
            {"Name": n, "Values": [v]} for n, v in (("description", "ELB app/attached/*"), *filters)])["NetworkInterfaces"]
        shown = found()[0]
        when = shown["Attachment"]["AttachTime"].astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.")
        for name, right, wrong in (("attachment.attach-time", when + "*", "1999*"), ("attachment.delete-on-termination", "false", "true"),
                                   ("attachment.device-index", "1", "0"), ("association.ip-owner-id", "amazon-elb", "amazon"),
                                   ("addresses.association.owner-id", "amazon-elb", "amazon"), ("association.public-dns-name", shown["PublicDnsName"], "x")):
            self.assertEqual((2, 0), (len(found((name, right))), len(found((name, wrong)))), name)

    def test_client_tokens(self):
        subnet = self.subnet(self.vpc())
        once = self.interface(subnet, ClientToken="once")["NetworkInterfaceId"]
        self.assertEqual(once, self.ec2.create_network_interface(SubnetId=subnet, ClientToken="once")["NetworkInterface"]["NetworkInterfaceId"])
        default = self.ec2.describe_network_interfaces(NetworkInterfaceIds=[once])["NetworkInterfaces"][0]
        groups = [g["GroupId"] for g in default["Groups"]]
        again = self.ec2.create_network_interface(SubnetId=subnet, ClientToken="once", Groups=groups, PrivateIpAddress=default["PrivateIpAddress"])
        self.assertEqual(once, again["NetworkInterface"]["NetworkInterfaceId"])
        other = self.ec2.create_security_group(GroupName="other", Description="d", VpcId=default["VpcId"])["GroupId"]
        self.addCleanup(self.ec2.delete_security_group, GroupId=other)
        for more in ({"Description": "x"}, {"Groups": [other]}, {"Groups": [*groups, other]}, {"PrivateIpAddress": "10.0.0.77"}):
            self.refused("IdempotentParameterMismatch", None, self.ec2.create_network_interface, SubnetId=subnet, ClientToken="once", **more)


class PrefixLists(Network):
    def list(self, *cidrs, family="IPv4", max_entries=5):
        made = self.ec2.create_managed_prefix_list(PrefixListName=self.name(), AddressFamily=family, MaxEntries=max_entries,
                                                   Entries=[{"Cidr": c} for c in cidrs])["PrefixList"]
        self.addCleanup(self.gone, self.ec2.delete_managed_prefix_list, PrefixListId=made["PrefixListId"])
        return made

    def cidrs(self, made, **more):
        return [e["Cidr"] for e in self.ec2.get_managed_prefix_list_entries(PrefixListId=made["PrefixListId"], **more)["Entries"]]

    def test_refusals(self):
        bad = "InvalidParameterValue"
        make = lambda **more: dict({"PrefixListName": "x", "AddressFamily": "IPv4", "MaxEntries": 2}, **more)
        for wrong in ({"AddressFamily": "IPv5"}, {"MaxEntries": 0}, {"PrefixListName": "com.amazonaws.x"}, {"Entries": [{"Cidr": "10.0.0.0"}]},
                      {"Entries": [{"Cidr": "::/0"}]}, {"Entries": [{"Cidr": "10.0.0.0/8"}, {"Cidr": "10.1.1.1/8"}]}):
            self.refused(bad, None, self.ec2.create_managed_prefix_list, **make(**wrong))
        self.refused("PrefixListMaxEntriesExceeded", None, self.ec2.create_managed_prefix_list, **make(MaxEntries=1001))
        self.refused("PrefixListMaxEntriesExceeded", None, self.ec2.create_managed_prefix_list,
                     **make(Entries=[{"Cidr": f"10.{i}.0.0/16"} for i in range(3)]))
        made = self.list("10.0.0.0/8")
        change = lambda **more: dict({"PrefixListId": made["PrefixListId"]}, **more)
        self.refused("PrefixListVersionMismatch", "The prefix list has the incorrect version number", self.ec2.modify_managed_prefix_list,
                     **change(CurrentVersion=2, AddEntries=[{"Cidr": "11.0.0.0/8"}]))
        self.refused("MissingParameter", None, self.ec2.modify_managed_prefix_list, **change(AddEntries=[{"Cidr": "11.0.0.0/8"}]))
        self.refused(bad, None, self.ec2.modify_managed_prefix_list, **change(CurrentVersion=1, RemoveEntries=[{"Cidr": "11.0.0.0/8"}]))
        self.refused(bad, None, self.ec2.modify_managed_prefix_list, **change(MaxEntries=0))
        self.assertEqual([], self.ec2.describe_prefix_lists()["PrefixLists"])

    def test_versions(self):
        made = self.list("10.0.0.0/8", "192.0.2.9/24")
        self.assertEqual((1, "create-in-progress", 5), (made["Version"], made["State"], made["MaxEntries"]))
        self.assertEqual("create-complete", self.ec2.describe_managed_prefix_lists(PrefixListIds=[made["PrefixListId"]])["PrefixLists"][0]["State"])
        self.assertEqual(["10.0.0.0/8", "192.0.2.0/24"], self.cidrs(made))
        doing = self.ec2.modify_managed_prefix_list(PrefixListId=made["PrefixListId"], CurrentVersion=1, AddEntries=[
            {"Cidr": "11.0.0.0/8", "Description": "d"}], RemoveEntries=[{"Cidr": "10.0.0.0/8"}])["PrefixList"]
        self.assertEqual((1, "modify-in-progress"), (doing["Version"], doing["State"]))
        self.assertEqual(["192.0.2.0/24", "11.0.0.0/8"], self.cidrs(made))
        self.assertEqual(["10.0.0.0/8", "192.0.2.0/24"], self.cidrs(made, TargetVersion=1))
        shown = self.ec2.describe_managed_prefix_lists(PrefixListIds=[made["PrefixListId"]])["PrefixLists"][0]
        self.assertEqual((2, "modify-complete"), (shown["Version"], shown["State"]))

    def test_a_list_in_rules(self):
        made, group = self.list("10.0.0.0/8", max_entries=50), self.group()
        rule = {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": made["PrefixListId"]}]}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        self.refused("DependencyViolation", None, self.ec2.delete_managed_prefix_list, PrefixListId=made["PrefixListId"])
        # It counts as all that it may become.
        more = [{"IpProtocol": "tcp", "FromPort": p, "ToPort": p, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]} for p in range(1, 12)]
        self.refused("RulesPerSecurityGroupLimitExceeded", None, self.ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=more)
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=more[:-1])
        self.refused("RulesPerSecurityGroupLimitExceeded", None, self.ec2.modify_managed_prefix_list, PrefixListId=made["PrefixListId"], MaxEntries=51)
        self.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])
        self.assertEqual("delete-in-progress", self.ec2.delete_managed_prefix_list(PrefixListId=made["PrefixListId"])["PrefixList"]["State"])


class Ipv6(Network):
    def test_refusals(self):
        plain, make = self.vpc("10.40.0.0/16"), self.ec2.create_subnet
        vpc = self.vpc("10.41.0.0/16", AmazonProvidedIpv6CidrBlock=True)
        block = ipaddress.ip_network(self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])
        first = next(block.subnets(new_prefix=64))
        wrong = lambda cidr, code, message, at=vpc: self.refused(code, message, make, VpcId=at, CidrBlock=at == vpc and "10.41.0.0/24" or "10.40.0.0/24", Ipv6CidrBlock=cidr)
        wrong(str(first), "InvalidSubnet.Range", f"The CIDR '{first}' is invalid.", plain)
        wrong("2001:db8::/64", "InvalidSubnet.Range", "The CIDR '2001:db8::/64' is invalid.")
        for bits in (52, 62, 68):
            wrong(f"{block.network_address}/{bits}", "InvalidSubnet.Range", None)
        wrong("x", "InvalidParameterValue", "Value (x) for parameter ipv6CidrBlock is invalid. This is not a valid CIDR block.")
        subnet = self.subnet(vpc, "10.41.1.0/24", Ipv6CidrBlock=str(first))
        wrong(f"{block.network_address}/60", "InvalidSubnet.Conflict", f"The CIDR '{block.network_address}/60' conflicts with another subnet")
        four = self.subnet(vpc, "10.41.2.0/24")
        eni, bad = self.ec2.create_network_interface, "InvalidParameterValue"
        self.refused(bad, f"The subnet '{four}' has no IPv6 CIDR block to take addresses from.", eni, SubnetId=four, Ipv6AddressCount=1)
        self.refused(bad, None, self.ec2.modify_subnet_attribute, SubnetId=four, AssignIpv6AddressOnCreation={"Value": True})
        # The first four and the last are AWS's.
        for n in (0, 3, 2 ** 64 - 1):
            self.refused(bad, "Address does not fall within the subnet's address range", eni, SubnetId=subnet, Ipv6Addresses=[{"Ipv6Address": str(first[n])}])
        self.refused(bad, None, eni, SubnetId=subnet, Ipv6Addresses=[{"Ipv6Address": "2001:db8::9"}])
        self.refused("InvalidParameterCombination", None, eni, SubnetId=subnet, Ipv6AddressCount=1, Ipv6Addresses=[{"Ipv6Address": str(first[9])}])
        self.refused("PrivateIpAddressLimitExceeded", None, eni, SubnetId=subnet, Ipv6AddressCount=51)
        self.interface(subnet, Ipv6Addresses=[{"Ipv6Address": str(first[4])}])
        self.refused("InvalidIPAddress.InUse", f"Address {first[4]} is in use.", eni, SubnetId=subnet, Ipv6Addresses=[{"Ipv6Address": str(first[4])}])

    def test_networks_and_addresses(self):
        made = self.ec2.create_vpc(CidrBlock="10.42.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        vpc, at_first = made["VpcId"], made["Ipv6CidrBlockAssociationSet"][0]
        self.addCleanup(self.gone, self.ec2.delete_vpc, VpcId=vpc)
        self.assertEqual(({"State": "associating"}, "Amazon", "us-east-1"), (at_first["Ipv6CidrBlockState"], at_first["Ipv6Pool"], at_first["NetworkBorderGroup"]))
        self.assertNotIn("::", at_first.get("Ipv6CidrBlock", ""))
        shown = self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]
        self.assertEqual(("associated", at_first["AssociationId"]), (shown["Ipv6CidrBlockState"]["State"], shown["AssociationId"]))
        block = ipaddress.ip_network(shown["Ipv6CidrBlock"])
        self.assertEqual(56, block.prefixlen)
        one, two = list(block.subnets(new_prefix=64))[:2]
        subnet = self.subnet(vpc, "10.42.0.0/24", Ipv6CidrBlock=str(one))
        self.subnet(vpc, "10.42.1.0/24", Ipv6CidrBlock=str(two))
        found = self.ec2.describe_subnets(Filters=[{"Name": "ipv6-cidr-block-association.ipv6-cidr-block", "Values": [str(one)]}])["Subnets"][0]
        self.assertEqual((subnet, str(one), "associated", False), (found["SubnetId"], found["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"],
                         found["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlockState"]["State"], found["AssignIpv6AddressOnCreation"]))
        self.assertEqual([vpc], [v["VpcId"] for v in self.ec2.describe_vpcs(Filters=[
            {"Name": "ipv6-cidr-block-association.ipv6-cidr-block", "Values": [str(block)]}, {"Name": "ipv6-cidr-block-association.state", "Values": ["associated"]}])["Vpcs"]])
        inside = [{"Name": "vpc-id", "Values": [vpc]}]
        self.assertEqual([("10.42.0.0/16", None), (None, str(block))], [(r.get("DestinationCidrBlock"), r.get("DestinationIpv6CidrBlock"))
                         for r in self.ec2.describe_route_tables(Filters=inside)["RouteTables"][0]["Routes"]])
        entries = self.ec2.describe_network_acls(Filters=inside)["NetworkAcls"][0]["Entries"]
        self.assertEqual({(100, None), (101, "::/0"), (32767, None), (32768, "::/0")}, {(e["RuleNumber"], e.get("Ipv6CidrBlock")) for e in entries})
        three = self.interface(subnet, Ipv6AddressCount=3)
        addresses = [a["Ipv6Address"] for a in three["Ipv6Addresses"]]
        self.assertEqual((3, addresses[0]), (len(set(addresses)), three["Ipv6Address"]))
        self.assertTrue(all(ipaddress.ip_address(a) in one for a in addresses))
        self.assertEqual([], self.interface(subnet)["Ipv6Addresses"])
        self.ec2.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True})
        self.assertEqual(1, len(self.interface(subnet)["Ipv6Addresses"]))
        self.assertEqual([], self.interface(subnet, Ipv6AddressCount=0)["Ipv6Addresses"])
        certain = [{"Ipv6Address": str(one[77])}]
        eni = self.interface(subnet, Ipv6Addresses=certain)["NetworkInterfaceId"]
        self.assertEqual([eni], [i["NetworkInterfaceId"] for i in self.ec2.describe_network_interfaces(
            Filters=[{"Name": "ipv6-addresses.ipv6-address", "Values": [str(one[77])]}])["NetworkInterfaces"]])
        # What is deleted gives its addresses back.
        self.ec2.delete_network_interface(NetworkInterfaceId=eni)
        self.interface(subnet, Ipv6Addresses=certain)


class Tags(Network):
    def test_refusals(self):
        group, bad = self.group(), "InvalidParameterValue"
        tag = lambda *tags, resource=group: dict(Resources=[resource], Tags=[{"Key": k, "Value": v} for k, v in tags])
        self.refused("InvalidID", "The ID 'nonsense' is not valid", self.ec2.create_tags, **tag(("a", "b"), resource="nonsense"))
        self.refused("InvalidID", "The ID 'sg-1' is not valid", self.ec2.create_tags, **tag(("a", "b"), resource="sg-1"))
        for most, text in ((4, "greater than or equal to 5"), (1001, "less than or equal to 1000")):
            self.refused(bad, f"Value ( {most} ) for parameter maxResults is invalid. Expecting a value {text}.", self.ec2.describe_tags, MaxResults=most)
        self.ec2.describe_tags(MaxResults=5)
        self.refused("InvalidGroup.NotFound", None, self.ec2.create_tags, **tag(("a", "b"), resource="sg-0123456789abcdef0"))
        self.refused(bad, "Value ( aws:x ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use",
                     self.ec2.create_tags, **tag(("aws:x", "b")))
        self.refused(bad, None, self.ec2.create_tags, **tag(("k" * 129, "b")))
        self.refused(bad, None, self.ec2.create_tags, **tag(("k", "v" * 257)))
        self.ec2.create_tags(**tag(("k" * 128, "v" * 256)))
        self.ec2.create_tags(**tag(*[(str(i), "") for i in range(49)]))
        self.refused("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.", self.ec2.create_tags, **tag(("one more", "")))

    def test_every_kind_is_tagged(self):
        vpc = self.default_vpc()
        inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
        mark = self.name()
        ids = {
            "vpc": vpc["VpcId"], "dhcp-options": vpc["DhcpOptionsId"],
            "subnet": self.ec2.describe_subnets(Filters=inside)["Subnets"][0]["SubnetId"],
            "route-table": self.ec2.describe_route_tables(Filters=inside)["RouteTables"][0]["RouteTableId"],
            "network-acl": self.ec2.describe_network_acls(Filters=inside)["NetworkAcls"][0]["NetworkAclId"],
            "internet-gateway": self.ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"],
            "security-group": self.ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]["GroupId"],
            "security-group-rule": self.ec2.describe_security_group_rules()["SecurityGroupRules"][0]["SecurityGroupRuleId"],
        }
        self.ec2.create_tags(Resources=list(ids.values()), Tags=[{"Key": "mark", "Value": mark}, {"Key": "also", "Value": "x"}])
        shown = self.ec2.describe_tags(Filters=[{"Name": "tag:mark", "Values": [mark]}])["Tags"]
        self.assertEqual(ids, {t["ResourceType"]: t["ResourceId"] for t in shown})
        self.assertEqual([ids["subnet"]], [s["SubnetId"] for s in self.ec2.describe_subnets(Filters=[{"Name": "tag:mark", "Values": [mark]}])["Subnets"]])
        self.ec2.delete_tags(Resources=list(ids.values()), Tags=[{"Key": "mark", "Value": "another"}, {"Key": "also"}])
        self.assertEqual(len(ids), len(self.ec2.describe_tags(Filters=[{"Name": "value", "Values": [mark]}])["Tags"]))
        self.ec2.delete_tags(Resources=list(ids.values()))
        self.assertEqual([], self.ec2.describe_tags(Filters=[{"Name": "value", "Values": [mark]}])["Tags"])


class GroupsAcrossVpcs(Network):
    def test_rules_by_id(self):
        group = self.group()
        rule = self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        egress = [r for r in self.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"] if r["IsEgress"]]
        change = lambda **r: dict(GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": r}])
        base = {"IpProtocol": "udp", "FromPort": 2, "ToPort": 3, "CidrIpv4": "10.1.0.0/16", "Description": "new"}
        self.ec2.modify_security_group_rules(**change(**base))
        shown = self.ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule])["SecurityGroupRules"][0]
        self.assertEqual(("udp", 2, 3, "10.1.0.0/16", "new"), tuple(shown[k] for k in ("IpProtocol", "FromPort", "ToPort", "CidrIpv4", "Description")))
        self.refused("InvalidParameterValue", None, self.ec2.modify_security_group_rules, **change(IpProtocol="-1", ReferencedGroupId=group))
        self.refused("InvalidParameterCombination", None, self.ec2.modify_security_group_rules, **change(IpProtocol="-1"))
        self.refused("InvalidParameterCombination", None, self.ec2.modify_security_group_rules, **change(**base, CidrIpv6="::/0"))
        self.refused("InvalidSecurityGroupRuleId.NotFound", None, self.ec2.modify_security_group_rules, GroupId=self.group(),
                     SecurityGroupRules=change(**base)["SecurityGroupRules"])
        self.ec2.update_security_group_rule_descriptions_ingress(GroupId=group, SecurityGroupRuleDescriptions=[
            {"SecurityGroupRuleId": rule, "Description": "better"}])
        self.ec2.update_security_group_rule_descriptions_egress(GroupId=group, IpPermissions=[
            {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "out"}]}])
        self.assertEqual({"better", "out"}, {r["Description"] for r in self.ec2.describe_security_group_rules(
            SecurityGroupRuleIds=[rule, egress[0]["SecurityGroupRuleId"]])["SecurityGroupRules"]})
        self.refused("InvalidSecurityGroupRuleId.NotFound", None, self.ec2.update_security_group_rule_descriptions_egress, GroupId=group,
                     SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": rule, "Description": "x"}])
        self.refused("InvalidPermission.NotFound", None, self.ec2.update_security_group_rule_descriptions_ingress, GroupId=group,
                     IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])

    def test_unknown_rules_of_other_vpcs_are_refused(self):
        group = self.group(VpcId=self.vpc())
        self.refused("InvalidPermission.NotFound", "The specified rule does not exist in this security group.",
                     self.ec2.revoke_security_group_ingress, GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])

    def test_associations(self):
        home, abroad = self.vpc(), self.vpc("10.1.0.0/16")
        group, there = self.group(VpcId=home), self.group(VpcId=abroad)
        both = {"GroupId": group, "VpcId": abroad}
        pair = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
        joined = "You have specified two resources that belong to different networks."
        self.refused("InvalidGroup.NotFound", joined, self.ec2.authorize_security_group_ingress, GroupId=there, IpPermissions=[pair])
        self.refused("SecurityGroupVpcAssociation.NotFound", None, self.ec2.disassociate_security_group_vpc, **both)
        self.refused("InvalidParameterValue", None, self.ec2.associate_security_group_vpc, GroupId=self.group(), VpcId=abroad)
        self.assertEqual("associating", self.ec2.associate_security_group_vpc(**both)["State"])
        self.refused("SecurityGroupVpcAssociation.Duplicate", None, self.ec2.associate_security_group_vpc, **both)
        self.assertIn(group, [g["GroupId"] for g in self.ec2.get_security_groups_for_vpc(VpcId=abroad)["SecurityGroupForVpcs"]])
        self.assertEqual([(abroad, "associated")], [(a["VpcId"], a["State"]) for a in self.ec2.describe_security_group_vpc_associations(
            Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupVpcAssociations"]])
        eni = self.interface(self.subnet(abroad, "10.1.0.0/24"), Groups=[group])["NetworkInterfaceId"]
        self.refused("DependencyViolation", None, self.ec2.disassociate_security_group_vpc, **both)
        self.ec2.delete_network_interface(NetworkInterfaceId=eni)
        self.ec2.authorize_security_group_ingress(GroupId=there, IpPermissions=[pair])
        self.assertEqual([abroad], [r["ReferencingVpcId"] for r in self.ec2.describe_security_group_references(GroupId=[group])["SecurityGroupReferenceSet"]])
        self.assertEqual([], self.ec2.describe_stale_security_groups(VpcId=abroad)["StaleSecurityGroupSet"])
        self.assertEqual("disassociating", self.ec2.disassociate_security_group_vpc(**both)["State"])
        stale = self.ec2.describe_stale_security_groups(VpcId=abroad)["StaleSecurityGroupSet"]
        self.assertEqual([(there, group)], [(s["GroupId"], s["StaleIpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"]) for s in stale])
        self.ec2.revoke_security_group_ingress(GroupId=there, IpPermissions=[pair])


class Together(unittest.TestCase):
    """Many at once, from the first write of a Region on: nothing is lost, nothing is given twice."""

    def test_many_at_once(self):
        server = harness.Server()
        self.addCleanup(server.stop)
        ec2 = harness.client("ec2", server)
        subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            groups = list(pool.map(lambda i: ec2.create_security_group(GroupName=f"g{i}", Description="d")["GroupId"], range(12)))
            list(pool.map(lambda port: ec2.authorize_security_group_ingress(GroupId=groups[0], IpPermissions=[
                {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]), range(1, 25)))
            addresses = list(pool.map(lambda _: ec2.create_network_interface(SubnetId=subnet, Groups=groups[:2])["NetworkInterface"]["PrivateIpAddress"], range(24)))

            def one_of(call):
                try:
                    return call()["GroupId"]
                except ClientError as error:
                    return error.response["Error"]["Code"]
            same = list(pool.map(lambda _: one_of(lambda: ec2.create_security_group(GroupName="same", Description="d")), range(12)))
        shown = ec2.describe_security_groups(GroupIds=[groups[0]])["SecurityGroups"][0]
        self.assertEqual(set(range(1, 25)), {p["FromPort"] for p in shown["IpPermissions"]})
        self.assertEqual(24, len(set(addresses)))
        self.assertEqual(11, same.count("InvalidGroup.Duplicate"), same)
        self.assertEqual(12 + 1 + 1, len(ec2.describe_security_groups()["SecurityGroups"]))
        left = next(s for s in ec2.describe_subnets()["Subnets"] if s["SubnetId"] == subnet)["AvailableIpAddressCount"]
        self.assertEqual(4091 - 24, left)


class Reset(unittest.TestCase):
    def test_default_network_comes_back(self):
        server = harness.Server()
        self.addCleanup(server.stop)
        ec2 = harness.client("ec2", server)
        before = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        for subnet in ec2.describe_subnets()["Subnets"]:
            ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        for gateway in ec2.describe_internet_gateways()["InternetGateways"]:
            ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=before)
            ec2.delete_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"])
        ec2.delete_vpc(VpcId=before)
        self.assertEqual([], ec2.describe_vpcs()["Vpcs"] + ec2.describe_security_groups()["SecurityGroups"])
        again = ec2.create_default_vpc()["Vpc"]
        self.assertTrue(again["IsDefault"] and again["VpcId"] != before)
        self.assertEqual(6, len(ec2.describe_subnets()["Subnets"]))
        server.reset()
        self.assertEqual([before], [v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"]])


if __name__ == "__main__":
    harness.serve("--quota", "ec2-internet-gateways=50")
    harness.main()
