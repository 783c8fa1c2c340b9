#include "svc/elbv2/elb.h"

/* What a call is about, for the decision: Service Authorization Reference, "Actions, resources, and condition
 * keys for AWS Elastic Load Balancing V2". */

static const struct {
	enum elb_arn_kind kind;
	const struct elb_kind *record;
	size_t size, tags_at;
} tagged[] = {
    {ELB_LOAD_BALANCER, &elb_load_balancer_kind, sizeof(struct elb_load_balancer),
        offsetof(struct elb_load_balancer, tags)},
    {ELB_TARGET_GROUP, &elb_target_group_kind, sizeof(struct elb_target_group),
        offsetof(struct elb_target_group, tags)},
    {ELB_LISTENER, &elb_listener_kind, sizeof(struct elb_listener), offsetof(struct elb_listener, tags)},
    {ELB_RULE, &elb_rule_kind, sizeof(struct elb_rule), offsetof(struct elb_rule, tags)},
    {ELB_TRUST_STORE, &elb_trust_store_kind, sizeof(struct elb_trust_store),
        offsetof(struct elb_trust_store, tags)},
};

/* Its tags; none when it is not there, which the handler will say. */
static enum bw_err tags_of(struct bw_call *call, struct bw_str arn, struct bw_pairs *tags)
{
	struct elb_arn a;
	enum bw_err e;
	void *record;

	*tags = (struct bw_pairs){0};
	if (elb_arn_parse(call, arn, &a) != BW_OK || !a.here)
		return BW_OK;
	for (size_t i = 0; i < BW_COUNT(tagged); i++)
		if (tagged[i].kind == a.kind) {
			record = bw_arena_alloc(call->arena, tagged[i].size);
			e = elb_load(call, tagged[i].record, elb_arn_name(call, &a), record);
			if (e == BW_OK)
				*tags = *(struct bw_pairs *)((char *)record + tagged[i].tags_at);
			return e == BW_ENOTFOUND ? BW_OK : e;
		}
	return BW_OK;
}

static enum bw_err state(struct bw_call *call, struct bw_str arn)
{
	struct bw_pairs tags;

	TRY(tags_of(call, arn, &tags));
	bw_call_resource(call, arn);
	bw_call_resource_tags(call, &tags, true);
	return BW_OK;
}

enum bw_err elb_arn_resource(struct bw_call *call)
{
	static const char *const members[] = {
	    "LoadBalancerArn", "TargetGroupArn", "ListenerArn", "RuleArn", "TrustStoreArn", "ResourceArn"};

	for (size_t i = 0; i < BW_COUNT(members); i++) {
		struct bw_str arn = bw_call_input(call, members[i]);

		if (bw_str_set(arn))
			return state(call, arn);
	}
	return BW_OK;
}

/* A further resource of the same action, with its own tags. */
static enum bw_err also(struct bw_call *call, struct bw_str arn)
{
	struct bw_pairs tags;
	struct bw_also *last;

	TRY(tags_of(call, arn, &tags));
	bw_call_also(call, bw_str_c(bw_at(call->model->action)), arn, BW_STR_NONE, BW_STR_NONE);
	last = call->also;
	while (last->next)
		last = last->next;
	last->alone = true;
	if (tags.n == 0)
		return BW_OK;
	{
		struct bw_context_key *keys = BW_NEW_ARRAY(call->arena, struct bw_context_key, 2 * tags.n);
		size_t n = 0;

		for (size_t i = 0; i < tags.n; i++) {
			keys[n++] = (struct bw_context_key){
			    .name =
			        bw_arena_printf(call->arena, "aws:ResourceTag/%.*s", BW_FMT(tags.v[i].key)),
			    .values = &tags.v[i].value,
			    .count = 1};
			keys[n++] = (struct bw_context_key){
			    .name = bw_arena_printf(
			        call->arena, "elasticloadbalancing:ResourceTag/%.*s", BW_FMT(tags.v[i].key)),
			    .values = &tags.v[i].value,
			    .count = 1};
		}
		last->keys = keys;
		last->key_count = n;
	}
	return BW_OK;
}

enum bw_err elb_arns_resource(struct bw_call *call, const struct bw_str *arns, size_t n)
{
	if (n == 0)
		return BW_OK;
	TRY(state(call, arns[0]));
	for (size_t i = 1; i < n; i++)
		TRY(also(call, arns[i]));
	return BW_OK;
}

static bool has_tags(const struct bw_call *call)
{
	const struct bw_member *tags = bw_member_find(bw_at(call->model->input), "Tags");

	return tags && ((const struct bw_any_list *)((const char *)call->in + tags->offset))->n > 0;
}

void elb_new_resource(struct bw_call *call, struct bw_str pattern)
{
	struct bw_str arn = bw_arena_printf(call->arena, "arn:aws:elasticloadbalancing:%.*s:%.*s:%.*s",
	    BW_FMT(call->region), BW_FMT(call->account), BW_FMT(pattern));

	bw_call_resource(call, arn);
	if (has_tags(call))
		bw_call_also(call, BW_STR("elasticloadbalancing:AddTags"), arn,
		    BW_STR("elasticloadbalancing:CreateAction"), bw_str_c(bw_at(call->model->name)));
}

enum bw_err elb_listener_keys(struct bw_call *call)
{
	bw_call_context(
	    call, BW_STR("elasticloadbalancing:ListenerProtocol"), bw_call_input(call, "Protocol"));
	bw_call_context(
	    call, BW_STR("elasticloadbalancing:SecurityPolicy"), bw_call_input(call, "SslPolicy"));
	return BW_OK;
}
