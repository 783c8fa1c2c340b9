/* A call's answer and its audit record. Those of a call that writes are made ahead, while the disk is at work
 * for it: they are the same whenever the batch holds, and are made again when it does not. */
#include "core/internal.h"

enum { AHEAD_PER_TURN = 16 };

static bool answer_encode(struct gate_call *g)
{
	struct bw_call *call = &g->call;

	if (call->arena->over)
		return false;
	bw_output_encode(call->model, call->out, call->request_id, &g->headers, &g->body, &g->status);
	return !g->body.failed && !g->headers.failed;
}

static void answer_reset(struct gate_call *g)
{
	bw_buf_reset(&g->headers);
	bw_buf_reset(&g->body);
	bw_buf_reset(&g->record);
}

static void error_encode(struct gate_call *g)
{
	struct bw_call *call = &g->call;

	bw_error_encode(
	    call->service, g->exchange->request, &call->error, call->request_id, &g->headers, &g->body);
	g->status = call->error.status;
	/* Who shows a provider's word is not told why it was not enough. */
	if (g->denial.n && g->call.caller && g->call.caller->kind != BW_PRINCIPAL_WEB)
		bw_buf_printf(
		    &g->headers, "x-bulwark-encoded-authorization-message: %.*s\r\n", BW_FMT(g->denial));
}

static void record_make(struct gate_call *g)
{
	audit_record(g, &g->record);
	if (!g->record.failed && (g->call.caller || g->record.n <= STRANGER_RECORD_MAX))
		return;
	/* Its parameters pass the ceiling of a record: the fact of the call is kept without them. */
	bw_buf_reset(&g->record);
	g->call.in = g->call.out = NULL;
	audit_record(g, &g->record);
}

void answer_make(struct gate_call *g)
{
	if (g->answered)
		return;
	if (g->result == BW_OK && !answer_encode(g)) {
		answer_reset(g);
		g->result =
		    gate_fail(g, "ServiceFailure", 500, "The answer is larger than this server's ceiling.");
	}
	if (g->result != BW_OK)
		error_encode(g);
	record_make(g);
}

/* Only what goes as it usually does: the rest is left to the call's end. */
static void make_ahead(struct gate_call *g)
{
	g->answered = answer_encode(g);
	if (!g->answered) {
		answer_reset(g);
		return;
	}
	audit_record(g, &g->record);
	if (!g->record.failed)
		return;
	g->answered = false;
	answer_reset(g);
}

static struct gate_call *ahead_take(struct bw_lane *lane)
{
	struct gate_call *g = lane->ahead;

	lane->ahead = g->next;
	g->next = NULL;
	g->ahead = false;
	return g;
}

void answer_ahead(struct gate_call *g)
{
	struct bw_lane *lane = g->lane;

	if (!lane->ahead)
		lane->ahead_last = &lane->ahead;
	g->ahead = true;
	g->next = NULL;
	*lane->ahead_last = g;
	lane->ahead_last = &g->next;
}

void answer_settle(struct gate_call *g, bool held)
{
	/* The committer answers in the order in which it is asked. */
	if (g->ahead)
		MUST(ahead_take(g->lane) == g);
	if (held)
		return;
	g->answered = false;
	answer_reset(g);
}

bool answers_go_on(struct bw_lane *lane)
{
	for (int i = 0; i < AHEAD_PER_TURN && lane->ahead; i++)
		make_ahead(ahead_take(lane));
	return !lane->ahead;
}
