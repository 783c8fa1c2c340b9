/* What a message is (RFC 9113 8.2, 8.3): fields that no message may have make it malformed, not themselves
 * absent. */
#include "edge/h2_pump.h"

/* ---- octets ---- */

/* Of a token (RFC 9110 5.6.2): 1 in a field's name, where letters are small; 2 the letters that a method may
 * have besides. 4: what a value has none of (8.2.1). 8: what a path may not have, which stands in a line that
 * spaces divide. */
static const uint8_t octets[256] = {[0 ... 8] = 12,
    [9] = 8,
    [10 ... 31] = 12,
    [' '] = 8,
    ['#'] = 1 | 8,
    [0x7f] = 12,
    [0x80 ... 0xff] = 8,
    ['!'] = 1,
    ['$'] = 1,
    ['%'] = 1,
    ['&'] = 1,
    ['\''] = 1,
    ['*'] = 1,
    ['+'] = 1,
    ['-'] = 1,
    ['.'] = 1,
    ['0' ... '9'] = 1,
    ['A' ... 'Z'] = 2,
    ['^'] = 1,
    ['_'] = 1,
    ['`'] = 1,
    ['a' ... 'z'] = 1,
    ['|'] = 1,
    ['~'] = 1};

static bool all_of(struct bw_str s, uint8_t classes)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(octets[(unsigned char)s.p[i]] & classes))
			return false;
	return s.n > 0;
}

static bool none_of(struct bw_str s, uint8_t classes)
{
	uint8_t seen = 0;

	for (size_t i = 0; i < s.n; i++)
		seen |= octets[(unsigned char)s.p[i]];
	return !(seen & classes);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool value_fits(struct bw_str v)
{
	return none_of(v, 4) && !(v.n && (is_blank(v.p[0]) || is_blank(v.p[v.n - 1])));
}

/* RFC 3986 3.1. */
static bool scheme_fits(struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], small = (char)(c | 32);

		if (!(small >= 'a' && small <= 'z') &&
		    !(i && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
			return false;
	}
	return s.n > 0;
}

/* ---- pseudo-header fields (8.3) ---- */

enum { P_METHOD = 1, P_SCHEME = 2, P_AUTHORITY = 4, P_PATH = 8, P_STATUS = 16 };

static const struct {
	struct bw_str name;
	size_t slot;
	uint8_t bit;
} pseudos[] = {
    {BW_STR(":method"), offsetof(struct h2_message, method), P_METHOD},
    {BW_STR(":path"), offsetof(struct h2_message, path), P_PATH},
    {BW_STR(":scheme"), offsetof(struct h2_message, scheme), P_SCHEME},
    {BW_STR(":authority"), offsetof(struct h2_message, authority), P_AUTHORITY},
};

/* Three digits (RFC 9110 15). */
static bool status_take(struct h2_message *m, struct bw_str value)
{
	int64_t n;

	if (m->server || m->pseudos & P_STATUS || value.n != 3 || bw_str_to_i64(value, 100, 599, &n) != BW_OK)
		return false;
	m->pseudos |= P_STATUS;
	m->status = (int32_t)n;
	return true;
}

static bool pseudo_take(struct h2_message *m, const struct bw_hpack_field *f)
{
	if (m->trailers || m->regular)
		return false;
	if (bw_str_eq(f->name, BW_STR(":status")))
		return status_take(m, f->value);
	for (size_t i = 0; m->server && i < BW_COUNT(pseudos); i++) {
		if (!bw_str_eq(f->name, pseudos[i].name))
			continue;
		if (m->pseudos & pseudos[i].bit)
			return false;
		m->pseudos |= pseudos[i].bit;
		*(struct bw_str *)(void *)((char *)m + pseudos[i].slot) = f->value;
		return true;
	}
	return false;
}

/* ---- fields whose meaning the message hangs on (8.2.2, 8.1.1, 8.3.1) ---- */

static bool length_take(struct h2_message *m, struct bw_str value)
{
	return m->length < 0 && bw_str_to_i64(value, 0, INT64_MAX, &m->length) == BW_OK;
}

static bool te_take(struct h2_message *m, struct bw_str value)
{
	(void)m;
	return bw_str_eq_nocase(value, BW_STR("trailers"));
}

static bool host_take(struct h2_message *m, struct bw_str value)
{
	(void)value;
	if (m->host && m->server)
		return false;
	m->host = true;
	return true;
}

static bool refuse(struct h2_message *m, struct bw_str value)
{
	(void)m;
	(void)value;
	return false;
}

static const struct {
	struct bw_str name;
	bool (*take)(struct h2_message *m, struct bw_str value);
} special[] = {
    {BW_STR("te"), te_take},
    {BW_STR("host"), host_take},
    {BW_STR("upgrade"), refuse},
    {BW_STR("connection"), refuse},
    {BW_STR("keep-alive"), refuse},
    {BW_STR("content-length"), length_take},
    {BW_STR("proxy-connection"), refuse},
    {BW_STR("transfer-encoding"), refuse},
};

/* In trailers neither a length nor a host says anything any more. */
static bool special_take(struct h2_message *m, const struct bw_hpack_field *f)
{
	for (size_t i = 0; i < BW_COUNT(special); i++)
		if (f->name.n == special[i].name.n && memcmp(f->name.p, special[i].name.p, f->name.n) == 0)
			return (m->trailers &&
			           (special[i].take == length_take || special[i].take == host_take)) ||
			       special[i].take(m, f->value);
	return true;
}

static bool field_take(struct h2_message *m, const struct bw_hpack_field *f)
{
	if (f->name.n && f->name.p[0] == ':')
		return value_fits(f->value) && pseudo_take(m, f);
	m->regular = true;
	if (!all_of(f->name, 1) || !value_fits(f->value) || !special_take(m, f))
		return false;
	if (m->count == BW_HTTP_HEADERS_MAX)
		m->too_large = true;
	else
		m->headers[m->count++] = (struct bw_http_header){f->name, f->value};
	return true;
}

bool h2_message_field(void *message, const struct bw_hpack_field *f)
{
	struct h2_message *m = message;

	m->bad = !field_take(m, f);
	return !m->bad && !m->too_large;
}

/* ---- the whole ---- */

/* CONNECT names whom, and nothing of a resource (8.5). */
static bool request_is_whole(const struct h2_message *m)
{
	if (bw_str_eq(m->method, BW_STR("CONNECT")))
		return m->pseudos == (P_METHOD | P_AUTHORITY) && m->authority.n;
	if ((m->pseudos & (P_METHOD | P_SCHEME | P_PATH)) != (P_METHOD | P_SCHEME | P_PATH) ||
	    !all_of(m->method, 1 | 2) || !scheme_fits(m->scheme) || !none_of(m->path, 8))
		return false;
	return m->path.n && (m->path.p[0] == '/' ||
	                        (bw_str_eq(m->path, BW_STR("*")) && bw_str_eq(m->method, BW_STR("OPTIONS"))));
}

bool h2_message_end(struct h2_message *m)
{
	if (m->trailers)
		return true;
	if (m->server)
		return request_is_whole(m);
	return m->pseudos & P_STATUS && !(m->length >= 0 && m->status < 200) &&
	       !(m->length > 0 && m->status == 204);
}
