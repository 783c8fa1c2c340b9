/* The dots of a QR code (ISO/IEC 18004): bytes, error correction of level M. */
#pragma once

#include "base/mem.h"

enum { BW_QR_SIDE_MAX = 177 };

struct bw_qr_symbol {
	int side;
	int mask; /* 0 to 7 */
	/* Row by row; bit 0: dark, bit 1: of the pattern that every symbol of this size has. */
	unsigned char modules[BW_QR_SIDE_MAX * BW_QR_SIDE_MAX];
};

/* Of the smallest size that holds it. BW_ETOOBIG: more than 2,331 bytes. Any thread. */
BW_CHECKED enum bw_err bw_qr_symbol_make(struct bw_str bytes, struct bw_qr_symbol *out);
/* Whether a mask turns the module at this place over (section 7.8.2). */
bool bw_qr_masked(int mask, int x, int y);
