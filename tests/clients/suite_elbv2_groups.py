#!/usr/bin/env python3
"""Target groups, their attributes and targets through boto3: what is refused, what the defaults are, what is kept."""
import time
import unittest

import harness
from elbv2_case import Elbv2Case, allow


class TargetGroups(Elbv2Case):
    def test_refusals_of_creation(self):
        make = self.elb.create_target_group
        good = {"Name": self.name("tg"), "Protocol": "HTTP", "Port": 80, "VpcId": self.vpc, "TargetType": "ip"}
        invalid = (
            ({"Name": "a" * 33}, f"Target group name '{'a' * 33}' cannot be longer than '32' characters"),
            ({"Name": "a_b"}, "Target group name 'a_b' can only contain characters that are alphanumeric characters or hyphens(-)"),
            ({"Name": "-a"}, "Target group name '-a' cannot begin or end with a hyphen(-)"),
            ({"Protocol": None}, "A protocol must be specified"),
            ({"Port": None}, "A port must be specified"),
            ({"VpcId": None}, "A VPC ID must be specified"),
            ({"VpcId": "vpc-0123456789abcdef0"}, "The VPC ID 'vpc-0123456789abcdef0' is not found"),
            ({"Port": 0}, None), ({"Port": 65536}, None), ({"Protocol": "SCTP"}, None),
            ({"ProtocolVersion": "HTTP3"}, "Protocol version 'HTTP3' must be one of 'HTTP1, HTTP2, GRPC'"),
            ({"HealthCheckIntervalSeconds": 5}, "Health check interval must be greater than the timeout."),
            ({"HealthCheckIntervalSeconds": 4}, None), ({"HealthCheckIntervalSeconds": 301}, None),
            ({"HealthCheckTimeoutSeconds": 1}, None), ({"HealthyThresholdCount": 11}, None),
            ({"HealthCheckEnabled": False}, "Health check enabled must be true for target groups with target type 'ip'"),
            ({"HealthCheckProtocol": "TCP"}, "Health check protocol 'TCP' is not supported for target groups with protocol 'HTTP'"),
            ({"HealthCheckPort": "0"}, None), ({"HealthCheckPort": "traffic"}, None), ({"HealthCheckPath": "x"}, None),
            ({"HealthCheckPath": "/a b"}, None),
            ({"Matcher": {"HttpCode": "200-500"}}, "Health check matcher HTTP code '200-500' must be within '200-499' inclusive"),
            ({"Matcher": {"HttpCode": "2xx"}}, None), ({"Matcher": {"GrpcCode": "0"}}, None),
        )
        for change, message in invalid:
            with self.subTest(change):
                self.refused("ValidationError", message, make, **{k: v for k, v in {**good, **change}.items() if v is not None})
        for change in ({"Protocol": "TCP", "ProtocolVersion": "HTTP1"}, {"Protocol": "HTTP", "TargetType": "alb"},
                       {"Protocol": "TCP", "HealthCheckPath": "/"}, {"TargetType": "instance", "IpAddressType": "ipv6"}):
            with self.subTest(change):
                self.refused("InvalidConfigurationRequest", None, make, **{**good, **change})
        for change in ({"TargetType": "lambda"}, {"Protocol": "GENEVE", "Port": 6081}, {"Protocol": "QUIC"}):
            with self.subTest(change):
                self.refused("NotImplemented", None, make, **{**good, **change})
        self.refused("ValidationError", "Health check interval must be greater than the timeout.", make,
                     **{**good, "Protocol": "TCP", "HealthCheckIntervalSeconds": 9})
        self.refused("TargetGroupNotFound", "One or more target groups not found", self.elb.describe_target_groups, Names=[good["Name"]])
        gone = self.group()["TargetGroupArn"]
        self.elb.delete_target_group(TargetGroupArn=gone)
        self.refused("TargetGroupNotFound", "One or more target groups not found", self.elb.describe_target_groups, TargetGroupArns=[gone])
        for call, more in ((self.elb.register_targets, {"Targets": [{"Id": "10.0.0.1"}]}), (self.elb.describe_target_health, {}), (self.elb.modify_target_group, {})):
            self.refused("TargetGroupNotFound", f"Target groups '{gone}' not found", call, TargetGroupArn=gone, **more)
        self.refused("TargetGroupNotFound", f"Target groups '{gone}' not found", self.elb.add_tags, ResourceArns=[gone], Tags=[{"Key": "a"}])

    def test_defaults_by_protocol(self):
        def health(**more):
            g = self.group(**more)
            self.elb.delete_target_group(TargetGroupArn=g["TargetGroupArn"])
            return (g["HealthCheckProtocol"], g["HealthCheckPort"], g.get("HealthCheckPath"), g["HealthCheckIntervalSeconds"],
                    g["HealthCheckTimeoutSeconds"], g["HealthyThresholdCount"], g["UnhealthyThresholdCount"], g.get("Matcher"))
        self.assertEqual(("HTTP", "traffic-port", "/", 30, 5, 5, 2, {"HttpCode": "200"}), health())
        self.assertEqual(("HTTP", "traffic-port", "/AWS.ALB/healthcheck", 30, 5, 5, 2, {"GrpcCode": "12"}), health(ProtocolVersion="GRPC"))
        self.assertEqual(("TCP", "traffic-port", None, 30, 10, 5, 2, None), health(Protocol="TCP"))
        self.assertEqual(("TCP", "traffic-port", None, 10, 10, 5, 2, None), health(Protocol="TCP", HealthCheckIntervalSeconds=10))
        self.assertEqual(("HTTP", "traffic-port", "/", 30, 6, 5, 2, {"HttpCode": "200-399"}), health(Protocol="UDP", HealthCheckProtocol="HTTP"))
        self.assertEqual(("HTTP", "traffic-port", "/", 30, 6, 5, 2, {"HttpCode": "200-399"}), health(Protocol="TCP", TargetType="alb"))

    def test_idempotency_and_description(self):
        name = self.name("tg")
        g = self.group(Name=name, Tags=[{"Key": "team", "Value": "red"}])
        self.assertRegex(g["TargetGroupArn"], rf"^arn:aws:elasticloadbalancing:us-east-1:{self.account}:targetgroup/{name}/[0-9a-f]{{16}}$")
        self.assertEqual(g, self.group(Name=name, Tags=[{"Key": "team", "Value": "red"}]))
        self.refused("DuplicateTargetGroupName", f"A target group with the same name '{name}' exists, but with different settings",
                     self.group, Name=name, Port=81)
        self.assertEqual([g], self.elb.describe_target_groups(TargetGroupArns=[g["TargetGroupArn"]])["TargetGroups"])
        self.assertEqual([g], self.elb.describe_target_groups(Names=[name])["TargetGroups"])
        self.refused("ValidationError", None, self.elb.describe_target_groups, Names=[name], TargetGroupArns=[g["TargetGroupArn"]])
        elsewhere = g["TargetGroupArn"][:-16] + "0" * 16
        self.refused("TargetGroupNotFound", None, self.elb.describe_target_groups, TargetGroupArns=[elsewhere])
        for bad in ("nonsense", g["TargetGroupArn"] + "/x", g["TargetGroupArn"].replace("targetgroup", "loadbalancer")):
            self.refused("ValidationError", f"'{bad}' is not a valid target group ARN", self.elb.describe_target_groups, TargetGroupArns=[bad])
        self.elb.delete_target_group(TargetGroupArn=g["TargetGroupArn"])
        self.elb.delete_target_group(TargetGroupArn=g["TargetGroupArn"])

    def test_pages(self):
        names = sorted(self.group(Name=f"page-{i:02}")["TargetGroupName"] for i in range(7))
        seen, marker = [], {}
        while True:
            page = self.elb.describe_target_groups(PageSize=3, **marker)
            self.assertLessEqual(len(page["TargetGroups"]), 3)
            seen += [g["TargetGroupName"] for g in page["TargetGroups"]]
            if "NextMarker" not in page:
                break
            marker = {"Marker": page["NextMarker"]}
        self.assertEqual(names, [n for n in seen if n.startswith("page-")])
        self.assertEqual(len(seen), len(set(seen)))
        self.refused("ValidationError", None, self.elb.describe_target_groups, PageSize=401)
        for text in ("!", "foo", "Zm9v", "YWZ0ZXIg"):
            self.refused("ValidationError", "Invalid Marker specified in the request", self.elb.describe_target_groups, Marker=text)
        for n in names:
            self.elb.delete_target_group(TargetGroupArn=self.elb.describe_target_groups(Names=[n])["TargetGroups"][0]["TargetGroupArn"])

    def test_modification(self):
        arn = self.group(Protocol="TCP")["TargetGroupArn"]
        self.refused("InvalidConfigurationRequest", None, self.elb.modify_target_group, TargetGroupArn=arn, HealthCheckPath="/")
        g = self.elb.modify_target_group(TargetGroupArn=arn, HealthCheckProtocol="HTTP")["TargetGroups"][0]
        self.assertEqual(("/", {"HttpCode": "200-399"}), (g["HealthCheckPath"], g["Matcher"]))
        g = self.elb.modify_target_group(TargetGroupArn=arn, HealthCheckPath="/up", Matcher={"HttpCode": "200,201-299"},
                                         HealthyThresholdCount=2)["TargetGroups"][0]
        self.assertEqual(("/up", {"HttpCode": "200,201-299"}, 2), (g["HealthCheckPath"], g["Matcher"], g["HealthyThresholdCount"]))
        g = self.elb.modify_target_group(TargetGroupArn=arn, HealthCheckProtocol="TCP")["TargetGroups"][0]
        self.assertNotIn("HealthCheckPath", g)
        self.assertNotIn("Matcher", g)

    def attributes(self, arn):
        return {a["Key"]: a["Value"] for a in self.elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]}

    def test_attributes(self):
        http, tcp, udp = self.group(), self.group(Protocol="TCP"), self.group(Protocol="UDP", TargetType="instance")
        a = self.attributes(http["TargetGroupArn"])
        self.assertEqual(("300", "false", "lb_cookie", "86400", "0", "round_robin", "use_load_balancer_configuration"),
                         tuple(a[k] for k in ("deregistration_delay.timeout_seconds", "stickiness.enabled", "stickiness.type",
                                              "stickiness.lb_cookie.duration_seconds", "slow_start.duration_seconds",
                                              "load_balancing.algorithm.type", "load_balancing.cross_zone.enabled")))
        self.assertNotIn("proxy_protocol_v2.enabled", a)
        b, c = self.attributes(tcp["TargetGroupArn"]), self.attributes(udp["TargetGroupArn"])
        self.assertEqual(("source_ip", "false", "false", "false"), tuple(b[k] for k in (
            "stickiness.type", "preserve_client_ip.enabled", "proxy_protocol_v2.enabled", "deregistration_delay.connection_termination.enabled")))
        self.assertEqual(("true", "true"), tuple(c[k] for k in ("preserve_client_ip.enabled", "deregistration_delay.connection_termination.enabled")))

        def change(group, **pairs):
            return self.elb.modify_target_group_attributes(TargetGroupArn=group["TargetGroupArn"],
                                                           Attributes=[{"Key": k.replace("__", "."), "Value": v} for k, v in pairs.items()])

        def no(code, message, group, **pairs):
            before = self.attributes(group["TargetGroupArn"])
            with self.subTest(pairs):
                self.refused(code, message, change, group=group, **pairs)
                self.assertEqual(before, self.attributes(group["TargetGroupArn"]))
        no("ValidationError", "Target group attribute key 'no.such' is not recognized", http, no__such="1")
        no("InvalidConfigurationRequest", None, http, proxy_protocol_v2__enabled="true")
        no("InvalidConfigurationRequest", "Stickiness type 'lb_cookie' is not supported for target groups with the TCP protocol",
           tcp, stickiness__type="lb_cookie")
        tls = self.group(Protocol="TLS")
        no("InvalidConfigurationRequest", "You cannot enable stickiness on target groups with the TLS protocol", tls, stickiness__enabled="true")
        change(tls, stickiness__enabled="false")
        change(tcp, stickiness__enabled="true")
        change(tcp, stickiness__enabled="false")
        for v in ("-1", "3601", "x", "", "10.5", " 5"):
            no("ValidationError", None, http, deregistration_delay__timeout_seconds=v)
        no("ValidationError", None, http, slow_start__duration_seconds="29")
        no("ValidationError", None, http, stickiness__enabled="TRUE")
        no("InvalidConfigurationRequest", "preserve_client_ip.enabled cannot be false if the target group protocol is UDP or TCP_UDP",
           udp, preserve_client_ip__enabled="false")
        no("ValidationError", None, udp, preserve_client_ip__enabled="no")
        change(tcp, preserve_client_ip__enabled="true")
        change(tcp, preserve_client_ip__enabled="false")
        no("ValidationError", None, http, stickiness__app_cookie__cookie_name="AWSALBx", stickiness__type="app_cookie")
        for v in ("a;b", "a=b", "a b", "a\r\nX: y", "\u00e4"):
            no("ValidationError", f"The application cookie name '{v}' is not valid", http, stickiness__app_cookie__cookie_name=v)
        no("InvalidConfigurationRequest", None, http, stickiness__enabled="true", stickiness__type="app_cookie")
        no("InvalidConfigurationRequest", None, http, load_balancing__algorithm__anomaly_mitigation="on")
        # A refused one among good ones changes nothing.
        no("ValidationError", None, http, deregistration_delay__timeout_seconds="5", slow_start__duration_seconds="901")
        for v in ("0", "3600"):
            change(http, deregistration_delay__timeout_seconds=v)
            self.assertEqual(v, self.attributes(http["TargetGroupArn"])["deregistration_delay.timeout_seconds"])
        dns, opens = (f"target_group_health__{k}__minimum_healthy_targets__" for k in ("dns_failover", "unhealthy_state_routing"))
        for kind in ("count", "percentage"):
            words = [(k + kind).replace("__", ".") for k in (dns, opens)]
            for group in (http, tcp):
                no("InvalidConfigurationRequest", f"The value of '{words[0]}' must be greater than or equal to the value of '{words[1]}'",
                   group, **{dns + kind: "2", opens + kind: "3"})
                change(group, **{dns + kind: "3", opens + kind: "3"})
                change(group, **{dns + kind: "off", opens + kind: "4"})
                no("InvalidConfigurationRequest", None, group, **{dns + kind: "3"})
                change(group, **{dns + kind: "5", opens + kind: "1"})
        change(http, slow_start__duration_seconds="30")
        change(http, slow_start__duration_seconds="0", target_group_health__dns_failover__minimum_healthy_targets__count="off")

    def test_targets(self):
        g = self.group()
        arn = g["TargetGroupArn"]
        register, health = self.elb.register_targets, self.elb.describe_target_health
        for target, code, message in (
                ({"Id": "8.8.8.8", "AvailabilityZone": "all"}, "ValidationError", None),
                ({"Id": "169.254.169.254", "AvailabilityZone": "all"}, "ValidationError", None),
                ({"Id": "10.0.0.256"}, "ValidationError", None), ({"Id": "::1"}, "ValidationError", None),
                ({"Id": "10.1.2.3"}, "ValidationError", None), ({"Id": "10.1.2.3", "AvailabilityZone": "moon"}, "ValidationError", None),
                ({"Id": "10.1.2.3", "AvailabilityZone": "all", "Port": 65536}, "ValidationError", None),
                ({"Id": "i-0123456789abcdef0"}, "ValidationError", None)):
            with self.subTest(target):
                self.refused(code, message, register, TargetGroupArn=arn, Targets=[target])
        inside = self.ec2.describe_subnets(SubnetIds=[self.subnets[0]])["Subnets"][0]["CidrBlock"].split("/")[0][:-1] + "9"
        zone = self.zones[self.subnets[0]]
        self.refused("ValidationError", f"The IP address '{inside}' is within the VPC, and cannot have its Availability Zone "
                     f"overridden to 'all' from '{zone}'", register, TargetGroupArn=arn, Targets=[{"Id": inside, "AvailabilityZone": "all"}])
        # Nothing of a refused call is kept.
        self.refused("ValidationError", None, register, TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1"}, {"Id": "8.8.8.8"}])
        self.assertEqual([], health(TargetGroupArn=arn)["TargetHealthDescriptions"])
        register(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1"}, {"Id": "127.0.0.1", "Port": 81}, {"Id": inside}])
        unused = {"State": "unused", "Reason": "Target.NotInUse",
                  "Description": "Target group is not configured to receive traffic from the load balancer"}
        got = {(t["Target"]["Id"], t["Target"]["Port"]): t for t in health(TargetGroupArn=arn)["TargetHealthDescriptions"]}
        self.assertEqual({("127.0.0.1", 80), ("127.0.0.1", 81), (inside, 80)}, set(got))
        self.assertEqual([unused] * 3, [t["TargetHealth"] for t in got.values()])
        self.assertEqual(zone, got[inside, 80]["Target"]["AvailabilityZone"])
        asked = health(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.2"}])["TargetHealthDescriptions"]
        self.assertEqual([{"State": "unused", "Reason": "Target.NotRegistered", "Description": "Target is not registered to the target group"}],
                         [t["TargetHealth"] for t in asked])
        self.elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1"}, {"Id": "127.0.0.9"}])
        self.assertEqual(2, len(health(TargetGroupArn=arn)["TargetHealthDescriptions"]))

    def test_draining(self):
        g, lb = self.group(), self.balancer()
        arn = g["TargetGroupArn"]
        self.listener(lb, self.forward(g))
        self.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1", "Port": 9}])
        state = [t["TargetHealth"]["State"] for t in self.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]]
        self.assertEqual(["initial"], state)
        self.elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1", "Port": 9}])
        one = self.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"][0]["TargetHealth"]
        self.assertEqual(("draining", "Target.DeregistrationInProgress"), (one["State"], one["Reason"]))
        time.sleep(0.5)  # the edge says that it drains, too
        self.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1", "Port": 9}])
        self.assertNotEqual("draining", self.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"][0]["TargetHealth"]["State"])
        self.elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1", "Port": 9}])
        self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}])
        self.assertEqual([], self.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"])
        self.refused("ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule", self.elb.delete_target_group, TargetGroupArn=arn)

    def test_instances_and_load_balancers_as_targets(self):
        g = self.group(TargetType="instance")
        arn = g["TargetGroupArn"]
        self.refused("ValidationError", "Instance ID '10.1.2.3' is not valid", self.elb.register_targets, TargetGroupArn=arn, Targets=[{"Id": "10.1.2.3"}])
        self.refused("InvalidTarget", "The following targets are not in a running state and cannot be registered: 'i-0123456789abcdef1'",
                     self.elb.register_targets, TargetGroupArn=arn, Targets=[{"Id": "i-0123456789abcdef1"}])
        self.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "i-0123456789abcdef0"}])
        over = self.group(TargetType="alb", Protocol="TCP", Port=8080)["TargetGroupArn"]
        lb = self.balancer()
        target = [{"Id": lb["LoadBalancerArn"]}]
        self.refused("InvalidTarget", None, self.elb.register_targets, TargetGroupArn=over, Targets=target)
        self.listener(lb, Port=8080)
        self.elb.register_targets(TargetGroupArn=over, Targets=target)
        self.refused("ResourceInUse", None, self.elb.delete_load_balancer, LoadBalancerArn=lb["LoadBalancerArn"])
        self.elb.deregister_targets(TargetGroupArn=over, Targets=target)

    def test_quota_of_targets(self):
        g = self.group()
        self.refused("TooManyTargets", None, self.elb.register_targets, TargetGroupArn=g["TargetGroupArn"],
                     Targets=[{"Id": f"127.0.1.{i}"} for i in range(13)])
        self.elb.register_targets(TargetGroupArn=g["TargetGroupArn"], Targets=[{"Id": f"127.0.1.{i}"} for i in range(12)])
        self.refused("TooManyTargets", None, self.elb.register_targets, TargetGroupArn=g["TargetGroupArn"], Targets=[{"Id": "127.0.2.1"}])
        # The same again is no more.
        self.elb.register_targets(TargetGroupArn=g["TargetGroupArn"], Targets=[{"Id": "127.0.1.1"}])
        limits = {x["Name"]: x["Max"] for x in self.elb.describe_account_limits()["Limits"]}
        self.assertEqual(("12", "100"), (limits["targets-per-target-group"], limits["rules-per-application-load-balancer"]))

    def test_quota_of_targets_of_a_zone(self):
        """A network load balancer's node reaches the targets of its zone, and with cross-zone load balancing those of every zone."""
        lb = self.balancer(Type="network", Scheme="internal")
        one, two = (s["CidrBlock"].rpartition(".")[0] for x in self.subnets[:2] for s in self.ec2.describe_subnets(SubnetIds=[x])["Subnets"])
        a, b = self.group(Protocol="TCP"), self.group(Protocol="TCP")
        for g, port in ((a, 80), (b, 81)):
            self.listener(lb, self.forward(g), Protocol="TCP", Port=port)

        def put(g, *ids, **more):
            return {"TargetGroupArn": g["TargetGroupArn"], "Targets": [{"Id": i, **more} for i in ids]}
        register = self.elb.register_targets
        self.refused("TooManyTargets", None, register, **put(a, *(f"{one}.{i}" for i in range(20, 26))))
        register(**put(a, *(f"{one}.{i}" for i in range(20, 25))))
        register(**put(b, *(f"{two}.{i}" for i in range(20, 24))))
        too_many = "The maximum number of targets per Availability Zone per load balancer has been reached (5)"
        self.refused("TooManyTargets", too_many, register, **put(b, f"{one}.30"))
        self.refused("TooManyTargets", too_many, register, **put(b, "10.9.9.9", AvailabilityZone="all"))
        register(**put(b, f"{two}.30"))
        register(**put(a, f"{one}.20"))
        self.elb.deregister_targets(**put(a, f"{one}.24"))
        self.elb.modify_load_balancer_attributes(LoadBalancerArn=lb["LoadBalancerArn"],
                                                 Attributes=[{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}])
        self.refused("TooManyTargets", too_many, register, **put(a, f"{one}.31"))
        limits = {x["Name"]: x["Max"] for x in self.elb.describe_account_limits()["Limits"]}
        self.assertEqual("5", limits["targets-per-availability-zone-per-network-load-balancer"])

    def test_tags(self):
        g = self.group(Tags=[{"Key": "a", "Value": "1"}])
        arn = g["TargetGroupArn"]

        def tags():
            return {t["Key"]: t["Value"] for t in self.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]}
        self.refused("DuplicateTagKeys", None, self.elb.add_tags, ResourceArns=[arn], Tags=[{"Key": "x", "Value": "1"}, {"Key": "x", "Value": "2"}])
        self.refused("ValidationError", None, self.elb.add_tags, ResourceArns=[arn], Tags=[{"Key": "aws:x", "Value": "1"}])
        self.refused("TooManyTags", None, self.elb.add_tags, ResourceArns=[arn], Tags=[{"Key": f"k{i}", "Value": ""} for i in range(50)])
        self.refused("ValidationError", None, self.elb.add_tags, ResourceArns=[arn], Tags=[{"Key": "k" * 129, "Value": ""}])
        self.assertEqual({"a": "1"}, tags())
        self.elb.add_tags(ResourceArns=[arn], Tags=[{"Key": f"k{i}", "Value": ""} for i in range(49)])
        self.elb.add_tags(ResourceArns=[arn], Tags=[{"Key": "a", "Value": "2"}, {"Key": "k0", "Value": "z"}])
        self.assertEqual(("2", "z", 50), (tags()["a"], tags()["k0"], len(tags())))
        self.elb.remove_tags(ResourceArns=[arn], TagKeys=[f"k{i}" for i in range(49)] + ["absent"])
        self.assertEqual({"a": "2"}, tags())
        self.refused("TargetGroupNotFound", None, self.elb.describe_tags, ResourceArns=[arn[:-16] + "0" * 16])

    def attribute(self, group, key, value):
        self.elb.modify_target_group_attributes(TargetGroupArn=group["TargetGroupArn"], Attributes=[{"Key": key, "Value": value}])

    def test_zones(self):
        """A target in a zone that its load balancer has not gets nothing."""
        address = self.ec2.describe_subnets(SubnetIds=self.subnets[2:3])["Subnets"][0]["CidrBlock"].replace(".0/20", ".77")
        group, lb = self.group(), self.balancer()
        arn = group["TargetGroupArn"]
        self.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": address}])
        self.listener(lb, self.forward(group))

        def found():
            one = self.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"][0]
            self.assertEqual(self.zones[self.subnets[2]], one["Target"]["AvailabilityZone"])
            self.assertEqual({"State": "no_override", "Reason": "AdministrativeOverride.NoOverride",
                              "Description": "No override is currently active on target"}, one["AdministrativeOverride"])
            return one["TargetHealth"]
        self.active(lb)
        self.assertEqual({"State": "unused", "Reason": "Target.NotInUse",
                          "Description": "Target is in an Availability Zone that is not enabled for the load balancer"}, found())
        self.elb.set_subnets(LoadBalancerArn=lb["LoadBalancerArn"], Subnets=self.subnets[:3])
        self.assertNotEqual("unused", found()["State"])
        self.active(lb)
        self.assertNotEqual("unused", found()["State"])

    def test_zones_of_targets_outside(self):
        cross = "load_balancing.cross_zone.enabled"
        group, network = self.group(), self.group(Protocol="TCP")

        def zones(g):
            return [d["Target"]["AvailabilityZone"] for d in self.elb.describe_target_health(TargetGroupArn=g["TargetGroupArn"])["TargetHealthDescriptions"]]
        for g in (group, network):
            self.elb.register_targets(TargetGroupArn=g["TargetGroupArn"], Targets=[{"Id": "10.9.8.7", "AvailabilityZone": "us-east-1a"}])
        self.assertEqual((["all"], ["us-east-1a"]), (zones(group), zones(network)), "of HTTP groups a zone counts without cross-zone balancing alone")
        self.refused("InvalidConfigurationRequest", None, self.attribute, group, cross, "false")
        self.elb.deregister_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": "10.9.8.7"}])
        self.attribute(group, cross, "false")
        self.refused("ValidationError", None, self.elb.register_targets, TargetGroupArn=group["TargetGroupArn"],
                     Targets=[{"Id": "10.9.8.7", "AvailabilityZone": "all"}])
        self.elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": "10.9.8.7", "AvailabilityZone": "us-east-1a"}])
        self.assertEqual(["us-east-1a"], zones(group))
        self.refused("InvalidConfigurationRequest", None, self.attribute, group, "stickiness.enabled", "true")
        self.attribute(group, cross, "use_load_balancer_configuration")
        self.attribute(group, "stickiness.enabled", "true")
        self.refused("InvalidConfigurationRequest", None, self.attribute, group, cross, "false")

    def test_stickiness_of_targets_needs_that_of_groups(self):
        lb, one, two = self.balancer(), self.group(), self.group()

        def forward(sticky):
            return [{"Type": "forward", "ForwardConfig": {
                "TargetGroups": [{"TargetGroupArn": g["TargetGroupArn"], "Weight": 1} for g in (one, two)],
                "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 60} if sticky else {"Enabled": False}}}]
        l = self.listener(lb)
        rule = self.elb.create_rule(ListenerArn=l["ListenerArn"], Priority=1, Conditions=[{"Field": "path-pattern", "Values": ["/x"]}],
                                    Actions=forward(False))["Rules"][0]["RuleArn"]
        self.refused("InvalidConfigurationRequest", f"This target group appears behind a rule with group stickiness disabled ({rule}). You must enable "
                     "group stickiness before enabling target stickiness", self.attribute, two, "stickiness.enabled", "true")
        self.elb.modify_rule(RuleArn=rule, Actions=forward(True))
        self.attribute(two, "stickiness.enabled", "true")
        self.refused("InvalidConfigurationRequest", "You must enable group stickiness on a rule if you enabled target stickiness on one of its target groups",
                     self.elb.modify_rule, RuleArn=rule, Actions=forward(False))
        self.elb.modify_rule(RuleArn=rule, Actions=self.forward(two))

    def test_permissions(self):
        red, blue = self.group(Tags=[{"Key": "team", "Value": "red"}]), self.group(Tags=[{"Key": "team", "Value": "blue"}])
        nobody = self.user(allow("DescribeTargetGroups"))
        nobody.describe_target_groups()
        message = self.refused("AccessDenied", None, nobody.delete_target_group, TargetGroupArn=red["TargetGroupArn"])["Error"]["Message"]
        self.assertIn(f"elasticloadbalancing:DeleteTargetGroup on resource: {red['TargetGroupArn']}", message)
        tagged = self.user(allow("AddTags", "RemoveTags", "ModifyTargetGroup", StringEquals={"aws:ResourceTag/team": "red"}))
        tagged.modify_target_group(TargetGroupArn=red["TargetGroupArn"], HealthyThresholdCount=3)
        self.refused("AccessDenied", None, tagged.modify_target_group, TargetGroupArn=blue["TargetGroupArn"], HealthyThresholdCount=3)
        # Every resource of a list is decided by its own tags.
        tag = [{"Key": "x", "Value": "1"}]
        for arns in ([red, blue], [blue, red]):
            self.refused("AccessDenied", None, tagged.add_tags, ResourceArns=[g["TargetGroupArn"] for g in arns], Tags=tag)
        tagged.add_tags(ResourceArns=[red["TargetGroupArn"]], Tags=tag)
        forbidden = self.user(allow("AddTags"), {"Effect": "Deny", "Action": "*", "Resource": "*",
                                                 "Condition": {"StringEquals": {"elasticloadbalancing:ResourceTag/team": "blue"}}})
        self.refused("AccessDenied", None, forbidden.add_tags, ResourceArns=[red["TargetGroupArn"], blue["TargetGroupArn"]], Tags=tag)
        # Tags at creation need their own permission, for that creation alone.
        maker = self.user(allow("CreateTargetGroup"))
        good = {"Name": self.name("tg"), "Protocol": "HTTP", "Port": 80, "VpcId": self.vpc}
        message = self.refused("AccessDenied", None, maker.create_target_group, **good, Tags=tag)["Error"]["Message"]
        self.assertIn("elasticloadbalancing:AddTags", message)
        maker = self.user(allow("CreateTargetGroup"), allow("AddTags", StringEquals={"elasticloadbalancing:CreateAction": "CreateTargetGroup"}))
        made = maker.create_target_group(**good, Tags=tag)["TargetGroups"][0]
        self.refused("AccessDenied", None, maker.add_tags, ResourceArns=[made["TargetGroupArn"]], Tags=tag)


if __name__ == "__main__":
    harness.serve("--quota", "elbv2-targets-per-target-group=12", "--quota", "elbv2-targets-per-availability-zone-per-network-load-balancer=5", "--instance", "i-0123456789abcdef0=127.0.0.1")
    harness.main()
