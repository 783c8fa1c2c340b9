/* AES-256-GCM (NIST SP 800-38D) with random nonces.
 *
 * A random 96-bit nonce may be drawn at most 2^32 times under one key (SP 800-38D section 8.3). The callers
 * keep to it: the store counts what it seals and takes a new data key long before (store/seal.h); session
 * tokens and markers use keys that are derived for a purpose and age with the store.
 *
 * A key keeps its expanded contexts in a few slots. A call takes one by an atomic exchange and puts it back,
 * so that threads neither wait for each other nor allocate, once as many contexts exist as there are calls at
 * one time. */
#include "crypto/crypto.h"
#include "crypto/secret.h"
#include "base/sys.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdatomic.h>

enum { NONCE = 12, TAG = 16, SLOTS = 8, BYTES_MAX = 1 << 30 };
enum direction { OPEN, SEAL };

_Static_assert(NONCE + TAG == BW_AEAD_OVERHEAD, "what the header promises");

struct bw_aead_key {
	struct bw_secret key;
	_Atomic(EVP_CIPHER_CTX *) idle[2][SLOTS];
};

static EVP_CIPHER *aes_256_gcm;

void bw_crypto_init(void)
{
	if (aes_256_gcm)
		return;
	aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	MUST(aes_256_gcm != NULL);
}

struct bw_aead_key *bw_aead_key_new(const unsigned char key[32])
{
	struct bw_aead_key *k = bw_alloc(sizeof *k);

	k->key = bw_secret_new(32);
	memcpy(k->key.p, key, 32);
	return k;
}

/* Freeing a context wipes its key schedule: OpenSSL clears a cipher's state as it frees it. */
void bw_aead_key_free(struct bw_aead_key *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < SLOTS; i++) {
		EVP_CIPHER_CTX_free(atomic_load(&k->idle[OPEN][i]));
		EVP_CIPHER_CTX_free(atomic_load(&k->idle[SEAL][i]));
	}
	bw_secret_free(&k->key);
	bw_free(k);
}

static EVP_CIPHER_CTX *context_new(const struct bw_aead_key *k, enum direction d)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	MUST(aes_256_gcm != NULL); /* bw_crypto_init was called */
	MUST(c != NULL);
	MUST(EVP_CipherInit_ex2(c, aes_256_gcm, k->key.p, NULL, d == SEAL, NULL) == 1);
	return c;
}

/* Threads begin their search at different slots, so that they seldom meet on one cache line. */
static unsigned slot_of_thread(void)
{
	static atomic_uint threads;
	static _Thread_local unsigned mine; /* 0: not drawn yet */

	if (!mine)
		mine = atomic_fetch_add(&threads, 1) % SLOTS + 1;
	return mine - 1;
}

static EVP_CIPHER_CTX *context_take(struct bw_aead_key *k, enum direction d)
{
	unsigned from = slot_of_thread();

	for (unsigned i = 0; i < SLOTS; i++) {
		_Atomic(EVP_CIPHER_CTX *) *slot = &k->idle[d][(from + i) % SLOTS];
		EVP_CIPHER_CTX *c =
		    atomic_load_explicit(slot, memory_order_relaxed) ? atomic_exchange(slot, NULL) : NULL;

		if (c)
			return c;
	}
	return context_new(k, d);
}

static void context_put(struct bw_aead_key *k, enum direction d, EVP_CIPHER_CTX *c)
{
	unsigned from = slot_of_thread();

	for (unsigned i = 0; i < SLOTS; i++) {
		EVP_CIPHER_CTX *empty = NULL;

		if (atomic_compare_exchange_strong(&k->idle[d][(from + i) % SLOTS], &empty, c))
			return;
	}
	EVP_CIPHER_CTX_free(c);
}

static void aad_add(EVP_CIPHER_CTX *c, struct bw_str aad)
{
	int n;

	MUST(aad.n <= BYTES_MAX);
	if (aad.n)
		MUST(EVP_CipherUpdate(c, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) == 1);
}

void bw_aead_seal(struct bw_aead_key *k, struct bw_str aad, struct bw_str plain, struct bw_buf *out)
{
	unsigned char *at = (unsigned char *)bw_buf_room(out, plain.n + BW_AEAD_OVERHEAD);
	EVP_CIPHER_CTX *c;
	int n = 0;

	if (!at)
		return;
	MUST(plain.n <= BYTES_MAX);
	c = context_take(k, SEAL);
	bw_random(at, NONCE);
	MUST(EVP_CipherInit_ex2(c, NULL, NULL, at, 1, NULL) == 1);
	aad_add(c, aad);
	if (plain.n)
		MUST(EVP_CipherUpdate(c, at + NONCE, &n, (const unsigned char *)plain.p, (int)plain.n) == 1);
	MUST((size_t)n == plain.n && EVP_CipherFinal_ex(c, at + NONCE + plain.n, &n) == 1);
	MUST(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, at + NONCE + plain.n) == 1);
	context_put(k, SEAL, c);
	out->n += plain.n + BW_AEAD_OVERHEAD;
}

/* Decrypts `n` bytes behind the nonce at `in` to `out`; false when the tag does not fit. */
static bool decrypt(
    EVP_CIPHER_CTX *c, struct bw_str aad, const unsigned char *in, size_t n, unsigned char *out)
{
	unsigned char tag[TAG];
	int wrote = 0;

	memcpy(tag, in + NONCE + n, TAG);
	MUST(EVP_CipherInit_ex2(c, NULL, NULL, in, 0, NULL) == 1);
	MUST(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1);
	aad_add(c, aad);
	if (n)
		MUST(EVP_CipherUpdate(c, out, &wrote, in + NONCE, (int)n) == 1);
	return (size_t)wrote == n && EVP_CipherFinal_ex(c, out + n, &wrote) == 1;
}

enum bw_err bw_aead_open(struct bw_aead_key *k, struct bw_str aad, struct bw_str sealed,
    struct bw_arena *arena, struct bw_str *plain)
{
	EVP_CIPHER_CTX *c;
	unsigned char *out;
	size_t n;
	bool good;

	*plain = BW_STR_NONE;
	CHECK(sealed.n >= BW_AEAD_OVERHEAD && sealed.n <= BYTES_MAX, BW_ECORRUPT);
	n = sealed.n - BW_AEAD_OVERHEAD;
	out = bw_arena_alloc(arena, n + 1);
	c = context_take(k, OPEN);
	good = decrypt(c, aad, (const unsigned char *)sealed.p, n, out);
	context_put(k, OPEN, c);
	if (!good) {
		/* GCM decrypts before it knows: nobody may see what did not authenticate. */
		bw_wipe(out, n);
		ERR_clear_error();
		return BW_ECORRUPT;
	}
	*plain = bw_str_make(out, n);
	return BW_OK;
}
