#include "keyer/admin_internal.h"

static const struct bw_field request_fields[] = {
    BW_FIELD(1, STR, struct bw_admin_request, verb),
    BW_FIELD(2, STRS, struct bw_admin_request, words),
    BW_FIELD(3, STR, struct bw_admin_request, file),
    BW_FIELD(4, STR, struct bw_admin_request, root),
};
static const struct bw_record request_record = BW_RECORD("admin-request", struct bw_admin_request, request_fields);

static const struct bw_field answer_fields[] = {
    BW_FIELD(1, I64, struct bw_admin_answer, result),
    BW_FIELD(2, I64, struct bw_admin_answer, wait_ms),
    BW_FIELD(3, STR, struct bw_admin_answer, status),
    BW_FIELD(4, STR, struct bw_admin_answer, file),
};
static const struct bw_record answer_record = BW_RECORD("admin-answer", struct bw_admin_answer, answer_fields);

void admin_request_encode(const struct bw_admin_request *r, struct bw_buf *out)
{
	bw_record_encode(&request_record, r, out);
}

enum bw_err admin_request_decode(struct bw_str bytes, struct bw_arena *arena, struct bw_admin_request *out)
{
	CHECK(bytes.n <= BW_ADMIN_MESSAGE_MAX, BW_ECORRUPT);
	TRY(bw_record_decode(&request_record, bytes, arena, out));
	CHECK(out->words.n <= BW_SEAL_WORDS_MAX, BW_ECORRUPT);
	for (size_t i = 0; i < out->words.n; i++)
		CHECK(bw_str_set(out->words.v[i]) && out->words.v[i].n <= BW_SEAL_WORD_MAX, BW_ECORRUPT);
	return bw_str_set(out->verb) ? BW_OK : BW_ECORRUPT;
}

void admin_answer_encode(const struct bw_admin_answer *a, struct bw_buf *out)
{
	bw_record_encode(&answer_record, a, out);
}

enum bw_err admin_answer_decode(struct bw_str bytes, struct bw_arena *arena, struct bw_admin_answer *out)
{
	return bw_record_decode(&answer_record, bytes, arena, out);
}
