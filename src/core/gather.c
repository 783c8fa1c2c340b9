/* A lane's batches on their way to the committer. A group costs the disk and the committer about the same for one
 * call as for many: what comes while a group of the lane is under way is gathered, and handed over as a whole when
 * that one is answered and no turn of the loop brings more. */
#include "core/internal.h"

#include <sched.h>

/* Of one group. More make a call no cheaper, and the first of them wait; and when the committer takes no more, no others are refused. */
enum { GATHER_MAX = 256 };

static void gathered_none(struct bw_lane *lane)
{
	lane->gathered = NULL;
	lane->gathered_last = &lane->gathered;
	lane->gathered_count = lane->gathered_before = 0;
}

enum bw_err gather_add(struct gate_call *g)
{
	struct bw_lane *lane = g->lane;

	CHECK(lane->gathered_count < BW_STORE_QUEUE_MAX, BW_EAGAIN);
	TRY(g->commit.batch->refused);
	g->commit.next = NULL;
	*lane->gathered_last = &g->commit;
	lane->gathered_last = &g->commit.next;
	lane->gathered_count++;
	answer_ahead(g);
	return BW_OK;
}

void gather_answered(struct gate_call *g)
{
	g->lane->under_way--;
	answer_settle(g, g->commit.result == BW_OK);
}

static void refuse_all(struct bw_lane *lane, struct bw_commit *first, enum bw_err e)
{
	for (struct bw_commit *c = first, *next; c; c = next) {
		next = c->next;
		c->result = e;
		lane->under_way++;
		gate_refused(c->ctx);
	}
}

/* The oldest of them; there are some. */
static struct bw_commit *gathered_take(struct bw_lane *lane, size_t *n)
{
	struct bw_commit *first = lane->gathered, *last = first;

	for (*n = 1; *n < GATHER_MAX && last->next; ++*n)
		last = last->next;
	lane->gathered = last->next;
	lane->gathered_count -= *n;
	lane->gathered_before = lane->gathered_count;
	if (!lane->gathered)
		gathered_none(lane);
	last->next = NULL;
	return first;
}

static void hand_over(struct bw_lane *lane)
{
	size_t n;
	struct bw_commit *first = gathered_take(lane, &n);
	enum bw_err e = bw_store_commit_all(lane->core->store, first);

	if (e != BW_OK) {
		refuse_all(lane, first, e);
		return;
	}
	lane->under_way = n;
	/* The committer may be waiting for this core: it goes first, so that the disk is at work when the answers are made. */
	sched_yield();
}

static bool turn_end(struct bw_turn *t)
{
	struct bw_lane *lane = (struct bw_lane *)((char *)t - offsetof(struct bw_lane, turn));
	bool more = lane->gathered_count > lane->gathered_before && lane->gathered_count < GATHER_MAX;

	if (lane->under_way)
		return answers_go_on(lane);
	if (!lane->gathered)
		return true;
	lane->gathered_before = lane->gathered_count;
	if (!more)
		hand_over(lane);
	return false;
}

void gather_begin(struct bw_lane *lane)
{
	gathered_none(lane);
	lane->turn.end = turn_end;
	bw_turn_add(lane->loop, &lane->turn);
}
