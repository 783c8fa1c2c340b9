#!/usr/bin/env python3
"""authenticate-oidc in the edge: who cannot be told by the provider does not pass; then a login with a certified provider."""
import base64
import hashlib
import hmac
import html
import json
import os
import re
import shlex
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.parse

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

import harness
import node_case
from edge_case import ARN, Backend, Balancer, LAST, Player, free_port, group, header, log_lines, read_answer, rule
from idp_case import HOST, Browser, Key, Provider, b64, issue, now, path, query, unpad

LOGS = tempfile.mkdtemp(prefix="bulwark-edge-oidc-")
PLAYER = Player(LOGS, path("ca.pem"))
SIGNER = Key("idp-signer")
SECRET = "0123456789abcdef0123456789abcdef"
COOKIE = "AWSELBAuthSessionCookie"
issue("site", names=f"DNS:{HOST}")


def pem(name):
    with open(path(name)) as f:
        return f.read()


def oidc(url, **more):
    return {"type": "authenticate-oidc", "parameters": {
        "Issuer": url, "AuthorizationEndpoint": url + "/auth", "TokenEndpoint": url + "/token", "UserInfoEndpoint": url + "/me",
        "ClientId": "app", "ClientSecret": "a secret & more", "Scope": "openid email", "SessionCookieName": COOKIE, "SessionTimeout": "3600",
        "OnUnauthenticatedRequest": "authenticate", **more}}


def guarded(backend, *checks, **more):
    """A site over HTTPS whose one rule has the checks, then forwards."""
    g = group(f"g{backend.port}", [backend])
    lb = Balancer(PLAYER, g, protocol="HTTPS", attributes={"access_logs.s3.enabled": "true"},
                  auth_keys=[{"id": f"key-{n}", "from_ms": n * 1000, "secret": s} for n, s in enumerate((SECRET[::-1], SECRET))],
                  listener={"ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
                            "certificates": [{"arn": "arn:x", "chain_pem": pem("site.pem"), "key_pem": pem("site.key"), "is_default": True}]}, **more)
    lb.listener["rules"] = [{**rule(LAST, None), "actions": [*checks, {"type": "forward", "forwards": [{"target_group": g["arn"], "weight": 1}]}]}]
    lb.publish()
    return lb


def signing_key(secret=SECRET):
    """As crypto/es256.c derives it."""
    prk, seed, block = hmac.digest(bytes(32), secret.encode(), "sha256"), b"", b""
    for n in (1, 2):
        block = hmac.digest(prk, block + b"bulwark es256 key" + bytes([n]), "sha256")
        seed += block
    order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
    return ec.derive_private_key(int.from_bytes(seed[:48], "big") % (order - 1) + 1, ec.SECP256R1()).public_key()


class Scripted(unittest.TestCase):
    """A provider that says what the test wants."""

    def setUp(self):
        self.provider, self.backend = Provider(), Backend()
        self.claims, self.tokens, self.user = {}, {}, {"sub": "me", "email": "me@example.com"}
        self.forms, self.bearers = [], []
        self.token_status = 200
        self.provider.pages |= {"/token": self.token, "/me": self.me}
        self.lb = guarded(self.backend, oidc(self.provider.url))
        self.browser = Browser(self.lb)

    def token(self, handler):
        self.forms.append(dict(urllib.parse.parse_qsl(handler.body)))
        claims = {"iss": self.provider.url, "aud": "app", "sub": "me", "exp": now() + 60, "iat": now(), "nonce": self.nonce, **self.claims}
        said = {"access_token": "access-1", "token_type": "Bearer", "expires_in": 600,
                "id_token": SIGNER.token({k: v for k, v in claims.items() if v is not None}), **self.tokens}
        return self.token_status, json.dumps({k: v for k, v in said.items() if v is not None}).encode()

    def me(self, handler):
        self.bearers.append(handler.headers["Authorization"])
        return self.user if isinstance(self.user, (tuple, bytes)) else json.dumps(self.user).encode()

    def begin(self, at="/a/b?c=d", **more):
        self.sent = query(self.browser.location(at, **more))
        self.nonce = self.sent["nonce"]
        return self.sent

    def back(self, cookies=None, **query_):
        return self.browser.ask("/oauth2/idpresponse?" + urllib.parse.urlencode({"code": "the code", "state": self.sent["state"], **query_}), cookies=cookies)

    def login(self, **more):
        self.begin(**more)
        answer = self.back()
        self.assertEqual(answer[0], 302)
        return answer

    def logged(self):
        return [shlex.split(line) for line in log_lines(os.path.join(LOGS, f"app.lb.{self.lb.address}.log"))]

    def refused(self, status, reason, answer):
        self.assertEqual(answer[0], status, (reason, self.logged()[-1]))
        self.assertEqual([c for c in header(answer[1], "set-cookie") if COOKIE in c and "1970" not in c], [])
        PLAYER.until(lambda: any(line[24] == reason for line in self.logged()), f"{reason} is not logged")
        self.assertEqual(self.backend.requests, [], "nothing reaches the target")


class Login(Scripted):
    def test_the_way_there_and_back(self):
        url = self.browser.location("/a/b?c=d", method="POST", body=b"x" * 1000)
        self.assertTrue(url.startswith(self.provider.url + "/auth?"))
        self.begin()
        self.assertEqual({k: self.sent[k] for k in ("client_id", "redirect_uri", "response_type", "scope", "code_challenge_method")},
                         {"client_id": "app", "redirect_uri": f"https://{HOST}/oauth2/idpresponse", "response_type": "code", "scope": "openid email",
                          "code_challenge_method": "S256"})
        status, headers, _ = self.back()
        self.assertEqual((status, header(headers, "location")), (302, [f"https://{HOST}/a/b?c=d"]))
        self.assertEqual(self.backend.requests, [])
        form = self.forms[0]
        self.assertEqual({k: form[k] for k in ("grant_type", "code", "client_id", "client_secret", "redirect_uri")},
                         {"grant_type": "authorization_code", "code": "the code", "client_id": "app", "client_secret": "a secret & more",
                          "redirect_uri": self.sent["redirect_uri"]})
        self.assertEqual(b64(hashlib.sha256(form["code_verifier"].encode()).digest()), self.sent["code_challenge"])
        self.assertEqual(self.bearers, ["Bearer access-1"])
        for line in header(headers, "set-cookie"):
            for word in ("Path=/", "Secure", "HttpOnly", "SameSite=Lax"):
                self.assertIn(word, line)
            self.assertNotIn("access-1", line)
        self.assertEqual(self.browser.ask("/a/b?c=d")[0], 200)
        PLAYER.until(lambda: self.logged()[-1][22] == "authenticate,forward", "the actions are not logged")
        PLAYER.until(lambda: PLAYER.metric("ELBAuthSuccess") > 0, "the login is not counted")

    def test_the_target_is_told_who_it_is_and_by_nobody_else(self):
        self.login()
        spoof = ["X-Amzn-Oidc-Identity: root", "x-amzn-oidc-data: a.b.c", "X-AMZN-OIDC-ACCESSTOKEN: x"]
        self.assertEqual(self.browser.ask("/", headers=spoof)[0], 200)
        head = self.backend.requests[-1][0].decode().lower()
        self.assertEqual([head.count(f"\r\nx-amzn-oidc-{n}:") for n in ("identity", "data", "accesstoken")], [1, 1, 1])
        self.assertIn("\r\nx-amzn-oidc-identity: me\r\n", head)
        self.assertIn("\r\nx-amzn-oidc-accesstoken: access-1\r\n", head)
        data = re.search(r"(?i)x-amzn-oidc-data: (\S+)", self.backend.requests[-1][0].decode()).group(1)
        top, claims, signature = data.split(".")
        self.assertEqual({k: unpad(top)[k] for k in ("alg", "kid", "client", "iss", "signer")},
                         {"alg": "ES256", "kid": "key-1", "client": "app", "iss": self.provider.url, "signer": self.lb.balancer["arn"]})
        self.assertTrue(now() < unpad(top)["exp"] <= now() + 121)
        self.assertEqual({k: unpad(claims)[k] for k in ("sub", "email", "iss")}, {"sub": "me", "email": "me@example.com", "iss": self.provider.url})
        raw = base64.urlsafe_b64decode(signature)
        signing_key().verify(utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")),
                             f"{top}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))

    def test_who_comes_back_must_have_gone(self):
        self.begin()
        state = self.sent["state"]
        self.refused(401, "AuthMissingStateParam", self.browser.ask("/oauth2/idpresponse?code=x"))
        self.refused(401, "AuthMissingStateParam", self.browser.ask("/oauth2/idpresponse"))
        for wrong in ("x", state[:-4] + "AAAA", state[4:], state + "A"):
            self.refused(401, "AuthInvalidStateParam", self.back(state=wrong))
        self.refused(401, "AuthInvalidStateParam", self.browser.ask(f"/oauth2/idpresponse?code=x&state={state}&state={state}"))
        self.refused(401, "AuthMissingAWSALBAuthNonce", self.back(cookies={}))
        self.refused(401, "AuthInvalidAWSALBAuthNonce", self.back(cookies={"AWSALBAuthNonce": "AAAAAAAAAAAAAAAAAAAAAA"}))
        self.refused(401, "AuthMissingCodeParam", self.back(code=""))
        self.refused(401, "AuthAccessDenied", self.back(error="access_denied"))
        self.refused(561, "AuthIdpError", self.back(error="server_error"))
        self.assertEqual(self.forms, [], "the provider was not asked")

    def test_a_login_belongs_to_its_load_balancer_and_host(self):
        self.begin()
        other = guarded(self.backend, oidc(self.provider.url))
        self.assertEqual(Browser(other).ask("/oauth2/idpresponse?code=x&state=" + self.sent["state"], cookies=self.browser.cookies[HOST])[0], 401)
        PLAYER.publish(self.lb.image())
        self.refused(401, "AuthInvalidStateParam", self.elsewhere())

    def elsewhere(self):
        """The same browser's answer from another name of the site."""
        context = ssl.create_default_context(cafile=path("ca.pem"))
        with self.lb.connect() as plain, context.wrap_socket(plain, server_hostname=HOST) as s:
            s.sendall(f"GET /oauth2/idpresponse?code=x&state={self.sent['state']} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n"
                      f"Cookie: AWSALBAuthNonce={self.browser.cookies[HOST]['AWSALBAuthNonce']}\r\n\r\n".encode())
            with s.makefile("rb") as stream:
                return read_answer(stream)

    def test_tokens_that_are_not_for_us(self):
        for wrong in ({"iss": "https://evil.example"}, {"iss": None}, {"aud": "other"}, {"aud": ["other"]}, {"aud": None}, {"exp": now() - 1}, {"exp": None},
                      {"iat": now() + 600}, {"nonce": "x"}, {"nonce": None}, {"azp": "other"}, {"sub": None}, {"sub": "a\r\nX-Evil: 1"}):
            self.claims = wrong
            self.begin()
            self.refused(401, "AuthInvalidIdToken", self.back())
        self.assertEqual(self.bearers, [])
        self.claims = {}
        self.begin()
        self.tokens = {"id_token": f"{b64({'alg': 'none'})}.{b64({'iss': self.provider.url, 'aud': 'app', 'sub': 'me', 'exp': now() + 60, 'nonce': self.nonce})}.AAAA"}
        self.refused(401, "AuthInvalidIdToken", self.back())

    def test_what_is_no_answer_of_the_token_endpoint(self):
        for wrong in ({"access_token": None}, {"access_token": "a\r\nX-Evil: 1"}, {"token_type": None}, {"token_type": "mac"}, {"id_token": None}, {"id_token": 7},
                      {"access_token": "x" * (11 * 1024 + 1)}):
            self.tokens = wrong
            self.begin()
            self.refused(401, "AuthInvalidTokenResponse", self.back())
        self.tokens = {}
        for status, said, want in ((400, {"error": "invalid_grant"}, "AuthInvalidGrantError"), (400, {"error": "invalid_client"}, "AuthTokenEpRequestFailed"),
                                   (500, {}, "AuthTokenEpRequestFailed"), (302, {}, "AuthTokenEpRequestFailed")):
            self.token_status, self.tokens = status, said
            self.begin()
            self.refused(561, want, self.back())
        self.provider.pages["/token"] = b"hello"
        self.begin()
        self.refused(401, "AuthInvalidTokenResponse", self.back())
        self.provider.server.shutdown()
        self.provider.server.server_close()
        self.begin()
        self.refused(500, "AuthTokenEpRequestTimeout", self.back())

    def test_what_is_no_answer_of_the_user_info_endpoint(self):
        for user, status, reason in (({"sub": "other"}, 401, "AuthInvalidUserinfoResponse"), ({"email": "x"}, 401, "AuthInvalidUserinfoResponse"),
                                     (b"[]", 401, "AuthInvalidUserinfoResponse"), (b'{"sub":"me","sub":"me"}', 401, "AuthInvalidUserinfoResponse"),
                                     ((403, b"{}"), 561, "AuthUserinfoEpRequestFailed"),
                                     ({"sub": "me", "x": "y" * (11 * 1024)}, 401, "AuthUserinfoResponseSizeExceeded"),
                                     ({"sub": "me", "x": "y" * (70 * 1024)}, 401, "AuthUserinfoResponseSizeExceeded")):
            self.user = user
            self.begin()
            self.refused(status, reason, self.back())

    def test_a_large_session_is_cut_into_cookies(self):
        self.user = {"sub": "me", "x": "y" * (11 * 1024 - len('{"sub": "me", "x": ""}') - len("access-1"))}
        _, headers, _ = self.login()
        cookies = header(headers, "set-cookie")
        self.assertGreater(len(cookies), 3)
        self.assertTrue(all(len(c) <= 4096 for c in cookies))
        self.assertEqual(self.browser.ask("/")[0], 200)
        self.user = {"sub": "me"}
        self.begin(cookies={"AWSALBAuthNonce": self.browser.cookies[HOST]["AWSALBAuthNonce"]})
        self.back()
        self.assertEqual([k for k in self.browser.cookies[HOST] if COOKIE in k], [COOKIE + "-0"], "what is left of a longer one expires")
        self.assertEqual(self.browser.ask("/")[0], 200)


class Sessions(Scripted):
    def test_cookies_that_are_not_ours(self):
        self.login()
        good = self.browser.cookies[HOST][COOKIE + "-0"]
        for bad in ("x", good[:-4] + "AAAA", good + good, good[10:]):
            answer = self.browser.ask("/", cookies={COOKIE + "-0": bad})
            self.refused(401, "AuthInvalidCookie", answer)
            self.assertIn("1970", header(answer[1], "set-cookie")[0])
        self.assertEqual(self.browser.ask("/", cookies={COOKIE + "-1": good})[0], 302)
        self.assertEqual(self.browser.ask("/", cookies={COOKIE + "-0": good})[0], 200)

    def test_a_session_is_of_one_action_and_ends(self):
        self.login()
        for more in ({"Scope": "openid admin"}, {"ClientId": "other"}, {"TokenEndpoint": self.provider.url + "/token2"}, {"SessionTimeout": "1"}):
            self.lb.listener["rules"][0]["actions"][0] = oidc(self.provider.url, **more)
            self.lb.publish()
            if "SessionTimeout" in more:
                time.sleep(1.1)
            self.assertEqual(self.browser.ask("/")[0], 302, more)
        self.assertEqual(self.backend.requests, [])

    def test_keys_turn(self):
        self.login()
        later = {"id": "key-2", "from_ms": 2000, "secret": "f" * 32}
        self.lb.balancer["auth_keys"].append(later)
        self.lb.publish()
        self.assertEqual(self.browser.ask("/")[0], 200, "what an older key sealed opens")
        self.lb.balancer["auth_keys"] = [later]
        self.lb.publish()
        self.assertEqual(self.browser.ask("/")[0], 401)

    def test_others_are_refused_or_let_through_without_a_name(self):
        self.lb.listener["rules"][0]["actions"][0] = oidc(self.provider.url, OnUnauthenticatedRequest="deny")
        self.lb.publish()
        self.assertEqual(self.browser.ask("/")[0], 401)
        self.assertEqual(self.backend.requests, [])
        self.lb.listener["rules"][0]["actions"][0] = oidc(self.provider.url, OnUnauthenticatedRequest="allow")
        self.lb.publish()
        self.assertEqual(self.browser.ask("/", headers=["X-Amzn-Oidc-Identity: root"])[0], 200)
        self.assertNotIn(b"oidc", self.backend.requests[0][0].lower())

    def test_without_keys_or_tls_nobody_passes(self):
        keys = self.lb.balancer.pop("auth_keys")
        self.lb.publish(healthy=False)
        self.assertEqual(self.browser.ask("/")[0], 500)
        plain = Balancer(PLAYER, *self.lb.groups, auth_keys=keys)
        plain.listener["rules"] = self.lb.listener["rules"]
        plain.publish(healthy=False)
        self.assertEqual(plain.get()[0], 500)
        self.assertEqual(self.backend.requests, [])

    def test_extra_parameters_do_not_replace_ours(self):
        self.lb.listener["rules"][0]["actions"][0] = oidc(self.provider.url + "/x?y=z", **{
            "AuthenticationRequestExtraParams.prompt": "login & more", "AuthenticationRequestExtraParams.redirect_uri": "https://evil.example/"})
        self.lb.publish()
        url = self.browser.location("/")
        self.assertIn("y=z", url)
        self.assertEqual(query(url)["prompt"], "login & more")
        self.assertNotIn("evil", url)

    def test_an_address_to_return_to_has_a_longest(self):
        self.assertEqual(self.browser.ask("/" + "a" * 4095)[0], 302)
        self.assertEqual(self.browser.ask("/" + "a" * 4096)[0], 414)


class Refresh(Scripted):
    def setUp(self):
        super().setUp()
        self.tokens = {"expires_in": 0, "refresh_token": "refresh-1"}
        self.login()

    def test_claims_are_had_anew_when_the_token_is_old(self):
        self.tokens = {"expires_in": 600, "access_token": "access-2", "refresh_token": "refresh-2", "id_token": None}
        self.user = {"sub": "me", "email": "new@example.com"}
        before = self.browser.cookies[HOST][COOKIE + "-0"]
        status, _, body = self.browser.ask("/x", method="POST", body=b"z" * 50000)
        self.assertEqual((status, body), (200, b"ok"))
        self.assertEqual({k: self.forms[-1][k] for k in ("grant_type", "refresh_token", "client_id")},
                         {"grant_type": "refresh_token", "refresh_token": "refresh-1", "client_id": "app"})
        head, sent = self.backend.requests[-1]
        self.assertIn(b"access-2", head)
        self.assertEqual(sent, b"z" * 50000)
        self.assertNotEqual(self.browser.cookies[HOST][COOKIE + "-0"], before)
        self.assertEqual(self.browser.ask("/")[0], 200)
        self.assertEqual(len(self.forms), 2, "the new session is asked about no more")

    def test_who_cannot_be_refreshed_logs_in_again(self):
        for status, tokens, user in ((400, {"error": "invalid_grant"}, None), (200, {"id_token": None}, {"sub": "other"})):
            self.token_status, self.tokens, self.user = status, tokens, user or self.user
            self.assertEqual(self.browser.ask("/")[0], 302)
        self.tokens, self.user, self.claims = {}, {"sub": "me"}, {"sub": "other"}
        self.assertEqual(self.browser.ask("/")[0], 302)
        self.assertEqual(self.backend.requests, [])

    def test_a_logout_is_not_undone(self):
        self.tokens = {"expires_in": 600, "id_token": None}
        gone = f"{COOKIE}-0=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"
        self.backend.answer = f"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: {gone}\r\n\r\n".encode()
        _, headers, _ = self.browser.ask("/logout")
        self.assertEqual(header(headers, "set-cookie"), [gone])


class Certified(unittest.TestCase):
    """The npm package oidc-provider, in node."""

    def test_a_login(self):
        node = node_case.node_command()
        if not node:
            self.skipTest("no node and npm on this machine")
        self.assertIsNone(node_case.install())
        port, backend = free_port(), Backend()
        url = f"https://localhost:{port}"
        lb = guarded(backend, oidc(url, Scope="openid email profile", UserInfoEndpoint=url + "/me"))
        provider = subprocess.Popen([*node, "idp_provider.mjs"], cwd=node_case.HERE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={
            **os.environ, "PORT": str(port), "CERTIFICATE": path("idp.pem"), "KEY": path("idp.key"), "REDIRECT": f"https://{HOST}/oauth2/idpresponse"})
        try:
            while "ready" not in provider.stdout.readline():
                self.assertIsNone(provider.poll(), "the provider ended")
            self.walk(lb, backend)
        finally:
            provider.kill()
            provider.wait()
            provider.stdout.close()

    def walk(self, lb, backend):
        browser = Browser(lb)
        url = browser.location("/inside?a=b")
        for _ in range(12):
            if url.startswith(f"https://{HOST}/inside"):
                break
            status, headers, body = browser.ask(url)
            if status == 200:  # a page with a form
                form = body.decode()
                fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)) | {"login": "ann", "password": "x"}
                url = browser.location(urllib.parse.urljoin(url, html.unescape(re.search(r'action="([^"]+)"', form).group(1))), method="POST",
                                       body=urllib.parse.urlencode(fields).encode())
            else:
                self.assertIn(status, (302, 303), (url, body))
                url = urllib.parse.urljoin(url, header(headers, "location")[0])
        self.assertEqual(url, f"https://{HOST}/inside?a=b")
        self.assertEqual(browser.ask(url)[0], 200)
        self.assertEqual(self.claims(backend)["email"], "ann@example.com")
        self.assertEqual(self.claims(backend)["name"], "Ann Ä")
        first = re.search(rb"(?i)accesstoken: (\S+)", backend.requests[-1][0]).group(1)
        time.sleep(3.1)
        self.assertEqual(browser.ask(url)[0], 200)
        self.assertNotEqual(re.search(rb"(?i)accesstoken: (\S+)", backend.requests[-1][0]).group(1), first, "the access token was had anew")

    def claims(self, backend):
        return unpad(re.search(r"(?i)x-amzn-oidc-data: (\S+)", backend.requests[-1][0].decode()).group(1).split(".")[1])


if __name__ == "__main__":
    harness.main()
