/* What decodes as a request encodes to the same bytes; and a ciphertext's front never points outside. */
#include "keyer/keyer_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str bytes = bw_str_make(data, size);
	struct bw_keyer_request r;
	struct bw_keyer_answer a;
	struct bw_keyer_blob blob;
	struct bw_arena arena;
	struct bw_buf out;
	uint64_t id;

	bw_arena_init(&arena, 1 << 20);
	bw_buf_init(&out, 1 << 20);
	if (keyer_request_decode(bytes, &id, &r) == BW_OK) {
		keyer_request_encode(id, &r, &out);
		MUST(!out.failed && bw_str_eq(bw_buf_str(&out), bytes));
	}
	out.n = 0;
	if (keyer_answer_decode(bytes, &id, &a) == BW_OK) {
		keyer_answer_encode(id, &a, &out);
		MUST(!out.failed && bw_str_eq(bw_buf_str(&out), bytes));
	}
	if (bw_keyer_blob_parse(bytes, &arena, &blob) == BW_OK)
		MUST(blob.key_id.p > bytes.p && blob.key_id.p + blob.key_id.n < bytes.p + bytes.n &&
		     blob.material_id.n == 64);
	bw_buf_free(&out);
	bw_arena_free(&arena);
	return 0;
}
