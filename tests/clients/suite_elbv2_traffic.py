#!/usr/bin/env python3
"""From the API to the application: what boto3 makes is what a client of the load balancer meets."""
import http.client
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request

from cryptography.hazmat.primitives.asymmetric import ec

import harness
from elbv2_case import Elbv2Case
from site_case import Application, Authority
from suite_acm import PEM, certificate, private


class Traffic(Elbv2Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acm = harness.client("acm")

    def eventually(self, wanted, call, seconds=harness.PATIENCE_SECONDS):
        end = time.monotonic() + seconds
        while True:
            try:
                got = call()
            except OSError as e:
                got = type(e).__name__
            if got == wanted or time.monotonic() > end:
                return self.assertEqual(wanted, got)
            time.sleep(0.05)

    def open_group(self, network="127.0.0.0/8"):
        group = self.ec2.create_security_group(GroupName=self.name("g"), Description="x", VpcId=self.vpc)["GroupId"]
        if network:
            self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
                {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "IpRanges": [{"CidrIp": network}]}])
        return group

    def site(self, network="127.0.0.0/8", **more):
        """A load balancer on which anybody on this machine may call, and how to ask it."""
        security = self.open_group(network)
        lb = self.balancer(SecurityGroups=[security], **more)
        address, port = lb["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"], harness.free_port()

        def ask(path="/", method="GET"):
            c = http.client.HTTPConnection(address, port, timeout=3)
            try:
                c.request(method, path)
                answer = c.getresponse()
                return answer.status, answer.read().decode()
            finally:
                c.close()
        return lb, port, ask, security

    def target_of(self, application, **more):
        group = self.group(HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2, UnhealthyThresholdCount=2, **more)
        self.elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": "127.0.0.1", "Port": application.port}])
        return group

    def health(self, group):
        one = self.elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"][0]["TargetHealth"]
        return one["State"]

    def test_requests_reach_the_targets_of_their_rules(self):
        red, blue = Application("red"), Application("blue")
        lb, port, ask, _ = self.site()
        first, second = self.target_of(red), self.target_of(blue)
        l = self.listener(lb, self.forward(first), Port=port)
        self.elb.create_rule(ListenerArn=l["ListenerArn"], Priority=5, Conditions=[{"Field": "path-pattern", "Values": ["/blue/*"]}], Actions=self.forward(second))
        self.elb.create_rule(ListenerArn=l["ListenerArn"], Priority=6, Conditions=[{"Field": "path-pattern", "Values": ["/no"]}], Actions=[
            {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403", "MessageBody": "never", "ContentType": "text/plain"}}])
        self.active(lb, 20)
        self.eventually((200, "red /"), ask)
        self.eventually((200, "blue /blue/x"), lambda: ask("/blue/x"))
        self.eventually((403, "never"), lambda: ask("/no"))
        self.eventually("healthy", lambda: self.health(first))
        # Changes are in force soon, and what is deleted is gone.
        rule = self.elb.describe_rules(ListenerArn=l["ListenerArn"])["Rules"][0]["RuleArn"]
        self.elb.delete_rule(RuleArn=rule)
        self.eventually((200, "red /blue/x"), lambda: ask("/blue/x"))
        self.elb.modify_listener(ListenerArn=l["ListenerArn"], DefaultActions=self.forward(second))
        self.eventually((200, "blue /"), ask)
        self.elb.delete_listener(ListenerArn=l["ListenerArn"])
        self.eventually("ConnectionRefusedError", ask)

    def test_an_application_behind_a_network_load_balancer_that_lets_in_nobody_else(self):
        app = Application("app")
        front, back = self.open_group(), self.open_group(None)
        self.ec2.authorize_security_group_ingress(GroupId=back, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "UserIdGroupPairs": [{"GroupId": front}]}])
        inner, outer, port = self.balancer(SecurityGroups=[back]), self.balancer(Type="network", SecurityGroups=[front]), harness.free_port()
        self.listener(inner, self.forward(self.target_of(app)), Port=port)
        over = self.group(Protocol="TCP", Port=port, TargetType="alb", HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2,
                          HealthyThresholdCount=2, UnhealthyThresholdCount=2)
        self.elb.register_targets(TargetGroupArn=over["TargetGroupArn"], Targets=[{"Id": inner["LoadBalancerArn"], "Port": port}])
        self.addCleanup(self.elb.deregister_targets, TargetGroupArn=over["TargetGroupArn"], Targets=[{"Id": inner["LoadBalancerArn"], "Port": port}])
        self.listener(outer, self.forward(over), Protocol="TCP", Port=port)

        def ask(lb):
            c = http.client.HTTPConnection(lb["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"], port, timeout=5)
            try:
                c.request("GET", "/")
                answer = c.getresponse()
                return answer.status, answer.read().decode()
            finally:
                c.close()
        self.eventually((200, "app /"), lambda: ask(outer))
        self.eventually("healthy", lambda: self.health(over))
        self.assertRaises(OSError, ask, inner)

    def test_a_failing_target_is_said(self):
        app = Application("app")
        app.healthy = False
        lb, port, ask, _ = self.site()
        group = self.target_of(app)
        self.listener(lb, self.forward(group), Port=port)
        self.eventually("unhealthy", lambda: self.health(group), 30)
        one = self.elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"][0]["TargetHealth"]
        self.assertEqual("Target.ResponseCodeMismatch", one["Reason"])
        self.elb.deregister_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": "127.0.0.1", "Port": app.port}])
        self.eventually(503, lambda: ask()[0])

    def test_anomalous_targets_are_said(self):
        apps = [Application(str(i)) for i in range(3)]
        lb, port, ask, _ = self.site()
        group = self.target_of(apps[0])
        arn = group["TargetGroupArn"]
        self.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1", "Port": a.port} for a in apps[1:]])
        self.listener(lb, self.forward(group), Port=port)
        self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[{"Key": "load_balancing.algorithm.type", "Value": "weighted_random"}])

        def found(**more):
            got = self.elb.describe_target_health(TargetGroupArn=arn, **more)["TargetHealthDescriptions"]
            return {d["Target"]["Port"]: d.get("AnomalyDetection") for d in got}

        def all_of(odd, mitigated):
            return {a.port: {"Result": "anomalous", "MitigationInEffect": mitigated} if a is odd else
                    {"Result": "normal", "MitigationInEffect": "no"} for a in apps}

        def driven():
            for _ in range(20):
                ask()
            return found(Include=["AnomalyDetection"])
        self.eventually(["healthy"] * 3, lambda: [d["TargetHealth"]["State"] for d in self.elb.describe_target_health(
            TargetGroupArn=arn)["TargetHealthDescriptions"]])
        self.eventually(all_of(None, "no"), driven)
        apps[1].failing = True
        self.eventually(all_of(apps[1], "no"), driven)
        self.assertEqual({a.port: None for a in apps}, found(), "it is said when it is asked for")
        self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[{"Key": "load_balancing.algorithm.anomaly_mitigation", "Value": "on"}])
        self.eventually(all_of(apps[1], "yes"), driven)
        self.assertEqual(all_of(apps[1], "yes"), found(Include=["All"]))
        with urllib.request.urlopen(harness.SERVER.endpoint + "/_bulwark/metrics", timeout=10) as answer:
            metrics = answer.read().decode()
        for name in ("anomalous", "mitigated"):
            self.assertRegex(metrics, rf'(?m)^aws_elb_{name}_host_count\{{[^}}]*target_group="{arn.rpartition(":")[2]}"\}} 1$')

    def test_the_security_group_decides(self):
        lb, port, ask, security = self.site(network=None)
        self.listener(lb, Port=port)
        self.active(lb, 20)
        for _ in range(3):
            with self.assertRaises(OSError):
                ask()
        rule = [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "127.0.0.1/32"}]}]
        self.ec2.authorize_security_group_ingress(GroupId=security, IpPermissions=rule)
        self.eventually(404, lambda: ask()[0])
        self.ec2.revoke_security_group_ingress(GroupId=security, IpPermissions=rule)

        def refused():
            try:
                return ask()[0]
            except OSError:
                return "refused"
        self.eventually("refused", refused)
        other = self.open_group()
        self.elb.set_security_groups(LoadBalancerArn=lb["LoadBalancerArn"], SecurityGroups=[other])
        self.eventually(404, lambda: ask()[0])

    def test_certificates_by_name_and_clients_by_trust_store(self):
        made = Authority()
        self.addCleanup(made.clean)
        certificates = []
        for name in ("one.example.test", "two.example.test"):
            got = self.iam.upload_server_certificate(ServerCertificateName=self.name("cert"), CertificateBody=made.read(name + ".pem"),
                                                     PrivateKey=made.read(name + ".key"))["ServerCertificateMetadata"]
            certificates.append(got)
        one, two = (c["Arn"] for c in certificates)
        lb, port, _, _ = self.site()
        self.refused("ValidationError", None, self.listener, lb, Protocol="HTTPS", Port=port)
        l = self.listener(lb, Protocol="HTTPS", Port=port, Certificates=[{"CertificateArn": one}])
        arn = l["ListenerArn"]
        self.assertEqual(("ELBSecurityPolicy-2016-08", {"Mode": "off"}), (l["SslPolicy"], l["MutualAuthentication"]))
        self.elb.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": two}])
        listed = self.elb.describe_listener_certificates(ListenerArn=arn)["Certificates"]
        self.assertEqual([(one, True), (two, False)], [(c["CertificateArn"], c["IsDefault"]) for c in listed])
        self.refused("OperationNotPermitted", None, self.elb.remove_listener_certificates, ListenerArn=arn, Certificates=[{"CertificateArn": one}])
        self.refused("DeleteConflict", None, self.iam.delete_server_certificate, ServerCertificateName=certificates[1]["ServerCertificateName"])
        address = lb["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"]

        def ask(name, client=None):
            """The status, over TLS that the name's own certificate must stand for."""
            context = ssl.create_default_context(cafile=made.path("ca.pem"))
            if client:
                context.load_cert_chain(made.path(client + ".pem"), made.path(client + ".key"))
            try:
                with socket.create_connection((address, port), 3) as raw, context.wrap_socket(raw, server_hostname=name) as tls:
                    tls.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
                    return int((tls.recv(4096) or b"x 0").split()[1])
            except (ssl.SSLError, ConnectionError, TimeoutError):
                return "refused"
        self.eventually(404, lambda: ask("one.example.test"))
        self.eventually(404, lambda: ask("two.example.test"))
        self.assertEqual("refused", ask("three.example.test"))
        self.elb.remove_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": two}])
        self.eventually("refused", lambda: ask("two.example.test"))
        # Mutual TLS.
        bucket = pathlib.Path(harness.SERVER.data) / "buckets" / "trust-bucket"
        bucket.mkdir(parents=True, exist_ok=True)
        for name in ("ca.pem", "crl.pem"):
            (bucket / name).write_text(made.read(name))
        trust = self.elb.create_trust_store(Name=self.name("ts"), CaCertificatesBundleS3Bucket="trust-bucket", CaCertificatesBundleS3Key="ca.pem")
        trust = trust["TrustStores"][0]["TrustStoreArn"]
        self.refused("ValidationError", None, self.elb.modify_listener, ListenerArn=arn, MutualAuthentication={"Mode": "off", "TrustStoreArn": trust})
        shown = self.elb.modify_listener(ListenerArn=arn, MutualAuthentication={"Mode": "passthrough", "TrustStoreArn": ""})["Listeners"][0]
        self.assertEqual({"Mode": "passthrough"}, shown["MutualAuthentication"])
        changed = self.elb.modify_listener(ListenerArn=arn, MutualAuthentication={"Mode": "verify", "TrustStoreArn": trust})["Listeners"][0]
        self.assertEqual({"Mode": "verify", "TrustStoreArn": trust, "IgnoreClientCertificateExpiry": False, "AdvertiseTrustStoreCaNames": "off",
                          "TrustStoreAssociationStatus": "active"}, changed["MutualAuthentication"])
        self.eventually("refused", lambda: ask("one.example.test"))
        self.eventually(404, lambda: ask("one.example.test", "client"))
        self.assertEqual("refused", ask("one.example.test", "stranger"))
        self.assertEqual([arn], [a["ResourceArn"] for a in self.elb.describe_trust_store_associations(TrustStoreArn=trust)["TrustStoreAssociations"]])
        self.refused("TrustStoreInUse", None, self.elb.delete_trust_store, TrustStoreArn=trust)
        self.elb.add_trust_store_revocations(TrustStoreArn=trust, RevocationContents=[{"S3Bucket": "trust-bucket", "S3Key": "crl.pem"}])
        self.eventually("refused", lambda: ask("one.example.test", "client"))
        self.eventually(404, lambda: ask("one.example.test", "other"))
        # Back to HTTP: nothing of TLS is left, and everything may go.
        plain = self.elb.modify_listener(ListenerArn=arn, Protocol="HTTP")["Listeners"][0]
        self.assertTrue({"Certificates", "SslPolicy", "MutualAuthentication"}.isdisjoint({k for k, v in plain.items() if v}), plain)
        self.elb.delete_trust_store(TrustStoreArn=trust)
        for c in certificates:
            self.iam.delete_server_certificate(ServerCertificateName=c["ServerCertificateName"])

    def test_what_is_wrong_is_said_where_people_look(self):
        """A certificate that ends soon, a port that cannot be had, a target that nobody serves at: state, reason, `bulwark status`."""
        key = ec.generate_private_key(ec.SECP256R1())
        soon = self.acm.import_certificate(Certificate=certificate(key, ["soon.example"], days=3).public_bytes(PEM), PrivateKey=private(key))
        lb, port, _, _ = self.site()
        with socket.socket() as dead, socket.socket() as taken:
            dead.bind(("127.0.0.1", 0))
            taken.bind((lb["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"], 0))
            taken.listen()
            group = self.group(HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, UnhealthyThresholdCount=2)
            self.elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": "127.0.0.1", "Port": dead.getsockname()[1]}])
            self.listener(lb, self.forward(group), Protocol="HTTPS", Port=port, Certificates=[{"CertificateArn": soon["CertificateArn"]}])
            self.active(lb, 20)
            self.eventually(True, lambda: f"certificate {soon['CertificateArn']} expires on 2" in self.state(lb).get("Reason", ""))
            self.assertEqual("active", self.state(lb)["Code"])
            self.listener(lb, Port=taken.getsockname()[1])
            self.eventually("active_impaired", lambda: self.state(lb)["Code"])
            self.assertIn("Address already in use", self.state(lb)["Reason"])
            self.eventually("unhealthy", lambda: self.health(group), 30)
            one = self.elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"][0]["TargetHealth"]
            self.assertEqual(("Target.FailedHealthChecks", "Health checks failed"), (one["Reason"], one["Description"]))
            said = subprocess.run([harness.BINARY, "status", "--endpoint", harness.SERVER.endpoint], capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS).stdout
            for words in (f"open   arn:aws:elasticloadbalancing:.*: certificate {soon['CertificateArn']} expires on 2", "closed .*: Address already in use",
                          r"targets: \d+ of \d+ healthy, [1-9]\d* in trouble",
                          f"127.0.0.1:{dead.getsockname()[1]} of {group['TargetGroupArn']}: unhealthy, Target.FailedHealthChecks: Health checks failed"):
                self.assertRegex(said, words)

    def test_logs_are_sealed_and_opened_again(self):
        """Access, connection and health check logs: nothing of them stands in the data folder, `bulwark logs` shows them, and tells what was done to
        the files."""
        lb, port, ask, _ = self.site()
        folder = pathlib.Path(harness.SERVER.data) / "edge-logs"
        self.elb.modify_load_balancer_attributes(LoadBalancerArn=lb["LoadBalancerArn"], Attributes=[
            {"Key": f"{kind}.s3.{key}", "Value": value} for kind in ("access_logs", "connection_logs", "health_check_logs")
            for key, value in (("enabled", "true"), ("bucket", "b"))])
        group = self.target_of(Application("logged"))
        self.listener(lb, self.forward(group), Port=port)
        self.eventually((200, "logged /planted-words"), lambda: ask("/planted-words"))
        dimension = lb["LoadBalancerArn"].split("loadbalancer/")[1].replace("/", ".")
        names = [prefix + dimension + ".log" for prefix in ("", "conn_log.", "health_check_log.")]
        self.eventually(True, lambda: all((folder / n).exists() for n in names))

        def logs(*words):
            done = subprocess.run([harness.BINARY, "logs", "--data", harness.SERVER.data, "--root-key", harness.SERVER.data + ".key", *words],
                                  capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS)
            return done.returncode, done.stdout, done.stderr
        self.assertLessEqual(set(names), set(logs()[1].split()))
        status, said, error = logs(*names)
        self.assertEqual((0, ""), (status, error))
        self.assertRegex(said, r'"GET http://[\d.]+:\d+/planted-words HTTP/1\.1"')
        self.assertRegex(said, r" TID_[0-9a-f]{32} -\n")
        self.assertRegex(said, rf" {group['TargetGroupName']} PASS 200 -\n")
        for file in pathlib.Path(harness.SERVER.data).rglob("*"):
            if file.is_file():
                self.assertNotIn(b"planted-words", file.read_bytes(), file)
        # Each kind of meddling is noticed, and what it left alone is still shown.
        for _ in range(3):
            ask("/more")
        file = folder / names[0]
        self.eventually(4, lambda: file.read_bytes().count(b"BWL1") if file.read_bytes().count(b"BWL1") >= 4 else 0)
        whole = file.read_bytes()
        records, at = [], 0
        while at < len(whole):
            n = 8 + int.from_bytes(whole[at + 4:at + 8], "big")
            records.append(whole[at:at + n])
            at += n
        first, rest = records[0], records[1:]
        # Loops write side by side; lines of one of them alone have an order.
        own = max(([r for r in records if r[8:40] == s] for s in {r[8:40] for r in records}), key=len)
        flipped = bytearray(first)
        flipped[-1] ^= 1
        other = (folder / names[1]).read_bytes()
        # What was never sealed by the sender that it names does not say where that one's lines begin.
        forged = own[0][:40] + b"\xff" * 8 + own[0][48:-1] + bytes([own[0][-1] ^ 1])
        for made, words in ((bytes(flipped) + b"".join(rest), "1 lines damaged"), (b"".join(rest) + first[:-1], "1 lines damaged"), (whole + first, "1 lines out of"),
                            (whole + other, "lines out of another place"), (own[0] + b"".join(own[2:]), "1 lines missing"),
                            (forged + b"".join(own), "1 lines damaged")):
            if len(own) < 3 and "missing" in words:
                continue
            copy = pathlib.Path(harness.SERVER.work) / "meddled.log"
            copy.write_bytes(made)
            status, said, error = logs(str(copy))
            self.assertEqual(1, status, words)
            self.assertIn(words, error)
            self.assertIn("/more", said)

    def test_no_target_leads_back(self):
        """The API answers in clear to this machine alone: a load balancer is no way round that. And one that is its own target passes nothing round."""
        group = self.group()
        self.refused("InvalidTarget", f"The following targets are this server itself and cannot be registered: '127.0.0.1:{harness.SERVER.port}'",
                     self.elb.register_targets, TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": "127.0.0.1", "Port": harness.SERVER.port}])
        group = self.group(Protocol="TCP")
        lb = self.balancer(Type="network", Subnets=self.subnets[:1])
        address, port = lb["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"], harness.free_port()
        self.elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": address, "Port": port}])
        self.listener(lb, self.forward(group), Protocol="TCP", Port=port)
        self.eventually("unused", lambda: self.health(group))
        one = self.elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"][0]["TargetHealth"]
        self.assertEqual(("Target.InvalidState", "Target is in an invalid state"), (one["Reason"], one["Description"]))

    def test_what_lies_among_the_logs_and_is_no_file_is_not_waited_for(self):
        """Whoever took over the edge writes into that folder: a pipe, a link and a name with a terminal's orders do nothing to who looks."""
        folder = pathlib.Path(harness.SERVER.data) / "edge-logs"
        folder.mkdir(mode=0o700, exist_ok=True)
        planted = [folder / name for name in ("pipe.log", "link.log", "\x1b]0;owned\x07.log")]
        os.mkfifo(planted[0])
        planted[1].symlink_to(pathlib.Path(harness.SERVER.data) / "credentials")
        planted[2].touch()
        try:
            for names, status in (([], 0), (["pipe.log"], 1), ([str(planted[0])], 1), (["link.log"], 1)):
                done = subprocess.run([harness.BINARY, "logs", "--data", harness.SERVER.data, "--root-key", harness.SERVER.data + ".key", *names],
                                      capture_output=True, timeout=harness.PATIENCE_SECONDS)
                self.assertEqual(status, done.returncode, (names, done))
                self.assertEqual(b"bulwark: cannot read " + os.fsencode(folder / names[0]) + b"\n" if names else b"", done.stderr)
                self.assertNotIn(b"\x1b", done.stdout)
            self.assertIn(b"?]0;owned?.log", subprocess.run(
                [harness.BINARY, "logs", "--data", harness.SERVER.data, "--root-key", harness.SERVER.data + ".key"], capture_output=True, timeout=harness.PATIENCE_SECONDS).stdout)
        finally:
            for file in planted:
                file.unlink()

    def test_a_network_load_balancer_passes_bytes(self):
        app = Application("tcp")
        group = self.target_of(app, Protocol="TCP")
        lb = self.balancer(Type="network", Subnets=self.subnets[:1])
        address, port = lb["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"], harness.free_port()
        self.listener(lb, self.forward(group), Protocol="TCP", Port=port)

        def ask():
            c = http.client.HTTPConnection(address, port, timeout=3)
            try:
                c.request("GET", "/x")
                return c.getresponse().read().decode()
            except http.client.HTTPException as e:
                return type(e).__name__
            finally:
                c.close()
        self.eventually("tcp /x", ask)

    def test_a_server_that_starts_again_serves_what_it_has(self):
        work = tempfile.mkdtemp(prefix="bulwark-again-")
        self.addCleanup(shutil.rmtree, work, ignore_errors=True)
        first = harness.Server(ephemeral=False, data=work + "/data")
        elb, ec2 = harness.client("elbv2", first), harness.client("ec2", first)
        subnets = ec2.describe_subnets()["Subnets"][:2]
        group = ec2.create_security_group(GroupName="open", Description="x", VpcId=subnets[0]["VpcId"])["GroupId"]
        port = harness.free_port()
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "127.0.0.0/8"}]}])
        lb = elb.create_load_balancer(Name="again", Subnets=[s["SubnetId"] for s in subnets], SecurityGroups=[group])["LoadBalancers"][0]
        elb.create_listener(LoadBalancerArn=lb["LoadBalancerArn"], Protocol="HTTP", Port=port, DefaultActions=[
            {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418"}}])
        address = lb["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"]

        def ask():
            c = http.client.HTTPConnection(address, port, timeout=3)
            try:
                c.request("GET", "/")
                return c.getresponse().status
            finally:
                c.close()
        self.eventually(418, ask)
        self.assertEqual(0, first.stop())
        self.eventually("ConnectionRefusedError", ask)
        # With another pool of addresses the load balancer's is nobody's, and that is told.
        other = harness.Server(ephemeral=False, data=work + "/data")
        elb = harness.client("elbv2", other)
        self.eventually("failed", lambda: elb.describe_load_balancers()["LoadBalancers"][0]["State"]["Code"])
        self.assertIn(address, elb.describe_load_balancers()["LoadBalancers"][0]["State"]["Reason"])
        self.assertEqual(0, other.stop())
        again = harness.Server("--edge-pool", first.edge_pool, ephemeral=False, data=work + "/data")
        self.eventually(418, ask)
        elb = harness.client("elbv2", again)
        self.eventually("active", lambda: elb.describe_load_balancers()["LoadBalancers"][0]["State"]["Code"])
        self.assertEqual(0, again.stop())


if __name__ == "__main__":
    harness.serve(ephemeral=False)
    harness.main()
