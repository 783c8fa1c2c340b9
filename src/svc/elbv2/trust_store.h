/* What the files of trust stores share. */
#pragma once

#include "svc/elbv2/elb.h"

/* Its revocation lists, by id. */
BW_CHECKED enum bw_err revocations_of(
    struct bw_call *call, const struct elb_trust_store *s, struct elb_revocation **v, size_t *n);
struct bw_str revocation_name(struct bw_call *call, const struct elb_trust_store *s, int64_t id);
