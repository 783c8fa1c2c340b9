"""A small proxy of an external key manager, by its specification: HTTPS, a strict check of the signature, AES-256-GCM keys. And
whatever it should not do, when a case tells it to."""
import base64
import calendar
import datetime
import hashlib
import hmac
import http.server
import json
import os
import re
import ssl
import threading
import time

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

KEY_ID, SECRET = "AKIAXKSPROXYTESTABCD", "Zm9vYmFyMDEyMzQ1Njc4OTBhYmNkZWYwMTIzNDU2Nzg5+/="
STATUS = {"ValidationException": 400, "InvalidStateException": 400, "InvalidCiphertextException": 400, "InvalidKeyUsageException": 400,
          "AuthenticationFailedException": 401, "AccessDeniedException": 403, "KeyNotFoundException": 404, "InvalidUriPathException": 404,
          "ThrottlingException": 429, "UnsupportedOperationException": 501, "DependencyTimeoutException": 503, "InternalException": 500}
AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256 Credential=([A-Z2-7]{20,30})/(\d{8})/([a-z0-9-]+)/kms-xks-proxy/aws4_request, ?"
                           r"SignedHeaders=host;x-amz-date, ?Signature=([0-9a-f]{64})")


class Refusal(Exception):
    """An errorName of the specification."""


def certificate(folder, names, issuer=None):
    """Files of a certificate for `names`, or of an authority without any: (certificate, key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0] if names else "xks test authority")])
    now = datetime.datetime.utcnow()
    signer, signer_name = (issuer[1], issuer[0].subject) if issuer else (key, name)
    build = (x509.CertificateBuilder().subject_name(name).issuer_name(signer_name).public_key(key.public_key())
             .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
             .not_valid_after(now + datetime.timedelta(days=2)).add_extension(x509.BasicConstraints(not names, None), True))
    if names:
        build = build.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
    made = build.sign(signer, hashes.SHA256())
    base = os.path.join(folder, hashlib.sha256(repr((names, made.serial_number)).encode()).hexdigest()[:12])
    with open(base + ".pem", "wb") as f:
        f.write(made.public_bytes(serialization.Encoding.PEM))
    with open(base + ".key", "wb") as f:
        f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return base + ".pem", base + ".key", (made, key)


class Proxy:
    """Serves on a free port. `fault`: what is answered instead of the truth: an errorName, or a function of (operation, answer)."""

    def __init__(self, cert, key, host):
        self.host, self.seen, self.fault, self.delay = host, [], None, 0
        self.connections, self.hangs_up = 0, False
        self.keys = {"good": os.urandom(32), "other": os.urandom(32), "off": os.urandom(32), "sign": os.urandom(32), "small": os.urandom(32)}
        self.described = {"off": {"keyStatus": "DISABLED"}, "sign": {"keyUsage": ["SIGN", "ENCRYPT"]}, "small": {"keySpec": "AES_128"}}
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                proxy.connections += 1
                super().setup()

            def do_POST(self):
                proxy.answer(self)
                self.close_connection |= proxy.hangs_up

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # a client that does not trust us
        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        # The handshake is for the connection's own thread: a client that says nothing holds nobody up.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # ---- The wire ----

    def answer(self, request):
        length = request.headers.get("Content-Length", "")
        body = request.rfile.read(int(length)) if length.isdigit() else b""
        try:
            status, out = 200, self.dispatch(request, body)
            out = out if isinstance(out, bytes) else json.dumps(out).encode()
        except Refusal as refusal:
            status, out = STATUS[str(refusal)], json.dumps({"errorName": str(refusal), "errorMessage": "because"}).encode()
        time.sleep(self.delay)
        try:
            request.send_response(status)
            request.send_header("Content-Type", "application/json")
            request.send_header("Content-Length", str(len(out)))
            request.end_headers()
            request.wfile.write(out)
        except OSError:
            pass  # whoever asked has run out of patience

    def dispatch(self, request, body):
        path = re.fullmatch(r"/kms/xks/v1/(health|keys/([A-Za-z0-9._-]{1,128})/(metadata|encrypt|decrypt))", request.path)
        self.signature_check(request, body)
        if not path:
            raise Refusal("InvalidUriPathException")
        if request.headers["Content-Type"] != "application/json":
            raise Refusal("ValidationException")
        what = path[3] or path[1]
        if isinstance(self.fault, str):
            raise Refusal(self.fault)
        parameters = json.loads(body)
        self.seen.append((what, path[2], parameters))
        out = getattr(self, what)(path[2], parameters)
        return self.fault(what, out) if self.fault else out

    def signature_check(self, request, body):
        """The specification's appendix A, from the sent bytes alone."""
        headers = {}
        for name, value in request.headers.items():
            if name.lower() in headers:
                raise Refusal("AuthenticationFailedException")
            headers[name.lower()] = value
        parsed = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        date = headers.get("x-amz-date", "")
        if not parsed or parsed[1] != KEY_ID or not re.fullmatch(r"\d{8}T\d{6}Z", date) or date[:8] != parsed[2] or \
                headers.get("host") != self.host or "?" in request.path:
            raise Refusal("AuthenticationFailedException")
        if abs(calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ")) - time.time()) > 300:
            raise Refusal("AuthenticationFailedException")
        canonical = "\n".join(["POST", request.path, "", f"host:{headers['host']}", f"x-amz-date:{date}", "", "host;x-amz-date",
                               hashlib.sha256(body).hexdigest()])
        scope = f"{parsed[2]}/{parsed[3]}/kms-xks-proxy/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = b"AWS4" + SECRET.encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), parsed[4]):
            raise Refusal("AuthenticationFailedException")

    # ---- The operations ----

    def health(self, _, parameters):
        if set(parameters["requestMetadata"]) != {"kmsRequestId", "kmsOperation"}:
            raise Refusal("ValidationException")
        return {"xksProxyFleetSize": 1, "xksProxyVendor": "tests", "xksProxyModel": "small", "ekmVendor": "tests",
                "ekmFleetDetails": [{"id": "one", "model": "m", "healthStatus": "ACTIVE"}]}

    def key_of(self, key):
        if key not in self.keys:
            raise Refusal("KeyNotFoundException")
        return AESGCM(self.keys[key])

    def metadata(self, key, _):
        self.key_of(key)
        return {"keySpec": "AES_256", "keyUsage": ["ENCRYPT", "DECRYPT"], "keyStatus": "ENABLED", **self.described.get(key, {})}

    @staticmethod
    def bound(parameters, metadata):
        """Associated data and metadata, each with its length in front."""
        aad = base64.b64decode(parameters.get("additionalAuthenticatedData", ""), validate=True)
        return aad, len(aad).to_bytes(2, "big") + aad + bytes([len(metadata)]) + metadata

    def encrypt(self, key, parameters):
        plain, nonce, metadata = base64.b64decode(parameters["plaintext"], validate=True), os.urandom(12), b"version=1"
        if parameters["encryptionAlgorithm"] != "AES_GCM" or len(plain) > 4300:
            raise Refusal("ValidationException")
        aad, bound = self.bound(parameters, metadata)
        sealed = self.key_of(key).encrypt(nonce, plain, bound)
        parts = {"ciphertext": sealed[:-16], "ciphertextMetadata": metadata, "initializationVector": nonce, "authenticationTag": sealed[-16:]}
        parts["ciphertextDataIntegrityValue"] = hashlib.sha256(aad + metadata + nonce + sealed).digest()
        return {k: base64.b64encode(v).decode() for k, v in parts.items()}

    def decrypt(self, key, parameters):
        part = {k: base64.b64decode(parameters.get(k, ""), validate=True)
                for k in ("ciphertext", "ciphertextMetadata", "initializationVector", "authenticationTag")}
        _, bound = self.bound(parameters, part["ciphertextMetadata"])
        try:
            plain = self.key_of(key).decrypt(part["initializationVector"], part["ciphertext"] + part["authenticationTag"], bound)
        except (InvalidTag, ValueError):
            raise Refusal("InvalidCiphertextException") from None
        return {"plaintext": base64.b64encode(plain).decode()}
