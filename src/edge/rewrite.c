/* Transforms: a rule's regular expressions rewrite the host or the URL before the request goes on. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "edge/emit.h"
#include "edge/log.h"
#include "edge/worker.h"
#include "net/http1.h"

enum { REWRITTEN_MAX = 16 * 1024 };

/* Only what a request line may hold: a replacement cannot end the line. */
static bool target_fits(struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c >= 0x7f || c == '#')
			return false;
	}
	return s.n > 0 && s.p[0] == '/';
}

/* The text with its first match replaced; itself when there is none. NULL, or the access log's word for what went wrong. */
static const char *replace(struct edge *e, const struct rewrite *w, struct bw_str text, struct bw_str *out)
{
	PCRE2_SIZE n = REWRITTEN_MAX;
	char *to = bw_arena_alloc(&e->rewritten, REWRITTEN_MAX + 1);
	int hits = pcre2_substitute(w->regex, (PCRE2_SPTR)text.p, text.n, 0, PCRE2_SUBSTITUTE_UNSET_EMPTY,
	    e->match_data, e->match_context, (PCRE2_SPTR)(w->replacement.n ? w->replacement.p : ""),
	    w->replacement.n, (PCRE2_UCHAR *)to, &n);

	if (hits < 0)
		return hits == PCRE2_ERROR_NOMEMORY ? "TransformBufferTooSmall" : "TransformReplaceError";
	*out = hits ? bw_str_make(to, n) : text;
	if (w->host ? bw_http_host_valid(*out) : target_fits(*out))
		return NULL;
	return w->host ? "TransformInvalidHostHeader" : "TransformInvalidPath";
}

bool rewrite_apply(struct exchange *x, struct bw_http_request *r)
{
	struct bw_str host = r->host, target = r->target;

	bw_arena_reset(&x->edge->rewritten);
	for (size_t i = 0; i < x->rule->rewrite_count; i++) {
		const struct rewrite *w = &x->rule->rewrites[i];
		struct bw_str rest;

		x->transform = replace(x->edge, w, w->host ? r->host : r->target, w->host ? &r->host : &r->target);
		if (x->transform)
			return false;
		rest = r->target;
		r->path = bw_str_cut(&rest, '?');
		r->query = rest;
	}
	if (!x->rule->rewrite_count)
		return true;
	x->transform = "TransformSuccess";
	/* What they left alone is not told. */
	log_transformed(x, bw_str_eq(host, r->host) ? BW_STR_NONE : r->host,
	    bw_str_eq(target, r->target) ? BW_STR_NONE : r->target);
	return true;
}
