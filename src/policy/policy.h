/* The policy language: parse, validate, compile once, evaluate from any thread. Pure: no I/O, no clock, no
 * globals. The rules are those of the IAM User Guide, "IAM JSON policy elements reference" and "Policy
 * evaluation logic". */
#pragma once

#include "base/buf.h"

enum bw_policy_kind {
	BW_POLICY_IDENTITY, /* no Principal */
	BW_POLICY_RESOURCE, /* Principal or NotPrincipal required; Resource optional when `resource_optional`
	                     */
	BW_POLICY_TRUST,    /* Principal required, no Resource */
	BW_POLICY_BOUNDARY, /* as IDENTITY */
	BW_POLICY_SESSION,  /* as IDENTITY */
	BW_POLICY_SCP,
	BW_POLICY_RCP,
	BW_POLICY_VPCE,
	BW_POLICY_KEY, /* KMS key policy: resource policy whose Resource is "*" */
	BW_POLICY_KINDS,
};

/* A compiled document: immutable, shared between threads by reference count. */
struct bw_policy;

struct bw_policy_error {
	char text[256];        /* AWS's MalformedPolicyDocument text for this fault */
	uint32_t line, column; /* where in the document */
};

/* Parses and compiles. BW_EINVAL with `error` filled (error may be NULL); BW_ETOOBIG past BW_POLICY_TEXT_MAX
 * or when the compiled form would be out of all proportion. The text is copied; the caller releases. Any
 * thread. */
BW_CHECKED enum bw_err bw_policy_compile(
    struct bw_str document, enum bw_policy_kind kind, struct bw_policy **out, struct bw_policy_error *error);
/* As bw_policy_compile, but takes what AWS still evaluates and no longer accepts: identity policies of version
 * 2008-10-17, or of none. */
BW_CHECKED enum bw_err bw_policy_compile_kept(
    struct bw_str document, enum bw_policy_kind kind, struct bw_policy **out, struct bw_policy_error *error);
struct bw_policy *bw_policy_retain(struct bw_policy *p);
void bw_policy_release(struct bw_policy *p);
/* Characters of a document without white space outside strings: how AWS counts quotas. */
size_t bw_policy_size(struct bw_str document);

/* One key of the request context. Multivalued keys have count != 1 or `multi` set; one without values is as
 * good as absent. Of two keys of one name (whatever the case) the first counts. */
struct bw_context_key {
	struct bw_str name; /* "aws:SourceIp", "aws:RequestTag/team" */
	const struct bw_str
	    *values; /* as text; numbers, dates and booleans in their usual spelling, binary as its bytes */
	size_t count;
	bool multi;
};

enum bw_principal_kind {
	BW_PRINCIPAL_ANONYMOUS,
	BW_PRINCIPAL_ROOT,      /* arn:aws:iam::A:root */
	BW_PRINCIPAL_USER,      /* arn:aws:iam::A:user/path/name */
	BW_PRINCIPAL_ROLE,      /* an assumed role: `arn` is the session's sts ARN, `role_arn` the role's; both
	                           the role's when the session has no name */
	BW_PRINCIPAL_FEDERATED, /* GetFederationToken: arn:aws:sts::A:federated-user/name */
	BW_PRINCIPAL_WEB,       /* AssumeRoleWithWebIdentity or SAML caller: `arn` is the provider */
	BW_PRINCIPAL_SERVICE,   /* `arn` is the service name, "ec2.amazonaws.com" */
};

/* What is asked. All slices borrowed for the evaluation. */
struct bw_policy_request {
	enum bw_principal_kind principal_kind;
	struct bw_str principal_arn, principal_account;
	struct bw_str principal_role_arn; /* ROLE: the role's; FEDERATED: that of the user who federated, may
	                                     be absent */
	bool service_linked_role;         /* bound by neither SCPs nor RCPs */
	struct bw_str action;   /* "iam:CreateUser"; past 256 bytes it is denied implicitly, whoever asks */
	struct bw_str resource; /* ARN, or "*" */
	struct bw_str resource_account; /* absent: the principal's, that is, not across accounts */
	const struct bw_context_key *context;
	size_t context_count;
};

/* Fills the principal's fields of `out` from the ARN of a user, role, session, federated user, root or identity
 * provider, the name of a service or provider, or "anonymous". The path of a session's role is not in its ARN:
 * the caller puts the role's whole ARN into `principal_role_arn` when it is known. Slices are of `text` and of
 * `arena`. BW_EINVAL: it is none of these. */
BW_CHECKED enum bw_err bw_policy_principal(
    struct bw_str text, struct bw_arena *arena, struct bw_policy_request *out);

/* The context keys that follow from who asks and whose the resource is. IAM User Guide, "AWS global condition
 * context keys". Put behind the given ones they do not replace them. Slices are the request's. */
enum { BW_POLICY_IMPLIED_MAX = 8 };
struct bw_policy_implied {
	struct bw_context_key keys[BW_POLICY_IMPLIED_MAX];
	struct bw_str values[BW_POLICY_IMPLIED_MAX];
	size_t count;
};
void bw_policy_imply(const struct bw_policy_request *request, struct bw_policy_implied *out);

/* The account in a resource's ARN, absent when there is none in it. */
struct bw_str bw_policy_resource_account(struct bw_str resource);
/* The kind of policy that stands at a resource: TRUST and KEY must allow by themselves. `must_exist`: the resource
 * is a role or key, which always has one. */
enum bw_policy_kind bw_policy_resource_kind(
    struct bw_str action, struct bw_str resource, bool *must_exist);

/* A document with the name it is reported by. */
struct bw_policy_ref {
	struct bw_policy *policy;
	struct bw_str id; /* ARN, or the inline policy's name */
};

struct bw_policy_list {
	const struct bw_policy_ref *v;
	size_t n;
};

/* Every layer that bears on a request. Empty lists mean the layer does not apply, unless a flag says it does.
 */
struct bw_policy_layers {
	struct bw_policy_list identity;
	struct bw_policy_list resource; /* resource, key or trust policy: normally one */
	struct bw_policy_list boundary;
	bool has_boundary; /* true with an empty list: a boundary that allows nothing */
	struct bw_policy_list session;
	bool has_session;
	const struct bw_policy_list *scps, *rcps; /* levels from the root down; every level must allow */
	size_t scp_levels, rcp_levels;
	struct bw_policy_list vpce;
	bool has_vpce;
	bool resource_must_allow; /* trust and key policies: identity policies help only where the resource
	                             policy lets them */
};

enum bw_decision { BW_ALLOWED, BW_DENIED_IMPLICIT, BW_DENIED_EXPLICIT };

enum bw_layer {
	BW_LAYER_NONE,
	BW_LAYER_IDENTITY,
	BW_LAYER_RESOURCE,
	BW_LAYER_BOUNDARY,
	BW_LAYER_SESSION,
	BW_LAYER_SCP,
	BW_LAYER_RCP,
	BW_LAYER_VPCE,
	BW_LAYER_TRUST,
};

struct bw_verdict {
	enum bw_decision decision;
	enum bw_layer
	    layer; /* whose deny, or whose missing allow, decided; the allowing layer when allowed */
	struct bw_str
	    policy_id; /* of the deciding document; absent for implicit denials. Borrowed from the layers */
	int32_t statement; /* its index there, or -1 */
};

/* Decides. Allocates nothing, cannot fail, any thread; linear in the input whatever the patterns. An explicit
 * denial names the first that denies of: RCPs, SCPs, endpoint, resource, identity, boundary, session
 * policies; an implicit one the first that should have allowed, in the same order. */
struct bw_verdict bw_policy_evaluate(
    const struct bw_policy_layers *layers, const struct bw_policy_request *request);

/* The same decision with its whole reasoning appended as JSON (for simulate, trail and the encoded message).
 */
struct bw_verdict bw_policy_explain(const struct bw_policy_layers *layers,
    const struct bw_policy_request *request, struct bw_buf *reasons_json);

/* Where something stands in a document: 1-based, columns in bytes. */
struct bw_policy_place {
	uint32_t line, column;
};

/* A statement that applies to a request, whatever became of the request. */
struct bw_policy_match {
	enum bw_layer layer;
	size_t level;       /* SCPs and RCPs: counted from the root; 0 elsewhere */
	size_t policy;      /* its index in the layer's list, or the level's */
	uint32_t statement; /* its index there */
	bool allow;
	struct bw_str sid;                 /* absent without one */
	struct bw_policy_place start, end; /* of the '{', and just behind the '}' */
};

/* The statement of that index, with `layer`, `level` and `policy` left at nought. */
void bw_policy_statement(const struct bw_policy *p, uint32_t index, struct bw_policy_match *out);

/* Every statement of every layer that bears on the request and applies to it, in the order the layers are
 * asked: RCPs, SCPs, endpoint, resource, identity, boundary, session policies. */
void bw_policy_matched(const struct bw_policy_layers *layers, const struct bw_policy_request *request,
    void (*each)(void *ctx, const struct bw_policy_match *match), void *ctx);

/* Appends a statement as STS's decoded authorisation messages have it. `principal`: whom a statement without Principal is about. */
void bw_policy_statement_put(
    const struct bw_policy *p, uint32_t statement, struct bw_str principal, struct bw_buf *out);

/* The context key names a document mentions (conditions and variables), each once, in order of appearance. */
void bw_policy_context_keys(
    const struct bw_policy *p, void (*each)(void *ctx, struct bw_str name), void *ctx);

/* AWS's denial text: "User: ARN is not authorized to perform: A on resource: R because ...". Appends to out.
 */
void bw_policy_denial(
    const struct bw_policy_request *request, const struct bw_verdict *verdict, struct bw_buf *out);

/* Does the document allow or deny, taken alone, as AWS's trust-policy checks need: does any Allow statement
 * match? */
enum bw_decision bw_policy_evaluate_one(
    const struct bw_policy *p, const struct bw_policy_request *request, int32_t *statement);
