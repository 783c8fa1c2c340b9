#!/usr/bin/env python3
"""jwt-validation in the edge: who presents no good token does not pass; keys come from the configured endpoint alone."""
import hashlib
import hmac
import os
import shlex
import tempfile
import threading
import time
import unittest

import harness
from edge_case import Backend, Balancer, LAST, Player, fixed, group, header, log_lines, rule
from idp_case import Key, Provider, b64, now, path

LOGS = tempfile.mkdtemp(prefix="bulwark-edge-jwt-")
PLAYER = Player(LOGS, path("ca.pem"))
KEY, OTHER = Key("one"), Key("two")
ISSUER = "https://issuer.example/"


def jwt(url, issuer=ISSUER, claims=()):
    p = {"JwksEndpoint": url, "Issuer": issuer}
    for n, (name, form, values) in enumerate(claims, 1):
        p |= {f"AdditionalClaims.{n}.Name": name, f"AdditionalClaims.{n}.Format": form}
        p |= {f"AdditionalClaims.{n}.Values.{k}": v for k, v in enumerate(values, 1)}
    return {"type": "jwt-validation", "parameters": p}


def guarded(backend, check):
    g = group(f"g{backend.port}", [backend])
    lb = Balancer(PLAYER, g, attributes={"access_logs.s3.enabled": "true"})
    lb.listener["rules"] = [{**rule(LAST, None), "actions": [check, {"type": "forward", "forwards": [{"target_group": g["arn"], "weight": 1}]}]}]
    lb.publish()
    return lb


def good(**more):
    return {"iss": ISSUER, "exp": now() + 300, "sub": "me", **more}


def ask(lb, token=None, headers=(), **more):
    return lb.get("/", headers=[*([f"Authorization: Bearer {token}"] if token else []), *headers], **more)


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.provider = Provider()
        cls.provider.pages["/keys"] = {"keys": [KEY.jwk()]}
        cls.backend = Backend()
        cls.lb = guarded(cls.backend, jwt(cls.provider.url + "/keys"))

    def refused(self, reason, *words, **more):
        before = len(self.backend.requests)
        (status, headers, body), line = self.logged(*words, **more)
        self.assertEqual(status, 401, reason)
        self.assertIn(b"401 Authorization Required", body)
        self.assertEqual(header(headers, "server"), ["awselb/2.0"])
        self.assertEqual(len(self.backend.requests), before, "nothing reaches the target")
        self.assertEqual((line[22], line[24]), ("jwt-validation", reason))

    def lines(self):
        file = os.path.join(LOGS, f"app.lb.{self.lb.address}.log")
        return log_lines(file) if os.path.exists(file) else []

    def logged(self, *words, **more):
        """The request's answer, and the fields of its line in the access log."""
        before = len(self.lines())
        answer = ask(self.lb, *words, **more)
        PLAYER.until(lambda: len(self.lines()) > before, "the request is not logged")
        return answer, shlex.split(self.lines()[-1])

    def test_a_good_token_passes_as_it_is(self):
        token = KEY.token(good())
        answer, line = self.logged(token)
        self.assertEqual(answer[0], 200)
        self.assertEqual((line[22], line[24]), ("jwt-validation,forward", "-"))
        self.assertIn(f"Authorization: Bearer {token}\r\n".encode(), self.backend.requests[-1][0])

    def test_without_one_token_nobody_passes(self):
        token = KEY.token(good())
        self.refused("JWTHeaderNotPresent")
        for headers in (["Authorization: Basic bWU6bWU="], ["Authorization: Bearer"], [f"Authorization: {token}"],
                        [f"Authorization: Bearer  {token}"], [f"Authorization: Bearer {token} {token}"], [f"Authorization: Bearer {token},{token}"],
                        [f"Authorization: Bearer {token}", f"Authorization: Bearer {token}"], [f"Authorization: Bearer {token}x.y"]):
            self.refused("JWTRequestFormatInvalid", headers=headers)

    def test_the_algorithm_is_rs256_alone(self):
        text = f"{b64({'alg': 'none', 'kid': 'one'})}.{b64(good())}"
        for token in (f"{text}.", text):
            self.refused("JWTRequestFormatInvalid", token)
        self.refused("JWTSignatureValidationError", f"{text}.AAAA")
        # The public key as the secret of an HMAC.
        text = f"{b64({'alg': 'HS256', 'kid': 'one'})}.{b64(good())}"
        self.refused("JWTSignatureValidationError", f"{text}.{b64(hmac.new(KEY.modulus, text.encode(), hashlib.sha256).digest())}")
        self.refused("JWTSignatureValidationError", KEY.token(good(), {"alg": "RS512", "kid": "one"}, "sha512"))
        self.refused("JWTSignatureValidationError", KEY.token(good(), {"alg": "rs256", "kid": "one"}))

    def test_keys_of_the_token_are_not_believed(self):
        for more in ({"jwk": OTHER.jwk(kid="one")}, {"jku": self.provider.url + "/evil"}, {"x5u": self.provider.url + "/evil"}, {}):
            self.refused("JWTSignatureValidationError", OTHER.token(good(), {"alg": "RS256", "kid": "one", **more}))
        self.assertNotIn("/evil", self.provider.asked)

    def test_headers_and_claims_are_one_spelling(self):
        self.refused("JWTRequestFormatInvalid", KEY.token(good(), {"alg": "RS256", "kid": "one", "crit": ["x"], "x": 1}))
        self.refused("JWTRequestFormatInvalid", KEY.token(good(), b'{"alg":"RS256","kid":"one","kid":"one"}'))
        self.refused("JWTRequestFormatInvalid", KEY.token(b'{"iss":"%s","exp":9999999999,"iss":"x"}' % ISSUER.encode()))
        self.refused("JWTRequestFormatInvalid", KEY.token(b"[]"))

    def test_issuer_and_times(self):
        self.refused("JWTClaimNotPresent", KEY.token({"exp": now() + 300}))
        self.refused("JWTClaimNotPresent", KEY.token({"iss": ISSUER}))
        self.refused("JWTClaimValueInvalid", KEY.token(good(iss=ISSUER[:-1])))
        self.refused("JWTClaimFormatInvalid", KEY.token(good(iss=[ISSUER])))
        self.refused("JWTClaimValueInvalid", KEY.token(good(exp=now() - 1)))
        self.refused("JWTClaimFormatInvalid", KEY.token(good(exp=str(now() + 300))))
        self.refused("JWTClaimValueInvalid", KEY.token(good(nbf=now() + 120)))
        self.refused("JWTClaimValueInvalid", KEY.token(good(iat=now() + 120)))
        self.assertEqual(ask(self.lb, KEY.token(good(nbf=now() - 1, iat=now() - 1)))[0], 200)

    def test_a_token_has_a_longest(self):
        self.assertEqual(ask(self.lb, KEY.token(good(more="x" * 8000)))[0], 200)
        self.assertEqual(ask(self.lb, KEY.token(good(more="x" * 13000)))[0], 400, "no header may be so long")


class Claims(unittest.TestCase):
    def test_all_that_are_asked_for(self):
        provider, backend = Provider(), Backend()
        provider.pages["/keys"] = {"keys": [KEY.jwk()]}
        lb = guarded(backend, jwt(provider.url + "/keys", claims=[("client", "single-string", ["a"]), ("aud", "string-array", ["x", "y"]),
                                                                  ("scope", "space-separated-values", ["read", "write"])]))
        fits = {"client": "a", "aud": ["y", "z", "x"], "scope": "write admin read"}
        self.assertEqual(ask(lb, KEY.token(good(**fits)))[0], 200)
        for wrong in ({"client": "b"}, {"client": ["a"]}, {"client": None}, {"aud": ["x"]}, {"aud": "x"}, {"aud": ["x", "y", 7]},
                      {"scope": "read"}, {"scope": "readwrite"}, {"scope": ["read", "write"]}):
            self.assertEqual(ask(lb, KEY.token(good(**fits | wrong)))[0], 401, wrong)
        self.assertEqual(len(backend.requests), 1)


class Keys(unittest.TestCase):
    def balancer(self, provider, page="/keys"):
        self.backend = Backend()
        return guarded(self.backend, jwt(provider.url + page))

    def test_an_endpoint_that_cannot_be_had_lets_nobody_pass(self):
        many = {"keys": [KEY.jwk(kid=str(n)) for n in range(11)]}
        provider = Provider()
        provider.pages |= {"/many": many, "/large": b'{"keys":[]}' + b" " * (150 * 1024), "/no": (500, b"{}"), "/text": b"hello", "/one": {"keys": [KEY.jwk(), KEY.jwk()]},
                           "/moved": lambda h: (h.send_response(302), h.send_header("Location", provider.url + "/good"), h.send_header("Content-Length", "0"),
                                                h.end_headers(), None)[-1], "/good": {"keys": [KEY.jwk()]}}
        for page in ("/many", "/large", "/no", "/text", "/one", "/moved", "/nothing"):
            self.assertEqual(ask(self.balancer(provider, page), KEY.token(good()))[0], 500, page)
            self.assertEqual(self.backend.requests, [])
        self.assertNotIn("/good", provider.asked, "no redirect is followed")
        for certificate in ("untrusted", "elsewhere"):
            stranger = Provider(certificate)
            stranger.pages["/keys"] = {"keys": [KEY.jwk()]}
            self.assertEqual(ask(self.balancer(stranger), KEY.token(good()))[0], 500, certificate)
            self.assertEqual(stranger.asked, [])

    def test_the_edge_serves_on_while_an_endpoint_is_slow(self):
        provider = Provider()
        provider.pages["/keys"] = lambda h: (time.sleep(1.5), {"keys": [KEY.jwk()]})[1]
        slow = self.balancer(provider)
        quick = Balancer(PLAYER, default=fixed(200, "quick"))
        PLAYER.publish({"load_balancers": [slow.balancer, quick.balancer], "target_groups": slow.groups})
        PLAYER.health(self.backend.port, "healthy")
        answers = []
        token = KEY.token(good())
        waiting = [threading.Thread(target=lambda: answers.append(slow.get("/", "POST", [f"Authorization: Bearer {token}"], b"x" * 100000))) for _ in range(5)]
        for t in waiting:
            t.start()
        gone = slow.connect()
        gone.sendall(f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        gone.close()
        time.sleep(0.2)
        self.assertEqual(quick.get()[2], b"quick")
        self.assertEqual(answers, [])
        for t in waiting:
            t.join(20)
        self.assertEqual([a[0] for a in answers], [200] * 5)
        self.assertEqual(sorted(len(body) for _, body in self.backend.requests)[-5:], [100000] * 5)
        self.assertEqual(provider.asked, ["/keys"], "one look for all")

    def test_made_up_key_ids_cause_no_flood(self):
        provider = Provider()
        provider.pages["/keys"] = {"keys": [KEY.jwk()]}
        lb = self.balancer(provider)
        self.assertEqual(ask(lb, KEY.token(good()))[0], 200)
        for n in range(10):
            self.assertEqual(ask(lb, KEY.token(good(), {"alg": "RS256", "kid": f"made-up-{n}"}))[0], 401)
        self.assertEqual(len(provider.asked), 1)

    def test_images_keep_what_was_fetched(self):
        provider = Provider()
        provider.pages["/keys"] = {"keys": [KEY.jwk()]}
        lb = self.balancer(provider)
        self.assertEqual(ask(lb, KEY.token(good()))[0], 200)
        lb.publish()
        self.assertEqual(ask(lb, KEY.token(good()))[0], 200)
        self.assertEqual(len(provider.asked), 1)


if __name__ == "__main__":
    harness.main()
