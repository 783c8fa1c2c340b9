/* A record that decodes encodes to the same bytes again, as far as its fields are known. */
#include "store/record.h"

struct thing {
	struct bw_str name;
	int64_t number;
	bool flag;
	struct bw_strs list;
	struct bw_pairs tags;
};

static const struct bw_field fields[] = {
    BW_FIELD(1, STR, struct thing, name),
    BW_FIELD(2, I64, struct thing, number),
    BW_FIELD(3, BOOL, struct thing, flag),
    BW_FIELD(4, STRS, struct thing, list),
    BW_FIELD(5, PAIRS, struct thing, tags),
};
static const struct bw_record record = BW_RECORD("thing", struct thing, fields);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct thing t, again;
	struct bw_arena a;
	struct bw_buf out, twice;

	bw_arena_init(&a, 1 << 24);
	bw_buf_init(&out, 1 << 24);
	bw_buf_init(&twice, 1 << 24);
	if (bw_record_decode(&record, bw_str_make(data, size), &a, &t) == BW_OK) {
		bw_record_encode(&record, &t, &out);
		MUST(!out.failed && out.n <= size);
		MUST(bw_record_decode(&record, bw_buf_str(&out), &a, &again) == BW_OK);
		bw_record_encode(&record, &again, &twice);
		MUST(bw_str_eq(bw_buf_str(&out), bw_buf_str(&twice)));
		/* As many bytes as were given means that no field was unknown: then they are the very same
		 * bytes. */
		MUST(out.n != size || memcmp(out.p, data, size) == 0);
	}
	bw_buf_free(&out);
	bw_buf_free(&twice);
	bw_arena_free(&a);
	return 0;
}
