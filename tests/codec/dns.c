#include "codec/dns.h"
#include "test.h"

/* "www.example" asked for A, recursion desired. */
static const char question[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03WwW\x07"
                               "example\x00\x00\x01\x00\x01";
static const char opt[] = "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00";

static struct bw_str literal(const char *s, size_t size)
{
	return bw_str_make(s, size - 1);
}

static enum bw_err changed(size_t at, char to, struct bw_arena *arena, struct bw_dns_query *q)
{
	struct bw_str copy = bw_arena_str(arena, literal(question, sizeof question));

	((char *)copy.p)[at] = to;
	return bw_dns_query_parse(copy, arena, q);
}

TEST(dns_query_is_read)
{
	struct bw_dns_query q;
	struct bw_arena a;

	bw_arena_init(&a, 1 << 20);
	assert_ok(bw_dns_query_parse(literal(question, sizeof question), &a, &q));
	assert_str(q.name, "www.example");
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.type, BW_DNS_A);
	assert_int_equal(q.class, BW_DNS_IN);
	assert_true(q.recursion_desired);
	assert_false(q.edns);
	bw_arena_free(&a);
}

TEST(dns_query_is_refused_when_it_is_not_one_question)
{
	struct bw_dns_query q;
	struct bw_arena a;

	bw_arena_init(&a, 1 << 20);
	for (size_t n = 0; n < sizeof question - 1; n++)
		assert_int_equal(bw_dns_query_parse(bw_str_make(question, n), &a, &q),
		    n < BW_DNS_HEADER ? BW_ECORRUPT : BW_EINVAL);
	assert_int_equal(
	    bw_dns_query_parse(bw_str_make(question, sizeof question), &a, &q), BW_EINVAL); /* a byte more */
	assert_int_equal(q.refuse, BW_DNS_FORMERR);
	assert_int_equal(changed(2, '\x81', &a, &q), BW_ECORRUPT); /* an answer is not answered */
	assert_int_equal(changed(2, '\x11', &a, &q), BW_EINVAL);   /* a status request */
	assert_int_equal(q.refuse, BW_DNS_NOTIMP);
	assert_int_equal(changed(5, 2, &a, &q), BW_EINVAL);
	assert_int_equal(changed(5, 0, &a, &q), BW_EINVAL);
	assert_int_equal(changed(7, 1, &a, &q), BW_EINVAL);
	assert_int_equal(changed(9, 1, &a, &q), BW_EINVAL);
	assert_int_equal(changed(11, 1, &a, &q), BW_EINVAL);
	assert_int_equal(changed(12, '\xc0', &a, &q), BW_EINVAL); /* compression */
	assert_int_equal(changed(12, 64, &a, &q), BW_EINVAL);
	assert_int_equal(changed(13, '.', &a, &q), BW_EINVAL);
	assert_int_equal(changed(13, '\0', &a, &q), BW_EINVAL);
	assert_int_equal(changed(13, '\x80', &a, &q), BW_EINVAL);
	bw_arena_free(&a);
}

/* Four labels: of 63, 63, 63 and `last` bytes. */
static enum bw_err long_name(size_t last, struct bw_arena *arena, struct bw_dns_query *q)
{
	struct bw_buf b;
	enum bw_err e;

	bw_buf_init(&b, 4096);
	bw_buf_put(&b, bw_str_make(question, BW_DNS_HEADER));
	for (size_t i = 0; i < 4; i++) {
		size_t n = i < 3 ? 63 : last;

		bw_buf_put_c(&b, (char)n);
		for (size_t k = 0; k < n; k++)
			bw_buf_put_c(&b, 'a');
	}
	bw_buf_put(&b, bw_str_make("\0\0\1\0\1", 5));
	e = bw_dns_query_parse(bw_arena_str(arena, bw_buf_str(&b)), arena, q);
	bw_buf_free(&b);
	return e;
}

TEST(dns_names_have_a_longest)
{
	struct bw_dns_query q;
	struct bw_arena a;

	bw_arena_init(&a, 1 << 20);
	assert_ok(long_name(60, &a, &q));
	assert_int_equal(long_name(62, &a, &q), BW_EINVAL);
	assert_ok(long_name(61, &a, &q));
	assert_int_equal(q.name.n, BW_DNS_NAME_MAX);
	bw_arena_free(&a);
}

TEST(dns_extension_is_read_and_answered)
{
	struct bw_dns_query q;
	struct bw_arena a;
	struct bw_buf b, out;
	struct bw_dns_answer none = {.code = BW_DNS_BADVERS};

	bw_arena_init(&a, 1 << 20);
	bw_buf_init(&b, 4096);
	bw_buf_init(&out, 4096);
	bw_buf_put(&b, literal(question, sizeof question));
	bw_buf_put(&b, bw_str_make(opt, sizeof opt - 1));
	b.p[11] = 1;
	assert_ok(bw_dns_query_parse(bw_buf_str(&b), &a, &q));
	assert_true(q.edns);
	b.p[b.n - 5] = 1; /* its version */
	assert_int_equal(bw_dns_query_parse(bw_buf_str(&b), &a, &q), BW_EINVAL);
	assert_int_equal(q.refuse, BW_DNS_BADVERS);
	bw_dns_answer_put(&q, &none, &out);
	assert_int_equal(out.p[3] & 15, 0);
	assert_int_equal(out.p[11], 1);
	assert_int_equal(out.p[out.n - 6], 1); /* the code's upper bits */
	b.p[b.n - 1] = 1;                      /* an option that is not there */
	assert_int_equal(bw_dns_query_parse(bw_buf_str(&b), &a, &q), BW_EINVAL);
	assert_int_equal(q.refuse, BW_DNS_FORMERR);
	bw_buf_free(&b);
	bw_buf_free(&out);
	bw_arena_free(&a);
}

TEST(dns_answer_has_addresses_or_the_authority)
{
	static const unsigned char v4[2][4] = {{127, 66, 0, 1}, {127, 66, 0, 2}};
	struct bw_dns_answer two = {.authoritative = true, .ttl_s = 60, .a = v4, .a_count = 2};
	struct bw_dns_answer none = {
	    .code = BW_DNS_NXDOMAIN, .authoritative = true, .ttl_s = 60, .zone = BW_STR("example")};
	struct bw_dns_query q;
	struct bw_arena a;
	struct bw_buf out;

	bw_arena_init(&a, 1 << 20);
	bw_buf_init(&out, 4096);
	assert_ok(bw_dns_query_parse(literal(question, sizeof question), &a, &q));
	bw_dns_answer_put(&q, &two, &out);
	assert_int_equal(out.n, sizeof question - 1 + 2 * 16);
	assert_memory_equal(out.p, "\x12\x34\x85\x00\x00\x01\x00\x02\x00\x00\x00\x00", 12);
	assert_memory_equal(
	    out.p + out.n - 16, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x42\x00\x02", 16);
	bw_buf_reset(&out);
	bw_dns_answer_put(&q, &none, &out);
	assert_memory_equal(out.p, "\x12\x34\x85\x03\x00\x01\x00\x00\x00\x01\x00\x00", 12);
	bw_buf_free(&out);
	bw_arena_free(&a);
}
