/* Thin faces over OpenSSL 3: algorithms are fetched once at start, HMAC keys keep their inner and outer states. */
#pragma once

#include "base/buf.h"

/* Fetches every algorithm used; once per process, before threads. Panics if OpenSSL lacks one. */
void bw_crypto_init(void);

void bw_sha256(struct bw_str bytes, unsigned char out[32]);
/* SHA-256 over parts; `ctx` is 256 bytes of opaque state that needs no freeing. */
struct bw_sha256_ctx {
	_Alignas(16) unsigned char opaque[256];
};
void bw_sha256_begin(struct bw_sha256_ctx *c);
void bw_sha256_add(struct bw_sha256_ctx *c, struct bw_str bytes);
void bw_sha256_end(struct bw_sha256_ctx *c, unsigned char out[32]);

/* An HMAC-SHA256 key as its two midstates: cheap to use again and again. Wipe with bw_wipe when done. */
struct bw_hmac_key {
	struct bw_sha256_ctx inner, outer;
};
void bw_hmac_key(struct bw_hmac_key *k, struct bw_str secret);
void bw_hmac(const struct bw_hmac_key *k, struct bw_str bytes, unsigned char out[32]);
void bw_hmac_sha1(struct bw_str secret, struct bw_str bytes, unsigned char out[20]); /* TOTP, RFC 6238 */

/* SipHash-2-4-128: a keyed hash of short bytes at a fraction of HMAC's cost, for sums nobody else gets to see. */
struct bw_sip_key {
	uint64_t k[2];
};
void bw_sip_key(struct bw_sip_key *k, const unsigned char key[16]);
void bw_sip128(const struct bw_sip_key *k, struct bw_str bytes, uint64_t out[2]);

/* HKDF-SHA256 (RFC 5869). */
void bw_hkdf(struct bw_str secret, struct bw_str salt, struct bw_str info, unsigned char *out, size_t n);

/* AES-256-GCM with a random 96-bit nonce in front and the 16-byte tag behind. */
enum { BW_AEAD_OVERHEAD = 12 + 16 };
struct bw_aead_key;
/* Expands the key once. The caller frees; freeing wipes. Usable from any thread. */
struct bw_aead_key *bw_aead_key_new(const unsigned char key[32]);
void bw_aead_key_free(struct bw_aead_key *k);
/* Any thread. Under one key at most 2^32 times (NIST SP 800-38D section 8.3): who seals more takes a new key in time. */
void bw_aead_seal(struct bw_aead_key *k, struct bw_str aad, struct bw_str plain, struct bw_buf *out);
/* Into arena memory. BW_ECORRUPT when it does not authenticate. */
BW_CHECKED enum bw_err bw_aead_open(struct bw_aead_key *k, struct bw_str aad, struct bw_str sealed, struct bw_arena *arena,
    struct bw_str *plain);

/* Argon2id (RFC 9106), encoded form. Takes tens of milliseconds and 46 MiB: never on a loop. BW_ETOOBIG for a password
 * above 4 KiB or a full buffer; verifying answers false for those and for any encoding that is not one of ours. */
BW_CHECKED enum bw_err bw_password_hash(struct bw_str password, struct bw_buf *encoded);
bool bw_password_verify(struct bw_str password, struct bw_str encoded);

/* A key out of a passphrase: Argon2id with one lane. 64 MiB is the least that RFC 9106 (section 4) recommends; above 1 GiB a file
 * that was tampered with could keep us from starting. */
enum { BW_PASSPHRASE_KIB_MIN = 64 * 1024, BW_PASSPHRASE_KIB_MAX = 1024 * 1024 };
/* Takes up to seconds. BW_EINVAL: an empty passphrase or one above 4 KiB, a salt of fewer than 16 bytes or more than 64, a memory
 * out of that range, not 1 to 16 passes. BW_EINTERNAL: no such memory (logged). */
BW_CHECKED enum bw_err bw_passphrase_key(
    struct bw_str passphrase, struct bw_str salt, int64_t memory_kib, int64_t passes, unsigned char out[32]);

/* A private CA (ECDSA P-256) and certificates for TLS servers, as PEM. BW_EINVAL for an empty common
 * name or one above 64 bytes, BW_EINTERNAL when OpenSSL fails (logged). Keys are PKCS #8: bw_buf_free. */
BW_CHECKED enum bw_err bw_ca_make(struct bw_str common_name, int64_t now_ms, struct bw_buf *cert_pem, struct bw_buf *key_pem);
/* `names`: DNS names (a leading "*." too) and addresses in text; the first is the subject when it fits. Valid for 397
 * days from an hour before now. BW_EINVAL for no name or a malformed one. */
BW_CHECKED enum bw_err bw_ca_issue(struct bw_str ca_cert_pem, struct bw_str ca_key_pem, const struct bw_str *names,
    size_t name_count, int64_t now_ms, struct bw_buf *cert_pem, struct bw_buf *key_pem);

/* The same with a key of another kind: "RSA_2048" to "RSA_4096" (which takes a while: never on a loop), "EC_prime256v1",
 * "EC_secp384r1", "EC_secp521r1". BW_EINVAL for any other. */
BW_CHECKED enum bw_err bw_ca_issue_as(struct bw_str ca_cert_pem, struct bw_str ca_key_pem, struct bw_str algorithm,
    const struct bw_str *names, size_t name_count, int64_t now_ms, struct bw_buf *cert_pem, struct bw_buf *key_pem);

/* A certificate for a key that there is. BW_EINVAL when it is none. */
BW_CHECKED enum bw_err bw_ca_issue_for(struct bw_str ca_cert_pem, struct bw_str ca_key_pem, struct bw_str key_pem,
    const struct bw_str *names, size_t name_count, int64_t now_ms, struct bw_buf *cert_pem);

/* A PEM bundle of certification authorities: nothing but certificates, each a CA's with a key that is strong enough today.
 * BW_EINVAL for anything else. `count` is how many were read, also then. */
BW_CHECKED enum bw_err bw_ca_bundle_check(struct bw_str pem, size_t *count);
/* One revocation list in PEM, signed by a CA of the bundle, and how many certificates it revokes. BW_EINVAL for anything
 * else. */
BW_CHECKED enum bw_err bw_crl_check(struct bw_str crl_pem, struct bw_str bundle_pem, size_t *entries);
