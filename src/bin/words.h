/* What people type that nobody may see: prompted for without echo on a terminal, else a line of standard input. */
#pragma once

#include "crypto/secret.h"
#include "base/str.h"

enum { WORD_MAX = 1024 };

/* One word, without its line's end; the caller frees. False at the end of the input, or for a line that is empty or longer than
 * WORD_MAX. */
bool word_ask(const char *prompt, struct bw_secret *out);
/* The same, asked for a second time on a terminal: false with a message when the two differ. */
bool word_ask_twice(const char *prompt, struct bw_secret *out);
