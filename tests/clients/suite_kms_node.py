#!/usr/bin/env python3
"""Every algorithm of KMS beside node's crypto, through the API, each way round: what one makes the other takes. ED25519_PH, SM2's and
ML-DSA's algorithms are none of node's (suite_kms_crypto.py)."""
import base64
import hashlib
import json
import os
import subprocess

import harness
from kms_case import KmsCase
from node_case import HERE, node_command

MESSAGE = b"words to be signed"
RSA = [f"{scheme}_SHA_{bits}" for scheme in ("RSASSA_PSS", "RSASSA_PKCS1_V1_5") for bits in (256, 384, 512)]
SIGNING = {"RSA_2048": RSA, "RSA_3072": RSA[1:2], "RSA_4096": RSA[5:], "ECC_NIST_P256": ["ECDSA_SHA_256"], "ECC_NIST_P384": ["ECDSA_SHA_384"],
           "ECC_NIST_P521": ["ECDSA_SHA_512"], "ECC_SECG_P256K1": ["ECDSA_SHA_256"], "ECC_NIST_EDWARDS25519": ["ED25519_SHA_512"]}
CURVES = {"ECC_NIST_P256": "P-256", "ECC_NIST_P384": "P-384", "ECC_NIST_P521": "P-521", "ECC_SECG_P256K1": "secp256k1"}
WRAPPING = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256")
MACS = {"HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64}


def b64(data):
    return base64.b64encode(data).decode()


class Node(KmsCase):
    def node(self, step, **given):
        done = subprocess.run([*node_command(), HERE / "kms_peer.mjs"], input=json.dumps({"step": step, "message": b64(MESSAGE), **given}),
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(0, done.returncode, done.stderr[-3000:])
        return json.loads(done.stdout)

    def public(self, key):
        return b64(self.kms.get_public_key(KeyId=key)["PublicKey"])

    def signatures(self):
        for spec, algorithms in SIGNING.items():
            key = self.key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyId"]
            for algorithm in algorithms:
                kinds = {"RAW": MESSAGE}
                if not algorithm.startswith("ED"):
                    kinds["DIGEST"] = hashlib.new("sha" + algorithm.rpartition("_")[2], MESSAGE).digest()
                for kind, message in kinds.items():
                    made = self.kms.sign(KeyId=key, Message=message, MessageType=kind, SigningAlgorithm=algorithm)["Signature"]
                    yield {"spec": spec, "algorithm": algorithm, "kind": kind, "public": self.public(key), "message": b64(MESSAGE),
                           "signature": b64(made)}

    def encryption(self):
        key = self.key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyId"]
        for bits in (1, 256):
            yield {"key": key, "algorithm": f"RSAES_OAEP_SHA_{bits}", "hash": f"sha{bits}", "public": self.public(key)}

    def agreement(self):
        for spec in ("ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"):
            key = self.key(KeySpec=spec, KeyUsage="KEY_AGREEMENT")["KeyId"]
            yield {"key": key, "curve": CURVES[spec], "public": self.public(key)}

    def pairs(self):
        key = self.key()["KeyId"]
        for spec in ("RSA_2048", *CURVES, "ECC_NIST_EDWARDS25519"):
            made = self.kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec)
            yield {"spec": spec, "private": b64(made["PrivateKeyPlaintext"]), "public": b64(made["PublicKey"])}

    def imports(self):
        """Material of each kind, wrapped in turn by both ways there are for its kind."""
        kinds = [("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", 32, [])] + [(s, "GENERATE_VERIFY_MAC", n, []) for s, n in MACS.items()]
        kinds += [(s, "SIGN_VERIFY", 0, a) for s, a in SIGNING.items() if s not in ("RSA_3072", "RSA_4096")]
        for at, (spec, usage, n, algorithms) in enumerate(kinds):
            wrap = (WRAPPING[:2] if n else WRAPPING[2:])[at % 2]
            key = self.key(KeySpec=spec, KeyUsage=usage, Origin="EXTERNAL")["KeyId"]
            got = self.kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm=wrap, WrappingKeySpec="RSA_3072")
            yield {"key": key, "spec": spec, "wrap": wrap, "wrapping": b64(got["PublicKey"]), "token": b64(got["ImportToken"]),
                   "material": b64(os.urandom(n)), "algorithms": algorithms, "curve": CURVES.get(spec)}

    def test_each_takes_what_the_other_makes(self):
        if not node_command():
            self.skipTest("no node on this machine")
        made = self.node("first", **{name: list(getattr(self, name)()) for name in ("signatures", "encryption", "agreement", "pairs", "imports")})
        self.assertEqual(6, len(made["pairs"]))
        for e in made["encrypted"]:
            opened = self.kms.decrypt(KeyId=e["key"], CiphertextBlob=base64.b64decode(e["blob"]), EncryptionAlgorithm=e["algorithm"])
            self.assertEqual(MESSAGE, opened["Plaintext"])
        for s in made["shared"]:
            got = self.kms.derive_shared_secret(KeyId=s["key"], KeyAgreementAlgorithm="ECDH", PublicKey=base64.b64decode(s["own"]))
            self.assertEqual(s["secret"], b64(got["SharedSecret"]))
        for i in made["imported"]:
            self.kms.import_key_material(KeyId=i["key"], ImportToken=base64.b64decode(i["token"]), EncryptedKeyMaterial=base64.b64decode(i["sealed"]),
                                         ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
            for algorithm, signature in i["signed"].items():
                with self.subTest(spec=i["spec"], algorithm=algorithm):
                    ask = {"KeyId": i["key"], "SigningAlgorithm": algorithm, "Signature": base64.b64decode(signature)}
                    self.assertTrue(self.kms.verify(Message=MESSAGE, **ask)["SignatureValid"])
                    self.refused("KMSInvalidSignatureException", "", self.kms.verify, Message=MESSAGE + b"x", **ask)
        self.node("second", **self.known(made["imported"]))

    def known(self, imported):
        """What KMS makes with material that node knows."""
        macs, blobs = [], []
        for i in imported:
            if i["spec"].startswith("HMAC"):
                bits = i["spec"].rpartition("_")[2]
                mac = self.kms.generate_mac(KeyId=i["key"], Message=MESSAGE, MacAlgorithm=f"HMAC_SHA_{bits}")["Mac"]
                macs.append({"spec": i["spec"], "hash": f"sha{bits}", "material": i["material"], "mac": b64(mac)})
            if i["spec"] == "SYMMETRIC_DEFAULT":
                for context in ({}, {"b": "2", "a": "1", "é": "", "aa": "ü"}):
                    blob = self.kms.encrypt(KeyId=i["key"], Plaintext=MESSAGE, EncryptionContext=context)["CiphertextBlob"]
                    blobs.append({"material": i["material"], "blob": b64(blob), "context": context})
        self.assertEqual((4, 2), (len(macs), len(blobs)))
        return {"macs": macs, "blobs": blobs}


if __name__ == "__main__":
    harness.serve()
    harness.main()
