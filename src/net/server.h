/* The inside of the HTTP server, shared by server.c (listening, ceilings, pools), connection.c (a
 * connection's states) and respond.c (answers). Private to src/net. */
#pragma once

#include <stdatomic.h>

#include "net/http.h"
#include "net/socket.h"
#include "net/tls.h"

enum {
	BW_IN_SMALL = 16 * 1024, /* what a connection reads into; pooled, and given back when idle */
	BW_IN_LARGE = BW_HTTP_HEAD_MAX +
	              16 * 1024, /* for heads that outgrow it: the longest, and room to read its body */
	BW_IN_ROOM = 4 * 1024,   /* least room to read a chunked body into */
	BW_POOLED_MAX = 64,      /* buffers and works a server keeps for the next request */
	BW_HELD_BYTES_MAX = 256 * 1024 * 1024, /* of all connections' buffers together, then 503 */
	BW_LINGER_MS = 2000,                   /* how long a refused sender may go on sending */
	BW_LINGER_BYTES = 4 * 1024 * 1024,
	BW_DRAIN_STEP_MS = 5000, /* the longest of each state of a connection that a drain waits for */
	BW_RETIRE_FIRST_MS = 500, /* for the first request of a connection that was accepted just before a drain */
	BW_SEND_BYTES_PER_MS = 16, /* a reader of answers who is slower than this is cut off */
	BW_STEPS_PER_TURN = 64,    /* then the other connections have their turn */
};

enum bw_connection_state {
	BW_CONN_SNIFF, /* nothing has come: TLS or plain? */
	BW_CONN_HANDSHAKE,
	BW_CONN_HEAD, /* idle, or a head is coming */
	BW_CONN_BODY,
	BW_CONN_WORK,   /* the application has the exchange */
	BW_CONN_SEND,   /* an answer waits for the peer to take it */
	BW_CONN_LINGER, /* answered and half closed: what still comes is thrown away, so that the answer is
	                   not */
	BW_CONN_STATES,
};

/* What a request needs while it is there; an idle connection has none. */
struct bw_work {
	struct bw_work *next; /* in the pool */
	struct bw_http_request request;
	struct bw_http_exchange exchange;
	size_t head_n;
	struct bw_buf body; /* unless it lies in the input buffer */
	struct bw_http_chunked chunked;
};

struct bw_http_connection {
	struct bw_watch watch;
	struct bw_timer timer;
	struct bw_http_server *server; /* NULL: it has died before a request in work was answered */
	struct bw_http_connection *next, **prev;
	struct ssl_st *tls;
	struct bw_work *work;
	uint8_t state;
	bool running;      /* connection_run is on the stack: it will go on by itself */
	bool may_read;     /* a read may bring something */
	bool close_after;  /* the answer being sent is the last */
	bool linger_after; /* and the peer may still be sending */
	uint32_t requests;
	uint32_t address_slot;
	char *in;
	size_t in_at, in_n, in_size;
	size_t scanned; /* of a head that is not whole */
	struct bw_buf out;
	size_t out_at;
	size_t lingered;
	size_t held_bytes;
	int64_t began_ms, limit_ms; /* the state's start, and how long it may last; no limit when 0 */
	struct bw_address peer;
	char peer_text[BW_ADDRESS_TEXT_MAX];
};

struct bw_http_server {
	struct bw_loop *loop;
	struct bw_watch listener;
	struct bw_timer timer; /* resumes accepting; tells that the drain is over */
	struct bw_http_server_config config;
	struct bw_http_connection *connections;
	atomic_size_t count;
	size_t held_bytes;
	struct bw_work *works;
	char *buffers[BW_POOLED_MAX];
	size_t work_count, buffer_count;
	struct bw_buf scratch; /* an answer's head, or all of it for TLS */
	int64_t date_s;
	char date[32];
	bool draining;
	bool retiring; /* another takes over soon: each answer is the last of its connection */
	void (*drained)(void *ctx);
	void *drained_ctx;
};

/* server.c */
struct bw_work *bw_server_work_take(struct bw_http_server *s);
void bw_server_work_give(struct bw_http_server *s, struct bw_work *w);
char *bw_server_buffer_take(struct bw_http_server *s);
void bw_server_buffer_give(struct bw_http_server *s, char *buffer);
/* Takes the connection off the server's list and counts, before it is freed. */
void bw_server_forget(struct bw_http_server *s, struct bw_http_connection *c);

/* connection.c */
/* Begins to serve an accepted socket, which is the connection's from now on. */
void bw_connection_open(
    struct bw_http_server *s, int fd, const struct bw_address *peer, uint32_t address_slot);
/* Runs the states until they wait, then frees the connection if it is closed. */
void bw_connection_run(struct bw_http_connection *c);
/* Closes the socket. The connection is freed by whoever called in, or when its request is answered. */
void bw_connection_close(struct bw_http_connection *c);
/* Closes if nothing is under way, for a drain; frees too. */
void bw_connection_drain(struct bw_http_connection *c);
/* Closes and frees; an exchange in work stays valid without its server. */
void bw_connection_abandon(struct bw_http_connection *c);
void bw_connection_enter(struct bw_http_connection *c, enum bw_connection_state state, int64_t limit_ms);
/* After the answer is sent: the next request, or the end. */
void bw_connection_next(struct bw_http_connection *c);
/* Brings the server's sum of held bytes up to date. */
void bw_connection_account(struct bw_http_connection *c);

/* What a step came to. */
enum bw_step {
	BW_GO_ON,
	BW_WAIT_READ,
	BW_WAIT_WRITE,
	BW_WAIT_APP,
	BW_CLOSED,
};

/* What reading or writing came to. */
enum bw_io {
	BW_IO_DONE,
	BW_IO_WAIT_READ,
	BW_IO_WAIT_WRITE,
	BW_IO_ENDED,
};

/* The same as a step: BW_GO_ON when bytes were moved, closing at the end. */
enum bw_step bw_step_of(struct bw_http_connection *c, enum bw_io io);
enum bw_step bw_step_ended(struct bw_http_connection *c);
enum bw_step bw_step_refuse(struct bw_http_connection *c, int status);

/* request.c: the steps of BW_CONN_HEAD and BW_CONN_BODY. */
enum bw_step bw_step_head(struct bw_http_connection *c);
enum bw_step bw_step_body(struct bw_http_connection *c);

/* input.c */
/* The bytes that are there and not yet used. */
struct bw_str bw_input(const struct bw_http_connection *c);
/* What is there moves to the front; of what was used nothing is left. */
void bw_input_eat(struct bw_http_connection *c);
/* Room behind what is there, which moves to the front or into a larger buffer for it. */
void bw_input_make_room(struct bw_http_connection *c);
/* Into the large buffer: slices of what is there are void. */
void bw_input_grow(struct bw_http_connection *c);
/* Wipes and gives the buffer back. */
void bw_input_release(struct bw_http_connection *c);
enum bw_io bw_connection_read(struct bw_http_connection *c, char *to, size_t size, size_t *n);

/* respond.c */
/* Answers an error that the server itself states, and ends the connection. */
void bw_connection_refuse(struct bw_http_connection *c, int status);
/* Sends "100 Continue"; false when the connection cannot take even that. */
bool bw_connection_send_continue(struct bw_http_connection *c);
/* Sends on what waits in c->out. */
enum bw_io bw_connection_flush(struct bw_http_connection *c);
