/* Key specs, usages and algorithms as AWS names them (AWS KMS Developer Guide, "Key spec reference"). */
#pragma once

#include "svc/kms/record.h"

struct kms_spec {
	const char *name;
	uint8_t usages;       /* bit 1 << enum kms_usage */
	uint8_t asymmetric;
	/* Algorithms of each usage, BW_ALG_NONE at the end. */
	const uint8_t *encrypt, *sign, *mac, *agree;
};

struct kms_algorithm {
	const char *name;
	uint8_t digest_bytes; /* what MessageType DIGEST must bring; 0: any, or no such thing */
};

extern const struct kms_spec kms_specs[BW_KEY_SPECS];
extern const struct kms_algorithm kms_algorithms[BW_ALGS];
/* By AWS's names; indexed by the enums of record.h, absent at 0. */
extern const char *const kms_usage_names[5], *const kms_origin_names[5], *const kms_state_names[6];

/* BW_KEY_NONE, BW_ALG_NONE or 0 when there is none of that name. */
enum bw_key_spec kms_spec_by_name(struct bw_str name);
enum bw_key_algorithm kms_algorithm_by_name(struct bw_str name);
enum kms_usage kms_usage_by_name(struct bw_str name);

/* The algorithms of a key, BW_ALG_NONE at the end; never NULL. */
const uint8_t *kms_algorithms_of(int64_t spec, int64_t usage);
bool kms_spec_has(int64_t spec, int64_t usage, enum bw_key_algorithm algorithm);
/* The longest plaintext of an asymmetric key, in bytes; 0: the model's own limit is all there is. */
size_t kms_plaintext_max(int64_t spec, enum bw_key_algorithm algorithm);
