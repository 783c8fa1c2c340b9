#include "svc/iam/iam.h"

/* AWS's defaults: IAM User Guide, "IAM and AWS STS quotas". */

#define PER_ACCOUNT "Cannot exceed quota for "

BW_QUOTA(iam_users_quota, "iam-users", 5000, "LimitExceeded", PER_ACCOUNT "UsersPerAccount: %lld");
BW_QUOTA(iam_groups_quota, "iam-groups", 300, "LimitExceeded", PER_ACCOUNT "GroupsPerAccount: %lld");
BW_QUOTA(iam_roles_quota, "iam-roles", 1000, "LimitExceeded", PER_ACCOUNT "RolesPerAccount: %lld");
BW_QUOTA(iam_instance_profiles_quota, "iam-instance-profiles", 1000, "LimitExceeded",
    PER_ACCOUNT "InstanceProfilesPerAccount: %lld");
BW_QUOTA(iam_policies_quota, "iam-policies", 1500, "LimitExceeded", PER_ACCOUNT "PoliciesPerAccount: %lld");
BW_QUOTA(iam_versions_in_use_quota, "iam-policy-versions-in-use", 10000, "LimitExceeded",
    PER_ACCOUNT "PolicyVersionsInUse: %lld");

BW_QUOTA(
    iam_groups_per_user_quota, "iam-groups-per-user", 10, "LimitExceeded", PER_ACCOUNT "GroupsPerUser: %lld");
BW_QUOTA(iam_keys_per_user_quota, "iam-access-keys-per-user", 2, "LimitExceeded",
    PER_ACCOUNT "AccessKeysPerUser: %lld");
BW_QUOTA(iam_policies_per_user_quota, "iam-attached-policies-per-user", 10, "LimitExceeded",
    PER_ACCOUNT "PoliciesPerUser: %lld");
BW_QUOTA(iam_policies_per_group_quota, "iam-attached-policies-per-group", 10, "LimitExceeded",
    PER_ACCOUNT "PoliciesPerGroup: %lld");
BW_QUOTA(iam_policies_per_role_quota, "iam-attached-policies-per-role", 10, "LimitExceeded",
    PER_ACCOUNT "PoliciesPerRole: %lld");
BW_QUOTA(iam_versions_per_policy_quota, "iam-versions-per-policy", 5, "LimitExceeded",
    "A managed policy can have up to %lld versions. Before you create a new version, you must delete an "
    "existing "
    "version.");
BW_QUOTA(iam_profiles_per_role_quota, "iam-roles-per-instance-profile", 1, "LimitExceeded",
    PER_ACCOUNT "InstanceSessionsPerInstanceProfile: %lld");
BW_QUOTA(iam_tags_quota, "iam-tags-per-resource", 50, "LimitExceeded",
    "The number of tags has reached the maximum limit.");

BW_QUOTA(iam_mfa_in_use_quota, "iam-mfa-devices-in-use", INT64_MAX / 2, "LimitExceeded",
    PER_ACCOUNT "MFADevicesInUse: %lld");

BW_QUOTA(iam_policy_size_quota, "iam-policy-size", 6144, "LimitExceeded", PER_ACCOUNT "PolicySize: %lld");
BW_QUOTA(iam_trust_size_quota, "iam-assume-role-policy-size", 2048, "LimitExceeded",
    PER_ACCOUNT "ACLSizePerRole: %lld");
BW_QUOTA(iam_user_inline_size_quota, "iam-user-policy-size", 2048, "LimitExceeded",
    "Maximum policy size of %lld bytes exceeded for user");
BW_QUOTA(iam_group_inline_size_quota, "iam-group-policy-size", 5120, "LimitExceeded",
    "Maximum policy size of %lld bytes exceeded for group");
BW_QUOTA(iam_role_inline_size_quota, "iam-role-policy-size", 10240, "LimitExceeded",
    "Maximum policy size of %lld bytes exceeded for role");
