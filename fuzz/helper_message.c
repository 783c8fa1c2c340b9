/* What either side of the helper's channels may hear, and the URLs in it: what is read is written the same. */
#include "helper/helper_internal.h"

#include "net/fetch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str bytes = bw_str_make(data, size);
	struct bw_helper_request request;
	struct bw_helper_answer answer;
	int64_t deadline_ms;
	struct bw_buf again;
	struct bw_url url;
	uint64_t id;

	bw_buf_init(&again, BW_HELPER_MESSAGE_MAX * 2);
	if (helper_request_decode(bytes, &id, &deadline_ms, &request) == BW_OK) {
		helper_request_encode(id, deadline_ms, &request, &again);
		MUST(again.n <= size);
		if (bw_url_parse(request.url, &url) == BW_OK)
			MUST(url.port && url.host.n && url.target.p[0] == '/');
	}
	bw_buf_reset(&again);
	if (helper_answer_decode(bytes, &id, &answer) == BW_OK) {
		helper_answer_encode(id, &answer, &again);
		MUST(bw_str_eq(bw_buf_str(&again), bytes));
	}
	if (bw_url_parse(bytes, &url) == BW_OK)
		MUST(url.port && url.host.n && url.target.p[0] == '/');
	bw_buf_free(&again);
	return 0;
}
