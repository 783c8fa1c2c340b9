/* Header blocks read (RFC 7541 3, 6). */
#include "net/hpack_table.h"

struct reading {
	struct bw_hpack_table *table;
	struct bw_hpack_sink *sink;
	const char *p, *end;
	size_t used;  /* of the room */
	bool clipped; /* a string of this field found too little of it */
	bool deaf;    /* nobody hears fields any more */
};

/* The representations, by their first bits. */
enum {
	INDEXED = 0x80,
	REMEMBERED = 0x40, /* a literal that enters the table */
	RESIZING = 0x20,
	NEVER = 0x10,
};

/* ---- integers (5.1) ---- */

/* Behind a prefix of ones. What needs more than 32 bits, or is stretched beyond what they need, is refused.
 */
static bool integer_rest(struct reading *r, size_t prefix, size_t *out)
{
	uint64_t v = prefix;

	for (unsigned shift = 0; shift < 35 && r->p < r->end; shift += 7) {
		uint8_t byte = (uint8_t)*r->p++;

		v += (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*out = (size_t)v;
			return v <= UINT32_MAX;
		}
	}
	return false;
}

/* From a byte that is there. */
static inline bool integer_read(struct reading *r, size_t mask, size_t *out)
{
	*out = (uint8_t)*r->p++ & mask;
	return *out < mask || integer_rest(r, mask, out);
}

/* ---- strings (5.2) ---- */

static size_t room_left(const struct reading *r)
{
	return r->sink->list_max - r->used;
}

/* `n` bytes of the room have been asked for, and as many of them written as there are. */
static struct bw_str room_taken(struct reading *r, size_t n)
{
	struct bw_str s = bw_str_make(r->sink->room + r->used, n);

	r->clipped = r->clipped || n > room_left(r);
	r->used += n < room_left(r) ? n : room_left(r);
	return s;
}

/* What may leave the table before the list is used. */
static struct bw_str room_keep(struct reading *r, struct bw_str s)
{
	memcpy(r->sink->room + r->used, s.p, s.n < room_left(r) ? s.n : room_left(r));
	return room_taken(r, s.n);
}

static bool string_read(struct reading *r, struct bw_str *out)
{
	size_t n;
	bool coded = r->p < r->end && *r->p & 0x80;

	if (r->p == r->end || !integer_read(r, 0x7f, &n) || n > (size_t)(r->end - r->p))
		return false;
	*out = bw_str_make(r->p, n);
	r->p += n;
	if (!coded)
		return true;
	n = hpack_code_read(*out, r->sink->room + r->used, room_left(r));
	if (n == SIZE_MAX)
		return false;
	*out = room_taken(r, n);
	return true;
}

/* ---- fields ---- */

static size_t field_bytes(const struct bw_hpack_field *f)
{
	return f->name.n + f->value.n + BW_HPACK_FIELD_BYTES;
}

static bool list_takes(struct reading *r, size_t bytes)
{
	struct bw_hpack_sink *s = r->sink;

	if (s->too_large || bytes > s->list_max - s->list_bytes) {
		s->too_large = true;
		return false;
	}
	s->list_bytes += bytes;
	return true;
}

static void field_tell(struct reading *r, const struct bw_hpack_field *f)
{
	r->deaf = r->deaf || !r->sink->field(r->sink->ctx, f);
}

static bool indexed_read(struct reading *r)
{
	struct hpack_record record;
	struct bw_hpack_field f;
	size_t index;

	if (!integer_read(r, 0x7f, &index) || index == 0)
		return false;
	if (index <= STATIC_FIELDS) {
		f = hpack_static(index);
		if (list_takes(r, field_bytes(&f)))
			field_tell(r, &f);
		return true;
	}
	if (index - STATIC_FIELDS > hpack_table_count(r->table))
		return false;
	record = hpack_table_record(r->table, index - STATIC_FIELDS - 1);
	f = (struct bw_hpack_field){
	    hpack_record_name(r->table, record), hpack_record_value(r->table, record), false};
	if (list_takes(r, field_bytes(&f))) { /* so the room does: it is as large */
		f.name.p = room_keep(r, bw_str_make(f.name.p, f.name.n + f.value.n)).p;
		f.value.p = f.name.p + f.name.n;
		field_tell(r, &f);
	}
	return true;
}

static bool name_read(struct reading *r, size_t mask, struct bw_str *out)
{
	size_t index;

	if (!integer_read(r, mask, &index))
		return false;
	if (index == 0)
		return string_read(r, out);
	if (index <= STATIC_FIELDS) {
		*out = hpack_static(index).name;
		return true;
	}
	if (index - STATIC_FIELDS > hpack_table_count(r->table))
		return false;
	*out = room_keep(
	    r, hpack_record_name(r->table, hpack_table_record(r->table, index - STATIC_FIELDS - 1)));
	return true;
}

/* Without room the list is too large, for the room is as large as that. Then the field is read again, from
 * the room's beginning: if it is clipped there too, it is too large for the table, and nobody needs its
 * bytes. */
static bool literal_parts(struct reading *r, size_t mask, struct bw_hpack_field *f)
{
	const char *began = r->p;

	r->clipped = false;
	if (!name_read(r, mask, &f->name) || !string_read(r, &f->value))
		return false;
	if (!r->clipped || r->sink->too_large)
		return true;
	r->sink->too_large = true;
	r->used = 0;
	r->p = began;
	return literal_parts(r, mask, f);
}

static void table_enter(struct bw_hpack_table *t, const struct bw_hpack_field *f)
{
	char *to = hpack_table_add(t, f->name.n, f->value.n, 0);

	if (!to)
		return;
	memcpy(to, f->name.p, f->name.n);
	memcpy(to + f->name.n, f->value.p, f->value.n);
}

static bool literal_read(struct reading *r, size_t mask, bool enters, bool never)
{
	struct bw_hpack_field f = {.never = never};

	if (!literal_parts(r, mask, &f))
		return false;
	if (list_takes(r, field_bytes(&f)))
		field_tell(r, &f);
	if (enters)
		table_enter(r->table, &f);
	return true;
}

static bool field_read(struct reading *r)
{
	uint8_t byte = (uint8_t)*r->p;

	if (r->sink->too_large)
		r->used = 0;
	if (byte & INDEXED)
		return indexed_read(r);
	if (byte & REMEMBERED)
		return literal_read(r, REMEMBERED - 1, true, false);
	return !(byte & RESIZING) && literal_read(r, NEVER - 1, false, byte & NEVER);
}

/* The smallest size that the table had, and the last: never more of them, and nowhere else (4.2). */
static bool resizes_read(struct reading *r)
{
	size_t max;

	for (int i = 0; i < 2 && r->p < r->end && (*r->p & ~(RESIZING - 1) & 0xff) == RESIZING; i++) {
		if (!integer_read(r, RESIZING - 1, &max) || max > BW_HPACK_TABLE_BYTES)
			return false;
		hpack_table_resize(r->table, max);
	}
	return true;
}

void bw_hpack_decoder_init(struct bw_hpack_decoder *d)
{
	hpack_table_init(&d->table);
}

bool bw_hpack_decode(struct bw_hpack_decoder *d, struct bw_str block, struct bw_hpack_sink *sink)
{
	struct reading r = {.table = &d->table, .sink = sink, .p = block.p, .end = block.p};

	MUST(sink->list_max >= BW_HPACK_TABLE_BYTES);
	sink->list_bytes = 0;
	sink->too_large = false;
	if (block.n)
		r.end += block.n;
	if (!resizes_read(&r))
		return false;
	while (r.p < r.end)
		if (!field_read(&r))
			return false;
	return true;
}
