/* Patterns against texts, in time linear in the text whatever the pattern. Between two '*' stands a run of
 * literals,
 * '?' and variables; each run is looked for once, from where the one before it was found, and never again. */
#include "codec/utf8.h"
#include "policy/form.h"

static struct bw_str piece_text(const struct piece *p, struct scope *scope)
{
	const struct bw_context_key *key;

	if (p->kind == PIECE_TEXT)
		return bw_str_make(block_at(scope->policy, p->at), p->count);
	key = context_find(scope, p->count);
	/* IAM User Guide, "Single-valued vs. multivalued context keys": multivalued keys cannot be variables.
	 */
	return key && key->count == 1 && !key->multi ? key->values[0] : text_at(scope->policy, p->at);
}

struct run {
	const struct piece *pieces;
	size_t count;
	struct scope *scope;
};

/* Bytes of the character at `at`; a byte that begins none counts as one. */
static size_t character_size(struct bw_str text, size_t at)
{
	uint32_t code;
	size_t n = bw_utf8_decode(text, at, &code);

	return n ? n : 1;
}

static bool is_continuation(struct bw_str text, size_t at)
{
	return ((unsigned char)text.p[at] & 0xc0) == 0x80;
}

/* Bytes of the character that ends before `end`. */
static size_t character_size_before(struct bw_str text, size_t end)
{
	size_t n = 1;

	while (n < 4 && n < end && is_continuation(text, end - n))
		n++;
	return character_size(bw_str_sub(text, 0, end), end - n) == n ? n : 1;
}

/* Does the run stand at `from`, which is in the text or at its end? `*end` is where it stops. */
static bool run_at(const struct run *run, struct bw_str text, size_t from, size_t *end)
{
	for (size_t i = 0; i < run->count; i++) {
		struct bw_str want;

		if (run->pieces[i].kind == PIECE_ONE) {
			if (from == text.n)
				return false;
			from += character_size(text, from);
			continue;
		}
		want = piece_text(&run->pieces[i], run->scope);
		if (!bw_str_set(want) || want.n > text.n - from || !bytes_same(text.p + from, want.p, want.n))
			return false;
		from += want.n;
	}
	*end = from;
	return true;
}

/* Does the run stand right before `end`? `*from` is where it begins. */
static bool run_before(const struct run *run, struct bw_str text, size_t end, size_t *from)
{
	for (size_t i = run->count; i-- > 0;) {
		struct bw_str want;

		if (run->pieces[i].kind == PIECE_ONE) {
			if (end == 0)
				return false;
			end -= character_size_before(text, end);
			continue;
		}
		want = piece_text(&run->pieces[i], run->scope);
		if (want.n > end || !bw_str_eq(bw_str_sub(text, end - want.n, want.n), want))
			return false;
		end -= want.n;
	}
	*from = end;
	return true;
}

/* 16 places at once: a run of m bytes is looked for in n bytes with n*m/16 small steps and no memory. */
enum { BLOCK = 16 };
typedef unsigned char block __attribute__((vector_size(BLOCK)));

static bool block_is_zero(block b)
{
	uint64_t words[BLOCK / 8];

	memcpy(words, &b, sizeof words);
	return (words[0] | words[1]) == 0;
}

/* Which of the places at[0] ... at[15] begin the run. The caller has seen that the last of them leaves room
 * for it. */
static block run_places(const struct run *run, const char *at)
{
	block alive = ~(block){0}, here;

	for (size_t i = 0; i < run->count; i++) {
		struct bw_str want;

		if (run->pieces[i].kind == PIECE_ONE) {
			at++;
			continue;
		}
		want = piece_text(&run->pieces[i], run->scope);
		for (size_t j = 0; j < want.n; j++) {
			memcpy(&here, at++, sizeof here);
			alive &= (block)(here == (unsigned char)want.p[j]);
			if (block_is_zero(alive))
				return alive;
		}
	}
	return alive;
}

static size_t run_size(const struct run *run)
{
	size_t n = 0;

	for (size_t i = 0; i < run->count; i++)
		n += run->pieces[i].kind == PIECE_ONE ? 1 : piece_text(&run->pieces[i], run->scope).n;
	return n;
}

/* Looks place by place: for the few last places, and for '?' in texts that are not ASCII. */
static bool run_find_slowly(const struct run *run, struct bw_str text, size_t from, size_t last, size_t *end)
{
	for (; from <= last; from++) {
		/* A character is not entered in its middle. */
		if (from < text.n && is_continuation(text, from))
			continue;
		if (run_at(run, text, from, end))
			return true;
	}
	return false;
}

static bool run_find(const struct run *run, struct bw_str text, size_t from, bool wide, size_t *end)
{
	size_t size, last;

	if (run->count == 1 && run->pieces[0].kind == PIECE_TEXT) {
		struct bw_str want = piece_text(&run->pieces[0], run->scope);
		const char *hit = memmem(text.p + from, text.n - from, want.p, want.n);

		*end = hit ? (size_t)(hit - text.p) + want.n : 0;
		return hit != NULL;
	}
	if (wide)
		return run_find_slowly(run, text, from, text.n, end);
	size = run_size(run);
	if (size > text.n - from)
		return false;
	last = text.n - size;
	while (last - from >= BLOCK - 1) {
		block places = run_places(run, text.p + from);

		for (size_t i = 0; !block_is_zero(places) && i < BLOCK; i++)
			if (places[i]) {
				*end = from + i + size;
				return true;
			}
		from += BLOCK;
		if (from > last)
			return false;
		/* The last block overlaps the one before rather than reaching past the end. */
		if (last - from < BLOCK - 1)
			from = last - (BLOCK - 1);
	}
	return run_find_slowly(run, text, from, last, end);
}

static bool is_ascii(struct bw_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] >= 0x80)
			return false;
	return true;
}

/* The run from `from`, of `count` pieces in all. */
static struct run run_from(const struct piece *pieces, size_t count, size_t from, struct scope *scope)
{
	size_t n = 0;

	while (from + n < count && pieces[from + n].kind != PIECE_ANY)
		n++;
	return (struct run){pieces + from, n, scope};
}

static bool variables_resolve(const struct piece *pieces, size_t count, struct scope *scope)
{
	for (size_t i = 0; i < count; i++)
		if (pieces[i].kind == PIECE_VARIABLE && !bw_str_set(piece_text(&pieces[i], scope)))
			return false;
	return true;
}

bool pieces_match(const struct pattern *p, struct bw_str text, struct scope *scope)
{
	const struct piece *pieces = block_at(scope->policy, p->at);
	size_t at, next, count = p->count, tail = count, end;
	struct run run;
	bool wide;

	if (!bw_str_set(text))
		text = BW_STR("");
	run = run_from(pieces, count, 0, scope);
	next = run.count;
	if (!run_at(&run, text, 0, &at))
		return false;
	if (next == count)
		return at == text.n;
	if (p->has_variables && !variables_resolve(pieces + next, count - next, scope))
		return false;
	while (pieces[tail - 1].kind != PIECE_ANY)
		tail--;
	run = run_from(pieces, count, tail, scope);
	if (!run_before(&run, text, text.n, &end) || end < at)
		return false;
	wide = p->has_ones && !is_ascii(text);
	text = bw_str_sub(text, 0, end);
	for (next++; next < tail; next += run.count + 1) {
		run = run_from(pieces, count, next, scope);
		if (run.count && !run_find(&run, text, at, wide, &at))
			return false;
	}
	return true;
}

bool pattern_match_nocase(const struct pattern *p, struct bw_str text, struct scope *scope)
{
	const struct piece *pieces = block_at(scope->policy, p->at);
	size_t at = 0;

	if (p->shape == PATTERN_EXACT)
		return p->count == text.n &&
		       bytes_same_nocase(text.p, block_at(scope->policy, p->at), text.n);
	if (!variables_resolve(pieces, p->count, scope))
		return false;
	for (size_t i = 0; i < p->count; i++) {
		struct bw_str want = piece_text(&pieces[i], scope);

		if (!bw_str_eq_nocase(bw_str_sub(text, at, want.n), want))
			return false;
		at += want.n;
	}
	return at == text.n;
}

static bool arn_text_cut(struct arn_text *t)
{
	const char *from = t->whole.p, *end;

	if (t->is_arn != ARN_UNKNOWN || !from)
		return t->is_arn == ARN_YES;
	t->is_arn = ARN_NO;
	end = from + t->whole.n;
	for (size_t i = 0; i < ARN_PARTS - 1; i++) {
		const char *colon = from;

		while (colon != end && *colon != ':')
			colon++;
		if (colon == end)
			return false;
		t->parts[i] = bw_str_make(from, (size_t)(colon - from));
		from = colon + 1;
	}
	t->parts[ARN_PARTS - 1] = bw_str_make(from, (size_t)(end - from));
	t->is_arn = ARN_YES;
	return true;
}

/* An EXACT or PREFIX pattern's bytes at the front of the text. */
static inline bool literal_starts(const struct pattern *p, struct bw_str text, const struct scope *scope)
{
	return text.n >= p->count && bytes_same(text.p, block_at(scope->policy, p->at), p->count);
}

bool arn_match(const struct arn_pattern *p, struct arn_text *text, struct scope *scope)
{
	const struct pattern *part;

	if (p->shape == ARN_WHOLE)
		return pattern_match(&p->whole, text->whole, scope);
	if (p->shape != ARN_SPLIT)
		return p->shape == ARN_ALL;
	if (!literal_starts(&p->whole, text->whole, scope) || !arn_text_cut(text))
		return false;
	/* Literal parts first: they are cheap, and an account refuses most. */
	part = block_at(scope->policy, p->parts);
	for (unsigned left = p->literal_parts; left; left &= left - 1, part++) {
		struct bw_str t = text->parts[__builtin_ctz(left)];

		if (t.n != part->count || !literal_starts(part, t, scope))
			return false;
	}
	for (unsigned left = p->open_parts; left; left &= left - 1, part++)
		if (!pattern_match(part, text->parts[__builtin_ctz(left)], scope))
			return false;
	return true;
}
