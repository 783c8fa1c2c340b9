/* A text that decodes is the one spelling of its bytes, in either alphabet. */
#include "codec/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str text = bw_str_make(data, size), bytes;
	struct bw_arena arena;
	struct bw_buf out;

	bw_arena_init(&arena, 64 << 20);
	bw_buf_init(&out, 64 << 20);
	if (bw_base64_decode(text, &arena, &bytes) == BW_OK) {
		bw_base64_encode(bytes, &out);
		MUST(bw_str_eq(bw_buf_str(&out), text));
	}
	out.n = 0;
	if (bw_base64url_decode(text, &arena, &bytes) == BW_OK) {
		bw_base64url_encode(bytes, &out);
		MUST(bw_str_eq(bw_buf_str(&out), text));
	}
	out.n = 0;
	bw_base64_encode(text, &out);
	MUST(bw_base64_decode(bw_buf_str(&out), &arena, &bytes) == BW_OK && bw_str_eq(bytes, text));
	bw_buf_free(&out);
	bw_arena_free(&arena);
	return 0;
}
