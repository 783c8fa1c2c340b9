/* Logs of load balancers: log.c keeps their files, log_access.c writes a line a request, log_connection.c a
 * line a connection, log_health.c a line a health check. */
#pragma once

#include "edge/internal.h"

/* Appends to the load balancer's file; `prefix` is in front of its name. Lost when that cannot be done at
 * once. */
void log_append(struct stats *s, struct log_file *f, const char *prefix, struct bw_str line);
/* A health check is over; `failure`: the log's reason, NULL when it passed. */
struct probe;
void log_health(const struct probe *p, const char *failure);
/* Between double quotes, "-" for nothing: what could end it, or the line, is escaped. */
void log_put_quoted(struct bw_str s, struct bw_buf *out);
/* "TID_" and 32 digits: the connection, in both logs. */
void log_put_connection(const struct edge *e, uint64_t serial, struct bw_buf *out);
