#include "edge/proxy.h"

#include <netinet/in.h>

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";
enum { SIGNATURE = 12, HEAD = 16, WHOLE = 100, LOCAL = 0x20, PROXY = 0x21, TCP4 = 0x11, TCP6 = 0x21 };
enum { TYPE_CRC32C = 3, TYPE_NOOP = 4, TYPE_LENGTH = 3, CRC = 4 };

/* RFC 3720, appendix B.4. */
static uint32_t crc32c(const unsigned char *p, size_t n)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* The checksum is of the whole header, with zeros in its own place. */
static size_t vectors_put(unsigned char h[WHOLE], size_t at)
{
	size_t filled = WHOLE - at - 2 * TYPE_LENGTH - CRC;
	uint32_t crc;

	h[at] = TYPE_CRC32C;
	h[at + 2] = CRC;
	h[at + TYPE_LENGTH + CRC] = TYPE_NOOP;
	h[at + TYPE_LENGTH + CRC + 2] = (unsigned char)filled;
	crc = htonl(crc32c(h, WHOLE));
	memcpy(h + at + TYPE_LENGTH, &crc, sizeof crc);
	return WHOLE;
}

static size_t header_make(const struct bw_address *from, const struct bw_address *to, unsigned char h[WHOLE])
{
	bool v6 = to->any.sa_family == AF_INET6;
	size_t n = v6 ? 16 : 4;

	memset(h, 0, WHOLE);
	memcpy(h, signature, SIGNATURE);
	h[12] = from ? PROXY : LOCAL;
	h[13] = !from ? 0 : v6 ? TCP6 : TCP4;
	h[15] = from ? WHOLE - HEAD : 0;
	if (!from)
		return HEAD;
	memcpy(h + HEAD, v6 ? (const void *)&from->v6.sin6_addr : &from->v4.sin_addr, n);
	memcpy(h + HEAD + n, v6 ? (const void *)&to->v6.sin6_addr : &to->v4.sin_addr, n);
	memcpy(h + HEAD + 2 * n, v6 ? &from->v6.sin6_port : &from->v4.sin_port, 2);
	memcpy(h + HEAD + 2 * n + 2, v6 ? &to->v6.sin6_port : &to->v4.sin_port, 2);
	return vectors_put(h, HEAD + 2 * n + 4);
}

/* A new connection has room for so little. */
bool proxy_say(int fd, const struct bw_address *from, const struct bw_address *to)
{
	unsigned char h[WHOLE];
	size_t n = header_make(from, to, h);

	return send(fd, h, n, MSG_NOSIGNAL) == (ssize_t)n;
}
