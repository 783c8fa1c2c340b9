#include "test.h"
#include "core/internal.h"

/* Calls of a lane whose answers are those of CreateUser: what is gathered goes to a store in memory, which says how many groups
 * it took. */
enum { GROUP = 256, CALLS = GROUP + 1 };

static const struct bw_op writes = {.effect = BW_WRITE};

static struct {
	struct bw_core core;
	struct bw_lane *lane;
	struct bw_http_request request;
	struct bw_http_exchange exchange;
	struct gate_call calls[CALLS];
	size_t answered;
	atomic_size_t groups;
	size_t then; /* calls that are added when the first is answered */
	size_t last; /* of them all */
} w;

static void group_answered(void *ctx)
{
	(void)ctx;
	atomic_fetch_add(&w.groups, 1);
	lanes_answered(&w.core);
}

static void answered(struct bw_post *p)
{
	struct gate_call *g = (struct gate_call *)((char *)p - offsetof(struct gate_call, post));

	/* In the order in which they came. */
	assert_ptr_equal(g, &w.calls[w.answered]);
	assert_ok(g->commit.result);
	gather_answered(g);
	if (w.answered++ == 0)
		for (size_t i = w.last - w.then; i < w.last; i++)
			assert_ok(gather_add(&w.calls[i]));
	if (w.answered == w.last)
		bw_loop_stop(w.lane->loop);
}

static void done(struct bw_commit *c)
{
	struct gate_call *g = c->ctx;

	g->post.run = answered;
	g->post.next = w.lane->answered;
	if (!w.lane->answered) {
		w.lane->answered_oldest = &g->post;
		w.lane->answered_next = w.core.answered;
		w.core.answered = w.lane;
	}
	w.lane->answered = &g->post;
}

static void call_begin(struct gate_call *g, size_t i)
{
	bw_arena_init(&g->arena, BW_CALL_ARENA_MAX);
	bw_buf_init(&g->headers, BW_HTTP_HEAD_MAX);
	bw_buf_init(&g->body, BW_RESPONSE_MAX);
	bw_buf_init(&g->record, BW_TRAIL_BLOCK_MAX);
	g->lane = w.lane;
	g->exchange = &w.exchange;
	g->call = (struct bw_call){.core = &w.core, .arena = &g->arena, .request_id = BW_STR("id"), .account = BW_STR("111122223333"),
	    .region = BW_STR("us-east-1"), .exchange = &w.exchange, .service = bw_service_find(BW_STR("iam"))};
	g->call.model = bw_operation_find(g->call.service, BW_STR("CreateUser"));
	g->call.op = &writes;
	g->call.in = bw_arena_alloc(&g->arena, bw_at(g->call.model->input)->size);
	g->call.out = bw_arena_alloc(&g->arena, bw_at(g->call.model->output)->size);
	bw_batch_init(&g->call.batch, &g->arena);
	bw_batch_put(&g->call.batch, bw_arena_printf(&g->arena, "a/b/c/d/%zu", i), BW_STR("x"));
	g->commit = (struct bw_commit){.batch = &g->call.batch, .done = done, .ctx = g};
}

static void begin(void)
{
	const struct bw_store_config config = {.ephemeral = true};

	memset(&w, 0, sizeof w);
	w.exchange.request = &w.request;
	w.exchange.peer_address = BW_STR("127.0.0.1");
	assert_ok(bw_store_open(&config, &w.core.store));
	bw_store_on_answered(w.core.store, group_answered, NULL);
	w.lane = bw_alloc(sizeof *w.lane);
	w.lane->core = &w.core;
	assert_ok(bw_loop_new(&w.lane->loop));
	gather_begin(w.lane);
	for (size_t i = 0; i < CALLS; i++)
		call_begin(&w.calls[i], i);
}

static void end(void)
{
	bw_turn_remove(w.lane->loop, &w.lane->turn);
	bw_loop_free(w.lane->loop);
	bw_store_close(w.core.store);
	bw_free(w.lane);
	for (size_t i = 0; i < CALLS; i++) {
		bw_arena_free(&w.calls[i].arena);
		bw_buf_free(&w.calls[i].headers);
		bw_buf_free(&w.calls[i].body);
		bw_buf_free(&w.calls[i].record);
	}
}

static void play(size_t first, size_t then)
{
	w.then = then;
	w.last = first + then;
	for (size_t i = 0; i < first; i++)
		assert_ok(gather_add(&w.calls[i]));
	bw_loop_run(w.lane->loop);
	assert_int_equal(w.lane->under_way, 0);
	assert_null(w.lane->gathered);
	assert_null(w.lane->ahead);
}

TEST(gather_hands_over_together_what_came_together)
{
	uint64_t seq;

	begin();
	seq = bw_store_seq(w.core.store);
	play(5, 0);
	assert_int_equal(atomic_load(&w.groups), 1);
	assert_int_equal(bw_store_seq(w.core.store), seq + 5);
	end();
}

TEST(gather_waits_for_what_is_under_way)
{
	begin();
	play(3, 2);
	assert_int_equal(atomic_load(&w.groups), 2);
	end();
}

TEST(gather_hands_over_no_more_than_make_a_call_cheaper)
{
	for (size_t n = GROUP - 1; n <= GROUP + 1; n++) {
		begin();
		play(n, 0);
		assert_int_equal(atomic_load(&w.groups), n <= GROUP ? 1 : 2);
		end();
	}
}

TEST(gather_takes_a_call_alone)
{
	begin();
	play(1, 0);
	assert_int_equal(atomic_load(&w.groups), 1);
	end();
}

TEST(gather_has_a_ceiling)
{
	begin();
	w.lane->gathered_count = BW_STORE_QUEUE_MAX;
	assert_int_equal(gather_add(&w.calls[0]), BW_EAGAIN);
	assert_null(w.lane->gathered);
	assert_null(w.lane->ahead);
	w.lane->gathered_count = BW_STORE_QUEUE_MAX - 1;
	assert_ok(gather_add(&w.calls[0]));
	end();
}

TEST(gather_takes_no_batch_that_was_refused)
{
	begin();
	bw_batch_delete(&w.calls[0].call.batch, BW_STR(""));
	assert_int_equal(gather_add(&w.calls[0]), BW_EINVAL);
	assert_null(w.lane->gathered);
	end();
}
