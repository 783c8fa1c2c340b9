#include "codec/message.h"
#include "keyer/keyer_internal.h"

#define REQUEST_NUMBER(member, bytes, max) BW_MESSAGE_NUMBER(struct bw_keyer_request, member, bytes, max)
#define REQUEST_TEXT(member)               BW_MESSAGE_TEXT(struct bw_keyer_request, member)
#define REQUEST_MATERIAL(member)                                                                             \
	REQUEST_NUMBER(member.spec, 1, BW_KEY_SPECS - 1), REQUEST_NUMBER(member.version, 8, INT64_MAX),      \
	    REQUEST_TEXT(member.account), REQUEST_TEXT(member.region), REQUEST_TEXT(member.key_id),          \
	    REQUEST_TEXT(member.material_id), REQUEST_TEXT(member.wrapped)

static const struct bw_message_member request_members[] = {
    REQUEST_NUMBER(op, 1, BW_KEYER_OPS - 1),
    REQUEST_NUMBER(algorithm, 1, BW_ALGS - 1),
    REQUEST_NUMBER(other_algorithm, 1, BW_ALGS - 1),
    REQUEST_NUMBER(message, 1, BW_MESSAGE_EXTERNAL_MU),
    REQUEST_NUMBER(pair_spec, 1, BW_KEY_SPECS - 1),
    REQUEST_NUMBER(plain, 1, 1),
    REQUEST_NUMBER(length, 8, BW_KEYER_MESSAGE_MAX / 2),
    REQUEST_MATERIAL(key),
    REQUEST_MATERIAL(other),
    REQUEST_TEXT(input),
    REQUEST_TEXT(input2),
    REQUEST_TEXT(context),
    REQUEST_TEXT(other_context),
};
static const struct bw_message_form request_form = BW_MESSAGE_FORM(request_members);

static const struct bw_message_member answer_members[] = {
    BW_MESSAGE_NUMBER(struct bw_keyer_answer, result, 1, BW_EINTERNAL),
    BW_MESSAGE_TEXT(struct bw_keyer_answer, out),
    BW_MESSAGE_TEXT(struct bw_keyer_answer, out2),
    BW_MESSAGE_TEXT(struct bw_keyer_answer, out3),
};
static const struct bw_message_form answer_form = BW_MESSAGE_FORM(answer_members);

void keyer_request_encode(uint64_t id, const struct bw_keyer_request *r, struct bw_buf *out)
{
	bw_message_put(&request_form, id, r, out);
}

enum bw_err keyer_request_decode(struct bw_str bytes, uint64_t *id, struct bw_keyer_request *out)
{
	TRY(bw_message_take(&request_form, bytes, id, out));
	return *id == KEYER_HELLO ? BW_EINVAL : BW_OK;
}

void keyer_answer_encode(uint64_t id, const struct bw_keyer_answer *a, struct bw_buf *out)
{
	bw_message_put(&answer_form, id, a, out);
}

enum bw_err keyer_answer_decode(struct bw_str bytes, uint64_t *id, struct bw_keyer_answer *out)
{
	return bw_message_take(&answer_form, bytes, id, out);
}

void keyer_hello_encode(uint64_t taken, uint64_t until, struct bw_buf *out)
{
	const uint64_t said[2] = {taken, until};
	const struct bw_keyer_answer hello = {
	    BW_OK, bw_str_make(said, sizeof said), BW_STR(""), BW_STR("")};

	keyer_answer_encode(KEYER_HELLO, &hello, out);
}

enum bw_err keyer_hello_decode(const struct bw_keyer_answer *a, uint64_t *taken, uint64_t *until)
{
	uint64_t said[2];

	CHECK(a->out.n == sizeof said, BW_EINVAL);
	memcpy(said, a->out.p, sizeof said);
	*taken = said[0];
	*until = said[1];
	return BW_OK;
}
