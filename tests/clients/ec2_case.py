"""What the EC2 suites share: clients, refusals, users with policies."""
import json
import uuid

import harness
from botocore.exceptions import ClientError
from client_case import ClientCase

ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class Ec2Case(ClientCase):
    @classmethod
    def setUpClass(cls):
        cls.ec2, cls.iam = harness.client("ec2"), harness.client("iam")
        cls.account = harness.SERVER.health["account"]

    def user(self, *statements):
        name = "u-" + uuid.uuid4().hex[:10]
        self.iam.create_user(UserName=name)
        if statements:
            self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(
                {"Version": "2012-10-17", "Statement": list(statements)}))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return harness.client("ec2", key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    def name(self):
        return "n-" + uuid.uuid4().hex[:12]

    def default_vpc(self):
        return self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]

    def group(self, **more):
        made = self.ec2.create_security_group(GroupName=self.name(), Description="for a test", **more)["GroupId"]
        self.addCleanup(self.gone, self.ec2.delete_security_group, GroupId=made)
        return made

    def gone(self, call, **arguments):
        """Deletes what a test may have deleted already."""
        try:
            call(**arguments)
        except ClientError as error:
            self.assertIn("NotFound", error.response["Error"]["Code"])

    def arn(self, what):
        return f"arn:aws:ec2:{harness.REGION}:{self.account}:{what}"
