/* Memory for keys: its own type, so that a secret cannot be passed where text is printed or stored. Its pages
 * are locked (as far as the limit on locked memory allows), left out of core dumps, fenced by unmapped pages
 * on both sides, and wiped when freed. */
#pragma once

#include "base/str.h"

struct bw_secret {
	unsigned char *p;
	size_t n;
};

/* `n` zeroed bytes, more than 0. Never fails: panics when the kernel gives no memory. The owner frees. Any
 * thread. */
struct bw_secret bw_secret_new(size_t n);
/* Wipes it and the vector registers that it may stand in, unmaps, and leaves the secret empty. An empty one is allowed. */
void bw_secret_free(struct bw_secret *s);
/* Borrowed: for handing it to a function of crypto.h, not for keeping. */
static inline struct bw_str bw_secret_bytes(const struct bw_secret *s)
{
	return bw_str_make(s->p, s->n);
}
