/* An operation is one block: BW_OP(iam, CreateUser, .effect = BW_WRITE, .resource = ...) { handler }. The row is
 * gathered by the linker; what AWS's model states about the operation is looked up by its name at start. */
#pragma once

#include "core/call.h"

enum bw_effect {
	BW_READ = 1, /* writes nothing; answered at once */
	BW_READ_NOTING, /* a read to clients and the trail that leaves a note behind, such as of a used code: committed as a write */
	BW_WRITE,    /* its batch is committed before the answer; re-run from the authorisation on when its reads changed */
};

struct bw_op {
	const char *service, *name; /* as the model's, '-' spelled '_' */
	enum bw_effect effect;
	bool slow;            /* hashes passwords or the like: runs on a worker thread, not on the loop */
	bool always_allowed;  /* needs authentication but no permission: GetCallerIdentity */
	bool answer_told;     /* a read whose answer the trail tells all the same, as CloudTrail does: which credentials were given */
	/* For operations that need no signature: establishes call->caller from the proof in the input, before anything is decided. Asks
	 * for the outside by call->reach, and is called again with the answer until it asks for nothing; what it has found so far it
	 * keeps in call->proof. BW_EFAILED when nothing is proven. */
	enum bw_err (*prove)(struct bw_call *call, const void *in, struct bw_keyer_request *request);
	/* States what the call is about (bw_call_resource and friends of call.h) before the decision. NULL: "*". An absent
	 * entity is not an error here: state its ARN as it would be; the handler states NoSuchEntity after the decision. */
	enum bw_err (*resource)(struct bw_call *call);
	/* Adds the service's condition keys. NULL: none beyond the global ones, aws:RequestTag and aws:TagKeys. */
	enum bw_err (*keys)(struct bw_call *call);
	/* Says what the keyer shall do, after the decision and in the same view: what it reads counts as the call's. The handler runs
	 * with the answer in call->answer, in a view of its own. Leaves `op` at BW_KEYER_NOTHING when the keyer has nothing to do. NULL:
	 * the operation needs no key. With `slow` it runs on the worker too, and what comes after the answer on the loop. Or sets
	 * call->reach: then it is the outside that is asked. */
	enum bw_err (*ask)(struct bw_call *call, const void *in, struct bw_keyer_request *request);
	/* Called with every answer, in a view of its own, and asks for more as `ask` does; the handler runs once it asks for nothing.
	 * NULL: one answer is all. */
	enum bw_err (*then)(struct bw_call *call, const void *in, struct bw_keyer_request *request);
	enum bw_err (*handle)(struct bw_call *call, const void *in, void *out);
};

#define BW_OP(svc, Op, ...)                                                                                       \
	static enum bw_err Op##_run(struct bw_call *call, const IN_##svc##_##Op *in, OUT_##svc##_##Op *out);      \
	static enum bw_err Op##_handle(struct bw_call *call, const void *in, void *out)                           \
	{                                                                                                         \
		return Op##_run(call, in, out);                                                                   \
	}                                                                                                         \
	static const struct bw_op Op##_row = {                                                                    \
	    .service = #svc, .name = #Op, .handle = Op##_handle, __VA_ARGS__};                                    \
	static const struct bw_op *const Op##_ref __attribute__((used, section("bw_ops"))) = &Op##_row;           \
	static enum bw_err Op##_run(__attribute__((unused)) struct bw_call *call,                                 \
	    __attribute__((unused)) const IN_##svc##_##Op *in, __attribute__((unused)) OUT_##svc##_##Op *out)
