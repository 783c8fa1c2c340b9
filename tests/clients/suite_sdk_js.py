#!/usr/bin/env python3
"""The AWS SDK for JavaScript v3: starts a server, runs suite_sdk_js.mjs in node and passes its TAP on."""
import os
import subprocess
import sys

import harness
from node_case import HERE, install, node_command


def skip(reason):
    print(f"ok 1 - the SDK for JavaScript # SKIP {reason}\n1..1")
    sys.exit(0)


def main():
    node = node_command()
    if not node:
        skip("no node and npm on this machine")
    failed = install()
    if failed:
        print("not ok 1 - npm ci\n" + "".join(f"# {line}\n" for line in failed.splitlines()) + "1..1")
        sys.exit(1)
    server = harness.serve()
    done = subprocess.run([*node, str(HERE / "suite_sdk_js.mjs"), *sys.argv[1:]], stdin=subprocess.DEVNULL,
                          env={**os.environ, "ACCOUNT": server.health["account"]}, timeout=300)
    stopped = server.stop()
    log = server.last_log
    clean = stopped == 0 and "ERROR: AddressSanitizer" not in log and "runtime error:" not in log
    if not clean:
        print(f"not ok - the server ends cleanly (status {stopped})")
        print("".join(f"# {line}\n" for line in log.splitlines()[-60:]))
    sys.exit(done.returncode if clean else 1)


if __name__ == "__main__":
    main()
