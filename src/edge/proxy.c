#include "edge/proxy.h"

#include <netinet/in.h>

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";
enum { SIGNATURE = 12, HEAD = 16, MOST = HEAD + 36, LOCAL = 0x20, PROXY = 0x21, TCP4 = 0x11, TCP6 = 0x21 };

static size_t header_make(const struct bw_address *from, const struct bw_address *to, unsigned char h[MOST])
{
	bool v6 = to->any.sa_family == AF_INET6;
	size_t n = v6 ? 16 : 4;

	memcpy(h, signature, SIGNATURE);
	h[12] = from ? PROXY : LOCAL;
	h[13] = !from ? 0 : v6 ? TCP6 : TCP4;
	h[14] = 0;
	h[15] = from ? (unsigned char)(2 * n + 4) : 0;
	if (!from)
		return HEAD;
	memcpy(h + HEAD, v6 ? (const void *)&from->v6.sin6_addr : &from->v4.sin_addr, n);
	memcpy(h + HEAD + n, v6 ? (const void *)&to->v6.sin6_addr : &to->v4.sin_addr, n);
	memcpy(h + HEAD + 2 * n, v6 ? &from->v6.sin6_port : &from->v4.sin_port, 2);
	memcpy(h + HEAD + 2 * n + 2, v6 ? &to->v6.sin6_port : &to->v4.sin_port, 2);
	return HEAD + 2 * n + 4;
}

/* A new connection has room for so little. */
bool proxy_say(int fd, const struct bw_address *from, const struct bw_address *to)
{
	unsigned char h[MOST];
	size_t n = header_make(from, to, h);

	return send(fd, h, n, MSG_NOSIGNAL) == (ssize_t)n;
}
