/* What decodes as a request or an answer encodes to the same bytes. */
#include "outside/outside_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str bytes = bw_str_make(data, size);
	struct bw_outside_request r;
	struct bw_outside_answer a;
	struct bw_buf out;
	uint64_t id;

	bw_buf_init(&out, 1 << 20);
	if (outside_request_decode(bytes, &id, &r) == BW_OK) {
		outside_request_encode(id, &r, &out);
		MUST(!out.failed && bw_str_eq(bw_buf_str(&out), bytes));
	}
	out.n = 0;
	if (outside_answer_decode(bytes, &id, &a) == BW_OK) {
		outside_answer_encode(id, &a, &out);
		MUST(!out.failed && bw_str_eq(bw_buf_str(&out), bytes));
	}
	bw_buf_free(&out);
	return 0;
}
