/* One call on its way through the gate, and all that a handler may do with it: read, write, count, page, state the
 * client's error, say what the call is about. A handler never authenticates, authorises or audits. */
#pragma once

#include "aws/shape.h"
#include "aws/wire.h"
#include "keyer/keyer.h"
#include "outside/outside.h"
#include "policy/policy.h"
#include "store/record.h"
#include "store/store.h"

struct bw_core;
struct bw_caller;
struct bw_op;

/* Another permission the call needs: iam:PassRole on a role, sts:TagSession ... */
struct bw_also {
	struct bw_also *next;
	struct bw_str action, resource;
	struct bw_context_key *keys; /* beside those of the call */
	size_t key_count, key_room;
	bool alone; /* what the row stated of the call's own resource says nothing of this one */
	struct bw_policy_ref policy; /* of a resource other than the call's: its own */
	bool must_allow;
	void *state; /* the service's own, for `grants` */
};

struct bw_call {
	struct bw_core *core;
	struct bw_arena *arena;         /* lives until the answer is encoded */
	int64_t now_ms;                 /* one time for the whole call */
	struct bw_str request_id;
	struct bw_str account;          /* the caller's 12 digits */
	struct bw_str region;           /* of the credential scope, or the server's */
	const struct bw_service *service;
	const struct bw_operation *model;
	const struct bw_op *op;
	void *in, *out;
	const struct bw_caller *caller; /* NULL: unauthenticated */
	struct bw_snapshot *view;
	struct bw_batch batch;
	struct bw_keyer_answer answer; /* to the row's `ask`; wiped with the call */
	const struct bw_outside_request *reach; /* what the row asks of the outside */
	struct bw_errand_answer reached;        /* its answer, in the arena; wiped with the call, too */

	/* Stated by the row's `resource` and `keys`, used by the decision. */
	struct bw_str resource, resource_account;
	struct bw_str resource_said; /* how the service's denials name it; absent: by its ARN */
	struct bw_policy_ref resource_policy; /* policy NULL: none */
	bool resource_must_allow;
	/* Asked when no policy allows and none denies: further policies of the resource that may (KMS's grants). `about` NULL:
	 * of the call's own resource. */
	enum bw_err (*grants)(struct bw_call *call, const struct bw_also *about, struct bw_policy_list *further);
	void *proof; /* the row's own, for `prove` and what comes after it; stays over attempts */
	void *state; /* what `resource` found, for the row's other functions; NULL at every attempt */
	struct bw_also *also;
	struct bw_context_key *keys; /* grows in the arena */
	size_t key_count, key_room;

	struct bw_error_text error;     /* when a function answered BW_EFAILED */
	const struct bw_http_exchange *exchange;
	struct bw_str event_id;         /* of its audit record; absent until somebody asks (bw_call_event_id) */
};

/* ---- The client's error ---- */

/* States it and answers BW_EFAILED. The HTTP status is the model's for that code, of this operation or of another of the
 * service, else 403 for AccessDenied and 400 for others. */
BW_CHECKED enum bw_err bw_call_fail(struct bw_call *call, const char *code, const char *fmt, ...) BW_PRINTF(3, 4);

/* ---- State ---- */

/* "account/Region/service/kind/name"; the Region of a global service is "global". `name` may hold further '/'. */
struct bw_str bw_call_key(const struct bw_call *call, const char *kind, struct bw_str name);
/* BW_ENOTFOUND is for the caller to put in the service's words; other errors are stated already (BW_EFAILED). What is read
 * while a BW_WRITE runs must not have changed when it commits. */
BW_CHECKED enum bw_err bw_call_load(struct bw_call *call, const struct bw_record *r, struct bw_str key, void *to);
bool bw_call_exists(struct bw_call *call, struct bw_str key);
void bw_call_save(struct bw_call *call, const struct bw_record *r, struct bw_str key, const void *from);
void bw_call_delete(struct bw_call *call, struct bw_str key);
/* An index entry: a key with an empty value. */
void bw_call_mark(struct bw_call *call, struct bw_str key);
/* How many keys stand under a prefix, at most `most`; guarded against change like a read. */
size_t bw_call_count_under(struct bw_call *call, struct bw_str prefix, size_t most);

/* A fact of high rate, such as a last use: gathered for some seconds and written apart from any commit of the call's; of one key
 * the newest counts. Lost in a crash. On the lane's own thread. */
void bw_call_note(struct bw_call *call, const struct bw_record *r, struct bw_str key, const void *from);
/* The eventID that the call's audit record will have. */
struct bw_str bw_call_event_id(struct bw_call *call);

/* ---- Quotas ---- */

/* A row per quota, gathered by the linker: static BW_QUOTA(iam_users, "iam-users", 5000, "LimitExceeded", "Cannot exceed quota for UsersPerAccount: %lld"); */
struct bw_quota {
	const char *name;
	int64_t value;       /* AWS's default; `serve --quota NAME=VALUE` raises it */
	const char *code, *message; /* %lld: the value in force */
};
#define BW_QUOTA(id, name_, value_, code_, message_)                                                              \
	const struct bw_quota id = {name_, value_, code_, message_};                                              \
	static const struct bw_quota *const id##_ref __attribute__((used, section("bw_quotas"))) = &id

/* Adds to the counted quota of the account (`scope` distinguishes several, may be absent), checked at commit. */
void bw_call_take(struct bw_call *call, const struct bw_quota *q, struct bw_str scope, int64_t delta);
int64_t bw_call_taken(struct bw_call *call, const struct bw_quota *q, struct bw_str scope);
/* The value in force. */
int64_t bw_quota_value(const struct bw_call *call, const struct bw_quota *q);
/* BW_EFAILED with the quota's words when n is above its value: for lists that live in one record. */
BW_CHECKED enum bw_err bw_call_within(struct bw_call *call, const struct bw_quota *q, size_t n);

/* ---- Pages (Marker/MaxItems, NextToken/MaxResults) ---- */

/* A marker is a place in a list, as text: it is good for this operation in this account alone, and nobody else can make one. */
struct bw_str bw_marker_make(struct bw_call *call, struct bw_str place);
/* The place, in the arena; absent without a marker. BW_EINVAL: we did not give it. */
BW_CHECKED enum bw_err bw_marker_open(struct bw_call *call, struct bw_str marker, struct bw_str *place);

/* A page over the records under a key prefix, in key order. */
struct bw_page {
	struct bw_scan scan;
	size_t left, spent_bytes;
	struct bw_str prefix, last;
	bool more;
};
/* `max` unset: `usual`. A marker that we did not give: ValidationError/InvalidInput as the service words it (BW_EFAILED). */
BW_CHECKED enum bw_err bw_page_begin(struct bw_call *call, struct bw_str prefix, struct bw_str marker, struct bw_opt_int max,
    int64_t usual, struct bw_page *page);
/* The next record; BW_ENOTFOUND when the page is full or nothing is left. `name` (may be NULL): the key behind the prefix. */
BW_CHECKED enum bw_err bw_page_next(struct bw_call *call, struct bw_page *page, const struct bw_record *r, void *to,
    struct bw_str *name);
/* The record just read was filtered out: it does not count. */
void bw_page_skip(struct bw_page *page);
void bw_page_end(struct bw_call *call, struct bw_page *page, struct bw_opt_bool *truncated, struct bw_str *marker);

/* A page over `n` items in memory that are in a stable order: the items [*from, *to). */
BW_CHECKED enum bw_err bw_page_slice(struct bw_call *call, size_t n, struct bw_str marker, struct bw_opt_int max,
    int64_t usual, size_t *from, size_t *to, struct bw_opt_bool *truncated, struct bw_str *next);

/* ---- What the call is about ---- */

/* A string member of the input by its model name; absent when the operation has none or the caller gave none. */
struct bw_str bw_call_input(const struct bw_call *call, const char *member);
void bw_call_resource(struct bw_call *call, struct bw_str arn);
/* How a denial names that resource, where the service does not do so by its ARN: after bw_call_resource. */
void bw_call_resource_said(struct bw_call *call, struct bw_str words);
/* Its tags, for aws:ResourceTag/KEY (and SERVICE:ResourceTag/KEY when `service_prefix`, as IAM has). */
void bw_call_resource_tags(struct bw_call *call, const struct bw_pairs *tags, bool service_prefix);
/* The policy of the resource. `must_allow`: identity policies help only where it lets them (trust, KMS key policies). */
void bw_call_resource_policy(struct bw_call *call, struct bw_policy *policy, struct bw_str id, bool must_allow);
/* The resource is another account's. */
void bw_call_resource_account(struct bw_call *call, struct bw_str account);
/* One condition key. An absent value adds nothing. */
void bw_call_context(struct bw_call *call, struct bw_str name, struct bw_str value);
void bw_call_context_list(struct bw_call *call, struct bw_str name, const struct bw_str *values, size_t n);
/* A further permission that the call needs, decided by the gate before the handler runs. */
void bw_call_also(struct bw_call *call, struct bw_str action, struct bw_str resource, struct bw_str key, struct bw_str value);
/* The same on another resource of the service, to be given its policy and condition keys. */
struct bw_also *bw_call_also_on(struct bw_call *call, struct bw_str action, struct bw_str resource);
/* One condition key of it. An absent value adds nothing. */
void bw_also_context(struct bw_call *call, struct bw_also *also, struct bw_str name, struct bw_str value);
void bw_also_context_list(struct bw_call *call, struct bw_also *also, struct bw_str name, const struct bw_str *values, size_t n);
/* Would the caller's next call be allowed if this were the resource's policy (`must_allow` as above)? For checks against
 * locking oneself out. */
bool bw_call_would_allow(
    struct bw_call *call, struct bw_str action, struct bw_str resource, struct bw_policy *policy, bool must_allow);

/* A shared compiled policy of the text, from the process-wide cache; released with the call. BW_EFAILED with
 * MalformedPolicyDocument (or `code`) and AWS's text when it is not valid. */
BW_CHECKED enum bw_err bw_call_policy(struct bw_call *call, struct bw_str document, enum bw_policy_kind kind,
    const char *code, struct bw_policy **out);
