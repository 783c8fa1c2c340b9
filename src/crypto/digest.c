/* SHA-256, HMAC and HKDF on OpenSSL's block functions.
 *
 * The SHA256_CTX interface is used on purpose though OpenSSL 3 calls it deprecated: it is the same assembly,
 * but its state is a plain struct. So a midstate is copied by assignment, and a digest needs no allocation,
 * no lock and no fetch. A 50-byte digest takes 75 ns this way, 164 with a fetched EVP_MD and a reused
 * context, 544 with EVP_sha256 (bench/crypto.c). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/crypto.h"

#include <openssl/sha.h>

enum { BLOCK = 64 };

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct bw_sha256_ctx), "the opaque state holds OpenSSL's");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct bw_sha256_ctx), "and aligns it");

static SHA256_CTX *state_of(struct bw_sha256_ctx *c)
{
	return (SHA256_CTX *)c->opaque;
}

void bw_sha256_begin(struct bw_sha256_ctx *c)
{
	MUST(SHA256_Init(state_of(c)));
}

void bw_sha256_add(struct bw_sha256_ctx *c, struct bw_str bytes)
{
	if (bytes.n)
		MUST(SHA256_Update(state_of(c), bytes.p, bytes.n));
}

void bw_sha256_end(struct bw_sha256_ctx *c, unsigned char out[32])
{
	MUST(SHA256_Final(out, state_of(c)));
}

void bw_sha256(struct bw_str bytes, unsigned char out[32])
{
	struct bw_sha256_ctx c;

	bw_sha256_begin(&c);
	bw_sha256_add(&c, bytes);
	bw_sha256_end(&c, out);
}

/* One midstate: the digest after the block of the padded key, each byte turned by `mask` (RFC 2104 section
 * 2). */
static void midstate(struct bw_sha256_ctx *c, const unsigned char key[BLOCK], unsigned char mask)
{
	unsigned char block[BLOCK];

	for (size_t i = 0; i < BLOCK; i++)
		block[i] = key[i] ^ mask;
	bw_sha256_begin(c);
	bw_sha256_add(c, bw_str_make(block, BLOCK));
	bw_wipe(block, sizeof block);
}

void bw_hmac_key(struct bw_hmac_key *k, struct bw_str secret)
{
	unsigned char key[BLOCK] = {0};

	if (secret.n > BLOCK)
		bw_sha256(secret, key);
	else if (secret.n)
		memcpy(key, secret.p, secret.n);
	midstate(&k->inner, key, 0x36);
	midstate(&k->outer, key, 0x5c);
	bw_wipe(key, sizeof key);
}

/* The states hold what is as good as the key, so both copies are wiped. */
void bw_hmac(const struct bw_hmac_key *k, struct bw_str bytes, unsigned char out[32])
{
	SHA256_CTX c = *(const SHA256_CTX *)k->inner.opaque;
	unsigned char digest[32];

	if (bytes.n)
		MUST(SHA256_Update(&c, bytes.p, bytes.n));
	MUST(SHA256_Final(digest, &c));
	c = *(const SHA256_CTX *)k->outer.opaque;
	MUST(SHA256_Update(&c, digest, sizeof digest));
	MUST(SHA256_Final(out, &c));
	bw_wipe(&c, sizeof c);
	bw_wipe(digest, sizeof digest);
}

static void sha1_keyed(
    const unsigned char key[BLOCK], unsigned char mask, struct bw_str bytes, unsigned char out[20])
{
	unsigned char block[BLOCK];
	SHA_CTX c;

	for (size_t i = 0; i < BLOCK; i++)
		block[i] = key[i] ^ mask;
	MUST(SHA1_Init(&c) && SHA1_Update(&c, block, BLOCK));
	if (bytes.n)
		MUST(SHA1_Update(&c, bytes.p, bytes.n));
	MUST(SHA1_Final(out, &c));
	bw_wipe(&c, sizeof c);
	bw_wipe(block, sizeof block);
}

void bw_hmac_sha1(struct bw_str secret, struct bw_str bytes, unsigned char out[20])
{
	unsigned char key[BLOCK] = {0}, inner[20];

	if (secret.n > BLOCK)
		SHA1((const unsigned char *)secret.p, secret.n, key);
	else if (secret.n)
		memcpy(key, secret.p, secret.n);
	sha1_keyed(key, 0x36, bytes, inner);
	sha1_keyed(key, 0x5c, bw_str_make(inner, sizeof inner), out);
	bw_wipe(key, sizeof key);
	bw_wipe(inner, sizeof inner);
}

/* RFC 5869 section 2.3: T(i) = HMAC(PRK, T(i-1) | info | i). */
static void hkdf_block(const struct bw_hmac_key *prk, struct bw_str before, struct bw_str info,
    unsigned char number, unsigned char out[32])
{
	struct bw_hmac_key k = *prk;
	unsigned char digest[32];

	bw_sha256_add(&k.inner, before);
	bw_sha256_add(&k.inner, info);
	bw_sha256_add(&k.inner, bw_str_make(&number, 1));
	bw_sha256_end(&k.inner, digest);
	bw_sha256_add(&k.outer, bw_str_make(digest, sizeof digest));
	bw_sha256_end(&k.outer, out);
	bw_wipe(&k, sizeof k);
	bw_wipe(digest, sizeof digest);
}

void bw_hkdf(struct bw_str secret, struct bw_str salt, struct bw_str info, unsigned char *out, size_t n)
{
	struct bw_hmac_key k;
	unsigned char prk[32], t[32];
	unsigned char number = 0;

	MUST(n <= 255 * 32);
	/* An absent salt is 32 zeros (RFC 5869 section 2.2), which HMAC's padding makes of an empty key
	 * anyway. */
	bw_hmac_key(&k, salt);
	bw_hmac(&k, secret, prk);
	bw_hmac_key(&k, bw_str_make(prk, sizeof prk));
	while (n) {
		size_t part = n < sizeof t ? n : sizeof t;

		hkdf_block(&k, number ? bw_str_make(t, sizeof t) : BW_STR_NONE, info,
		    (unsigned char)(number + 1), t);
		memcpy(out, t, part);
		out += part;
		n -= part;
		number++;
	}
	bw_wipe(&k, sizeof k);
	bw_wipe(prk, sizeof prk);
	bw_wipe(t, sizeof t);
}
