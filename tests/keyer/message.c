/* Requests and answers as bytes. */
#include "fixture.h"

static struct bw_buf bytes;

static void request_make(void)
{
	const struct bw_keyer_request r = {.op = BW_KEYER_REENCRYPT,
	    .key = {BW_STR("a"), BW_STR("r"), BW_STR("k"), BW_STR("m"), 5, BW_KEY_RSA_4096, BW_STR("w")},
	    .other = {BW_STR("A"), BW_STR("R"), BW_STR("K"), BW_STR("M"), 6, BW_KEY_HMAC_224, BW_STR("W")},
	    .algorithm = BW_ALG_RSAES_OAEP_SHA_1,
	    .other_algorithm = BW_ALG_SYMMETRIC_DEFAULT,
	    .message = BW_MESSAGE_DIGEST,
	    .pair_spec = BW_KEY_ECC_NIST_P521,
	    .input = BW_STR("in"),
	    .input2 = BW_STR(""),
	    .context = BW_STR("c"),
	    .other_context = BW_STR("d"),
	    .length = 77,
	    .plain = true};

	keyer_begin();
	bw_buf_free(&bytes);
	bw_buf_init(&bytes, BW_KEYER_MESSAGE_MAX);
	keyer_request_encode(42, &r, &bytes);
}

TEST(a_request_arrives_as_it_was_sent)
{
	struct bw_keyer_request r;
	uint64_t id;

	request_make();
	assert_ok(keyer_request_decode(bw_buf_str(&bytes), &id, &r));
	assert_int_equal(id, 42);
	assert_int_equal(r.op, BW_KEYER_REENCRYPT);
	assert_int_equal(r.key.version, 5);
	assert_int_equal(r.key.spec, BW_KEY_RSA_4096);
	assert_str(r.key.wrapped, "w");
	assert_str(r.other.material_id, "M");
	assert_int_equal(r.algorithm, BW_ALG_RSAES_OAEP_SHA_1);
	assert_int_equal(r.message, BW_MESSAGE_DIGEST);
	assert_int_equal(r.pair_spec, BW_KEY_ECC_NIST_P521);
	assert_str(r.input, "in");
	assert_str(r.other_context, "d");
	assert_int_equal(r.length, 77);
	assert_true(r.plain);
}

TEST(a_request_that_is_cut_or_too_long_is_none)
{
	struct bw_keyer_request r;
	uint64_t id;

	request_make();
	for (size_t n = 0; n < bytes.n; n++)
		assert_int_equal(keyer_request_decode(bw_str_make(bytes.p, n), &id, &r), BW_EINVAL);
	bw_buf_put_c(&bytes, 'x');
	assert_int_equal(keyer_request_decode(bw_buf_str(&bytes), &id, &r), BW_EINVAL);
}

TEST(numbers_out_of_range_are_refused)
{
	/* Operation, algorithms, kind of message, spec, plain: one byte each behind the id. */
	static const int beyond[] = {
	    BW_KEYER_OPS, BW_ALGS, BW_ALGS, BW_MESSAGE_EXTERNAL_MU + 1, BW_KEY_SPECS, 2};
	struct bw_keyer_request r;
	uint64_t id;

	for (size_t i = 0; i < BW_COUNT(beyond); i++) {
		request_make();
		bytes.p[8 + i] = (char)beyond[i];
		assert_int_equal(keyer_request_decode(bw_buf_str(&bytes), &id, &r), BW_EINVAL);
		bytes.p[8 + i] = (char)(beyond[i] - 1);
		assert_ok(keyer_request_decode(bw_buf_str(&bytes), &id, &r));
	}
}

TEST(an_answer_arrives_as_it_was_sent)
{
	const struct bw_keyer_answer a = {BW_ECORRUPT, BW_STR("one"), BW_STR(""), BW_STR("three")};
	struct bw_keyer_answer b;
	struct bw_buf out;
	uint64_t id;

	bw_buf_init(&out, BW_KEYER_MESSAGE_MAX);
	keyer_answer_encode(7, &a, &out);
	assert_ok(keyer_answer_decode(bw_buf_str(&out), &id, &b));
	assert_int_equal(id, 7);
	assert_int_equal(b.result, BW_ECORRUPT);
	assert_str(b.out, "one");
	assert_str(b.out3, "three");
	for (size_t n = 0; n < out.n; n++)
		assert_int_equal(keyer_answer_decode(bw_str_make(out.p, n), &id, &b), BW_EINVAL);
	bw_buf_free(&out);
}
