/* The compiled form of a policy document, and what the files of this folder say to each other. Everything
 * here lives in the policy's own arena and is never written after compilation, so that any thread may read
 * it. */
#pragma once

#include <stdatomic.h>

#include "base/map.h"
#include "codec/json.h"
#include "policy/policy.h"

/* A context key a document mentions, once however often. */
struct key {
	struct bw_str name;  /* as first written */
	struct bw_str lower; /* key names are case-insensitive, tag keys in them too */
};

enum piece_kind { PIECE_TEXT, PIECE_ONE, PIECE_ANY, PIECE_VARIABLE };

struct piece {
	enum piece_kind kind;
	uint32_t key;       /* VARIABLE: which of the policy's keys */
	struct bw_str text; /* TEXT: the bytes; VARIABLE: its default, absent without one */
};

enum pattern_shape {
	PATTERN_ALL,    /* "*" */
	PATTERN_EXACT,  /* `text` and nothing else */
	PATTERN_PREFIX, /* `text`, then anything */
	PATTERN_PIECES, /* wildcards or variables anywhere */
};

struct pattern {
	enum pattern_shape shape;
	bool has_variables, has_ones;
	uint32_t count;
	struct bw_str text;
	const struct piece *pieces;
};

enum { ARN_PARTS = 6 };

enum arn_shape {
	ARN_NOTHING, /* too few parts: matches no ARN */
	ARN_ALL,     /* "*" */
	ARN_WHOLE,   /* parts 0 to 4 literal: one comparison of the whole decides */
	ARN_SPLIT,   /* part by part */
};

struct arn_pattern {
	enum arn_shape shape;
	struct bw_str source;
	/* SPLIT: a bit a part that the literal front does not settle: those that are literal, those that are
	 * open. */
	uint8_t literal_parts, open_parts;
	bool has_front;
	struct pattern whole;        /* WHOLE: all of it; SPLIT: its literal front is looked at first */
	const struct pattern *parts; /* SPLIT: six of them */
};

/* A text cut at its first five colons. */
struct arn_text {
	struct bw_str whole;
	struct bw_str parts[ARN_PARTS];
	enum { ARN_UNKNOWN, ARN_YES, ARN_NO } is_arn;
};

/* What keys are looked up in, by one thread; the last found is remembered, for matching asks for it again and
 * again. */
struct scope {
	const struct bw_policy_request *request;
	const struct key *keys;
	const struct bw_context_key *found;
	uint32_t found_key; /* its number + 1 */
};

/* A decimal number as its digits: exact whatever its length. */
struct number {
	bool negative;
	struct bw_str whole, fraction; /* without leading, without trailing zeros */
};

struct moment {
	int64_t s;
	int32_t ms;
};

struct network {
	uint8_t bytes[16];
	uint8_t size; /* 4 or 16 */
	uint8_t bits; /* of the prefix */
};

/* One value of a condition, made ready. */
struct operand {
	struct bw_str source;
	bool valid; /* false: it is no number, date or address, and matches nothing */
	union {
		struct pattern pattern;
		struct arn_pattern arn;
		struct number number;
		struct moment moment;
		struct network network;
		struct bw_str bytes;
		bool truth;
	};
};

enum set_test { SET_NONE, SET_ALL, SET_ANY };

struct condition {
	const struct operation *operation;
	struct bw_str operator_text; /* as written */
	enum set_test set;
	bool if_exists;
	uint32_t key;
	uint32_t count;
	const struct operand *operands;
};

enum principal_type {
	PRINCIPAL_EVERYONE, /* "*", or "AWS": "*" */
	PRINCIPAL_ACCOUNT,  /* twelve digits, or the root's ARN */
	PRINCIPAL_AWS,      /* the ARN of a user, role or session, or a unique id */
	PRINCIPAL_SERVICE,
	PRINCIPAL_FEDERATED,
	PRINCIPAL_CANONICAL, /* an S3 canonical user: no principal of ours is one */
};

struct principal {
	enum principal_type type;
	bool aws_only;       /* EVERYONE written as "AWS": "*", which federated callers are not */
	struct bw_str value; /* ACCOUNT: the twelve digits; absent: every one of its type */
	struct bw_str source;
};

struct statement {
	struct bw_str sid;
	struct bw_policy_place start, end;
	bool allow, not_action, not_resource;
	bool not_principal; /* then it denies: Allow with NotPrincipal does not compile */
	bool all_actions;   /* some pattern is "*" */
	bool all_resources; /* some pattern is "*", or the element is absent */
	uint32_t action_count, resource_count, principal_count, condition_count;
	const struct pattern *actions; /* of the lower-cased "service:name" */
	const struct bw_str *action_sources;
	const struct arn_pattern *resources;
	const struct principal *principals;
	const struct condition *conditions;
};

/* A statement that may match an action of one service. */
struct candidate {
	uint32_t statement;
	uint32_t count; /* of patterns */
	const struct pattern
	    *names; /* of the lower-cased name behind the colon; count 0: ask the statement */
};

/* Denies first, each half in the order of the document. */
struct candidates {
	struct candidate *v;
	uint32_t deny_count, count;
};

struct bucket {
	uint32_t hash;
	struct bw_str service; /* absent: a free slot */
	struct candidates list;
};

struct bw_policy {
	atomic_uint references;
	enum bw_policy_kind kind;
	bool variables; /* Version 2012-10-17 or later */
	uint32_t statement_count, key_count;
	uint64_t services; /* one bit a service hash: most policies have nothing to say to most requests */
	struct bucket *buckets;
	uint32_t bucket_mask;
	struct candidates general; /* statements of every service: "*", NotAction */
	const struct statement *statements;
	struct key *keys;
	struct bw_arena arena;
};

/* AWS's longest service prefix and action name stay far below. */
enum { ACTION_MAX = 256 };

/* A request made ready once an evaluation. */
struct question {
	const struct bw_policy_request *request;
	bool has_boundary;
	uint32_t hash;                       /* of the service */
	struct bw_str action, service, name; /* lower case, in `lower` */
	struct arn_text resource;
	char lower[ACTION_MAX];
};

/* What a statement's Principal says of who asks. Naming the role or the account is less than naming the
 * principal: IAM User Guide, "Policy evaluation for requests within a single account". */
enum grant { GRANT_NONE, GRANT_ACCOUNT, GRANT_ROLE, GRANT_DIRECT };

struct compiler {
	struct bw_policy *policy;
	struct bw_arena scratch; /* dies with the compilation */
	struct bw_policy_error *error;
	struct bw_str document;
	struct bw_map names; /* lower-cased key name -> its index + 1 */
	uint32_t key_room;
	bool kept; /* the document is older than today's rules */
};

/* pattern.c: texts into patterns */
uint32_t key_intern(struct compiler *c, struct bw_str name);
void pattern_compile(
    struct compiler *c, struct bw_str text, bool wildcards, bool variables, struct pattern *out);
/* Cuts `text` at its first five colons outside ${...}; the number of parts. */
size_t arn_cut(struct bw_str text, bool variables, struct bw_str parts[ARN_PARTS]);
/* `padded`: missing parts are "*", as in the Resource element. */
void arn_pattern_compile(struct compiler *c, struct bw_str text, bool padded, struct arn_pattern *out);

/* Short texts are compared where they stand: most comparisons here are of a dozen bytes and end at once. */
static inline bool bytes_same(const char *a, const char *b, size_t n)
{
	uint64_t x, y;
	uint32_t u, v;

	if (n < sizeof u) {
		while (n > 0 && a[n - 1] == b[n - 1])
			n--;
		return n == 0;
	}
	/* The last bytes are read again rather than one by one. */
	if (n < sizeof x) {
		memcpy(&u, a, sizeof u);
		memcpy(&v, b, sizeof v);
		if (u != v)
			return false;
		memcpy(&u, a + n - sizeof u, sizeof u);
		memcpy(&v, b + n - sizeof v, sizeof v);
		return u == v;
	}
	for (size_t at = 0; at + sizeof x < n; at += sizeof x) {
		memcpy(&x, a + at, sizeof x);
		memcpy(&y, b + at, sizeof y);
		if (x != y)
			return false;
	}
	memcpy(&x, a + n - sizeof x, sizeof x);
	memcpy(&y, b + n - sizeof y, sizeof y);
	return x == y;
}

static inline bool text_same(struct bw_str a, struct bw_str b)
{
	return a.n == b.n && bytes_same(a.p, b.p, a.n);
}

/* match.c */
bool pieces_match(const struct pattern *p, struct bw_str text, struct scope *scope);
/* The literal at the front of PIECES, if any, refuses most texts before anything is looked up. */
static inline bool front_match(const struct pattern *p, struct bw_str text)
{
	if (p->pieces[0].kind != PIECE_TEXT)
		return true;
	return text.n >= p->text.n && bytes_same(text.p, p->text.p, p->text.n);
}

static inline bool pattern_match(const struct pattern *p, struct bw_str text, struct scope *scope)
{
	switch (p->shape) {
	case PATTERN_ALL:
		return true;
	case PATTERN_EXACT:
		return text_same(text, p->text);
	case PATTERN_PREFIX:
		return text.n >= p->text.n && bytes_same(text.p, p->text.p, p->text.n);
	case PATTERN_PIECES:
		return front_match(p, text) && pieces_match(p, text, scope);
	}
	return false;
}
/* Without wildcards, ASCII case folded. */
bool pattern_match_nocase(const struct pattern *p, struct bw_str text, struct scope *scope);
/* Cuts `text->whole` on the first call. */
bool arn_match(const struct arn_pattern *p, struct arn_text *text, struct scope *scope);

/* operand.c: values of conditions and contexts; false when the text is none. */
bool number_parse(struct bw_str text, struct number *out);
int number_compare(const struct number *a, const struct number *b);
bool moment_parse(struct bw_str text, struct moment *out);
int moment_compare(const struct moment *a, const struct moment *b);
/* `host`: an address without a prefix. */
bool network_parse(struct bw_str text, bool host, struct network *out);
bool network_has(const struct network *n, const struct network *host);
bool truth_parse(struct bw_str text, bool *out);

/* condition.c */
/* The request's key of that number, NULL when it has none. */
const struct bw_context_key *context_find(struct scope *scope, uint32_t key);
/* "ForAnyValue:StringLikeIfExists" into its parts; false when there is no such operator. */
bool operator_parse(struct bw_str text, struct condition *out);
/* Reads `text` as the operator's kind of value. */
void operand_compile(
    struct compiler *c, const struct condition *condition, struct bw_str text, struct operand *out);
bool operator_wants_date(const struct condition *condition);
bool condition_match(const struct condition *c, struct scope *scope);
/* Why it does or does not: a static phrase. */
const char *condition_why(const struct condition *c, struct scope *scope);

/* principal.c */
bool principal_parse(struct bw_str type, struct bw_str text, struct principal *out);
/* Whether such callers stand in an account, whose policies then count. */
bool principal_has_account(enum bw_principal_kind kind);
enum grant principal_grant(const struct principal *p, const struct bw_policy_request *r);
/* GRANT_NONE: the statement is not about who asks. A statement without Principal is about everybody. */
enum grant statement_principal(const struct statement *s, const struct question *q);

/* statement.c */
/* False when the action is too long to be one. */
bool question_init(struct question *q, const struct bw_policy_request *request, bool has_boundary);
uint32_t service_hash(struct bw_str service);
bool statement_action(const struct statement *s, const struct question *q);
bool statement_resource(const struct statement *s, struct question *q, struct scope *scope);
/* All elements but the action. */
enum grant statement_match(const struct bw_policy *p, uint32_t statement, struct question *q);
/* What one document says: the first Deny that matches, or -1; failing that, the first Allow of the strongest
 * grant. */
struct finding {
	int32_t deny, allow;
	enum grant grant;
};
/* False: it has no statement about the action's service, nor about all. */
static inline bool policy_may_match(const struct bw_policy *p, const struct question *q)
{
	return (p->services >> (q->hash & 63) & 1) || p->general.count > 0;
}
/* Only an Allow of more than `have` is looked for: `allow` is -1 and `grant` is `have` when there is none. */
void policy_find(const struct bw_policy *p, struct question *q, enum grant have, struct finding *out);

/* check.c: the refusals. Each answers BW_EINVAL with the error filled. */
BW_CHECKED enum bw_err policy_fault(struct compiler *c, size_t offset, const char *fmt, ...) BW_PRINTF(3, 4);
BW_CHECKED enum bw_err document_check(struct compiler *c, const struct bw_json_value *root);

/* build.c: a checked document into its compiled form. */
void document_build(struct compiler *c, const struct bw_json_value *root);
/* index.c */
void index_build(struct compiler *c);

/* evaluate.c: which layers bear on a request. */
bool scps_apply(const struct bw_policy_request *r);
bool rcps_apply(const struct bw_policy_request *r);
bool has_boundary(const struct bw_policy_layers *l);
bool has_session(const struct bw_policy_layers *l);
bool has_vpce(const struct bw_policy_layers *l);
/* RESOURCE, or TRUST when the list is a role's trust policy. */
enum bw_layer resource_layer(const struct bw_policy_layers *l);
bool same_account(const struct bw_policy_request *r);
/* Each list that bears on a request, in the order they are asked; `level` counts SCPs and RCPs. */
struct layers_visitor {
	void (*each)(
	    struct layers_visitor *v, enum bw_layer layer, size_t level, const struct bw_policy_list *list);
};
void layers_visit(
    const struct bw_policy_layers *l, const struct bw_policy_request *r, struct layers_visitor *visitor);
