#include "test.h"

#include "codec/form.h"

/* All pairs as "key=value;", and how it ended. */
static enum bw_err read_all(struct bw_str text, struct bw_buf *out)
{
	struct bw_form_reader f;
	struct bw_str key, value;
	struct bw_arena arena;
	enum bw_err err;

	bw_arena_init(&arena, 1 << 20);
	bw_buf_init(out, 1 << 20);
	bw_form_init(&f, text, &arena);
	while ((err = bw_form_next(&f, &key, &value)) == BW_OK) {
		assert_true(bw_str_set(key) && bw_str_set(value));
		bw_buf_put(out, key);
		bw_buf_put_c(out, '=');
		bw_buf_put(out, value);
		bw_buf_put_c(out, ';');
	}
	bw_arena_free(&arena);
	return err;
}

#define assert_form(text, want)                                                                              \
	do {                                                                                                 \
		struct bw_buf b_;                                                                            \
		assert_int_equal(read_all(text, &b_), BW_ENOTFOUND);                                         \
		assert_str(bw_buf_str(&b_), want);                                                           \
		bw_buf_free(&b_);                                                                            \
	} while (0)

TEST(form_pairs_in_order)
{
	assert_form(BW_STR_NONE, "");
	assert_form(BW_STR(""), "");
	assert_form(BW_STR("Action=GetUser&Version=2010-05-08"), "Action=GetUser;Version=2010-05-08;");
	assert_form(BW_STR("b=1&a=2&b=3"), "b=1;a=2;b=3;");
	assert_form(BW_STR("a"), "a=;");
	assert_form(BW_STR("a="), "a=;");
	assert_form(BW_STR("a=b=c"), "a=b=c;");
	assert_form(BW_STR("a+b=c+d%2Be%26"), "a b=c d+e&;");
	assert_form(BW_STR("%3D=%3d"), "===;");
	assert_form(BW_STR("&&a=1&&b=2&"), "a=1;b=2;");
	assert_form(BW_STR("&"), "");
	assert_form(BW_STR("a;b=1"), "a;b=1;");
}

TEST(form_refuses)
{
	static const char *const bad[] = {
	    "a=%", "a=%4", "a=%zz", "%=1", "%4=1", "=", "=1", "a=1&=2", "a=1&b=%g0"};
	struct bw_buf b;

	for (size_t i = 0; i < BW_COUNT(bad); i++) {
		if (read_all(bw_str_c(bad[i]), &b) != BW_EINVAL)
			fail_msg("taken: %s", bad[i]);
		bw_buf_free(&b);
	}
}

/* An escape is resolved once and inside its field: it makes no new field. */
TEST(form_escapes_make_no_structure)
{
	assert_form(BW_STR("a=1%26b%3D2"), "a=1&b=2;");
	assert_form(BW_STR("a=%2541"), "a=%41;");
	assert_form(BW_STR("a%3Db=1"), "a=b=1;");
}

static enum bw_err read_fields(size_t n)
{
	struct bw_buf text, out;
	enum bw_err err;

	bw_buf_init(&text, 1 << 20);
	for (size_t i = 0; i < n; i++)
		bw_buf_put(&text, BW_STR("&a=1"));
	err = read_all(bw_buf_str(&text), &out);
	bw_buf_free(&text);
	bw_buf_free(&out);
	return err;
}

TEST(form_fields_have_a_ceiling)
{
	assert_int_equal(read_fields(BW_FORM_FIELDS_MAX - 1), BW_ENOTFOUND);
	assert_int_equal(read_fields(BW_FORM_FIELDS_MAX), BW_ENOTFOUND);
	assert_int_equal(read_fields(BW_FORM_FIELDS_MAX + 1), BW_ETOOBIG);
}
