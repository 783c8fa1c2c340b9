/* Header blocks, read beside nghttp2's inflater and made for it. The blocks of one connection stand one after
 * the other, each behind its length; the same bytes are then taken as fields. */
#include <nghttp2/nghttp2.h>

#include "base/buf.h"
#include "net/hpack.h"

enum { LIST_MAX = 64 * 1024, FIELDS_MAX = 32 };

static char room[LIST_MAX];

/* A list as text: each string behind its length. */
static void field_note(struct bw_buf *b, struct bw_str name, struct bw_str value, bool never)
{
	bw_buf_printf(b, "%d %zu ", never, name.n);
	bw_buf_put(b, name);
	bw_buf_printf(b, " %zu ", value.n);
	bw_buf_put(b, value);
}

static bool on_field(void *ctx, const struct bw_hpack_field *f)
{
	field_note(ctx, f->name, f->value, f->never);
	return true;
}

static bool ours(struct bw_hpack_decoder *d, struct bw_str block, struct bw_buf *out, bool *too_large)
{
	struct bw_hpack_sink sink = {.field = on_field, .ctx = out, .room = room, .list_max = LIST_MAX};
	bool good = bw_hpack_decode(d, block, &sink);

	*too_large = sink.too_large;
	return good;
}

/* Of a list that is too large, what we hear of. */
static bool theirs(nghttp2_hd_inflater *d, struct bw_str block, struct bw_buf *out)
{
	size_t list = 0;

	for (;;) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t n = nghttp2_hd_inflate_hd2(d, &nv, &flags, (const uint8_t *)block.p, block.n, 1);

		if (n < 0)
			return false;
		block = bw_str_sub(block, (size_t)n, block.n);
		if (flags & NGHTTP2_HD_INFLATE_EMIT) {
			list += nv.namelen + nv.valuelen + 32;
			if (list <= LIST_MAX)
				field_note(out, bw_str_make(nv.name, nv.namelen),
				    bw_str_make(nv.value, nv.valuelen), nv.flags & NGHTTP2_NV_FLAG_NO_INDEX);
			else
				list = SIZE_MAX / 2;
		}
		if (flags & NGHTTP2_HD_INFLATE_FINAL)
			return nghttp2_hd_inflate_end_headers(d) == 0;
	}
}

/* We refuse a third change of the table's size, of which RFC 7541 4.2 knows two at most. */
static bool resizes_too_often(struct bw_str block)
{
	int resizes = 0;

	while (block.n && ((uint8_t)block.p[0] & 0xe0) == 0x20) {
		size_t at = 1;

		if (((uint8_t)block.p[0] & 0x1f) == 0x1f)
			while (at < block.n && (uint8_t)block.p[at++] & 0x80)
				;
		block = bw_str_sub(block, at, block.n);
		resizes++;
	}
	return resizes > 2;
}

static void blocks_agree(struct bw_str bytes)
{
	struct bw_hpack_decoder d;
	nghttp2_hd_inflater *inflater;
	struct bw_buf a, b;
	bool good = true, too_large;

	MUST(nghttp2_hd_inflate_new(&inflater) == 0);
	bw_hpack_decoder_init(&d);
	bw_buf_init(&a, 1 << 20);
	bw_buf_init(&b, 1 << 20);
	while (good && bytes.n > 2) {
		size_t n = (uint8_t)bytes.p[0] | (size_t)((uint8_t)bytes.p[1] & 15) << 8;
		struct bw_str block = bw_str_sub(bytes, 2, n);

		if (!block.n || resizes_too_often(block))
			break;
		bytes = bw_str_sub(bytes, 2 + n, bytes.n);
		a.n = b.n = 0;
		good = ours(&d, block, &a, &too_large);
		MUST(theirs(inflater, block, &b) == good);
		MUST(bw_str_eq(bw_buf_str(&a), bw_buf_str(&b)));
	}
	bw_buf_free(&a);
	bw_buf_free(&b);
	nghttp2_hd_inflate_del(inflater);
}

/* ---- from fields and back ---- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static struct bw_str string_of(struct bw_str *bytes)
{
	size_t n = bytes->n ? (uint8_t)bytes->p[0] & 63 : 0;
	struct bw_str s = bw_str_sub(*bytes, 1, n);

	*bytes = bw_str_sub(*bytes, 1 + n, bytes->n);
	return s;
}

static size_t fields_of(struct bw_str *bytes, struct bw_hpack_field *fields)
{
	size_t count = (uint8_t)bytes->p[0] % FIELDS_MAX;

	*bytes = bw_str_sub(*bytes, 1, bytes->n);
	for (size_t i = 0; i < count; i++) {
		fields[i].never = bytes->n && bytes->p[0] & 64;
		fields[i].name = string_of(bytes);
		fields[i].value = string_of(bytes);
	}
	return count;
}

/* Secrets by their names alone are told as such as well. */
static void fields_come_back(const struct bw_hpack_field *fields, size_t count, const struct bw_buf *got)
{
	struct bw_str rest = bw_buf_str(got);

	for (size_t i = 0; i < count; i++) {
		struct bw_buf one;
		char name[64];
		bool never = rest.p[0] == '1';

		for (size_t j = 0; j < fields[i].name.n; j++)
			name[j] = lower(fields[i].name.p[j]);
		bw_buf_init(&one, 1 << 10);
		field_note(&one, bw_str_make(name, fields[i].name.n), fields[i].value, never);
		MUST(never || !fields[i].never);
		MUST(bw_str_starts(rest, bw_buf_str(&one)));
		rest = bw_str_sub(rest, one.n, rest.n);
		bw_buf_free(&one);
	}
	MUST(!rest.n);
}

static void limit(struct bw_hpack_encoder *e, nghttp2_hd_inflater *inflater, struct bw_str *bytes)
{
	size_t bytes_max =
	    (uint8_t)bytes->p[0] >= 0xf0 ? (size_t)((uint8_t)bytes->p[1] & 127) << 6 : SIZE_MAX;

	if (bytes_max == SIZE_MAX)
		return;
	bw_hpack_encoder_limit(e, bytes_max);
	MUST(nghttp2_hd_inflate_change_table_size(inflater, bytes_max) == 0);
	*bytes = bw_str_sub(*bytes, 2, bytes->n);
}

static void fields_agree(struct bw_str bytes)
{
	static char block[FIELDS_MAX * 256];
	struct bw_hpack_field fields[FIELDS_MAX];
	struct bw_hpack_encoder e;
	nghttp2_hd_inflater *inflater;
	struct bw_buf got;

	MUST(nghttp2_hd_inflate_new(&inflater) == 0);
	bw_hpack_encoder_init(&e);
	bw_buf_init(&got, 1 << 20);
	while (bytes.n > 2) {
		size_t count, n;

		limit(&e, inflater, &bytes);
		if (!bytes.n)
			break;
		count = fields_of(&bytes, fields);
		n = bw_hpack_encode(&e, fields, count, block, sizeof block);
		MUST(n <= bw_hpack_bound(fields, count) && bw_hpack_bound(fields, count) <= sizeof block);
		got.n = 0;
		MUST(theirs(inflater, bw_str_make(block, n), &got));
		fields_come_back(fields, count, &got);
	}
	bw_buf_free(&got);
	nghttp2_hd_inflate_del(inflater);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	blocks_agree(bw_str_make(data, size));
	fields_agree(bw_str_make(data, size));
	return 0;
}
