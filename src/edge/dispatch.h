/* Which target gets a request: dispatch.c. */
#pragma once

#include "edge/exchange.h"

void dispatch(struct exchange *x, struct bw_http_request *r);
/* x is done with its target. */
void dispatch_leave(struct exchange *x);
/* Its draining is over. What it has not answered yet fails, and WebSockets to it end, before the loop waits again; not now, for
 * clients then go on with what they sent behind it. */
void dispatch_end(struct target *t);
/* The connection for x never came to be. */
void dispatch_unconnected(struct exchange *x);
/* That, and nothing of `bytes` was sent: another target gets them, or nobody, and x fails. May free x. */
void dispatch_again(struct exchange *x, struct bw_str bytes);
/* A connection that had x ended without a word of an answer. Whether x may be asked once more: only after a kept connection, which may
 * have been closed for long, only once, and only if that does no harm. On a fresh one it was x that it ended by, for all that is
 * known, and whoever is asked next might end too. */
bool dispatch_lost(struct exchange *x, bool kept);
/* Then: another target gets it, or the same on a fresh connection. May free x. */
void dispatch_once_more(struct exchange *x, struct bw_str bytes);
/* The target did nothing with x and says so: it gets it once more, some times. May free x. */
void dispatch_refused(struct exchange *x, struct bw_str bytes);
