/* What the files of KMS share. All runs on the call's own thread, in the memory of the call's arena; errors of the client
 * are stated on the call (BW_EFAILED).
 *
 * A row's `resource` finds the key the call is about and leaves it as call->state (struct kms_found); its `ask` checks that
 * the key may be used so and says what the keyer shall do; the handler gives out the keyer's answer. */
#pragma once

#include "core/caller.h"
#include "core/core.h"
#include "core/entity.h"
#include "core/op.h"
#include "gen/kms.h"
#include "svc/kms/record.h"
#include "svc/kms/spec.h"

enum {
	KMS_DAY_MS = 24 * 3600 * 1000,
	KMS_POLICY_MAX = 32768,   /* AWS KMS Developer Guide, "Resource quotas": key policy document size */
	KMS_CONTEXT_MAX = 8192,   /* ... of an encryption context, keys and values together */
};

extern const struct bw_quota kms_keys_quota, kms_aliases_quota, kms_grants_quota, kms_tags_quota, kms_rotations_quota,
    kms_policy_size_quota, kms_stores_quota;

/* ---- The key that is meant ---- */

enum kms_found_as {
	KMS_FOUND,
	KMS_NO_KEY,    /* a well-formed id or ARN of none */
	KMS_NO_ALIAS,
	KMS_BAD_ID,    /* neither id, nor ARN, nor (where it may be) an alias */
	KMS_BAD_ARN,
	KMS_ELSEWHERE, /* an ARN of another Region */
};

struct kms_found {
	enum kms_found_as as;
	struct bw_str given, account, region, id, arn, store_key;
	struct bw_str alias; /* "alias/name" when it was named by that */
	bool planned; /* an AWS managed key that stands nowhere yet */
	struct kms_key key;
	struct kms_store *store; /* the custom key store that it is in; NULL: none */
	struct kms_sealing *sealing; /* its own; NULL: nothing is on its way there */
};

/* BW_OK whatever is found; other errors are stated. `aliases`: alias names and ARNs may be given, too. */
BW_CHECKED enum bw_err kms_find(struct bw_call *call, struct bw_str given, bool aliases, struct kms_found *out);
/* The same by what is certain: a key's id in the call's or another Region. */
BW_CHECKED enum bw_err kms_find_in(struct bw_call *call, struct bw_str account, struct bw_str region, struct bw_str id,
    struct kms_found *out);
/* NotFoundException or InvalidArnException in AWS's words, unless it was found. */
BW_CHECKED enum bw_err kms_must_exist(struct bw_call *call, const struct kms_found *f);

/* Rows' `resource`: the key of KeyId, its policy, tags, grants and condition keys. The second takes aliases, too: for what
 * uses a key rather than manages it. An absent KeyId leaves the resource "*". */
BW_CHECKED enum bw_err kms_managed_key(struct bw_call *call);
BW_CHECKED enum bw_err kms_used_key(struct bw_call *call);
/* States a key that was found otherwise as what the call is about. */
BW_CHECKED enum bw_err kms_about(struct bw_call *call, struct kms_found *f);
/* A further permission on another key. */
BW_CHECKED enum bw_err kms_also_about(struct bw_call *call, struct bw_str action, struct kms_found *f, struct bw_also **out);
/* What `resource` found; it exists, or NotFoundException. */
BW_CHECKED enum bw_err kms_key_of(struct bw_call *call, struct kms_found **out);

struct bw_str kms_key_arn(struct bw_call *call, struct bw_str account, struct bw_str region, struct bw_str id);
struct bw_str kms_alias_arn(struct bw_call *call, struct bw_str name);
void kms_key_save(struct bw_call *call, const struct kms_found *f);

/* ---- Key states ---- */

#define KMS_IN(state) (1u << KMS_##state)
enum { KMS_IN_ANY = 0xff, KMS_NOT_GOING = KMS_IN(ENABLED) | KMS_IN(DISABLED) | KMS_IN(PENDING_IMPORT) };
/* DisabledException or KMSInvalidStateException unless the key is in one of `states`. */
BW_CHECKED enum bw_err kms_in_state(struct bw_call *call, const struct kms_found *f, unsigned states);
/* KMSInvalidStateException "ARN is WORDS." */
BW_CHECKED enum bw_err kms_invalid_state(struct bw_call *call, const struct kms_found *f, const char *words);
/* Everything that using a key takes: it exists, is enabled, is for that, and has the algorithm (BW_ALG_NONE: not asked). */
BW_CHECKED enum bw_err kms_usable(struct bw_call *call, const struct kms_found *f, enum kms_usage usage,
    enum bw_key_algorithm algorithm);
/* UnsupportedOperationException for a key spec that is not offered in the call's Region. */
BW_CHECKED enum bw_err kms_spec_offered(struct bw_call *call, enum bw_key_spec spec, int64_t usage);
/* DryRunOperationException when the input says so. */
BW_CHECKED enum bw_err kms_dry_run(struct bw_call *call, struct bw_opt_bool dry_run);
/* Recipient: attestation documents of Nitro enclaves cannot be verified here, and without that nothing is given out. */
BW_CHECKED enum bw_err kms_no_recipient(struct bw_call *call, const struct kms_RecipientInfo *recipient);

/* ---- The keyer ---- */

/* The key's material in use. */
void kms_material_in_use(const struct kms_found *f, struct bw_keyer_material *out);
/* The keyer's refusal in AWS's words; BW_OK when it did what was asked. `corrupt`: the error's code when what was to be
 * opened or verified does not authenticate. */
BW_CHECKED enum bw_err kms_answered(struct bw_call *call, const char *corrupt);

/* A new key's id, and what follows from it. */
void kms_key_id_make(struct bw_call *call, struct kms_found *f, bool multi_region);
/* Its first material is asked for, and added from the answer. */
void kms_material_ask(const struct kms_found *f, struct bw_keyer_request *request);
BW_CHECKED enum bw_err kms_material_answered(struct bw_call *call, struct kms_found *f);
/* A first or further material as the keyer gave it: into the key's record, and its own. */
void kms_material_add(struct bw_call *call, struct kms_found *f, const struct kms_material *m);
/* Imported material is deleted or has expired: its bytes go, and the key waits for the same material again. */
void kms_material_forget(struct bw_call *call, struct kms_found *f, struct kms_material *m);
/* Destroys its material alone: the record stands for a key whose time has passed, until its grants are gone. */
BW_CHECKED enum bw_err kms_key_empty(struct bw_call *call, struct kms_found *f);
/* Every record of the key but its grants: materials, aliases, the key itself. What was encrypted under it stays encrypted. */
BW_CHECKED enum bw_err kms_key_destroy(struct bw_call *call, struct kms_found *f);
/* Some of its grants; `more`: not all. */
BW_CHECKED enum bw_err kms_grants_sweep(struct bw_call *call, const struct kms_found *f, bool *more);
/* At that time the key is looked at: whether its waiting period has ended, or material expires. */
void kms_key_due(struct bw_call *call, const struct kms_found *f, int64_t due_ms);

/* All materials of a key in order of their numbers. */
BW_CHECKED enum bw_err kms_materials(struct bw_call *call, const struct kms_found *f, struct kms_material **out, size_t *n);
/* Whether none that a ciphertext may need is missing, `just_now` (absent: none) being there by the call's own batch. */
BW_CHECKED enum bw_err kms_materials_complete(
    struct bw_call *call, const struct kms_found *f, struct bw_str just_now, bool *complete);
/* Makes `m` the one in use, by a rotation now; related keys in other Regions follow. */
BW_CHECKED enum bw_err kms_rotate(struct bw_call *call, struct kms_found *f, struct kms_material *m, enum kms_rotation how);
/* As kms_answered; a success is noted as the key's last use. */
BW_CHECKED enum bw_err kms_used(struct bw_call *call, const struct kms_found *f, const char *corrupt);

/* ---- Multi-Region keys ---- */

/* The replicas of a primary key, in the order of its list. */
BW_CHECKED enum bw_err kms_replicas(struct bw_call *call, const struct kms_found *f, struct kms_found **out, size_t *n);
/* UnsupportedOperationException when the key is a replica: what relatives share is set at the primary. */
BW_CHECKED enum bw_err kms_not_replica(struct bw_call *call, const struct kms_found *f);

/* ---- Sealed texts that clients carry ---- */

/* For one purpose each. Opening: BW_ECORRUPT for what is not ours or of another purpose. */
void kms_token_seal(struct bw_call *call, struct bw_str purpose, struct bw_str bytes, struct bw_str *out);
BW_CHECKED enum bw_err kms_token_open(struct bw_call *call, struct bw_str purpose, struct bw_str token, struct bw_str *bytes);

/* ---- Encryption contexts ---- */

/* kms:EncryptionContext:KEY and kms:EncryptionContextKeys; `also` NULL: of the call. */
void kms_context_keys(struct bw_call *call, struct bw_also *also, const struct kms_EncryptionContextType *context);
/* In the keyer's form. ValidationException when it is too large, or given for an asymmetric key. */
BW_CHECKED enum bw_err kms_context(struct bw_call *call, const struct kms_EncryptionContextType *context,
    enum bw_key_algorithm algorithm, struct bw_str *out);

/* ---- AWS managed keys ---- */

/* The first of their aliases behind `alias` (absent: of all); absent: there is none. */
struct bw_str kms_managed_after(struct bw_arena *a, struct bw_str alias);
/* Makes what was not found the key of one of their aliases in the call's account, yet to be saved. */
void kms_managed_plan(struct bw_call *call, struct kms_found *f);
/* With its material: key, alias and rotation. */
void kms_managed_save(struct bw_call *call, struct kms_found *f);

/* ---- Policies ---- */

/* Checks a policy for the key of `arn` and binds its principals. MalformedPolicyDocumentException, LimitExceededException. */
BW_CHECKED enum bw_err kms_policy_set(struct bw_call *call, struct kms_key *key, struct bw_str arn, struct bw_str document,
    bool unsafe);

/* ---- Tags ---- */

BW_CHECKED enum bw_err kms_tags_set(struct bw_call *call, struct bw_pairs *tags, const struct kms_TagList *given);
void kms_tags_to_shape(struct bw_call *call, const struct bw_pairs *tags, size_t from, size_t to, struct kms_TagList *out);

/* ---- Grants ---- */

/* What the key's grants allow the caller to do, for bw_call.grants. */
BW_CHECKED enum bw_err kms_grants(struct bw_call *call, const struct bw_also *about, struct bw_policy_list *further);
/* InvalidGrantTokenException for a token that is not one of ours. */
BW_CHECKED enum bw_err kms_grant_tokens_check(struct bw_call *call, const struct kms_GrantTokenList *tokens);

/* ---- Shapes ---- */

BW_CHECKED enum bw_err kms_metadata(struct bw_call *call, const struct kms_found *f, struct kms_KeyMetadata **out);
/* The list of the key's usage is set, the others stay absent. */
void kms_algorithms_to_shape(struct bw_call *call, const struct kms_key *k, struct kms_EncryptionAlgorithmSpecList *encryption,
    struct kms_SigningAlgorithmSpecList *signing, struct kms_KeyAgreementAlgorithmSpecList *agreement);

/* ---- Pages ---- */

enum { KMS_PAGE_USUAL = 100, KMS_PAGE_SMALL = 50 };
/* As bw_page_begin and bw_page_slice, in KMS's words: InvalidMarkerException. */
BW_CHECKED enum bw_err kms_page_begin(struct bw_call *call, struct bw_str prefix, struct bw_str marker, struct bw_opt_int limit,
    int64_t usual, struct bw_page *page);
BW_CHECKED enum bw_err kms_page_slice(struct bw_call *call, size_t n, struct bw_str marker, struct bw_opt_int limit,
    int64_t usual, size_t *from, size_t *to, struct bw_opt_bool *truncated, struct bw_str *next);
