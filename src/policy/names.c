#include "policy/names.h"

/* A node is a text and, for those below it, the bit by which they differ. Bits are counted from 1, BITS a
 * byte: the first says whether there is a byte, so that a text and its beginnings differ. The root is the
 * empty text. */
enum { BITS = 9 };

struct names_node {
	struct names_node *child[2]; /* that of a bit not past this one's is the text itself, no node below */
	struct bw_str text;
	size_t bit;
	uint32_t number;
};

static struct names_node *name_new(struct names *t, struct bw_str text, size_t bit)
{
	struct names_node *n = BW_NEW(t->arena, struct names_node);

	n->text = text;
	n->bit = bit;
	return n;
}

void names_init(struct names *t, struct bw_arena *arena)
{
	t->arena = arena;
	t->root = name_new(t, BW_STR(""), 0);
	t->root->child[0] = t->root->child[1] = t->root;
}

static unsigned unit_at(struct bw_str text, size_t at)
{
	return at < text.n ? 1u << 8 | (unsigned char)text.p[at] : 0;
}

static unsigned bit_of(struct bw_str text, size_t bit)
{
	return bit ? unit_at(text, (bit - 1) / BITS) >> (BITS - 1 - (bit - 1) % BITS) & 1 : 0;
}

/* The link on the text's way that leads to a bit of `most` or more, or back up. */
static struct names_node **link_find(struct names *t, struct bw_str text, size_t most)
{
	struct names_node *above = t->root, **link = &above->child[0];

	while ((*link)->bit > above->bit && (*link)->bit < most) {
		above = *link;
		link = &above->child[bit_of(text, above->bit)];
	}
	return link;
}

/* Of two texts that are not the same. */
static size_t bit_apart(struct bw_str a, struct bw_str b)
{
	size_t at = 0;
	unsigned apart;

	while ((apart = unit_at(a, at) ^ unit_at(b, at)) == 0)
		at++;
	return at * BITS + (size_t)__builtin_clz(apart) - (32 - BITS) + 1;
}

uint32_t *names_put(struct names *t, struct bw_str text)
{
	struct names_node *near = *link_find(t, text, SIZE_MAX), **link, *n;
	size_t bit;

	if (bw_str_eq(near->text, text))
		return &near->number;
	bit = bit_apart(near->text, text);
	link = link_find(t, text, bit);
	n = name_new(t, text, bit);
	n->child[bit_of(text, bit)] = n;
	n->child[!bit_of(text, bit)] = *link;
	*link = n;
	return &n->number;
}
