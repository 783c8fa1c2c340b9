/* The process of one loop, one thread: edge.c. */
#pragma once

#include "base/doze.h"
#include "base/map.h"
#include "base/slab.h"
#include "base/sys.h"
#include "crypto/crypto.h"
#include "edge/bounds.h"
#include "edge/config.h"
#include "edge/edge.h"
#include "edge/loops.h"
#include "net/http.h"
#include "net/http1_response.h"
#include "net/turn.h"

struct log_file;
struct key_set;
struct tls_set;
struct h2;
struct client;

struct edge {
	struct bw_loop *loop;
	const struct bw_edge *shared;
	const struct bw_edge_loop *row;
	const struct bw_proc_self *self;
	struct seat *seat;
	struct bw_board *reports;
	bool first; /* checks health, has sockets opened, tells of both */
	struct bw_watch image_watch, channel_watch, health_watches[2];
	struct bw_timer report_timer, drain_timer, socket_timer;
	struct log_file *logs; /* that have lines waiting */
	struct bw_post log_post;
	bool log_posted;
	struct target *ended; /* their draining is over: what they still work on ends */
	struct bw_post ended_post;
	struct bw_proc_socket *drops; /* sockets that nobody needs, not said yet */
	size_t drop_count, drop_room;
	unsigned sockets_asked;
	bool settled; /* said so */
	struct bw_arena before_arena, heard_arena;
	struct bw_edge_report before, heard; /* of the process whose seat this was; of health */
	struct edge_config *config; /* the newest; a reference */
	uint64_t image_seq;
	struct bw_map groups;   /* ARN -> struct group */
	struct bw_map tls_sets; /* digest of all that went in -> struct tls_set */
	size_t tls_sets_bytes;  /* of OpenSSL's memory, for all of them */
	struct bw_map stats;    /* ARN -> struct stats */
	struct bw_map key_sets; /* URL -> struct key_set */
	struct origins origins;
	struct bw_errand_client *helper; /* NULL: none; then what needs it fails */
	size_t parked_count;
	uint64_t connections_opened;      /* numbers them */
	struct bw_sip_key connection_key; /* turns numbers into names */
	struct log_box *log_box;          /* what logs are sealed with; NULL: none yet */
	struct listening *listenings;
	struct client *clients;
	struct h2 *h2s;
	size_t held_bytes, held_max; /* of buffers that are in use; of all that memory_held counts */
	struct bw_slab slab;         /* what connections are made of, and their streams */
	struct bw_doze h2_places; /* of their sessions */
	bool draining, retiring;
	int64_t ending_ms; /* since when it drains or retires */
	char *blocks[BLOCKS_POOLED];
	size_t block_count;
	struct bw_arena arenas[ARENAS_POOLED];
	size_t arena_count, arena_bytes;
	char *scratch; /* SCRATCH_BYTES: what is read lies here until it is passed on */
	/* How much of it since it was wiped, which it is at the end of each turn: from its beginning, and from
	 * behind a block, where fields are decoded. */
	size_t scratch_used, room_used;
	struct bw_turn turn;
	struct bw_buf head, decoded, lines;
	struct bw_http_request request;
	struct bw_http_response response;
	struct bw_aead_key *cookies;
	struct bw_arena arena;     /* of one step */
	struct bw_arena rewritten; /* of one request's start */
	struct pcre2_real_match_data_8 *match_data;
	struct pcre2_real_match_context_8 *match_context;
	struct ssl_ctx_st *target_tls;
	bool report_due, health_due;
	int64_t wall_ms, wall_asked_ms; /* the clock on the wall, and in which turn of the loop it was looked at */
};

/* The first `n` bytes of the scratch are used. */
static inline void scratch_use(struct edge *e, size_t n)
{
	if (e->scratch_used < n)
		e->scratch_used = n;
}

/* As of this turn of the loop. */
int64_t edge_wall_ms(struct edge *e);
