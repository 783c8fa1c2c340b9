#include "fixture.h"

struct bw_arena arena;
struct keyer keyer;

struct bw_secret root_make(void)
{
	struct bw_secret root = bw_secret_new(32);

	memset(root.p, 7, root.n);
	return root;
}

void keyer_begin(void)
{
	struct bw_secret root = root_make();
	struct bw_keyring ring = bw_keyring_of_root(&root);

	bw_crypto_init();
	bw_arena_free(&arena);
	bw_arena_init(&arena, 1 << 26);
	if (keyer.newest)
		keyer_close(&keyer);
	keyer_init(&keyer);
	keyer_open(&keyer, &ring);
	assert_null(ring.bytes.p); /* the keyring is not left behind */
	bw_secret_free(&root);
}

struct bw_keyer_answer ask(const struct bw_keyer_request *r)
{
	struct bw_keyer_answer a;

	keyer_answer(&keyer, NULL, r, &arena, &a);
	return a;
}

struct bw_str ask_ok(const struct bw_keyer_request *r)
{
	struct bw_keyer_answer a = ask(r);

	assert_ok(a.result);
	return a.out;
}

struct bw_keyer_material key_make(enum bw_key_spec spec, struct bw_str *public_der)
{
	struct bw_keyer_material m = {BW_STR("111122223333"), BW_STR("eu-central-1"),
	    BW_STR("1234abcd-12ab-34cd-56ef-1234567890ab"), BW_STR_NONE, 1, spec, BW_STR_NONE};
	const struct bw_keyer_request r = {.op = BW_KEYER_GENERATE, .key = m};
	struct bw_keyer_answer a = ask(&r);

	assert_ok(a.result);
	m.wrapped = a.out;
	m.material_id = a.out3;
	assert_int_equal(m.material_id.n, 64);
	if (public_der)
		*public_der = a.out2;
	return m;
}

struct bw_str context_of(const char *key, const char *value)
{
	const struct bw_str pair[] = {bw_str_c(key), bw_str_c(value)};

	return bw_keyer_context(&arena, pair, 1);
}

struct bw_str hex(const char *digits)
{
	size_t n = strlen(digits) / 2;
	char *bytes = bw_arena_alloc(&arena, n + 1);

	for (size_t i = 0; i < n; i++) {
		unsigned byte = 0;

		for (size_t k = 0; k < 2; k++) {
			char c = digits[2 * i + k];

			byte = byte * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
		}
		bytes[i] = (char)byte;
	}
	return bw_str_make(bytes, n);
}

struct bw_str flipped_bit(struct bw_str s, size_t byte, unsigned bit)
{
	struct bw_str copy = bw_arena_str(&arena, s);

	((char *)(uintptr_t)copy.p)[byte] ^= (char)(1 << bit);
	return copy;
}

struct bw_str flipped(struct bw_str s, size_t byte)
{
	return flipped_bit(s, byte, 0);
}
