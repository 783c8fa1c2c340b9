/* The compiled form of a policy document, and what the files of this folder say to each other. A compiled
 * document is one block of memory in which everything is found by its distance in bytes from the beginning,
 * so that it is small and any thread may read it; but for the count of references nothing is written after
 * compilation. */
#pragma once

#include <setjmp.h>
#include <stdatomic.h>

#include "base/lend.h"
#include "codec/json.h"
#include "policy/bytes.h"
#include "policy/names.h"
#include "policy/policy.h"

/* A text of the block stands there once, however often it is written: its length, then its bytes, at a
 * multiple of TEXT_ALIGN. Members named so below are where; 0 is an absent text. */
enum { TEXT_ALIGN = 4, TEXT_HEAD = sizeof(uint32_t) };
/* Offsets and counts leave bits for shapes. */
enum { BLOCK_MAX = 1 << 27 };

enum piece_kind { PIECE_TEXT, PIECE_ONE, PIECE_ANY, PIECE_VARIABLE };

struct piece {
	uint32_t kind : 2, count : 30; /* TEXT: bytes; VARIABLE: which of the policy's keys */
	uint32_t at;                   /* TEXT: the bytes; VARIABLE: the text of its default */
};

enum pattern_shape {
	PATTERN_ALL,    /* "*" */
	PATTERN_EXACT,  /* a literal and nothing else */
	PATTERN_PREFIX, /* a literal, then anything */
	PATTERN_PIECES, /* wildcards or variables anywhere */
};

struct pattern {
	uint32_t shape : 2, has_variables : 1, has_ones : 1;
	uint32_t count : 28; /* EXACT, PREFIX: bytes; PIECES: pieces */
	uint32_t at;         /* the bytes, or the pieces */
};

/* An action pattern is one number: the place of a text or record with its shape in the bits that alignment
 * leaves free. Literals stand in the case of the document and are folded as they are compared. */
enum action_shape {
	ACTION_EXACT,  /* the text */
	ACTION_PREFIX, /* the text without the stars at its end, then anything */
	ACTION_PIECES, /* a struct action_pattern */
	ACTION_SHAPES = 3,
};

struct action_pattern {
	uint32_t source; /* text */
	struct pattern lower;
};

enum { ARN_PARTS = 6 };

enum arn_shape {
	ARN_NOTHING, /* too few parts: matches no ARN */
	ARN_ALL,     /* "*" */
	ARN_WHOLE,   /* parts 0 to 4 literal: one comparison of the whole decides */
	ARN_SPLIT,   /* part by part */
};

struct arn_pattern {
	uint32_t source;      /* text */
	struct pattern whole; /* WHOLE: all of it; SPLIT: its literal front, as a PREFIX */
	uint8_t shape;
	/* SPLIT: a bit a part that the literal front does not settle: those that are literal, those that are
	 * open. */
	uint8_t literal_parts, open_parts;
	uint32_t parts; /* a pattern for each: the literal first, each half in order */
};

/* A text cut at its first five colons. */
struct arn_text {
	struct bw_str whole;
	struct bw_str parts[ARN_PARTS];
	enum { ARN_UNKNOWN, ARN_YES, ARN_NO } is_arn;
};

/* What keys are looked up in, by one thread. */
struct scope {
	const struct bw_policy *policy;
	const struct bw_policy_request *request;
	struct question *question; /* remembers; actions' patterns have no variables and need none */
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

enum set_test { SET_NONE, SET_ALL, SET_ANY };

struct condition {
	uint8_t operation; /* its row */
	uint8_t set;
	bool if_exists;
	uint16_t key, count;
	uint32_t operator_text; /* as written */
	uint32_t operands;      /* records of the operator's family */
};

enum principal_type {
	PRINCIPAL_EVERYONE, /* "*", or "AWS": "*" */
	PRINCIPAL_ACCOUNT,  /* twelve digits, or the root's ARN */
	PRINCIPAL_AWS,      /* the ARN of a user, role or session, or a unique id */
	PRINCIPAL_SERVICE,
	PRINCIPAL_FEDERATED,
	PRINCIPAL_CANONICAL, /* an S3 canonical user: no principal of ours is one */
};

/* A principal as read, its value a part of the text. */
struct principal_name {
	enum principal_type type;
	bool aws_only;       /* EVERYONE written as "AWS": "*", which federated callers are not */
	struct bw_str value; /* ACCOUNT: the twelve digits; absent: every one of its type */
};

struct principal {
	uint8_t type;
	bool aws_only;
	uint32_t source;         /* text */
	uint32_t value, value_n; /* the bytes; 0: every one of its type */
};

struct statement {
	uint32_t sid; /* text */
	struct bw_policy_place start, end;
	bool allow, not_action, not_resource;
	bool not_principal; /* then it denies: Allow with NotPrincipal does not compile */
	bool all_resources; /* some pattern is "*", or the element is absent */
	uint16_t action_count, resource_count, principal_count, condition_count;
	uint32_t actions; /* action patterns, in the order of the document */
	uint32_t resources, principals, conditions;
};

/* An action pattern of the index, with the front of its name: so most are refused without a look at their
 * text. */
struct name {
	uint32_t
	    front; /* the first bytes behind the colon as a number that orders as they do; nought in PIECES */
	uint32_t action;
};

/* A statement that may match the actions of one service, or of all. */
struct candidate {
	uint16_t statement;
	bool negated;           /* NotAction */
	bool whole;             /* of all services: its fronts are those of whole actions */
	uint16_t names, pieces; /* how many */
	uint32_t v; /* struct name: literals in the order of their letters, then those in PIECES */
};

/* Denies first, each half in the order of the document. */
struct candidates {
	uint32_t v;
	uint16_t deny_count, count;
};

struct bw_policy {
	uint64_t services; /* two bits a service: most policies have nothing to say to most requests */
	uint32_t statements;
	uint16_t statement_count, key_count;
	uint32_t keys; /* texts: the context keys a document mentions, each once, as first written */
	uint32_t services_at, service_count; /* hashes in order, then as many lists of candidates */
	struct candidates general;           /* statements of every service: "*", NotAction */
	bool variables;                      /* Version 2012-10-17 or later */
	uint8_t kind;                        /* enum bw_policy_kind */
	atomic_uint references;
	uint32_t bytes; /* of the block */
	/* Where the block goes back to; NULL: bw_free. */
	void (*give_back)(void *ctx, void *block);
	void *give_back_ctx;
};

static inline const void *block_at(const struct bw_policy *p, uint32_t at)
{
	return (const char *)p + at;
}

static inline struct bw_str text_at(const struct bw_policy *p, uint32_t text)
{
	const char *at = (const char *)p + text;
	uint32_t n;

	if (text == 0)
		return BW_STR_NONE;
	memcpy(&n, at, sizeof n);
	return bw_str_make(at + TEXT_HEAD, n);
}

static inline const struct statement *statement_at(const struct bw_policy *p, uint32_t index)
{
	return (const struct statement *)block_at(p, p->statements) + index;
}

static inline const struct condition *conditions_of(const struct bw_policy *p, const struct statement *s)
{
	return block_at(p, s->conditions);
}

static inline struct bw_str key_name(const struct bw_policy *p, uint32_t key)
{
	return text_at(p, ((const uint32_t *)block_at(p, p->keys))[key]);
}

/* AWS's longest service prefix and action name stay far below. */
enum { ACTION_MAX = 256 };

/* Keys and addresses that statement after statement, of whichever policy, asks a request for. */
enum { MEMORY_SLOTS = 16 };
struct memory {
	unsigned known; /* a bit a slot */
	struct {
		struct bw_str name; /* a policy's; of any case */
		const struct bw_context_key *found;
	} keys[MEMORY_SLOTS];
	struct bw_str address_text; /* the last that was read */
	struct network address;
};

/* A request made ready once an evaluation. */
struct question {
	const struct bw_policy_request *request;
	bool has_boundary;
	uint32_t hash;        /* of the service */
	uint64_t bits;        /* of the hash */
	uint32_t fronts[2];   /* as those of struct name: of the name, and of the whole action */
	struct bw_str action; /* lower case, in `lower` */
	struct arn_text resource;
	struct memory memory;
	char lower[ACTION_MAX + WORD];
};

/* What a statement's Principal says of who asks. Naming the role or the account is less than naming the
 * principal: IAM User Guide, "Policy evaluation for requests within a single account". */
enum grant { GRANT_NONE, GRANT_ACCOUNT, GRANT_ROLE, GRANT_DIRECT };

struct compiler {
	enum bw_policy_kind kind;
	struct bw_str document;
	bool kept;               /* the document is older than today's rules */
	bool variables;          /* as bw_policy */
	struct bw_arena scratch; /* dies with the compilation */
	struct bw_policy_error *error;
	/* The block as it grows, in `scratch`: addresses in it are good until the next of its functions. */
	char *block;
	uint32_t used, room;
	struct names texts, keys; /* of the block; of `key_texts`, lower-cased */
	uint32_t *key_texts;
	uint32_t key_count, key_room;
	const struct bw_lender *lender; /* NULL: ours */
	jmp_buf *exhausted;             /* where to go when the lender has no more */
};

/* block.c: the block as it is made */
uint32_t block_take(struct compiler *c, size_t bytes);
uint32_t block_take_array(struct compiler *c, size_t size, size_t count);
void block_write(struct compiler *c, uint32_t at, const void *record, size_t bytes);
/* Each text once. */
uint32_t text_put(struct compiler *c, struct bw_str text);
/* Each key once, whatever the case; its number. */
uint32_t key_put(struct compiler *c, struct bw_str name);

/* pattern.c: texts into patterns. `at`: where the text's bytes stand in the block. */
struct pattern pattern_compile(
    struct compiler *c, struct bw_str text, uint32_t at, bool wildcards, bool variables);
/* Cuts `text` at its first five colons outside ${...}; the number of parts. */
size_t arn_cut(struct bw_str text, bool variables, struct bw_str parts[ARN_PARTS]);
/* `padded`: missing parts are "*", as in the Resource element. */
struct arn_pattern arn_pattern_compile(struct compiler *c, struct bw_str text, uint32_t source, bool padded);
uint32_t action_compile(struct compiler *c, struct bw_str text);

/* match.c */
bool pieces_match(const struct pattern *p, struct bw_str text, struct scope *scope);
static inline bool pattern_match(const struct pattern *p, struct bw_str text, struct scope *scope)
{
	if (p->shape == PATTERN_PIECES)
		return pieces_match(p, text, scope);
	if (p->shape == PATTERN_ALL)
		return true;
	return (p->shape == PATTERN_EXACT ? text.n == p->count : text.n >= p->count) &&
	       bytes_same(text.p, block_at(scope->policy, p->at), p->count);
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
/* Reads `text` as the operator's kind of value, into its place among the operands. */
void operand_compile(
    struct compiler *c, const struct condition *condition, uint32_t index, struct bw_str text);
size_t operand_bytes(const struct condition *condition);
bool operator_wants_date(const struct condition *condition);
/* As written. */
struct bw_str operand_source(const struct bw_policy *p, const struct condition *condition, uint32_t index);
bool condition_match(const struct condition *c, struct scope *scope);
/* Why it does or does not: a static phrase. */
const char *condition_why(const struct condition *c, struct scope *scope);

/* principal.c */
bool principal_parse(struct bw_str type, struct bw_str text, struct principal_name *out);
/* Whether such callers stand in an account, whose policies then count. */
bool principal_has_account(enum bw_principal_kind kind);
enum grant principal_grant(
    const struct bw_policy *policy, const struct principal *p, const struct bw_policy_request *r);
/* GRANT_NONE: the statement is not about who asks. A statement without Principal is about everybody. */
enum grant statement_principal(
    const struct bw_policy *p, const struct statement *s, const struct question *q);

/* action.c */
/* As written. */
struct bw_str action_source(const struct bw_policy *p, uint32_t action);
bool action_match(const struct bw_policy *p, uint32_t action, const struct question *q);
bool candidate_match(const struct bw_policy *p, const struct candidate *c, const struct question *q);
/* The statements filed under the action's service, NULL without any. */
const struct candidates *candidates_find(const struct bw_policy *p, const struct question *q);

/* statement.c */
/* False when the action is too long to be one. */
bool question_init(struct question *q, const struct bw_policy_request *request, bool has_boundary);
/* Of the lower-cased name; bytes up to the next multiple of WORD are read, and do not count. */
uint32_t service_hash(struct bw_str service);
/* The front of a name in lower case, with as many bytes to read behind it. */
static inline uint32_t name_front(struct bw_str name)
{
	size_t n = name.n < sizeof(uint32_t) ? name.n : sizeof(uint32_t);

	return n ? (uint32_t)(word_front(word_at(name.p), n) >> 32) : 0;
}
static inline uint64_t service_bits(uint32_t hash)
{
	return 1ull << (hash & 63) | 1ull << (hash >> 6 & 63);
}
bool statement_action(const struct bw_policy *p, const struct statement *s, const struct question *q);
bool statement_resource(const struct statement *s, struct question *q, struct scope *scope);
/* All elements but the action. */
enum grant statement_match(struct scope *scope, uint32_t statement, struct question *q);
/* What one document says: the first Deny that matches, or -1; failing that, the first Allow of the strongest
 * grant. */
struct finding {
	int32_t deny, allow;
	enum grant grant;
};
/* False: it has no statement about the action's service, nor about all. */
static inline bool policy_may_match(const struct bw_policy *p, const struct question *q)
{
	return (p->services & q->bits) == q->bits;
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
