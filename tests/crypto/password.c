#include "test.h"
#include "crypto/crypto.h"

static char encoded[300];

static struct bw_str hash_of(struct bw_str password)
{
	struct bw_buf out;
	struct bw_str text;

	bw_buf_init(&out, sizeof encoded);
	assert_ok(bw_password_hash(password, &out));
	memcpy(encoded, out.p, out.n);
	text = bw_str_make(encoded, out.n);
	bw_buf_free(&out);
	return text;
}

TEST(password_verifies_itself_alone)
{
	struct bw_str hash = hash_of(BW_STR("correct horse"));

	assert_true(bw_str_starts(hash, BW_STR("$argon2id$v=19$m=47104,t=1,p=1$")));
	assert_true(bw_password_verify(BW_STR("correct horse"), hash));
	assert_false(bw_password_verify(BW_STR("correct hors"), hash));
	assert_false(bw_password_verify(BW_STR("correct horse\0"), hash));
	assert_false(bw_password_verify(BW_STR_NONE, hash));
}

TEST(password_refuses_encodings_that_are_not_ours)
{
	static const char *const bad[] = {
	    "",
	    "$argon2id$v=19$",
	    "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
	    "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
	    "$argon2id$v=19$m=1048577,t=1,p=1$c29tZXNhbHQ$zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
	    "$argon2id$v=19$m=64,t=17,p=1$c29tZXNhbHQ$zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
	    "$argon2id$v=19$t=1,m=64,p=1$c29tZXNhbHQ$zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
	};
	struct bw_str hash;

	for (size_t i = 0; i < BW_COUNT(bad); i++)
		assert_false(bw_password_verify(BW_STR("x"), bw_str_c(bad[i])));
	hash = hash_of(BW_STR("x"));
	encoded[hash.n] = 'A';
	assert_false(bw_password_verify(BW_STR("x"), bw_str_make(encoded, hash.n + 1)));
	assert_false(bw_password_verify(BW_STR("x"), bw_str_make(encoded, hash.n - 1)));
	encoded[hash.n] = 0;
	assert_false(bw_password_verify(BW_STR("x"), bw_str_make(encoded, hash.n + 1)));
	assert_true(bw_password_verify(BW_STR("x"), hash));
}

TEST(password_length_has_a_ceiling)
{
	static char text[4097];
	struct bw_buf out;

	memset(text, 'p', sizeof text);
	bw_buf_init(&out, 300);
	assert_ok(bw_password_hash(bw_str_make(text, 4096), &out));
	assert_true(bw_password_verify(bw_str_make(text, 4096), bw_buf_str(&out)));
	assert_false(bw_password_verify(bw_str_make(text, 4097), bw_buf_str(&out)));
	assert_int_equal(bw_password_hash(bw_str_make(text, 4097), &out), BW_ETOOBIG);
	bw_buf_free(&out);
	bw_buf_init(&out, 20);
	assert_int_equal(bw_password_hash(BW_STR("x"), &out), BW_ETOOBIG);
	bw_buf_free(&out);
}
