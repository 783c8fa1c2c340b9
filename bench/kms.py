#!/usr/bin/env python3
"""Measures KMS of an optimised build, each figure beside a peer in the same run, and prints a table.

    bench/kms.py [--binary build/run/src/bin/bulwark] [--seconds 4] [--keys 100000]

Needs nginx, taskset and openssl (Debian: nginx-light util-linux openssl), and bench-load of the same build. All processes of the server, the api and the keyer among them, and
the peers share core 0; the load comes from core 1 over kept connections. Requests are signed and authorised; SigV4 has no nonce, so
the same one is sent again and again. Short rounds of both sides alternate; a ratio is the median of the rounds' with their spread. CPU time a request is the
kernel's count over all processes of the server: other work on the machine hardly touches it. Signatures stand beside `openssl speed` by the CPU time of the
keyer's process alone, ring and all: what is not HTTP.
"""
import argparse
import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import api

TEXT = base64.b64encode(b"x" * 64).decode()


class Signer(api.Signer):
    """The same for AWS's JSON protocol."""

    def headers(self, body, host):
        operation, body = body.split("\n", 1)
        kind, target = "application/x-amz-json-1.1", "TrentService." + operation
        names = "content-type;host;x-amz-date;x-amz-target"
        canonical = "\n".join(["POST", "/", "", f"content-type:{kind}", f"host:{host}", f"x-amz-date:{self.when}", f"x-amz-target:{target}", "",
                               names, hashlib.sha256(body.encode()).hexdigest()])
        scope = f"{self.when[:8]}/{self.region}/{self.service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", self.when, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = hmac.new(self.signing_key, text.encode(), hashlib.sha256).hexdigest()
        return {"Content-Type": kind, "X-Amz-Date": self.when, "X-Amz-Target": target,
                "Authorization": f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, Signature={signature}"}


class Kms:
    def __init__(self, server):
        self.server = server
        self.sign_anew()

    def sign_anew(self):
        """KMS takes a signature for five minutes."""
        self.signer = Signer(*self.server.credentials(), "kms")

    def signed(self, operation, /, **members):
        text = f"{operation}\n{json.dumps(members)}"
        return self.signer.headers(text, self.server.host), text.split("\n", 1)[1]

    def played(self, operation, members):
        return api.requests_file([self.signed(operation, **m) for m in members], self.server.host)

    def call(self, operation, /, **members):
        class Same:
            headers = staticmethod(lambda body, host: self.signed(operation, **members)[0])
        status, text = self.server.call(Same, json.dumps(members))
        assert status == 200, text
        return json.loads(text) if text else {}

    def key(self, **members):
        return self.call("CreateKey", **members)["KeyMetadata"]["KeyId"]

    def load(self, operation, members, seconds, connections=32):
        """Signed requests again and again: what api.play says of them."""
        return api.play(self.server.port, seconds, connections, self.played(operation, members))


def keyer_pid(server):
    out = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(server.process.pid)], capture_output=True, text=True, check=True).stdout.split()
    return int(out[out.index("keyer") - 1])


def own_cpu_s(pid):
    """To the nanosecond, of one process: the first number of schedstat, over its threads."""
    return sum(int((t / "schedstat").read_text().split()[0]) for t in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e9


def operations(kms, seconds, work):
    symmetric, mac = kms.key(), kms.key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    blob = kms.call("Encrypt", KeyId=symmetric, Plaintext=TEXT)["CiphertextBlob"]
    rows = [("Encrypt", {"KeyId": symmetric, "Plaintext": TEXT}), ("Decrypt", {"CiphertextBlob": blob}),
            ("GenerateDataKey", {"KeyId": symmetric, "KeySpec": "AES_256"}),
            ("GenerateMac", {"KeyId": mac, "Message": TEXT, "MacAlgorithm": "HMAC_SHA_256"})]
    for operation, members in rows:
        kms.sign_anew()
        text = json.dumps(kms.call(operation, **members))
        nginx, port = api.nginx_start(os.path.join(work, "nginx"), text)
        rates, costs = ([], []), ([], [])
        path = kms.played(operation, [members])
        try:
            for _ in range(max(3, seconds)):
                for at, (pid, to) in enumerate(((kms.server.process.pid, kms.server.port), (nginx.pid, port))):
                    before = api.cpu_s(pid)
                    rate, _, bad = api.play(to, 1, 32, path)
                    assert bad == 0, f"{bad} answers were not 200"
                    rates[at].append(rate)
                    costs[at].append((api.cpu_s(pid) - before) / rate * 1e6)
        finally:
            nginx.terminate()
            nginx.wait(10)
        ours, theirs = (statistics.median(r) for r in rates)
        api.row(f"{operation}, one core", f"{ours:,.0f}/s", f"nginx static {theirs:,.0f}/s", api.spread(rates[0], rates[1]), ">= 0.4")
        ours, theirs = (statistics.median(c) for c in costs)
        api.row("  the same in CPU time a request", f"{ours:.1f} us", f"nginx static {theirs:.1f} us", api.spread(costs[1], costs[0]), ">= 0.4")


def openssl_us(name, pattern):
    text = subprocess.run(["taskset", "-c", "0", "openssl", "speed", "-seconds", "1", name], capture_output=True, text=True, check=True).stdout
    return 1e6 / float(re.search(pattern, text)[1])


def signatures(kms, seconds):
    for what, spec, algorithm, name, pattern in (
            ("Sign P-256", "ECC_NIST_P256", "ECDSA_SHA_256", "ecdsap256", r"nistp256\)\s+\S+\s+\S+\s+([\d.]+)"),
            ("Sign RSA-2048", "RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256", "rsa2048", r"rsa 2048 bits\s+\S+\s+\S+\s+([\d.]+)")):
        kms.sign_anew()
        members = {"KeyId": kms.key(KeySpec=spec, KeyUsage="SIGN_VERIFY"), "Message": base64.b64encode(b"d" * 32).decode(), "MessageType": "DIGEST",
                   "SigningAlgorithm": algorithm}
        ours, theirs, pid = [], [], keyer_pid(kms.server)
        for _ in range(max(3, seconds)):
            before, began = own_cpu_s(pid), time.monotonic()
            rate, _, bad = kms.load("Sign", [members], 1)
            assert bad == 0
            ours.append((own_cpu_s(pid) - before) / (rate * min(1.0, time.monotonic() - began)) * 1e6)
            theirs.append(openssl_us(name, pattern))
        api.row(f"{what}, CPU time of the keyer", f"{statistics.median(ours):.1f} us", f"openssl speed {statistics.median(theirs):.1f} us",
                api.spread(theirs, ours), ">= 0.85")


def ring(binary):
    """What the keyer costs by itself: no HTTP, nobody else in the caches of the core."""
    program = pathlib.Path(binary).resolve().parents[2] / "bench/bench-keyer"
    if not program.exists():
        print(f"the ring was not measured: {program} is not built (-Dbench=true)")
        return
    text = subprocess.run(["taskset", "-c", "0", str(program)], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines()[1:]:
        what, openssl, _, over_ring, share, _, ratio = re.split(r"\s{2,}", line)
        if what.startswith("sign"):
            api.row(f"keyer over its ring: {what}", f"{over_ring} us", f"OpenSSL alone {openssl} us", ratio, ">= 0.85")
        else:
            api.row(f"the ring's share of a request: {what}", f"{share} us", "limit 2 us", f"{float(share) / 2:.2f}", "<= 1")


def keys_list(kms):
    found, page = [], kms.call("ListKeys", Limit=1000)
    while True:
        found += [k["KeyId"] for k in page["Keys"]]
        if not page["Truncated"]:
            return found
        page = kms.call("ListKeys", Limit=1000, Marker=page["NextMarker"])


def filled(kms, count):
    """At least so many symmetric keys there are then; the ids of `count`."""
    while len(have := keys_list(kms)) < count:
        kms.sign_anew()
        kms.load("CreateKey", [{}], max(1, min(20, (count - len(have)) // 2000)), 64 if count > 1000 else 2)
    return have[:count]


def many(few, lots, keys, seconds):
    """Two servers, one with 100 keys and one with many; each is asked for all of its keys in turn."""
    sides = []
    for kms, count in ((few, 100), (lots, keys)):
        ids = filled(kms, count)
        kms.sign_anew()
        sides.append((kms, kms.played("Encrypt", [{"KeyId": k, "Plaintext": TEXT} for k in ids])))
    costs = ([], [])
    for _ in range(max(3, seconds)):
        for at, (kms, path) in enumerate(sides):
            before = api.cpu_s(kms.server.process.pid)
            rate, _, bad = api.play(kms.server.port, 2, 32, path)
            assert bad == 0, f"{bad} answers were not 200"
            costs[at].append((api.cpu_s(kms.server.process.pid) - before) / rate / 2 * 1e6)
    api.row(f"Encrypt with each of {keys:,} keys, CPU time", f"{statistics.median(costs[1]):.1f} us", f"each of 100 {statistics.median(costs[0]):.1f} us",
            api.spread(costs[1], costs[0]), "<= 1.5")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", default=str(api.ROOT / "build/run/src/bin/bulwark"))
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--keys", type=int, default=100000)
    o = options.parse_args()
    for program in ("nginx", "taskset", "openssl", api.LOAD):
        if not shutil.which(program):
            sys.exit(f"bench/kms.py needs {program}: apt-get install nginx-light util-linux openssl, and a build with -Dbench=true")
    work = tempfile.mkdtemp(prefix="bench-", dir=str(api.ROOT / "build"))
    api.row("what", "bulwark", "beside", "ratio", "target")
    try:
        quota, servers = ("--quota", f"kms-keys={o.keys + 1000000}"), []
        try:
            for name in ("data", "few", "many"):
                servers.append(api.Server(o.binary, os.path.join(work, name), *quota))
            first, few, lots = (Kms(s) for s in servers)
            operations(first, o.seconds, work)
            signatures(first, o.seconds)
            ring(o.binary)
            many(few, lots, o.keys, o.seconds)
        finally:
            for server in servers:
                server.stop()
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
