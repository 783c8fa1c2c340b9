#include "test.h"

#include "guard/guard_internal.h"

#define ALL4                                                                                                 \
	{                                                                                                    \
		BW_STR("-1"), -1, -1, BW_STR("0.0.0.0/0")                                                    \
	}
#define ALL6                                                                                                 \
	{                                                                                                    \
		BW_STR("-1"), -1, -1, BW_STR("::/0")                                                         \
	}

static const struct bw_edge_permit everything[] = {ALL4, ALL6};

static bool has(const struct guard_opens *o, int protocol, int from, int to, bool v6)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->v[i].protocol == protocol && o->v[i].from == from && o->v[i].to == to &&
		    o->v[i].v6 == v6)
			return true;
	return false;
}

TEST(guard_open_is_what_everybody_reaches_both_ways)
{
	const struct bw_edge_permit in[] = {
	    {BW_STR("tcp"), 22, 22, BW_STR("0.0.0.0/0")},
	    {BW_STR("tcp"), 80, 80, BW_STR("10.0.0.0/8")},
	    {BW_STR("udp"), 53, 54, BW_STR("::/0")},
	    {BW_STR("icmp"), 8, 0, BW_STR("0.0.0.0/0")},
	    {BW_STR("50"), -1, -1, BW_STR("0.0.0.0/0")},
	};
	const struct bw_edge_permit narrow[] = {{BW_STR("tcp"), 1, 65535, BW_STR("0.0.0.0/0")}};
	struct guard_opens o;

	guard_opens_find(in, BW_COUNT(in), everything, 2, &o);
	assert_int_equal(o.n, 2);
	assert_true(has(&o, 6, 22, 22, false));
	assert_true(has(&o, 17, 53, 54, true));
	guard_opens_find(in, BW_COUNT(in), everything, 1, &o);
	assert_int_equal(o.n, 1);
	guard_opens_find(in, BW_COUNT(in), narrow, 1, &o);
	assert_int_equal(o.n, 0);
	guard_opens_find(everything, 2, everything, 2, &o);
	assert_int_equal(o.n, 4);
	assert_true(has(&o, 17, 0, 65535, true));
}

TEST(guard_closed_is_what_nothing_open_covers)
{
	const struct guard_opens before = {{{6, 22, 22, false}, {6, 80, 90, false}, {17, 53, 53, true}}, 3},
	                         now = {{{6, 0, 1000, false}, {17, 53, 53, false}}, 2};
	struct guard_opens cut = {.n = 0};

	guard_opens_closed(&before, &now, &cut);
	assert_int_equal(cut.n, 1);
	assert_true(has(&cut, 17, 53, 53, true));
	/* The same again adds nothing. */
	guard_opens_closed(&before, &now, &cut);
	assert_int_equal(cut.n, 1);
}

TEST(guard_too_many_closed_ranges_become_all)
{
	const struct guard_opens nothing = {.n = 0};
	struct guard_opens one = {.n = 1}, cut = {.n = 0};

	for (int i = 0; i < 3 * GUARD_OPEN_MAX; i++) {
		one.v[0] = (struct guard_open){i % 2 ? 6 : 17, i * 10, i * 10, i % 4 < 2};
		guard_opens_closed(&one, &nothing, &cut);
		assert_true(cut.n <= GUARD_OPEN_MAX);
	}
	for (int i = 0; i < 3 * GUARD_OPEN_MAX; i++) {
		bool covered = false;

		for (size_t k = 0; k < cut.n; k++)
			covered =
			    covered || (cut.v[k].protocol == (i % 2 ? 6 : 17) && cut.v[k].from <= i * 10 &&
			                   cut.v[k].to >= i * 10 && cut.v[k].v6 == (i % 4 < 2));
		assert_true(covered);
	}
}
