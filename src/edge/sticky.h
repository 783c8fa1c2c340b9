/* Clients who come back to their target: sticky.c. */
#pragma once

#include "edge/exchange.h"

/* The first of that name; absent when none has a value. */
struct bw_str cookie_find(const struct bw_http_request *r, struct bw_str name);

struct target *sticky_target(struct exchange *x, const struct bw_http_request *r, struct group *g);
struct group *sticky_group(struct exchange *x, const struct bw_http_request *r);
/* Set-Cookie lines for the answer. */
void sticky_lines(struct exchange *x, const struct bw_http_response *r, struct bw_buf *out);
