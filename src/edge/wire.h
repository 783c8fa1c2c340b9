/* Bytes on their way and the sockets that they leave by. */
#pragma once

#include "base/str.h"
#include "base/mem.h"
#include "net/loop.h"
#include "net/socket.h"

struct edge;

/* ---- wire.c: bytes on their way out ---- */

struct wire {
	char *p;
	uint32_t at, n, size;
};

size_t wire_length(const struct wire *w);
struct bw_str wire_bytes(const struct wire *w);
/* How much more body it takes before its source has to wait. */
size_t wire_room(const struct wire *w);
/* False past WIRE_MAX. */
bool wire_put(struct edge *e, struct wire *w, struct bw_str bytes);
/* Into one that is empty, for what stays there for long: it takes no more memory than it is large. Not above WIRE_MAX. */
void wire_keep(struct edge *e, struct wire *w, struct bw_str bytes);
/* Room for `n` more bytes behind what is there, which are there once wire_fill says so; NULL past WIRE_MAX. */
char *wire_space(struct edge *e, struct wire *w, size_t n);
void wire_fill(struct wire *w, size_t n);
void wire_eat(struct edge *e, struct wire *w, size_t n);
void wire_free(struct edge *e, struct wire *w);
/* What the loop takes from the system for connections and what is on them: buffers in use and in store, whole sheets of
 * the slab, sessions' places, and all that OpenSSL holds but for the image's certificates and trust stores: whoever has large ones
 * must not take others' connections from them. */
size_t memory_held(const struct edge *e);
/* Whether that is more than it may be: then what is new is refused. */
bool memory_full(const struct edge *e);
/* What somebody holds besides has become `now` bytes; `counted` is what memory_full knows of it already. */
void memory_count(struct edge *e, size_t now, size_t *counted);
/* An arena of a stream, with what memory another one has left; given back instead of freed. */
void arena_take(struct edge *e, struct bw_arena *a, size_t limit_bytes);
void arena_give(struct edge *e, struct bw_arena *a);

/* ---- sock.c: a socket, with TLS or without, watched edge-triggered ---- */

enum io { IO_DONE, IO_WAIT, IO_END, IO_FAIL };

struct sock {
	struct bw_watch watch;
	struct ssl_st *tls;
	bool readable, writable, hup, failed;
	bool shaken; /* TLS: the handshake is over */
	bool asleep; /* its state is */
	bool own;    /* no other process has the descriptor */
};

/* A connected socket of our own that nobody watches yet: bytes may be there already, and what is over soon was never to be waited for. */
void sock_hold(struct sock *s, int fd, void (*ready)(struct bw_watch *w, uint32_t events));
/* Watches one that was held, for what has to be waited for as things stand: one that takes bytes would tell so at once, and for nothing.
 * What is there by now is told too. */
BW_CHECKED enum bw_err sock_await(struct edge *e, struct sock *s);

BW_CHECKED enum bw_err sock_watch(
    struct edge *e, struct sock *s, int fd, void (*ready)(struct bw_watch *w, uint32_t events));
/* A socket on its way to an address, of which an event tells how it went; from one of this machine's, or (NULL) whichever leads there.
 * False: it could not even begin. */
bool sock_connect(struct edge *e, struct sock *s, const struct bw_address *from, const struct bw_address *to,
    void (*ready)(struct bw_watch *w, uint32_t events));
/* How it went. */
/* With a socket of ours, which is closed when that fails: then errno says why. */
bool sock_connect_from(struct edge *e, struct sock *s, int fd, const struct bw_address *to,
    void (*ready)(struct bw_watch *w, uint32_t events));
bool sock_connected(struct sock *s);
/* Notes what an event tells. */
void sock_note(struct sock *s, uint32_t events);
void sock_close(struct edge *e, struct sock *s);
/* Nothing more is said, and the peer hears that. What still comes can be read as it is, without TLS, so that no reset takes an answer
 * away that is on its way (RFC 9112 9.6). */
void sock_farewell(struct sock *s);
/* Reads and drops, *dropped in all. False: nothing more is to be waited for. */
bool sock_drop(struct sock *s, char *scratch, uint32_t *dropped);
/* Nobody is expected to move bytes for a while. Moving some wakes it. */
void sock_sleep(struct sock *s);
enum io sock_handshake(struct sock *s);
enum io sock_read(struct sock *s, char *to, size_t size, size_t *n);
/* Sends what waits. IO_DONE: nothing is left. *moved: how much went. */
enum io sock_flush(struct edge *e, struct sock *s, struct wire *w, size_t *moved);
