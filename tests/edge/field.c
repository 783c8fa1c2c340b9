/* Fields of HTTP/2 on their way from and to lines, and what they may carry. */
#include "edge/emit.h"
#include "edge/h2_pump.h"
#include "test.h"

TEST(a_value_fits_what_a_line_holds)
{
	assert_true(field_fits(BW_STR(""), false));
	assert_true(field_fits(BW_STR("a b\tc"), false));
	assert_true(field_fits(bw_str_c("\xc3\xa4"), false));
	assert_false(field_fits(bw_str_c("a\r"), false));
	assert_false(field_fits(bw_str_c("a\nb"), false));
	assert_false(field_fits(bw_str_make("a\0b", 3), false));
	assert_false(field_fits(bw_str_c("\x7f"), false));
}

TEST(a_name_fits_without_what_divides_lines)
{
	assert_true(field_fits(BW_STR("x-a"), true));
	assert_false(field_fits(BW_STR("x a"), true));
	assert_false(field_fits(bw_str_c("x\ta"), true));
	assert_false(field_fits(BW_STR("/a#b"), true));
	assert_false(field_fits(bw_str_c("\xc3\xa4"), true));
}

static bool is_b(struct bw_str name)
{
	return bw_str_eq(name, BW_STR("B"));
}

/* At, below and above the ceiling; and again in the same array. */
TEST(headers_are_gathered_to_the_last)
{
	struct bw_http_header *v = NULL, *h, *first;
	struct bw_arena a;
	size_t count = 0;

	bw_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < BW_HTTP_HEADERS_MAX; i++) {
		h = header_add(&a, &v, &count);
		assert_non_null(h);
		assert_ptr_equal(h, v + i);
		*h = (struct bw_http_header){bw_arena_printf(&a, "n%zu", i), BW_STR("v")};
	}
	assert_null(header_add(&a, &v, &count));
	assert_int_equal(count, BW_HTTP_HEADERS_MAX);
	for (size_t i = 0; i < count; i++)
		assert_true(bw_str_eq(v[i].name, bw_arena_printf(&a, "n%zu", i)));
	first = v;
	count = 0;
	assert_ptr_equal(header_add(&a, &v, &count), first);
	bw_arena_free(&a);
}

TEST(lines_become_fields_and_back)
{
	struct bw_arena a;
	struct bw_buf lines;
	nghttp2_nv nv[4];

	bw_arena_init(&a, 4096);
	bw_buf_init(&lines, 4096);
	field_put(&lines, BW_STR("X-One"), BW_STR("1: a"));
	field_put(&lines, BW_STR("B"), BW_STR("left out"));
	field_put(&lines, BW_STR("empty"), BW_STR(""));
	assert_int_equal(fields_make(&a, bw_buf_str(&lines), is_b, nv, 4), 2);
	assert_true(bw_str_eq(bw_str_make(nv[0].name, nv[0].namelen), BW_STR("x-one")));
	assert_true(bw_str_eq(bw_str_make(nv[0].value, nv[0].valuelen), BW_STR("1: a")));
	assert_true(bw_str_eq(bw_str_make(nv[1].name, nv[1].namelen), BW_STR("empty")));
	assert_int_equal(nv[1].valuelen, 0);
	/* No more than there is room for. */
	assert_int_equal(fields_make(&a, bw_buf_str(&lines), is_b, nv, 1), 1);
	assert_int_equal(fields_make(&a, BW_STR(""), is_b, nv, 4), 0);
	bw_buf_free(&lines);
	bw_arena_free(&a);
}

TEST(what_decides_about_a_message_stands_in_front_of_it)
{
	static const char *const never[] = {"content-length", "Transfer-Encoding", "host", "te", "trailer",
	    "connection", "x-forwarded-for", "X-Amzn-Trace-Id", "x-amzn-oidc-data", "authorization", "cookie",
	    "set-cookie", "content-type", "content_length", "transfer_encoding"};

	for (size_t i = 0; i < BW_COUNT(never); i++)
		assert_false(header_may_trail(bw_str_c(never[i])));
	assert_true(header_may_trail(BW_STR("grpc-status")));
	assert_true(header_may_trail(BW_STR("x-checksum")));
}

static bool spend(struct h2_pump *p, uint8_t type, uint32_t n)
{
	nghttp2_frame frame = {.hd = {.type = type, .length = type == NGHTTP2_DATA ? 0 : 4}};

	for (uint32_t i = 0; i < n; i++)
		pump_spend(p, &frame);
	return p->calm;
}

/* Each budget at its limit, and one above; a new span begins anew. */
TEST(budgets_are_spent_to_the_last_and_no_further)
{
	static const struct {
		uint8_t type;
		uint32_t limit;
	} budgets[] = {{NGHTTP2_RST_STREAM, H2_RESETS}, {NGHTTP2_PING, H2_CONTROL},
	    {NGHTTP2_SETTINGS, H2_CONTROL}, {NGHTTP2_PRIORITY, H2_CONTROL}, {NGHTTP2_DATA, H2_CONTROL},
	    {NGHTTP2_WINDOW_UPDATE, H2_UPDATES}};
	static struct edge e;

	assert_int_equal(bw_loop_new(&e.loop), BW_OK);
	for (size_t i = 0; i < BW_COUNT(budgets); i++) {
		struct h2_pump p = {.edge = &e, .span_ms = bw_loop_now_ms(e.loop)};

		assert_false(spend(&p, budgets[i].type, budgets[i].limit));
		p.span_ms -= H2_SPAN_MS;
		assert_false(spend(&p, budgets[i].type, budgets[i].limit));
		assert_true(spend(&p, budgets[i].type, 1));
	}
	bw_loop_free(e.loop);
}
