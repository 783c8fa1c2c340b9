/* What the files of custom key stores share (AWS KMS Developer Guide, "Key stores"): stores, what their keys have to do with
 * them, and the way to what is kept outside. */
#pragma once

#include "svc/kms/kms.h"

/* ---- custom.c: stores ---- */

struct bw_str kms_custom_key(struct bw_call *call, struct bw_str account, struct bw_str region, struct bw_str id);
/* CustomKeyStoreNotFoundException. */
BW_CHECKED enum bw_err kms_custom_load(struct bw_call *call, struct bw_str id, struct kms_store *out);
void kms_custom_save(struct bw_call *call, const struct kms_store *s);
/* All of the account and Region; what is added to them meanwhile makes the call run again. */
BW_CHECKED enum bw_err kms_customs(struct bw_call *call, struct kms_store **out, size_t *n);
/* CustomKeyStoreInvalidStateException. */
BW_CHECKED enum bw_err kms_custom_wrong_state(struct bw_call *call, const struct kms_store *s, const char *text);
/* kms:CallerAccount, all that their operations are about. */
BW_CHECKED enum bw_err kms_custom_keys(struct bw_call *call);
/* Not the name, or another's. CustomKeyStoreNameInUseException. */
BW_CHECKED enum bw_err kms_custom_name_free(struct bw_call *call, struct bw_str name);
/* A cluster is one store's of the server's. */
struct bw_str kms_cluster_key(struct bw_call *call, struct bw_str cluster);
BW_CHECKED enum bw_err kms_cluster_free(struct bw_call *call, struct bw_str cluster);
/* XksProxyUriInUseException; `but`: the store that may have it. */
BW_CHECKED enum bw_err kms_proxy_free(struct bw_call *call, struct bw_str endpoint, struct bw_str path, struct bw_str but);

/* GenerateRandom in an AWS CloudHSM cluster: asks for it, and what came of it. */
BW_CHECKED enum bw_err kms_custom_random(struct bw_call *call, struct bw_str id, size_t bytes);
BW_CHECKED enum bw_err kms_custom_drawn(struct bw_call *call, struct bw_str *out);

/* ---- custom_key.c: their keys ---- */

/* Loads the store that a key found is in. */
BW_CHECKED enum bw_err kms_store_of(struct bw_call *call, struct kms_found *f);
/* KMSInvalidStateException unless the key's store, if it is in one, is connected. */
BW_CHECKED enum bw_err kms_store_ready(struct bw_call *call, const struct kms_found *f);
void kms_store_describe(struct bw_call *call, const struct kms_found *f, struct kms_KeyMetadata *m);
/* UnsupportedOperationException for a key in a store: what only keys of KMS's own can do. */
BW_CHECKED enum bw_err kms_not_in_store(struct bw_call *call, const struct kms_found *f);
/* CreateKey: whether the key that is asked for may be in the store it names; finds that. Then what is asked outside, and what
 * came of it: `generate` when KMS's own material is to be made, too. Last, its marks. */
BW_CHECKED enum bw_err kms_store_choose(struct bw_call *call, const IN_kms_CreateKey *in, struct kms_found *f);
void kms_store_ask(struct bw_call *call, const struct kms_found *f);
BW_CHECKED enum bw_err kms_store_asked(struct bw_call *call, const struct kms_found *f, bool *generate);
BW_CHECKED enum bw_err kms_store_enter(struct bw_call *call, const struct kms_found *f);
void kms_store_leave(struct bw_call *call, const struct kms_found *f);
/* The key's end in a token; what becomes of an external key is not KMS's affair. */
void kms_store_destroy_ask(struct bw_call *call, const struct kms_found *f);

/* ---- cross.c: ciphertexts that were made outside, too ---- */

/* Slices into a ciphertext. */
struct kms_crossed {
	int64_t type; /* enum kms_store_type; 0: none of these */
	struct bw_str account, region, key_id;
	struct bw_str front; /* all up to there */
	struct bw_str metadata, nonce, tag, sealed; /* CLOUDHSM: `sealed` alone */
};
/* BW_EINVAL: it is none. */
BW_CHECKED enum bw_err kms_crossed_parse(struct bw_str ciphertext, struct kms_crossed *out);
/* Whether its front is this key's. */
bool kms_crossed_fits(struct bw_call *call, const struct kms_found *f, const struct kms_crossed *c);
/* Asks the key's store to seal or to open; `context` as kms_context gives it. */
void kms_cross_seal(struct bw_call *call, const struct kms_found *f, struct bw_str context, struct bw_str bytes);
void kms_cross_open(struct bw_call *call, const struct kms_found *f, struct bw_str context, const struct kms_crossed *c);
/* What came of it. `sent`: the bytes that were to be sealed. KMSInvalidStateException, InvalidCiphertextException. */
BW_CHECKED enum bw_err kms_cross_sealed(struct bw_call *call, const struct kms_found *f, struct bw_str context,
    struct bw_str sent, struct bw_str *ciphertext);
BW_CHECKED enum bw_err kms_cross_opened(
    struct bw_call *call, const struct kms_found *f, const struct kms_crossed *c, struct bw_str *bytes);

/* Encrypt and GenerateDataKey under a key in a store, in steps: `request` is what the keyer would be asked for a key of KMS's own. In
 * the end call->answer is as the keyer's would be. The second is for a row's `then`, and does nothing for other keys. */
void kms_sealing_ask(struct bw_call *call, struct kms_found *f, struct bw_keyer_request *request);
BW_CHECKED enum bw_err kms_sealing_then(struct bw_call *call, const struct kms_found *f);

/* ---- xks.c: a proxy's API ---- */

/* What became of a request to a proxy. */
enum xks_outcome {
	XKS_DONE,
	XKS_VALIDATION,
	XKS_STATE,
	XKS_CIPHERTEXT,
	XKS_USAGE,
	XKS_AUTHENTICATION,
	XKS_ACCESS,
	XKS_KEY,
	XKS_PATH,
	XKS_UNSUPPORTED,
	XKS_SLOW_DEPENDENCY,
	XKS_THROTTLED,
	XKS_INTERNAL,
	XKS_NO_CONNECTION,
	XKS_NO_TLS,
	XKS_TIMEOUT,
	XKS_MALFORMED,
	XKS_ALL_DOWN, /* by its own account of its key managers */
	XKS_OUTCOMES,
};
/* The error of CreateCustomKeyStore and its kind, of CreateKey, the connection's error code, and AWS's text. The error of
 * cryptographic operations is KMSInvalidStateException always. */
struct xks_words {
	const char *name; /* as the proxy calls it; NULL: it does not */
	const char *store_code, *key_code, *connection_code, *text;
};
extern const struct xks_words xks_words[XKS_OUTCOMES];

struct xks_sealed {
	struct bw_str ciphertext, metadata, nonce, tag;
};

/* Each sets call->reach. `f`: the key; absent parts of a request are not in it. */
void xks_health_ask(struct bw_call *call, const struct kms_store *s);
void xks_metadata_ask(struct bw_call *call, const struct kms_found *f);
void xks_encrypt_ask(struct bw_call *call, const struct kms_found *f, struct bw_str aad, struct bw_str plain);
void xks_decrypt_ask(struct bw_call *call, const struct kms_found *f, struct bw_str aad, const struct xks_sealed *sealed);

/* ---- xks_answer.c: what call->reached says, which anybody may have written ---- */

enum xks_outcome xks_health_read(struct bw_call *call);
/* `usable`: an enabled AES-256 key for both ways. */
enum xks_outcome xks_metadata_read(struct bw_call *call, bool *usable);
enum xks_outcome xks_encrypt_read(struct bw_call *call, struct bw_str aad, size_t plain_bytes, struct xks_sealed *out);
enum xks_outcome xks_decrypt_read(struct bw_call *call, size_t bytes, struct bw_str *plain);
