#include "codec/message.h"

enum { LENGTH_BYTES = 4, ID_BYTES = 8 };
#define ABSENT UINT32_MAX

static void number_put(struct bw_buf *out, uint64_t v, size_t bytes)
{
	char *at = bw_buf_room(out, bytes);

	if (!at)
		return;
	for (size_t i = 0; i < bytes; i++)
		at[i] = (char)(v >> 8 * i & 255);
	out->n += bytes;
}

static void text_put(struct bw_buf *out, struct bw_str s, bool may_be_absent)
{
	if (may_be_absent && !bw_str_set(s)) {
		number_put(out, ABSENT, LENGTH_BYTES);
		return;
	}
	number_put(out, s.n, LENGTH_BYTES);
	bw_buf_put(out, s);
}

static uint64_t number_of(const char *member, unsigned width)
{
	uint32_t four;
	uint64_t eight;

	if (width == 1)
		return (unsigned char)*member;
	if (width == sizeof four) {
		memcpy(&four, member, sizeof four);
		return four;
	}
	memcpy(&eight, member, sizeof eight);
	return eight;
}

static void number_set(char *member, unsigned width, uint64_t v)
{
	uint32_t four = (uint32_t)v;

	if (width == 1)
		*member = (char)v;
	else if (width == sizeof four)
		memcpy(member, &four, sizeof four);
	else
		memcpy(member, &v, sizeof v);
}

void bw_message_put(const struct bw_message_form *f, uint64_t id, const void *from, struct bw_buf *out)
{
	number_put(out, id, ID_BYTES);
	for (const struct bw_message_member *m = f->members; m < f->members + f->count; m++) {
		const char *at = (const char *)from + m->offset;

		if (m->width)
			number_put(out, number_of(at, m->width), m->bytes);
		else
			text_put(out, *(const struct bw_str *)(const void *)at, m->bytes);
	}
}

/* ---- Reading ---- */

static bool number_take(struct bw_str *left, size_t bytes, uint64_t *v)
{
	if (left->n < bytes)
		return false;
	*v = 0;
	for (size_t i = bytes; i-- > 0;)
		*v = *v << 8 | (unsigned char)left->p[i];
	*left = bw_str_make(left->p + bytes, left->n - bytes);
	return true;
}

static bool text_take(struct bw_str *left, bool may_be_absent, struct bw_str *out)
{
	uint64_t n;

	if (!number_take(left, LENGTH_BYTES, &n))
		return false;
	if (may_be_absent && n == ABSENT) {
		*out = BW_STR_NONE;
		return true;
	}
	if (left->n < n)
		return false;
	*out = bw_str_make(left->p, n);
	*left = bw_str_make(left->p + n, left->n - n);
	return true;
}

static bool member_take(const struct bw_message_member *m, struct bw_str *left, char *at)
{
	uint64_t v;

	if (!m->width)
		return text_take(left, m->bytes, (struct bw_str *)(void *)at);
	if (!number_take(left, m->bytes, &v) || v > m->max)
		return false;
	number_set(at, m->width, v);
	return true;
}

enum bw_err bw_message_take(const struct bw_message_form *f, struct bw_str bytes, uint64_t *id, void *to)
{
	CHECK(number_take(&bytes, ID_BYTES, id), BW_EINVAL);
	for (size_t i = 0; i < f->count; i++)
		CHECK(member_take(&f->members[i], &bytes, (char *)to + f->members[i].offset), BW_EINVAL);
	return bytes.n ? BW_EINVAL : BW_OK;
}
