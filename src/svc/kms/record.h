/* KMS's records as stored. Region and account of a key stand in its store key: "account/Region/kms/key/id". */
#pragma once

#include "keyer/keyer.h"
#include "store/record.h"

/* AWS KMS Developer Guide, "Key states of AWS KMS keys". Numbers are stored. */
enum kms_state {
	KMS_ENABLED = 1,
	KMS_DISABLED,
	KMS_PENDING_DELETION,
	KMS_PENDING_IMPORT,
	KMS_PENDING_REPLICA_DELETION, /* a primary key waits for its replicas to go */
};

enum kms_usage { KMS_ENCRYPT_DECRYPT = 1, KMS_SIGN_VERIFY, KMS_GENERATE_VERIFY_MAC, KMS_KEY_AGREEMENT };

enum kms_origin { KMS_ORIGIN_AWS = 1, KMS_ORIGIN_EXTERNAL, KMS_ORIGIN_CLOUDHSM, KMS_ORIGIN_EXTERNAL_STORE };

enum kms_region_kind { KMS_REGIONAL, KMS_PRIMARY, KMS_REPLICA };

/* A key with its current material inline, so that its use reads one record. */
struct kms_key {
	struct bw_str id, description, policy;
	struct bw_pairs policy_principals; /* user and role ARNs of the policy -> unique ids, fixed when it was put */
	int64_t created_ms;
	int64_t spec, usage, origin, state, region_kind; /* enum bw_key_spec, kms_usage ... */
	struct bw_pairs tags;
	struct bw_strs aliases;            /* "alias/name" */
	int64_t deletion_ms, window_days;  /* PendingDeletion, PendingReplicaDeletion */
	bool was_disabled;                 /* what an Updating or re-imported key returns to */
	struct bw_str primary_region;      /* multi-Region */
	struct bw_strs replica_regions;
	int64_t rotation_days, rotation_next_ms; /* 0: not enabled */
	int64_t rotations_on_demand;
	/* The material in use; absent while an import is pending. */
	struct bw_str material_id, wrapped, public_key;
	int64_t material_version;
	int64_t material_valid_to_ms; /* imported: 0 does not expire */
	/* The Region its materials are wrapped for: that of the first primary, which related keys share. Absent: its own. */
	struct bw_str home_region;
	struct bw_str store_id, xks_key_id; /* in a custom key store; the second of an external one alone */
	bool aws_managed;
};

/* AWS KMS API Reference, "CustomKeyStoresListEntry". Numbers are stored. */
enum kms_store_type { KMS_STORE_CLOUDHSM = 1, KMS_STORE_EXTERNAL };
enum kms_store_state { KMS_STORE_CONNECTED = 1, KMS_STORE_DISCONNECTED, KMS_STORE_FAILED };

/* "account/Region/kms/store/id" */
struct kms_store {
	struct bw_str id, name;
	int64_t type, state, created_ms;
	struct bw_str error_code; /* why it failed to connect */
	struct bw_str cluster, trust_pem, pin;
	struct bw_str endpoint, path, key_id, secret; /* of an external one: its proxy */
};

/* How a material stands among its key's. */
enum kms_material_state { KMS_MATERIAL_CURRENT = 1, KMS_MATERIAL_NON_CURRENT, KMS_MATERIAL_PENDING_ROTATION };
enum kms_rotation { KMS_ROTATION_NONE, KMS_ROTATION_AUTOMATIC, KMS_ROTATION_ON_DEMAND };

/* One material of a key that can have several: "account/Region/kms/material/key/material". What a ciphertext made with an
 * older one is opened with. */
struct kms_material {
	struct bw_str id, wrapped; /* wrapped absent: imported once, now deleted or expired */
	int64_t version, state, created_ms;
	int64_t rotated_ms, rotation;
	struct bw_str description;
	int64_t valid_to_ms; /* 0: does not expire */
	int64_t number;      /* order of becoming current */
};

/* "account/Region/kms/alias/alias/name" */
struct kms_alias {
	struct bw_str name, key_id;
	int64_t created_ms, updated_ms;
};

/* "account/Region/kms/grant/key/grant", and found by who is granted through kms_grantee_key. */
struct kms_grant {
	struct bw_str id, name, grantee, grantee_id, retiring, retiring_id, issuer;
	int64_t created_ms;
	struct bw_strs operations;
	struct bw_pairs equals, subset; /* encryption context constraints */
	bool has_equals, has_subset;
};

/* "account/Region/kms/last-use/key", noted by what uses a key. */
struct kms_last_use {
	struct bw_str operation, event_id, request_id;
	int64_t when_ms;
};

/* What an import token says, sealed. */
struct kms_import {
	struct bw_str key_arn, wrapped; /* the wrapped private key of the wrapping pair */
	int64_t algorithm, wrapping_spec, expires_ms;
};

extern const struct bw_record kms_key_record, kms_material_record, kms_alias_record, kms_grant_record, kms_last_use_record,
    kms_import_record, kms_store_record;

/* Store keys. */
struct bw_str kms_store_key(struct bw_arena *a, struct bw_str account, struct bw_str region, const char *kind, struct bw_str name);
/* Of a material, or with `material` absent the prefix of all of a key. */
struct bw_str kms_material_key(struct bw_arena *a, struct bw_str account, struct bw_str region, struct bw_str key_id,
    struct bw_str material);
