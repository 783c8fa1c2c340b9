/* What is a network in text is the same network when it is written out and read again, and it contains
 * itself. */
#include "codec/cidr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str text = bw_str_make(data, size);
	struct bw_cidr c, again;
	struct bw_arena arena;

	bw_arena_init(&arena, 1 << 20);
	if (bw_cidr_address(text, &c) == BW_OK)
		MUST(bw_cidr_address(bw_cidr_address_text(&arena, &c), &again) == BW_OK &&
		     memcmp(c.bytes, again.bytes, sizeof c.bytes) == 0);
	if (bw_cidr_parse(text, &c) == BW_OK) {
		(void)bw_cidr_mask(&c);
		MUST(!bw_cidr_mask(&c));
		MUST(bw_cidr_parse(bw_cidr_text(&arena, &c), &again) == BW_OK && again.bits == c.bits);
		MUST(bw_cidr_contains(&c, &again) && bw_cidr_contains(&again, &c) &&
		     bw_cidr_overlaps(&c, &again));
	}
	bw_arena_free(&arena);
	return 0;
}
