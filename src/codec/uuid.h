/* UUIDs, version 4 (RFC 9562, section 5.4). Any thread. */
#pragma once

#include "base/buf.h"
#include "base/mem.h"

enum { BW_UUID_TEXT = 36 };

/* Appends 16 random bytes as a version 4 UUID in lower case: version and variant are set here. */
void bw_uuid_put(const unsigned char random[16], struct bw_buf *out);
/* A new one, in the arena. */
struct bw_str bw_uuid_new(struct bw_arena *arena);
