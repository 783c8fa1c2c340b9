/* What the files of prefix lists share. */
#pragma once

#include "svc/ec2/ec2.h"

/* Whatever the quota: a record has room for them. */
enum { EC2_PREFIX_ENTRIES_MAX = 2500 };

/* Refuses a size above the quota. */
BW_CHECKED enum bw_err ec2_prefix_size_check(struct bw_call *call, int64_t max_entries);

/* The entries of an older version, beside the list's own: "prefix-list-version/LIST/VERSION". */
struct ec2_prefix_version {
	struct bw_pairs entries;
};
extern const struct bw_record ec2_prefix_version_record;
struct bw_str ec2_prefix_version_key(struct bw_call *call, struct bw_str list, int64_t version);

BW_CHECKED enum bw_err ec2_prefix_list_shape(
    struct bw_call *call, const struct bw_prefix_list *l, struct ec2_ManagedPrefixList *out);
/* Adds entries to the list: networks of its family, none twice. */
BW_CHECKED enum bw_err ec2_prefix_entries_add(
    struct bw_call *call, struct bw_prefix_list *l, const struct ec2_AddPrefixListEntry *given, size_t n);
enum bw_err ec2_prefix_list_resource(struct bw_call *call);
