/* What needs no key: an encryption context in its one form, and the front of a ciphertext. */
#include "keyer/keyer_internal.h"

#include "codec/hex.h"
#include "codec/sort.h"

static void length_put(struct bw_buf *out, size_t n)
{
	for (size_t i = 0; i < 4; i++)
		bw_buf_put_c(out, (char)(n >> 8 * i & 255));
}

struct pair {
	struct bw_str key, value;
};

static int pair_order(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return bw_str_cmp(x->key, y->key);
}

struct bw_str bw_keyer_context(struct bw_arena *a, const struct bw_str *pairs, size_t n)
{
	struct pair *sorted = BW_NEW_ARRAY(a, struct pair, n + 1);
	struct bw_buf out;
	struct bw_str copy;

	for (size_t i = 0; i < n; i++)
		sorted[i] = (struct pair){pairs[2 * i], pairs[2 * i + 1]};
	bw_sort(sorted, n, sizeof *sorted, pair_order);
	bw_buf_init(&out, BW_KEYER_MESSAGE_MAX);
	for (size_t i = 0; i < n; i++) {
		length_put(&out, sorted[i].key.n);
		bw_buf_put(&out, sorted[i].key);
		length_put(&out, sorted[i].value.n);
		bw_buf_put(&out, sorted[i].value);
	}
	copy = bw_arena_str(a, bw_buf_str(&out));
	bw_buf_free(&out);
	return copy;
}

/* ---- Ciphertexts ----
 *
 *	1 | n account | n Region | n key id | material id 32 | salt 32 | ciphertext | tag 16
 *
 * A name has its length in front, in one byte. All before the ciphertext is authenticated with it. */

enum { FORM = 1 };

static bool name_take(struct bw_str *left, struct bw_str *out)
{
	size_t n = left->n ? (unsigned char)left->p[0] : 0;

	if (n == 0 || left->n < 1 + n)
		return false;
	*out = bw_str_sub(*left, 1, n);
	*left = bw_str_sub(*left, 1 + n, left->n);
	return true;
}

enum bw_err keyer_blob_split(struct bw_str ciphertext, struct bw_keyer_blob *out, struct keyer_blob *parts)
{
	struct bw_str left = bw_str_sub(ciphertext, 1, ciphertext.n);

	CHECK(ciphertext.n > 1 && ciphertext.p[0] == FORM, BW_EINVAL);
	CHECK(name_take(&left, &out->account) && name_take(&left, &out->region) &&
	          name_take(&left, &out->key_id),
	    BW_EINVAL);
	CHECK(left.n >= KEYER_ID + KEYER_SALT + KEYER_TAG, BW_EINVAL);
	parts->id = bw_str_sub(left, 0, KEYER_ID);
	parts->salt = bw_str_sub(left, KEYER_ID, KEYER_SALT);
	parts->sealed = bw_str_sub(left, KEYER_ID + KEYER_SALT, left.n);
	parts->front = bw_str_make(ciphertext.p, (size_t)(parts->sealed.p - ciphertext.p));
	return BW_OK;
}

enum bw_err bw_keyer_blob_parse(struct bw_str ciphertext, struct bw_arena *arena, struct bw_keyer_blob *out)
{
	struct keyer_blob parts;
	char *digits;

	TRY(keyer_blob_split(ciphertext, out, &parts));
	digits = bw_arena_alloc(arena, 2 * KEYER_ID);
	bw_hex_encode(parts.id.p, KEYER_ID, digits);
	out->material_id = bw_str_make(digits, 2 * KEYER_ID);
	return BW_OK;
}

static void name_put(struct bw_buf *out, struct bw_str name)
{
	MUST(name.n > 0 && name.n < 256);
	bw_buf_put_c(out, (char)name.n);
	bw_buf_put(out, name);
}

enum bw_err keyer_blob_front(
    const struct bw_keyer_material *m, const unsigned char salt[KEYER_SALT], struct bw_buf *out)
{
	unsigned char id[KEYER_ID];

	CHECK(m->account.n && m->account.n < 256 && m->region.n && m->region.n < 256 && m->key_id.n &&
	          m->key_id.n < 256,
	    BW_EINVAL);
	TRY(bw_hex_decode(m->material_id, id, sizeof id));
	bw_buf_put_c(out, FORM);
	name_put(out, m->account);
	name_put(out, m->region);
	name_put(out, m->key_id);
	bw_buf_put(out, bw_str_make(id, sizeof id));
	bw_buf_put(out, bw_str_make(salt, KEYER_SALT));
	return BW_OK;
}
