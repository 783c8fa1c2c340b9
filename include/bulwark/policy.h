/* libbulwark-policy: AWS's policy language as a library. Documents are compiled once and then evaluated from
 * any number of threads: evaluation allocates nothing, cannot fail, and takes time linear in its input. The
 * library does no I/O, reads no clock and keeps no state between calls. Rules: IAM User Guide, "IAM JSON
 * policy elements reference" and "Policy evaluation logic". */
#ifndef BULWARK_POLICY_H
#define BULWARK_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that need no NUL behind them. `p` NULL: absent. */
struct bulwark_text {
	const char *p;
	size_t n;
};

/* The caller's memory. `resize` is as realloc, and may answer NULL; both may be called from the thread that
 * compiles or frees, and from no other. */
struct bulwark_allocator {
	void *(*resize)(void *ctx, void *p, size_t bytes);
	void (*release)(void *ctx, void *p);
	void *ctx;
};

enum bulwark_result {
	BULWARK_OK,
	BULWARK_INVALID,   /* AWS would refuse the document: see the fault */
	BULWARK_TOO_LARGE, /* more than 160 KiB of text */
	BULWARK_NO_MEMORY,
};

enum bulwark_kind {
	BULWARK_IDENTITY,
	BULWARK_RESOURCE,
	BULWARK_TRUST,
	BULWARK_BOUNDARY,
	BULWARK_SESSION,
	BULWARK_SCP,
	BULWARK_RCP,
	BULWARK_VPCE,
	BULWARK_KEY,
};

/* Why a document is refused, in AWS's words, and where. */
struct bulwark_fault {
	char text[256];
	uint32_t line, column;
};

/* A compiled document. */
struct bulwark_policy;

/* The text is copied. `allocator` NULL: malloc and free. `fault` may be NULL. On BULWARK_OK the caller frees
 * `*out` with bulwark_policy_free. Any thread. */
enum bulwark_result bulwark_policy_compile(struct bulwark_text document, enum bulwark_kind kind,
    const struct bulwark_allocator *allocator, struct bulwark_policy **out, struct bulwark_fault *fault);
/* NULL is nothing. No evaluation may still use the policy. */
void bulwark_policy_free(struct bulwark_policy *policy);

/* A condition key of the request. `multi`: it is one of those that have many values, whatever the count. */
struct bulwark_key {
	struct bulwark_text name;
	const struct bulwark_text *values;
	size_t count;
	bool multi;
};

enum bulwark_principal {
	BULWARK_ANONYMOUS,
	BULWARK_ROOT,      /* arn:aws:iam::ACCOUNT:root */
	BULWARK_USER,      /* arn:aws:iam::ACCOUNT:user/NAME */
	BULWARK_ROLE,      /* the session's ARN, and in `role_arn` the role's */
	BULWARK_FEDERATED, /* arn:aws:sts::ACCOUNT:federated-user/NAME */
	BULWARK_WEB,       /* the provider's ARN or name */
	BULWARK_SERVICE,   /* the service's name */
};

/* What is asked. `size` is sizeof(struct bulwark_request): later versions may add members at the end. */
struct bulwark_request {
	size_t size;
	enum bulwark_principal principal;
	struct bulwark_text principal_arn, principal_account, role_arn;
	bool service_linked_role;
	struct bulwark_text action, resource;
	struct bulwark_text resource_account; /* absent: the principal's */
	const struct bulwark_key *context;    /* the first of two keys of one name counts */
	size_t context_count;
};

struct bulwark_ref {
	struct bulwark_policy *policy;
	struct bulwark_text id; /* what the verdict calls it */
};

struct bulwark_list {
	const struct bulwark_ref *v;
	size_t n;
};

/* The policies that bear on the request. `size` is sizeof(struct bulwark_layers). */
struct bulwark_layers {
	size_t size;
	struct bulwark_list identity, resource, boundary, session, vpce;
	bool has_boundary, has_session,
	    has_vpce;             /* there is one, though the list be empty: it allows nothing */
	bool resource_must_allow; /* trust and key policies */
	const struct bulwark_list *scps, *rcps; /* levels from the root down */
	size_t scp_levels, rcp_levels;
};

enum bulwark_decision { BULWARK_ALLOWED, BULWARK_DENIED_IMPLICITLY, BULWARK_DENIED_EXPLICITLY };

enum bulwark_layer {
	BULWARK_LAYER_NONE,
	BULWARK_LAYER_IDENTITY,
	BULWARK_LAYER_RESOURCE,
	BULWARK_LAYER_BOUNDARY,
	BULWARK_LAYER_SESSION,
	BULWARK_LAYER_SCP,
	BULWARK_LAYER_RCP,
	BULWARK_LAYER_VPCE,
	BULWARK_LAYER_TRUST,
};

struct bulwark_verdict {
	enum bulwark_decision decision;
	enum bulwark_layer layer;   /* whose word decided */
	struct bulwark_text policy; /* the id of the deciding document; absent for implicit denials */
	int32_t statement;          /* its index there, or -1 */
};

struct bulwark_verdict bulwark_policy_evaluate(
    const struct bulwark_layers *layers, const struct bulwark_request *request);

/* Characters as AWS counts them for quotas: without white space outside strings. */
size_t bulwark_policy_size(struct bulwark_text document);

/* "0.1.0" */
const char *bulwark_policy_version(void);

#ifdef __cplusplus
}
#endif
#endif
