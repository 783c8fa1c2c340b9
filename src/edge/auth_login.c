/* The way to the provider and back (OpenID Connect Core 1.0, section 3.1). The state that goes along is
 * sealed and belongs to the browser that has the nonce cookie; a login ends at the host where it began. */
#include "edge/answer.h"
#include "edge/auth_oidc.h"
#include "edge/stats.h"
#include "edge/sticky.h"
#include "edge/worker.h"

#include "codec/base64.h"
#include "codec/form.h"
#include "codec/time.h"
#include "codec/uri.h"

enum { RANDOM = 32, NONCE = 16, LOCATION_MAX = 64 * 1024 };

static struct bw_str base64url(struct bw_arena *a, struct bw_str bytes)
{
	struct bw_str kept;
	struct bw_buf out;

	bw_buf_init(&out, 4096);
	bw_base64url_encode(bytes, &out);
	kept = bw_arena_str(a, bw_buf_str(&out));
	bw_buf_free(&out);
	return kept;
}

static struct bw_str random_text(struct bw_arena *a, size_t n)
{
	unsigned char bytes[RANDOM];

	bw_random(bytes, n);
	return base64url(a, bw_str_make(bytes, n));
}

static struct bw_str hashed(struct bw_arena *a, struct bw_str text)
{
	unsigned char digest[32];

	bw_sha256(text, digest);
	return base64url(a, bw_str_make(digest, sizeof digest));
}

struct bw_str login_nonce(struct bw_arena *a, struct bw_str verifier)
{
	return hashed(a, bw_arena_printf(a, "nonce %.*s", BW_FMT(verifier)));
}

/* ---- To the provider ---- */

/* The browser's own; one that it has already is kept, for logins in other windows. */
static struct bw_str browser_of(struct exchange *x, const struct bw_http_request *r)
{
	struct bw_str have = cookie_find(r, BW_STR(AUTH_NONCE_COOKIE)), decoded;
	struct bw_arena *a = &x->edge->arena;

	if (have.n && bw_base64url_decode(have, a, &decoded) == BW_OK && decoded.n == NONCE)
		return have;
	have = random_text(a, NONCE);
	exchange_cookies(x);
	bw_buf_printf(&x->cookies,
	    "Set-Cookie: " AUTH_NONCE_COOKIE "=%.*s; Path=/; Secure; HttpOnly; SameSite=Lax\r\n",
	    BW_FMT(have));
	return have;
}

static void put_parameter(struct bw_buf *out, const char *name, struct bw_str value)
{
	bw_buf_printf(out, "&%s=", name);
	bw_uri_encode(value, out);
}

static bool is_ours(struct bw_str name)
{
	static const char *const ours[] = {"client_id", "redirect_uri", "response_type", "scope", "state",
	    "nonce", "code_challenge", "code_challenge_method"};

	for (size_t i = 0; i < BW_COUNT(ours); i++)
		if (bw_str_eq(name, bw_str_c(ours[i])))
			return true;
	return false;
}

static void location_put(struct exchange *x, const struct oidc *o, const struct login *l, struct bw_buf *out)
{
	struct bw_arena *a = &x->edge->arena;
	struct bw_buf state;

	bw_buf_init(&state, LOCATION_MAX);
	login_seal(o, edge_wall_ms(x->edge), l, &state);
	bw_buf_put(out, o->authorization);
	bw_buf_put_c(out, bw_str_find(o->authorization, '?', 0) >= 0 ? '&' : '?');
	bw_buf_put(out, BW_STR("response_type=code"));
	put_parameter(out, "client_id", o->client);
	put_parameter(out, "redirect_uri", bw_arena_printf(a, "https://%.*s" AUTH_CALLBACK, BW_FMT(l->host)));
	put_parameter(out, "scope", o->scope);
	put_parameter(out, "state", bw_buf_str(&state));
	put_parameter(out, "nonce", login_nonce(a, l->verifier));
	put_parameter(out, "code_challenge", hashed(a, l->verifier));
	put_parameter(out, "code_challenge_method", BW_STR("S256"));
	for (size_t i = 0; i < o->extra.n; i++)
		if (!is_ours(o->extra.v[i].key)) {
			bw_buf_put_c(out, '&');
			bw_uri_encode(o->extra.v[i].key, out);
			bw_buf_put_c(out, '=');
			bw_uri_encode(o->extra.v[i].value, out);
		}
	out->failed = out->failed || state.failed || !state.n;
	bw_buf_free(&state);
}

enum verdict login_begin(struct exchange *x, const struct oidc *o, const struct bw_http_request *r)
{
	struct login l = {.action = bw_str_make(o->digest, AUTH_DIGEST),
	    .since_s = edge_wall_ms(x->edge) / 1000,
	    .host = r->host,
	    .target = r->target};
	struct bw_buf location;

	if (x->hostless)
		return auth_refuse(x, "AuthMissingHostHeader");
	if (r->target.n > AUTH_TARGET_MAX)
		return check_refuse(x, 414, NULL);
	bw_arena_reset(&x->edge->arena);
	l.browser = browser_of(x, r);
	l.verifier = random_text(&x->edge->arena, RANDOM);
	bw_buf_init(&location, LOCATION_MAX);
	location_put(x, o, &l, &location);
	if (location.failed)
		(void)auth_refuse(x, "AuthUnhandledException");
	else
		answer_found(x, bw_buf_str(&location));
	bw_buf_free(&location);
	return VERDICT_ANSWERED;
}

/* ---- And back ---- */

struct returned {
	struct bw_str code, state, error;
};

/* False: not a query, or something stands there twice. */
static bool query_read(const struct bw_http_request *r, struct bw_arena *a, struct returned *out)
{
	struct bw_form_reader f;
	struct bw_str key, value;
	enum bw_err e;

	bw_form_init(&f, bw_str_set(r->query) ? r->query : BW_STR(""), a);
	while ((e = bw_form_next(&f, &key, &value)) == BW_OK) {
		struct bw_str *to = bw_str_eq(key, BW_STR("code"))    ? &out->code
		                    : bw_str_eq(key, BW_STR("state")) ? &out->state
		                    : bw_str_eq(key, BW_STR("error")) ? &out->error
		                                                      : NULL;

		if (to && bw_str_set(*to))
			return false;
		if (to)
			*to = value;
	}
	return e == BW_ENOTFOUND;
}

/* The check that began the login, wherever among the listener's rules it stands now. */
static const struct check *check_find(struct exchange *x, struct bw_str digest)
{
	for (size_t i = 0; i < x->listener->rule_count; i++) {
		const struct rule *rule = &x->listener->rules[i];

		for (size_t k = 0; k < rule->check_count; k++) {
			const struct oidc *o = oidc_of(&rule->checks[k]);

			if (o && bw_str_eq(digest, bw_str_make(o->digest, AUTH_DIGEST))) {
				x->rule = rule;
				x->checks_passed = k;
				return &rule->checks[k];
			}
		}
	}
	return NULL;
}

static bool has_checks(const struct listener *l)
{
	for (size_t i = 0; i < l->rule_count; i++)
		for (size_t k = 0; k < l->rules[i].check_count; k++)
			if (oidc_of(&l->rules[i].checks[k]))
				return true;
	return false;
}

/* The access log's word for what is wrong with who comes back; NULL: nothing. */
static const char *returned_judge(struct exchange *x, const struct bw_http_request *r, struct bw_arena *a,
    struct returned *back, struct login *l, const struct check **check)
{
	struct bw_str browser = cookie_find(r, BW_STR(AUTH_NONCE_COOKIE));

	if (!query_read(r, a, back))
		return "AuthInvalidStateParam";
	if (!bw_str_set(back->state))
		return "AuthMissingStateParam";
	if (login_open(x->listener->balancer, back->state, edge_wall_ms(x->edge), a, l) != BW_OK ||
	    !bw_str_eq(l->host, r->host) || (*check = check_find(x, l->action)) == NULL)
		return "AuthInvalidStateParam";
	if (!browser.n)
		return "AuthMissingAWSALBAuthNonce";
	if (!bw_str_eq_secret(browser, l->browser))
		return "AuthInvalidAWSALBAuthNonce";
	if (bw_str_eq(back->error, BW_STR("access_denied")))
		return "AuthAccessDenied";
	if (bw_str_set(back->error))
		return "AuthIdpError";
	return back->code.n ? NULL : "AuthMissingCodeParam";
}

bool login_returns(struct exchange *x, const struct bw_http_request *r)
{
	struct bw_arena *a = &x->edge->arena;
	const struct check *check = NULL;
	struct returned back = {0};
	const char *wrong;
	struct login l;

	if (!bw_str_eq(r->path, BW_STR(AUTH_CALLBACK)) || !has_checks(x->listener))
		return false;
	bw_arena_reset(a);
	wrong = returned_judge(x, r, a, &back, &l, &check);
	if (wrong)
		(void)auth_refuse(x, wrong);
	else
		(void)flow_login(x, oidc_of(check), r, &l, back.code);
	return true;
}

enum verdict login_end(struct exchange *x, const struct oidc *o, const struct bw_http_request *r)
{
	struct auth_flow *f = x->flow;
	struct bw_buf location;

	if (f->failed)
		return auth_refuse(x, f->failed);
	x->listener->balancer->stats->values[M_AUTH_SUCCESS]++;
	session_set(x, o, r, &f->session);
	bw_buf_init(&location, LOCATION_MAX);
	bw_buf_printf(&location, "https://%.*s%.*s", BW_FMT(f->login.host), BW_FMT(f->login.target));
	answer_found(x, bw_buf_str(&location));
	bw_buf_free(&location);
	return VERDICT_ANSWERED;
}
