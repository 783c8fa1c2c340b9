#include "jose/jwks.h"

#include "codec/base64.h"

struct key {
	char *id; /* NULL: none */
	struct bw_public_key *key;
	bool bound; /* to one algorithm, by the set */
	enum bw_signature algorithm;
};

struct bw_jwks {
	size_t count;
	struct key keys[BW_JWKS_KEYS_MAX];
};

static struct bw_str member(const struct bw_json_value *v, const char *name)
{
	const struct bw_json_value *found = bw_json_member(v, bw_str_c(name));

	return found && found->kind == BW_JSON_STRING ? found->text : BW_STR_NONE;
}

static enum bw_err number(
    const struct bw_json_value *v, const char *name, struct bw_arena *a, struct bw_str *out)
{
	struct bw_str text = member(v, name);

	CHECK(text.n, BW_EINVAL);
	return bw_base64url_decode(text, a, out);
}

static enum bw_err rsa_read(const struct bw_json_value *v, struct bw_arena *a, struct bw_public_key **out)
{
	struct bw_str n, e;

	TRY(number(v, "n", a, &n));
	TRY(number(v, "e", a, &e));
	return bw_public_rsa(n, e, out);
}

static enum bw_err ec_read(const struct bw_json_value *v, struct bw_arena *a, struct bw_public_key **out)
{
	struct bw_str x, y;

	TRY(number(v, "x", a, &x));
	TRY(number(v, "y", a, &y));
	return bw_public_ec(member(v, "crv"), x, y, out);
}

/* BW_EPERM: a key that is passed over. */
static enum bw_err key_read(const struct bw_json_value *v, struct bw_arena *a, struct key *out)
{
	struct bw_str kind = member(v, "kty"), use = member(v, "use"), algorithm = member(v, "alg"),
	              id = member(v, "kid");

	CHECK(v->kind == BW_JSON_OBJECT && kind.n, BW_EINVAL);
	CHECK(bw_str_find(id, '\0', 0) < 0, BW_EPERM); /* it is kept as a C string */
	CHECK(!bw_str_set(use) || bw_str_eq(use, BW_STR("sig")), BW_EPERM);
	out->bound = bw_str_set(algorithm);
	CHECK(!out->bound || bw_signature_of(algorithm, &out->algorithm) == BW_OK, BW_EPERM);
	if (bw_str_eq(kind, BW_STR("RSA")))
		CHECK(rsa_read(v, a, &out->key) == BW_OK, BW_EPERM);
	else if (bw_str_eq(kind, BW_STR("EC")))
		CHECK(ec_read(v, a, &out->key) == BW_OK, BW_EPERM);
	else
		return BW_EPERM;
	if (bw_str_set(id))
		out->id = bw_strdup(id);
	return BW_OK;
}

static struct key *key_find(struct bw_jwks *s, struct bw_str id)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->keys[i].id && bw_str_eq(bw_str_c(s->keys[i].id), id))
			return &s->keys[i];
	return NULL;
}

static enum bw_err key_add(struct bw_jwks *s, const struct bw_json_value *v, struct bw_arena *a)
{
	struct key key = {0};
	enum bw_err e = key_read(v, a, &key);

	if (e == BW_EPERM)
		return BW_OK;
	TRY(e);
	e = key.id && key_find(s, bw_str_c(key.id)) ? BW_EINVAL : BW_OK;
	s->keys[s->count++] = key;
	return e;
}

static enum bw_err set_read(struct bw_jwks *s, struct bw_str text, struct bw_arena *a)
{
	const struct bw_json_value *keys;
	struct bw_json_value v;

	CHECK(bw_json_parse(text, a, &v) == BW_OK && v.kind == BW_JSON_OBJECT, BW_EINVAL);
	keys = bw_json_member(&v, BW_STR("keys"));
	CHECK(keys && keys->kind == BW_JSON_ARRAY, BW_EINVAL);
	CHECK(keys->count <= BW_JWKS_KEYS_MAX, BW_ETOOBIG);
	for (size_t i = 0; i < keys->count; i++)
		TRY(key_add(s, &keys->values[i], a));
	return BW_OK;
}

enum bw_err bw_jwks_parse(struct bw_str text, struct bw_jwks **out)
{
	struct bw_jwks *s;
	struct bw_arena arena;
	enum bw_err e;

	CHECK(text.n <= BW_JWKS_BYTES_MAX, BW_ETOOBIG);
	s = bw_alloc(sizeof *s);
	bw_arena_init(&arena, 64 * BW_JWKS_BYTES_MAX);
	e = set_read(s, text, &arena);
	bw_arena_free(&arena);
	if (e != BW_OK) {
		bw_jwks_free(s);
		return e;
	}
	*out = s;
	return BW_OK;
}

void bw_jwks_free(struct bw_jwks *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++) {
		bw_free(s->keys[i].id);
		bw_public_free(s->keys[i].key);
	}
	bw_free(s);
}

size_t bw_jwks_count(const struct bw_jwks *s)
{
	return s->count;
}

enum bw_err bw_jwks_verify(const struct bw_jwks *s, const struct bw_jws *token, uint32_t algorithms)
{
	const struct key *key = NULL;
	enum bw_signature algorithm;

	CHECK(
	    bw_signature_of(token->algorithm, &algorithm) == BW_OK && algorithms >> algorithm & 1, BW_EPERM);
	if (bw_str_set(token->key_id))
		key = key_find((struct bw_jwks *)(uintptr_t)s, token->key_id);
	else if (s->count == 1)
		key = &s->keys[0];
	CHECK(key != NULL, BW_ENOTFOUND);
	CHECK(bw_public_makes(key->key, algorithm) && (!key->bound || key->algorithm == algorithm), BW_EPERM);
	return bw_public_verify(key->key, algorithm, token->signed_bytes, token->signature);
}
