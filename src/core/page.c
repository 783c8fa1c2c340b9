#include "core/internal.h"

#include "codec/base64.h"

/* A marker is the last name shown, behind a word by which any other text is told from it, as base64url: a client may forge one, and
 * then begins its own list elsewhere. */
static const struct bw_str MARK = {"after ", 6};

static enum bw_err marker_bad(struct bw_call *call)
{
	bool xml = call->service->protocol == BW_PROTOCOL_QUERY || call->service->protocol == BW_PROTOCOL_EC2;

	return bw_call_fail(call, xml ? "ValidationError" : "ValidationException", "%s",
	    "Invalid Marker specified in the request");
}

static enum bw_err marker_open(struct bw_call *call, struct bw_str marker, struct bw_str *name)
{
	struct bw_str plain;

	*name = BW_STR_NONE;
	if (!bw_str_set(marker))
		return BW_OK;
	if (marker.n == 0 || bw_base64url_decode(marker, call->arena, &plain) != BW_OK || !bw_str_starts(plain, MARK) ||
	    plain.n == MARK.n || plain.n > BW_STORE_KEY_MAX / 2)
		return marker_bad(call);
	*name = bw_str_sub(plain, MARK.n, plain.n);
	return BW_OK;
}

static struct bw_str marker_make(struct bw_call *call, struct bw_str name)
{
	struct bw_buf text;
	struct bw_str out;

	bw_buf_init(&text, 2 * BW_STORE_KEY_MAX);
	bw_base64url_encode(bw_arena_printf(call->arena, "%.*s%.*s", BW_FMT(MARK), BW_FMT(name)), &text);
	out = bw_arena_str(call->arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return out;
}

enum bw_err bw_page_begin(struct bw_call *call, struct bw_str prefix, struct bw_str marker, struct bw_opt_int max,
    int64_t usual, struct bw_page *page)
{
	struct bw_str name, after = BW_STR_NONE;

	*page = (struct bw_page){.prefix = prefix, .left = (size_t)(max.set ? max.v : usual)};
	TRY(marker_open(call, marker, &name));
	page->last = name;
	if (name.n)
		after = bw_arena_printf(call->arena, "%.*s%.*s", BW_FMT(prefix), BW_FMT(name));
	return bw_scan_begin(call->view, prefix, after, &page->scan);
}

enum bw_err bw_page_next(struct bw_call *call, struct bw_page *page, const struct bw_record *r, void *to,
    struct bw_str *name)
{
	struct bw_str key, bytes;

	TRY(bw_scan_next(&page->scan, call->arena, &key, r ? &bytes : NULL, NULL));
	if (page->left == 0) {
		page->more = true;
		return BW_ENOTFOUND;
	}
	if (r)
		TRY(bw_record_decode(r, bytes, call->arena, to));
	page->left--;
	page->last = bw_str_sub(key, page->prefix.n, key.n);
	if (name)
		*name = page->last;
	return BW_OK;
}

void bw_page_skip(struct bw_page *page)
{
	page->left++;
}

void bw_page_end(struct bw_call *call, struct bw_page *page, struct bw_opt_bool *truncated, struct bw_str *marker)
{
	bw_scan_end(&page->scan);
	if (truncated)
		*truncated = BW_BOOL(page->more);
	if (page->more)
		*marker = marker_make(call, page->last);
}

enum bw_err bw_page_slice(struct bw_call *call, size_t n, struct bw_str marker, struct bw_opt_int max, int64_t usual,
    size_t *from, size_t *to, struct bw_opt_bool *truncated, struct bw_str *next)
{
	size_t most = (size_t)(max.set ? max.v : usual);
	struct bw_str name;
	int64_t start = 0;

	TRY(marker_open(call, marker, &name));
	if (bw_str_set(name) && bw_str_to_i64(name, 0, INT32_MAX, &start) != BW_OK)
		return marker_bad(call);
	*from = (size_t)start < n ? (size_t)start : n;
	*to = n - *from > most ? *from + most : n;
	if (truncated)
		*truncated = BW_BOOL(*to < n);
	if (*to < n)
		*next = marker_make(call, bw_arena_printf(call->arena, "%zu", *to));
	return BW_OK;
}
