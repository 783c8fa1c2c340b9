/* What either side of an errand's channels may hear, and the URLs in it: what is read is written the same. */
#include "helper/helper.h"
#include "net/fetch.h"
#include "outside/outside.h"
#include "proc/errand_internal.h"

static const struct bw_errands *const kinds[] = {&bw_helper_errands, &bw_outside_errands};

static void kind_try(const struct bw_errands *kind, struct bw_str bytes, void *request)
{
	struct bw_errand_answer answer;
	struct bw_buf again;
	int64_t deadline_ms;
	uint64_t id;
	bool knock;

	bw_buf_init(&again, bytes.n + 1);
	if (errand_request_decode(kind, bytes, &id, &deadline_ms, &knock, request) == BW_OK) {
		errand_request_encode(kind, id, deadline_ms, knock ? NULL : request, &again);
		MUST(bw_str_eq(bw_buf_str(&again), bytes));
	}
	bw_buf_reset(&again);
	if (errand_answer_decode(kind, bytes, &id, &answer) == BW_OK) {
		errand_answer_encode(id, &answer, &again);
		MUST(bw_str_eq(bw_buf_str(&again), bytes));
	}
	bw_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_Alignas(16) char request[BW_ERRAND_REQUEST_MAX];
	struct bw_str bytes = bw_str_make(data, size);
	struct bw_url url;

	for (size_t i = 0; i < BW_COUNT(kinds); i++)
		kind_try(kinds[i], bytes, request);
	if (bw_url_parse(bytes, &url) == BW_OK)
		MUST(url.port && url.host.n && url.target.p[0] == '/');
	return 0;
}
