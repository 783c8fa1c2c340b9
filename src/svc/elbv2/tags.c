#include "svc/elbv2/elb.h"

/* A resource has at most 50 tags; keys are case-sensitive; "aws:" is AWS's own (Application Load Balancers
 * Guide, "Tag restrictions"). */

BW_QUOTA(elb_tags_quota, "elbv2-tags-per-resource", 50, "TooManyTags",
    "The maximum number of tags on a resource is '%lld'");

static enum bw_err tags_check(struct bw_call *call, const struct elbv2_TagList *given)
{
	for (size_t i = 0; i < given->n; i++) {
		if (bw_str_starts_nocase(given->v[i].Key, BW_STR("aws:")))
			return elb_invalid(call, "Tag keys cannot begin with 'aws:'");
		for (size_t j = 0; j < i; j++)
			if (bw_str_eq(given->v[i].Key, given->v[j].Key))
				return bw_call_fail(call, "DuplicateTagKeys",
				    "Tag key '%.*s' was specified more than once", BW_FMT(given->v[i].Key));
	}
	return BW_OK;
}

static struct bw_str value_of(const struct elbv2_Tag *t)
{
	return bw_str_set(t->Value) ? t->Value : BW_STR("");
}

enum bw_err elb_tags_set(struct bw_call *call, struct bw_pairs *tags, const struct elbv2_TagList *given)
{
	TRY(tags_check(call, given));
	for (size_t i = 0; i < given->n; i++)
		bw_pairs_set(tags, call->arena, given->v[i].Key, value_of(&given->v[i]));
	return bw_call_within(call, &elb_tags_quota, tags->n);
}

/* ---- Whatever the ARN names ---- */

struct tagged {
	const struct elb_kind *kind;
	struct bw_str name;
	struct bw_pairs *tags;
	void *record;
};

#define TAGGED(kind_, type, load)                                                                            \
	do {                                                                                                 \
		struct type *r_ = BW_NEW(call->arena, struct type);                                          \
		TRY(load(call, arn, r_));                                                                    \
		*out = (struct tagged){&(kind_), elb_arn_name(call, &a), &r_->tags, r_};                     \
		return BW_OK;                                                                                \
	} while (0)

static enum bw_err tagged_load(struct bw_call *call, struct bw_str arn, struct tagged *out)
{
	struct elb_arn a;

	if (elb_arn_parse(call, arn, &a) != BW_OK)
		return elb_invalid(call, "'%.*s' is not a valid ARN", BW_FMT(arn));
	switch (a.kind) {
	case ELB_LOAD_BALANCER:
		TAGGED(elb_load_balancer_kind, elb_load_balancer, elb_load_balancer_load);
	case ELB_TARGET_GROUP:
		TAGGED(elb_target_group_kind, elb_target_group, elb_target_group_load);
	case ELB_LISTENER:
		TAGGED(elb_listener_kind, elb_listener, elb_listener_load);
	case ELB_RULE:
		TAGGED(elb_rule_kind, elb_rule, elb_rule_load);
	case ELB_TRUST_STORE:
		TAGGED(elb_trust_store_kind, elb_trust_store, elb_trust_store_load);
	}
	return BW_EINVAL;
}

static enum bw_err arns_check(struct bw_call *call, const struct elbv2_ResourceArns *arns)
{
	if (arns->n == 0)
		return elb_invalid(call, "A resource ARN must be specified");
	if (arns->n > 20)
		return elb_invalid(call, "A maximum of '20' resources can be specified");
	for (size_t i = 0; i < arns->n; i++)
		for (size_t j = 0; j < i; j++)
			if (bw_str_eq(arns->v[i], arns->v[j]))
				return elb_invalid(call, "Resource ARN '%.*s' was specified more than once",
				    BW_FMT(arns->v[i]));
	return BW_OK;
}

static enum bw_err add_resource(struct bw_call *call)
{
	const IN_elbv2_AddTags *in = call->in;

	return elb_arns_resource(call, in->ResourceArns.v, in->ResourceArns.n);
}

BW_OP(elbv2, AddTags, .effect = BW_WRITE, .resource = add_resource)
{
	struct tagged t;

	TRY(arns_check(call, &in->ResourceArns));
	for (size_t i = 0; i < in->ResourceArns.n; i++) {
		TRY(tagged_load(call, in->ResourceArns.v[i], &t));
		TRY(elb_tags_set(call, t.tags, &in->Tags));
		elb_save(call, t.kind, t.name, t.record);
	}
	return BW_OK;
}

static enum bw_err remove_resource(struct bw_call *call)
{
	const IN_elbv2_RemoveTags *in = call->in;

	return elb_arns_resource(call, in->ResourceArns.v, in->ResourceArns.n);
}

BW_OP(elbv2, RemoveTags, .effect = BW_WRITE, .resource = remove_resource)
{
	struct tagged t;

	TRY(arns_check(call, &in->ResourceArns));
	for (size_t i = 0; i < in->ResourceArns.n; i++) {
		TRY(tagged_load(call, in->ResourceArns.v[i], &t));
		for (size_t k = 0; k < in->TagKeys.n; k++)
			(void)bw_pairs_remove(t.tags, in->TagKeys.v[k]);
		elb_save(call, t.kind, t.name, t.record);
	}
	return BW_OK;
}

static void tags_to_shape(struct bw_call *call, const struct bw_pairs *tags, struct elbv2_TagList *out)
{
	*out = (struct elbv2_TagList){true, tags->n, BW_NEW_ARRAY(call->arena, struct elbv2_Tag, tags->n)};
	for (size_t i = 0; i < tags->n; i++)
		out->v[i] = (struct elbv2_Tag){tags->v[i].key, tags->v[i].value};
}

BW_OP(elbv2, DescribeTags, .effect = BW_READ)
{
	struct elbv2_TagDescriptions *d = &out->TagDescriptions;
	struct tagged t;

	TRY(arns_check(call, &in->ResourceArns));
	*d = (struct elbv2_TagDescriptions){
	    true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_TagDescription, in->ResourceArns.n)};
	for (size_t i = 0; i < in->ResourceArns.n; i++) {
		TRY(tagged_load(call, in->ResourceArns.v[i], &t));
		d->v[d->n].ResourceArn = in->ResourceArns.v[i];
		tags_to_shape(call, t.tags, &d->v[d->n++].Tags);
	}
	return BW_OK;
}
