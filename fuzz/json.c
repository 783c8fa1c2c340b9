/* Whatever is read must be read again from what the writer makes of it, and the tree must agree with the
 * tokens. */
#include "codec/json.h"

#include "codec/utf8.h"

static void rewrite(const struct bw_json_value *v, struct bw_buf *out)
{
	static const char *const words[] = {
	    [BW_JSON_TRUE] = "true", [BW_JSON_FALSE] = "false", [BW_JSON_NULL] = "null"};
	bool object = v->kind == BW_JSON_OBJECT;

	if (v->kind == BW_JSON_STRING) {
		MUST(bw_utf8_valid(v->text));
		bw_json_put_str(out, v->text);
	} else if (v->kind == BW_JSON_NUMBER) {
		bw_buf_put(out, v->text);
	} else if (object || v->kind == BW_JSON_ARRAY) {
		bw_buf_put_c(out, object ? '{' : '[');
		for (size_t i = 0; i < v->count; i++) {
			if (i)
				bw_buf_put_c(out, ',');
			if (object) {
				bw_json_put_str(out, v->keys[i]);
				bw_buf_put_c(out, ':');
			}
			rewrite(&v->values[i], out);
		}
		bw_buf_put_c(out, object ? '}' : ']');
	} else {
		bw_buf_put(out, bw_str_c(words[v->kind]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str text = bw_str_make(data, size);
	struct bw_json_value v, again;
	struct bw_buf one, two;
	struct bw_arena arena;

	bw_arena_init(&arena, 64 << 20);
	bw_buf_init(&one, 64 << 20);
	bw_buf_init(&two, 64 << 20);
	if (bw_json_parse(text, &arena, &v) == BW_OK) {
		rewrite(&v, &one);
		MUST(bw_json_parse(bw_buf_str(&one), &arena, &again) == BW_OK);
		rewrite(&again, &two);
		MUST(bw_str_eq(bw_buf_str(&one), bw_buf_str(&two)));
	}
	bw_buf_free(&one);
	bw_buf_free(&two);
	bw_arena_free(&arena);
	return 0;
}
