/* Texts from outside, each with a number: a crit-bit tree. Its depth is bounded by the lengths of the texts,
 * whichever they are, so that it needs no seed to be safe from those who choose them. */
#pragma once

#include "base/mem.h"

struct names_node;

struct names {
	struct bw_arena *arena;
	struct names_node *root;
};

/* Names are kept in `arena`, their bytes where they are. */
void names_init(struct names *t, struct bw_arena *arena);
/* Where the number of `text` stands; 0 until it is written, when the text is new. */
uint32_t *names_put(struct names *t, struct bw_str text);
