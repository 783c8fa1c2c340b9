/* Stickiness: cookies that name a target or a target group, sealed so that nobody but us can read or make
 * one. */
#include <stdio.h>

#include "codec/base64.h"
#include "codec/time.h"
#include "edge/group.h"
#include "edge/sticky.h"
#include "edge/worker.h"

/* AWS's names: for browsers' cross-origin requests each comes a second time, with SameSite=None, and that one
 * alone comes back then. */
#define COOKIE_LB    "AWSALB"
#define COOKIE_GROUP "AWSALBTG"
#define COOKIE_APP   "AWSALBAPP-0"

enum {
	APP_EXPIRES_S = 7 * 86400, /* whatever the group's duration says (ALB User Guide, "Application-based stickiness") */
	CHROMIUM_STRICT = 80,      /* the first that wants SameSite=None; Secure across origins (the same page) */
};

struct bw_str cookie_find(const struct bw_http_request *r, struct bw_str name)
{
	for (size_t i = 0; i < r->header_count; i++) {
		struct bw_str list = r->headers[i].value;

		if (!bw_str_eq_nocase(r->headers[i].name, BW_STR("cookie")))
			continue;
		while (bw_str_set(list)) {
			struct bw_str value = bw_str_trim(bw_str_cut(&list, ';')),
			              key = bw_str_cut(&value, '=');

			if (bw_str_eq(key, name) && value.n)
				return value;
		}
	}
	return BW_STR_NONE;
}

/* "issued ms" "scope" "value", the scope being what the cookie may be used for. Absent when it is not ours,
 * for something else or too old. */
static struct bw_str cookie_open(struct exchange *x, struct bw_str text, struct bw_str scope, int64_t seconds)
{
	struct bw_arena *a = &x->edge->arena;
	struct bw_str sealed, plain, issued;
	int64_t ms, age;

	if (!text.n || text.n > 2048 || bw_base64url_decode(text, a, &sealed) != BW_OK ||
	    bw_aead_open(x->edge->cookies, scope, sealed, a, &plain) != BW_OK)
		return BW_STR_NONE;
	issued = bw_str_cut(&plain, ' ');
	if (bw_str_to_i64(issued, 0, INT64_MAX, &ms) != BW_OK)
		return BW_STR_NONE;
	age = edge_wall_ms(x->edge) - ms;
	return age >= 0 && age < seconds * 1000 ? plain : BW_STR_NONE;
}

static struct bw_str scope_of(struct exchange *x, const char *name, struct bw_str arn)
{
	return bw_arena_printf(&x->edge->arena, "%s %.*s", name, BW_FMT(arn));
}

/* What the cookie of that name says, or its twin for other origins. */
static struct bw_str cookie_read(
    struct exchange *x, const struct bw_http_request *r, const char *name, struct bw_str arn, int64_t seconds)
{
	struct bw_str scope = scope_of(x, name, arn), twin = bw_arena_printf(&x->edge->arena, "%sCORS", name),
	              said = cookie_open(x, cookie_find(r, bw_str_c(name)), scope, seconds);

	return bw_str_set(said) ? said : cookie_open(x, cookie_find(r, twin), scope, seconds);
}

static void cookie_seal(struct exchange *x, struct bw_str scope, struct bw_str value, struct bw_buf *out)
{
	struct bw_buf sealed;

	bw_buf_init(&sealed, 4096);
	bw_aead_seal(x->edge->cookies, scope,
	    bw_arena_printf(&x->edge->arena, "%lld %.*s", (long long)edge_wall_ms(x->edge), BW_FMT(value)),
	    &sealed);
	bw_base64url_encode(bw_buf_str(&sealed), out);
	bw_buf_free(&sealed);
}

static bool chromium_strict(const struct bw_http_request *r)
{
	struct bw_str agent = bw_http_header(r, BW_STR("user-agent"), NULL);
	int64_t major;

	while (bw_str_set(agent)) {
		struct bw_str version = bw_str_cut(&agent, ' '), product = bw_str_cut(&version, '/');

		if (bw_str_eq(product, BW_STR("Chrome")) &&
		    bw_str_to_i64(bw_str_cut(&version, '.'), 0, INT32_MAX, &major) == BW_OK)
			return major >= CHROMIUM_STRICT;
	}
	return false;
}

/* A session of the application's is one as long as both cookies come back; then each answer renews ours, for
 * the target that gave it. */
static bool app_session(struct exchange *x, const struct bw_http_request *r, const struct group *g)
{
	x->app_session = bw_str_set(cookie_find(r, g->app_cookie)) && bw_str_set(cookie_find(r, BW_STR(COOKIE_APP)));
	x->app_cors = x->listener->tls && chromium_strict(r);
	return x->app_session;
}

struct target *sticky_target(struct exchange *x, const struct bw_http_request *r, struct group *g)
{
	const char *name = g->sticky == STICKY_APP ? COOKIE_APP : COOKIE_LB;
	struct bw_str key;
	struct target *t;

	if (g->sticky != STICKY_LB && (g->sticky != STICKY_APP || !app_session(x, r, g)))
		return NULL;
	bw_arena_reset(&x->edge->arena);
	key = cookie_read(x, r, name, g->arn, g->sticky_s);
	t = bw_str_set(key) ? group_by_key(g, key) : NULL;
	return t && target_serves(t) ? t : NULL;
}

struct group *sticky_group(struct exchange *x, const struct bw_http_request *r)
{
	const struct rule *rule = x->rule;
	struct bw_str arn;

	if (!rule->action->sticky_groups || rule->forward_count < 2)
		return NULL;
	bw_arena_reset(&x->edge->arena);
	arn = cookie_read(x, r, COOKIE_GROUP, rule->in->arn, rule->action->sticky_seconds);
	for (size_t i = 0; bw_str_set(arn) && i < rule->forward_count; i++)
		if (bw_str_eq(rule->forwards[i].group->arn, arn))
			return rule->forwards[i].group;
	return NULL;
}

static void put_cookie(struct exchange *x, const char *name, struct bw_str sealed, int64_t seconds,
    const char *attributes, struct bw_buf *out)
{
	bw_buf_printf(out, "Set-Cookie: %s=%.*s; Expires=", name, BW_FMT(sealed));
	bw_time_put_http(edge_wall_ms(x->edge) + seconds * 1000, out);
	bw_buf_printf(out, "; Path=/%s\r\n", attributes);
}

static void put_app(struct exchange *x, struct bw_str sealed, struct bw_buf *out)
{
	put_cookie(x, COOKIE_APP, sealed, APP_EXPIRES_S, x->app_cors ? "; SameSite=None; Secure" : "", out);
}

static void put_both(struct exchange *x, const char *name, struct bw_str sealed, int64_t seconds, struct bw_buf *out)
{
	char twin[32];

	(void)snprintf(twin, sizeof twin, "%sCORS", name);
	put_cookie(x, name, sealed, seconds, "", out);
	put_cookie(x, twin, sealed, seconds, x->listener->tls ? "; SameSite=None; Secure" : "; SameSite=None", out);
}

/* `seconds` absent (0): the application's. */
static void put_sealed(struct exchange *x, const char *name, struct bw_str arn, struct bw_str value,
    int64_t seconds, struct bw_buf *out)
{
	struct bw_buf sealed;

	bw_buf_init(&sealed, 4096);
	bw_arena_reset(&x->edge->arena);
	cookie_seal(x, scope_of(x, name, arn), value, &sealed);
	if (seconds)
		put_both(x, name, bw_buf_str(&sealed), seconds, out);
	else
		put_app(x, bw_buf_str(&sealed), out);
	bw_buf_free(&sealed);
}

/* Whether the application has set its own cookie in this answer. */
static bool app_cookie_set(const struct bw_http_response *r, struct bw_str name)
{
	for (size_t i = 0; i < r->header_count; i++) {
		struct bw_str rest = r->headers[i].value;

		if (bw_str_eq_nocase(r->headers[i].name, BW_STR("set-cookie")) && name.n &&
		    bw_str_eq(bw_str_trim(bw_str_cut(&rest, '=')), name) && bw_str_set(rest))
			return true;
	}
	return false;
}

void sticky_lines(struct exchange *x, const struct bw_http_response *r, struct bw_buf *out)
{
	const struct rule *rule = x->rule;
	struct group *g = x->group;

	if (!g || !x->target)
		return;
	if (rule->action && rule->action->sticky_groups && rule->forward_count > 1)
		put_sealed(x, COOKIE_GROUP, rule->in->arn, g->arn, rule->action->sticky_seconds, out);
	if (g->sticky == STICKY_LB)
		put_sealed(x, COOKIE_LB, g->arn, bw_str_c(x->target->key), g->sticky_s, out);
	else if (g->sticky == STICKY_APP && (x->app_session || app_cookie_set(r, g->app_cookie)))
		put_sealed(x, COOKIE_APP, g->arn, bw_str_c(x->target->key), 0, out);
}
