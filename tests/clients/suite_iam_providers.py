#!/usr/bin/env python3
"""OpenID Connect providers, through boto3."""
import harness
from iam_case import IamCase, allow

PRINT = "990f4193972f2becf12ddeda5237f9c952f20d9e"


class OpenIdConnect(IamCase):
    def provider(self, url=None, **more):
        url = url or f"https://{self.name('idp')}.example.com"
        arn = self.iam.create_open_id_connect_provider(Url=url, **more)["OpenIDConnectProviderArn"]
        self.cleanup(self.iam.delete_open_id_connect_provider, OpenIDConnectProviderArn=arn)
        return arn, url

    def get(self, arn):
        return self.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)

    def test_made_read_deleted(self):
        arn, url = self.provider(f"https://{self.name('idp')}.example.com/a/Path", ClientIDList=["one", "two", "one"], ThumbprintList=[PRINT.upper()],
                                 Tags=[{"Key": "a", "Value": "1"}])
        self.assertEqual(f"arn:aws:iam::{self.account}:oidc-provider/{url[8:]}", arn)
        got = self.get(arn)
        self.assertEqual((url[8:], ["one", "two"], [PRINT], [{"Key": "a", "Value": "1"}]), (got["Url"], got["ClientIDList"], got["ThumbprintList"], got["Tags"]))
        self.assertIn({"Arn": arn}, self.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"])
        self.refused("EntityAlreadyExists", f"Provider with url {url} already exists.", self.iam.create_open_id_connect_provider, Url=url)
        self.assertGreaterEqual(self.iam.get_account_summary()["SummaryMap"]["Providers"], 1)
        for _ in range(2):
            self.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        self.refused("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", self.get, arn=arn)
        self.assertNotIn({"Arn": arn}, self.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"])

    def test_urls(self):
        for url in ("http://idp.example.com", "idp.example.com", "https://", "https:///x", "https://idp.example.com:8443", "https://u@idp.example.com", "https://localhost",
                    "https://idp.example.com/a?b=c", "https://idp.example.com/#f", "https://.example.com", "https://idp.example.com/a b", "ftp://idp.example.com"):
            self.refused("ValidationError", None, self.iam.create_open_id_connect_provider, Url=url)
        self.refused("ValidationError", None, self.iam.create_open_id_connect_provider, Url="https://" + "a" * 248)
        arn, url = self.provider(f"https://{self.name('idp')}.example.com/")
        # A slash at the end is part of the issuer's name.
        self.assertEqual((url[8:], f"arn:aws:iam::{self.account}:oidc-provider/{url[8:]}"), (self.get(arn)["Url"], arn))

    def test_clients(self):
        arn, _ = self.provider()
        for client in ("b", "a", "a"):
            self.iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=client)
        self.assertEqual(["b", "a"], self.get(arn)["ClientIDList"])
        for client in ("b", "none"):
            self.iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=client)
        self.assertEqual(["a"], self.get(arn)["ClientIDList"])
        full, _ = self.provider(ClientIDList=[f"c{i}" for i in range(100)])
        self.refused("LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100", self.iam.add_client_id_to_open_id_connect_provider,
                     OpenIDConnectProviderArn=full, ClientID="one more")
        self.assertEqual(100, len(self.get(full)["ClientIDList"]))

    def test_thumbprints(self):
        arn, _ = self.provider()
        self.assertEqual([], self.get(arn)["ThumbprintList"])
        update = self.iam.update_open_id_connect_provider_thumbprint
        update(OpenIDConnectProviderArn=arn, ThumbprintList=[PRINT] * 5)
        for bad in ([PRINT] * 6, ["z" * 40]):
            self.refused("InvalidInput", None, update, OpenIDConnectProviderArn=arn, ThumbprintList=bad)
        self.refused("ValidationError", None, update, OpenIDConnectProviderArn=arn, ThumbprintList=[PRINT[:-1]])

    def test_tags(self):
        arn, _ = self.provider()
        self.iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": k, "Value": "v"} for k in "cab"])
        self.iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["b"])
        self.assertEqual(["a", "c"], [t["Key"] for t in self.iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"]])
        self.refused("LimitExceeded", None, self.iam.tag_open_id_connect_provider, OpenIDConnectProviderArn=arn,
                     Tags=[{"Key": f"k{i}", "Value": ""} for i in range(50)])

    def test_permissions_follow_arn_and_tags(self):
        arn, _ = self.provider(Tags=[{"Key": "team", "Value": "red"}])
        other, _ = self.provider()
        red = self.client_with(allow("iam:GetOpenIDConnectProvider", condition={"StringEquals": {"aws:ResourceTag/team": "red"}}))
        red.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        self.denied(red.get_open_id_connect_provider, OpenIDConnectProviderArn=other)
        maker = self.client_with(allow("iam:CreateOpenIDConnectProvider"))
        self.denied(maker.create_open_id_connect_provider, Url=f"https://{self.name('x')}.example.com", Tags=[{"Key": "a", "Value": "b"}])

    def test_arns(self):
        self.refused("ValidationError", "Invalid ARN:  Could not be parsed!", self.get, arn="not an arn but long enough")
        self.denied(self.get, arn="arn:aws:iam::999988887777:oidc-provider/idp.example.com")
        self.refused("NoSuchEntity", None, self.get, arn=self.arn("saml-provider", "x"))
        # Policies are held against the ARN as it was given: no other spelling leads to the same provider.
        arn, _ = self.provider()
        self.refused("NoSuchEntity", None, self.get, arn=arn.replace("arn:aws:", "arn:aws-cn:"))
        self.refused("NoSuchEntity", None, self.get, arn=arn.replace(":iam::", ":iam:us-east-1:"))


if __name__ == "__main__":
    harness.serve()
    harness.main()
