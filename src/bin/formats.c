/* Alone in its file, so that a program that knows others can be linked from the same parts. */
#include "bin/program.h"
#include "core/edge_form.h"
#include "store/format.h"

/* The last two are told here alone: they go up when what keyer/message.c or proc/errand.c write, or what lies in boards, rings and the
 * edge's roster, changes. */
const struct bw_proc_format program_formats[] = {
    {"the store", BW_STORE_FORMAT_OLDEST, BW_STORE_FORMAT},
    {"the edge's image", BW_EDGE_FORMAT, BW_EDGE_FORMAT},
    {"the keyer's messages", 1, 1},
    {"what processes share", 2, 2},
};
const size_t program_format_count = BW_COUNT(program_formats);
