/* A passphrase: Argon2id makes a key of it that wraps the root key. */
#include "keyer/unseal_internal.h"

/* Twice the passes and four times the memory of RFC 9106's second recommendation for one lane (section 4): about a second on a
 * small machine, once a start. One lane, because the keyer may not start threads. */
enum { MEMORY_KIB = 256 * 1024, PASSES = 3, SALT = 16 };

static struct bw_str wrap_aad(void)
{
	return BW_STR("bulwark root key under a passphrase");
}

static struct bw_aead_key *wrapping_key(
    struct bw_str passphrase, struct bw_str salt, int64_t memory_kib, int64_t passes, enum bw_err *e)
{
	struct bw_secret derived = bw_secret_new(32);
	struct bw_aead_key *k = NULL;

	*e = bw_passphrase_key(passphrase, salt, memory_kib, passes, derived.p);
	if (*e == BW_OK)
		k = bw_aead_key_new(derived.p);
	bw_secret_free(&derived);
	return k;
}

enum bw_err passphrase_make(struct bw_seal_make *m, struct bw_seal_facts *facts)
{
	char *salt = bw_arena_alloc(m->arena, SALT);
	struct bw_aead_key *k;
	struct bw_buf wrapped;
	enum bw_err e;

	CHECK(m->passphrase.n >= BW_PASSPHRASE_MIN && m->passphrase.n <= BW_SEAL_WORD_MAX, BW_EINVAL);
	bw_random(salt, SALT);
	facts->salt = bw_str_make(salt, SALT);
	facts->memory_kib = m->memory_kib ? m->memory_kib : MEMORY_KIB;
	facts->passes = m->passes ? m->passes : PASSES;
	k = wrapping_key(m->passphrase, facts->salt, facts->memory_kib, facts->passes, &e);
	TRY(e);
	bw_buf_init(&wrapped, 256);
	bw_aead_seal(k, wrap_aad(), bw_secret_bytes(m->root), &wrapped);
	facts->wrapped = bw_arena_str(m->arena, bw_buf_str(&wrapped));
	bw_buf_free(&wrapped);
	bw_aead_key_free(k);
	return BW_OK;
}

enum bw_err passphrase_open(const struct bw_seal_facts *facts, const struct bw_strs *words, struct bw_secret *root)
{
	struct bw_aead_key *k;
	struct bw_arena arena;
	struct bw_str plain;
	enum bw_err e;

	CHECK(words->n == 1 && words->v[0].n > 0 && words->v[0].n <= BW_SEAL_WORD_MAX, BW_EINVAL);
	k = wrapping_key(words->v[0], facts->salt, facts->memory_kib, facts->passes, &e);
	CHECK(e == BW_OK, BW_ECORRUPT);
	bw_arena_init(&arena, 4096);
	e = bw_aead_open(k, wrap_aad(), facts->wrapped, &arena, &plain);
	if (e == BW_OK && plain.n == ROOT_BYTES)
		memcpy(root->p, plain.p, ROOT_BYTES);
	else
		e = BW_EPERM;
	bw_arena_free(&arena);
	bw_aead_key_free(k);
	return e;
}
