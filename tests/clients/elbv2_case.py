"""What the suites of load balancers share: the default network, unique names, refusals to the letter."""
import json
import time
import uuid

import harness
from client_case import ClientCase


class Elbv2Case(ClientCase):
    @classmethod
    def setUpClass(cls):
        cls.elb, cls.ec2, cls.iam = harness.client("elbv2"), harness.client("ec2"), harness.client("iam")
        cls.account = harness.SERVER.health["account"]
        subnets = cls.ec2.describe_subnets()["Subnets"]
        cls.subnets = [s["SubnetId"] for s in subnets]
        cls.zones = {s["SubnetId"]: s["AvailabilityZone"] for s in subnets}
        cls.vpc = subnets[0]["VpcId"]

    def name(self, stem="t"):
        return f"{stem}-{uuid.uuid4().hex[:12]}"

    def group(self, **more):
        given = {"Name": self.name("tg"), "Protocol": "HTTP", "Port": 80, "VpcId": self.vpc, "TargetType": "ip", **more}
        return self.elb.create_target_group(**given)["TargetGroups"][0]

    def balancer(self, **more):
        given = {"Name": self.name("lb"), "Subnets": self.subnets[:2], **more}
        lb = self.elb.create_load_balancer(**given)["LoadBalancers"][0]
        self.addCleanup(self.elb.delete_load_balancer, LoadBalancerArn=lb["LoadBalancerArn"])
        return lb

    def listener(self, lb, actions=None, **more):
        actions = actions or [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
        given = {"LoadBalancerArn": lb["LoadBalancerArn"], "Protocol": "HTTP", "Port": 80, "DefaultActions": actions, **more}
        return self.elb.create_listener(**given)["Listeners"][0]

    def forward(self, group):
        return [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]

    def state(self, lb):
        return self.elb.describe_load_balancers(LoadBalancerArns=[lb["LoadBalancerArn"]])["LoadBalancers"][0]["State"]

    def active(self, lb, seconds=harness.PATIENCE_SECONDS):
        end = time.monotonic() + seconds
        while self.state(lb)["Code"] != "active" and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual("active", self.state(lb)["Code"])

    def user(self, *statements):
        """A client of a new user with these statements."""
        name = self.name("u")
        self.iam.create_user(UserName=name)
        self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": list(statements)}))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return harness.client("elbv2", key=key["AccessKeyId"], secret=key["SecretAccessKey"])


def allow(*actions, resource="*", **condition):
    return {"Effect": "Allow", "Action": [f"elasticloadbalancing:{a}" for a in actions], "Resource": resource,
            **({"Condition": condition} if condition else {})}
