/* The pairs of a form, written again, read as the same pairs. */
#include "codec/form.h"
#include "codec/uri.h"

static enum bw_err rewrite(struct bw_str text, struct bw_arena *arena, struct bw_buf *out)
{
	struct bw_form_reader f;
	struct bw_str key, value;
	enum bw_err err;

	bw_form_init(&f, text, arena);
	while ((err = bw_form_next(&f, &key, &value)) == BW_OK) {
		bw_buf_put_c(out, '&');
		bw_uri_encode(key, out);
		bw_buf_put_c(out, '=');
		bw_uri_encode(value, out);
	}
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_buf one, two;
	struct bw_arena arena;

	bw_arena_init(&arena, 64 << 20);
	bw_buf_init(&one, 64 << 20);
	bw_buf_init(&two, 64 << 20);
	if (rewrite(bw_str_make(data, size), &arena, &one) == BW_ENOTFOUND) {
		MUST(rewrite(bw_buf_str(&one), &arena, &two) == BW_ENOTFOUND);
		MUST(bw_str_eq(bw_buf_str(&one), bw_buf_str(&two)));
	}
	bw_buf_free(&one);
	bw_buf_free(&two);
	bw_arena_free(&arena);
	return 0;
}
