/* An image or report that decodes has exactly one spelling: encoding gives the same bytes again. */
#include "core/edge_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str bytes = bw_str_make(data, size);
	struct bw_edge_image image;
	struct bw_edge_report report;
	struct bw_arena a;
	struct bw_buf out;

	bw_arena_init(&a, 1 << 26);
	bw_buf_init(&out, 1 << 26);
	if (bw_edge_image_decode(bytes, &a, &image) == BW_OK) {
		bw_edge_image_encode(&image, &out);
		MUST(bw_str_eq(bw_buf_str(&out), bytes));
	}
	bw_buf_reset(&out);
	if (bw_edge_report_decode(bytes, &a, &report) == BW_OK) {
		bw_edge_report_encode(&report, &out);
		MUST(bw_str_eq(bw_buf_str(&out), bytes));
	}
	bw_buf_free(&out);
	bw_arena_free(&a);
	return 0;
}
