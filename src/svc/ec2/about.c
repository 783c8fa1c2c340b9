/* What a call is about, and the condition keys that say more of it (Service Authorization Reference,
 * "Actions, resources, and condition keys for Amazon EC2"). */
#include "svc/ec2/ec2.h"

/* Keys are gathered beside the call, because those of one resource say nothing of another. */
struct keys {
	struct bw_call *call;
	struct bw_context_key *v;
	size_t n, room;
};

static void key_list(struct keys *k, struct bw_str name, const struct bw_str *values, size_t n, bool multi)
{
	if (k->n == k->room) {
		size_t room = k->room ? k->room * 2 : 16;
		struct bw_context_key *more = BW_NEW_ARRAY(k->call->arena, struct bw_context_key, room);

		if (k->n)
			memcpy(more, k->v, k->n * sizeof *more);
		k->v = more;
		k->room = room;
	}
	k->v[k->n++] = (struct bw_context_key){.name = name, .values = values, .count = n, .multi = multi};
}

static void key_add(struct keys *k, struct bw_str name, struct bw_str value)
{
	struct bw_str *one;

	if (!bw_str_set(value))
		return;
	one = BW_NEW(k->call->arena, struct bw_str);
	*one = value;
	key_list(k, name, one, 1, false);
}

static void keys_common(struct keys *k, struct bw_str vpc)
{
	key_add(k, BW_STR("ec2:Region"), k->call->region);
	if (vpc.n)
		key_add(k, BW_STR("ec2:Vpc"), ec2_arn(k->call, &ec2_vpc, vpc));
}

static bool stated(const struct bw_call *call, struct bw_str action, struct bw_str arn)
{
	if (bw_str_eq(call->resource, arn) && bw_str_eq(action, bw_str_c(bw_at(call->model->action))))
		return true;
	for (const struct bw_also *a = call->also; a; a = a->next)
		if (bw_str_eq(a->resource, arn) && bw_str_eq(a->action, action))
			return true;
	return false;
}

static void state_also(struct keys *k, struct bw_str action, struct bw_str arn)
{
	struct bw_call *call = k->call;
	struct bw_also *also = BW_NEW(call->arena, struct bw_also), **at = &call->also;
	struct bw_context_key *keys = BW_NEW_ARRAY(call->arena, struct bw_context_key, k->n);

	if (k->n)
		memcpy(keys, k->v, k->n * sizeof *keys);
	*also = (struct bw_also){
	    .action = action, .resource = arn, .keys = keys, .key_count = k->n, .alone = true};
	while (*at)
		at = &(*at)->next;
	*at = also;
}

static void state(struct keys *k, struct bw_str action, struct bw_str arn)
{
	struct bw_call *call = k->call;

	if (stated(call, action, arn))
		return;
	if (bw_str_set(call->resource)) {
		state_also(k, action, arn);
		return;
	}
	bw_call_resource(call, arn);
	for (size_t i = 0; i < k->n; i++) {
		bw_call_context_list(call, k->v[i].name, k->v[i].values, k->v[i].count);
		call->keys[call->key_count - 1].multi = k->v[i].multi;
	}
}

static void keys_tags(struct keys *k, const struct bw_pairs *tags)
{
	struct bw_arena *a = k->call->arena;

	for (size_t i = 0; i < tags->n; i++) {
		key_add(
		    k, bw_arena_printf(a, "aws:ResourceTag/%.*s", BW_FMT(tags->v[i].key)), tags->v[i].value);
		key_add(
		    k, bw_arena_printf(a, "ec2:ResourceTag/%.*s", BW_FMT(tags->v[i].key)), tags->v[i].value);
	}
}

void ec2_about(struct bw_call *call, const struct ec2_kind *kind, struct bw_str id, struct bw_str vpc)
{
	struct keys k = {.call = call};
	struct bw_pairs tags = {0};

	if (!bw_str_set(id))
		return;
	keys_common(&k, vpc);
	if (kind->id_key)
		key_add(&k, bw_str_c(kind->id_key), id);
	if (id.n <= 32 && ec2_tags_load(call, id, &tags) == BW_OK)
		keys_tags(&k, &tags);
	state(&k, bw_str_c(bw_at(call->model->action)), ec2_arn(call, kind, id));
}

static void keys_request_tags(struct keys *k, const struct ec2_TagList *tags)
{
	struct bw_arena *a = k->call->arena;
	struct bw_str *names = BW_NEW_ARRAY(a, struct bw_str, tags->n);

	for (size_t i = 0; i < tags->n; i++) {
		names[i] = tags->v[i].Key;
		key_add(k, bw_arena_printf(a, "aws:RequestTag/%.*s", BW_FMT(names[i])),
		    bw_str_set(tags->v[i].Value) ? tags->v[i].Value : BW_STR(""));
	}
	if (tags->n)
		key_list(k, BW_STR("aws:TagKeys"), names, tags->n, true);
}

void ec2_about_new(struct bw_call *call, const struct ec2_kind *kind,
    const struct ec2_TagSpecificationList *specs, struct bw_str vpc)
{
	struct keys k = {.call = call};
	struct bw_str arn = ec2_arn(call, kind, BW_STR("*"));
	bool tagged = false;

	keys_common(&k, vpc);
	for (size_t i = 0; i < specs->n; i++)
		if (bw_str_eq(specs->v[i].ResourceType, bw_str_c(kind->type))) {
			keys_request_tags(&k, &specs->v[i].Tags);
			tagged = tagged || specs->v[i].Tags.n;
		}
	if (kind != &ec2_rule) /* a rule is made by whoever may change its group */
		state(&k, bw_str_c(bw_at(call->model->action)), arn);
	key_add(&k, BW_STR("ec2:CreateAction"), bw_str_c(bw_at(call->model->name)));
	if (tagged)
		state(&k, BW_STR("ec2:CreateTags"), arn);
}

/* Where the kinds' records keep their VPC. */
static const struct {
	const struct ec2_kind *kind;
	size_t vpc;
} placed[] = {
    {&ec2_subnet, offsetof(struct bw_subnet, vpc)},
    {&ec2_group, offsetof(struct bw_security_group, vpc)},
    {&ec2_interface, offsetof(struct bw_network_interface, vpc)},
};

static struct bw_str vpc_of(struct bw_call *call, const struct ec2_kind *kind, struct bw_str id)
{
	struct bw_network n = bw_network_of(call);

	for (size_t i = 0; i < BW_COUNT(placed); i++) {
		char *room;

		if (placed[i].kind != kind)
			continue;
		room = bw_arena_alloc(call->arena, kind->record->size);
		if (bw_network_load(&n, kind->record, id, room) == BW_OK)
			return *(const struct bw_str *)(room + placed[i].vpc);
	}
	return BW_STR_NONE;
}

void ec2_about_id(struct bw_call *call, struct bw_str id)
{
	const struct ec2_kind *kind = ec2_kind_of(id);

	if (kind)
		ec2_about(call, kind, id, vpc_of(call, kind, id));
}
