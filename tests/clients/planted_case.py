"""Secrets of every kind, told to a server or made by it: each function makes calls of one kind and says what of them is secret."""
import atexit
import base64
import hashlib
import hmac
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import time
import types
import uuid

import harness
import xks_proxy
from botocore import UNSIGNED
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from idp_case import HOST, Browser, Key, Provider, issue, now, path, query
from secrets_case import marker

XKS_HOST, IDP_HOST = "xks.example.test", "idp.example.test"
CLUSTER, MODULE, PIN = "cluster-abcdefg2345", "/usr/lib/softhsm/libsofthsm2.so", "kmsuser-" + uuid.uuid4().hex[:20]
WORK = tempfile.mkdtemp(prefix="bulwark-planted-")
atexit.register(shutil.rmtree, WORK, True)


def no(call, **arguments):
    try:
        call(**arguments)
    except ClientError:
        return
    raise AssertionError("not refused")


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
        no(client.create_login_profile, Password="Aa1!" + word.decode(), **arguments)
    found["plaintext without a key"] = text = marker().encode()
    no(kms.encrypt, KeyId=str(uuid.uuid4()), Plaintext=text)
    return found


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
    no(line.client("iam").upload_server_certificate, ServerCertificateName="large", CertificateBody=body, PrivateKey=key, CertificateChain=body * 20)
    return {**found, **{f"key behind a long chain: {k}": v for k, v in of_pem(key).items()}}


def exports(line):
    """A key that ACM made, and the words that it left under."""
    acm, word = line.client("acm"), marker().encode()
    arn = acm.request_certificate(DomainName="planted.example.com", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
    pem = acm.export_certificate(CertificateArn=arn, Passphrase=word)["PrivateKey"]
    key = serialization.load_pem_private_key(pem.encode(), word)
    wrong = marker().encode()
    no(acm.export_certificate, CertificateArn=arn + "0", Passphrase=wrong)
    return {"passphrase": word, "passphrase of no certificate": wrong, **{f"exported key: {k}": v for k, v in of_key(key).items()},
            "exported text": pem.splitlines()[5].encode()}


def code(seed, ahead):
    """RFC 6238."""
    mac = hmac.new(base64.b32decode(seed + b"=" * (-len(seed) % 8)), struct.pack(">Q", int(time.time()) // 30 + ahead), hashlib.sha1).digest()
    return f"{(int.from_bytes(mac[mac[19] & 15:][:4], 'big') & 0x7fffffff) % 1000000:06}"


def second_factors(line):
    """A device in use, and its codes."""
    iam, name = line.client("iam"), line.user()
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="d-" + uuid.uuid4().hex)["VirtualMFADevice"]
    seed, serial = device["Base32StringSeed"], device["SerialNumber"]
    words = [code(seed, -1), code(seed, 0), code(seed, 1)]
    iam.enable_mfa_device(UserName=name, SerialNumber=serial, AuthenticationCode1=words[0], AuthenticationCode2=words[1])
    key = iam.create_access_key(UserName=name)["AccessKey"]
    sts = line.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    sts.get_session_token(SerialNumber=serial, TokenCode=words[2])
    # Six digits are anywhere by chance: but not with the end of their name in front.
    return {"seed in use": seed, "its bytes": base64.b32decode(seed + b"=" * (-len(seed) % 8)), "first code": f"Code1={words[0]}".encode(),
            "second code": f"Code2={words[1]}".encode(), "code of a session": f"nCode={words[2]}".encode()}


class Outside:
    """Who stands outside: an identity provider, and a proxy of an external key manager."""

    def __init__(self):
        ca, _, signer = xks_proxy.certificate(WORK, [])
        self.proxy = xks_proxy.Proxy(*xks_proxy.certificate(WORK, [XKS_HOST], signer)[:2], XKS_HOST)
        issue("planted", names=f"DNS:{IDP_HOST},DNS:localhost")
        issue("site", names=f"DNS:{HOST}")
        self.idp, self.key = Provider("planted"), Key("planted-signer")
        self.url = f"https://{IDP_HOST}"
        self.idp.pages = {"/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": self.url + "/keys"}, "/keys": {"keys": [self.key.jwk()]}}
        self.options = ["--idp-ca", path("ca.pem"), "--idp-address", f"{IDP_HOST}=127.0.0.1:{self.idp.port}", "--xks-ca", ca,
                        "--xks-host", f"{XKS_HOST}=127.0.0.1:{self.proxy.port}"]
        self.env, self.store, self.token = {}, None, None
        if os.path.exists(MODULE):
            conf, tokens = os.path.join(WORK, "softhsm.conf"), os.path.join(WORK, "tokens")
            os.mkdir(tokens)
            pathlib.Path(conf).write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
            self.env = {"SOFTHSM2_CONF": conf}
            subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "planted", "--so-pin", "87654321", "--pin", PIN], check=True,
                           env={**os.environ, **self.env}, stdout=subprocess.DEVNULL)
            self.options += ["--cloudhsm", f"{CLUSTER}={MODULE},planted,{ca}"]
            self.trust = pathlib.Path(ca).read_text()


OUTSIDE = Outside()


def web_identities(line):
    iam, sts = line.client("iam"), line.client("sts", signature_version=UNSIGNED)
    url, audience = OUTSIDE.url, marker()
    provider = next((p["Arn"] for p in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]), None)
    if provider:
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID=audience)
    else:
        provider = iam.create_open_id_connect_provider(Url=url, ClientIDList=[audience])["OpenIDConnectProviderArn"]
    role = iam.create_role(RoleName="r-" + uuid.uuid4().hex[:12], AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity"}]}))["Role"]["Arn"]
    claims = {"iss": url, "sub": "planted", "aud": audience, "iat": now(), "exp": now() + 300}
    tokens = {"web identity token": OUTSIDE.key.token(claims), "token of another audience": OUTSIDE.key.token({**claims, "aud": "another"}),
              "token too late": OUTSIDE.key.token({**claims, "exp": now() - 7200}), "forged token": OUTSIDE.key.token(claims, digest="sha384")}
    found = {name: token.rpartition(".")[2].encode() for name, token in tokens.items()}
    for name, token in tokens.items():
        arguments = dict(RoleArn=role, RoleSessionName="web", WebIdentityToken=token)
        if name == "web identity token":
            got = sts.assume_role_with_web_identity(**arguments)["Credentials"]
        else:
            no(sts.assume_role_with_web_identity, **arguments)
    return {**found, "secret of a web session": got["SecretAccessKey"].encode(), "token of a web session": got["SessionToken"].encode()[80:]}


def key_stores(line):
    kms, text = line.client("kms"), marker().encode()
    secret, wrong = xks_proxy.SECRET, base64.b64encode(os.urandom(33)).decode()
    made = dict(CustomKeyStoreName="s-" + uuid.uuid4().hex[:8], CustomKeyStoreType="EXTERNAL_KEY_STORE", XksProxyConnectivity="PUBLIC_ENDPOINT",
                XksProxyUriEndpoint="https://" + XKS_HOST, XksProxyUriPath="/kms/xks/v1")

    def keys(raw):
        return {"XksProxyAuthenticationCredential": {"AccessKeyId": xks_proxy.KEY_ID, "RawSecretAccessKey": raw}}
    no(kms.create_custom_key_store, **made, **keys(wrong))
    if not OUTSIDE.store:
        OUTSIDE.store = kms.create_custom_key_store(**made, **keys(secret))["CustomKeyStoreId"]
        kms.connect_custom_key_store(CustomKeyStoreId=OUTSIDE.store)
        OUTSIDE.external = kms.create_key(Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=OUTSIDE.store, XksKeyId="good")["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=OUTSIDE.external, Plaintext=text)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == text
    return {"secret of a proxy": secret.encode(), "secret that the proxy does not know": wrong.encode(), "plaintext under an external key": text,
            "data key under an external key": kms.generate_data_key(KeyId=OUTSIDE.external, KeySpec="AES_256")["Plaintext"]}


def token_stores(line):
    if not OUTSIDE.env:
        return {}
    kms, wrong = line.client("kms"), "not-the-pin-" + uuid.uuid4().hex[:16]
    store = OUTSIDE.token
    if store:
        kms.update_custom_key_store(CustomKeyStoreId=store, KeyStorePassword=wrong)
    else:
        store = OUTSIDE.token = kms.create_custom_key_store(CustomKeyStoreName="token", CloudHsmClusterId=CLUSTER, KeyStorePassword=wrong,
                                                            TrustAnchorCertificate=OUTSIDE.trust)["CustomKeyStoreId"]
    kms.connect_custom_key_store(CustomKeyStoreId=store)
    kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    kms.update_custom_key_store(CustomKeyStoreId=store, KeyStorePassword=PIN)
    kms.connect_custom_key_store(CustomKeyStoreId=store)
    text = marker().encode()
    key = kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=text)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == text
    found = {"plaintext under a token's key": text, "random bytes of a token": kms.generate_random(NumberOfBytes=32, CustomKeyStoreId=store)["Plaintext"]}
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    return {**found, "PIN": PIN.encode(), "wrong PIN": wrong.encode()}


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


KINDS = (passwords, refused, credentials, seeds, second_factors, private_keys, exports, plaintexts, web_identities, key_stores, token_stores)


class Site:
    """A listener that has users log in at the provider first: its secret is the edge's as long as it is there."""

    def __init__(self):
        self.elb, ec2, iam = harness.client("elbv2"), harness.client("ec2"), harness.client("iam")
        self.client_secret = marker()
        pem, key = (pathlib.Path(path(name)).read_text() for name in ("site.pem", "site.key"))
        certificate = iam.upload_server_certificate(ServerCertificateName="site", CertificateBody=pem, PrivateKey=key)["ServerCertificateMetadata"]["Arn"]
        group = ec2.create_security_group(GroupName="site", Description="x", VpcId=ec2.describe_vpcs()["Vpcs"][0]["VpcId"])["GroupId"]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
        self.lb = self.elb.create_load_balancer(Name="site", Subnets=[s["SubnetId"] for s in ec2.describe_subnets()["Subnets"][:2]], SecurityGroups=[group])[
            "LoadBalancers"][0]["LoadBalancerArn"]
        self.port, url = harness.free_port(), OUTSIDE.idp.url
        check = {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {
            "Issuer": url, "AuthorizationEndpoint": url + "/auth", "TokenEndpoint": url + "/token", "UserInfoEndpoint": url + "/me", "ClientId": "app",
            "ClientSecret": self.client_secret}}
        self.elb.create_listener(LoadBalancerArn=self.lb, Protocol="HTTPS", Port=self.port, Certificates=[{"CertificateArn": certificate}], DefaultActions=[
            check, {"Type": "fixed-response", "Order": 2, "FixedResponseConfig": {"StatusCode": "200"}}])
        while self.described()["State"]["Code"] != "active":
            time.sleep(0.05)
        self.address = self.described()["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"]

    def described(self):
        return self.elb.describe_load_balancers(LoadBalancerArns=[self.lb])["LoadBalancers"][0]

    def login(self):
        """What passed by."""
        browser, said = Browser(self), {name: marker() for name in ("code", "access token", "refresh token", "user's name")}
        sent = query(browser.location("/"))
        token = OUTSIDE.key.token({"iss": OUTSIDE.idp.url, "aud": "app", "sub": "planted", "exp": now() + 60, "nonce": sent["nonce"]})
        OUTSIDE.idp.pages |= {"/token": {"access_token": said["access token"], "refresh_token": said["refresh token"], "token_type": "Bearer", "id_token": token},
                              "/me": {"sub": "planted", "name": said["user's name"]}}
        browser.location(f"/oauth2/idpresponse?code={said['code']}&state={sent['state']}")
        status, _, _ = browser.ask("/")
        assert status == 200, status
        cookies = {f"cookie {name}": value.encode()[20:] for name, value in browser.cookies[HOST].items()}
        assert cookies
        return {**{name: word.encode() for name, word in said.items()}, "ID token": token.rpartition(".")[2].encode(), **cookies}

    def close(self):
        self.elb.delete_load_balancer(LoadBalancerArn=self.lb)
