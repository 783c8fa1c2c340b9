#include "text.h"

#include "codec/json.h"
#include "test.h"

struct bw_str json_text(struct bw_arena *a, struct bw_buf *json)
{
	struct bw_json_value tree;
	struct bw_str text;

	assert_false(json->failed);
	text = bw_arena_str(a, bw_buf_str(json));
	bw_buf_free(json);
	assert_int_equal(bw_json_parse(text, a, &tree), BW_OK);
	return text;
}

size_t count(struct bw_str text, const char *part)
{
	size_t n = 0;

	for (const char *at = text.p; (at = strstr(at, part)); at++)
		n++;
	return n;
}
