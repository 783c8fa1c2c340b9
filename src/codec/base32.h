/* Base32 (RFC 4648, section 6) without padding: how authenticators take seeds. Pure; any thread. */
#pragma once

#include "base/buf.h"

void bw_base32_encode(struct bw_str bytes, struct bw_buf *out);
