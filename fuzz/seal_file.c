/* A seal file and an operator's message from anywhere: read within bounds, and believed by nobody. */
#include "keyer/admin_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bw_secret root;
	struct bw_str bytes = bw_str_make(data, size);
	struct bw_admin_request request, again;
	struct bw_admin_answer answer;
	struct bw_seal_facts facts;
	struct bw_keyring ring;
	struct bw_arena arena;
	struct bw_buf out;

	bw_crypto_init();
	if (!root.p)
		root = bw_secret_new(32);
	bw_arena_init(&arena, 1 << 22);
	bw_buf_init(&out, 1 << 20);
	(void)!bw_seal_decode(bytes, &arena, &facts);
	MUST(bw_seal_open_file(bytes, &root, &ring) != BW_OK);
	if (admin_request_decode(bytes, &arena, &request) == BW_OK) {
		/* What a later version adds is passed over: it is not said again, and nothing else is lost. */
		admin_request_encode(&request, &out);
		MUST(!out.failed && admin_request_decode(bw_buf_str(&out), &arena, &again) == BW_OK);
		MUST(again.words.n == request.words.n && bw_str_eq(again.verb, request.verb) && bw_str_eq(again.root, request.root));
	}
	(void)!admin_answer_decode(bytes, &arena, &answer);
	bw_buf_free(&out);
	bw_arena_free(&arena);
	return 0;
}
