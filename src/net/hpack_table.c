/* Dynamic tables (RFC 7541 2.3.2, 4). */
#include "net/hpack_table.h"

void hpack_table_init(struct bw_hpack_table *t)
{
	t->size = t->end = t->born = t->gone = t->before = 0; /* nothing else is looked at */
	t->max = BW_HPACK_TABLE_BYTES;
}

static size_t record_size(struct hpack_record r)
{
	return (size_t)r.name_n + r.value_n + BW_HPACK_FIELD_BYTES;
}

static void table_shrink(struct bw_hpack_table *t, size_t to)
{
	while (t->size > to) {
		t->size = (uint16_t)(t->size - record_size(hpack_table_record(t, hpack_table_count(t) - 1)));
		t->gone++;
	}
}

void hpack_table_resize(struct bw_hpack_table *t, size_t max)
{
	t->max = (uint16_t)max;
	table_shrink(t, max);
}

static void record_put(struct bw_hpack_table *t, size_t number, struct hpack_record r)
{
	memcpy(t->bytes + BW_HPACK_TABLE_BYTES - RECORD_BYTES * (number + 1), &r, RECORD_BYTES);
}

/* Strings to the front and records to the back, from where those lay that have gone. That happens once in
 * many fields, when they are short as fields are: for each, three quarters of its 32 bytes are room to spare.
 */
static void table_gather(struct bw_hpack_table *t)
{
	size_t count = hpack_table_count(t);
	uint16_t from = count ? hpack_table_record(t, count - 1).at : t->end;

	memmove(t->bytes, t->bytes + from, (size_t)t->end - from);
	t->end = (uint16_t)(t->end - from);
	for (size_t i = 0; i < count; i++) {
		struct hpack_record r = hpack_table_record(t, count - 1 - i);

		r.at = (uint16_t)(r.at - from);
		record_put(t, i, r);
	}
	t->before = (uint16_t)(t->before + t->gone);
	t->born = (uint16_t)count;
	t->gone = 0;
}

char *hpack_table_add(struct bw_hpack_table *t, size_t name_n, size_t value_n, size_t back)
{
	size_t n = name_n + value_n;
	uint16_t at;

	if (n + BW_HPACK_FIELD_BYTES > t->max) {
		table_shrink(t, 0);
		return NULL;
	}
	table_shrink(t, t->max - n - BW_HPACK_FIELD_BYTES);
	if (t->end + n + RECORD_BYTES * (t->born + 1u) > BW_HPACK_TABLE_BYTES)
		table_gather(t);
	at = t->end;
	record_put(
	    t, t->born++, (struct hpack_record){at, (uint16_t)name_n, (uint16_t)value_n, (uint16_t)back});
	t->end = (uint16_t)(at + n);
	t->size = (uint16_t)(t->size + n + BW_HPACK_FIELD_BYTES);
	return t->bytes + at;
}
