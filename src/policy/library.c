/* libbulwark-policy: the engine behind its public header. The structs that callers fill in great numbers are
 * laid out as ours, so that nothing is copied. */
#include <bulwark/policy.h>
#include "policy/lent.h"

#define SAME(ours, theirs, a, b)                                                                             \
	_Static_assert(offsetof(struct ours, a) == offsetof(struct theirs, b), "one layout")

_Static_assert(sizeof(struct bw_str) == sizeof(struct bulwark_text), "one layout");
_Static_assert(sizeof(struct bw_context_key) == sizeof(struct bulwark_key), "one layout");
SAME(bw_context_key, bulwark_key, values, values);
SAME(bw_context_key, bulwark_key, count, count);
SAME(bw_context_key, bulwark_key, multi, multi);
_Static_assert(sizeof(struct bw_policy_ref) == sizeof(struct bulwark_ref), "one layout");
SAME(bw_policy_ref, bulwark_ref, id, id);
_Static_assert(sizeof(struct bw_policy_list) == sizeof(struct bulwark_list), "one layout");
_Static_assert((int)BULWARK_KEY == (int)BW_POLICY_KEY && (int)BULWARK_SERVICE == (int)BW_PRINCIPAL_SERVICE &&
                   (int)BULWARK_LAYER_TRUST == (int)BW_LAYER_TRUST &&
                   (int)BULWARK_DENIED_EXPLICITLY == (int)BW_DENIED_EXPLICIT,
    "one order");
_Static_assert(sizeof(struct bulwark_fault) == sizeof(struct bw_policy_error), "one layout");

static struct bw_str ours(struct bulwark_text t)
{
	return bw_str_make(t.p, t.n);
}

static struct bw_policy_list list(struct bulwark_list l)
{
	return (struct bw_policy_list){(const struct bw_policy_ref *)(const void *)l.v, l.n};
}

enum bulwark_result bulwark_policy_compile(struct bulwark_text document, enum bulwark_kind kind,
    const struct bulwark_allocator *allocator, struct bulwark_policy **out, struct bulwark_fault *fault)
{
	struct bw_lender lender = bw_lender_malloc;
	struct bw_policy *policy = NULL;
	enum bw_err e;

	*out = NULL;
	if ((unsigned)kind >= BW_POLICY_KINDS)
		return BULWARK_INVALID;
	if (allocator)
		lender = (struct bw_lender){allocator->resize, allocator->release, allocator->ctx};
	e = bw_policy_compile_lent(ours(document), (enum bw_policy_kind)kind, &lender, &policy,
	    (struct bw_policy_error *)(void *)fault);
	if (e == BW_EAGAIN)
		return BULWARK_NO_MEMORY;
	if (e != BW_OK)
		return e == BW_ETOOBIG ? BULWARK_TOO_LARGE : BULWARK_INVALID;
	*out = (struct bulwark_policy *)(void *)policy;
	return BULWARK_OK;
}

void bulwark_policy_free(struct bulwark_policy *policy)
{
	bw_policy_release((struct bw_policy *)(void *)policy);
}

struct bulwark_verdict bulwark_policy_evaluate(
    const struct bulwark_layers *layers, const struct bulwark_request *request)
{
	const struct bw_policy_request r = {
	    .principal_kind = (enum bw_principal_kind)request->principal,
	    .principal_arn = ours(request->principal_arn),
	    .principal_account = ours(request->principal_account),
	    .principal_role_arn = ours(request->role_arn),
	    .service_linked_role = request->service_linked_role,
	    .action = ours(request->action),
	    .resource = ours(request->resource),
	    .resource_account = ours(request->resource_account),
	    .context = (const struct bw_context_key *)(const void *)request->context,
	    .context_count = request->context_count,
	};
	const struct bw_policy_layers l = {
	    .identity = list(layers->identity),
	    .resource = list(layers->resource),
	    .boundary = list(layers->boundary),
	    .session = list(layers->session),
	    .vpce = list(layers->vpce),
	    .has_boundary = layers->has_boundary,
	    .has_session = layers->has_session,
	    .has_vpce = layers->has_vpce,
	    .resource_must_allow = layers->resource_must_allow,
	    .scps = (const struct bw_policy_list *)(const void *)layers->scps,
	    .rcps = (const struct bw_policy_list *)(const void *)layers->rcps,
	    .scp_levels = layers->scp_levels,
	    .rcp_levels = layers->rcp_levels,
	};
	struct bw_verdict v;

	/* A caller of another version of the header: nothing is guessed, nothing allowed. */
	if (layers->size < sizeof *layers || request->size < sizeof *request)
		return (struct bulwark_verdict){BULWARK_DENIED_IMPLICITLY, BULWARK_LAYER_NONE, {NULL, 0}, -1};
	v = bw_policy_evaluate(&l, &r);
	return (struct bulwark_verdict){(enum bulwark_decision)v.decision, (enum bulwark_layer)v.layer,
	    {v.policy_id.p, v.policy_id.n}, v.statement};
}

size_t bulwark_policy_size(struct bulwark_text document)
{
	return bw_policy_size(ours(document));
}

const char *bulwark_policy_version(void)
{
	return BW_VERSION;
}
