#include "core/internal.h"

#include "codec/base64.h"
#include "core/session.h"

enum {
	/* What the records of a page may take, far from what a call may: those of entities with the longest inline policies have half a MiB.
	 * AWS's pages may be shorter than asked for, too. */
	PAGE_BYTES_MAX = 8 * 1024 * 1024,
};

static void mac_of(struct bw_call *call, struct bw_str name, char mac[BW_MARKER_MAC])
{
	bw_marker_mac(call->core->sessions, call->account, bw_str_c(bw_at(call->model->action)), name, call->arena, mac);
}

enum bw_err bw_marker_open(struct bw_call *call, struct bw_str marker, struct bw_str *place)
{
	char mac[BW_MARKER_MAC];
	struct bw_str plain;

	*place = BW_STR_NONE;
	if (!bw_str_set(marker))
		return BW_OK;
	CHECK(marker.n > 0 && bw_base64url_decode(marker, call->arena, &plain) == BW_OK && plain.n > BW_MARKER_MAC, BW_EINVAL);
	*place = bw_str_sub(plain, BW_MARKER_MAC, plain.n);
	mac_of(call, *place, mac);
	CHECK(bw_str_eq_secret(bw_str_make(mac, sizeof mac), bw_str_sub(plain, 0, BW_MARKER_MAC)), BW_EINVAL);
	return BW_OK;
}

struct bw_str bw_marker_make(struct bw_call *call, struct bw_str name)
{
	char mac[BW_MARKER_MAC];
	struct bw_buf text;
	struct bw_str out;

	mac_of(call, name, mac);
	bw_buf_init(&text, 2 * BW_STORE_KEY_MAX);
	bw_base64url_encode(BW_JOIN(call->arena, bw_str_make(mac, sizeof mac), name), &text);
	out = bw_arena_str(call->arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return out;
}

static enum bw_err marker_take(struct bw_call *call, struct bw_str marker, struct bw_str *place)
{
	bool xml = call->service->protocol == BW_PROTOCOL_QUERY || call->service->protocol == BW_PROTOCOL_EC2;

	if (bw_marker_open(call, marker, place) == BW_OK)
		return BW_OK;
	return bw_call_fail(call, xml ? "ValidationError" : "ValidationException", "%s",
	    "Invalid Marker specified in the request");
}

enum bw_err bw_page_begin(struct bw_call *call, struct bw_str prefix, struct bw_str marker, struct bw_opt_int max,
    int64_t usual, struct bw_page *page)
{
	struct bw_str name, after = BW_STR_NONE;

	*page = (struct bw_page){.prefix = prefix, .left = (size_t)(max.set ? max.v : usual)};
	TRY(marker_take(call, marker, &name));
	page->last = name;
	if (name.n)
		after = bw_arena_printf(call->arena, "%.*s%.*s", BW_FMT(prefix), BW_FMT(name));
	return bw_scan_begin(call->view, prefix, after, &page->scan);
}

enum bw_err bw_page_next(struct bw_call *call, struct bw_page *page, const struct bw_record *r, void *to,
    struct bw_str *name)
{
	struct bw_str key, bytes = BW_STR_NONE;

	TRY(bw_scan_next(&page->scan, call->arena, &key, r ? &bytes : NULL, NULL));
	if (page->left == 0 || page->spent_bytes > PAGE_BYTES_MAX) {
		page->more = true;
		return BW_ENOTFOUND;
	}
	if (r)
		TRY(bw_record_decode(r, bytes, call->arena, to));
	page->left--;
	page->spent_bytes += bytes.n;
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
		*marker = bw_marker_make(call, page->last);
}

enum bw_err bw_page_slice(struct bw_call *call, size_t n, struct bw_str marker, struct bw_opt_int max, int64_t usual,
    size_t *from, size_t *to, struct bw_opt_bool *truncated, struct bw_str *next)
{
	size_t most = (size_t)(max.set ? max.v : usual);
	struct bw_str name;
	int64_t start = 0;

	TRY(marker_take(call, marker, &name));
	if (bw_str_set(name))
		MUST(bw_str_to_i64(name, 0, INT32_MAX, &start) == BW_OK); /* it is one of this list's own */
	*from = (size_t)start < n ? (size_t)start : n;
	*to = n - *from > most ? *from + most : n;
	if (truncated)
		*truncated = BW_BOOL(*to < n);
	if (*to < n)
		*next = bw_marker_make(call, bw_arena_printf(call->arena, "%zu", *to));
	return BW_OK;
}
