#!/usr/bin/env python3
"""Rules, actions, trust stores and reservations through boto3: what is refused, what is answered back."""
import pathlib
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

import harness
from elbv2_case import Elbv2Case, allow

FIXED = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
PATH = [{"Field": "path-pattern", "Values": ["/x"]}]


class Rules(Elbv2Case):
    def setUp(self):
        self.lb = self.balancer()
        self.l = self.listener(self.lb)

    def rule(self, priority=1, conditions=PATH, actions=FIXED, **more):
        return self.elb.create_rule(ListenerArn=self.l["ListenerArn"], Priority=priority, Conditions=conditions, Actions=actions, **more)["Rules"][0]

    def rules(self):
        return self.elb.describe_rules(ListenerArn=self.l["ListenerArn"])["Rules"]

    def no(self, code, message=None, **more):
        with self.subTest(more):
            self.refused(code, message, self.rule, **more)
            self.assertEqual(["default"], [r["Priority"] for r in self.rules()])

    def test_conditions_are_refused(self):
        def one(field, config=None, **more):
            names = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig", "http-header": "HttpHeaderConfig",
                     "query-string": "QueryStringConfig", "http-request-method": "HttpRequestMethodConfig", "source-ip": "SourceIpConfig"}
            return [{"Field": field, **({names[field]: config} if config is not None else {}), **more}]
        invalid = (
            ([], None), (one("path-pattern"), None), (one("path-pattern", Values=[""]), None), ([{"Field": "port", "Values": ["1"]}], None),
            (one("path-pattern", Values=["/a", "/b"]), None), (one("path-pattern", {"Values": ["/a"]}, Values=["/a"]), None),
            (one("path-pattern", Values=["/" + "a" * 128]), f"Condition value '/{'a' * 128}' cannot be longer than '128' characters"),
            (one("path-pattern", Values=["/a b"]), "Condition value '/a b' contains a character that is not valid"),
            (one("path-pattern", {"Values": ["/a"], "RegexValues": ["/a"]}), None),
            (one("path-pattern", {"RegexValues": ["(a"]}), "The regular expression '(a' is not valid"),
            (one("host-header", Values=["a_b.example.com"]), None), (one("http-header", Values=["x"]), None),
            (one("http-header", {"HttpHeaderName": "host", "Values": ["x"]}), "The HTTP header name 'host' is not valid"),
            (one("http-header", {"HttpHeaderName": "a:b", "Values": ["x"]}), None), (one("http-header", {"HttpHeaderName": "a" * 41, "Values": ["x"]}), None),
            (one("http-header", {"HttpHeaderName": "x-a", "Values": ["x\r\ny"]}), None),
            (one("http-request-method", {"Values": ["get"]}), None), (one("http-request-method", {"Values": ["G*"]}), None),
            (one("source-ip", {"Values": ["10.0.0.1"]}), "The CIDR block '10.0.0.1' is not valid"), (one("source-ip", {"Values": ["10.0.0.0/33"]}), None),
            (one("query-string", {"Values": [{"Key": "a"}]}), None), (one("query-string", {"Values": []}), None),
            (one("path-pattern", Values=["/a"]) + one("path-pattern", Values=["/b"]), "A rule can only have one 'path-pattern' condition"),
            (one("host-header", {"Values": [f"a{i}.example.com" for i in range(6)]}), "A rule can only have '5' condition values"),
            (one("path-pattern", Values=["/*/*/*/*/*/*/*"]), "A rule can only have '6' condition wildcards"),
            (one("host-header", Values=["a.example.com"], PathPatternConfig={"Values": ["/a"]}), None),
        )
        for conditions, message in invalid:
            self.no("ValidationError", message, conditions=conditions)
        self.no("ValidationError", priority=0)
        self.no("ValidationError", priority=50001)

    def test_conditions_are_answered_in_both_spellings(self):
        conditions = [{"Field": "host-header", "Values": ["*.Example.com"]},
                      {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a/*", "/b"]}},
                      {"HttpHeaderConfig": {"HttpHeaderName": "X-A", "Values": ["v?"]}},
                      {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "k", "Value": "v"}]}}]
        got = {c["Field"]: c for c in self.rule(conditions=conditions)["Conditions"]}
        self.assertEqual({"Field": "host-header", "Values": ["*.Example.com"], "HostHeaderConfig": {"Values": ["*.Example.com"]}}, got["host-header"])
        self.assertEqual(["/a/*", "/b"], got["path-pattern"]["Values"])
        self.assertEqual(["/a/*", "/b"], got["path-pattern"]["PathPatternConfig"]["Values"])
        self.assertEqual("X-A", got["http-header"]["HttpHeaderConfig"]["HttpHeaderName"])
        regex = self.rule(2, [{"Field": "path-pattern", "RegexValues": ["^/v[0-9]+/"]}])["Conditions"][0]
        self.assertEqual((["^/v[0-9]+/"], ["^/v[0-9]+/"]), (regex["RegexValues"], regex["PathPatternConfig"]["RegexValues"]))

    def test_actions_are_refused(self):
        g, other = self.group(), self.group()
        forward, two = self.forward(g), [{"TargetGroupArn": g["TargetGroupArn"]}, {"TargetGroupArn": other["TargetGroupArn"]}]
        oidc = {"Issuer": "https://idp.example.com", "AuthorizationEndpoint": "https://idp.example.com/a", "TokenEndpoint": "https://idp.example.com/t",
                "UserInfoEndpoint": "https://idp.example.com/u", "ClientId": "c", "ClientSecret": "s"}

        def fw(**config):
            return [{"Type": "forward", "ForwardConfig": config}]

        def redirect(**config):
            return [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", **config}}]
        cases = (
            ([], "ValidationError", None), ([{"Type": "drop"}], "ValidationError", None), ([{"Type": "redirect"}], "ValidationError", None),
            ([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "301"}}], "ValidationError", None),
            ([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "ContentType": "image/png"}}], "ValidationError", None),
            ([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "MessageBody": "x" * 1025}}], "ValidationError", None),
            ([{**FIXED[0], "TargetGroupArn": g["TargetGroupArn"]}], "ValidationError", None),
            ([{**FIXED[0], "Order": 1}, {**forward[0], "Order": 2}], "InvalidLoadBalancerAction", None),
            ([{**FIXED[0], "Order": 1}, {**FIXED[0], "Order": 2}], "InvalidLoadBalancerAction",
             "You cannot specify multiple of the following action type: 'fixed-response'"),
            ([FIXED[0], forward[0]], "ValidationError", None),
            ([{"Type": "authenticate-oidc", "AuthenticateOidcConfig": oidc, "Order": 1}, {**forward[0], "Order": 2}], "InvalidLoadBalancerAction", None),
            (fw(TargetGroups=[{"TargetGroupArn": g["TargetGroupArn"], "Weight": 1000}]), "ValidationError", None),
            (fw(TargetGroups=[{"TargetGroupArn": g["TargetGroupArn"], "Weight": -1}]), "ValidationError", None),
            (fw(TargetGroups=[two[0], two[0]]), "ValidationError", None),
            (fw(TargetGroups=two, TargetGroupStickinessConfig={"Enabled": True}), "ValidationError", None),
            (fw(TargetGroups=two, TargetGroupStickinessConfig={"Enabled": True, "DurationSeconds": 604801}), "ValidationError", None),
            (fw(TargetGroups=[{"TargetGroupArn": self.group()["TargetGroupArn"]} for _ in range(6)]), "TooManyTargetGroups", None),
            ([{**forward[0], "ForwardConfig": {"TargetGroups": two}}], "ValidationError", None),
            (redirect(), "InvalidLoadBalancerAction", "The redirect configuration is not valid because it creates a loop."),
            (redirect(Path="x"), "ValidationError", None), (redirect(Path="/#{query}"), "ValidationError", None), (redirect(Port="0"), "ValidationError", None),
            (redirect(Port="x"), "ValidationError", None), (redirect(Protocol="FTP"), "ValidationError", None),
            (redirect(Host="a\r\nb"), "ValidationError", None), (redirect(StatusCode="HTTP_307"), "ValidationError", None),
        )
        for actions, code, message in cases:
            self.no(code, message, actions=actions)
        self.no("ValidationError", Transforms=[{"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "(", "Replace": ""}]}}])
        # No request could ever be served by these, and no expression that the edge compiles otherwise than the API is accepted.
        for replace in ("/$2", "/${2}", "/$", "/$x", "/${1", "/$99999"):
            self.no("ValidationError", f"The replacement '{replace}' is not valid",
                    Transforms=[{"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "(a)", "Replace": replace}]}}])
        for regex in (r"\x{100}", "(*UTF)a", "(*UTF8)a"):
            self.no("ValidationError", None, conditions=[{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": [regex]}}])
        self.no("ValidationError", Transforms=[{"Type": "url-rewrite", "HostHeaderRewriteConfig": {"Rewrites": [{"Regex": "a", "Replace": "b"}]}}])

    def test_actions_are_answered_whole(self):
        g, other = self.group(), self.group()
        single = self.rule(1, actions=self.forward(g))["Actions"][0]
        self.assertEqual({"TargetGroups": [{"TargetGroupArn": g["TargetGroupArn"], "Weight": 1}], "TargetGroupStickinessConfig": {"Enabled": False}}, single["ForwardConfig"])
        both = self.rule(2, actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": [
            {"TargetGroupArn": g["TargetGroupArn"], "Weight": 0}, {"TargetGroupArn": other["TargetGroupArn"], "Weight": 999}],
            "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 1}}}])["Actions"][0]
        self.assertNotIn("TargetGroupArn", both)
        self.assertEqual([0, 999], [t["Weight"] for t in both["ForwardConfig"]["TargetGroups"]])
        moved = self.rule(3, actions=[{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}])["Actions"][0]
        self.assertEqual({"Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}", "StatusCode": "HTTP_301"}, moved["RedirectConfig"])
        transforms = [{"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/api/(.*)$", "Replace": "/$1-${1}-$0-$$"}]}}]
        self.assertEqual(transforms, self.rule(4, Transforms=transforms)["Transforms"])

    def test_priorities(self):
        arns = {p: self.rule(p)["RuleArn"] for p in (5, 10, 50000)}
        self.assertEqual(["5", "10", "50000", "default"], [r["Priority"] for r in self.rules()])
        self.refused("PriorityInUse", "Priority '10' is currently in use", self.rule, priority=10)
        change, default = self.elb.set_rule_priorities, self.rules()[-1]["RuleArn"]
        for pairs, code in (([(arns[5], 10)], "PriorityInUse"), ([(arns[5], 7), (arns[5], 8)], "ValidationError"),
                            ([(arns[5], 7), (arns[10], 7)], "ValidationError"), ([(default, 7)], "OperationNotPermitted"), ([], "ValidationError"),
                            ([(arns[5][:-16] + "0" * 16, 7)], "RuleNotFound"), ([(arns[5], 0)], "ValidationError")):
            with self.subTest(pairs):
                self.refused(code, None, change, RulePriorities=[{"RuleArn": a, "Priority": p} for a, p in pairs])
        # Two may change places in one call.
        change(RulePriorities=[{"RuleArn": arns[5], "Priority": 10}, {"RuleArn": arns[10], "Priority": 5}])
        self.assertEqual([arns[10], arns[5], arns[50000], default], [r["RuleArn"] for r in self.rules()])
        self.refused("OperationNotPermitted", f"Default rule '{default}' cannot be deleted", self.elb.delete_rule, RuleArn=default)
        self.refused("OperationNotPermitted", None, self.elb.modify_rule, RuleArn=default, Actions=FIXED)
        self.elb.delete_rule(RuleArn=arns[5])
        for call in (self.elb.delete_rule, self.elb.modify_rule):
            self.refused("RuleNotFound", f"Rule '{arns[5]}' not found", call, RuleArn=arns[5])
        self.refused("RuleNotFound", "One or more rules not found", self.elb.describe_rules, RuleArns=[arns[5]])
        self.rule(10)
        page = self.elb.describe_rules(ListenerArn=self.l["ListenerArn"], PageSize=2)
        rest = self.elb.describe_rules(ListenerArn=self.l["ListenerArn"], PageSize=400, Marker=page["NextMarker"])
        self.assertEqual(["5", "10", "50000", "default"], [r["Priority"] for r in page["Rules"] + rest["Rules"]])
        self.assertNotIn("NextMarker", rest)

    def test_modification_and_use_of_groups(self):
        g, other = self.group(), self.group()
        r = self.rule(actions=self.forward(g), Tags=[{"Key": "a", "Value": "b"}])
        self.assertEqual([{"Key": "a", "Value": "b"}], self.elb.describe_tags(ResourceArns=[r["RuleArn"]])["TagDescriptions"][0]["Tags"])
        self.refused("ResourceInUse", None, self.elb.delete_target_group, TargetGroupArn=g["TargetGroupArn"])
        self.elb.modify_rule(RuleArn=r["RuleArn"], Actions=self.forward(other))
        self.elb.delete_target_group(TargetGroupArn=g["TargetGroupArn"])
        self.refused("TargetGroupNotFound", None, self.elb.modify_rule, RuleArn=r["RuleArn"], Actions=self.forward(g))
        self.refused("ValidationError", None, self.elb.modify_rule, RuleArn=r["RuleArn"])
        changed = self.elb.modify_rule(RuleArn=r["RuleArn"], Conditions=[{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8", "::/0"]}}])["Rules"][0]
        self.assertEqual(other["TargetGroupArn"], changed["Actions"][0]["TargetGroupArn"])
        self.elb.delete_listener(ListenerArn=self.l["ListenerArn"])
        self.refused("RuleNotFound", None, self.elb.describe_rules, RuleArns=[r["RuleArn"]])
        self.elb.delete_target_group(TargetGroupArn=other["TargetGroupArn"])

    def test_quota_of_rules(self):
        for p in range(1, 8):
            self.rule(p)
        self.refused("TooManyRules", None, self.rule, priority=8)
        self.elb.delete_rule(RuleArn=self.rules()[0]["RuleArn"])
        self.rule(8)

    def test_network_load_balancers_have_no_rules(self):
        net = self.listener(self.balancer(Type="network"), self.forward(self.group(Protocol="TCP")), Protocol="TCP")
        self.refused("UnsupportedProtocol", None, self.elb.create_rule, ListenerArn=net["ListenerArn"], Priority=1, Conditions=PATH, Actions=FIXED)

    def test_permissions(self):
        one, two = self.rule(1, Tags=[{"Key": "team", "Value": "red"}]), self.rule(2, Tags=[{"Key": "team", "Value": "blue"}])
        red = self.user(allow("SetRulePriorities", "DeleteRule", StringEquals={"aws:ResourceTag/team": "red"}))
        pairs = [{"RuleArn": one["RuleArn"], "Priority": 3}, {"RuleArn": two["RuleArn"], "Priority": 4}]
        for order in (pairs, pairs[::-1]):
            self.refused("AccessDenied", None, red.set_rule_priorities, RulePriorities=order)
        red.set_rule_priorities(RulePriorities=pairs[:1])
        self.refused("AccessDenied", None, red.delete_rule, RuleArn=two["RuleArn"])
        maker = self.user(allow("CreateRule", resource=self.l["ListenerArn"]))
        self.refused("AccessDenied", None, maker.create_rule, ListenerArn=self.l["ListenerArn"], Priority=9, Conditions=PATH, Actions=FIXED,
                     Tags=[{"Key": "a", "Value": "b"}])
        maker.create_rule(ListenerArn=self.l["ListenerArn"], Priority=9, Conditions=PATH, Actions=FIXED)


class TrustStores(Elbv2Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bucket = pathlib.Path(harness.SERVER.data) / "buckets" / "trust-bucket"
        (cls.bucket / "dir").mkdir(parents=True)
        with tempfile.TemporaryDirectory() as folder:
            def run(*words):
                subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
            at = pathlib.Path(folder)
            (at / "c.cnf").write_text("[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\ncrlnumber=number\ndefault_md=sha256\npolicy=p\n"
                                      "default_days=9\ndefault_crl_days=9\nnew_certs_dir=.\n[p]\ncommonName=supplied\n")
            (at / "index").write_text("")
            (at / "serial").write_text("01\n")
            (at / "number").write_text("01\n")
            run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "9")
            run("req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", "weak.key", "-out", "weak.pem", "-subj", "/CN=weak", "-days", "9")
            run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=leaf")
            run("ca", "-batch", "-config", "c.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in", "leaf.csr", "-out", "leaf.pem", "-notext")
            run("ca", "-config", "c.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-revoke", "leaf.pem")
            run("ca", "-config", "c.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-gencrl", "-out", "crl.pem")
            run("ca", "-config", "c.cnf", "-cert", "weak.pem", "-keyfile", "weak.key", "-gencrl", "-out", "other.pem")
            ca = (at / "ca.pem").read_bytes()
            for name, content in (("ca.pem", ca), ("dir/two.pem", ca + ca), ("weak.pem", (at / "weak.pem").read_bytes()), ("leaf.pem", (at / "leaf.pem").read_bytes()),
                                  ("key.pem", ca + (at / "ca.key").read_bytes()), ("cut.pem", ca[:200]), ("empty.pem", b""), ("crl.pem", (at / "crl.pem").read_bytes()),
                                  ("other.pem", (at / "other.pem").read_bytes())):
                (cls.bucket / name).write_bytes(content)
        (cls.bucket / "link.pem").symlink_to(cls.bucket / "ca.pem")
        (cls.bucket / "out").symlink_to("/etc")

    def make(self, key="ca.pem", bucket="trust-bucket", name=None, **more):
        return self.elb.create_trust_store(Name=name or self.name("ts"), CaCertificatesBundleS3Bucket=bucket, CaCertificatesBundleS3Key=key, **more)["TrustStores"][0]

    def test_bundles(self):
        for key in ("absent.pem", "../../credentials", "dir/../ca.pem", "/ca.pem", "dir//two.pem", "link.pem", "out/hostname", "dir", "./ca.pem"):
            with self.subTest(key):
                self.refused("CaCertificatesBundleNotFound", None, self.make, key=key)
        for bucket in ("other-bucket", "..", "trust-bucket/dir", "."):
            with self.subTest(bucket):
                self.refused("CaCertificatesBundleNotFound", None, self.make, bucket=bucket)
        for key in ("weak.pem", "leaf.pem", "key.pem", "cut.pem", "empty.pem", "crl.pem"):
            with self.subTest(key):
                self.refused("InvalidCaCertificatesBundle", None, self.make, key=key)
        self.refused("ValidationError", None, self.make, name="a_b")
        s = self.make("dir/two.pem", name="store")
        self.assertEqual(("store", "ACTIVE", 2, 0), tuple(s[k] for k in ("Name", "Status", "NumberOfCaCertificates", "TotalRevokedEntries")))
        self.assertRegex(s["TrustStoreArn"], rf":{self.account}:truststore/store/[0-9a-f]{{16}}$")
        self.refused("DuplicateTrustStoreName", None, self.make, name="store")
        self.assertEqual([s], self.elb.describe_trust_stores(Names=["store"])["TrustStores"])
        changed = self.elb.modify_trust_store(TrustStoreArn=s["TrustStoreArn"], CaCertificatesBundleS3Bucket="trust-bucket", CaCertificatesBundleS3Key="ca.pem")
        self.assertEqual(1, changed["TrustStores"][0]["NumberOfCaCertificates"])
        self.assertEqual([], self.elb.describe_trust_store_associations(TrustStoreArn=s["TrustStoreArn"])["TrustStoreAssociations"])
        self.refused("AssociationNotFound", None, self.elb.delete_shared_trust_store_association, TrustStoreArn=s["TrustStoreArn"], ResourceArn=s["TrustStoreArn"])
        self.refused("ResourceNotFound", None, self.elb.get_resource_policy, ResourceArn=s["TrustStoreArn"])
        self.elb.delete_trust_store(TrustStoreArn=s["TrustStoreArn"])
        self.refused("TrustStoreNotFound", None, self.elb.delete_trust_store, TrustStoreArn=s["TrustStoreArn"])

    def test_revocations(self):
        arn = self.make()["TrustStoreArn"]

        def add(*keys):
            return self.elb.add_trust_store_revocations(TrustStoreArn=arn, RevocationContents=[
                {"S3Bucket": "trust-bucket", "S3Key": k, "RevocationType": "CRL"} for k in keys])["TrustStoreRevocations"]
        self.refused("RevocationContentNotFound", None, add, "absent.pem")
        for key in ("ca.pem", "other.pem", "empty.pem"):
            self.refused("InvalidRevocationContent", None, add, key)
        self.refused("InvalidRevocationContent", None, add, "crl.pem", "other.pem")
        self.assertEqual([], self.elb.describe_trust_store_revocations(TrustStoreArn=arn)["TrustStoreRevocations"])
        self.assertEqual([(1, 1), (2, 1)], [(r["RevocationId"], r["NumberOfRevokedEntries"]) for r in add("crl.pem", "crl.pem")])
        self.assertEqual(2, self.elb.describe_trust_stores(TrustStoreArns=[arn])["TrustStores"][0]["TotalRevokedEntries"])
        self.refused("RevocationIdNotFound", None, self.elb.remove_trust_store_revocations, TrustStoreArn=arn, RevocationIds=[1, 9])
        self.elb.remove_trust_store_revocations(TrustStoreArn=arn, RevocationIds=[1])
        self.assertEqual([2], [r["RevocationId"] for r in self.elb.describe_trust_store_revocations(TrustStoreArn=arn)["TrustStoreRevocations"]])
        self.refused("RevocationIdNotFound", None, self.elb.describe_trust_store_revocations, TrustStoreArn=arn, RevocationIds=[1])
        self.elb.delete_trust_store(TrustStoreArn=arn)

    def test_what_was_handed_in_is_handed_out(self):
        def fetch(url):
            try:
                with urllib.request.urlopen(url, timeout=10) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as e:
                return e.code, None
        arn, other = self.make()["TrustStoreArn"], self.make("dir/two.pem")["TrustStoreArn"]
        revocation = self.elb.add_trust_store_revocations(TrustStoreArn=arn, RevocationContents=[{"S3Bucket": "trust-bucket", "S3Key": "crl.pem"}])
        revocation = revocation["TrustStoreRevocations"][0]["RevocationId"]
        self.refused("RevocationIdNotFound", None, self.elb.get_trust_store_revocation_content, TrustStoreArn=arn, RevocationId=9)
        self.refused("AccessDenied", None, self.user(allow("DescribeTrustStores")).get_trust_store_ca_certificates_bundle, TrustStoreArn=arn)
        url = self.elb.get_trust_store_ca_certificates_bundle(TrustStoreArn=arn)["Location"]
        self.assertEqual((200, (self.bucket / "ca.pem").read_bytes()), fetch(url))
        crl = self.elb.get_trust_store_revocation_content(TrustStoreArn=arn, RevocationId=revocation)["Location"]
        self.assertEqual((200, (self.bucket / "crl.pem").read_bytes()), fetch(crl))
        path, query = url.split("?")
        expires, signature = query.split("&")
        later = "expires=" + str(int(expires.removeprefix("expires=")) + 1)
        foreign = self.elb.get_trust_store_ca_certificates_bundle(TrustStoreArn=other)["Location"].split("?")[0]
        for bad in (path, f"{path}?{later}&{signature}", f"{path}?{expires}&{signature[:-1]}", f"{path}?{expires}&{signature}0", f"{path}?{signature}&{expires}",
                    f"{foreign}?{query}", f"{path}?expires=0&{signature}", url + "&x=1", crl.split("?")[0] + "?" + query, path + "x?" + query):
            with self.subTest(bad):
                self.assertEqual(403, fetch(bad)[0])
        self.assertEqual(405, fetch(urllib.request.Request(url, method="DELETE"))[0])
        self.elb.delete_trust_store(TrustStoreArn=arn)
        self.assertEqual((404, 404), (fetch(url)[0], fetch(crl)[0]))


class Reservations(Elbv2Case):
    def test_capacity_and_pools(self):
        arn = self.balancer()["LoadBalancerArn"]
        empty = self.elb.describe_capacity_reservation(LoadBalancerArn=arn)
        self.assertEqual((2, []), (empty["DecreaseRequestsRemaining"], empty["CapacityReservationState"]))
        change = self.elb.modify_capacity_reservation
        for units, code in ((99, "InvalidConfigurationRequest"), (1501, "CapacityUnitsLimitExceeded")):
            self.refused(code, None, change, LoadBalancerArn=arn, MinimumLoadBalancerCapacity={"CapacityUnits": units})
        self.refused("ValidationError", None, change, LoadBalancerArn=arn)
        for units in (1500, 300, 200):
            got = change(LoadBalancerArn=arn, MinimumLoadBalancerCapacity={"CapacityUnits": units})
        self.assertEqual((200, 0, ["provisioned"] * 2), (got["MinimumLoadBalancerCapacity"]["CapacityUnits"], got["DecreaseRequestsRemaining"],
                                                         [z["State"]["Code"] for z in got["CapacityReservationState"]]))
        self.refused("CapacityDecreaseRequestLimitExceeded", None, change, LoadBalancerArn=arn, MinimumLoadBalancerCapacity={"CapacityUnits": 100})
        change(LoadBalancerArn=arn, ResetCapacityReservation=True)
        self.assertNotIn("MinimumLoadBalancerCapacity", self.elb.describe_capacity_reservation(LoadBalancerArn=arn))
        self.refused("ValidationError", None, self.elb.modify_ip_pools, LoadBalancerArn=arn, IpamPools={"Ipv4IpamPoolId": "ipam-pool-1"})
        self.elb.modify_ip_pools(LoadBalancerArn=arn, RemoveIpamPools=["ipv4"])


if __name__ == "__main__":
    harness.serve("--quota", "elbv2-rules-per-application-load-balancer=7")
    harness.main()
