#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

enum { KEEP_BYTES = 64 * 1024 };

void bw_buf_init(struct bw_buf *b, size_t max_bytes)
{
	*b = (struct bw_buf){.max = max_bytes};
}

void bw_buf_free(struct bw_buf *b)
{
	bw_free(b->p);
	*b = (struct bw_buf){.max = b->max};
}

void bw_buf_reset(struct bw_buf *b)
{
	if (b->size > KEEP_BYTES)
		bw_buf_free(b);
	else
		bw_wipe(b->p, b->n);
	b->n = 0;
	b->failed = false;
}

static char *moved(struct bw_buf *b, size_t size)
{
	char *p = bw_realloc(NULL, size);

	if (b->n)
		memcpy(p, b->p, b->n);
	bw_free(b->p);
	return p;
}

/* What bw_buf_room does when there is no room yet. */
char *bw_buf_grow(struct bw_buf *b, size_t n)
{
	size_t size = b->size ? b->size : 256;

	if (b->failed || n > b->max - b->n) {
		b->failed = true;
		return NULL;
	}
	while (size - b->n < n)
		size *= 2;
	if (size > b->max)
		size = b->max; /* which `n` more do not pass */
	if (b->p && size == b->size)
		return b->p + b->n;
	b->p = moved(b, size);
	b->size = size;
	return b->p + b->n;
}

void bw_buf_printf(struct bw_buf *b, const char *fmt, ...)
{
	size_t left = b->failed ? 0 : b->size - b->n;
	va_list args;
	char *at;
	int n;

	/* What fits is there at once. */
	va_start(args, fmt);
	n = vsnprintf(left ? b->p + b->n : NULL, left, fmt, args);
	va_end(args);
	MUST(n >= 0);
	if ((size_t)n < left) {
		b->n += (size_t)n;
		return;
	}
	at = bw_buf_room(b, (size_t)n + 1);
	if (!at)
		return;
	va_start(args, fmt);
	vsnprintf(at, (size_t)n + 1, fmt, args);
	va_end(args);
	b->n += (size_t)n;
}

void bw_buf_put_i64(struct bw_buf *b, int64_t v)
{
	char text[24];
	int at = sizeof text;
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do {
		text[--at] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (v < 0)
		text[--at] = '-';
	bw_buf_put(b, bw_str_make(text + at, sizeof text - (size_t)at));
}

void bw_buf_put_hex(struct bw_buf *b, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *in = bytes;
	char *at = bw_buf_room(b, 2 * n);

	if (!at)
		return;
	for (size_t i = 0; i < n; i++) {
		at[2 * i] = digits[in[i] >> 4];
		at[2 * i + 1] = digits[in[i] & 15];
	}
	b->n += 2 * n;
}

void bw_buf_eat(struct bw_buf *b, size_t n)
{
	MUST(n <= b->n);
	if (n < b->n)
		memmove(b->p, b->p + n, b->n - n);
	bw_wipe(b->p + b->n - n, n);
	b->n -= n;
}
