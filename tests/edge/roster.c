/* Ceilings of connections, counted over all loops: at, below and above. */
#include "edge/worker.h"
#include "test.h"

enum { LOOPS = 2, SLOT = 7 };

struct house {
	struct bw_edge shared;
	struct edge loops[LOOPS];
};

static void house_make(struct house *h)
{
	struct bw_cidr place;

	*h = (struct house){0};
	assert_ok(bw_cidr_parse(BW_STR("127.66.0.0/16"), &place));
	assert_ok(bw_edge_make(LOOPS, &place, &h->shared));
	for (size_t i = 0; i < LOOPS; i++) {
		h->loops[i].shared = &h->shared;
		h->loops[i].seat = &h->shared.roster->seats[2 * i];
	}
}

static void house_free(struct house *h)
{
	bw_edge_free(&h->shared);
}

/* That many connections of a loop, of as many addresses as there have to be. */
static void connected(struct edge *e, uint32_t n)
{
	atomic_store(&e->seat->connections, n);
}

TEST(edge_connections_of_all_loops_have_a_ceiling)
{
	struct house h;

	house_make(&h);
	connected(&h.loops[0], CONNECTIONS_MAX / 2);
	connected(&h.loops[1], CONNECTIONS_MAX - CONNECTIONS_MAX / 2 - 1);
	assert_true(connection_count_in(&h.loops[0], SLOT)); /* the last that there may be */
	assert_false(connection_count_in(&h.loops[0], SLOT));
	assert_false(connection_count_in(&h.loops[1], SLOT + 1));
	/* Who is refused is not counted. */
	assert_int_equal(connection_count(&h.loops[0]), CONNECTIONS_MAX / 2 + 1);
	connection_counted_out(&h.loops[0], SLOT);
	assert_true(connection_count_in(&h.loops[1], SLOT));
	assert_false(connection_count_in(&h.loops[0], SLOT));
	house_free(&h);
}

TEST(edge_connections_of_one_address_have_a_ceiling)
{
	struct house h;

	house_make(&h);
	for (uint32_t i = 0; i < CONNECTIONS_PER_ADDRESS - 1; i++)
		assert_true(connection_count_in(&h.loops[i % LOOPS], SLOT));
	assert_true(connection_count_in(&h.loops[0], SLOT));
	assert_false(connection_count_in(&h.loops[0], SLOT));
	assert_false(connection_count_in(&h.loops[1], SLOT));
	/* Others are let in, and one that leaves makes room for one. */
	assert_true(connection_count_in(&h.loops[1], SLOT + 1));
	connection_counted_out(&h.loops[1], SLOT);
	assert_true(connection_count_in(&h.loops[0], SLOT));
	assert_false(connection_count_in(&h.loops[0], SLOT));
	house_free(&h);
}

TEST(edge_a_crowded_loop_leaves_new_connections_to_the_others)
{
	struct house h;

	house_make(&h);
	atomic_store(&h.loops[0].seat->incarnation, 1);
	connected(&h.loops[0], 10 * CROWD_SLACK);
	assert_false(seat_crowded(&h.loops[0])); /* alone: to nobody */
	atomic_store(&h.loops[1].seat->incarnation, 2);
	assert_true(seat_crowded(&h.loops[0]));
	assert_false(seat_crowded(&h.loops[1]));
	connected(&h.loops[1], 10 * CROWD_SLACK);
	assert_false(seat_crowded(&h.loops[0]));
	connected(&h.loops[0], CROWD_SLACK);
	connected(&h.loops[1], 0);
	assert_false(seat_crowded(&h.loops[0])); /* at the slack */
	house_free(&h);
}
