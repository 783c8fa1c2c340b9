/* The operator's commands, as they speak with the keyer and with people. */
#pragma once

#include "bin/place.h"
#include "crypto/secret.h"
#include "keyer/admin.h"
#include "keyer/seal_status.h"

/* Asks the keyer of the server on the folder. False with a message when nobody answers. */
bool operator_ask(const struct place *place, const struct bw_admin_request *r, struct bw_arena *arena, struct bw_admin_answer *answer,
    struct bw_seal_status *status);
/* A command of one verb, without arguments or words. 0 or the exit status, with a message. */
int operator_command(const struct parsed *p, struct bw_str verb, struct place *place, struct bw_seal_status *status);
/* The root key as the keyer's admin takes it for a word. The arena is to be wiped. */
struct bw_str operator_root_word(struct bw_arena *arena, const struct bw_secret *root);
/* A line on how the seal stands. */
void operator_show(const struct bw_seal_status *s);
/* Why it was refused, on stderr. */
void operator_refused(const struct bw_admin_answer *a, const struct bw_seal_status *s);
