/* The certification authorities that this system trusts. */
#pragma once

#include "base/buf.h"

enum { BW_AUTHORITIES_MAX = 4 << 20 }; /* of a list, in PEM: distributions' are some 220 KiB */

/* Appends the system's list, in PEM; nothing when it has none. */
void bw_authorities_read(struct bw_buf *pem);
