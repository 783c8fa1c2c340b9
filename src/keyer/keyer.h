/* The keyer: the one process that holds the root key and KMS key material. It parses nothing from the
 * network; this header is all that may be asked of it. Requests travel over a channel of messages, one a loop;
 * answers come back on the loop that asked. Outside the keyer, material exists only wrapped.
 *
 * Material is wrapped under a key derived from the root key, with its whole identity (struct
 * bw_keyer_material) as associated data, each part with its length in front: what was moved to another key,
 * account or Region does not open. */
#pragma once

#include <stdatomic.h>

#include "base/buf.h"
#include "crypto/secret.h"
#include "net/loop.h"
#include "proc/board.h"
#include "proc/ring.h"

/* AWS KMS API Reference, "KeySpec". */
enum bw_key_spec {
	BW_KEY_NONE,
	BW_KEY_SYMMETRIC_DEFAULT,
	BW_KEY_HMAC_224,
	BW_KEY_HMAC_256,
	BW_KEY_HMAC_384,
	BW_KEY_HMAC_512,
	BW_KEY_RSA_2048,
	BW_KEY_RSA_3072,
	BW_KEY_RSA_4096,
	BW_KEY_ECC_NIST_P256,
	BW_KEY_ECC_NIST_P384,
	BW_KEY_ECC_NIST_P521,
	BW_KEY_ECC_SECG_P256K1,
	BW_KEY_ECC_NIST_EDWARDS25519,
	BW_KEY_ML_DSA_44,
	BW_KEY_ML_DSA_65,
	BW_KEY_ML_DSA_87,
	BW_KEY_SM2,
	BW_KEY_SPECS,
};

/* Every algorithm of every key spec: EncryptionAlgorithmSpec, SigningAlgorithmSpec, MacAlgorithmSpec,
 * KeyAgreementAlgorithmSpec, and the wrapping algorithms of ImportKeyMaterial. */
enum bw_key_algorithm {
	BW_ALG_NONE,
	BW_ALG_SYMMETRIC_DEFAULT,
	BW_ALG_RSAES_OAEP_SHA_1,
	BW_ALG_RSAES_OAEP_SHA_256,
	BW_ALG_SM2PKE,
	BW_ALG_RSASSA_PSS_SHA_256,
	BW_ALG_RSASSA_PSS_SHA_384,
	BW_ALG_RSASSA_PSS_SHA_512,
	BW_ALG_RSASSA_PKCS1_V1_5_SHA_256,
	BW_ALG_RSASSA_PKCS1_V1_5_SHA_384,
	BW_ALG_RSASSA_PKCS1_V1_5_SHA_512,
	BW_ALG_ECDSA_SHA_256,
	BW_ALG_ECDSA_SHA_384,
	BW_ALG_ECDSA_SHA_512,
	BW_ALG_SM2DSA,
	BW_ALG_ML_DSA_SHAKE_256,
	BW_ALG_ED25519_SHA_512,
	BW_ALG_ED25519_PH_SHA_512,
	BW_ALG_HMAC_SHA_224,
	BW_ALG_HMAC_SHA_256,
	BW_ALG_HMAC_SHA_384,
	BW_ALG_HMAC_SHA_512,
	BW_ALG_ECDH,
	BW_ALG_RSA_AES_KEY_WRAP_SHA_1,
	BW_ALG_RSA_AES_KEY_WRAP_SHA_256,
	BW_ALGS,
};

enum bw_key_message { BW_MESSAGE_RAW, BW_MESSAGE_DIGEST, BW_MESSAGE_EXTERNAL_MU };

/* One material of one key. A key with rotations has several; a ciphertext names the one it was made with. */
struct bw_keyer_material {
	struct bw_str account, region, key_id; /* a replica's material is wrapped anew for its Region */
	struct bw_str material_id;             /* KeyMaterialId: 64 hexadecimal digits */
	int64_t version; /* of the wrapping: a record that was rolled back does not open under another */
	enum bw_key_spec spec;
	struct bw_str wrapped;
};

enum bw_keyer_op {
	BW_KEYER_GENERATE, /* key.spec -> out: wrapped, out2: public key as SubjectPublicKeyInfo DER
	                      (asymmetric), out3: material id */
	BW_KEYER_REWRAP,   /* key, other (identity to wrap for) -> out: wrapped. Replicas, key rotation of the
	                      root */
	BW_KEYER_ENCRYPT,  /* key, algorithm, input: plaintext, context -> out: ciphertext */
	BW_KEYER_DECRYPT,  /* key, algorithm, input: ciphertext, context -> out: plaintext */
	BW_KEYER_REENCRYPT, /* other, other_algorithm, input, other_context -> key, algorithm, context -> out.
	                       The plaintext never leaves */
	BW_KEYER_DATA_KEY,  /* key, length, context, plain -> out: ciphertext, out2: plaintext when `plain` */
	BW_KEYER_DATA_KEY_PAIR, /* key, pair_spec, context, plain -> out: ciphertext of the PKCS #8 DER, out2:
	                           it when `plain`, out3: public DER */
	BW_KEYER_SIGN,          /* key, algorithm, message, input -> out: signature */
	BW_KEYER_VERIFY, /* key, algorithm, message, input, input2: signature. ECORRUPT: it does not verify */
	BW_KEYER_MAC,    /* key, algorithm, input -> out */
	BW_KEYER_VERIFY_MAC, /* key, algorithm, input, input2: MAC. ECORRUPT: it does not verify */
	BW_KEYER_DERIVE, /* key (ECDH), input: the peer's SubjectPublicKeyInfo DER -> out: raw shared secret
	                  */
	BW_KEYER_RANDOM, /* length -> out */
	BW_KEYER_IMPORT_BEGIN, /* key: identity, spec: the wrapping RSA spec -> out: the wrapped private
	                          wrapping key (goes into the import token), out2: public key DER */
	BW_KEYER_IMPORT,       /* key: identity and spec; other: the wrapping key; algorithm; input: encrypted
	                          material
	                          -> out: wrapped, out2: public DER, out3: material id. EINVAL: it is not what the
	                          spec asks for */
	BW_KEYER_STORE_KEY,    /* input: the store's salt, 32 bytes; length: the generation of the main key, 0: the newest ->
	                          out: its key-encryption key (store/seal.h), out2: the generation, one byte. Asked when an
	                          api process starts, and by a rekey */
	BW_KEYER_REKEY,        /* input: the seal file as it stands in the data folder; plain: end it, else begin -> out:
	                          the file to put into its place. EAGAIN: its state is another one, ETOOBIG: no generation
	                          is left */
	BW_KEYER_REKEYED,      /* input: the seal file as it stands now: what its keyring says holds from now on */
	BW_KEYER_SIGN_ISSUED,  /* As BW_KEYER_SIGN, for certificates and requests: any digest goes with any curve, and RSA pads as PKCS #1
	                          v1.5 does */
	BW_KEYER_OPS,
	BW_KEYER_NOTHING = BW_KEYER_OPS, /* the answer is known without the keyer */
};

/* Messages either way are at most this long: a CMK's longest inputs are 6,144 bytes, its longest material
 * some 5,000. */
enum { BW_KEYER_MESSAGE_MAX = 64 * 1024 };

struct bw_keyer_request {
	enum bw_keyer_op op;
	struct bw_keyer_material key, other;
	enum bw_key_algorithm algorithm, other_algorithm;
	enum bw_key_message message;
	enum bw_key_spec pair_spec;
	struct bw_str input, input2;
	struct bw_str context, other_context; /* encryption contexts as bw_keyer_context made them */
	size_t length;                        /* bytes wanted */
	bool plain;
};

/* BW_OK; BW_ECORRUPT: what was to be opened or verified does not authenticate; BW_EINVAL: the input does not
 * fit the key (too long, not a point of the curve, a digest of another length); BW_EPERM: sealed, or not
 * permitted; BW_ENOTFOUND: this OpenSSL lacks the algorithm; BW_EAGAIN: the keyer was restarted twice
 * meanwhile or too much waits; BW_EIO: it has not answered in time. */
struct bw_keyer_answer {
	enum bw_err result;
	struct bw_str out, out2, out3; /* in the asking call's arena */
};

/* A symmetric ciphertext names its key and material in front, readable without the keyer: what Decrypt
 * without a KeyId goes by. BW_EINVAL: not a ciphertext of ours. Slices point into the blob, the material id
 * into the arena. */
struct bw_keyer_blob {
	struct bw_str account, region, key_id, material_id;
};
BW_CHECKED enum bw_err bw_keyer_blob_parse(
    struct bw_str ciphertext, struct bw_arena *arena, struct bw_keyer_blob *out);

/* The generation of the main key that a material is wrapped under; 0: it is none. */
unsigned bw_keyer_generation(struct bw_str wrapped);

/* The encryption context in its one form: pairs sorted by key, each part with its length in front. `pairs`
 * are 2 n strings. */
struct bw_str bw_keyer_context(struct bw_arena *a, const struct bw_str *pairs, size_t n);

/* ---- Asking ---- */

/* One request on its way, embedded in whoever asks. Zeroed but for the first four before it is sent. */
struct bw_keyer_ask {
	const struct bw_keyer_request *request; /* borrowed, with all it points to, until `done`: it may have to be sent again */
	struct bw_arena *arena;                 /* of the answer */
	void (*done)(struct bw_keyer_ask *ask); /* on the loop; the answer stands in `answer` */
	void *ctx;
	struct bw_keyer_answer answer;
	struct bw_keyer_client *client;
	uint64_t id, at; /* its number, its place in the ring */
	unsigned taken;  /* by how many keyers that are no more */
	int64_t due_ms;
	struct keyer_list *list;
	struct bw_keyer_ask *next, **prev;
};

/* A loop's way to the keyer. */
struct bw_keyer_client;
/* Takes the asking side of `channel`, which must outlive it. BW_EIO, logged. */
BW_CHECKED enum bw_err bw_keyer_client_new(struct bw_loop *loop, struct bw_ring *channel, struct bw_keyer_client **out);
/* Nothing may be on its way. */
void bw_keyer_client_free(struct bw_keyer_client *c);
/* Sends; the keyer hears of it at the end of the turn at the latest. `done` is called once, later, whatever becomes of it: when the
 * keyer is started again, what it had not answered is sent once more, and answered BW_EAGAIN when it dies of it again, or when too
 * much waits; BW_EIO when nothing came in time. On the loop's thread. */
void bw_keyer_send(struct bw_keyer_client *c, struct bw_keyer_ask *ask);
/* Takes back what was sent: `done` will not be called. */
void bw_keyer_withdraw(struct bw_keyer_ask *ask);

/* For a thread that has no loop, and a channel of its own: asks and waits. BW_EIO, logged. */
struct bw_keyer_waiter;
BW_CHECKED enum bw_err bw_keyer_waiter_new(struct bw_ring *channel, struct bw_keyer_waiter **out);
void bw_keyer_waiter_free(struct bw_keyer_waiter *w);
/* BW_EAGAIN: no answer within `wait_ms`; else `answer`, in the arena, says what became of it. */
BW_CHECKED enum bw_err bw_keyer_ask_wait(struct bw_keyer_waiter *w, const struct bw_keyer_request *request, int64_t wait_ms,
    struct bw_arena *arena, struct bw_keyer_answer *answer);

/* ---- The process ---- */

/* A channel, made by the parent before it forks, so that it outlives either side, and kept by its number (proc/kept.h). BW_EIO,
 * logged. */
BW_CHECKED enum bw_err bw_keyer_channel(size_t number, struct bw_ring **out);
/* How it is sealed, and who may say so: the operator, over a socket of his own (admin.h). */
struct bw_keyer_seal {
	struct bw_str file;       /* the seal file's bytes (unseal.h) */
	int listening;            /* bw_admin_listen's */
	struct bw_board *status;  /* this process's to write (seal_status.h) */
	int parent;               /* the channel to it, which is told of upgrades */
	_Atomic bool *held;       /* shared with those that come after: stay sealed, even where nobody need be asked */
};
/* Answers what comes over the channels on threads of its own, one a channel, in the narrow sandbox, until `wait` (which runs
 * on this thread, in the sandbox too) returns; the process has to end then. Takes `root` over; without it (NULL) it is
 * sealed, and answers BW_EPERM until the operator unseals it. Without a seal (NULL) the root key is the main key itself, and it
 * is for ever open. Nothing else of the process may run. BW_EIO, BW_EPERM (a root key that does not open the seal file),
 * logged. */
BW_CHECKED enum bw_err bw_keyer_serve(struct bw_secret *root, const struct bw_keyer_seal *seal, struct bw_ring *const *channels,
    size_t channel_count, void (*wait)(void *ctx), void *ctx);
