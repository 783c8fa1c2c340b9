/* A growable byte buffer with a ceiling. Puts cannot fail one by one: the first that would pass the ceiling sets
 * `failed`, later ones do nothing, and the owner asks once at the end. */
#pragma once

#include "base/mem.h"

struct bw_buf {
	char *p;
	size_t n, size;
	size_t max; /* ceiling in bytes */
	bool failed;
};

void bw_buf_init(struct bw_buf *b, size_t max_bytes);
/* Over memory of the caller's, which is the ceiling too: for short texts. It is neither freed nor given to bw_buf_reset. */
static inline struct bw_buf bw_buf_over(void *memory, size_t n)
{
	return (struct bw_buf){.p = (char *)memory, .size = n, .max = n};
}
/* Wipes what it held, and gives it back. */
void bw_buf_free(struct bw_buf *b);
/* Empty again, and wiped; memory above 64 KiB is given back. */
void bw_buf_reset(struct bw_buf *b);
/* Room for `n` more bytes to be written at the returned place and then added to b->n; NULL past the ceiling. */
char *bw_buf_grow(struct bw_buf *b, size_t n);
static inline char *bw_buf_room(struct bw_buf *b, size_t n)
{
	return b->p && !b->failed && n <= b->size - b->n ? b->p + b->n : bw_buf_grow(b, n);
}
static inline void bw_buf_put(struct bw_buf *b, struct bw_str s)
{
	char *at = s.n ? bw_buf_room(b, s.n) : NULL;

	if (!at)
		return;
	memcpy(at, s.p, s.n);
	b->n += s.n;
}
static inline void bw_buf_put_c(struct bw_buf *b, char c)
{
	char *at = bw_buf_room(b, 1);

	if (!at)
		return;
	*at = c;
	b->n++;
}
void bw_buf_printf(struct bw_buf *b, const char *fmt, ...) BW_PRINTF(2, 3);
void bw_buf_put_i64(struct bw_buf *b, int64_t v);
/* `n` lower-case hexadecimal pairs. */
void bw_buf_put_hex(struct bw_buf *b, const void *bytes, size_t n);
/* Drops the first `n` bytes; nothing of them is left. */
void bw_buf_eat(struct bw_buf *b, size_t n);
/* Borrowed until the next put. */
static inline struct bw_str bw_buf_str(const struct bw_buf *b)
{
	return bw_str_make(b->p ? b->p : "", b->n);
}
