/* QR codes (ISO/IEC 18004) as PNG pictures: what an authenticator scans. Any thread. */
#pragma once

#include "base/buf.h"

/* Appends the picture of a text. BW_ETOOBIG when no symbol holds it. What it worked with is
 * wiped. */
BW_CHECKED enum bw_err bw_qr_png(struct bw_str text, struct bw_buf *out);
