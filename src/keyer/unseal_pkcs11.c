/* A PKCS #11 token: a key that never leaves it wraps the root key. Its PIN stands in a file outside the data folder. */
#include "keyer/unseal_internal.h"

#include "crypto/pkcs11.h"
#include "keyer/root_key.h"

enum { PIN_MAX = 256 };

static struct bw_str wrap_aad(void)
{
	return BW_STR("bulwark root key under a token's key");
}

static enum bw_err token_open(const struct bw_seal_facts *f, struct bw_pkcs11 **out)
{
	struct bw_secret pin;
	enum bw_err e;

	CHECK(f->module.n && f->token.n && f->label.n && f->pin_file.n, BW_ECORRUPT);
	TRY(bw_secret_file_read(f->pin_file, PIN_MAX, &pin));
	e = bw_pkcs11_new(f->module, f->token, bw_secret_bytes(&pin), out);
	bw_secret_free(&pin);
	return e;
}

/* A key of that label that is there is used: the same token may seal several servers. */
static enum bw_err key_ready(struct bw_pkcs11 *t, struct bw_str label, struct bw_pkcs11_key *key)
{
	enum bw_err e = bw_pkcs11_find(t, label, BW_STR_NONE, key);

	return e == BW_ENOTFOUND ? bw_pkcs11_make(t, label, label, key) : e;
}

enum bw_err pkcs11_make(struct bw_seal_make *m, struct bw_seal_facts *facts)
{
	struct bw_pkcs11_key key;
	struct bw_pkcs11 *token;
	struct bw_buf wrapped;
	enum bw_err e;

	facts->module = m->wanted.module;
	facts->token = m->wanted.token;
	facts->label = m->wanted.label;
	facts->pin_file = m->wanted.pin_file;
	CHECK(facts->module.n && facts->token.n && facts->label.n && facts->pin_file.n, BW_EINVAL);
	TRY(token_open(facts, &token));
	bw_buf_init(&wrapped, 256);
	e = key_ready(token, facts->label, &key);
	if (e == BW_OK)
		e = bw_pkcs11_seal(token, key, wrap_aad(), bw_secret_bytes(m->root), &wrapped);
	facts->wrapped = bw_arena_str(m->arena, bw_buf_str(&wrapped));
	bw_buf_free(&wrapped);
	bw_pkcs11_free(token);
	return e;
}

static enum bw_err unwrap(struct bw_pkcs11 *token, const struct bw_seal_facts *facts, struct bw_secret *root)
{
	struct bw_pkcs11_key key;
	struct bw_arena arena;
	struct bw_str plain;
	enum bw_err e;

	TRY(bw_pkcs11_find(token, facts->label, BW_STR_NONE, &key));
	bw_arena_init(&arena, 4096);
	e = bw_pkcs11_unseal(token, key, wrap_aad(), facts->wrapped, &arena, &plain);
	if (e == BW_OK && plain.n != ROOT_BYTES)
		e = BW_ECORRUPT;
	if (e == BW_OK) {
		*root = bw_secret_new(ROOT_BYTES);
		memcpy(root->p, plain.p, ROOT_BYTES);
	}
	bw_arena_free(&arena);
	return e;
}

enum bw_err pkcs11_find(const struct bw_seal_facts *facts, struct bw_str root_key_path, struct bw_secret *root)
{
	struct bw_pkcs11 *token;
	enum bw_err e;

	(void)root_key_path;
	TRY(token_open(facts, &token));
	e = unwrap(token, facts, root);
	bw_pkcs11_free(token);
	if (e != BW_OK)
		bw_log(BW_LOG_ERROR, "token %.*s: does not give the root key: %s", BW_FMT(facts->token), bw_err_name(e));
	return e;
}
