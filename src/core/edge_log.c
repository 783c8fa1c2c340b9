#include "core/edge_log.h"

enum { MAGIC = 4, LENGTH = 4, NUMBER = 8, FIXED = BW_BOX_KEY + NUMBER + 1 };
static const struct bw_str magic = {"BWL1", MAGIC};

static void put_uint(struct bw_buf *out, uint64_t v, int bytes)
{
	while (bytes--)
		bw_buf_put_c(out, (char)(v >> 8 * bytes & 0xff));
}

static uint64_t get_uint(const char *p, size_t bytes)
{
	uint64_t v = 0;

	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

void bw_edge_log_put(struct bw_box *box, const unsigned char sender[BW_BOX_KEY], uint64_t number,
    struct bw_str name, struct bw_str line, struct bw_buf *out)
{
	size_t from = out->n;

	if (name.n > BW_EDGE_LOG_NAME_MAX || line.n > BW_EDGE_LOG_LINE_MAX) {
		out->failed = true;
		return;
	}
	bw_buf_put(out, magic);
	put_uint(out, FIXED + name.n + line.n + BW_AEAD_OVERHEAD, LENGTH);
	bw_buf_put(out, bw_str_make(sender, BW_BOX_KEY));
	put_uint(out, number, NUMBER);
	put_uint(out, name.n, 1);
	bw_buf_put(out, name);
	if (!out->failed) {
		/* Sealing may move the buffer: what is authenticated is taken away from it first. */
		char head[MAGIC + LENGTH + FIXED + BW_EDGE_LOG_NAME_MAX];
		size_t n = out->n - from;

		memcpy(head, out->p + from, n);
		bw_box_seal(box, bw_str_make(head, n), line, out);
	}
}

/* On to where the magic stands again, behind the first byte. */
static enum bw_err skip(struct bw_str *bytes)
{
	const char *found = bytes->n > 1 ? memmem(bytes->p + 1, bytes->n - 1, magic.p, magic.n) : NULL;

	*bytes = found ? bw_str_make(found, bytes->n - (size_t)(found - bytes->p))
	               : bw_str_sub(*bytes, bytes->n, bytes->n);
	return BW_ECORRUPT;
}

enum bw_err bw_edge_log_next(struct bw_str *bytes, struct bw_edge_log_record *out)
{
	size_t n, head;

	if (bytes->n == 0)
		return BW_ENOTFOUND;
	if (bytes->n < MAGIC + LENGTH + FIXED || !bw_str_starts(*bytes, magic))
		return skip(bytes);
	n = (size_t)get_uint(bytes->p + MAGIC, LENGTH);
	head = MAGIC + LENGTH + FIXED + (unsigned char)bytes->p[MAGIC + LENGTH + FIXED - 1];
	if (n > bytes->n - MAGIC - LENGTH || MAGIC + LENGTH + n < head + BW_AEAD_OVERHEAD ||
	    MAGIC + LENGTH + n > head + BW_AEAD_OVERHEAD + BW_EDGE_LOG_LINE_MAX)
		return skip(bytes);
	*out = (struct bw_edge_log_record){.sender = bw_str_sub(*bytes, MAGIC + LENGTH, BW_BOX_KEY),
	    .number = get_uint(bytes->p + MAGIC + LENGTH + BW_BOX_KEY, NUMBER),
	    .name = bw_str_sub(*bytes, MAGIC + LENGTH + FIXED, head - MAGIC - LENGTH - FIXED),
	    .head = bw_str_sub(*bytes, 0, head),
	    .sealed = bw_str_sub(*bytes, head, MAGIC + LENGTH + n - head)};
	*bytes = bw_str_sub(*bytes, MAGIC + LENGTH + n, bytes->n);
	return BW_OK;
}
