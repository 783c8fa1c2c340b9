/* Credentials that lie beside their user, under its unique id: they follow a renamed user, and a recreated
 * namesake has none. Thread, memory and errors as in iam.h. */
#pragma once

#include "svc/iam/iam.h"

struct iam_signing_certificate {
	struct bw_str id, body;
	bool active;
	int64_t uploaded_ms;
};
extern const struct bw_record iam_signing_certificate_record, iam_ssh_key_record, iam_service_credential_record;

/* Those of a user who is renamed: they tell whose they are. */
BW_CHECKED enum bw_err iam_service_credentials_rename(
    struct bw_call *call, const struct bw_user *u, struct bw_str name);

/* The key of one, or the prefix of all when `id` is empty. */
static inline struct bw_str iam_owned_key(
    struct bw_call *call, const struct bw_record *r, struct bw_str owner_id, struct bw_str id)
{
	return bw_call_key(
	    call, r->kind, bw_arena_printf(call->arena, "%.*s/%.*s", BW_FMT(owner_id), BW_FMT(id)));
}

/* Active or Inactive; InvalidInput for the model's third, which nobody may ask for. */
static inline enum bw_err iam_status_take(struct bw_call *call, struct bw_str status, bool *active)
{
	if (bw_str_eq(status, BW_STR("Expired")))
		return bw_call_fail(
		    call, "InvalidInput", "The status can be set to Active or Inactive only.");
	*active = bw_str_eq(status, BW_STR("Active"));
	return BW_OK;
}
