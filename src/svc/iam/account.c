#include "svc/iam/owned.h"

/* ---- Alias ---- */

/* An account has one alias at most; another takes its place. Only the name that is held already is refused.
 */
BW_OP(iam, CreateAccountAlias, .effect = BW_WRITE)
{
	struct bw_account a;

	TRY(iam_account_load(call, &a));
	if (bw_str_eq(a.alias, in->AccountAlias))
		return bw_call_fail(call, "EntityAlreadyExists", "The account alias %.*s already exists.",
		    BW_FMT(in->AccountAlias));
	a.alias = in->AccountAlias;
	iam_account_save(call, &a);
	return BW_OK;
}

BW_OP(iam, DeleteAccountAlias, .effect = BW_WRITE)
{
	struct bw_account a;

	TRY(iam_account_load(call, &a));
	if (!bw_str_eq(a.alias, in->AccountAlias))
		return bw_call_fail(call, "NoSuchEntity", "The account alias with name %.*s cannot be found.",
		    BW_FMT(in->AccountAlias));
	a.alias = BW_STR_NONE;
	iam_account_save(call, &a);
	return BW_OK;
}

BW_OP(iam, ListAccountAliases, .effect = BW_READ)
{
	struct bw_account a;
	size_t from, to;

	TRY(iam_account_load(call, &a));
	TRY(bw_page_slice(call, a.alias.n > 0, in->Marker, in->MaxItems, IAM_PAGE_USUAL, &from, &to,
	    &out->IsTruncated, &out->Marker));
	out->AccountAliases.set = true;
	out->AccountAliases.n = to - from;
	out->AccountAliases.v = BW_NEW_ARRAY(call->arena, struct bw_str, 1);
	out->AccountAliases.v[0] = a.alias;
	return BW_OK;
}

/* ---- Security token service ---- */

BW_OP(iam, SetSecurityTokenServicePreferences, .effect = BW_WRITE)
{
	struct bw_account a;

	TRY(iam_account_load(call, &a));
	a.global_token_version = bw_str_eq(in->GlobalEndpointTokenVersion, BW_STR("v2Token")) ? 2 : 1;
	iam_account_save(call, &a);
	return BW_OK;
}

/* ---- Summary ---- */

struct figure {
	const char *name;
	int64_t value;
};

static int64_t count(struct bw_call *call, const char *kind)
{
	return (int64_t)bw_call_count_under(call, iam_prefix(call, kind), SIZE_MAX);
}

static void summary_put(
    struct bw_call *call, const struct figure *figures, size_t n, struct iam_summaryMapType *out)
{
	out->set = true;
	out->n = n;
	out->keys = BW_NEW_ARRAY(call->arena, struct bw_str, n);
	out->v = BW_NEW_ARRAY(call->arena, struct bw_opt_int, n);
	for (size_t i = 0; i < n; i++) {
		out->keys[i] = bw_str_c(figures[i].name);
		out->v[i] = BW_INT(figures[i].value);
	}
}

BW_OP(iam, GetAccountSummary, .effect = BW_READ)
{
	struct bw_account a;

	TRY(iam_account_load(call, &a));
	const struct figure figures[] = {
	    {"AccessKeysPerUserQuota", bw_quota_value(call, &iam_keys_per_user_quota)},
	    {"AccountAccessKeysPresent", a.root_access_keys.n > 0},
	    {"AccountMFAEnabled", a.root_mfa_devices.n > 0},
	    {"AccountPasswordPresent", a.root_password_hash.n > 0},
	    {"AccountSigningCertificatesPresent",
	        bw_call_count_under(call,
	            iam_owned_key(call, &iam_signing_certificate_record, call->account, BW_STR("")),
	            SIZE_MAX) > 0},
	    {"AssumeRolePolicySizeQuota", bw_quota_value(call, &iam_trust_size_quota)},
	    {"AttachedPoliciesPerGroupQuota", bw_quota_value(call, &iam_policies_per_group_quota)},
	    {"AttachedPoliciesPerRoleQuota", bw_quota_value(call, &iam_policies_per_role_quota)},
	    {"AttachedPoliciesPerUserQuota", bw_quota_value(call, &iam_policies_per_user_quota)},
	    {"GlobalEndpointTokenVersion", a.global_token_version},
	    {"GroupPolicySizeQuota", bw_quota_value(call, &iam_group_inline_size_quota)},
	    {"Groups", count(call, "group")},
	    {"GroupsPerUserQuota", bw_quota_value(call, &iam_groups_per_user_quota)},
	    {"GroupsQuota", bw_quota_value(call, &iam_groups_quota)},
	    {"InstanceProfiles", count(call, "instance-profile")},
	    {"InstanceProfilesQuota", bw_quota_value(call, &iam_instance_profiles_quota)},
	    {"MFADevices", count(call, "mfa")},
	    {"MFADevicesInUse", bw_call_taken(call, &iam_mfa_in_use_quota, BW_STR_NONE)},
	    {"Policies", count(call, "policy")},
	    {"PoliciesQuota", bw_quota_value(call, &iam_policies_quota)},
	    {"PolicySizeQuota", bw_quota_value(call, &iam_policy_size_quota)},
	    {"PolicyVersionsInUse", bw_call_taken(call, &iam_versions_in_use_quota, BW_STR_NONE)},
	    {"PolicyVersionsInUseQuota", bw_quota_value(call, &iam_versions_in_use_quota)},
	    {"Providers", count(call, "oidc-provider")},
	    {"RolePolicySizeQuota", bw_quota_value(call, &iam_role_inline_size_quota)},
	    {"Roles", count(call, "role")},
	    {"RolesQuota", bw_quota_value(call, &iam_roles_quota)},
	    {"ServerCertificates", count(call, "server-certificate")},
	    {"ServerCertificatesQuota", 20},
	    {"SigningCertificatesPerUserQuota", 2},
	    {"UserPolicySizeQuota", bw_quota_value(call, &iam_user_inline_size_quota)},
	    {"Users", count(call, "user")},
	    {"UsersQuota", bw_quota_value(call, &iam_users_quota)},
	    {"VersionsPerPolicyQuota", bw_quota_value(call, &iam_versions_per_policy_quota)},
	};

	summary_put(call, figures, BW_COUNT(figures), &out->SummaryMap);
	return BW_OK;
}
