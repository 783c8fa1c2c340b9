/* The text of an anchor that is a file: a number that goes up alone. Pure; any thread. */
#pragma once

#include "base/buf.h"

enum { ANCHOR_FILE_MAX = 64 };

void anchor_file_put(uint64_t number, struct bw_buf *out);
/* BW_ECORRUPT: it is not as anchor_file_put writes it. */
BW_CHECKED enum bw_err anchor_file_read(struct bw_str text, uint64_t *number);
