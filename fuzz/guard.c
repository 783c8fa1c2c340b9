/* Whatever an image says, the table made of it is one JSON text; options are bindings or refused; counters
 * are read or not. */
#include "codec/json.h"
#include "guard/guard_internal.h"
#include "proc/origin.h"

#include <sys/socket.h>

static void image(struct bw_str bytes, struct bw_arena *arena)
{
	static struct guard_opens in, out, cut;
	struct bw_guard_image image;
	struct bw_json_value tree;
	struct bw_buf json;

	if (bw_guard_image_decode(bytes, arena, &image) != BW_OK)
		return;
	bw_buf_init(&json, 64 << 20);
	guard_origins_table(image.targets, image.target_count, &json);
	MUST(!json.failed && bw_json_parse(bw_buf_str(&json), arena, &tree) == BW_OK);
	bw_buf_free(&json);
	if (image.rules_count == 0)
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

/* What a loop of the edge asks for is in bounds, or refused; the answer comes as it was sent, or not at all. */
static void message(struct bw_str bytes)
{
	static int ends[2] = {-1, -1};
	struct bw_origin_ask ask;
	struct bw_origin_answer answer;

	if (ends[0] < 0)
		MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
	if (bytes.n == 0 || bytes.n > 4096 || send(ends[0], bytes.p, bytes.n, 0) < 0)
		return;
	if (bw_origin_ask_receive(ends[1], &ask) == BW_OK)
		MUST(ask.count >= 1 && ask.count <= BW_ORIGIN_BATCH);
	MUST(send(ends[0], bytes.p, bytes.n, 0) == (ssize_t)bytes.n);
	/* No descriptors came with it. */
	if (bw_origin_answer_receive(ends[1], &answer) == BW_OK)
		MUST(answer.count == 0 && answer.error);
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
	message(text);
	(void)guard_counters_read(text, 0, &a, &b);
	options[0] = bw_arena_str(&arena, text).p;
	if (bw_guard_parse(options, &arena, &config, &wrong, &why) == BW_OK && options[0])
		MUST(config.count == 1 && config.bindings[0].interface.n <= 15);
	bw_arena_free(&arena);
	return 0;
}
