#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

#include "base/sys.h"

enum { BACKLOG = 4096 }; /* the kernel takes the smaller of this and net.core.somaxconn */

static enum bw_err host_parse(struct bw_str host, bool v6, struct bw_address *out)
{
	char text[BW_ADDRESS_TEXT_MAX];

	CHECK(host.n > 0 && host.n < sizeof text, BW_EINVAL);
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	CHECK(strlen(text) == host.n, BW_EINVAL);
	*out = (struct bw_address){.bytes = v6 ? sizeof out->v6 : sizeof out->v4};
	out->any.sa_family = v6 ? AF_INET6 : AF_INET;
	return inet_pton(out->any.sa_family, text, v6 ? (void *)&out->v6.sin6_addr : &out->v4.sin_addr) == 1
	           ? BW_OK
	           : BW_EINVAL;
}

enum bw_err bw_address_parse(struct bw_str spec, struct bw_address *out)
{
	bool v6 = spec.n && spec.p[0] == '[';
	ptrdiff_t end = bw_str_find(spec, v6 ? ']' : ':', 0);
	size_t colon = (size_t)end + v6;
	struct bw_str digits;
	int64_t port;

	CHECK(end > 0 && colon < spec.n && spec.p[colon] == ':', BW_EINVAL);
	TRY(host_parse(bw_str_sub(spec, v6, (size_t)end - v6), v6, out));
	digits = bw_str_sub(spec, colon + 1, spec.n);
	TRY(bw_str_to_i64(digits, 0, 65535, &port));
	CHECK(digits.n == 1 || digits.p[0] != '0', BW_EINVAL);
	if (v6)
		out->v6.sin6_port = htons((uint16_t)port);
	else
		out->v4.sin_port = htons((uint16_t)port);
	return BW_OK;
}

static bool is_mapped(const struct bw_address *a)
{
	return a->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr);
}

/* Every request that is passed on says one: inet_ntop would print it with a format. */
static struct bw_str v4_text(const uint8_t *bytes, char *text)
{
	char *at = text;

	for (int i = 0; i < 4; i++) {
		if (i)
			*at++ = '.';
		if (bytes[i] >= 100)
			*at++ = (char)('0' + bytes[i] / 100);
		if (bytes[i] >= 10)
			*at++ = (char)('0' + bytes[i] / 10 % 10);
		*at++ = (char)('0' + bytes[i] % 10);
	}
	*at = '\0';
	return bw_str_make(text, (size_t)(at - text));
}

struct bw_str bw_address_text(const struct bw_address *a, char *text)
{
	const uint8_t *v6 = a->v6.sin6_addr.s6_addr;

	if (is_mapped(a))
		return v4_text(v6 + 12, text);
	if (a->any.sa_family == AF_INET)
		return v4_text((const uint8_t *)&a->v4.sin_addr, text);
	if (a->any.sa_family == AF_INET6 && inet_ntop(AF_INET6, v6, text, BW_ADDRESS_TEXT_MAX))
		return bw_str_c(text);
	return BW_STR("");
}

uint16_t bw_address_port(const struct bw_address *a)
{
	return ntohs(a->any.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
}

bool bw_address_loopback(const struct bw_address *a)
{
	if (a->any.sa_family == AF_INET)
		return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
	if (a->any.sa_family != AF_INET6)
		return false;
	if (is_mapped(a))
		return a->v6.sin6_addr.s6_addr[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

static bool option_on(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof on) == 0;
}

static bool socket_bind(int fd, const struct bw_address *a, bool reuse_port)
{
	return option_on(fd, SOL_SOCKET, SO_REUSEADDR) &&
	       (!reuse_port || option_on(fd, SOL_SOCKET, SO_REUSEPORT)) &&
	       (a->any.sa_family != AF_INET6 || option_on(fd, IPPROTO_IPV6, IPV6_V6ONLY)) &&
	       bind(fd, &a->any, a->bytes) == 0 && listen(fd, BACKLOG) == 0;
}

enum bw_err bw_socket_listen(const struct bw_address *a, bool reuse_port, int *fd)
{
	int made = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char text[BW_ADDRESS_TEXT_MAX];

	if (made >= 0 && socket_bind(made, a, reuse_port)) {
		*fd = made;
		return BW_OK;
	}
	bw_log(BW_LOG_ERROR, "cannot listen on %.*s port %u: %s", BW_FMT(bw_address_text(a, text)),
	    bw_address_port(a), strerror(errno));
	if (made >= 0)
		close(made);
	return BW_EIO;
}

enum bw_err bw_socket_address(int fd, struct bw_address *out)
{
	*out = (struct bw_address){.bytes = sizeof out->v6};
	return getsockname(fd, &out->any, &out->bytes) == 0 ? BW_OK : BW_EIO;
}
