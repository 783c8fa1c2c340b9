/* The processes of a program before, replaced one after another, and whoever takes too long over it. */
#include <signal.h>

#include "base/sys.h"
#include "proc/parent.h"

/* A keyer gives whoever has its root key two minutes (bin/keyer.c), and nothing else is as slow. */
enum { BEGIN_MS = 3 * 60 * 1000 };

static void wait_tell(const struct parent *p, struct child *c)
{
	if (!c->waited_for)
		bw_log(BW_LOG_INFO, "process %s: %s waits until the one before %s has ended, for %lld s at most", c->row->title, p->versions[0],
		    p->versions[c->now.program], (long long)child_patience_ms(p, c) / 1000);
	c->waited_for = true;
}

/* In the table's order, each when the one before it serves. */
static void renew(struct parent *p)
{
	for (size_t i = 0; i < p->count; i++) {
		struct child *c = &p->children[i];

		if (c->now.until_ms || c->reloading || (!c->ready && !c->asleep))
			return;
		if (c->now.pid <= 0 || !c->now.program || c->stays)
			continue;
		/* One whose place is not free yet is waited for, and nobody with it. */
		if (c->old.pid > 0) {
			wait_tell(p, c);
			continue;
		}
		child_renew(p, c);
		return;
	}
}

/* One that has not begun, while another stands in its place or is to come into it: nothing goes on before. */
static int64_t begin_look(const struct parent *p, struct child *c, int64_t now_ms)
{
	if (c->now.pid <= 0 || c->ready || c->now.until_ms || (c->old.pid <= 0 && !c->now.program))
		return -1;
	if (now_ms < c->now.started_ms + BEGIN_MS)
		return c->now.started_ms + BEGIN_MS - now_ms;
	bw_log(BW_LOG_WARN, "process %s has not begun to serve within %d s: killed", c->row->title, BEGIN_MS / 1000);
	(void)kill(c->now.pid, SIGKILL);
	c->now.until_ms = now_ms + p->grace_ms;
	return -1;
}

static int64_t end_look(const struct parent *p, const struct child *c, struct life *l, int64_t now_ms)
{
	if (!l->until_ms || l->pid <= 0)
		return -1;
	if (now_ms >= l->until_ms) {
		bw_log(BW_LOG_WARN, "process %s has not ended in time for its successor: killed", c->row->title);
		(void)kill(l->pid, SIGKILL);
		l->until_ms = now_ms + p->grace_ms;
	}
	return l->until_ms - now_ms;
}

int64_t renew_run(struct parent *p, int64_t now_ms)
{
	int64_t wait = -1;

	if (p->kill_ms)
		return -1;
	if (p->took_over)
		renew(p);
	for (size_t i = 0; i < p->count; i++) {
		struct child *c = &p->children[i];

		wait = sooner(wait, begin_look(p, c, now_ms));
		wait = sooner(wait, end_look(p, c, &c->now, now_ms));
		wait = sooner(wait, end_look(p, c, &c->old, now_ms));
	}
	return wait;
}
