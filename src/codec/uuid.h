/* UUIDs, version 4 (RFC 9562, section 5.4). Pure; any thread. */
#pragma once

#include "base/buf.h"

enum { BW_UUID_TEXT = 36 };

/* Appends 16 random bytes as a version 4 UUID in lower case: version and variant are set here. */
void bw_uuid_put(const unsigned char random[16], struct bw_buf *out);
