/* What hpack_decode.c and hpack_encode.c share: the two tables of RFC 7541 2.3 and its string code. Private
 * to them. */
#pragma once

#include "net/hpack.h"

enum {
	STATIC_FIELDS = 61,
	RECORD_BYTES = 8,
	CODE_LONGEST =
	    30, /* bits of a symbol's code, at most: a string is at most 30/8 of what it stands for */
};

/* ---- the static table (appendix A) ---- */

/* `index` is 1 to STATIC_FIELDS. */
struct bw_hpack_field hpack_static(size_t index);
/* Where the name stands first, whatever the case of `name`, whose hash this is; 0: nowhere. */
size_t hpack_static_find(struct bw_str name, uint64_t hash);
/* Of a name, whatever its case. Nothing secret: equal hashes cost a peer's own time, and bounded. */
uint64_t hpack_name_hash(struct bw_str name);
/* Whether a name, whatever its case, is this one, which has no capitals. */
bool hpack_name_is(struct bw_str lower, struct bw_str name);
/* Writes a name without capitals. */
void hpack_lower(struct bw_str name, char *to);

/* ---- a dynamic table ---- */

struct hpack_record {
	uint16_t at, name_n, value_n;
	uint16_t back; /* the encoder's: how many records before this one its hash came last; 0: never */
};
_Static_assert(sizeof(struct hpack_record) == RECORD_BYTES, "it has 8 of the 32 bytes that a field counts");

static inline size_t hpack_table_count(const struct bw_hpack_table *t)
{
	return (size_t)t->born - t->gone;
}

/* The newest has age 0. */
static inline struct hpack_record hpack_table_record(const struct bw_hpack_table *t, size_t age)
{
	struct hpack_record r;

	memcpy(&r, t->bytes + BW_HPACK_TABLE_BYTES - RECORD_BYTES * (t->born - age), RECORD_BYTES);
	return r;
}

static inline struct bw_str hpack_record_name(const struct bw_hpack_table *t, struct hpack_record r)
{
	return bw_str_make(t->bytes + r.at, r.name_n);
}

static inline struct bw_str hpack_record_value(const struct bw_hpack_table *t, struct hpack_record r)
{
	return bw_str_make(t->bytes + r.at + r.name_n, r.value_n);
}

void hpack_table_init(struct bw_hpack_table *t);
/* At most BW_HPACK_TABLE_BYTES. */
void hpack_table_resize(struct bw_hpack_table *t, size_t max);
/* Makes room for a field, its oldest go (4.4). Returns where the name's bytes have to be put, and the value's
 * behind them; NULL: it is larger than the table, which is empty now. Names and values that were looked at
 * before may have moved. */
char *hpack_table_add(struct bw_hpack_table *t, size_t name_n, size_t value_n, size_t back);

/* ---- strings (5.2, appendix B) ---- */

/* The bytes a string's code has. */
size_t hpack_code_length(struct bw_str s);
/* Writes as many. */
void hpack_code_put(struct bw_str s, char *to);
/* The length of what the code stands for, of which no more than `room` bytes are written; SIZE_MAX: it is no
 * code. */
size_t hpack_code_read(struct bw_str code, char *to, size_t room);
