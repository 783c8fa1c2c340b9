/* Target groups and their targets, which outlive an image: group.c keeps them, balance.c picks one, health.c and unhealthy.c
 * look after their health. */
#pragma once

#include "core/edge_image.h"
#include "edge/stats.h"
#include "net/loop.h"
#include "net/socket.h"

struct exchange;

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
struct probe;
struct permits;
struct stats;
struct edge;
struct edge_config;

struct target {
	struct group *group;
	struct target *next;
	char *key; /* id and port */
	struct bw_str id;
	int64_t port;
	struct bw_address address;
	bool has_address, elsewhere, draining, seen, gone;
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
	struct exchange *exchanges; /* requests in work */
	struct target *ended_next;  /* of those whose requests are to be ended */
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
	int64_t sticky_s, slow_start_ms, min_count, min_percent;
	struct bw_str app_cookie;
	bool proxy_protocol;
	bool keeps_origin; /* targets see the clients' addresses */
	bool cut_unhealthy, cut_drained; /* connections to targets that have become so are ended */
	int64_t unhealthy_drain_ms;      /* without the first: how long they may go on */
	const struct permits *egress; /* of a load balancer that uses it; NULL: everything */
	struct stats *balancer_stats;
	struct bw_address balancer; /* the address of one that uses it; no bytes: none does */
	int64_t values[METRICS];
};

/* A target that is a load balancer itself has security groups that may name ours: it is spoken to from our own address, which such a rule
 * permits. NULL: from whichever. */
static inline const struct bw_address *group_speaks_from(const struct group *g)
{
	return bw_str_eq(g->in.target_type, BW_STR("alb")) && g->balancer.bytes ? &g->balancer : NULL;
}

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
/* The same, whatever its health. */
bool target_reachable(const struct target *t);
/* With too few healthy ones all get requests (target_group_health.unhealthy_state_routing): an application that is half there is
 * better than none. */
bool group_fails_open(const struct group *g);
void target_outcome(struct target *t, bool error);
/* A target that serves is anomalous when its share of errors lies above this: half as much again as the mean, and a tenth at least.
 * 1 when there are too few to compare. */
double group_anomaly_floor(const struct group *g);
/* Whether the anomalous get fewer requests. */
bool group_mitigates(const struct group *g);
/* Looks after its health from now on: checks it, or waits to hear of it. */
void probe_start(struct target *t);
void probe_stop(struct target *t);
/* What the image alone says of its health; true: nothing else counts. */
bool health_settled(struct target *t);
void health_note(struct target *t, enum health health, const char *reason, const char *description);
/* unhealthy.c: what becomes of a target's connections (target_health_state.unhealthy.*). */
void unhealthy_begin(struct target *t);
void unhealthy_end(struct target *t);
