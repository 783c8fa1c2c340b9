/* Idempotency tokens: the same request under the same token within a while is one request. */
#pragma once

#include "core/call.h"

struct bw_token {
	struct bw_str token;   /* any text; absent: none was given */
	struct bw_str request; /* what makes it the same request, in the service's own form */
	int64_t within_ms;
};

/* What that request made before, in the call's account and Region; absent: nothing. */
BW_CHECKED enum bw_err bw_token_find(struct bw_call *call, const struct bw_token *t, struct bw_str *made);
/* Kept as long as it counts. */
void bw_token_keep(struct bw_call *call, const struct bw_token *t, struct bw_str made);
