#!/usr/bin/env python3
"""Load balancers and listeners through boto3: networks, addresses, states, attributes, what is refused."""
import ipaddress
import concurrent.futures
import socket
import time
import unittest

import harness
from cryptography.hazmat.primitives.asymmetric import ec
from botocore.exceptions import ClientError
from elbv2_case import Elbv2Case, allow
from suite_acm import PEM, certificate, private


class LoadBalancers(Elbv2Case):
    def test_refusals_of_creation(self):
        make = self.elb.create_load_balancer
        two = self.subnets[:2]
        good = {"Name": self.name("lb"), "Subnets": two}
        few = "At least two subnets in two different Availability Zones must be specified"
        cases = (
            ({"Name": "a" * 33}, "ValidationError", f"The load balancer name '{'a' * 33}' cannot be longer than '32' characters"),
            ({"Name": "a.b"}, "ValidationError", "The load balancer name 'a.b' can only contain characters that are alphanumeric characters and hyphens(-)"),
            ({"Name": "a-"}, "ValidationError", None),
            ({"Name": "internal-x"}, "ValidationError", "The load balancer name 'internal-x' cannot begin with 'internal-'"),
            ({"Subnets": None}, "ValidationError", few), ({"Subnets": two[:1]}, "ValidationError", few),
            ({"Subnets": None, "Type": "network"}, "ValidationError", "At least one subnet must be specified"),
            ({"SubnetMappings": [{"SubnetId": two[0]}]}, "ValidationError", "You can specify either subnets or subnet mappings, not both"),
            ({"Subnets": [two[0], two[0]]}, "InvalidConfigurationRequest",
             "A load balancer cannot be attached to multiple subnets in the same Availability Zone"),
            ({"Subnets": [two[0], "subnet-0123456789abcdef0"]}, "SubnetNotFound", "The subnet ID 'subnet-0123456789abcdef0' does not exist"),
            ({"SecurityGroups": ["sg-0123456789abcdef0"]}, "InvalidSecurityGroup", "The security group ID 'sg-0123456789abcdef0' does not exist"),
            ({"SecurityGroups": [f"sg-{i:017}" for i in range(6)]}, "InvalidConfigurationRequest", None),
            ({"Type": "gateway"}, "NotImplemented", None), ({"Type": "classic"}, "ValidationError", None),
            ({"Scheme": "public"}, "ValidationError", None),
            ({"IpAddressType": "dualstack"}, "ValidationError", "You must specify subnets with an associated IPv6 CIDR block."),
            ({"CustomerOwnedIpv4Pool": "ipv4pool-coip-1"}, "InvalidConfigurationRequest", None),
            ({"Subnets": None, "SubnetMappings": [{"SubnetId": s, "AllocationId": "eipalloc-1"} for s in two]}, "InvalidConfigurationRequest", None),
            ({"Type": "network", "Subnets": None, "SubnetMappings": [{"SubnetId": two[0], "AllocationId": "eipalloc-1"}]}, "AllocationIdNotFound", None),
            ({"Type": "network", "Subnets": None, "SubnetMappings": [{"SubnetId": two[0], "PrivateIPv4Address": "172.31.0.9"}]},
             "InvalidConfigurationRequest", None),
            ({"Type": "network", "Scheme": "internal", "Subnets": None, "SubnetMappings": [{"SubnetId": two[0], "PrivateIPv4Address": "10.0.0.9"}]},
             "ValidationError", None),
            ({"Tags": [{"Key": "a", "Value": ""}, {"Key": "a", "Value": ""}]}, "DuplicateTagKeys", None),
        )
        for change, code, message in cases:
            with self.subTest(change):
                self.refused(code, message, make, **{k: v for k, v in {**good, **change}.items() if v is not None})
        self.refused("LoadBalancerNotFound", f"Load balancers '[{good['Name']}]' not found", self.elb.describe_load_balancers, Names=[good["Name"]])
        self.refused("LoadBalancerNotFound", f"Load balancers '[{good['Name']}, no]' not found", self.elb.describe_load_balancers, Names=[good["Name"], "no"])

    def test_what_is_made(self):
        name = self.name("lb")
        lb = self.balancer(Name=name, Tags=[{"Key": "a", "Value": "b"}])
        self.assertEqual("provisioning", lb["State"]["Code"])
        self.assertRegex(lb["LoadBalancerArn"], rf":{self.account}:loadbalancer/app/{name}/[0-9a-f]{{16}}$")
        self.assertRegex(lb["DNSName"], rf"^{name}-[1-9][0-9]{{9}}\.us-east-1\.elb\.amazonaws\.com$")
        self.assertEqual(("internet-facing", "application", "ipv4", self.vpc, "Z35SXDOTRQ7X7K"),
                         tuple(lb[k] for k in ("Scheme", "Type", "IpAddressType", "VpcId", "CanonicalHostedZoneId")))
        groups = self.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}, {"Name": "group-name", "Values": ["default"]}])
        self.assertEqual([groups["SecurityGroups"][0]["GroupId"]], lb["SecurityGroups"])
        self.assertEqual({(s, self.zones[s]) for s in self.subnets[:2]}, {(z["SubnetId"], z["ZoneName"]) for z in lb["AvailabilityZones"]})
        self.active(lb)
        again = self.elb.create_load_balancer(Name=name, Subnets=self.subnets[:2])["LoadBalancers"][0]
        self.assertEqual((lb["LoadBalancerArn"], lb["DNSName"]), (again["LoadBalancerArn"], again["DNSName"]))
        different = f"A load balancer with the same name '{name}' exists, but with different settings"
        for change in ({"Scheme": "internal"}, {"Type": "network"}, {"Subnets": self.subnets[:3]}):
            self.refused("DuplicateLoadBalancerName", different, self.elb.create_load_balancer, **{"Name": name, "Subnets": self.subnets[:2], **change})
        internal = self.balancer(Scheme="internal")
        self.assertTrue(internal["DNSName"].startswith("internal-" + internal["LoadBalancerName"]))
        net = self.balancer(Type="network", Subnets=self.subnets[:1])
        self.assertNotIn("SecurityGroups", net)
        id_ = net["LoadBalancerArn"].rsplit("/", 1)[1]
        self.assertEqual(f"{net['LoadBalancerName']}-{id_}.elb.us-east-1.amazonaws.com", net["DNSName"])

    def test_hosted_zones_are_the_regions(self):
        for region, kind, zone in (("mx-central-1", "application", "Z023552324OKD1BB28BH5"), ("eu-south-1", "network", "Z23146JA1KNAFP")):
            elb, ec2 = harness.client("elbv2", region=region), harness.client("ec2", region=region)
            subnets = [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]]
            lb = elb.create_load_balancer(Name=self.name("lb"), Type=kind, Subnets=subnets[:2])["LoadBalancers"][0]
            self.assertEqual(zone, lb["CanonicalHostedZoneId"])
            elb.delete_load_balancer(LoadBalancerArn=lb["LoadBalancerArn"])

    def test_each_has_an_address_of_its_own(self):
        def address(lb):
            found = {a["IpAddress"] for z in lb["AvailabilityZones"] for a in z["LoadBalancerAddresses"]}
            self.assertEqual(1, len(found))
            return found.pop()
        three = [self.balancer() for _ in range(3)]
        addresses = [address(lb) for lb in three]
        self.assertEqual(3, len(set(addresses)))
        self.assertTrue(all(ipaddress.ip_address(a) in ipaddress.ip_network(harness.SERVER.edge_pool) for a in addresses), addresses)
        # What is deleted gives its address back.
        self.elb.delete_load_balancer(LoadBalancerArn=three[1]["LoadBalancerArn"])
        self.assertEqual(addresses[1], address(self.balancer()))

    def test_interfaces_keep_their_groups_and_subnets(self):
        group = self.ec2.create_security_group(GroupName=self.name("g"), Description="x")["GroupId"]
        lb = self.elb.create_load_balancer(Name=self.name("lb"), Subnets=self.subnets[:2], SecurityGroups=[group])["LoadBalancers"][0]
        arn = lb["LoadBalancerArn"]
        self.refused("DependencyViolation", None, self.ec2.delete_security_group, GroupId=group)
        self.refused("DependencyViolation", None, self.ec2.delete_subnet, SubnetId=self.subnets[0])
        other = self.ec2.create_security_group(GroupName=self.name("g"), Description="x")["GroupId"]
        self.refused("InvalidSecurityGroup", None, self.elb.set_security_groups, LoadBalancerArn=arn, SecurityGroups=["sg-0123456789abcdef0"])
        self.assertEqual([other], self.elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[other])["SecurityGroupIds"])
        self.ec2.delete_security_group(GroupId=group)
        self.refused("ValidationError", None, self.elb.set_subnets, LoadBalancerArn=arn, Subnets=self.subnets[:1])
        got = self.elb.set_subnets(LoadBalancerArn=arn, Subnets=self.subnets[1:4])["AvailabilityZones"]
        self.assertEqual(set(self.subnets[1:4]), {z["SubnetId"] for z in got})
        self.elb.delete_load_balancer(LoadBalancerArn=arn)
        self.ec2.delete_security_group(GroupId=other)
        net = self.balancer(Type="network", Subnets=self.subnets[:1])
        self.refused("InvalidConfigurationRequest", None, self.elb.set_security_groups, LoadBalancerArn=net["LoadBalancerArn"], SecurityGroups=lb["SecurityGroups"])
        self.refused("ValidationError", None, self.elb.set_ip_address_type, LoadBalancerArn=arn.replace("loadbalancer", "targetgroup"), IpAddressType="ipv4")

    def test_attributes(self):
        app, net = self.balancer(), self.balancer(Type="network")

        def attributes(lb):
            return {a["Key"]: a["Value"] for a in self.elb.describe_load_balancer_attributes(LoadBalancerArn=lb["LoadBalancerArn"])["Attributes"]}

        def change(lb, *pairs):
            return self.elb.modify_load_balancer_attributes(LoadBalancerArn=lb["LoadBalancerArn"],
                                                            Attributes=[{"Key": k, "Value": v} for k, v in pairs])
        a, n = attributes(app), attributes(net)
        self.assertEqual(("60", "true", "defensive", "append", "true", "false"), tuple(a[k] for k in (
            "idle_timeout.timeout_seconds", "routing.http2.enabled", "routing.http.desync_mitigation_mode",
            "routing.http.xff_header_processing.mode", "load_balancing.cross_zone.enabled", "deletion_protection.enabled")))
        self.assertEqual(("false", "any_availability_zone"), (n["load_balancing.cross_zone.enabled"], n["dns_record.client_routing_policy"]))
        self.assertNotIn("idle_timeout.timeout_seconds", n)
        for lb, pairs, code in ((app, [("idle_timeout.timeout_seconds", "0")], "ValidationError"), (app, [("idle_timeout.timeout_seconds", "4001")], "ValidationError"),
                                (app, [("client_keep_alive.seconds", "59")], "ValidationError"), (app, [("no.such", "1")], "ValidationError"),
                                (app, [("load_balancing.cross_zone.enabled", "false")], "ValidationError"),
                                (app, [("routing.http.desync_mitigation_mode", "strict")], "ValidationError"),
                                (app, [("access_logs.s3.enabled", "true")], "InvalidConfigurationRequest"),
                                (app, [("access_logs.s3.prefix", "a/AWSLogs/b")], "InvalidConfigurationRequest"),
                                (app, [("connection_logs.s3.prefix", "AWSLogs")], "InvalidConfigurationRequest"),
                                (net, [("routing.http2.enabled", "true")], "InvalidConfigurationRequest"),
                                (app, [("waf.fail_open.enabled", "true"), ("idle_timeout.timeout_seconds", "x")], "ValidationError"),
                                (app, [("idle_timeout.timeout_seconds", "61")] * 21, "ValidationError")):
            with self.subTest(pairs[0]):
                self.refused(code, None, change, lb, *pairs)
        self.assertEqual((a, n), (attributes(app), attributes(net)))
        change(app, ("idle_timeout.timeout_seconds", "4000"), ("routing.http.desync_mitigation_mode", "strictest"), ("deletion_protection.enabled", "true"))
        self.assertEqual("4000", attributes(app)["idle_timeout.timeout_seconds"])
        arn = app["LoadBalancerArn"]
        self.refused("OperationNotPermitted", f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
                     self.elb.delete_load_balancer, LoadBalancerArn=arn)
        change(app, ("deletion_protection.enabled", "false"))
        self.elb.delete_load_balancer(LoadBalancerArn=arn)
        self.elb.delete_load_balancer(LoadBalancerArn=arn)
        self.refused("LoadBalancerNotFound", "One or more load balancers not found", self.elb.describe_load_balancers, LoadBalancerArns=[arn])
        self.refused("LoadBalancerNotFound", f"Load balancer '{arn}' not found", self.elb.describe_listeners, LoadBalancerArn=arn)

    def test_the_internet_needs_a_gateway(self):
        vpc = self.ec2.create_vpc(CidrBlock="10.80.0.0/16")["Vpc"]["VpcId"]
        subnets = [self.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.80.{i}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
                   for i, zone in enumerate(("us-east-1a", "us-east-1b"))]
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        for kind in ("application", "network"):
            self.refused("InvalidSubnet", f"VPC {vpc} has no internet gateway", self.balancer, Subnets=subnets, Type=kind)
            self.balancer(Subnets=subnets, Type=kind, Scheme="internal")
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        self.assertEqual("internet-facing", self.balancer(Subnets=subnets)["Scheme"])

    def test_networks_with_ipv6(self):
        """Subnets may have it; a load balancer of both families is said not to be there."""
        vpc = self.ec2.create_vpc(CidrBlock="10.81.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
        block = ipaddress.ip_network(self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])
        networks = list(block.subnets(new_prefix=64))[:2]
        subnets = [self.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.81.{i}.0/24", AvailabilityZone=zone, Ipv6CidrBlock=str(networks[i]))["Subnet"]["SubnetId"]
                   for i, zone in enumerate(("us-east-1a", "us-east-1b"))]
        four = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.81.2.0/24", AvailabilityZone="us-east-1c")["Subnet"]["SubnetId"]
        none = "You must specify subnets with an associated IPv6 CIDR block."
        self.refused("ValidationError", none, self.balancer, Subnets=[subnets[0], four], Scheme="internal", IpAddressType="dualstack")
        self.refused("NotImplemented", None, self.balancer, Subnets=subnets, Scheme="internal", IpAddressType="dualstack")
        lb = self.balancer(Subnets=[subnets[0], four], Scheme="internal")
        self.refused("ValidationError", none, self.elb.set_ip_address_type, LoadBalancerArn=lb["LoadBalancerArn"], IpAddressType="dualstack")
        self.elb.set_subnets(LoadBalancerArn=lb["LoadBalancerArn"], Subnets=subnets)
        self.refused("NotImplemented", None, self.elb.set_ip_address_type, LoadBalancerArn=lb["LoadBalancerArn"], IpAddressType="dualstack")
        self.assertEqual("ipv4", self.elb.set_ip_address_type(LoadBalancerArn=lb["LoadBalancerArn"], IpAddressType="ipv4")["IpAddressType"])
        group = self.group(VpcId=vpc, IpAddressType="ipv6")["TargetGroupArn"]
        self.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": str(networks[1][9])}])
        self.assertEqual("us-east-1b", self.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"][0]["Target"]["AvailabilityZone"])

    def test_the_26th_certificate(self):
        """25 beside the default one, over all listeners of a load balancer."""
        acm, key = harness.client("acm"), ec.generate_private_key(ec.SECP256R1())

        def make(i):
            return acm.import_certificate(Certificate=certificate(key, [f"c{i}.test"]).public_bytes(PEM), PrivateKey=private(key))["CertificateArn"]
        certificates = [make(i) for i in range(27)]
        lb, group = self.balancer(Type="network"), self.group(Protocol="TCP")
        arns = [self.listener(lb, self.forward(group), Protocol="TLS", Port=443 + i, Certificates=[{"CertificateArn": certificates[0]}])["ListenerArn"]
                for i in range(2)]
        for i, c in enumerate(certificates[1:26]):
            self.elb.add_listener_certificates(ListenerArn=arns[i % 2], Certificates=[{"CertificateArn": c}])
        for arn in arns:
            self.refused("TooManyCertificates", "The maximum number of certificates per load balancer has been reached (25)",
                         self.elb.add_listener_certificates, ListenerArn=arn, Certificates=[{"CertificateArn": certificates[26]}])
        self.elb.add_listener_certificates(ListenerArn=arns[0], Certificates=[{"CertificateArn": certificates[1]}])
        self.elb.remove_listener_certificates(ListenerArn=arns[0], Certificates=[{"CertificateArn": certificates[1]}])
        self.elb.add_listener_certificates(ListenerArn=arns[1], Certificates=[{"CertificateArn": certificates[26]}])
        limits = {m["Name"]: m["Max"] for m in self.elb.describe_account_limits()["Limits"]}
        self.assertEqual(("25", "25"), (limits["certificates-per-application-load-balancer"], limits["certificates-per-network-load-balancer"]))

    def test_listeners_are_refused(self):
        app, net = self.balancer(), self.balancer(Type="network")
        http, tcp, udp = self.group(), self.group(Protocol="TCP"), self.group(Protocol="UDP", TargetType="instance")
        fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
        missing = "arn:aws:acm:us-east-1:%s:certificate/12345678-1234-1234-1234-123456789012" % self.account
        cases = (
            (app, {"Protocol": None}, "ValidationError", "A protocol must be specified"),
            (app, {"Port": None}, "ValidationError", "A port must be specified"),
            (app, {"Port": 0}, "ValidationError", None), (app, {"Port": 65536}, "ValidationError", None),
            (app, {"Protocol": "TCP"}, "UnsupportedProtocol", None), (net, {"Protocol": "HTTP"}, "UnsupportedProtocol", None),
            (net, {"Protocol": "QUIC"}, "NotImplemented", None),
            (app, {"Protocol": "HTTPS"}, "ValidationError", "A certificate must be specified for HTTPS listeners"),
            (app, {"Certificates": [{"CertificateArn": missing}]}, "ValidationError", "A certificate cannot be specified for HTTP listeners"),
            (app, {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": missing}]}, "CertificateNotFound", f"Certificate '{missing}' not found"),
            (app, {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": "x"}]}, "ValidationError", "Certificate ARN 'x' is not valid"),
            (app, {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": missing.replace("us-east-1", "us-east-2")}]}, "ValidationError", None),
            (app, {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": missing, "IsDefault": True}]}, "ValidationError", None),
            (app, {"SslPolicy": "ELBSecurityPolicy-2016-08"}, "ValidationError", "An SSL policy cannot be specified for HTTP listeners"),
            (app, {"AlpnPolicy": ["HTTP2Only"]}, "ValidationError", None),
            (app, {"MutualAuthentication": {"Mode": "verify"}}, "ValidationError", None),
            (app, {"DefaultActions": self.forward(tcp)}, "IncompatibleProtocols",
             "Listener protocol 'HTTP' is not supported with a target group with the protocol 'TCP'"),
            (net, {"Protocol": "TCP", "DefaultActions": self.forward(http)}, "IncompatibleProtocols", None),
            (net, {"Protocol": "TCP", "DefaultActions": self.forward(udp)}, "IncompatibleProtocols", None),
            (net, {"Protocol": "TCP", "DefaultActions": fixed}, "InvalidLoadBalancerAction", None),
            (app, {"DefaultActions": [{"Type": "forward"}]}, "ValidationError", "A target group ARN must be specified"),
            (app, {"DefaultActions": [{"Type": "forward", "TargetGroupArn": http["TargetGroupArn"][:-16] + "0" * 16}]}, "TargetGroupNotFound", None),
        )
        for lb, change, code, message in cases:
            with self.subTest(change):
                given = {"LoadBalancerArn": lb["LoadBalancerArn"], "Protocol": "HTTP", "Port": 80, "DefaultActions": fixed, **change}
                self.refused(code, message, self.elb.create_listener, **{k: v for k, v in given.items() if v is not None})
        self.assertEqual([], self.elb.describe_listeners(LoadBalancerArn=app["LoadBalancerArn"])["Listeners"])
        self.refused("ValidationError", "You must specify either listener ARNs or a load balancer ARN", self.elb.describe_listeners)

    def test_listeners(self):
        lb, g = self.balancer(), self.group()
        l = self.listener(lb, self.forward(g))
        self.assertRegex(l["ListenerArn"], rf"listener/app/{lb['LoadBalancerName']}/[0-9a-f]{{16}}/[0-9a-f]{{16}}$")
        self.assertEqual(l, self.listener(lb, self.forward(g)))
        taken = f"A listener already exists on this port for this load balancer '{lb['LoadBalancerArn']}'"
        self.refused("DuplicateListener", taken, self.listener, lb=lb)
        other = self.listener(lb, Port=81)
        self.refused("DuplicateListener", taken, self.elb.modify_listener, ListenerArn=other["ListenerArn"], Port=80)
        self.assertEqual([g["TargetGroupArn"]], [x["TargetGroupArn"] for x in self.elb.describe_target_groups(LoadBalancerArn=lb["LoadBalancerArn"])["TargetGroups"]])
        users = self.elb.describe_target_groups(Names=[g["TargetGroupName"]])["TargetGroups"][0]["LoadBalancerArns"]
        self.assertEqual([lb["LoadBalancerArn"]], users)
        second = self.balancer()
        self.refused("TargetGroupAssociationLimit", "The following target groups cannot be associated with more than one load balancer: "
                     + g["TargetGroupArn"], self.listener, lb=second, actions=self.forward(g))
        moved = self.elb.modify_listener(ListenerArn=l["ListenerArn"], Port=8080,
                                         DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}])["Listeners"][0]
        self.assertEqual((8080, "fixed-response"), (moved["Port"], moved["DefaultActions"][0]["Type"]))
        self.assertEqual(moved, self.elb.describe_listeners(ListenerArns=[l["ListenerArn"]])["Listeners"][0])
        self.elb.delete_target_group(TargetGroupArn=g["TargetGroupArn"])
        self.elb.delete_listener(ListenerArn=other["ListenerArn"])
        gone = {"ListenerArn": other["ListenerArn"]}
        for call in (self.elb.delete_listener, self.elb.modify_listener):
            self.refused("ListenerNotFound", f"Listener '{other['ListenerArn']}' not found", call, **gone)
        self.refused("ListenerNotFound", "One or more listeners not found", self.elb.describe_listeners, ListenerArns=[other["ListenerArn"]])
        for call in (self.elb.describe_rules, self.elb.describe_listener_certificates, self.elb.describe_listener_attributes):
            self.refused("ListenerNotFound", "One or more listeners not found", call, **gone)
        net = self.balancer(Type="network")
        udp = self.group(Protocol="TCP_UDP", TargetType="instance")
        both = self.listener(net, self.forward(udp), Protocol="TCP_UDP", Port=53)
        self.assertEqual("TCP_UDP", both["Protocol"])
        self.refused("UnsupportedProtocol", None, self.elb.modify_listener, ListenerArn=both["ListenerArn"], Protocol="HTTP")
        self.refused("ValidationError", "A certificate must be specified for TLS listeners", self.elb.modify_listener,
                     ListenerArn=both["ListenerArn"], Protocol="TLS")
        self.assertEqual("UDP", self.elb.modify_listener(ListenerArn=both["ListenerArn"], Protocol="UDP")["Listeners"][0]["Protocol"])
        self.active(lb)

    def test_of_many_at_once_one_is_made(self):
        """The same name, the same port, the same target group: whoever comes first has it, and nobody else."""
        def race(calls):
            def one(call):
                try:
                    return call()
                except ClientError as e:
                    return e.response["Error"]["Code"]
            with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
                return list(pool.map(one, calls))
        name = self.name("lb")
        made = race([lambda s=s: self.balancer(Name=name, Subnets=s) for s in (self.subnets[:2], self.subnets[1:3], self.subnets[2:4], self.subnets[3:5])])
        self.assertEqual(3, made.count("DuplicateLoadBalancerName"), made)
        lb = next(x for x in made if not isinstance(x, str))
        same = race([lambda: self.listener(lb) for _ in range(4)])
        self.assertEqual(1, len({x["ListenerArn"] for x in same}), same)
        codes = race([lambda c=c: self.listener(lb, Port=81, actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": c}}])
                      for c in ("200", "201", "202", "203")])
        self.assertEqual(3, codes.count("DuplicateListener"), codes)
        group, several = self.group(), [self.balancer() for _ in range(4)]
        bound = race([lambda b=b: self.listener(b, self.forward(group)) for b in several])
        self.assertEqual(3, bound.count("TargetGroupAssociationLimit"), bound)
        addresses = {b["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"] for b in race([self.balancer] * 4)}
        self.assertEqual(4, len(addresses))

    def test_listener_attributes(self):
        l, t = self.listener(self.balancer()), self.listener(self.balancer(Type="network"), self.forward(self.group(Protocol="TCP")), Protocol="TCP")

        def change(listener, key, value):
            return self.elb.modify_listener_attributes(ListenerArn=listener["ListenerArn"], Attributes=[{"Key": key, "Value": value}])["Attributes"]
        csp = "routing.http.response.content_security_policy.header_value"
        for listener, key, value, code in ((t, "tcp.idle_timeout.seconds", "59", "ValidationError"), (t, "tcp.idle_timeout.seconds", "6001", "ValidationError"),
                                           (l, "tcp.idle_timeout.seconds", "60", "InvalidConfigurationRequest"), (l, "no", "1", "ValidationError"),
                                           (l, "routing.http.response.server.enabled", "no", "ValidationError"),
                                           (l, csp, "a\r\nSet-Cookie: x=1", "ValidationError"), (l, csp, "a" * 1025, "ValidationError"),
                                           (l, "routing.http.request.x_amzn_tls_version.header_name", "X", "InvalidConfigurationRequest"),
                                           (l, "routing.http.request.x_amzn_tls_version.header_name", "Transfer-Encoding", "ValidationError"),
                                           (l, "routing.http.request.x_amzn_mtls_clientcert.header_name", "host", "ValidationError")):
            with self.subTest((key, value)):
                self.refused(code, None, change, listener, key, value)
        self.assertEqual("default-src 'self'", {a["Key"]: a["Value"] for a in change(l, csp, "default-src 'self'")}[csp])
        self.assertEqual("6000", {a["Key"]: a["Value"] for a in change(t, "tcp.idle_timeout.seconds", "6000")}["tcp.idle_timeout.seconds"])

    def test_quota_of_listeners(self):
        lb = self.balancer()
        for port in range(1, 5):
            self.listener(lb, Port=port)
        self.refused("TooManyListeners", None, self.listener, lb=lb, Port=5)

    def test_policies(self):
        policies = {p["Name"]: p for p in self.elb.describe_ssl_policies()["SslPolicies"]}
        old, new = policies["ELBSecurityPolicy-2016-08"], policies["ELBSecurityPolicy-TLS13-1-2-Res-2021-06"]
        self.assertEqual(["TLSv1.2", "TLSv1.1", "TLSv1"], old["SslProtocols"])
        self.assertEqual((18, "ECDHE-ECDSA-AES128-GCM-SHA256", 1), (len(old["Ciphers"]), old["Ciphers"][0]["Name"], old["Ciphers"][0]["Priority"]))
        self.assertEqual(["TLSv1.3", "TLSv1.2"], new["SslProtocols"])
        self.assertEqual(["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256",
                          "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"],
                         [c["Name"] for c in new["Ciphers"]])
        self.refused("SSLPolicyNotFound", "SSL policy 'x' not found", self.elb.describe_ssl_policies, Names=["x"])
        self.assertNotIn("ELBSecurityPolicy-2015-05", [p["Name"] for p in self.elb.describe_ssl_policies(LoadBalancerType="application")["SslPolicies"]])

    def test_condition_keys(self):
        create = {"Name": self.name("lb"), "Subnets": self.subnets[:2]}
        internal = self.user(allow("CreateLoadBalancer", StringEquals={"elasticloadbalancing:Scheme": "internal"}))
        self.assertIn(f"loadbalancer/app/{create['Name']}/*", self.refused("AccessDenied", None, internal.create_load_balancer, **create)["Error"]["Message"])
        # What is about no resource says none.
        self.assertRegex(self.refused("AccessDenied", None, internal.describe_load_balancers)["Error"]["Message"],
                         "is not authorized to perform: elasticloadbalancing:DescribeLoadBalancers because no identity-based policy allows")
        arn = internal.create_load_balancer(**create, Scheme="internal")["LoadBalancers"][0]["LoadBalancerArn"]
        secure = self.user(allow("CreateListener", **{"ForAnyValue:StringEquals": {"elasticloadbalancing:ListenerProtocol": ["HTTPS"]}}))
        fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
        self.refused("AccessDenied", None, secure.create_listener, LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=fixed)
        self.refused("ValidationError", None, secure.create_listener, LoadBalancerArn=arn, Protocol="HTTPS", Port=443, DefaultActions=fixed)
        subnet = self.user(allow("SetSubnets", **{"ForAllValues:StringEquals": {"elasticloadbalancing:Subnet": self.subnets[:2]}}))
        self.refused("AccessDenied", None, subnet.set_subnets, LoadBalancerArn=arn, Subnets=self.subnets[1:3])
        subnet.set_subnets(LoadBalancerArn=arn, Subnets=self.subnets[:2])
        self.elb.delete_load_balancer(LoadBalancerArn=arn)


class OneAddress(Elbv2Case):
    """--edge-address: all load balancers share it, so a port is one listener's."""

    @classmethod
    def setUpClass(cls):
        cls.first, cls.own = harness.SERVER, harness.Server("--edge-address", "127.0.0.1")
        harness.SERVER = cls.own
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        harness.SERVER = cls.first
        assert cls.own.stop() == 0

    def test_a_taken_port_is_said(self):
        one, two = self.balancer(), self.balancer()
        l = self.listener(one, Port=8080)
        self.assertIn("Port 8080 of address 127.0.0.1 is taken", self.refused("InvalidConfigurationRequest", None, self.listener, lb=two, Port=8080)["Error"]["Message"])
        self.listener(two, Port=8081)
        self.refused("InvalidConfigurationRequest", None, self.elb.modify_listener, ListenerArn=l["ListenerArn"], Port=8081)
        self.elb.modify_listener(ListenerArn=l["ListenerArn"], Port=8082)
        self.listener(two, Port=8080)
        self.elb.delete_load_balancer(LoadBalancerArn=two["LoadBalancerArn"])
        self.elb.modify_listener(ListenerArn=l["ListenerArn"], Port=8081)

    def test_a_port_that_cannot_be_bound_shows_in_the_state(self):
        lb = self.balancer()
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            self.listener(lb, Port=port)
            end = time.monotonic() + 10
            while self.state(lb)["Code"] != "failed" and time.monotonic() < end:
                time.sleep(0.05)
            state = self.state(lb)
            self.assertEqual("failed", state["Code"])
            self.assertIn(f"port {port}", state["Reason"])
            self.listener(lb, Port=harness.free_port())
            end = time.monotonic() + 10
            while self.state(lb)["Code"] != "active_impaired" and time.monotonic() < end:
                time.sleep(0.05)
            self.assertEqual("active_impaired", self.state(lb)["Code"])


if __name__ == "__main__":
    harness.serve("--quota", "elbv2-listeners-per-application-load-balancer=4")
    harness.main()
