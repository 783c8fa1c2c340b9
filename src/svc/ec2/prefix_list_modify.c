#include "svc/ec2/group.h"
#include "svc/ec2/prefix_list.h"

#include "codec/cidr.h"

/* Older versions are kept as AWS keeps them, up to a number that a delete can still take along. */
enum { VERSIONS_MAX = 1000 };

static enum bw_err entries_remove(
    struct bw_call *call, struct bw_prefix_list *l, const struct ec2_RemovePrefixListEntries *given)
{
	struct bw_pairs kept = {l->entries.n, BW_NEW_ARRAY(call->arena, struct bw_pair, l->entries.n)};

	if (kept.n)
		memcpy(kept.v, l->entries.v, kept.n * sizeof *kept.v);
	for (size_t i = 0; i < given->n; i++) {
		struct bw_cidr c;

		if (bw_cidr_parse(given->v[i].Cidr, &c) != BW_OK || (bw_cidr_mask(&c), false) ||
		    !bw_pairs_remove(&kept, bw_cidr_text(call->arena, &c)))
			return bw_call_fail(call, "InvalidParameterValue",
			    "The prefix list '%.*s' has no entry '%.*s'.", BW_FMT(l->id),
			    BW_FMT(given->v[i].Cidr));
	}
	l->entries = kept;
	return BW_OK;
}

static enum bw_err version_check(
    struct bw_call *call, const struct ec2_ModifyManagedPrefixListRequest *in, const struct bw_prefix_list *l)
{
	bool entries = in->AddEntries.n || in->RemoveEntries.n;

	if (entries && in->MaxEntries.set)
		return bw_call_fail(call, "InvalidParameterCombination", "%s",
		    "You cannot modify the entries of a prefix list and its maximum number of entries at the "
		    "same time.");
	if (entries && !in->CurrentVersion.set)
		return bw_call_fail(
		    call, "MissingParameter", "%s", "The request must contain the parameter CurrentVersion");
	if (in->CurrentVersion.set && in->CurrentVersion.v != l->version)
		return bw_call_fail(call, "PrefixListVersionMismatch", "%s",
		    "The prefix list has the incorrect version number");
	if (entries && l->version >= VERSIONS_MAX)
		return bw_call_fail(call, "PrefixListVersionLimitExceeded",
		    "A prefix list has at most %d versions.", VERSIONS_MAX);
	return BW_OK;
}

static enum bw_err size_modify(struct bw_call *call, struct bw_prefix_list *l, int64_t max)
{
	if (max < 1 || max < (int64_t)l->entries.n)
		return bw_call_fail(call, "InvalidParameterValue",
		    "MaxEntries must be at least 1 and not below the number of entries (%zu).", l->entries.n);
	TRY(ec2_prefix_size_check(call, max));
	l->max_entries = max;
	/* Rules that name it count all the entries that it may have. */
	return ec2_groups_fit(call, l);
}

EC2_OP(ModifyManagedPrefixList, .effect = BW_WRITE, .resource = ec2_prefix_list_resource)
{
	struct ec2_prefix_version before;
	struct bw_prefix_list l;
	int64_t version;

	TRY(ec2_load(call, &ec2_prefix_list, in->PrefixListId, &l));
	version = l.version;
	TRY(version_check(call, in, &l));
	before.entries = l.entries;
	if (in->MaxEntries.set)
		TRY(size_modify(call, &l, in->MaxEntries.v));
	if (in->PrefixListName.n > 255)
		return bw_call_fail(
		    call, "InvalidParameterValue", "%s", "A prefix list name has at most 255 characters.");
	if (in->PrefixListName.n)
		l.name = in->PrefixListName;
	if (in->AddEntries.n || in->RemoveEntries.n) {
		TRY(entries_remove(call, &l, &in->RemoveEntries));
		TRY(ec2_prefix_entries_add(call, &l, in->AddEntries.v, in->AddEntries.n));
		bw_call_save(
		    call, &ec2_prefix_version_record, ec2_prefix_version_key(call, l.id, l.version), &before);
		l.version++;
	}
	l.state = BW_STR("modify-complete");
	bw_network_save(call, &bw_prefix_list_record, &l);
	out->PrefixList = BW_NEW(call->arena, struct ec2_ManagedPrefixList);
	TRY(ec2_prefix_list_shape(call, &l, out->PrefixList));
	/* The answer is of what is being modified: the next version is there when it is next asked for. */
	out->PrefixList->State = BW_STR("modify-in-progress");
	out->PrefixList->Version = BW_INT(version);
	return BW_OK;
}

/* ---- Reading ---- */

static const struct ec2_filter_row list_filters[] = {
    EC2_FILTER_OWNER("owner-id"),
    EC2_FILTER_STR("prefix-list-id", struct bw_prefix_list, id),
    EC2_FILTER_STR("prefix-list-name", struct bw_prefix_list, name),
};
static const struct ec2_listing list_listing = {
    &ec2_prefix_list, sizeof(struct bw_prefix_list), list_filters, BW_COUNT(list_filters)};

EC2_OP(DescribeManagedPrefixLists, .effect = BW_READ)
{
	struct ec2_page page;

	TRY(ec2_select_stored(
	    call, &list_listing, &in->PrefixListIds, &in->Filters, in->NextToken, in->MaxResults, &page));
	out->PrefixLists = (struct ec2_ManagedPrefixListSet){
	    true, page.n, BW_NEW_ARRAY(call->arena, struct ec2_ManagedPrefixList, page.n)};
	for (size_t i = 0; i < page.n; i++)
		TRY(ec2_prefix_list_shape(call, page.items[i], &out->PrefixLists.v[i]));
	out->NextToken = page.next_token;
	return BW_OK;
}

/* AWS's own lists alone, of which there are none. */
EC2_OP(DescribePrefixLists, .effect = BW_READ)
{
	struct ec2_page page;

	TRY(ec2_select(call, &list_listing, NULL, 0, &in->PrefixListIds, &in->Filters, in->NextToken,
	    in->MaxResults, &page));
	out->PrefixLists.set = true;
	return BW_OK;
}

/* An entry as the list of a page. */
struct entry_item {
	struct bw_str id;
	const struct bw_pair *pair;
};

static const struct ec2_listing entry_listing = {NULL, sizeof(struct entry_item), NULL, 0};

static enum bw_err entries_of(
    struct bw_call *call, const struct bw_prefix_list *l, struct bw_opt_int version, struct bw_pairs *out)
{
	struct ec2_prefix_version old;
	enum bw_err e;

	*out = l->entries;
	if (!version.set || version.v == l->version)
		return BW_OK;
	e = bw_call_load(
	    call, &ec2_prefix_version_record, ec2_prefix_version_key(call, l->id, version.v), &old);
	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "InvalidPrefixListVersion",
		    "The prefix list '%.*s' has no version %lld.", BW_FMT(l->id), (long long)version.v);
	*out = old.entries;
	return e;
}

EC2_OP(GetManagedPrefixListEntries, .effect = BW_READ, .resource = ec2_prefix_list_resource)
{
	const struct ec2_FilterList none = {0};
	struct bw_prefix_list l;
	struct entry_item *items;
	struct bw_pairs entries;
	struct ec2_page page;

	TRY(ec2_load(call, &ec2_prefix_list, in->PrefixListId, &l));
	TRY(entries_of(call, &l, in->TargetVersion, &entries));
	items = BW_NEW_ARRAY(call->arena, struct entry_item, entries.n);
	/* In the order of their making: their place is what they are told apart by. */
	for (size_t i = 0; i < entries.n; i++)
		items[i] = (struct entry_item){bw_arena_printf(call->arena, "%08zu", i), &entries.v[i]};
	TRY(ec2_select(
	    call, &entry_listing, items, entries.n, NULL, &none, in->NextToken, in->MaxResults, &page));
	out->Entries = (struct ec2_PrefixListEntrySet){
	    true, page.n, BW_NEW_ARRAY(call->arena, struct ec2_PrefixListEntry, page.n)};
	for (size_t i = 0; i < page.n; i++) {
		const struct bw_pair *p = ((const struct entry_item *)page.items[i])->pair;

		out->Entries.v[i] = (struct ec2_PrefixListEntry){
		    .Cidr = p->key, .Description = p->value.n ? p->value : BW_STR_NONE};
	}
	out->NextToken = page.next_token;
	return BW_OK;
}
