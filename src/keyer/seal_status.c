#include "keyer/seal_status.h"

#include "base/sys.h"
#include "store/record.h"

static const struct bw_field fields[] = {
    BW_FIELD(1, STR, struct bw_seal_status, kind),
    BW_FIELD(2, STR, struct bw_seal_status, asks),
    BW_FIELD(3, BOOL, struct bw_seal_status, sealed),
    BW_FIELD(4, I64, struct bw_seal_status, given),
    BW_FIELD(5, I64, struct bw_seal_status, wanted),
    BW_FIELD(6, I64, struct bw_seal_status, shares),
    BW_FIELD(7, I64, struct bw_seal_status, oldest),
    BW_FIELD(8, I64, struct bw_seal_status, newest),
    BW_FIELD(9, BOOL, struct bw_seal_status, rekey),
    BW_FIELD(10, BOOL, struct bw_seal_status, unlocked),
};
static const struct bw_record status_record = BW_RECORD("seal-status", struct bw_seal_status, fields);

void bw_seal_status_encode(const struct bw_seal_status *s, struct bw_buf *out)
{
	bw_record_encode(&status_record, s, out);
}

enum bw_err bw_seal_status_decode(struct bw_str bytes, struct bw_arena *arena, struct bw_seal_status *out)
{
	return bw_record_decode(&status_record, bw_arena_str(arena, bytes), arena, out);
}

void bw_seal_status_publish(struct bw_board *board, const struct bw_seal_status *s)
{
	struct bw_buf text;

	bw_buf_init(&text, BW_SEAL_STATUS_MAX);
	bw_seal_status_encode(s, &text);
	MUST(!text.failed && bw_board_publish(board, bw_buf_str(&text)) == BW_OK);
	bw_buf_free(&text);
}

enum bw_err bw_seal_status_read(const struct bw_board *board, struct bw_arena *arena, struct bw_seal_status *out)
{
	struct bw_buf text;
	uint64_t seq;
	enum bw_err e;

	*out = (struct bw_seal_status){0};
	bw_buf_init(&text, BW_SEAL_STATUS_MAX);
	e = bw_board_read(board, &text, &seq);
	if (e == BW_OK)
		e = bw_seal_status_decode(bw_buf_str(&text), arena, out);
	bw_buf_free(&text);
	return e;
}
