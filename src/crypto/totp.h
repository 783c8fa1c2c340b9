/* One-time codes of a shared seed and the time: RFC 6238 with HMAC-SHA-1 and six digits, as every
 * authenticator has it. Pure; any thread. */
#pragma once

#include "base/str.h"

enum { BW_TOTP_STEP_MS = 30 * 1000, BW_TOTP_DIGITS = 6 };

/* The code of a time step: step 0 begins at 1970-01-01T00:00Z. */
uint32_t bw_totp(struct bw_str seed, int64_t step);
/* The first step in [from, to] that has the code; false when none has, or it is not six digits. */
bool bw_totp_find(struct bw_str seed, struct bw_str code, int64_t from, int64_t to, int64_t *step);
