/* From a routed request to a checked input structure. */
#include "aws/wire/wire_internal.h"

#include "codec/uuid.h"

/* SDKs fill idempotency tokens; for a client that does not, we do. */
static void tokens_fill(const struct bw_shape *shape, void *in, struct bw_arena *arena)
{
	for (const struct bw_member *m = bw_at(shape->members), *end = m + shape->member_count; m < end; m++) {
		struct bw_str *token = (void *)((char *)in + m->offset);

		if (m->token && !bw_str_set(*token))
			*token = bw_uuid_new(arena);
	}
}

static enum bw_err members_in(struct wire_in *w, const struct bw_http_request *r, struct bw_str body,
    const struct bw_form *form, const struct bw_route *route, void *in)
{
	switch ((enum bw_protocol)bw_service_of(w->op)->protocol) {
	case BW_PROTOCOL_QUERY:
	case BW_PROTOCOL_EC2:
		return bw_at(w->op->input) ? wire_query_in(w, form, in) : BW_OK;
	case BW_PROTOCOL_JSON:
		return wire_json_in(w, body, bw_at(w->op->input), in);
	case BW_PROTOCOL_REST_JSON:
		return bw_at(w->op->input) ? wire_rest_in(w, r, body, route, in) : BW_OK;
	}
	return BW_EINVAL;
}

enum bw_err bw_input_decode(const struct bw_operation *op, const struct bw_http_request *r,
    struct bw_str body, const struct bw_form *form, const struct bw_route *route, struct bw_arena *arena,
    void **in, struct bw_faults *faults)
{
	struct wire_in w = {.op = op, .arena = arena, .faults = faults};

	*faults = (struct bw_faults){.why = BW_STR("")};
	*in = bw_arena_alloc(arena, bw_at(op->input) ? bw_at(op->input)->size : sizeof(struct bw_empty));
	TRY(members_in(&w, r, body, form, route, *in));
	if (bw_at(op->input)) {
		tokens_fill(bw_at(op->input), *in, arena);
		wire_check(&w, bw_at(op->input), *in);
	}
	if (arena->over)
		return wire_malformed(&w, "The input needs more memory than one call may have");
	return faults->n ? BW_EINVAL : BW_OK;
}
