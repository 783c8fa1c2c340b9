"""What the suites of upgrades share: a program that is installed anew, and what a server says of its processes."""
import atexit
import http.client
import json
import pathlib
import shutil
import subprocess
import tempfile
import time

import harness

PROGRAMS = pathlib.Path(harness.BINARY).resolve().parents[2] / "tests/bin"
NEXT, OLDER = PROGRAMS / "bulwark-next", PROGRAMS / "bulwark-older"
FIRST = pathlib.Path(harness.BINARY)
WORK = pathlib.Path(tempfile.mkdtemp(prefix="bulwark-upgrade-"))
INSTALLED = WORK / "bulwark"
SECONDS = 60


def install(program, mode=0o755):
    """As a package does it: a whole new file in the place of the old one."""
    fresh = WORK / "fresh"
    shutil.copyfile(program, fresh)
    fresh.chmod(mode)
    fresh.rename(INSTALLED)


def upgrade(server):
    done = subprocess.run([str(FIRST), "upgrade", "--data", server.data], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    return done.returncode, done.stdout, done.stderr


def health(server):
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    c.request("GET", "/_bulwark/health")
    return json.loads(c.getresponse().read())


def versions(server):
    return {p["name"]: p["version"] for p in health(server)["processes"] if "version" in p}


def children(pid):
    out = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(pid)], capture_output=True, text=True, check=True).stdout
    return {int(line.split()[0]): line.split()[1] for line in out.splitlines()}


def until(true, seconds=SECONDS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen\n" + harness.SERVER.log()[-3000:])


harness.BINARY = str(INSTALLED)
install(FIRST)
atexit.register(shutil.rmtree, WORK, ignore_errors=True)
