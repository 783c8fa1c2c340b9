#include <stdarg.h>
#include <stdio.h>

#include "base/lend.h"

/* Chunks double up to CHUNK_MAX; a larger wish gets a chunk of its own. */
enum { CHUNK_MIN = 4096, CHUNK_MAX = 256 * 1024 };

struct bw_arena_chunk {
	struct bw_arena_chunk *next;
	const struct bw_lender *lender; /* of all chunks of the arena; NULL: bw_realloc and bw_free */
	size_t size, used;              /* what is behind `used` is zero, but for a lender's */
	_Alignas(16) char data[];
};

void bw_arena_init(struct bw_arena *a, size_t limit_bytes)
{
	*a = (struct bw_arena){.limit_bytes = limit_bytes};
}

static void chunk_wipe(struct bw_arena_chunk *c)
{
	bw_wipe(c->data, c->used);
	c->used = 0;
}

static void chunks_free(struct bw_arena_chunk *c)
{
	while (c) {
		struct bw_arena_chunk *next = c->next;

		chunk_wipe(c);
		if (c->lender)
			c->lender->release(c->lender->ctx, c);
		else
			bw_free_wiped(c);
		c = next;
	}
}

void bw_arena_reset(struct bw_arena *a)
{
	struct bw_arena_chunk *keep = a->chunks;

	/* The newest chunk is the largest of the usual sizes: keeping it makes the next call's arena free of
	 * malloc. */
	if (keep && keep->size <= CHUNK_MAX) {
		chunks_free(keep->next);
		keep->next = NULL;
		chunk_wipe(keep);
	} else {
		chunks_free(keep);
		keep = NULL;
	}
	a->chunks = keep;
	a->used_bytes = 0;
	a->over = false;
}

void bw_arena_free(struct bw_arena *a)
{
	chunks_free(a->chunks);
	a->chunks = NULL;
	a->used_bytes = 0;
}

size_t bw_arena_bytes(const struct bw_arena *a)
{
	size_t n = 0;

	for (const struct bw_arena_chunk *c = a->chunks; c; c = c->next)
		n += sizeof *c + c->size;
	return n;
}

static struct bw_arena_chunk *chunk_add(struct bw_arena *a, size_t bytes, const struct bw_lender *lender)
{
	size_t size = a->chunks ? a->chunks->size * 2 : CHUNK_MIN;
	struct bw_arena_chunk *c;

	if (size > CHUNK_MAX)
		size = CHUNK_MAX;
	if (size < bytes)
		size = bytes;
	MUST(size <= SIZE_MAX - sizeof *c);
	c = lender ? lender->resize(lender->ctx, NULL, sizeof *c + size) : bw_alloc(sizeof *c + size);
	*c = (struct bw_arena_chunk){.next = a->chunks, .lender = lender, .size = size};
	a->chunks = c;
	return c;
}

void bw_arena_init_lent(struct bw_arena *a, size_t limit_bytes, const struct bw_lender *lender)
{
	bw_arena_init(a, limit_bytes);
	(void)chunk_add(a, 0, lender);
}

static size_t rounded(size_t bytes)
{
	size_t need = (bytes + 15) & ~(size_t)15;

	MUST(need >= bytes);
	return need;
}

/* There is room for `bytes`, a multiple of 16. */
static void *chunk_take(struct bw_arena *a, struct bw_arena_chunk *c, size_t bytes)
{
	void *p = c->data + c->used;

	c->used += bytes;
	a->used_bytes += bytes;
	if (a->used_bytes > a->limit_bytes)
		a->over = true;
	return p;
}

/* Zero, but for a lender's. `need` is a multiple of 16. */
static void *raw_take(struct bw_arena *a, size_t need)
{
	struct bw_arena_chunk *c = a->chunks;

	if (!c || c->size - c->used < need)
		c = chunk_add(a, need, c ? c->lender : NULL);
	return chunk_take(a, c, need);
}

void *bw_arena_alloc(struct bw_arena *a, size_t bytes)
{
	size_t need = rounded(bytes);
	void *p = raw_take(a, need);

	return a->chunks->lender ? memset(p, 0, need) : p;
}

void *bw_arena_alloc_array(struct bw_arena *a, size_t size, size_t count)
{
	size_t bytes;

	MUST(!__builtin_mul_overflow(size, count, &bytes));
	return bw_arena_alloc(a, bytes);
}

struct bw_str bw_arena_str(struct bw_arena *a, struct bw_str s)
{
	char *copy;

	if (!s.p)
		return s;
	copy = raw_take(a, rounded(s.n + 1));
	memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return bw_str_make(copy, s.n);
}

/* Into what is left of the newest chunk, for most texts fit there; else once more, into as much as it takes.
 */
struct bw_str bw_arena_printf(struct bw_arena *a, const char *fmt, ...)
{
	struct bw_arena_chunk *c = a->chunks;
	size_t room = c ? c->size - c->used : 0;
	char *text = c ? c->data + c->used : NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, room, fmt, args);
	va_end(args);
	MUST(n >= 0);
	if ((size_t)n < room) {
		(void)chunk_take(a, c, rounded((size_t)n + 1));
		return bw_str_make(text, (size_t)n);
	}
	bw_wipe(text, room);
	text = bw_arena_alloc(a, (size_t)n + 1);
	va_start(args, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, args);
	va_end(args);
	return bw_str_make(text, (size_t)n);
}

struct bw_str bw_arena_join(struct bw_arena *a, const struct bw_str *parts, size_t n)
{
	size_t bytes = 0;
	char *text, *at;

	for (size_t i = 0; i < n; i++)
		bytes += parts[i].n;
	at = text = bw_arena_alloc(a, bytes + 1);
	for (size_t i = 0; i < n; i++)
		if (parts[i].n) {
			memcpy(at, parts[i].p, parts[i].n);
			at += parts[i].n;
		}
	return bw_str_make(text, bytes);
}

struct bw_str bw_arena_lower(struct bw_arena *a, struct bw_str s)
{
	char *copy = raw_take(a, rounded(s.n + 1));

	copy[s.n] = '\0';
	for (size_t i = 0; i < s.n; i++)
		copy[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]);
	return bw_str_make(copy, s.n);
}
