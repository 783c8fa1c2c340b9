#include "outside/outside_internal.h"

/* Integers little-endian. A request:  id 8 | op 1 | length 2 | where, pin, label, context, input. An answer:
 * id 8 | result 1 | status 2 | out. A string:  length 4 | bytes. */

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

void outside_request_encode(uint64_t id, const struct bw_outside_request *r, struct bw_buf *out)
{
	number_put(out, id, 8);
	number_put(out, r->op, 1);
	number_put(out, r->length, 2);
	text_put(out, r->where);
	text_put(out, r->pin);
	text_put(out, r->label);
	text_put(out, r->context);
	text_put(out, r->input);
}

void outside_answer_encode(uint64_t id, const struct bw_outside_answer *a, struct bw_buf *out)
{
	number_put(out, id, 8);
	number_put(out, a->result, 1);
	number_put(out, (uint64_t)a->status, 2);
	text_put(out, a->out);
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
	size_t n = number_take(r, 4, BW_OUTSIDE_MESSAGE_MAX);
	struct bw_str s;

	if (r->bad || r->left.n < n) {
		r->bad = true;
		return BW_STR("");
	}
	s = bw_str_sub(r->left, 0, n);
	r->left = bw_str_sub(r->left, n, r->left.n);
	return s;
}

enum bw_err outside_request_decode(struct bw_str bytes, uint64_t *id, struct bw_outside_request *out)
{
	struct reader r = {bytes, false};

	*id = number_take(&r, 8, UINT64_MAX);
	out->op = (enum bw_outside_op)number_take(&r, 1, BW_OUTSIDE_OPS - 1);
	out->length = number_take(&r, 2, 1024);
	out->where = text_take(&r);
	out->pin = text_take(&r);
	out->label = text_take(&r);
	out->context = text_take(&r);
	out->input = text_take(&r);
	return r.bad || r.left.n || *id == OUTSIDE_HELLO ? BW_EINVAL : BW_OK;
}

enum bw_err outside_answer_decode(struct bw_str bytes, uint64_t *id, struct bw_outside_answer *out)
{
	struct reader r = {bytes, false};

	*id = number_take(&r, 8, UINT64_MAX);
	out->result = (enum bw_err)number_take(&r, 1, BW_EINTERNAL);
	out->status = (int)number_take(&r, 2, 599);
	out->out = text_take(&r);
	return r.bad || r.left.n ? BW_EINVAL : BW_OK;
}
