/* What browsers keep of a login, and what a login takes along: sealed under the load balancer's keys, so that
 * nobody but it reads or makes one. */
#include "edge/auth_oidc.h"
#include "edge/sticky.h"
#include "edge/worker.h"

#include <stdio.h>

#include "codec/base64.h"
#include "codec/time.h"
#include "core/edge_form.h"

enum { SEALED_MAX = 64 * 1024 };

#define MEMBER(owner, k, m)                                                                                  \
	{                                                                                                    \
#m, BW_EDGE_##k, offsetof(struct owner, m), 0, NULL                                          \
	}

static const struct bw_edge_member session_members[] = {
    MEMBER(session, STR, action),
    MEMBER(session, I64, since_s),
    MEMBER(session, I64, access_until_s),
    MEMBER(session, STR, access_token),
    MEMBER(session, STR, refresh_token),
    MEMBER(session, STR, subject),
    MEMBER(session, STR, claims),
};
static const struct bw_edge_form session_form = {
    sizeof(struct session), session_members, BW_COUNT(session_members)};

static const struct bw_edge_member login_members[] = {
    MEMBER(login, STR, action),
    MEMBER(login, I64, since_s),
    MEMBER(login, STR, browser),
    MEMBER(login, STR, verifier),
    MEMBER(login, STR, host),
    MEMBER(login, STR, target),
};
static const struct bw_edge_form login_form = {sizeof(struct login), login_members, BW_COUNT(login_members)};

/* ---- Sealing ---- */

/* What a text is for, and whose: one never opens as another. */
static size_t scope_of(const struct balancer *b, const char *purpose, char out[512])
{
	int n = snprintf(out, 512, "%s %.*s", purpose, BW_FMT(b->in->arn));

	MUST(n > 0 && n < 512);
	return (size_t)n;
}

static void seal(const struct balancer *b, int64_t now_ms, const char *purpose,
    const struct bw_edge_form *form, const void *from, struct bw_buf *out)
{
	const struct auth_key *key = auth_key_now(b, now_ms);
	struct bw_buf plain, sealed;
	char scope[512];

	bw_buf_init(&plain, SEALED_MAX);
	bw_buf_init(&sealed, SEALED_MAX);
	bw_form_encode(form, from, &plain);
	if (key && !plain.failed)
		bw_aead_seal(key->sealer, bw_str_make(scope, scope_of(b, purpose, scope)), bw_buf_str(&plain),
		    &sealed);
	bw_base64url_encode(bw_buf_str(&sealed), out);
	bw_buf_free(&plain);
	bw_buf_free(&sealed);
}

/* BW_ECORRUPT: not sealed by us for this; BW_ENOTFOUND: by a program that spelt it otherwise. */
static enum bw_err open_sealed(const struct balancer *b, const char *purpose, const struct bw_edge_form *form,
    struct bw_str text, struct bw_arena *a, void *to)
{
	const struct auth_keys *keys = b->auth;
	struct bw_str sealed, plain;
	char scope[512];
	size_t n = scope_of(b, purpose, scope);

	CHECK(text.n && bw_base64url_decode(text, a, &sealed) == BW_OK, BW_ECORRUPT);
	for (size_t i = 0; i < keys->n; i++)
		if (bw_aead_open(keys->v[i].sealer, bw_str_make(scope, n), sealed, a, &plain) == BW_OK)
			return bw_form_decode(form, plain, a, to) == BW_OK ? BW_OK : BW_ENOTFOUND;
	return BW_ECORRUPT;
}

/* ---- Logins ---- */

void login_seal(const struct oidc *o, int64_t now_ms, const struct login *l, struct bw_buf *out)
{
	seal(o->balancer, now_ms, "login", &login_form, l, out);
}

enum bw_err login_open(
    const struct balancer *b, struct bw_str state, int64_t now_ms, struct bw_arena *a, struct login *out)
{
	CHECK(state.n <= BW_HTTP_HEAD_MAX && open_sealed(b, "login", &login_form, state, a, out) == BW_OK,
	    BW_ECORRUPT);
	return out->since_s <= now_ms / 1000 && now_ms / 1000 - out->since_s < AUTH_LOGIN_S ? BW_OK
	                                                                                    : BW_ECORRUPT;
}

/* ---- Sessions ---- */

static struct bw_str shard_find(const struct oidc *o, const struct bw_http_request *r, size_t i)
{
	char name[160];
	int n = snprintf(name, sizeof name, "%.*s-%zu", BW_FMT(o->cookie), i);

	return n > 0 && n < (int)sizeof name ? cookie_find(r, bw_str_make(name, (size_t)n)) : BW_STR_NONE;
}

static struct bw_str shards_join(const struct oidc *o, const struct bw_http_request *r, struct bw_arena *a)
{
	struct bw_buf all;
	struct bw_str kept;

	bw_buf_init(&all, AUTH_SHARDS_MAX * 4096);
	for (size_t i = 0; i < AUTH_SHARDS_MAX; i++) {
		struct bw_str shard = shard_find(o, r, i);

		if (!bw_str_set(shard))
			break;
		bw_buf_put(&all, shard);
	}
	kept = all.n && !all.failed ? bw_arena_str(a, bw_buf_str(&all)) : BW_STR_NONE;
	bw_buf_free(&all);
	return kept;
}

enum found session_find(struct exchange *x, const struct oidc *o, const struct bw_http_request *r,
    struct bw_arena *a, struct session *out)
{
	struct bw_str text = shards_join(o, r, a);
	int64_t now_s = edge_wall_ms(x->edge) / 1000;
	enum bw_err e;

	if (!bw_str_set(text))
		return FOUND_NONE;
	e = open_sealed(o->balancer, "session", &session_form, text, a, out);
	if (e != BW_OK)
		return e == BW_ECORRUPT ? FOUND_BAD : FOUND_NONE;
	return bw_str_eq(out->action, bw_str_make(o->digest, AUTH_DIGEST)) && out->since_s <= now_s &&
	               now_s - out->since_s < o->timeout_s
	           ? FOUND_GOOD
	           : FOUND_NONE;
}

static void put_shard(
    struct exchange *x, const struct oidc *o, size_t i, struct bw_str value, int64_t until_ms)
{
	struct bw_buf *out = &x->cookies;

	bw_buf_printf(out, "Set-Cookie: %.*s-%zu=", BW_FMT(o->cookie), i);
	bw_buf_put(out, value);
	bw_buf_put(out, BW_STR("; Expires="));
	bw_time_put_http(until_ms, out);
	bw_buf_put(out, BW_STR("; Path=/; Secure; HttpOnly; SameSite=Lax\r\n"));
}

static void clear_from(struct exchange *x, const struct oidc *o, const struct bw_http_request *r, size_t from)
{
	for (size_t i = from; i < AUTH_SHARDS_MAX; i++)
		if (bw_str_set(shard_find(o, r, i)))
			put_shard(x, o, i, BW_STR(""), 0);
}

void session_clear(struct exchange *x, const struct oidc *o, const struct bw_http_request *r)
{
	exchange_cookies(x);
	clear_from(x, o, r, 0);
}

void session_set(
    struct exchange *x, const struct oidc *o, const struct bw_http_request *r, const struct session *s)
{
	int64_t now_ms = edge_wall_ms(x->edge);
	struct bw_buf sealed;
	size_t n = 0;

	bw_buf_init(&sealed, 2 * SEALED_MAX);
	seal(o->balancer, now_ms, "session", &session_form, s, &sealed);
	exchange_cookies(x);
	x->session_cookie = o->cookie;
	for (struct bw_str rest = bw_buf_str(&sealed); rest.n; n++) {
		put_shard(x, o, n, bw_str_sub(rest, 0, AUTH_SHARD_BYTES), (s->since_s + o->timeout_s) * 1000);
		rest = bw_str_sub(rest, AUTH_SHARD_BYTES, rest.n);
	}
	clear_from(x, o, r, n);
	bw_buf_free(&sealed);
}
