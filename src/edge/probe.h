/* A target's health check, between health.c (when, and what follows), probe_http1.c and probe_http2.c (how).
 */
#pragma once

#include "edge/h2_pump.h"

struct probe;

/* How a target is asked. Both may end the check with probe_judge or probe_refuse, and touch nothing then. */
struct probe_ops {
	/* The connection is there, and its TLS. */
	void (*begin)(struct probe *p);
	/* The socket can do more. */
	void (*step)(struct probe *p);
};
extern const struct probe_ops probe_http1, probe_http2;

struct probe {
	struct target *target;
	const struct probe_ops *ops; /* NULL: that there is a connection is enough */
	struct h2_pump pump;         /* its socket, whatever is spoken on it */
	struct h2_strand strand;     /* HTTP/2: its one stream */
	struct bw_timer beat, limit;
	bool busy, connected, begun, https;
	char host[BW_ADDRESS_TEXT_MAX + 16]; /* "127.0.0.1:80" */
	char *answer;                        /* HTTP/1.1 */
	size_t got;
	int32_t status, grpc_status; /* HTTP/2; -1: none yet */
	bool ended;
	int64_t began_us;
	int code; /* what was answered; -1: nothing yet */
};

/* The answer's status, or gRPC's. */
void probe_judge(struct probe *p, int status);
void probe_refuse(struct probe *p);
