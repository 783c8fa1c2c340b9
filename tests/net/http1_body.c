#include "test.h"

#include "base/buf.h"
#include "net/http.h"

struct chunked_case {
	const char *bytes;
	enum bw_err want;
	const char *body; /* of BW_OK */
};

#define X16  "xxxxxxxxxxxxxxxx"
#define X256 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16

static const struct chunked_case cases[] = {
    {"0\r\n\r\n", BW_OK, ""},
    {"3\r\nabc\r\n0\r\n\r\n", BW_OK, "abc"},
    {"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", BW_OK, "abcd"},
    {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", BW_OK, "01234567890123456789"},
    {"2\r\n\r\n\r\n0\r\n\r\n", BW_OK, "\r\n"},
    {"3;a=b\r\nabc\r\n0;c;d=e;f\r\n\r\n", BW_OK, "abc"},
    {"", BW_EAGAIN, NULL},
    {"3\r\nab", BW_EAGAIN, NULL},
    {"3\r\nabc\r\n0\r\n\r", BW_EAGAIN, NULL},
    {"\r\n", BW_EINVAL, NULL},
    {";a\r\n", BW_EINVAL, NULL},
    {"3\nabc", BW_EINVAL, NULL},
    {"3\r\nabc\n", BW_EINVAL, NULL},
    {"3\r\nabcd", BW_EINVAL, NULL},
    {"3\rabc", BW_EINVAL, NULL},
    {"3 \r\n", BW_EINVAL, NULL},
    {" 3\r\n", BW_EINVAL, NULL},
    {"+3\r\n", BW_EINVAL, NULL},
    {"-3\r\n", BW_EINVAL, NULL},
    {"0x3\r\n", BW_EINVAL, NULL},
    {"03\r\n", BW_EINVAL, NULL},
    {"00\r\n", BW_EINVAL, NULL},
    {"g\r\n", BW_EINVAL, NULL},
    {"3;a\nb\r\n", BW_EINVAL, NULL},
    {"3;\r\n", BW_EINVAL, NULL},
    {"3;a=\r\n", BW_EINVAL, NULL},
    {"3;=a\r\n", BW_EINVAL, NULL},
    {"3;a=b=c\r\n", BW_EINVAL, NULL},
    {"3;a;\r\n", BW_EINVAL, NULL},
    {"3; a\r\n", BW_EINVAL, NULL},
    {"3;a:b\r\n", BW_EINVAL, NULL},
    {"3;a=\"b\"\r\n", BW_EINVAL, NULL},
    {"3;a\x01\r\n", BW_EINVAL, NULL},
    {"3\r\nabc\r\n0\r\nX: y\r\nX-Sum:\r\nZ:a\tb\xff:c\r\n\r\n", BW_OK, "abc"},
    {"0;a=b\r\nX: " X256 "\r\n\r\n", BW_OK, ""},
    {"0\r\nX: y\r\n", BW_EAGAIN, NULL},
    {"0\r\nX\r\n\r\n", BW_EINVAL, NULL},
    {"0\r\nX : y\r\n\r\n", BW_EINVAL, NULL},
    {"0\r\n: y\r\n\r\n", BW_EINVAL, NULL},
    {"0\r\n X: y\r\n\r\n", BW_EINVAL, NULL},
    {"0\r\nX: y\r\n z\r\n\r\n", BW_EINVAL, NULL},
    {"0\r\nX: y\nY: z\r\n\r\n", BW_EINVAL, NULL},
    {"0\r\nX: y\rY: z\r\n\r\n", BW_EINVAL, NULL},
    {"0\r\nX: \x01\r\n\r\n", BW_EINVAL, NULL},
    {"0\r\nX: y\r\n\n", BW_EINVAL, NULL},
    {"0\r\n3\r\nabc\r\n", BW_EINVAL, NULL},
    {"0\r\n\n", BW_EINVAL, NULL},
    {"ffffffffffffffff\r\n", BW_ETOOBIG, NULL},
    {"10000000000000000\r\n", BW_EINVAL, NULL},
    {"41\r\n", BW_ETOOBIG, NULL},
    {"0;" X256 "\r\n\r\n", BW_OK, ""},
    {"0;" X256 "x\r\n\r\n", BW_EINVAL, NULL},
};

enum { CEILING = 64 };

/* Feeds the bytes in two pieces. */
static enum bw_err feed_cut(struct bw_str bytes, size_t cut, struct bw_buf *out, size_t *used)
{
	struct bw_http_chunked c = {0};
	size_t first;
	enum bw_err e = bw_http_chunked_feed(&c, bw_str_sub(bytes, 0, cut), used, out);

	if (e != BW_EAGAIN)
		return e;
	assert_int_equal(*used, cut);
	first = *used;
	e = bw_http_chunked_feed(&c, bw_str_sub(bytes, first, bytes.n), used, out);
	*used += first;
	return e;
}

TEST(http1_body_chunked_one_spelling_however_it_is_cut)
{
	for (size_t i = 0; i < BW_COUNT(cases); i++) {
		struct bw_str bytes = bw_str_c(cases[i].bytes);

		for (size_t cut = 0; cut <= bytes.n; cut++) {
			struct bw_buf out;
			size_t used;
			enum bw_err e;

			bw_buf_init(&out, CEILING);
			e = feed_cut(bytes, cut, &out, &used);
			if (e != cases[i].want)
				fail_msg("%s cut at %zu answers %s", cases[i].bytes, cut, bw_err_name(e));
			if (e == BW_OK) {
				assert_str(bw_buf_str(&out), cases[i].body);
				assert_int_equal(used, bytes.n);
			}
			bw_buf_free(&out);
		}
	}
}

TEST(http1_body_chunked_leaves_what_follows)
{
	struct bw_http_chunked c = {0};
	struct bw_buf out;
	size_t used;

	bw_buf_init(&out, CEILING);
	assert_ok(bw_http_chunked_feed(&c, BW_STR("1\r\na\r\n0\r\n\r\nGET / HTTP/1.1"), &used, &out));
	assert_int_equal(used, 11);
	assert_int_equal(bw_http_chunked_feed(&c, BW_STR("0"), &used, &out), BW_EINVAL);
	bw_buf_free(&out);
}

/* All lines but their line feeds: at the ceiling, and one byte above. */
TEST(http1_body_chunked_trailers_have_a_longest)
{
	for (size_t more = 0; more < 2; more++) {
		struct bw_http_chunked c = {0};
		struct bw_buf bytes, out;
		size_t used;

		bw_buf_init(&bytes, 16 * 1024);
		bw_buf_init(&out, CEILING);
		bw_buf_put(&bytes, BW_STR("0\r\na: b\r\nc: "));
		for (size_t i = 0; i < 8192 - strlen("a: b\r" "c: \r") + more; i++)
			bw_buf_put_c(&bytes, 'd');
		bw_buf_put(&bytes, BW_STR("\r\n\r\n"));
		assert_int_equal(bw_http_chunked_feed(&c, bw_buf_str(&bytes), &used, &out), more ? BW_EINVAL : BW_OK);
		bw_buf_free(&bytes);
		bw_buf_free(&out);
	}
}

TEST(http1_body_chunked_ceiling)
{
	struct bw_http_chunked c = {0};
	struct bw_buf out;
	size_t used;

	bw_buf_init(&out, 4);
	assert_ok(bw_http_chunked_feed(&c, BW_STR("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"), &used, &out));
	bw_buf_free(&out);
	c = (struct bw_http_chunked){0};
	assert_int_equal(bw_http_chunked_feed(&c, BW_STR("2\r\nab\r\n3\r\ncd"), &used, &out), BW_ETOOBIG);
	bw_buf_free(&out);
}
