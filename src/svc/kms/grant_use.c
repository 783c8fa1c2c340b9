/* What grants allow: asked only when no policy allows and none denies. A grant that fits becomes a policy of the resource that
 * names its grantee, so that boundaries, session policies and denials weigh as they do for any policy. */
#include "svc/kms/grant.h"

#include "codec/json.h"

static const char context_prefix[] = "kms:EncryptionContext:";

/* The encryption context of what is being decided, by its condition keys, has this pair. KMS API Reference, "GrantConstraints": in
 * constraints the case of keys does not count, that of values does. */
static bool context_has_pair(const struct bw_call *call, const struct bw_pair *pair)
{
	for (size_t i = 0; i < call->key_count; i++) {
		struct bw_str name = call->keys[i].name;

		if (bw_str_starts(name, bw_str_c(context_prefix)) &&
		    bw_str_eq_nocase(bw_str_sub(name, sizeof context_prefix - 1, name.n), pair->key) &&
		    bw_str_eq(call->keys[i].values[0], pair->value))
			return true;
	}
	return false;
}

static size_t context_count(const struct bw_call *call)
{
	size_t n = 0;

	for (size_t i = 0; i < call->key_count; i++)
		n += bw_str_starts(call->keys[i].name, bw_str_c(context_prefix));
	return n;
}

static bool context_has(const struct bw_call *call, const struct bw_pairs *pairs)
{
	for (size_t i = 0; i < pairs->n; i++)
		if (!context_has_pair(call, &pairs->v[i]))
			return false;
	return true;
}

static bool context_fits(const struct bw_call *call, const struct kms_grant *g)
{
	if (g->has_equals && (context_count(call) != g->equals.n || !context_has(call, &g->equals)))
		return false;
	return !g->has_subset || context_has(call, &g->subset);
}

/* ---- CreateGrant by a grant: the child is never wider ---- */

static bool pairs_within(const struct bw_pairs *all, const struct kms_EncryptionContextType *in)
{
	for (size_t i = 0; i < all->n; i++) {
		size_t j = 0;

		while (j < in->n && !(bw_str_eq_nocase(in->keys[j], all->v[i].key) && bw_str_eq(in->v[j], all->v[i].value)))
			j++;
		if (j == in->n)
			return false;
	}
	return true;
}

static bool constraints_within(const struct kms_grant *parent, const struct kms_GrantConstraints *child)
{
	if (!parent->has_equals && !parent->has_subset)
		return true;
	if (!child)
		return false;
	if (parent->has_equals)
		return child->EncryptionContextEquals.n == parent->equals.n &&
		       pairs_within(&parent->equals, &child->EncryptionContextEquals);
	return pairs_within(&parent->subset, &child->EncryptionContextEquals) ||
	       pairs_within(&parent->subset, &child->EncryptionContextSubset);
}

static bool child_fits(const struct bw_call *call, const struct kms_grant *parent)
{
	const IN_kms_CreateGrant *in = call->in;

	for (size_t i = 0; i < in->Operations.n; i++)
		if (!bw_strs_has(&parent->operations, in->Operations.v[i]))
			return false;
	return constraints_within(parent, in->Constraints);
}

/* ---- One grant ---- */

static bool fits(struct bw_call *call, const struct kms_grant *g, struct bw_str operation)
{
	if (!bw_strs_has(&g->operations, operation))
		return false;
	if (bw_str_set(g->grantee_id) && !bw_str_eq(g->grantee_id, call->caller->entity_id))
		return false;
	if (bw_str_eq(operation, BW_STR("CreateGrant")))
		return child_fits(call, g);
	/* What reads metadata has no encryption context. */
	if (bw_str_eq(operation, BW_STR("DescribeKey")) || bw_str_eq(operation, BW_STR("GetPublicKey")))
		return true;
	return context_fits(call, g);
}

static enum bw_err policy_for(struct bw_call *call, struct bw_str principal, struct bw_str action, struct bw_policy **out)
{
	struct bw_buf text;
	enum bw_err e;

	bw_buf_init(&text, 8192);
	bw_buf_put(&text, BW_STR("{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":"));
	bw_json_put_str(&text, principal);
	bw_buf_put(&text, BW_STR("},\"Action\":"));
	bw_json_put_str(&text, action);
	bw_buf_put(&text, BW_STR(",\"Resource\":\"*\"}}"));
	MUST(!text.failed);
	e = bw_call_policy(call, bw_arena_str(call->arena, bw_buf_str(&text)), BW_POLICY_KEY, NULL, out);
	bw_buf_free(&text);
	return e;
}

struct gathering {
	struct bw_call *call;
	const struct kms_found *key;
	struct bw_str action, operation;
	struct bw_policy_ref *v;
	struct bw_policy_list *out;
};

static enum bw_err add(struct gathering *w, struct bw_str principal, struct bw_str id)
{
	struct bw_policy *policy;

	TRY(policy_for(w->call, principal, w->action, &policy));
	w->v[w->out->n++] = (struct bw_policy_ref){policy, id};
	return BW_OK;
}

/* The first grant of the grantee that fits. */
static enum bw_err gather(struct gathering *w, struct bw_str grantee)
{
	struct bw_str prefix = kms_grantee_key(w->call, w->key, grantee, BW_STR_NONE), name;
	struct bw_scan scan;
	struct kms_grant g;
	enum bw_err e;

	if (!bw_str_set(grantee))
		return BW_OK;
	TRY(bw_scan_begin(w->call->view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, w->call->arena, &name, NULL, NULL)) == BW_OK) {
		e = kms_grant_find(w->call, w->key, bw_str_sub(name, prefix.n, name.n), &g);
		if (e != BW_OK || fits(w->call, &g, w->operation))
			break;
	}
	bw_scan_end(&scan);
	if (e == BW_OK)
		return add(w, grantee, g.id);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

enum bw_err kms_grants(struct bw_call *call, const struct bw_also *about, struct bw_policy_list *further)
{
	/* What the rows of KMS leave as their state begins with the key they are about. */
	const struct kms_found *f = about ? about->state : call->state;
	struct bw_str action = about ? about->action : bw_str_c(bw_at(call->model->action)), operation = action;
	const struct bw_caller *c = call->caller;
	struct gathering w = {call, f, action, action, BW_NEW_ARRAY(call->arena, struct bw_policy_ref, 4), further};

	if (!c || !f || f->as != KMS_FOUND || (!about && !bw_str_eq(call->resource, f->arn)))
		return BW_OK;
	(void)bw_str_cut(&operation, ':');
	w.operation = operation;
	further->v = w.v;
	/* Retiring is said by the one grant that is meant, not by any. */
	if (bw_str_eq(operation, BW_STR("RetireGrant")))
		return kms_grant_retirable(call) ? add(&w, c->arn, f->arn) : BW_OK;
	if (bw_call_taken(call, &kms_grants_quota, f->id) == 0)
		return BW_OK;
	TRY(gather(&w, c->arn));
	TRY(gather(&w, c->role_arn));
	return gather(&w, bw_arena_printf(call->arena, "arn:aws:iam::%.*s:root", BW_FMT(c->account)));
}
