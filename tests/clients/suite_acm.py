#!/usr/bin/env python3
"""Certificates through boto3: imported, issued, exported, deleted; refusals first."""
import datetime
import json
import unittest
import uuid

import harness
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Extended, NameOID

PEM = serialization.Encoding.PEM


def private(key):
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
          "encipher_only", "decipher_only")


def certificate(key, names, issuer=None, issuer_key=None, days=30, start=-1, usages=None, extended=None):
    """A certificate of the key, signed by itself or by another."""
    now = datetime.datetime.utcnow()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0]), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests")])
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.subject if issuer else subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now + datetime.timedelta(days=start))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
            .add_extension(x509.BasicConstraints(issuer is None, None), True))
    if usages:
        made = made.add_extension(x509.KeyUsage(*(u in usages for u in USAGES)), True)
    if extended:
        made = made.add_extension(x509.ExtendedKeyUsage(extended), False)
    return made.sign(issuer_key or key, hashes.SHA256())


class Acm(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.acm, cls.iam = harness.client("acm"), harness.client("iam")
        cls.account = harness.SERVER.health["account"]
        cls.ca_key = ec.generate_private_key(ec.SECP256R1())
        cls.ca = certificate(cls.ca_key, ["ca.example"])
        cls.key = rsa.generate_private_key(65537, 2048)

    def refused(self, code, call, /, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(code, caught.exception.response["Error"]["Code"], caught.exception.response["Error"])
        return caught.exception.response["Error"]["Message"]

    def given(self, key=None, names=("www.example.com", "example.com"), **more):
        key = key or self.key
        made = certificate(key, list(names), self.ca, self.ca_key, **more)
        return {"Certificate": made.public_bytes(PEM), "PrivateKey": private(key), "CertificateChain": self.ca.public_bytes(PEM)}, made

    def test_what_is_not_imported(self):
        good, _ = self.given()
        other = rsa.generate_private_key(65537, 2048)
        small = rsa.generate_private_key(65537, 1024)
        encrypted = self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"pass"))
        stranger = certificate(ec.generate_private_key(ec.SECP256R1()), ["other.example"]).public_bytes(PEM)
        for bad in ({"Certificate": b"x"}, {"Certificate": good["Certificate"] * 2}, {"PrivateKey": b"x"}, {"PrivateKey": private(other)},
                    {"PrivateKey": encrypted}, {"CertificateChain": b"x"}, {"CertificateChain": stranger},
                    {"PrivateKey": private(self.key) + private(other)}, {"Certificate": good["PrivateKey"]}):
            self.refused("ValidationException", self.acm.import_certificate, **{**good, **bad})
        for bad, text in (({"Certificate": good["Certificate"] * 2}, "The certificate field contains more than one certificate. You can specify only "
                           "one certificate in this field."),
                          ({"CertificateChain": stranger}, "Could not validate the certificate with the certificate chain.")):
            self.assertEqual(text, self.refused("ValidationException", self.acm.import_certificate, **{**good, **bad}))
        for more in ({"days": -1, "start": -10}, {"start": 2}):
            self.refused("ValidationException", self.acm.import_certificate, **self.given(**more)[0])
        self.refused("ValidationException", self.acm.import_certificate, **self.given(small)[0])
        absent = f"arn:aws:acm:{harness.REGION}:{self.account}:certificate/{uuid.uuid4()}"
        self.refused("ResourceNotFoundException", self.acm.import_certificate, CertificateArn=absent, **good)
        for call in (self.acm.describe_certificate, self.acm.get_certificate, self.acm.delete_certificate, self.acm.list_tags_for_certificate):
            self.refused("ResourceNotFoundException", call, CertificateArn=absent)

    def test_imported(self):
        given, made = self.given()
        arn = self.acm.import_certificate(**given, Tags=[{"Key": "a", "Value": "1"}])["CertificateArn"]
        d = self.acm.describe_certificate(CertificateArn=arn)["Certificate"]
        serial = f"{made.serial_number:040x}" if made.serial_number.bit_length() > 152 else f"{made.serial_number:x}"
        self.assertEqual(serial.lstrip("0"), d["Serial"].replace(":", "").lstrip("0"))
        self.assertEqual(("www.example.com", ["www.example.com", "example.com"], "IMPORTED", "ISSUED", "RSA-2048", "SHA256WITHECDSA", "Tests", [],
                          "INELIGIBLE"), tuple(d[k] for k in ("DomainName", "SubjectAlternativeNames", "Type", "Status", "KeyAlgorithm",
                                                             "SignatureAlgorithm", "Issuer", "InUseBy", "RenewalEligibility")))
        self.assertEqual(made.not_valid_after, d["NotAfter"].astimezone(datetime.timezone.utc).replace(tzinfo=None))
        got = self.acm.get_certificate(CertificateArn=arn)
        self.assertEqual((given["Certificate"].decode(), given["CertificateChain"].decode()), (got["Certificate"], got["CertificateChain"]))
        self.refused("ValidationException", self.acm.export_certificate, CertificateArn=arn, Passphrase=b"word")
        self.refused("ValidationException", self.acm.renew_certificate, CertificateArn=arn)
        again, _ = self.given(names=("again.example.com",))
        self.refused("ValidationException", self.acm.import_certificate, CertificateArn=arn, Tags=[{"Key": "b", "Value": ""}], **again)
        self.assertEqual(arn, self.acm.import_certificate(CertificateArn=arn, **again)["CertificateArn"])
        self.assertEqual("again.example.com", self.acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainName"])
        self.assertEqual([{"Key": "a", "Value": "1"}], self.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"])
        self.acm.delete_certificate(CertificateArn=arn)
        self.refused("ResourceNotFoundException", self.acm.describe_certificate, CertificateArn=arn)

    def test_imported_again_it_is_no_less_than_before(self):
        """ACM User Guide, "Reimport a certificate"."""
        curve = ec.generate_private_key(ec.SECP256R1())
        server, client, mail = Extended.SERVER_AUTH, Extended.CLIENT_AUTH, Extended.EMAIL_PROTECTION
        missing = "New certificate is missing one or more {} supported by the currently imported certificate"

        def first(key, usages=None, extended=None):
            return key, self.acm.import_certificate(**self.given(key, usages=usages, extended=extended)[0])["CertificateArn"]

        def again(which, usages=None, extended=None, key=None):
            given = self.given(key or which[0], usages=usages, extended=extended)[0]
            return lambda: self.acm.import_certificate(CertificateArn=which[1], **given)

        both = first(self.key, ("digital_signature", "key_encipherment"), (server, client))
        before = self.acm.get_certificate(CertificateArn=both[1])
        for usages in (None, ("digital_signature",), ("key_encipherment", "crl_sign")):
            self.assertEqual(missing.format("Key Usages"), self.refused("ValidationException", again(both, usages, (server, client))))
        for extended in (None, (client,), (client, mail)):
            self.assertEqual(missing.format("Extended Key Usages"),
                             self.refused("ValidationException", again(both, ("digital_signature", "key_encipherment"), extended)))
        for key in (curve, rsa.generate_private_key(65537, 3072)):
            self.refused("ValidationException", again(both, ("digital_signature", "key_encipherment"), (server, client), key))
        self.assertEqual(before["Certificate"], self.acm.get_certificate(CertificateArn=both[1])["Certificate"])
        plain = first(self.key)
        self.refused("ValidationException", again(plain, ("digital_signature",)))
        self.refused("ValidationException", again(plain, None, (server,)))
        again(plain)()
        # What may go: the authentication of clients, and of keys on curves the enciphering of keys.
        again(both, ("digital_signature", "key_encipherment", "key_agreement"), (server, mail))()
        ecdsa = first(curve, ("digital_signature", "key_encipherment"))
        self.refused("ValidationException", again(ecdsa, ("key_encipherment",)))
        again(ecdsa, ("digital_signature",))()

    def test_issued(self):
        self.refused("ValidationException", self.acm.request_certificate, DomainName="not a name")
        name = "a" * 52 + ".example.com"
        self.assertEqual(64, len(name))
        for more in ({}, {"ValidationMethod": "DNS"}):
            self.refused("ValidationException", self.acm.request_certificate, DomainName="a" + name, **more)
            arn = self.acm.request_certificate(DomainName=name, SubjectAlternativeNames=["b." + name], **more)["CertificateArn"]
            self.assertEqual([name, "b." + name], self.acm.describe_certificate(CertificateArn=arn)["Certificate"]["SubjectAlternativeNames"])
            self.acm.delete_certificate(CertificateArn=arn)
        for value in ("ENABLED", "DISABLED"):
            with self.assertRaises(ClientError) as caught:
                self.newer("RequestCertificate", DomainName="a.example", Options={"Export": value},
                           CertificateAuthorityArn=f"arn:aws:acm-pca:{harness.REGION}:{self.account}:certificate-authority/{uuid.uuid4()}")
            self.assertEqual(("ValidationException", "One or more of the options specified in the request are not supported for PRIVATE certificate types"),
                             tuple(caught.exception.response["Error"][k] for k in ("Code", "Message")))
        self.refused("InvalidArnException", self.acm.request_certificate, DomainName="a.example",
                     CertificateAuthorityArn=f"arn:aws:acm-pca:{harness.REGION}:{self.account}:certificate-authority/{uuid.uuid4()}")
        for algorithm, kind in (("EC_prime256v1", ec.EllipticCurvePublicKey), (None, rsa.RSAPublicKey)):
            more = {"KeyAlgorithm": algorithm} if algorithm else {}
            arn = self.acm.request_certificate(DomainName="a.example", SubjectAlternativeNames=["*.b.example", "a.example"], IdempotencyToken="t" + (algorithm or ""),
                                               **more)["CertificateArn"]
            self.assertEqual(arn, self.acm.request_certificate(DomainName="a.example", SubjectAlternativeNames=["*.b.example"],
                                                               IdempotencyToken="t" + (algorithm or ""), **more)["CertificateArn"])
            d = self.acm.describe_certificate(CertificateArn=arn)["Certificate"]
            self.assertEqual(("PRIVATE", "ISSUED", ["a.example", "*.b.example"]), (d["Type"], d["Status"], d["SubjectAlternativeNames"]))
            got = self.acm.get_certificate(CertificateArn=arn)
            leaf, ca = (x509.load_pem_x509_certificate(got[k].encode()) for k in ("Certificate", "CertificateChain"))
            self.assertIsInstance(leaf.public_key(), kind)
            ca.public_key().verify(leaf.signature, leaf.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
            out = self.acm.export_certificate(CertificateArn=arn, Passphrase=b"pass word")
            self.assertRaises(ValueError, serialization.load_pem_private_key, out["PrivateKey"].encode(), b"pass word2")
            opened = serialization.load_pem_private_key(out["PrivateKey"].encode(), b"pass word")
            self.assertEqual(leaf.public_key().public_numbers(), opened.public_key().public_numbers())
            self.assertEqual("ELIGIBLE", self.acm.describe_certificate(CertificateArn=arn)["Certificate"]["RenewalEligibility"])
            self.acm.renew_certificate(CertificateArn=arn)
            renewed = self.acm.describe_certificate(CertificateArn=arn)["Certificate"]
            self.assertNotEqual(d["Serial"], renewed["Serial"])
            self.assertEqual("SUCCESS", renewed["RenewalSummary"]["RenewalStatus"])
            self.assertEqual(d["CertificateAuthorityArn"], renewed["CertificateAuthorityArn"])
            self.assertNotEqual(arn, self.acm.request_certificate(DomainName="c.example", IdempotencyToken="t" + (algorithm or ""), **more)["CertificateArn"])

    def test_lists_and_tags(self):
        arn = self.acm.request_certificate(DomainName="list.example", KeyAlgorithm="EC_secp384r1")["CertificateArn"]
        self.assertNotIn(arn, [c["CertificateArn"] for c in self.acm.list_certificates()["CertificateSummaryList"]])
        ec_only = {"Includes": {"keyTypes": ["EC_secp384r1"]}}
        listed = self.acm.list_certificates(**ec_only)["CertificateSummaryList"]
        self.assertEqual([(arn, "list.example", False)], [(c["CertificateArn"], c["DomainName"], c["InUse"]) for c in listed])
        second = self.acm.request_certificate(DomainName="list2.example", KeyAlgorithm="EC_secp384r1")["CertificateArn"]
        page = self.acm.list_certificates(MaxItems=1, SortBy="CREATED_AT", SortOrder="DESCENDING", **ec_only)
        self.assertEqual([second], [c["CertificateArn"] for c in page["CertificateSummaryList"]])
        rest = self.acm.list_certificates(MaxItems=1, SortBy="CREATED_AT", SortOrder="DESCENDING", NextToken=page["NextToken"], **ec_only)
        self.assertEqual([arn], [c["CertificateArn"] for c in rest["CertificateSummaryList"]])
        self.assertEqual([], self.acm.list_certificates(CertificateStatuses=["EXPIRED"], **ec_only)["CertificateSummaryList"])
        self.refused("InvalidTagException", self.acm.add_tags_to_certificate, CertificateArn=arn, Tags=[{"Key": "aws:x", "Value": ""}])
        self.acm.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": f"k{i}", "Value": "v"} for i in range(50)])
        self.refused("TooManyTagsException", self.acm.add_tags_to_certificate, CertificateArn=arn, Tags=[{"Key": "more", "Value": ""}])
        self.acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "k1", "Value": "other"}, {"Key": "k2"}])
        self.assertEqual({f"k{i}" for i in range(50)} - {"k2"},
                         {t["Key"] for t in self.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]})

    def newer(self, operation, /, key=None, secret=None, **members):
        return harness.json_call("acm", "CertificateManager." + operation, key, secret, **members)

    def search(self, filter_=None, /, **more):
        """The ARNs that are found."""
        if filter_:
            more["FilterStatement"] = filter_
        return [r["CertificateArn"] for r in self.newer("SearchCertificates", **more)["Results"]]

    def test_revoked(self):
        absent = f"arn:aws:acm:{harness.REGION}:{self.account}:certificate/{uuid.uuid4()}"
        reason = {"RevocationReason": "KEY_COMPROMISE"}
        imported = self.acm.import_certificate(**self.given()[0])["CertificateArn"]
        arn = self.acm.request_certificate(DomainName="revoked.example", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
        for code, members in (("ResourceNotFoundException", {"CertificateArn": absent, **reason}), ("ValidationException", {"CertificateArn": arn}),
                              ("ValidationException", {"CertificateArn": arn, "RevocationReason": "BORED"}),
                              ("ValidationException", {"CertificateArn": imported, **reason}),
                              ("ValidationException", {"CertificateArn": arn, **reason})):  # never exported
            with self.assertRaises(ClientError) as caught:
                self.newer("RevokeCertificate", **members)
            self.assertEqual(code, caught.exception.response["Error"]["Code"], members)
        self.acm.export_certificate(CertificateArn=arn, Passphrase=b"pass word")
        self.assertEqual({"CertificateArn": arn}, self.newer("RevokeCertificate", CertificateArn=arn, **reason))
        d = self.acm.describe_certificate(CertificateArn=arn)["Certificate"]
        self.assertEqual(("REVOKED", "KEY_COMPROMISE", "INELIGIBLE"), (d["Status"], d["RevocationReason"], d["RenewalEligibility"]))
        self.assertIn("RevokedAt", d)
        with self.assertRaises(ClientError) as caught:
            self.newer("RevokeCertificate", CertificateArn=arn, **reason)
        self.assertEqual("ConflictException", caught.exception.response["Error"]["Code"])
        self.refused("ValidationException", self.acm.renew_certificate, CertificateArn=arn)
        self.refused("ValidationException", self.acm.export_certificate, CertificateArn=arn, Passphrase=b"pass word")
        self.refused("InvalidStateException", self.acm.update_certificate_options, CertificateArn=arn,
                     Options={"CertificateTransparencyLoggingPreference": "DISABLED"})
        self.assertEqual([arn], self.search({"Filter": {"AcmCertificateMetadataFilter": {"Status": "REVOKED"}}}))
        self.acm.delete_certificate(CertificateArn=arn)

    def test_options(self):
        arn = self.acm.request_certificate(DomainName="options.example", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
        imported = self.acm.import_certificate(**self.given()[0])["CertificateArn"]
        logging = {"CertificateTransparencyLoggingPreference": "DISABLED"}
        update = self.acm.update_certificate_options
        self.refused("ResourceNotFoundException", update, CertificateArn=arn[:-4] + "0000", Options=logging)
        self.refused("InvalidStateException", update, CertificateArn=imported, Options=logging)
        self.refused("ValidationException", update, CertificateArn=arn, Options={})
        self.refused("ValidationException", update, CertificateArn=arn, Options={"CertificateTransparencyLoggingPreference": "MAYBE"})
        with self.assertRaises(ClientError) as caught:
            self.newer("UpdateCertificateOptions", CertificateArn=arn, Options={"Export": "ENABLED"})
        self.assertEqual("ValidationException", caught.exception.response["Error"]["Code"])
        update(CertificateArn=arn, Options=logging)
        self.assertEqual("DISABLED", self.acm.describe_certificate(CertificateArn=arn)["Certificate"]["Options"]["CertificateTransparencyLoggingPreference"])

    def test_validated(self):
        """What a public authority would issue: every domain counts as validated at once, and Terraform sees what it asked for."""
        ask = {"DomainName": "V.example", "KeyAlgorithm": "EC_prime256v1"}
        wrong = "InvalidDomainValidationOptionsException"
        for code, more in ((wrong, {"DomainValidationOptions": [{"DomainName": "w.example", "ValidationDomain": "w.example"}]}),
                           (wrong, {"DomainValidationOptions": [{"DomainName": "v.example", "ValidationDomain": "w.example"}]}),
                           (wrong, {"SubjectAlternativeNames": ["av.example"], "DomainValidationOptions": [{"DomainName": "av.example", "ValidationDomain": "v.example"}]}),
                           ("InvalidParameterException", {"ValidationMethod": "HTTP"}), ("ValidationException", {"ValidationMethod": "POST"})):
            self.refused(code, self.acm.request_certificate, **{**ask, "ValidationMethod": "EMAIL", **more})
        arn = self.acm.request_certificate(**ask, SubjectAlternativeNames=["*.v.example", "other.example"], ValidationMethod="DNS")["CertificateArn"]
        self.acm.get_waiter("certificate_validated").wait(CertificateArn=arn)
        d = self.acm.describe_certificate(CertificateArn=arn)["Certificate"]
        self.assertEqual(("AMAZON_ISSUED", "ISSUED", "INELIGIBLE"), (d["Type"], d["Status"], d["RenewalEligibility"]))
        self.assertNotIn("CertificateAuthorityArn", d)
        shown = d["DomainValidationOptions"]
        self.assertEqual([(n, n, "SUCCESS", "DNS") for n in ("v.example", "*.v.example", "other.example")],
                         [tuple(o[k] for k in ("DomainName", "ValidationDomain", "ValidationStatus", "ValidationMethod")) for o in shown])
        records = [o["ResourceRecord"] for o in shown]
        self.assertEqual(records[0], records[1])
        self.assertRegex(records[0]["Name"], r"^_[0-9a-f]{32}\.v\.example\.$")
        self.assertRegex(records[2]["Name"], r"^_[0-9a-f]{32}\.other\.example\.$")
        self.assertRegex(records[0]["Value"], r"^_[0-9a-f]{32}\.[a-z]{10}\.acm-validations\.aws\.$")
        self.assertEqual("CNAME", records[0]["Type"])
        self.refused("ValidationException", self.acm.export_certificate, CertificateArn=arn, Passphrase=b"pass word")
        again = self.acm.request_certificate(**ask, ValidationMethod="DNS")["CertificateArn"]
        self.assertEqual(records[:1], [o["ResourceRecord"] for o in self.acm.describe_certificate(CertificateArn=again)["Certificate"]["DomainValidationOptions"]])
        self.acm.renew_certificate(CertificateArn=arn)
        renewed = self.acm.describe_certificate(CertificateArn=arn)["Certificate"]
        self.assertEqual(shown, renewed["RenewalSummary"]["DomainValidationOptions"])
        self.assertEqual({arn, again}, {*self.search({"Filter": {"AcmCertificateMetadataFilter": {"ValidationMethod": "DNS"}}})})
        mail = self.acm.request_certificate(DomainName="www.v.example", ValidationMethod="EMAIL",
                                            DomainValidationOptions=[{"DomainName": "www.v.example", "ValidationDomain": "v.example"}])["CertificateArn"]
        option = self.acm.describe_certificate(CertificateArn=mail)["Certificate"]["DomainValidationOptions"][0]
        self.assertEqual(("v.example", "EMAIL", [f"{n}@v.example" for n in ("admin", "administrator", "hostmaster", "postmaster", "webmaster")]),
                         (option["ValidationDomain"], option["ValidationMethod"], option["ValidationEmails"]))
        self.assertNotIn("ResourceRecord", option)
        self.refused("InvalidStateException", self.acm.resend_validation_email, CertificateArn=mail, Domain="www.v.example", ValidationDomain="v.example")
        made = self.newer("RequestCertificate", DomainName="x.v.example", ValidationMethod="DNS", Options={"Export": "ENABLED"})["CertificateArn"]
        self.assertIn("PRIVATE KEY", self.acm.export_certificate(CertificateArn=made, Passphrase=b"pass word")["PrivateKey"])

    def test_no_validation_email(self):
        arn = self.acm.request_certificate(DomainName="www.mail.example", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
        resend = self.acm.resend_validation_email
        self.refused("ResourceNotFoundException", resend, CertificateArn=arn[:-4] + "0000", Domain="www.mail.example", ValidationDomain="mail.example")
        for domain, validation in (("www.mail.example", "other.example"), ("www.mail.example", "ail.example"), ("other.example", "other.example")):
            self.refused("InvalidDomainValidationOptionsException", resend, CertificateArn=arn, Domain=domain, ValidationDomain=validation)
        self.refused("InvalidStateException", resend, CertificateArn=arn, Domain="www.mail.example", ValidationDomain="mail.example")

    def test_searched(self):
        def attribute(**x):
            return {"Filter": {"X509AttributeFilter": x}}

        def fact(**m):
            return {"Filter": {"AcmCertificateMetadataFilter": m}}

        def named(value, how="CONTAINS"):
            return attribute(SubjectAlternativeName={"DnsName": {"Value": value, "ComparisonOperator": how}})
        mark = uuid.uuid4().hex[:8]
        mine = named(mark)
        one = self.acm.request_certificate(DomainName=f"a.{mark}.example", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
        two = self.acm.request_certificate(DomainName=f"b.{mark}.example", KeyAlgorithm="EC_secp384r1")["CertificateArn"]
        given, made = self.given(names=(f"c.{mark}.example", f"d.{mark}.example"))
        three = self.acm.import_certificate(**given)["CertificateArn"]
        self.assertEqual([one, two, three], self.search(mine, SortBy="CREATED_AT", SortOrder="ASCENDING"))
        self.assertEqual([three, two, one], self.search(mine, SortBy="COMMON_NAME", SortOrder="DESCENDING"))
        for wanted, filter_ in (([one], named(f"A.{mark}.example", "EQUALS")), ([], named(f"a.{mark}", "EQUALS")), ([three], named(f"D.{mark}")),
                                ([three], attribute(Subject={"CommonName": {"Value": f"c.{mark}", "ComparisonOperator": "CONTAINS"}})),
                                ([two], {"And": [mine, attribute(KeyAlgorithm="EC_secp384r1")]}), ([three], {"And": [mine, fact(Type="IMPORTED")]}),
                                ([one, two], {"And": [mine, {"Not": fact(Type="IMPORTED")}]}),
                                ([one, two], {"Or": [{"Filter": {"CertificateArn": one}}, {"Filter": {"CertificateArn": two}}]}),
                                ([], {"And": [mine, fact(InUse=True)]}), ([], {"And": [mine, fact(ManagedBy="CLOUDFRONT")]}),
                                ([], {"And": [mine, fact(RenewalStatus="SUCCESS")]}), ([], {"And": [mine, fact(ValidationMethod="DNS")]}),
                                ([], {"And": [mine, attribute(NotAfter={"End": 1})]}), ([one, two, three], {"And": [mine, attribute(NotAfter={"Start": 1})]}),
                                ([one, two], {"And": [mine, attribute(ExtendedKeyUsage="TLS_WEB_SERVER_AUTHENTICATION")]})):
            self.assertEqual(wanted, self.search(filter_, SortBy="CREATED_AT"), filter_)
        serial = self.acm.describe_certificate(CertificateArn=one)["Certificate"]["Serial"]
        self.assertEqual([one], self.search(attribute(SerialNumber=serial)))
        page = self.newer("SearchCertificates", FilterStatement=mine, MaxResults=2, SortBy="CREATED_AT")
        rest = self.newer("SearchCertificates", FilterStatement=mine, MaxResults=2, SortBy="CREATED_AT", NextToken=page["NextToken"])
        self.assertEqual([one, two, three], [r["CertificateArn"] for r in page["Results"] + rest["Results"]])
        self.assertNotIn("NextToken", rest)
        shown = rest["Results"][0]
        self.assertEqual([{"DnsName": f"c.{mark}.example"}, {"DnsName": f"d.{mark}.example"}], shown["X509Attributes"]["SubjectAlternativeNames"])
        self.assertEqual(({"CommonName": f"c.{mark}.example", "Organization": "Tests"}, "ca.example", "RSA_2048"),
                         (shown["X509Attributes"]["Subject"], shown["X509Attributes"]["Issuer"]["CommonName"], shown["X509Attributes"]["KeyAlgorithm"]))
        facts = shown["CertificateMetadata"]["AcmCertificateMetadata"]
        self.assertEqual(("IMPORTED", "ISSUED", False), (facts["Type"], facts["Status"], facts["InUse"]))
        level = {"Or": [mine] * 15}
        self.assertEqual(3, len(self.search({"Or": [level] * 13})))  # 1 + 13 x 16 = 209 parts
        for bad in ({}, {"Filter": {}}, {"And": []}, {"And": [mine] * 16}, {"And": [mine], "Or": [mine]}, {"Or": [level] * 15},
                    attribute(NotAfter={"Start": 2, "End": 1}), attribute(KeyAlgorithm="DSA"),
                    attribute(Subject={"CommonName": {"Value": "", "ComparisonOperator": "EQUALS"}}), {"Filter": {"CertificateArn": "x"}}):
            with self.assertRaises(ClientError, msg=bad) as caught:
                self.search(bad) if bad else self.newer("SearchCertificates", FilterStatement=bad)
            self.assertEqual("ValidationException", caught.exception.response["Error"]["Code"], bad)
        for more in ({"MaxResults": 0}, {"MaxResults": 501}, {"SortBy": "LUCK"}, {"NextToken": "x"}):
            with self.assertRaises(ClientError, msg=more) as caught:
                self.search(mine, **more)
            self.assertEqual("ValidationException", caught.exception.response["Error"]["Code"], more)

    def test_permissions(self):
        name = "u-" + uuid.uuid4().hex[:10]
        self.iam.create_user(UserName=name)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        user = harness.client("acm", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
        arn = self.acm.request_certificate(DomainName="secret.example", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
        for call, more in ((user.export_certificate, {"Passphrase": b"word"}), (user.describe_certificate, {}), (user.delete_certificate, {})):
            self.refused("AccessDeniedException", call, CertificateArn=arn, **more)
        self.refused("AccessDeniedException", user.list_certificates)
        mine = (key["AccessKeyId"], key["SecretAccessKey"])
        for operation, members in (("SearchCertificates", {}), ("RevokeCertificate", {"CertificateArn": arn, "RevocationReason": "UNSPECIFIED"}),
                                   ("UpdateCertificateOptions", {"CertificateArn": arn, "Options": {"CertificateTransparencyLoggingPreference": "DISABLED"}})):
            with self.assertRaises(ClientError) as caught:
                self.newer(operation, *mine, **members)
            self.assertEqual("AccessDeniedException", caught.exception.response["Error"]["Code"])

    def test_another_spelling_of_the_arn(self):
        """Policies are held against the ARN as it was given: a denial is not left out by one that only leads to the same certificate."""
        arn = self.acm.request_certificate(DomainName="spelt.example", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
        name = "u-" + uuid.uuid4().hex[:10]
        self.iam.create_user(UserName=name)
        self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "acm:*", "Resource": "*"}, {"Effect": "Deny", "Action": "acm:*", "Resource": arn}]}))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        user = harness.client("acm", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
        other = arn.replace("arn:aws:", "arn:aws-cn:")
        for call, more in ((user.export_certificate, {"Passphrase": b"word"}), (user.describe_certificate, {}), (user.delete_certificate, {})):
            self.refused("AccessDeniedException", call, CertificateArn=arn, **more)
            self.refused("ResourceNotFoundException", call, CertificateArn=other, **more)

    def test_condition_keys_of_a_request(self):
        """Denials hold however the request is spelt, and of what it leaves out."""
        def asks(condition):
            name = "u-" + uuid.uuid4().hex[:10]
            self.iam.create_user(UserName=name)
            self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "acm:RequestCertificate", "Resource": "*"},
                {"Effect": "Deny", "Action": "acm:RequestCertificate", "Resource": "*", "Condition": condition}]}))
            key = self.iam.create_access_key(UserName=name)["AccessKey"]
            made = lambda **more: harness.client("acm", key=key["AccessKeyId"], secret=key["SecretAccessKey"]).request_certificate(  # noqa: E731
                **{"DomainName": "free.example", "KeyAlgorithm": "EC_prime256v1", **more})
            return made, lambda **more: self.refused("AccessDeniedException", made, **more)
        made, denied = asks({"ForAnyValue:StringLike": {"acm:DomainNames": ["*.secret.example"]}})
        made(SubjectAlternativeNames=["secret.example"])
        denied(DomainName="a.secret.example")
        denied(DomainName="a.SECRET.example")
        denied(SubjectAlternativeNames=["A.Secret.Example"])
        arn = self.acm.request_certificate(DomainName="b.secret.example", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
        free = self.acm.request_certificate(DomainName="free.example", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
        self.iam.create_user(UserName=(name := "u-" + uuid.uuid4().hex[:10]))
        self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "acm:ExportCertificate", "Resource": "*"},
            {"Effect": "Deny", "Action": "acm:ExportCertificate", "Resource": "*", "Condition": {"ForAnyValue:StringLike": {"acm:DomainNames": "*.secret.example"}}}]}))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        export = harness.client("acm", key=key["AccessKeyId"], secret=key["SecretAccessKey"]).export_certificate
        export(CertificateArn=free, Passphrase=b"word")
        self.refused("AccessDeniedException", export, CertificateArn=arn, Passphrase=b"word")
        made, denied = asks({"StringEquals": {"acm:CertificateTransparencyLogging": "DISABLED"}})
        made()
        made(Options={"CertificateTransparencyLoggingPreference": "ENABLED"})
        denied(Options={"CertificateTransparencyLoggingPreference": "DISABLED"})
        made, denied = asks({"StringEquals": {"acm:CertificateTransparencyLogging": "ENABLED"}})
        denied()
        made, denied = asks({"StringNotEquals": {"acm:Export": "ENABLED"}})
        denied()

    def test_configuration(self):
        self.acm.put_account_configuration(IdempotencyToken="x", ExpiryEvents={"DaysBeforeExpiry": 7})
        self.assertEqual(7, self.acm.get_account_configuration()["ExpiryEvents"]["DaysBeforeExpiry"])


if __name__ == "__main__":
    harness.serve()
    harness.main()
