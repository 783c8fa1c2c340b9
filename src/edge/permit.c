/* Security groups at the load balancer: what no rule permits does not pass. */
#include <arpa/inet.h>

#include "edge/internal.h"

enum { PROTOCOL_ALL = -1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

struct permit {
	int64_t protocol, from, to;
	struct network network;
};

struct permits {
	struct permit *v;
	size_t n;
};

bool cidr_parse(struct bw_str text, struct network *out)
{
	struct bw_str rest = text, host = bw_str_cut(&rest, '/');
	char c[BW_ADDRESS_TEXT_MAX];
	int64_t bits;

	if (host.n >= sizeof c || memchr(host.p ? host.p : "", '\0', host.n))
		return false;
	memset(out, 0, sizeof *out);
	memcpy(c, host.p ? host.p : "", host.n);
	c[host.n] = '\0';
	out->family_bytes = bw_str_find(host, ':', 0) >= 0 ? 16 : 4;
	if (inet_pton(out->family_bytes == 16 ? AF_INET6 : AF_INET, c, out->bytes) != 1)
		return false;
	bits = out->family_bytes * 8;
	if (bw_str_set(rest) && bw_str_to_i64(rest, 0, bits, &bits) != BW_OK)
		return false;
	out->bits = (uint8_t)bits;
	return true;
}

/* An IPv4 address that came mapped into IPv6 is one of IPv4. */
static const unsigned char *address_bytes(const struct bw_address *a, size_t *n)
{
	const unsigned char *v6 = a->v6.sin6_addr.s6_addr;

	*n = 4;
	if (a->any.sa_family == AF_INET)
		return (const unsigned char *)&a->v4.sin_addr;
	if (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
		return v6 + 12;
	*n = 16;
	return v6;
}

bool cidr_has(const struct network *n, const struct bw_address *a)
{
	size_t bytes, whole = n->bits / 8, rest = n->bits % 8;
	const unsigned char *p = address_bytes(a, &bytes);

	if (bytes != n->family_bytes || memcmp(p, n->bytes, whole) != 0)
		return false;
	return rest == 0 || (p[whole] ^ n->bytes[whole]) >> (8 - rest) == 0;
}

static bool protocol_parse(struct bw_str s, int64_t *out)
{
	static const struct {
		const char *name;
		int64_t number;
	} names[] = {{"tcp", PROTOCOL_TCP}, {"udp", PROTOCOL_UDP}, {"icmp", 1}, {"icmpv6", 58},
	    {"-1", PROTOCOL_ALL}, {"all", PROTOCOL_ALL}};

	for (size_t i = 0; i < BW_COUNT(names); i++)
		if (bw_str_eq(s, bw_str_c(names[i].name))) {
			*out = names[i].number;
			return true;
		}
	return bw_str_to_i64(s, 0, 255, out) == BW_OK;
}

/* A permit that cannot be read permits nothing. */
static bool permit_parse(const struct bw_edge_permit *in, struct permit *out)
{
	if (!protocol_parse(in->protocol, &out->protocol) || !cidr_parse(in->network, &out->network))
		return false;
	out->from = in->from_port < 0 ? 0 : in->from_port;
	out->to = in->to_port < 0 ? 65535 : in->to_port;
	return true;
}

struct permits *permits_compile(struct bw_arena *a, const struct bw_edge_permit *list, size_t count)
{
	struct permits *p = BW_NEW(a, struct permits);

	p->v = BW_NEW_ARRAY(a, struct permit, count + 1);
	for (size_t i = 0; i < count; i++)
		if (permit_parse(&list[i], &p->v[p->n]))
			p->n++;
		else
			bw_log(BW_LOG_WARN, "a security group's rule cannot be read and permits nothing");
	return p;
}

bool permits_pass(const struct permits *p, bool udp, const struct bw_address *peer, uint16_t port)
{
	int64_t protocol = udp ? PROTOCOL_UDP : PROTOCOL_TCP;

	if (!p)
		return true;
	for (size_t i = 0; i < p->n; i++) {
		const struct permit *v = &p->v[i];

		if ((v->protocol == PROTOCOL_ALL ||
		        (v->protocol == protocol && v->from <= port && port <= v->to)) &&
		    cidr_has(&v->network, peer))
			return true;
	}
	return false;
}
