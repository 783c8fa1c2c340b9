/* Security groups at the load balancer: what no rule permits does not pass. Rules are sorted when they are
 * read, so that ten thousand are asked as fast as ten. */
#include <arpa/inet.h>

#include "base/sys.h"
#include "codec/sort.h"
#include "edge/config.h"

enum { PROTOCOL_ALL = -1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

struct permit {
	struct network network; /* no bits behind its length */
	uint16_t from, to;
};

/* Permits of networks of one length, which stand side by side. */
struct permit_length {
	uint8_t family_bytes, bits;
	const struct permit *v; /* by network, then port; ports of one network do not overlap */
	size_t n;
};

struct permit_set {
	struct permit *v;
	size_t n;
	struct permit_length *lengths;
	size_t length_count; /* at most 33 and 129 */
};

struct permits {
	struct permit_set tcp, udp;
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

static void network_cut(struct network *n)
{
	for (size_t i = 0; i < n->family_bytes; i++) {
		size_t before = i * 8;

		if (before + 8 > n->bits)
			n->bytes[i] &= n->bits <= before ? 0 : (unsigned char)(0xff00 >> (n->bits - before));
	}
}

/* A permit that cannot be read permits nothing. */
static bool permit_parse(const struct bw_edge_permit *in, int64_t *protocol, struct permit *out)
{
	int64_t from = in->from_port < 0 ? 0 : in->from_port, to = in->to_port < 0 ? 65535 : in->to_port;

	if (!protocol_parse(in->protocol, protocol) || !cidr_parse(in->network, &out->network))
		return false;
	network_cut(&out->network);
	if (*protocol == PROTOCOL_ALL) {
		from = 0;
		to = 65535;
	}
	/* Of an empty range nothing is left: 1 to 0. */
	out->from = (uint16_t)(from > to || from > 65535 ? 1 : from);
	out->to = (uint16_t)(from > to || from > 65535 ? 0 : to > 65535 ? 65535 : to);
	return true;
}

static int network_order(const struct network *a, const struct network *b)
{
	if (a->family_bytes != b->family_bytes)
		return a->family_bytes < b->family_bytes ? -1 : 1;
	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	return memcmp(a->bytes, b->bytes, a->family_bytes);
}

static int permit_order(const void *a, const void *b)
{
	const struct permit *p = a, *q = b;
	int order = network_order(&p->network, &q->network);

	return order ? order : (p->from > q->from) - (p->from < q->from);
}

/* Ranges of one network that touch become one. */
static void set_merge(struct permit_set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct permit *p = &s->v[i], *last = n ? &s->v[n - 1] : NULL;

		if (p->from > p->to)
			continue;
		if (!last || network_order(&last->network, &p->network) != 0 || p->from > last->to + 1)
			s->v[n++] = *p;
		else if (p->to > last->to)
			last->to = p->to;
	}
	s->n = n;
}

static void set_settle(struct bw_arena *a, struct permit_set *s)
{
	struct permit_length *last = NULL;

	bw_sort(s->v, s->n, sizeof *s->v, permit_order);
	set_merge(s);
	s->lengths = BW_NEW_ARRAY(a, struct permit_length, 33 + 129);
	for (size_t i = 0; i < s->n; i++) {
		const struct network *n = &s->v[i].network;

		if (!last || last->family_bytes != n->family_bytes || last->bits != n->bits) {
			last = &s->lengths[s->length_count++];
			*last = (struct permit_length){n->family_bytes, n->bits, &s->v[i], 0};
		}
		last->n++;
	}
}

struct permits *permits_compile(struct bw_arena *a, const struct bw_edge_permit *list, size_t count)
{
	struct permits *p = BW_NEW(a, struct permits);

	p->tcp.v = BW_NEW_ARRAY(a, struct permit, count + 1);
	p->udp.v = BW_NEW_ARRAY(a, struct permit, count + 1);
	for (size_t i = 0; i < count; i++) {
		struct permit one = {0};
		int64_t protocol;

		if (!permit_parse(&list[i], &protocol, &one)) {
			bw_log(BW_LOG_WARN, "a security group's rule cannot be read and permits nothing");
			continue;
		}
		if (protocol == PROTOCOL_ALL || protocol == PROTOCOL_TCP)
			p->tcp.v[p->tcp.n++] = one;
		if (protocol == PROTOCOL_ALL || protocol == PROTOCOL_UDP)
			p->udp.v[p->udp.n++] = one;
	}
	set_settle(a, &p->tcp);
	set_settle(a, &p->udp);
	return p;
}

/* The last that stands at or before what is looked for is the only one that can hold it. */
static bool length_holds(const struct permit_length *l, const struct permit *want)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t at = low + (high - low) / 2;

		if (permit_order(&l->v[at], want) <= 0)
			low = at + 1;
		else
			high = at;
	}
	return low && network_order(&l->v[low - 1].network, &want->network) == 0 &&
	       want->from <= l->v[low - 1].to;
}

bool permits_pass(const struct permits *p, bool udp, const struct bw_address *peer, uint16_t port)
{
	const struct permit_set *s;
	const unsigned char *bytes;
	size_t n;

	if (!p)
		return true;
	s = udp ? &p->udp : &p->tcp;
	bytes = address_bytes(peer, &n);
	for (size_t i = 0; i < s->length_count; i++) {
		struct permit want = {.from = port, .to = port};

		if (s->lengths[i].family_bytes != n)
			continue;
		want.network.family_bytes = (uint8_t)n;
		want.network.bits = s->lengths[i].bits;
		memcpy(want.network.bytes, bytes, n);
		network_cut(&want.network);
		if (length_holds(&s->lengths[i], &want))
			return true;
	}
	return false;
}
