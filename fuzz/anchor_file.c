/* An anchor's file from anywhere: what is read is written the same. */
#include "bin/anchor_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str text = bw_str_make(data, size);
	char room[ANCHOR_FILE_MAX];
	struct bw_buf again = bw_buf_over(room, sizeof room);
	uint64_t number;

	if (anchor_file_read(text, &number) == BW_OK) {
		anchor_file_put(number, &again);
		MUST(!again.failed && bw_str_eq(bw_buf_str(&again), text));
	}
	return 0;
}
