/* Keys made ready, kept for the next request of their thread: nothing is locked. An entry answers for the very bytes that it was opened
 * from, identity and wrapped record together, so that a record that was changed, rotated or taken away is never served by an old one; who
 * asks still has to show the record each time. What leaves is wiped: the one that was not used for longest, about (a clock's hand
 * goes round), and whatever was not used for some minutes. */
#include "keyer/keyer_internal.h"

#include "base/sparse.h"

enum {
	ENTRIES = 512, /* some 10 KiB each, of RSA-4096 */
	BUCKETS = 2 * ENTRIES,
	NONE = ENTRIES, /* of indices */
	RAW_MAX = 32,   /* of a symmetric key; of others OpenSSL holds what is needed */
	UNUSED_MS = 5 * 60 * 1000,
};

struct entry {
	struct bw_keyer_material from; /* into `copy` */
	char *copy;                    /* NULL: the entry is free */
	struct keyer_key key;
	int64_t used_ms;
	bool used; /* since the hand came by */
	uint16_t next;
};

struct keyer_cache {
	struct entry entries[ENTRIES];
	uint16_t buckets[BUCKETS];
	uint16_t hand;
	size_t count;
	struct bw_secret raws; /* RAW_MAX bytes an entry */
};

struct keyer_cache *keyer_cache_new(void)
{
	struct keyer_cache *c = bw_sparse_alloc(sizeof *c);

	for (size_t i = 0; i < BUCKETS; i++)
		c->buckets[i] = NONE;
	c->raws = bw_secret_new(ENTRIES * RAW_MAX);
	return c;
}

/* The end of the wrapped record is its authentication tag: random enough. Who chooses it otherwise makes their own thread slow. */
static uint16_t *bucket_of(struct keyer_cache *c, const struct bw_keyer_material *m)
{
	uint32_t h = 0;

	if (m->wrapped.n >= sizeof h)
		memcpy(&h, m->wrapped.p + m->wrapped.n - sizeof h, sizeof h);
	return &c->buckets[h % BUCKETS];
}

static bool same(const struct bw_keyer_material *a, const struct bw_keyer_material *b)
{
	return a->version == b->version && a->spec == b->spec && bw_str_eq(a->wrapped, b->wrapped) && bw_str_eq(a->key_id, b->key_id) &&
	       bw_str_eq(a->material_id, b->material_id) && bw_str_eq(a->account, b->account) && bw_str_eq(a->region, b->region);
}

static void drop(struct keyer_cache *c, uint16_t i)
{
	struct entry *e = &c->entries[i];
	uint16_t *at = bucket_of(c, &e->from);

	while (*at != i)
		at = &c->entries[*at].next;
	*at = e->next;
	keyer_key_close(&e->key);
	bw_free(e->copy);
	*e = (struct entry){0};
	c->count--;
}

void keyer_cache_free(struct keyer_cache *c)
{
	if (!c)
		return;
	for (uint16_t i = 0; i < ENTRIES; i++)
		if (c->entries[i].copy)
			drop(c, i);
	bw_secret_free(&c->raws);
	bw_sparse_free(c, sizeof *c);
}

bool keyer_cache_sweep(struct keyer_cache *c, int64_t now_ms)
{
	for (uint16_t i = 0; c->count && i < ENTRIES; i++)
		if (c->entries[i].copy && now_ms - c->entries[i].used_ms >= UNUSED_MS)
			drop(c, i);
	return c->count != 0;
}

struct keyer_key *keyer_cache_find(struct keyer_cache *c, const struct bw_keyer_material *m, int64_t now_ms)
{
	for (uint16_t i = *bucket_of(c, m); i != NONE; i = c->entries[i].next)
		if (same(&c->entries[i].from, m)) {
			c->entries[i].used = true;
			c->entries[i].used_ms = now_ms;
			return &c->entries[i].key;
		}
	return NULL;
}

/* ---- Putting ---- */

static uint16_t room_make(struct keyer_cache *c)
{
	for (;;) {
		uint16_t i = c->hand;
		struct entry *e = &c->entries[i];

		c->hand = (uint16_t)((i + 1) % ENTRIES);
		if (!e->copy)
			return i;
		if (!e->used) {
			drop(c, i);
			return i;
		}
		e->used = false;
	}
}

static struct bw_str part_copy(char **at, struct bw_str s)
{
	struct bw_str copy = bw_str_make(*at, s.n);

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

static void from_copy(struct entry *e, const struct bw_keyer_material *m)
{
	char *at = e->copy = bw_alloc(m->account.n + m->region.n + m->key_id.n + m->material_id.n + m->wrapped.n + 1);

	e->from = (struct bw_keyer_material){.account = part_copy(&at, m->account), .region = part_copy(&at, m->region),
	    .key_id = part_copy(&at, m->key_id), .material_id = part_copy(&at, m->material_id), .version = m->version,
	    .spec = m->spec, .wrapped = part_copy(&at, m->wrapped)};
}

struct keyer_key *keyer_cache_put(struct keyer_cache *c, const struct bw_keyer_material *m, struct keyer_key *key, int64_t now_ms)
{
	uint16_t i = room_make(c);
	struct entry *e = &c->entries[i];
	unsigned char *raw = c->raws.p + (size_t)i * RAW_MAX;
	uint16_t *bucket;

	from_copy(e, m);
	e->key = *key;
	e->key.raw = BW_STR("");
	if (keyer_spec(key->spec)->family == KEYER_SYMMETRIC) {
		MUST(key->raw.n == RAW_MAX);
		memcpy(raw, key->raw.p, RAW_MAX);
		e->key.raw = bw_str_make(raw, RAW_MAX);
	}
	/* What is left of it where it was opened. */
	bw_wipe((void *)(uintptr_t)key->raw.p, key->raw.n);
	*key = (struct keyer_key){0};
	e->used_ms = now_ms;
	bucket = bucket_of(c, &e->from);
	e->next = *bucket;
	*bucket = i;
	c->count++;
	return &e->key;
}
