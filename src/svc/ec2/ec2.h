/* What the files of svc/ec2 share: kinds of resources and their errors, tags, filters, pages. */
#pragma once

#include "aws/gen/ec2.h"
#include "core/network.h"
#include "core/op.h"

/* An operation of EC2. With DryRun it does everything but keep it (EC2 API Reference, "Common query
 * parameters"). */
#define EC2_OP(Op, ...)                                                                                      \
	static enum bw_err Op##_do(struct bw_call *call, const IN_ec2_##Op *in, OUT_ec2_##Op *out);          \
	BW_OP(ec2, Op, __VA_ARGS__)                                                                          \
	{                                                                                                    \
		TRY(Op##_do(call, in, out));                                                                 \
		return ec2_dry(call);                                                                        \
	}                                                                                                    \
	static enum bw_err Op##_do(__attribute__((unused)) struct bw_call *call,                             \
	    __attribute__((unused)) const IN_ec2_##Op *in, __attribute__((unused)) OUT_ec2_##Op *out)

/* DryRunOperation when the call asks for a dry run. */
BW_CHECKED enum bw_err ec2_dry(struct bw_call *call);

/* ---- Kinds of resources ---- */

struct ec2_kind {
	const char *prefix;             /* of its ids: "vpc" */
	const char *type;               /* in ARNs and tags */
	const struct bw_record *record; /* NULL: stands in no record of its own */
	const char *malformed, *absent; /* error codes; malformed NULL: such an id is absent like any other */
	const char *noun;               /* in "The NOUN 'id' does not exist" */
	const char *id_key;             /* the condition key that is its id, or NULL */
};

extern const struct ec2_kind ec2_vpc, ec2_subnet, ec2_group, ec2_rule, ec2_interface, ec2_gateway,
    ec2_prefix_list, ec2_route_table, ec2_network_acl, ec2_dhcp_options;

/* By the prefix of an id; NULL when there is none with it. */
const struct ec2_kind *ec2_kind_of(struct bw_str id);
/* The kind's "malformed" error unless the id is PREFIX- and 8 or 17 hexadecimal digits. */
BW_CHECKED enum bw_err ec2_id_check(struct bw_call *call, const struct ec2_kind *k, struct bw_str id);
BW_CHECKED enum bw_err ec2_absent(struct bw_call *call, const struct ec2_kind *k, struct bw_str id);
/* What is named by its id does not come in pages: InvalidParameterCombination. */
BW_CHECKED enum bw_err ec2_ids_alone(
    struct bw_call *call, const char *parameter, const void *ids, struct bw_opt_int max);
/* The record, or the kind's errors. */
BW_CHECKED enum bw_err ec2_load(struct bw_call *call, const struct ec2_kind *k, struct bw_str id, void *to);
/* Whether a resource of any kind is there, those without a record too. */
BW_CHECKED enum bw_err ec2_exists(struct bw_call *call, const struct ec2_kind *k, struct bw_str id);
struct bw_str ec2_arn(struct bw_call *call, const struct ec2_kind *k, struct bw_str id);
/* The default VPC, or VPCIdNotSpecified. */
BW_CHECKED enum bw_err ec2_default_vpc(struct bw_call *call, struct bw_vpc *out);

/* ---- What a call is about ---- */

/* States an existing resource by its id: the first becomes the call's own, each further one must be allowed
 * too. `vpc` (may be absent): what ec2:Vpc says of it. A malformed or absent id is left for the handler to
 * refuse. */
void ec2_about(struct bw_call *call, const struct ec2_kind *k, struct bw_str id, struct bw_str vpc);
/* The same of whatever kind the id tells, with the VPC that it is in. */
void ec2_about_id(struct bw_call *call, struct bw_str id);
/* States a resource to be made, with the tags it is to get: they need ec2:CreateTags. */
void ec2_about_new(struct bw_call *call, const struct ec2_kind *k,
    const struct ec2_TagSpecificationList *specs, struct bw_str vpc);

/* ---- Tags ---- */

/* Of any resource; empty when there are none. */
BW_CHECKED enum bw_err ec2_tags_load(struct bw_call *call, struct bw_str id, struct bw_pairs *tags);
void ec2_tags_save(struct bw_call *call, struct bw_str id, const struct bw_pairs *tags);
/* With the resource its tags go. */
void ec2_tags_delete(struct bw_call *call, struct bw_str id);
BW_CHECKED enum bw_err ec2_tags_shape(struct bw_call *call, struct bw_str id, struct ec2_TagList *out);
/* Sets tags as given; InvalidParameterValue, TagLimitExceeded. */
BW_CHECKED enum bw_err ec2_tags_set(
    struct bw_call *call, struct bw_pairs *tags, const struct ec2_TagList *given);
/* Saves what the specifications give a new resource of the kind; refuses those of another kind. */
BW_CHECKED enum bw_err ec2_tags_new(struct bw_call *call, const struct ec2_kind *k, struct bw_str id,
    const struct ec2_TagSpecificationList *specs, struct ec2_TagList *out);

struct ec2_tags {
	struct bw_pairs tags;
};
extern const struct bw_record ec2_tags_record;

/* ---- Filters ---- */

/* The values that a resource has for a filter's name. */
struct ec2_facts {
	struct bw_call *call;
	struct bw_strs list;
};
void ec2_fact(struct ec2_facts *f, struct bw_str value); /* absent and empty: none */
void ec2_fact_bool(struct ec2_facts *f, bool value);
void ec2_fact_int(struct ec2_facts *f, int64_t value);

enum ec2_fact_kind {
	EC2_FACT_STR,
	EC2_FACT_BOOL,
	EC2_FACT_STRS,
	EC2_FACT_FIXED,
	EC2_FACT_OWNER,
	EC2_FACT_OF
};

struct ec2_filter_row {
	const char *name;
	enum ec2_fact_kind kind;
	size_t offset;                                     /* in the item: of STR, BOOL, STRS */
	const char *fixed;                                 /* of FIXED */
	void (*of)(struct ec2_facts *f, const void *item); /* of OF */
};

#define EC2_FILTER_STR(name, type, member)                                                                   \
	{                                                                                                    \
		(name), EC2_FACT_STR, offsetof(type, member), NULL, NULL                                     \
	}
#define EC2_FILTER_BOOL(name, type, member)                                                                  \
	{                                                                                                    \
		(name), EC2_FACT_BOOL, offsetof(type, member), NULL, NULL                                    \
	}
#define EC2_FILTER_STRS(name, type, member)                                                                  \
	{                                                                                                    \
		(name), EC2_FACT_STRS, offsetof(type, member), NULL, NULL                                    \
	}
#define EC2_FILTER_FIXED(name, value)                                                                        \
	{                                                                                                    \
		(name), EC2_FACT_FIXED, 0, (value), NULL                                                     \
	}
#define EC2_FILTER_OWNER(name)                                                                               \
	{                                                                                                    \
		(name), EC2_FACT_OWNER, 0, NULL, NULL                                                        \
	}
#define EC2_FILTER_OF(name, function)                                                                        \
	{                                                                                                    \
		(name), EC2_FACT_OF, 0, NULL, (function)                                                     \
	}

/* `*` any run, `?` any character, `\` takes the next one literally; linear in the text for each star. */
bool ec2_wildcard_match(struct bw_str pattern, struct bw_str text);

/* What a Describe operation lists: items are structs whose first field is their id, sorted by it. */
struct ec2_listing {
	const struct ec2_kind *kind; /* of its ids and tags; NULL: neither */
	size_t item_size;
	const struct ec2_filter_row *rows;
	size_t row_count;
};

struct ec2_page {
	const void **items;
	size_t n;
	struct bw_str next_token;
};

/* Those of `items` that are named (all, when none is; each must be there), pass every filter, and stand on
 * the page. */
BW_CHECKED enum bw_err ec2_select(struct bw_call *call, const struct ec2_listing *l, const void *items,
    size_t count, const void *ids, const struct ec2_FilterList *filters, struct bw_str token,
    struct bw_opt_int max, struct ec2_page *out);
/* The same over all stored records of the kind. */
BW_CHECKED enum bw_err ec2_select_stored(struct bw_call *call, const struct ec2_listing *l, const void *ids,
    const struct ec2_FilterList *filters, struct bw_str token, struct bw_opt_int max, struct ec2_page *out);

/* ---- Quotas ---- */

extern const struct bw_quota ec2_vpcs_quota, ec2_subnets_quota, ec2_gateways_quota, ec2_groups_quota,
    ec2_rules_quota, ec2_groups_per_interface_quota, ec2_interfaces_quota, ec2_prefix_lists_quota,
    ec2_prefix_entries_quota, ec2_tags_quota, ec2_associations_quota;

/* ---- Shapes ---- */

BW_CHECKED enum bw_err ec2_vpc_shape(struct bw_call *call, const struct bw_vpc *v, struct ec2_Vpc *out);
BW_CHECKED enum bw_err ec2_subnet_shape(
    struct bw_call *call, const struct bw_subnet *s, struct ec2_Subnet *out);

/* "US East (N. Virginia)" and the geography around it; NULL for a Region that is not AWS's. */
const char *ec2_region_title(struct bw_str region);
const char *ec2_region_geography(struct bw_str region);

/* The domain of private names: "ec2.internal" in us-east-1, else "REGION.compute.internal". */
struct bw_str ec2_internal_domain(struct bw_call *call);
