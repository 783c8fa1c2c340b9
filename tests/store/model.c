#include "fixture.h"

#include <stdio.h>

enum { KEYS = 300, BATCHES = 150, OPS_MAX = 60, VALUE_MAX = 6000 };

/* What each key should hold: as many of one letter; letter 0: it is absent. */
static struct {
	size_t n;
	char letter;
} model[KEYS];
static struct fixture f;
static uint64_t state = 11;

static size_t below(size_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(state >> 33) % n;
}

static struct bw_str key_of(size_t i)
{
	return bw_arena_printf(&f.arena, "111122223333/-/iam/%s/%03zu", i % 2 ? "user" : "role", i);
}

/* Many small values and some that need pages of their own; runs of neighbours and jumps. */
static void op_add(struct bw_batch *b, size_t key)
{
	static char value[VALUE_MAX];

	if (below(3) == 0) {
		model[key].letter = 0;
		bw_batch_delete(b, key_of(key));
		return;
	}
	model[key].n = below(8) ? below(200) : below(VALUE_MAX);
	model[key].letter = (char)('a' + below(26));
	memset(value, model[key].letter, model[key].n);
	bw_batch_put(b, key_of(key), bw_str_make(value, model[key].n));
}

static void batch_random(void)
{
	struct bw_batch b;
	size_t key = below(KEYS);

	bw_batch_init(&b, &f.arena);
	for (size_t i = 1 + below(OPS_MAX); i > 0; i--) {
		key = below(2) ? (key + 1) % KEYS : below(KEYS);
		op_add(&b, key);
	}
	bw_batch_count(&b, BW_STR("count"), 1, INT64_MAX);
	assert_ok(bw_store_commit_wait(f.store, &b));
}

static void model_check(void)
{
	for (size_t i = 0; i < KEYS; i++) {
		struct bw_str value;
		enum bw_err e = get_one(&f, key_of(i), &value, NULL);

		if (!model[i].letter) {
			assert_int_equal(e, BW_ENOTFOUND);
			continue;
		}
		assert_ok(e);
		assert_int_equal(value.n, model[i].n);
		for (size_t k = 0; k < value.n; k++)
			assert_int_equal(value.p[k], model[i].letter);
	}
}

/* Opening compares the sum that was kept up with every write with one over all records. */
TEST(store_holds_what_a_model_holds)
{
	fixture_open(&f);
	for (size_t i = 0; i < BATCHES; i++) {
		batch_random();
		if (i % 10 == 9)
			model_check();
		if (i % 50 == 49)
			fixture_reopen(&f);
		bw_arena_reset(&f.arena);
	}
	assert_int_equal(count_of(&f, BW_STR("count")), BATCHES);
	/* Down to nothing, and up again. */
	for (size_t round = 0; round < 2; round++) {
		struct bw_batch b;

		bw_batch_init(&b, &f.arena);
		for (size_t i = 0; i < KEYS; i++) {
			model[i].letter = round ? 'z' : 0;
			model[i].n = 1;
			if (round)
				bw_batch_put(&b, key_of(i), BW_STR("z"));
			else
				bw_batch_delete(&b, key_of(i));
		}
		assert_ok(bw_store_commit_wait(f.store, &b));
		model_check();
	}
	fixture_reopen(&f);
	model_check();
	fixture_close(&f);
}
