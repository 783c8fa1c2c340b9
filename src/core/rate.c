/* How many calls are taken, and how many of a stranger's are written down. */
#include "core/internal.h"

#include <arpa/inet.h>

enum {
	TOKEN = 1000,        /* one call, by milliseconds */
	TELL_MS = 60 * 1000, /* how often those that were not written down are told */
};

/* At most `most` at once, and `per_s` a second. */
static bool spend(struct rate *r, int64_t per_s, int64_t most, int64_t now_ms)
{
	if (now_ms > r->at_ms) {
		int64_t quiet_ms = now_ms - r->at_ms;

		r->tokens = quiet_ms >= most * TOKEN / per_s ? most * TOKEN : r->tokens + quiet_ms * per_s;
		r->tokens = r->tokens < most * TOKEN ? r->tokens : most * TOKEN;
		r->at_ms = now_ms;
	}
	if (r->tokens < TOKEN)
		return false;
	r->tokens -= TOKEN;
	return true;
}

static bool rate_take(struct bw_map *rates, struct bw_str who, int64_t per_s, int64_t now_ms)
{
	struct rate *r = bw_map_get(rates, who);

	if (!r) {
		r = bw_alloc(sizeof *r);
		*r = (struct rate){now_ms, per_s * TOKEN};
		bw_map_put(rates, who, r);
	}
	return spend(r, per_s, per_s, now_ms);
}

bool lane_rate_take(struct bw_lane *lane, struct bw_str account, int64_t now_ms)
{
	return rate_take(&lane->rates, account, BW_CALLS_PER_ACCOUNT_S, now_ms);
}

/* A subscriber has a whole /64 of IPv6: it counts as one. */
static struct bw_str source_of(struct bw_str address, unsigned char v6[16])
{
	char text[BW_ADDRESS_TEXT_MAX];

	if (address.n >= sizeof text || bw_str_find(address, ':', 0) < 0)
		return address;
	memcpy(text, address.p, address.n);
	text[address.n] = '\0';
	return inet_pton(AF_INET6, text, v6) == 1 ? bw_str_make(v6, 8) : address;
}

bool lane_stranger_take(struct bw_lane *lane, struct bw_str address, int64_t now_ms)
{
	unsigned char v6[16];

	return rate_take(&lane->strangers, source_of(address, v6), STRANGER_CALLS_S, now_ms);
}

/* ---- What is written down of strangers ---- */

bool lane_stranger_record(struct bw_lane *lane, int64_t now_ms)
{
	if (spend(&lane->stranger_records, STRANGER_RECORDS_S, STRANGER_RECORDS_AT_ONCE, now_ms))
		return true;
	lane->untold++;
	return false;
}

void lane_strangers_tell(struct bw_lane *lane, int64_t loop_ms, bool now)
{
	struct bw_core *core = lane->core;
	struct audit_event event = {.source = BW_STR("bulwark"), .name = BW_STR("StrangerCallsNotRecorded"),
	    .account = core->account, .region = core->region, .when_ms = bw_clock_wall_ms()};
	struct bw_buf record;
	struct bw_arena arena;

	if (lane->untold == 0 || (!now && loop_ms - lane->told_ms < TELL_MS))
		return;
	bw_arena_init(&arena, 4096);
	bw_buf_init(&record, BW_TRAIL_BLOCK_MAX);
	event.id = bw_uuid_new(&arena);
	event.subject = bw_arena_printf(&arena, "%llu", (unsigned long long)lane->untold);
	audit_event(&event, &record);
	bw_trail_add(core->trail, lane->index, bw_buf_str(&record));
	bw_buf_free(&record);
	bw_arena_free(&arena);
	lane->untold = 0;
	lane->told_ms = loop_ms;
}
