/* Records are taken off until nothing is left: each call moves on, and nothing of a record lies outside of
 * the bytes. */
#include "core/edge_log.h"

static void inside(struct bw_str part, struct bw_str whole)
{
	MUST(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str whole = bw_str_make(data, size), rest = whole;
	struct bw_edge_log_record r;

	for (;;) {
		size_t before = rest.n;
		enum bw_err e = bw_edge_log_next(&rest, &r);

		if (e == BW_ENOTFOUND)
			break;
		MUST(rest.n < before);
		if (e != BW_OK)
			continue;
		inside(r.head, whole);
		inside(r.sealed, whole);
		inside(r.name, r.head);
		MUST(r.sealed.n >= BW_AEAD_OVERHEAD && r.head.n + r.sealed.n == before - rest.n);
	}
	return 0;
}
