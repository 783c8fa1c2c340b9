/* What the loops of the edge have in common: what they count together, what the first finds out for the others,
 * and the sockets that the parent holds for all. */
#pragma once

#include "edge/edge.h"
#include "net/socket.h"
#include "proc/origin.h"

enum {
	ADDRESS_SLOTS = 1 << 14, /* of ceilings of a client's address */
	TURNS = 4096,            /* of target groups: round robin is one over all loops */
	CROWD_SLACK = 64,        /* connections more than its share that a loop may have before it leaves new ones to the others */
};

struct edge;
struct listening;

/* ---- roster.c: what the loops of the edge count together ---- */

/* Of one process: a loop's take turns at two. */
struct seat {
	_Atomic uint32_t incarnation; /* 0: nobody */
	_Atomic uint32_t connections;
	_Atomic uint32_t addresses[ADDRESS_SLOTS]; /* connections by address_slot */
};

struct bw_edge_roster {
	_Atomic uint32_t health; /* whose health board is the newest: an incarnation of the first loop */
	_Atomic uint32_t turns[TURNS];
	struct seat seats[BW_EDGE_SEATS];
};

struct seat *seat_take(const struct bw_edge_loop *loop, uint32_t incarnation);
struct bw_board *seat_board(const struct bw_edge_loop *loop, uint32_t incarnation);
uint32_t address_slot(const struct bw_address *a);
/* False when a ceiling is reached: the connection is refused. */
bool connection_count_in(struct edge *e, uint32_t slot);
/* One more for a connection that is in already, for as long as two structs stand for it. */
void connection_counted_again(struct edge *e, uint32_t slot);
void connection_counted_out(struct edge *e, uint32_t slot);
/* Of this loop. */
size_t connection_count(const struct edge *e);
/* It has so many more connections than the other loops that those should accept the next. */
bool seat_crowded(const struct edge *e);
_Atomic uint32_t *turn_of(const struct edge *e, struct bw_str name);

/* ---- health_share.c: the first loop checks, the others hear ---- */

extern const char *const health_states[];
/* The newest of what is known, to every target that is named there. */
void health_hear(struct edge *e);
void health_tell(struct edge *e);
/* Of all groups. */
size_t targets_count(struct edge *e);
/* Of every target, in the arena. */
void health_list(struct edge *e, struct bw_arena *arena, struct bw_edge_report *out);

/* ---- origin.c: connections that come from their clients' addresses ---- */

enum { ORIGIN_KINDS = 4 };

/* KEPT until something else is known. */
enum origin_state { ORIGIN_KEPT, ORIGIN_OFF, ORIGIN_FAILED };

/* Who waits for a socket, embedded; zeroed but for `ready`. */
struct origin_kind;
struct origin_wait {
	void (*ready)(struct origin_wait *w); /* one is there, or none will be. It is in no list then */
	struct origin_kind *kind;
	struct origin_wait *next, **prev;
};

struct origin_kind {
	enum origin_state state;
	bool wanted;     /* by a group of the newest image */
	unsigned count;  /* sockets that are ready: at most a batch */
	int64_t next_ms; /* when more may be asked for */
	struct origin_wait *waiting, **tail;
	int fds[BW_ORIGIN_BATCH];
};

struct origins {
	struct bw_watch watch; /* the channel to the guard; -1: none */
	struct bw_timer timer;
	struct origin_kind kinds[2][2]; /* by family (IPv6), and whether of datagrams */
};

struct group;
/* `channel`: -1: there is no guard for it. */
BW_CHECKED enum bw_err origins_open(struct edge *e, int channel);
/* After an image: sockets are kept ready for the groups that want them, and for no others. */
void origins_update(struct edge *e);
/* Whether a connection of this client to that target has to come from the client's address. */
bool origin_wanted(
    struct edge *e, const struct group *g, const struct bw_address *peer, const struct bw_address *to, bool udp);
/* A socket bound to the client's address, and to its port unless that is taken or not wanted. -1 and errno: EAGAIN:
 * there is none now. */
int origin_take(struct edge *e, const struct bw_address *peer, bool udp, bool own_port);
/* Calls w->ready when there is one for a connection of this client, unless origin_leave comes first. */
void origin_await(struct edge *e, struct origin_wait *w, const struct bw_address *peer);
void origin_leave(struct origin_wait *w);
/* Why the group's targets do not see their clients' addresses though they should; NULL: they do. Static. */
const char *origin_unkept(const struct edge *e, const struct group *g);

/* ---- socket.c: the parent holds the listening sockets ---- */

void socket_want(struct listening *l);
/* No listener of this address is left, as far as this image knows. */
void socket_drop(struct edge *e, const struct listening *l);
/* Says what is to be said, as far as the channel takes it. */
void sockets_say(struct edge *e);
void socket_answered(struct edge *e, const struct bw_proc_message *m);
/* Some were asked for and have not come. */
bool sockets_awaited(const struct edge *e);
