#include "keyer/keyer_internal.h"

/* Integers little-endian. A request:  id 8 | op, algorithm, other algorithm, message, pair spec, plain: 1
 * each | length 8 | key, other: materials | input, input2, context, other context. A material:  spec 1 |
 * version 8 | account, region, key id, material id, wrapped. A string:  length 4 | bytes. An answer:  id 8 |
 * result 1 | three strings. */

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

static void material_put(struct bw_buf *out, const struct bw_keyer_material *m)
{
	number_put(out, m->spec, 1);
	number_put(out, (uint64_t)m->version, 8);
	text_put(out, m->account);
	text_put(out, m->region);
	text_put(out, m->key_id);
	text_put(out, m->material_id);
	text_put(out, m->wrapped);
}

void keyer_request_encode(uint64_t id, const struct bw_keyer_request *r, struct bw_buf *out)
{
	number_put(out, id, 8);
	number_put(out, r->op, 1);
	number_put(out, r->algorithm, 1);
	number_put(out, r->other_algorithm, 1);
	number_put(out, r->message, 1);
	number_put(out, r->pair_spec, 1);
	number_put(out, r->plain, 1);
	number_put(out, r->length, 8);
	material_put(out, &r->key);
	material_put(out, &r->other);
	text_put(out, r->input);
	text_put(out, r->input2);
	text_put(out, r->context);
	text_put(out, r->other_context);
}

void keyer_answer_encode(uint64_t id, const struct bw_keyer_answer *a, struct bw_buf *out)
{
	number_put(out, id, 8);
	number_put(out, a->result, 1);
	text_put(out, a->out);
	text_put(out, a->out2);
	text_put(out, a->out3);
}

void keyer_hello_encode(uint64_t taken, uint64_t until, struct bw_buf *out)
{
	number_put(out, KEYER_HELLO, 8);
	number_put(out, BW_OK, 1);
	number_put(out, 16, 4);
	number_put(out, taken, 8);
	number_put(out, until, 8);
	text_put(out, BW_STR(""));
	text_put(out, BW_STR(""));
}

/* ---- Reading ---- */

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
	size_t n = number_take(r, 4, BW_KEYER_MESSAGE_MAX);
	struct bw_str s;

	if (r->bad || r->left.n < n) {
		r->bad = true;
		return BW_STR("");
	}
	s = bw_str_sub(r->left, 0, n);
	r->left = bw_str_sub(r->left, n, r->left.n);
	return s;
}

static void material_take(struct reader *r, struct bw_keyer_material *m)
{
	m->spec = (enum bw_key_spec)number_take(r, 1, BW_KEY_SPECS - 1);
	m->version = (int64_t)number_take(r, 8, INT64_MAX);
	m->account = text_take(r);
	m->region = text_take(r);
	m->key_id = text_take(r);
	m->material_id = text_take(r);
	m->wrapped = text_take(r);
}

enum bw_err keyer_request_decode(struct bw_str bytes, uint64_t *id, struct bw_keyer_request *out)
{
	struct reader r = {bytes, false};

	*out = (struct bw_keyer_request){0};
	*id = number_take(&r, 8, UINT64_MAX);
	out->op = (enum bw_keyer_op)number_take(&r, 1, BW_KEYER_OPS - 1);
	out->algorithm = (enum bw_key_algorithm)number_take(&r, 1, BW_ALGS - 1);
	out->other_algorithm = (enum bw_key_algorithm)number_take(&r, 1, BW_ALGS - 1);
	out->message = (enum bw_key_message)number_take(&r, 1, BW_MESSAGE_EXTERNAL_MU);
	out->pair_spec = (enum bw_key_spec)number_take(&r, 1, BW_KEY_SPECS - 1);
	out->plain = number_take(&r, 1, 1) != 0;
	out->length = (size_t)number_take(&r, 8, BW_KEYER_MESSAGE_MAX / 2);
	material_take(&r, &out->key);
	material_take(&r, &out->other);
	out->input = text_take(&r);
	out->input2 = text_take(&r);
	out->context = text_take(&r);
	out->other_context = text_take(&r);
	return r.bad || r.left.n || *id == KEYER_HELLO ? BW_EINVAL : BW_OK;
}

enum bw_err keyer_answer_decode(struct bw_str bytes, uint64_t *id, struct bw_keyer_answer *out)
{
	struct reader r = {bytes, false};

	*id = number_take(&r, 8, UINT64_MAX);
	out->result = (enum bw_err)number_take(&r, 1, BW_EINTERNAL);
	out->out = text_take(&r);
	out->out2 = text_take(&r);
	out->out3 = text_take(&r);
	return r.bad || r.left.n ? BW_EINVAL : BW_OK;
}

enum bw_err keyer_hello_decode(const struct bw_keyer_answer *a, uint64_t *taken, uint64_t *until)
{
	struct reader r = {a->out, false};

	*taken = number_take(&r, 8, UINT64_MAX);
	*until = number_take(&r, 8, UINT64_MAX);
	return r.bad || r.left.n ? BW_EINVAL : BW_OK;
}
