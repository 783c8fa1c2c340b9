/* What the store knows of the trail. The trail's own head tells when records were changed or taken out of it; that the whole of it was taken
 * away, or an older copy put in its place, only something beside it can tell: the store notes every few seconds how many records are on the
 * disk. */
#pragma once

#include "store/store.h"

struct bw_trail_known {
	int64_t records; /* on the disk at least, of the trail that is there */
	int64_t gone;    /* of trails that were no longer there when the server started; 0: none, or none that nobody knows of */
	int64_t gone_ms; /* when it started so last */
};

/* All zero when nothing is known. Any process. */
BW_CHECKED enum bw_err bw_trail_known_read(struct bw_store *store, struct bw_trail_known *out);
