/* Connections to targets of network load balancers that have become unhealthy (Network Load Balancers Guide,
 * "Connection termination for unhealthy targets"): they end at once, or after an interval in which the target
 * may recover, or not at all. */
#include "edge/flow.h"
#include "edge/group.h"
#include "edge/worker.h"

static void over(struct bw_timer *timer)
{
	struct target *t = (struct target *)((char *)timer - offsetof(struct target, unhealthy));

	t->unhealthy_draining = false;
	t->group->edge->health_due = true;
	report_touch(t->group->edge);
	flows_end(t);
}

void unhealthy_begin(struct target *t)
{
	const struct group *g = t->group;

	if (g->http)
		return;
	if (g->cut_unhealthy) {
		flows_end(t);
	} else if (g->unhealthy_drain_ms) {
		t->unhealthy_draining = true;
		t->unhealthy.fire = over;
		bw_timer_set(g->edge->loop, &t->unhealthy, g->unhealthy_drain_ms);
	}
}

void unhealthy_end(struct target *t)
{
	if (!t->unhealthy_draining)
		return;
	t->unhealthy_draining = false;
	bw_timer_cancel(t->group->edge->loop, &t->unhealthy);
}
