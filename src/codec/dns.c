#include "codec/dns.h"

enum { LABEL_MAX = 63, FLAG_QR = 0x8000, FLAG_AA = 0x0400, FLAG_RD = 0x0100, EDNS_SIZE = 1232 };

/* ---- Reading ---- */

struct reader {
	struct bw_str message;
	size_t at;
};

static bool take(struct reader *r, size_t n)
{
	if (n > r->message.n - r->at)
		return false;
	r->at += n;
	return true;
}

static bool take_u16(struct reader *r, uint16_t *out)
{
	const unsigned char *p = (const unsigned char *)r->message.p + r->at;

	if (!take(r, 2))
		return false;
	*out = (uint16_t)(p[0] << 8 | p[1]);
	return true;
}

static bool label_char(char c)
{
	return c > ' ' && c < 0x7f && c != '.';
}

/* Labels up to the root. Compression has no place in a question: there is nothing before it to point to. */
static bool take_name(struct reader *r, struct bw_arena *arena, struct bw_str *out)
{
	char text[BW_DNS_NAME_MAX + 1];
	size_t n = 0;

	for (;;) {
		size_t size;
		const char *label;

		if (!take(r, 1))
			return false;
		size = (unsigned char)r->message.p[r->at - 1];
		label = r->message.p + r->at;
		if (size == 0)
			break;
		if (size > LABEL_MAX || !take(r, size) || n + size + (n > 0) > BW_DNS_NAME_MAX)
			return false;
		if (n)
			text[n++] = '.';
		for (size_t i = 0; i < size; i++) {
			if (!label_char(label[i]))
				return false;
			text[n++] = label[i] >= 'A' && label[i] <= 'Z' ? (char)(label[i] + 32) : label[i];
		}
	}
	*out = bw_arena_str(arena, bw_str_make(text, n));
	return true;
}

static bool take_question(struct reader *r, struct bw_arena *arena, struct bw_dns_query *q)
{
	size_t from = r->at;

	if (!take_name(r, arena, &q->name) || !take_u16(r, &q->type) || !take_u16(r, &q->class))
		return false;
	q->question = bw_str_sub(r->message, from, r->at - from);
	return true;
}

/* The root's name, type, the client's size, and of the TTL its second byte, the version; then options, which
 * are skipped. */
static bool take_opt(struct reader *r, uint8_t *version)
{
	uint16_t type, size, high, low, length;

	if (!take(r, 1) || r->message.p[r->at - 1] != 0 || !take_u16(r, &type) || type != BW_DNS_OPT ||
	    !take_u16(r, &size) || !take_u16(r, &high) || !take_u16(r, &low) || !take_u16(r, &length))
		return false;
	*version = (uint8_t)(high & 0xff);
	return take(r, length);
}

static enum bw_err refuse(struct bw_dns_query *q, enum bw_dns_code code)
{
	q->refuse = code;
	return BW_EINVAL;
}

enum bw_err bw_dns_query_parse(struct bw_str message, struct bw_arena *arena, struct bw_dns_query *q)
{
	struct reader r = {message, 0};
	uint16_t flags, counts[4];
	uint8_t version = 0;

	*q = (struct bw_dns_query){0};
	if (!take_u16(&r, &q->id) || !take_u16(&r, &flags) || flags & FLAG_QR)
		return BW_ECORRUPT;
	for (size_t i = 0; i < BW_COUNT(counts); i++)
		CHECK(take_u16(&r, &counts[i]), BW_ECORRUPT);
	q->opcode = flags >> 11 & 15;
	q->recursion_desired = flags & FLAG_RD;
	if (q->opcode != 0)
		return refuse(q, BW_DNS_NOTIMP);
	if (counts[0] != 1 || counts[1] || counts[2] || counts[3] > 1 || !take_question(&r, arena, q))
		return refuse(q, BW_DNS_FORMERR);
	if (counts[3]) {
		if (!take_opt(&r, &version))
			return refuse(q, BW_DNS_FORMERR);
		q->edns = true;
	}
	if (r.at != message.n)
		return refuse(q, BW_DNS_FORMERR);
	return version ? refuse(q, BW_DNS_BADVERS) : BW_OK;
}

/* ---- Writing ---- */

static void put_u16(struct bw_buf *out, unsigned v)
{
	bw_buf_put_c(out, (char)(v >> 8 & 255));
	bw_buf_put_c(out, (char)(v & 255));
}

static void put_u32(struct bw_buf *out, uint32_t v)
{
	put_u16(out, v >> 16);
	put_u16(out, v & 0xffff);
}

static void put_name(struct bw_buf *out, struct bw_str name)
{
	struct bw_str rest = name;

	while (bw_str_set(rest) && rest.n) {
		struct bw_str label = bw_str_cut(&rest, '.');

		bw_buf_put_c(out, (char)label.n);
		bw_buf_put(out, label);
	}
	bw_buf_put_c(out, 0);
}

/* The question's name is where every message has it: behind the header. */
static void put_address(
    struct bw_buf *out, unsigned type, uint32_t ttl_s, const unsigned char *bytes, size_t n)
{
	put_u16(out, 0xc000 | BW_DNS_HEADER);
	put_u16(out, type);
	put_u16(out, BW_DNS_IN);
	put_u32(out, ttl_s);
	put_u16(out, (unsigned)n);
	bw_buf_put(out, bw_str_make(bytes, n));
}

/* RFC 1035, 3.3.13; the minimum is how long a negative answer is kept (RFC 2308). */
static void put_soa(struct bw_buf *out, const struct bw_dns_answer *a)
{
	struct bw_buf data;

	bw_buf_init(&data, BW_DNS_MESSAGE_MAX);
	put_name(&data, BW_STR("ns.bulwark.internal"));
	put_name(&data, BW_STR("hostmaster.bulwark.internal"));
	put_u32(&data, a->serial);
	put_u32(&data, 7200);
	put_u32(&data, 900);
	put_u32(&data, 1209600);
	put_u32(&data, a->ttl_s);
	put_name(out, a->zone);
	put_u16(out, BW_DNS_SOA);
	put_u16(out, BW_DNS_IN);
	put_u32(out, a->ttl_s);
	put_u16(out, (unsigned)data.n);
	bw_buf_put(out, bw_buf_str(&data));
	bw_buf_free(&data);
}

static void put_opt(struct bw_buf *out, enum bw_dns_code code)
{
	bw_buf_put_c(out, 0);
	put_u16(out, BW_DNS_OPT);
	put_u16(out, EDNS_SIZE);
	put_u32(out, (uint32_t)code >> 4 << 24);
	put_u16(out, 0);
}

/* How many addresses of `each` bytes leave room for an OPT record. */
static size_t fitting(const struct bw_buf *out, size_t count, size_t each)
{
	size_t most = (BW_DNS_MESSAGE_MAX - 11 - out->n) / (12 + each);

	return count < most ? count : most;
}

void bw_dns_answer_put(const struct bw_dns_query *q, const struct bw_dns_answer *a, struct bw_buf *out)
{
	bool soa = bw_str_set(a->zone), soa_asked = soa && q->type == BW_DNS_SOA &&
	                                            a->code == BW_DNS_NOERROR && bw_str_eq(a->zone, q->name);
	unsigned flags = FLAG_QR | (unsigned)q->opcode << 11 | (a->authoritative ? FLAG_AA : 0u) |
	                 (q->recursion_desired ? FLAG_RD : 0u) | ((unsigned)a->code & 15);
	size_t v4, v6;
	struct bw_buf body;

	bw_buf_init(&body, BW_DNS_MESSAGE_MAX);
	bw_buf_put(&body, bw_str_make("\0\0\0\0\0\0\0\0\0\0\0\0", BW_DNS_HEADER));
	if (bw_str_set(q->question))
		bw_buf_put(&body, q->question);
	v4 = fitting(&body, a->a_count, 4);
	for (size_t i = 0; i < v4; i++)
		put_address(&body, BW_DNS_A, a->ttl_s, a->a[i], 4);
	v6 = fitting(&body, a->aaaa_count, 16);
	for (size_t i = 0; i < v6; i++)
		put_address(&body, BW_DNS_AAAA, a->ttl_s, a->aaaa[i], 16);
	if (soa)
		put_soa(&body, a);
	if (q->edns)
		put_opt(&body, a->code);
	put_u16(out, q->id);
	put_u16(out, flags);
	put_u16(out, bw_str_set(q->question));
	put_u16(out, (unsigned)(v4 + v6 + soa_asked));
	put_u16(out, soa && !soa_asked);
	put_u16(out, q->edns);
	bw_buf_put(out, bw_str_sub(bw_buf_str(&body), BW_DNS_HEADER, body.n));
	if (body.failed)
		out->failed = true;
	bw_buf_free(&body);
}
