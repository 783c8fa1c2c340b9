#!/usr/bin/env python3
"""STS through boto3: who am I, roles assumed, session and federation tokens, what each refuses."""
import datetime
import json
import uuid

import harness
from client_case import ClientCase

ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class Sts(ClientCase):
    @classmethod
    def setUpClass(cls):
        cls.iam, cls.sts = harness.client("iam"), harness.client("sts")
        cls.account = harness.SERVER.health["account"]

    def user(self, *policies):
        name = "u-" + uuid.uuid4().hex[:10]
        self.iam.create_user(UserName=name)
        for i, document in enumerate(policies):
            self.iam.put_user_policy(UserName=name, PolicyName=f"p{i}", PolicyDocument=json.dumps(document))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return name, key["AccessKeyId"], key["SecretAccessKey"]

    def role(self, principal, policy=None, condition=None, actions=("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"), **more):
        name = "r-" + uuid.uuid4().hex[:10]
        statement = {"Effect": "Allow", "Principal": principal, "Action": list(actions)}
        if condition:
            statement["Condition"] = condition
        trust = {"Version": "2012-10-17", "Statement": [statement]}
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), **more)["Role"]
        if policy:
            self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        return role

    def of(self, service, credentials):
        return harness.client(service, key=credentials["AccessKeyId"], secret=credentials["SecretAccessKey"],
                              token=credentials["SessionToken"])

    def root_trust(self):
        return {"AWS": f"arn:aws:iam::{self.account}:root"}

    def test_identity_of_user_root_and_role(self):
        me = self.sts.get_caller_identity()
        self.assertEqual(f"arn:aws:iam::{self.account}:user/admin", me["Arn"])
        self.assertRegex(me["UserId"], r"^AIDA[A-Z2-7]{17}$")
        root = harness.client("sts", key=harness.ROOT_KEY, secret=harness.ROOT_SECRET).get_caller_identity()
        self.assertEqual((self.account, f"arn:aws:iam::{self.account}:root", self.account), (root["UserId"], root["Arn"], root["Account"]))
        role = self.role(self.root_trust(), Path="/some/path/")
        got = self.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="me")
        self.assertEqual(f"{role['RoleId']}:me", got["AssumedRoleUser"]["AssumedRoleId"])
        who = self.of("sts", got["Credentials"]).get_caller_identity()
        self.assertEqual(f"arn:aws:sts::{self.account}:assumed-role/{role['RoleName']}/me", who["Arn"])
        self.assertEqual(f"{role['RoleId']}:me", who["UserId"])
        self.assertRegex(got["Credentials"]["AccessKeyId"], r"^ASIA[A-Z2-7]{16}$")

    def test_wrong_credentials_are_told_apart(self):
        _, key, secret = self.user()
        text = ("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
                "and signing method. Consult the service documentation for details.")
        self.refused("SignatureDoesNotMatch", text, harness.client("sts", key=key, secret=secret[:-1] + "#").get_caller_identity)
        gone = "The security token included in the request is invalid."
        self.refused("InvalidClientTokenId", gone, harness.client("sts", key="AKIAAAAAAAAAAAAAAAAA", secret=secret).get_caller_identity)
        self.refused("InvalidClientTokenId", gone, harness.client("sts", key=key, secret=secret, token="bm9uZQ==").get_caller_identity)

    def test_denial_names_who_what_and_why(self):
        name, key, secret = self.user()
        denied = self.refused("AccessDenied",
                              f"User: arn:aws:iam::{self.account}:user/{name} is not authorized to perform: iam:CreateUser on resource: "
                              f"arn:aws:iam::{self.account}:user/x because no identity-based policy allows the iam:CreateUser action",
                              harness.client("iam", key=key, secret=secret).create_user, UserName="x")
        self.assertEqual(403, denied["ResponseMetadata"]["HTTPStatusCode"])
        sealed = denied["ResponseMetadata"]["HTTPHeaders"]["x-bulwark-encoded-authorization-message"]
        opened = json.loads(self.sts.decode_authorization_message(EncodedMessage=sealed)["DecodedMessage"])
        self.assertEqual((False, False, [], []), (opened["allowed"], opened["explicitDeny"], opened["matchedStatements"]["items"], opened["failures"]["items"]))
        context = opened["context"]
        self.assertEqual(("iam:CreateUser", f"arn:aws:iam::{self.account}:user/x", name, f"arn:aws:iam::{self.account}:user/{name}"),
                         (context["action"], context["resource"], context["principal"]["name"], context["principal"]["arn"]))
        keys = {item["key"]: [v["value"] for v in item["values"]["items"]] for item in context["conditions"]["items"]}
        self.assertEqual([name], keys["aws:username"])
        self.assertEqual(("implicitDeny", "identity"), (opened["reasons"]["decision"], opened["reasons"]["layer"]))
        self.refused("InvalidAuthorizationMessageException", None, self.sts.decode_authorization_message,
                     EncodedMessage=sealed[:-8] + "AAAAAAA=")
        self.refused("AccessDenied", None, harness.client("sts", key=key, secret=secret).decode_authorization_message,
                     EncodedMessage=sealed)

    def test_an_explicit_denial_shows_its_statement(self):
        name, key, secret = self.user({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Sid": "NoUsers", "Effect": "Deny", "Action": ["iam:CreateUser", "iam:DeleteUser"], "Resource": "*",
             "Condition": {"StringNotEquals": {"aws:RequestTag/team": "red"}}}]})

        def opened():
            denied = self.refused("AccessDenied", None, harness.client("iam", key=key, secret=secret).create_user, UserName="x")
            sealed = denied["ResponseMetadata"]["HTTPHeaders"]["x-bulwark-encoded-authorization-message"]
            self.assertLessEqual(len(sealed), 10240)
            return json.loads(self.sts.decode_authorization_message(EncodedMessage=sealed)["DecodedMessage"])
        message = opened()
        statement, = message["matchedStatements"]["items"]
        values = lambda items: [item["value"] for item in items["items"]]
        self.assertEqual((True, "NoUsers", "DENY"), (message["explicitDeny"], statement["statementId"], statement["effect"]))
        self.assertEqual((["iam:CreateUser", "iam:DeleteUser"], ["*"]), (values(statement["actions"]), values(statement["resources"])))
        self.assertEqual(("aws:RequestTag/team", ["red"]), (statement["conditions"]["items"][0]["key"], values(statement["conditions"]["items"][0]["values"])))
        self.assertTrue(values(statement["principals"])[0].startswith("AIDA"))
        # With policies too long to be told whole, what applied is told.
        for arn in ("ReadOnlyAccess", "job-function/ViewOnlyAccess"):
            self.iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/" + arn)
        brief = opened()
        self.assertEqual("NoUsers", brief["matchedStatements"]["items"][0]["statementId"])
        self.assertEqual({"Allow", "Deny"}, {m["effect"] for m in brief["reasons"]["matched"]})
        for arn in ("ReadOnlyAccess", "job-function/ViewOnlyAccess"):
            self.iam.detach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/" + arn)

    def test_trust_policy_decides(self):
        name, key, secret = self.user()
        sts = harness.client("sts", key=key, secret=secret)
        denied = (f"User: arn:aws:iam::{self.account}:user/{name} is not authorized to perform: sts:AssumeRole on resource: ")
        # The account is trusted, but the user's own policies do not allow it.
        role = self.role(self.root_trust())
        self.refused("AccessDenied", denied + role["Arn"], sts.assume_role, RoleArn=role["Arn"], RoleSessionName="s1")
        # The user is named: that is enough in its own account.
        role = self.role({"AWS": f"arn:aws:iam::{self.account}:user/{name}"})
        self.assertIn("Credentials", sts.assume_role(RoleArn=role["Arn"], RoleSessionName="s1"))
        # Somebody else is named: the administrator's * does not help.
        self.refused("AccessDenied", None, self.sts.assume_role, RoleArn=role["Arn"], RoleSessionName="s1")
        # A role that is not there is not told from one that does not trust.
        for missing in (f"arn:aws:iam::{self.account}:role/absent", f"arn:aws:iam::{self.account}:role/path/{role['RoleName']}",
                        "arn:aws:iam::999999999999:role/absent"):
            self.refused("AccessDenied", denied + missing, sts.assume_role, RoleArn=missing, RoleSessionName="s1")
        self.refused("ValidationError", "nonsense-that-is-no-arn is invalid", self.sts.assume_role,
                     RoleArn="nonsense-that-is-no-arn", RoleSessionName="s1")

    def test_a_namesake_is_not_trusted(self):
        name, key, secret = self.user()
        role = self.role({"AWS": f"arn:aws:iam::{self.account}:user/{name}"})
        self.iam.delete_access_key(UserName=name, AccessKeyId=key)
        old = self.iam.get_user(UserName=name)["User"]["UserId"]
        self.iam.delete_user(UserName=name)
        self.iam.create_user(UserName=name)
        again = self.iam.create_access_key(UserName=name)["AccessKey"]
        sts = harness.client("sts", key=again["AccessKeyId"], secret=again["SecretAccessKey"])
        self.refused("AccessDenied", None, sts.assume_role, RoleArn=role["Arn"], RoleSessionName="s1")
        shown = self.iam.get_role(RoleName=role["RoleName"])["Role"]["AssumeRolePolicyDocument"]
        self.assertEqual(old, shown["Statement"][0]["Principal"]["AWS"])

    def test_a_renamed_user_stays_trusted_and_who_takes_its_name_is_not(self):
        name, key, secret = self.user()
        user = lambda n, path="/": f"arn:aws:iam::{self.account}:user{path}{n}"
        role = self.role({"AWS": user(name)})
        ask = {"RoleArn": role["Arn"], "RoleSessionName": "s1"}
        sts = harness.client("sts", key=key, secret=secret)
        session = self.of("sts", sts.get_session_token()["Credentials"])
        federated = self.of("sts", sts.assume_role(**ask)["Credentials"])
        shown = lambda: self.iam.get_role(RoleName=role["RoleName"])["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"]
        for new, path in ((name + "-new", "/"), (name + "-new", "/moved/"), (name + "-newest", "/moved/")):
            self.iam.update_user(UserName=name if path == "/" else name + "-new", NewUserName=new, NewPath=path)
            self.assertEqual(user(new, path), shown())
            sts.assume_role(**ask)
            # Its sessions go along, too.
            self.assertEqual(user(new, path), session.get_caller_identity()["Arn"])
            session.assume_role(**ask)
        federated.get_caller_identity()
        # Somebody else under each of its former names is nobody.
        for taken in (name, name + "-new"):
            self.iam.create_user(UserName=taken)
            made = self.iam.create_access_key(UserName=taken)["AccessKey"]
            self.refused("AccessDenied", None, harness.client("sts", key=made["AccessKeyId"], secret=made["SecretAccessKey"]).assume_role, **ask)
        sts.assume_role(**ask)
        self.assertEqual(user(name + "-newest", "/moved/"), shown())
        # Gone, it is shown by its id, and its sessions end.
        gone = self.iam.get_user(UserName=name + "-newest")["User"]["UserId"]
        self.iam.delete_access_key(UserName=name + "-newest", AccessKeyId=key)
        self.iam.delete_user(UserName=name + "-newest")
        self.assertEqual(gone, shown())
        self.refused("InvalidClientTokenId", None, session.get_caller_identity)
        self.iam.create_user(UserName=name + "-newest", Path="/moved/")
        self.assertEqual(gone, shown())
        self.refused("InvalidClientTokenId", None, session.get_caller_identity)

    def test_external_id(self):
        role = self.role(self.root_trust(), condition={"StringEquals": {"sts:ExternalId": "secret-42"}})
        self.refused("AccessDenied", None, self.sts.assume_role, RoleArn=role["Arn"], RoleSessionName="s1")
        self.refused("AccessDenied", None, self.sts.assume_role, RoleArn=role["Arn"], RoleSessionName="s1", ExternalId="other")
        self.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="s1", ExternalId="secret-42")

    def test_durations(self):
        role = self.role(self.root_trust(), policy=ALLOW_ALL, MaxSessionDuration=7200)
        for seconds, want in ((None, 3600), (900, 900), (7200, 7200)):
            more = {"DurationSeconds": seconds} if seconds else {}
            got = self.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="s1", **more)["Credentials"]
            left = (got["Expiration"] - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
            self.assertAlmostEqual(want, left, delta=10)
        self.refused("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
                     self.sts.assume_role, RoleArn=role["Arn"], RoleSessionName="s1", DurationSeconds=7201)
        self.refused("ValidationError", "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: "
                     "Member must have value greater than or equal to 900", self.sts.assume_role, RoleArn=role["Arn"],
                     RoleSessionName="s1", DurationSeconds=899)
        first = self.of("sts", self.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="s1")["Credentials"])
        self.refused("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
                     first.assume_role, RoleArn=role["Arn"], RoleSessionName="s2", DurationSeconds=3601)
        first.assume_role(RoleArn=role["Arn"], RoleSessionName="s2", DurationSeconds=3600)

    def test_all_faults_of_an_input_are_told(self):
        text = self.refused("ValidationError", None, self.sts.assume_role, RoleArn="short", RoleSessionName="!")["Error"]["Message"]
        self.assertTrue(text.startswith("3 validation errors detected: "), text)
        self.assertIn("Value 'short' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20", text)
        self.assertIn("Value '!' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*", text)
        self.refused("ValidationError", "1 validation error detected: Value null at 'roleSessionName' failed to satisfy constraint: "
                     "Member must not be null", self.sts.assume_role, RoleArn="arn:aws:iam::123456789012:role/r")

    def test_session_policy_narrows(self):
        role = self.role(self.root_trust(), policy=ALLOW_ALL)
        narrow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}]}
        iam = self.of("iam", self.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="s1", Policy=json.dumps(narrow))["Credentials"])
        iam.get_user(UserName="admin")
        message = self.refused("AccessDenied", None, iam.list_users)["Error"]["Message"]
        self.assertTrue(message.endswith("because no session policy allows the iam:ListUsers action"), message)
        by_arn = self.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="s1",
                                      PolicyArns=[{"arn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}])
        self.assertGreater(by_arn["PackedPolicySize"], 0)
        iam = self.of("iam", by_arn["Credentials"])
        iam.list_users()
        self.refused("AccessDenied", None, iam.create_user, UserName="never")
        self.refused("MalformedPolicyDocument", None, self.sts.assume_role, RoleArn=role["Arn"], RoleSessionName="s1", Policy="{}")
        big = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::" + "x" * 5000}]}
        self.refused("PackedPolicyTooLarge", None, self.sts.assume_role, RoleArn=role["Arn"], RoleSessionName="s1", Policy=json.dumps(big))

    def test_session_policies_must_be_there(self):
        role = self.role(self.root_trust(), policy=ALLOW_ALL)
        own = f"arn:aws:iam::{self.account}:policy"
        name = "p-" + uuid.uuid4().hex[:10]
        made = self.iam.create_policy(PolicyName=name, Path="/app/", PolicyDocument=json.dumps(ALLOW_ALL))["Policy"]["Arn"]
        ask = {"RoleArn": role["Arn"], "RoleSessionName": "s1"}
        self.of("iam", self.sts.assume_role(**ask, PolicyArns=[{"arn": made}])["Credentials"]).list_users()
        absent = "Policy {} does not exist or is not attachable."
        # Another path, another case and a name of AWS's that is none are no policies either.
        for arn in (f"{own}/none", f"{own}/{name}", f"{own}/app/{name.upper()}", "arn:aws:iam::aws:policy/NoSuchPolicy",
                    "arn:aws:iam::aws:policy/path/ReadOnlyAccess", "arn:aws:iam::aws:policy/readonlyaccess"):
            for call, more in ((self.sts.assume_role, ask), (self.sts.get_federation_token, {"Name": "bob"})):
                self.refused("ValidationError", absent.format(arn), call, **more, PolicyArns=[{"arn": made}, {"arn": arn}])
        foreign = "Session policies must be managed policies of the session's own account."
        for arn in ("arn:aws:iam::111122223333:policy/p", "arn:aws-cn:iam::aws:policy/ReadOnlyAccess"):
            self.refused("ValidationError", foreign, self.sts.assume_role, **ask, PolicyArns=[{"arn": arn}])
        self.refused("ValidationError", f"{role['Arn']} is invalid", self.sts.assume_role, **ask, PolicyArns=[{"arn": role["Arn"]}])
        # One that goes while the session lives allows nothing any more, nor does what takes its name at another path.
        session = self.of("iam", self.sts.assume_role(**ask, PolicyArns=[{"arn": made}])["Credentials"])
        session.list_users()
        self.iam.delete_policy(PolicyArn=made)
        self.refused("AccessDenied", None, session.list_users)
        other = self.iam.create_policy(PolicyName=name, Path="/other/", PolicyDocument=json.dumps(ALLOW_ALL))["Policy"]["Arn"]
        self.refused("AccessDenied", None, session.list_users)
        self.iam.delete_policy(PolicyArn=other)

    def test_session_tags(self):
        tagged = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["iam:GetUser", "sts:*"], "Resource": "*",
             "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}]}
        role = self.role(self.root_trust(), policy=tagged)
        red = {"RoleArn": role["Arn"], "RoleSessionName": "s1", "Tags": [{"Key": "team", "Value": "red"}]}
        self.of("iam", self.sts.assume_role(**red)["Credentials"]).get_user(UserName="admin")
        blue = {**red, "Tags": [{"Key": "team", "Value": "blue"}]}
        self.refused("AccessDenied", None, self.of("iam", self.sts.assume_role(**blue)["Credentials"]).get_user, UserName="admin")
        # Transitive tags go along and cannot be changed.
        chain = self.of("sts", self.sts.assume_role(**red, TransitiveTagKeys=["team"])["Credentials"])
        self.refused("InvalidParameterValue", None, chain.assume_role, **blue)
        self.of("iam", chain.assume_role(RoleArn=role["Arn"], RoleSessionName="s2")["Credentials"]).get_user(UserName="admin")
        twice = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
        self.refused("InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
                     self.sts.assume_role, RoleArn=role["Arn"], RoleSessionName="s1", Tags=twice)
        untaggable = self.role(self.root_trust(), actions=("sts:AssumeRole",))
        message = self.refused("AccessDenied", None, self.sts.assume_role, RoleArn=untaggable["Arn"], RoleSessionName="s1",
                               Tags=red["Tags"])["Error"]["Message"]
        self.assertIn("is not authorized to perform: sts:TagSession", message)

    def test_source_identity_stays(self):
        role = self.role(self.root_trust(), policy=ALLOW_ALL)
        got = self.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="s1", SourceIdentity="alice")
        self.assertEqual("alice", got["SourceIdentity"])
        chain = self.of("sts", got["Credentials"])
        self.assertEqual("alice", chain.assume_role(RoleArn=role["Arn"], RoleSessionName="s2")["SourceIdentity"])
        self.refused("ValidationError", None, chain.assume_role, RoleArn=role["Arn"], RoleSessionName="s2", SourceIdentity="mallory")

    def test_a_source_identity_goes_only_where_it_may_be_set(self):
        name, key, secret = self.user(ALLOW_ALL)
        first = self.role(self.root_trust(), policy=ALLOW_ALL)
        chain = self.of("sts", harness.client("sts", key=key, secret=secret).assume_role(
            RoleArn=first["Arn"], RoleSessionName="s1", SourceIdentity="alice")["Credentials"])
        # It goes along whether it is asked for again or not: the next role has to permit it either way.
        silent = self.role(self.root_trust(), policy=ALLOW_ALL, actions=("sts:AssumeRole",))
        for more in ({}, {"SourceIdentity": "alice"}):
            message = self.refused("AccessDenied", None, chain.assume_role, RoleArn=silent["Arn"], RoleSessionName="s2", **more)["Error"]["Message"]
            self.assertIn("is not authorized to perform: sts:SetSourceIdentity", message)
        # Who has none may assume it.
        self.assertNotIn("SourceIdentity", self.sts.assume_role(RoleArn=silent["Arn"], RoleSessionName="s2"))
        for wanted, allowed in (("alice", True), ("bob", False)):
            role = self.role(self.root_trust(), condition={"StringEquals": {"sts:SourceIdentity": wanted}})
            if allowed:
                self.assertEqual("alice", chain.assume_role(RoleArn=role["Arn"], RoleSessionName="s2")["SourceIdentity"])
            else:
                self.refused("AccessDenied", None, chain.assume_role, RoleArn=role["Arn"], RoleSessionName="s2")

    def test_a_deleted_role_ends_its_sessions(self):
        role = self.role(self.root_trust(), policy=ALLOW_ALL)
        session = self.of("sts", self.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="s1")["Credentials"])
        session.get_caller_identity()
        self.iam.delete_role_policy(RoleName=role["RoleName"], PolicyName="p")
        self.refused("AccessDenied", None, session.get_access_key_info, AccessKeyId=harness.SERVER.key_id)
        self.iam.delete_role(RoleName=role["RoleName"])
        self.refused("InvalidClientTokenId", None, session.get_caller_identity)

    def test_root_assumes_no_role(self):
        role = self.role(self.root_trust())
        root = harness.client("sts", key=harness.ROOT_KEY, secret=harness.ROOT_SECRET)
        self.refused("AccessDenied", "Roles may not be assumed by root accounts.", root.assume_role, RoleArn=role["Arn"], RoleSessionName="s1")

    def test_session_token(self):
        name, key, secret = self.user(ALLOW_ALL)
        session = harness.client("sts", key=key, secret=secret).get_session_token(DurationSeconds=900)["Credentials"]
        sts = self.of("sts", session)
        self.assertTrue(sts.get_caller_identity()["Arn"].endswith(":user/" + name))
        self.refused("AccessDenied", "Cannot call GetSessionToken with session credentials", sts.get_session_token)
        self.refused("AccessDenied", "Cannot call GetFederationToken with session credentials", sts.get_federation_token, Name="fed")
        self.refused("InvalidClientTokenId", None, self.of("iam", session).list_users)
        role = self.role(self.root_trust())
        sts.assume_role(RoleArn=role["Arn"], RoleSessionName="s1")
        self.refused("AccessDenied", None, harness.client("sts", key=key, secret=secret).get_session_token,
                     SerialNumber=f"arn:aws:iam::{self.account}:mfa/x", TokenCode="123456")
        self.iam.update_access_key(UserName=name, AccessKeyId=key, Status="Inactive")
        self.refused("InvalidClientTokenId", None, harness.client("sts", key=key, secret=secret).get_caller_identity)

    def test_federation_token(self):
        _, key, secret = self.user(ALLOW_ALL)
        sts = harness.client("sts", key=key, secret=secret)
        got = sts.get_federation_token(Name="bob", Policy=json.dumps(ALLOW_ALL))
        self.assertEqual(f"arn:aws:sts::{self.account}:federated-user/bob", got["FederatedUser"]["Arn"])
        federated = self.of("sts", got["Credentials"])
        self.assertEqual(f"{self.account}:bob", federated.get_caller_identity()["UserId"])
        self.refused("AccessDenied", None, federated.get_access_key_info, AccessKeyId=key)
        self.refused("InvalidClientTokenId", None, self.of("iam", got["Credentials"]).list_users)
        _, key, secret = self.user()
        self.refused("AccessDenied", None, harness.client("sts", key=key, secret=secret).get_federation_token, Name="bob")

    def test_the_root_user_lends_what_the_session_policy_says(self):
        root = harness.client("sts", key=harness.ROOT_KEY, secret=harness.ROOT_SECRET)
        narrow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"}]}
        kms = self.of("kms", root.get_federation_token(Name="lent", Policy=json.dumps(narrow))["Credentials"])
        kms.list_keys()
        self.refused("AccessDeniedException", None, kms.list_aliases)
        # Without one it is as nothing, and IAM and other roles are closed to it.
        self.refused("AccessDeniedException", None, self.of("kms", root.get_federation_token(Name="lent")["Credentials"]).list_keys)
        whole = root.get_federation_token(Name="lent", Policy=json.dumps(ALLOW_ALL))["Credentials"]
        self.refused("InvalidClientTokenId", None, self.of("iam", whole).list_users)
        role = self.role(self.root_trust())
        self.refused("AccessDenied", "Cannot call AssumeRole with federation credentials", self.of("sts", whole).assume_role,
                     RoleArn=role["Arn"], RoleSessionName="s1")

    def test_no_session_outlives_a_reset(self):
        server = harness.Server()
        self.addCleanup(server.stop)
        root = harness.client("sts", server, key=harness.ROOT_KEY, secret=harness.ROOT_SECRET)
        given = [root.get_session_token()["Credentials"], root.get_federation_token(Name="lent", Policy=json.dumps(ALLOW_ALL))["Credentials"],
                 harness.client("sts", server).get_session_token()["Credentials"]]
        sessions = [harness.client("sts", server, key=c["AccessKeyId"], secret=c["SecretAccessKey"], token=c["SessionToken"]) for c in given]
        for session in sessions:
            session.get_caller_identity()
        server.reset()
        root.get_caller_identity()
        for session in sessions:
            self.refused("InvalidClientTokenId", None, session.get_caller_identity)

    def test_access_key_info_reads_the_key(self):
        self.assertEqual(self.account, self.sts.get_access_key_info(AccessKeyId=harness.SERVER.key_id)["Account"])
        self.assertEqual("029608264753", self.sts.get_access_key_info(AccessKeyId="ASIAQNZGKIQY56JQ7WML")["Account"])
        self.refused("ValidationError", None, self.sts.get_access_key_info, AccessKeyId="AKIA0000000000000000")

    def test_permission_changes_count_at_once(self):
        name, key, secret = self.user()
        iam = harness.client("iam", key=key, secret=secret)
        self.refused("AccessDenied", None, iam.list_users)
        self.iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
        iam.list_users()
        self.iam.detach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
        self.refused("AccessDenied", None, iam.list_users)

    def test_unsigned_and_unknown_calls(self):
        import urllib.error
        import urllib.request
        def post(body, **headers):
            request = urllib.request.Request(harness.SERVER.endpoint + "/", data=body.encode(), headers=headers)
            with self.assertRaises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(request, timeout=10)
            return caught.exception.code, caught.exception.read().decode()
        status, text = post("Action=GetCallerIdentity&Version=2011-06-15")
        self.assertEqual(403, status)
        self.assertIn("<Code>MissingAuthenticationToken</Code><Message>Request is missing Authentication Token</Message>", text.replace("\n", ""))
        self.assertIn("RequestId", text)
        status, text = post("{}", **{"X-Amz-Target": "TrentService.ListKeys", "Content-Type": "application/x-amz-json-1.1"})
        self.assertEqual(400, status)
        self.assertEqual("MissingAuthenticationTokenException", json.loads(text)["__type"].split("#")[-1])

    def test_not_implemented_is_said(self):
        shield = harness.client("shield")
        response = self.refused("NotImplemented", None, shield.list_protections)
        self.assertEqual(501, response["ResponseMetadata"]["HTTPStatusCode"])


if __name__ == "__main__":
    harness.serve()
    harness.main()
