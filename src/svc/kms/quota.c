#include "svc/kms/kms.h"

/* AWS KMS Developer Guide, "Resource quotas". */
BW_QUOTA(kms_keys_quota, "kms-keys", 100000, "LimitExceededException",
    "You have reached the limit of %lld KMS keys in this account and Region.");
BW_QUOTA(kms_aliases_quota, "kms-aliases-per-key", 50, "LimitExceededException", "A KMS key can have at most %lld aliases.");
BW_QUOTA(kms_grants_quota, "kms-grants-per-key", 50000, "LimitExceededException", "A KMS key can have at most %lld grants.");
BW_QUOTA(kms_tags_quota, "kms-tags-per-key", 50, "LimitExceededException", "Too many tags: at most %lld are allowed.");
BW_QUOTA(kms_rotations_quota, "kms-on-demand-rotations-per-key", 25, "LimitExceededException",
    "The on-demand rotation limit of %lld for this KMS key has been reached.");
BW_QUOTA(kms_stores_quota, "kms-custom-key-stores", 10, "LimitExceededException",
    "An account can have at most %lld custom key stores in a Region.");
BW_QUOTA(kms_policy_size_quota, "kms-policy-bytes", KMS_POLICY_MAX, "LimitExceededException",
    "The key policy exceeds the size limit of %lld bytes.");
