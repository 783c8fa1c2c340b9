/* The encoding of records. One format byte, then the fields that are not zero, in ascending order of their
 *numbers:
 *
 *	number 2 | kind 1 | length 4 | that many bytes
 *
 * A text is its bytes; an integer 8 bytes; a boolean the byte 1; a list its count (4) and then its texts, a
 *pair being two of them, each with its length (4) in front, NONE meaning absent. All integers are big-endian.
 *A record has exactly one encoding: zeroes, empty lists, fields out of order and bytes left over are refused.
 */
#include "store/record.h"

#include "codec/packed.h"

enum { FORMAT = 1, HEAD = 7 };

static void put_strs(struct bw_buf *out, const struct bw_strs *s)
{
	MUST(s->n < BW_PACKED_NONE);
	bw_packed_put_uint(out, s->n, 4);
	for (size_t i = 0; i < s->n; i++)
		bw_packed_put_text(out, s->v[i]);
}

static void put_pairs(struct bw_buf *out, const struct bw_pairs *s)
{
	MUST(s->n < BW_PACKED_NONE);
	bw_packed_put_uint(out, s->n, 4);
	for (size_t i = 0; i < s->n; i++) {
		bw_packed_put_text(out, s->v[i].key);
		bw_packed_put_text(out, s->v[i].value);
	}
}

/* Zero fields are not written. */
static bool field_is_zero(const struct bw_field *f, const void *at)
{
	switch (f->kind) {
	case BW_FIELD_STR:
		return !bw_str_set(*(const struct bw_str *)at);
	case BW_FIELD_I64:
		return *(const int64_t *)at == 0;
	case BW_FIELD_BOOL:
		return !*(const bool *)at;
	case BW_FIELD_STRS:
		return ((const struct bw_strs *)at)->n == 0;
	case BW_FIELD_PAIRS:
		return ((const struct bw_pairs *)at)->n == 0;
	}
	bw_panic(__FILE__, __LINE__, "a record's field has no known kind");
}

static void put_value(struct bw_buf *out, const struct bw_field *f, const void *at)
{
	switch (f->kind) {
	case BW_FIELD_STR:
		bw_buf_put(out, *(const struct bw_str *)at);
		break;
	case BW_FIELD_I64:
		bw_packed_put_uint(out, (uint64_t) * (const int64_t *)at, 8);
		break;
	case BW_FIELD_BOOL:
		bw_buf_put_c(out, 1);
		break;
	case BW_FIELD_STRS:
		put_strs(out, at);
		break;
	case BW_FIELD_PAIRS:
		put_pairs(out, at);
		break;
	}
}

/* The length is known only behind the value, so its four bytes are filled in afterwards. */
static void put_field(struct bw_buf *out, const struct bw_field *f, const void *at)
{
	size_t start, n;

	bw_packed_put_uint(out, f->number, 2);
	bw_packed_put_uint(out, f->kind, 1);
	bw_packed_put_uint(out, 0, 4);
	start = out->n;
	put_value(out, f, at);
	if (out->failed)
		return;
	n = out->n - start;
	MUST(n < BW_PACKED_NONE);
	for (size_t i = 0; i < 4; i++)
		out->p[start - 4 + i] = (char)(n >> 8 * (3 - i) & 255);
}

void bw_record_encode(const struct bw_record *r, const void *from, struct bw_buf *out)
{
	int before = -1;

	bw_buf_put_c(out, FORMAT);
	for (size_t i = 0; i < r->field_count; i++) {
		const struct bw_field *f = &r->fields[i];
		const void *at = (const char *)from + f->offset;

		MUST(f->number > before);
		before = f->number;
		if (!field_is_zero(f, at))
			put_field(out, f, at);
	}
}

/* A count whose items can be there, each being at least `least` bytes: so that a lie allocates no more than
 * the bytes it came in are worth. */
static enum bw_err take_count(struct bw_str *from, size_t least, size_t *out)
{
	uint64_t n;

	TRY(bw_packed_take_uint(from, 4, &n));
	CHECK(n > 0 && n <= from->n / least, BW_ECORRUPT);
	*out = n;
	return BW_OK;
}

static enum bw_err take_strs(struct bw_str *from, struct bw_arena *arena, struct bw_strs *out)
{
	size_t n;

	TRY(take_count(from, 4, &n));
	*out = (struct bw_strs){n, BW_NEW_ARRAY(arena, struct bw_str, n)};
	for (size_t i = 0; i < n; i++)
		TRY(bw_packed_take_text(from, &out->v[i]));
	return BW_OK;
}

static enum bw_err take_pairs(struct bw_str *from, struct bw_arena *arena, struct bw_pairs *out)
{
	size_t n;

	TRY(take_count(from, 8, &n));
	*out = (struct bw_pairs){n, BW_NEW_ARRAY(arena, struct bw_pair, n)};
	for (size_t i = 0; i < n; i++) {
		TRY(bw_packed_take_text(from, &out->v[i].key));
		TRY(bw_packed_take_text(from, &out->v[i].value));
	}
	return BW_OK;
}

static enum bw_err take_i64(struct bw_str *from, int64_t *out)
{
	uint64_t v;

	TRY(bw_packed_take_uint(from, 8, &v));
	CHECK(v != 0, BW_ECORRUPT);
	*out = (int64_t)v;
	return BW_OK;
}

static enum bw_err take_bool(struct bw_str *from, bool *out)
{
	uint64_t v;

	TRY(bw_packed_take_uint(from, 1, &v));
	CHECK(v == 1, BW_ECORRUPT);
	*out = true;
	return BW_OK;
}

static enum bw_err take_value(struct bw_str from, uint8_t kind, struct bw_arena *arena, void *at)
{
	switch (kind) {
	case BW_FIELD_STR:
		*(struct bw_str *)at = from;
		return BW_OK;
	case BW_FIELD_I64:
		TRY(take_i64(&from, at));
		break;
	case BW_FIELD_BOOL:
		TRY(take_bool(&from, at));
		break;
	case BW_FIELD_STRS:
		TRY(take_strs(&from, arena, at));
		break;
	case BW_FIELD_PAIRS:
		TRY(take_pairs(&from, arena, at));
		break;
	}
	return from.n == 0 ? BW_OK : BW_ECORRUPT;
}

/* The description of a field number, searched from `*next` on, because both sides ascend; NULL when unknown.
 */
static const struct bw_field *field_find(const struct bw_record *r, uint64_t number, size_t *next)
{
	while (*next < r->field_count && r->fields[*next].number < number)
		++*next;
	return *next < r->field_count && r->fields[*next].number == number ? &r->fields[*next] : NULL;
}

static enum bw_err take_field(const struct bw_record *r, struct bw_str *from, struct bw_arena *arena,
    void *to, int64_t *before, size_t *next)
{
	uint64_t number, kind, n;
	const struct bw_field *f;
	struct bw_str value;

	TRY(bw_packed_take_uint(from, 2, &number));
	TRY(bw_packed_take_uint(from, 1, &kind));
	TRY(bw_packed_take_uint(from, 4, &n));
	TRY(bw_packed_take(from, n, &value));
	CHECK((int64_t)number > *before, BW_ECORRUPT);
	*before = (int64_t)number;
	f = field_find(r, number, next);
	if (!f)
		return BW_OK;
	CHECK(f->kind == kind, BW_ECORRUPT);
	return take_value(value, f->kind, arena, (char *)to + f->offset);
}

enum bw_err bw_record_decode(const struct bw_record *r, struct bw_str bytes, struct bw_arena *arena, void *to)
{
	uint64_t format;
	int64_t before = -1;
	size_t next = 0;

	memset(to, 0, r->size);
	TRY(bw_packed_take_uint(&bytes, 1, &format));
	CHECK(format == FORMAT, BW_ECORRUPT);
	while (bytes.n)
		TRY(take_field(r, &bytes, arena, to, &before, &next));
	return BW_OK;
}

bool bw_strs_has(const struct bw_strs *s, struct bw_str v)
{
	for (size_t i = 0; i < s->n; i++)
		if (bw_str_eq(s->v[i], v))
			return true;
	return false;
}

/* The items of an array with one more place behind them, in fresh memory. */
static void *grown(struct bw_arena *arena, const void *items, size_t n, size_t size)
{
	void *v = bw_arena_alloc_array(arena, size, n + 1);

	if (n)
		memcpy(v, items, n * size);
	return v;
}

void bw_strs_add(struct bw_strs *s, struct bw_arena *arena, struct bw_str v)
{
	s->v = grown(arena, s->v, s->n, sizeof *s->v);
	s->v[s->n++] = v;
}

bool bw_strs_remove(struct bw_strs *s, struct bw_str v)
{
	for (size_t i = 0; i < s->n; i++)
		if (bw_str_eq(s->v[i], v)) {
			memmove(s->v + i, s->v + i + 1, (s->n - i - 1) * sizeof *s->v);
			s->n--;
			return true;
		}
	return false;
}

struct bw_pair *bw_pairs_find(const struct bw_pairs *p, struct bw_str key)
{
	for (size_t i = 0; i < p->n; i++)
		if (bw_str_eq(p->v[i].key, key))
			return &p->v[i];
	return NULL;
}

struct bw_pair *bw_pairs_find_nocase(const struct bw_pairs *p, struct bw_str key)
{
	for (size_t i = 0; i < p->n; i++)
		if (bw_str_eq_nocase(p->v[i].key, key))
			return &p->v[i];
	return NULL;
}

/* An equal key is replaced in a copy of the list as well: a struct copied before keeps its view. */
void bw_pairs_set(struct bw_pairs *p, struct bw_arena *arena, struct bw_str key, struct bw_str value)
{
	struct bw_pair *old;

	p->v = grown(arena, p->v, p->n, sizeof *p->v);
	old = bw_pairs_find(p, key);
	if (old)
		old->value = value;
	else
		p->v[p->n++] = (struct bw_pair){key, value};
}

bool bw_pairs_remove(struct bw_pairs *p, struct bw_str key)
{
	struct bw_pair *old = bw_pairs_find(p, key);

	if (!old)
		return false;
	memmove(old, old + 1, (size_t)(p->v + p->n - old - 1) * sizeof *old);
	p->n--;
	return true;
}
