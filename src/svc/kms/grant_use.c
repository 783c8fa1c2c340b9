/* What grants allow: asked only when no policy allows and none denies. A grant that fits becomes a policy of the resource that
 * names its grantee, so that boundaries, session policies and denials weigh as they do for any policy. */
#include "svc/kms/grant.h"

#include "codec/json.h"

static const char context_prefix[] = "kms:EncryptionContext:";

/* The encryption context's key that a condition key of what is being decided stands for; absent: it is another condition key. */
static struct bw_str context_name(const struct bw_context_key *key)
{
	struct bw_str prefix = bw_str_c(context_prefix);

	return bw_str_starts(key->name, prefix) ? bw_str_sub(key->name, prefix.n, key->name.n) : BW_STR_NONE;
}

/* KMS API Reference, "GrantConstraints": the keys of pairs are not case-sensitive, their values are. */
static bool pair_is(struct bw_str key, struct bw_str value, const struct bw_pair *of)
{
	return bw_str_eq_nocase(key, of->key) && bw_str_eq(value, of->value);
}

static bool context_has(const struct bw_call *call, const struct bw_pair *pair)
{
	for (size_t i = 0; i < call->key_count; i++) {
		struct bw_str name = context_name(&call->keys[i]);

		if (bw_str_set(name) && pair_is(name, call->keys[i].values[0], pair))
			return true;
	}
	return false;
}

static bool context_has_all(const struct bw_call *call, const struct bw_pairs *pairs)
{
	for (size_t i = 0; i < pairs->n; i++)
		if (!context_has(call, &pairs->v[i]))
			return false;
	return true;
}

/* The other way round, too: of pairs whose keys differ by case alone one may stand for two. */
static bool context_is(const struct bw_call *call, const struct bw_pairs *pairs)
{
	size_t n = 0;

	for (size_t i = 0; i < call->key_count; i++) {
		struct bw_str name = context_name(&call->keys[i]);
		size_t j = 0;

		if (!bw_str_set(name))
			continue;
		while (j < pairs->n && !pair_is(name, call->keys[i].values[0], &pairs->v[j]))
			j++;
		if (j == pairs->n)
			return false;
		n++;
	}
	return n == pairs->n && context_has_all(call, pairs);
}

static bool context_fits(const struct bw_call *call, const struct kms_grant *g)
{
	if (g->has_equals && !context_is(call, &g->equals))
		return false;
	return !g->has_subset || context_has_all(call, &g->subset);
}

/* ---- CreateGrant by a grant: the child is never wider ---- */

static bool pairs_within(const struct bw_pairs *all, const struct kms_EncryptionContextType *in)
{
	for (size_t i = 0; i < all->n; i++) {
		size_t j = 0;

		while (j < in->n && !pair_is(in->keys[j], in->v[j], &all->v[i]))
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

/* The first grant that fits of whom an index goes by; `principal`: how a policy names him. */
static enum bw_err gather(struct gathering *w, struct bw_str who, struct bw_str principal)
{
	struct bw_str prefix = kms_grantee_key(w->call, w->key, who, BW_STR_NONE), name;
	struct bw_scan scan;
	struct kms_grant g;
	enum bw_err e;

	if (!bw_str_set(who))
		return BW_OK;
	TRY(bw_scan_begin(w->call->view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, w->call->arena, &name, NULL, NULL)) == BW_OK) {
		e = kms_grant_find(w->call, w->key, bw_str_sub(name, prefix.n, name.n), &g);
		if (e != BW_OK || fits(w->call, &g, w->operation))
			break;
	}
	bw_scan_end(&scan);
	if (e == BW_OK)
		return add(w, principal, g.id);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

enum bw_err kms_grants(struct bw_call *call, const struct bw_also *about, struct bw_policy_list *further)
{
	/* What the rows of KMS leave as their state begins with the key they are about. */
	const struct kms_found *f = about ? about->state : call->state;
	struct bw_str action = about ? about->action : bw_str_c(bw_at(call->model->action)), operation = action, root;
	const struct bw_caller *c = call->caller;
	struct gathering w = {call, f, action, action, BW_NEW_ARRAY(call->arena, struct bw_policy_ref, 4), further};

	if (!c || !f || f->as != KMS_FOUND || (!about && !bw_str_eq(call->resource, f->arn)))
		return BW_OK;
	(void)bw_str_cut(&operation, ':');
	w.operation = operation;
	further->v = w.v;
	/* Retiring is said by the one grant that is meant, not by any. */
	if (bw_str_eq(operation, BW_STR("RetireGrant"))) {
		struct bw_str as = kms_grant_retired_as(call);

		return bw_str_set(as) ? add(&w, as, f->arn) : BW_OK;
	}
	if (bw_call_taken(call, &kms_grants_quota, f->id) == 0)
		return BW_OK;
	root = bw_arena_printf(call->arena, "arn:aws:iam::%.*s:root", BW_FMT(c->account));
	/* What a role or user has, its sessions have as far as their session policies permit it. */
	TRY(gather(&w, c->entity_id, bw_str_set(c->issuer_arn) ? c->issuer_arn : c->arn));
	TRY(gather(&w, c->arn, c->arn));
	TRY(gather(&w, c->issuer_arn, c->issuer_arn));
	return gather(&w, root, root);
}
