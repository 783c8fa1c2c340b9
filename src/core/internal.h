/* What the files of core/ share among themselves; nobody else includes this. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "aws/sigv4.h"
#include "base/sys.h"
#include "codec/uuid.h"
#include "core/core.h"
#include "core/entity.h"
#include "core/publish.h"
#include "core/trail_known.h"
#include "net/http.h"
#include "net/socket.h"
#include "net/turn.h"

struct bw_core {
	struct bw_store *store;
	struct bw_trail *trail;
	struct bw_trail_known trail_known; /* as of the start; not of an ephemeral one */
	struct bw_sessions *sessions;
	struct bw_arena arena;          /* of what lives as long as the core */
	struct bw_str account, region;
	struct bw_str data_dir;
	struct bw_first_start first;    /* kept for an ephemeral reset */
	struct bw_str root_key_id, root_secret, root_hash;
	struct bw_board *edge_images;
	const struct bw_edge_reports *edge_reports;
	const struct bw_proc_table *processes;
	bool ephemeral;
	int64_t started_ms;
	const struct bw_op ***rows;     /* [service][operation] as in bw_services; NULL: not built */
	int64_t *quota_values;          /* beside quotas_all */
	struct policy_cache *policies;
	struct guesses *guesses;
	struct worker_pool *workers;
	struct bw_ring *const *keyer_channels; /* one a lane, and one for the rekeyer; or NULL */
	const int *outside_channels; /* likewise */
	unsigned lanes;
	const struct bw_board *seal; /* what the keyer says of its seal; NULL: it is never sealed */
	struct bw_seal_place seal_place;
	struct bw_keyer_waiter *waiter; /* on the rekeyer's channel, its thread's; on the first, until the store is open, without one */
	struct rekeyer *rekeyer;        /* beside it */
	struct anchored *anchored;      /* NULL: ephemeral */
	struct bw_lane *answered;       /* the committer's: lanes with answered calls */
	struct publisher *publisher;    /* NULL: nothing is published */
	struct bw_edge_config edge;
	struct bw_guard_config guard;
	struct bw_board *guard_images, *guard_reports;
	_Atomic uint64_t calls;
	_Atomic uint64_t generation;    /* of ephemeral resets: empties the lanes' caches */
};

/* ---- registry.c ---- */
void registry_build(struct bw_core *core);
const struct bw_op *registry_row(const struct bw_core *core, const struct bw_service *s, const struct bw_operation *o);
BW_CHECKED enum bw_err quotas_build(struct bw_core *core, const char *const *overrides);
const struct bw_quota *quota_by_key(struct bw_str counter_key);

/* ---- policy_cache.c: compiled policies by kind and text, shared by all threads ---- */
struct policy_cache *policy_cache_new(void);
void policy_cache_free(struct policy_cache *c);
/* A reference that the caller releases. BW_EINVAL with `error`. */
BW_CHECKED enum bw_err policy_cache_get(struct policy_cache *c, struct bw_str document, enum bw_policy_kind kind,
    struct bw_policy **out, struct bw_policy_error *error);

/* ---- rekey.c ---- */
struct rekeyer *rekeyer_new(struct bw_core *core);
void rekeyer_free(struct rekeyer *r);
/* ,"rekey":{...} while one is at work. */
void rekeyer_health(struct rekeyer *r, struct bw_buf *out);

/* ---- trail_known.c: what the store knows of the trail (trail_known.h) ---- */
/* Adds to a batch how many records are on the disk. Any thread. */
void trail_known_note(const struct bw_core *core, struct bw_batch *batch, struct bw_arena *arena);
/* Compares the trail, just opened, with what is known of it. That there is none any more is logged and told on the new one; BW_ECORRUPT when it
 * is an older copy (logged), unless `accept` says that it is the one from now on. */
BW_CHECKED enum bw_err trail_known_settle(struct bw_core *core, bool accept);

/* ---- anchor.c: the data folder's place in time (anchor.h) ---- */
/* Compares the store and the trail, both open, with the anchor, and begins to raise it; a store of the first start is bound to it. Without an anchor: sees that the
 * store is bound to none. `accept`: this store is the one from now on, bound as is asked. BW_EPERM: it was put back, or is not bound as it is asked to be;
 * others are the anchor's. Logged. What is made stands in core->anchored in any case. */
BW_CHECKED enum bw_err anchored_open(struct bw_core *core, const struct bw_anchor *anchor, bool accept);
/* Makes a last step. NULL is allowed. */
void anchored_free(struct anchored *a);
/* ,"anchor":{...} */
void anchored_health(const struct anchored *a, struct bw_buf *out);

/* ---- guess.c ---- */
struct guesses *guesses_new(void);
void guesses_free(struct guesses *g);
/* bw_guess_take at a time. */
bool guess_take(struct guesses *g, struct bw_str of, int64_t now_ms);

/* ---- caller.c: resolved callers, kept by their access key id ---- */
struct dependency {
	struct bw_str key;
	uint64_t version;
};

/* An attempt that was noted: another in the same second and Region says nothing new. */
struct noted_access {
	const struct bw_operation *operation;
	int64_t second;
	char region[24];
};
enum { NOTED_MAX = 8 };

struct caller_entry {
	struct bw_caller caller;
	struct bw_str secret, token;
	struct bw_arena arena;
	_Atomic int references;
	uint64_t seq;              /* as of which every dependency was seen unchanged */
	uint64_t generation;
	struct dependency *dependencies;
	size_t dependency_count, dependency_room;
	struct bw_policy **policies; /* to release */
	size_t policy_count, policy_room;
	struct noted_access noted[NOTED_MAX]; /* its lane's own */
	struct caller_entry *former; /* whose place it took in the middle of a call, which may still show things of it */
};

void caller_entry_release(struct caller_entry *e);
/* Who owns the key, with a reference for the caller of this function. BW_ENOTFOUND: no such key, an inactive one, a principal
 * that is gone, or a token that is not ours. Expiry is left to the authenticator. */
BW_CHECKED enum bw_err caller_resolve(struct bw_core *core, struct bw_snapshot *view, struct bw_str key_id,
    struct bw_str token, struct caller_entry **out);
/* True when all that the entry was made from is unchanged in the view. On its lane's loop. */
bool caller_entry_fresh(struct caller_entry *e, struct bw_snapshot *view);
/* The same, on any thread. */
bool caller_entry_same(const struct caller_entry *e, struct bw_snapshot *view);
/* What the entry was made from must not have changed when the batch commits. */
void caller_entry_guard(const struct caller_entry *e, struct bw_batch *batch);

/* ---- lane.c ---- */

/* A token bucket. */
struct rate {
	int64_t at_ms, tokens;
};

struct bw_lane {
	struct bw_core *core;
	struct bw_loop *loop;
	unsigned index;
	struct bw_sigv4_cache signatures;
	struct bw_map callers;     /* access key id -> struct caller_entry */
	struct bw_map used;        /* key of a last-used record -> struct last_use */
	struct bw_timer tick;
	int64_t flushed_ms;
	struct gate_call *spare;   /* answered calls whose memory is used again */
	unsigned spare_count;
	struct bw_map notes;       /* key -> struct note: facts that wait to be written with the last uses */
	struct bw_map rates;       /* account -> struct rate */
	struct bw_map strangers;   /* address -> struct rate */
	struct rate stranger_records;
	uint64_t untold;           /* calls of strangers that were not written down, */
	int64_t told_ms;           /* since then */
	struct bw_map key_sets;    /* URL of an identity provider -> struct known_keys */
	struct bw_keyer_client *keyer; /* NULL: this server has none */
	struct bw_errand_client *outside; /* likewise */
	size_t in_work;
	struct task_runner *tasks; /* of the first lane; NULL: another runs them */
	/* The committer's: calls of the group it is answering, newest first, and the next lane that has some. */
	struct bw_post *answered, *answered_oldest;
	struct bw_lane *answered_next;
	/* Calls whose batches are on their way and whose answers are not yet made, oldest first (answer.c). */
	struct gate_call *ahead, **ahead_last;
	/* Batches that wait until what is under way is answered, oldest first; how many there were at the last turn's end (gather.c). */
	struct bw_commit *gathered, **gathered_last;
	size_t gathered_count, gathered_before;
	size_t under_way;
	struct bw_turn turn;
};

/* Hands what the committer has answered to the lanes' loops, one wake-up a lane. `core`: bw_store_on_answered's. */
void lanes_answered(void *core);

/* ---- task.c ---- */
void tasks_new(struct bw_lane *lane);
void tasks_free(struct bw_lane *lane);
/* Begins what is due at `now_ms`, unless it looked less than a second of the loop's clock ago or is at work. */
void tasks_tick(struct bw_lane *lane, int64_t loop_ms, int64_t now_ms);

/* Notes a use of the caller's credentials; written at the next flush. */
void lane_note_use(struct bw_lane *lane, const struct bw_caller *caller, const struct bw_service *service,
    struct bw_str region, int64_t now_ms);
/* Notes that the call's caller attempted its action, once a second and action: what a policy's users made of it is told from that. */
void lane_note_access(struct bw_lane *lane, const struct bw_call *call, struct caller_entry *entry);
/* Keeps the bytes of a record for the next flush. */
void lane_note(struct bw_lane *lane, struct bw_str key, struct bw_str bytes);

/* ---- rate.c ---- */
/* False when the account is above BW_CALLS_PER_ACCOUNT_S. */
bool lane_rate_take(struct bw_lane *lane, struct bw_str account, int64_t now_ms);
/* Calls without a signature that one address (an IPv6 /64) may make in a second: nobody's account pays for them. STS takes as many of an
 * account (IAM User Guide, "IAM and AWS STS quotas"). */
enum { STRANGER_CALLS_S = 600 };
/* False when the address is above that. */
bool lane_stranger_take(struct bw_lane *lane, struct bw_str address, int64_t now_ms);
/* Refused calls of nobody who has proven who it is that a loop writes down: each costs the disk some bytes, and a disk that is full stops
 * the calls of everybody. The rest are counted. */
enum { STRANGER_RECORDS_S = 20, STRANGER_RECORDS_AT_ONCE = 1000, STRANGER_RECORD_MAX = 2048 };
/* False when this one is to be counted only. */
bool lane_stranger_record(struct bw_lane *lane, int64_t now_ms);
/* Writes down how many were only counted: once a minute, or `now`. */
void lane_strangers_tell(struct bw_lane *lane, int64_t loop_ms, bool now);

/* ---- gate.c ---- */
struct gate_call {
	struct bw_call call;
	struct bw_lane *lane;
	struct bw_http_exchange *exchange;
	struct bw_arena arena;
	struct bw_buf headers, body, record; /* the answer and its audit record; reused */
	int status;
	bool ahead;                /* the lane may make them before the call ends, */
	bool answered;             /* or has done so */
	struct bw_form form;
	struct bw_route route;
	struct bw_sigv4 signature;
	struct caller_entry *caller;
	uint64_t caller_seq;       /* as of which it was resolved, or seen unchanged */
	struct bw_commit commit;
	bool publishes;            /* the batch touches what images are made of */
	struct bw_post post;
	struct bw_keyer_request request;
	struct bw_keyer_ask ask;
	struct bw_errand outside;
	bool proven;               /* by the row's `prove` */
	bool asking;               /* a request to the keyer or the outside is to be sent, or on its way */
	struct bw_policy **policies; /* of this call, to release */
	size_t policy_count, policy_room;
	enum bw_err result;
	struct bw_str denial;      /* the sealed reasons of a denial */
	size_t stated_keys;        /* the first of the call's keys: those that its row stated */
	unsigned tries;
	char request_id[BW_UUID_TEXT];
	struct gate_call *next;
};

/* The committer takes no more: g->commit.result says why. */
void gate_refused(struct gate_call *g);
/* Frees the lane's spare calls. */
void gate_calls_free(struct bw_lane *lane);

/* ---- answer.c: on the lane's loop ---- */
/* Makes answer and record of a call that has ended as g->result says, unless they were made ahead. */
void answer_make(struct gate_call *g);
/* The call's batch is on its way: they may be made ahead, as if it will hold. */
void answer_ahead(struct gate_call *g);
/* Makes some of those ahead; true when none is left. */
bool answers_go_on(struct bw_lane *lane);
/* The batch was answered: nothing is made ahead any more, and what was is dropped unless it `held`. */
void answer_settle(struct gate_call *g, bool held);

/* ---- gather.c: on the lane's loop ---- */
/* From now on what is gathered is handed over at the ends of the loop's turns. */
void gather_begin(struct bw_lane *lane);
/* The batch of g->commit goes to the committer with others: its `done` is called, or gate_refused. Neither when it is not taken: what
 * the batch was refused for, or BW_EAGAIN, as many wait already as the committer takes. */
BW_CHECKED enum bw_err gather_add(struct gate_call *g);
/* What was gathered has g->commit.result. */
void gather_answered(struct gate_call *g);

/* What the outside answers is only lent. */
static inline void call_reached(struct bw_call *call, const struct bw_errand_answer *answer)
{
	call->reached = *answer;
	call->reached.out = bw_arena_str(call->arena, answer->out);
}

static inline struct gate_call *gate_call_of(const struct bw_call *call)
{
	return (struct gate_call *)call; /* the call is its first member */
}

/* ---- key_sets.c ---- */
void key_sets_init(struct bw_map *m);

/* ---- authenticate.c ---- */
/* States a refusal of the gate's own in the protocol's spelling of `code`; status 0: the usual one. BW_EFAILED. */
/* Whether what the handler made of its batch goes to the store. Nothing written is nothing to commit, unless that is because the batch refused
 * it: the commit says so. */
bool gate_commits(const struct bw_call *call);
BW_CHECKED enum bw_err gate_fail(struct gate_call *g, const char *code, int status, const char *message);
/* Who calls, in the view that the call is decided in: what it was resolved from may have changed since. BW_EFAILED when the key, or whose it
 * is, has gone. On the thread of the attempt. */
BW_CHECKED enum bw_err authenticate_again(struct gate_call *g);
/* Establishes call->caller from the request's signature, or leaves it NULL for operations that need none. BW_EFAILED. */
BW_CHECKED enum bw_err authenticate(struct gate_call *g);

/* ---- authorise.c ---- */
/* Decides on the call as stated and on everything it also needs. BW_EFAILED with AccessDenied. */
BW_CHECKED enum bw_err authorise(struct gate_call *g);
/* The global condition keys (IAM User Guide, "AWS global condition context keys"). */
void context_global(struct gate_call *g);
/* The input's Tags, a list of {Key, Value} or {TagKey, TagValue}; none: the operation has no such, or none was given. */
struct bw_pairs input_tags(const struct bw_call *call);

/* ---- denial.c ---- */
/* The encoded authorisation message of a denial, in the call's arena; absent when it cannot be made. */
struct bw_str denial_seal(struct gate_call *g, const struct bw_policy_layers *layers,
    const struct bw_policy_request *request, const struct bw_verdict *verdict);

/* ---- audit.c ---- */
/* Appends the call's CloudTrail record to g->record. `service` may be unknown: then the event source is the server's own. */
void audit_record(struct gate_call *g, struct bw_buf *out);
/* What happened without a call. */
struct audit_event {
	struct bw_str source, name, subject, account, region, id;
	int64_t when_ms;
};
void audit_event(const struct audit_event *e, struct bw_buf *out);
/* The record of what a service did by itself. */
void audit_task(struct gate_call *g, struct bw_str subject, struct bw_str event, struct bw_buf *out);

/* ---- worker.c: threads for what is slow ---- */
struct worker_pool *worker_pool_new(unsigned threads);
void worker_pool_free(struct worker_pool *p);
/* Runs p->run on a worker. False when too many wait. */
bool worker_pool_add(struct worker_pool *p, struct bw_post *post);

/* ---- publish.c ---- */
void publisher_free(struct publisher *p);
/* A new image is due. */
void publisher_wake(struct publisher *p);

/* ---- local.c ---- */
/* Answers the server's own paths under /_bulwark/; false when the request is not for them. */
bool local_request(struct bw_lane *lane, struct bw_http_exchange *x);
/* Whether a program of this machine asks: from loopback, and not a page in a browser there, which speaks from loopback too. A page
 * of another site says where it is from; one whose name was made to lead here (DNS rebinding) asks for that name. */
bool local_peer(const struct bw_http_exchange *x);
/* local_edge.c: to loopback alone. */
void local_metrics(struct bw_lane *lane, struct bw_http_exchange *x);
void local_listeners(struct bw_lane *lane, struct bw_http_exchange *x);
void local_targets(struct bw_lane *lane, struct bw_http_exchange *x);

/* ---- object.c ---- */
/* Answers a signed URL of an object; false when the request is not for one. */
bool object_request(struct bw_lane *lane, struct bw_http_exchange *x);

/* ---- first.c ---- */
/* Chooses what a first start makes: account (`account` unless empty), administrator's key, root password. Hashes: slow. */
BW_CHECKED enum bw_err first_choose(struct bw_core *core, struct bw_str account);
/* Writes it to the empty store. */
BW_CHECKED enum bw_err first_start(struct bw_core *core);
