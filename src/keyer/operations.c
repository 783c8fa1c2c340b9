/* What the keyer may be asked, a row each: anything else is no request. */
#include "keyer/admin_internal.h"
#include "keyer/keyer_internal.h"

#include "base/sys.h"
#include "store/seal.h"

#include <openssl/rsa.h>

/* ---- Encrypting ---- */

static enum bw_err seal(struct keyer_turn *t, const struct bw_keyer_material *m, enum bw_key_algorithm a,
    struct bw_str context, struct bw_str plain, struct bw_str *out)
{
	struct keyer_key *k;
	enum bw_err e;

	CHECK(keyer_goes_with(a, m->spec), BW_EINVAL);
	TRY(keyer_key_use(t, m, &k));
	e = k->pkey ? keyer_public_encrypt(t, k->pkey, a, plain, out) : keyer_symmetric_encrypt(t, m, k->raw, context, plain, out);
	keyer_key_done(t);
	return e;
}

static enum bw_err unseal(struct keyer_turn *t, const struct bw_keyer_material *m, enum bw_key_algorithm a,
    struct bw_str context, struct bw_str sealed, struct bw_str *out)
{
	struct keyer_key *k;
	enum bw_err e;

	CHECK(keyer_goes_with(a, m->spec), BW_EINVAL);
	TRY(keyer_key_use(t, m, &k));
	e = k->pkey ? keyer_public_decrypt(t, k->pkey, a, sealed, out) : keyer_symmetric_decrypt(t, m, k->raw, context, sealed, out);
	keyer_key_done(t);
	return e;
}

static enum bw_err encrypt_run(struct keyer_turn *t)
{
	const struct bw_keyer_request *r = t->request;

	return seal(t, &r->key, r->algorithm, r->context, r->input, &t->answer->out);
}

static enum bw_err decrypt_run(struct keyer_turn *t)
{
	const struct bw_keyer_request *r = t->request;

	return unseal(t, &r->key, r->algorithm, r->context, r->input, &t->answer->out);
}

static enum bw_err reencrypt_run(struct keyer_turn *t)
{
	const struct bw_keyer_request *r = t->request;
	struct bw_str plain;
	enum bw_err e;

	TRY(unseal(t, &r->other, r->other_algorithm, r->other_context, r->input, &plain));
	e = seal(t, &r->key, r->algorithm, r->context, plain, &t->answer->out);
	bw_wipe((void *)(uintptr_t)plain.p, plain.n);
	return e;
}

/* ---- Data keys ---- */

static enum bw_err data_key_run(struct keyer_turn *t)
{
	const struct bw_keyer_request *r = t->request;
	char *key;

	CHECK(r->length >= 1 && r->length <= 1024, BW_EINVAL);
	key = bw_arena_alloc(t->arena, r->length);
	bw_random(key, r->length);
	if (r->plain)
		t->answer->out2 = bw_str_make(key, r->length);
	return seal(
	    t, &r->key, BW_ALG_SYMMETRIC_DEFAULT, r->context, bw_str_make(key, r->length), &t->answer->out);
}

static enum bw_err data_key_pair_run(struct keyer_turn *t)
{
	const struct bw_keyer_request *r = t->request;
	struct bw_str raw = BW_STR(""), public_der = BW_STR("");

	CHECK(keyer_spec(r->pair_spec), BW_ENOTFOUND);
	CHECK(!keyer_spec(r->pair_spec)->raw_bytes, BW_EINVAL);
	TRY(keyer_make(t, r->pair_spec, &raw, &public_der));
	if (r->plain)
		t->answer->out2 = raw;
	t->answer->out3 = public_der;
	return seal(t, &r->key, BW_ALG_SYMMETRIC_DEFAULT, r->context, raw, &t->answer->out);
}

static enum bw_err random_run(struct keyer_turn *t)
{
	size_t n = t->request->length;
	char *bytes;

	CHECK(n >= 1 && n <= 1024, BW_EINVAL);
	bytes = bw_arena_alloc(t->arena, n);
	bw_random(bytes, n);
	t->answer->out = bw_str_make(bytes, n);
	return BW_OK;
}

/* ---- With the key of the request ---- */

enum bw_err keyer_mac(struct keyer_turn *t, struct keyer_key *k, struct bw_str *out)
{
	struct bw_str message = t->request->input;
	unsigned char *to = bw_arena_alloc(t->arena, EVP_MAX_MD_SIZE);
	size_t n = 0;

	/* Begins again with the same key. */
	MUST(EVP_MAC_init(k->mac, NULL, 0, NULL) == 1 &&
	     EVP_MAC_update(k->mac, (const unsigned char *)message.p, message.n) == 1 &&
	     EVP_MAC_final(k->mac, to, &n, EVP_MAX_MD_SIZE) == 1);
	*out = bw_str_make(to, n);
	return BW_OK;
}

static enum bw_err mac_use(struct keyer_turn *t, struct keyer_key *k)
{
	return keyer_mac(t, k, &t->answer->out);
}

static enum bw_err mac_verify_use(struct keyer_turn *t, struct keyer_key *k)
{
	struct bw_str mac;

	TRY(keyer_mac(t, k, &mac));
	return bw_str_eq_secret(mac, t->request->input2) ? BW_OK : BW_ECORRUPT;
}

static enum bw_err sign_use(struct keyer_turn *t, struct keyer_key *k)
{
	return keyer_sign(t, k, &t->answer->out);
}

static enum bw_err derive_use(struct keyer_turn *t, struct keyer_key *k)
{
	return keyer_derive(t, k, &t->answer->out);
}

static enum bw_err use(
    struct keyer_turn *t, enum bw_err (*with)(struct keyer_turn *t, struct keyer_key *k))
{
	const struct bw_keyer_request *r = t->request;
	struct keyer_key *k;
	enum bw_err e;

	CHECK(keyer_algorithm(r->algorithm), BW_ENOTFOUND);
	CHECK(keyer_goes_with(r->algorithm, r->key.spec), BW_EINVAL);
	TRY(keyer_key_use(t, &r->key, &k));
	e = with(t, k);
	keyer_key_done(t);
	return e;
}

static enum bw_err mac_run(struct keyer_turn *t)
{
	return use(t, mac_use);
}

static enum bw_err mac_verify_run(struct keyer_turn *t)
{
	return use(t, mac_verify_use);
}

static enum bw_err sign_run(struct keyer_turn *t)
{
	return use(t, sign_use);
}

/* Signature algorithms of X.509 (RFC 4055, RFC 5758): unlike KMS's they leave it to whoever issues which digest he takes. */
static bool signs_issued(enum bw_key_algorithm a, const struct keyer_algorithm *row, const struct keyer_spec *s)
{
	if (row->family != s->family)
		return false;
	if (row->family == KEYER_RSA)
		return row->padding == RSA_PKCS1_PADDING;
	return row->family == KEYER_ML_DSA || (row->family == KEYER_EC && row->digest) || a == BW_ALG_SM2DSA;
}

static enum bw_err sign_issued_run(struct keyer_turn *t)
{
	const struct bw_keyer_request *r = t->request;
	const struct keyer_algorithm *row = keyer_algorithm(r->algorithm);
	const struct keyer_spec *s = keyer_spec(r->key.spec);
	struct keyer_key *k;
	enum bw_err e;

	CHECK(row && s, BW_ENOTFOUND);
	CHECK(signs_issued(r->algorithm, row, s), BW_EINVAL);
	TRY(keyer_key_use(t, &r->key, &k));
	e = keyer_sign(t, k, &t->answer->out);
	keyer_key_done(t);
	return e;
}

static enum bw_err verify_run(struct keyer_turn *t)
{
	return use(t, keyer_verify);
}

static enum bw_err derive_run(struct keyer_turn *t)
{
	return use(t, derive_use);
}

/* ---- Material ---- */

static enum bw_err wrap_new(struct keyer_turn *t, struct bw_str raw, struct bw_str public_der)
{
	struct bw_keyer_material m = t->request->key;

	m.material_id = keyer_material_id(t, raw);
	keyer_wrap(t, &m, raw, &t->answer->out);
	t->answer->out2 = public_der;
	t->answer->out3 = m.material_id;
	return BW_OK;
}

static enum bw_err generate_run(struct keyer_turn *t)
{
	struct bw_str raw = BW_STR(""), public_der = BW_STR("");

	TRY(keyer_make(t, t->request->key.spec, &raw, &public_der));
	return wrap_new(t, raw, public_der);
}

static enum bw_err rewrap_run(struct keyer_turn *t)
{
	struct bw_keyer_material to = t->request->other;
	struct keyer_key k;
	enum bw_err e;

	CHECK(!keyer_wraps_imports(&t->request->key), BW_EINVAL);
	to.spec = t->request->key.spec;
	to.material_id = t->request->key.material_id;
	e = keyer_key_open(t, &t->request->key, &k);
	if (e == BW_OK)
		keyer_wrap(t, &to, k.raw, &t->answer->out);
	keyer_key_close(&k);
	return e;
}

static enum bw_err import_begin_run(struct keyer_turn *t)
{
	const struct keyer_spec *s = keyer_spec(t->request->key.spec);
	struct bw_str raw = BW_STR(""), public_der = BW_STR("");

	CHECK(s && s->family == KEYER_RSA && keyer_wraps_imports(&t->request->key), BW_EINVAL);
	TRY(keyer_make(t, t->request->key.spec, &raw, &public_der));
	keyer_wrap(t, &t->request->key, raw, &t->answer->out);
	t->answer->out2 = public_der;
	return BW_OK;
}

static enum bw_err import_run(struct keyer_turn *t)
{
	const struct bw_keyer_request *r = t->request;
	struct bw_str given, raw = BW_STR(""), public_der = BW_STR("");
	struct keyer_key wrapping;
	enum bw_err e;

	CHECK(keyer_algorithm(r->algorithm) && keyer_algorithm(r->algorithm)->family == KEYER_RSA && keyer_wraps_imports(&r->other), BW_EINVAL);
	e = keyer_key_open(t, &r->other, &wrapping);
	if (e == BW_OK && !wrapping.pkey)
		e = BW_EINVAL;
	if (e == BW_OK)
		e = keyer_unwrap_import(t, wrapping.pkey, r->algorithm, r->input, &given);
	keyer_key_close(&wrapping);
	TRY(e);
	TRY(keyer_check(t, r->key.spec, given, &raw, &public_der));
	return wrap_new(t, raw, public_der);
}

/* ---- The store ---- */

/* The api process opens its store with this, and never has the root key. */
static enum bw_err store_key_run(struct keyer_turn *t)
{
	unsigned char *key = bw_arena_alloc(t->arena, BW_STORE_KEY + 1);
	uint32_t generation = (uint32_t)t->request->length;
	enum bw_err e;

	CHECK(t->request->input.n == BW_SEAL_SALT && t->request->length <= BW_GENERATIONS_MAX, BW_EINVAL);
	MUST(pthread_mutex_lock(&t->keyer->lock) == 0);
	e = bw_keyring_store_key(&t->keyer->ring, t->request->input, &generation, key);
	MUST(pthread_mutex_unlock(&t->keyer->lock) == 0);
	key[BW_STORE_KEY] = (unsigned char)generation;
	t->answer->out = bw_str_make(key, BW_STORE_KEY);
	t->answer->out2 = bw_str_make(key + BW_STORE_KEY, 1);
	return e;
}

static enum bw_err rekey_run(struct keyer_turn *t)
{
	CHECK(t->keyer->admin, BW_EPERM);
	return admin_rekey(t->keyer->admin, t->request->input, t->request->plain, t->arena, &t->answer->out);
}

static enum bw_err rekeyed_run(struct keyer_turn *t)
{
	CHECK(t->keyer->admin, BW_EPERM);
	return admin_adopt(t->keyer->admin, t->request->input);
}

/* ---- The table ---- */

static const struct {
	enum bw_err (*run)(struct keyer_turn *t);
	bool alone; /* it waits for those that are within: it is not one of them */
} operations[BW_KEYER_OPS] = {
    [BW_KEYER_GENERATE] = {generate_run},
    [BW_KEYER_REWRAP] = {rewrap_run},
    [BW_KEYER_ENCRYPT] = {encrypt_run},
    [BW_KEYER_DECRYPT] = {decrypt_run},
    [BW_KEYER_REENCRYPT] = {reencrypt_run},
    [BW_KEYER_DATA_KEY] = {data_key_run},
    [BW_KEYER_DATA_KEY_PAIR] = {data_key_pair_run},
    [BW_KEYER_SIGN] = {sign_run},
    [BW_KEYER_VERIFY] = {verify_run},
    [BW_KEYER_MAC] = {mac_run},
    [BW_KEYER_VERIFY_MAC] = {mac_verify_run},
    [BW_KEYER_DERIVE] = {derive_run},
    [BW_KEYER_RANDOM] = {random_run},
    [BW_KEYER_IMPORT_BEGIN] = {import_begin_run},
    [BW_KEYER_IMPORT] = {import_run},
    [BW_KEYER_STORE_KEY] = {store_key_run},
    [BW_KEYER_SIGN_ISSUED] = {sign_issued_run},
    [BW_KEYER_REKEY] = {rekey_run, .alone = true},
    [BW_KEYER_REKEYED] = {rekeyed_run, .alone = true},
};

void keyer_answer(struct keyer *k, struct keyer_cache *cache, const struct bw_keyer_request *r, struct bw_arena *arena,
    struct bw_keyer_answer *out)
{
	bool within = r->op >= BW_KEYER_OPS || !operations[r->op].alone;
	unsigned phase = within ? keyer_enter(k) : 0;
	struct keyer_turn t = {.keyer = k, .request = r, .answer = out, .arena = arena, .generation = atomic_load(&k->newest),
	    .cache = cache};

	*out = (struct bw_keyer_answer){BW_EINVAL, BW_STR(""), BW_STR(""), BW_STR("")};
	if (t.generation == 0)
		out->result = BW_EPERM; /* sealed */
	else if (r->op < BW_KEYER_OPS)
		out->result = operations[r->op].run(&t);
	if (within)
		keyer_leave(k, phase);
	if (out->result != BW_OK)
		out->out = out->out2 = out->out3 = BW_STR("");
}

bool keyer_is_slow(const struct bw_keyer_request *r)
{
	const struct keyer_spec *s =
	    r->op == BW_KEYER_DATA_KEY_PAIR ? keyer_spec(r->pair_spec) : keyer_spec(r->key.spec);

	return s && s->slow &&
	       (r->op == BW_KEYER_GENERATE || r->op == BW_KEYER_IMPORT_BEGIN || r->op == BW_KEYER_IMPORT ||
	           r->op == BW_KEYER_DATA_KEY_PAIR);
}
