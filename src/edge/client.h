/* A client's connection over HTTP/1.1, among client.c, client_read.c and client_answer.c. */
#pragma once

#include "edge/exchange.h"
#include "edge/listen.h"
#include "edge/worker.h"

enum client_state { C_SHAKE, C_HEAD, C_BODY, C_WAIT, C_TUNNEL, C_LINGER, C_CLOSED };

struct client {
	struct edge *edge;
	struct listening *listening; /* a reference */
	struct sock sock;
	struct bw_timer timer;
	struct bw_post post;
	struct client *next, **prev;
	struct exchange *x;
	struct wire in, out;
	struct bw_http_chunked chunked;
	int64_t left;
	int64_t opened_ms, active_ms, began_ms; /* began: the head, the body's span, the lingering */
	uint32_t rate_bytes, discarded, slot, requests;
	uint64_t serial;
	uint8_t state;
	bool leaves; /* said so with its last request */
	bool running, posted, close_after, out_chunked, body_chunked, cut, pending;
	bool blocked; /* our side does not take the body, or the peer not the answer: see span_begin */
	struct bw_address peer, local;
};

static inline int64_t now_of(const struct client *c)
{
	return bw_loop_now_ms(c->edge->loop);
}

/* A new span in which the peer has to move RATE_BYTES. */
static inline void span_begin(struct client *c)
{
	c->began_ms = now_of(c);
	c->rate_bytes = 0;
}

static inline void enter(struct client *c, enum client_state state)
{
	c->state = (uint8_t)state;
	c->blocked = false;
	span_begin(c);
}

/* client.c */
void client_open(struct listening *l, int fd, const struct bw_address *peer, uint32_t slot);
/* Some have to end: those that are idle do so in WIND_MS, if they have not asked for anything until then. */
void clients_drain(struct edge *e);
void client_run(struct client *c);
/* Closes; freed when nothing of it is on the stack. */
void client_shut(struct client *c);

/* client_read.c: a step each; true: there may be more to do at once. */
bool client_head_step(struct client *c);
bool client_body_step(struct client *c);
bool client_tunnel_step(struct client *c);
bool client_linger_step(struct client *c);
/* Answers for a request that is none. */
void client_head_refuse(struct client *c, int status);

/* client_answer.c */
/* Half closes, and reads on for a while. */
void client_part(struct client *c);
struct exchange *client_exchange_open(struct client *c);
size_t client_room(const struct client *c);
void client_put(struct client *c, struct bw_str bytes);
/* The answer is sent. True: another request may be there already. */
bool client_answer_sent(struct client *c);
