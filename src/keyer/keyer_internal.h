/* What the files of keyer/ share. */
#pragma once

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>

#include "crypto/crypto.h"
#include "crypto/secret.h"
#include "keyer/keyer.h"
#include "keyer/keyring.h"

/* ---- message.c: requests and answers as bytes; every string with its length in front, no trailing bytes
 * ---- */
void keyer_request_encode(uint64_t id, const struct bw_keyer_request *r, struct bw_buf *out);
/* Slices point into `bytes`. BW_EINVAL on any malformation. */
BW_CHECKED enum bw_err keyer_request_decode(struct bw_str bytes, uint64_t *id, struct bw_keyer_request *out);
void keyer_answer_encode(uint64_t id, const struct bw_keyer_answer *a, struct bw_buf *out);
BW_CHECKED enum bw_err keyer_answer_decode(struct bw_str bytes, uint64_t *id, struct bw_keyer_answer *out);
/* What the keyer says first on each channel when it starts, and when it has found the ring broken: an answer to nobody. What was put
 * before `until` is not in the ring any more and has to be sent again; what was put before `taken` the keyer before had begun. */
#define KEYER_HELLO UINT64_C(0)
void keyer_hello_encode(uint64_t taken, uint64_t until, struct bw_buf *out);
BW_CHECKED enum bw_err keyer_hello_decode(const struct bw_keyer_answer *a, uint64_t *taken, uint64_t *until);

/* ---- The process's own state ---- */
struct keyer {
	/* Seals materials, by generation of the main key: the newest wraps, those that are left unwrap. */
	_Atomic(struct bw_aead_key *) wrapping[BW_GENERATIONS_MAX + 1];
	_Atomic unsigned newest;   /* 0: sealed */
	struct bw_hmac_key naming; /* makes material ids */
	pthread_mutex_t lock;      /* of the keyring: store keys are asked for, and keys change, seldom */
	struct bw_keyring ring;
	struct keyer_admin *admin; /* NULL: it is never sealed, nor rekeyed */
	bool unlocked;             /* not all of its memory is locked */
	/* Who is within a request, so that keys are not wiped beneath him: keyer_exchange, keyer_close. */
	_Atomic unsigned phase, within[2];
};

/* A material in clear, made ready. */
struct keyer_key {
	enum bw_key_spec spec;
	struct bw_str raw; /* symmetric and HMAC keys; PKCS #8 DER of the others. From a cache: symmetric keys alone */
	EVP_PKEY *pkey;    /* of the others */
	EVP_MAC_CTX *mac;  /* HMAC keys: its two midstates */
	EVP_PKEY_CTX *signing; /* set to sign with `signs_with`, once it has */
	enum bw_key_algorithm signs_with;
};
void keyer_key_close(struct keyer_key *k);

/* ---- cache.c: of one thread; what it finds is good until it puts again ---- */
struct keyer_cache;
struct keyer_cache *keyer_cache_new(void);
void keyer_cache_free(struct keyer_cache *c);
/* NULL: it is not there. */
struct keyer_key *keyer_cache_find(
    struct keyer_cache *c, const struct bw_keyer_material *m, int64_t now_ms);
/* Takes the key, which was opened from exactly `m`, over. */
struct keyer_key *keyer_cache_put(
    struct keyer_cache *c, const struct bw_keyer_material *m, struct keyer_key *key, int64_t now_ms);
/* Drops what was not used for some minutes; whether anything is left. */
bool keyer_cache_sweep(struct keyer_cache *c, int64_t now_ms);

/* Everything a handler gets: allocations die with the request and are wiped. */
struct keyer_turn {
	struct keyer *keyer;
	const struct bw_keyer_request *request;
	struct bw_keyer_answer *answer;
	struct bw_arena *arena;
	unsigned generation; /* of the main key that wraps */
	struct keyer_cache *cache; /* of the thread; NULL: it has none */
	struct keyer_key own;      /* what keyer_key_use opened, without a cache */
};

/* ---- spec.c ---- */
enum keyer_family { KEYER_SYMMETRIC, KEYER_MAC, KEYER_RSA, KEYER_EC, KEYER_EDWARDS, KEYER_SM2, KEYER_ML_DSA, KEYER_FAMILIES };
struct keyer_spec {
	enum keyer_family family;
	unsigned bits;        /* RSA modulus */
	unsigned raw_bytes;   /* symmetric and HMAC keys */
	const char *group;    /* EC: OpenSSL's name */
	const char *type;     /* what is neither RSA nor EC: OpenSSL's name, if it has it */
	unsigned share_bytes; /* EC: of an ECDH secret */
	bool slow;            /* making one takes long */
};
/* NULL: this build has no such keys. */
const struct keyer_spec *keyer_spec(enum bw_key_spec spec);

struct keyer_algorithm {
	enum keyer_family family;
	const char *digest; /* OpenSSL's name; NULL: none. keyer_digest fetches it, once */
	unsigned digest_bytes;
	int padding;           /* RSA */
	enum bw_key_spec only; /* the one spec it goes with, when there is one */
};
/* NULL: this build lacks it. */
const struct keyer_algorithm *keyer_algorithm(enum bw_key_algorithm a);
const EVP_MD *keyer_digest(const struct keyer_algorithm *a);
/* The one MAC algorithm of an HMAC spec. */
const struct keyer_algorithm *keyer_mac_algorithm(enum bw_key_spec spec);
/* Whether the algorithm goes with the spec at all (KMS API Reference, "Encrypt", "Sign", "GenerateMac"). */
bool keyer_goes_with(enum bw_key_algorithm a, enum bw_key_spec spec);

/* ---- material.c ---- */
/* Unwraps and makes ready. BW_ECORRUPT: another identity, or changed bytes. The caller closes. */
BW_CHECKED enum bw_err keyer_key_open(
    struct keyer_turn *t, const struct bw_keyer_material *m, struct keyer_key *out);
/* The same from the thread's cache, for what goes through the same keys again and again. Good until the next of these; the caller gives it
 * back with keyer_key_done. */
BW_CHECKED enum bw_err keyer_key_use(
    struct keyer_turn *t, const struct bw_keyer_material *m, struct keyer_key **out);
void keyer_key_done(struct keyer_turn *t);
/* Wraps raw material for the identity in `m`. */
void keyer_wrap(
    struct keyer_turn *t, const struct bw_keyer_material *m, struct bw_str raw, struct bw_str *wrapped);
/* Fresh material of a spec: raw bytes, or PKCS #8 DER with its public half. */
BW_CHECKED enum bw_err keyer_make(
    struct keyer_turn *t, enum bw_key_spec spec, struct bw_str *raw, struct bw_str *public_der);
/* Material from outside: BW_EINVAL unless it is exactly what the spec asks for. `raw` comes back in the one
 * form we keep. */
BW_CHECKED enum bw_err keyer_check(struct keyer_turn *t, enum bw_key_spec spec, struct bw_str given,
    struct bw_str *raw, struct bw_str *public_der);
/* Whether it is the key that material is sent in under (BW_KEYER_IMPORT_BEGIN), which has no material id. */
bool keyer_wraps_imports(const struct bw_keyer_material *m);
/* 64 hexadecimal digits that tell a material from any other without saying anything of it. */
struct bw_str keyer_material_id(struct keyer_turn *t, struct bw_str raw);
struct bw_str keyer_der_private(struct bw_arena *a, EVP_PKEY *pkey);
struct bw_str keyer_der_public(struct bw_arena *a, EVP_PKEY *pkey);

/* ---- context.c: a ciphertext's parts ---- */
enum { KEYER_ID = 32, KEYER_SALT = 32, KEYER_TAG = 16, KEYER_FRONT_MAX = 1 + 3 * 256 + KEYER_ID + KEYER_SALT };
struct keyer_blob {
	struct bw_str front, id, salt, sealed; /* sealed: ciphertext and tag */
};
BW_CHECKED enum bw_err keyer_blob_split(
    struct bw_str ciphertext, struct bw_keyer_blob *out, struct keyer_blob *parts);
/* BW_EINVAL: an identity that no ciphertext can carry. */
BW_CHECKED enum bw_err keyer_blob_front(
    const struct bw_keyer_material *m, const unsigned char salt[KEYER_SALT], struct bw_buf *out);

/* ---- One file a family: as keyer.h says of each operation ---- */
BW_CHECKED enum bw_err keyer_symmetric_encrypt(struct keyer_turn *t, const struct bw_keyer_material *m,
    struct bw_str key, struct bw_str context, struct bw_str plain, struct bw_str *out);
BW_CHECKED enum bw_err keyer_symmetric_decrypt(struct keyer_turn *t, const struct bw_keyer_material *m,
    struct bw_str key, struct bw_str context, struct bw_str sealed, struct bw_str *out);
BW_CHECKED enum bw_err keyer_mac(struct keyer_turn *t, struct keyer_key *k, struct bw_str *out);
BW_CHECKED enum bw_err keyer_public_encrypt(
    struct keyer_turn *t, EVP_PKEY *pkey, enum bw_key_algorithm a, struct bw_str plain, struct bw_str *out);
BW_CHECKED enum bw_err keyer_public_decrypt(
    struct keyer_turn *t, EVP_PKEY *pkey, enum bw_key_algorithm a, struct bw_str sealed, struct bw_str *out);
BW_CHECKED enum bw_err keyer_sign(struct keyer_turn *t, struct keyer_key *k, struct bw_str *out);
BW_CHECKED enum bw_err keyer_verify(struct keyer_turn *t, struct keyer_key *k);
/* edwards.c: families that sign messages whole. */
BW_CHECKED enum bw_err keyer_message_sign(struct keyer_turn *t, EVP_PKEY *pkey, struct bw_str *out);
BW_CHECKED enum bw_err keyer_message_verify(struct keyer_turn *t, EVP_PKEY *pkey);
BW_CHECKED enum bw_err keyer_derive(struct keyer_turn *t, struct keyer_key *k, struct bw_str *out);
/* ImportKeyMaterial's algorithms. */
BW_CHECKED enum bw_err keyer_unwrap_import(
    struct keyer_turn *t, EVP_PKEY *pkey, enum bw_key_algorithm a, struct bw_str sealed, struct bw_str *out);

/* ---- operations.c ---- */
/* Answers one decoded request. `cache` may be NULL. */
void keyer_answer(struct keyer *k, struct keyer_cache *cache, const struct bw_keyer_request *r, struct bw_arena *arena,
    struct bw_keyer_answer *out);
/* Whether it makes an RSA key, or looks whether one that was imported is any (its primes are tested), which takes up to seconds. */
bool keyer_is_slow(const struct bw_keyer_request *r);

/* ---- state.c: what it holds, and when ---- */
void keyer_init(struct keyer *k);
/* From now on it answers. Takes the keyring over. */
void keyer_open(struct keyer *k, struct bw_keyring *ring);
/* The keys become those of another keyring of the same server, which is taken over: what is not in it is wiped when it returns.
 * Not within a request. */
void keyer_exchange(struct keyer *k, struct bw_keyring *ring);
/* From now on it answers nothing; wiped when it returns. */
void keyer_close(struct keyer *k);
/* Around each request. */
unsigned keyer_enter(struct keyer *k);
void keyer_leave(struct keyer *k, unsigned phase);
