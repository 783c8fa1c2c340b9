/* One HTTP/1.1 connection of a server; shared by server.c, connection.c and stream.c alone. */
#pragma once

#include <stdatomic.h>
#include <sys/socket.h>

#include "base/map.h"
#include "net/http.h"
#include "net/socket.h"

enum connection_state { READING_HEAD, READING_BODY, IN_WORK, LINGERING };

struct bw_http_connection {
	struct bw_watch watch;
	struct bw_timer timer;
	struct bw_http_server *server;
	struct bw_http_connection *next, **prev;
	struct ssl_st *ssl;        /* NULL: plain */
	enum connection_state state;
	bool sniffed, plain_refused, advancing, dead, reading_stopped, close_after, head_request;
	bool eof;                  /* the peer has sent its last byte */
	int64_t deadline_ms;       /* when patience ends; 0: no limit */
	uint32_t requests;
	struct bw_buf in, body, out;
	size_t head_seen, head_n, out_at, lingered;
	const char *parsed_at;     /* where `in` lay when the head was parsed: its slices point there */
	size_t fed;                /* bytes of a chunked body that were decoded */
	struct bw_http_chunked chunked;
	struct bw_http_request *request;
	struct bw_http_exchange exchange;
	char address[BW_ADDRESS_TEXT_MAX];
};

struct bw_http_server {
	struct bw_loop *loop;
	struct bw_http_server_config config;
	struct bw_watch listener;
	struct bw_http_connection *connections;
	struct bw_map addresses;   /* text -> how many connections, as a number */
	_Atomic size_t count;
	bool draining;
	void (*drained)(void *ctx);
	void *drained_ctx;
	int64_t date_s;
	char date[64];
};

/* ---- stream.c ---- */
/* Bytes from the peer into c->in: BW_OK with more, BW_EAGAIN, or BW_EIO when the connection is at its end (c->eof). */
BW_CHECKED enum bw_err stream_read(struct bw_http_connection *c);
/* Sends what waits in c->out. BW_OK: all; BW_EAGAIN: the rest later; BW_EIO. */
BW_CHECKED enum bw_err stream_flush(struct bw_http_connection *c);
/* Tells TLS from plain by the first byte. BW_EAGAIN: nothing came yet. */
BW_CHECKED enum bw_err stream_sniff(struct bw_http_connection *c);

/* ---- connection.c ---- */
void connection_start(struct bw_http_server *s, int fd, const struct bw_address *peer);
/* Closes at once unless a request is in work: then when it is answered. */
void connection_close(struct bw_http_connection *c);
/* Frees a dead connection nobody holds. The last thing a callback does. */
void connection_reap(struct bw_http_connection *c);

/* ---- server.c ---- */
struct bw_str server_date(struct bw_http_server *s);
void server_forget(struct bw_http_server *s, struct bw_http_connection *c);
