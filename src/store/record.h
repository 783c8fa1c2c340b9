/* Stored records: a plain struct and a table of its fields with numbers that are never reused, so that old records
 * stay readable: an unknown number is skipped, an absent one leaves the field zero. */
#pragma once

#include "base/buf.h"

enum bw_field_kind {
	BW_FIELD_STR,  /* struct bw_str; absent stays absent */
	BW_FIELD_I64,  /* int64_t */
	BW_FIELD_BOOL, /* bool */
	BW_FIELD_STRS, /* struct bw_strs */
	BW_FIELD_PAIRS, /* struct bw_pairs */
};

struct bw_strs {
	size_t n;
	struct bw_str *v;
};

struct bw_pair {
	struct bw_str key, value;
};

/* Ordered string pairs: tags, inline policies (name, document), policy versions ... */
struct bw_pairs {
	size_t n;
	struct bw_pair *v;
};

struct bw_field {
	uint16_t number;
	uint8_t kind;
	uint32_t offset;
};

struct bw_record {
	const char *kind; /* the fourth part of its keys */
	size_t size;
	const struct bw_field *fields;
	size_t field_count;
};

#define BW_FIELD(number, kind, type, member) {(number), BW_FIELD_##kind, offsetof(type, member)}
#define BW_RECORD(kind, type, table) {(kind), sizeof(type), (table), BW_COUNT(table)}

/* Appends; the table's numbers ascend, or it panics. A full buffer is told by out->failed. */
void bw_record_encode(const struct bw_record *r, const void *from, struct bw_buf *out);
/* Slices point into `bytes`; lists into the arena. `to` is zeroed first. BW_ECORRUPT on any malformation. */
BW_CHECKED enum bw_err bw_record_decode(const struct bw_record *r, struct bw_str bytes, struct bw_arena *arena, void *to);

/* Small edits of lists, keeping order. What adds or sets goes into fresh arena memory and leaves a list that was copied
 * before as it was; what removes closes the gap in place. Texts are borrowed, not copied. */
bool bw_strs_has(const struct bw_strs *s, struct bw_str v);
void bw_strs_add(struct bw_strs *s, struct bw_arena *arena, struct bw_str v);
/* False when it was not there. */
bool bw_strs_remove(struct bw_strs *s, struct bw_str v);
/* NULL when absent; exact key, or ASCII case-insensitive. */
struct bw_pair *bw_pairs_find(const struct bw_pairs *p, struct bw_str key);
struct bw_pair *bw_pairs_find_nocase(const struct bw_pairs *p, struct bw_str key);
/* Replaces the value of an equal key, else appends. */
void bw_pairs_set(struct bw_pairs *p, struct bw_arena *arena, struct bw_str key, struct bw_str value);
bool bw_pairs_remove(struct bw_pairs *p, struct bw_str key);
