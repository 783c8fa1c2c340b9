/* A request and its answer, between a client's side and a target's: exchange.c. */
#pragma once

#include "edge/config.h"
#include "edge/wire.h"
#include "net/http.h"
#include "net/http1_response.h"
#include "net/socket.h"

struct parked;
struct auth_flow;
struct group;
struct target;

struct exchange;

/* What the exchange asks of the client's side. */
struct client_ops {
	/* The answer's head, and how its body is framed: a length, or -1 for as much as comes. `lines` are
	 * whole header lines. */
	void (*head)(struct exchange *x, int status, struct bw_str reason, struct bw_str lines,
	    int64_t length, bool no_body);
	size_t (*room)(const struct exchange *x);
	void (*body)(struct exchange *x, struct bw_str bytes);
	/* Behind the body: whole lines. */
	void (*trailers)(struct exchange *x, struct bw_str lines);
	/* The answer is whole. */
	void (*end)(struct exchange *x);
	/* It will never be: what was begun must be seen to be cut off. */
	void (*cut)(struct exchange *x);
	/* The target takes more of the body. */
	void (*pull)(struct exchange *x);
	/* The target switches protocols: bytes flow as they come from now on. */
	void (*tunnel)(struct exchange *x);
	/* Bytes were given: send them. May free x. */
	void (*wake)(struct exchange *x);
};

/* What the exchange asks of the target's side, one request of which it is; x->up is the row's own. */
struct target_ops {
	/* Takes a kept connection or begins one; `bytes` is the head as emit_request makes it, and what is known
	 * of the body, framed for the row. False: no connection can be begun. */
	bool (*begin)(struct exchange *x, struct bw_str bytes);
	size_t (*room)(const struct exchange *x);
	void (*body)(struct exchange *x, struct bw_str bytes);
	void (*trailers)(struct exchange *x, struct bw_str lines);
	void (*body_end)(struct exchange *x);
	/* The client's side has room again. */
	void (*pull)(struct exchange *x);
	/* x goes before its answer was whole. Clears x->up. */
	void (*leave)(struct exchange *x);
};
extern const struct target_ops upstream_http1, upstream_http2;

enum { TRIES = 3 }; /* targets that one request may be meant for, until one takes it */

struct exchange {
	struct edge *edge;
	struct edge_config *config; /* a reference */
	const struct listener *listener;
	const struct rule *rule;
	const struct client_ops *ops;
	void *client;
	const struct bw_address *peer, *local;
	struct ssl_st *tls; /* of the client's connection */
	bool http2, http10, tunnel;
	bool hostless; /* of HTTP/1.0, without a Host line: the load balancer's name stands there */
	struct group *group;
	struct target *target; /* a reference */
	struct exchange *next_there, **prev_there; /* of the target's; prev_there NULL: not among them */
	const struct target_ops *to;
	void *up;
	struct target *tried[TRIES]; /* that could not be reached; only to compare with */
	size_t tried_count, refusals;
	bool lost; /* with a kept connection: it gets one more try */
	bool is_head, request_done, answered, ended, close, upgrade, ambiguous, chunked_out, has_body,
	    unsafe, grpc;
	bool app_session; /* the application's cookie came back with ours, which is renewed */
	bool app_cors;    /* the client wants to be told that ours is for other origins too */
	int status, target_status;
	size_t checks_passed;      /* of the rule's checks */
	struct parked *parked;     /* a check waits */
	struct auth_flow *flow;         /* an identity provider was asked */
	struct bw_buf identity;    /* header lines that tell the target who asks */
	struct bw_buf cookies;     /* Set-Cookie lines of the answer, whoever gives it */
	struct bw_buf sticky;      /* what the request's cookies say of other target groups: sticky.c */
	struct bw_str session_cookie; /* what they set, for a target that says otherwise */
	const char *error_reason;  /* the access log's; static storage */
	uint64_t connection;       /* the client's connection, for the log */
	int tier;                  /* of desync mitigation */
	const char *tier_reason;
	uint32_t error; /* HTTP/2's word for how a side ended, for the other; 0: none */
	int64_t started_us, sent_us, answered_us; /* started: for the log alone */
	uint64_t received, sent;
	struct bw_buf log;          /* the request's part of the access log line; empty without logs */
	struct bw_buf redirect;          /* where to, for the log */
	struct bw_buf transformed;       /* the log's "host" "uri" behind transforms */
	struct bw_buf traced;            /* the log's tracing header, quoted; empty: `trace` is all of it */
	const char *transform;           /* how they ended, as the log has it; NULL: there are none */
	char trace[48];                  /* "Root=1-67891233-abcdef012345678912345678", for the log */
	size_t counted;                  /* of the buffers above, among what the edge holds */
	struct wire again;          /* the request as it was begun, for another try */
};

struct exchange *exchange_new(struct edge *e);
/* Decides what becomes of the request and begins it. x's client, listener, peer and ops are set. Afterwards
 * the body is given with exchange_body, until exchange_body_end. */
void exchange_start(struct exchange *x, struct bw_http_request *r);
size_t exchange_body_room(const struct exchange *x);
void exchange_body(struct exchange *x, struct bw_str bytes);
void exchange_trailers(struct exchange *x, struct bw_str lines);
void exchange_body_end(struct exchange *x);
/* The client's side has room again. */
void exchange_pull(struct exchange *x);
/* Answers for the load balancer itself, unless an answer was begun: then it is cut off. */
void exchange_fail(struct exchange *x, int status);
/* The client is gone. Frees. */
void exchange_abandon(struct exchange *x, int status);
/* What x tells others and the log has grown: it is counted among what the edge holds. */
void exchange_grown(struct exchange *x);
/* Makes x->cookies ready to be written to. */
void exchange_cookies(struct exchange *x);
/* The rest of the rule's checks, and its action. */
void exchange_go_on(struct exchange *x, struct bw_http_request *r);
/* After `end` or `cut`, by the client's side. */
void exchange_free(struct exchange *x);
/* From the target's side; `ends`: nothing comes behind the head, whatever it says. False: it has more lines or bytes than go on, nothing was
 * told of it, and the exchange has to fail. */
BW_CHECKED bool exchange_answer(struct exchange *x, const struct bw_http_response *r, bool ends);
void exchange_answer_end(struct exchange *x);
