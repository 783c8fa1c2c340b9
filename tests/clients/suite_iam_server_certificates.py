#!/usr/bin/env python3
"""Server certificates, through boto3; made with the openssl command."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import harness
from iam_case import IamCase, allow


def openssl(*words, text=""):
    return subprocess.run(["openssl", *words], input=text, capture_output=True, text=True, check=True, timeout=harness.PATIENCE_SECONDS).stdout


class Made:
    """A CA with an intermediate, and leaves of it."""

    def __init__(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="bulwark-certificates-"))
        (self.work / "ca.ext").write_text("basicConstraints=critical,CA:TRUE\n")
        self.root = self.issue("root", None, ca=True)
        self.middle = self.issue("middle", "root", ca=True)
        self.leaf = self.issue("leaf", "middle")
        self.other = self.issue("other", "root")

    def issue(self, name, by, ca=False):
        at = lambda n, kind: str(self.work / f"{n}.{kind}")
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", at(name, "key"))
        openssl("req", "-new", "-key", at(name, "key"), "-subj", f"/CN={name}", "-out", at(name, "csr"))
        sign = ["-CA", at(by, "pem"), "-CAkey", at(by, "key"), "-CAcreateserial"] if by else ["-signkey", at(name, "key")]
        openssl("x509", "-req", "-in", at(name, "csr"), "-days", "30", *sign, *(["-extfile", at("ca", "ext")] if ca else []), "-out", at(name, "pem"))
        return pathlib.Path(at(name, "pem")).read_text(), pathlib.Path(at(name, "key")).read_text()


class ServerCertificates(IamCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.made = Made()
        cls.addClassCleanup(shutil.rmtree, cls.made.work)

    def upload(self, pair=None, **more):
        body, key = pair or self.made.leaf
        name = more.pop("ServerCertificateName", None) or self.name("cert")
        got = self.iam.upload_server_certificate(ServerCertificateName=name, CertificateBody=body, PrivateKey=key, **more)
        self.cleanup(self.iam.delete_server_certificate, ServerCertificateName=name)
        return name, got

    def refused_upload(self, code, **more):
        body, key = self.made.leaf
        self.refused(code, None, self.iam.upload_server_certificate, **{"ServerCertificateName": self.name(), "CertificateBody": body, "PrivateKey": key, **more})

    def test_uploaded_read_deleted(self):
        name, got = self.upload(Path="/cloudfront/", CertificateChain=self.made.middle[0] + self.made.root[0], Tags=[{"Key": "a", "Value": "1"}])
        metadata = got["ServerCertificateMetadata"]
        self.assertEqual(self.arn("server-certificate", name, "/cloudfront/"), metadata["Arn"])
        self.assertRegex(metadata["ServerCertificateId"], "^ASCA[A-Z2-7]{17}$")
        self.assertEqual(30, round((metadata["Expiration"] - metadata["UploadDate"]).total_seconds() / 86400))
        whole = self.iam.get_server_certificate(ServerCertificateName=name)["ServerCertificate"]
        self.assertEqual((self.made.leaf[0].strip(), metadata, [{"Key": "a", "Value": "1"}]),
                         (whole["CertificateBody"], whole["ServerCertificateMetadata"], whole["Tags"]))
        self.assertEqual((self.made.middle[0] + self.made.root[0]).strip(), whole["CertificateChain"])
        self.assertNotIn("PRIVATE KEY", str(whole))
        self.assertIn(metadata, self.iam.list_server_certificates(PathPrefix="/cloudfront/")["ServerCertificateMetadataList"])
        self.assertNotIn(metadata, self.iam.list_server_certificates(PathPrefix="/other/")["ServerCertificateMetadataList"])
        body, key = self.made.leaf
        self.refused("EntityAlreadyExists", f"The Server Certificate with name {name} already exists.", self.iam.upload_server_certificate,
                     ServerCertificateName=name, CertificateBody=body, PrivateKey=key)
        self.iam.delete_server_certificate(ServerCertificateName=name)
        self.refused("NoSuchEntity", f"The Server Certificate with name {name} cannot be found.", self.iam.get_server_certificate, ServerCertificateName=name)

    def test_what_is_not_a_pair_is_refused(self):
        (leaf, key), (other, other_key), (middle, _), (root, _) = self.made.leaf, self.made.other, self.made.middle, self.made.root
        self.refused_upload("KeyPairMismatch", PrivateKey=other_key)
        for body in ("nonsense", leaf + other, leaf.replace("MII", "AAA", 1), key, leaf[:-40]):
            self.refused_upload("MalformedCertificate", CertificateBody=body)
        locked = openssl("pkey", "-aes256", "-passout", "pass:secret", text=key)
        for bad in ("nonsense", leaf, locked, key[:-40]):
            self.refused_upload("MalformedCertificate", PrivateKey=bad)
        for chain in ("nonsense", root, root + middle, middle + other, middle + "-----BEGIN X-----\n"):
            self.refused_upload("MalformedCertificate", CertificateChain=chain)
        self.refused_upload("ValidationError", CertificateBody="a" * 16385)

    def test_an_expired_one_is_refused(self):
        at = self.made.work
        openssl("x509", "-req", "-in", str(at / "leaf.csr"), "-days", "-1", "-signkey", str(at / "leaf.key"), "-out", str(at / "old.pem"))
        self.refused_upload("MalformedCertificate", CertificateBody=(at / "old.pem").read_text())

    def test_renamed(self):
        name, got = self.upload()
        other, taken = self.name("renamed"), self.upload()[0]
        self.refused("EntityAlreadyExists", None, self.iam.update_server_certificate, ServerCertificateName=name, NewServerCertificateName=taken)
        self.iam.update_server_certificate(ServerCertificateName=name, NewServerCertificateName=other, NewPath="/a/")
        self.cleanup(self.iam.delete_server_certificate, ServerCertificateName=other)
        metadata = self.iam.get_server_certificate(ServerCertificateName=other)["ServerCertificate"]["ServerCertificateMetadata"]
        self.assertEqual((self.arn("server-certificate", other, "/a/"), got["ServerCertificateMetadata"]["ServerCertificateId"]), (metadata["Arn"], metadata["ServerCertificateId"]))
        self.refused("NoSuchEntity", None, self.iam.get_server_certificate, ServerCertificateName=name)

    def test_tags_and_permissions(self):
        name, _ = self.upload(Tags=[{"Key": "team", "Value": "red"}])
        self.iam.tag_server_certificate(ServerCertificateName=name, Tags=[{"Key": "b", "Value": "2"}])
        self.iam.untag_server_certificate(ServerCertificateName=name, TagKeys=["none"])
        self.assertEqual(["b", "team"], [t["Key"] for t in self.iam.list_server_certificate_tags(ServerCertificateName=name)["Tags"]])
        red = self.client_with(allow("iam:GetServerCertificate", condition={"StringEquals": {"aws:ResourceTag/team": "red"}}))
        red.get_server_certificate(ServerCertificateName=name)
        self.denied(red.get_server_certificate, ServerCertificateName=self.upload()[0])

    def test_twenty_an_account(self):
        names = [self.upload()[0] for _ in range(20 - len(self.iam.list_server_certificates()["ServerCertificateMetadataList"]))]
        self.refused_upload("LimitExceeded")
        self.assertEqual(20, self.iam.get_account_summary()["SummaryMap"]["ServerCertificates"])
        pages = self.iam.get_paginator("list_server_certificates").paginate(PaginationConfig={"PageSize": 7})
        self.assertEqual(20, len([c for p in pages for c in p["ServerCertificateMetadataList"]]))
        self.assertTrue(names)


if __name__ == "__main__":
    harness.serve()
    harness.main()
