"""What the suites of roles and policies share: clients, unique names that are cleaned up, refusals to the letter."""
import json
import uuid

import harness
from botocore.exceptions import ClientError
from client_case import ClientCase

EC2_TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
S3_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


def trust_of(*principals):
    return {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole"}]}


def allow(action, resource="*", **condition):
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    if condition:
        statement["Condition"] = condition["condition"]
    return {"Version": "2012-10-17", "Statement": [statement]}


def padded(document, size):
    """The document at exactly `size` characters without white space, by the length of its first Sid."""
    document = json.loads(json.dumps(document))
    document["Statement"][0]["Sid"] = ""
    bare = len(json.dumps(document, separators=(",", ":")))
    document["Statement"][0]["Sid"] = "a" * (size - bare)
    return json.dumps(document, separators=(",", ":"))


class IamCase(ClientCase):
    @classmethod
    def setUpClass(cls):
        cls.iam = harness.client("iam")
        cls.account = harness.client("sts").get_caller_identity()["Account"]

    def name(self, stem="t"):
        return f"{stem}-{uuid.uuid4().hex[:12]}"

    def arn(self, kind, name, path="/"):
        return f"arn:aws:iam::{self.account}:{kind}{path}{name}"

    def denied(self, call, /, **arguments):
        return self.refused("AccessDenied", None, call, **arguments)["Error"]["Message"]

    def cleanup(self, call, /, **arguments):
        def quietly():
            try:
                call(**arguments)
            except ClientError:
                pass
        self.addCleanup(quietly)

    def role(self, trust=EC2_TRUST, **more):
        name = more.pop("RoleName", None) or self.name("role")
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), **more)["Role"]
        self.cleanup(self.iam.delete_role, RoleName=name)
        return made

    def user(self, **more):
        name = more.pop("UserName", None) or self.name("user")
        made = self.iam.create_user(UserName=name, **more)["User"]
        self.cleanup(self.iam.delete_user, UserName=name)
        return made

    def group(self):
        made = self.iam.create_group(GroupName=self.name("group"))["Group"]
        self.cleanup(self.iam.delete_group, GroupName=made["GroupName"])
        return made

    def policy(self, document=S3_POLICY, **more):
        name = more.pop("PolicyName", None) or self.name("policy")
        made = self.iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document), **more)["Policy"]
        self.cleanup(self.iam.delete_policy, PolicyArn=made["Arn"])
        return made

    def client_of(self, user_name, service="iam"):
        """A client with a new access key of the user."""
        key = self.iam.create_access_key(UserName=user_name)["AccessKey"]
        self.cleanup(self.iam.delete_access_key, UserName=user_name, AccessKeyId=key["AccessKeyId"])
        return harness.client(service, key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    def client_with(self, *policies, service="iam"):
        """A client of a new user that has just these inline policies."""
        name = self.user()["UserName"]
        for i, document in enumerate(policies):
            self.iam.put_user_policy(UserName=name, PolicyName=f"p{i}", PolicyDocument=json.dumps(document))
            self.cleanup(self.iam.delete_user_policy, UserName=name, PolicyName=f"p{i}")
        return self.client_of(name, service)
