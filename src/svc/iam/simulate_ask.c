#include "codec/base64.h"
#include "codec/cidr.h"
#include "codec/time.h"
#include "svc/iam/simulate.h"

/* ---- Actions and resources ---- */

enum bw_err iam_sim_actions_check(struct bw_call *call, const struct iam_ActionNameListType *actions)
{
	for (size_t i = 0; i < actions->n; i++) {
		struct bw_str name = actions->v[i], service = bw_str_cut(&name, ':');

		if (!service.n || !name.n || bw_str_find(name, ':', 0) >= 0 ||
		    bw_str_find(actions->v[i], '*', 0) >= 0 || bw_str_find(actions->v[i], '?', 0) >= 0)
			return bw_call_fail(call, "InvalidInput",
			    "ActionNames are not in a valid format: %.*s.", BW_FMT(actions->v[i]));
	}
	return BW_OK;
}

/* IAM API Reference, SimulateCustomPolicy, ResourceHandlingOption: what must be among the resources. */
static const struct {
	const char *option;
	const char *kinds[7];
} handlings[] = {
    {"EC2-Classic-InstanceStore", {"instance/", "image/", "security-group/"}},
    {"EC2-Classic-EBS", {"instance/", "image/", "security-group/", "volume/"}},
    {"EC2-VPC-InstanceStore", {"instance/", "image/", "security-group/", "network-interface/"}},
    {"EC2-VPC-InstanceStore-Subnet",
        {"instance/", "image/", "security-group/", "network-interface/", "subnet/"}},
    {"EC2-VPC-EBS", {"instance/", "image/", "security-group/", "network-interface/", "volume/"}},
    {"EC2-VPC-EBS-Subnet",
        {"instance/", "image/", "security-group/", "network-interface/", "subnet/", "volume/"}},
};

static bool has_kind(const struct iam_ResourceNameListType *resources, struct bw_str kind)
{
	struct bw_arn arn;

	for (size_t i = 0; i < resources->n; i++)
		if (bw_arn_parse(resources->v[i], &arn) == BW_OK && bw_str_eq(arn.service, BW_STR("ec2")) &&
		    bw_str_starts(arn.resource, kind))
			return true;
	return false;
}

static enum bw_err handling_check(
    struct bw_call *call, const struct iam_ResourceNameListType *resources, struct bw_str handling)
{
	size_t i = 0;

	if (!bw_str_set(handling))
		return BW_OK;
	while (i < BW_COUNT(handlings) && !bw_str_eq(handling, bw_str_c(handlings[i].option)))
		i++;
	if (i == BW_COUNT(handlings))
		return bw_call_fail(call, "InvalidInput", "'%.*s' is not a valid Resource Handling Option.",
		    BW_FMT(handling));
	for (size_t j = 0; handlings[i].kinds[j]; j++) {
		struct bw_str kind = bw_str_c(handlings[i].kinds[j]);

		if (!has_kind(resources, kind))
			return bw_call_fail(call, "InvalidInput",
			    "Resource Handling Option %.*s requires a resource of type %.*s.",
			    BW_FMT(handling), (int)kind.n - 1, kind.p);
	}
	return BW_OK;
}

enum bw_err iam_sim_resources_check(
    struct bw_call *call, const struct iam_ResourceNameListType *resources, struct bw_str handling)
{
	struct bw_arn arn;

	for (size_t i = 0; i < resources->n; i++)
		if (!bw_str_eq(resources->v[i], BW_STR("*")) && bw_arn_parse(resources->v[i], &arn) != BW_OK)
			return bw_call_fail(call, "InvalidInput",
			    "ResourceNames are not in a valid ARN format: %.*s.", BW_FMT(resources->v[i]));
	return handling_check(call, resources, handling);
}

/* ---- Context ---- */

static bool is_text(struct bw_call *call, struct bw_str *value)
{
	(void)call;
	(void)value;
	return true;
}

static bool is_number(struct bw_call *call, struct bw_str *value)
{
	size_t digits = 0, points = 0, i = value->n && (value->p[0] == '-' || value->p[0] == '+');

	(void)call;
	for (; i < value->n; i++) {
		digits += value->p[i] >= '0' && value->p[i] <= '9';
		points += value->p[i] == '.';
		if (value->p[i] != '.' && (value->p[i] < '0' || value->p[i] > '9'))
			return false;
	}
	return digits > 0 && points < 2;
}

static bool is_truth(struct bw_call *call, struct bw_str *value)
{
	(void)call;
	return bw_str_eq_nocase(*value, BW_STR("true")) || bw_str_eq_nocase(*value, BW_STR("false"));
}

static bool is_address(struct bw_call *call, struct bw_str *value)
{
	struct bw_cidr c;

	(void)call;
	return bw_cidr_address(*value, &c) == BW_OK || bw_cidr_parse(*value, &c) == BW_OK;
}

static bool is_date(struct bw_call *call, struct bw_str *value)
{
	int64_t ms;

	(void)call;
	return bw_time_parse_iso8601(*value, &ms) == BW_OK || bw_time_parse_epoch(*value, &ms) == BW_OK;
}

/* Policies hold binary values in Base64, requests their bytes. */
static bool is_binary(struct bw_call *call, struct bw_str *value)
{
	return bw_base64_decode(*value, call->arena, value) == BW_OK;
}

static const struct {
	const char *name;
	bool (*is)(struct bw_call *call, struct bw_str *value);
} types[] = {
    {"string", is_text},
    {"numeric", is_number},
    {"boolean", is_truth},
    {"ip", is_address},
    {"binary", is_binary},
    {"date", is_date},
};

static struct bw_context_key *key_find(struct iam_sim *s, struct bw_str name)
{
	for (size_t i = 0; i < s->key_count; i++)
		if (bw_str_eq_nocase(s->keys[i].name, name))
			return &s->keys[i];
	return NULL;
}

static void key_add(struct iam_sim *s, const struct bw_context_key *key)
{
	if (s->key_count == s->key_room) {
		size_t room = s->key_room ? 2 * s->key_room : 16;
		struct bw_context_key *keys = BW_NEW_ARRAY(s->call->arena, struct bw_context_key, room);

		if (s->key_count)
			memcpy(keys, s->keys, s->key_count * sizeof *keys);
		s->keys = keys;
		s->key_room = room;
	}
	s->keys[s->key_count++] = *key;
	s->request.context = s->keys;
	s->request.context_count = s->key_count;
}

void iam_sim_fill(struct iam_sim *s, const char *name, struct bw_str value)
{
	struct bw_str *one = BW_NEW(s->call->arena, struct bw_str);

	if (!bw_str_set(value) || key_find(s, bw_str_c(name)))
		return;
	*one = value;
	key_add(s, &(struct bw_context_key){.name = bw_str_c(name), .values = one, .count = 1});
}

static enum bw_err entry_take(struct iam_sim *s, const struct iam_ContextEntry *entry)
{
	struct bw_call *call = s->call;
	struct bw_context_key key = {.name = entry->ContextKeyName, .count = entry->ContextKeyValues.n};
	struct bw_str type = entry->ContextKeyType,
	              *values = BW_NEW_ARRAY(call->arena, struct bw_str, key.count + 1);
	size_t at = 0;

	key.multi = bw_str_ends(type, BW_STR("List"));
	type = bw_str_sub(type, 0, type.n - (key.multi ? 4 : 0));
	while (at < BW_COUNT(types) && !bw_str_eq(type, bw_str_c(types[at].name)))
		at++;
	if (at == BW_COUNT(types) || !bw_str_set(key.name))
		return bw_call_fail(
		    call, "InvalidInput", "Context entries need ContextKeyName and ContextKeyType.");
	if (key_find(s, key.name))
		return bw_call_fail(
		    call, "InvalidInput", "Context key %.*s is given more than once.", BW_FMT(key.name));
	if (!key.multi && key.count != 1)
		return bw_call_fail(call, "InvalidInput",
		    "Context key %.*s of type %.*s must have one value.", BW_FMT(key.name), BW_FMT(type));
	for (size_t i = 0; i < key.count; i++) {
		values[i] = entry->ContextKeyValues.v[i];
		if (!types[at].is(call, &values[i]))
			return bw_call_fail(call, "InvalidInput",
			    "Value %.*s of context key %.*s is not of type %.*s.",
			    BW_FMT(entry->ContextKeyValues.v[i]), BW_FMT(key.name), BW_FMT(type));
	}
	key.values = values;
	key_add(s, &key);
	return BW_OK;
}

enum bw_err iam_sim_context(struct iam_sim *s, const struct iam_ContextEntryListType *entries)
{
	for (size_t i = 0; i < entries->n; i++)
		TRY(entry_take(s, &entries->v[i]));
	return BW_OK;
}

/* ---- Missing context ---- */

static void missing_add(void *ctx, struct bw_str name)
{
	struct iam_sim *s = ctx;

	if (key_find(s, name))
		return;
	for (size_t i = 0; i < s->missing.n; i++)
		if (bw_str_eq_nocase(s->missing.v[i], name))
			return;
	bw_strs_add(&s->missing, s->call->arena, bw_arena_str(s->call->arena, name));
}

static void missing_of(struct iam_sim *s, const struct iam_sim_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		bw_policy_context_keys(list->refs[i].policy, missing_add, s);
}

void iam_sim_missing_find(struct iam_sim *s)
{
	missing_of(s, &s->identity);
	missing_of(s, &s->boundary);
	missing_of(s, &s->resource);
}

/* ---- Who asks, whose it is ---- */

enum bw_err iam_sim_caller(struct iam_sim *s, struct bw_str caller_arn)
{
	struct bw_str name;
	struct bw_arn arn;

	if (bw_arn_parse(caller_arn, &arn) != BW_OK || !bw_str_eq(arn.service, BW_STR("iam")) ||
	    arn.account.n != 12 || !bw_str_starts(arn.resource, BW_STR("user/")))
		return bw_call_fail(
		    s->call, "InvalidInput", "Invalid caller - Caller must be an IAM user in this context.");
	s->known = true;
	s->request.principal_kind = BW_PRINCIPAL_USER;
	s->request.principal_arn = caller_arn;
	s->request.principal_account = arn.account;
	name = arn.resource;
	for (ptrdiff_t at; (at = bw_str_find(name, '/', 0)) >= 0;)
		name = bw_str_sub(name, (size_t)at + 1, name.n);
	iam_sim_fill(s, "aws:PrincipalArn", caller_arn);
	iam_sim_fill(s, "aws:PrincipalAccount", arn.account);
	iam_sim_fill(s, "aws:PrincipalType", BW_STR("User"));
	iam_sim_fill(s, "aws:username", name);
	return BW_OK;
}

enum bw_err iam_sim_owner(struct iam_sim *s, struct bw_str owner_arn)
{
	struct bw_arn arn;

	if (!bw_str_set(owner_arn))
		return BW_OK;
	if (bw_arn_parse(owner_arn, &arn) != BW_OK || !bw_str_eq(arn.service, BW_STR("iam")) ||
	    arn.account.n != 12 || !bw_str_eq(arn.resource, BW_STR("root")))
		return bw_call_fail(
		    s->call, "InvalidInput", "'%.*s' is not a valid as a Resource Owner.", BW_FMT(owner_arn));
	s->owner_account = arn.account;
	return BW_OK;
}
