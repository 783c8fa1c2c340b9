/* What is encoded decodes to itself; what decodes means the same when encoded and decoded again. */
#include "codec/uri.h"

static void check(struct bw_str bytes, bool keep_slash, struct bw_arena *arena)
{
	char *room = bw_arena_alloc_array(arena, 3, bytes.n);
	struct bw_str text = bw_str_make(room, bw_uri_encode_to(bytes, keep_slash, room)), back;
	struct bw_buf out;

	for (size_t i = 0; i < text.n; i++)
		MUST(bw_uri_unreserved(text.p[i]) || text.p[i] == '%' || (keep_slash && text.p[i] == '/'));
	MUST(bw_uri_decode(text, true, arena, &back) == BW_OK && bw_str_eq(back, bytes));
	bw_buf_init(&out, 64 << 20);
	bw_uri_encode(bytes, &out);
	MUST(keep_slash || bw_str_eq(bw_buf_str(&out), text));
	bw_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str text = bw_str_make(data, size), bytes;
	struct bw_arena arena;

	bw_arena_init(&arena, 64 << 20);
	for (int flag = 0; flag < 2; flag++) {
		check(text, flag, &arena);
		if (bw_uri_decode(text, flag, &arena, &bytes) == BW_OK)
			check(bytes, flag, &arena);
	}
	bw_arena_free(&arena);
	return 0;
}
