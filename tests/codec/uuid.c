#include "test.h"

#include "codec/uuid.h"

static void check(unsigned char fill, const char *want)
{
	unsigned char random[16];
	struct bw_buf b;

	memset(random, fill, sizeof random);
	bw_buf_init(&b, BW_UUID_TEXT);
	bw_uuid_put(random, &b);
	assert_str(bw_buf_str(&b), want);
	bw_buf_free(&b);
}

TEST(uuid_has_version_and_variant)
{
	check(0x00, "00000000-0000-4000-8000-000000000000");
	check(0xff, "ffffffff-ffff-4fff-bfff-ffffffffffff");
	check(0x5a, "5a5a5a5a-5a5a-4a5a-9a5a-5a5a5a5a5a5a");
}

TEST(uuid_keeps_the_order_of_bytes)
{
	unsigned char random[16];
	struct bw_buf b;

	for (int i = 0; i < 16; i++)
		random[i] = (unsigned char)(i * 0x11);
	bw_buf_init(&b, 64);
	bw_uuid_put(random, &b);
	assert_str(bw_buf_str(&b), "00112233-4455-4677-8899-aabbccddeeff");
	bw_buf_free(&b);
}

TEST(uuids_are_new_each_time)
{
	struct bw_str one, other;
	struct bw_arena arena;

	bw_arena_init(&arena, 1 << 16);
	one = bw_uuid_new(&arena);
	other = bw_uuid_new(&arena);
	assert_int_equal(one.n, BW_UUID_TEXT);
	assert_int_equal(one.p[14], '4');
	assert_false(bw_str_eq(one, other));
	bw_arena_free(&arena);
}
