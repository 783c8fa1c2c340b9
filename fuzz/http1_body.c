/* The chunked decoder: however the bytes are cut, the same body, the same end and the same answer. The first
 * byte of the input says where to cut. */
#include "base/buf.h"
#include "net/http.h"

struct answer {
	struct bw_buf body;
	size_t used;
	enum bw_err err;
};

enum { BODY_MAX = 4096 };

static void feed(struct answer *a, struct bw_str bytes, size_t step)
{
	struct bw_http_chunked c = {0};

	*a = (struct answer){.err = BW_EAGAIN};
	bw_buf_init(&a->body, BODY_MAX);
	while (a->err == BW_EAGAIN && a->used < bytes.n) {
		size_t used;

		a->err = bw_http_chunked_feed(&c, bw_str_sub(bytes, a->used, step), &used, &a->body);
		MUST(used <= step && (used > 0 || a->err != BW_EAGAIN));
		a->used += used;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer whole, cut;
	struct bw_str bytes;

	if (size == 0)
		return 0;
	bytes = bw_str_make(data + 1, size - 1);
	feed(&whole, bytes, size);
	feed(&cut, bytes, data[0] ? data[0] : 1);
	MUST(whole.err == cut.err && whole.used == cut.used);
	MUST(bw_str_eq(bw_buf_str(&whole.body), bw_buf_str(&cut.body)));
	bw_buf_free(&whole.body);
	bw_buf_free(&cut.body);
	return 0;
}
