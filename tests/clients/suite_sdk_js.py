#!/usr/bin/env python3
"""The AWS SDK for JavaScript v3: starts a server, runs suite_sdk_js.mjs in node and passes its TAP on."""
import os
import pathlib
import shutil
import subprocess
import sys

import harness

HERE = pathlib.Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
OLDEST_NODE = 20


def skip(reason):
    print(f"ok 1 - the SDK for JavaScript # SKIP {reason}\n1..1")
    sys.exit(0)


def node_command():
    """The node to use: the machine's, or npm's own when that one is too old for the SDK."""
    if not shutil.which("npm") or not shutil.which("node"):
        skip("no node and npm on this machine")
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(said.removeprefix("v").split(".")[0]) >= OLDEST_NODE:
        return ["node"]
    return ["npx", "--yes", f"--package=node@{OLDEST_NODE}", "--", "node"]


def install():
    """npm's lock file is what it leaves behind last: a half-finished installation is done again."""
    lock = HERE / "package-lock.json"
    done = MODULES / ".package-lock.json"
    if done.exists() and done.stat().st_mtime >= lock.stat().st_mtime:
        return
    made = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], cwd=HERE,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if made.returncode != 0:
        print("not ok 1 - npm ci\n" + "".join(f"# {line}\n" for line in made.stdout.splitlines()) + "1..1")
        sys.exit(1)


def main():
    node = node_command()
    install()
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
