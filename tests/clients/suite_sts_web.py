#!/usr/bin/env python3
"""AssumeRoleWithWebIdentity: a provider of our own, its tokens, whom they let in, and what each refuses."""
import hashlib
import hmac
import json
import os
import subprocess
import time
import unittest
import uuid

import harness
from botocore import UNSIGNED
from botocore.exceptions import ClientError
from iam_case import IamCase, allow
from idp_case import Key, Provider, authority, b64, issue, path

HOST, NOBODY, STRANGE, PROXY = "idp.example.test", "nobody.example.test", "strange.example.test", "proxy.example.test"
ISSUER, CLIENT = f"https://{HOST}/team", "sts.example.test"
DISCOVERY, KEYS = "/team/.well-known/openid-configuration", "/team/keys"
NO_KEY = ("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation "
          "for requirements")
NO_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
DENIED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
ALL = ("sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity")


class Web(IamCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.provider = cls.iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=[CLIENT, "other"])["OpenIDConnectProviderArn"]
        cls.sts = harness.client("sts", signature_version=UNSIGNED)

    def setUp(self):
        IDP.pages = {DISCOVERY: {"issuer": ISSUER, "jwks_uri": f"https://{HOST}{KEYS}"}, KEYS: {"keys": [KEY.jwk()]}}

    def claims(self, **more):
        now = int(time.time())
        return {k: v for k, v in {"iss": ISSUER, "sub": "repo:maya/app", "aud": CLIENT, "iat": now, "exp": now + 300, **more}.items() if v is not None}

    def role_for(self, actions=ALL, principal=None, policy=None, **condition):
        statement = {"Effect": "Allow", "Principal": {"Federated": principal or self.provider}, "Action": list(actions)}
        if condition:
            statement["Condition"] = condition
        made = self.role({"Version": "2012-10-17", "Statement": [statement]})
        if policy:
            self.iam.put_role_policy(RoleName=made["RoleName"], PolicyName="p", PolicyDocument=json.dumps(policy))
            self.addCleanup(self.iam.delete_role_policy, RoleName=made["RoleName"], PolicyName="p")
        return made

    def assume(self, role, token=None, **more):
        return self.sts.assume_role_with_web_identity(RoleArn=role["Arn"], RoleSessionName="web", WebIdentityToken=token or KEY.token(self.claims()), **more)

    def no(self, code, message, role, token=None, **more):
        return self.refused(code, message, self.assume, role=role, token=token, **more)

    def of(self, service, credentials):
        return harness.client(service, key=credentials["AccessKeyId"], secret=credentials["SecretAccessKey"], token=credentials["SessionToken"])

    def test_a_token_is_enough(self):
        role = self.role_for(policy=allow(["iam:GetUser", "sts:*"]))
        got = self.assume(role)
        self.assertEqual((self.provider, CLIENT, "repo:maya/app"), (got["Provider"], got["Audience"], got["SubjectFromWebIdentityToken"]))
        self.assertEqual({"AssumedRoleId": f"{role['RoleId']}:web", "Arn": f"arn:aws:sts::{self.account}:assumed-role/{role['RoleName']}/web"}, got["AssumedRoleUser"])
        self.assertEqual(got["AssumedRoleUser"]["Arn"], self.of("sts", got["Credentials"]).get_caller_identity()["Arn"])
        self.of("iam", got["Credentials"]).get_user(UserName="admin")
        # Its keys are known now: the provider is not asked again.
        asked = len(IDP.asked)
        self.assume(role)
        self.assertEqual(asked, len(IDP.asked))

    def test_the_trust_policy_decides(self):
        mine = {f"{HOST}/team:aud": CLIENT, f"{HOST}/team:sub": "repo:maya/app"}
        self.assume(self.role_for(StringEquals=mine))
        self.assume(self.role_for(StringLike={f"{HOST}/team:sub": "repo:maya/*"}))
        self.no("AccessDenied", DENIED, self.role_for(StringEquals={**mine, f"{HOST}/team:sub": "repo:maya/other"}))
        self.no("AccessDenied", DENIED, self.role_for(StringEquals={f"{HOST}:sub": "repo:maya/app"}))
        self.no("AccessDenied", DENIED, self.role_for(actions=["sts:AssumeRole"]))
        self.no("AccessDenied", DENIED, self.role_for(principal=self.provider + "/more"))
        account = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{self.account}:root"}, "Action": "sts:*"}]}
        self.no("AccessDenied", DENIED, self.role(account))
        self.no("AccessDenied", DENIED, {"Arn": self.arn("role", "absent")})
        self.no("ValidationError", "arn:aws:iam::1:user/xyz1 is invalid", {"Arn": "arn:aws:iam::1:user/xyz1"})
        amr = KEY.token(self.claims(amr=["pwd", "mfa"]))
        for wanted, works in (("mfa", True), ("otp", False)):
            role = self.role_for(**{"ForAnyValue:StringEquals": {f"{HOST}/team:amr": wanted}})
            self.assume(role, amr) if works else self.no("AccessDenied", DENIED, role, amr)
        named = self.role_for(StringEquals={"sts:RoleSessionName": "other", "aws:FederatedProvider": self.provider})
        self.no("AccessDenied", DENIED, named)
        # AssumeRole is another action: nobody's own credentials open it.
        self.refused("AccessDenied", None, harness.client("sts").assume_role, RoleArn=self.role_for()["Arn"], RoleSessionName="web")

    def test_what_is_no_token(self):
        role = self.role_for()
        good = KEY.token(self.claims())
        head, body, signature = good.split(".")
        twice = b64(b'{"iss":"a","iss":"b"}')
        for bad in ("nonsense", "a.b.c", f"{head}.{body}", good + ".x", f"{head}.{b64([])}.{signature}", f"{head}=.{body}.{signature}",
                    f"{head}.{twice}.{signature}", "x" * 20000):
            self.no("InvalidIdentityToken", NO_JWT, role, bad)
        for claim in ("iss", "sub", "aud", "exp"):
            self.no("InvalidIdentityToken", f"Missing a required claim: {claim}", role, KEY.token(self.claims(**{claim: None})))
        for claims in ({"sub": 5}, {"sub": ""}, {"sub": "s" * 256}, {"aud": []}, {"aud": [CLIENT, 5]}, {"exp": "soon"}, {"exp": -1}, {"amr": {}}, {"amr": ["x"] * 9}):
            self.no("InvalidIdentityToken", NO_JWT, role, KEY.token(self.claims(**claims)))
        self.no("ValidationError", None, role, "x" * 20001)
        self.no("ValidationError", None, role, ProviderId="www.amazon.com")

    def test_times(self):
        role = self.role_for()
        now = int(time.time())
        message = self.no("ExpiredTokenException", None, role, KEY.token(self.claims(exp=now - 301)))["Error"]["Message"]
        self.assertRegex(message, rf"^Token expired: current date/time \d+ must be before the expiration date/time {now - 301}$")
        self.no("ExpiredTokenException", None, role, KEY.token(self.claims(exp=0)))
        self.assume(role, KEY.token(self.claims(exp=now - 200)))
        self.no("InvalidIdentityToken", "Token is not valid yet", role, KEY.token(self.claims(nbf=now + 120)))
        self.assume(role, KEY.token(self.claims(nbf=now + 30, exp=now + 60.5)))

    def test_issuers_and_audiences(self):
        role = self.role_for()
        for issuer in ("https://other.example.test", ISSUER + "/", ISSUER.upper(), ISSUER.replace("https", "http"), HOST + "/team", ""):
            self.no("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}", role, KEY.token(self.claims(iss=issuer)))
        for audience in ("stranger", CLIENT.upper(), ["stranger", "x"]):
            self.no("InvalidIdentityToken", "Incorrect token audience", role, KEY.token(self.claims(aud=audience)))
        self.no("InvalidIdentityToken", "Incorrect token audience", role, KEY.token(self.claims(azp="stranger")))
        self.assertEqual(CLIENT, self.assume(role, KEY.token(self.claims(aud=["stranger", CLIENT])))["Audience"])
        # For whom it was made counts before for whom it is.
        party = KEY.token(self.claims(aud="api", azp="other"))
        self.assume(self.role_for(StringEquals={f"{HOST}/team:aud": "other", f"{HOST}/team:oaud": "api"}), party)
        self.no("AccessDenied", DENIED, self.role_for(StringEquals={f"{HOST}/team:aud": "api"}), party)

    def test_signatures(self):
        role = self.role_for()
        self.assume(role)
        head, body, signature = KEY.token(self.claims()).split(".")
        forged = b64(self.claims(sub="root"))
        self.no("InvalidIdentityToken", None, role, f"{head}.{forged}.{signature}")
        self.no("InvalidIdentityToken", None, role, f"{b64({'alg': 'none', 'kid': KEY.kid})}.{body}.")
        # The public key is no secret, and no HMAC's key.
        text = f"{b64({'alg': 'HS256', 'kid': KEY.kid})}.{body}"
        for secret in (KEY.modulus, subprocess.run(["openssl", "rsa", "-in", KEY.file, "-pubout"], capture_output=True, check=True).stdout):
            mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
            self.no("InvalidIdentityToken", None, role, f"{text}.{b64(mac)}")
        # Keys that the token brings along are nobody's.
        for header in ({"jwk": OTHER.jwk()}, {"jku": f"https://{HOST}/evil"}, {"x5u": f"https://{HOST}/evil"}):
            IDP.pages["/evil"] = {"keys": [OTHER.jwk(kid=KEY.kid)]}
            self.no("InvalidIdentityToken", None, role, OTHER.token(self.claims(), header={"alg": "RS256", "kid": KEY.kid, **header}))
        self.assertNotIn("/evil", IDP.asked)
        self.no("InvalidIdentityToken", None, role, KEY.token(self.claims(), header={"alg": "RS256", "kid": KEY.kid, "crit": ["exp"]}))

    def test_keys_change(self):
        role = self.role_for()
        self.assume(role)
        self.no("InvalidIdentityToken", NO_KEY, role, OTHER.token(self.claims()))
        IDP.pages[KEYS] = {"keys": [KEY.jwk(), OTHER.jwk()]}
        self.assume(role, OTHER.token(self.claims()))
        # Strangers do not make the provider be asked without end.
        stranger = OTHER.token(self.claims(), header={"alg": "RS256", "kid": "unknown"})
        before = len(IDP.asked)
        codes = set()
        for _ in range(20):
            with self.assertRaises(ClientError) as caught:
                self.assume(role, stranger)
            codes.add(caught.exception.response["Error"]["Code"])
        self.assertLessEqual(len(IDP.asked) - before, 2 * 8 * LOOPS)
        self.assertIn("IDPCommunicationError", codes)
        self.assume(role)

    def test_providers_that_do_not_answer(self):
        def provider(host, where="", **pages):
            url = f"https://{host}/{self.name('p')}{where}"
            arn = self.iam.create_open_id_connect_provider(Url=url, ClientIDList=[CLIENT])["OpenIDConnectProviderArn"]
            self.addCleanup(self.iam.delete_open_id_connect_provider, OpenIDConnectProviderArn=arn)
            return url, self.role_for(principal=arn), url[len("https://" + host):]
        for host in (NOBODY, STRANGE, "localhost.localdomain", "127.0.0.1"):
            url, role, _ = provider(host)
            self.no("IDPCommunicationError", None, role, KEY.token(self.claims(iss=url)))
        # Where the operator says that a key manager's proxy is, is no place of a provider's.
        url, role, at = provider(HOST)
        for host, works in ((PROXY, False), (HOST, True)):
            IDP.pages[at + "/.well-known/openid-configuration"] = {"issuer": url, "jwks_uri": f"https://{host}{KEYS}"}
            token = KEY.token(self.claims(iss=url))
            self.assume(role, token) if works else self.no("IDPCommunicationError", None, role, token)
        for page in ((404, b""), (200, b"no json"), (200, b"[]"), {"jwks_uri": None}, {"issuer": ISSUER}, {"jwks_uri": f"http://{HOST}{KEYS}"},
                     {"jwks_uri": f"https://{HOST}:8443{KEYS}"}, {"jwks_uri": 5}, (200, b" " * 70000)):
            url, role, at = provider(HOST)
            if isinstance(page, dict):
                page = {"issuer": url, "jwks_uri": f"https://{HOST}{KEYS}", **page}
            IDP.pages[at + "/.well-known/openid-configuration"] = page
            self.no("InvalidIdentityToken", NO_KEY, role, KEY.token(self.claims(iss=url)))
        url, role, at = provider(HOST, "/")
        IDP.pages[at + ".well-known/openid-configuration"] = {"issuer": url, "jwks_uri": f"https://{HOST}{KEYS}"}
        self.assume(role, KEY.token(self.claims(iss=url)))

    def test_tags_and_source_identity(self):
        def token(tags=None, source=None):
            more = {"https://aws.amazon.com/source_identity": source}
            if tags is not None:
                more["https://aws.amazon.com/tags"] = tags
            return KEY.token(self.claims(**more))
        red = {"principal_tags": {"team": ["red"], "cost": "7"}, "transitive_tag_keys": ["team"]}
        tagged = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["iam:GetUser", "sts:*"], "Resource": "*", "Condition": {
            "StringEquals": {"aws:PrincipalTag/team": "red", "aws:SourceIdentity": "maya", f"{HOST}/team:sub": "repo:maya/app", "aws:FederatedProvider": self.provider}}}]}
        role = self.role_for(policy=tagged)
        got = self.assume(role, token(red, "maya"))
        self.assertEqual("maya", got["SourceIdentity"])
        self.of("iam", got["Credentials"]).get_user(UserName="admin")
        self.refused("AccessDenied", None, self.of("iam", self.assume(role, token(red))["Credentials"]).get_user, UserName="admin")
        # They go along.
        chain = self.of("sts", got["Credentials"])
        next_ = self.role({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{self.account}:root"}, "Action": [
            "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}]})
        self.assertEqual("maya", chain.assume_role(RoleArn=next_["Arn"], RoleSessionName="next")["SourceIdentity"])
        # Only where the trust policy lets them.
        bare = self.role_for(actions=ALL[:1])
        self.assume(bare)
        self.no("AccessDenied", "Not authorized to perform sts:TagSession", bare, token(red))
        self.no("AccessDenied", "Not authorized to perform sts:SetSourceIdentity", bare, token(source="maya"))
        blue = self.role_for(StringEquals={"aws:RequestTag/team": "blue"})
        self.no("AccessDenied", DENIED, blue, token(red))
        for bad in ({"principal_tags": []}, {"principal_tags": {"a": ["1", "2"]}}, {"principal_tags": {"a": 5}}, [], {"principal_tags": {"a": "1", "A": "2"}},
                    {"principal_tags": {f"k{i}": "v" for i in range(51)}}):
            self.no("InvalidIdentityToken", NO_JWT, role, token(bad))
        for bad in ({"a*": "1"}, {"a": "*"}, {"a": "${x}"}, {"": "1"}, {"k" * 129: "1"}, {"a": "v" * 257}):
            self.no("InvalidIdentityToken", "A session tag of the token is not valid", role, token({"principal_tags": bad}))
        self.no("InvalidParameterValue", None, role, token({"principal_tags": {"aws:a": "1"}}))
        self.no("InvalidParameterValue", None, role, token({"principal_tags": {"a": "1"}, "transitive_tag_keys": ["b"]}))
        for bad in ("m", "a b", "s" * 65, "ä" * 3):
            self.no("InvalidIdentityToken", "The source identity of the token is not valid", role, token(source=bad))

    def test_sessions_are_narrowed_and_bounded(self):
        role = self.role_for(policy=allow(["iam:GetUser", "iam:ListUsers"]))
        narrowed = self.of("iam", self.assume(role, Policy=json.dumps(allow("iam:GetUser")))["Credentials"])
        narrowed.get_user(UserName="admin")
        self.refused("AccessDenied", None, narrowed.list_users)
        self.no("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", role, DurationSeconds=3601)
        self.no("ValidationError", None, role, DurationSeconds=899)
        self.no("MalformedPolicyDocument", None, role, Policy="{}")

    def test_the_trail_tells_whose_token_it_was(self):
        role = self.role_for(policy=allow("iam:GetUser"))
        token = KEY.token(self.claims())
        credentials = self.assume(role, token)["Credentials"]
        self.of("iam", credentials).get_user(UserName="admin")
        self.no("AccessDenied", DENIED, self.role_for(actions=["sts:AssumeRole"]), token)

        def listed():
            done = subprocess.run([harness.BINARY, "trail", "list", "--data", harness.SERVER.data, "--root-key", harness.SERVER.data + ".key", "--json"],
                                  capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS, check=True)
            return done.stdout, [json.loads(line) for line in done.stdout.splitlines()]
        end = time.monotonic() + 10
        while True:
            text, records = listed()
            mine = [r for r in records if r["userIdentity"]["type"] == "WebIdentityUser"]
            used = [r for r in records if r["userIdentity"].get("accessKeyId") == credentials["AccessKeyId"]]
            if used and mine and mine[-1].get("errorCode") == "AccessDenied" or time.monotonic() > end:
                break
        identity = {"type": "WebIdentityUser", "principalId": f"{self.provider}:{CLIENT}:repo:maya/app", "userName": "repo:maya/app", "identityProvider": self.provider}
        self.assertEqual([identity, identity], [mine[-1]["userIdentity"], mine[-2]["userIdentity"]])
        self.assertEqual(credentials["AccessKeyId"], mine[-2]["responseElements"]["credentials"]["accessKeyId"])
        self.assertEqual({"federatedProvider": self.provider}, used[-1]["userIdentity"]["sessionContext"]["webIdFederationData"])
        self.assertNotIn(token, text)
        self.assertNotIn(token.split(".")[1], text)

    def test_the_cli(self):
        role = self.role_for()
        file = path(uuid.uuid4().hex)
        with open(file, "w") as f:
            f.write(KEY.token(self.claims()))
        env = {k: v for k, v in harness.SERVER.environment().items() if k not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        done = subprocess.run(["aws", "sts", "assume-role-with-web-identity", "--role-arn", role["Arn"], "--role-session-name", "cli", "--web-identity-token",
                               f"file://{file}", "--endpoint-url", harness.SERVER.endpoint], env=env, capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS)
        self.assertEqual(f"arn:aws:sts::{self.account}:assumed-role/{role['RoleName']}/cli", json.loads(done.stdout)["AssumedRoleUser"]["Arn"], done.stderr)


if __name__ == "__main__":
    LOOPS = 1
    authority()
    authority("stranger")
    issue("idp", names=f"DNS:{HOST},DNS:{PROXY}")
    issue("strange", ca="stranger", names=f"DNS:{STRANGE}")
    KEY, OTHER = Key("one"), Key("two")
    IDP, STRANGER = Provider("idp"), Provider("strange")
    harness.serve("--loops", str(LOOPS), "--idp-ca", path("ca.pem"), "--idp-address", f"{HOST}=127.0.0.1:{IDP.port}", "--idp-address",
                  f"{STRANGE}=127.0.0.1:{STRANGER.port}", "--idp-address", f"{NOBODY}=127.0.0.1:{harness.free_port()}",
                  "--xks-host", f"{PROXY}=127.0.0.1:{IDP.port}", ephemeral=False)
    harness.main()
