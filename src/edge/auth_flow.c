/* What is asked of a provider: tokens for a code or a refresh token (RFC 6749), then the user's claims
 * (OpenID Connect Core 1.0, 5.3). The helper speaks; the loop goes on. */
#include "edge/auth_oidc.h"
#include "edge/worker.h"

#include "codec/json.h"
#include "codec/uri.h"
#include "crypto/public_key.h"
#include "jose/jws.h"
#include "jose/jwt.h"

enum { FLOW_ARENA = 4 * 1024 * 1024, EXPIRES_MAX_S = 1000000000 };

void flow_free(struct exchange *x)
{
	struct auth_flow *f = x->flow;

	if (!f)
		return;
	x->flow = NULL;
	if (f->asking)
		bw_errand_withdraw(&f->ask);
	bw_arena_free(&f->arena);
	bw_free(f);
}

static void finish(struct auth_flow *f, const char *failed)
{
	f->failed = failed;
	check_resume(f->x);
}

static void answered(struct bw_errand *ask, const struct bw_errand_answer *a)
{
	struct auth_flow *f = (struct auth_flow *)((char *)ask - offsetof(struct auth_flow, ask));

	f->asking = false;
	f->answered(f, a);
}

static void flow_ask(struct auth_flow *f, const struct bw_helper_request *request,
    void (*then)(struct auth_flow *f, const struct bw_errand_answer *a))
{
	f->asking = true;
	f->answered = then;
	f->ask = (struct bw_errand){.done = answered};
	bw_helper_send(f->x->edge->helper, &f->ask, request);
}

static struct bw_str text_member(const struct bw_json_value *v, const char *name)
{
	const struct bw_json_value *found = bw_json_member(v, bw_str_c(name));

	return found && found->kind == BW_JSON_STRING ? found->text : BW_STR_NONE;
}

/* ---- The claims ---- */

static const char *claims_take(struct auth_flow *f, const struct bw_errand_answer *a)
{
	struct session *s = &f->session;
	struct bw_json_value claims;
	struct bw_str subject;

	if (a->result == BW_ETOOBIG)
		return "AuthUserinfoResponseSizeExceeded";
	if (a->result == BW_EINVAL)
		return "AuthInvalidUserinfoResponse";
	if (a->result != BW_OK)
		return "AuthUserinfoEpRequestTimeout";
	if (a->status / 100 != 2)
		return "AuthUserinfoEpRequestFailed";
	if (a->out.n + s->access_token.n > AUTH_CLAIMS_MAX)
		return "AuthUserinfoResponseSizeExceeded";
	s->claims = bw_arena_str(&f->arena, a->out);
	if (bw_jwt_claims(s->claims, &f->arena, &claims) != BW_OK)
		return "AuthInvalidUserinfoResponse";
	/* Of another user than the ID token's: 5.3.2. */
	subject = text_member(&claims, "sub");
	if (!subject.n || !identity_fits(subject) || !bw_str_eq(subject, s->subject))
		return "AuthInvalidUserinfoResponse";
	return NULL;
}

static void claims_answered(struct auth_flow *f, const struct bw_errand_answer *a)
{
	finish(f, claims_take(f, a));
}

static void claims_ask(struct auth_flow *f)
{
	const struct bw_helper_request request = {.url = f->o->userinfo,
	    .authorization = bw_arena_printf(&f->arena, "Bearer %.*s", BW_FMT(f->session.access_token)),
	    .answer_max = AUTH_TOKEN_ANSWER_MAX};

	flow_ask(f, &request, claims_answered);
}

/* ---- The tokens ---- */

/* It came over TLS from the provider's own endpoint, which stands in for its signature (3.1.3.7, 6). */
static bool id_token_fits(struct auth_flow *f, struct bw_str token)
{
	int64_t now_s = edge_wall_ms(f->x->edge) / 1000;
	struct bw_json_value claims;
	struct bw_str nonce, subject, party;
	struct bw_jws jws;

	if (bw_jws_parse(token, &f->arena, &jws) != BW_OK ||
	    bw_str_eq_nocase(jws.algorithm, BW_STR("none")) ||
	    bw_jwt_claims(jws.payload, &f->arena, &claims) != BW_OK ||
	    bw_jwt_check(&claims, f->o->issuer, now_s) != BW_JWT_GOOD ||
	    bw_jwt_check_audience(&claims, f->o->client) != BW_JWT_GOOD)
		return false;
	party = text_member(&claims, "azp");
	subject = text_member(&claims, "sub");
	if ((bw_str_set(party) && !bw_str_eq(party, f->o->client)) || !subject.n || !identity_fits(subject))
		return false;
	if (f->refresh)
		return bw_str_eq(subject, f->session.subject);
	nonce = text_member(&claims, "nonce");
	f->session.subject = subject;
	return bw_str_eq_secret(nonce, login_nonce(&f->arena, f->login.verifier));
}

static void expiry_take(struct auth_flow *f, const struct bw_json_value *v)
{
	const struct bw_json_value *in = bw_json_member(v, BW_STR("expires_in"));
	int64_t seconds;

	f->session.access_until_s = 0;
	if (in && bw_str_to_i64(in->text, 0, EXPIRES_MAX_S, &seconds) == BW_OK)
		f->session.access_until_s = edge_wall_ms(f->x->edge) / 1000 + seconds;
}

static const char *tokens_read(struct auth_flow *f, const struct bw_json_value *v)
{
	struct bw_str id = text_member(v, "id_token"), refresh = text_member(v, "refresh_token");
	struct session *s = &f->session;

	s->access_token = text_member(v, "access_token");
	if (!s->access_token.n || !identity_fits(s->access_token) || s->access_token.n > AUTH_CLAIMS_MAX ||
	    !bw_str_eq_nocase(text_member(v, "token_type"), BW_STR("Bearer")) || (!f->refresh && !id.n))
		return "AuthInvalidTokenResponse";
	if (id.n && !id_token_fits(f, id))
		return "AuthInvalidIdToken";
	expiry_take(f, v);
	if (refresh.n && refresh.n <= AUTH_REFRESH_MAX)
		s->refresh_token = refresh;
	return NULL;
}

static const char *tokens_take(struct auth_flow *f, const struct bw_errand_answer *a)
{
	struct bw_json_value v;
	bool whole;

	if (a->result == BW_EINVAL || a->result == BW_ETOOBIG)
		return "AuthInvalidTokenResponse";
	if (a->result != BW_OK)
		return "AuthTokenEpRequestTimeout";
	whole = bw_json_parse(bw_arena_str(&f->arena, a->out), &f->arena, &v) == BW_OK &&
	        v.kind == BW_JSON_OBJECT;
	if (a->status / 100 != 2)
		return whole && bw_str_eq(text_member(&v, "error"), BW_STR("invalid_grant"))
		           ? "AuthInvalidGrantError"
		           : "AuthTokenEpRequestFailed";
	return whole ? tokens_read(f, &v) : "AuthInvalidTokenResponse";
}

static void tokens_answered(struct auth_flow *f, const struct bw_errand_answer *a)
{
	const char *failed = tokens_take(f, a);

	if (failed)
		finish(f, failed);
	else
		claims_ask(f);
}

static void put_field(struct bw_buf *out, const char *name, struct bw_str value)
{
	bw_buf_printf(out, "%s%s=", out->n ? "&" : "", name);
	bw_uri_encode(value, out);
}

static void tokens_ask(struct auth_flow *f, struct bw_buf *form)
{
	struct bw_helper_request request = {.url = f->o->token, .answer_max = AUTH_TOKEN_ANSWER_MAX};

	put_field(form, "client_id", f->o->client);
	if (f->o->secret.n)
		put_field(form, "client_secret", f->o->secret);
	request.form = bw_buf_str(form);
	flow_ask(f, &request, tokens_answered);
	bw_buf_free(form);
}

/* ---- Beginning ---- */

static struct auth_flow *flow_new(struct exchange *x, const struct oidc *o, const struct bw_http_request *r)
{
	struct auth_flow *f = bw_alloc(sizeof *f);

	f->x = x;
	f->o = o;
	bw_arena_init(&f->arena, FLOW_ARENA);
	x->flow = f;
	if (!x->edge->helper) {
		(void)auth_refuse(x, "AuthTokenEpRequestTimeout");
		return NULL;
	}
	return check_park(x, r, &f->waiting) ? f : NULL;
}

bool flow_login(struct exchange *x, const struct oidc *o, const struct bw_http_request *r,
    const struct login *l, struct bw_str code)
{
	struct auth_flow *f = flow_new(x, o, r);
	struct bw_arena *a;
	struct bw_buf form;

	if (!f)
		return false;
	a = &f->arena;
	f->login = (struct login){.since_s = l->since_s,
	    .verifier = bw_arena_str(a, l->verifier),
	    .host = bw_arena_str(a, l->host),
	    .target = bw_arena_str(a, l->target)};
	f->session = (struct session){
	    .action = bw_str_make(o->digest, AUTH_DIGEST), .since_s = edge_wall_ms(x->edge) / 1000};
	bw_buf_init(&form, BW_HTTP_HEAD_MAX);
	put_field(&form, "grant_type", BW_STR("authorization_code"));
	put_field(&form, "code", code);
	put_field(&form, "redirect_uri", bw_arena_printf(a, "https://%.*s" AUTH_CALLBACK, BW_FMT(l->host)));
	put_field(&form, "code_verifier", l->verifier);
	tokens_ask(f, &form);
	return true;
}

bool flow_refresh(
    struct exchange *x, const struct oidc *o, const struct bw_http_request *r, const struct session *s)
{
	struct auth_flow *f = flow_new(x, o, r);
	struct bw_buf form;

	if (!f)
		return false;
	f->refresh = true;
	f->session = (struct session){.action = bw_str_make(o->digest, AUTH_DIGEST),
	    .since_s = s->since_s,
	    .refresh_token = bw_arena_str(&f->arena, s->refresh_token),
	    .subject = bw_arena_str(&f->arena, s->subject)};
	bw_buf_init(&form, BW_HTTP_HEAD_MAX);
	put_field(&form, "grant_type", BW_STR("refresh_token"));
	put_field(&form, "refresh_token", s->refresh_token);
	tokens_ask(f, &form);
	return true;
}
