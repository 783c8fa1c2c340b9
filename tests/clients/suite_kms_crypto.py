#!/usr/bin/env python3
"""Encryption, signatures, MACs and agreement through boto3, checked against another implementation. Refusals first."""
import ctypes
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import threading

import boto3
import harness
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from kms_case import KmsCase

HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
CURVES = {"ECC_NIST_P256": (ec.SECP256R1, "256"), "ECC_NIST_P384": (ec.SECP384R1, "384"), "ECC_NIST_P521": (ec.SECP521R1, "512"),
          "ECC_SECG_P256K1": (ec.SECP256K1, "256")}


def flips(blob, every=7):
    """The blob with one bit changed, at several places."""
    for i in range(0, len(blob), every):
        yield blob[:i] + bytes([blob[i] ^ 1]) + blob[i + 1:]


class Crypto(KmsCase):
    def public(self, key):
        return serialization.load_der_public_key(self.kms.get_public_key(KeyId=key)["PublicKey"])

    def wrong(self, code, call, /, **arguments):
        self.refused(code, "", call, **arguments)


class Restarting(Crypto):
    def keyer_pid(self):
        server = str(harness.SERVER.process.pid)
        rows = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", server], capture_output=True, text=True, check=True).stdout.split()
        return int(rows[rows.index("keyer") - 1])

    def test_calls_outlive_a_keyer_that_is_killed(self):
        """What was on its way is sent again: no call fails, and the next keyer opens what the one before sealed."""
        key, done, failed = self.key()["KeyId"], [], []

        def use(client):
            for i in range(60):
                try:
                    blob = client.encrypt(KeyId=key, Plaintext=b"%d" % i)["CiphertextBlob"]
                    done.append(client.decrypt(CiphertextBlob=blob)["Plaintext"] == b"%d" % i)
                except Exception as e:  # pylint: disable=broad-except
                    failed.append(e)

        threads = [threading.Thread(target=use, args=(harness.client("kms"),)) for _ in range(4)]
        for t in threads:
            t.start()
        os.kill(self.keyer_pid(), 9)
        for t in threads:
            t.join(60)
        self.assertEqual(([], 240, True), (failed, len(done), all(done)))


class Encrypting(Crypto):
    def test_what_was_changed_does_not_open(self):
        key = self.key()["KeyId"]
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"words", EncryptionContext={"a": "1"})["CiphertextBlob"]
        for bad in flips(blob):
            with self.assertRaises(Exception) as caught:
                self.kms.decrypt(CiphertextBlob=bad, EncryptionContext={"a": "1"})
            # Where the key's name is changed, it is a key that there is not.
            self.assertIn(caught.exception.response["Error"]["Code"], ("InvalidCiphertextException", "AccessDeniedException"))
        for bad in (blob[:-1], blob + b"\0", blob[:20], b"x", b"\0" * 200):
            self.assertRaises(Exception, self.kms.decrypt, CiphertextBlob=bad, EncryptionContext={"a": "1"})
        for bad in flips(blob):
            code = "InvalidCiphertextException"
            with self.assertRaises(Exception) as caught:
                self.kms.decrypt(CiphertextBlob=bad, KeyId=key, EncryptionContext={"a": "1"})
            self.assertIn(caught.exception.response["Error"]["Code"], (code, "IncorrectKeyException"))

    def test_the_context_is_the_same_or_nothing(self):
        key = self.key()["KeyId"]
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"words", EncryptionContext={"app": "x", "b": "2"})["CiphertextBlob"]
        for context in ({}, {"app": "x"}, {"ap": "px", "b": "2"}, {"app": "xb", "": "2"}, {"app": "x", "b": "2", "c": ""}, {"App": "x", "b": "2"},
                        {"appx": "", "b": "2"}):
            self.wrong("InvalidCiphertextException", self.kms.decrypt, CiphertextBlob=blob, EncryptionContext=context)
        got = self.kms.decrypt(CiphertextBlob=blob, EncryptionContext={"b": "2", "app": "x"})
        self.assertEqual((b"words", self.arn("key/" + key), "SYMMETRIC_DEFAULT"), (got["Plaintext"], got["KeyId"], got["EncryptionAlgorithm"]))
        empty = self.kms.encrypt(KeyId=key, Plaintext=b"words")["CiphertextBlob"]
        self.wrong("InvalidCiphertextException", self.kms.decrypt, CiphertextBlob=empty, EncryptionContext={"": ""})
        self.refused("ValidationException", None, self.kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"a": "x" * 8192})

    def test_only_its_own_key_opens_it(self):
        a, b = self.key(), self.key()
        blob = self.kms.encrypt(KeyId=a["KeyId"], Plaintext=b"words")["CiphertextBlob"]
        self.refused("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.",
                     self.kms.decrypt, CiphertextBlob=blob, KeyId=b["KeyId"])
        for name in (a["KeyId"], a["Arn"]):
            self.assertEqual(b"words", self.kms.decrypt(CiphertextBlob=blob, KeyId=name)["Plaintext"])
        # Two ciphertexts cannot be made one.
        other = self.kms.encrypt(KeyId=b["KeyId"], Plaintext=b"words")["CiphertextBlob"]
        half = len(blob) // 2
        for mixed in (blob[:half] + other[half:], other[:half] + blob[half:]):
            self.assertRaises(Exception, self.kms.decrypt, CiphertextBlob=mixed)
        self.assertNotEqual(blob, self.kms.encrypt(KeyId=a["KeyId"], Plaintext=b"words")["CiphertextBlob"])

    def test_keys_that_may_not(self):
        key = self.key()["KeyId"]
        arn = self.arn("key/" + key)
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"words")["CiphertextBlob"]
        self.kms.disable_key(KeyId=key)
        self.refused("DisabledException", f"{arn} is disabled.", self.kms.decrypt, CiphertextBlob=blob)
        self.kms.schedule_key_deletion(KeyId=key)
        self.refused("KMSInvalidStateException", f"{arn} is pending deletion.", self.kms.decrypt, CiphertextBlob=blob)
        self.kms.cancel_key_deletion(KeyId=key)
        self.kms.enable_key(KeyId=key)
        self.assertEqual(b"words", self.kms.decrypt(CiphertextBlob=blob)["Plaintext"])
        _, nobody = self.user()
        self.denied(nobody.decrypt, CiphertextBlob=blob)
        sign = self.key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
        self.refused("InvalidKeyUsageException", f"{sign['Arn']} key usage is SIGN_VERIFY which is not valid for Encrypt.", self.kms.encrypt,
                     KeyId=sign["KeyId"], Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")
        self.refused("InvalidKeyUsageException", "Algorithm RSAES_OAEP_SHA_1 is incompatible with key spec SYMMETRIC_DEFAULT.",
                     self.kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_1")

    def test_sizes(self):
        key = self.key()["KeyId"]
        for n in (1, 4096):
            text = bytes(n)
            self.assertEqual(text, self.kms.decrypt(CiphertextBlob=self.kms.encrypt(KeyId=key, Plaintext=text)["CiphertextBlob"])["Plaintext"])
        self.refused("ValidationException", None, self.kms.encrypt, KeyId=key, Plaintext=bytes(4097))
        self.refused("ValidationException", None, self.kms.encrypt, KeyId=key, Plaintext=b"")

    def test_rsa_is_rsa(self):
        key = self.key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyId"]
        public = self.public(key)
        for name, algorithm in (("RSAES_OAEP_SHA_1", hashes.SHA1), ("RSAES_OAEP_SHA_256", hashes.SHA256)):
            oaep = padding.OAEP(padding.MGF1(algorithm()), algorithm(), None)
            theirs = public.encrypt(b"words", oaep)
            self.assertEqual(b"words", self.kms.decrypt(KeyId=key, CiphertextBlob=theirs, EncryptionAlgorithm=name)["Plaintext"])
            for bad in (theirs[:-1], theirs + b"\0", bytes(256), b"\xff" * 256, bytes([theirs[0] ^ 1]) + theirs[1:]):
                self.wrong("InvalidCiphertextException", self.kms.decrypt, KeyId=key, CiphertextBlob=bad, EncryptionAlgorithm=name)
            ours = self.kms.encrypt(KeyId=key, Plaintext=b"words", EncryptionAlgorithm=name)["CiphertextBlob"]
            self.assertEqual(256, len(ours))
            self.assertEqual(b"words", self.kms.decrypt(KeyId=key, CiphertextBlob=ours, EncryptionAlgorithm=name)["Plaintext"])
        for algorithm, most in (("RSAES_OAEP_SHA_256", 190), ("RSAES_OAEP_SHA_1", 214)):
            self.refused("ValidationException", f"Algorithm {algorithm} and key spec RSA_2048 cannot encrypt data larger than {most} bytes.",
                         self.kms.encrypt, KeyId=key, Plaintext=bytes(most + 1), EncryptionAlgorithm=algorithm)
            self.kms.encrypt(KeyId=key, Plaintext=bytes(most), EncryptionAlgorithm=algorithm)
        self.refused("ValidationException", None, self.kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256",
                     EncryptionContext={"a": "1"})
        self.refused("ValidationException", None, self.kms.decrypt, CiphertextBlob=ours, EncryptionAlgorithm="RSAES_OAEP_SHA_256")

    def answer(self, call, /, **arguments):
        """All that a refusal says but for what differs from call to call."""
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        said = caught.exception.response
        headers = {k: v for k, v in said["ResponseMetadata"]["HTTPHeaders"].items() if k not in ("date", "x-amzn-requestid")}
        return json.dumps([said["Error"], said["ResponseMetadata"]["HTTPStatusCode"], sorted(headers.items())])

    def test_no_refusal_tells_what_was_wrong(self):
        """Padding that is none, another label, another digest, too large a number: to whoever asks it is one refusal."""
        key = self.key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyId"]
        public = self.public(key)
        n, e = public.public_numbers().n, public.public_numbers().e

        def raw(number):
            return pow(number, e, n).to_bytes(256, "big")

        def oaep(label=None, mgf=hashes.SHA256, digest=hashes.SHA256):
            return public.encrypt(b"words", padding.OAEP(padding.MGF1(mgf()), digest(), label))
        wrong = [raw(1 << 2040), raw(int.from_bytes(b"\x00\x02" + b"\x55" * 200 + b"\0" + b"words", "big")), raw(2), raw(n - 1), (n + 1).to_bytes(256, "big"),
                 bytes(256), b"\xff" * 256, oaep(b"label"), oaep(mgf=hashes.SHA1), oaep(digest=hashes.SHA1), oaep(None, hashes.SHA1, hashes.SHA1),
                 public.encrypt(b"words", padding.PKCS1v15()), *(flips(oaep(), 97))]
        told = {self.answer(self.kms.decrypt, KeyId=key, CiphertextBlob=w, EncryptionAlgorithm="RSAES_OAEP_SHA_256") for w in wrong}
        self.assertEqual(1, len(told), told)
        self.assertIn("InvalidCiphertextException", told.pop())
        # The same of symmetric ciphertexts, whatever the fault behind the key's name, and of their contexts.
        key = self.key()["KeyId"]
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"words", EncryptionContext={"a": "1"})["CiphertextBlob"]
        ask = {"KeyId": key, "EncryptionContext": {"a": "1"}}
        tail = [blob[:-n] + bytes([blob[-n] ^ 1 << n % 8]) + blob[len(blob) - n + 1:] for n in range(1, 56)]
        told = {self.answer(self.kms.decrypt, CiphertextBlob=w, **ask) for w in (*tail, blob[:-1], blob + b"\0", blob[:-20], b"x")}
        told |= {self.answer(self.kms.decrypt, CiphertextBlob=blob, KeyId=key, EncryptionContext=c) for c in ({}, {"a": "2"}, {"A": "1"}, {"a": "1", "b": ""})}
        self.assertEqual(1, len(told), told)
        self.assertIn("InvalidCiphertextException", told.pop())

    def test_reencrypting_needs_both_keys(self):
        a, b = self.key()["KeyId"], self.key()["KeyId"]
        blob = self.kms.encrypt(KeyId=a, Plaintext=b"words", EncryptionContext={"a": "1"})["CiphertextBlob"]
        call = {"CiphertextBlob": blob, "SourceEncryptionContext": {"a": "1"}, "DestinationKeyId": b, "DestinationEncryptionContext": {"b": "2"}}
        _, half = self.user(self.statement(["kms:ReEncryptFrom", "kms:ReEncryptTo"], self.arn("key/" + a)))
        self.assertIn("kms:ReEncryptTo", self.denied(half.re_encrypt, **call))
        _, other = self.user(self.statement(["kms:ReEncryptFrom", "kms:ReEncryptTo"], self.arn("key/" + b)))
        self.assertIn("kms:ReEncryptFrom", self.denied(other.re_encrypt, **call))
        # Each side is judged by its own context.
        _, contexts = self.user(self.statement("kms:ReEncryptFrom", Condition={"StringEquals": {"kms:EncryptionContext:a": "1"}}),
                                self.statement("kms:ReEncryptTo", Condition={"StringEquals": {"kms:EncryptionContext:b": "3"}}))
        self.denied(contexts.re_encrypt, **call)
        _, mixed = self.user(self.statement("kms:ReEncryptFrom"), self.statement(
            "kms:ReEncryptTo", Condition={"StringEquals": {"kms:EncryptionContext:a": "1"}}))
        self.denied(mixed.re_encrypt, **call)
        self.wrong("InvalidCiphertextException", self.kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=b)
        got = self.kms.re_encrypt(**call)
        self.assertEqual((self.arn("key/" + a), self.arn("key/" + b)), (got["SourceKeyId"], got["KeyId"]))
        self.assertEqual(b"words", self.kms.decrypt(CiphertextBlob=got["CiphertextBlob"], EncryptionContext={"b": "2"})["Plaintext"])
        arn, granted = self.user()
        self.kms.create_grant(KeyId=a, GranteePrincipal=arn, Operations=["ReEncryptFrom"], Constraints={"EncryptionContextEquals": {"a": "1"}})
        self.denied(granted.re_encrypt, **call)
        self.kms.create_grant(KeyId=b, GranteePrincipal=arn, Operations=["ReEncryptTo"], Constraints={"EncryptionContextEquals": {"b": "2"}})
        granted.re_encrypt(**call)
        self.denied(granted.re_encrypt, **{**call, "DestinationEncryptionContext": {"b": "3"}})

    def test_data_keys(self):
        key = self.key()["KeyId"]
        generate = self.kms.generate_data_key
        text = "Please specify either number of bytes or key spec."
        self.refused("ValidationException", text, generate, KeyId=key)
        self.refused("ValidationException", text, generate, KeyId=key, KeySpec="AES_256", NumberOfBytes=32)
        self.refused("ValidationException", None, generate, KeyId=key, NumberOfBytes=1025)
        for more, n in (({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 1}, 1), ({"NumberOfBytes": 1024}, 1024)):
            got = generate(KeyId=key, EncryptionContext={"a": "1"}, **more)
            self.assertEqual(n, len(got["Plaintext"]))
            self.assertEqual(got["Plaintext"], self.kms.decrypt(CiphertextBlob=got["CiphertextBlob"], EncryptionContext={"a": "1"})["Plaintext"])
        blind = self.kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")
        self.assertNotIn("Plaintext", blind)
        self.assertEqual(32, len(self.kms.decrypt(CiphertextBlob=blind["CiphertextBlob"])["Plaintext"]))
        document = {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": b"x"}
        self.refused("ValidationException", None, generate, KeyId=key, KeySpec="AES_256", Recipient=document)
        rsa_key = self.key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
        self.refused("InvalidKeyUsageException", None, generate, KeyId=rsa_key["KeyId"], KeySpec="AES_256")

    def test_data_key_pairs(self):
        key = self.key()["KeyId"]
        for spec in ("RSA_2048", "ECC_NIST_P256", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519"):
            got = self.kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec, EncryptionContext={"a": "1"})
            private = serialization.load_der_private_key(got["PrivateKeyPlaintext"], None)
            spki = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            self.assertEqual(spki, got["PublicKey"])
            opened = self.kms.decrypt(CiphertextBlob=got["PrivateKeyCiphertextBlob"], EncryptionContext={"a": "1"})["Plaintext"]
            self.assertEqual(got["PrivateKeyPlaintext"], opened)
        blind = self.kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec="ECC_NIST_P256")
        self.assertNotIn("PrivateKeyPlaintext", blind)

    def test_random(self):
        for n in (1, 1024):
            self.assertEqual(n, len(self.kms.generate_random(NumberOfBytes=n)["Plaintext"]))
        self.refused("ValidationException", None, self.kms.generate_random, NumberOfBytes=1025)
        self.assertNotEqual(self.kms.generate_random(NumberOfBytes=32)["Plaintext"], self.kms.generate_random(NumberOfBytes=32)["Plaintext"])

    def test_last_use(self):
        key = self.key()["KeyId"]
        before = self.kms.get_key_last_usage(KeyId=key)
        self.assertNotIn("Operation", before["KeyLastUsage"])
        self.assertEqual(before["KeyCreationDate"], before["TrackingStartDate"])
        answer = self.kms.encrypt(KeyId=key, Plaintext=b"x")
        for _ in range(100):
            use = self.kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]
            if use:
                break
            harness.time.sleep(0.1)
        self.assertEqual(("Encrypt", answer["ResponseMetadata"]["RequestId"]), (use["Operation"], use["KmsRequestId"]))
        self.assertRegex(use["CloudTrailEventId"], r"^[0-9a-f-]{36}$")


class Signing(Crypto):
    def both_ways(self, key, name, message, check):
        """Signed by the server, checked by the other and by the server; anything else is refused."""
        signature = self.kms.sign(KeyId=key, Message=message, SigningAlgorithm=name)["Signature"]
        check(signature, message)
        self.assertTrue(self.kms.verify(KeyId=key, Message=message, Signature=signature, SigningAlgorithm=name)["SignatureValid"])
        for bad in (signature[:-1], signature + b"\0", b"x", *list(flips(signature, 41))):
            self.wrong("KMSInvalidSignatureException", self.kms.verify, KeyId=key, Message=message, Signature=bad, SigningAlgorithm=name)
        self.wrong("KMSInvalidSignatureException", self.kms.verify, KeyId=key, Message=message + b"!", Signature=signature, SigningAlgorithm=name)
        return signature

    def digest_too(self, key, name, bits, check):
        """A digest is signed as it is, and must be of the algorithm's length."""
        digest = hashlib.new("sha" + bits, b"words").digest()
        signature = self.kms.sign(KeyId=key, Message=digest, MessageType="DIGEST", SigningAlgorithm=name)["Signature"]
        check(signature, b"words")
        self.kms.verify(KeyId=key, Message=b"words", Signature=signature, SigningAlgorithm=name)
        for bad in (digest[:-1], digest + b"\0"):
            self.refused("ValidationException", f"Digest is invalid length for algorithm {name}.", self.kms.sign, KeyId=key, Message=bad,
                         MessageType="DIGEST", SigningAlgorithm=name)

    def test_rsa(self):
        key = self.key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyId"]
        public = self.public(key)
        for bits, algorithm in HASHES.items():
            for name, pad in ((f"RSASSA_PKCS1_V1_5_SHA_{bits}", padding.PKCS1v15()),
                              (f"RSASSA_PSS_SHA_{bits}", padding.PSS(padding.MGF1(algorithm()), algorithm.digest_size))):
                def check(signature, message, pad=pad, algorithm=algorithm):
                    public.verify(signature, message, pad, algorithm())
                self.both_ways(key, name, b"words", check)
                self.digest_too(key, name, bits, check)
        self.refused("InvalidKeyUsageException", "Algorithm ECDSA_SHA_256 is incompatible with key spec RSA_2048.", self.kms.sign, KeyId=key,
                     Message=b"x", SigningAlgorithm="ECDSA_SHA_256")

    def test_ecdsa(self):
        for spec, (curve, bits) in CURVES.items():
            made = self.key(KeySpec=spec, KeyUsage="SIGN_VERIFY")
            key, name = made["KeyId"], f"ECDSA_SHA_{bits}"
            self.assertEqual([name], made["SigningAlgorithms"])
            public = self.public(key)
            self.assertEqual(curve.name, public.curve.name)

            def check(signature, message, public=public, bits=bits):
                public.verify(signature, message, ec.ECDSA(HASHES[bits]()))
            signature = self.both_ways(key, name, b"words", check)
            self.digest_too(key, name, bits, check)
            r, s = utils.decode_dss_signature(signature)
            self.wrong("KMSInvalidSignatureException", self.kms.verify, KeyId=key, Message=b"words",
                       Signature=utils.encode_dss_signature(s, r), SigningAlgorithm=name)
            self.wrong("KMSInvalidSignatureException", self.kms.verify, KeyId=key, Message=b"words",
                       Signature=utils.encode_dss_signature(0, 0), SigningAlgorithm=name)

    def test_ed25519(self):
        key = self.key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")["KeyId"]
        public = self.public(key)
        self.assertIsInstance(public, ed25519.Ed25519PublicKey)
        self.both_ways(key, "ED25519_SHA_512", b"words", public.verify)
        self.refused("ValidationException", None, self.kms.sign, KeyId=key, Message=bytes(64), MessageType="DIGEST",
                     SigningAlgorithm="ED25519_SHA_512")
        self.refused("ValidationException", None, self.kms.sign, KeyId=key, Message=b"x", SigningAlgorithm="ED25519_PH_SHA_512")

    def test_ed25519ph(self):
        """A hash in the message's place; libsodium, given the message, finds the same."""
        key = self.key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")["KeyId"]
        raw = self.public(key).public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        sodium = ctypes.CDLL("libsodium.so.23")
        name, digest = "ED25519_PH_SHA_512", hashlib.sha512(b"words").digest()
        signature = self.kms.sign(KeyId=key, Message=digest, MessageType="DIGEST", SigningAlgorithm=name)["Signature"]
        for message, good in ((b"words", True), (b"word", False)):
            state = ctypes.create_string_buffer(sodium.crypto_sign_ed25519ph_statebytes())
            sodium.crypto_sign_ed25519ph_init(state)
            sodium.crypto_sign_ed25519ph_update(state, message, ctypes.c_ulonglong(len(message)))
            self.assertEqual(good, sodium.crypto_sign_ed25519ph_final_verify(state, signature, raw) == 0)
        self.kms.verify(KeyId=key, Message=digest, MessageType="DIGEST", Signature=signature, SigningAlgorithm=name)
        for bad in flips(signature, 5):
            self.wrong("KMSInvalidSignatureException", self.kms.verify, KeyId=key, Message=digest, MessageType="DIGEST", Signature=bad,
                       SigningAlgorithm=name)
        for bad in (digest[:-1], digest + b"\0"):
            self.refused("ValidationException", f"Digest is invalid length for algorithm {name}.", self.kms.sign, KeyId=key, Message=bad,
                         MessageType="DIGEST", SigningAlgorithm=name)
        self.wrong("KMSInvalidSignatureException", self.kms.verify, KeyId=key, Message=b"words", Signature=signature,
                   SigningAlgorithm="ED25519_SHA_512")


class Sm2(Crypto):
    """Where AWS has it: in China's Regions. Checked with OpenSSL's own command."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kms = boto3.client("kms", endpoint_url=harness.SERVER.endpoint, region_name="cn-north-1",
                               aws_access_key_id=harness.SERVER.key_id, aws_secret_access_key=harness.SERVER.secret)

    def openssl(self, *arguments, given=b""):
        return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=False)

    def test_elsewhere_there_is_none(self):
        elsewhere = harness.client("kms")
        self.refused("UnsupportedOperationException", None, elsewhere.create_key, KeySpec="SM2", KeyUsage="SIGN_VERIFY")
        self.refused("UnsupportedOperationException", None, self.kms.create_key, KeySpec="SM2", KeyUsage="KEY_AGREEMENT")

    def test_signatures(self):
        key = self.key(KeySpec="SM2", KeyUsage="SIGN_VERIFY")["KeyId"]
        with tempfile.TemporaryDirectory() as work:
            public, signed, message = (os.path.join(work, n) for n in ("public", "signature", "message"))
            pathlib.Path(public).write_bytes(self.kms.get_public_key(KeyId=key)["PublicKey"])
            pathlib.Path(message).write_bytes(b"words")
            signature = self.kms.sign(KeyId=key, Message=b"words", SigningAlgorithm="SM2DSA")["Signature"]
            for made, good in ((signature, True), (signature[:-1] + bytes([signature[-1] ^ 1]), False)):
                pathlib.Path(signed).write_bytes(made)
                done = self.openssl("pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", public, "-rawin", "-digest", "sm3",
                                    "-pkeyopt", "distid:1234567812345678", "-in", message, "-sigfile", signed)
                self.assertEqual(good, done.returncode == 0, done)
        self.kms.verify(KeyId=key, Message=b"words", Signature=signature, SigningAlgorithm="SM2DSA")
        for bad in flips(signature, 9):
            self.wrong("KMSInvalidSignatureException", self.kms.verify, KeyId=key, Message=b"words", Signature=bad, SigningAlgorithm="SM2DSA")

    def test_encryption(self):
        key = self.key(KeySpec="SM2", KeyUsage="ENCRYPT_DECRYPT")["KeyId"]
        use = {"KeyId": key, "EncryptionAlgorithm": "SM2PKE"}
        blob = self.kms.encrypt(Plaintext=b"words", **use)["CiphertextBlob"]
        self.assertEqual(b"words", self.kms.decrypt(CiphertextBlob=blob, **use)["Plaintext"])
        with tempfile.TemporaryDirectory() as work:
            public = os.path.join(work, "public")
            pathlib.Path(public).write_bytes(self.kms.get_public_key(KeyId=key)["PublicKey"])
            done = self.openssl("pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", public, given=b"from outside")
            self.assertEqual(0, done.returncode, done)
        self.assertEqual(b"from outside", self.kms.decrypt(CiphertextBlob=done.stdout, **use)["Plaintext"])
        for bad in flips(blob, 9):
            self.wrong("InvalidCiphertextException", self.kms.decrypt, CiphertextBlob=bad, **use)


class PublicKeys(Crypto):

    def test_public_keys(self):
        for more in ({}, {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}):
            self.refused("UnsupportedOperationException", None, self.kms.get_public_key, KeyId=self.key(**more)["KeyId"])
        made = self.key(KeySpec="RSA_3072", KeyUsage="SIGN_VERIFY")
        got = self.kms.get_public_key(KeyId=made["KeyId"])
        self.assertEqual((made["Arn"], "RSA_3072", "SIGN_VERIFY", made["SigningAlgorithms"]),
                         (got["KeyId"], got["KeySpec"], got["KeyUsage"], got["SigningAlgorithms"]))
        public = serialization.load_der_public_key(got["PublicKey"])
        self.assertEqual((3072, 65537), (public.key_size, public.public_numbers().e))
        self.kms.disable_key(KeyId=made["KeyId"])
        self.refused("DisabledException", None, self.kms.get_public_key, KeyId=made["KeyId"])

    def test_signatures_belong_to_their_key(self):
        a, b = (self.key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyId"] for _ in range(2))
        signature = self.kms.sign(KeyId=a, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
        self.wrong("KMSInvalidSignatureException", self.kms.verify, KeyId=b, Message=b"m", Signature=signature, SigningAlgorithm="ECDSA_SHA_256")
        self.assertRaises(InvalidSignature, self.public(b).verify, signature, b"m", ec.ECDSA(hashes.SHA256()))


class Macs(Crypto):
    def test_macs(self):
        for bits in ("224", "256", "384", "512"):
            made = self.key(KeySpec=f"HMAC_{bits}", KeyUsage="GENERATE_VERIFY_MAC")
            key, name = made["KeyId"], f"HMAC_SHA_{bits}"
            self.assertEqual([name], made["MacAlgorithms"])
            mac = self.kms.generate_mac(KeyId=key, Message=b"words", MacAlgorithm=name)["Mac"]
            self.assertEqual(int(bits) // 8, len(mac))
            self.assertTrue(self.kms.verify_mac(KeyId=key, Message=b"words", Mac=mac, MacAlgorithm=name)["MacValid"])
            for bad in (mac[:-1], mac + b"\0", b"x", *list(flips(mac, 9))):
                self.wrong("KMSInvalidMacException", self.kms.verify_mac, KeyId=key, Message=b"words", Mac=bad, MacAlgorithm=name)
            self.wrong("KMSInvalidMacException", self.kms.verify_mac, KeyId=key, Message=b"word", Mac=mac, MacAlgorithm=name)
        self.refused("InvalidKeyUsageException", "Algorithm HMAC_SHA_256 is incompatible with key spec HMAC_512.", self.kms.generate_mac,
                     KeyId=key, Message=b"x", MacAlgorithm="HMAC_SHA_256")
        plain = self.key()
        self.refused("InvalidKeyUsageException", f"{plain['Arn']} key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac.",
                     self.kms.generate_mac, KeyId=plain["KeyId"], Message=b"x", MacAlgorithm="HMAC_SHA_256")


class Agreement(Crypto):
    def test_shared_secrets(self):
        for spec in ("ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"):
            key = self.key(KeySpec=spec, KeyUsage="KEY_AGREEMENT")["KeyId"]
            mine = ec.generate_private_key(CURVES[spec][0]())
            spki = mine.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            got = self.kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=spki)
            self.assertEqual(mine.exchange(ec.ECDH(), self.public(key)), got["SharedSecret"])
            self.assertEqual("AWS_KMS", got["KeyOrigin"])

    def test_points_that_are_none(self):
        key = self.key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")["KeyId"]
        der, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        good = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(der, form)
        other = ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(der, form)
        koblitz = ec.generate_private_key(ec.SECP256K1()).public_key().public_bytes(der, form)
        of_rsa = rsa.generate_private_key(65537, 2048).public_key().public_bytes(der, form)
        off_curve = good[:-1] + bytes([good[-1] ^ 1])
        zero = good[:-64] + bytes(64)
        for bad in (other, koblitz, of_rsa, off_curve, zero, good[:-1], good + b"\0", b"x"):
            self.refused("ValidationException", None, self.kms.derive_shared_secret, KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=bad)
        sign = self.key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        self.refused("InvalidKeyUsageException", f"{sign['Arn']} key usage is SIGN_VERIFY which is not valid for DeriveSharedSecret.",
                     self.kms.derive_shared_secret, KeyId=sign["KeyId"], KeyAgreementAlgorithm="ECDH", PublicKey=good)


class Unsupported(Crypto):
    def test_what_this_library_lacks(self):
        try:
            self.key(KeySpec="ML_DSA_65", KeyUsage="SIGN_VERIFY")
        except Exception as e:
            self.assertEqual("UnsupportedOperationException", e.response["Error"]["Code"])


if __name__ == "__main__":
    harness.serve()
    harness.main()
