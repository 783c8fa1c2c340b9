/* Transforms: a rule's regular expressions rewrite the host or the URL before the request goes on. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "edge/internal.h"

enum { REWRITTEN_MAX = 16 * 1024 };

/* Only what a request line or a Host line may hold: a replacement cannot end the line. */
static bool fits(struct bw_str s, bool host)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c >= 0x7f || c == '#' || (host && (c == '/' || c == '?' || c == '@')))
			return false;
	}
	return s.n > 0 && (host || s.p[0] == '/');
}

/* The text with its first match replaced; itself when there is none. */
static bool replaced(struct edge *e, const struct rewrite *w, struct bw_str text, struct bw_str *out)
{
	PCRE2_SIZE n = REWRITTEN_MAX;
	char *to = bw_arena_alloc(&e->rewritten, REWRITTEN_MAX + 1);
	int hits = pcre2_substitute(w->regex, (PCRE2_SPTR)text.p, text.n, 0, PCRE2_SUBSTITUTE_UNSET_EMPTY,
	    e->match_data, e->match_context, (PCRE2_SPTR)(w->replacement.n ? w->replacement.p : ""),
	    w->replacement.n, (PCRE2_UCHAR *)to, &n);

	*out = hits > 0 ? bw_str_make(to, n) : text;
	return hits >= 0 && fits(*out, w->host);
}

bool rewrite_apply(struct exchange *x, struct bw_http_request *r)
{
	bw_arena_reset(&x->edge->rewritten);
	for (size_t i = 0; i < x->rule->rewrite_count; i++) {
		const struct rewrite *w = &x->rule->rewrites[i];
		struct bw_str rest;

		if (!replaced(x->edge, w, w->host ? r->host : r->target, w->host ? &r->host : &r->target))
			return false;
		rest = r->target;
		r->path = bw_str_cut(&rest, '?');
		r->query = rest;
	}
	return true;
}
