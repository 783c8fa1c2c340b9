/* Wildcards, networks, permits, tiers: the small judgements of the edge, each against a slower twin or by
 * hand. */
#include <stdlib.h>

#include "edge/desync.h"
#include "edge/emit.h"
#include "edge/rule.h"
#include "test.h"

/* The obvious recursion, which the real one must agree with. */
static bool naive(const char *p, const char *t)
{
	if (!*p)
		return !*t;
	if (*p == '*')
		return naive(p + 1, t) || (*t && naive(p, t + 1));
	if (*p == '?')
		return *t && naive(p + 1, t + 1);
	if (*p == '\\' && p[1])
		return *t == p[1] && naive(p + 2, t + 1);
	return *t == *p && naive(p + 1, t + 1);
}

TEST(wildcards_agree_with_the_obvious)
{
	static const char letters[] = "ab*?\\", plain[] = "ab*";
	char p[8], t[8];
	int matched = 0;

	srand(7);
	for (int i = 0; i < 200000; i++) {
		size_t pn = (size_t)rand() % 7, tn = (size_t)rand() % 7;

		for (size_t k = 0; k < pn; k++)
			p[k] = letters[rand() % 5];
		for (size_t k = 0; k < tn; k++)
			t[k] = plain[rand() % 3];
		p[pn] = t[tn] = '\0';
		if (wildcard_match(bw_str_c(p), bw_str_c(t), false) != naive(p, t))
			fail_msg("pattern %s text %s", p, t);
		matched += naive(p, t);
	}
	assert_true(matched > 10000);
}

TEST(wildcards_fold_case_when_asked)
{
	assert_true(wildcard_match(BW_STR("*.Example.COM"), BW_STR("a.eXAMPLE.com"), true));
	assert_false(wildcard_match(BW_STR("/Img"), BW_STR("/img"), false));
}

/* Every star could begin anywhere: the work stays within the product of both lengths. */
TEST(wildcards_are_not_exponential)
{
	char text[4001], pattern[129];

	memset(text, 'a', 4000);
	for (int i = 0; i < 128; i++)
		pattern[i] = i % 2 ? '*' : 'a';
	pattern[127] = 'b';
	assert_false(wildcard_match(bw_str_make(pattern, 128), bw_str_make(text, 4000), false));
}

static bool in(const char *network, const char *address)
{
	struct network n;
	struct bw_address a;

	assert_true(cidr_parse(bw_str_c(network), &n));
	assert_ok(bw_address_parse(bw_str_c(address), &a));
	return cidr_has(&n, &a);
}

TEST(networks_by_their_bits)
{
	assert_true(in("0.0.0.0/0", "255.1.2.3:1"));
	assert_true(in("10.0.0.0/8", "10.255.0.1:1"));
	assert_false(in("10.0.0.0/8", "11.0.0.0:1"));
	assert_true(in("10.128.0.0/9", "10.128.0.0:1"));
	assert_false(in("10.128.0.0/9", "10.127.255.255:1"));
	assert_true(in("1.2.3.4/32", "1.2.3.4:1"));
	assert_false(in("1.2.3.4/32", "1.2.3.5:1"));
	assert_true(in("1.2.3.4", "1.2.3.4:1"));
	assert_true(in("2001:db8::/33", "[2001:db8:7fff::1]:1"));
	assert_false(in("2001:db8::/33", "[2001:db8:8000::1]:1"));
	assert_true(in("::/0", "[::1]:1"));
	assert_false(in("::/0", "1.2.3.4:1"));
	assert_false(in("0.0.0.0/0", "[::1]:1"));
	assert_true(in("127.0.0.0/8", "[::ffff:127.0.0.1]:1"));
}

TEST(networks_malformed)
{
	static const char *const bad[] = {"", "/", "1.2.3/8", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/",
	    "::/129", "a", "1.2.3.4/8/8", "1.2.3.4 /8"};
	struct network n;

	for (size_t i = 0; i < BW_COUNT(bad); i++)
		assert_false(cidr_parse(bw_str_c(bad[i]), &n));
}

static struct permits *permits_of(
    struct bw_arena *a, const char *protocol, int64_t from, int64_t to, const char *network)
{
	struct bw_edge_permit p = {bw_str_c(protocol), from, to, bw_str_c(network)};

	return permits_compile(a, &p, 1);
}

TEST(permits_only_what_they_say)
{
	struct bw_arena a;
	struct bw_address peer;

	bw_arena_init(&a, 1 << 20);
	assert_ok(bw_address_parse(BW_STR("10.0.0.1:999"), &peer));
	assert_true(permits_pass(NULL, false, &peer, 80));
	assert_false(permits_pass(permits_compile(&a, NULL, 0), false, &peer, 80));
	assert_true(permits_pass(permits_of(&a, "tcp", 80, 80, "10.0.0.0/8"), false, &peer, 80));
	assert_false(permits_pass(permits_of(&a, "tcp", 80, 80, "10.0.0.0/8"), true, &peer, 80));
	assert_false(permits_pass(permits_of(&a, "tcp", 80, 80, "10.0.0.0/8"), false, &peer, 81));
	assert_false(permits_pass(permits_of(&a, "tcp", 81, 90, "10.0.0.0/8"), false, &peer, 80));
	assert_true(permits_pass(permits_of(&a, "6", 79, 81, "10.0.0.1/32"), false, &peer, 80));
	assert_true(permits_pass(permits_of(&a, "-1", -1, -1, "0.0.0.0/0"), true, &peer, 80));
	assert_false(permits_pass(permits_of(&a, "icmp", -1, -1, "0.0.0.0/0"), false, &peer, 80));
	assert_false(permits_pass(permits_of(&a, "tcp", -1, -1, "::/0"), false, &peer, 80));
	/* What cannot be read permits nothing. */
	assert_false(permits_pass(permits_of(&a, "tcpx", -1, -1, "0.0.0.0/0"), false, &peer, 80));
	assert_false(permits_pass(permits_of(&a, "tcp", -1, -1,
	                              "0.0.0.0"
	                              "x/0"),
	    false, &peer, 80));
	bw_arena_free(&a);
}

static enum tier tier_of(const char *head)
{
	static struct bw_http_request r;
	const char *reason;
	size_t n;
	int status;

	assert_ok(bw_http_parse_head(bw_str_c(head), &r, &n, &status));
	return desync_classify(&r, &reason);
}

TEST(desync_tiers)
{
	assert_int_equal(tier_of("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n"), TIER_COMPLIANT);
	assert_int_equal(tier_of("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"), TIER_COMPLIANT);
	assert_int_equal(tier_of("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), TIER_ACCEPTABLE);
	assert_int_equal(tier_of("GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4\r\n\r\n"), TIER_ACCEPTABLE);
	assert_int_equal(tier_of("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"), TIER_AMBIGUOUS);
	assert_int_equal(
	    tier_of("HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), TIER_AMBIGUOUS);
	assert_int_equal(tier_of("GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n"), TIER_AMBIGUOUS);
	assert_int_equal(tier_of("GET / HTTP/1.1\r\nHost: a\r\ncontent_length: 5\r\n\r\n"), TIER_AMBIGUOUS);
	assert_false(header_is_suspicious(BW_STR("Content-Length")));
	assert_true(header_is_suspicious(BW_STR("TRANSFER-ENCODING-")));
	assert_false(header_is_suspicious(BW_STR("X-Content-Length")));
}

TEST(hop_by_hop_names)
{
	const struct bw_http_header h[] = {{BW_STR("connection"), BW_STR("close, X-A ,x-b")}};

	assert_true(connection_names(h, 1, BW_STR("x-a")));
	assert_true(connection_names(h, 1, BW_STR("X-B")));
	assert_false(connection_names(h, 1, BW_STR("x-c")));
	assert_true(header_is_hop(BW_STR("Transfer-Encoding")));
	assert_false(header_is_hop(BW_STR("Cookie")));
}
