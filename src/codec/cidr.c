#include "codec/cidr.h"

#include <arpa/inet.h>

enum { V4_BITS = 32, V6_BITS = 128 };

static unsigned family_bits(const struct bw_cidr *c)
{
	return c->v6 ? V6_BITS : V4_BITS;
}

/* inet_pton takes leading zeros of IPv4 parts in some C libraries and reads them as octal in none; they are
 * refused here, because others do read them so. */
static bool zero_leads(struct bw_str text)
{
	while (bw_str_set(text)) {
		struct bw_str part = bw_str_cut(&text, '.');

		if (part.n > 1 && part.p[0] == '0')
			return true;
	}
	return false;
}

enum bw_err bw_cidr_address(struct bw_str text, struct bw_cidr *out)
{
	char name[INET6_ADDRSTRLEN];

	*out = (struct bw_cidr){.v6 = bw_str_find(text, ':', 0) >= 0};
	CHECK(text.n > 0 && text.n < sizeof name && !memchr(text.p, '\0', text.n), BW_EINVAL);
	memcpy(name, text.p, text.n);
	name[text.n] = '\0';
	CHECK(out->v6 || !zero_leads(text), BW_EINVAL);
	CHECK(inet_pton(out->v6 ? AF_INET6 : AF_INET, name, out->bytes) == 1, BW_EINVAL);
	out->bits = (uint8_t)family_bits(out);
	return BW_OK;
}

enum bw_err bw_cidr_parse(struct bw_str text, struct bw_cidr *out)
{
	struct bw_str prefix = text, address = bw_str_cut(&prefix, '/');
	int64_t bits;

	TRY(bw_cidr_address(address, out));
	CHECK(bw_str_set(prefix) && prefix.n <= 3 && !(prefix.n > 1 && prefix.p[0] == '0'), BW_EINVAL);
	TRY(bw_str_to_i64(prefix, 0, family_bits(out), &bits));
	out->bits = (uint8_t)bits;
	return BW_OK;
}

bool bw_cidr_mask(struct bw_cidr *c)
{
	bool any = false;

	for (unsigned bit = c->bits; bit < family_bits(c); bit++) {
		uint8_t mask = (uint8_t)(0x80u >> (bit % 8));

		any = any || (c->bytes[bit / 8] & mask);
		c->bytes[bit / 8] &= (uint8_t)~mask;
	}
	return any;
}

static bool same_prefix(const struct bw_cidr *a, const struct bw_cidr *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	if (memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) & mask) == 0;
}

bool bw_cidr_contains(const struct bw_cidr *outer, const struct bw_cidr *inner)
{
	return outer->v6 == inner->v6 && outer->bits <= inner->bits && same_prefix(outer, inner, outer->bits);
}

bool bw_cidr_overlaps(const struct bw_cidr *a, const struct bw_cidr *b)
{
	return a->v6 == b->v6 && same_prefix(a, b, a->bits < b->bits ? a->bits : b->bits);
}

static uint32_t v4_value(const struct bw_cidr *c)
{
	uint32_t value;

	MUST(!c->v6);
	memcpy(&value, c->bytes, sizeof value);
	return ntohl(value);
}

struct bw_cidr bw_cidr_nth(const struct bw_cidr *network, uint32_t index)
{
	struct bw_cidr at = *network;
	uint32_t value;

	(void)bw_cidr_mask(&at);
	value = htonl(v4_value(&at) + index);
	memcpy(at.bytes, &value, sizeof value);
	at.bits = V4_BITS;
	return at;
}

uint32_t bw_cidr_index(const struct bw_cidr *network, const struct bw_cidr *address)
{
	struct bw_cidr first = *network;

	(void)bw_cidr_mask(&first);
	return v4_value(address) - v4_value(&first);
}

uint64_t bw_cidr_size(const struct bw_cidr *network)
{
	MUST(!network->v6);
	return UINT64_C(1) << (V4_BITS - network->bits);
}

struct bw_str bw_cidr_address_text(struct bw_arena *a, const struct bw_cidr *c)
{
	char text[INET6_ADDRSTRLEN];

	MUST(inet_ntop(c->v6 ? AF_INET6 : AF_INET, c->bytes, text, sizeof text) != NULL);
	return bw_arena_str(a, bw_str_c(text));
}

struct bw_str bw_cidr_text(struct bw_arena *a, const struct bw_cidr *c)
{
	return bw_arena_printf(a, "%.*s/%u", BW_FMT(bw_cidr_address_text(a, c)), (unsigned)c->bits);
}
