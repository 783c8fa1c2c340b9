/* Whatever an image says, the table made of it is one JSON text; options are bindings or refused; counters
 * are read or not. */
#include "codec/json.h"
#include "guard/guard_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void image(struct bw_str bytes, struct bw_arena *arena)
{
	static struct guard_opens in, out, cut;
	struct bw_guard_image image;
	struct bw_json_value tree;
	struct bw_buf json;

	if (bw_guard_image_decode(bytes, arena, &image) != BW_OK || image.rules_count == 0)
		return;
	cut.n = 0;
	guard_opens_find(image.rules->ingress, image.rules->ingress_count, image.rules->egress,
	    image.rules->egress_count, &in);
	guard_opens_find(image.rules->egress, image.rules->egress_count, image.rules->ingress,
	    image.rules->ingress_count, &out);
	guard_opens_closed(&in, &out, &cut);
	bw_buf_init(&json, 64 << 20);
	guard_table_put(&(struct guard_bound){image.rules, &cut, &out}, 1, true, &json);
	MUST(!json.failed && bw_json_parse(bw_buf_str(&json), arena, &tree) == BW_OK);
	bw_buf_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str text = bw_str_make(data, size);
	const char *options[2] = {NULL, NULL}, *wrong, *why;
	struct bw_guard_config config;
	struct bw_arena arena;
	int64_t a, b;

	bw_arena_init(&arena, 256 << 20);
	image(text, &arena);
	(void)guard_counters_read(text, 0, &a, &b);
	options[0] = bw_arena_str(&arena, text).p;
	if (bw_guard_parse(options, &arena, &config, &wrong, &why) == BW_OK && options[0])
		MUST(config.count == 1 && config.bindings[0].interface.n <= 15);
	bw_arena_free(&arena);
	return 0;
}
