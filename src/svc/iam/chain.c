#include "svc/iam/iam_policy.h"

enum {
	/* What a page may read and show: percent-encoding may treble it, which stays below BW_RESPONSE_MAX.
	 * AWS's pages may be shorter than asked for, too (IAM API Reference, MaxItems). */
	PAGE_BYTES_MAX = 3 * 1024 * 1024,
};

/* "2:name": the source and the last name shown of it. */
static enum bw_err marker_open(struct bw_call *call, struct bw_str marker, struct iam_chain *c)
{
	struct bw_str text, source;
	int64_t number = 0;

	if (bw_marker_open(call, marker, &text) != BW_OK)
		return bw_call_fail(call, "ValidationError", "Invalid Marker specified in the request");
	if (!bw_str_set(text))
		return BW_OK;
	source = bw_str_cut(&text, ':');
	MUST(bw_str_set(text) && bw_str_to_i64(source, 0, 9, &number) == BW_OK); /* it is one of this list's own */
	c->source = (unsigned)number;
	c->after = text;
	return BW_OK;
}

enum bw_err iam_chain_begin(
    struct bw_call *call, struct bw_str marker, struct bw_opt_int max, struct iam_chain *c)
{
	size_t most = (size_t)(max.set ? max.v : IAM_PAGE_USUAL);

	*c = (struct iam_chain){.after = BW_STR(""), .left = most, .room = most};
	return marker_open(call, marker, c);
}

bool iam_chain_wants(struct iam_chain *c, unsigned source)
{
	if (c->more || source < c->source)
		return false;
	if (source > c->source) {
		c->source = source;
		c->after = BW_STR("");
	}
	return true;
}

bool iam_chain_take(struct iam_chain *c, struct bw_str name)
{
	if (c->left == 0) {
		c->more = true;
		return false;
	}
	c->left--;
	c->after = name;
	return true;
}

void iam_chain_end(
    struct bw_call *call, const struct iam_chain *c, struct bw_opt_bool *truncated, struct bw_str *marker)
{
	*truncated = BW_BOOL(c->more);
	if (!c->more)
		return;
	*marker = bw_marker_make(call, bw_arena_printf(call->arena, "%u:%.*s", c->source, BW_FMT(c->after)));
}

enum bw_err iam_chain_scan_begin(
    struct bw_call *call, struct iam_chain *c, struct bw_str prefix, struct iam_chain_scan *s)
{
	struct bw_str after = BW_STR_NONE;

	*s = (struct iam_chain_scan){.chain = c, .prefix = prefix};
	if (c->after.n)
		after = bw_arena_printf(call->arena, "%.*s%.*s", BW_FMT(prefix), BW_FMT(c->after));
	return bw_scan_begin(call->view, prefix, after, &s->scan);
}

enum bw_err iam_chain_scan_next(
    struct bw_call *call, struct iam_chain_scan *s, const struct bw_record *r, void *to, struct bw_str *name)
{
	struct bw_str key, bytes;

	if (s->chain->spent_bytes > PAGE_BYTES_MAX && bw_str_set(s->seen)) {
		s->chain->after = s->seen;
		s->chain->more = true;
		return BW_ENOTFOUND;
	}
	TRY(bw_scan_next(&s->scan, call->arena, &key, &bytes, NULL));
	s->chain->spent_bytes += bytes.n;
	s->seen = *name = bw_str_sub(key, s->prefix.n, key.n);
	return bw_record_decode(r, bytes, call->arena, to);
}

void iam_chain_scan_end(struct iam_chain_scan *s)
{
	bw_scan_end(&s->scan);
}
