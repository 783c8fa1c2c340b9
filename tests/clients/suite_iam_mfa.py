#!/usr/bin/env python3
"""Virtual MFA devices and what they open: registering, one-time codes, sessions, trust policies that ask for them."""
import base64
import hashlib
import hmac
import json
import struct
import time
import zlib

import harness
from iam_case import IamCase

WRONG_DEVICE = ("MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and "
                "associated with this user.")
WRONG_CODE = "MultiFactorAuthentication failed with invalid MFA one time pass code. "


def code(seed, ahead=0):
    """RFC 6238, as an authenticator has it; `ahead` steps from now."""
    mac = hmac.new(base64.b32decode(seed), struct.pack(">Q", int(time.time()) // 30 + ahead), hashlib.sha1).digest()
    at = mac[19] & 15
    return "%06d" % ((struct.unpack(">I", mac[at:at + 4])[0] & 0x7fffffff) % 1000000)


def settle():
    """Not at the end of a step, where a code would be another's before it is checked."""
    left = 30 - time.time() % 30
    if left < 8:
        time.sleep(left + 0.1)


class Mfa(IamCase):
    def device(self, name=None, **more):
        made = self.iam.create_virtual_mfa_device(VirtualMFADeviceName=name or self.name("mfa"), **more)["VirtualMFADevice"]
        self.cleanup(self.iam.delete_virtual_mfa_device, SerialNumber=made["SerialNumber"])
        return made["SerialNumber"], made["Base32StringSeed"].decode(), made

    def enable(self, user, serial, seed):
        """With the codes of the two steps before this one, so that this one's can still be used."""
        settle()
        self.iam.enable_mfa_device(UserName=user, SerialNumber=serial, AuthenticationCode1=code(seed, -2), AuthenticationCode2=code(seed, -1))
        self.cleanup(self.iam.deactivate_mfa_device, UserName=user, SerialNumber=serial)

    def holder(self, **documents):
        """(name, client maker with its key)"""
        name = self.user()["UserName"]
        for policy, document in documents.items():
            self.iam.put_user_policy(UserName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
            self.cleanup(self.iam.delete_user_policy, UserName=name, PolicyName=policy)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        self.cleanup(self.iam.delete_access_key, UserName=name, AccessKeyId=key["AccessKeyId"])
        return name, lambda service: harness.client(service, key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    def test_made_listed_tagged_deleted(self):
        name = self.name("mfa")
        serial, seed, made = self.device(name, Path="/team/", Tags=[{"Key": "a", "Value": "1"}])
        self.assertEqual(f"arn:aws:iam::{self.account}:mfa/team/{name}", serial)
        self.assertRegex(seed, r"^[A-Z2-7]{64}$")
        self.assertEqual([{"Key": "a", "Value": "1"}], made["Tags"])
        self.refused("EntityAlreadyExists", "MFADevice entity at the same path and name already exists.",
                     self.iam.create_virtual_mfa_device, VirtualMFADeviceName=name, Path="/team/")
        self.refused("ValidationError", None, self.iam.create_virtual_mfa_device, VirtualMFADeviceName="a b")
        self.refused("ValidationError", None, self.iam.create_virtual_mfa_device, VirtualMFADeviceName="a" * 227)
        self.iam.tag_mfa_device(SerialNumber=serial, Tags=[{"Key": "A", "Value": "2"}])
        self.iam.untag_mfa_device(SerialNumber=serial, TagKeys=["a", "none"])
        self.assertEqual([{"Key": "A", "Value": "2"}], self.iam.list_mfa_device_tags(SerialNumber=serial)["Tags"])
        listed = [d for p in self.iam.get_paginator("list_virtual_mfa_devices").paginate(AssignmentStatus="Unassigned", PaginationConfig={"PageSize": 1})
                  for d in p["VirtualMFADevices"]]
        self.assertIn({"SerialNumber": serial}, listed)
        other = serial + "x"
        self.refused("NoSuchEntity", f"VirtualMFADevice with serial number {other} doesn't exist.", self.iam.delete_virtual_mfa_device, SerialNumber=other)
        self.denied(self.iam.delete_virtual_mfa_device, SerialNumber=serial.replace(self.account, "999988887777"))
        self.refused("NoSuchEntity", f"MFA Device with serial number {other} does not exist.", self.iam.tag_mfa_device, SerialNumber=other, Tags=[{"Key": "a", "Value": ""}])

    def test_the_picture_is_a_png(self):
        png = self.device()[2]["QRCodePNG"]
        self.assertEqual(b"\x89PNG\r\n\x1a\n", png[:8])
        at, chunks = 8, {}
        while at < len(png):
            n, kind = struct.unpack(">I4s", png[at:at + 8])
            data = png[at + 8:at + 8 + n]
            self.assertEqual(zlib.crc32(kind + data), struct.unpack(">I", png[at + 8 + n:at + 12 + n])[0])
            chunks[kind], at = data, at + 12 + n
        width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
        rows = zlib.decompress(chunks[b"IDAT"])
        self.assertEqual((width, 1, 0, (1 + (width + 7) // 8) * height), (height, depth, colour, len(rows)))

    def test_two_consecutive_codes_register(self):
        user, (serial, seed, _) = self.user()["UserName"], self.device()
        settle()
        enable = {"UserName": user, "SerialNumber": serial}
        for first, second in ((code(seed, -1), code(seed, -1)), (code(seed, -1), code(seed, 1)), (code(seed), code(seed, -1)),
                              (code(seed, -200), code(seed, -199)), ("000000", "000001")):
            self.refused("InvalidAuthenticationCode", "Authentication code for device is not valid.", self.iam.enable_mfa_device,
                         AuthenticationCode1=first, AuthenticationCode2=second, **enable)
        self.refused("ValidationError", None, self.iam.enable_mfa_device, AuthenticationCode1="12345", AuthenticationCode2="abcdef", **enable)
        self.assertEqual([], self.iam.list_mfa_devices(UserName=user)["MFADevices"])
        self.enable(user, serial, seed)
        self.refused("EntityAlreadyExists", None, self.iam.enable_mfa_device, AuthenticationCode1=code(seed, 1), AuthenticationCode2=code(seed, 2), **enable)
        listed = self.iam.list_mfa_devices(UserName=user)["MFADevices"]
        self.assertEqual([(user, serial)], [(d["UserName"], d["SerialNumber"]) for d in listed])
        self.assertEqual(listed[0]["EnableDate"], self.iam.get_mfa_device(SerialNumber=serial, UserName=user)["EnableDate"])
        assigned = [d for d in self.iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"] if d["SerialNumber"] == serial]
        self.assertEqual(user, assigned[0]["User"]["UserName"])
        self.refused("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.", self.iam.delete_virtual_mfa_device, SerialNumber=serial)
        self.refused("DeleteConflict", "Cannot delete entity, must delete MFA device first.", self.iam.delete_user, UserName=user)
        summary = self.iam.get_account_summary()["SummaryMap"]
        self.assertGreaterEqual(summary["MFADevices"], summary["MFADevicesInUse"])
        self.assertGreaterEqual(summary["MFADevicesInUse"], 1)

    def test_eight_a_user(self):
        user = self.user()["UserName"]
        for _ in range(8):
            serial, seed, _ = self.device()
            self.enable(user, serial, seed)
        serial, seed, _ = self.device()
        settle()
        self.refused("LimitExceeded", None, self.iam.enable_mfa_device, UserName=user, SerialNumber=serial, AuthenticationCode1=code(seed, -2),
                     AuthenticationCode2=code(seed, -1))

    def test_of_somebody_else(self):
        user, other, (serial, seed, _) = self.user()["UserName"], self.user()["UserName"], self.device()
        self.enable(user, serial, seed)
        for call in (self.iam.deactivate_mfa_device, self.iam.get_mfa_device):
            self.refused("NoSuchEntity", None, call, UserName=other, SerialNumber=serial)
        self.refused("NoSuchEntity", None, self.iam.resync_mfa_device, UserName=other, SerialNumber=serial, AuthenticationCode1=code(seed), AuthenticationCode2=code(seed, 1))

    def test_resync_learns_the_clock(self):
        user, client = self.holder()
        serial, seed, _ = self.device()
        self.enable(user, serial, seed)
        late = {"SerialNumber": serial, "TokenCode": code(seed, 10)}
        self.refused("AccessDenied", WRONG_CODE, client("sts").get_session_token, **late)
        self.iam.resync_mfa_device(UserName=user, SerialNumber=serial, AuthenticationCode1=code(seed, 8), AuthenticationCode2=code(seed, 9))
        client("sts").get_session_token(**late)

    def test_sessions_carry_the_factor(self):
        need = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": {
                "Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "300"}}}]}
        user, client = self.holder(need=need)
        serial, seed, _ = self.device()
        self.enable(user, serial, seed)
        self.refused("AccessDenied", None, client("iam").list_users)
        sts = client("sts")
        now = code(seed)
        self.refused("AccessDenied", WRONG_DEVICE, sts.get_session_token, SerialNumber=serial + "x", TokenCode=now)
        self.refused("AccessDenied", None, sts.get_session_token, SerialNumber=serial)
        self.refused("AccessDenied", None, sts.get_session_token, TokenCode=now)
        self.refused("AccessDenied", WRONG_CODE, sts.get_session_token, SerialNumber=serial, TokenCode="%06d" % ((int(now) + 1) % 1000000))
        self.refused("AccessDenied", WRONG_DEVICE, harness.client("sts").get_session_token, SerialNumber=serial, TokenCode=now)
        shown = sts.get_session_token(SerialNumber=serial, TokenCode=now)["Credentials"]
        plain = sts.get_session_token()["Credentials"]
        # A code is good once, and older ones never again.
        for spent in (now, code(seed, -1)):
            self.refused("AccessDenied", WRONG_CODE, sts.get_session_token, SerialNumber=serial, TokenCode=spent)
        of = lambda c: harness.client("iam", key=c["AccessKeyId"], secret=c["SecretAccessKey"], token=c["SessionToken"])
        of(shown).list_users()
        self.refused("InvalidClientTokenId", None, of(plain).list_users)
        self.iam.deactivate_mfa_device(UserName=user, SerialNumber=serial)
        self.refused("AccessDenied", WRONG_DEVICE, sts.get_session_token, SerialNumber=serial, TokenCode=code(seed, 1))
        self.iam.enable_mfa_device(UserName=user, SerialNumber=serial, AuthenticationCode1=code(seed, 1), AuthenticationCode2=code(seed, 2))

    def test_trust_policies_ask_for_it(self):
        user, client = self.holder(may={"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]})
        serial, seed, _ = self.device()
        self.enable(user, serial, seed)
        role = self.name("role")
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": self.arn("user", user)}, "Action": "sts:AssumeRole",
                 "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]}
        arn = self.iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        self.cleanup(self.iam.delete_role, RoleName=role)
        assume = {"RoleArn": arn, "RoleSessionName": "s1"}
        self.refused("AccessDenied", None, client("sts").assume_role, **assume)
        self.refused("AccessDenied", WRONG_CODE, client("sts").assume_role, SerialNumber=serial, TokenCode=code(seed, 5), **assume)
        shown = {"SerialNumber": serial, "TokenCode": code(seed)}
        client("sts").assume_role(**shown, **assume)
        self.refused("AccessDenied", WRONG_CODE, client("sts").assume_role, **shown, **assume)

    def test_guessing_ends(self):
        user, client = self.holder()
        serial, seed, _ = self.device()
        self.enable(user, serial, seed)
        sts = client("sts")
        for _ in range(10):
            self.refused("AccessDenied", WRONG_CODE, sts.get_session_token, SerialNumber=serial, TokenCode=code(seed, 50))
        self.refused("AccessDenied", WRONG_CODE, sts.get_session_token, SerialNumber=serial, TokenCode=code(seed))

    def test_devices_follow_their_user(self):
        user, (serial, seed, _) = self.user()["UserName"], self.device()
        self.enable(user, serial, seed)
        other = self.name("renamed")
        self.iam.update_user(UserName=user, NewUserName=other)
        self.assertEqual([other], [d["UserName"] for d in self.iam.list_mfa_devices(UserName=other)["MFADevices"]])
        self.iam.update_user(UserName=other, NewUserName=user)

    def test_the_root_user_has_its_own(self):
        serial, seed, _ = self.device("root-account-mfa-device")
        root = lambda service: harness.client(service, key=harness.ROOT_KEY, secret=harness.ROOT_SECRET)
        self.refused("NoSuchEntity", None, self.iam.enable_mfa_device, UserName=self.account, SerialNumber=serial, AuthenticationCode1=code(seed, -2),
                     AuthenticationCode2=code(seed, -1))
        settle()
        root("iam").enable_mfa_device(UserName=self.account, SerialNumber=serial, AuthenticationCode1=code(seed, -2), AuthenticationCode2=code(seed, -1))
        self.cleanup(root("iam").deactivate_mfa_device, UserName=self.account, SerialNumber=serial)
        self.assertEqual(1, self.iam.get_account_summary()["SummaryMap"]["AccountMFAEnabled"])
        root("sts").get_session_token(SerialNumber=serial, TokenCode=code(seed))


if __name__ == "__main__":
    harness.serve()
    harness.main()
