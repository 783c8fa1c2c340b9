/* Whatever is read as a time lies in range, and writing and reading it again gives the same. */
#include "codec/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static enum bw_err (*const parsers[])(struct bw_str, int64_t *) = {
	    bw_time_parse_iso8601, bw_time_parse_basic, bw_time_parse_epoch, bw_time_parse_http};

	for (size_t i = 0; i < BW_COUNT(parsers); i++) {
		struct bw_buf out;
		int64_t ms, again;

		if (parsers[i](bw_str_make(data, size), &ms) != BW_OK)
			continue;
		MUST(ms >= BW_TIME_MIN_MS && ms <= BW_TIME_MAX_MS);
		bw_buf_init(&out, 64);
		bw_time_put_iso8601_ms(ms, &out);
		MUST(bw_time_parse_iso8601(bw_buf_str(&out), &again) == BW_OK && again == ms);
		out.n = 0;
		bw_time_put_epoch(ms, &out);
		MUST(bw_time_parse_epoch(bw_buf_str(&out), &again) == BW_OK && again == ms);
		bw_buf_free(&out);
	}
	return 0;
}
