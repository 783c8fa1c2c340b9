/* SYMMETRIC_DEFAULT: AES-256-GCM under a key of its own for every message, derived (HKDF-SHA256) from the
 * material and a random salt, so that no nonce ever repeats under one key, not even after a backup was put
 * back. */
#include "keyer/keyer_internal.h"

#include "base/sys.h"

enum { KEY = 32, NONCE = 12 };

/* OpenSSL's context, one a thread, and the algorithm fetched once. */
static EVP_CIPHER_CTX *context_of_thread(void)
{
	static _Thread_local EVP_CIPHER_CTX *mine;

	if (!mine)
		mine = EVP_CIPHER_CTX_new();
	MUST(mine != NULL);
	return mine;
}

static const EVP_CIPHER *cipher(void)
{
	static EVP_CIPHER *fetched;
	EVP_CIPHER *c = __atomic_load_n(&fetched, __ATOMIC_ACQUIRE);

	if (c)
		return c;
	c = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	MUST(c != NULL);
	__atomic_store_n(&fetched, c, __ATOMIC_RELEASE);
	return c;
}

static EVP_CIPHER_CTX *begin(struct bw_str key, struct bw_str salt, bool seal)
{
	unsigned char derived[KEY + NONCE];
	EVP_CIPHER_CTX *c = context_of_thread();

	bw_hkdf(key, salt, BW_STR("bulwark kms message"), derived, sizeof derived);
	MUST(EVP_CipherInit_ex2(c, cipher(), derived, derived + KEY, seal, NULL) == 1);
	bw_wipe(derived, sizeof derived);
	return c;
}

static void authenticate(EVP_CIPHER_CTX *c, struct bw_str bytes)
{
	int n;

	if (bytes.n)
		MUST(EVP_CipherUpdate(c, NULL, &n, (const unsigned char *)bytes.p, (int)bytes.n) == 1);
}

/* The front names its own lengths, so that front and context cannot run into each other. */
static void update(EVP_CIPHER_CTX *c, struct bw_str from, unsigned char *to)
{
	int n = 0;

	if (from.n)
		MUST(EVP_CipherUpdate(c, to, &n, (const unsigned char *)from.p, (int)from.n) == 1 &&
		     (size_t)n == from.n);
}

/* Room in the arena for a ciphertext's front and what follows. */
static struct bw_buf front_room(struct bw_arena *a, size_t more)
{
	size_t n = KEYER_FRONT_MAX + more;

	return (struct bw_buf){.p = bw_arena_alloc(a, n), .size = n, .max = n};
}

enum bw_err keyer_symmetric_encrypt(struct keyer_turn *t, const struct bw_keyer_material *m,
    struct bw_str key, struct bw_str context, struct bw_str plain, struct bw_str *out)
{
	unsigned char salt[KEYER_SALT], *at;
	struct bw_buf b;
	EVP_CIPHER_CTX *c;
	int n = 0;

	bw_random(salt, sizeof salt);
	b = front_room(t->arena, plain.n + KEYER_TAG);
	TRY(keyer_blob_front(m, salt, &b));
	at = (unsigned char *)bw_buf_room(&b, plain.n + KEYER_TAG);
	MUST(at != NULL);
	c = begin(key, bw_str_make(salt, sizeof salt), true);
	authenticate(c, bw_buf_str(&b));
	authenticate(c, context);
	update(c, plain, at);
	MUST(EVP_CipherFinal_ex(c, at + plain.n, &n) == 1);
	MUST(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, KEYER_TAG, at + plain.n) == 1);
	MUST(EVP_CIPHER_CTX_reset(c) == 1);
	b.n += plain.n + KEYER_TAG;
	*out = bw_buf_str(&b);
	return BW_OK;
}

enum bw_err keyer_symmetric_decrypt(struct keyer_turn *t, const struct bw_keyer_material *m,
    struct bw_str key, struct bw_str context, struct bw_str sealed, struct bw_str *out)
{
	struct bw_keyer_blob blob;
	struct keyer_blob parts;
	struct bw_buf front;
	EVP_CIPHER_CTX *c;
	unsigned char *plain;
	size_t n;
	bool good;
	int last = 0;

	CHECK(keyer_blob_split(sealed, &blob, &parts) == BW_OK, BW_ECORRUPT);
	/* What it says of itself has to be the key that was asked for. */
	front = front_room(t->arena, 0);
	CHECK(keyer_blob_front(m, (const unsigned char *)parts.salt.p, &front) == BW_OK &&
	          bw_str_eq(bw_buf_str(&front), parts.front),
	    BW_ECORRUPT);
	n = parts.sealed.n - KEYER_TAG;
	plain = bw_arena_alloc(t->arena, n + 1);
	c = begin(key, parts.salt, false);
	authenticate(c, parts.front);
	authenticate(c, context);
	update(c, bw_str_sub(parts.sealed, 0, n), plain);
	MUST(EVP_CIPHER_CTX_ctrl(
	         c, EVP_CTRL_AEAD_SET_TAG, KEYER_TAG, (void *)(uintptr_t)(parts.sealed.p + n)) == 1);
	good = EVP_CipherFinal_ex(c, plain + n, &last) == 1;
	MUST(EVP_CIPHER_CTX_reset(c) == 1);
	if (!good)
		bw_wipe(plain, n);
	*out = good ? bw_str_make(plain, n) : BW_STR("");
	return good ? BW_OK : BW_ECORRUPT;
}
