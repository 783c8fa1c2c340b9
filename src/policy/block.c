/* The block of a document as it is made. */
#include "policy/form.h"

enum { BLOCK_FIRST = 4096 };

static void block_grow(struct compiler *c, size_t bytes)
{
	size_t room = c->room ? c->room : BLOCK_FIRST;
	char *block;

	while (room - c->used < bytes)
		room *= 2;
	MUST(room <= BLOCK_MAX);
	block = bw_arena_alloc(&c->scratch, room);
	if (c->used)
		memcpy(block, c->block, c->used);
	c->block = block;
	c->room = (uint32_t)room;
}

uint32_t block_take(struct compiler *c, size_t bytes)
{
	size_t need = (bytes + TEXT_ALIGN - 1) / TEXT_ALIGN * TEXT_ALIGN;
	uint32_t at = c->used;

	if (c->room - c->used < need)
		block_grow(c, need);
	c->used += (uint32_t)need;
	return at;
}

uint32_t block_take_array(struct compiler *c, size_t size, size_t count)
{
	size_t bytes;

	MUST(!__builtin_mul_overflow(size, count, &bytes));
	return block_take(c, bytes);
}

void block_write(struct compiler *c, uint32_t at, const void *record, size_t bytes)
{
	MUST(at <= c->used && bytes <= c->used - at);
	if (bytes)
		memcpy(c->block + at, record, bytes);
}

uint32_t text_put(struct compiler *c, struct bw_str text)
{
	uint32_t *known = names_put(&c->texts, text), n = (uint32_t)text.n;

	if (*known)
		return *known;
	*known = block_take(c, TEXT_HEAD + text.n);
	block_write(c, *known, &n, sizeof n);
	block_write(c, *known + TEXT_HEAD, text.p, text.n);
	return *known;
}

uint32_t key_put(struct compiler *c, struct bw_str name)
{
	uint32_t *known = names_put(&c->keys, bw_arena_lower(&c->scratch, name));

	if (*known)
		return *known - 1;
	if (c->key_count == c->key_room) {
		uint32_t room = c->key_room ? 2 * c->key_room : 8;
		uint32_t *texts = BW_NEW_ARRAY(&c->scratch, uint32_t, room);

		if (c->key_count)
			memcpy(texts, c->key_texts, c->key_count * sizeof *texts);
		c->key_texts = texts;
		c->key_room = room;
	}
	c->key_texts[c->key_count] = text_put(c, name);
	*known = ++c->key_count;
	return c->key_count - 1;
}
