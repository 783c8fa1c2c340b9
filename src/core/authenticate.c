#include "core/internal.h"

/* EC2 says no more than this of credentials, a clock that goes wrong included (recorded: hashicorp/terraform-provider-aws#1102). */
static const char ec2_unproven[] = "AWS was not able to validate the provided access credentials";

/* The same refusal has a name in each family of protocols. The first column is what our own code says. */
static const struct spelling {
	const char *query;
	int query_status;
	const char *json, *ec2;
	int ec2_status;
	const char *ec2_words; /* NULL: no others */
} spellings[] = {
    {"MissingAuthenticationToken", 403, "MissingAuthenticationTokenException", "AuthFailure", 401, ec2_unproven},
    {"IncompleteSignature", 400, "IncompleteSignatureException", "IncompleteSignature", 400, NULL},
    {"InvalidClientTokenId", 403, "UnrecognizedClientException", "AuthFailure", 401, ec2_unproven},
    {"SignatureDoesNotMatch", 403, "InvalidSignatureException", "AuthFailure", 401, ec2_unproven},
    {"ExpiredToken", 403, "ExpiredTokenException", "RequestExpired", 400, "Request has expired."},
    {"AccessDenied", 403, "AccessDeniedException", "UnauthorizedOperation", 403, NULL},
    {"ValidationError", 400, "ValidationException", "InvalidParameterValue", 400, NULL},
    {"Throttling", 400, "ThrottlingException", "RequestLimitExceeded", 503, "Request limit exceeded."},
    {"ServiceFailure", 500, "InternalFailure", "InternalError", 500, NULL},
};

enum bw_err gate_fail(struct gate_call *g, const char *code, int status, const char *message)
{
	struct bw_call *call = &g->call;
	uint8_t protocol = call->service                             ? call->service->protocol
	                   : bw_request_is_json(g->exchange->request) ? BW_PROTOCOL_JSON
	                                                              : BW_PROTOCOL_QUERY;

	call->error = (struct bw_error_text){.code = bw_str_c(code),
	    .message = bw_arena_str(call->arena, bw_str_c(message)),
	    .status = status,
	    .sender = status < 500};
	for (size_t i = 0; i < BW_COUNT(spellings); i++) {
		const struct spelling *s = &spellings[i];

		if (strcmp(s->query, code) != 0)
			continue;
		if (!call->error.status)
			call->error.status = s->query_status;
		if (protocol == BW_PROTOCOL_EC2) {
			call->error.code = bw_str_c(s->ec2);
			call->error.status = s->ec2_status;
			if (s->ec2_words)
				call->error.message = bw_str_c(s->ec2_words);
		} else if (protocol == BW_PROTOCOL_JSON || protocol == BW_PROTOCOL_REST_JSON) {
			call->error.code = bw_str_c(s->json);
			/* The json protocols answer 400 for the client's faults, rest-json keeps 403. */
			if (protocol == BW_PROTOCOL_JSON && call->error.status < 500)
				call->error.status = 400;
		}
	}
	call->error.sender = call->error.status < 500;
	return BW_EFAILED;
}

static enum bw_err token_invalid(struct gate_call *g)
{
	return gate_fail(g, "InvalidClientTokenId", 403, "The security token included in the request is invalid.");
}

/* The caller of the key from the lane's cache when nothing it was made from has changed, else made anew. */
static enum bw_err caller_find(struct gate_call *g)
{
	struct bw_lane *lane = g->lane;
	struct bw_str id = g->signature.key_id, token = g->signature.token;
	struct caller_entry *e = bw_map_get(&lane->callers, id);

	if (e && e->generation == atomic_load(&lane->core->generation) && bw_str_eq(e->token, token) &&
	    bw_str_set(e->token) == bw_str_set(token) && caller_entry_fresh(e, g->call.view)) {
		atomic_fetch_add(&e->references, 1);
		g->caller = e;
		return BW_OK;
	}
	TRY(caller_resolve(lane->core, g->call.view, id, token, &g->caller));
	atomic_fetch_add(&g->caller->references, 1);
	bw_map_put(&lane->callers, id, g->caller);
	return BW_OK;
}

static enum bw_err our_fault(struct gate_call *g)
{
	return gate_fail(g, "ServiceFailure", 500,
	    "The request processing has failed because of an unknown error, exception or failure.");
}

enum bw_err authenticate_again(struct gate_call *g)
{
	struct bw_call *call = &g->call;
	struct caller_entry *now;
	uint64_t seq = bw_snapshot_seq(call->view);
	enum bw_err e;

	if (!g->caller || g->caller_seq == seq)
		return BW_OK;
	g->caller_seq = seq;
	if (caller_entry_same(g->caller, call->view))
		return BW_OK;
	e = caller_resolve(g->lane->core, call->view, g->signature.key_id, g->signature.token, &now);
	if (e == BW_ENOTFOUND || e == BW_ECORRUPT)
		return token_invalid(g);
	if (e != BW_OK)
		return our_fault(g);
	now->former = g->caller;
	g->caller = now;
	call->caller = &now->caller;
	return BW_OK;
}

static enum bw_err scope_check(struct gate_call *g)
{
	struct bw_sigv4_fault fault;

	/* AWS holds global services to us-east-1; here every Region name signs, as SDKs with an endpoint of their own do. */
	if (!g->call.service ||
	    bw_sigv4_check_scope(&g->signature, bw_str_c(g->call.service->signing_name), BW_STR_NONE, &fault) == BW_OK)
		return BW_OK;
	return gate_fail(g, fault.code, fault.status, fault.message);
}

/* IAM User Guide, "Compare AWS STS credentials": what temporary credentials of a user may not be used for. */
static enum bw_err temporary_check(struct gate_call *g)
{
	const struct bw_caller *c = &g->caller->caller;
	const struct bw_service *s = g->call.service;

	if (!c->temporary || !s)
		return BW_OK;
	if (c->expires_ms <= g->call.now_ms)
		return gate_fail(g, "ExpiredToken", 403, "The security token included in the request is expired");
	if (strcmp(s->name, "iam") == 0 && (c->federation_token || (c->session_token && !c->mfa)))
		return token_invalid(g);
	return BW_OK;
}

enum bw_err authenticate(struct gate_call *g)
{
	struct bw_call *call = &g->call;
	struct bw_sigv4_fault fault;
	enum bw_err e;

	if (g->signature.form == BW_SIGV4_NONE) {
		if (call->model && call->model->unsigned_ok)
			return BW_OK;
		return gate_fail(g, "MissingAuthenticationToken", 403, "Request is missing Authentication Token");
	}
	e = caller_find(g);
	if (e == BW_ENOTFOUND || e == BW_ECORRUPT)
		return token_invalid(g);
	if (e != BW_OK)
		return our_fault(g);
	TRY(scope_check(g));
	if (bw_sigv4_verify(&g->signature, g->exchange->request, g->exchange->body, g->caller->secret, call->now_ms, false,
	        &g->lane->signatures, call->arena, &fault) != BW_OK)
		return gate_fail(g, fault.code, fault.status, fault.message);
	TRY(temporary_check(g));
	g->caller_seq = bw_snapshot_seq(call->view);
	call->caller = &g->caller->caller;
	call->account = call->caller->account;
	return BW_OK;
}
