/* Known answers are written as hexadecimal text; this turns them into bytes. */
#pragma once

#include "test.h"
#include "base/mem.h"

/* The bytes of an even number of lower-case hexadecimal digits, in the arena. */
static inline struct bw_str from_hex(struct bw_arena *arena, const char *hex)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = strlen(hex) / 2;
	unsigned char *out = bw_arena_alloc(arena, n + 1);

	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)((strchr(digits, hex[2 * i]) - digits) << 4 |
		                         (strchr(digits, hex[2 * i + 1]) - digits));
	return bw_str_make(out, n);
}

#define assert_hex(arena, bytes, size, hex)                                                                  \
	do {                                                                                                 \
		struct bw_str want_bytes_ = from_hex((arena), (hex));                                        \
		assert_int_equal((size), want_bytes_.n);                                                     \
		assert_memory_equal((bytes), want_bytes_.p, want_bytes_.n);                                  \
	} while (0)
