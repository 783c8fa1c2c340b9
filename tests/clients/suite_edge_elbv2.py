#!/usr/bin/env python3
"""Load balancers made through the API, with traffic through them: one program, from CreateLoadBalancer to a target's answer."""
import os
import signal
import socket
import subprocess
import time
import unittest
import urllib.request

import harness
from edge_case import Backend, parse, read_all
from elbv2_case import Elbv2Case


def children(pid):
    out = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(pid)], capture_output=True, text=True, check=True).stdout
    return {name: int(number) for number, name in (line.split() for line in out.splitlines())}


class Site(Elbv2Case):
    def port(self):
        with socket.socket() as s:
            s.bind(("127.66.255.254", 0))
            return s.getsockname()[1]

    def site(self, backends, **more):
        """(load balancer, group, listener, address, port) with the backends behind it, all healthy."""
        tg = self.group(HealthCheckIntervalSeconds=5, HealthyThresholdCount=2, UnhealthyThresholdCount=2, HealthCheckTimeoutSeconds=2)
        arn = tg["TargetGroupArn"]
        self.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1", "Port": b.port, "AvailabilityZone": "all"} for b in backends])
        lb = self.balancer(**more)
        port = self.port()
        listener = self.listener(lb, self.forward(tg), Port=port)
        self.active(lb)
        zones = self.elb.describe_load_balancers(LoadBalancerArns=[lb["LoadBalancerArn"]])["LoadBalancers"][0]["AvailabilityZones"]
        address = zones[0]["LoadBalancerAddresses"][0]["IpAddress"]
        self.until(lambda: [t["TargetHealth"]["State"] for t in self.health(arn)] == ["healthy"] * len(backends))
        return lb, tg, listener, address, port

    def health(self, arn):
        return self.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]

    def until(self, true, seconds=harness.PATIENCE_SECONDS):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if true():
                return
            time.sleep(0.05)
        self.fail("it did not happen\n" + harness.SERVER.log()[-2000:])

    def get(self, address, port, path="/", source=None):
        try:
            with socket.create_connection((address, port), timeout=10, source_address=(source, 0) if source else None) as s:
                s.sendall(f"GET {path} HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n".encode())
                return parse(read_all(s))
        except OSError:
            return 0, [], b""

    def test_nobody_passes_whom_the_security_group_does_not_name(self):
        backend = Backend()
        sg = self.ec2.create_security_group(GroupName=self.name("members"), Description="x", VpcId=self.vpc)["GroupId"]
        _, _, _, address, port = self.site([backend], SecurityGroups=[sg])
        self.assertEqual(self.get(address, port)[0], 0)
        permit = {"GroupId": sg, "IpPermissions": [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "127.0.0.7/32"}]}]}
        self.ec2.authorize_security_group_ingress(**permit)
        self.until(lambda: self.get(address, port, source="127.0.0.7")[0] == 200)
        self.assertEqual(self.get(address, port, source="127.0.0.8")[0], 0)
        self.ec2.revoke_security_group_ingress(**permit)
        self.until(lambda: self.get(address, port, source="127.0.0.7")[0] == 0)

    def permitted(self):
        sg = self.ec2.create_security_group(GroupName=self.name("members"), Description="x", VpcId=self.vpc)["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupId=sg, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
        return [sg]

    def test_rules_and_balancing(self):
        backends = [Backend(), Backend()]
        lb, tg, listener, address, port = self.site(backends, SecurityGroups=self.permitted())
        self.assertEqual([self.get(address, port)[0] for _ in range(10)], [200] * 10)
        self.assertEqual([len(b.requests) for b in backends], [5, 5])
        self.elb.create_rule(ListenerArn=listener["ListenerArn"], Priority=5, Conditions=[{"Field": "path-pattern", "Values": ["/tea*"]}],
                             Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418", "MessageBody": "tea", "ContentType": "text/plain"}}])
        self.until(lambda: self.get(address, port, "/teapot")[0] == 418)
        self.assertEqual(self.get(address, port, "/coffee")[0], 200)
        backends[0].status = 500
        self.until(lambda: "unhealthy" in [t["TargetHealth"]["State"] for t in self.health(tg["TargetGroupArn"])])
        reasons = [t["TargetHealth"].get("Reason") for t in self.health(tg["TargetGroupArn"])]
        self.assertEqual(sorted(map(str, reasons)), ["None", "Target.ResponseCodeMismatch"])
        self.elb.delete_listener(ListenerArn=listener["ListenerArn"])
        self.until(lambda: self.get(address, port)[0] == 0)

    def test_the_edge_serves_while_the_api_is_down(self):
        backend = Backend()
        _, _, _, address, port = self.site([backend], SecurityGroups=self.permitted())
        api = children(harness.SERVER.process.pid)["api"]
        os.kill(api, signal.SIGSTOP)
        try:
            self.assertEqual([self.get(address, port)[0] for _ in range(20)], [200] * 20)
        finally:
            os.kill(api, signal.SIGKILL)
        while children(harness.SERVER.process.pid).get("api") in (None, api):
            self.assertEqual(self.get(address, port)[0], 200)
        harness.SERVER.wait()
        os.kill(children(harness.SERVER.process.pid)["edge"], signal.SIGKILL)
        self.until(lambda: self.get(address, port)[0] == 200)

    def test_the_edge_has_few_powers(self):
        if os.geteuid() != 0:
            self.skipTest("powers are given up by root alone")
        with open(f"/proc/{children(harness.SERVER.process.pid)['edge']}/status", encoding="ascii") as f:
            told = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        self.assertNotIn("0", told["Uid"].split())
        self.assertNotIn("0", told["Gid"].split())
        self.assertEqual({int(told[c], 16) for c in ("CapEff", "CapPrm", "CapInh", "CapAmb")}, {0})
        self.assertEqual((told["NoNewPrivs"], told["Seccomp"]), ("1", "2"))

    def test_a_reload_relieves_the_edge_and_fails_no_request(self):
        backend = Backend()
        _, _, _, address, port = self.site([backend], SecurityGroups=self.permitted())

        def edges():
            out = subprocess.run(["pgrep", "-P", str(harness.SERVER.process.pid), "^edge"], capture_output=True, text=True, check=False).stdout
            return set(out.split())
        before, answers = edges(), []
        harness.SERVER.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 30
        while before & edges() and time.monotonic() < end:
            answers.append(self.get(address, port)[0])
        self.assertEqual(set(answers), {200})
        self.assertFalse(before & edges())
        self.assertTrue(edges())

    def test_only_the_parent_holds_the_sockets_of_others(self):
        """Neither the edge those of the API nor the API those of the edge: a port would stay open, or be answered by the wrong one."""
        _, _, _, address, port = self.site([Backend()], SecurityGroups=self.permitted())
        os.kill(children(harness.SERVER.process.pid)["api"], signal.SIGKILL)
        self.until(lambda: "api" in children(harness.SERVER.process.pid))
        harness.SERVER.wait()
        inodes = {}
        for line in open("/proc/net/tcp", encoding="ascii").read().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                inodes.setdefault(int(fields[1].split(":")[1], 16), set()).add(fields[9])
        for name, pid in children(harness.SERVER.process.pid).items():
            held = set()
            for fd in os.listdir(f"/proc/{pid}/fd"):
                try:
                    held.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
                except OSError:
                    pass
            has = [at for at in (port, harness.SERVER.port) if any(f"socket:[{i}]" in held for i in inodes.get(at, ()))]
            self.assertEqual(has, [port] if name.startswith("edge") else [harness.SERVER.port] if name == "api" else [], name)

    def test_metrics_are_told_on_loopback(self):
        backend = Backend()
        lb, tg, _, address, port = self.site([backend], SecurityGroups=self.permitted())
        for _ in range(3):
            self.get(address, port)
        name = lb["LoadBalancerArn"].split("loadbalancer/")[1]

        def told():
            with urllib.request.urlopen(harness.SERVER.endpoint + "/_bulwark/metrics", timeout=5) as answer:
                return answer.read().decode()
        self.until(lambda: f'aws_elb_request_count{{load_balancer="{name}"}} 3\n' in told())
        group = tg["TargetGroupArn"].split(":")[-1]
        self.assertIn(f'aws_elb_http_code_target_2xx_count{{load_balancer="{name}",target_group="{group}"}} 3\n', told())
        status = subprocess.run([harness.BINARY, "status", "--endpoint", harness.SERVER.endpoint], capture_output=True, text=True, check=True).stdout
        self.assertRegex(status, rf"{address}:{port}\s+open")


# What outlives a killed API is on the disk.
harness.serve(ephemeral=False)

if __name__ == "__main__":
    harness.main()
