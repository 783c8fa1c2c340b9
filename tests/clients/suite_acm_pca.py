#!/usr/bin/env python3
"""Private certificate authorities through boto3 and the aws CLI: made, signed, imported, issued from; refusals first."""
import base64
import datetime
import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest
import uuid

import harness
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

PEM = serialization.Encoding.PEM
TEMPLATE = "arn:aws:acm-pca:::template/"
DAY = {"Type": "DAYS", "Value": 30}
OFF = {"CrlConfiguration": {"Enabled": False}, "OcspConfiguration": {"Enabled": False}}
AUTHORITIES, CERTIFICATES = 90, 60  # quotas of this suite's server


def request(key=None, names=("www.example.com",), common_name="www.example.com", extensions=(), hash_=None):
    """A certificate signing request as PEM."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hash_ or hashes.SHA256()).public_bytes(PEM)


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind)


class PcaCase(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.pca, cls.acm, cls.iam = harness.client("acm-pca"), harness.client("acm"), harness.client("iam")
        cls.account = harness.SERVER.health["account"]

    def refused(self, code, call, /, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        error = caught.exception.response["Error"]
        self.assertEqual(code, error["Code"], error)
        return error["Message"]

    def create(self, kind="ROOT", algorithm="EC_prime256v1", signing="SHA256WITHECDSA", subject=None, **more):
        return self.pca.create_certificate_authority(CertificateAuthorityType=kind, CertificateAuthorityConfiguration={
            "KeyAlgorithm": algorithm, "SigningAlgorithm": signing, "Subject": subject or {"CommonName": "Test CA"}}, **more)["CertificateAuthorityArn"]

    def csr(self, arn):
        return self.pca.get_certificate_authority_csr(CertificateAuthorityArn=arn)["Csr"].encode()

    def issue(self, arn, csr, template=None, signing="SHA256WITHECDSA", validity=DAY, **more):
        if template:
            more["TemplateArn"] = TEMPLATE + template
        made = self.pca.issue_certificate(CertificateAuthorityArn=arn, Csr=csr, SigningAlgorithm=signing, Validity=validity, **more)["CertificateArn"]
        return made, self.pca.get_certificate(CertificateAuthorityArn=arn, CertificateArn=made)

    def load(self, got):
        return x509.load_pem_x509_certificate(got["Certificate"].encode())

    def root(self, days=3650, signing="SHA256WITHECDSA", **more):
        arn = self.create(signing=signing, **more)
        _, got = self.issue(arn, self.csr(arn), "RootCACertificate/V1", signing, {"Type": "DAYS", "Value": days})
        self.pca.import_certificate_authority_certificate(CertificateAuthorityArn=arn, Certificate=got["Certificate"].encode())
        return arn

    def subordinate(self, parent, template="SubordinateCACertificate_PathLen0/V1", days=365, **more):
        arn = self.create("SUBORDINATE", **more)
        _, got = self.issue(parent, self.csr(arn), template, validity={"Type": "DAYS", "Value": days})
        self.pca.import_certificate_authority_certificate(CertificateAuthorityArn=arn, Certificate=got["Certificate"].encode(),
                                                          CertificateChain=got["CertificateChain"].encode())
        return arn

    def describe(self, arn):
        return self.pca.describe_certificate_authority(CertificateAuthorityArn=arn)["CertificateAuthority"]

    def verified(self, got, root_pem, purpose="sslserver"):
        """openssl's word on a certificate with its chain."""
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, n) for n in ("root", "chain", "leaf")]
            for path, text in zip(paths, (root_pem, got.get("CertificateChain", root_pem), got["Certificate"])):
                pathlib.Path(path).write_text(text)
            done = subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", paths[0], "-untrusted", paths[1], paths[2]],
                                  capture_output=True, text=True)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def certificate(self, arn):
        return self.pca.get_certificate_authority_certificate(CertificateAuthorityArn=arn)


class Making(PcaCase):
    def test_what_is_not_made(self):
        good = {"KeyAlgorithm": "EC_prime256v1", "SigningAlgorithm": "SHA256WITHECDSA", "Subject": {"CommonName": "a"}}

        def bad(code, kind="ROOT", more=None, **changed):
            self.refused(code, self.pca.create_certificate_authority, CertificateAuthorityType=kind,
                         CertificateAuthorityConfiguration={**good, **changed}, **(more or {}))
        bad("ValidationException", kind="MIDDLE")
        for changed in ({"KeyAlgorithm": "RSA_1024"}, {"SigningAlgorithm": "MD5"}, {"Subject": {"Country": "Germany"}},
                        {"Subject": {"CommonName": "x" * 65}}, {"Subject": {"SerialNumber": "a*b"}}):
            bad("ValidationException", **changed)
        for changed in ({"SigningAlgorithm": "SHA256WITHRSA"}, {"KeyAlgorithm": "RSA_2048"}, {"KeyAlgorithm": "SM2", "SigningAlgorithm": "SM3WITHSM2"},
                        {"Subject": {}}, {"Subject": {"CommonName": "a", "CustomAttributes": [{"ObjectIdentifier": "1.2.3", "Value": "b"}]}},
                        {"CsrExtensions": {"SubjectInformationAccess": [{"AccessMethod": {"AccessMethodType": "CA_REPOSITORY"}, "AccessLocation": {}}]}},
                        {"CsrExtensions": {"SubjectInformationAccess": [{"AccessMethod": {}, "AccessLocation": {"DnsName": "a"}}]}}):
            bad("InvalidArgsException", **changed)
        bad("InvalidArgsException", more={"RevocationConfiguration": {"CrlConfiguration": {"Enabled": True, "S3BucketName": "bucket", "ExpirationInDays": 7}}})
        bad("InvalidArgsException", more={"RevocationConfiguration": {"CrlConfiguration": {"Enabled": False, "ExpirationInDays": 7}}})
        bad("InvalidArgsException", more={"RevocationConfiguration": {"OcspConfiguration": {"Enabled": True}}})
        bad("InvalidTagException", more={"Tags": [{"Key": "aws:a", "Value": ""}]})
        bad("ValidationException", more={"Tags": [{"Key": f"k{i}"} for i in range(51)]})

    def test_requests_of_every_algorithm(self):
        subject = {"Country": "DE", "Organization": "Größe GmbH", "OrganizationalUnit": "b", "State": "c", "Locality": "d", "CommonName": "e", "SerialNumber": "7"}
        for algorithm, signing in (("RSA_2048", "SHA512WITHRSA"), ("EC_prime256v1", "SHA512WITHECDSA"), ("EC_secp384r1", "SHA256WITHECDSA"),
                                   ("EC_secp521r1", "SHA384WITHECDSA")):
            arn = self.create("SUBORDINATE", algorithm, signing, subject)
            csr = x509.load_pem_x509_csr(self.csr(arn))
            self.assertTrue(csr.is_signature_valid)
            self.assertEqual(signing[3:6], csr.signature_hash_algorithm.name[3:])
            self.assertEqual(["DE", "Größe GmbH", "b", "c", "e", "7", "d"], [a.value for a in csr.subject])
            d = self.describe(arn)
            self.assertEqual(("SUBORDINATE", "PENDING_CERTIFICATE", "GENERAL_PURPOSE", algorithm, signing, subject),
                             (d["Type"], d["Status"], d["UsageMode"], d["CertificateAuthorityConfiguration"]["KeyAlgorithm"],
                              d["CertificateAuthorityConfiguration"]["SigningAlgorithm"], d["CertificateAuthorityConfiguration"]["Subject"]))

    def test_what_was_not_given_is_described(self):
        arn = self.create()
        for d in (self.describe(arn), next(d for d in self.pca.list_certificate_authorities()["CertificateAuthorities"] if d["Arn"] == arn)):
            self.assertEqual(("FIPS_140_2_LEVEL_3_OR_HIGHER", OFF), (d["KeyStorageSecurityStandard"], d["RevocationConfiguration"]))
        given = self.create(KeyStorageSecurityStandard="FIPS_140_2_LEVEL_2_OR_HIGHER", RevocationConfiguration={"OcspConfiguration": {"Enabled": False}})
        d = self.describe(given)
        self.assertEqual(("FIPS_140_2_LEVEL_2_OR_HIGHER", OFF), (d["KeyStorageSecurityStandard"], d["RevocationConfiguration"]))

    def test_ml_dsa(self):
        """Where OpenSSL has it; else a clear refusal."""
        try:
            arn = self.create("ROOT", "ML_DSA_65", "ML_DSA_65")
        except ClientError as refused:
            self.assertEqual("InvalidArgsException", refused.response["Error"]["Code"])
            self.assertIn("algorithm", refused.response["Error"]["Message"])
        else:
            self.assertIn(b"CERTIFICATE REQUEST", self.csr(arn))

    def test_extensions_of_the_request(self):
        arn = self.pca.create_certificate_authority(CertificateAuthorityType="SUBORDINATE", CertificateAuthorityConfiguration={
            "KeyAlgorithm": "EC_prime256v1", "SigningAlgorithm": "SHA256WITHECDSA",
            "Subject": {"CustomAttributes": [{"ObjectIdentifier": "1.3.6.1.4.1.37244.1.1", "Value": "FFF1"}]},
            "CsrExtensions": {"KeyUsage": {"KeyCertSign": True, "CRLSign": True}, "SubjectInformationAccess": [
                {"AccessMethod": {"AccessMethodType": "CA_REPOSITORY"}, "AccessLocation": {"UniformResourceIdentifier": "https://repo.example"}}]}})
        csr = x509.load_pem_x509_csr(self.csr(arn["CertificateAuthorityArn"]))
        usage = extension(csr, x509.KeyUsage)
        self.assertTrue(usage.critical and usage.value.key_cert_sign and usage.value.crl_sign and not usage.value.digital_signature)
        self.assertEqual("FFF1", csr.subject.get_attributes_for_oid(ObjectIdentifier("1.3.6.1.4.1.37244.1.1"))[0].value)
        self.assertEqual(2, len(csr.extensions))

    def test_the_same_request_once(self):
        token = uuid.uuid4().hex
        one = self.create(IdempotencyToken=token)
        self.assertEqual(one, self.create(IdempotencyToken=token))
        self.assertNotEqual(one, self.create(IdempotencyToken=token, subject={"CommonName": "another"}))
        self.assertNotEqual(one, self.create())

    def test_what_is_not_found(self):
        absent = f"arn:aws:acm-pca:{harness.REGION}:{self.account}:certificate-authority/{uuid.uuid4()}"
        calls = (self.pca.describe_certificate_authority, self.pca.get_certificate_authority_csr, self.pca.get_certificate_authority_certificate, self.pca.list_tags)
        for call in calls:
            self.refused("ResourceNotFoundException", call, CertificateAuthorityArn=absent)
            self.refused("InvalidArnException", call, CertificateAuthorityArn=absent.replace(harness.REGION, "eu-north-1"))
            self.refused("InvalidArnException", call, CertificateAuthorityArn=absent + "/more")
            self.refused("ValidationException", call, CertificateAuthorityArn="arn:aws:acm:us-east-1:123456789012:certificate/x")

    def test_lists(self):
        mine = {self.create() for _ in range(3)}
        self.refused("InvalidNextTokenException", self.pca.list_certificate_authorities, NextToken="no")
        self.refused("ValidationException", self.pca.list_certificate_authorities, MaxResults=0)
        seen, token = [], {}
        while True:
            page = self.pca.list_certificate_authorities(MaxResults=2, **token)
            self.assertLessEqual(len(page["CertificateAuthorities"]), 2)
            seen += [a["Arn"] for a in page["CertificateAuthorities"]]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        self.assertEqual(len(seen), len(set(seen)))
        self.assertLessEqual(mine, set(seen))
        self.assertEqual([], self.pca.list_certificate_authorities(ResourceOwner="OTHER_ACCOUNTS")["CertificateAuthorities"])

    def test_tags(self):
        arn = self.create(Tags=[{"Key": "a", "Value": "1"}])
        self.refused("InvalidTagException", self.pca.tag_certificate_authority, CertificateAuthorityArn=arn, Tags=[{"Key": "aws:b", "Value": ""}])
        self.refused("InvalidTagException", self.pca.tag_certificate_authority, CertificateAuthorityArn=arn, Tags=[{"Key": "b"}, {"Key": "b"}])
        self.pca.tag_certificate_authority(CertificateAuthorityArn=arn, Tags=[{"Key": f"k{i}", "Value": "v"} for i in range(49)])
        self.refused("TooManyTagsException", self.pca.tag_certificate_authority, CertificateAuthorityArn=arn, Tags=[{"Key": "more", "Value": ""}])
        self.pca.untag_certificate_authority(CertificateAuthorityArn=arn, Tags=[{"Key": "k1", "Value": "other"}, {"Key": "k2"}])
        got = self.pca.list_tags(CertificateAuthorityArn=arn)["Tags"]
        self.assertEqual({"a", *(f"k{i}" for i in range(49))} - {"k2"}, {t["Key"] for t in got})


class Issuing(PcaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls("root")
        cls.ca = case.root()
        cls.ca_pem = case.certificate(cls.ca)["Certificate"]

    def test_what_is_not_issued(self):
        good = {"CertificateAuthorityArn": self.ca, "Csr": request(), "SigningAlgorithm": "SHA256WITHECDSA", "Validity": DAY}

        def bad(code, **changed):
            return self.refused(code, self.pca.issue_certificate, **{**good, **changed})
        small = rsa.generate_private_key(65537, 1024)
        broken = bytearray(base64.b64decode(b"".join(request().splitlines()[1:-1])))
        broken[-1] ^= 1
        wrapped = b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(bytes(broken)) + b"-----END CERTIFICATE REQUEST-----\n"
        for csr in (b"x", b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", request() * 2, request(small), wrapped,
                    request(ec.generate_private_key(ec.SECP256K1())), self.ca_pem.encode(), request()[:-60]):
            bad("MalformedCSRException", Csr=csr)
        bad("ValidationException", Csr=b"a" * 32769)
        bad("ValidationException", Csr=b"")
        bad("MalformedCSRException", Csr=b"a" * 32768)
        for template in ("arn:aws:acm-pca:::template/Nothing/V1", TEMPLATE + "EndEntityCertificate/V2", TEMPLATE + "BlankEndEntityCertificate/V1",
                         TEMPLATE + "SubordinateCACertificate_PathLen4/V1", TEMPLATE + "RootCACertificate_CSRPassthrough/V1", TEMPLATE + "RootCACertificate/V1"):
            bad("InvalidArgsException", TemplateArn=template)
        bad("ValidationException", TemplateArn="x")
        for validity in ({"Type": "ABSOLUTE", "Value": 1}, {"Type": "END_DATE", "Value": 261301000000}, {"Type": "END_DATE", "Value": 20260230000000},
                         {"Type": "YEARS", "Value": 9000}, {"Type": "DAYS", "Value": 2**62}, {"Type": "ABSOLUTE", "Value": 2**62}):
            bad("InvalidArgsException", Validity=validity)
        bad("ValidationException", Validity={"Type": "WEEKS", "Value": 1})
        bad("ValidationException", Validity={"Type": "DAYS", "Value": 0})
        bad("ValidationException", Validity={"Type": "DAYS", "Value": 3651})  # longer than the authority's
        bad("InvalidArgsException", ValidityNotBefore={"Type": "DAYS", "Value": 1})
        bad("InvalidArgsException", ValidityNotBefore={"Type": "ABSOLUTE", "Value": int(time.time()) + 40 * 86400})
        bad("InvalidArgsException", SigningAlgorithm="SHA256WITHRSA")
        bad("InvalidArgsException", ApiPassthrough={"Subject": {"CommonName": "a"}})
        api = {"TemplateArn": TEMPLATE + "EndEntityCertificate_APIPassthrough/V1"}
        for extensions in ({"SubjectAlternativeNames": [{"IpAddress": "300.1.1.1"}]}, {"SubjectAlternativeNames": [{"DnsName": "a b"}]},
                           {"SubjectAlternativeNames": [{}]}, {"SubjectAlternativeNames": [{"DnsName": "a", "IpAddress": "::1"}]},
                           {"SubjectAlternativeNames": [{"RegisteredId": "1.2.99999999999"}]}, {"ExtendedKeyUsage": [{}]},
                           {"CertificatePolicies": [{"CertPolicyId": "1.2.99999999999"}]},
                           {"CustomExtensions": [{"ObjectIdentifier": "1.2.3", "Value": "AA=="}, {"ObjectIdentifier": "1.2.3", "Value": "AA=="}]}):
            bad("InvalidArgsException", ApiPassthrough={"Extensions": extensions}, **api)
        bad("ValidationException", ApiPassthrough={"Extensions": {"CustomExtensions": [{"ObjectIdentifier": "1.2.3", "Value": "*"}]}}, **api)
        pending = self.create()
        bad("InvalidStateException", CertificateAuthorityArn=pending)
        bad("InvalidArgsException", CertificateAuthorityArn=pending, TemplateArn=TEMPLATE + "RootCACertificate/V1")  # another's request
        bad("ResourceNotFoundException", CertificateAuthorityArn=self.ca[:-4] + "0000")
        self.refused("InvalidArnException", self.pca.get_certificate, CertificateAuthorityArn=self.ca, CertificateArn=pending + "/certificate/" + "0" * 32)
        self.refused("ResourceNotFoundException", self.pca.get_certificate, CertificateAuthorityArn=self.ca, CertificateArn=self.ca + "/certificate/" + "0" * 32)

    def test_end_entity(self):
        arn, got = self.issue(self.ca, request(names=("www.example.com", "example.com")))
        leaf = self.load(got)
        self.verified(got, self.ca_pem)
        self.assertEqual("CN=www.example.com", leaf.subject.rfc4514_string())
        self.assertEqual("CN=Test CA", leaf.issuer.rfc4514_string())
        self.assertEqual(["www.example.com", "example.com"], extension(leaf, x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName))
        self.assertEqual((False, None), (extension(leaf, x509.BasicConstraints).value.ca, extension(leaf, x509.BasicConstraints).value.path_length))
        usage = extension(leaf, x509.KeyUsage)
        self.assertTrue(usage.critical and usage.value.digital_signature and usage.value.key_encipherment and not usage.value.key_cert_sign)
        self.assertEqual([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH], list(extension(leaf, x509.ExtendedKeyUsage).value))
        root = x509.load_pem_x509_certificate(self.ca_pem.encode())
        self.assertEqual(extension(root, x509.SubjectKeyIdentifier).value.digest, extension(leaf, x509.AuthorityKeyIdentifier).value.key_identifier)
        self.assertEqual(f"{leaf.serial_number:032x}", arn.rpartition("/")[2])
        start, end = (t.replace(tzinfo=datetime.timezone.utc).timestamp() for t in (leaf.not_valid_before, leaf.not_valid_after))
        self.assertAlmostEqual(time.time() - 3600, start, delta=60)
        self.assertAlmostEqual(time.time() + 30 * 86400, end, delta=60)
        self.assertEqual(self.ca_pem, got["CertificateChain"])

    def test_the_same_request_once(self):
        csr, token = request(), uuid.uuid4().hex
        one = self.issue(self.ca, csr, IdempotencyToken=token)[0]
        self.assertEqual(one, self.issue(self.ca, csr, IdempotencyToken=token)[0])
        self.assertNotEqual(one, self.issue(self.ca, csr, IdempotencyToken=token, validity={"Type": "DAYS", "Value": 29})[0])
        self.assertNotEqual(one, self.issue(self.ca, csr)[0])

    def test_templates(self):
        wanted = {"EndEntityServerAuthCertificate": [ExtendedKeyUsageOID.SERVER_AUTH], "EndEntityClientAuthCertificate": [ExtendedKeyUsageOID.CLIENT_AUTH],
                  "CodeSigningCertificate": [ExtendedKeyUsageOID.CODE_SIGNING], "OCSPSigningCertificate": [ExtendedKeyUsageOID.OCSP_SIGNING]}
        for name, usages in wanted.items():
            leaf = self.load(self.issue(self.ca, request(), name + "/V1")[1])
            extended = extension(leaf, x509.ExtendedKeyUsage)
            self.assertEqual((usages, "Signing" in name), (list(extended.value), extended.critical))
            self.assertEqual("Signing" not in name, extension(leaf, x509.KeyUsage).value.key_encipherment)

    def test_what_a_request_may_not_claim(self):
        """An authority's powers in the request of an end entity pass through no template."""
        claims = [(x509.BasicConstraints(True, None), True),
                  (x509.KeyUsage(True, False, False, False, False, True, True, False, False), True),
                  (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False), (x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00"), False)]
        csr = request(extensions=claims)
        for template in ("EndEntityCertificate/V1", "EndEntityCertificate_CSRPassthrough/V1", "EndEntityCertificate_APICSRPassthrough/V1"):
            leaf = self.load(self.issue(self.ca, csr, template)[1])
            self.assertFalse(extension(leaf, x509.BasicConstraints).value.ca)
            self.assertFalse(extension(leaf, x509.KeyUsage).value.key_cert_sign)
            self.assertNotIn(ExtendedKeyUsageOID.CODE_SIGNING, extension(leaf, x509.ExtendedKeyUsage).value)
            passed = [e for e in leaf.extensions if e.oid.dotted_string == "1.2.3.4"]
            self.assertEqual("CSR" in template, bool(passed))
        blank = self.load(self.issue(self.ca, csr, "BlankEndEntityCertificate_CSRPassthrough/V1")[1])
        self.assertFalse(extension(blank, x509.BasicConstraints).value.ca)
        self.assertEqual([ExtendedKeyUsageOID.CODE_SIGNING], list(extension(blank, x509.ExtendedKeyUsage).value))

    def test_passed_through_the_api(self):
        extensions = {"SubjectAlternativeNames": [{"DnsName": "api.example"}, {"IpAddress": "10.0.0.1"}, {"IpAddress": "2001:db8::1"}, {"Rfc822Name": "a@b.example"},
                                                  {"UniformResourceIdentifier": "https://a.example/b"}, {"RegisteredId": "1.2.3"},
                                                  {"DirectoryName": {"CommonName": "dir"}}, {"OtherName": {"TypeId": "1.3.6.1.4.1.311.20.2.3", "Value": "upn"}}],
                      "KeyUsage": {"DigitalSignature": True, "DecipherOnly": True, "KeyAgreement": True},
                      "ExtendedKeyUsage": [{"ExtendedKeyUsageType": "SMART_CARD_LOGIN"}, {"ExtendedKeyUsageObjectIdentifier": "1.2.3.4.5"}],
                      "CertificatePolicies": [{"CertPolicyId": "2.5.29.32.0", "PolicyQualifiers": [
                          {"PolicyQualifierId": "CPS", "Qualifier": {"CpsUri": "https://cps.example"}}]}, {"CertPolicyId": "1.2.3.4"}],
                      "CustomExtensions": [{"ObjectIdentifier": "1.2.3.4.5.6", "Value": base64.b64encode(b"\x0c\x02hi").decode(), "Critical": False}]}
        passthrough = {"Subject": {"CommonName": "from the API", "Organization": "Org"}, "Extensions": extensions}
        leaf = self.load(self.issue(self.ca, request(), "BlankEndEntityCertificate_APIPassthrough/V1", ApiPassthrough=passthrough)[1])
        self.assertEqual({"from the API", "Org"}, {a.value for a in leaf.subject})
        names = extension(leaf, x509.SubjectAlternativeName).value
        self.assertEqual(["api.example"], names.get_values_for_type(x509.DNSName))
        self.assertEqual(["10.0.0.1", "2001:db8::1"], [str(a) for a in names.get_values_for_type(x509.IPAddress)])
        self.assertEqual(["1.2.3"], [o.dotted_string for o in names.get_values_for_type(x509.RegisteredID)])
        self.assertEqual(["1.3.6.1.4.1.311.20.2.3"], [o.type_id.dotted_string for o in names.get_values_for_type(x509.OtherName)])
        usage = extension(leaf, x509.KeyUsage).value
        self.assertTrue(usage.digital_signature and usage.key_agreement and usage.decipher_only and not usage.key_encipherment)
        self.assertEqual(["1.3.6.1.4.1.311.20.2.2", "1.2.3.4.5"], [o.dotted_string for o in extension(leaf, x509.ExtendedKeyUsage).value])
        policies = extension(leaf, x509.CertificatePolicies).value
        self.assertEqual((2, ["https://cps.example"]), (len(policies), policies[0].policy_qualifiers))
        self.assertEqual(b"\x0c\x02hi", leaf.extensions.get_extension_for_oid(ObjectIdentifier("1.2.3.4.5.6")).value.value)
        # The template's own stand above the API's.
        leaf = self.load(self.issue(self.ca, request(), "EndEntityServerAuthCertificate_APIPassthrough/V1", ApiPassthrough=passthrough)[1])
        self.assertEqual([ExtendedKeyUsageOID.SERVER_AUTH], list(extension(leaf, x509.ExtendedKeyUsage).value))
        claim = {"Extensions": {"CustomExtensions": [{"ObjectIdentifier": "2.5.29.19", "Value": base64.b64encode(b"0\x03\x01\x01\xff").decode(), "Critical": True}]}}
        leaf = self.load(self.issue(self.ca, request(), "BlankEndEntityCertificate_APIPassthrough/V1", ApiPassthrough=claim)[1])
        self.assertFalse(extension(leaf, x509.BasicConstraints).value.ca)
        for spelling in ("2.5.29.019", "2.05.29.19"):
            claim["Extensions"]["CustomExtensions"][0]["ObjectIdentifier"] = spelling
            with self.assertRaises(self.pca.exceptions.InvalidArgsException, msg=spelling):
                self.issue(self.ca, request(), "BlankEndEntityCertificate_APIPassthrough/V1", ApiPassthrough=claim)

    def test_times(self):
        start, end = int(time.time()) + 3600, int(time.time()) + 7200
        csr = request(common_name=None)
        leaf = self.load(self.issue(self.ca, csr, validity={"Type": "ABSOLUTE", "Value": end}, ValidityNotBefore={"Type": "ABSOLUTE", "Value": start})[1])
        self.assertEqual((start, end), tuple(int(t.replace(tzinfo=datetime.timezone.utc).timestamp()) for t in (leaf.not_valid_before, leaf.not_valid_after)))
        self.assertTrue(extension(leaf, x509.SubjectAlternativeName).critical)  # there is no subject
        when = datetime.datetime.utcnow().replace(microsecond=0) + datetime.timedelta(days=9)
        for text in ("%y%m%d%H%M%S", "%Y%m%d%H%M%S"):
            leaf = self.load(self.issue(self.ca, csr, validity={"Type": "END_DATE", "Value": int(when.strftime(text))})[1])
            self.assertEqual(when, leaf.not_valid_after)
        leaf = self.load(self.issue(self.ca, csr, validity={"Type": "MONTHS", "Value": 13})[1])
        now = datetime.datetime.utcnow()
        self.assertEqual((now.year * 12 + now.month - 1 + 13) % 12 + 1, leaf.not_valid_after.month)

    def test_short_lived(self):
        ca = self.root(UsageMode="SHORT_LIVED_CERTIFICATE")
        self.refused("InvalidArgsException", self.pca.issue_certificate, CertificateAuthorityArn=ca, Csr=request(), SigningAlgorithm="SHA256WITHECDSA",
                     Validity={"Type": "DAYS", "Value": 8})
        self.issue(ca, request(), validity={"Type": "DAYS", "Value": 7})

    def test_hierarchy(self):
        middle = self.subordinate(self.ca, "SubordinateCACertificate_PathLen1/V1", subject={"CommonName": "Middle"})
        self.refused("InvalidArgsException", self.pca.issue_certificate, CertificateAuthorityArn=middle, Csr=request(), SigningAlgorithm="SHA256WITHECDSA",
                     Validity=DAY, TemplateArn=TEMPLATE + "SubordinateCACertificate_PathLen1/V1")
        last = self.subordinate(middle, days=90, algorithm="RSA_2048", signing="SHA256WITHRSA", subject={"CommonName": "Last"})
        self.refused("InvalidArgsException", self.pca.issue_certificate, CertificateAuthorityArn=last, Csr=request(), SigningAlgorithm="SHA256WITHRSA",
                     Validity=DAY, TemplateArn=TEMPLATE + "SubordinateCACertificate_PathLen0/V1")
        for signing in ("SHA256WITHRSA", "SHA384WITHRSA", "SHA512WITHRSA"):
            got = self.issue(last, request(), signing=signing)[1]
            self.verified(got, self.ca_pem)
            self.assertEqual(3, got["CertificateChain"].count("BEGIN CERTIFICATE"))
        self.assertEqual(2, self.certificate(last)["CertificateChain"].count("BEGIN CERTIFICATE"))


class Importing(PcaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.outer_key = ec.generate_private_key(ec.SECP256R1())
        cls.outer_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Outer")])
        cls.outer = cls.sign(cls.outer_name, cls.outer_key.public_key(), path=1)

    @classmethod
    def sign(cls, subject, public, path=0, ca=True, days=30, start=-1, usage=True, extra=(), key=None, issuer=None):
        now = datetime.datetime.utcnow()
        made = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer or cls.outer_name).public_key(public).serial_number(x509.random_serial_number())
                .not_valid_before(now + datetime.timedelta(days=start)).not_valid_after(now + datetime.timedelta(days=days)))
        if ca is not None:
            made = made.add_extension(x509.BasicConstraints(ca, path if ca else None), True)
        if usage:
            made = made.add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
        made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(cls.outer_key.public_key()), False)
        for e, critical in extra:
            made = made.add_extension(e, critical)
        return made.sign(key or cls.outer_key, hashes.SHA256())

    def test_what_is_not_imported(self):
        arn = self.create("SUBORDINATE")
        csr = x509.load_pem_x509_csr(self.csr(arn))
        public, chain = csr.public_key(), self.outer.public_bytes(PEM)
        good = self.sign(csr.subject, public)

        def bad(code, certificate, chain=chain, arn=arn):
            pem = certificate if isinstance(certificate, bytes) else certificate.public_bytes(PEM)
            more = {"CertificateChain": chain} if chain is not None else {}
            self.refused(code, self.pca.import_certificate_authority_certificate, CertificateAuthorityArn=arn, Certificate=pem, **more)
        other = ec.generate_private_key(ec.SECP256R1())
        bad("MalformedCertificateException", b"x")
        bad("MalformedCertificateException", good.public_bytes(PEM) * 2)
        bad("CertificateMismatchException", self.sign(csr.subject, other.public_key()))
        for changed in ({"ca": False}, {"ca": None}, {"usage": False}, {"days": -1, "start": -9}, {"start": 2},
                        {"extra": [(x509.CRLDistributionPoints([x509.DistributionPoint([x509.UniformResourceIdentifier("http://a")], None, None, None)]), True)]},
                        {"extra": [(x509.UnrecognizedExtension(ObjectIdentifier("1.2.3"), b"\x05\x00"), True)]}):
            bad("MalformedCertificateException", self.sign(csr.subject, public, **changed))
        bad("InvalidRequestException", good, None)
        bad("MalformedCertificateException", good, b"x")
        bad("MalformedCertificateException", good, chain * 2)
        bad("MalformedCertificateException", good, good.public_bytes(PEM) + chain)
        bad("MalformedCertificateException", self.sign(csr.subject, public, key=other))  # not signed by the one above
        bad("CertificateMismatchException", self.sign(csr.subject, public, path=0), self.narrow(other, good))
        bad("ValidationException", b"a" * 32769)
        self.refused("InvalidStateException", self.pca.get_certificate_authority_certificate, CertificateAuthorityArn=arn)
        root = self.create()
        root_csr = x509.load_pem_x509_csr(self.csr(root))
        bad("InvalidRequestException", self.sign(root_csr.subject, root_csr.public_key()), None, root)
        bad("InvalidRequestException", self.sign(root_csr.subject, root_csr.public_key()), chain, root)
        self.assertEqual("PENDING_CERTIFICATE", self.describe(arn)["Status"])

    def narrow(self, key, good):
        """A chain whose root allows no authority below itself: the same name and key as the one that signed."""
        return self.sign(self.outer_name, self.outer_key.public_key(), extra=[
            (x509.NameConstraints([x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Nobody")]))], None), True)]).public_bytes(PEM)

    def test_from_an_outer_root(self):
        arn = self.create("SUBORDINATE", "RSA_2048", "SHA256WITHRSA", {"CommonName": "Inner"})
        csr = x509.load_pem_x509_csr(self.csr(arn))
        made = self.sign(csr.subject, csr.public_key())
        self.pca.import_certificate_authority_certificate(CertificateAuthorityArn=arn, Certificate=made.public_bytes(PEM), CertificateChain=self.outer.public_bytes(PEM))
        d = self.describe(arn)
        self.assertEqual(("ACTIVE", f"{made.serial_number:x}".lstrip("0")), (d["Status"], d["Serial"].replace(":", "").lstrip("0")))
        got = self.issue(arn, request(), signing="SHA256WITHRSA", validity={"Type": "DAYS", "Value": 7})[1]
        self.verified(got, self.outer.public_bytes(PEM).decode())


class Living(PcaCase):
    def state(self, arn):
        return self.describe(arn)["Status"]

    def test_states(self):
        arn = self.create()
        update, delete, restore = (self.pca.update_certificate_authority, self.pca.delete_certificate_authority, self.pca.restore_certificate_authority)
        self.refused("InvalidStateException", update, CertificateAuthorityArn=arn, Status="DISABLED")
        self.refused("InvalidStateException", restore, CertificateAuthorityArn=arn)
        for days in (6, 31):
            self.refused("ValidationException", delete, CertificateAuthorityArn=arn, PermanentDeletionTimeInDays=days)
        delete(CertificateAuthorityArn=arn, PermanentDeletionTimeInDays=7)
        d = self.describe(arn)
        self.assertEqual("DELETED", d["Status"])
        self.assertAlmostEqual(time.time() + 7 * 86400, d["RestorableUntil"].timestamp(), delta=60)
        for call, more in ((delete, {}), (self.pca.get_certificate_authority_csr, {}), (self.pca.tag_certificate_authority, {"Tags": [{"Key": "a"}]}),
                           (self.pca.import_certificate_authority_certificate, {"Certificate": b"x"}), (update, {"Status": "ACTIVE"}),
                           (self.pca.get_policy, {}), (self.pca.list_permissions, {})):
            key = "ResourceArn" if call == self.pca.get_policy else "CertificateAuthorityArn"
            self.refused("InvalidStateException", call, **{key: arn}, **more)
        restore(CertificateAuthorityArn=arn)
        self.assertEqual("PENDING_CERTIFICATE", self.state(arn))

        arn = self.root()
        self.refused("InvalidStateException", delete, CertificateAuthorityArn=arn)  # it is active
        self.refused("InvalidArgsException", update, CertificateAuthorityArn=arn)
        for status in ("DELETED", "EXPIRED", "CREATING"):
            self.refused("InvalidArgsException", update, CertificateAuthorityArn=arn, Status=status)
        self.refused("InvalidArgsException", update, CertificateAuthorityArn=arn,
                     RevocationConfiguration={"CrlConfiguration": {"Enabled": True, "S3BucketName": "bucket", "ExpirationInDays": 7}})
        update(CertificateAuthorityArn=arn, Status="DISABLED", RevocationConfiguration={"CrlConfiguration": {"Enabled": False}})
        self.assertEqual(OFF, self.describe(arn)["RevocationConfiguration"])
        self.refused("InvalidStateException", self.pca.issue_certificate, CertificateAuthorityArn=arn, Csr=request(), SigningAlgorithm="SHA256WITHECDSA", Validity=DAY)
        delete(CertificateAuthorityArn=arn)
        self.refused("InvalidStateException", self.pca.issue_certificate, CertificateAuthorityArn=arn, Csr=request(), SigningAlgorithm="SHA256WITHECDSA", Validity=DAY)
        restore(CertificateAuthorityArn=arn)
        self.assertEqual("DISABLED", self.state(arn))
        update(CertificateAuthorityArn=arn, Status="ACTIVE")
        self.issue(arn, request())

    def test_expired(self):
        arn = self.create()
        validity = {"Type": "ABSOLUTE", "Value": int(time.time()) + 3}
        _, got = self.issue(arn, self.csr(arn), "RootCACertificate/V1", validity=validity)
        self.pca.import_certificate_authority_certificate(CertificateAuthorityArn=arn, Certificate=got["Certificate"].encode())
        self.assertEqual("ACTIVE", self.state(arn))
        while self.state(arn) == "ACTIVE":
            time.sleep(0.2)
        self.assertEqual("EXPIRED", self.state(arn))
        self.refused("InvalidStateException", self.pca.issue_certificate, CertificateAuthorityArn=arn, Csr=request(), SigningAlgorithm="SHA256WITHECDSA", Validity=DAY)
        self.refused("InvalidStateException", self.pca.update_certificate_authority, CertificateAuthorityArn=arn, Status="DISABLED")
        _, got = self.issue(arn, self.csr(arn), "RootCACertificate/V1", validity={"Type": "DAYS", "Value": 90})  # a new one for the same key
        self.pca.import_certificate_authority_certificate(CertificateAuthorityArn=arn, Certificate=got["Certificate"].encode())
        self.assertEqual("ACTIVE", self.state(arn))
        self.verified(self.issue(arn, request())[1], got["Certificate"])

    def test_revoked(self):
        arn = self.root()
        made, got = self.issue(arn, request())
        serial = made.rpartition("/")[2]
        revoke = self.pca.revoke_certificate
        good = {"CertificateAuthorityArn": arn, "CertificateSerial": serial, "RevocationReason": "KEY_COMPROMISE"}
        for code, changed in (("ResourceNotFoundException", {"CertificateSerial": "0" * 32}), ("ResourceNotFoundException", {"CertificateSerial": "not hex"}),
                              ("ResourceNotFoundException", {"CertificateSerial": ""}), ("ResourceNotFoundException", {"CertificateSerial": serial + "00"}),
                              ("ResourceNotFoundException", {"CertificateSerial": serial[:-2] + "/."}),
                              ("ValidationException", {"RevocationReason": "BORED"}), ("ValidationException", {"CertificateSerial": "0" * 129}),
                              ("ResourceNotFoundException", {"CertificateAuthorityArn": arn[:-4] + "0000"}),
                              ("InvalidStateException", {"CertificateAuthorityArn": self.create()}),
                              ("InvalidRequestException", {"CertificateSerial": self.describe(arn)["Serial"]})):
            self.refused(code, revoke, **{**good, **changed})
        revoke(**{**good, "CertificateSerial": ":".join(serial[i:i + 2] for i in range(0, 32, 2)).upper()})
        self.refused("RequestAlreadyProcessedException", revoke, **good)
        self.assertEqual(got["Certificate"], self.pca.get_certificate(CertificateAuthorityArn=arn, CertificateArn=made)["Certificate"])

    def test_permissions(self):
        arn = self.create()
        give, take, show = self.pca.create_permission, self.pca.delete_permission, self.pca.list_permissions
        good = {"CertificateAuthorityArn": arn, "Principal": "acm.amazonaws.com", "Actions": ["IssueCertificate", "GetCertificate", "ListPermissions"]}
        self.refused("ValidationException", give, **{**good, "Principal": "ec2.amazonaws.com"})
        self.refused("ValidationException", give, **{**good, "Actions": ["RevokeCertificate"]})
        self.refused("ValidationException", give, **{**good, "Actions": []})
        self.refused("ValidationException", give, **{**good, "SourceAccount": "999999999999"})
        self.refused("ResourceNotFoundException", take, CertificateAuthorityArn=arn, Principal="acm.amazonaws.com")
        give(**good)
        self.refused("PermissionAlreadyExistsException", give, **good)
        (p,) = show(CertificateAuthorityArn=arn)["Permissions"]
        self.assertEqual((arn, self.account, "acm.amazonaws.com", good["Actions"]), (p["CertificateAuthorityArn"], p["SourceAccount"], p["Principal"], p["Actions"]))
        take(CertificateAuthorityArn=arn, Principal="acm.amazonaws.com")
        self.assertEqual([], show(CertificateAuthorityArn=arn)["Permissions"])

    def test_not_built(self):
        arn = self.create()
        self.refused("NotImplemented", self.pca.create_certificate_authority_audit_report, CertificateAuthorityArn=arn, S3BucketName="bucket",
                     AuditReportResponseFormat="JSON")


class Allowing(PcaCase):
    def user(self, *statements):
        name = "u-" + uuid.uuid4().hex[:10]
        arn = self.iam.create_user(UserName=name)["User"]["Arn"]
        if statements:
            self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=self.document(*statements))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return arn, key

    def client(self, key, service="acm-pca"):
        return harness.client(service, key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    def document(self, *statements):
        return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

    def test_identity_policies(self):
        arn = self.root(Tags=[{"Key": "team", "Value": "red"}])
        _, key = self.user()
        mine = self.client(key)
        issue = {"CertificateAuthorityArn": arn, "Csr": request(), "SigningAlgorithm": "SHA256WITHECDSA", "Validity": DAY}
        for call, more in ((mine.describe_certificate_authority, {"CertificateAuthorityArn": arn}), (mine.issue_certificate, issue),
                           (mine.list_certificate_authorities, {}), (mine.put_policy, {"ResourceArn": arn, "Policy": "{}"}),
                           (mine.delete_certificate_authority, {"CertificateAuthorityArn": arn}),
                           (mine.create_permission, {"CertificateAuthorityArn": arn, "Principal": "acm.amazonaws.com", "Actions": ["GetCertificate"]})):
            self.refused("AccessDeniedException", call, **more)
        # One template alone, on what carries the tag.
        _, key = self.user({"Effect": "Allow", "Action": "acm-pca:IssueCertificate", "Resource": arn, "Condition": {
            "StringEquals": {"acm-pca:TemplateArn": TEMPLATE + "EndEntityCertificate/V1", "aws:ResourceTag/team": "red"}}})
        mine = self.client(key)
        mine.issue_certificate(**issue)
        self.refused("AccessDeniedException", mine.issue_certificate, **issue, TemplateArn=TEMPLATE + "SubordinateCACertificate_PathLen0/V1")
        self.pca.untag_certificate_authority(CertificateAuthorityArn=arn, Tags=[{"Key": "team"}])
        self.refused("AccessDeniedException", mine.issue_certificate, **issue)

    def test_another_spelling_of_the_arn(self):
        """Policies are held against the ARN as it was given: a denial is not left out by one that only leads to the same authority."""
        arn = self.root()
        _, key = self.user({"Effect": "Allow", "Action": ["acm-pca:*", "acm:*"], "Resource": "*"}, {"Effect": "Deny", "Action": "acm-pca:*", "Resource": arn})
        mine, other = self.client(key), arn.replace("arn:aws:", "arn:aws-cn:")
        issue = {"Csr": request(), "SigningAlgorithm": "SHA256WITHECDSA", "Validity": DAY}
        self.refused("AccessDeniedException", mine.issue_certificate, CertificateAuthorityArn=arn, **issue)
        self.refused("InvalidArnException", mine.issue_certificate, CertificateAuthorityArn=other, **issue)
        self.refused("InvalidArnException", mine.describe_certificate_authority, CertificateAuthorityArn=other)
        self.refused("InvalidArnException", self.client(key, "acm").request_certificate, DomainName="a.example", CertificateAuthorityArn=other)

    def test_resource_policies(self):
        arn = self.root()
        user, key = self.user()
        mine, put = self.client(key), self.pca.put_policy
        issue = {"CertificateAuthorityArn": arn, "Csr": request(), "SigningAlgorithm": "SHA256WITHECDSA", "Validity": DAY}
        self.refused("ResourceNotFoundException", self.pca.get_policy, ResourceArn=arn)
        self.pca.delete_policy(ResourceArn=arn)
        allow = {"Sid": "1", "Effect": "Allow", "Principal": {"AWS": user}, "Action": "acm-pca:IssueCertificate", "Resource": arn,
                 "Condition": {"StringEquals": {"acm-pca:TemplateArn": TEMPLATE + "EndEntityCertificate/V1"}}}
        for bad in ("x", "{}", self.document({k: v for k, v in allow.items() if k != "Principal"}), self.document({**allow, "Effect": "Maybe"}),
                    self.document({**allow, "Principal": {"AWS": user + "-absent"}})):
            self.refused("InvalidPolicyException", put, ResourceArn=arn, Policy=bad)
        self.refused("LockoutPreventedException", put, ResourceArn=arn, Policy=self.document(
            {"Effect": "Deny", "Principal": "*", "Action": "acm-pca:*", "Resource": arn}))
        self.refused("AccessDeniedException", mine.issue_certificate, **issue)
        put(ResourceArn=arn, Policy=self.document(allow))
        self.assertEqual(json.loads(self.document(allow)), json.loads(self.pca.get_policy(ResourceArn=arn)["Policy"]))
        mine.issue_certificate(**issue)
        self.refused("AccessDeniedException", mine.issue_certificate, **issue, TemplateArn=TEMPLATE + "CodeSigningCertificate/V1")
        self.refused("AccessDeniedException", mine.describe_certificate_authority, CertificateAuthorityArn=arn)
        # A denial stands above what its own policies allow.
        other, key = self.user({"Effect": "Allow", "Action": "acm-pca:*", "Resource": "*"})
        theirs = self.client(key)
        theirs.describe_certificate_authority(CertificateAuthorityArn=arn)
        put(ResourceArn=arn, Policy=self.document({"Effect": "Deny", "Principal": {"AWS": other}, "Action": "acm-pca:Describe*", "Resource": arn}))
        self.refused("AccessDeniedException", theirs.describe_certificate_authority, CertificateAuthorityArn=arn)
        self.refused("AccessDeniedException", mine.issue_certificate, **issue)
        self.pca.delete_policy(ResourceArn=arn)
        theirs.describe_certificate_authority(CertificateAuthorityArn=arn)


class ForAcm(PcaCase):
    """What ACM requests from an authority, and renews."""

    def test_requested(self):
        arn, short = self.root(), self.root(UsageMode="SHORT_LIVED_CERTIFICATE")
        ask = self.acm.request_certificate
        self.refused("InvalidArnException", ask, DomainName="a.example", CertificateAuthorityArn=arn[:-4] + "0000")
        for bad in (self.create(), short, self.root(days=394)):
            self.refused("InvalidParameterException", ask, DomainName="a.example", CertificateAuthorityArn=bad)
        for algorithm in ("RSA_2048", "EC_prime256v1"):
            token = "t" + uuid.uuid4().hex[:8]
            made = ask(DomainName="a.example", SubjectAlternativeNames=["*.b.example"], CertificateAuthorityArn=arn, KeyAlgorithm=algorithm, IdempotencyToken=token)
            self.assertEqual(made["CertificateArn"], ask(DomainName="a.example", SubjectAlternativeNames=["*.b.example"], CertificateAuthorityArn=arn,
                                                         KeyAlgorithm=algorithm, IdempotencyToken=token)["CertificateArn"])
            d = self.acm.describe_certificate(CertificateArn=made["CertificateArn"])["Certificate"]
            self.assertEqual(("PRIVATE", "ISSUED", arn, ["a.example", "*.b.example"], algorithm.replace("_", "-")),
                             (d["Type"], d["Status"], d["CertificateAuthorityArn"], d["SubjectAlternativeNames"], d["KeyAlgorithm"]))
            got = self.acm.get_certificate(CertificateArn=made["CertificateArn"])
            self.verified(got, self.certificate(arn)["Certificate"])
            serial = f"{self.load(got).serial_number:032x}"
            kept = self.pca.get_certificate(CertificateAuthorityArn=arn, CertificateArn=f"{arn}/certificate/{serial}")
            self.assertEqual(got["Certificate"], kept["Certificate"])
            out = self.acm.export_certificate(CertificateArn=made["CertificateArn"], Passphrase=b"pass word")
            key = serialization.load_pem_private_key(out["PrivateKey"].encode(), b"pass word")
            self.assertEqual(self.load(got).public_key().public_numbers(), key.public_key().public_numbers())
            with self.assertRaises(ClientError) as caught:
                harness.json_call("acm", "CertificateManager.RevokeCertificate", CertificateArn=made["CertificateArn"], RevocationReason="SUPERSEDED")
            self.assertEqual("ValidationException", caught.exception.response["Error"]["Code"])
        self.assertNotEqual(arn, self.acm.describe_certificate(CertificateArn=ask(DomainName="own.example", KeyAlgorithm="EC_prime256v1")["CertificateArn"])
                            ["Certificate"]["CertificateAuthorityArn"])

    def test_renewed(self):
        arn = self.root()
        made = self.acm.request_certificate(DomainName="r.example", CertificateAuthorityArn=arn, KeyAlgorithm="EC_prime256v1")["CertificateArn"]
        before = self.load(self.acm.get_certificate(CertificateArn=made))
        renew = self.acm.renew_certificate
        give = {"CertificateAuthorityArn": arn, "Principal": "acm.amazonaws.com"}
        self.assertIn("PCA_ACCESS_DENIED", self.refused("ValidationException", renew, CertificateArn=made))
        self.pca.create_permission(**give, Actions=["IssueCertificate"])
        self.assertIn("PCA_ACCESS_DENIED", self.refused("ValidationException", renew, CertificateArn=made))
        self.pca.delete_permission(**give)
        self.pca.create_permission(**give, Actions=["IssueCertificate", "GetCertificate", "ListPermissions"])
        self.pca.update_certificate_authority(CertificateAuthorityArn=arn, Status="DISABLED")
        self.assertIn("PCA_INVALID_STATE", self.refused("ValidationException", renew, CertificateArn=made))
        self.pca.update_certificate_authority(CertificateAuthorityArn=arn, Status="ACTIVE")
        renew(CertificateArn=made)
        got = self.acm.get_certificate(CertificateArn=made)
        after = self.load(got)
        self.verified(got, self.certificate(arn)["Certificate"])
        self.assertNotEqual(before.serial_number, after.serial_number)
        self.assertEqual(before.public_key().public_numbers(), after.public_key().public_numbers())
        self.assertEqual("SUCCESS", self.acm.describe_certificate(CertificateArn=made)["Certificate"]["RenewalSummary"]["RenewalStatus"])

    def test_whoever_requests_issues(self):
        arn, name = self.root(), "u-" + uuid.uuid4().hex[:10]
        self.iam.create_user(UserName=name)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        mine = harness.client("acm", key=key["AccessKeyId"], secret=key["SecretAccessKey"])

        def allow(*statements):
            self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": a, "Resource": r} for a, r in statements]}))
        ask = {"DomainName": "a.example", "CertificateAuthorityArn": arn, "KeyAlgorithm": "EC_prime256v1"}
        for statements in ((("acm:*", "*"),), (("acm:*", "*"), ("acm-pca:IssueCertificate", arn)), (("acm-pca:*", "*"),),
                           (("acm:*", "*"), ("acm-pca:*", arn[:-4] + "0000"))):
            allow(*statements)
            self.refused("AccessDeniedException", mine.request_certificate, **ask)
        allow(("acm:RequestCertificate", "*"), (["acm-pca:IssueCertificate", "acm-pca:GetCertificate"], arn))
        mine.request_certificate(**ask)
        me = f"arn:aws:iam::{self.account}:user/{name}"
        self.pca.put_policy(ResourceArn=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Principal": {"AWS": me}, "Action": "acm-pca:IssueCertificate", "Resource": arn}]}))
        self.refused("AccessDeniedException", mine.request_certificate, **ask)


class Cli(PcaCase):
    def aws(self, *words, json_=True):
        done = subprocess.run(["aws", "--endpoint-url", harness.SERVER.endpoint, "acm-pca", *words, "--output", "json" if json_ else "text"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout) if json_ and done.stdout.strip() else done.stdout

    def test_from_the_root_to_the_revoked(self):
        with tempfile.TemporaryDirectory() as folder:
            def path(name, text=None):
                if text is not None:
                    pathlib.Path(folder, name).write_text(text)
                return os.path.join(folder, name)
            path("config", json.dumps({"KeyAlgorithm": "RSA_2048", "SigningAlgorithm": "SHA256WITHRSA", "Subject": {"Country": "DE", "CommonName": "CLI root"}}))
            ca = self.aws("create-certificate-authority", "--certificate-authority-configuration", "file://" + path("config"),
                          "--certificate-authority-type", "ROOT")["CertificateAuthorityArn"]
            self.aws("wait", "certificate-authority-csr-created", "--certificate-authority-arn", ca)
            path("csr", self.aws("get-certificate-authority-csr", "--certificate-authority-arn", ca)["Csr"])

            def issue(csr, days, *more):
                arn = self.aws("issue-certificate", "--certificate-authority-arn", ca, "--csr", "fileb://" + path(csr), "--signing-algorithm", "SHA256WITHRSA",
                               "--validity", f"Value={days},Type=DAYS", *more)["CertificateArn"]
                self.aws("wait", "certificate-issued", "--certificate-authority-arn", ca, "--certificate-arn", arn)
                return arn, self.aws("get-certificate", "--certificate-authority-arn", ca, "--certificate-arn", arn)
            _, got = issue("csr", 365, "--template-arn", TEMPLATE + "RootCACertificate/V1")
            path("root.pem", got["Certificate"])
            self.aws("import-certificate-authority-certificate", "--certificate-authority-arn", ca, "--certificate", "fileb://" + path("root.pem"))
            subprocess.run(["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", path("key"), "-out", path("leaf.csr"), "-subj", "/CN=cli.example",
                            "-addext", "subjectAltName=DNS:cli.example"], check=True, capture_output=True)
            arn, got = issue("leaf.csr", 90)
            self.verified(got, pathlib.Path(path("root.pem")).read_text())
            self.aws("revoke-certificate", "--certificate-authority-arn", ca, "--certificate-serial", arn.rpartition("/")[2], "--revocation-reason", "SUPERSEDED")


class Quotas(PcaCase):
    """The last of the classes: it leaves no room for further authorities."""

    def test_certificates_of_an_authority(self):
        arn, csr = self.root(), request()
        good = {"CertificateAuthorityArn": arn, "Csr": csr, "SigningAlgorithm": "SHA256WITHECDSA", "Validity": DAY}
        for _ in range(CERTIFICATES - 1):  # its own is the first
            self.pca.issue_certificate(**good)
        self.refused("LimitExceededException", self.pca.issue_certificate, **good)
        self.issue(self.root(), csr)  # another has room of its own

    def test_the_authorities(self):
        have = sum(len(p["CertificateAuthorities"]) for p in self.pca.get_paginator("list_certificate_authorities").paginate())
        self.assertLess(have, AUTHORITIES)
        for _ in range(AUTHORITIES - have):
            self.create()
        good = {"KeyAlgorithm": "EC_prime256v1", "SigningAlgorithm": "SHA256WITHECDSA", "Subject": {"CommonName": "a"}}
        message = self.refused("LimitExceededException", self.pca.create_certificate_authority, CertificateAuthorityType="ROOT",
                               CertificateAuthorityConfiguration=good)
        self.assertIn(str(AUTHORITIES), message)


if __name__ == "__main__":
    harness.serve("--quota", f"acm-pca-authorities={AUTHORITIES}", "--quota", f"acm-pca-certificates-per-authority={CERTIFICATES}")
    harness.main()
