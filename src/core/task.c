#include "core/task.h"

#include "core/internal.h"

/* One lane looks once a second at the first mark. Marks stand in order of time:
 * "-/global/task/due/MILLISECONDS/service/name/subject". */

enum { LOOK_MS = 1000, RETRY_MS = 60 * 1000, DIGITS = 14 };

static const char prefix[] = "-/global/task/due/";

extern const struct bw_task *const __start_bw_tasks[] __attribute__((weak));
extern const struct bw_task *const __stop_bw_tasks[] __attribute__((weak));

/* The task in work, with the memory it runs in. */
struct task_runner {
	struct gate_call g; /* first: services and core take its call for one at the gate */
	struct bw_str mark, what, subject, event; /* `what`: "service/name/subject" */
	const struct bw_task *task;
	int64_t looked_ms;
	bool busy, asking, closing;
};

static const struct bw_op task_op = {.service = "", .name = "", .effect = BW_WRITE};

static void mark(struct bw_call *call, int64_t due_ms, struct bw_str what)
{
	bw_call_mark(call,
	    bw_arena_printf(call->arena, "%s%0*lld/%.*s", prefix, DIGITS, (long long)(due_ms < 0 ? 0 : due_ms), BW_FMT(what)));
}

void bw_call_task(struct bw_call *call, const struct bw_task *task, int64_t due_ms, struct bw_str subject)
{
	mark(call, due_ms, bw_arena_printf(call->arena, "%s/%s/%.*s", task->service, task->name, BW_FMT(subject)));
}

static const struct bw_task *task_find(struct bw_str service, struct bw_str name)
{
	for (const struct bw_task *const *t = __start_bw_tasks; t && t < __stop_bw_tasks; t++)
		if (bw_str_eq(service, bw_str_c((*t)->service)) && bw_str_eq(name, bw_str_c((*t)->name)))
			return *t;
	return NULL;
}

static const struct bw_service *service_find(const char *name)
{
	for (size_t i = 0; bw_services[i]; i++)
		if (strcmp(bw_services[i]->name, name) == 0)
			return bw_services[i];
	return NULL;
}

/* ---- One task ---- */

static void end(struct task_runner *r)
{
	struct gate_call *g = &r->g;

	for (size_t i = 0; i < g->policy_count; i++)
		bw_policy_release(g->policies[i]);
	g->policy_count = 0;
	if (g->call.view)
		bw_snapshot_end(g->call.view);
	g->call.view = NULL;
	bw_arena_free(&g->arena);
	r->busy = false;
	if (r->closing)
		bw_loop_stop(g->lane->loop);
}

static void committed(struct bw_post *p)
{
	struct gate_call *g = (struct gate_call *)((char *)p - offsetof(struct gate_call, post));
	struct task_runner *r = (struct task_runner *)g;

	/* After a conflict the mark still stands: it is looked at again. */
	if (g->commit.result != BW_OK && g->commit.result != BW_ECONFLICT)
		bw_log(BW_LOG_ERROR, "task %.*s: %s", BW_FMT(r->what), bw_err_name(g->commit.result));
	if (g->commit.result == BW_OK) {
		r->looked_ms = 0; /* there may be more */
		if (bw_str_set(r->event)) {
			audit_task(g, r->subject, r->event, &g->record);
			bw_trail_add(g->lane->core->trail, g->lane->index, bw_buf_str(&g->record));
			bw_buf_reset(&g->record);
		}
	}
	end(r);
}

static void commit_done(struct bw_commit *c)
{
	struct gate_call *g = c->ctx;

	g->post.run = committed;
	bw_loop_post(g->lane->loop, &g->post);
}

/* The mark goes first: one that the task puts for the same millisecond, to go on at once, is another. */
static void batch_begin(struct task_runner *r)
{
	struct bw_call *call = &r->g.call;

	bw_batch_init(&call->batch, call->arena);
	bw_call_delete(call, r->mark);
}

/* What failed is put off, so that it does not stand in the way of others. */
static void put_off(struct task_runner *r, enum bw_err e)
{
	struct bw_call *call = &r->g.call;

	bw_log(BW_LOG_ERROR, "task %.*s: %s", BW_FMT(r->what), e == BW_EFAILED ? call->error.message.p : bw_err_name(e));
	batch_begin(r);
	r->event = BW_STR_NONE;
	mark(call, call->now_ms + RETRY_MS, r->what);
}

/* In the call's view, which ends here. */
static void commit(struct task_runner *r, enum bw_err e)
{
	struct gate_call *g = &r->g;

	if (e != BW_OK)
		put_off(r, e);
	if (g->call.view)
		bw_snapshot_end(g->call.view);
	g->call.view = NULL;
	g->commit = (struct bw_commit){.batch = &g->call.batch, .done = commit_done, .ctx = g};
	if (bw_store_commit(g->lane->core->store, &g->commit) != BW_OK)
		end(r);
}

static void go_on(struct task_runner *r)
{
	struct bw_call *call = &r->g.call;
	enum bw_err e;

	r->asking = false;
	e = bw_snapshot_begin(r->g.lane->core->store, &call->view);
	commit(r, e == BW_OK ? r->task->run(call, r->subject, &r->event) : e);
}

static void keyer_answered(struct bw_keyer_ask *ask)
{
	struct task_runner *r = ask->ctx;

	r->g.call.answer = ask->answer;
	go_on(r);
}

static void outside_answered(struct bw_errand *errand, const struct bw_errand_answer *answer)
{
	struct task_runner *r = errand->ctx;

	call_reached(&r->g.call, answer);
	go_on(r);
}

/* Out of the view; BW_EPERM: there is nobody to be asked. */
static enum bw_err ask_away(struct task_runner *r)
{
	struct gate_call *g = &r->g;
	struct bw_call *call = &g->call;

	CHECK(call->reach ? g->lane->outside != NULL : g->lane->keyer != NULL, BW_EPERM);
	bw_snapshot_end(call->view);
	call->view = NULL;
	r->asking = true;
	if (call->reach) {
		g->outside = (struct bw_errand){.done = outside_answered, .ctx = r};
		bw_outside_send(g->lane->outside, &g->outside, call->reach);
	} else {
		g->ask = (struct bw_keyer_ask){
		    .request = &g->request, .arena = call->arena, .done = keyer_answered, .ctx = r};
		bw_keyer_send(g->lane->keyer, &g->ask);
	}
	return BW_OK;
}

static void run(struct task_runner *r)
{
	struct gate_call *g = &r->g;
	struct bw_call *call = &g->call;
	struct bw_str rest = r->subject;
	enum bw_err e = r->task ? BW_OK : BW_ENOTFOUND; /* another version's */

	call->account = bw_str_cut(&rest, '/');
	call->region = bw_str_cut(&rest, '/');
	r->event = BW_STR_NONE;
	batch_begin(r);
	g->request = (struct bw_keyer_request){.op = BW_KEYER_NOTHING};
	if (r->task)
		call->service = service_find(r->task->service);
	if (e == BW_OK && r->task->ask)
		e = r->task->ask(call, r->subject, &g->request);
	if (e == BW_OK && (call->reach || g->request.op != BW_KEYER_NOTHING))
		e = ask_away(r);
	else if (e == BW_OK)
		e = r->task->run(call, r->subject, &r->event);
	if (!r->asking)
		commit(r, e);
}

/* ---- Looking ---- */

/* The first mark, when it is due. */
static enum bw_err due_find(struct task_runner *r)
{
	struct bw_call *call = &r->g.call;
	struct bw_str rest, service;
	struct bw_scan scan;
	int64_t due_ms;
	enum bw_err e;

	TRY(bw_scan_begin(call->view, bw_str_c(prefix), BW_STR_NONE, &scan));
	e = bw_scan_next(&scan, call->arena, &r->mark, NULL, NULL);
	bw_scan_end(&scan);
	TRY(e);
	rest = bw_str_sub(r->mark, sizeof prefix - 1, r->mark.n);
	TRY(bw_str_to_i64(bw_str_cut(&rest, '/'), 0, INT64_MAX, &due_ms));
	CHECK(due_ms <= call->now_ms, BW_ENOTFOUND);
	r->what = rest;
	service = bw_str_cut(&rest, '/');
	r->task = task_find(service, bw_str_cut(&rest, '/'));
	r->subject = rest;
	return BW_OK;
}

void tasks_tick(struct bw_lane *lane, int64_t loop_ms, int64_t now_ms)
{
	struct task_runner *r = lane->tasks;
	enum bw_err e;

	if (!r || r->busy || loop_ms - r->looked_ms < LOOK_MS)
		return;
	r->looked_ms = loop_ms;
	r->busy = true;
	r->g.call = (struct bw_call){.core = lane->core, .arena = &r->g.arena, .now_ms = now_ms, .op = &task_op,
	    .request_id = BW_STR("task")};
	e = bw_snapshot_begin(lane->core->store, &r->g.call.view);
	if (e == BW_OK)
		e = due_find(r);
	if (e == BW_OK) {
		run(r);
		return;
	}
	if (e != BW_ENOTFOUND)
		bw_log(BW_LOG_ERROR, "tasks: %s", bw_err_name(e));
	end(r);
}

void tasks_new(struct bw_lane *lane)
{
	lane->tasks = bw_alloc(sizeof *lane->tasks);
	lane->tasks->g.lane = lane;
	bw_arena_init(&lane->tasks->g.arena, BW_CALL_ARENA_MAX);
	bw_buf_init(&lane->tasks->g.record, BW_TRAIL_BLOCK_MAX);
}

void tasks_free(struct bw_lane *lane)
{
	if (!lane->tasks)
		return;
	if (lane->tasks->asking) {
		/* Its mark stands: the next start does it. */
		if (lane->tasks->g.call.reach)
			bw_errand_withdraw(&lane->tasks->g.outside);
		else
			bw_keyer_withdraw(&lane->tasks->g.ask);
		end(lane->tasks);
	}
	lane->tasks->closing = true;
	/* What is with the committer comes back. */
	if (lane->tasks->busy)
		bw_loop_run(lane->loop);
	bw_arena_free(&lane->tasks->g.arena);
	bw_buf_free(&lane->tasks->g.record);
	bw_free(lane->tasks->g.policies);
	bw_free(lane->tasks);
	lane->tasks = NULL;
}
