#include "core/key_sets.h"
#include "core/provider.h"
#include "net/fetch.h"
#include "svc/sts/sts.h"
#include "svc/sts/web_token.h"

/* AssumeRoleWithWebIdentity: the token of an OpenID Connect provider that the role's account knows is the
 * caller's proof. Keys come from the provider's own discovery document (OpenID Connect Discovery 1.0, section
 * 4) and from nowhere else. */

#define NO_KEY                                                                                               \
	"Couldn't retrieve verification key from your identity provider,  please reference "                 \
	"AssumeRoleWithWebIdentity "                                                                         \
	"documentation for requirements"

enum proof_stage { PROOF_TOKEN, PROOF_DISCOVERY, PROOF_KEYS };

struct proof {
	enum proof_stage stage;
	struct sts_web_token token;
	struct bw_oidc_provider provider;
	struct bw_str account, arn; /* of the provider */
};

static struct proof *proof_of(const struct bw_call *call)
{
	return call->proof;
}

static enum bw_err invalid(struct bw_call *call, const char *why)
{
	return bw_call_fail(call, "InvalidIdentityToken", "%s", why);
}

/* ---- What the token says of itself ---- */

static enum bw_err provider_load(struct bw_call *call, struct proof *p)
{
	struct bw_str url = p->token.issuer;
	enum bw_err e = BW_ENOTFOUND;

	if (bw_str_starts(url, BW_STR("https://"))) {
		url = bw_str_sub(url, 8, url.n);
		e = bw_call_load(call, &bw_oidc_provider_record,
		    bw_oidc_provider_key(call->arena, p->account, url), &p->provider);
	}
	if (e == BW_OK && !bw_str_eq(p->provider.url, url))
		e = BW_ENOTFOUND;
	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "InvalidIdentityToken",
		    "No OpenIDConnect provider found in your account for %.*s", BW_FMT(p->token.issuer));
	TRY(e);
	p->arn = bw_arena_printf(
	    call->arena, "arn:aws:iam::%.*s:oidc-provider/%.*s", BW_FMT(p->account), BW_FMT(p->provider.url));
	return BW_OK;
}

/* One of the audiences is a client that the provider is registered for; the token is for that one. */
static enum bw_err audience_check(struct bw_call *call, struct proof *p)
{
	struct sts_web_token *t = &p->token;

	if (t->authorised_party)
		return bw_strs_has(&p->provider.clients, t->audience)
		           ? BW_OK
		           : invalid(call, "Incorrect token audience");
	for (size_t i = 0; i < t->audiences.n; i++)
		if (bw_strs_has(&p->provider.clients, t->audiences.v[i])) {
			t->audience = t->audiences.v[i];
			return BW_OK;
		}
	return invalid(call, "Incorrect token audience");
}

static enum bw_err time_check(struct bw_call *call, const struct sts_web_token *t)
{
	enum {
		SKEW_S = 60,     /* a provider's clock may run before ours */
		GRACE_S = 5 * 60 /* IAM User Guide, "OIDC federation": for a clock that runs behind */
	};
	long long now_s = call->now_ms / 1000;

	if (now_s - GRACE_S >= t->expires_s)
		return bw_call_fail(call, "ExpiredTokenException",
		    "Token expired: current date/time %lld must be before the expiration date/time %lld",
		    now_s, (long long)t->expires_s);
	if (t->not_before_s > now_s + SKEW_S)
		return invalid(call, "Token is not valid yet");
	return BW_OK;
}

static enum bw_err token_take(
    struct bw_call *call, const IN_sts_AssumeRoleWithWebIdentity *in, struct proof *p)
{
	const char *missing;

	TRY(sts_role_account(call, in->RoleArn, &p->account));
	if (bw_str_set(in->ProviderId))
		return bw_call_fail(call, "ValidationError", "%s",
		    "ProviderId is for OAuth 2.0 access tokens; an OpenID Connect ID token names its "
		    "provider itself.");
	if (sts_web_token_read(in->WebIdentityToken, call->arena, &p->token, &missing) != BW_OK)
		return missing ? bw_call_fail(
		                     call, "InvalidIdentityToken", "Missing a required claim: %s", missing)
		               : invalid(call, "The ID Token provided is not a valid JWT. (You may see this "
		                               "error if you sent an "
		                               "Access Token)");
	TRY(provider_load(call, p));
	TRY(audience_check(call, p));
	return time_check(call, &p->token);
}

/* ---- The provider's keys ---- */

/* GETs an HTTPS URL through the outside. */
static enum bw_err fetch(struct bw_call *call, struct bw_str url)
{
	struct bw_outside_request *r = BW_NEW(call->arena, struct bw_outside_request);
	struct bw_url parts;

	if (bw_url_parse(url, &parts) != BW_OK || parts.port != 443)
		return invalid(call, NO_KEY);
	r->op = BW_OUTSIDE_FETCH;
	r->where = parts.host;
	r->input = bw_arena_printf(call->arena,
	    "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nAccept: application/json\r\n\r\n", BW_FMT(parts.target),
	    BW_FMT(parts.authority));
	call->reach = r;
	return BW_OK;
}

static enum bw_err discover(struct bw_call *call, struct proof *p)
{
	struct bw_str url = p->provider.url;

	if (!bw_key_set_may_ask(call, url))
		return bw_call_fail(call, "IDPCommunicationError", "%s",
		    "The identity provider is being asked for its keys by too many calls. Retry the "
		    "request.");
	if (bw_str_ends(url, BW_STR("/")))
		url = bw_str_sub(url, 0, url.n - 1);
	p->stage = PROOF_DISCOVERY;
	return fetch(
	    call, bw_arena_printf(call->arena, "https://%.*s/.well-known/openid-configuration", BW_FMT(url)));
}

/* What the provider answered, as JSON. */
static enum bw_err answer_check(struct bw_call *call)
{
	switch (call->reached.result) {
	case BW_OK:
		return call->reached.status == 200 ? BW_OK : invalid(call, NO_KEY);
	case BW_EINVAL:
	case BW_ETOOBIG:
		return invalid(call, NO_KEY);
	default:
		return bw_call_fail(call, "IDPCommunicationError", "%s",
		    "The identity provider that was asked to verify the incoming identity token could not be "
		    "reached. Retry the request.");
	}
}

static enum bw_err discovery_take(struct bw_call *call, struct proof *p)
{
	const struct bw_json_value *issuer, *keys;
	struct bw_json_value v;

	TRY(answer_check(call));
	if (bw_json_parse(call->reached.out, call->arena, &v) != BW_OK || v.kind != BW_JSON_OBJECT)
		return invalid(call, NO_KEY);
	issuer = bw_json_member(&v, BW_STR("issuer"));
	keys = bw_json_member(&v, BW_STR("jwks_uri"));
	if (!issuer || issuer->kind != BW_JSON_STRING || !bw_str_eq(issuer->text, p->token.issuer) || !keys ||
	    keys->kind != BW_JSON_STRING)
		return invalid(call, NO_KEY);
	p->stage = PROOF_KEYS;
	return fetch(call, keys->text);
}

static enum bw_err keys_take(struct bw_call *call, struct proof *p)
{
	struct bw_jwks *set;

	TRY(answer_check(call));
	if (bw_jwks_parse(call->reached.out, &set) != BW_OK)
		return invalid(call, NO_KEY);
	bw_key_set_keep(call, p->provider.url, set);
	return BW_OK;
}

/* BW_ENOTFOUND: a key that the provider may have made since it was asked. */
static enum bw_err signature_check(struct bw_call *call, struct proof *p)
{
	const struct bw_jwks *set = bw_key_set_find(call, p->provider.url);
	enum bw_err e = set ? bw_jwks_verify(set, &p->token.jws, (1u << BW_SIGNATURES) - 1) : BW_ENOTFOUND;

	return e == BW_OK || e == BW_ENOTFOUND ? e : invalid(call, "The signature of the token is not valid");
}

/* ---- The proof ---- */

static struct bw_str claim_name(struct bw_call *call, const struct proof *p, const char *claim)
{
	return bw_arena_printf(call->arena, "%.*s:%s", BW_FMT(p->provider.url), claim);
}

static void caller_make(struct bw_call *call, struct proof *p)
{
	struct bw_caller *c = BW_NEW(call->arena, struct bw_caller);
	const struct sts_web_token *t = &p->token;

	c->kind = BW_PRINCIPAL_WEB;
	c->account = call->account = p->account;
	c->arn = c->provider = p->arn;
	c->name = t->subject;
	c->id = bw_arena_printf(
	    call->arena, "%.*s:%.*s:%.*s", BW_FMT(p->arn), BW_FMT(t->audience), BW_FMT(t->subject));
	c->amr = t->amr;
	bw_pairs_set(&c->claims, call->arena, claim_name(call, p, "sub"), t->subject);
	bw_pairs_set(&c->claims, call->arena, claim_name(call, p, "aud"), t->audience);
	if (t->authorised_party)
		bw_pairs_set(&c->claims, call->arena, claim_name(call, p, "oaud"), t->audiences.v[0]);
	call->caller = c;
}

static enum bw_err proof_begin(struct bw_call *call, const IN_sts_AssumeRoleWithWebIdentity *in)
{
	struct proof *p = BW_NEW(call->arena, struct proof);

	TRY(token_take(call, in, p));
	call->proof = p;
	return BW_OK;
}

static enum bw_err prove(struct bw_call *call, const void *in, struct bw_keyer_request *request)
{
	struct proof *p = call->proof;
	enum bw_err e;

	(void)request;
	if (!p) {
		TRY(proof_begin(call, in));
		p = call->proof;
	} else if (p->stage == PROOF_DISCOVERY) {
		return discovery_take(call, p);
	} else {
		TRY(keys_take(call, p));
	}
	e = signature_check(call, p);
	if (e == BW_ENOTFOUND)
		return p->stage == PROOF_TOKEN ? discover(call, p) : invalid(call, NO_KEY);
	TRY(e);
	caller_make(call, p);
	return BW_OK;
}

/* ---- The call ---- */

static enum bw_err assumed_resource(struct bw_call *call)
{
	const IN_sts_AssumeRoleWithWebIdentity *in = call->in;
	const struct sts_web_token *t = &proof_of(call)->token;

	return sts_role_state(call, in->RoleArn, t->tags.n > 0, bw_str_set(t->source_identity));
}

static enum bw_err assumed_keys(struct bw_call *call)
{
	const IN_sts_AssumeRoleWithWebIdentity *in = call->in;
	const struct sts_web_token *t = &proof_of(call)->token;
	struct bw_strs names = {0};

	bw_call_context(call, BW_STR("sts:RoleSessionName"), in->RoleSessionName);
	bw_call_context(call, BW_STR("sts:SourceIdentity"), t->source_identity);
	for (size_t i = 0; i < t->tags.n; i++) {
		bw_call_context(call,
		    bw_arena_printf(call->arena, "aws:RequestTag/%.*s", BW_FMT(t->tags.v[i].key)),
		    t->tags.v[i].value);
		bw_strs_add(&names, call->arena, t->tags.v[i].key);
	}
	if (names.n)
		bw_call_context_list(call, BW_STR("aws:TagKeys"), names.v, names.n);
	if (t->transitive.n)
		bw_call_context_list(call, BW_STR("sts:TransitiveTagKeys"), t->transitive.v, t->transitive.n);
	return BW_OK;
}

/* What the model asks of the inputs of AssumeRole holds for the claims too. */
static bool characters_ok(struct bw_str text, const char *marks, bool foreign)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!plain && (c < 128 ? !c || !strchr(marks, c) : !foreign))
			return false;
	}
	return true;
}

static enum bw_err tags_choose(
    struct bw_call *call, const struct sts_web_token *t, struct bw_session *session)
{
	struct sts_tagListType list = {
	    .n = t->tags.n, .v = BW_NEW_ARRAY(call->arena, struct sts_Tag, t->tags.n + 1)};

	for (size_t i = 0; i < t->tags.n; i++) {
		struct bw_str key = t->tags.v[i].key, value = t->tags.v[i].value;

		if (!key.n || key.n > 128 || value.n > 256 || !characters_ok(key, " _.:/=+-@", true) ||
		    !characters_ok(value, " _.:/=+-@", true))
			return invalid(call, "A session tag of the token is not valid");
		list.v[i] = (struct sts_Tag){.Key = key, .Value = value};
	}
	TRY(sts_tags_take(call, &list, &session->tags));
	for (size_t i = 0; i < t->transitive.n; i++)
		if (!bw_pairs_find_nocase(&session->tags, t->transitive.v[i]))
			return bw_call_fail(call, "InvalidParameterValue", "%s",
			    "The specified transitive tag key must be included in the requested tags.");
	session->transitive = t->transitive;
	return BW_OK;
}

static enum bw_err source_choose(
    struct bw_call *call, const struct sts_web_token *t, struct bw_session *session)
{
	struct bw_str source = t->source_identity;

	if (bw_str_set(source) && (source.n < 2 || source.n > 64 || !characters_ok(source, "_+=,.@-", false)))
		return invalid(call, "The source identity of the token is not valid");
	session->source_identity = source;
	return BW_OK;
}

BW_OP(sts, AssumeRoleWithWebIdentity, .effect = BW_READ, .answer_told = true, .prove = prove,
    .resource = assumed_resource, .keys = assumed_keys)
{
	const struct proof *p = proof_of(call);
	struct bw_session session = {.session_name = in->RoleSessionName,
	    .provider = p->arn,
	    .claims = call->caller->claims,
	    .amr = call->caller->amr};

	TRY(sts_role_take(call, in->RoleArn, in->DurationSeconds, &session));
	TRY(sts_policies_take(call, in->Policy, &in->PolicyArns, &session));
	TRY(tags_choose(call, &p->token, &session));
	TRY(source_choose(call, &p->token, &session));
	TRY(sts_issue(call, &session, &out->Credentials));
	out->AssumedRoleUser = sts_assumed_user(call, &session);
	out->PackedPolicySize = sts_packed(&session);
	out->SourceIdentity = session.source_identity;
	out->SubjectFromWebIdentityToken = p->token.subject;
	out->Audience = p->token.audience;
	out->Provider = p->arn;
	return BW_OK;
}
