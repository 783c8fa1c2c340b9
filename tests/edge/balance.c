/* Balancing over targets made by hand. */
#include "edge/group.h"
#include "test.h"

enum { NOW = 1000000 };

static struct group g;
static struct target t[4];

static void targets_make(size_t n)
{
	static _Atomic uint32_t turn;

	memset(&g, 0, sizeof g);
	g.turn = &turn;
	memset(t, 0, sizeof t);
	g.min_count = 1;
	g.target_count = n;
	g.targets = t;
	for (size_t i = 0; i < n; i++) {
		t[i].group = &g;
		t[i].health = HEALTH_HEALTHY;
		t[i].has_address = true;
		t[i].next = i + 1 < n ? &t[i + 1] : NULL;
	}
}

static void share(int picks, int counts[4])
{
	memset(counts, 0, 4 * sizeof *counts);
	for (int i = 0; i < picks; i++) {
		struct target *one = group_pick(&g, NOW);

		assert_non_null(one);
		counts[one - t]++;
	}
}

TEST(round_robin_goes_around)
{
	int counts[4];

	targets_make(3);
	share(300, counts);
	assert_int_equal(counts[0], 100);
	assert_int_equal(counts[1], 100);
	assert_int_equal(counts[2], 100);
}

TEST(the_unhealthy_get_nothing_unless_all_are)
{
	int counts[4];

	targets_make(3);
	t[1].health = HEALTH_UNHEALTHY;
	share(100, counts);
	assert_int_equal(counts[1], 0);
	for (int i = 0; i < 3; i++)
		t[i].health = HEALTH_UNHEALTHY;
	share(90, counts);
	assert_int_equal(counts[1], 30);
}

TEST(too_few_healthy_fail_open)
{
	int counts[4];

	targets_make(4);
	t[0].health = t[1].health = HEALTH_UNHEALTHY;
	g.min_count = 3;
	share(80, counts);
	assert_int_equal(counts[0], 20);
	g.min_count = 2;
	share(80, counts);
	assert_int_equal(counts[0], 0);
	g.min_percent = 51;
	share(80, counts);
	assert_int_equal(counts[0], 20);
}

TEST(the_draining_and_the_lost_never_get_any)
{
	targets_make(2);
	t[0].draining = true;
	t[1].has_address = false;
	assert_null(group_pick(&g, NOW));
	t[1].has_address = true;
	t[1].gone = true;
	assert_null(group_pick(&g, NOW));
	targets_make(0);
	g.targets = NULL;
	assert_null(group_pick(&g, NOW));
}

TEST(least_outstanding_is_least)
{
	targets_make(3);
	g.balance = BALANCE_LEAST;
	t[0].outstanding = 5;
	t[1].outstanding = 2;
	t[2].outstanding = 3;
	assert_ptr_equal(group_pick(&g, NOW), &t[1]);
	t[1].outstanding = 9;
	assert_ptr_equal(group_pick(&g, NOW), &t[2]);
}

TEST(slow_start_grows)
{
	int counts[4], young, older;

	targets_make(2);
	g.slow_start_ms = 100000;
	t[0].registered_ms = NOW - 1000000;
	t[1].registered_ms = NOW - 10000;
	share(2000, counts);
	young = counts[1];
	t[1].registered_ms = NOW - 60000;
	share(2000, counts);
	older = counts[1];
	assert_true(young > 20 && young < 500);
	assert_true(older > young && older < 950);
	t[1].registered_ms = NOW - 100000;
	share(2000, counts);
	assert_int_equal(counts[1], 1000);
}

TEST(anomalies_weigh_less)
{
	int counts[4];

	targets_make(3);
	g.balance = BALANCE_RANDOM;
	for (int i = 0; i < 100; i++)
		target_outcome(&t[0], true);
	share(3000, counts);
	assert_true(counts[0] > 800);
	g.anomaly = true;
	share(3000, counts);
	assert_true(counts[0] < 300);
	/* Of two nobody can say who is the odd one. */
	t[2].health = HEALTH_UNHEALTHY;
	share(3000, counts);
	assert_true(counts[0] > 1300);
	t[2].health = HEALTH_HEALTHY;
	for (int i = 0; i < 200; i++)
		target_outcome(&t[0], false);
	share(3000, counts);
	assert_true(counts[0] > 800);
}

TEST(another_target_is_none_of_those_that_were_tried)
{
	struct target *tried[3] = {&t[0], &t[2], &t[1]};

	targets_make(3);
	for (int i = 0; i < 30; i++) {
		struct target *one = group_pick_other(&g, NOW, tried, 1);

		assert_true(one == &t[1] || one == &t[2]);
		assert_ptr_equal(group_pick_other(&g, NOW, tried, 2), &t[1]);
	}
	assert_null(group_pick_other(&g, NOW, tried, 3));
	/* The unhealthy get nothing as long as one is healthy, tried or not. */
	t[1].health = HEALTH_UNHEALTHY;
	assert_null(group_pick_other(&g, NOW, tried, 2));
	/* Nobody is passed over the next time. */
	assert_non_null(group_pick(&g, NOW));
	for (int i = 0; i < 3; i++)
		assert_false(t[i].tried);
}
