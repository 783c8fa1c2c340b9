/* What the files of IAM share: who a call is about, loading with AWS's words, tags, documents, quotas. An
 * operation is a block in the file of its entity; only what two files need stands here. Everything here runs
 * on the call's own thread and gives out memory of the call's arena. Errors of the client are stated on the
 * call (BW_EFAILED). */
#pragma once

#include "core/caller.h"
#include "core/core.h"
#include "core/entity.h"
#include "core/op.h"
#include "gen/iam.h"

enum { IAM_PAGE_USUAL = 100 }; /* IAM API Reference: MaxItems defaults to 100 */

/* ---- Quotas (IAM User Guide, "IAM and AWS STS quotas") ---- */

/* Counted over the account: bw_call_take at every creation and deletion. The last counts versions of the
 * account's own policies. */
extern const struct bw_quota iam_users_quota, iam_groups_quota, iam_roles_quota, iam_instance_profiles_quota,
    iam_policies_quota, iam_versions_in_use_quota;
/* Of lists in one record: bw_call_within with the new length. */
extern const struct bw_quota iam_groups_per_user_quota, iam_keys_per_user_quota, iam_policies_per_user_quota,
    iam_policies_per_group_quota, iam_policies_per_role_quota, iam_versions_per_policy_quota,
    iam_profiles_per_role_quota, iam_tags_quota;
/* Characters of documents: iam_document_fits, and iam_inline_fits for all inline policies of one entity
 * together. */
extern const struct bw_quota iam_policy_size_quota, iam_trust_size_quota, iam_user_inline_size_quota,
    iam_group_inline_size_quota, iam_role_inline_size_quota;

/* Counts without a limit, for GetAccountSummary. */
extern const struct bw_quota iam_mfa_in_use_quota;

/* ---- Rows: .resource ---- */

/* The entity named by UserName (GroupName, RoleName, InstanceProfileName): its ARN with its true path and its
 * tags when it exists, else the ARN without a path. An operation whose UserName is optional means the calling
 * user. */
BW_CHECKED enum bw_err iam_user_resource(struct bw_call *call);
BW_CHECKED enum bw_err iam_group_resource(struct bw_call *call);
BW_CHECKED enum bw_err iam_role_resource(struct bw_call *call);
BW_CHECKED enum bw_err iam_instance_profile_resource(struct bw_call *call);
/* The policy of PolicyArn, with its tags when it is the account's own. */
BW_CHECKED enum bw_err iam_policy_resource(struct bw_call *call);
/* States a user that is at hand already. */
void iam_user_state(struct bw_call *call, const struct bw_user *u);
/* Create*: the ARN made of Path and the name in the input. With tags the call needs the permission to tag,
 * too. */
BW_CHECKED enum bw_err iam_new_user_resource(struct bw_call *call);
BW_CHECKED enum bw_err iam_new_group_resource(struct bw_call *call);
BW_CHECKED enum bw_err iam_new_role_resource(struct bw_call *call);
BW_CHECKED enum bw_err iam_new_instance_profile_resource(struct bw_call *call);
BW_CHECKED enum bw_err iam_new_policy_resource(struct bw_call *call);

/* Lists: "arn:aws:iam::ACCOUNT:user/" and the PathPrefix, as AWS's denials name it. */
BW_CHECKED enum bw_err iam_users_resource(struct bw_call *call);
BW_CHECKED enum bw_err iam_groups_resource(struct bw_call *call);
BW_CHECKED enum bw_err iam_roles_resource(struct bw_call *call);
BW_CHECKED enum bw_err iam_instance_profiles_resource(struct bw_call *call);
/* Renaming or moving needs the permission on what the entity becomes, too (IAM API Reference, UpdateUser):
 * states it for `arn`. */
void iam_also_target(struct bw_call *call, struct bw_str arn);

/* ---- Rows: .keys ---- */

/* iam:PermissionsBoundary: that of the user or role the call is about, as it stands. */
BW_CHECKED enum bw_err iam_boundary_keys(struct bw_call *call);
/* iam:PermissionsBoundary: that of the input, for Create* and Put*PermissionsBoundary. */
BW_CHECKED enum bw_err iam_new_boundary_keys(struct bw_call *call);
/* iam:PolicyARN of the input's PolicyArn, and iam:PermissionsBoundary as it stands. */
BW_CHECKED enum bw_err iam_policy_arn_keys(struct bw_call *call);

/* ---- Who is meant ---- */

/* `given`, or the name of the calling user when absent. Absent for the root user itself: iam_user_load
 * refuses that, what may be about the root user asks first. ValidationError when a session of a role or a
 * federated user gives none. */
BW_CHECKED enum bw_err iam_user_name(struct bw_call *call, struct bw_str given, struct bw_str *name);

/* AccessDenied where the handler, not a policy, says no. BW_EFAILED. */
BW_CHECKED enum bw_err iam_denied(struct bw_call *call, struct bw_str message);

/* ---- Loading and saving ---- */

/* By exact name: names that differ in case alone are the same to Create*, but not found here. NoSuchEntity in
 * AWS's words. */
BW_CHECKED enum bw_err iam_user_load(struct bw_call *call, struct bw_str name, struct bw_user *out);
BW_CHECKED enum bw_err iam_group_load(struct bw_call *call, struct bw_str name, struct bw_group *out);
BW_CHECKED enum bw_err iam_role_load(struct bw_call *call, struct bw_str name, struct bw_role *out);
BW_CHECKED enum bw_err iam_instance_profile_load(
    struct bw_call *call, struct bw_str name, struct bw_instance_profile *out);
/* One of the account's own policies by its whole ARN, path and all. ValidationError when it is no policy's
 * ARN, NoSuchEntity "Policy ARN was not found." */
BW_CHECKED enum bw_err iam_policy_load(
    struct bw_call *call, struct bw_str arn, struct bw_managed_policy *out);
/* As the loads, but BW_ENOTFOUND is for the caller to put into words. */
BW_CHECKED enum bw_err iam_user_find(struct bw_call *call, struct bw_str name, struct bw_user *out);
BW_CHECKED enum bw_err iam_group_find(struct bw_call *call, struct bw_str name, struct bw_group *out);
BW_CHECKED enum bw_err iam_account_load(struct bw_call *call, struct bw_account *out);

void iam_user_save(struct bw_call *call, const struct bw_user *u);
void iam_group_save(struct bw_call *call, const struct bw_group *g);
void iam_role_save(struct bw_call *call, const struct bw_role *r);
void iam_instance_profile_save(struct bw_call *call, const struct bw_instance_profile *p);
void iam_policy_save(struct bw_call *call, const struct bw_managed_policy *p);
void iam_account_save(struct bw_call *call, const struct bw_account *a);

/* The record's key, and the prefix of all of a kind ("user", "group", "role", "instance-profile", "policy").
 */
struct bw_str iam_key(struct bw_call *call, const char *kind, struct bw_str name);
struct bw_str iam_prefix(struct bw_call *call, const char *kind);
/* EntityAlreadyExists, "User with name X already exists.", when the name is taken in any case. `label`:
 * "User". */
BW_CHECKED enum bw_err iam_name_free(
    struct bw_call *call, const char *kind, const char *label, struct bw_str name);

/* A user's MFA devices follow its name (mfa_enable.c). */
BW_CHECKED enum bw_err iam_mfa_rename(struct bw_call *call, const struct bw_strs *devices, struct bw_str name);

/* ---- Paths ---- */

/* "/" when absent. */
struct bw_str iam_path(struct bw_str given);
/* Whether a path begins with the PathPrefix of a list operation; an absent prefix lists all. */
bool iam_path_matches(struct bw_str path, struct bw_str prefix);

/* ---- Managed policies by ARN ---- */

/* Whether the ARN names an AWS-managed policy we have or one of the account's own, so that it may be attached
 * or be a boundary. NoSuchEntity "Policy ARN does not exist or is not attachable." `call` reads guard it
 * until the commit. */
BW_CHECKED enum bw_err iam_policy_attachable(struct bw_call *call, struct bw_str arn);
/* The same for a boundary: NoSuchEntity "Scope ARN: X does not exist or is not attachable." */
BW_CHECKED enum bw_err iam_boundary_attachable(struct bw_call *call, struct bw_str arn);

/* ---- Tags (IAM User Guide, "Tags for AWS Identity and Access Management resources") ---- */

/* Sets them, keys regardless of case: a key spelled otherwise replaces the older spelling. InvalidInput for
 * duplicate keys and for the reserved prefix, LimitExceeded past the quota. */
BW_CHECKED enum bw_err iam_tags_set(
    struct bw_call *call, struct bw_pairs *tags, const struct iam_tagListType *given);
/* Removes what is there; a key that is not is no error. */
void iam_tags_remove(struct bw_call *call, struct bw_pairs *tags, const struct iam_tagKeyListType *keys);
/* All of them, in the order of setting. Sets nothing when there are none. */
void iam_tags_to_shape(struct bw_call *call, const struct bw_pairs *tags, struct iam_tagListType *out);
/* One page, sorted by key. */
BW_CHECKED enum bw_err iam_tags_page(struct bw_call *call, const struct bw_pairs *tags, struct bw_str marker,
    struct bw_opt_int max, struct iam_tagListType *out, struct bw_opt_bool *truncated, struct bw_str *next);

/* ---- Shapes ---- */

/* `whole`: with boundary and tags, as GetUser and CreateUser answer and lists do not. */
void iam_user_to_shape(struct bw_call *call, const struct bw_user *u, bool whole, struct iam_User *out);
/* The root user as GetUser shows it to itself. */
BW_CHECKED enum bw_err iam_root_to_shape(struct bw_call *call, struct iam_User *out);
void iam_group_to_shape(struct bw_call *call, const struct bw_group *g, struct iam_Group *out);
/* NULL when there is no boundary. */
struct iam_AttachedPermissionsBoundary *iam_boundary_to_shape(struct bw_call *call, struct bw_str boundary);

/* ---- Documents ---- */

/* A policy document as IAM's answers carry it: percent-encoded (RFC 3986). */
struct bw_str iam_document_encode(struct bw_call *call, struct bw_str document);
/* LimitExceeded, "Cannot exceed quota for PolicySize: 6144", when a document is larger, white space not
 * counted. */
BW_CHECKED enum bw_err iam_document_fits(
    struct bw_call *call, struct bw_str document, const struct bw_quota *quota);
/* LimitExceeded, "Maximum policy size of 2048 bytes exceeded for user X", for all inline policies of an
 * entity together. `label`: "user", "group", "role". */
BW_CHECKED enum bw_err iam_inline_fits(struct bw_call *call, const struct bw_pairs *policies,
    const struct bw_quota *quota, const char *label, struct bw_str name);
