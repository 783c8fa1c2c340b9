#include "base/slab.h"

#include "base/sanitizer.h"
#include "base/sparse.h"

/* A sheet begins at a multiple of its usual size, so that a piece's address tells its sheet. What is too
 * large for a class has a sheet of its own. */
enum { SHEET_BYTES = 64 * 1024, ALONE = BW_SLAB_CLASSES, COLOURS = 16, COLOUR_BYTES = 64, FULL = BW_SLAB_FILLS, PAGE = 4096 };

static const uint16_t class_bytes[BW_SLAB_CLASSES] = {
    32, 48, 64, 80, 96, 128, 192, 256, 320, 384, 512, 768, 1024, 2048, 3072, 4096};

struct bw_slab_sheet {
	struct bw_slab_sheet *next, **prev; /* among those as full that have a piece to give */
	struct piece *pieces;               /* given back, newest first */
	size_t piece_bytes, fresh;          /* fresh: where those begin that were never out */
	uint32_t out, count;                /* count: of pieces, out or not */
	uint32_t class, fill;               /* fill: FULL of a sheet that has none to give, and of one of one piece */
	_Alignas(16) char data[];
};

struct piece {
	struct piece *next;
};

/* What all sheets had at their very beginning would lie in the same few lines of a cache, and they would drive each other out of it
 * at each piece that comes and goes: so they begin a little further, each some lines from the one beside it. */
static size_t colour_bytes(uintptr_t begin)
{
	return begin / SHEET_BYTES % COLOURS * COLOUR_BYTES;
}

static struct bw_slab_sheet *sheet_of(const void *p)
{
	uintptr_t begin = (uintptr_t)p & ~(uintptr_t)(SHEET_BYTES - 1);

	return (struct bw_slab_sheet *)(begin + colour_bytes(begin));
}

static void *begin_of(const struct bw_slab_sheet *t)
{
	return (void *)((uintptr_t)t & ~(uintptr_t)(SHEET_BYTES - 1));
}

/* Of a sheet of pieces, behind its head. */
static size_t room_bytes(const struct bw_slab_sheet *t)
{
	return (size_t)((char *)begin_of(t) + SHEET_BYTES - t->data);
}

/* What it takes of the system's memory. */
static size_t sheet_bytes(const struct bw_slab_sheet *t)
{
	return t->class == ALONE ? (COLOURS * COLOUR_BYTES + sizeof *t + t->piece_bytes + PAGE - 1) & ~(size_t)(PAGE - 1)
	                         : SHEET_BYTES;
}

static void sheet_link(struct bw_slab *s, struct bw_slab_sheet *t)
{
	struct bw_slab_sheet **first = &s->open[t->class][t->fill];

	t->next = *first;
	t->prev = first;
	if (*first)
		(*first)->prev = &t->next;
	*first = t;
}

static void sheet_unlink(struct bw_slab_sheet *t)
{
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
}

/* Moves it to those that are as full as it is by now. */
static void sheet_sort(struct bw_slab *s, struct bw_slab_sheet *t)
{
	/* This is out * FILLS / count != fill without dividing. */
	if (t->out * BW_SLAB_FILLS - t->fill * t->count < t->count)
		return;
	if (t->fill != FULL)
		sheet_unlink(t);
	t->fill = t->out * BW_SLAB_FILLS / t->count;
	if (t->fill != FULL)
		sheet_link(s, t);
}

static struct bw_slab_sheet *sheet_new(struct bw_slab *s, uint32_t class, size_t piece_bytes)
{
	struct bw_slab_sheet head = {.piece_bytes = piece_bytes, .class = class, .fill = FULL}, *t;
	size_t n;

	MUST(piece_bytes < SIZE_MAX / 2);
	n = sheet_bytes(&head);
	t = sheet_of(bw_sparse_aligned(n, SHEET_BYTES));
	*t = head;
	s->sheet_bytes += n;
	return t;
}

static void sheet_free(struct bw_slab *s, struct bw_slab_sheet *t)
{
	size_t n = sheet_bytes(t);

	s->sheet_bytes -= n;
	ASAN_UNPOISON_MEMORY_REGION(t->data, t->class == ALONE ? t->piece_bytes : room_bytes(t));
	bw_wipe(t->data, t->class == ALONE ? t->piece_bytes : t->fresh);
	bw_sparse_free(begin_of(t), n);
}

/* One of whose pieces none is out, and which is in no list. */
static void sheet_drop(struct bw_slab *s, struct bw_slab_sheet *t)
{
	if (s->spare_count == BW_SLAB_SPARES) {
		sheet_free(s, t);
		return;
	}
	t->next = s->spare;
	s->spare = t;
	s->spare_count++;
}

static struct bw_slab_sheet *spare_take(struct bw_slab *s)
{
	struct bw_slab_sheet *t = s->spare;

	if (t) {
		s->spare = t->next;
		s->spare_count--;
	}
	return t;
}

/* The fullest that has a piece to give: so those that few are left of are left alone, become empty, and go back. */
static struct bw_slab_sheet *sheet_open(const struct bw_slab *s, uint32_t class)
{
	for (size_t fill = FULL; fill-- > 0;)
		if (s->open[class][fill])
			return s->open[class][fill];
	return NULL;
}

void bw_slab_free(struct bw_slab *s)
{
	for (uint32_t i = 0; i < BW_SLAB_CLASSES; i++)
		for (struct bw_slab_sheet *t; (t = sheet_open(s, i)) != NULL;) {
			sheet_unlink(t);
			sheet_free(s, t);
		}
	for (struct bw_slab_sheet *t; (t = spare_take(s)) != NULL;)
		sheet_free(s, t);
}

static uint32_t class_of(size_t bytes)
{
	/* Of sizes up to 512, by how many times 16 they are. */
	static const uint8_t small[] = {0, 0, 0, 1, 2, 3, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 8, 8, 8, 8, 9, 9,
	    9, 9, 10, 10, 10, 10, 10, 10, 10, 10};
	uint32_t class = small[BW_COUNT(small) - 1] + 1u;

	if (bytes <= 512)
		return small[(bytes + 15) / 16];
	while (class < BW_SLAB_CLASSES && class_bytes[class] < bytes)
		class ++;
	return class;
}

/* Of a sheet that has one. */
static void *piece_take(struct bw_slab_sheet *t)
{
	struct piece *p = t->pieces;

	if (p) {
		ASAN_UNPOISON_MEMORY_REGION(p, t->piece_bytes);
		t->pieces = p->next;
		__builtin_prefetch(t->pieces, 1); /* the next one to be taken, which may have been out long ago */
	} else {
		p = (struct piece *)(void *)(t->data + t->fresh);
		t->fresh += t->piece_bytes;
	}
	t->out++;
	return p;
}

static struct bw_slab_sheet *sheet_begin(struct bw_slab *s, uint32_t class)
{
	struct bw_slab_sheet *t = spare_take(s);

	if (t) {
		ASAN_UNPOISON_MEMORY_REGION(t->data, room_bytes(t));
		*t = (struct bw_slab_sheet){.piece_bytes = class_bytes[class], .class = class};
	} else {
		t = sheet_new(s, class, class_bytes[class]);
	}
	t->count = (uint32_t)(room_bytes(t) / t->piece_bytes);
	t->fill = 0;
	sheet_link(s, t);
	return t;
}

void *bw_slab_take(struct bw_slab *s, size_t bytes)
{
	uint32_t class = class_of(bytes);
	struct bw_slab_sheet *t;
	void *p;

	if (class == ALONE) {
		t = sheet_new(s, ALONE, bytes);
		s->used_bytes += bytes;
		return t->data;
	}
	t = sheet_open(s, class);
	if (!t)
		t = sheet_begin(s, class);
	s->used_bytes += t->piece_bytes;
	p = piece_take(t);
	sheet_sort(s, t);
	return p;
}

void bw_slab_give(struct bw_slab *s, void *p)
{
	struct bw_slab_sheet *t = sheet_of(p);
	struct piece *piece = p;

	if (!p)
		return;
	s->used_bytes -= t->piece_bytes;
	if (t->class == ALONE) {
		sheet_free(s, t);
		return;
	}
	bw_wipe(p, t->piece_bytes);
	piece->next = t->pieces;
	t->pieces = piece;
	ASAN_POISON_MEMORY_REGION(p, t->piece_bytes);
	t->out--;
	sheet_sort(s, t);
	if (t->out)
		return;
	/* The only one that is open stays: pieces come and go. */
	sheet_unlink(t);
	if (sheet_open(s, t->class))
		sheet_drop(s, t);
	else
		sheet_link(s, t);
}
