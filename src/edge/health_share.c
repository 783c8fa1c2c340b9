/* The first loop checks the targets; what it finds stands on a board, from where the other loops have it, and
 * the first loop's next process, which begins with what was known. */
#include <stdio.h>

#include "edge/group.h"
#include "edge/worker.h"

const char *const health_states[] = {[HEALTH_INITIAL] = "initial",
    [HEALTH_HEALTHY] = "healthy",
    [HEALTH_UNHEALTHY] = "unhealthy",
    [HEALTH_UNUSED] = "unused",
    [HEALTH_DRAINING] = "draining",
    [HEALTH_UNAVAILABLE] = "unavailable"};

enum { STATES = HEALTH_UNAVAILABLE + 1 };
static const struct bw_str UNHEALTHY_DRAINING = {"unhealthy.draining", 18};

/* AWS's word for its health. */
static const char *health_word(const struct target *t)
{
	return t->unhealthy_draining ? UNHEALTHY_DRAINING.p : health_states[t->health];
}

/* Reasons are compared by address: these are all that a check gives. */
static const char *const reasons[] = {
    "Elb.RegistrationInProgress",
    "Elb.InitialHealthChecking",
    "Target.Timeout",
    "Target.FailedHealthChecks",
    "Target.ResponseCodeMismatch",
};

static const char *reason_of(struct bw_str text)
{
	for (size_t i = 0; i < BW_COUNT(reasons); i++)
		if (bw_str_eq(text, bw_str_c(reasons[i])))
			return reasons[i];
	return NULL;
}

static bool names(const struct bw_edge_health *h, const struct target *t)
{
	return h->port == t->port && bw_str_eq(h->id, t->id);
}

/* Both lists have one order mostly: the search goes on behind what was found last. */
static struct target *target_named(struct group *g, struct target *from, const struct bw_edge_health *h)
{
	for (struct target *t = from; t; t = t->next)
		if (names(h, t))
			return t;
	for (struct target *t = g->targets; t != from; t = t->next)
		if (names(h, t))
			return t;
	return NULL;
}

static void target_hears(struct target *t, const struct bw_edge_health *h)
{
	char description[80];

	/* What this process checks itself it knows better. */
	if (health_settled(t) || t->checks)
		return;
	for (size_t i = 0; i < STATES; i++)
		if (bw_str_eq(h->state, bw_str_c(health_states[i])) || (i == HEALTH_UNHEALTHY && bw_str_eq(h->state, UNHEALTHY_DRAINING))) {
			(void)snprintf(description, sizeof description, "%.*s", BW_FMT(h->description));
			t->told = i != HEALTH_INITIAL;
			health_note(t, (enum health)i, reason_of(h->reason), description);
		}
}

static void heard_apply(struct edge *e)
{
	struct group *g = NULL;
	struct target *at = NULL;

	for (size_t i = 0; i < e->heard.health_count; i++) {
		const struct bw_edge_health *h = &e->heard.health[i];
		struct target *t;

		if (!g || !bw_str_eq(g->arn, h->target_group)) {
			g = group_find(e, h->target_group);
			at = g ? g->targets : NULL;
		}
		t = g ? target_named(g, at, h) : NULL;
		if (!t)
			continue;
		target_hears(t, h);
		at = t->next;
	}
}

static void heard_read(struct edge *e)
{
	const struct bw_board *b = e->shared->health[atomic_load(&e->shared->roster->health) & 1];
	struct bw_buf bytes;
	uint64_t seq;

	bw_buf_init(&bytes, BW_EDGE_REPORT_MAX);
	if (bw_board_read(b, &bytes, &seq) == BW_OK) {
		e->heard = (struct bw_edge_report){0};
		bw_arena_reset(&e->heard_arena);
		if (bw_edge_report_decode(bw_arena_str(&e->heard_arena, bw_buf_str(&bytes)), &e->heard_arena,
		        &e->heard) != BW_OK)
			e->heard = (struct bw_edge_report){0};
	}
	bw_buf_free(&bytes);
}

void health_hear(struct edge *e)
{
	/* The first loop reads once, what the one before it knew, and then checks. */
	if (e->first && e->config)
		return;
	heard_read(e);
	heard_apply(e);
}

/* ---- telling ---- */

struct telling {
	struct bw_edge_health *v;
	size_t n;
};

static void count_targets(void *ctx, struct bw_str key, void *value)
{
	(void)key;
	*(size_t *)ctx += ((struct group *)value)->target_count;
}

size_t targets_count(struct edge *e)
{
	size_t n = 0;

	bw_map_each(&e->groups, count_targets, &n);
	return n;
}

static void put_targets(void *ctx, struct bw_str key, void *value)
{
	struct telling *out = ctx;
	const struct group *g = value;

	(void)key;
	for (const struct target *t = g->targets; t; t = t->next)
		out->v[out->n++] = (struct bw_edge_health){.target_group = g->arn,
		    .id = t->id,
		    .port = t->port,
		    .state = bw_str_c(health_word(t)),
		    .reason = bw_str_c(t->reason),
		    .description = t->description[0] ? bw_str_c(t->description) : BW_STR_NONE};
}

void health_list(struct edge *e, struct bw_arena *arena, struct bw_edge_report *out)
{
	struct telling all = {.v = BW_NEW_ARRAY(arena, struct bw_edge_health, targets_count(e) + 1)};

	bw_map_each(&e->groups, put_targets, &all);
	out->health = all.v;
	out->health_count = all.n;
}

void health_tell(struct edge *e)
{
	struct bw_edge_report report = {.incarnation = e->self->incarnation};
	struct bw_arena arena;
	struct bw_buf out;

	bw_arena_init(&arena, BW_EDGE_REPORT_MAX);
	bw_buf_init(&out, BW_EDGE_REPORT_MAX);
	health_list(e, &arena, &report);
	bw_edge_report_encode(&report, &out);
	/* Whose board counts is said first: whoever is woken reads this one. */
	atomic_store(&e->shared->roster->health, e->self->incarnation);
	if (out.failed ||
	    bw_board_publish(e->shared->health[e->self->incarnation & 1], bw_buf_str(&out)) != BW_OK)
		bw_log(BW_LOG_WARN, "the health of so many targets cannot be told to all loops");
	bw_buf_free(&out);
	bw_arena_free(&arena);
}
