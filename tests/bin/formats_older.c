/* What an older program would say: of the store it knows no format but the first. */
#include "bin/program.h"
#include "core/edge_form.h"

const struct bw_proc_format program_formats[] = {
    {"the store", 1, 1},
    {"the edge's image", BW_EDGE_FORMAT, BW_EDGE_FORMAT},
};
const size_t program_format_count = BW_COUNT(program_formats);
