#include "codec/message.h"
#include "test.h"

struct thing {
	uint8_t small;
	int four;
	int64_t eight;
	bool yes;
	struct bw_str text, perhaps;
};

static const struct bw_message_member members[] = {
    BW_MESSAGE_NUMBER(struct thing, small, 1, 200),
    BW_MESSAGE_NUMBER(struct thing, four, 2, 599),
    BW_MESSAGE_NUMBER(struct thing, eight, 8, INT64_MAX),
    BW_MESSAGE_NUMBER(struct thing, yes, 1, 1),
    BW_MESSAGE_TEXT(struct thing, text),
    BW_MESSAGE_TEXT_OR_NONE(struct thing, perhaps),
};
static const struct bw_message_form form = BW_MESSAGE_FORM(members);

static struct bw_buf bytes;

static void make(struct bw_str perhaps)
{
	const struct thing t = {200, 599, INT64_MAX, true, BW_STR("words"), perhaps};

	bw_buf_free(&bytes);
	bw_buf_init(&bytes, 1024);
	bw_message_put(&form, UINT64_MAX - 1, &t, &bytes);
	assert_false(bytes.failed);
}

static enum bw_err take(struct thing *t)
{
	uint64_t id = 0;
	enum bw_err e;

	memset(t, 0x55, sizeof *t);
	e = bw_message_take(&form, bw_buf_str(&bytes), &id, t);
	if (e == BW_OK)
		assert_int_equal(id, UINT64_MAX - 1);
	return e;
}

TEST(a_message_arrives_as_it_was_sent)
{
	struct thing t;

	make(BW_STR("?"));
	assert_int_equal(bytes.n, 8 + 1 + 2 + 8 + 1 + 4 + 5 + 4 + 1);
	assert_memory_equal(bytes.p, "\xfe\xff\xff\xff\xff\xff\xff\xff\xc8\x57\x02", 11);
	assert_ok(take(&t));
	assert_int_equal(t.small, 200);
	assert_int_equal(t.four, 599);
	assert_int_equal(t.eight, INT64_MAX);
	assert_true(t.yes);
	assert_str(t.text, "words");
	assert_str(t.perhaps, "?");
	assert_ptr_equal(t.perhaps.p, bytes.p + bytes.n - 1);
}

TEST(absent_is_not_empty)
{
	struct thing t;

	make(BW_STR(""));
	assert_ok(take(&t));
	assert_true(bw_str_set(t.perhaps) && t.perhaps.n == 0);
	make(BW_STR_NONE);
	assert_ok(take(&t));
	assert_false(bw_str_set(t.perhaps));
	/* Where it may not be absent, that length is only too long. */
	memset(bytes.p + 20, 0xff, 4);
	assert_int_equal(take(&t), BW_EINVAL);
}

TEST(a_message_that_is_cut_or_longer_is_none)
{
	struct thing t;
	size_t whole;

	make(BW_STR("?"));
	whole = bytes.n;
	for (bytes.n = 0; bytes.n < whole; bytes.n++)
		assert_int_equal(take(&t), BW_EINVAL);
	assert_ok(take(&t));
	bw_buf_put_c(&bytes, 0);
	assert_int_equal(take(&t), BW_EINVAL);
}

TEST(a_number_beyond_its_bound_is_none)
{
	static const struct {
		size_t at;
		unsigned char beyond;
	} cases[] = {{8, 201}, {9, 0x58}, {18, 0x80}, {19, 2}};
	struct thing t;

	for (size_t i = 0; i < BW_COUNT(cases); i++) {
		make(BW_STR_NONE);
		bytes.p[cases[i].at] = (char)cases[i].beyond;
		assert_int_equal(take(&t), BW_EINVAL);
		bytes.p[cases[i].at]--;
		assert_ok(take(&t));
	}
}

TEST(a_text_beyond_the_message_is_none)
{
	struct thing t;

	make(BW_STR_NONE);
	bytes.p[20] = 5 + 5;
	assert_int_equal(take(&t), BW_EINVAL);
}
