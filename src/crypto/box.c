#include "crypto/box.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/sys.h"

struct bw_box {
	struct bw_aead_key *key;
};

void bw_box_public(const unsigned char secret[BW_BOX_KEY], unsigned char out[BW_BOX_KEY])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, BW_BOX_KEY);
	size_t n = BW_BOX_KEY;

	MUST(key && EVP_PKEY_get_raw_public_key(key, out, &n) == 1 && n == BW_BOX_KEY);
	EVP_PKEY_free(key);
}

/* OpenSSL refuses a result of zeros (RFC 7748, section 6.1). */
static bool agree(const unsigned char secret[BW_BOX_KEY], const unsigned char peer[BW_BOX_KEY],
    unsigned char out[BW_BOX_KEY])
{
	EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, BW_BOX_KEY);
	EVP_PKEY *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer, BW_BOX_KEY);
	EVP_PKEY_CTX *ctx = own ? EVP_PKEY_CTX_new(own, NULL) : NULL;
	size_t n = BW_BOX_KEY;
	bool good;

	MUST(own && other && ctx);
	good = EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, other) == 1 &&
	       EVP_PKEY_derive(ctx, out, &n) == 1 && n == BW_BOX_KEY;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(own);
	EVP_PKEY_free(other);
	ERR_clear_error();
	return good;
}

static enum bw_err box_make(const unsigned char secret[BW_BOX_KEY], const unsigned char peer[BW_BOX_KEY],
    const unsigned char sender[BW_BOX_KEY], const unsigned char receiver[BW_BOX_KEY], struct bw_box **out)
{
	unsigned char shared[BW_BOX_KEY], salt[2 * BW_BOX_KEY], key[32];
	bool good = agree(secret, peer, shared);

	memcpy(salt, sender, BW_BOX_KEY);
	memcpy(salt + BW_BOX_KEY, receiver, BW_BOX_KEY);
	if (good) {
		bw_hkdf(bw_str_make(shared, sizeof shared), bw_str_make(salt, sizeof salt),
		    BW_STR("bulwark box 1"), key, sizeof key);
		*out = bw_alloc(sizeof **out);
		(*out)->key = bw_aead_key_new(key);
	}
	bw_wipe(shared, sizeof shared);
	bw_wipe(key, sizeof key);
	return good ? BW_OK : BW_EINVAL;
}

enum bw_err bw_box_to(
    const unsigned char to[BW_BOX_KEY], unsigned char sender[BW_BOX_KEY], struct bw_box **out)
{
	unsigned char secret[BW_BOX_KEY];
	enum bw_err e;

	bw_random(secret, sizeof secret);
	bw_box_public(secret, sender);
	e = box_make(secret, to, sender, to, out);
	bw_wipe(secret, sizeof secret);
	return e;
}

enum bw_err bw_box_from(
    const unsigned char secret[BW_BOX_KEY], const unsigned char sender[BW_BOX_KEY], struct bw_box **out)
{
	unsigned char own[BW_BOX_KEY];

	bw_box_public(secret, own);
	return box_make(secret, sender, sender, own, out);
}

void bw_box_free(struct bw_box *b)
{
	if (!b)
		return;
	bw_aead_key_free(b->key);
	bw_free(b);
}

void bw_box_seal(struct bw_box *b, struct bw_str aad, struct bw_str plain, struct bw_buf *out)
{
	bw_aead_seal(b->key, aad, plain, out);
}

enum bw_err bw_box_open(
    struct bw_box *b, struct bw_str aad, struct bw_str sealed, struct bw_arena *arena, struct bw_str *plain)
{
	return bw_aead_open(b->key, aad, sealed, arena, plain);
}
