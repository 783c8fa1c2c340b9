#!/usr/bin/env python3
"""gRPC through a load balancer that stock clients made: @grpc/grpc-js calls and serves, ws does both ends of a WebSocket."""
import json
import os
import socket
import subprocess
import sys
import threading
import time
import unittest

import harness
from elbv2_case import Elbv2Case
from h2_case import WORK
from node_case import HERE, install, node_command

NODE = node_command()
FAILED = install() if NODE else None
CA = os.path.join(WORK, "c.pem")


class Peer:
    """A process of grpc_peer.mjs or ws_peer.mjs that serves."""

    def __init__(self, script="grpc_peer.mjs", *words):
        self.process = subprocess.Popen([*NODE, str(HERE / script), "serve", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self.process.stdout.readline())["plain"]
        self.said = []
        threading.Thread(target=lambda: self.said.extend(json.loads(line) for line in self.process.stdout), daemon=True).start()

    def kill(self):
        self.process.kill()
        self.process.wait()


@unittest.skipUnless(NODE, "no node and npm on this machine")
class Site(Elbv2Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if FAILED:
            raise AssertionError(FAILED)
        acm = harness.client("acm")
        with open(CA, "rb") as chain, open(os.path.join(WORK, "k.pem"), "rb") as key:
            cls.certificate = acm.import_certificate(Certificate=chain.read(), PrivateKey=key.read())["CertificateArn"]

    def site(self, *peers, **more):
        """(address and port, target group) of a load balancer in front of the peers, all of them healthy."""
        tg = self.group(**{"ProtocolVersion": "GRPC", "HealthCheckIntervalSeconds": 5, "HealthyThresholdCount": 2, "HealthCheckTimeoutSeconds": 2,
                           **more})
        arn = tg["TargetGroupArn"]
        self.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1", "Port": p.port, "AvailabilityZone": "all"} for p in peers])
        sg = self.ec2.create_security_group(GroupName=self.name("open"), Description="x", VpcId=self.vpc)["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupId=sg, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
        lb = self.balancer(SecurityGroups=[sg])
        with socket.socket() as s:
            s.bind(("127.66.255.254", 0))
            port = s.getsockname()[1]
        self.listener(lb, self.forward(tg), Port=port, Protocol="HTTPS", Certificates=[{"CertificateArn": self.certificate}])
        self.active(lb)
        zones = self.elb.describe_load_balancers(LoadBalancerArns=[lb["LoadBalancerArn"]])["LoadBalancers"][0]["AvailabilityZones"]
        self.until(lambda: self.states(arn) == ["healthy"] * len(peers))
        return f"{zones[0]['LoadBalancerAddresses'][0]['IpAddress']}:{port}", arn

    def states(self, arn):
        return [t["TargetHealth"]["State"] for t in self.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]]

    def until(self, true, seconds=harness.PATIENCE_SECONDS):
        end = time.monotonic() + seconds
        while not true():
            self.assertLess(time.monotonic(), end, harness.SERVER.log()[-2000:])
            time.sleep(0.05)

    def peer(self, *words):
        p = Peer(*words)
        self.addCleanup(p.kill)
        return p

    def calls(self, address, *names, script="grpc_peer.mjs", **environment):
        done = subprocess.run([*NODE, str(HERE / script), "call", address, CA, *names], capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS,
                              env={**os.environ, **environment})
        self.assertEqual(done.returncode, 0, done.stderr)
        return {told.pop("name"): told for told in map(json.loads, done.stdout.splitlines())}


class Grpc(Site):
    def test_calls_of_every_kind(self):
        peer = self.peer()
        address, _ = self.site(peer)
        told = self.calls(address, "unary", "empty", "big", "gather", "spread", "talk", "fail", "unknown", "deadline", "cancel", "unary")
        self.assertEqual(told["unary"], {"value": "hello", "seen": "from the client", "code": 0, "behind": "trailer", "bin": "0001ff"})
        self.assertEqual(told["empty"], {"value": ""})
        self.assertEqual(told["big"], {"same": True})
        self.assertEqual(told["gather"], {"value": "1500000"})
        self.assertEqual(told["spread"], {"n": 500, "last": "message 499", "code": 0})
        self.assertEqual(told["talk"], {"n": 200, "code": 0})
        self.assertEqual(told["fail"], {"code": 9, "details": "not now: 100% wrong, für immer"})
        self.assertEqual(told["unknown"]["code"], 12)
        self.assertEqual(told["deadline"]["code"], 4)
        self.assertEqual(told["cancel"], {"code": 1})
        self.until(lambda: peer.said.count({"cancelled": True}) >= 2)  # the target heard of both

    def test_a_group_of_http_2_passes_calls_too(self):
        address, _ = self.site(self.peer(), ProtocolVersion="HTTP2", Matcher={"HttpCode": "200-499"})
        self.assertEqual(self.calls(address, "talk")["talk"], {"n": 200, "code": 0})

    def test_what_the_load_balancer_says_itself_is_an_error_of_its_status(self):
        peer = self.peer()
        address, arn = self.site(peer)
        told = self.calls(address, "quit")["quit"]
        self.assertEqual(told["got"], ["half"])
        self.assertNotEqual(told["code"], 0)
        told = self.calls(address, "unary")["unary"]  # nobody is there: 502
        self.assertEqual(told["code"], 14, told)

    def test_a_killed_target_costs_what_was_in_work_alone(self):
        peers = [self.peer("grpc_peer.mjs", name) for name in ("a", "b")]
        address, _ = self.site(*peers)

        def kill():
            self.until(lambda: {"served": True} in peers[0].said, 60)
            time.sleep(0.5)
            peers[0].kill()
        killer = threading.Thread(target=kill)
        killer.start()
        told = self.calls(address, "load", SECONDS="4")["load"]
        killer.join()
        print(f"# {told}", file=sys.stderr)
        self.assertGreater(told["who"].get("a", 0), 0)
        self.assertGreater(told["who"]["b"], 0)
        self.assertLessEqual(sum(told["bad"].values()), 16)  # lanes: no more can have been in work
        self.assertLessEqual(set(told["bad"]), {"14", "13", "8", "1", "2"})


class WebSocket(Site):
    def test_messages_pass_and_ends_are_told(self):
        peer = self.peer("ws_peer.mjs")
        address, _ = self.site(peer, ProtocolVersion="HTTP1", Matcher={"HttpCode": "200-499"})
        told = self.calls(address, "echo", "closed", "dead", script="ws_peer.mjs")
        self.assertEqual(told["echo"], {"same": [True] * 5, "pong": "p", "protocol": "talk", "code": 4000})
        self.assertEqual(told["closed"], {"code": 4001, "reason": "as told"})
        self.assertEqual(told["dead"], {"code": 1006})
        self.until(lambda: {"closed": 4000} in peer.said)
        self.assertIn({"asked": "/echo?a=b", "proto": "https"}, peer.said)

    def test_there_is_none_over_http_2(self):
        address, _ = self.site(self.peer(), ProtocolVersion="HTTP2", Matcher={"HttpCode": "200-499"})
        self.assertEqual(self.calls(address, "refused", script="ws_peer.mjs")["refused"], {"status": 464})


harness.serve()

if __name__ == "__main__":
    harness.main()
