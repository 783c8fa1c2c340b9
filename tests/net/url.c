#include "test.h"

#include "net/fetch.h"

TEST(url_parts)
{
	struct bw_url u;

	assert_ok(bw_url_parse(BW_STR("https://idp.example"), &u));
	assert_str(u.host, "idp.example");
	assert_str(u.target, "/");
	assert_int_equal(u.port, 443);
	assert_ok(bw_url_parse(BW_STR("https://idp.example:8443/a/b?c=d%20e"), &u));
	assert_str(u.authority, "idp.example:8443");
	assert_str(u.target, "/a/b?c=d%20e");
	assert_int_equal(u.port, 8443);
	assert_ok(bw_url_parse(BW_STR("https://[::1]:1/"), &u));
	assert_str(u.host, "::1");
	assert_int_equal(u.port, 1);
}

TEST(url_is_of_one_spelling)
{
	static const char *const urls[] = {"", "https://", "http://a/", "HTTPS://a/", "https:///a", "https://:443/",
	    "https://a:/", "https://a:0/", "https://a:65536/", "https://a:+1/", "https://a:1:2/", "https://me@a/",
	    "https://a/#b", "https://a/ b", "https://a/\r\nHost: b", "https://a\r\n/", "https://a?b=c", "https://[::1/",
	    "https://[::1]x/", "https://[fe80::1%25eth0]/", "https://\xc3\xa4/", "https://a/\xc3\xa4", "https://a\\b/"};
	struct bw_url u;

	for (size_t i = 0; i < BW_COUNT(urls); i++)
		if (bw_url_parse(bw_str_c(urls[i]), &u) != BW_EINVAL)
			fail_msg("%s was taken", urls[i]);
}

TEST(fetch_speaks_to_no_address_that_gives_secrets_away)
{
	static const char *const urls[] = {"https://169.254.169.254/", "https://0.0.0.0/", "https://224.0.0.1/",
	    "https://255.255.255.255/", "https://[::]/", "https://[fe80::1]/", "https://[ff02::1]/",
	    "https://[::ffff:169.254.169.254]/"};
	struct bw_arena a;
	struct bw_str body;
	int status;

	bw_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < BW_COUNT(urls); i++) {
		const struct bw_fetch f = {.url = bw_str_c(urls[i]), .answer_max = 1000};

		assert_int_equal(bw_fetch(&f, NULL, &a, &status, &body), BW_EPERM);
	}
	bw_arena_free(&a);
}
