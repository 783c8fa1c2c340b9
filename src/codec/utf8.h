/* UTF-8 (RFC 3629): shortest forms only, no surrogates, nothing above U+10FFFF. Pure; any thread. */
#pragma once

#include "base/str.h"

/* The length, 1 to 4, of the well-formed sequence that begins at byte `at`, with its code point; 0 when none
 * does. */
size_t bw_utf8_decode(struct bw_str s, size_t at, uint32_t *code);
/* Writes a code point (at most U+10FFFF, no surrogate) and returns the number of bytes, 1 to 4. */
size_t bw_utf8_encode(uint32_t code, char out[4]);
/* True when every byte belongs to a well-formed sequence. An absent slice is valid: it holds none. */
bool bw_utf8_valid(struct bw_str s);
/* Code points of a valid slice: what AWS's models call the length of a string. In an invalid slice each byte
 * that begins no sequence counts as one. */
size_t bw_utf8_count(struct bw_str s);
