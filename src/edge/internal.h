/* What the files of edge/ share; nobody else includes this. One loop, one thread. */
#pragma once

#include "base/doze.h"
#include "base/map.h"
#include "base/slab.h"
#include "base/sys.h"
#include "core/edge_image.h"
#include "crypto/crypto.h"
#include "edge/config.h"
#include "edge/edge.h"
#include "edge/loops.h"
#include "edge/wire.h"
#include "net/http.h"
#include "net/http1_response.h"
#include "net/socket.h"

struct edge;

enum {
	BLOCK_BYTES = 16 * 1024, /* what a direction of a request in work may hold back */
	WIRE_MAX = BW_HTTP_HEAD_MAX * 2 + BLOCK_BYTES, /* the longest head, with what is added to it */
	BLOCKS_POOLED = 256,
	ARENAS_POOLED = 256, /* of streams, that used no more than a block */
	SCRATCH_BYTES = BW_HTTP_HEAD_MAX + BLOCK_BYTES,
	CONNECTIONS_MAX = 100000, /* clients of all loops together; more are refused at accept */
	CONNECTIONS_PER_ADDRESS =
	    20000, /* of them from one IPv4 address or IPv6 /64: many users share one behind a NAT */
	HELD_BYTES_MAX = 1024 * 1024 * 1024, /* of all buffers together; then new requests get 503 */
	IDLE_UPSTREAMS = 256,                /* kept a target */
	CONNECT_MS = 10000,                  /* ALB's time to reach a target */
	HEAD_MS = 10000,                     /* a request's head, once begun, is whole by then */
	RATE_MS = 10000, /* in each such span a body or an answer moves on by RATE_BYTES */
	RATE_BYTES = 512,
	LINGER_MS = 2000,
	DISCARD_MAX = 64 * 1024, /* of a body that nobody wants, before the connection is closed instead */
	CHUNK_LINES = 16,        /* bytes around a chunk */
	DOZE_MS = 2000, /* without a byte: then what a connection is made of sleeps */
	ROUNDS = 32,             /* steps of one connection before the others have their turn */
};


/* ---- group.c, balance.c, health.c: what outlives an image ---- */

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

enum health {
	HEALTH_INITIAL,
	HEALTH_HEALTHY,
	HEALTH_UNHEALTHY,
	HEALTH_UNUSED,
	HEALTH_DRAINING,
	HEALTH_UNAVAILABLE
};

struct group;
struct upstream;
struct far;
struct flow;
struct edge_config;

struct target {
	struct group *group;
	struct target *next;
	char *key; /* id and port */
	struct bw_str id;
	int64_t port;
	struct bw_address address;
	bool has_address, draining, seen, gone;
	bool tried; /* not to be picked again, by group_pick_other */
	bool told;  /* its health is known of a check before ours */
	int64_t registered_ms, draining_ms;
	int references;
	enum health health;
	const char *reason;
	char description[80];
	uint32_t successes, failures, checks;
	int64_t outstanding;
	double errors;         /* a moving share of answers that were errors */
	struct upstream *idle; /* newest first */
	uint32_t idle_count;
	struct far *fars; /* connections over HTTP/2 */
	struct flow *flows;
	struct probe *probe;
	struct bw_timer unhealthy; /* its connections end then */
	bool unhealthy_draining;   /* until then */
};

struct group {
	struct edge *edge;
	int references; /* of images */
	char *arn_text;
	struct bw_str arn, dimension; /* "targetgroup/name/id" */
	struct target *targets;       /* in the image's order */
	size_t target_count;
	_Atomic uint32_t *turn; /* round robin, of all loops */
	bool used;     /* a listener of the newest image forwards to it */
	/* As the newest image has it. */
	struct bw_edge_target_group in;
	bool http, https, http2, grpc, seen;
	enum { BALANCE_ROUND, BALANCE_LEAST, BALANCE_RANDOM } balance;
	bool anomaly;
	enum { STICKY_NONE, STICKY_LB, STICKY_APP, STICKY_SOURCE } sticky;
	int64_t sticky_s, slow_start_ms, drain_ms, min_count, min_percent;
	struct bw_str app_cookie;
	bool proxy_protocol;
	bool keeps_origin; /* targets see the clients' addresses */
	bool cut_unhealthy, cut_drained; /* connections to targets that have become so are ended */
	int64_t unhealthy_drain_ms;      /* without the first: how long they may go on */
	const struct permits *egress; /* of a load balancer that uses it; NULL: everything */
	struct stats *balancer_stats;
	int64_t values[METRICS];
};

struct group *group_find(struct edge *e, struct bw_str arn);
void group_release(struct group *g);
void target_hold(struct target *t);
void target_release(struct target *t);
/* Brings every group to what the image says. */
void groups_update(struct edge *e, struct edge_config *config);
/* Health is another's care from now on. */
void groups_retire(struct edge *e);
/* After the rules are read: which groups are in use is known, and health is looked after. */
void groups_settle(struct edge *e);
/* The target for a new request; NULL when none may get one. `now_ms` is wall time. */
struct target *group_pick(struct group *g, int64_t now_ms);
/* Another one than these, which may be gone already. */
struct target *group_pick_other(struct group *g, int64_t now_ms, struct target *const *tried, size_t count);
struct target *group_by_key(struct group *g, struct bw_str key);
/* Whether a sticky client may still be sent there. */
bool target_serves(const struct target *t);
void target_outcome(struct target *t, bool error);
/* Looks after its health from now on: checks it, or waits to hear of it. */
void probe_start(struct target *t);
void probe_stop(struct target *t);
/* What the image alone says of its health; true: nothing else counts. */
bool health_settled(struct target *t);
void health_note(struct target *t, enum health health, const char *reason, const char *description);
/* AWS's word for its health. */
const char *health_word(const struct target *t);
/* unhealthy.c: what becomes of a target's connections (target_health_state.unhealthy.*). */
void unhealthy_begin(struct target *t);
void unhealthy_end(struct target *t);

/* ---- rule.c, match.c ---- */

/* `*` any run, `?` one byte, `\` escapes the next; linear in the product of both lengths. */
bool wildcard_match(struct bw_str pattern, struct bw_str text, bool nocase);
/* NULL when it does not compile. */
struct pcre2_real_code_8 *regex_compile(struct bw_str pattern, bool nocase);
void regex_free(struct pcre2_real_code_8 *code);
/* A match that takes too many steps is none. */
bool regex_match(struct edge *e, const struct pcre2_real_code_8 *code, struct bw_str text);
const struct rule *rule_match(
    struct edge *e, const struct listener *l, const struct bw_http_request *r, const struct bw_address *peer);

/* ---- rule_index.c ---- */

/* In the arena; the rules stay where they are. */
struct rule_index *rule_index_make(struct bw_arena *a, const struct rule *rules, size_t count);
/* The number of the first rule that holds; SIZE_MAX: none. `holds` is asked of those alone that can, in no order. `host`
 * has no port. */
size_t rule_index_first(const struct rule_index *x, struct bw_str host, struct bw_str path,
    bool (*holds)(void *ctx, size_t rule), void *ctx);

/* ---- listen.c ---- */

/* An open socket of a listener. */
struct listening {
	struct edge *edge;
	struct listening *next;
	int references;
	struct bw_watch watch;
	struct bw_timer retry;
	struct bw_address address;
	char address_text[BW_ADDRESS_TEXT_MAX];
	char *arn;
	struct edge_config *config; /* a reference */
	struct listener *listener;  /* of the config; NULL: closed */
	struct stats *listener_stats;
	int64_t idle_ms, keep_alive_ms;
	bool seen, udp;
	char reason[128];
	enum { SOCKET_NONE, SOCKET_WANTED, SOCKET_ASKED } socket;
	struct udp_flows *flows;
};

void listenings_update(struct edge *e, struct edge_config *config);
void listenings_close(struct edge *e);
/* Accepts nothing more; connections go on as before. */
void listenings_retire(struct edge *e);
void listening_release(struct listening *l);
/* Its socket has come, or not (an errno). */
void listening_opened(struct listening *l, int fd, int error);

/* ---- exchange.c: a request and its answer, between a client's side and a target's ---- */

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
	struct group *group;
	struct target *target; /* a reference */
	const struct target_ops *to;
	void *up;
	struct target *tried[TRIES]; /* that could not be reached; only to compare with */
	size_t tried_count, refusals, losses;
	bool is_head, request_done, answered, ended, close, upgrade, ambiguous, chunked_out, has_body,
	    unsafe, grpc;
	int status, target_status;
	size_t checks_passed;      /* of the rule's checks */
	struct parked *parked;     /* a check waits */
	struct flow *flow;         /* an identity provider was asked */
	struct bw_buf identity;    /* header lines that tell the target who asks */
	struct bw_buf cookies;     /* Set-Cookie lines of the answer, whoever gives it */
	struct bw_str session_cookie; /* what they set, for a target that says otherwise */
	const char *error_reason;  /* the access log's; static storage */
	uint64_t connection;       /* the client's connection, for the log */
	int tier;                  /* of desync mitigation */
	const char *tier_reason;
	uint32_t error; /* HTTP/2's word for how a side ended, for the other; 0: none */
	int64_t started_us, sent_us, answered_us;
	uint64_t received, sent;
	struct bw_buf log;          /* the request's part of the access log line; empty without logs */
	struct bw_buf redirect;          /* where to, for the log */
	struct bw_buf transformed;       /* the log's "host" "uri" behind transforms */
	const char *transform;           /* how they ended, as the log has it; NULL: there are none */
	char trace[48];                  /* "Root=1-67891233-abcdef012345678912345678", for the log */
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
/* Makes x->cookies ready to be written to. */
void exchange_cookies(struct exchange *x);
/* The rest of the rule's checks, and its action. */
void exchange_go_on(struct exchange *x, struct bw_http_request *r);
/* After `end` or `cut`, by the client's side. */
void exchange_free(struct exchange *x);
/* From the target's side; `ends`: nothing comes behind the head, whatever it says. */
void exchange_answer(struct exchange *x, const struct bw_http_response *r, bool ends);
void exchange_answer_end(struct exchange *x);

/* ---- dispatch.c: which target gets a request ---- */

void dispatch(struct exchange *x, struct bw_http_request *r);
/* x is done with its target. */
void dispatch_leave(struct exchange *x);
/* The connection for x never came to be. */
void dispatch_unconnected(struct exchange *x);
/* That, and nothing of `bytes` was sent: another target gets them, or nobody, and x fails. May free x. */
void dispatch_again(struct exchange *x, struct bw_str bytes);
/* A connection that had x ended without a word of an answer. Whether x may be asked once more: of the target, if it was a kept
 * connection, which may have been closed for long, and this its first loss; else of another one. */
bool dispatch_lost(struct exchange *x);
/* As dispatch_again, of a target that was connected to. */
void dispatch_elsewhere(struct exchange *x, struct bw_str bytes);
/* The target did nothing with x and says so: it gets it once more, some times. May free x. */
void dispatch_refused(struct exchange *x, struct bw_str bytes);

/* ---- emit.c: heads as they go out ---- */

/* A whole head towards an HTTP/1.1 target, into `out`. */
void emit_request(struct exchange *x, const struct bw_http_request *r, struct bw_buf *out);
/* The headers that a listener's attributes set. */
void emit_overrides(const struct exchange *x, struct bw_buf *out);
void emit_response_lines(struct exchange *x, const struct bw_http_response *r, struct bw_buf *out);
bool header_is_hop(struct bw_str name);
/* Whether it may stand behind a body: nothing that decides about the message itself, or speaks for us. */
bool header_may_trail(struct bw_str name);
/* Whether the Connection header names it. */
bool connection_names(const struct bw_http_header *headers, size_t count, struct bw_str name);

/* ---- tls.c ---- */

/* The certificates and rules of a listener; shared by the images that say the same. NULL (said in *reason)
 * when none can be used. */
struct tls_set *tls_set_make(
    struct edge *e, const struct bw_edge_listener *in, bool http2, const char **reason);
void tls_set_release(struct tls_set *s);
bool tls_chose_http2(const struct ssl_st *tls);
/* Towards a target: HTTP/2 or nothing. */
void tls_offer_http2(struct ssl_st *tls);
struct ssl_st *tls_accept(const struct listener *l, int fd);
bool tls_passes_through(const struct listener *l);
bool tls_verifies(const struct listener *l);
/* Absent: none. Borrowed of the connection, of the listener. */
struct bw_str tls_name_asked(const struct ssl_st *tls);
struct bw_str tls_certificate_arn(const struct listener *l, const struct ssl_st *tls);

/* ---- tls_client.c ---- */

/* Subject, validity, serial number and what came of verifying it, as connection logs have them. */
void tls_log_client(const struct listener *l, const struct ssl_st *tls, bool shaken, struct bw_buf *out);
/* X-Amzn-Mtls-* lines of a client's certificate. */
void tls_emit_client(const struct exchange *x, struct bw_buf *out);

/* ---- rewrite.c, log.c ---- */

/* The rule's transforms, in the request itself. False when what comes out is no host or target. */
bool rewrite_apply(struct exchange *x, struct bw_http_request *r);
/* The access log: what of a request it tells, and the line at its end. */
void log_begin(struct exchange *x, const struct bw_http_request *r);
void log_access(struct exchange *x);
/* The connection log: once, when it is known what became of the handshake. */
void log_connection(const struct listening *l, struct ssl_st *tls, const struct bw_address *peer, int64_t opened_ms,
    uint64_t serial, bool shaken);
/* Writes what waits. */
void log_close(struct edge *e, struct log_file *f);
void logs_write(struct edge *e);

/* ---- check.c ---- */

/* Reads the actions in front of the last. False: one cannot be read; then the rule lets nobody pass. */
bool checks_compile(struct edge_config *c, const struct bw_edge_rule *in, struct rule *out);
/* False: the request was answered, or waits. */
bool checks_pass(struct exchange *x, const struct bw_http_request *r);
const char *check_name(const struct check *list, size_t at);
/* Drops what waits. */
void check_forget(struct exchange *x);

/* ---- auth_*.c: users and their identity providers ---- */

void auth_keys_make(struct edge_config *c, struct balancer *b);
void auth_keys_free(struct balancer *b);
/* Whether the request is a user who comes back from a provider: then it is looked after. */
bool login_returns(struct exchange *x, const struct bw_http_request *r);
void flow_free(struct exchange *x);

/* ---- desync.c ---- */

enum tier { TIER_COMPLIANT, TIER_ACCEPTABLE, TIER_AMBIGUOUS };
/* How far a request that the parser took strays from RFC 9112, and AWS's word for it. */
enum tier desync_classify(const struct bw_http_request *r, const char **reason);
/* A name that some server may read as Transfer-Encoding or Content-Length. */
bool header_is_suspicious(struct bw_str name);

/* ---- answer.c: the load balancer's own answers ---- */

void answer_error(struct exchange *x, int status);
void answer_fixed(struct exchange *x);
void answer_redirect(struct exchange *x, const struct bw_http_request *r);
/* 302, to where a check sends the user. */
void answer_found(struct exchange *x, struct bw_str location);
const char *answer_reason(int status);

/* ---- sticky.c ---- */

/* The first of that name; absent when none has a value. */
struct bw_str cookie_find(const struct bw_http_request *r, struct bw_str name);

struct target *sticky_target(struct exchange *x, const struct bw_http_request *r, struct group *g);
struct group *sticky_group(struct exchange *x, const struct bw_http_request *r);
/* Set-Cookie lines for the answer. */
void sticky_lines(struct exchange *x, const struct bw_http_response *r, struct bw_buf *out);

/* ---- client.c, upstream.c, tunnel ---- */

void client_open(struct listening *l, int fd, const struct bw_address *peer, uint32_t slot);
void clients_drain(struct edge *e);
/* Over HTTP/2, on a socket whose handshake chose it; takes the socket. */
void h2_open(struct listening *l, struct sock *from, const struct bw_address *peer, uint32_t slot, uint64_t serial);
void h2_drain(struct edge *e);
/* Where their sessions are to lie. */
void h2_places_open(struct edge *e);
/* A network load balancer's connection. */
void flow_open(struct listening *l, int fd, const struct bw_address *peer, uint32_t slot);
/* Cuts every connection to the target. */
void flows_end(struct target *t);
/* By the flow hash; NULL: none. The group of the listener's default action. */
struct target *flow_target_of(const struct listening *l, const struct bw_address *peer, struct group **group);
/* Takes the socket. False and errno. */
BW_CHECKED bool udp_open(struct listening *l, int fd);
void udp_close(struct listening *l);

/* Closes what is kept. */
void upstreams_close(struct target *t);
void fars_close(struct target *t);

/* ---- the worker ---- */

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
	size_t held_bytes, held_max; /* besides what is out of `slab`; both together */
	struct bw_slab slab;         /* what connections over HTTP/2 and their streams are made of */
	struct bw_doze h2_places; /* of their sessions */
	struct h2_room *h2_room;
	struct {
		char *at, *end;
		bool room; /* it is to get the shared one */
	} h2_opening; /* the session that is being made: what is left of its place */
	bool draining, retiring;
	int64_t retired_ms;
	char *blocks[BLOCKS_POOLED];
	size_t block_count;
	struct bw_arena arenas[ARENAS_POOLED];
	size_t arena_count;
	char *scratch; /* SCRATCH_BYTES: what is read lies here until it is passed on */
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
	int64_t report_ms;
};

/* Something changed that the report tells: it goes out soon. */
void report_touch(struct edge *e);
void report_publish(struct edge *e);
/* Counters go on from where the process before this one, at the same board, left them. */
void report_resume(const struct edge *e, struct bw_str load_balancer, struct bw_str target_group, int64_t *values);
int64_t edge_wall_ms(struct edge *e);
