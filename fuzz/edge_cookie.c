/* The Cookie header of a request, as stickiness reads it: none but what we have sealed names a target, and
 * that does. */
#include "edge/group.h"
#include "edge/sticky.h"
#include "edge/worker.h"

static struct edge e;
static struct group g, other;
static struct target t;

static void edge_make(void)
{
	static const unsigned char key[32] = {1};

	bw_crypto_init();
	bw_arena_init(&e.arena, 1 << 20);
	bw_buf_init(&e.lines, BW_HTTP_HEAD_MAX);
	e.cookies = bw_aead_key_new(key);
	MUST(bw_loop_new(&e.loop) == BW_OK);
	t = (struct target){.group = &g,
	    .key = (char *)(uintptr_t) "10.0.0.1:80",
	    .has_address = true,
	    .health = HEALTH_HEALTHY};
	g = (struct group){
	    .edge = &e, .arn = BW_STR("arn:g"), .targets = &t, .target_count = 1, .sticky_s = 60};
	other = g;
	other.arn = BW_STR("arn:other");
	other.sticky = STICKY_LB;
}

static struct target *chosen_of(struct exchange *x, struct group *of, struct bw_str cookie)
{
	struct bw_http_request r = {.headers = {{BW_STR("Cookie"), cookie}}, .header_count = 1};

	return sticky_target(x, &r, of);
}

static struct target *chosen(struct exchange *x, struct bw_str cookie)
{
	return chosen_of(x, &g, cookie);
}

/* The first cookie of the answer, as a client says it. */
static struct bw_str cookie_made(struct exchange *x)
{
	const struct bw_http_response r = {.status = 200};
	struct bw_str lines;

	bw_buf_reset(&e.lines);
	sticky_lines(x, &r, &e.lines);
	lines = bw_buf_str(&e.lines);
	(void)bw_str_cut(&lines, ' ');
	return bw_str_cut(&lines, ';');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct bw_edge_rule in;
	static const struct bw_edge_action action;
	static struct bw_edge_listener listener_in;
	const struct listener listener = {.in = &listener_in};
	const struct rule rule = {.in = &in, .action = &action};
	struct exchange x = {.edge = &e, .listener = &listener, .rule = &rule, .group = &g, .target = &t};
	struct bw_str lines, text = bw_str_make(data, size);

	if (!e.cookies)
		edge_make();
	g.sticky = size && data[0] & 1 ? STICKY_APP : STICKY_LB;
	MUST(chosen(&x, text) == NULL);
	if (g.sticky != STICKY_LB)
		return 0;
	/* Ours, with what the fuzzer says around it. */
	lines = cookie_made(&x);
	MUST(chosen(&x, lines) == &t);
	/* Another group's stands beside it. */
	MUST(chosen_of(&x, &other, lines) == NULL);
	x.group = &other;
	lines = cookie_made(&x);
	bw_buf_free(&x.sticky);
	x.sticky = (struct bw_buf){.max = 0};
	MUST(chosen(&x, lines) == &t && chosen_of(&x, &other, lines) == &t);
	if (bw_str_find(text, '=', 0) < 0) {
		struct bw_buf both;

		bw_buf_init(&both, 1 << 20);
		bw_buf_printf(&both, "%.*s; %.*s", BW_FMT(text), BW_FMT(lines));
		MUST(both.failed || chosen(&x, bw_buf_str(&both)) == &t);
		bw_buf_free(&both);
	}
	bw_buf_free(&x.sticky);
	return 0;
}
