/* The operator's commands, as they speak with the keyer and with people. */
#pragma once

#include "bin/place.h"
#include "keyer/admin.h"
#include "keyer/seal_status.h"

/* Asks the keyer of the server on the folder. False with a message when nobody answers. */
bool operator_ask(const struct place *place, const struct bw_admin_request *r, struct bw_arena *arena, struct bw_admin_answer *answer,
    struct bw_seal_status *status);
/* A line on how the seal stands. */
void operator_show(const struct bw_seal_status *s);
/* Why it was refused, on stderr. */
void operator_refused(const struct bw_admin_answer *a, const struct bw_seal_status *s);
