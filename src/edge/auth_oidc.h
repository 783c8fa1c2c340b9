/* authenticate-oidc (ALB User Guide, "Authenticate users using an Application Load Balancer"): auth_oidc.c
 * decides, auth_login.c sends users to their provider and takes them back, auth_flow.c speaks to the
 * provider's endpoints, auth_session.c seals what a browser keeps, auth_identity.c tells targets who it is.
 */
#pragma once

#include "edge/auth.h"
#include "edge/check.h"
#include "helper/helper.h"

#define AUTH_CALLBACK     "/oauth2/idpresponse"
#define AUTH_NONCE_COOKIE "AWSALBAuthNonce"

enum {
	AUTH_DIGEST = 32,
	AUTH_LOGIN_S = 15 * 60,      /* ALB's client login timeout */
	AUTH_TARGET_MAX = 4096,      /* of a URL to return to: it travels in the provider's and in ours */
	AUTH_CLAIMS_MAX = 11 * 1024, /* of claims and access token together, as ALB states */
	AUTH_REFRESH_MAX = 4096,     /* of a refresh token */
	AUTH_SHARDS_MAX = 8,         /* cookies of a session: all of the above sealed and in letters is six */
	AUTH_SHARD_BYTES = 3900,     /* browsers keep cookies of 4,096 bytes, name and attributes included */
	AUTH_TOKEN_ANSWER_MAX = 64 * 1024,
};

/* ---- auth_keys.c: of a load balancer ---- */

struct bw_aead_key;
struct bw_es256;

struct auth_key {
	struct bw_str id;
	int64_t from_ms;
	struct bw_aead_key *sealer;
	struct bw_es256 *signer;
};

struct auth_keys {
	struct auth_key *v; /* the newest first */
	size_t n;
};

/* The one that seals and signs now; NULL: none is given. */
const struct auth_key *auth_key_now(const struct balancer *b, int64_t now_ms);

/* ---- auth_session.c ---- */

struct oidc {
	const struct balancer *balancer;
	struct bw_str issuer, authorization, token, userinfo, client, secret, scope, cookie;
	struct bw_pairs extra; /* of the authorization request */
	int64_t timeout_s;
	enum { OIDC_AUTHENTICATE, OIDC_ALLOW, OIDC_DENY } otherwise;
	unsigned char
	    digest[AUTH_DIGEST]; /* of all that a session of one action has in common with no other */
};

/* What a browser keeps after a login, sealed. Times are seconds since 1970. */
struct session {
	struct bw_str action; /* its digest */
	int64_t since_s;
	int64_t access_until_s;                                     /* 0: the provider did not say */
	struct bw_str access_token, refresh_token, subject, claims; /* claims: one JSON object */
};

/* What a login takes along, sealed, through the provider and back. */
struct login {
	struct bw_str action;
	int64_t since_s;
	struct bw_str browser;      /* the value of its nonce cookie */
	struct bw_str verifier;     /* of PKCE; the ID token's nonce is made of it too */
	struct bw_str host, target; /* where to return to */
};

enum found { FOUND_NONE, FOUND_BAD, FOUND_GOOD };
/* The session of this action that the request's cookies hold. BAD: they are none of ours. Slices live in `a`.
 */
enum found session_find(struct exchange *x, const struct oidc *o, const struct bw_http_request *r,
    struct bw_arena *a, struct session *out);
/* Set-Cookie lines into x->cookies; cookies of a longer session before it expire. */
void session_set(
    struct exchange *x, const struct oidc *o, const struct bw_http_request *r, const struct session *s);
void session_clear(struct exchange *x, const struct oidc *o, const struct bw_http_request *r);
void login_seal(const struct oidc *o, int64_t now_ms, const struct login *l, struct bw_buf *out);
/* Of any action of the load balancer. BW_ECORRUPT: not ours, or older than AUTH_LOGIN_S. */
BW_CHECKED enum bw_err login_open(
    const struct balancer *b, struct bw_str state, int64_t now_ms, struct bw_arena *a, struct login *out);

/* ---- auth_flow.c: what is asked of the provider, and what became of it ---- */

struct auth_flow {
	struct exchange *x;
	const struct oidc *o;
	struct bw_arena arena;
	struct parked *waiting; /* x's request */
	struct bw_errand ask;
	bool asking, refresh;
	struct login login;     /* of a login that ends */
	struct session session; /* of a refresh: what there was; then what there is */
	const char *failed;     /* the access log's word */
	void (*answered)(struct auth_flow *f, const struct bw_errand_answer *a);
};

/* The code of a login, or a session's refresh token, is exchanged for a session; x is parked, and its check
 * runs again with x->flow whole. False: it was answered at once. */
bool flow_login(struct exchange *x, const struct oidc *o, const struct bw_http_request *r,
    const struct login *l, struct bw_str code);
bool flow_refresh(
    struct exchange *x, const struct oidc *o, const struct bw_http_request *r, const struct session *s);

/* ---- auth_login.c ---- */

/* Sends the user to the provider. */
enum verdict login_begin(struct exchange *x, const struct oidc *o, const struct bw_http_request *r);
/* Takes the user back, or refuses, by what the flow came to. */
enum verdict login_end(struct exchange *x, const struct oidc *o, const struct bw_http_request *r);
/* The value that the ID token must carry. */
struct bw_str login_nonce(struct bw_arena *a, struct bw_str verifier);

/* ---- auth_oidc.c ---- */

/* Refuses with the status and metric of the access log's word. */
enum verdict auth_refuse(struct exchange *x, const char *reason);
const struct oidc *oidc_of(const struct check *c);

/* ---- auth_identity.c ---- */

/* Header lines into x->identity. False: no key signs. */
bool identity_put(struct exchange *x, const struct oidc *o, const struct session *s);
/* What may stand in a header's value: visible ASCII and spaces. */
bool identity_fits(struct bw_str s);
