/* Header blocks made (RFC 7541 6). */
#include "net/hpack_table.h"

enum {
	INTEGER_MAX = 6, /* bytes of one below 2^32 */
	NAME_CODED = 64, /* a longer name that is written out goes as it is */
	LOOKS = 8,       /* fields of one name's hash that are compared: the newest */
};

/* ---- integers and strings (5) ---- */

static inline char *integer_put(char *to, uint8_t first, size_t mask, size_t v)
{
	if (v < mask) {
		*to++ = (char)(first | v);
		return to;
	}
	*to++ = (char)(first | mask);
	for (v -= mask; v >= 0x80; v >>= 7)
		*to++ = (char)(v | 0x80);
	*to++ = (char)v;
	return to;
}

/* Of an absent slice, none. */
static char *bytes_put(char *to, struct bw_str s)
{
	if (s.n)
		memcpy(to, s.p, s.n);
	return to + s.n;
}

static char *string_put(char *to, struct bw_str s)
{
	size_t coded = hpack_code_length(s);

	if (coded < s.n) {
		to = integer_put(to, 0x80, 0x7f, coded);
		hpack_code_put(s, to);
		return to + coded;
	}
	to = integer_put(to, 0, 0x7f, s.n);
	return bytes_put(to, s);
}

static char *name_put(char *to, struct bw_str name)
{
	char lower[NAME_CODED];

	if (name.n <= NAME_CODED) {
		hpack_lower(name, lower);
		return string_put(to, bw_str_make(lower, name.n));
	}
	to = integer_put(to, 0, 0x7f, name.n);
	hpack_lower(name, to);
	return to + name.n;
}

/* ---- what is in the tables ---- */

/* Indices; 0: there is none. */
struct found {
	size_t whole, name;
};

static size_t bucket_of(uint64_t hash)
{
	return hash >> 40 & (BW_HPACK_BUCKETS - 1);
}

/* Fields of one name stand together. */
static struct found static_look(const struct bw_hpack_field *f, uint64_t hash)
{
	struct found found = {.name = hpack_static_find(f->name, hash)};

	for (size_t i = found.name; i && i <= STATIC_FIELDS; i++) {
		struct bw_hpack_field known = hpack_static(i);

		if (i > found.name && (known.name.n != f->name.n || !hpack_name_is(known.name, f->name)))
			break;
		if (bw_str_eq(known.value, f->value)) {
			found.whole = i;
			break;
		}
	}
	return found;
}

/* What a bucket says may be long gone, and its number another's by now: then it is not within the table, or
 * not the field. */
static struct found table_look(
    const struct bw_hpack_encoder *e, const struct bw_hpack_field *f, uint64_t hash)
{
	const struct bw_hpack_table *t = &e->table;
	size_t age = (uint16_t)(t->before + t->born - e->newest[bucket_of(hash)] - 1);
	struct found found = {0};

	for (int looks = 0; looks < LOOKS && age < hpack_table_count(t); looks++) {
		struct hpack_record r = hpack_table_record(t, age);

		if (r.name_n == f->name.n && hpack_name_is(hpack_record_name(t, r), f->name)) {
			found.name = STATIC_FIELDS + 1 + age;
			if (r.value_n == f->value.n && bw_str_eq(hpack_record_value(t, r), f->value)) {
				found.whole = found.name;
				break;
			}
		}
		if (!r.back)
			break;
		age += r.back;
	}
	return found;
}

/* Fields of a request and of an answer that every message has are in the static table; others are found
 * sooner in the dynamic one. */
static struct found look(const struct bw_hpack_encoder *e, const struct bw_hpack_field *f, uint64_t hash)
{
	bool pseudo = f->name.n && f->name.p[0] == ':';
	struct found first = pseudo ? static_look(f, hash) : table_look(e, f, hash), second;

	if (first.whole)
		return first;
	second = pseudo ? table_look(e, f, hash) : static_look(f, hash);
	if (second.whole || !first.name)
		return second;
	return first;
}

/* ---- what enters the table ---- */

/* Secrets, by their names' places in the static table (RFC 7541 7.1.3). Cookies of all clients share one
 * connection to a target. */
static bool is_secret(size_t name)
{
	return name == 23 || name == 32 || name == 49 ||
	       name == 55; /* authorization, cookie, proxy-authorization, set-cookie */
}

/* What has come before, among the last fields that were in no table. */
static bool seen_before(struct bw_hpack_encoder *e, const struct bw_hpack_field *f, uint64_t hash)
{
	uint16_t mark = (uint16_t)((hash >> 16 ^ hpack_name_hash(f->value) >> 32) | 1);
	int hits = 0;

	for (size_t i = 0; i < BW_HPACK_SEEN; i++)
		hits += e->seen[i] == mark;
	if (!hits)
		e->seen[e->seen_next++ % BW_HPACK_SEEN] = mark;
	return hits > 0;
}

static bool enters(struct bw_hpack_encoder *e, const struct bw_hpack_field *f, uint64_t hash)
{
	return f->name.n + f->value.n + BW_HPACK_FIELD_BYTES <= e->table.max / 2 && seen_before(e, f, hash);
}

static void table_enter(struct bw_hpack_encoder *e, const struct bw_hpack_field *f, uint64_t hash)
{
	uint16_t number = (uint16_t)(e->table.before + e->table.born);
	uint16_t back = (uint16_t)(number - e->newest[bucket_of(hash)]);
	char *to = hpack_table_add(
	    &e->table, f->name.n, f->value.n, back <= hpack_table_count(&e->table) ? back : 0);

	MUST(to);
	hpack_lower(f->name, to);
	bytes_put(to + f->name.n, f->value);
	e->newest[bucket_of(hash)] = number;
}

static char *literal_put(
    struct bw_hpack_encoder *e, const struct bw_hpack_field *f, struct found found, uint64_t hash, char *to)
{
	bool never = f->never || is_secret(found.name), remembered = !never && enters(e, f, hash);

	if (remembered)
		to = integer_put(to, 0x40, 0x3f, found.name);
	else
		to = integer_put(to, never ? 0x10 : 0, 0x0f, found.name);
	if (!found.name)
		to = name_put(to, f->name);
	to = string_put(to, f->value);
	if (remembered)
		table_enter(e, f, hash);
	return to;
}

static char *field_put(struct bw_hpack_encoder *e, const struct bw_hpack_field *f, char *to)
{
	uint64_t hash = hpack_name_hash(f->name);
	struct found found = look(e, f, hash);

	if (found.whole && !f->never)
		return integer_put(to, 0x80, 0x7f, found.whole);
	return literal_put(e, f, found, hash, to);
}

/* ---- blocks ---- */

void bw_hpack_encoder_init(struct bw_hpack_encoder *e)
{
	hpack_table_init(&e->table);
	memset(e->newest, 0, sizeof e->newest);
	memset(e->seen, 0, sizeof e->seen);
	e->seen_next = 0;
	e->resized = false;
}

void bw_hpack_encoder_limit(struct bw_hpack_encoder *e, size_t bytes)
{
	if (bytes > BW_HPACK_TABLE_BYTES)
		bytes = BW_HPACK_TABLE_BYTES;
	if (!e->resized && bytes == e->table.max)
		return;
	if (!e->resized || bytes < e->least)
		e->least = (uint16_t)bytes;
	e->resized = true;
	hpack_table_resize(&e->table, bytes);
}

static char *resizes_put(struct bw_hpack_encoder *e, char *to)
{
	if (!e->resized)
		return to;
	e->resized = false;
	if (e->least < e->table.max)
		to = integer_put(to, 0x20, 0x1f, e->least);
	return integer_put(to, 0x20, 0x1f, e->table.max);
}

size_t bw_hpack_bound(const struct bw_hpack_field *fields, size_t count)
{
	size_t bytes = (size_t)2 * INTEGER_MAX;

	for (size_t i = 0; i < count; i++)
		bytes += (size_t)3 * INTEGER_MAX + fields[i].name.n + fields[i].value.n;
	return bytes;
}

size_t bw_hpack_encode(
    struct bw_hpack_encoder *e, const struct bw_hpack_field *fields, size_t count, char *to, size_t room)
{
	char *at = to;

	if (room < bw_hpack_bound(fields, count))
		return 0;
	at = resizes_put(e, at);
	for (size_t i = 0; i < count; i++)
		at = field_put(e, &fields[i], at);
	return (size_t)(at - to);
}
