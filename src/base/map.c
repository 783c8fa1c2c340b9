#include "base/map.h"

struct bw_map_entry {
	struct bw_map_entry *chain; /* next in the slot */
	struct bw_map_entry *newer, *older;
	uint64_t hash;
	void *value;
	size_t key_n;
	char key[];
};

enum { SLOTS_MIN = 16 };

void bw_map_init(struct bw_map *m, size_t max, void (*drop)(void *value))
{
	*m = (struct bw_map){.max = max, .drop = drop, .slot_count = SLOTS_MIN};
	m->slots = bw_alloc(SLOTS_MIN * sizeof *m->slots);
}

static void entry_unlink(struct bw_map *m, struct bw_map_entry *e)
{
	*(e->newer ? &e->newer->older : &m->newest) = e->older;
	*(e->older ? &e->older->newer : &m->oldest) = e->newer;
}

static void entry_front(struct bw_map *m, struct bw_map_entry *e)
{
	e->newer = NULL;
	e->older = m->newest;
	*(m->newest ? &m->newest->newer : &m->oldest) = e;
	m->newest = e;
}

static struct bw_map_entry **entry_find(struct bw_map *m, struct bw_str key, uint64_t hash)
{
	struct bw_map_entry **at = &m->slots[hash & (m->slot_count - 1)];

	while (*at && !((*at)->hash == hash && bw_str_eq(bw_str_make((*at)->key, (*at)->key_n), key)))
		at = &(*at)->chain;
	return at;
}

static void entry_drop(struct bw_map *m, struct bw_map_entry **at)
{
	struct bw_map_entry *e = *at;

	*at = e->chain;
	entry_unlink(m, e);
	if (m->drop)
		m->drop(e->value);
	m->count--;
	bw_free(e);
}

void bw_map_free(struct bw_map *m)
{
	while (m->newest) {
		struct bw_map_entry *e = m->newest;

		entry_unlink(m, e);
		if (m->drop)
			m->drop(e->value);
		bw_free(e);
	}
	bw_free(m->slots);
	*m = (struct bw_map){0};
}

void *bw_map_get(struct bw_map *m, struct bw_str key)
{
	struct bw_map_entry *e = *entry_find(m, key, bw_str_hash(key));

	if (!e)
		return NULL;
	entry_unlink(m, e);
	entry_front(m, e);
	return e->value;
}

static void grow(struct bw_map *m)
{
	size_t count = m->slot_count * 2;
	struct bw_map_entry **slots = bw_alloc(count * sizeof *slots);

	for (struct bw_map_entry *e = m->newest; e; e = e->older) {
		struct bw_map_entry **at = &slots[e->hash & (count - 1)];

		e->chain = *at;
		*at = e;
	}
	bw_free(m->slots);
	m->slots = slots;
	m->slot_count = count;
}

void bw_map_put(struct bw_map *m, struct bw_str key, void *value)
{
	uint64_t hash = bw_str_hash(key);
	struct bw_map_entry **at = entry_find(m, key, hash), *e;

	if (*at)
		entry_drop(m, at);
	if (m->max && m->count >= m->max) {
		struct bw_map_entry *old = m->oldest;

		entry_drop(m, entry_find(m, bw_str_make(old->key, old->key_n), old->hash));
	}
	if (m->count >= m->slot_count)
		grow(m);
	e = bw_alloc(sizeof *e + key.n);
	e->hash = hash;
	e->value = value;
	e->key_n = key.n;
	if (key.n)
		memcpy(e->key, key.p, key.n);
	at = &m->slots[hash & (m->slot_count - 1)];
	e->chain = *at;
	*at = e;
	entry_front(m, e);
	m->count++;
}

void bw_map_del(struct bw_map *m, struct bw_str key)
{
	struct bw_map_entry **at = entry_find(m, key, bw_str_hash(key));

	if (*at)
		entry_drop(m, at);
}

void bw_map_each(struct bw_map *m, void (*each)(void *ctx, struct bw_str key, void *value), void *ctx)
{
	for (struct bw_map_entry *e = m->newest; e; e = e->older)
		each(ctx, bw_str_make(e->key, e->key_n), e->value);
}
