#include "test.h"
#include "store/record.h"

struct thing {
	struct bw_str name;
	int64_t number;
	bool flag;
	struct bw_strs list;
	struct bw_pairs tags;
};

static const struct bw_field fields[] = {
    BW_FIELD(1, STR, struct thing, name),
    BW_FIELD(2, I64, struct thing, number),
    BW_FIELD(4, BOOL, struct thing, flag),
    BW_FIELD(7, STRS, struct thing, list),
    BW_FIELD(300, PAIRS, struct thing, tags),
};
static const struct bw_record whole = BW_RECORD("thing", struct thing, fields);
/* What an older or newer program knows of the same record. */
static const struct bw_field some_fields[] = {
    BW_FIELD(2, I64, struct thing, number),
    BW_FIELD(300, PAIRS, struct thing, tags),
};
static const struct bw_record some = BW_RECORD("thing", struct thing, some_fields);

static struct bw_arena a;
static struct bw_buf out;

static struct thing full(void)
{
	struct thing t = {.name = BW_STR("n"), .number = -5, .flag = true};

	bw_arena_init(&a, 1 << 20);
	bw_buf_init(&out, 1 << 16);
	bw_strs_add(&t.list, &a, BW_STR("one"));
	bw_strs_add(&t.list, &a, BW_STR(""));
	bw_strs_add(&t.list, &a, BW_STR_NONE);
	bw_pairs_set(&t.tags, &a, BW_STR("k"), BW_STR("v"));
	bw_pairs_set(&t.tags, &a, BW_STR(""), BW_STR_NONE);
	return t;
}

static void teardown(void)
{
	bw_buf_free(&out);
	bw_arena_free(&a);
}

static enum bw_err decode(const void *bytes, size_t n)
{
	struct thing t;

	return bw_record_decode(&whole, bw_str_make(bytes, n), &a, &t);
}

TEST(record_comes_back_as_it_went)
{
	struct thing t = full(), back;

	bw_record_encode(&whole, &t, &out);
	assert_ok(bw_record_decode(&whole, bw_buf_str(&out), &a, &back));
	assert_str(back.name, "n");
	assert_int_equal(back.number, -5);
	assert_true(back.flag);
	assert_int_equal(back.list.n, 3);
	assert_str(back.list.v[0], "one");
	assert_true(bw_str_set(back.list.v[1]) && back.list.v[1].n == 0);
	assert_false(bw_str_set(back.list.v[2]));
	assert_int_equal(back.tags.n, 2);
	assert_str(back.tags.v[0].key, "k");
	assert_str(back.tags.v[0].value, "v");
	assert_false(bw_str_set(back.tags.v[1].value));
	teardown();
}

TEST(record_encoding_does_not_change)
{
	static const char want[] = "\1"
	                           "\0\1\0\0\0\0\1n"
	                           "\0\2\1\0\0\0\10\377\377\377\377\377\377\377\373"
	                           "\0\4\2\0\0\0\1\1"
	                           "\0\7\3\0\0\0\23\0\0\0\3\0\0\0\3one\0\0\0\0\377\377\377\377"
	                           "\1\54\4\0\0\0\26\0\0\0\2\0\0\0\1k\0\0\0\1v\0\0\0\0\377\377\377\377";
	struct thing t = full();

	bw_record_encode(&whole, &t, &out);
	assert_int_equal(out.n, sizeof want - 1);
	assert_memory_equal(out.p, want, sizeof want - 1);
	teardown();
}

TEST(record_zero_is_one_byte_and_absent_is_not_empty)
{
	struct thing t = {0}, back;

	full();
	bw_record_encode(&whole, &t, &out);
	assert_int_equal(out.n, 1);
	memset(&t, 1, sizeof t);
	assert_ok(bw_record_decode(&whole, BW_STR("\1"), &a, &t));
	assert_false(bw_str_set(t.name));
	assert_int_equal(t.list.n, 0);
	t.name = BW_STR("");
	bw_buf_reset(&out);
	bw_record_encode(&whole, &t, &out);
	assert_ok(bw_record_decode(&whole, bw_buf_str(&out), &a, &back));
	assert_true(bw_str_set(back.name));
	teardown();
}

TEST(record_skips_unknown_numbers_and_leaves_absent_ones_zero)
{
	struct thing t = full(), back;

	bw_record_encode(&whole, &t, &out);
	assert_ok(bw_record_decode(&some, bw_buf_str(&out), &a, &back));
	assert_int_equal(back.number, -5);
	assert_int_equal(back.tags.n, 2);
	assert_false(bw_str_set(back.name));
	bw_buf_reset(&out);
	bw_record_encode(&some, &t, &out);
	assert_ok(bw_record_decode(&whole, bw_buf_str(&out), &a, &back));
	assert_int_equal(back.number, -5);
	assert_false(back.flag);
	teardown();
}

TEST(record_refuses_every_truncation_inside_a_field_and_trailing_bytes)
{
	struct thing t = full();
	size_t whole_fields = 0;

	bw_record_encode(&whole, &t, &out);
	for (size_t n = 0; n < out.n; n++)
		whole_fields += decode(out.p, n) == BW_OK;
	/* Cut between fields, the rest is a shorter record: the format byte alone, and after each of four
	 * fields. */
	assert_int_equal(whole_fields, 5);
	bw_buf_put_c(&out, 0);
	assert_int_equal(decode(out.p, out.n), BW_ECORRUPT);
	teardown();
}

#define BAD(literal) assert_int_equal(decode("" literal, sizeof(literal) - 1), BW_ECORRUPT)

TEST(record_refuses_every_other_spelling)
{
	full();
	BAD("");
	BAD("\0");
	BAD("\2");
	/* A field twice, fields out of order, another kind than the number's. */
	BAD("\1\0\1\0\0\0\0\1n\0\1\0\0\0\0\1n");
	BAD("\1\0\2\1\0\0\0\10\0\0\0\0\0\0\0\1\0\1\0\0\0\0\1n");
	BAD("\1\0\1\1\0\0\0\10\0\0\0\0\0\0\0\1");
	/* Zero integers, too short and too long ones, booleans other than 1. */
	BAD("\1\0\2\1\0\0\0\10\0\0\0\0\0\0\0\0");
	BAD("\1\0\2\1\0\0\0\7\0\0\0\0\0\0\1");
	BAD("\1\0\2\1\0\0\0\11\0\0\0\0\0\0\0\0\1");
	BAD("\1\0\4\2\0\0\0\1\0");
	BAD("\1\0\4\2\0\0\0\1\2");
	BAD("\1\0\4\2\0\0\0\0");
	/* Empty lists, counts above what is there, bytes behind the last item, an item longer than the list.
	 */
	BAD("\1\0\7\3\0\0\0\4\0\0\0\0");
	BAD("\1\0\7\3\0\0\0\10\0\0\0\2\0\0\0\0");
	BAD("\1\0\7\3\0\0\0\10\377\377\377\377\0\0\0\0");
	BAD("\1\0\7\3\0\0\0\11\0\0\0\1\0\0\0\0x");
	BAD("\1\0\7\3\0\0\0\11\0\0\0\1\0\0\0\2x");
	BAD("\1\1\54\4\0\0\0\10\0\0\0\1\0\0\0\0");
	/* A length past the end. */
	BAD("\1\0\1\0\0\0\0\2n");
	BAD("\1\0\1\0\377\377\377\377n");
	BAD("\1\0\x63\0\0\0\0\1");
	teardown();
}

TEST(record_encode_respects_the_buffers_ceiling)
{
	struct thing t = full();

	for (size_t max = 0; max < 100; max++) {
		struct bw_buf small;

		bw_buf_init(&small, max);
		bw_record_encode(&whole, &t, &small);
		assert_true(small.n <= max);
		bw_buf_free(&small);
	}
	teardown();
}

TEST(record_lists_edit_in_order_without_touching_copies)
{
	struct bw_strs s = {0}, before;
	struct bw_pairs p = {0}, p_before;

	bw_arena_init(&a, 1 << 20);
	bw_strs_add(&s, &a, BW_STR("a"));
	bw_strs_add(&s, &a, BW_STR("b"));
	before = s;
	bw_strs_add(&s, &a, BW_STR("c"));
	assert_int_equal(before.n, 2);
	assert_true(bw_strs_remove(&s, BW_STR("b")));
	assert_false(bw_strs_remove(&s, BW_STR("b")));
	assert_true(bw_strs_has(&before, BW_STR("b")));
	assert_false(bw_strs_has(&s, BW_STR("b")));
	assert_str(s.v[1], "c");
	bw_pairs_set(&p, &a, BW_STR("Key"), BW_STR("1"));
	bw_pairs_set(&p, &a, BW_STR("other"), BW_STR("2"));
	p_before = p;
	bw_pairs_set(&p, &a, BW_STR("Key"), BW_STR("3"));
	assert_int_equal(p.n, 2);
	assert_str(bw_pairs_find(&p, BW_STR("Key"))->value, "3");
	assert_str(bw_pairs_find(&p_before, BW_STR("Key"))->value, "1");
	assert_null(bw_pairs_find(&p, BW_STR("key")));
	assert_str(bw_pairs_find_nocase(&p, BW_STR("kEY"))->value, "3");
	assert_true(bw_pairs_remove(&p, BW_STR("Key")));
	assert_false(bw_pairs_remove(&p, BW_STR("Key")));
	assert_str(p.v[0].key, "other");
	bw_arena_free(&a);
}
