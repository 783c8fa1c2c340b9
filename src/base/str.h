/* Slices: outside data is a pointer and a length, never a C string. */
#pragma once

#include <string.h>

#include "base/err.h"

/* A borrowed run of bytes. `p` NULL means absent, which is not the same as empty. */
struct bw_str {
	const char *p;
	size_t n;
};

#define BW_STR(literal) ((struct bw_str){"" literal, sizeof(literal) - 1})
#define BW_STR_NONE ((struct bw_str){NULL, 0})
/* For printf: "%.*s", BW_FMT(s) */
#define BW_FMT(s) (int)(s).n, (s).n ? (s).p : ""

/* The slice over a C string; NULL gives an absent slice. */
static inline struct bw_str bw_str_c(const char *c)
{
	return c ? (struct bw_str){c, strlen(c)} : BW_STR_NONE;
}

static inline struct bw_str bw_str_make(const void *p, size_t n)
{
	return (struct bw_str){p, n};
}

static inline bool bw_str_set(struct bw_str s)
{
	return s.p != NULL;
}

static inline bool bw_str_eq(struct bw_str a, struct bw_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII only: bytes above 127 compare as they are. */
bool bw_str_eq_nocase(struct bw_str a, struct bw_str b);
/* Byte order, shorter first on a common prefix; usable for sorting. */
int bw_str_cmp(struct bw_str a, struct bw_str b);
bool bw_str_starts(struct bw_str s, struct bw_str prefix);
bool bw_str_starts_nocase(struct bw_str s, struct bw_str prefix);
bool bw_str_ends(struct bw_str s, struct bw_str suffix);
/* The part from byte `from`, at most `n` bytes; clamped to what is there. */
struct bw_str bw_str_sub(struct bw_str s, size_t from, size_t n);
/* Index of the first `c` at or after `from`, or -1. */
ptrdiff_t bw_str_find(struct bw_str s, char c, size_t from);
/* True when `part` stands somewhere in `s`. */
bool bw_str_has(struct bw_str s, struct bw_str part);
/* Cuts `*rest` at the first `sep`: returns what was before it and leaves what was after it. When there is no
 * `sep`, returns all and leaves `*rest` absent. */
struct bw_str bw_str_cut(struct bw_str *rest, char sep);
/* Without leading and trailing spaces and tabs. */
struct bw_str bw_str_trim(struct bw_str s);
/* A decimal integer with nothing around it, in [min, max]; an optional '-' only when min < 0. BW_EINVAL otherwise. */
BW_CHECKED enum bw_err bw_str_to_i64(struct bw_str s, int64_t min, int64_t max, int64_t *out);
/* Comparison whose time depends on the lengths alone. */
bool bw_str_eq_secret(struct bw_str a, struct bw_str b);
/* A 64-bit hash (FNV-1a with a per-process random seed); never stored. */
uint64_t bw_str_hash(struct bw_str s);
