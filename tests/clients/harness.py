"""What every suite shares: a server of its own, stock clients for it, and TAP on stdout.

A suite is an executable suite_NAME.py of unittest cases that ends in `harness.main()`. The server is ephemeral and listens on a free
port of loopback; BULWARK names the binary (default: the checked build). Endpoint and keys stand in the environment as stock
clients read them.
"""
import atexit
import configparser
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

SYSTEM_PYTHON = "/usr/bin/python3"
if importlib.util.find_spec("boto3") is None and sys.executable != SYSTEM_PYTHON and os.access(SYSTEM_PYTHON, os.X_OK):
    # Some other Python stands first in PATH; the distribution's has the distribution's boto3.
    os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, *sys.argv])

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.path.abspath(os.environ.get("BULWARK", ROOT / "build/check/src/bin/bulwark"))
REGION = "us-east-1"
# A start takes a second, but one among many suites on a busy machine has taken half a minute: how soon it comes is not what is tested.
PATIENCE_SECONDS = 180
ROOT_KEY, ROOT_SECRET = "AKIAROOTROOTROOTROOT", "root-secret-for-tests-only-0123456789abc"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One `bulwark serve`; stop() ends it by its id."""

    def __init__(self, *options, ephemeral=True, data=None, env=None, root_key=True):
        self.work = tempfile.mkdtemp(prefix="bulwark-test-")
        self.data = data or os.path.join(self.work, "data")
        self.log_path = os.path.join(self.work, "log")
        variables = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        if root_key:
            variables.update(BULWARK_ROOT_ACCESS_KEY_ID=ROOT_KEY, BULWARK_ROOT_SECRET_ACCESS_KEY=ROOT_SECRET)
        variables.update(env or {})
        atexit.register(self.stop)
        # Suites run side by side: a port that was free may be another's by now.
        for _ in range(5):
            self.start([*(["--ephemeral"] if ephemeral else []), *options], variables)
            if self.wait():
                break
        else:
            raise SystemExit(f"the server did not start:\n{self.log()}")
        self.key_id, self.secret = self.credentials()

    def start(self, options, variables):
        self.variables = variables
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        # Load balancers of servers side by side have addresses of their own.
        self.edge_pool = f"127.{128 + self.port // 256 % 128}.{self.port % 256}.0/24"
        if not any(o.startswith("--edge-") for o in options):
            options = [*options, "--edge-pool", self.edge_pool]
        command = [BINARY, "serve", "--data", self.data, "--root-key", self.data + ".key", "--listen", f"127.0.0.1:{self.port}", *options]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=variables)

    def wait(self, seconds=PATIENCE_SECONDS):
        """Until it answers. False when another has taken its port."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(self.endpoint + "/_bulwark/health", timeout=2) as answer:
                    self.health = json.load(answer)
                    return True
            except OSError:
                time.sleep(0.02)
        if self.process.poll() is not None and "is it taken?" in self.log():
            return False
        raise SystemExit(f"the server did not start:\n{self.log()}")

    def log(self):
        return pathlib.Path(self.log_path).read_text(errors="replace")

    def credentials(self):
        parser = configparser.ConfigParser()
        parser.read(os.path.join(self.data, "credentials"))
        section = parser[parser.sections()[0]]
        return section["aws_access_key_id"], section["aws_secret_access_key"]

    def reset(self):
        request = urllib.request.Request(self.endpoint + "/_bulwark/reset", method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status

    def environment(self):
        """What a stock client needs to find the server as its administrator."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        return {**clean, "AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": self.key_id, "AWS_SECRET_ACCESS_KEY": self.secret,
                "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
                "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if os.path.exists(self.log_path):
            # A server that ended by itself has the most to say.
            self.last_log = self.log()
        shutil.rmtree(self.work, ignore_errors=True)
        return self.process.returncode


def client(service, server=None, key=None, secret=None, token=None, region=REGION, **config):
    """A boto3 client of the server: no retries, no checks of its own, so that the server's answers are seen."""
    import boto3
    from botocore.config import Config
    at = server or SERVER
    return boto3.client(service, endpoint_url=at.endpoint, region_name=region, aws_access_key_id=key or at.key_id,
                        aws_secret_access_key=secret or at.secret, aws_session_token=token,
                        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, **config))


def json_call(service, target, key=None, secret=None, /, **members):
    """One signed call of an operation that an older client may not know: its answer, or ClientError as a client raises it."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    from botocore.exceptions import ClientError
    request = AWSRequest("POST", SERVER.endpoint + "/", data=json.dumps(members),
                         headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target})
    SigV4Auth(Credentials(key or SERVER.key_id, secret or SERVER.secret), service, REGION).add_auth(request)
    sent = urllib.request.Request(request.url, data=request.data.encode(), headers=dict(request.headers), method="POST")
    try:
        with urllib.request.urlopen(sent, timeout=30) as answer:
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as failed:
        error = json.loads(failed.read())
        raise ClientError({"Error": {"Code": error["__type"].rpartition("#")[2], "Message": error.get("message", error.get("Message", ""))}},
                          target.rpartition(".")[2]) from None


class Tap(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.n = 0

    def say(self, word, test, note=""):
        self.n += 1
        print(f"{word} {self.n} - {test.id().removeprefix('__main__.')}{note}", flush=True)

    def addSuccess(self, test):
        self.say("ok", test)

    def addSkip(self, test, reason):
        self.say("ok", test, f" # SKIP {reason}")

    def trouble(self, test, error):
        self.say("not ok", test)
        print("".join("# " + line + "\n" for line in self._exc_info_to_string(error, test).splitlines()), flush=True)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.trouble(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self.trouble(test, error)

    def addSubTest(self, test, subtest, error):
        if error is not None:
            super().addSubTest(test, subtest, error)
            self.trouble(subtest, error)


def main():
    """Runs the cases of the suite (all, or those whose name contains the first argument)."""
    only = sys.argv[1] if len(sys.argv) > 1 else ""

    def flat(suite):
        for t in suite:
            if isinstance(t, unittest.TestSuite):
                yield from flat(t)
            elif only in t.id():
                yield t
    cases = unittest.TestSuite(flat(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])))
    result = Tap()
    cases.run(result)
    print(f"1..{result.n}")
    stopped = SERVER.stop() if SERVER else 0
    log = SERVER.last_log if SERVER else ""
    if stopped != 0 or "ERROR: AddressSanitizer" in log or "runtime error:" in log:
        print(f"not ok {result.n + 1} - the server ends cleanly (status {stopped})")
        print("".join("# " + line + "\n" for line in log.splitlines()[-60:]))
    sys.exit(0 if result.wasSuccessful() and stopped == 0 else 1)


SERVER = None


def told_to_stop(*_):
    """Takes the server along; an exception would be one failed case to unittest, which goes on."""
    if SERVER:
        SERVER.stop()
    os._exit(143)


def serve(*options, **more):
    """Starts the suite's server and puts it into the environment."""
    global SERVER
    signal.signal(signal.SIGTERM, told_to_stop)
    SERVER = Server(*options, **more)
    os.environ.update(SERVER.environment())
    return SERVER
