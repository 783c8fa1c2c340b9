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
	LONGEST_S = 7 * 86400,     /* of any duration: what is older says nothing to anybody */
	LINES_MAX = 8,             /* owners that one cookie speaks of: under 1 KiB, which a client sends with every request */
	COOKIE_MAX = 2048,
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

/* All of a client's stickiness stands in one cookie, for it has one name whoever the target group is: a line for each owner (a
 * target group, or the rule of AWSALBTG), "ms owner value", the newest first. */
struct line {
	struct bw_str owner, value;
	int64_t age_ms;
};

static bool line_cut(struct exchange *x, struct bw_str *rest, struct line *out)
{
	struct bw_str line = bw_str_cut(rest, '\n'), issued = bw_str_cut(&line, ' ');
	int64_t ms;

	if (bw_str_to_i64(issued, 0, INT64_MAX, &ms) != BW_OK)
		return false;
	out->owner = bw_str_cut(&line, ' ');
	out->value = line;
	out->age_ms = edge_wall_ms(x->edge) - ms;
	return out->age_ms >= 0;
}

/* Short, and the same as long as the ARN is. */
static struct bw_str mark_of(struct exchange *x, struct bw_str arn)
{
	unsigned char digest[32];

	bw_sha256(arn, digest);
	return bw_arena_printf(&x->edge->arena, "%02x%02x%02x%02x%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3],
	    digest[4], digest[5], digest[6], digest[7]);
}

/* Its lines; absent when it is not ours, or another's name. */
static struct bw_str cookie_open(struct exchange *x, const char *name, struct bw_str text)
{
	struct bw_arena *a = &x->edge->arena;
	struct bw_str sealed, plain;

	if (!text.n || text.n > COOKIE_MAX || bw_base64url_decode(text, a, &sealed) != BW_OK ||
	    bw_aead_open(x->edge->cookies, bw_str_c(name), sealed, a, &plain) != BW_OK)
		return BW_STR_NONE;
	return plain;
}

/* Of the cookie of that name, or its twin for other origins. */
static struct bw_str cookie_lines(struct exchange *x, const struct bw_http_request *r, const char *name)
{
	struct bw_str lines = cookie_open(x, name, cookie_find(r, bw_str_c(name)));

	if (bw_str_set(lines))
		return lines;
	return cookie_open(x, name, cookie_find(r, bw_arena_printf(&x->edge->arena, "%sCORS", name)));
}

/* What of a cookie is another owner's comes back with the answer's. */
static void line_keep(struct exchange *x, const char *name, const struct line *l)
{
	if (!x->sticky.max)
		bw_buf_init(&x->sticky, COOKIE_MAX);
	bw_buf_printf(&x->sticky, "%s %lld %.*s %.*s\n", name, (long long)(edge_wall_ms(x->edge) - l->age_ms), BW_FMT(l->owner),
	    BW_FMT(l->value));
	exchange_grown(x);
}

/* What the cookie of that name says of the owner; absent when it says nothing, or that is too old. */
static struct bw_str cookie_read(
    struct exchange *x, const struct bw_http_request *r, const char *name, struct bw_str arn, int64_t seconds)
{
	struct bw_str lines = cookie_lines(x, r, name), owner = mark_of(x, arn), said = BW_STR_NONE;
	struct line l;

	while (bw_str_set(lines) && lines.n && line_cut(x, &lines, &l)) {
		if (bw_str_eq(l.owner, owner))
			said = l.age_ms < seconds * 1000 ? l.value : BW_STR_NONE;
		else if (l.age_ms < LONGEST_S * 1000)
			line_keep(x, name, &l);
	}
	return said;
}

static void lines_put(struct exchange *x, const char *name, struct bw_str owner, struct bw_str value, struct bw_buf *out)
{
	struct bw_str kept = bw_buf_str(&x->sticky);
	int n = 1;

	bw_buf_printf(out, "%lld %.*s %.*s\n", (long long)edge_wall_ms(x->edge), BW_FMT(owner), BW_FMT(value));
	while (bw_str_set(kept) && kept.n && n < LINES_MAX) {
		struct bw_str line = bw_str_cut(&kept, '\n'), of = bw_str_cut(&line, ' ');

		if (!bw_str_eq(of, bw_str_c(name)))
			continue;
		bw_buf_printf(out, "%.*s\n", BW_FMT(line));
		n++;
	}
}

static void cookie_seal(struct exchange *x, const char *name, struct bw_str arn, struct bw_str value, struct bw_buf *out)
{
	struct bw_buf lines, sealed;

	bw_buf_init(&lines, COOKIE_MAX);
	bw_buf_init(&sealed, 2 * COOKIE_MAX);
	lines_put(x, name, mark_of(x, arn), value, &lines);
	bw_aead_seal(x->edge->cookies, bw_str_c(name), bw_buf_str(&lines), &sealed);
	bw_base64url_encode(bw_buf_str(&sealed), out);
	bw_buf_free(&sealed);
	bw_buf_free(&lines);
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

	if (g->sticky != STICKY_LB && g->sticky != STICKY_APP)
		return NULL;
	bw_arena_reset(&x->edge->arena);
	key = cookie_read(x, r, name, g->arn, g->sticky_s);
	if (g->sticky == STICKY_APP && !app_session(x, r, g))
		return NULL;
	t = bw_str_set(key) ? group_by_key(g, key) : NULL;
	return t && target_serves(t) ? t : NULL;
}

struct group *sticky_group(struct exchange *x, const struct bw_http_request *r)
{
	const struct rule *rule = x->rule;
	struct bw_str mark;

	if (!rule->action->sticky_groups || rule->forward_count < 2)
		return NULL;
	bw_arena_reset(&x->edge->arena);
	mark = cookie_read(x, r, COOKIE_GROUP, rule->in->arn, rule->action->sticky_seconds);
	for (size_t i = 0; bw_str_set(mark) && i < rule->forward_count; i++)
		if (bw_str_eq(mark_of(x, rule->forwards[i].group->arn), mark))
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
	cookie_seal(x, name, arn, value, &sealed);
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
	bw_arena_reset(&x->edge->arena);
	if (rule->action && rule->action->sticky_groups && rule->forward_count > 1)
		put_sealed(x, COOKIE_GROUP, rule->in->arn, mark_of(x, g->arn), rule->action->sticky_seconds, out);
	if (g->sticky == STICKY_LB)
		put_sealed(x, COOKIE_LB, g->arn, bw_str_c(x->target->key), g->sticky_s, out);
	else if (g->sticky == STICKY_APP && (x->app_session || app_cookie_set(r, g->app_cookie)))
		put_sealed(x, COOKIE_APP, g->arn, bw_str_c(x->target->key), 0, out);
}
