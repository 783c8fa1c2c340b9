#!/usr/bin/env python3
"""Actions that authenticate, from the API to the application: secrets stay, users come back, the public key is where it is looked for."""
import json
import socket
import time
import urllib.error
import urllib.request

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

import base64
import harness
from edge_case import Backend
from elbv2_case import Elbv2Case
from idp_case import HOST, Browser, Key, Provider, issue, now, path, query, unpad

SIGNER = Key("idp-signer")
POOL = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_abc"


class Site:
    def __init__(self, address, port):
        self.address, self.port = address, port


class Auth(Elbv2Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(path("site.pem")) as pem, open(path("site.key")) as key:
            cls.certificate = cls.iam.upload_server_certificate(ServerCertificateName="site", CertificateBody=pem.read(), PrivateKey=key.read())[
                "ServerCertificateMetadata"]["Arn"]

    def setUp(self):
        self.forms, self.backend = [], Backend()
        PROVIDER.pages.update({"/token": self.token, "/me": {"sub": "me"}, "/oauth2/token": self.token, "/oauth2/userInfo": {"sub": "me"}})
        self.issuer = PROVIDER.url

    def token(self, handler):
        self.forms.append(handler.body)
        claims = {"iss": self.issuer, "aud": "app", "sub": "me", "exp": now() + 60, "nonce": self.nonce}
        return {"access_token": "access", "token_type": "Bearer", "id_token": SIGNER.token(claims)}

    def oidc(self, **more):
        return {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {
            "Issuer": PROVIDER.url, "AuthorizationEndpoint": PROVIDER.url + "/auth", "TokenEndpoint": PROVIDER.url + "/token",
            "UserInfoEndpoint": PROVIDER.url + "/me", "ClientId": "app", "ClientSecret": "very-secret-words", **more}}

    def site(self, check):
        """(listener, where it listens, its actions) in front of the backend."""
        self.tg = self.group(HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2)
        self.elb.register_targets(TargetGroupArn=self.tg["TargetGroupArn"], Targets=[{"Id": "127.0.0.1", "Port": self.backend.port, "AvailabilityZone": "all"}])
        sg = self.ec2.create_security_group(GroupName=self.name("all"), Description="x", VpcId=self.vpc)["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupId=sg, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
        lb = self.balancer(SecurityGroups=[sg])
        zones = self.elb.describe_load_balancers(LoadBalancerArns=[lb["LoadBalancerArn"]])["LoadBalancers"][0]["AvailabilityZones"]
        address = zones[0]["LoadBalancerAddresses"][0]["IpAddress"]
        with socket.socket() as s:
            s.bind((address, 0))
            port = s.getsockname()[1]
        actions = [check, {**self.forward(self.tg)[0], "Order": 2}]
        listener = self.listener(lb, actions, Protocol="HTTPS", Port=port, Certificates=[{"CertificateArn": self.certificate}])
        self.active(lb)
        end = time.monotonic() + 20
        while [t["TargetHealth"]["State"] for t in self.elb.describe_target_health(TargetGroupArn=self.tg["TargetGroupArn"])["TargetHealthDescriptions"]] != ["healthy"]:
            self.assertLess(time.monotonic(), end, "the target is not healthy")
            time.sleep(0.05)
        return lb, listener, Site(address, port)

    def login(self, site):
        browser = Browser(site)
        sent = query(browser.location("/"))
        self.nonce = sent["nonce"]
        self.assertEqual(browser.location(f"/oauth2/idpresponse?code=x&state={sent['state']}"), f"https://{HOST}/")
        self.assertEqual(browser.ask("/")[0], 200)
        return sent

    def test_a_user_passes_and_the_application_can_verify_it(self):
        lb, listener, site = self.site(self.oidc())
        self.login(site)
        self.assertIn("client_secret=very-secret-words", self.forms[0])
        head = self.backend.requests[-1][0].decode()
        top, claims, signature = next(line for line in head.split("\r\n") if line.lower().startswith("x-amzn-oidc-data")).split(": ")[1].split(".")
        self.assertEqual((unpad(top)["signer"], unpad(claims)["sub"]), (lb["LoadBalancerArn"], "me"))
        kid, url = unpad(top)["kid"], harness.SERVER.endpoint
        self.assertRegex(kid, "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
        pem = urllib.request.urlopen(f"{url}/_bulwark/elb-public-keys/{kid}").read()
        raw = base64.urlsafe_b64decode(signature)
        serialization.load_pem_public_key(pem).verify(utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")),
                                                      f"{top}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        there = urllib.request.Request(f"{url}/{kid}", headers={"Host": "public-keys.auth.elb.us-east-1.amazonaws.com"})
        self.assertEqual(urllib.request.urlopen(there).read(), pem)
        for wrong in (kid[:-1] + ("0" if kid[-1] != "0" else "1"), kid[1:], kid + "0", "", "0" * 36, "-" * 36):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{url}/_bulwark/elb-public-keys/{wrong}")
            self.assertEqual(refused.exception.code, 404, wrong)
            refused.exception.close()

    def test_the_secret_is_kept_and_never_shown(self):
        _, listener, site = self.site(self.oidc())
        arn = listener["ListenerArn"]
        shown = json.dumps([listener, self.elb.describe_listeners(ListenerArns=[arn])["Listeners"], self.elb.describe_rules(ListenerArn=arn)["Rules"]])
        self.assertNotIn("very-secret-words", shown)
        self.assertNotIn("very-secret-words", harness.SERVER.log())
        existing = self.oidc(UseExistingClientSecret=True, Scope="openid email")
        del existing["AuthenticateOidcConfig"]["ClientSecret"]
        self.elb.modify_listener(ListenerArn=arn, DefaultActions=[existing, {**self.forward(self.tg)[0], "Order": 2}])
        end = time.monotonic() + 10
        while query(Browser(site).location("/"))["scope"] != "openid email":
            self.assertLess(time.monotonic(), end)
        self.login(site)
        self.assertIn("client_secret=very-secret-words", self.forms[-1])

    def test_a_user_pool(self):
        self.issuer = PROVIDER.url + "/us-east-1_abc"
        _, _, site = self.site({"Type": "authenticate-cognito", "Order": 1, "AuthenticateCognitoConfig": {
            "UserPoolArn": POOL, "UserPoolClientId": "app", "UserPoolDomain": "pool"}})
        self.login(site)
        self.assertIn("client_secret=of-the-pool", self.forms[0])

    def test_only_over_https(self):
        lb = self.balancer()
        self.refused("InvalidLoadBalancerAction", None, self.listener, lb, [self.oidc(), {"Type": "fixed-response", "Order": 2, "FixedResponseConfig": {"StatusCode": "200"}}])


if __name__ == "__main__":
    issue("site", names=f"DNS:{HOST}")
    PROVIDER = Provider()
    with open(path("clients"), "w") as clients:
        clients.write("other x\napp of-the-pool\n")
    harness.serve("--idp-ca", path("ca.pem"), "--cognito-url", PROVIDER.url, "--cognito-clients", path("clients"))
    harness.main()
