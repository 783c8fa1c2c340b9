#include "test.h"
#include "core/internal.h"

static const struct bw_op reads = {.effect = BW_READ}, writes = {.effect = BW_WRITE};

static struct bw_call call_of(const struct bw_op *op, struct bw_arena *arena)
{
	struct bw_call call = {.op = op, .arena = arena};

	bw_arena_init(arena, BW_CALL_ARENA_MAX);
	bw_batch_init(&call.batch, arena);
	return call;
}

TEST(gate_commits_what_was_written)
{
	struct bw_arena arena;
	struct bw_call call = call_of(&writes, &arena);

	assert_false(gate_commits(&call));
	/* What was read alone need not hold. */
	bw_batch_read(&call.batch, BW_STR("a/b/c/d/e"), 1);
	assert_false(gate_commits(&call));
	bw_batch_put(&call.batch, BW_STR("a/b/c/d/e"), BW_STR("value"));
	assert_true(gate_commits(&call));
	bw_arena_free(&arena);
}

/* A call whose only write was refused has written nothing, and is not answered as done. */
TEST(gate_commits_what_the_batch_refused)
{
	char *large = bw_alloc(BW_STORE_VALUE_MAX + 1);
	struct bw_arena arena;
	struct bw_call call = call_of(&writes, &arena);

	bw_batch_put(&call.batch, BW_STR("a/b/c/d/e"), bw_str_make(large, BW_STORE_VALUE_MAX + 1));
	assert_int_equal(call.batch.writes, 0);
	assert_int_equal(call.batch.refused, BW_ETOOBIG);
	assert_true(gate_commits(&call));
	bw_arena_free(&arena);
	call = call_of(&writes, &arena);
	bw_batch_delete(&call.batch, BW_STR(""));
	assert_int_equal(call.batch.refused, BW_EINVAL);
	assert_true(gate_commits(&call));
	bw_arena_free(&arena);
	bw_free(large);
}

/* A read keeps versions in its batch, as many as it likes: none of them is to be held against it. */
TEST(gate_commits_no_read)
{
	struct bw_arena arena;
	struct bw_call call = call_of(&reads, &arena);

	for (int i = 0; i <= 16 * BW_STORE_BATCH_OPS_MAX; i++)
		bw_batch_read(&call.batch, BW_STR("a/b/c/d/e"), 1);
	assert_int_equal(call.batch.refused, BW_ETOOBIG);
	assert_false(gate_commits(&call));
	bw_arena_free(&arena);
}
