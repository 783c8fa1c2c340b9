/* Fields of HTTP/2 on their way from and to lines, and what they may carry. */
#include "edge/emit.h"
#include "edge/h2_pump.h"
#include "test.h"

static bool is_b(struct bw_str name)
{
	return bw_str_eq(name, BW_STR("B"));
}

TEST(lines_become_fields_and_back)
{
	struct bw_hpack_field fields[4];
	struct bw_buf lines;
	size_t n;

	bw_buf_init(&lines, 4096);
	field_put(&lines, BW_STR("X-One"), BW_STR("1: a"));
	field_put(&lines, BW_STR("B"), BW_STR("left out"));
	field_put(&lines, BW_STR("empty"), BW_STR(""));
	assert_true(fields_make(bw_buf_str(&lines), is_b, fields, 4, &n));
	assert_int_equal(n, 2);
	assert_str(fields[0].name, "X-One"); /* HPACK makes it small */
	assert_str(fields[0].value, "1: a");
	assert_str(fields[1].name, "empty");
	assert_int_equal(fields[1].value.n, 0);
	/* All that there are, or none of them may be used. */
	assert_true(fields_make(bw_buf_str(&lines), is_b, fields, 2, &n));
	assert_int_equal(n, 2);
	assert_false(fields_make(bw_buf_str(&lines), is_b, fields, 1, &n));
	assert_true(fields_make(BW_STR(""), is_b, fields, 0, &n));
	assert_int_equal(n, 0);
	bw_buf_free(&lines);
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

static bool spend(struct h2_pump *p, enum h2_cost cost, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		pump_spend(p, cost);
	return p->calm;
}

/* Each budget at its limit, and one above; a new span begins anew. */
TEST(budgets_are_spent_to_the_last_and_no_further)
{
	static const struct {
		enum h2_cost cost;
		uint32_t limit;
	} budgets[] = {
	    {H2_COST_RESET, H2_RESETS}, {H2_COST_CONTROL, H2_CONTROL}, {H2_COST_UPDATE, H2_UPDATES}};
	static struct edge e;

	assert_int_equal(bw_loop_new(&e.loop), BW_OK);
	for (size_t i = 0; i < BW_COUNT(budgets); i++) {
		struct h2_pump p = {.edge = &e, .span_ms = bw_loop_now_ms(e.loop)};

		assert_false(spend(&p, budgets[i].cost, budgets[i].limit));
		p.span_ms -= H2_SPAN_MS;
		assert_false(spend(&p, budgets[i].cost, budgets[i].limit));
		assert_true(spend(&p, budgets[i].cost, 1));
	}
	bw_loop_free(e.loop);
}
