#!/usr/bin/env python3
"""Imported material, rotation and multi-Region keys through boto3: refusals first."""
import datetime
import os

import harness
from botocore.config import Config
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from kms_case import KmsCase

FOREVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
OAEP = {"RSAES_OAEP_SHA_1": hashes.SHA1, "RSAES_OAEP_SHA_256": hashes.SHA256}


def wrap(parameters, algorithm, material):
    """The material as the importer wraps it."""
    public = serialization.load_der_public_key(parameters["PublicKey"])
    if algorithm in OAEP:
        return public.encrypt(material, padding.OAEP(padding.MGF1(OAEP[algorithm]()), OAEP[algorithm](), None))
    digest = hashes.SHA1 if algorithm.endswith("SHA_1") else hashes.SHA256
    aes = os.urandom(32)
    return public.encrypt(aes, padding.OAEP(padding.MGF1(digest()), digest(), None)) + keywrap.aes_key_wrap_with_padding(aes, material)


class Import(KmsCase):
    def parameters(self, key, algorithm="RSAES_OAEP_SHA_256", spec="RSA_2048", kms=None):
        return (kms or self.kms).get_parameters_for_import(KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec=spec)

    def take(self, key, material, algorithm="RSAES_OAEP_SHA_256", spec="RSA_2048", kms=None, **more):
        p = self.parameters(key, algorithm, spec, kms)
        return (kms or self.kms).import_key_material(KeyId=key, ImportToken=p["ImportToken"],
                                                     EncryptedKeyMaterial=wrap(p, algorithm, material), **{**FOREVER, **more})

    def state(self, key, kms=None):
        return (kms or self.kms).describe_key(KeyId=key)["KeyMetadata"]["KeyState"]

    def test_what_is_refused(self):
        own, key = self.key(), self.key(Origin="EXTERNAL")
        self.refused("UnsupportedOperationException", f"{own['Arn']} origin is AWS_KMS which is not valid for this operation.", self.parameters,
                     key=own["KeyId"])
        self.refused("KMSInvalidStateException", f"{key['Arn']} is pending import.", self.kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x")
        self.refused("KMSInvalidStateException", f"{key['Arn']} is pending import.", self.kms.enable_key, KeyId=key["KeyId"])
        self.refused("UnsupportedOperationException", None, self.parameters, key=key["KeyId"], algorithm="RSAES_PKCS1_V1_5")
        self.refused("ValidationException", None, self.parameters, key=key["KeyId"], algorithm="RSA_AES_KEY_WRAP_SHA_256")
        self.refused("UnsupportedOperationException", None, self.kms.enable_key_rotation, KeyId=key["KeyId"])
        p = self.parameters(key["KeyId"])
        left = p["ParametersValidTo"] - datetime.datetime.now(datetime.timezone.utc)
        self.assertAlmostEqual(86400, left.total_seconds(), delta=60)
        material = wrap(p, "RSAES_OAEP_SHA_256", bytes(32))
        call = {"KeyId": key["KeyId"], "ImportToken": p["ImportToken"], "EncryptedKeyMaterial": material, **FOREVER}
        token = p["ImportToken"]
        other = self.parameters(self.key(Origin="EXTERNAL")["KeyId"])["ImportToken"]
        for bad in (other, token[:-1], token[:-1] + bytes([token[-1] ^ 1]), b"x"):
            self.refused("InvalidImportTokenException", None, self.kms.import_key_material, **{**call, "ImportToken": bad})
        self.refused("InvalidCiphertextException", "", self.kms.import_key_material,
                     **{**call, "EncryptedKeyMaterial": material[:-1] + bytes([material[-1] ^ 1])})
        for n in (16, 31, 33):
            self.refused("IncorrectKeyMaterialException", None, self.kms.import_key_material,
                         **{**call, "EncryptedKeyMaterial": wrap(p, "RSAES_OAEP_SHA_256", bytes(n))})
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
        for more in ({"ExpirationModel": "KEY_MATERIAL_EXPIRES"}, {"ValidTo": soon},
                     {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": soon - datetime.timedelta(days=2)},
                     {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": soon + datetime.timedelta(days=366)}):
            self.refused("ValidationException", None, self.kms.import_key_material, **{**call, **more})
        self.refused("ValidationException", "KeyMaterialId cannot be specified when ImportType is NEW_KEY_MATERIAL.", self.kms.import_key_material,
                     **{**call, "ImportType": "NEW_KEY_MATERIAL", "KeyMaterialId": "0" * 64})
        self.assertEqual("PendingImport", self.state(key["KeyId"]))

    def test_the_same_material_or_none(self):
        key = self.key(Origin="EXTERNAL")["KeyId"]
        one = os.urandom(32)
        first = self.take(key, one)
        self.assertEqual("Enabled", self.state(key))
        about = self.kms.describe_key(KeyId=key)["KeyMetadata"]
        self.assertEqual(("KEY_MATERIAL_DOES_NOT_EXPIRE", first["KeyMaterialId"]), (about["ExpirationModel"], about["CurrentKeyMaterialId"]))
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"words")["CiphertextBlob"]
        self.kms.delete_imported_key_material(KeyId=key)
        self.assertEqual("PendingImport", self.state(key))
        self.refused("KMSInvalidStateException", f"{self.arn('key/' + key)} is pending import.", self.kms.decrypt, CiphertextBlob=blob)
        self.refused("IncorrectKeyMaterialException", None, self.take, key=key, material=os.urandom(32))
        self.refused("IncorrectKeyMaterialException", None, self.take, key=key, material=one, KeyMaterialId="0" * 64)
        self.assertEqual(first["KeyMaterialId"], self.take(key, one)["KeyMaterialId"])
        self.assertEqual(b"words", self.kms.decrypt(CiphertextBlob=blob)["Plaintext"])

    def test_several_materials(self):
        key = self.key(Origin="EXTERNAL")["KeyId"]
        one, two = os.urandom(32), os.urandom(32)
        first = self.take(key, one, KeyMaterialDescription="one")["KeyMaterialId"]
        old = self.kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
        self.refused("KMSInvalidStateException", None, self.kms.rotate_key_on_demand, KeyId=key)
        second = self.take(key, two, ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
        self.refused("KMSInvalidStateException", None, self.take, key=key, material=os.urandom(32), ImportType="NEW_KEY_MATERIAL")
        self.assertEqual(first, self.kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"])
        self.kms.rotate_key_on_demand(KeyId=key)
        self.assertEqual(second, self.kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"])
        listed = self.kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
        self.assertEqual([(first, "NON_CURRENT", "IMPORTED"), (second, "CURRENT", "IMPORTED")],
                         [(r["KeyMaterialId"], r["KeyMaterialState"], r["ImportState"]) for r in listed])
        self.assertEqual("one", listed[0]["KeyMaterialDescription"])
        new = self.kms.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"]
        self.assertEqual(first, self.kms.decrypt(CiphertextBlob=old)["KeyMaterialId"])
        # Without any one of them the key does nothing.
        self.kms.delete_imported_key_material(KeyId=key, KeyMaterialId=first)
        for blob in (old, new):
            self.refused("KMSInvalidStateException", None, self.kms.decrypt, CiphertextBlob=blob)
        # Nor does a cancelled deletion bring it back without.
        self.kms.schedule_key_deletion(KeyId=key)
        self.kms.cancel_key_deletion(KeyId=key)
        self.assertEqual("PendingImport", self.state(key))
        self.refused("KMSInvalidStateException", None, self.kms.enable_key, KeyId=key)
        self.take(key, one, KeyMaterialId=first)
        self.assertEqual([b"old", b"new"], [self.kms.decrypt(CiphertextBlob=b)["Plaintext"] for b in (old, new)])

    def test_material_expires(self):
        key = self.key(Origin="EXTERNAL")["KeyId"]
        p = self.parameters(key)  # an RSA key is made, which may take long: the time runs from then on
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
        self.kms.import_key_material(KeyId=key, ImportToken=p["ImportToken"], EncryptedKeyMaterial=wrap(p, "RSAES_OAEP_SHA_256", bytes(32)),
                                     ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=until)
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"words")["CiphertextBlob"]
        while datetime.datetime.now(datetime.timezone.utc) < until + datetime.timedelta(seconds=0.1):
            harness.time.sleep(0.1)
        self.refused("KMSInvalidStateException", f"{self.arn('key/' + key)} is pending import.", self.kms.decrypt, CiphertextBlob=blob)
        self.assertEqual("PendingImport", self.state(key))

    def test_other_specs(self):
        for spec, usage, material, algorithm in (
                ("HMAC_256", "GENERATE_VERIFY_MAC", os.urandom(32), "RSAES_OAEP_SHA_1"),
                ("ECC_NIST_P256", "SIGN_VERIFY", ec.generate_private_key(ec.SECP256R1()), "RSAES_OAEP_SHA_256"),
                ("ECC_NIST_P384", "SIGN_VERIFY", ec.generate_private_key(ec.SECP384R1()), "RSA_AES_KEY_WRAP_SHA_1"),
                ("RSA_2048", "SIGN_VERIFY", rsa.generate_private_key(65537, 2048), "RSA_AES_KEY_WRAP_SHA_256")):
            key = self.key(KeySpec=spec, KeyUsage=usage, Origin="EXTERNAL")["KeyId"]
            if spec == "RSA_2048":
                self.refused("ValidationException", None, self.parameters, key=key)
                wrong = rsa.generate_private_key(65537, 3072)
                der = wrong.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
                self.refused("IncorrectKeyMaterialException", None, self.take, key=key, material=der, algorithm=algorithm)
            public = None
            if not isinstance(material, bytes):
                public = material.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
                material = material.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            self.take(key, material, algorithm, "RSA_3072")
            self.assertEqual("Enabled", self.state(key))
            if public:
                self.assertEqual(public, self.kms.get_public_key(KeyId=key)["PublicKey"])


class Rotation(KmsCase):
    def test_status(self):
        made = self.key()
        key = made["KeyId"]
        self.assertFalse(self.kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"])
        for days in (89, 2561):
            self.refused("ValidationException", None, self.kms.enable_key_rotation, KeyId=key, RotationPeriodInDays=days)
        for more, days in (({}, 365), ({"RotationPeriodInDays": 90}, 90), ({"RotationPeriodInDays": 2560}, 2560)):
            self.kms.enable_key_rotation(KeyId=key, **more)
            got = self.kms.get_key_rotation_status(KeyId=key)
            self.assertEqual((True, days), (got["KeyRotationEnabled"], got["RotationPeriodInDays"]))
            ahead = got["NextRotationDate"] - datetime.datetime.now(datetime.timezone.utc)
            self.assertAlmostEqual(days, ahead.total_seconds() / 86400, delta=0.01)
        self.kms.schedule_key_deletion(KeyId=key)
        self.assertFalse(self.kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"])
        self.kms.cancel_key_deletion(KeyId=key)
        self.refused("DisabledException", f"{made['Arn']} is disabled.", self.kms.disable_key_rotation, KeyId=key)
        self.kms.enable_key(KeyId=key)
        self.kms.disable_key_rotation(KeyId=key)
        self.assertFalse(self.kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"])
        for spec, usage in (("RSA_2048", "SIGN_VERIFY"), ("HMAC_256", "GENERATE_VERIFY_MAC")):
            other = self.key(KeySpec=spec, KeyUsage=usage)["KeyId"]
            for call in (self.kms.enable_key_rotation, self.kms.rotate_key_on_demand, self.kms.list_key_rotations):
                self.refused("UnsupportedOperationException", None, call, KeyId=other)

    def test_older_material_opens_what_it_encrypted(self):
        key = self.key()["KeyId"]
        blobs = []
        for i in range(25):
            blobs.append(self.kms.encrypt(KeyId=key, Plaintext=b"%d" % i)["CiphertextBlob"])
            self.kms.rotate_key_on_demand(KeyId=key)
        self.refused("LimitExceededException", None, self.kms.rotate_key_on_demand, KeyId=key)
        ids = set()
        for i, blob in enumerate(blobs):
            got = self.kms.decrypt(CiphertextBlob=blob)
            self.assertEqual(b"%d" % i, got["Plaintext"])
            ids.add(got["KeyMaterialId"])
        self.assertEqual(25, len(ids))
        rotations = self.kms.list_key_rotations(KeyId=key)["Rotations"]
        self.assertEqual([("ON_DEMAND", key)] * 25, [(r["RotationType"], r["KeyId"]) for r in rotations])
        everything = self.kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
        self.assertEqual(["NON_CURRENT"] * 25 + ["CURRENT"], [r["KeyMaterialState"] for r in everything])
        self.assertNotIn("RotationDate", everything[0])
        page = self.kms.list_key_rotations(KeyId=key, Limit=20)
        self.assertEqual(5, len(self.kms.list_key_rotations(KeyId=key, Limit=20, Marker=page["NextMarker"])["Rotations"]))


class MultiRegion(Import):
    """With the helpers of importing; the tests of it are its own class's."""
    test_what_is_refused = test_the_same_material_or_none = test_several_materials = test_material_expires = test_other_specs = None

    def in_region(self, region):
        at = harness.SERVER
        return harness.client("kms", key=at.key_id, secret=at.secret) if region == harness.REGION else __import__("boto3").client(
            "kms", endpoint_url=at.endpoint, region_name=region, aws_access_key_id=at.key_id, aws_secret_access_key=at.secret,
            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))

    def test_replicas_share_the_key(self):
        west = self.in_region("us-west-2")
        single, made = self.key(), self.key(MultiRegion=True)
        key = made["KeyId"]
        self.refused("UnsupportedOperationException", None, self.kms.replicate_key, KeyId=single["KeyId"], ReplicaRegion="us-west-2")
        self.refused("ValidationException", None, self.kms.replicate_key, KeyId=key, ReplicaRegion=harness.REGION)
        self.refused("NotFoundException", None, west.describe_key, KeyId=key)
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"words", EncryptionContext={"a": "1"})["CiphertextBlob"]
        got = self.kms.replicate_key(KeyId=key, ReplicaRegion="us-west-2", Description="there", Tags=[{"TagKey": "a", "TagValue": "b"}])
        about = got["ReplicaKeyMetadata"]
        self.assertEqual((key, "there", made["Arn"].replace(harness.REGION, "us-west-2")), (about["KeyId"], about["Description"], about["Arn"]))
        self.assertEqual([{"TagKey": "a", "TagValue": "b"}], got["ReplicaTags"])
        self.assertEqual(about["MultiRegionConfiguration"], west.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"])
        self.assertEqual(("REPLICA", ["us-west-2"]), (about["MultiRegionConfiguration"]["MultiRegionKeyType"],
                                                      [r["Region"] for r in about["MultiRegionConfiguration"]["ReplicaKeys"]]))
        self.refused("AlreadyExistsException", None, self.kms.replicate_key, KeyId=key, ReplicaRegion="us-west-2")
        self.refused("UnsupportedOperationException", None, west.replicate_key, KeyId=key, ReplicaRegion="eu-west-1")
        for kms, text in ((west, blob), (self.kms, west.encrypt(KeyId=key, Plaintext=b"words", EncryptionContext={"a": "1"})["CiphertextBlob"])):
            self.assertEqual(b"words", kms.decrypt(CiphertextBlob=text, EncryptionContext={"a": "1"})["Plaintext"])
        # A key of one Region alone is not known in another.
        self.refused("AccessDeniedException", None, west.decrypt,
                     CiphertextBlob=self.kms.encrypt(KeyId=single["KeyId"], Plaintext=b"x")["CiphertextBlob"])
        self.kms.rotate_key_on_demand(KeyId=key)
        self.refused("UnsupportedOperationException", None, west.rotate_key_on_demand, KeyId=key)
        new = self.kms.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"]
        self.assertEqual(b"new", west.decrypt(CiphertextBlob=new)["Plaintext"])
        self.assertEqual(b"words", west.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "1"})["Plaintext"])
        self.kms.enable_key_rotation(KeyId=key)
        self.assertTrue(west.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"])
        # State, policy and aliases are each one's own.
        west.disable_key(KeyId=key)
        self.assertEqual("Enabled", self.state(key))
        self.refused("DisabledException", None, west.decrypt, CiphertextBlob=new)
        west.enable_key(KeyId=key)

    def test_the_primary_moves_and_waits(self):
        west, eu = self.in_region("us-west-2"), self.in_region("eu-west-1")
        key = self.key(MultiRegion=True)["KeyId"]
        self.refused("NotFoundException", None, self.kms.update_primary_region, KeyId=key, PrimaryRegion="us-west-2")
        for region in ("us-west-2", "eu-west-1"):
            self.kms.replicate_key(KeyId=key, ReplicaRegion=region)
        self.refused("UnsupportedOperationException", None, west.update_primary_region, KeyId=key, PrimaryRegion="eu-west-1")
        self.kms.update_primary_region(KeyId=key, PrimaryRegion="us-west-2")
        for kms in (self.kms, west, eu):
            about = kms.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]
            self.assertEqual(("us-west-2", {harness.REGION, "eu-west-1"}),
                             (about["PrimaryKey"]["Region"], {r["Region"] for r in about["ReplicaKeys"]}))
        got = west.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        self.assertEqual("PendingReplicaDeletion", got["KeyState"])
        self.assertNotIn("DeletionDate", got)
        self.assertEqual(7, west.describe_key(KeyId=key)["KeyMetadata"]["PendingDeletionWindowInDays"])
        self.refused("KMSInvalidStateException", None, west.encrypt, KeyId=key, Plaintext=b"x")
        west.cancel_key_deletion(KeyId=key)
        self.assertEqual("Disabled", self.state(key, west))

    def test_imported_material_everywhere(self):
        west = self.in_region("us-west-2")
        key = self.key(MultiRegion=True, Origin="EXTERNAL")["KeyId"]
        one, two = os.urandom(32), os.urandom(32)
        self.take(key, one)
        blob = self.kms.encrypt(KeyId=key, Plaintext=b"words")["CiphertextBlob"]
        self.kms.replicate_key(KeyId=key, ReplicaRegion="us-west-2")
        self.assertEqual("PendingImport", self.state(key, west))
        self.refused("IncorrectKeyMaterialException", None, self.take, key=key, material=two, kms=west)
        self.take(key, one, kms=west)
        self.assertEqual(b"words", west.decrypt(CiphertextBlob=blob)["Plaintext"])
        self.take(key, two, ImportType="NEW_KEY_MATERIAL")
        listed = self.kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
        self.assertEqual("PENDING_MULTI_REGION_IMPORT_AND_ROTATION", listed[1]["KeyMaterialState"])
        self.refused("KMSInvalidStateException", None, self.kms.rotate_key_on_demand, KeyId=key)
        pending = self.take(key, two, kms=west, ImportType="EXISTING_KEY_MATERIAL")["KeyMaterialId"]
        # Deleted at the primary before its turn, it is gone from the replicas, and nothing else changes.
        self.kms.delete_imported_key_material(KeyId=key, KeyMaterialId=pending)
        for at in (self.kms, west):
            self.assertEqual(1, len(at.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]))
            self.assertEqual("Enabled", self.state(key, at))
        self.take(key, two, ImportType="NEW_KEY_MATERIAL")
        self.take(key, two, kms=west, ImportType="EXISTING_KEY_MATERIAL")
        self.kms.rotate_key_on_demand(KeyId=key)
        new = west.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"]
        self.assertEqual(b"new", self.kms.decrypt(CiphertextBlob=new)["Plaintext"])
        self.assertEqual(b"words", west.decrypt(CiphertextBlob=blob)["Plaintext"])


if __name__ == "__main__":
    harness.serve()
    harness.main()
