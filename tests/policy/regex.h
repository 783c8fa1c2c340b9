/* A pattern of a policy is a regular expression: "*" is ".*", "?" is ".", and in an ARN neither passes a
 * colon before the last part. */
#pragma once

#include "chance.h"

/* Compiles one random pattern, as StringLike or as ArnLike, and asks the engine and PCRE2 about `texts`
 * random texts.
 * `*hits` counts those that match. False at the first difference, which is told on stderr. */
bool regex_agrees(struct chance *c, size_t texts, size_t *hits);
