/* The static table (RFC 7541, appendix A), and how names are looked up. */
#include "net/hpack_table.h"

#define EACH_STATIC(X)                                                                                       \
	X(1, ":authority", "")                                                                               \
	X(2, ":method", "GET")                                                                               \
	X(3, ":method", "POST")                                                                              \
	X(4, ":path", "/")                                                                                   \
	X(5, ":path", "/index.html")                                                                         \
	X(6, ":scheme", "http")                                                                              \
	X(7, ":scheme", "https")                                                                             \
	X(8, ":status", "200")                                                                               \
	X(9, ":status", "204")                                                                               \
	X(10, ":status", "206")                                                                              \
	X(11, ":status", "304")                                                                              \
	X(12, ":status", "400")                                                                              \
	X(13, ":status", "404")                                                                              \
	X(14, ":status", "500")                                                                              \
	X(15, "accept-charset", "")                                                                          \
	X(16, "accept-encoding", "gzip, deflate")                                                            \
	X(17, "accept-language", "")                                                                         \
	X(18, "accept-ranges", "")                                                                           \
	X(19, "accept", "")                                                                                  \
	X(20, "access-control-allow-origin", "")                                                             \
	X(21, "age", "")                                                                                     \
	X(22, "allow", "")                                                                                   \
	X(23, "authorization", "")                                                                           \
	X(24, "cache-control", "")                                                                           \
	X(25, "content-disposition", "")                                                                     \
	X(26, "content-encoding", "")                                                                        \
	X(27, "content-language", "")                                                                        \
	X(28, "content-length", "")                                                                          \
	X(29, "content-location", "")                                                                        \
	X(30, "content-range", "")                                                                           \
	X(31, "content-type", "")                                                                            \
	X(32, "cookie", "")                                                                                  \
	X(33, "date", "")                                                                                    \
	X(34, "etag", "")                                                                                    \
	X(35, "expect", "")                                                                                  \
	X(36, "expires", "")                                                                                 \
	X(37, "from", "")                                                                                    \
	X(38, "host", "")                                                                                    \
	X(39, "if-match", "")                                                                                \
	X(40, "if-modified-since", "")                                                                       \
	X(41, "if-none-match", "")                                                                           \
	X(42, "if-range", "")                                                                                \
	X(43, "if-unmodified-since", "")                                                                     \
	X(44, "last-modified", "")                                                                           \
	X(45, "link", "")                                                                                    \
	X(46, "location", "")                                                                                \
	X(47, "max-forwards", "")                                                                            \
	X(48, "proxy-authenticate", "")                                                                      \
	X(49, "proxy-authorization", "")                                                                     \
	X(50, "range", "")                                                                                   \
	X(51, "referer", "")                                                                                 \
	X(52, "refresh", "")                                                                                 \
	X(53, "retry-after", "")                                                                             \
	X(54, "server", "")                                                                                  \
	X(55, "set-cookie", "")                                                                              \
	X(56, "strict-transport-security", "")                                                               \
	X(57, "transfer-encoding", "")                                                                       \
	X(58, "user-agent", "")                                                                              \
	X(59, "vary", "")                                                                                    \
	X(60, "via", "")                                                                                     \
	X(61, "www-authenticate", "")

/* Rows without pointers: nothing is written when the program is loaded. */
#define TEXT(i, name, value) char text_##i[sizeof name value - 1];
struct static_text {
	EACH_STATIC(TEXT)
};
#undef TEXT

#define TEXT(i, name, value) .text_##i = name value,
static const struct static_text static_text = {EACH_STATIC(TEXT)};
#undef TEXT

#define ROW(i, name, value) [i] = {offsetof(struct static_text, text_##i), sizeof name - 1, sizeof value - 1},
static const struct static_row {
	uint16_t at;
	uint8_t name_n, value_n;
} static_rows[STATIC_FIELDS + 1] = {EACH_STATIC(ROW)};
#undef ROW

struct bw_hpack_field hpack_static(size_t index)
{
	struct static_row r = static_rows[index];
	const char *p = (const char *)&static_text + r.at;

	return (struct bw_hpack_field){bw_str_make(p, r.name_n), bw_str_make(p + r.name_n, r.value_n), false};
}

/* By the first seven bits of a name's hash, where it stands first. NAME_FACTOR was looked for until no two
 * names met. */
static const uint8_t static_first[128] = {24, 0, 2, 0, 0, 0, 53, 0, 0, 28, 56, 0, 20, 0, 32, 0, 0, 0, 44, 0,
    0, 17, 0, 0, 0, 0, 0, 47, 42, 0, 0, 0, 0, 15, 34, 55, 54, 31, 0, 0, 61, 0, 0, 21, 38, 0, 0, 0, 0, 0, 0,
    16, 0, 0, 0, 0, 0, 37, 0, 0, 0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 26, 4, 27, 0, 0, 0, 0, 18, 60, 0, 19, 0, 50,
    49, 8, 0, 0, 0, 58, 0, 41, 43, 30, 0, 0, 25, 0, 33, 0, 0, 57, 52, 0, 51, 0, 0, 0, 29, 0, 0, 0, 35, 59, 22,
    39, 6, 0, 45, 0, 46, 23, 0, 0, 1, 0, 40, 36, 0};
#define NAME_FACTOR UINT64_C(0x9a12ed6c2dfff039)

static inline uint64_t load_8(const char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static inline uint64_t load_4(const char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

/* Up to three bytes. */
static inline uint64_t load_few(struct bw_str s)
{
	if (s.n == 0)
		return 0;
	return (uint8_t)s.p[0] | (uint64_t)(uint8_t)s.p[s.n / 2] << 8 | (uint64_t)(uint8_t)s.p[s.n - 1] << 16;
}

/* Its ends, and how long it is. */
uint64_t hpack_name_hash(struct bw_str s)
{
	const uint64_t fold = UINT64_C(0x2020202020202020); /* a capital and its small letter become one */
	uint64_t a, b = 0;

	if (s.n >= 8) {
		a = load_8(s.p);
		b = load_8(s.p + s.n - 8);
	} else if (s.n >= 4) {
		a = load_4(s.p);
		b = load_4(s.p + s.n - 4);
	} else {
		a = load_few(s);
	}
	a |= fold;
	b |= fold;
	return ((a ^ (b << 29 | b >> 35)) + s.n) * NAME_FACTOR;
}

/* Eight bytes, the capitals of ASCII made small. */
static inline uint64_t lower_8(uint64_t v)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t low = v & 0x7f * each;
	uint64_t capital = (low + (0x80 - 'A') * each) & ~(low + (0x7f - 'Z') * each) & ~v & 0x80 * each;

	return v | capital >> 2;
}

/* Most have no capitals where they are compared. */
static inline bool is_lower_of(uint64_t lower, uint64_t v)
{
	return lower == v || lower == lower_8(v);
}

bool hpack_name_is(struct bw_str lower, struct bw_str name)
{
	size_t at;

	if (lower.n != name.n)
		return false;
	if (name.n < 4)
		return is_lower_of(load_few(lower), load_few(name));
	if (name.n < 8)
		return is_lower_of(load_4(lower.p), load_4(name.p)) &&
		       is_lower_of(load_4(lower.p + name.n - 4), load_4(name.p + name.n - 4));
	for (at = 0; at + 8 < name.n; at += 8)
		if (!is_lower_of(load_8(lower.p + at), load_8(name.p + at)))
			return false;
	return is_lower_of(load_8(lower.p + name.n - 8), load_8(name.p + name.n - 8));
}

void hpack_lower(struct bw_str name, char *to)
{
	size_t at = 0;

	for (; at + 8 <= name.n; at += 8) {
		uint64_t v = lower_8(load_8(name.p + at));

		memcpy(to + at, &v, 8);
	}
	for (; at < name.n; at++)
		to[at] = (char)lower_8((uint8_t)name.p[at]);
}

size_t hpack_static_find(struct bw_str name, uint64_t hash)
{
	size_t index = static_first[hash >> 57];

	return index && hpack_name_is(hpack_static(index).name, name) ? index : 0;
}
