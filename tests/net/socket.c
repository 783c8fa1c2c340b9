#include "test.h"

#include <unistd.h>

#include "net/socket.h"

TEST(socket_addresses_have_one_spelling)
{
	static const char *const good[] = {
	    "127.0.0.1:0", "127.0.0.1:1", "0.0.0.0:65535", "[::]:443", "[::1]:8080", "[2001:db8::1]:1"};
	static const char *const bad[] = {"", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
	    "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1:080", "127.0.0.1:00", "127.0.0.1:8a", "127.0.0.1: 80",
	    " 127.0.0.1:80", "127.1:80", "1:80", "0x7f.0.0.1:80", "localhost:80", "::1:80", "[::1]",
	    "[::1]80", "[::1]:", "[::1:80", "[127.0.0.1]:80", "[]:80", "[::1%lo]:80", "127.0.0.1:80:80",
	    "[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]:80"};
	struct bw_address a;

	for (size_t i = 0; i < BW_COUNT(good); i++)
		if (bw_address_parse(bw_str_c(good[i]), &a) != BW_OK)
			fail_msg("%s is refused", good[i]);
	for (size_t i = 0; i < BW_COUNT(bad); i++)
		if (bw_address_parse(bw_str_c(bad[i]), &a) == BW_OK)
			fail_msg("%s is taken", bad[i]);
	assert_int_equal(bw_address_parse(bw_str_make("127.0.0.1\0:80", 13), &a), BW_EINVAL);
}

TEST(socket_loopback_is_loopback_only)
{
	static const struct {
		const char *spec, *text;
		bool loopback;
	} rows[] = {
	    {"127.0.0.1:1", "127.0.0.1", true},
	    {"127.255.255.254:1", "127.255.255.254", true},
	    {"128.0.0.1:1", "128.0.0.1", false},
	    {"126.255.255.255:1", "126.255.255.255", false},
	    {"0.0.0.0:1", "0.0.0.0", false},
	    {"10.0.0.127:1", "10.0.0.127", false},
	    {"9.10.99.100:1", "9.10.99.100", false},
	    {"[::1]:1", "::1", true},
	    {"[::]:1", "::", false},
	    {"[::2]:1", "::2", false},
	    {"[fe80::1]:1", "fe80::1", false},
	    {"[::ffff:127.0.0.1]:1", "127.0.0.1", true},
	    {"[::ffff:10.0.0.1]:1", "10.0.0.1", false},
	    {"[::127.0.0.1]:1", "::127.0.0.1", false},
	};
	char text[BW_ADDRESS_TEXT_MAX];
	struct bw_address a;

	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		assert_ok(bw_address_parse(bw_str_c(rows[i].spec), &a));
		assert_str(bw_address_text(&a, text), rows[i].text);
		assert_int_equal(bw_address_port(&a), 1);
		if (bw_address_loopback(&a) != rows[i].loopback)
			fail_msg("%s", rows[i].spec);
	}
	a = (struct bw_address){.any.sa_family = AF_UNIX};
	assert_false(bw_address_loopback(&a));
}

TEST(socket_listens_once_unless_shared)
{
	struct bw_address a;
	int first, second, third;

	assert_ok(bw_address_parse(BW_STR("127.0.0.1:0"), &a));
	assert_ok(bw_socket_listen(&a, true, &first));
	assert_ok(bw_socket_address(first, &a));
	assert_true(bw_address_port(&a) != 0);
	assert_ok(bw_socket_listen(&a, true, &second));
	assert_int_equal(bw_socket_listen(&a, false, &third), BW_EIO);
	close(first);
	close(second);
}
