"""What the suites of KMS share: clients, users and roles to call as, keys, and refusals word for word."""
import json
import uuid

import harness
from client_case import ClientCase

DRY = "The request would have succeeded, but the DryRun option is set."


class KmsCase(ClientCase):
    @classmethod
    def setUpClass(cls):
        cls.kms, cls.iam, cls.sts = (harness.client(s) for s in ("kms", "iam", "sts"))
        cls.account = harness.SERVER.health["account"]

    def allowed(self, call, /, **arguments):
        """A dry run of it would succeed."""
        self.refused("DryRunOperationException", DRY, call, DryRun=True, **arguments)

    def denied(self, call, /, **arguments):
        return self.refused("AccessDeniedException", None, call, **arguments)["Error"]["Message"]

    def key(self, **arguments):
        return self.kms.create_key(**arguments)["KeyMetadata"]

    def arn(self, what):
        return f"arn:aws:kms:{harness.REGION}:{self.account}:{what}"

    def user(self, *statements):
        """A user with these statements as its policy: its ARN and its client of KMS."""
        name = "u-" + uuid.uuid4().hex[:10]
        user = self.iam.create_user(UserName=name)["User"]
        if statements:
            self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=self.document(*statements))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return user["Arn"], harness.client("kms", key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    def role(self, *statements):
        """A role's ARN and the client of a session of it."""
        name = "r-" + uuid.uuid4().hex[:10]
        trust = self.document(self.statement(["sts:AssumeRole"], None, Principal={"AWS": f"arn:aws:iam::{self.account}:root"}))
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=self.document(*statements))
        got = self.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")
        c = got["Credentials"]
        return role["Arn"], got["AssumedRoleUser"]["Arn"], harness.client(
            "kms", key=c["AccessKeyId"], secret=c["SecretAccessKey"], token=c["SessionToken"])

    @staticmethod
    def statement(actions, resource="*", effect="Allow", **more):
        return {"Effect": effect, "Action": actions, **({"Resource": resource} if resource else {}), **more}

    @staticmethod
    def document(*statements):
        return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

    def policy(self, *statements, root=True):
        """A key policy of these statements; `root`: the account's policies decide, too."""
        account = self.statement("kms:*", Principal={"AWS": f"arn:aws:iam::{self.account}:root"})
        return self.document(*([account] if root else []), *statements)
