#include "store/seal.h"
#include "base/limits.h"
#include "base/sys.h"
#include "crypto/crypto.h"
#include "crypto/secret.h"

#include <stdatomic.h>

enum { AAD_MAX = 1 + 2 + BW_STORE_KEY_MAX + 8 + 4 };

/* Keys are found by their number without a lock: a place is filled once, before anything sealed under it is
 * seen. */
struct bw_seal {
	struct bw_aead_key *wrap;
	struct bw_secret derive; /* data key 0 */
	_Atomic(struct bw_aead_key *) keys[BW_DATA_KEYS_MAX];
};

_Static_assert(BW_SEAL_OVERHEAD == BW_SEAL_HEAD + BW_AEAD_OVERHEAD, "what seal.h promises");
_Static_assert(BW_SEAL_WRAPPED == 32 + BW_AEAD_OVERHEAD, "what seal.h promises");

static size_t put_uint(unsigned char *at, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = (unsigned char)(v >> 8 * (bytes - 1 - i));
	return bytes;
}

static uint64_t get_uint(const char *at, size_t bytes)
{
	uint64_t v = 0;

	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | (unsigned char)at[i];
	return v;
}

void bw_store_key(struct bw_str main_key, struct bw_str salt, unsigned char out[BW_STORE_KEY])
{
	bw_hkdf(main_key, salt, BW_STR("bulwark key-encryption key"), out, BW_STORE_KEY);
}

struct bw_seal *bw_seal_new(const unsigned char key[BW_STORE_KEY])
{
	struct bw_seal *s = bw_alloc(sizeof *s);

	s->wrap = bw_aead_key_new(key);
	return s;
}

void bw_seal_free(struct bw_seal *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < BW_DATA_KEYS_MAX; i++)
		bw_aead_key_free(atomic_load(&s->keys[i]));
	bw_aead_key_free(s->wrap);
	bw_secret_free(&s->derive);
	bw_free(s);
}

/* A wrapped key is bound to its number, so that two keys cannot change places. */
static struct bw_str wrap_aad(uint32_t id, unsigned char out[20])
{
	memcpy(out, "bulwark data key", 16);
	put_uint(out + 16, id, 4);
	return bw_str_make(out, 20);
}

void bw_seal_key_make(struct bw_seal *s, uint32_t id, unsigned char wrapped[BW_SEAL_WRAPPED])
{
	struct bw_secret key = bw_secret_new(32);
	unsigned char aad[20];
	struct bw_buf out;

	bw_random(key.p, key.n);
	bw_buf_init(&out, BW_SEAL_WRAPPED);
	bw_aead_seal(s->wrap, wrap_aad(id, aad), bw_secret_bytes(&key), &out);
	MUST(!out.failed && out.n == BW_SEAL_WRAPPED);
	memcpy(wrapped, out.p, out.n);
	bw_buf_free(&out);
	bw_secret_free(&key);
}

static void key_install(struct bw_seal *s, uint32_t id, struct bw_str key)
{
	struct bw_aead_key *made, *none = NULL;

	if (id == 0) {
		s->derive = bw_secret_new(32);
		memcpy(s->derive.p, key.p, 32);
		return;
	}
	made = bw_aead_key_new((const unsigned char *)key.p);
	/* Two readers may have met the same new key at one time; the second throws its copy away. */
	if (!atomic_compare_exchange_strong(&s->keys[id], &none, made))
		bw_aead_key_free(made);
}

enum bw_err bw_seal_key_add(struct bw_seal *s, uint32_t id, struct bw_str wrapped)
{
	unsigned char aad[20];
	struct bw_arena arena;
	struct bw_str key;
	enum bw_err err;

	CHECK(id < BW_DATA_KEYS_MAX, BW_ETOOBIG);
	CHECK(wrapped.n == BW_SEAL_WRAPPED, BW_ECORRUPT);
	if (bw_seal_key_known(s, id))
		return BW_OK;
	bw_arena_init(&arena, 4096);
	err = bw_aead_open(s->wrap, wrap_aad(id, aad), wrapped, &arena, &key);
	if (err == BW_OK) {
		key_install(s, id, key);
		bw_wipe((void *)(uintptr_t)key.p, key.n);
	}
	bw_arena_free(&arena);
	return err;
}

enum bw_err bw_seal_key_rewrap(struct bw_seal *s, const unsigned char key[BW_STORE_KEY], uint32_t id,
    struct bw_str wrapped, unsigned char out[BW_SEAL_WRAPPED])
{
	struct bw_aead_key *wrap = bw_aead_key_new(key);
	unsigned char aad[20];
	struct bw_arena arena;
	struct bw_str plain;
	struct bw_buf fresh;
	enum bw_err err;

	bw_arena_init(&arena, 4096);
	bw_buf_init(&fresh, BW_SEAL_WRAPPED);
	err = wrapped.n == BW_SEAL_WRAPPED ? bw_aead_open(s->wrap, wrap_aad(id, aad), wrapped, &arena, &plain) : BW_ECORRUPT;
	if (err == BW_OK) {
		bw_aead_seal(wrap, wrap_aad(id, aad), plain, &fresh);
		MUST(!fresh.failed && fresh.n == BW_SEAL_WRAPPED);
		memcpy(out, fresh.p, fresh.n);
	}
	bw_buf_free(&fresh);
	bw_arena_free(&arena);
	bw_aead_key_free(wrap);
	return err;
}

void bw_seal_rekey(struct bw_seal *s, const unsigned char key[BW_STORE_KEY])
{
	bw_aead_key_free(s->wrap);
	s->wrap = bw_aead_key_new(key);
}

void bw_seal_key_forget(struct bw_seal *s, uint32_t id)
{
	MUST(id > 0 && id < BW_DATA_KEYS_MAX);
	bw_aead_key_free(atomic_exchange(&s->keys[id], NULL));
}

bool bw_seal_key_known(const struct bw_seal *s, uint32_t id)
{
	if (id == 0)
		return s->derive.p != NULL;
	return id < BW_DATA_KEYS_MAX && atomic_load(&s->keys[id]) != NULL;
}

static struct bw_str value_aad(enum bw_seal_kind kind, uint32_t data_key, struct bw_str key, uint64_t version,
    unsigned char out[AAD_MAX])
{
	size_t n = put_uint(out, kind, 1);

	MUST(key.n <= BW_STORE_KEY_MAX);
	n += put_uint(out + n, key.n, 2);
	if (key.n)
		memcpy(out + n, key.p, key.n);
	n += key.n;
	n += put_uint(out + n, version, 8);
	n += put_uint(out + n, data_key, 4);
	return bw_str_make(out, n);
}

void bw_seal_value(struct bw_seal *s, enum bw_seal_kind kind, uint32_t data_key, struct bw_str key,
    uint64_t version, struct bw_str plain, struct bw_buf *out)
{
	unsigned char head[BW_SEAL_HEAD], aad[AAD_MAX];
	struct bw_aead_key *k;

	MUST(data_key < BW_DATA_KEYS_MAX);
	k = atomic_load(&s->keys[data_key]);
	MUST(k != NULL);
	put_uint(head, kind, 1);
	put_uint(head + 1, data_key, 4);
	put_uint(head + 5, version, 8);
	bw_buf_put(out, bw_str_make(head, sizeof head));
	bw_aead_seal(k, value_aad(kind, data_key, key, version, aad), plain, out);
}

enum bw_err bw_seal_open(struct bw_seal *s, enum bw_seal_kind kind, struct bw_str key, struct bw_str sealed,
    struct bw_arena *arena, struct bw_str *plain, uint64_t *version)
{
	uint32_t data_key = bw_sealed_data_key(sealed);
	uint64_t v = bw_sealed_version(sealed);
	unsigned char aad[AAD_MAX];

	*plain = BW_STR_NONE;
	CHECK(sealed.n >= BW_SEAL_OVERHEAD && (unsigned char)sealed.p[0] == kind, BW_ECORRUPT);
	CHECK(data_key != 0 && bw_seal_key_known(s, data_key) && key.n <= BW_STORE_KEY_MAX, BW_ECORRUPT);
	if (version)
		*version = v;
	return bw_aead_open(atomic_load(&s->keys[data_key]), value_aad(kind, data_key, key, v, aad),
	    bw_str_sub(sealed, BW_SEAL_HEAD, sealed.n), arena, plain);
}

uint64_t bw_sealed_version(struct bw_str sealed)
{
	return sealed.n < BW_SEAL_HEAD ? 0 : get_uint(sealed.p + 5, 8);
}

uint32_t bw_sealed_data_key(struct bw_str sealed)
{
	return sealed.n < BW_SEAL_HEAD ? 0 : (uint32_t)get_uint(sealed.p + 1, 4);
}

void bw_seal_derive(const struct bw_seal *s, struct bw_str purpose, unsigned char out[32])
{
	MUST(s->derive.p != NULL);
	bw_hkdf(bw_secret_bytes(&s->derive), BW_STR_NONE, purpose, out, 32);
}
