/* Ciphertexts of KMS: any bytes, and one of ours that was changed. Nothing but the very bytes that were made
 * opens, and what is refused leaves nothing behind. */
#include "keyer/keyer_internal.h"

enum { BYTES = 4096 };

static const struct bw_str plain = {"what was sealed", 15}, context = {"\0\0\0\1a\0\0\0\0011", 10};

static struct bw_str key(void)
{
	static const unsigned char bytes[32] = {7};

	return bw_str_make(bytes, sizeof bytes);
}

static struct bw_keyer_material material(void)
{
	return (struct bw_keyer_material){.account = BW_STR("111122223333"),
	    .region = BW_STR("eu-central-1"),
	    .key_id = BW_STR("1234abcd-12ab-34cd-56ef-1234567890ab"),
	    .material_id = BW_STR("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
	    .version = 1,
	    .spec = BW_KEY_SYMMETRIC_DEFAULT};
}

static struct bw_str sealed_make(struct bw_arena *arena)
{
	struct bw_keyer_material m = material();
	struct keyer_turn t = {.arena = arena};
	struct bw_str out;

	MUST(keyer_symmetric_encrypt(&t, &m, key(), context, plain, &out) == BW_OK);
	return out;
}

/* Says whether it opened; what it says of itself stands inside it, whatever it is. */
static bool opens(struct bw_arena *arena, struct bw_str sealed, struct bw_str with)
{
	struct bw_keyer_material m = material();
	struct keyer_turn t = {.arena = arena};
	struct bw_keyer_blob blob;
	struct bw_str out;
	enum bw_err e;

	if (bw_keyer_blob_parse(sealed, arena, &blob) == BW_OK) {
		MUST(blob.account.n + blob.region.n + blob.key_id.n < sealed.n);
		MUST(blob.material_id.n == 64);
	}
	e = keyer_symmetric_decrypt(&t, &m, key(), with, sealed, &out);
	MUST(e == BW_ECORRUPT || (e == BW_OK && bw_str_eq(out, plain)));
	return e == BW_OK;
}

/* "where, how" pairs, and then a cut or bytes more. */
static struct bw_str changed(struct bw_arena *arena, struct bw_str ours, struct bw_str recipe)
{
	char *copy = bw_arena_alloc(arena, ours.n + BYTES);
	size_t n = ours.n;

	memcpy(copy, ours.p, ours.n);
	for (; recipe.n > 4; recipe = bw_str_sub(recipe, 3, recipe.n))
		copy[((unsigned char)recipe.p[0] << 8 | (unsigned char)recipe.p[1]) % ours.n] ^= recipe.p[2];
	if (recipe.n == 4)
		n -= (unsigned char)recipe.p[3] % ours.n;
	else if (recipe.n == 3)
		n += (unsigned char)recipe.p[2];
	memset(copy + ours.n, 0, BYTES);
	return bw_str_make(copy, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str rest = bw_str_make(data, size), ours, theirs;
	struct bw_arena arena;

	if (size < 1 || size > BYTES)
		return 0;
	bw_crypto_init();
	bw_arena_init(&arena, 1 << 20);
	ours = sealed_make(&arena);
	MUST(opens(&arena, ours, context));
	rest = bw_str_sub(rest, 1, rest.n);
	if (data[0] % 4 == 0)
		MUST(!opens(&arena, rest, context));
	else if (data[0] % 4 == 1)
		MUST(opens(&arena, ours, rest) == bw_str_eq(rest, context));
	theirs = changed(&arena, ours, rest);
	MUST(opens(&arena, theirs, context) == bw_str_eq(theirs, ours));
	bw_arena_free(&arena);
	return 0;
}
