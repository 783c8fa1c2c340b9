#!/usr/bin/env python3
"""SSH public keys and signing certificates of users, through boto3; made with the openssl command."""
import base64
import hashlib
import pathlib
import shutil
import struct
import subprocess
import tempfile

import harness
from iam_case import IamCase


def openssl(*words, text=""):
    return subprocess.run(["openssl", *words], input=text, capture_output=True, text=True, check=True, timeout=harness.PATIENCE_SECONDS).stdout


def part(data):
    return struct.pack(">I", len(data)) + data


def rsa(bits=2048):
    """(PEM, "ssh-rsa ...") of a new key"""
    private = openssl("genrsa", str(bits))
    modulus = bytes.fromhex(openssl("rsa", "-noout", "-modulus", text=private).strip().split("=")[1])
    wire = part(b"ssh-rsa") + part(b"\x01\x00\x01") + part(b"\x00" + modulus)
    return openssl("rsa", "-pubout", text=private), "ssh-rsa " + base64.b64encode(wire).decode()


class SshKeys(IamCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys = [rsa() for _ in range(6)]

    def upload(self, user, body):
        got = self.iam.upload_ssh_public_key(UserName=user, SSHPublicKeyBody=body)["SSHPublicKey"]
        self.cleanup(self.iam.delete_ssh_public_key, UserName=user, SSHPublicKeyId=got["SSHPublicKeyId"])
        return got

    def test_both_encodings(self):
        pem, ssh = self.keys[0]
        for body in (ssh, ssh + " alice@host", pem):
            user = self.user()["UserName"]
            got = self.upload(user, body)
            self.assertRegex(got["SSHPublicKeyId"], "^APKA[A-Z2-7]{17}$")
            self.assertEqual((ssh, "Active", user), (got["SSHPublicKeyBody"], got["Status"], got["UserName"]))
            digest = hashlib.md5(base64.b64decode(ssh.split()[1])).hexdigest()
            self.assertEqual(":".join(digest[i:i + 2] for i in range(0, 32, 2)), got["Fingerprint"])
            get = lambda encoding: self.iam.get_ssh_public_key(UserName=user, SSHPublicKeyId=got["SSHPublicKeyId"], Encoding=encoding)["SSHPublicKey"]["SSHPublicKeyBody"]
            self.assertEqual((ssh, pem.strip()), (get("SSH"), get("PEM").strip()))

    def test_listed_changed_deleted(self):
        user, other = self.user()["UserName"], self.user()["UserName"]
        key = self.upload(user, self.keys[0][1])["SSHPublicKeyId"]
        at = {"UserName": user, "SSHPublicKeyId": key}
        self.iam.update_ssh_public_key(Status="Inactive", **at)
        self.refused("InvalidInput", None, self.iam.update_ssh_public_key, Status="Expired", **at)
        listed = self.iam.list_ssh_public_keys(UserName=user)["SSHPublicKeys"]
        self.assertEqual([(key, "Inactive")], [(k["SSHPublicKeyId"], k["Status"]) for k in listed])
        message = f"The SSH Public Key with id {key} cannot be found."
        for call, more in ((self.iam.get_ssh_public_key, {"Encoding": "SSH"}), (self.iam.update_ssh_public_key, {"Status": "Active"}), (self.iam.delete_ssh_public_key, {})):
            self.refused("NoSuchEntity", message, call, UserName=other, SSHPublicKeyId=key, **more)
        self.refused("DeleteConflict", "Cannot delete entity, must delete SSH public keys first.", self.iam.delete_user, UserName=user)
        renamed = self.name("renamed")
        self.iam.update_user(UserName=user, NewUserName=renamed)
        self.assertEqual(renamed, self.iam.get_ssh_public_key(UserName=renamed, SSHPublicKeyId=key, Encoding="SSH")["SSHPublicKey"]["UserName"])
        self.iam.delete_ssh_public_key(UserName=renamed, SSHPublicKeyId=key)
        self.iam.delete_user(UserName=renamed)

    def test_five_a_user_each_once(self):
        user = self.user()["UserName"]
        for _, ssh in self.keys[:5]:
            self.upload(user, ssh)
        self.refused("DuplicateSSHPublicKey", None, self.iam.upload_ssh_public_key, UserName=user, SSHPublicKeyBody=self.keys[0][0])
        self.refused("LimitExceeded", None, self.iam.upload_ssh_public_key, UserName=user, SSHPublicKeyBody=self.keys[5][1])
        pages = self.iam.get_paginator("list_ssh_public_keys").paginate(UserName=user, PaginationConfig={"PageSize": 2})
        self.assertEqual([2, 2, 1], [len(p["SSHPublicKeys"]) for p in pages])

    def test_bad_material(self):
        user, (pem, ssh) = self.user()["UserName"], self.keys[0]
        wire = base64.b64decode(ssh.split()[1])
        b64 = lambda data: "ssh-rsa " + base64.b64encode(data).decode()
        curve = openssl("pkey", "-pubout", text=openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
        for body in ("ssh-rsa", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ", "nonsense", ssh[8:]):
            self.refused("UnrecognizedPublicKeyEncoding", None, self.iam.upload_ssh_public_key, UserName=user, SSHPublicKeyBody=body)
        for body in ("ssh-rsa ????", b64(wire[:-1]), b64(wire + b"\0"), b64(part(b"ssh-dss") + wire[11:]), b64(wire[:4]), b64(struct.pack(">I", 2**32 - 1) + wire[4:]),
                     b64(part(b"ssh-rsa") + part(b"\x01\x00\x01") + part(wire[-256:])), rsa(1024)[1], curve, pem[:60], pem.replace("PUBLIC", "PRIVATE"),
                     b64(part(b"ssh-rsa") + part(b"\x02") + wire[18:])):
            self.refused("InvalidPublicKey", None, self.iam.upload_ssh_public_key, UserName=user, SSHPublicKeyBody=body)
        self.assertEqual([], self.iam.list_ssh_public_keys(UserName=user)["SSHPublicKeys"])


class SigningCertificates(IamCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        work = pathlib.Path(tempfile.mkdtemp(prefix="bulwark-signing-"))
        cls.addClassCleanup(shutil.rmtree, work)
        cls.bodies = []
        for i in range(4):
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN=c{i}", "-keyout", str(work / "key"),
                    "-out", str(work / "csr"))
            # The last one has expired.
            cls.bodies.append(openssl("x509", "-req", "-in", str(work / "csr"), "-signkey", str(work / "key"), "-days", "30" if i < 3 else "-1"))

    def test_two_a_user(self):
        user = self.user()["UserName"]
        made = [self.iam.upload_signing_certificate(UserName=user, CertificateBody=b)["Certificate"] for b in self.bodies[:2]]
        for c in made:
            self.assertRegex(c["CertificateId"], "^[A-Z2-7]{32}$")
            self.cleanup(self.iam.delete_signing_certificate, UserName=user, CertificateId=c["CertificateId"])
        self.refused("LimitExceeded", None, self.iam.upload_signing_certificate, UserName=user, CertificateBody=self.bodies[2])
        self.refused("DuplicateCertificate", None, self.iam.upload_signing_certificate, UserName=user, CertificateBody=self.bodies[0])
        one = made[0]["CertificateId"]
        self.iam.update_signing_certificate(UserName=user, CertificateId=one, Status="Inactive")
        listed = {c["CertificateId"]: c["Status"] for c in self.iam.list_signing_certificates(UserName=user)["Certificates"]}
        self.assertEqual({one: "Inactive", made[1]["CertificateId"]: "Active"}, listed)
        self.refused("DeleteConflict", "Cannot delete entity, must delete signing certificates first.", self.iam.delete_user, UserName=user)
        self.refused("NoSuchEntity", f"The Certificate with id {one} cannot be found.", self.iam.delete_signing_certificate, CertificateId=one)
        self.iam.delete_signing_certificate(UserName=user, CertificateId=one)

    def test_what_is_none_is_refused(self):
        user = self.user()["UserName"]
        for body in ("nonsense", self.bodies[0] + self.bodies[1], self.bodies[0][:-40]):
            self.refused("MalformedCertificate", None, self.iam.upload_signing_certificate, UserName=user, CertificateBody=body)
        self.refused("InvalidCertificate", None, self.iam.upload_signing_certificate, UserName=user, CertificateBody=self.bodies[3])

    def test_the_root_user_has_its_own(self):
        root = harness.client("iam", key=harness.ROOT_KEY, secret=harness.ROOT_SECRET)
        made = root.upload_signing_certificate(CertificateBody=self.bodies[0])["Certificate"]
        self.assertEqual(1, self.iam.get_account_summary()["SummaryMap"]["AccountSigningCertificatesPresent"])
        root.delete_signing_certificate(CertificateId=made["CertificateId"])


if __name__ == "__main__":
    harness.serve()
    harness.main()
