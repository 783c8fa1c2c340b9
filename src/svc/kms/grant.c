#include "svc/kms/grant.h"

#include "codec/base64.h"
#include "core/trust.h"
#include "crypto/crypto.h"

/* ---- Places ---- */

static struct bw_str digest_text(struct bw_call *call, struct bw_str bytes)
{
	unsigned char digest[32];
	struct bw_buf text;
	struct bw_str out;

	bw_sha256(bytes, digest);
	bw_buf_init(&text, 128);
	bw_buf_put_hex(&text, digest, sizeof digest);
	out = bw_arena_str(call->arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return out;
}

static struct bw_str under_key(struct bw_call *call, const struct kms_found *f, const char *kind, struct bw_str rest)
{
	return kms_store_key(call->arena, f->account, f->region, kind,
	    bw_arena_printf(call->arena, "%.*s/%.*s", BW_FMT(f->id), BW_FMT(rest)));
}

struct bw_str kms_grant_key(struct bw_call *call, const struct kms_found *f, struct bw_str id)
{
	return under_key(call, f, "grant", id);
}

/* A user or role itself, not one of a role's sessions. */
static bool is_entity(struct bw_str arn)
{
	struct bw_arn parts;

	return bw_arn_parse(arn, &parts) == BW_OK && bw_str_eq(parts.service, BW_STR("iam"));
}

struct bw_str kms_grant_who(struct bw_str arn, struct bw_str id)
{
	return bw_str_set(id) && is_entity(arn) ? id : arn;
}

struct bw_str kms_grantee_key(struct bw_call *call, const struct kms_found *f, struct bw_str who, struct bw_str id)
{
	return under_key(call, f, "grantee",
	    bw_arena_printf(call->arena, "%.*s/%.*s", BW_FMT(digest_text(call, who)), BW_FMT(id)));
}

struct bw_str kms_retiring_key(struct bw_call *call, const struct kms_found *f, struct bw_str who, struct bw_str id)
{
	return kms_store_key(call->arena, call->account, call->region, "retiring",
	    f ? bw_arena_printf(call->arena, "%.*s/%.*s/%.*s", BW_FMT(digest_text(call, who)), BW_FMT(f->id), BW_FMT(id))
	      : bw_arena_printf(call->arena, "%.*s/", BW_FMT(digest_text(call, who))));
}

struct bw_str kms_grant_twin_key(struct bw_call *call, const struct kms_found *f, const struct kms_grant *g)
{
	struct kms_grant same = *g;
	struct bw_buf bytes;
	struct bw_str out;

	same.id = BW_STR_NONE;
	same.created_ms = 0;
	bw_buf_init(&bytes, BW_STORE_VALUE_MAX);
	bw_record_encode(&kms_grant_record, &same, &bytes);
	MUST(!bytes.failed);
	out = under_key(call, f, "grant-twin", digest_text(call, bw_buf_str(&bytes)));
	bw_buf_free(&bytes);
	return out;
}

enum bw_err kms_grant_find(struct bw_call *call, const struct kms_found *f, struct bw_str id, struct kms_grant *out)
{
	CHECK(id.n <= 128 && bw_str_find(id, '/', 0) < 0, BW_ENOTFOUND);
	return bw_call_load(call, &kms_grant_record, kms_grant_key(call, f, id), out);
}

/* Earlier versions put every grant under its ARNs: it may stand there. */
void kms_grant_remove(struct bw_call *call, const struct kms_found *f, const struct kms_grant *g)
{
	bw_call_delete(call, kms_grant_key(call, f, g->id));
	bw_call_delete(call, kms_grantee_key(call, f, kms_grant_who(g->grantee, g->grantee_id), g->id));
	bw_call_delete(call, kms_grantee_key(call, f, g->grantee, g->id));
	if (bw_str_set(g->retiring)) {
		bw_call_delete(call, kms_retiring_key(call, f, kms_grant_who(g->retiring, g->retiring_id), g->id));
		bw_call_delete(call, kms_retiring_key(call, f, g->retiring, g->id));
	}
	if (bw_str_set(g->name))
		bw_call_delete(call, kms_grant_twin_key(call, f, g));
	bw_call_take(call, &kms_grants_quota, f->id, -1);
}

/* ---- Principals ---- */

static enum bw_err no_principal(struct bw_call *call, struct bw_str arn)
{
	return bw_call_fail(call, "InvalidArnException", "ARN does not refer to a valid principal: %.*s", BW_FMT(arn));
}

/* "assumed-role/NAME/SESSION": bound to the role that there is. */
static enum bw_err session_principal(struct bw_call *call, struct bw_str text, const struct bw_arn *arn, struct bw_str *id)
{
	struct bw_str rest = arn->resource, name;
	struct bw_role role;
	enum bw_err e;

	(void)bw_str_cut(&rest, '/');
	name = bw_str_cut(&rest, '/');
	if (!bw_str_set(rest) || rest.n == 0)
		return no_principal(call, text);
	e = bw_call_load(call, &bw_role_record, bw_entity_key(call->arena, arn->account, "role", name), &role);
	if (e == BW_ENOTFOUND)
		return no_principal(call, text);
	TRY(e);
	*id = role.id;
	return BW_OK;
}

static bool is_service(struct bw_str text)
{
	return bw_str_ends(text, BW_STR(".amazonaws.com")) && bw_str_find(text, ':', 0) < 0 && bw_str_find(text, '/', 0) < 0;
}

enum bw_err kms_grant_principal(struct bw_call *call, struct bw_str text, struct bw_str *id)
{
	struct bw_arn arn;

	*id = BW_STR_NONE;
	if (is_service(text))
		return BW_OK;
	if (bw_arn_parse(text, &arn) != BW_OK || arn.account.n != 12)
		return no_principal(call, text);
	/* Principals of accounts that this server does not have cannot be looked up. */
	if (!bw_call_exists(call, bw_account_key(call->arena, arn.account)))
		return BW_OK;
	if (bw_str_eq(arn.service, BW_STR("sts")) && bw_str_starts(arn.resource, BW_STR("assumed-role/")))
		return session_principal(call, text, &arn, id);
	if (bw_str_eq(arn.service, BW_STR("sts")) && bw_str_starts(arn.resource, BW_STR("federated-user/")))
		return BW_OK;
	if (bw_str_eq(arn.service, BW_STR("iam")) && bw_str_eq(arn.resource, BW_STR("root")))
		return BW_OK;
	*id = bw_principal_id(call, text);
	return bw_str_set(*id) ? BW_OK : no_principal(call, text);
}

struct bw_str kms_grant_as(const struct bw_call *call, struct bw_str arn, struct bw_str id)
{
	const struct bw_caller *c = call->caller;

	if (!c || (bw_str_set(id) && !bw_str_eq(id, c->entity_id)))
		return BW_STR_NONE;
	if (bw_str_eq(arn, c->arn))
		return c->arn;
	if (bw_str_set(c->issuer_arn))
		return (bw_str_set(id) && is_entity(arn)) || bw_str_eq(arn, c->issuer_arn) ? c->issuer_arn : BW_STR_NONE;
	return bw_str_set(id) && is_entity(arn) ? c->arn : BW_STR_NONE; /* by another name, then */
}

/* ---- Tokens ---- */

static const struct bw_str purpose = {"kms grant token", 15};

/* Text: the model has tokens as strings. */
void kms_grant_token_make(struct bw_call *call, const struct kms_found *f, struct bw_str id, struct bw_str *out)
{
	struct bw_str sealed;
	struct bw_buf text;

	kms_token_seal(call, purpose, bw_arena_printf(call->arena, "%.*s %.*s", BW_FMT(f->arn), BW_FMT(id)), &sealed);
	bw_buf_init(&text, 8192);
	bw_base64url_encode(sealed, &text);
	*out = bw_arena_str(call->arena, bw_buf_str(&text));
	bw_buf_free(&text);
}

enum bw_err kms_grant_token_open(struct bw_call *call, struct bw_str token, struct bw_str *key_arn, struct bw_str *id)
{
	struct bw_str sealed;

	if (bw_base64url_decode(token, call->arena, &sealed) != BW_OK || kms_token_open(call, purpose, sealed, id) != BW_OK)
		return bw_call_fail(call, "InvalidGrantTokenException", "%s", "The grant token is not valid.");
	*key_arn = bw_str_cut(id, ' ');
	return BW_OK;
}

/* A grant works from its creation on, so that a token adds nothing: but a wrong one is an error. */
enum bw_err kms_grant_tokens_check(struct bw_call *call, const struct kms_GrantTokenList *tokens)
{
	struct bw_str key, id;

	for (size_t i = 0; i < tokens->n; i++)
		TRY(kms_grant_token_open(call, tokens->v[i], &key, &id));
	return BW_OK;
}
