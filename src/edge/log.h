/* Logs of load balancers: log.c keeps their files, log_access.c writes a line a request, log_connection.c a
 * line a connection, log_health.c a line a health check. */
#pragma once

#include "edge/exchange.h"
#include "edge/listen.h"
#include "edge/stats.h"

/* Appends to the load balancer's file; `prefix` is in front of its name. Lost when that cannot be done at
 * once. */
void log_append(struct stats *s, struct log_file *f, const char *prefix, struct bw_str line);
/* A health check is over; `failure`: the log's reason, NULL when it passed. */
struct probe;
void log_health(const struct probe *p, const char *failure);
/* Between double quotes, "-" for nothing: what could end it, or the line, is escaped. What a client chooses the length of is cut off
 * behind `most` bytes as they stand there, so that no line is lost for its length; short texts behind 2 KiB. */
void log_put_quoted_most(struct bw_str s, size_t most, struct bw_buf *out);
void log_put_quoted(struct bw_str s, struct bw_buf *out);
/* What the transforms made of a request: the log's last fields but for the status. */
void log_transformed(struct exchange *x, struct bw_str host, struct bw_str uri);
/* The tracing header that the target got, when more of it is known than ours. */
void log_traced(struct exchange *x, struct bw_str value);
/* "TID_" and 32 digits: the connection, in both logs. */
void log_put_connection(const struct edge *e, uint64_t serial, struct bw_buf *out);
/* The access log: what of a request it tells, and the line at its end. */
void log_begin(struct exchange *x, const struct bw_http_request *r);
void log_access(struct exchange *x);
/* The connection log: once, when it is known what became of the handshake. */
void log_connection(const struct listening *l, struct ssl_st *tls, const struct bw_address *peer, int64_t opened_ms,
    uint64_t serial, bool shaken);
/* Writes what waits. */
void log_close(struct edge *e, struct log_file *f);
void logs_write(struct edge *e);
