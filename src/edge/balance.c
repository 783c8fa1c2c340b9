/* Which target gets the next request. */
#include "base/sys.h"
#include "edge/group.h"

/* "Automatic target weights" (ALB User Guide): targets are compared when so many are healthy. */
enum { ANOMALY_HEALTHY_MIN = 3 };

static double chance(void)
{
	uint32_t r;

	bw_random(&r, sizeof r);
	return (double)r / 4294967296.0;
}

bool target_serves(const struct target *t)
{
	return t->has_address && !t->draining && !t->gone &&
	       (t->health == HEALTH_HEALTHY || t->health == HEALTH_UNAVAILABLE);
}

bool target_reachable(const struct target *t)
{
	return t->has_address && !t->draining && !t->gone;
}

static bool may_serve(const struct target *t)
{
	return target_serves(t) && !t->tried;
}

static bool may_reach(const struct target *t)
{
	return target_reachable(t) && !t->tried;
}

bool group_fails_open(const struct group *g)
{
	int64_t healthy = 0, all = 0;

	for (const struct target *t = g->targets; t; t = t->next) {
		healthy += target_serves(t);
		all += target_reachable(t);
	}
	return healthy == 0 || healthy < g->min_count || healthy * 100 < all * g->min_percent;
}

/* The share of its part that a target gets while it is new: it grows from a tenth to all. */
static double slow_share(const struct group *g, const struct target *t, int64_t now_ms)
{
	int64_t age = now_ms - t->registered_ms;
	double share;

	if (!g->slow_start_ms || age >= g->slow_start_ms || age < 0)
		return 1.0;
	share = (double)age / (double)g->slow_start_ms;
	return share < 0.1 ? 0.1 : share;
}

double group_anomaly_floor(const struct group *g)
{
	double sum = 0, floor;
	int64_t n = 0;

	for (const struct target *t = g->targets; t; t = t->next)
		if (target_serves(t)) {
			sum += t->errors;
			n++;
		}
	if (n < ANOMALY_HEALTHY_MIN)
		return 1.0;
	floor = sum / (double)n * 1.5;
	return floor > 0.1 ? floor : 0.1;
}

bool group_mitigates(const struct group *g)
{
	return g->balance == BALANCE_RANDOM && g->anomaly;
}

/* Who is anomalous gets a tenth until that passes. */
static double weight_of(const struct group *g, const struct target *t, double floor, int64_t now_ms)
{
	double weight = slow_share(g, t, now_ms);

	return group_mitigates(g) && t->errors > floor ? weight / 10 : weight;
}

typedef bool may_fn(const struct target *t);

static struct target *pick_weighted(struct group *g, may_fn *may, int64_t now_ms)
{
	double floor = group_anomaly_floor(g), total = 0, at;
	struct target *last = NULL;

	for (struct target *t = g->targets; t; t = t->next)
		if (may(t))
			total += weight_of(g, t, floor, now_ms);
	at = chance() * total;
	for (struct target *t = g->targets; t; t = t->next) {
		if (!may(t))
			continue;
		last = t;
		at -= weight_of(g, t, floor, now_ms);
		if (at < 0)
			return t;
	}
	return last;
}

static size_t turn_next(struct group *g)
{
	return atomic_fetch_add_explicit(g->turn, 1, memory_order_relaxed) % g->target_count;
}

/* In turn, beginning behind whoever was last. A new target now and then passes its turn on. */
static struct target *pick_in_turn(struct group *g, may_fn *may, int64_t now_ms)
{
	struct target *spare = NULL;

	for (size_t tries = 0; tries < 2 * g->target_count; tries++) {
		struct target *t = g->targets;

		for (size_t k = turn_next(g); k; k--)
			t = t->next;
		if (!may(t))
			continue;
		if (chance() < slow_share(g, t, now_ms))
			return t;
		spare = t;
	}
	return spare;
}

static struct target *pick_least(struct group *g, may_fn *may, int64_t now_ms)
{
	struct target *best = NULL;
	double least = 0;
	size_t skip = g->target_count ? turn_next(g) : 0;

	/* Twice around from another place each time, so that equals share. */
	for (size_t round = 0; round < 2; round++) {
		size_t at = 0;

		for (struct target *t = g->targets; t; t = t->next, at++) {
			double load;

			if ((at < skip) != (round == 1) || !may(t))
				continue;
			load = ((double)t->outstanding + 1) / slow_share(g, t, now_ms);
			if (!best || load < least) {
				best = t;
				least = load;
			}
		}
	}
	return best;
}

struct target *group_pick(struct group *g, int64_t now_ms)
{
	may_fn *may = group_fails_open(g) ? may_reach : may_serve;

	if (!g->target_count)
		return NULL;
	if (g->balance == BALANCE_LEAST)
		return pick_least(g, may, now_ms);
	return g->balance == BALANCE_RANDOM ? pick_weighted(g, may, now_ms) : pick_in_turn(g, may, now_ms);
}

struct target *group_pick_other(struct group *g, int64_t now_ms, struct target *const *tried, size_t count)
{
	struct target *found;

	for (struct target *t = g->targets; t; t = t->next)
		for (size_t i = 0; i < count; i++)
			t->tried = t->tried || t == tried[i];
	found = group_pick(g, now_ms);
	for (struct target *t = g->targets; t; t = t->next)
		t->tried = false;
	return found;
}

void target_outcome(struct target *t, bool error)
{
	t->errors += ((error ? 1.0 : 0.0) - t->errors) / 32;
}
