/* SETTINGS (RFC 9113 6.5): ours are said once, the peer's are checked, applied in their order, and
 * acknowledged. */
#include "edge/h2_pump.h"

enum { ENTRY_BYTES = 6 };

void h2_say_settings(struct h2_session *s)
{
	const struct h2_kind *k = s->kind;
	unsigned char *at = h2_frame_say(s, (uint32_t)k->setting_count * ENTRY_BYTES, H2_SETTINGS, 0, 0);

	for (size_t i = 0; at && i < k->setting_count; i++, at += ENTRY_BYTES) {
		at[0] = (unsigned char)(k->settings[i].id >> 8);
		at[1] = (unsigned char)k->settings[i].id;
		h2_put_u32(at + 2, k->settings[i].value);
	}
	s->acks++;
}

/* A client's peer may not even permit pushes (6.5.2); one may take back neither RFC 8441 nor RFC 9218, and
 * gains nothing by it here. */
static const struct {
	uint32_t min, max;
	enum h2_error error;
} permitted[] = {
    [0] = {0, UINT32_MAX, H2_NO_ERROR}, /* is none (6.5.2): a client may send it to see whether that is known */
    [H2_HEADER_TABLE_SIZE] = {0, UINT32_MAX, H2_NO_ERROR},
    [H2_ENABLE_PUSH] = {0, 1, H2_PROTOCOL_ERROR},
    [H2_MAX_CONCURRENT_STREAMS] = {0, UINT32_MAX, H2_NO_ERROR},
    [H2_INITIAL_WINDOW_SIZE] = {0, H2_WINDOW_MAX, H2_FLOW_CONTROL_ERROR},
    [H2_MAX_FRAME_SIZE] = {H2_FRAME_MAX, H2_FRAME_MAX_PEER, H2_PROTOCOL_ERROR},
    [H2_MAX_HEADER_LIST_SIZE] = {0, UINT32_MAX, H2_NO_ERROR},
    [7] = {0, UINT32_MAX, H2_NO_ERROR},
    [H2_ENABLE_CONNECT_PROTOCOL] = {0, 1, H2_PROTOCOL_ERROR},
    [H2_NO_RFC7540_PRIORITIES] = {0, 1, H2_PROTOCOL_ERROR},
};

static void setting_apply(struct h2_session *s, uint16_t id, uint32_t value)
{
	switch (id) {
	case H2_HEADER_TABLE_SIZE:
		bw_hpack_encoder_limit(&s->encoder, value);
		break;
	case H2_MAX_CONCURRENT_STREAMS:
		s->peer_streams = value;
		break;
	case H2_INITIAL_WINDOW_SIZE:
		h2_window_change(s, value);
		break;
	case H2_MAX_FRAME_SIZE:
		s->peer_frame_max = value;
		break;
	default:
		break; /* of no use to us, or not known (6.5.2) */
	}
}

static bool setting_take(struct h2_session *s, uint16_t id, uint32_t value)
{
	if (id < BW_COUNT(permitted) && (value < permitted[id].min || value > permitted[id].max)) {
		h2_fail(s, permitted[id].error);
		return false;
	}
	if (id == H2_ENABLE_PUSH && value && !s->kind->server) {
		h2_fail(s, H2_PROTOCOL_ERROR);
		return false;
	}
	setting_apply(s, id, value);
	return !s->failed;
}

static void ack_take(struct h2_session *s, const struct h2_frame *f)
{
	if (f->length)
		h2_fail(s, H2_FRAME_SIZE_ERROR);
	else if (s->acks == 0)
		h2_fail(s, H2_PROTOCOL_ERROR);
	else
		s->acks--;
}

void h2_take_settings(struct h2_session *s, const struct h2_frame *f)
{
	if (f->flags & H2_ACK) {
		ack_take(s, f);
		return;
	}
	if (f->length % ENTRY_BYTES) {
		h2_fail(s, H2_FRAME_SIZE_ERROR);
		return;
	}
	if (f->length / ENTRY_BYTES > H2_SETTINGS_MAX) {
		h2_fail(s, H2_ENHANCE_YOUR_CALM);
		return;
	}
	if (!s->settled)
		s->peer_streams = UINT32_MAX; /* what it does not say (6.5.2) */
	s->settled = true;
	for (const char *at = f->payload.p, *end = at + f->length; at < end; at += ENTRY_BYTES) {
		uint16_t id = (uint16_t)((unsigned char)at[0] << 8 | (unsigned char)at[1]);

		if (!setting_take(s, id, h2_get_u32(at + 2)))
			return;
	}
	h2_waiting_go(s);
	(void)h2_frame_say(s, 0, H2_SETTINGS, H2_ACK, 0);
}
