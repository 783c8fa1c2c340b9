/* IAM's entities as stored. They live below the services because the gate resolves callers from them; svc/iam edits them,
 * svc/sts reads them. Names are unique in an account without regard to case: keys carry them in lower case. */
#pragma once

#include "store/record.h"

struct bw_account {
	struct bw_str id, alias, email;
	int64_t created_ms;
	struct bw_str root_password_hash;
	bool root_password_once;     /* must be changed at the first sign-in */
	int64_t root_password_ms;
	/* Password policy; absent when has_password_policy is false. */
	bool has_password_policy, require_symbols, require_numbers, require_upper, require_lower, users_may_change,
	    hard_expiry;
	int64_t min_length, max_age_days, reuse_prevention;
	int64_t global_token_version; /* SetSecurityTokenServicePreferences: 1 or 2 */
	struct bw_strs root_access_keys; /* ids */
	struct bw_strs root_mfa_devices; /* serial numbers */
};

struct bw_user {
	struct bw_str path, name, id;
	int64_t created_ms;
	struct bw_pairs tags;
	struct bw_str boundary;        /* policy ARN */
	struct bw_strs attached;       /* policy ARNs, in order of attaching */
	struct bw_pairs inline_policies; /* name, document */
	struct bw_strs groups;         /* group names */
	struct bw_strs access_keys;    /* ids */
	struct bw_str password_hash;   /* absent: no login profile */
	int64_t password_ms;
	bool password_reset;
	struct bw_strs password_history; /* older hashes, newest first */
	int64_t password_used_ms;
	struct bw_strs mfa_devices;    /* serial numbers, in order of enabling */
};

/* Where a user is who was renamed or moved: policies and sessions that know it by its unique id find it again. */
struct bw_moved_user {
	struct bw_str name;
};

struct bw_group {
	struct bw_str path, name, id;
	int64_t created_ms;
	struct bw_strs attached;
	struct bw_pairs inline_policies;
};

struct bw_role {
	struct bw_str path, name, id;
	int64_t created_ms;
	struct bw_str trust;           /* AssumeRolePolicyDocument as given */
	struct bw_str description;
	int64_t max_session_s;
	struct bw_pairs tags;
	struct bw_str boundary;
	struct bw_strs attached;
	struct bw_pairs inline_policies;
	struct bw_str service;         /* service-linked: the service's name */
	struct bw_pairs trust_principals; /* ARNs of `trust` as written -> unique ids, fixed when it was saved */
};

struct bw_instance_profile {
	struct bw_str path, name, id;
	int64_t created_ms;
	struct bw_str role;            /* role name; absent: none */
	struct bw_pairs tags;
};

struct bw_access_key {
	struct bw_str id, account;
	struct bw_str user;            /* user name; absent: the root user's */
	struct bw_str secret;
	bool active;
	int64_t created_ms;
};

/* Kept apart from what it is about, so that noting a use changes no credential's version. */
struct bw_last_used {
	int64_t when_ms;
	struct bw_str region, service;
};

/* The newest attempt of a user or role at an action, allowed or not. */
struct bw_access {
	int64_t when_ms;
	struct bw_str region;
};

/* A customer-managed policy. AWS-managed ones are data (aws/managed.h). */
struct bw_managed_policy {
	struct bw_str path, name, id, description;
	int64_t created_ms, updated_ms;
	int64_t default_version, next_version; /* "v2" is 2 */
	struct bw_pairs versions;      /* "v1" -> document */
	struct bw_pairs version_dates; /* "v1" -> milliseconds as text */
	struct bw_pairs tags;
};

extern const struct bw_record bw_account_record, bw_user_record, bw_group_record, bw_role_record,
    bw_instance_profile_record, bw_access_key_record, bw_last_used_record, bw_access_record, bw_managed_policy_record, bw_moved_user_record;

/* Keys. All take the account as 12 digits and lower-case the name. */
struct bw_str bw_account_key(struct bw_arena *a, struct bw_str account);
/* kind: "user", "group", "role", "instance-profile", "policy" */
struct bw_str bw_entity_key(struct bw_arena *a, struct bw_str account, const char *kind, struct bw_str name);
/* Of a user who was moved, by its unique id. */
struct bw_str bw_moved_user_key(struct bw_arena *a, struct bw_str account, struct bw_str id);
/* Access keys are found without knowing the account. */
struct bw_str bw_access_key_key(struct bw_arena *a, struct bw_str key_id);
/* "access-key" or "role" and its id or name. */
struct bw_str bw_last_used_key(struct bw_arena *a, struct bw_str account, const char *kind, struct bw_str name);
/* Of an entity's unique id and an action ("iam:CreateUser" is "iam/CreateUser"); `action` empty: the prefix of all of the entity's. */
struct bw_str bw_access_record_key(struct bw_arena *a, struct bw_str account, struct bw_str entity_id, struct bw_str action);
/* Index: a user's membership in a group: prefix of a group, or with a user the whole key. */
struct bw_str bw_member_key(struct bw_arena *a, struct bw_str account, struct bw_str group, struct bw_str user);
/* Index: who has a managed policy attached ("attached") or as boundary ("boundary"): prefix of a policy, of a policy and an
 * entity kind ("user", "group", "role"), or the whole key with the entity's name. */
struct bw_str bw_attached_key(struct bw_arena *a, struct bw_str account, const char *how, struct bw_str policy_arn,
    const char *kind, struct bw_str entity);

/* "arn:aws:iam::ACCOUNT:KIND/path/name" for user, group, role, instance-profile, policy. */
struct bw_str bw_iam_arn(struct bw_arena *a, struct bw_str account, const char *kind, struct bw_str path, struct bw_str name);

/* An ARN in its six parts; BW_EINVAL when it has fewer or does not begin with "arn:". */
struct bw_arn {
	struct bw_str partition, service, region, account, resource;
};
BW_CHECKED enum bw_err bw_arn_parse(struct bw_str text, struct bw_arn *out);

/* Unique ids: a four-letter prefix (AIDA, AROA, AGPA, AIPA, ANPA: 17 more characters; AKIA, ASIA: 16 more) that encode the
 * account as AWS's key ids do (base32; bits 46 to 7 of the first 48). */
struct bw_str bw_id_make(struct bw_arena *a, const char *prefix, struct bw_str account);
/* The account inside an access key id; BW_EINVAL when it is not one of that form. */
BW_CHECKED enum bw_err bw_id_account(struct bw_str key_id, struct bw_arena *a, struct bw_str *account);
/* 40 characters of the alphabet of AWS's secret keys. */
struct bw_str bw_secret_make(struct bw_arena *a);
