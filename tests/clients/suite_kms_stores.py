#!/usr/bin/env python3
"""Custom key stores: external ones against a small proxy, and ones in a PKCS #11 token in the place of CloudHSM."""
import atexit
import base64
import concurrent.futures
import os
import shutil
import subprocess
import tempfile
import unittest
import uuid

import harness
import kms_case
import xks_proxy

WORK = tempfile.mkdtemp(prefix="bulwark-stores-")
atexit.register(shutil.rmtree, WORK, True)
HOST, WRONG_NAME, STRANGE, NOBODY = "xks.example.test", "name.example.test", "strange.example.test", "nobody.example.test"
CLUSTER, OTHER_CLUSTER, TOKENLESS = "cluster-abcdefg2345", "cluster-abcdefg2346", "cluster-abcdefg2347"
MODULE, PIN = "/usr/lib/softhsm/libsofthsm2.so", "kmsuser-pin"
READ = "AWS KMS cannot interpret the response from the external key store proxy. If you see this error repeatedly, report it to your " \
       "external key store proxy administrator."
AUTHENTICATE = "The external key store proxy rejected the request because it could not authenticate AWS KMS. Verify the XKS proxy " \
               "authentication credentials for your external key store and update if necessary."
CONNECT = "This KMS key is in a custom key store that is not connected to its external key store proxy. Connect the external key " \
          "store and try the request again."
LATE = "AWS KMS rejected the request because the external key store proxy did not respond in time. Retry the request. If you see " \
       "this error repeatedly, report it to your external key store proxy administrator."


def change(**members):
    """A fault: these members instead of the true ones."""
    return lambda _, answer: {**answer, **members}


class Stores(kms_case.KmsCase):
    def setUp(self):
        self.proxy = PROXY
        self.proxy.fault, self.proxy.delay, self.proxy.seen = None, 0, []

    def external(self, **changed):
        arguments = dict(CustomKeyStoreName="s-" + uuid.uuid4().hex[:8], CustomKeyStoreType="EXTERNAL_KEY_STORE",
                         XksProxyConnectivity="PUBLIC_ENDPOINT", XksProxyUriEndpoint="https://" + HOST, XksProxyUriPath="/kms/xks/v1",
                         XksProxyAuthenticationCredential={"AccessKeyId": xks_proxy.KEY_ID, "RawSecretAccessKey": xks_proxy.SECRET})
        return {k: v for k, v in {**arguments, **changed}.items() if v is not None}

    def described(self, store):
        return self.kms.describe_custom_key_stores(CustomKeyStoreId=store)["CustomKeyStores"][0]


class Creating(Stores):
    def refused_creation(self, code, message=None, **changed):
        self.refused(code, message, self.kms.create_custom_key_store, **self.external(**changed))
        names = [s["CustomKeyStoreName"] for s in self.kms.describe_custom_key_stores()["CustomKeyStores"]]
        self.assertEqual([], names)

    def test_parameters_that_do_not_go_together(self):
        for missing in ("XksProxyConnectivity", "XksProxyUriEndpoint", "XksProxyUriPath", "XksProxyAuthenticationCredential"):
            with self.subTest(missing):
                self.refused_creation("ValidationException", **{missing: None})
        self.refused_creation("ValidationException", CloudHsmClusterId=CLUSTER)
        self.refused_creation("ValidationException", CustomKeyStoreType=None)
        self.refused_creation("ValidationException", XksProxyUriEndpoint="http://" + HOST)
        self.refused_creation("ValidationException", XksProxyUriEndpoint=f"https://{HOST}:8443")
        self.refused_creation("ValidationException", XksProxyUriPath="/kms/xks/v1/")
        self.refused_creation("ValidationException", XksProxyAuthenticationCredential={
            "AccessKeyId": "short", "RawSecretAccessKey": xks_proxy.SECRET})
        self.refused_creation("ValidationException", XksProxyConnectivity="VPC_ENDPOINT_SERVICE")
        self.refused_creation("XksProxyVpcEndpointServiceNotFoundException", XksProxyConnectivity="VPC_ENDPOINT_SERVICE",
                              XksProxyVpcEndpointServiceName="com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0")

    def test_a_proxy_that_does_not_know_us(self):
        wrong = {"AccessKeyId": xks_proxy.KEY_ID, "RawSecretAccessKey": xks_proxy.SECRET[:-1] + "A"}
        self.refused_creation("XksProxyIncorrectAuthenticationCredentialException", AUTHENTICATE, XksProxyAuthenticationCredential=wrong)
        wrong = {"AccessKeyId": "A" * 20, "RawSecretAccessKey": xks_proxy.SECRET}
        self.refused_creation("XksProxyIncorrectAuthenticationCredentialException", AUTHENTICATE, XksProxyAuthenticationCredential=wrong)
        self.refused_creation("XksProxyInvalidConfigurationException", XksProxyUriPath="/another/kms/xks/v1")

    def test_a_host_that_is_not_who_it_should_be(self):
        tls = "AWS KMS cannot establish a TLS connection to the external key store proxy. Verify the TLS configuration, including its " \
              "certificate."
        self.refused_creation("XksProxyUriUnreachableException", tls, XksProxyUriEndpoint="https://" + WRONG_NAME)
        self.refused_creation("XksProxyUriUnreachableException", tls, XksProxyUriEndpoint="https://" + STRANGE)
        self.refused_creation("XksProxyUriUnreachableException", XksProxyUriEndpoint="https://" + NOBODY)
        # This machine's own names are not for customers to use.
        for name in ("localhost", "127.0.0.1", "0.0.0.0", "169.254.169.254"):
            self.refused_creation("XksProxyUriUnreachableException", XksProxyUriEndpoint="https://" + name)

    def test_answers_that_are_none(self):
        one = {"id": "one", "model": "m", "healthStatus": "ACTIVE"}
        faults = [lambda *_: b"{", lambda *_: b"", lambda *_: b"[]", lambda *_: b'{"errorName":1}', lambda *_: b"x" * 100_000,
                  lambda *_: b"[" * 5000, lambda w, a: change(xksProxyFleetSize=0)(w, a), lambda w, a: change(xksProxyFleetSize="1")(w, a),
                  change(xksProxyVendor=""), change(ekmVendor=None), change(ekmFleetDetails=[]), change(ekmFleetDetails=[one] * 11),
                  change(ekmFleetDetails=[{**one, "healthStatus": "GREAT"}]), change(ekmFleetDetails=[{"healthStatus": "ACTIVE"}])]
        for n, self.proxy.fault in enumerate(faults):
            with self.subTest(n):
                self.refused_creation("XksProxyInvalidResponseException", READ)
        self.proxy.fault = change(ekmFleetDetails=[{**one, "healthStatus": "UNAVAILABLE"}] * 10)
        self.refused_creation("XksProxyUriUnreachableException")
        self.proxy.fault = "AccessDeniedException"
        self.refused_creation("XksProxyInvalidResponseException")

    def test_a_slow_proxy(self):
        self.proxy.delay = 8
        self.refused_creation("XksProxyUriUnreachableException", LATE)


class External(Stores):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        PROXY.fault, PROXY.delay = None, 0
        cls.store = cls.kms.create_custom_key_store(**Stores.external(cls))["CustomKeyStoreId"]
        cls.kms.connect_custom_key_store(CustomKeyStoreId=cls.store)
        cls.kept = cls.kms.create_key(Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=cls.store, XksKeyId="good")["KeyMetadata"]["KeyId"]

    def setUp(self):
        super().setUp()
        if self.described(self.store)["ConnectionState"] != "CONNECTED":
            self.kms.connect_custom_key_store(CustomKeyStoreId=self.store)

    @classmethod
    def tearDownClass(cls):
        cls.kms.disconnect_custom_key_store(CustomKeyStoreId=cls.store)

    def test_what_is_described(self):
        got = self.described(self.store)
        self.assertRegex(got["CustomKeyStoreId"], r"^cks-[0-9a-f]{17}$")
        self.assertEqual(("CONNECTED", "EXTERNAL_KEY_STORE"), (got["ConnectionState"], got["CustomKeyStoreType"]))
        self.assertEqual({"Connectivity": "PUBLIC_ENDPOINT", "AccessKeyId": xks_proxy.KEY_ID, "UriEndpoint": "https://" + HOST,
                          "UriPath": "/kms/xks/v1"}, got["XksProxyConfiguration"])
        self.assertNotIn(xks_proxy.SECRET, repr(got))
        key = self.kms.describe_key(KeyId=self.kept)["KeyMetadata"]
        self.assertEqual(("EXTERNAL_KEY_STORE", self.store, {"Id": "good"}, "Enabled"),
                         tuple(key[k] for k in ("Origin", "CustomKeyStoreId", "XksKeyConfiguration", "KeyState")))
        self.assertNotIn("CloudHsmClusterId", key)
        self.refused("CustomKeyStoreNotFoundException", None, self.kms.describe_custom_key_stores, CustomKeyStoreId="cks-0")
        self.refused("CustomKeyStoreNotFoundException", None, self.kms.describe_custom_key_stores, CustomKeyStoreName="nobody's")
        self.refused("ValidationException", None, self.kms.describe_custom_key_stores, CustomKeyStoreName="a", CustomKeyStoreId="b")

    def test_what_is_one_stores_alone(self):
        name = self.described(self.store)["CustomKeyStoreName"]
        self.refused("XksProxyUriInUseException", None, self.kms.create_custom_key_store, **self.external())
        self.refused("CustomKeyStoreNameInUseException", None, self.kms.create_custom_key_store,
                     **self.external(CustomKeyStoreName=name, XksProxyUriPath="/a/kms/xks/v1"))

    def test_keys_that_cannot_be(self):
        create = dict(Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=self.store, XksKeyId="other")
        for code, changed in (
                ("XksKeyNotFoundException", {"XksKeyId": "none"}), ("XksKeyInvalidConfigurationException", {"XksKeyId": "off"}),
                ("XksKeyInvalidConfigurationException", {"XksKeyId": "sign"}), ("XksKeyInvalidConfigurationException", {"XksKeyId": "small"}),
                ("XksKeyAlreadyInUseException", {"XksKeyId": "good"}), ("ValidationException", {"XksKeyId": None}),
                ("ValidationException", {"XksKeyId": "a/../b"}), ("ValidationException", {"Origin": "AWS_CLOUDHSM"}),
                ("ValidationException", {"Origin": None}), ("ValidationException", {"CustomKeyStoreId": None}),
                ("CustomKeyStoreNotFoundException", {"CustomKeyStoreId": "cks-none"}),
                ("UnsupportedOperationException", {"MultiRegion": True}),
                ("UnsupportedOperationException", {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}),
                ("UnsupportedOperationException", {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"})):
            with self.subTest(changed):
                self.refused(code, None, self.kms.create_key, **{k: v for k, v in {**create, **changed}.items() if v is not None})
        for fault, code in (("AuthenticationFailedException", "CustomKeyStoreInvalidStateException"),
                            ("InvalidStateException", "XksKeyInvalidConfigurationException"),
                            ("AccessDeniedException", "KMSInvalidStateException"), ("ThrottlingException", "CustomKeyStoreInvalidStateException"),
                            (lambda *_: b"no", "CustomKeyStoreInvalidStateException")):
            self.proxy.fault = fault
            self.refused(code, None, self.kms.create_key, **create)

    def test_double_encryption(self):
        context = {"a": "1", "b": "2"}
        blob = self.kms.encrypt(KeyId=self.kept, Plaintext=b"a secret", EncryptionContext=context)["CiphertextBlob"]
        what, key, sent = self.proxy.seen[-1]
        self.assertEqual(("encrypt", "good"), (what, key))
        self.assertNotIn(b"a secret", base64.b64decode(sent["plaintext"]))
        metadata = sent["requestMetadata"]
        self.assertEqual(("Encrypt", self.arn("key/" + self.kept)), (metadata["kmsOperation"], metadata["kmsKeyArn"]))
        self.assertRegex(metadata["awsPrincipalArn"], "^arn:aws:iam::")
        self.assertRegex(metadata["kmsRequestId"], "^[0-9a-f-]{36}$")
        got = self.kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
        self.assertEqual((b"a secret", self.arn("key/" + self.kept)), (got["Plaintext"], got["KeyId"]))
        self.assertNotIn("KeyMaterialId", got)
        self.assertEqual(("decrypt", "Decrypt"), (self.proxy.seen[-1][0], self.proxy.seen[-1][2]["requestMetadata"]["kmsOperation"]))
        longest = os.urandom(4096)
        blob = self.kms.encrypt(KeyId=self.kept, Plaintext=longest)["CiphertextBlob"]
        self.assertEqual(longest, self.kms.decrypt(CiphertextBlob=blob)["Plaintext"])

    def test_what_was_changed_does_not_open(self):
        blob = self.kms.encrypt(KeyId=self.kept, Plaintext=b"x", EncryptionContext={"a": "1"})["CiphertextBlob"]
        for context in ({}, {"a": "2"}, {"a": "1", "b": ""}):
            self.refused("KMSInvalidStateException", "The external key store proxy rejected the request because the specified ciphertext or "
                         "encryption context is corrupted, missing, or otherwise invalid.", self.kms.decrypt, CiphertextBlob=blob,
                         EncryptionContext=context)
        for at in range(0, len(blob), 7):
            changed = bytearray(blob)
            changed[at] ^= 1
            for arguments in ({}, {"KeyId": self.kept}):
                with self.assertRaises(self.kms.exceptions.ClientError):
                    self.kms.decrypt(CiphertextBlob=bytes(changed), EncryptionContext={"a": "1"}, **arguments)
        for n in (0, 1, 20, len(blob) - 1):
            with self.assertRaises(self.kms.exceptions.ClientError):
                self.kms.decrypt(CiphertextBlob=blob[:n], EncryptionContext={"a": "1"}, KeyId=self.kept)
        plain = self.key()["KeyId"]
        self.refused("IncorrectKeyException", None, self.kms.decrypt, CiphertextBlob=blob, EncryptionContext={"a": "1"}, KeyId=plain)
        own = self.kms.encrypt(KeyId=plain, Plaintext=b"x")["CiphertextBlob"]
        self.refused("IncorrectKeyException", None, self.kms.decrypt, CiphertextBlob=own, KeyId=self.kept)

    def test_a_proxy_alone_opens_nothing(self):
        """What it gives back has to be KMS's own ciphertext for this key and context."""
        blob = self.kms.encrypt(KeyId=self.kept, Plaintext=b"twelve bytes")["CiphertextBlob"]
        self.proxy.fault = lambda what, answer: {"plaintext": base64.b64encode(os.urandom(len(base64.b64decode(answer["plaintext"])))).decode()}
        self.refused("InvalidCiphertextException", "", self.kms.decrypt, CiphertextBlob=blob)

    def test_data_keys_and_other_keys(self):
        made = self.kms.generate_data_key(KeyId=self.kept, KeySpec="AES_256", EncryptionContext={"k": "v"})
        self.assertNotIn("KeyMaterialId", made)
        self.assertEqual(made["Plaintext"], self.kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"k": "v"})["Plaintext"])
        hidden = self.kms.generate_data_key_without_plaintext(KeyId=self.kept, NumberOfBytes=24)["CiphertextBlob"]
        self.assertEqual(24, len(self.kms.decrypt(CiphertextBlob=hidden)["Plaintext"]))
        plain = self.key()["KeyId"]
        there = self.kms.re_encrypt(CiphertextBlob=made["CiphertextBlob"], SourceEncryptionContext={"k": "v"}, DestinationKeyId=plain)
        self.assertEqual(made["Plaintext"], self.kms.decrypt(CiphertextBlob=there["CiphertextBlob"], KeyId=plain)["Plaintext"])
        back = self.kms.re_encrypt(CiphertextBlob=there["CiphertextBlob"], DestinationKeyId=self.kept, DestinationEncryptionContext={"z": "1"})
        self.assertEqual(made["Plaintext"], self.kms.decrypt(CiphertextBlob=back["CiphertextBlob"], EncryptionContext={"z": "1"})["Plaintext"])
        self.refused("InvalidCiphertextException", "", self.kms.re_encrypt, CiphertextBlob=there["CiphertextBlob"],
                     SourceEncryptionContext={"no": "1"}, DestinationKeyId=self.kept)

    def test_what_such_keys_cannot(self):
        for call, more in ((self.kms.enable_key_rotation, {}), (self.kms.disable_key_rotation, {}), (self.kms.rotate_key_on_demand, {}),
                           (self.kms.get_key_rotation_status, {}), (self.kms.list_key_rotations, {}),
                           (self.kms.generate_data_key_pair, {"KeyPairSpec": "ECC_NIST_P256"}),
                           (self.kms.generate_data_key_pair_without_plaintext, {"KeyPairSpec": "ECC_NIST_P256"}),
                           (self.kms.replicate_key, {"ReplicaRegion": "eu-west-1"}),
                           (self.kms.get_parameters_for_import, {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"})):
            with self.subTest(call.__name__):
                self.refused("UnsupportedOperationException", None, call, KeyId=self.kept, **more)
        self.refused("UnsupportedOperationException", None, self.kms.generate_random, NumberOfBytes=8, CustomKeyStoreId=self.store)

    def test_faults_of_the_proxy(self):
        blob = self.kms.encrypt(KeyId=self.kept, Plaintext=b"x")["CiphertextBlob"]
        texts = set()
        for self.proxy.fault in xks_proxy.STATUS:
            one = self.refused("KMSInvalidStateException", None, self.kms.encrypt, KeyId=self.kept, Plaintext=b"x")["Error"]["Message"]
            two = self.refused("KMSInvalidStateException", None, self.kms.decrypt, CiphertextBlob=blob)["Error"]["Message"]
            self.assertEqual(one, two)
            self.assertNotIn("because\n", one)
            texts.add(one)
        self.assertEqual(len(xks_proxy.STATUS), len(texts))
        right = base64.b64encode
        for self.proxy.fault in (
                change(ciphertextDataIntegrityValue=right(bytes(32)).decode()), change(ciphertextDataIntegrityValue=None),
                lambda _, a: {k: v for k, v in a.items() if k != "ciphertextDataIntegrityValue"},
                change(initializationVector=right(bytes(13)).decode()), change(authenticationTag=right(bytes(15)).decode()),
                change(ciphertextMetadata=right(bytes(21)).decode()), change(ciphertext="****"), change(ciphertext=""),
                lambda *_: b"{}", lambda *_: b"x" * 40_000, lambda *_: b'{"ciphertext":"AA==","ciphertext":"AA=="}'):
            self.refused("KMSInvalidStateException", READ, self.kms.encrypt, KeyId=self.kept, Plaintext=b"x")
        for self.proxy.fault in (change(plaintext=""), change(plaintext=right(b"y").decode()), change(plaintext=7), lambda *_: b"{}"):
            self.refused("KMSInvalidStateException", READ, self.kms.decrypt, CiphertextBlob=blob)
        self.proxy.fault = None
        self.assertEqual(b"x", self.kms.decrypt(CiphertextBlob=blob)["Plaintext"])

    def test_connections_are_kept(self):
        """One after the other goes over one connection. One that the proxy ends without a word costs nobody an answer."""
        key = self.kept
        self.kms.encrypt(KeyId=key, Plaintext=b"x")
        before = self.proxy.connections
        for i in range(12):
            blob = self.kms.encrypt(KeyId=key, Plaintext=b"%d" % i)["CiphertextBlob"]
            self.assertEqual(b"%d" % i, self.kms.decrypt(CiphertextBlob=blob)["Plaintext"])
        self.assertEqual(before, self.proxy.connections)
        self.proxy.hangs_up = True
        try:
            for _ in range(20):
                self.kms.encrypt(KeyId=key, Plaintext=b"x")
        finally:
            self.proxy.hangs_up = False
        # Those that were kept from before are used up, eight at most; then each call needs one of its own.
        self.assertGreaterEqual(self.proxy.connections, before + 11)

    def test_a_busy_proxy_keeps_nobody_else_waiting(self):
        """Eight requests at one proxy at one time; those above are told so at once."""
        throttled = "The external key store proxy rejected the request due to a very high request rate. Reduce the frequency of your " \
                    "calls using KMS keys in this external key store."
        self.proxy.delay = 1
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            calls = [pool.submit(harness.client("kms").encrypt, KeyId=self.kept, Plaintext=b"x") for _ in range(12)]
            failed = [c.exception() for c in calls if c.exception()]
        self.assertLess(len(failed), 12)
        for error in failed:
            self.assertEqual(throttled, error.response["Error"]["Message"])

    def test_permissions_come_first(self):
        _, nobody = self.user()
        for call, arguments in ((nobody.encrypt, {"KeyId": self.kept, "Plaintext": b"x"}), (nobody.describe_custom_key_stores, {}),
                                (nobody.disconnect_custom_key_store, {"CustomKeyStoreId": self.store}),
                                (nobody.create_custom_key_store, self.external())):
            self.denied(call, **arguments)
        self.assertEqual([], self.proxy.seen)

    def test_disconnecting_and_connecting(self):
        blob = self.kms.encrypt(KeyId=self.kept, Plaintext=b"x")["CiphertextBlob"]
        self.kms.disconnect_custom_key_store(CustomKeyStoreId=self.store)
        self.assertEqual("DISCONNECTED", self.described(self.store)["ConnectionState"])
        key = self.kms.describe_key(KeyId=self.kept)["KeyMetadata"]
        self.assertEqual(("Unavailable", False), (key["KeyState"], key["Enabled"]))
        self.proxy.seen = []
        self.refused("KMSInvalidStateException", CONNECT, self.kms.decrypt, CiphertextBlob=blob)
        self.refused("KMSInvalidStateException", CONNECT, self.kms.encrypt, KeyId=self.kept, Plaintext=b"x")
        self.refused("KMSInvalidStateException", CONNECT, self.kms.generate_data_key, KeyId=self.kept, KeySpec="AES_256")
        self.refused("CustomKeyStoreInvalidStateException", CONNECT, self.kms.create_key, Origin="EXTERNAL_KEY_STORE",
                     CustomKeyStoreId=self.store, XksKeyId="other")
        self.assertEqual([], self.proxy.seen)
        self.refused("CustomKeyStoreInvalidStateException", None, self.kms.disconnect_custom_key_store, CustomKeyStoreId=self.store)
        self.refused("CustomKeyStoreHasCMKsException", None, self.kms.delete_custom_key_store, CustomKeyStoreId=self.store)
        # It cannot be connected, and says why; then it has to be disconnected first.
        self.proxy.fault = "AuthenticationFailedException"
        self.kms.connect_custom_key_store(CustomKeyStoreId=self.store)
        got = self.described(self.store)
        self.assertEqual(("FAILED", "INVALID_CREDENTIALS"), (got["ConnectionState"], got["ConnectionErrorCode"]))
        self.proxy.fault = None
        self.refused("CustomKeyStoreInvalidStateException", None, self.kms.connect_custom_key_store, CustomKeyStoreId=self.store)
        self.kms.disconnect_custom_key_store(CustomKeyStoreId=self.store)
        self.kms.connect_custom_key_store(CustomKeyStoreId=self.store)
        self.assertNotIn("ConnectionErrorCode", self.described(self.store))
        self.assertEqual(b"x", self.kms.decrypt(CiphertextBlob=blob)["Plaintext"])
        self.kms.disable_key(KeyId=self.kept)
        self.refused("DisabledException", None, self.kms.decrypt, CiphertextBlob=blob)
        self.kms.enable_key(KeyId=self.kept)

    def test_updates(self):
        update = self.kms.update_custom_key_store
        self.refused("CustomKeyStoreInvalidStateException", None, update, CustomKeyStoreId=self.store, XksProxyUriEndpoint="https://" + HOST)
        self.refused("ValidationException", None, update, CustomKeyStoreId=self.store, KeyStorePassword="1234567")
        self.refused("XksProxyInvalidConfigurationException", None, update, CustomKeyStoreId=self.store, XksProxyUriPath="/no/kms/xks/v1")
        wrong = {"AccessKeyId": xks_proxy.KEY_ID, "RawSecretAccessKey": "A" * 43}
        self.refused("XksProxyIncorrectAuthenticationCredentialException", AUTHENTICATE, update, CustomKeyStoreId=self.store,
                     XksProxyAuthenticationCredential=wrong)
        name = "renamed-" + uuid.uuid4().hex[:6]
        update(CustomKeyStoreId=self.store, NewCustomKeyStoreName=name)
        self.assertEqual(name, self.described(self.store)["CustomKeyStoreName"])
        update(CustomKeyStoreId=self.store, XksProxyAuthenticationCredential={"AccessKeyId": xks_proxy.KEY_ID,
                                                                            "RawSecretAccessKey": xks_proxy.SECRET})
        blob = self.kms.encrypt(KeyId=self.kept, Plaintext=b"still")["CiphertextBlob"]
        self.assertEqual(b"still", self.kms.decrypt(CiphertextBlob=blob)["Plaintext"])


@unittest.skipUnless(os.path.exists(MODULE), "SoftHSM is not installed")
class Token(Stores):
    def cluster(self, **changed):
        arguments = dict(CustomKeyStoreName="t-" + uuid.uuid4().hex[:8], CloudHsmClusterId=CLUSTER, KeyStorePassword=PIN,
                         TrustAnchorCertificate=TRUST)
        return {k: v for k, v in {**arguments, **changed}.items() if v is not None}

    def test_refusals(self):
        create = self.kms.create_custom_key_store
        self.refused("ValidationException", None, create, **self.cluster(KeyStorePassword=None))
        self.refused("ValidationException", None, create, **self.cluster(XksProxyUriEndpoint="https://" + HOST))
        self.refused("CloudHsmClusterNotFoundException", None, create, **self.cluster(CloudHsmClusterId="cluster-zzzzzzz2345"))
        self.refused("IncorrectTrustAnchorException", None, create, **self.cluster(CloudHsmClusterId=OTHER_CLUSTER,
                                                                                    TrustAnchorCertificate="no certificate"))
        self.refused("IncorrectTrustAnchorException", None, create, **self.cluster(CloudHsmClusterId=OTHER_CLUSTER))

    def test_a_store_from_its_beginning_to_its_end(self):
        store = self.kms.create_custom_key_store(**self.cluster())["CustomKeyStoreId"]
        got = self.described(store)
        self.assertEqual(("DISCONNECTED", CLUSTER, "AWS_CLOUDHSM"), (got["ConnectionState"], got["CloudHsmClusterId"], got["CustomKeyStoreType"]))
        self.assertNotIn(PIN, repr(got))
        self.refused("CloudHsmClusterInUseException", None, self.kms.create_custom_key_store, **self.cluster())
        self.refused("CustomKeyStoreInvalidStateException", None, self.kms.create_key, Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)
        self.kms.update_custom_key_store(CustomKeyStoreId=store, KeyStorePassword="not the pin")
        self.kms.connect_custom_key_store(CustomKeyStoreId=store)
        got = self.described(store)
        self.assertEqual(("FAILED", "INVALID_CREDENTIALS"), (got["ConnectionState"], got["ConnectionErrorCode"]))
        self.kms.disconnect_custom_key_store(CustomKeyStoreId=store)
        self.kms.update_custom_key_store(CustomKeyStoreId=store, KeyStorePassword=PIN)
        self.refused("CloudHsmClusterNotRelatedException", None, self.kms.update_custom_key_store, CustomKeyStoreId=store,
                     CloudHsmClusterId=OTHER_CLUSTER)
        self.kms.connect_custom_key_store(CustomKeyStoreId=store)
        self.assertEqual("CONNECTED", self.described(store)["ConnectionState"])
        self.assertEqual(16, len(self.kms.generate_random(NumberOfBytes=16, CustomKeyStoreId=store)["Plaintext"]))
        self.crypto(store)
        self.kms.disconnect_custom_key_store(CustomKeyStoreId=store)
        self.refused("CustomKeyStoreHasCMKsException", None, self.kms.delete_custom_key_store, CustomKeyStoreId=store)
        self.refused("CustomKeyStoreInvalidStateException", None, self.kms.generate_random, NumberOfBytes=16, CustomKeyStoreId=store)

    def crypto(self, store):
        key = self.kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)["KeyMetadata"]
        self.assertEqual(("AWS_CLOUDHSM", CLUSTER, store), (key["Origin"], key["CloudHsmClusterId"], key["CustomKeyStoreId"]))
        id_ = key["KeyId"]
        blob = self.kms.encrypt(KeyId=id_, Plaintext=b"in the token", EncryptionContext={"a": "1"})["CiphertextBlob"]
        self.assertEqual(b"in the token", self.kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "1"})["Plaintext"])
        self.refused("InvalidCiphertextException", "", self.kms.decrypt, CiphertextBlob=blob)
        for at in range(0, len(blob), 5):
            changed = bytearray(blob)
            changed[at] ^= 1
            with self.assertRaises(self.kms.exceptions.ClientError):
                self.kms.decrypt(CiphertextBlob=bytes(changed), EncryptionContext={"a": "1"}, KeyId=id_)
        made = self.kms.generate_data_key(KeyId=id_, KeySpec="AES_128")
        self.assertEqual(16, len(made["Plaintext"]))
        self.assertEqual(made["Plaintext"], self.kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"])
        other = self.kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)["KeyMetadata"]["KeyId"]
        plain = self.key()["KeyId"]
        for source, target in ((id_, other), (other, plain), (plain, id_)):
            blob = self.kms.encrypt(KeyId=source, Plaintext=b"travels")["CiphertextBlob"]
            moved = self.kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=target, DestinationEncryptionContext={"to": target})
            self.assertEqual(b"travels", self.kms.decrypt(CiphertextBlob=moved["CiphertextBlob"],
                                                          EncryptionContext={"to": target}, KeyId=target)["Plaintext"])
        self.refused("ValidationException", None, self.kms.create_key, Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store, XksKeyId="good")


def token_make():
    """A folder of SoftHSM's with one token; its environment."""
    conf, tokens = os.path.join(WORK, "softhsm.conf"), os.path.join(WORK, "tokens")
    os.mkdir(tokens)
    with open(conf, "w", encoding="ascii") as f:
        f.write(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    env = {"SOFTHSM2_CONF": conf}
    if os.path.exists(MODULE):
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "kms test", "--so-pin", "87654321", "--pin", PIN], check=True,
                       env={**os.environ, **env}, stdout=subprocess.DEVNULL)
    return env


def text(path):
    with open(path, encoding="ascii") as f:
        return f.read()


if __name__ == "__main__":
    ca, _, authority = xks_proxy.certificate(WORK, [])
    strange_ca, _, stranger = xks_proxy.certificate(WORK, [])
    good, strange = xks_proxy.certificate(WORK, [HOST], authority), xks_proxy.certificate(WORK, [STRANGE], stranger)
    PROXY, STRANGER = xks_proxy.Proxy(*good[:2], HOST), xks_proxy.Proxy(*strange[:2], STRANGE)
    TRUST, OTHER_TRUST = text(ca), text(strange_ca)
    harness.serve("--xks-ca", ca, "--xks-timeout", "4000", "--xks-host", f"{HOST}=127.0.0.1:{PROXY.port}",
                  "--xks-host", f"{WRONG_NAME}=127.0.0.1:{PROXY.port}", "--xks-host", f"{STRANGE}=127.0.0.1:{STRANGER.port}",
                  "--xks-host", f"{NOBODY}=127.0.0.1:{harness.free_port()}", "--cloudhsm", f"{CLUSTER}={MODULE},kms test,{ca}",
                  "--cloudhsm", f"{OTHER_CLUSTER}={MODULE},another,{strange_ca}", env=token_make())
    harness.main()
