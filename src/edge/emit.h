/* Heads as they go out: emit.c, and rewrite.c, by a rule's transforms. */
#pragma once

#include "edge/exchange.h"

/* A whole head towards an HTTP/1.1 target, into `out`. */
void emit_request(struct exchange *x, const struct bw_http_request *r, struct bw_buf *out);
/* A tracing field of now: "Root=1-67891233-abcdef012345678912345678", or Self. */
void emit_trace_id(struct edge *e, bool root, struct bw_buf *out);
/* The headers that a listener's attributes set. */
void emit_overrides(const struct exchange *x, struct bw_buf *out);
/* Into `out`, which is empty. False: they are more than ANSWER_LINES_MAX, or than it has room for. */
BW_CHECKED bool emit_response_lines(struct exchange *x, const struct bw_http_response *r, struct bw_buf *out);
bool header_is_hop(struct bw_str name);
/* Whether it may stand behind a body: nothing that decides about the message itself, or speaks for us. */
bool header_may_trail(struct bw_str name);
/* Whether the Connection header names it. */
bool connection_names(const struct bw_http_header *headers, size_t count, struct bw_str name);

/* ---- rewrite.c ---- */

/* The rule's transforms, in the request itself. False when what comes out is no host or target. */
bool rewrite_apply(struct exchange *x, struct bw_http_request *r);
