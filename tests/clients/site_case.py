"""What the suites of whole sites share: applications and authorities of their own, and what a site has to do, whoever built it."""
import http.server
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time

import harness

NAME = "site.example"
# The two sources are addresses of loopback: the site's security group lets in the first alone.
VISITOR, STRANGER = "127.0.0.7", "127.0.0.8"


class Application(http.server.ThreadingHTTPServer):
    """Answers every request with its own name."""
    daemon_threads = True

    def __init__(self, name):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = f"{name} {self.path}".encode()
                checked = "ELB-HealthChecker" in self.headers.get("User-Agent", "")
                self.send_response(200 if application.healthy and (checked or not application.failing) else 500)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        application = self
        self.healthy, self.failing = True, False  # failing: whatever health checks find
        super().__init__(("127.0.0.1", 0), Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Authority:
    """A CA with servers, clients of which one is revoked, and a stranger of no CA."""

    def __init__(self):
        self.work = tempfile.mkdtemp(prefix="bulwark-authority-")
        self.write("index", "")
        self.write("serial", "01\n")
        self.write("number", "01\n")
        self.write("c.cnf", "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\ncrlnumber=number\ndefault_md=sha256\npolicy=p\ndefault_days=9\n"
                   "default_crl_days=9\nnew_certs_dir=.\ncopy_extensions=copy\n[p]\ncommonName=supplied\n")
        ec = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self.run("req", "-x509", *ec, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "9")
        self.run("req", "-x509", *ec, "-keyout", "stranger.key", "-out", "stranger.pem", "-subj", "/CN=stranger", "-days", "9")
        for name in ("one.example.test", "two.example.test", "client", "other"):
            self.run("req", *ec, "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name, "-addext", "subjectAltName=DNS:" + name)
            self.run("ca", "-batch", "-config", "c.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in", name + ".csr", "-out", name + ".pem", "-notext")
        self.run("ca", "-config", "c.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-revoke", "client.pem")
        self.run("ca", "-config", "c.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-gencrl", "-out", "crl.pem")

    def run(self, *words):
        subprocess.run(["openssl", *words], cwd=self.work, check=True, capture_output=True, timeout=harness.PATIENCE_SECONDS)

    def path(self, name):
        return str(pathlib.Path(self.work, name))

    def read(self, name):
        return pathlib.Path(self.path(name)).read_text()

    def write(self, name, text):
        pathlib.Path(self.path(name)).write_text(text)

    def clean(self):
        shutil.rmtree(self.work, ignore_errors=True)


def trust(bucket, **files):
    """Puts files into a folder that stands for an S3 bucket of the server."""
    folder = pathlib.Path(harness.SERVER.data) / "buckets" / bucket
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


class Site:
    """A site at an address: HTTP that redirects to HTTPS at `https`, and `mutual`, where a client has to show a certificate of
    `authority`. `ca` is the file of the certificate that the site's own hangs from."""

    def __init__(self, case, address, http, https, mutual, ca, authority):
        self.case, self.address, self.ca, self.authority = case, address, ca, authority
        self.http, self.https, self.mutual = (f"{scheme}://{NAME}:{port}" for scheme, port in
                                              (("http", http), ("https", https), ("https", mutual)))
        self.options = [word for port in (http, https, mutual) for word in ("--resolve", f"{NAME}:{port}:{address}")]

    def curl(self, *words, source=VISITOR):
        """(exit status of curl, what it printed)"""
        done = subprocess.run(["curl", "-sS", "--max-time", "20", "--noproxy", "*", "--cacert", self.ca, "--interface", source, *self.options,
                               *words], capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout + done.stderr

    def eventually(self, wanted, *words, seconds=20, **more):
        """Until curl ends with this status and its output matches the pattern."""
        status, pattern = wanted
        end = time.monotonic() + seconds
        while True:
            got = self.curl(*words, **more)
            if got[0] == status and re.search(pattern, got[1]):
                return got[1]
            if time.monotonic() > end:
                self.case.fail(f"curl {' '.join(words)}: {got}, not {wanted}\n{harness.SERVER.log()[-2000:]}")
            time.sleep(0.1)

    def proven(self, names, visitor=VISITOR, stranger=STRANGER):
        """Everything that the site is for. `names`: of the applications behind it, all of which have to be reached."""
        self.eventually((0, "^(" + "|".join(names) + ") /first$"), self.https + "/first", source=visitor)
        # Until all targets are known to be healthy, one answers alone.
        end = time.monotonic() + 20
        while True:
            said = self.curl(self.https + "/[1-40];", source=visitor)[1]
            if set(re.findall(r"(\w+) /\d+;", said)) == set(names):
                break
            self.case.assertLess(time.monotonic(), end, said)
            time.sleep(0.2)
        # HTTP sends to HTTPS, HTTP/2 is spoken there, and the way there and back is one command.
        moved = self.curl("-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", self.http + "/a?b=c", source=visitor)
        self.case.assertEqual((0, f"301 {self.https}/a?b=c"), moved)
        followed = self.curl("-L", "-w", " %{http_version}", self.http + "/a?b=c", source=visitor)
        self.case.assertRegex(followed[1], r"^\w+ /a\?b=c 2$")
        # A certificate is asked for at one listener, and only the trust store's authority vouches.
        own = ["--cert", self.authority.path("client.pem"), "--key", self.authority.path("client.key")]
        strange = ["--cert", self.authority.path("stranger.pem"), "--key", self.authority.path("stranger.key")]
        self.eventually((0, r"^\w+ /m$"), *own, self.mutual + "/m", source=visitor)
        for words in ([], strange):
            self.case.assertNotEqual(0, self.curl(*words, self.mutual + "/m", source=visitor)[0], words)
        # The name is checked by whoever asks: another authority vouches for nothing.
        self.case.assertEqual(60, self.curl("--cacert", self.authority.path("ca.pem"), self.https, source=visitor)[0])
        # Whom the security group does not name meets nothing at all: connections end before a byte (curl's statuses 7, 35, 52, 56).
        for url in (self.http, self.https, self.mutual):
            self.case.assertIn(self.curl(*own, url, source=stranger)[0], (7, 35, 52, 56), url)
