"""What suites of identity providers share: an authority, keys, tokens by the openssl command, and an HTTPS server that answers
what a test puts there and counts who asks."""
import base64
import http.cookies
import http.server
import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

from edge_case import header, read_answer

HOST = "app.example"  # what Browser takes the load balancer for
WORK = tempfile.mkdtemp(prefix="bulwark-idp-")


def openssl(*words, **more):
    return subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=WORK, **more).stdout


def path(name):
    return os.path.join(WORK, name)


def authority(name="ca"):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem",
            "-subj", f"/CN={name}", "-days", "30", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign,cRLSign")


def issue(name, ca="ca", names="DNS:localhost,IP:127.0.0.1"):
    with open(path(f"{name}.ext"), "w") as f:
        f.write(f"subjectAltName={names}\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", "30",
            "-extfile", f"{name}.ext")


def b64(data):
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """An RSA key that signs tokens."""

    def __init__(self, kid, bits=2048):
        self.kid, self.file = kid, path(f"{kid}.rsa")
        openssl("genrsa", "-out", self.file, str(bits))
        self.modulus = bytes.fromhex(openssl("rsa", "-in", self.file, "-noout", "-modulus").decode().strip().split("=")[1])

    def jwk(self, **more):
        return {"kty": "RSA", "kid": self.kid, "use": "sig", "alg": "RS256", "n": b64(self.modulus), "e": "AQAB", **more}

    def token(self, claims, header=None, digest="sha256"):
        text = f"{b64({'alg': 'RS256', 'kid': self.kid} if header is None else header)}.{b64(claims)}"
        return f"{text}.{b64(openssl('dgst', f'-{digest}', '-sign', self.file, input=text.encode()))}"


class Provider:
    """`pages` are path -> bytes, an object, (status, bytes) or a function of the handler."""

    def __init__(self, certificate="idp"):
        self.pages, self.asked = {}, []
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                provider.asked.append(self.path)
                page = provider.pages.get(self.path.split("?")[0], (404, b""))
                if callable(page):
                    page = page(self)
                    if page is None:
                        return
                status, body = page if isinstance(page, tuple) else (200, page)
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *words: None  # who does not trust the certificate leaves
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path(f"{certificate}.pem"), path(f"{certificate}.key"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = f"https://localhost:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Browser:
    """Keeps cookies; speaks to the load balancer as HOST and to everybody else as they are."""

    def __init__(self, lb):
        self.lb, self.cookies = lb, {}

    def ask(self, url, method="GET", body=b"", headers=(), cookies=None):
        parts = urllib.parse.urlsplit(url if "://" in url else f"https://{HOST}{url}")
        mine = self.cookies.setdefault(parts.hostname, {}) if cookies is None else cookies
        at = (self.lb.address, self.lb.port) if parts.hostname == HOST else (parts.hostname, parts.port)
        lines = [f"{method} {parts.path or '/'}{'?' + parts.query if parts.query else ''} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close", *headers]
        if mine:
            lines.append("Cookie: " + "; ".join(f"{k}={v}" for k, v in mine.items()))
        if body:
            lines += [f"Content-Length: {len(body)}", "Content-Type: application/x-www-form-urlencoded"]
        context = ssl.create_default_context(cafile=path("ca.pem"))
        with socket.create_connection(at, timeout=20) as plain, context.wrap_socket(plain, server_hostname=parts.hostname) as s:
            s.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            with s.makefile("rb") as stream:
                answer = read_answer(stream)
        for line in header(answer[1], "set-cookie"):
            for name, morsel in http.cookies.SimpleCookie(line).items():
                if "1970" in morsel["expires"]:
                    mine.pop(name, None)
                else:
                    mine[name] = morsel.value
        return answer

    def location(self, *words, **more):
        status, headers, _ = self.ask(*words, **more)
        assert status in (302, 303), (status, headers)
        return urllib.parse.urljoin(words[0] if "://" in words[0] else f"https://{HOST}{words[0]}", header(headers, "location")[0])


def query(url):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query, strict_parsing=True))


def unpad(part):
    return json.loads(base64.urlsafe_b64decode(part))


authority()
authority("stranger")
issue("idp")
issue("untrusted", "stranger")
issue("elsewhere", names="DNS:elsewhere.example")


def now():
    return int(time.time())
