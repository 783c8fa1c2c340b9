/* RSA, elliptic curves and SM2: encryption, signatures, shared secrets, imported material. What a
 * caller may tell from a refusal is the same for every reason: OpenSSL's errors never leave here. */
#include "keyer/keyer_internal.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static EVP_PKEY_CTX *context_new(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

	MUST(c != NULL);
	return c;
}

static enum bw_err done(EVP_PKEY_CTX *c, bool good, enum bw_err otherwise)
{
	EVP_PKEY_CTX_free(c);
	ERR_clear_error();
	return good ? BW_OK : otherwise;
}

static const unsigned char *bytes_of(struct bw_str s)
{
	return (const unsigned char *)s.p;
}

/* ---- Encryption ---- */

enum { SM2_PLAIN_MAX = 1024 }; /* KMS API Reference, "Encrypt" */

/* KMS Developer Guide: the mask generation function of OAEP uses the same hash, and the label is empty. SM2's ciphertext is the
 * structure of GM/T 0009. */
static bool encryption_set(EVP_PKEY_CTX *c, enum bw_key_algorithm a)
{
	const struct keyer_algorithm *row = keyer_algorithm(a);

	if (row->family == KEYER_SM2)
		return true;
	return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md_name(c, row->digest, NULL) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(c, row->digest, NULL) == 1;
}

enum bw_err keyer_public_encrypt(
    struct keyer_turn *t, EVP_PKEY *pkey, enum bw_key_algorithm a, struct bw_str plain, struct bw_str *out)
{
	EVP_PKEY_CTX *c = context_new(pkey);
	unsigned char *to = NULL;
	size_t n = 0;
	bool good = (a != BW_ALG_SM2PKE || (plain.n && plain.n <= SM2_PLAIN_MAX)) && EVP_PKEY_encrypt_init(c) == 1 &&
	            encryption_set(c, a) && EVP_PKEY_encrypt(c, NULL, &n, bytes_of(plain), plain.n) == 1;

	if (good) {
		to = bw_arena_alloc(t->arena, n);
		good = EVP_PKEY_encrypt(c, to, &n, bytes_of(plain), plain.n) == 1;
	}
	*out = bw_str_make(to, good ? n : 0);
	return done(c, good, BW_EINVAL);
}

enum bw_err keyer_public_decrypt(
    struct keyer_turn *t, EVP_PKEY *pkey, enum bw_key_algorithm a, struct bw_str sealed, struct bw_str *out)
{
	EVP_PKEY_CTX *c = context_new(pkey);
	size_t n = (size_t)EVP_PKEY_get_size(pkey);
	bool fits = a == BW_ALG_SM2PKE ? sealed.n > n && sealed.n < SM2_PLAIN_MAX + 256 : sealed.n == n;
	unsigned char *to;
	bool good;

	n = sealed.n > n ? sealed.n : n;
	to = bw_arena_alloc(t->arena, n);
	good = fits && EVP_PKEY_decrypt_init(c) == 1 && encryption_set(c, a) &&
	       EVP_PKEY_decrypt(c, to, &n, bytes_of(sealed), sealed.n) == 1;
	*out = good ? bw_str_make(to, n) : BW_STR("");
	return done(c, good, BW_ECORRUPT);
}

/* ---- Imported material ---- */

static bool wraps_aes(enum bw_key_algorithm a)
{
	return a == BW_ALG_RSA_AES_KEY_WRAP_SHA_1 || a == BW_ALG_RSA_AES_KEY_WRAP_SHA_256;
}

/* AES Key Wrap with Padding (RFC 5649). */
static enum bw_err aes_unwrap(
    struct keyer_turn *t, struct bw_str key, struct bw_str sealed, struct bw_str *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	unsigned char *to = bw_arena_alloc(t->arena, sealed.n + 16);
	int n = 0, last = 0;
	bool good;

	MUST(c != NULL);
	EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	good = key.n == 32 && sealed.n >= 16 && sealed.n % 8 == 0 &&
	       EVP_DecryptInit_ex2(c, EVP_aes_256_wrap_pad(), bytes_of(key), NULL, NULL) == 1 &&
	       EVP_DecryptUpdate(c, to, &n, bytes_of(sealed), (int)sealed.n) == 1 &&
	       EVP_DecryptFinal_ex(c, to + n, &last) == 1;
	EVP_CIPHER_CTX_free(c);
	ERR_clear_error();
	*out = good ? bw_str_make(to, (size_t)(n + last)) : BW_STR("");
	return good ? BW_OK : BW_ECORRUPT;
}

enum bw_err keyer_unwrap_import(
    struct keyer_turn *t, EVP_PKEY *pkey, enum bw_key_algorithm a, struct bw_str sealed, struct bw_str *out)
{
	size_t n = (size_t)EVP_PKEY_get_size(pkey);
	struct bw_str key;
	enum bw_err e;

	if (!wraps_aes(a))
		return keyer_public_decrypt(t, pkey, a, sealed, out);
	/* An AES key under the RSA key, and the material under that (KMS Developer Guide,
	 * "RSA_AES_KEY_WRAP_SHA_*"). */
	TRY(keyer_public_decrypt(t, pkey, a, bw_str_sub(sealed, 0, n), &key));
	e = aes_unwrap(t, key, bw_str_sub(sealed, n, sealed.n), out);
	bw_wipe((void *)(uintptr_t)key.p, key.n);
	return e;
}

/* ---- Signatures ---- */

/* What is signed: the digest of a raw message, or the digest that was given. BW_EINVAL: of another length. */
static enum bw_err message_digest(const struct keyer_turn *t, const struct keyer_algorithm *row,
    unsigned char digest[EVP_MAX_MD_SIZE], size_t *n)
{
	const struct bw_keyer_request *r = t->request;
	unsigned got = 0;

	*n = row->digest_bytes;
	CHECK(r->message != BW_MESSAGE_EXTERNAL_MU, BW_EINVAL);
	if (r->message == BW_MESSAGE_DIGEST) {
		CHECK(r->input.n == row->digest_bytes, BW_EINVAL);
		memcpy(digest, r->input.p, r->input.n);
		return BW_OK;
	}
	MUST(EVP_Digest(r->input.p, r->input.n, digest, &got, keyer_digest(row), NULL) == 1 &&
	     got == row->digest_bytes);
	return BW_OK;
}

/* KMS Developer Guide: the salt of PSS is as long as the digest. */
static bool scheme_set(EVP_PKEY_CTX *c, const struct keyer_algorithm *row)
{
	if (EVP_PKEY_CTX_set_signature_md(c, keyer_digest(row)) != 1)
		return false;
	if (row->family != KEYER_RSA)
		return true;
	return EVP_PKEY_CTX_set_rsa_padding(c, row->padding) == 1 &&
	       (row->padding != RSA_PKCS1_PSS_PADDING ||
	           EVP_PKEY_CTX_set_rsa_pss_saltlen(c, RSA_PSS_SALTLEN_DIGEST) == 1);
}

/* GM/T 0009: who signs, when nothing else is agreed. */
static const char sm2_id[] = "1234567812345678";

/* SM2 hashes the signer's identity and key before the message; a digest has all that in it already. */
static EVP_MD_CTX *sm2_begin(EVP_PKEY *pkey, bool sign)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *inner = context_new(pkey);

	MUST(c != NULL && EVP_PKEY_CTX_set1_id(inner, sm2_id, sizeof sm2_id - 1) == 1);
	EVP_MD_CTX_set_pkey_ctx(c, inner);
	MUST(sign ? EVP_DigestSignInit(c, NULL, EVP_sm3(), NULL, pkey) == 1
	          : EVP_DigestVerifyInit(c, NULL, EVP_sm3(), NULL, pkey) == 1);
	return c;
}

static void sm2_end(EVP_MD_CTX *c)
{
	EVP_PKEY_CTX *inner = EVP_MD_CTX_get_pkey_ctx(c);

	EVP_MD_CTX_free(c);
	EVP_PKEY_CTX_free(inner);
	ERR_clear_error();
}

static enum bw_err sm2_message_sign(struct keyer_turn *t, EVP_PKEY *pkey, struct bw_str *out)
{
	size_t n = (size_t)EVP_PKEY_get_size(pkey);
	unsigned char *to = bw_arena_alloc(t->arena, n);
	EVP_MD_CTX *c = sm2_begin(pkey, true);
	bool good = EVP_DigestSign(c, to, &n, bytes_of(t->request->input), t->request->input.n) == 1;

	sm2_end(c);
	*out = bw_str_make(to, n);
	return good ? BW_OK : BW_EINTERNAL;
}

static enum bw_err sm2_message_verify(struct keyer_turn *t, EVP_PKEY *pkey)
{
	const struct bw_keyer_request *r = t->request;
	EVP_MD_CTX *c = sm2_begin(pkey, false);
	bool good = EVP_DigestVerify(c, bytes_of(r->input2), r->input2.n, bytes_of(r->input), r->input.n) == 1;

	sm2_end(c);
	return good ? BW_OK : BW_ECORRUPT;
}

static bool signs_whole(enum keyer_family family)
{
	return family == KEYER_EDWARDS || family == KEYER_ML_DSA;
}

/* Made ready once for the same algorithm again. NULL: OpenSSL does not take it. */
static EVP_PKEY_CTX *signing_ready(struct keyer_key *k, enum bw_key_algorithm a)
{
	if (k->signing && k->signs_with == a)
		return k->signing;
	EVP_PKEY_CTX_free(k->signing);
	k->signing = context_new(k->pkey);
	k->signs_with = a;
	if (EVP_PKEY_sign_init(k->signing) == 1 && scheme_set(k->signing, keyer_algorithm(a)))
		return k->signing;
	EVP_PKEY_CTX_free(k->signing);
	return k->signing = NULL;
}

enum bw_err keyer_sign(struct keyer_turn *t, struct keyer_key *k, struct bw_str *out)
{
	const struct keyer_algorithm *row = keyer_algorithm(t->request->algorithm);
	unsigned char digest[EVP_MAX_MD_SIZE], *to;
	EVP_PKEY_CTX *c;
	size_t n, room;
	bool good;

	if (signs_whole(row->family))
		return keyer_message_sign(t, k->pkey, out);
	if (row->family == KEYER_SM2 && t->request->message == BW_MESSAGE_RAW)
		return sm2_message_sign(t, k->pkey, out);
	TRY(message_digest(t, row, digest, &n));
	room = (size_t)EVP_PKEY_get_size(k->pkey);
	to = bw_arena_alloc(t->arena, room);
	c = signing_ready(k, t->request->algorithm);
	good = c && EVP_PKEY_sign(c, to, &room, digest, n) == 1;
	*out = bw_str_make(to, room);
	if (good)
		return BW_OK;
	ERR_clear_error();
	return BW_EINTERNAL;
}

enum bw_err keyer_verify(struct keyer_turn *t, struct keyer_key *k)
{
	const struct keyer_algorithm *row = keyer_algorithm(t->request->algorithm);
	struct bw_str signature = t->request->input2;
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_PKEY_CTX *c;
	size_t n;
	bool good;

	if (signs_whole(row->family))
		return keyer_message_verify(t, k->pkey);
	if (row->family == KEYER_SM2 && t->request->message == BW_MESSAGE_RAW)
		return sm2_message_verify(t, k->pkey);
	TRY(message_digest(t, row, digest, &n));
	c = context_new(k->pkey);
	good = EVP_PKEY_verify_init(c) == 1 && scheme_set(c, row) &&
	       EVP_PKEY_verify(c, bytes_of(signature), signature.n, digest, n) == 1;
	return done(c, good, BW_ECORRUPT);
}

/* ---- Shared secrets ---- */

/* The peer's key as one SubjectPublicKeyInfo; OpenSSL refuses points that are not of the curve. */
static EVP_PKEY *peer_read(struct bw_str der)
{
	const unsigned char *at = bytes_of(der);
	EVP_PKEY *peer = d2i_PUBKEY(NULL, &at, (long)der.n);

	if (peer && at == bytes_of(der) + der.n)
		return peer;
	EVP_PKEY_free(peer);
	return NULL;
}

static bool all_zero(const unsigned char *p, size_t n)
{
	unsigned char any = 0;

	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return any == 0;
}

enum bw_err keyer_derive(struct keyer_turn *t, struct keyer_key *k, struct bw_str *out)
{
	EVP_PKEY *peer = peer_read(t->request->input);
	EVP_PKEY_CTX *c = context_new(k->pkey);
	size_t n = keyer_spec(k->spec)->share_bytes;
	unsigned char *to = bw_arena_alloc(t->arena, n + 1);
	bool good = peer && EVP_PKEY_is_a(peer, "EC") && EVP_PKEY_parameters_eq(k->pkey, peer) == 1 &&
	            EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer_ex(c, peer, 1) == 1 &&
	            EVP_PKEY_derive(c, to, &n) == 1 && n == keyer_spec(k->spec)->share_bytes &&
	            !all_zero(to, n);

	EVP_PKEY_free(peer);
	*out = good ? bw_str_make(to, n) : BW_STR("");
	return done(c, good, BW_EINVAL);
}
