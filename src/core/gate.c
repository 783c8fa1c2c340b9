#include "core/internal.h"

/* The one way of every call: route, authenticate, decode, decide, handle, commit, audit, answer. */

enum { SPARE_MAX = 64 };

static struct gate_call *gate_call_take(struct bw_lane *lane)
{
	struct gate_call *g = lane->spare;

	if (g) {
		lane->spare = g->next;
		lane->spare_count--;
	} else {
		g = bw_alloc(sizeof *g);
		bw_arena_init(&g->arena, BW_CALL_ARENA_MAX);
		bw_buf_init(&g->headers, BW_HTTP_HEAD_MAX);
		bw_buf_init(&g->body, BW_RESPONSE_MAX);
		bw_buf_init(&g->record, BW_TRAIL_BLOCK_MAX);
	}
	lane->in_work++;
	return g;
}

static void gate_call_wreck(struct gate_call *g)
{
	bw_arena_free(&g->arena);
	bw_buf_free(&g->headers);
	bw_buf_free(&g->body);
	bw_buf_free(&g->record);
	bw_free(g->policies);
	bw_free(g);
}

void gate_calls_free(struct bw_lane *lane)
{
	while (lane->spare) {
		struct gate_call *g = lane->spare;

		lane->spare = g->next;
		gate_call_wreck(g);
	}
}

static void policies_drop(struct gate_call *g)
{
	for (size_t i = 0; i < g->policy_count; i++)
		bw_policy_release(g->policies[i]);
	g->policy_count = 0;
}

static void gate_call_give(struct gate_call *g)
{
	struct bw_lane *lane = g->lane;

	policies_drop(g);
	caller_entry_release(g->caller);
	lane->in_work--;
	if (lane->spare_count >= SPARE_MAX) {
		gate_call_wreck(g);
		return;
	}
	bw_arena_reset(&g->arena);
	bw_buf_reset(&g->headers);
	bw_buf_reset(&g->body);
	bw_buf_reset(&g->record);
	*g = (struct gate_call){.arena = g->arena, .headers = g->headers, .body = g->body, .record = g->record,
	    .policies = g->policies, .policy_room = g->policy_room, .next = lane->spare};
	lane->spare = g;
	lane->spare_count++;
}

/* ---- The end ---- */

static void finish(struct gate_call *g)
{
	struct bw_lane *lane = g->lane;

	answer_make(g);
	if (g->call.caller && g->call.caller->kind != BW_PRINCIPAL_WEB && g->call.service) {
		lane_note_use(lane, g->call.caller, g->call.service, g->call.region, g->call.now_ms);
		lane_note_access(lane, &g->call, g->caller);
	}
	if (g->call.caller || lane_stranger_record(lane, g->call.now_ms))
		bw_trail_add(lane->core->trail, lane->index, bw_buf_str(&g->record));
	bw_http_respond(g->exchange, g->status, bw_buf_str(&g->headers), bw_buf_str(&g->body), false);
	gate_call_give(g);
}

static void finish_failed(struct gate_call *g, enum bw_err e)
{
	g->result = e;
	if (e != BW_EFAILED) {
		bw_log(BW_LOG_ERROR, "request %.*s: %s", BW_FMT(g->call.request_id), bw_err_name(e));
		g->result = gate_fail(g, "ServiceFailure", 500,
		    "The request processing has failed because of an unknown error, exception or failure.");
	}
	finish(g);
}

/* ---- Running the handler ---- */

static enum bw_err ask_by(
    struct gate_call *g, enum bw_err (*ask)(struct bw_call *call, const void *in, struct bw_keyer_request *request))
{
	g->request = (struct bw_keyer_request){.op = BW_KEYER_NOTHING};
	g->call.reach = NULL;
	TRY(ask(&g->call, g->call.in, &g->request));
	g->asking = g->call.reach || g->request.op != BW_KEYER_NOTHING;
	return BW_OK;
}

/* States what the call is about and decides; then what the keyer or the outside is asked. */
static enum bw_err decide_and_ask(struct gate_call *g)
{
	struct bw_call *call = &g->call;

	call->resource = BW_STR_NONE;
	call->resource_account = call->account;
	call->resource_policy = (struct bw_policy_ref){0};
	call->resource_must_allow = false;
	call->grants = NULL;
	call->state = NULL;
	call->also = NULL;
	call->reach = NULL;
	call->key_count = 0;
	g->denial = BW_STR_NONE;
	bw_batch_init(&call->batch, call->arena);
	TRY(authenticate_again(g));
	if (call->op->resource)
		TRY(call->op->resource(call));
	if (call->op->keys)
		TRY(call->op->keys(call));
	TRY(authorise(g));
	g->asking = false;
	call->answer = (struct bw_keyer_answer){0};
	call->reached = (struct bw_errand_answer){0};
	return call->op->ask ? ask_by(g, call->op->ask) : BW_OK;
}

static enum bw_err handle(struct gate_call *g)
{
	struct bw_call *call = &g->call;

	call->out = bw_arena_alloc(call->arena, bw_at(call->model->output) ? bw_at(call->model->output)->size : 1);
	return call->op->handle(call, call->in, call->out);
}

static void run(struct bw_post *p);
static void committed(struct bw_post *p);

static struct gate_call *gate_call_of_post(struct bw_post *p)
{
	return (struct gate_call *)((char *)p - offsetof(struct gate_call, post));
}

/* Gathered until the group is answered: lanes_answered. */
static void commit_done(struct bw_commit *c)
{
	struct gate_call *g = c->ctx;
	struct bw_lane *lane = g->lane;

	g->post.run = committed;
	if (!lane->answered) {
		lane->answered_oldest = &g->post;
		lane->answered_next = lane->core->answered;
		lane->core->answered = lane;
	}
	g->post.next = lane->answered;
	lane->answered = &g->post;
}

bool gate_commits(const struct bw_call *call)
{
	return call->batch.writes || (call->op->effect != BW_READ && call->batch.refused != BW_OK);
}

/* Until the store has been checked, what only reads is answered: what a key has made, and credentials, wait with what is written. A
 * record that was put back could speak for whoever gets them. */
static bool waits_for_check(const struct gate_call *g)
{
	const struct bw_op *op = g->call.op;

	return (op->effect != BW_READ || op->ask || op->prove || op->answer_told) && !bw_store_is_checked(g->lane->core->store);
}

static void finish_refused(struct gate_call *g, enum bw_err e)
{
	finish_failed(g, e == BW_EAGAIN ? gate_fail(g, "Throttling", 400, "Rate exceeded") : e);
}

/* On the lane's loop, with what the handler answered. */
static void handled(struct bw_post *p)
{
	struct gate_call *g = gate_call_of_post(p);
	enum bw_err e;

	if (g->result != BW_OK) {
		finish_failed(g, g->result);
		return;
	}
	if (!gate_commits(&g->call)) {
		if (!waits_for_check(g)) {
			finish(g);
			return;
		}
		/* Nothing to write: it has its turn behind the check all the same. */
		bw_batch_init(&g->call.batch, g->call.arena);
	}
	MUST(g->call.op->effect != BW_READ || !g->call.batch.writes);
	/* No permission that was taken back is used: who may do this, may still do it when it is done. */
	if (g->caller && g->call.batch.writes)
		caller_entry_guard(g->caller, &g->call.batch);
	g->commit = (struct bw_commit){.batch = &g->call.batch, .done = commit_done, .ctx = g};
	g->publishes = bw_publish_concerns(g->lane->core, &g->call.batch);
	e = gather_add(g);
	if (e != BW_OK)
		finish_refused(g, e);
}

void gate_refused(struct gate_call *g)
{
	gather_answered(g);
	finish_refused(g, g->commit.result);
}

/* Runs `step` in a fresh view. */
static enum bw_err in_view(struct gate_call *g, enum bw_err (*step)(struct gate_call *g))
{
	struct bw_call *call = &g->call;
	enum bw_err e = bw_snapshot_begin(g->lane->core->store, &call->view);

	if (e != BW_OK)
		return e;
	e = step(g);
	bw_snapshot_end(call->view);
	call->view = NULL;
	return e;
}

static enum bw_err decide_and_handle(struct gate_call *g)
{
	TRY(decide_and_ask(g));
	return g->asking ? BW_OK : handle(g);
}

/* Who shows a proof in the input is known when it has been looked at, which may take answers from outside. */
static enum bw_err prove_and_decide(struct gate_call *g)
{
	TRY(ask_by(g, g->call.op->prove));
	g->proven = !g->asking;
	return g->proven ? decide_and_handle(g) : BW_OK;
}

/* One attempt: the decision and the handler. On the loop, or on a worker for slow rows. Only half of it when somebody is asked. */
static void attempt(struct gate_call *g)
{
	g->result = in_view(g, g->call.op->prove && !g->proven ? prove_and_decide : decide_and_handle);
}

static void proceed(struct gate_call *g);

static enum bw_err ask_more_or_handle(struct gate_call *g)
{
	if (g->call.op->then)
		TRY(ask_by(g, g->call.op->then));
	return g->asking ? BW_OK : handle(g);
}

/* There is an answer: the other half, or a further question. */
static void go_on(struct gate_call *g)
{
	g->asking = false;
	g->result = in_view(g, g->call.op->prove && !g->proven ? prove_and_decide : ask_more_or_handle);
	proceed(g);
}

static void keyer_answered(struct bw_keyer_ask *ask)
{
	struct gate_call *g = ask->ctx;

	g->call.answer = ask->answer;
	go_on(g);
}

static void keyer_ask(struct gate_call *g)
{
	if (!g->lane->keyer) {
		finish_failed(g, gate_fail(g, "ServiceFailure", 503, "This server runs without a keyer."));
		return;
	}
	g->ask = (struct bw_keyer_ask){.request = &g->request, .arena = g->call.arena, .done = keyer_answered, .ctx = g};
	bw_keyer_send(g->lane->keyer, &g->ask);
}

static void outside_answered(struct bw_errand *errand, const struct bw_errand_answer *answer)
{
	struct gate_call *g = errand->ctx;

	call_reached(&g->call, answer);
	go_on(g);
}

static void outside_ask(struct gate_call *g)
{
	if (!g->lane->outside) {
		finish_failed(g, gate_fail(g, "ServiceFailure", 503, "This server reaches nothing outside."));
		return;
	}
	g->outside = (struct bw_errand){.done = outside_answered, .ctx = g};
	bw_outside_send(g->lane->outside, &g->outside, g->call.reach);
}

static void proceed(struct gate_call *g)
{
	if (g->result != BW_OK || !g->asking)
		handled(&g->post);
	else if (g->call.reach)
		outside_ask(g);
	else
		keyer_ask(g);
}

static void attempted(struct bw_post *p)
{
	proceed(gate_call_of_post(p));
}

static void run_slow(struct bw_post *p)
{
	struct gate_call *g = gate_call_of_post(p);

	attempt(g);
	g->post.run = attempted;
	bw_loop_post(g->lane->loop, &g->post);
}

static void run(struct bw_post *p)
{
	struct gate_call *g = gate_call_of_post(p);

	if (!g->call.op->slow) {
		attempt(g);
		proceed(g);
		return;
	}
	g->post.run = run_slow;
	if (!worker_pool_add(g->lane->core->workers, &g->post))
		finish_failed(g, gate_fail(g, "Throttling", 400, "Rate exceeded"));
}

static enum bw_err quota_failed(struct gate_call *g)
{
	const struct bw_quota *q = quota_by_key(g->commit.quota_key);

	MUST(q != NULL);
	/* A counter is refused only above its value: that is the text's. */
	return bw_call_within(&g->call, q, SIZE_MAX >> 1);
}

static void committed(struct bw_post *p)
{
	struct gate_call *g = gate_call_of_post(p);

	gather_answered(g);
	switch (g->commit.result) {
	case BW_OK:
		if (g->publishes)
			bw_publish_wake(g->lane->core);
		finish(g);
		return;
	case BW_EQUOTA:
		finish_failed(g, quota_failed(g));
		return;
	case BW_ECONFLICT:
		if (++g->tries < BW_COMMIT_RETRIES) {
			policies_drop(g);
			run(&g->post);
			return;
		}
		finish_failed(g, bw_call_fail(&g->call, "ConcurrentModification", "%s",
		    "The request was rejected because multiple requests to change this object were submitted "
		    "simultaneously. Wait a few minutes and submit your request again."));
		return;
	default:
		finish_failed(g, g->commit.result);
	}
}

/* ---- From the wire to the handler ---- */

static enum bw_err route_failed(struct gate_call *g)
{
	bw_route_error(&g->route, g->exchange->request, g->call.arena, &g->call.error);
	return BW_EFAILED;
}

static enum bw_err not_built(struct gate_call *g)
{
	struct bw_str text = bw_arena_printf(g->call.arena, "Bulwark does not implement %s:%s. See docs/coverage.md.",
	    g->call.service->name, bw_at(g->call.model->name));

	return gate_fail(g, "NotImplemented", 501, text.p);
}

static enum bw_err input(struct gate_call *g)
{
	struct bw_call *call = &g->call;
	struct bw_faults faults = {0};

	if (bw_input_decode(call->model, g->exchange->request, g->exchange->body, &g->form, &g->route, call->arena, &call->in,
	        &faults) == BW_OK)
		return BW_OK;
	call->in = NULL;
	bw_faults_error(call->model, &faults, call->arena, &call->error);
	return BW_EFAILED;
}

/* Everything up to the handler. BW_EFAILED with the error stated. */
static enum bw_err prepare(struct gate_call *g)
{
	struct bw_call *call = &g->call;
	struct bw_http_exchange *x = g->exchange;
	struct bw_sigv4_fault fault;
	enum bw_err signature, routed;

	signature = bw_sigv4_parse(x->request, call->arena, &g->signature, &fault);
	routed = bw_route_request(x->request, x->body, g->signature.service, call->arena, &g->form, &g->route);
	call->service = g->route.service;
	call->model = g->route.operation;
	if (bw_str_set(g->signature.region))
		call->region = g->signature.region;
	if (signature != BW_OK)
		return gate_fail(g, fault.code, fault.status, fault.message);
	TRY(authenticate(g));
	if (!(call->caller ? lane_rate_take(g->lane, call->account, call->now_ms)
	                   : lane_stranger_take(g->lane, x->peer_address, call->now_ms)))
		return gate_fail(g, "Throttling", 400, "Rate exceeded");
	if (routed != BW_OK || !call->model)
		return route_failed(g);
	call->op = registry_row(call->core, call->service, call->model);
	if (!call->op)
		return not_built(g);
	return input(g);
}

void bw_gate_request(void *ctx, struct bw_http_exchange *x)
{
	struct bw_lane *lane = ctx;
	unsigned char id[16];
	struct gate_call *g;
	enum bw_err e;

	if (local_request(lane, x))
		return;
	g = gate_call_take(lane);
	g->lane = lane;
	g->exchange = x;
	atomic_fetch_add_explicit(&lane->core->calls, 1, memory_order_relaxed);
	bw_random(id, sizeof id);
	bw_uuid_put(id, &g->headers);
	memcpy(g->request_id, g->headers.p, BW_UUID_TEXT);
	bw_buf_reset(&g->headers);
	g->call = (struct bw_call){.core = lane->core, .arena = &g->arena, .now_ms = bw_clock_wall_ms(),
	    .request_id = bw_str_make(g->request_id, BW_UUID_TEXT), .account = lane->core->account, .region = lane->core->region,
	    .exchange = x};
	e = bw_snapshot_begin(lane->core->store, &g->call.view);
	if (e == BW_OK) {
		e = prepare(g);
		bw_snapshot_end(g->call.view);
		g->call.view = NULL;
	}
	if (e != BW_OK)
		finish_failed(g, e);
	else
		run(&g->post);
}

/* Of what is no request there is no record, but it has an id all the same, by which whoever sent it can speak of it. */
void bw_gate_refused(void *ctx, int status, struct bw_buf *lines, struct bw_buf *body)
{
	bool busy = status == 503;
	unsigned char random[16];

	(void)ctx;
	bw_random(random, sizeof random);
	bw_buf_put(lines, BW_STR("x-amzn-RequestId: "));
	bw_uuid_put(random, lines);
	bw_buf_put(lines, BW_STR("\r\nContent-Type: text/xml\r\n"));
	bw_buf_printf(body,
	    "<ErrorResponse><Error><Type>%s</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>",
	    busy ? "Receiver" : "Sender", busy ? "ServiceUnavailable" : "MalformedHttpRequestException", bw_http_reason(status));
	bw_uuid_put(random, body);
	bw_buf_put(body, BW_STR("</RequestId></ErrorResponse>\n"));
}
