/* What the guard writes for nft, looked into. */
#pragma once

#include "base/buf.h"

/* The buffer's text, checked to be JSON; in the arena. Frees the buffer. */
struct bw_str json_text(struct bw_arena *a, struct bw_buf *json);
/* How often a part stands in it. */
size_t count(struct bw_str text, const char *part);
