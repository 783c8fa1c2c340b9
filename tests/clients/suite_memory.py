#!/usr/bin/env python3
"""What only passed by is in no process's memory when its call has been answered: secrets of every kind are told to a server, or made by it,
over connections that stay open and ones that were closed, plain and TLS, and looked for at once. Then what is kept: where, and marked how."""
import base64
import configparser
import json
import os
import pathlib
import re
import socket
import subprocess
import time
import types
import unittest
import uuid

import harness
from botocore import UNSIGNED
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from secrets_case import children, look, mappings, marker, pieces


def certificate(make):
    """A key of its own and a certificate for it, in PEM."""
    name = os.path.join(harness.SERVER.work, uuid.uuid4().hex)
    subprocess.run(["openssl", "req", "-x509", "-newkey", *make, "-nodes", "-subj", "/CN=planted.example.com", "-keyout", name, "-out", name + ".pem",
                    "-days", "30"], capture_output=True, check=True)
    return pathlib.Path(name + ".pem").read_text(), pathlib.Path(name).read_text()


def of_key(key):
    """What of a private key is secret."""
    numbers = key.private_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        found = {n: getattr(numbers, n) for n in ("p", "q", "d", "dmp1", "dmq1", "iqmp")}
        return {n: v.to_bytes((v.bit_length() + 7) // 8, "big") for n, v in found.items()}
    return {"scalar": numbers.private_value.to_bytes(key.curve.key_size // 8, "big")}


def of_pem(pem):
    """Its lines, too, but for those that the certificate has as well: an RSA key begins with its modulus."""
    lines = [line for line in pem.splitlines() if not line.startswith("-")]
    texts = {f"line {i}": line.encode() for i, line in enumerate(lines[:-1]) if i > 7} if len(lines) > 8 else {"line": lines[0][50:].encode()}
    return {**of_key(serialization.load_pem_private_key(pem.encode(), None)), **texts}


class Line:
    """Clients over one kind of connection."""

    def __init__(self, tls):
        server = harness.SERVER
        self.server = types.SimpleNamespace(endpoint=server.endpoint.replace("http:", "https:") if tls else server.endpoint,
                                            key_id=server.key_id, secret=server.secret)
        self.clients = []

    def client(self, service, **more):
        self.clients.append(harness.client(service, self.server, **more))
        return self.clients[-1]

    def user(self):
        name = "u-" + uuid.uuid4().hex[:12]
        self.client("iam").create_user(UserName=name)
        return name

    def close(self):
        for client in self.clients:
            client.close()


def passwords(line):
    iam, name, words = line.client("iam"), line.user(), ["Aa1!&<" + marker() for _ in range(3)]
    iam.create_login_profile(UserName=name, Password=words[0])
    iam.update_login_profile(UserName=name, Password=words[1])
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    line.client("iam", key=key["AccessKeyId"], secret=key["SecretAccessKey"]).change_password(OldPassword=words[1], NewPassword=words[2])
    return {f"password {i}": word.encode()[6:] for i, word in enumerate(words)}


def refused(line):
    """Calls that come to nothing, at one step or another."""
    iam, kms, name = line.client("iam"), line.client("kms"), line.user()
    rows = {"nobody's": (iam, {"UserName": "nobody"}), "badly signed": (line.client("iam", secret="wrong"), {"UserName": name}),
            "not signed": (line.client("iam", signature_version=UNSIGNED), {"UserName": name}), "not valid": (iam, {"UserName": "?" * 200})}
    found = {}
    for what, (client, arguments) in rows.items():
        found[f"password, {what}"] = word = marker().encode()
        try:
            client.create_login_profile(Password="Aa1!" + word.decode(), **arguments)
        except ClientError:
            continue
        raise AssertionError(what)
    found["plaintext without a key"] = text = marker().encode()
    try:
        kms.encrypt(KeyId=str(uuid.uuid4()), Plaintext=text)
    except ClientError:
        return found
    raise AssertionError("encrypted")


def credentials(line):
    iam, name = line.client("iam"), line.user()
    made = iam.create_service_specific_credential(UserName=name, ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]
    reset = iam.reset_service_specific_credential(UserName=name, ServiceSpecificCredentialId=made["ServiceSpecificCredentialId"])
    found = {"secret access key": iam.create_access_key(UserName=name)["AccessKey"]["SecretAccessKey"].encode(),
             "service password": made["ServicePassword"].encode(), "new service password": reset["ServiceSpecificCredential"]["ServicePassword"].encode()}
    sts = line.client("sts")
    for name, got in (("session", sts.get_session_token()), ("federated user", sts.get_federation_token(Name="fed"))):
        found[f"secret of a {name}"] = got["Credentials"]["SecretAccessKey"].encode()
        found[f"token of a {name}"] = got["Credentials"]["SessionToken"].encode()[80:]
    return found


def seeds(line):
    device = line.client("iam").create_virtual_mfa_device(VirtualMFADeviceName="d-" + uuid.uuid4().hex)["VirtualMFADevice"]
    text, png = device["Base32StringSeed"], device["QRCodePNG"]
    return {"seed": text, "seed's bytes": base64.b32decode(text + b"=" * (-len(text) % 8)), "seed's picture": png[len(png) // 2:]}


def private_keys(line):
    """IAM's and ACM's, of both kinds; and a request that does not fit where most do."""
    found = {}
    for kind, make in (("EC", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]), ("RSA", ["rsa:2048"])):
        body, key = certificate(make)
        line.client("iam").upload_server_certificate(ServerCertificateName="c-" + uuid.uuid4().hex, CertificateBody=body, PrivateKey=key)
        found.update({f"{kind} key of IAM: {k}": v for k, v in of_pem(key).items()})
        body, key = certificate(make)
        line.client("acm").import_certificate(Certificate=body.encode(), PrivateKey=key.encode())
        found.update({f"{kind} key of ACM: {k}": v for k, v in of_pem(key).items()})
    body, key = certificate(["rsa:2048"])
    try:
        line.client("iam").upload_server_certificate(ServerCertificateName="large", CertificateBody=body, PrivateKey=key, CertificateChain=body * 20)
    except ClientError:
        return {**found, **{f"key behind a long chain: {k}": v for k, v in of_pem(key).items()}}
    raise AssertionError("a chain of strangers")


def plaintexts(line):
    kms, text, message = line.client("kms"), marker().encode(), marker().encode()
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=text)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == text
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256")["PrivateKeyPlaintext"]
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    code = kms.generate_mac(KeyId=mac, MacAlgorithm="HMAC_SHA_256", Message=message)["Mac"]
    agree = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")["KeyMetadata"]["KeyId"]
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    shared = kms.derive_shared_secret(KeyId=agree, KeyAgreementAlgorithm="ECDH", PublicKey=other.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))["SharedSecret"]
    return {"plaintext": text, "data key": kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"],
            "random bytes": kms.generate_random(NumberOfBytes=64)["Plaintext"], "message": message, "code": code, "shared secret": shared,
            **{f"data key pair: {k}": v for k, v in of_key(serialization.load_der_private_key(pair, None)).items()}}


KINDS = (passwords, refused, credentials, seeds, private_keys, plaintexts)


def processes():
    return children(harness.SERVER.process.pid).items()


def of_name(wanted):
    return next(pid for pid, name in processes() if name == wanted)


def seen(secrets, pid):
    """{secret's name: (address, mapping, the bytes around it)} of one place of each."""
    return {name: where for name, *where in look(secrets, pieces(pid))}


@unittest.skipUnless(os.geteuid() == 0, "only root can read another process's memory")
class Memory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ["AWS_CA_BUNDLE"] = os.path.join(harness.SERVER.data, "ca.pem")
        # The edge is there when something needs it.
        subnet = harness.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        harness.client("elbv2").create_load_balancer(Name="planted", Type="network", Subnets=[subnet])
        end = time.monotonic() + 60
        while "edge" not in dict(processes()).values() and time.monotonic() < end:
            time.sleep(0.1)

    def passes(self, tls):
        api, everything = of_name("api"), {}
        for kind in KINDS:
            line = Line(tls)
            secrets = kind(line)
            self.assertEqual({}, seen(secrets, api), f"{kind.__name__}, the connections are open")
            line.close()
            everything.update(secrets)
        for pid, name in processes():
            self.assertEqual({}, seen(everything, pid), f"{name}, the connections were closed")

    def test_nothing_that_passed_by_in_plain_http(self):
        self.passes(tls=False)

    def test_nothing_that_passed_by_over_tls(self):
        self.passes(tls=True)

    def test_what_is_there_is_found(self):
        """The search finds a request that is only half there, and what is kept of its sender when he has gone is nothing."""
        api, word = of_name("api"), marker()
        with socket.create_connection(("127.0.0.1", harness.SERVER.port)) as s:
            s.sendall(f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nPassword={word}".encode())
            end = time.monotonic() + 30
            while not seen({"word": word.encode()}, api) and time.monotonic() < end:
                time.sleep(0.1)
            self.assertIn("word", seen({"word": word.encode()}, api))
        while seen({"word": word.encode()}, api) and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual({}, seen({"word": word.encode()}, api))
        # A caller's secret is kept as long as he is known: his next call is verified with it.
        self.assertIn("it", seen({"it": harness.SERVER.secret.encode()}, api))

    def test_secrets_of_the_first_start_are_forgotten(self):
        text = pathlib.Path(harness.SERVER.data, "credentials").read_text()
        password = re.search(r"one-time console password: (\S+)", text)[1].encode()
        section = configparser.ConfigParser()
        section.read_string(text)
        admin = section[section.sections()[0]]["aws_secret_access_key"].encode()
        secrets = {"the root user's password": password, "the administrator's secret": admin, "the root user's secret": harness.ROOT_SECRET.encode()}
        for pid, name in processes():
            # Who calls is known to the api. The parent has the root user's secret from the environment, and gives it to an api that
            # starts anew; a sanitizer keeps a copy of the environment.
            known = {"api": {"the administrator's secret"}, "bulwark": {"the root user's secret"}}.get(name, set())
            found = [f for f in look(secrets, pieces(pid)) if f[0] not in known]
            self.assertEqual([], [f for f in found if f[2] == "[stack]" or b"BULWARK_ROOT_SECRET_ACCESS_KEY=" not in f[3]], name)

    def test_keys_are_kept_by_the_keyer_alone(self):
        kms, material = harness.client("kms"), os.urandom(32)
        key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
        p = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
        wrapped = serialization.load_der_public_key(p["PublicKey"]).encrypt(material, padding.OAEP(padding.MGF1(SHA256()), SHA256(), None))
        kms.import_key_material(KeyId=key, ImportToken=p["ImportToken"], EncryptedKeyMaterial=wrapped, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
        kms.encrypt(KeyId=key, Plaintext=b"it is in use")
        root = bytes.fromhex(pathlib.Path(harness.SERVER.data + ".key").read_text().strip())
        kept = {"imported material": material, "the root key": root}
        for pid, name in processes():
            found = look(kept, pieces(pid))
            if name != "keyer":
                self.assertEqual([], found, name)
                continue
            self.assertEqual(set(kept), {which for which, *_ in found})
            # Nowhere that could reach a disk by swapping, whatever the limit on locked memory: keys stand in pages of their own.
            places = mappings(pid)
            for which, at, *_ in found:
                flags = next((flags for start, end, _, flags in places if start <= int(at, 16) < end), ())
                self.assertIn("lo", flags, which)
                self.assertIn("dd", flags, which)

    def test_no_memory_would_be_dumped(self):
        for pid, name in processes():
            self.assertEqual(0, int(pathlib.Path(f"/proc/{pid}/coredump_filter").read_text(), 16), name)
            self.assertRegex(pathlib.Path(f"/proc/{pid}/limits").read_text(), r"Max core file size +0 +0 ", name)


if __name__ == "__main__":
    harness.serve(ephemeral=False)
    harness.main()
