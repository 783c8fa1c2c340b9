#include "bin/anchor_file.h"

#define WORDS "bulwark anchor 1 "

void anchor_file_put(uint64_t number, struct bw_buf *out)
{
	bw_buf_printf(out, WORDS "%llu\n", (unsigned long long)number);
}

enum bw_err anchor_file_read(struct bw_str text, uint64_t *number)
{
	struct bw_str words = BW_STR(WORDS);
	char room[ANCHOR_FILE_MAX];
	struct bw_buf again = bw_buf_over(room, sizeof room);
	int64_t n;

	CHECK(bw_str_starts(text, words) && bw_str_ends(text, BW_STR("\n")), BW_ECORRUPT);
	CHECK(bw_str_to_i64(bw_str_sub(text, words.n, text.n - words.n - 1), 0, INT64_MAX, &n) == BW_OK, BW_ECORRUPT);
	/* One spelling alone. */
	anchor_file_put((uint64_t)n, &again);
	CHECK(bw_str_eq(bw_buf_str(&again), text), BW_ECORRUPT);
	*number = (uint64_t)n;
	return BW_OK;
}
