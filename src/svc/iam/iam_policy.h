/* What the files of roles and policies share beyond iam.h: the three kinds that carry policies seen as one,
 * managed policies of both owners seen as one, and pages that run through several sources. Thread, memory and
 * errors as in iam.h. */
#pragma once

#include "aws/managed.h"
#include "svc/iam/iam.h"

/* ---- Roles (role.c) ---- */

enum iam_role_detail {
	IAM_ROLE_CREATED,   /* CreateRole: no description, session duration or last use */
	IAM_ROLE_DESCRIBED, /* UpdateRoleDescription: with the description */
	IAM_ROLE_LISTED,    /* ListRoles: with description and session duration, without boundary and tags */
	IAM_ROLE_NESTED,    /* inside an instance profile: what identifies it, and its trust policy */
	IAM_ROLE_WHOLE,     /* GetRole */
};
BW_CHECKED enum bw_err iam_role_to_shape(
    struct bw_call *call, const struct bw_role *r, enum iam_role_detail detail, struct iam_Role *out);
BW_CHECKED enum bw_err iam_role_last_used(
    struct bw_call *call, const struct bw_role *r, struct iam_RoleLastUsed **out);
/* UnmodifiableEntity when the role is service-linked: only its service changes it. */
BW_CHECKED enum bw_err iam_role_modifiable(struct bw_call *call, const struct bw_role *r);
/* Takes a new role into the account: its id, its record, its boundary's index entry, its quota. */
void iam_role_insert(struct bw_call *call, struct bw_role *r);
/* Removes what iam_role_insert made, and what was noted about its use. */
void iam_role_remove(struct bw_call *call, const struct bw_role *r);

/* Validates a trust policy and gives it to the role, with the unique ids of the users and roles that it names
 * (role_trust.c). */
BW_CHECKED enum bw_err iam_trust_set(struct bw_call *call, struct bw_role *r, struct bw_str document);

/* ---- Instance profiles (instance_profile.c) ---- */

/* Index: the profiles that a role is in; `profile` absent: the prefix of all. */
struct bw_str iam_profile_of_role_key(struct bw_call *call, struct bw_str role, struct bw_str profile);
BW_CHECKED enum bw_err iam_instance_profile_to_shape(
    struct bw_call *call, const struct bw_instance_profile *p, struct iam_InstanceProfile *out);
/* All instance profiles of a role, in the order of their names. */
BW_CHECKED enum bw_err iam_profiles_of_role(
    struct bw_call *call, struct bw_str role, struct iam_instanceProfileListType *out);

/* ---- Tags of policies and instance profiles (exact_tags.c) ---- */

/* Keys of users' and roles' tags are the same in any case, those of all else are not: IAM User Guide, "Tags
 * for AWS Identity and Access Management resources". Errors as of iam_tags_set. */
BW_CHECKED enum bw_err iam_exact_tags_set(
    struct bw_call *call, struct bw_pairs *tags, const struct iam_tagListType *given);
void iam_exact_tags_remove(struct bw_pairs *tags, const struct iam_tagKeyListType *keys);

/* ---- Users, groups and roles as carriers of policies (holder.c) ---- */

struct iam_holder;

struct iam_holder_kind {
	const char *kind;                      /* in keys, ARNs and messages: "user" */
	const struct bw_quota *attached_quota; /* how many managed policies */
	const struct bw_quota *inline_quota;   /* how large all inline policies together */
	enum bw_err (*load)(struct bw_call *call, struct bw_str name, struct iam_holder *h);
	void (*save)(struct bw_call *call, const struct iam_holder *h);
};
extern const struct iam_holder_kind iam_user_holder, iam_group_holder, iam_role_holder;

struct iam_holder {
	const struct iam_holder_kind *kind;
	struct bw_str path, name, id;
	struct bw_str *boundary;           /* NULL: groups have none */
	struct bw_strs *attached, *groups; /* groups: NULL but for users */
	struct bw_pairs *inline_policies;
	union {
		struct bw_user user;
		struct bw_group group;
		struct bw_role role;
	} of;
};
/* NoSuchEntity in AWS's words. The pointers of `h` point into it: it must not be copied. */
BW_CHECKED enum bw_err iam_holder_load(
    struct bw_call *call, const struct iam_holder_kind *kind, struct bw_str name, struct iam_holder *h);
/* As iam_holder_load, and UnmodifiableEntity for a service-linked role. */
BW_CHECKED enum bw_err iam_holder_load_to_change(
    struct bw_call *call, const struct iam_holder_kind *kind, struct bw_str name, struct iam_holder *h);
/* By the ARN of a user, group or role of this account; BW_ENOTFOUND when it is none or is not there. */
BW_CHECKED enum bw_err iam_holder_find(struct bw_call *call, struct bw_str arn, struct iam_holder *h);
void iam_holder_save(struct bw_call *call, const struct iam_holder *h);

/* ---- Whose policies are asked about (context_keys.c) ---- */

/* Row: the user, group or role of PolicySourceArn. */
BW_CHECKED enum bw_err iam_source_resource(struct bw_call *call);
/* Loads it. InvalidInput when the ARN is none of this account's kinds, NoSuchEntity when it is not there. */
BW_CHECKED enum bw_err iam_source_load(struct bw_call *call, struct bw_str arn, struct iam_holder *h);

/* ---- Managed policies of either owner (managed_policy.c) ---- */

struct iam_managed {
	bool aws; /* AWS's own: data, not records */
	struct bw_str arn, path, name, id, description;
	int64_t created_ms, updated_ms;
	struct bw_str default_version; /* "v3" */
	struct bw_managed_policy own;  /* unless aws */
	struct bw_managed data;        /* if aws */
};
/* NoSuchEntity "Policy ARN was not found.", ValidationError when it is no policy's ARN. */
BW_CHECKED enum bw_err iam_managed_load(struct bw_call *call, struct bw_str arn, struct iam_managed *out);
void iam_managed_from_own(struct bw_call *call, const struct bw_managed_policy *own, struct iam_managed *out);
/* AWS's own policies in the order of their names, for lists: BW_ENOTFOUND past the last. */
BW_CHECKED enum bw_err iam_managed_aws_at(struct bw_call *call, size_t index, struct iam_managed *out);
/* Whether AWS has a policy of that ARN. */
bool iam_managed_is_aws(struct bw_str arn);
/* The document of the default version. */
struct bw_str iam_managed_document(struct bw_call *call, const struct iam_managed *m);
/* How many users, groups and roles have it attached ("attached") or as their boundary ("boundary"). */
size_t iam_managed_uses(struct bw_call *call, struct bw_str arn, const char *how);
/* The path inside a policy's ARN. */
struct bw_str iam_policy_arn_path(struct bw_str arn);
/* The managed policies of a user, group or role, or the part [from, to) of them. */
void iam_attached_to_shape(struct bw_call *call, const struct bw_strs *attached, size_t from, size_t to,
    struct iam_attachedPoliciesListType *out);
/* "v3" of a policy as shown, with or without its document. BW_ENOTFOUND when it has no such version. */
BW_CHECKED enum bw_err iam_version_to_shape(struct bw_call *call, const struct iam_managed *m,
    struct bw_str version, bool document, struct iam_PolicyVersion *out);
/* The versions of a policy, newest first. */
void iam_versions(struct bw_call *call, const struct iam_managed *m, struct bw_strs *out);

/* Adds the next version of a policy after checking the document and the quotas (policy_version.c). */
BW_CHECKED enum bw_err iam_version_add(
    struct bw_call *call, struct bw_managed_policy *p, struct bw_str document);

/* ---- Pages through several sources one after another (chain.c) ---- */

/* A marker names the source and the last name shown of it, so that it stays true while others add and remove.
 */
struct iam_chain {
	unsigned source;     /* where the page begins, then where it stands */
	struct bw_str after; /* the last name shown of that source; empty: none yet */
	size_t left, room;
	size_t spent_bytes; /* of records read and documents shown: a page is cut short before an answer grows
	                       past sending */
	bool more;          /* a further item was refused: the page is full */
};
/* ValidationError when the marker is not one of ours. */
BW_CHECKED enum bw_err iam_chain_begin(
    struct bw_call *call, struct bw_str marker, struct bw_opt_int max, struct iam_chain *c);
/* Whether the page wants anything of this source; sources are asked in rising order. */
bool iam_chain_wants(struct iam_chain *c, unsigned source);
/* False when the page is full. The item is taken otherwise. */
bool iam_chain_take(struct iam_chain *c, struct bw_str name);
void iam_chain_end(
    struct bw_call *call, const struct iam_chain *c, struct bw_opt_bool *truncated, struct bw_str *marker);
/* The wanted part of the records under a prefix, in key order: BW_ENOTFOUND at the end. `name`: the key
 * behind the prefix. */
struct iam_chain_scan {
	struct iam_chain *chain;
	struct bw_scan scan;
	struct bw_str prefix, seen; /* the name last read, whether it was wanted or not */
};
BW_CHECKED enum bw_err iam_chain_scan_begin(
    struct bw_call *call, struct iam_chain *c, struct bw_str prefix, struct iam_chain_scan *s);
BW_CHECKED enum bw_err iam_chain_scan_next(
    struct bw_call *call, struct iam_chain_scan *s, const struct bw_record *r, void *to, struct bw_str *name);
void iam_chain_scan_end(struct iam_chain_scan *s);
