#include "helper/helper_internal.h"

/* Integers little-endian. A request:  id 8 | deadline 8 | most bytes 4 | has authorization, has form: 1 each
 * | url, authorization, form. An answer:  id 8 | result 1 | status 2 | body. A string:  length 4 | bytes. */

static void number_put(struct bw_buf *out, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		bw_buf_put_c(out, (char)(v >> 8 * i & 255));
}

static void text_put(struct bw_buf *out, struct bw_str s)
{
	number_put(out, s.n, 4);
	bw_buf_put(out, s);
}

void helper_request_encode(
    uint64_t id, int64_t deadline_ms, const struct bw_helper_request *r, struct bw_buf *out)
{
	number_put(out, id, 8);
	number_put(out, (uint64_t)deadline_ms, 8);
	number_put(out, r->answer_max, 4);
	number_put(out, bw_str_set(r->authorization), 1);
	number_put(out, bw_str_set(r->form), 1);
	text_put(out, r->url);
	text_put(out, r->authorization);
	text_put(out, r->form);
}

void helper_answer_encode(uint64_t id, const struct bw_helper_answer *a, struct bw_buf *out)
{
	number_put(out, id, 8);
	number_put(out, a->result, 1);
	number_put(out, (uint64_t)a->status, 2);
	text_put(out, a->body);
}

/* What is left of a message; `bad` once something did not fit. */
struct reader {
	struct bw_str left;
	bool bad;
};

static uint64_t number_take(struct reader *r, size_t bytes, uint64_t max)
{
	uint64_t v = 0;

	if (r->bad || r->left.n < bytes) {
		r->bad = true;
		return 0;
	}
	for (size_t i = bytes; i-- > 0;)
		v = v << 8 | (unsigned char)r->left.p[i];
	r->left = bw_str_sub(r->left, bytes, r->left.n);
	r->bad = v > max;
	return r->bad ? 0 : v;
}

static struct bw_str text_take(struct reader *r)
{
	size_t n = number_take(r, 4, BW_HELPER_MESSAGE_MAX);
	struct bw_str s;

	if (r->bad || r->left.n < n) {
		r->bad = true;
		return BW_STR("");
	}
	s = bw_str_sub(r->left, 0, n);
	r->left = bw_str_sub(r->left, n, r->left.n);
	return s;
}

enum bw_err helper_request_decode(
    struct bw_str bytes, uint64_t *id, int64_t *deadline_ms, struct bw_helper_request *out)
{
	struct reader r = {bytes, false};
	bool authorized, posted;

	*out = (struct bw_helper_request){0};
	*id = number_take(&r, 8, UINT64_MAX);
	*deadline_ms = (int64_t)number_take(&r, 8, INT64_MAX);
	out->answer_max = number_take(&r, 4, BW_HELPER_BODY_MAX);
	authorized = number_take(&r, 1, 1) != 0;
	posted = number_take(&r, 1, 1) != 0;
	out->url = text_take(&r);
	out->authorization = text_take(&r);
	out->form = text_take(&r);
	if (!authorized)
		out->authorization = BW_STR_NONE;
	if (!posted)
		out->form = BW_STR_NONE;
	return r.bad || r.left.n ? BW_EINVAL : BW_OK;
}

enum bw_err helper_answer_decode(struct bw_str bytes, uint64_t *id, struct bw_helper_answer *out)
{
	struct reader r = {bytes, false};

	*id = number_take(&r, 8, UINT64_MAX);
	out->result = (enum bw_err)number_take(&r, 1, BW_EINTERNAL);
	out->status = (int)number_take(&r, 2, 599);
	out->body = text_take(&r);
	return r.bad || r.left.n || out->body.n > BW_HELPER_BODY_MAX ? BW_EINVAL : BW_OK;
}
