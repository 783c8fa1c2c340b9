/* Bytes on their way out. A wire has memory only while something is on it. And the arenas of streams. */
#include "base/lend.h"
#include "edge/wire.h"
#include "edge/worker.h"
#include "net/tls.h"

enum { KEPT_SMALL = 4096 }; /* a slab's largest piece */

static char *block_take(struct edge *e)
{
	return e->block_count ? e->blocks[--e->block_count] : bw_realloc(NULL, BLOCK_BYTES);
}

static void block_give(struct edge *e, char *p, size_t size)
{
	if (size == BLOCK_BYTES && e->block_count < BLOCKS_POOLED)
		e->blocks[e->block_count++] = p;
	else
		bw_free(p);
}

size_t wire_length(const struct wire *w)
{
	return w->n - w->at;
}

struct bw_str wire_bytes(const struct wire *w)
{
	return bw_str_make(w->p ? w->p + w->at : "", w->n - w->at);
}

size_t wire_room(const struct wire *w)
{
	size_t n = wire_length(w);

	return n < BLOCK_BYTES ? BLOCK_BYTES - n : 0;
}

void wire_free(struct edge *e, struct wire *w)
{
	if (w->p && w->size < BLOCK_BYTES) {
		bw_slab_give(&e->slab, w->p);
	} else if (w->p) {
		e->held_bytes -= w->size;
		bw_wipe(w->p, w->n);
		block_give(e, w->p, w->size);
	}
	*w = (struct wire){0};
}

void wire_keep(struct edge *e, struct wire *w, struct bw_str bytes)
{
	if (bytes.n == 0 || bytes.n > KEPT_SMALL) {
		(void)wire_put(e, w, bytes);
		return;
	}
	*w = (struct wire){bw_slab_take(&e->slab, bytes.n), 0, (uint32_t)bytes.n, (uint32_t)bytes.n};
	memcpy(w->p, bytes.p, bytes.n);
}

static void wire_grow(struct edge *e, struct wire *w, size_t size)
{
	char *p = size <= BLOCK_BYTES ? block_take(e) : bw_realloc(NULL, size);
	size_t n = wire_length(w);

	if (size < BLOCK_BYTES)
		size = BLOCK_BYTES;
	if (n)
		memcpy(p, w->p + w->at, n);
	wire_free(e, w);
	*w = (struct wire){p, 0, (uint32_t)n, (uint32_t)size};
	e->held_bytes += size;
}

char *wire_space(struct edge *e, struct wire *w, size_t n)
{
	size_t had = wire_length(w);

	if (n > WIRE_MAX - had)
		return NULL;
	if (had + n > w->size) {
		wire_grow(e, w, had + n);
	} else if (w->n + n > w->size) {
		memmove(w->p, w->p + w->at, had);
		bw_wipe(w->p + had, w->n - had);
		w->at = 0;
		w->n = (uint32_t)had;
	}
	return w->p + w->n;
}

void wire_fill(struct wire *w, size_t n)
{
	w->n += (uint32_t)n;
}

bool wire_put(struct edge *e, struct wire *w, struct bw_str bytes)
{
	char *to;

	if (bytes.n == 0)
		return true;
	to = wire_space(e, w, bytes.n);
	if (!to)
		return false;
	memcpy(to, bytes.p, bytes.n);
	wire_fill(w, bytes.n);
	return true;
}

void wire_eat(struct edge *e, struct wire *w, size_t n)
{
	w->at += (uint32_t)n;
	if (w->at == w->n)
		wire_free(e, w);
}

size_t memory_held(const struct edge *e)
{
	size_t tls = bw_tls_held_bytes();

	return e->held_bytes + e->block_count * BLOCK_BYTES + e->arena_bytes + e->slab.sheet_bytes +
	       e->h2_places.held_bytes + (tls > e->tls_sets_bytes ? tls - e->tls_sets_bytes : 0);
}

bool memory_full(const struct edge *e)
{
	return memory_held(e) > e->held_max;
}

void memory_count(struct edge *e, size_t now, size_t *counted)
{
	e->held_bytes += now - *counted;
	*counted = now;
}

void arena_take(struct edge *e, struct bw_arena *a, size_t limit_bytes)
{
	if (!e->arena_count) {
		bw_arena_init(a, limit_bytes);
		return;
	}
	*a = e->arenas[--e->arena_count];
	e->arena_bytes -= bw_arena_bytes(a);
	a->limit_bytes = limit_bytes;
}

void arena_give(struct edge *e, struct bw_arena *a)
{
	if (e->arena_count == ARENAS_POOLED || a->used_bytes > BLOCK_BYTES) {
		bw_arena_free(a);
		return;
	}
	bw_arena_reset(a);
	e->arena_bytes += bw_arena_bytes(a);
	e->arenas[e->arena_count++] = *a;
}
