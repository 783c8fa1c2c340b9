/* Roll-back of the whole data folder: what is put back as a whole is authentic in all its parts, and only
 * something outside of it can tell that it is old. That is the anchor: a number that goes up alone, kept
 * where whoever writes to the folder cannot set it back. The store keeps the number too, sealed as any
 * record. They go up together: the store's first, so that it is ahead by one at most, after a crash in
 * between. A store that is behind its anchor has been put back, and is not opened until the operator says
 * that he knows.
 *
 * What a step leaves behind is noticed; what was put back to a moment since the last step is not. Steps are
 * made when something has changed and the window is over, and at each start and end; how often at most is the
 * anchor's to say, as its memory may wear out. The record says how far the trail had come as well: a trail
 * that ends before has been cut or put back. */
#pragma once

#include "base/buf.h"

struct bw_anchor {
	const char *kind; /* for status and messages */
	int64_t window_ms;
	int64_t steps_a_day; /* at most; what has no room is made up for the next day. 0: any number */
	/* From one thread at a time, blocking up to some ten seconds. Errors are logged. `read`:
	 * BW_ENOTFOUND: there is none so far. `make`: makes one, where there is none. `raise`: from to - 1;
	 * BW_ECONFLICT: it stood elsewhere. */
	enum bw_err (*read)(void *ctx, uint64_t *number);
	enum bw_err (*make)(void *ctx, uint64_t *number);
	enum bw_err (*raise)(void *ctx, uint64_t to);
	void *ctx;
};
