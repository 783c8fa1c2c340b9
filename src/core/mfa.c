#include "core/mfa.h"

#include "core/guess.h"
#include "core/internal.h"
#include "crypto/totp.h"

enum {
	WINDOW = 1,       /* steps a code may be early or late: RFC 6238, section 5.2 */
	SYNC_WINDOW = 20, /* and while the clock is still being learnt: ten minutes either way */
};

static const struct bw_field fields[] = {
    BW_FIELD(1, STR, struct bw_mfa_device, serial),
    BW_FIELD(2, STR, struct bw_mfa_device, path),
    BW_FIELD(3, STR, struct bw_mfa_device, name),
    BW_FIELD(4, STR, struct bw_mfa_device, seed),
    BW_FIELD(5, STR, struct bw_mfa_device, user),
    BW_FIELD(6, BOOL, struct bw_mfa_device, root),
    BW_FIELD(7, I64, struct bw_mfa_device, created_ms),
    BW_FIELD(8, I64, struct bw_mfa_device, enabled_ms),
    BW_FIELD(9, I64, struct bw_mfa_device, drift),
    BW_FIELD(10, I64, struct bw_mfa_device, used_step),
    BW_FIELD(11, PAIRS, struct bw_mfa_device, tags),
};
const struct bw_record bw_mfa_device_record = BW_RECORD("mfa", struct bw_mfa_device, fields);

struct bw_str bw_mfa_key(struct bw_arena *a, struct bw_str serial)
{
	struct bw_arn arn;
	struct bw_str name;

	if (bw_arn_parse(serial, &arn) != BW_OK || !bw_str_eq(arn.service, BW_STR("iam")) || arn.region.n ||
	    !bw_str_starts(arn.resource, BW_STR("mfa/")))
		return BW_STR_NONE;
	name = bw_str_sub(arn.resource, 4, serial.n);
	return name.n ? bw_entity_key(a, arn.account, "mfa", name) : BW_STR_NONE;
}

enum bw_err bw_mfa_load(struct bw_call *call, struct bw_str serial, struct bw_mfa_device *out)
{
	struct bw_str key = bw_mfa_key(call->arena, serial);
	struct bw_arn arn;

	CHECK(bw_str_set(key), BW_ENOTFOUND);
	CHECK(bw_arn_parse(serial, &arn) == BW_OK && bw_str_eq(arn.account, call->account), BW_ENOTFOUND);
	TRY(bw_call_load(call, &bw_mfa_device_record, key, out));
	return bw_str_eq(out->serial, serial) ? BW_OK : BW_ENOTFOUND;
}

void bw_mfa_save(struct bw_call *call, const struct bw_mfa_device *d)
{
	bw_call_save(call, &bw_mfa_device_record, bw_mfa_key(call->arena, d->serial), d);
}

/* ---- Codes ---- */

static struct bw_str guessed(struct bw_call *call, const struct bw_mfa_device *d)
{
	return BW_JOIN(call->arena, BW_STR("mfa "), d->serial);
}

static int64_t max_i64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

enum bw_mfa_answer bw_mfa_verify(struct bw_call *call, struct bw_mfa_device *d, struct bw_str code)
{
	int64_t now = call->now_ms / BW_TOTP_STEP_MS + d->drift, step;

	if (!bw_guess_take(call, guessed(call, d)))
		return BW_MFA_OFTEN;
	if (!bw_totp_find(d->seed, code, max_i64(now - WINDOW, d->used_step + 1), now + WINDOW, &step))
		return BW_MFA_WRONG;
	bw_guess_forgive(call, guessed(call, d));
	d->used_step = step;
	bw_mfa_save(call, d);
	return BW_MFA_GOOD;
}

enum bw_mfa_answer bw_mfa_synchronise(
    struct bw_call *call, struct bw_mfa_device *d, struct bw_str code1, struct bw_str code2)
{
	int64_t now = call->now_ms / BW_TOTP_STEP_MS, from = max_i64(now - SYNC_WINDOW, d->used_step + 1), step, next;

	if (!bw_guess_take(call, guessed(call, d)))
		return BW_MFA_OFTEN;
	for (; bw_totp_find(d->seed, code1, from, now + SYNC_WINDOW, &step); from = step + 1) {
		if (!bw_totp_find(d->seed, code2, step + 1, step + 1, &next))
			continue;
		bw_guess_forgive(call, guessed(call, d));
		d->used_step = next;
		/* Typing two codes takes its time: a step is no drift. */
		d->drift = next - now >= -WINDOW && next - now <= WINDOW ? 0 : next - now;
		return BW_MFA_GOOD;
	}
	return BW_MFA_WRONG;
}
