#include "keyer/keyring.h"

#include "base/sys.h"
#include "crypto/crypto.h"
#include "store/seal.h"

enum { FORM = 1, KEY = 32, NAMING = 0, OLDEST = 32, NEWEST = 64, SECRETS = 96 };

_Static_assert(BW_KEYRING_BYTES == 2 + SECRETS, "what the header promises");

struct bw_keyring bw_keyring_new(void)
{
	struct bw_keyring r = {1, 1, bw_secret_new(SECRETS)};

	bw_random(r.bytes.p, OLDEST + KEY);
	memcpy(r.bytes.p + NEWEST, r.bytes.p + OLDEST, KEY);
	return r;
}

struct bw_keyring bw_keyring_of_root(const struct bw_secret *root)
{
	struct bw_keyring r = {1, 1, bw_secret_new(SECRETS)};

	MUST(root->n == KEY);
	bw_hkdf(bw_secret_bytes(root), BW_STR(""), BW_STR("bulwark kms material id"), r.bytes.p + NAMING, KEY);
	memcpy(r.bytes.p + OLDEST, root->p, KEY);
	memcpy(r.bytes.p + NEWEST, root->p, KEY);
	return r;
}

void bw_keyring_free(struct bw_keyring *r)
{
	bw_secret_free(&r->bytes);
	*r = (struct bw_keyring){0};
}

const unsigned char *bw_keyring_main(const struct bw_keyring *r, unsigned generation)
{
	if (!r->bytes.p || generation == 0)
		return NULL;
	return generation == r->newest   ? r->bytes.p + NEWEST
	       : generation == r->oldest ? r->bytes.p + OLDEST
	                                 : NULL;
}

const unsigned char *bw_keyring_naming(const struct bw_keyring *r)
{
	return r->bytes.p + NAMING;
}

enum bw_err bw_keyring_store_key(
    const struct bw_keyring *r, struct bw_str salt, uint32_t *generation, unsigned char out[32])
{
	const unsigned char *main_key;

	*generation = *generation ? *generation : r->newest;
	main_key = bw_keyring_main(r, *generation);
	CHECK(main_key, BW_ENOTFOUND);
	bw_store_key(bw_str_make(main_key, KEY), salt, out);
	return BW_OK;
}

static struct bw_keyring copy_of(const struct bw_keyring *r)
{
	struct bw_keyring copy = {r->oldest, r->newest, bw_secret_new(SECRETS)};

	memcpy(copy.bytes.p, r->bytes.p, SECRETS);
	return copy;
}

struct bw_keyring bw_keyring_grown(const struct bw_keyring *r)
{
	struct bw_keyring grown = copy_of(r);

	MUST(r->oldest == r->newest && r->newest < BW_GENERATIONS_MAX);
	grown.newest++;
	bw_random(grown.bytes.p + NEWEST, KEY);
	return grown;
}

struct bw_keyring bw_keyring_shrunk(const struct bw_keyring *r)
{
	struct bw_keyring shrunk = copy_of(r);

	shrunk.oldest = r->newest;
	memcpy(shrunk.bytes.p + OLDEST, shrunk.bytes.p + NEWEST, KEY);
	return shrunk;
}

static struct bw_aead_key *sealing_key(const struct bw_secret *root)
{
	struct bw_secret derived = bw_secret_new(KEY);
	struct bw_aead_key *k;

	bw_hkdf(bw_secret_bytes(root), BW_STR(""), BW_STR("bulwark keyring"), derived.p, KEY);
	k = bw_aead_key_new(derived.p);
	bw_secret_free(&derived);
	return k;
}

void bw_keyring_seal(const struct bw_keyring *r, const struct bw_secret *root, struct bw_str aad, struct bw_buf *out)
{
	struct bw_aead_key *k = sealing_key(root);
	struct bw_secret plain = bw_secret_new(1 + BW_KEYRING_BYTES);

	plain.p[0] = FORM;
	plain.p[1] = (unsigned char)r->oldest;
	plain.p[2] = (unsigned char)r->newest;
	memcpy(plain.p + 3, r->bytes.p, SECRETS);
	bw_aead_seal(k, aad, bw_secret_bytes(&plain), out);
	bw_secret_free(&plain);
	bw_aead_key_free(k);
}

static enum bw_err plain_take(struct bw_str plain, struct bw_keyring *out)
{
	const unsigned char *p = (const unsigned char *)plain.p;

	CHECK(plain.n == 1 + BW_KEYRING_BYTES && p[0] == FORM && p[1] >= 1 && p[2] >= p[1] && p[2] - p[1] <= 1, BW_EPERM);
	*out = (struct bw_keyring){p[1], p[2], bw_secret_new(SECRETS)};
	memcpy(out->bytes.p, p + 3, SECRETS);
	return BW_OK;
}

enum bw_err bw_keyring_open(struct bw_str sealed, const struct bw_secret *root, struct bw_str aad, struct bw_keyring *out)
{
	struct bw_aead_key *k = sealing_key(root);
	struct bw_arena arena;
	struct bw_str plain;
	enum bw_err e;

	*out = (struct bw_keyring){0};
	bw_arena_init(&arena, 4096);
	e = bw_aead_open(k, aad, sealed, &arena, &plain) == BW_OK ? plain_take(plain, out) : BW_EPERM;
	bw_arena_free(&arena);
	bw_aead_key_free(k);
	return e;
}
