/* Material: made, checked, wrapped and made ready again. */
#include "keyer/keyer_internal.h"

#include "base/sys.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

enum { FORM = 1, WRAPPED_MAX = 16 * 1024 };

/* ---- Wrapping: the generation of the main key (1 byte), then nonce, ciphertext and tag ---- */

static void part_put(struct bw_buf *out, struct bw_str s)
{
	bw_buf_put_i64(out, (int64_t)s.n);
	bw_buf_put_c(out, ':');
	bw_buf_put(out, s);
}

/* What imports are wrapped under is no key of anybody's: it has no material id, and nothing but an import opens it. Else whoever has taken
 * over the api process could have material that was imported decrypted, and copy it. */
bool keyer_wraps_imports(const struct bw_keyer_material *m)
{
	return m->material_id.n == 0;
}

/* The whole identity, each part with its length in front. */
static void identity_put(const struct bw_keyer_material *m, struct bw_buf *out)
{
	bw_buf_put_c(out, FORM);
	part_put(out, m->account);
	part_put(out, m->region);
	part_put(out, m->key_id);
	part_put(out, m->material_id);
	bw_buf_put_i64(out, m->version);
	bw_buf_put_c(out, ':');
	bw_buf_put_i64(out, m->spec);
	MUST(!out->failed);
}

void keyer_wrap(
    struct keyer_turn *t, const struct bw_keyer_material *m, struct bw_str raw, struct bw_str *wrapped)
{
	unsigned generation = t->generation;
	struct bw_buf aad, out;

	bw_buf_init(&aad, BW_KEYER_MESSAGE_MAX * 8);
	bw_buf_init(&out, WRAPPED_MAX);
	identity_put(m, &aad);
	bw_buf_put_c(&out, (char)generation);
	bw_aead_seal(atomic_load(&t->keyer->wrapping[generation]), bw_buf_str(&aad), raw, &out);
	MUST(!out.failed);
	*wrapped = bw_arena_str(t->arena, bw_buf_str(&out));
	bw_buf_free(&aad);
	bw_buf_free(&out);
}

static struct bw_aead_key *wrapping_of(const struct keyer_turn *t, const struct bw_keyer_material *m)
{
	return m->wrapped.n > 1 ? atomic_load(&t->keyer->wrapping[(unsigned char)m->wrapped.p[0]]) : NULL;
}

static enum bw_err unwrap(struct keyer_turn *t, const struct bw_keyer_material *m, struct bw_str *raw)
{
	struct bw_aead_key *k = wrapping_of(t, m);
	struct bw_buf aad;
	enum bw_err e;

	CHECK(k, BW_ECORRUPT);
	bw_buf_init(&aad, BW_KEYER_MESSAGE_MAX * 8);
	identity_put(m, &aad);
	e = bw_aead_open(k, bw_buf_str(&aad), bw_str_sub(m->wrapped, 1, m->wrapped.n), t->arena, raw);
	bw_buf_free(&aad);
	return e == BW_OK ? BW_OK : BW_ECORRUPT;
}

unsigned bw_keyer_generation(struct bw_str wrapped)
{
	return wrapped.n > 1 ? (unsigned char)wrapped.p[0] : 0;
}

/* ---- Forms ---- */

static struct bw_str der_take(struct bw_arena *a, unsigned char *der, int n)
{
	struct bw_str copy;

	MUST(n > 0);
	copy = bw_arena_str(a, bw_str_make(der, (size_t)n));
	OPENSSL_clear_free(der, (size_t)n);
	return copy;
}

struct bw_str keyer_der_private(struct bw_arena *a, EVP_PKEY *pkey)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
	unsigned char *der = NULL;
	int n;

	MUST(info != NULL);
	n = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	PKCS8_PRIV_KEY_INFO_free(info);
	return der_take(a, der, n);
}

struct bw_str keyer_der_public(struct bw_arena *a, EVP_PKEY *pkey)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(pkey, &der);

	return der_take(a, der, n);
}

/* NULL unless it is one PKCS #8 structure and nothing behind it. */
static EVP_PKEY *pkcs8_read(struct bw_str der)
{
	const unsigned char *at = (const unsigned char *)der.p;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.n);
	EVP_PKEY *pkey = info && at == (const unsigned char *)der.p + der.n ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	ERR_clear_error();
	return pkey;
}

/* ---- Opening ---- */

static EVP_MAC_CTX *mac_new(enum bw_key_spec spec, struct bw_str raw)
{
	static EVP_MAC *fetched;
	EVP_MAC *hmac = __atomic_load_n(&fetched, __ATOMIC_ACQUIRE);
	OSSL_PARAM digest[2] = {
	    OSSL_PARAM_utf8_string("digest", (char *)(uintptr_t)keyer_mac_algorithm(spec)->digest, 0), OSSL_PARAM_END};
	EVP_MAC_CTX *c;

	if (!hmac) {
		hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
		__atomic_store_n(&fetched, hmac, __ATOMIC_RELEASE);
	}
	c = EVP_MAC_CTX_new(hmac);
	MUST(c && EVP_MAC_init(c, (const unsigned char *)raw.p, raw.n, digest) == 1);
	return c;
}

enum bw_err keyer_key_open(struct keyer_turn *t, const struct bw_keyer_material *m, struct keyer_key *out)
{
	const struct keyer_spec *s = keyer_spec(m->spec);

	*out = (struct keyer_key){.spec = m->spec};
	CHECK(s, BW_ENOTFOUND);
	TRY(unwrap(t, m, &out->raw));
	if (s->raw_bytes && out->raw.n != s->raw_bytes)
		return BW_ECORRUPT;
	if (s->family == KEYER_MAC)
		out->mac = mac_new(m->spec, out->raw);
	if (s->raw_bytes)
		return BW_OK;
	out->pkey = pkcs8_read(out->raw);
	return out->pkey ? BW_OK : BW_ECORRUPT;
}

enum bw_err keyer_key_use(struct keyer_turn *t, const struct bw_keyer_material *m, struct keyer_key **out)
{
	int64_t now_ms = t->cache ? bw_clock_mono_ms() : 0;
	enum bw_err e;

	CHECK(!keyer_wraps_imports(m), BW_EINVAL);
	/* The main key that it is wrapped under may have gone. */
	*out = t->cache && wrapping_of(t, m) ? keyer_cache_find(t->cache, m, now_ms) : NULL;
	if (*out)
		return BW_OK;
	e = keyer_key_open(t, m, &t->own);
	if (e != BW_OK)
		keyer_key_close(&t->own);
	else
		*out = t->cache ? keyer_cache_put(t->cache, m, &t->own, now_ms) : &t->own;
	return e;
}

void keyer_key_done(struct keyer_turn *t)
{
	keyer_key_close(&t->own);
}

void keyer_key_close(struct keyer_key *k)
{
	EVP_PKEY_CTX_free(k->signing);
	EVP_MAC_CTX_free(k->mac);
	EVP_PKEY_free(k->pkey);
	bw_wipe((void *)(uintptr_t)k->raw.p, k->raw.n);
	*k = (struct keyer_key){0};
}

/* ---- Making ---- */

static EVP_PKEY *pkey_make(const struct keyer_spec *s)
{
	switch (s->family) {
	case KEYER_RSA:
		return EVP_RSA_gen(s->bits);
	case KEYER_EC:
		return EVP_EC_gen(s->group);
	case KEYER_EDWARDS:
	case KEYER_SM2:
	case KEYER_ML_DSA:
		return EVP_PKEY_Q_keygen(NULL, NULL, s->type);
	default:
		return NULL;
	}
}

enum bw_err keyer_make(
    struct keyer_turn *t, enum bw_key_spec spec, struct bw_str *raw, struct bw_str *public_der)
{
	const struct keyer_spec *s = keyer_spec(spec);
	EVP_PKEY *pkey;
	char *bytes;

	CHECK(s, BW_ENOTFOUND);
	if (s->raw_bytes) {
		bytes = bw_arena_alloc(t->arena, s->raw_bytes);
		bw_random(bytes, s->raw_bytes);
		*raw = bw_str_make(bytes, s->raw_bytes);
		return BW_OK;
	}
	pkey = pkey_make(s);
	CHECK(pkey, BW_EINTERNAL);
	*raw = keyer_der_private(t->arena, pkey);
	*public_der = keyer_der_public(t->arena, pkey);
	EVP_PKEY_free(pkey);
	return BW_OK;
}

/* ---- From outside ---- */

static bool group_is(EVP_PKEY *pkey, const char *group)
{
	char name[64];
	size_t n;
	int given, wanted;

	if (EVP_PKEY_get_group_name(pkey, name, sizeof name, &n) != 1)
		return false;
	given = OBJ_txt2nid(name) ? OBJ_txt2nid(name) : EC_curve_nist2nid(name);
	wanted = EC_curve_nist2nid(group) ? EC_curve_nist2nid(group) : OBJ_txt2nid(group);
	return given == wanted && wanted != 0;
}

/* Of the family, size and curve, with a public half that belongs to the private one. */
static bool fits(EVP_PKEY *pkey, const struct keyer_spec *s)
{
	EVP_PKEY_CTX *c;
	bool good;

	if (s->family == KEYER_RSA &&
	    !(EVP_PKEY_is_a(pkey, "RSA") && EVP_PKEY_get_bits(pkey) == (int)s->bits))
		return false;
	if (s->family == KEYER_EC && !(EVP_PKEY_is_a(pkey, "EC") && group_is(pkey, s->group)))
		return false;
	if (s->type && !EVP_PKEY_is_a(pkey, s->type))
		return false;
	c = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	MUST(c != NULL);
	good = EVP_PKEY_check(c) == 1;
	EVP_PKEY_CTX_free(c);
	ERR_clear_error();
	return good;
}

enum bw_err keyer_check(struct keyer_turn *t, enum bw_key_spec spec, struct bw_str given, struct bw_str *raw,
    struct bw_str *public_der)
{
	const struct keyer_spec *s = keyer_spec(spec);
	EVP_PKEY *pkey;
	bool good;

	CHECK(s, BW_ENOTFOUND);
	if (s->raw_bytes) {
		*raw = given;
		return given.n == s->raw_bytes ? BW_OK : BW_EINVAL;
	}
	pkey = pkcs8_read(given);
	good = pkey && fits(pkey, s);
	if (good) {
		*raw = keyer_der_private(t->arena, pkey);
		*public_der = keyer_der_public(t->arena, pkey);
	}
	EVP_PKEY_free(pkey);
	return good ? BW_OK : BW_EINVAL;
}

struct bw_str keyer_material_id(struct keyer_turn *t, struct bw_str raw)
{
	unsigned char digest[32];
	struct bw_buf text;
	struct bw_str id;

	bw_hmac(&t->keyer->naming, raw, digest);
	bw_buf_init(&text, 128);
	bw_buf_put_hex(&text, digest, sizeof digest);
	id = bw_arena_str(t->arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return id;
}
