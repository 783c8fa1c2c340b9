// A certified OpenID provider for suite_edge_oidc.py: PORT, CERTIFICATE, KEY and REDIRECT come in the environment.
import fs from "node:fs";
import https from "node:https";
import Provider from "oidc-provider";

const { PORT, CERTIFICATE, KEY, REDIRECT } = process.env;

const provider = new Provider(`https://localhost:${PORT}`, {
  clients: [{
    client_id: "app", client_secret: "a secret & more", redirect_uris: [REDIRECT], grant_types: ["authorization_code", "refresh_token"],
    token_endpoint_auth_method: "client_secret_post",
  }],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  cookies: { keys: ["only a test"] },
  features: { devInteractions: { enabled: true } },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: "Ann Ä" }) }),
  issueRefreshToken: () => true,
  pkce: { required: () => true },
  ttl: { AccessToken: 3, Session: 600, Grant: 600, Interaction: 600, IdToken: 600, RefreshToken: 600 },
});

https.createServer({ cert: fs.readFileSync(CERTIFICATE), key: fs.readFileSync(KEY) }, provider.callback())
  .listen(Number(PORT), "127.0.0.1", () => console.log("ready"));
