/* What is counted and told of load balancers: report.c. */
#pragma once

#include "base/buf.h"
#include "core/edge_image.h"

struct edge;

enum metric {
	M_REQUEST_COUNT,
	M_GRPC_REQUESTS,
	M_HTTP_2XX,
	M_HTTP_3XX,
	M_HTTP_4XX,
	M_HTTP_5XX,
	M_ELB_3XX,
	M_ELB_4XX,
	M_ELB_5XX,
	M_ELB_500,
	M_ELB_502,
	M_ELB_503,
	M_ELB_504,
	M_FIXED,
	M_REDIRECT,
	M_CONNECTION_ERROR,
	M_RESPONSE_US,
	M_RESPONSES,
	M_REJECTED,
	M_NEW_CONNECTIONS,
	M_ACTIVE_CONNECTIONS,
	M_PROCESSED_BYTES,
	M_TLS_ERRORS,
	M_DESYNC,
	M_DROPPED_HEADERS,
	M_DENIED,
	M_AUTH_SUCCESS,
	M_AUTH_FAILURE,
	M_AUTH_ERROR,
	M_AUTH_REFRESHED,
	M_AUTH_CLAIMS_EXCEEDED,
	M_HEALTHY,
	M_UNHEALTHY,
	METRICS,
};
extern const char *const metric_names[METRICS];

/* A file that is appended to, at the end of each turn of the loop. */
struct log_file {
	int fd;
	bool open, listed;
	int64_t opened_ms;
	uint64_t lines; /* that this process has written: numbers them */
	struct bw_buf waiting;
	struct log_file *next; /* of those that have lines waiting */
};

/* Of a load balancer, over all its images, each of which holds a reference. */
struct stats {
	struct log_file access_log, connection_log, health_log;
	bool health_logged; /* the newest image wants it */
	struct edge *edge;
	int references;
	struct bw_str arn, dimension; /* "app/name/id" */
	int64_t values[METRICS];
};

/* With a reference for the caller. */
struct stats *stats_hold(struct edge *e, const struct bw_edge_load_balancer *lb);
void stats_release(struct stats *s);

/* Something changed that the report tells: it goes out soon. */
void report_touch(struct edge *e);
void report_publish(struct edge *e);
/* Counters go on from where the process before this one, at the same board, left them. */
void report_resume(const struct edge *e, struct bw_str load_balancer, struct bw_str target_group, int64_t *values);
