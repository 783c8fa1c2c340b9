#include "known.h"

#include "crypto/box.h"

/* RFC 7748, section 6.1: Bob's keys. */
TEST(box_public_keys_are_those_of_rfc_7748)
{
	unsigned char public[BW_BOX_KEY];
	struct bw_arena a;

	bw_arena_init(&a, 1 << 16);
	bw_box_public((const unsigned char *)from_hex(
	                  &a, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
	                  .p,
	    public);
	assert_hex(
	    &a, public, sizeof public, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	bw_arena_free(&a);
}

struct ends {
	unsigned char secret[BW_BOX_KEY], sender[BW_BOX_KEY];
	struct bw_box *to, *from;
	struct bw_arena arena;
	struct bw_buf sealed;
};

static void ends_make(struct ends *e)
{
	unsigned char public[BW_BOX_KEY];

	*e = (struct ends){0};
	e->secret[3] = 7;
	bw_box_public(e->secret, public);
	assert_ok(bw_box_to(public, e->sender, &e->to));
	assert_ok(bw_box_from(e->secret, e->sender, &e->from));
	bw_arena_init(&e->arena, 1 << 16);
	bw_buf_init(&e->sealed, 1 << 16);
}

static void ends_free(struct ends *e)
{
	bw_box_free(e->to);
	bw_box_free(e->from);
	bw_arena_free(&e->arena);
	bw_buf_free(&e->sealed);
}

TEST(box_opens_for_its_receiver_alone_and_unchanged)
{
	struct bw_str aad = BW_STR("aad"), plain;
	unsigned char other[BW_BOX_KEY] = {9};
	struct bw_box *foreign;
	struct ends e;

	ends_make(&e);
	bw_box_seal(e.to, aad, BW_STR("words"), &e.sealed);
	assert_int_equal(e.sealed.n, 5 + BW_AEAD_OVERHEAD);
	assert_ok(bw_box_open(e.from, aad, bw_buf_str(&e.sealed), &e.arena, &plain));
	assert_str(plain, "words");
	assert_int_equal(
	    bw_box_open(e.from, BW_STR("aae"), bw_buf_str(&e.sealed), &e.arena, &plain), BW_ECORRUPT);
	for (size_t i = 0; i < e.sealed.n; i++) {
		e.sealed.p[i] ^= 1;
		assert_int_equal(
		    bw_box_open(e.from, aad, bw_buf_str(&e.sealed), &e.arena, &plain), BW_ECORRUPT);
		e.sealed.p[i] ^= 1;
		assert_int_equal(
		    bw_box_open(e.from, aad, bw_str_make(e.sealed.p, i), &e.arena, &plain), BW_ECORRUPT);
	}
	assert_ok(bw_box_from(other, e.sender, &foreign));
	assert_int_equal(bw_box_open(foreign, aad, bw_buf_str(&e.sealed), &e.arena, &plain), BW_ECORRUPT);
	bw_box_free(foreign);
	ends_free(&e);
}

/* The points of small order of RFC 7748's curve: every secret leads to zeros. */
TEST(box_refuses_keys_without_a_secret)
{
	static const char *const points[] = {
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "0100000000000000000000000000000000000000000000000000000000000000",
	    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};
	unsigned char sender[BW_BOX_KEY], secret[BW_BOX_KEY] = {5};
	struct bw_arena a;
	struct bw_box *b;

	bw_arena_init(&a, 1 << 16);
	for (size_t i = 0; i < BW_COUNT(points); i++) {
		const unsigned char *point = (const unsigned char *)from_hex(&a, points[i]).p;

		assert_int_equal(bw_box_to(point, sender, &b), BW_EINVAL);
		assert_int_equal(bw_box_from(secret, point, &b), BW_EINVAL);
	}
	bw_arena_free(&a);
}
