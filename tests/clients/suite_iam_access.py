#!/usr/bin/env python3
"""Reports of last access: what a user, role, group or policy reaches, and what of it was attempted, through boto3."""
import datetime
import json
import time

import harness
from iam_case import IamCase, allow, trust_of

WRITTEN_SECONDS = 40  # last uses are written every five seconds; a busy machine takes longer


class Reports(IamCase):
    def job(self, arn, iam=None, **more):
        return (iam or self.iam).generate_service_last_accessed_details(Arn=arn, **more)["JobId"]

    def services(self, job, **more):
        got = self.iam.get_service_last_accessed_details(JobId=job, **more)
        return {s["ServiceNamespace"]: s for s in got["ServicesLastAccessed"]}

    def until(self, arn, wanted, **more):
        """The services of a report of which `wanted` is true."""
        end = time.monotonic() + WRITTEN_SECONDS
        while True:
            found = self.services(self.job(arn, **more))
            if wanted(found) or time.monotonic() > end:
                return found
            time.sleep(0.3)

    def test_refusals(self):
        user = self.user()
        job = self.job(user["Arn"])
        absent = "00000000-0000-4000-8000-000000000000"
        get, entities = self.iam.get_service_last_accessed_details, self.iam.get_service_last_accessed_details_with_entities
        generate, grants = self.iam.generate_service_last_accessed_details, self.iam.list_policies_granting_service_access
        self.refused("NoSuchEntity", None, generate, Arn=self.arn("user", "nobody"))
        self.refused("NoSuchEntity", None, generate, Arn="arn:aws:iam::111122223333:user/" + user["UserName"])
        self.refused("NoSuchEntity", None, generate, Arn=self.arn("policy", "nothing"))
        self.refused("InvalidInput", None, generate, Arn="x" * 20)
        self.refused("ValidationError", None, generate, Arn="x" * 19)
        self.refused("ValidationError", None, generate, Arn=user["Arn"], Granularity="DAY_LEVEL")
        for call, more in ((get, {}), (entities, {"ServiceNamespace": "iam"})):
            self.refused("NoSuchEntity", f"The job with id {absent} cannot be found.", call, JobId=absent, **more)
            self.refused("ValidationError", None, call, JobId="x", **more)
            self.refused("ValidationError", None, call, JobId=job, MaxItems=0, **more)
        self.refused("NoSuchEntity", None, entities, JobId=job, ServiceNamespace="kms")
        self.refused("ValidationError", None, entities, JobId=job, ServiceNamespace="k m")
        self.refused("NoSuchEntity", None, grants, Arn=self.arn("user", "nobody"), ServiceNamespaces=["iam"])
        self.refused("InvalidInput", None, grants, Arn=user["Arn"], ServiceNamespaces=["nothing-such"])
        self.refused("ValidationError", None, grants, Arn=user["Arn"], ServiceNamespaces=[])

    def test_a_job_is_for_who_asked(self):
        user = self.user()
        other = self.client_with(allow("iam:*"))
        job = self.job(user["Arn"])
        self.assertEqual("COMPLETED", self.iam.get_service_last_accessed_details(JobId=job)["JobStatus"])
        self.refused("NoSuchEntity", None, other.get_service_last_accessed_details, JobId=job)
        nobody = self.client_with(allow("sts:*"))
        self.denied(nobody.generate_service_last_accessed_details, Arn=user["Arn"])
        self.denied(nobody.list_policies_granting_service_access, Arn=user["Arn"], ServiceNamespaces=["iam"])

    def test_what_was_attempted(self):
        before = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        name = self.user()["UserName"]
        arn = self.arn("user", name)
        self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["IAM:getu*", "kms:List?eys", "s3:*"], "Resource": "*"}]}))
        self.cleanup(self.iam.delete_user_policy, UserName=name, PolicyName="p")
        self.assertEqual({"iam", "kms"}, set(self.services(self.job(arn))))
        unused = self.services(self.job(arn))["kms"]
        self.assertEqual({"ServiceName": "AWS Key Management Service", "ServiceNamespace": "kms", "TotalAuthenticatedEntities": 0}, unused)
        mine = self.client_of(name)
        mine.get_user()
        self.denied(mine.list_users)  # an attempt all the same
        found = self.until(arn, lambda s: len(s["iam"].get("TrackedActionsLastAccessed", [])) == 2, Granularity="ACTION_LEVEL")
        iam = found["iam"]
        self.assertEqual((arn, "us-east-1", 1), (iam["LastAuthenticatedEntity"], iam["LastAuthenticatedRegion"], iam["TotalAuthenticatedEntities"]))
        self.assertLessEqual(before, iam["LastAuthenticated"])
        self.assertEqual(["GetUser", "ListUsers"], [a["ActionName"] for a in iam["TrackedActionsLastAccessed"]])
        self.assertEqual({arn}, {a["LastAccessedEntity"] for a in iam["TrackedActionsLastAccessed"]})
        self.assertNotIn("LastAuthenticated", found["kms"])
        self.assertNotIn("TrackedActionsLastAccessed", self.services(self.job(arn))["iam"])

    def test_groups_policies_and_roles(self):
        policy, group, idle, busy = self.policy(allow(["iam:Get*", "sts:*"])), self.group(), self.user(), self.user()
        role = self.role(trust_of(self.account))
        for u in (idle, busy):
            self.iam.add_user_to_group(GroupName=group["GroupName"], UserName=u["UserName"])
            self.cleanup(self.iam.remove_user_from_group, GroupName=group["GroupName"], UserName=u["UserName"])
        self.iam.attach_group_policy(GroupName=group["GroupName"], PolicyArn=policy["Arn"])
        self.cleanup(self.iam.detach_group_policy, GroupName=group["GroupName"], PolicyArn=policy["Arn"])
        self.iam.attach_role_policy(RoleName=role["RoleName"], PolicyArn=policy["Arn"])
        self.cleanup(self.iam.detach_role_policy, RoleName=role["RoleName"], PolicyArn=policy["Arn"])
        self.client_of(busy["UserName"]).get_user()
        session = harness.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="sess")["Credentials"]
        harness.client("sts", key=session["AccessKeyId"], secret=session["SecretAccessKey"], token=session["SessionToken"]).get_caller_identity()
        found = self.until(group["Arn"], lambda s: "LastAuthenticated" in s["iam"])
        self.assertEqual((busy["Arn"], 1), (found["iam"]["LastAuthenticatedEntity"], found["iam"]["TotalAuthenticatedEntities"]))
        self.assertEqual({"iam", "sts"}, set(found))
        found = self.until(policy["Arn"], lambda s: "LastAuthenticated" in s["sts"])
        self.assertEqual(role["Arn"], found["sts"]["LastAuthenticatedEntity"])
        self.assertEqual(role["Arn"], self.services(self.job(role["Arn"]))["sts"]["LastAuthenticatedEntity"])

        job = self.job(policy["Arn"])
        listed = self.iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="iam")
        self.assertEqual("COMPLETED", listed["JobStatus"])
        listed = listed["EntityDetailsList"]
        self.assertEqual({"Arn": busy["Arn"], "Name": busy["UserName"], "Type": "USER", "Id": busy["UserId"], "Path": "/"}, listed[0]["EntityInfo"])
        self.assertIn("LastAuthenticated", listed[0])
        self.assertEqual({idle["Arn"], role["Arn"]}, {e["EntityInfo"]["Arn"] for e in listed[1:]})
        self.assertFalse(any("LastAuthenticated" in e for e in listed[1:]))
        pages, marker = [], {}
        while True:
            page = self.iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="iam", MaxItems=1, **marker)
            pages += page["EntityDetailsList"]
            if not page["IsTruncated"]:
                break
            marker = {"Marker": page["Marker"]}
        self.assertEqual(listed, pages)
        page = self.iam.get_service_last_accessed_details(JobId=job, MaxItems=1)
        self.assertEqual((["iam"], True), ([s["ServiceNamespace"] for s in page["ServicesLastAccessed"]], page["IsTruncated"]))
        page = self.iam.get_service_last_accessed_details(JobId=job, MaxItems=1, Marker=page["Marker"])
        self.assertEqual((["sts"], False), ([s["ServiceNamespace"] for s in page["ServicesLastAccessed"]], page["IsTruncated"]))

    def test_policies_that_grant(self):
        name, group, policy = self.user()["UserName"], self.group()["GroupName"], self.policy(allow("kms:*"))
        for kind, call in (("user", name), ("group", group)):
            key = "UserName" if kind == "user" else "GroupName"
            getattr(self.iam, f"attach_{kind}_policy")(**{key: call}, PolicyArn=policy["Arn"])
            self.cleanup(getattr(self.iam, f"detach_{kind}_policy"), **{key: call}, PolicyArn=policy["Arn"])
        self.iam.put_group_policy(GroupName=group, PolicyName="most", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "NotAction": ["iam:*", "ec2:*"], "Resource": "*"}}))
        self.iam.put_user_policy(UserName=name, PolicyName="no", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {
            "Effect": "Deny", "Action": "*", "Resource": "*"}}))
        self.cleanup(self.iam.delete_user_policy, UserName=name, PolicyName="no")
        self.cleanup(self.iam.delete_group_policy, GroupName=group, PolicyName="most")
        self.iam.add_user_to_group(GroupName=group, UserName=name)
        self.cleanup(self.iam.remove_user_from_group, GroupName=group, UserName=name)
        managed = {"PolicyName": policy["PolicyName"], "PolicyType": "MANAGED", "PolicyArn": policy["Arn"]}
        inline = {"PolicyName": "most", "PolicyType": "INLINE", "EntityType": "GROUP", "EntityName": group}
        got = self.iam.list_policies_granting_service_access(Arn=self.arn("user", name), ServiceNamespaces=["kms", "iam", "acm"])
        self.assertEqual([{"ServiceNamespace": "kms", "Policies": [managed, inline]}, {"ServiceNamespace": "iam", "Policies": []},
                          {"ServiceNamespace": "acm", "Policies": [inline]}], got["PoliciesGrantingServiceAccess"])
        self.assertFalse(got["IsTruncated"])


if __name__ == "__main__":
    harness.serve()
    harness.main()
