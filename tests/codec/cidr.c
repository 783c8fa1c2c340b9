#include "test.h"

#include "codec/cidr.h"

static struct bw_str canonical(struct bw_arena *a, const char *text)
{
	struct bw_cidr c;

	if (bw_cidr_parse(bw_str_c(text), &c) != BW_OK)
		return BW_STR("refused");
	(void)bw_cidr_mask(&c);
	return bw_cidr_text(a, &c);
}

TEST(cidr_one_spelling_in_the_canonical_one_out)
{
	static const char *const rows[][2] = {
	    {"0.0.0.0/0", "0.0.0.0/0"}, {"10.1.2.3/32", "10.1.2.3/32"}, {"100.68.0.18/18", "100.68.0.0/18"},
	    {"255.255.255.255/1", "128.0.0.0/1"}, {"10.1.2.3/7", "10.0.0.0/7"}, {"::/0", "::/0"},
	    {"2001:DB8::1/32", "2001:db8::/32"}, {"2001:db8::ffff/113", "2001:db8::8000/113"}, {"::1/128", "::1/128"},
	    {"::ffff:1.2.3.4/96", "::ffff:0.0.0.0/96"},
	    {"", "refused"}, {"/", "refused"}, {"10.0.0.0", "refused"}, {"10.0.0.0/", "refused"}, {"10.0.0.0/33", "refused"},
	    {"10.0.0.0/-1", "refused"}, {"10.0.0.0/+8", "refused"}, {"10.0.0.0/08", "refused"}, {"10.0.0.0/8 ", "refused"},
	    {" 10.0.0.0/8", "refused"}, {"10.0.0/8", "refused"}, {"10.0.0.0.0/8", "refused"}, {"010.0.0.0/8", "refused"},
	    {"256.0.0.0/8", "refused"}, {"0x0a.0.0.0/8", "refused"}, {"10.0.0.0/8/8", "refused"}, {"::/129", "refused"},
	    {":::/0", "refused"}, {"1::2::3/64", "refused"}, {"fe80::1%lo/64", "refused"}, {"[::1]/128", "refused"},
	    {"12345::/16", "refused"}, {"::/0x1", "refused"}, {"::/00", "refused"},
	};
	struct bw_arena a;

	bw_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < BW_COUNT(rows); i++)
		assert_str(canonical(&a, rows[i][0]), rows[i][1]);
	bw_arena_free(&a);
}

TEST(cidr_a_nul_byte_ends_nothing)
{
	struct bw_cidr c;

	assert_int_equal(bw_cidr_parse(BW_STR("10.0.0.0\0/8"), &c), BW_EINVAL);
	assert_int_equal(bw_cidr_address(BW_STR("10.0.0.0\0"), &c), BW_EINVAL);
	assert_int_equal(bw_cidr_address(BW_STR_NONE, &c), BW_EINVAL);
}

static bool relation(bool (*of)(const struct bw_cidr *, const struct bw_cidr *), const char *a, const char *b)
{
	struct bw_cidr x, y;

	assert_int_equal(bw_cidr_parse(bw_str_c(a), &x), BW_OK);
	assert_int_equal(bw_cidr_parse(bw_str_c(b), &y), BW_OK);
	return of(&x, &y);
}

TEST(cidr_contains_and_overlaps)
{
	assert_true(relation(bw_cidr_contains, "10.0.0.0/8", "10.255.255.255/32"));
	assert_true(relation(bw_cidr_contains, "10.0.0.0/8", "10.0.0.0/8"));
	assert_false(relation(bw_cidr_contains, "10.0.0.0/9", "10.128.0.0/9"));
	assert_false(relation(bw_cidr_contains, "10.0.0.0/9", "10.0.0.0/8"));
	assert_false(relation(bw_cidr_contains, "0.0.0.0/0", "::/0"));
	assert_true(relation(bw_cidr_contains, "::/0", "ffff::/16"));
	assert_true(relation(bw_cidr_overlaps, "10.0.0.0/9", "10.0.0.0/8"));
	assert_true(relation(bw_cidr_overlaps, "172.31.16.0/20", "172.31.31.255/32"));
	assert_false(relation(bw_cidr_overlaps, "172.31.16.0/20", "172.31.32.0/20"));
	assert_false(relation(bw_cidr_overlaps, "0.0.0.0/0", "::/0"));
}

TEST(cidr_counts_addresses)
{
	struct bw_cidr c, at;
	struct bw_arena a;

	bw_arena_init(&a, 1 << 16);
	assert_int_equal(bw_cidr_parse(BW_STR("10.0.255.250/30"), &c), BW_OK);
	assert_int_equal(bw_cidr_size(&c), 4);
	at = bw_cidr_nth(&c, 9);
	assert_str(bw_cidr_address_text(&a, &at), "10.1.0.1");
	assert_int_equal(bw_cidr_index(&c, &at), 9);
	assert_int_equal(bw_cidr_parse(BW_STR("0.0.0.0/0"), &c), BW_OK);
	assert_true(bw_cidr_size(&c) == UINT64_C(1) << 32);
	bw_arena_free(&a);
}
