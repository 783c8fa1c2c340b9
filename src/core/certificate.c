#include "core/certificate.h"

#include "core/internal.h"

extern const struct bw_certificate_keeper *const __start_bw_certificate_keepers[] __attribute__((weak));
extern const struct bw_certificate_keeper *const __stop_bw_certificate_keepers[] __attribute__((weak));

enum bw_err bw_certificate_find(struct bw_core *core, struct bw_snapshot *view, struct bw_arena *arena,
    struct bw_str arn, bool keys, struct bw_certificate *out)
{
	size_t n = __start_bw_certificate_keepers
	               ? (size_t)(__stop_bw_certificate_keepers - __start_bw_certificate_keepers)
	               : 0;
	struct bw_arn parts;

	if (bw_arn_parse(arn, &parts) != BW_OK)
		return BW_ENOTFOUND;
	for (size_t i = 0; i < n; i++)
		if (bw_str_eq(parts.service, bw_str_c(__start_bw_certificate_keepers[i]->service)))
			return __start_bw_certificate_keepers[i]->find(core, view, arena, arn, keys, out);
	return BW_ENOTFOUND;
}

enum bw_err bw_certificate_hold(struct bw_call *call, struct bw_str arn)
{
	struct bw_certificate c;

	TRY(bw_certificate_find(call->core, call->view, call->arena, arn, false, &c));
	bw_batch_read(&call->batch, c.record, bw_snapshot_version(call->view, c.record));
	return BW_OK;
}

static struct bw_str use_prefix(struct bw_call *call, struct bw_str arn)
{
	return bw_arena_printf(call->arena, "-/global/core/certificate-use/%.*s#", BW_FMT(arn));
}

void bw_certificate_use_set(
    struct bw_call *call, struct bw_str arn, struct bw_str user, struct bw_str place, bool used)
{
	struct bw_str prefix = use_prefix(call, arn);
	struct bw_str key =
	    bw_arena_printf(call->arena, "%.*s%.*s#%.*s", BW_FMT(prefix), BW_FMT(user), BW_FMT(place));

	if (used)
		bw_call_mark(call, key);
	else
		bw_call_delete(call, key);
}

enum bw_err bw_certificate_users(struct bw_call *call, struct bw_str arn, struct bw_strs *users)
{
	struct bw_str prefix = use_prefix(call, arn), key;
	struct bw_scan scan;
	size_t n = 0;
	enum bw_err e;

	*users = (struct bw_strs){0};
	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	for (; (e = bw_scan_next(&scan, call->arena, &key, NULL, NULL)) == BW_OK; n++) {
		struct bw_str rest = bw_str_sub(key, prefix.n, key.n), user = bw_str_cut(&rest, '#');

		if (!bw_strs_has(users, user))
			bw_strs_add(users, call->arena, user);
	}
	bw_scan_end(&scan);
	if (call->op && call->op->effect == BW_WRITE)
		bw_batch_read_prefix(&call->batch, prefix, bw_snapshot_seq(call->view), n);
	return e == BW_ENOTFOUND ? BW_OK : e;
}
