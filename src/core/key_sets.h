/* The key sets of identity providers as they were fetched last, each lane's own. On the lane's thread. */
#pragma once

#include "core/call.h"
#include "jose/jwks.h"

/* The set that was kept under a provider's URL; NULL when there is none, or it is too old. */
const struct bw_jwks *bw_key_set_find(struct bw_call *call, struct bw_str url);
/* Whether the provider may be asked now, which counts as asking: it is strangers' calls that make us ask, so
 * that a provider is asked some times in ten seconds and no more. */
bool bw_key_set_may_ask(struct bw_call *call, struct bw_str url);
/* Takes the set over. */
void bw_key_set_keep(struct bw_call *call, struct bw_str url, struct bw_jwks *set);
