/* Wrong guesses of a short secret: one-time codes, passwords. A refused call commits nothing, so they are counted in memory, over all
 * threads: after ten wrong ones in a row of one thing, one more a minute is looked at. */
#pragma once

#include "core/call.h"

enum { BW_GUESSES = 10 };

/* Takes a try at what `of` names ("mfa SERIAL"); false when none is left: then what was given is not even looked at. Any thread. */
bool bw_guess_take(struct bw_call *call, struct bw_str of);
/* It was right: all tries are there again. */
void bw_guess_forgive(struct bw_call *call, struct bw_str of);
