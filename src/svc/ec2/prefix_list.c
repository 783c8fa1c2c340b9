/* Customer-managed prefix lists (VPC User Guide, "Consolidate and manage network CIDR blocks with managed
 * prefix lists"). AWS's own lists name addresses of services that are not here: there are none. */
#include "svc/ec2/prefix_list.h"

#include "codec/cidr.h"

enum { NAME_MAX_BYTES = 255, DESCRIPTION_MAX = 255 };

static const struct bw_field version_fields[] = {BW_FIELD(1, PAIRS, struct ec2_prefix_version, entries)};
const struct bw_record ec2_prefix_version_record =
    BW_RECORD("prefix-list-version", struct ec2_prefix_version, version_fields);

struct bw_str ec2_prefix_version_key(struct bw_call *call, struct bw_str list, int64_t version)
{
	return bw_call_key(call, "prefix-list-version",
	    bw_arena_printf(call->arena, "%.*s/%lld", BW_FMT(list), (long long)version));
}

enum bw_err ec2_prefix_list_shape(
    struct bw_call *call, const struct bw_prefix_list *l, struct ec2_ManagedPrefixList *out)
{
	*out = (struct ec2_ManagedPrefixList){
	    .PrefixListId = l->id,
	    .AddressFamily = l->family,
	    .State = l->state,
	    .PrefixListArn = ec2_arn(call, &ec2_prefix_list, l->id),
	    .PrefixListName = l->name,
	    .MaxEntries = BW_INT(l->max_entries),
	    .Version = BW_INT(l->version),
	    .OwnerId = call->account,
	};
	TRY(ec2_tags_shape(call, l->id, &out->Tags));
	out->Tags.set = true;
	return BW_OK;
}

/* ---- Entries ---- */

static enum bw_err entry_parse(struct bw_call *call, const struct bw_prefix_list *l,
    const struct ec2_AddPrefixListEntry *in, struct bw_str *network)
{
	struct bw_cidr c;

	if (bw_cidr_parse(in->Cidr, &c) != BW_OK || c.v6 != bw_str_eq(l->family, BW_STR("IPv6")))
		return bw_call_fail(call, "InvalidParameterValue",
		    "The CIDR '%.*s' is not a valid %.*s CIDR block.", BW_FMT(in->Cidr), BW_FMT(l->family));
	if (in->Description.n > DESCRIPTION_MAX)
		return bw_call_fail(
		    call, "InvalidParameterValue", "%s", "A description has at most 255 characters.");
	(void)bw_cidr_mask(&c);
	*network = bw_cidr_text(call->arena, &c);
	return BW_OK;
}

static enum bw_err full(struct bw_call *call, const struct bw_prefix_list *l)
{
	return bw_call_fail(call, "PrefixListMaxEntriesExceeded",
	    "You've reached the maximum number of entries (%lld) for the prefix list.",
	    (long long)l->max_entries);
}

enum bw_err ec2_prefix_entries_add(
    struct bw_call *call, struct bw_prefix_list *l, const struct ec2_AddPrefixListEntry *given, size_t n)
{
	struct bw_pairs all = {l->entries.n, BW_NEW_ARRAY(call->arena, struct bw_pair, l->entries.n + n)};

	/* Each is compared with those before it. */
	if ((int64_t)n > l->max_entries)
		return full(call, l);
	if (l->entries.n)
		memcpy(all.v, l->entries.v, l->entries.n * sizeof *all.v);
	for (size_t i = 0; i < n; i++) {
		struct bw_str network;
		struct bw_pair *old;

		TRY(entry_parse(call, l, &given[i], &network));
		old = bw_pairs_find(&all, network);
		/* An entry that is there takes the new description; twice in one call is a mistake. */
		if (old && old >= all.v + l->entries.n)
			return bw_call_fail(call, "InvalidParameterValue",
			    "The CIDR '%.*s' is specified more than once.", BW_FMT(network));
		if (old)
			old->value = bw_str_set(given[i].Description) ? given[i].Description : BW_STR("");
		else
			all.v[all.n++] = (struct bw_pair){
			    network, bw_str_set(given[i].Description) ? given[i].Description : BW_STR("")};
	}
	l->entries = all;
	return (int64_t)all.n > l->max_entries ? full(call, l) : BW_OK;
}

/* ---- Creating ---- */

static enum bw_err create_resource(struct bw_call *call)
{
	ec2_about_new(call, &ec2_prefix_list,
	    &((const struct ec2_CreateManagedPrefixListRequest *)call->in)->TagSpecifications, BW_STR_NONE);
	return BW_OK;
}

enum bw_err ec2_prefix_size_check(struct bw_call *call, int64_t max)
{
	return bw_call_within(
	    call, &ec2_prefix_entries_quota, max > EC2_PREFIX_ENTRIES_MAX ? SIZE_MAX >> 1 : (size_t)max);
}

static enum bw_err input_check(struct bw_call *call, const struct ec2_CreateManagedPrefixListRequest *in)
{
	if (!in->PrefixListName.n || in->PrefixListName.n > NAME_MAX_BYTES ||
	    bw_str_starts_nocase(in->PrefixListName, BW_STR("com.amazonaws")))
		return bw_call_fail(call, "InvalidParameterValue",
		    "The prefix list name '%.*s' is invalid: it has at most 255 characters and does not "
		    "begin with "
		    "com.amazonaws.",
		    BW_FMT(in->PrefixListName));
	if (!bw_str_eq(in->AddressFamily, BW_STR("IPv4")) && !bw_str_eq(in->AddressFamily, BW_STR("IPv6")))
		return bw_call_fail(call, "InvalidParameterValue",
		    "The address family '%.*s' is invalid: IPv4 or IPv6.", BW_FMT(in->AddressFamily));
	if (in->MaxEntries.v < 1)
		return bw_call_fail(call, "InvalidParameterValue", "%s", "MaxEntries must be at least 1.");
	TRY(ec2_prefix_size_check(call, in->MaxEntries.v));
	return in->ClientToken.n <= 255 ? BW_OK
	                                : bw_call_fail(call, "InvalidParameterValue", "%s",
	                                      "A client token has at most 255 characters.");
}

static enum bw_err token_look(struct bw_call *call, const struct ec2_CreateManagedPrefixListRequest *in,
    struct bw_prefix_list *made, bool *found)
{
	struct bw_network n = bw_network_of(call);
	struct bw_prefix_list *all;
	size_t count;

	*found = false;
	TRY(bw_network_all(&n, &bw_prefix_list_record, &all, &count));
	for (size_t i = 0; in->ClientToken.n && i < count && !*found; i++)
		if (bw_str_eq(all[i].token, in->ClientToken)) {
			*made = all[i];
			*found = true;
		}
	if (*found &&
	    (!bw_str_eq(made->name, in->PrefixListName) || !bw_str_eq(made->family, in->AddressFamily)))
		return bw_call_fail(call, "IdempotentParameterMismatch", "%s",
		    "The client token was used before with other parameters.");
	return *found ? BW_OK : bw_call_within(call, &ec2_prefix_lists_quota, count + 1);
}

EC2_OP(CreateManagedPrefixList, .effect = BW_WRITE, .resource = create_resource)
{
	struct bw_prefix_list l = {.name = in->PrefixListName,
	    .family = in->AddressFamily,
	    .max_entries = in->MaxEntries.v,
	    .version = 1,
	    .state = BW_STR("create-complete"),
	    .token = in->ClientToken};
	bool found;

	TRY(input_check(call, in));
	TRY(token_look(call, in, &l, &found));
	out->PrefixList = BW_NEW(call->arena, struct ec2_ManagedPrefixList);
	if (found)
		return ec2_prefix_list_shape(call, &l, out->PrefixList);
	TRY(ec2_prefix_entries_add(call, &l, in->Entries.v, in->Entries.n));
	l.id = bw_network_id(call->arena, "pl");
	bw_network_save(call, &bw_prefix_list_record, &l);
	TRY(ec2_prefix_list_shape(call, &l, out->PrefixList));
	out->PrefixList->State = BW_STR("create-in-progress");
	TRY(ec2_tags_new(call, &ec2_prefix_list, l.id, &in->TagSpecifications, &out->PrefixList->Tags));
	out->PrefixList->Tags.set = true;
	return BW_OK;
}

/* ---- Deleting ---- */

enum bw_err ec2_prefix_list_resource(struct bw_call *call)
{
	ec2_about_id(call, bw_call_input(call, "PrefixListId"));
	return BW_OK;
}

static void versions_delete(struct bw_call *call, const struct bw_prefix_list *l)
{
	for (int64_t v = 1; v < l->version; v++)
		if (bw_call_exists(call, ec2_prefix_version_key(call, l->id, v)))
			bw_call_delete(call, ec2_prefix_version_key(call, l->id, v));
}

EC2_OP(DeleteManagedPrefixList, .effect = BW_WRITE, .resource = ec2_prefix_list_resource)
{
	struct bw_network n = bw_network_of(call);
	struct bw_prefix_list l;

	TRY(ec2_load(call, &ec2_prefix_list, in->PrefixListId, &l));
	if (bw_call_count_under(call, bw_network_index(&n, "reference", l.id, BW_STR_NONE), SIZE_MAX))
		return bw_call_fail(call, "DependencyViolation",
		    "The prefix list '%.*s' has dependencies and cannot be deleted.", BW_FMT(l.id));
	versions_delete(call, &l);
	bw_network_delete(call, &bw_prefix_list_record, l.id);
	out->PrefixList = BW_NEW(call->arena, struct ec2_ManagedPrefixList);
	TRY(ec2_prefix_list_shape(call, &l, out->PrefixList));
	out->PrefixList->State = BW_STR("delete-in-progress");
	return BW_OK;
}
