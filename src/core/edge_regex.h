/* How regular expressions of rules are compiled (PCRE2): as bytes, by the API that accepts them and by the edge that obeys them. What
 * only one of the two could compile would be accepted and never match; and an expression that demands UTF-8 would match nothing in a
 * request with a byte that is none. Behind <pcre2.h>. */
#pragma once

#define BW_EDGE_REGEX (PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF)
