"""What suites of sealed servers share: commands on data folders, and how a server's seal stands."""
import atexit
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import harness

PASSPHRASE = "correct horse battery staple"
# What these tests are about is not how dear a guess is.
SEAL = ["--seal", "passphrase", "--seal-memory", "64"]
WORK = pathlib.Path(tempfile.mkdtemp(prefix="bulwark-seal-"))
atexit.register(shutil.rmtree, WORK, ignore_errors=True)


def bulwark(command, data, *words, say=""):
    """A command on a data folder; `say` is its standard input. Status, output, errors."""
    done = subprocess.run([harness.BINARY, command, "--data", str(data), "--root-key", f"{data}.key", *words], input=say,
                          capture_output=True, text=True, timeout=120, env={**os.environ, "HOME": str(WORK)})
    return done.returncode, done.stdout, done.stderr


def answered(server, path="/_bulwark/health", method="GET", body=None, headers=None):
    request = urllib.request.Request(server.endpoint + path, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode(), e.headers


def until(what, seconds=harness.PATIENCE_SECONDS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if what():
                return True
        except OSError:
            pass
        time.sleep(0.05)
    return False


def state(server):
    """The state of the seal, as the api process tells it."""
    return json.loads(answered(server)[1])


def is_open(server):
    return until(lambda: state(server)["status"] == "ok")


def is_sealed(server):
    return until(lambda: state(server)["status"] == "sealed")


def code_of(call):
    """The error code and status that a boto3 call fails with."""
    from botocore.exceptions import ClientError
    try:
        call()
    except ClientError as e:
        return e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]
    return None


def processes(server):
    """The server's children, by their titles."""
    lines = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(server.process.pid)], capture_output=True, text=True).stdout
    return {line.split()[1]: int(line.split()[0]) for line in lines.splitlines()}
