#!/usr/bin/env python3
"""The stock aws CLI builds a site, command by command: a security group, a certificate, a trust store, targets, listeners; then it works, and
then it is taken down."""
import json
import os
import subprocess
import unittest

import harness
from site_case import NAME, VISITOR, Application, Authority, Site, trust


def aws(*words):
    """What it printed: text, a line an answer."""
    done = subprocess.run(["aws", *words, "--output", "text"], env=os.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise AssertionError(f"aws {' '.join(words)}: {done.stderr}")
    return done.stdout.strip()


class Cli(unittest.TestCase):
    maxDiff = None

    def certificate(self):
        """(its ARN, the file of the authority's certificate that it hangs from)"""
        arn = aws("acm", "request-certificate", "--domain-name", NAME, "--key-algorithm", "EC_prime256v1")
        self.authority.write("site-ca.pem", aws("acm", "get-certificate", "--certificate-arn", arn, "--query", "CertificateChain") + "\n")
        return arn, self.authority.path("site-ca.pem")

    def network(self, ports):
        """(subnets, security group): the default VPC's, and a group that lets the visitor alone in."""
        vpc = aws("ec2", "describe-vpcs", "--query", "Vpcs[0].VpcId")
        subnets = aws("ec2", "describe-subnets", "--query", "Subnets[:2].SubnetId").split()
        group = aws("ec2", "create-security-group", "--group-name", "site", "--description", "visitors", "--vpc-id", vpc, "--query", "GroupId")
        permits = [{"IpProtocol": "tcp", "FromPort": p, "ToPort": p, "IpRanges": [{"CidrIp": VISITOR + "/32"}]} for p in ports]
        aws("ec2", "authorize-security-group-ingress", "--group-id", group, "--ip-permissions", json.dumps(permits))
        return vpc, subnets, group

    def targets(self, vpc, applications):
        group = aws("elbv2", "create-target-group", "--name", "site", "--protocol", "HTTP", "--port", "80", "--vpc-id", vpc, "--target-type", "ip",
                    "--health-check-interval-seconds", "5", "--health-check-timeout-seconds", "2", "--query", "TargetGroups[0].TargetGroupArn")
        aws("elbv2", "register-targets", "--target-group-arn", group, "--targets", *(f"Id=127.0.0.1,Port={a.port}" for a in applications))
        return group

    def listener(self, lb, protocol, port, action, *more):
        return aws("elbv2", "create-listener", "--load-balancer-arn", lb, "--protocol", protocol, "--port", str(port), "--default-actions", action,
                   *more, "--query", "Listeners[0].ListenerArn")

    def test_a_site(self):
        self.authority = Authority()
        self.addCleanup(self.authority.clean)
        trust("cli-trust", **{"ca.pem": self.authority.read("ca.pem")})
        names = ("one", "two")
        http, https, mutual = ports = [harness.free_port() for _ in range(3)]
        vpc, subnets, security = self.network(ports)
        certificate, ca = self.certificate()
        group = self.targets(vpc, [Application(n) for n in names])
        store = aws("elbv2", "create-trust-store", "--name", "clients", "--ca-certificates-bundle-s3-bucket", "cli-trust",
                    "--ca-certificates-bundle-s3-key", "ca.pem", "--query", "TrustStores[0].TrustStoreArn")
        lb, address = aws("elbv2", "create-load-balancer", "--name", "site", "--subnets", *subnets, "--security-groups", security, "--query",
                          "LoadBalancers[0].[LoadBalancerArn,AvailabilityZones[0].LoadBalancerAddresses[0].IpAddress]").split()
        forward, presented = f"Type=forward,TargetGroupArn={group}", ("--certificates", f"CertificateArn={certificate}")
        self.listener(lb, "HTTP", http, f"Type=redirect,RedirectConfig={{Protocol=HTTPS,Port={https},StatusCode=HTTP_301}}")
        self.listener(lb, "HTTPS", https, forward, *presented, "--ssl-policy", "ELBSecurityPolicy-TLS13-1-2-Res-2021-06")
        self.listener(lb, "HTTPS", mutual, forward, *presented, "--mutual-authentication", f"Mode=verify,TrustStoreArn={store}")
        aws("elbv2", "wait", "load-balancer-available", "--load-balancer-arns", lb)
        site = Site(self, address, http, https, mutual, ca, self.authority)
        site.proven(names)
        health = aws("elbv2", "describe-target-health", "--target-group-arn", group, "--query", "TargetHealthDescriptions[].TargetHealth.State")
        self.assertEqual(["healthy", "healthy"], health.split())
        aws("elbv2", "delete-load-balancer", "--load-balancer-arn", lb)
        site.eventually((7, ""), site.https)
        aws("elbv2", "delete-target-group", "--target-group-arn", group)
        aws("elbv2", "delete-trust-store", "--trust-store-arn", store)
        aws("acm", "delete-certificate", "--certificate-arn", certificate)
        aws("ec2", "delete-security-group", "--group-id", security)


if __name__ == "__main__":
    harness.serve()
    harness.main()
