/* Certification authorities that other services have certificates issued by, whichever service keeps them. A
 * keeper registers a row, gathered by the linker; acm asks here. Issuing is two steps of one call, as the
 * keyer signs between them: `ask` in the row's `ask`, then `take` in the handler. */
#pragma once

#include "core/call.h"

/* What is to be certified: a key of the caller's, and the names it answers to. */
struct bw_authority_request {
	struct bw_str authority;    /* ARN */
	struct bw_str spki;         /* DER */
	const struct bw_str *names; /* DNS names; the first is the subject, too */
	size_t name_count;
	int64_t not_after_ms; /* or the authority's own end, if that is earlier */
};
struct bw_authority_issued {
	struct bw_str arn, cert_pem, chain_pem; /* the chain without the certificate itself */
};

struct bw_authority_keeper {
	const char *service; /* in its ARNs: "acm-pca" */
	/* States what issuing takes beside the call's own permission: the service's permissions on the
	 * authority, with its policy. In the row's `keys`. Nothing is stated of one that does not exist. */
	enum bw_err (*permit)(struct bw_call *call, struct bw_str arn);
	/* Whether the keeper's own records let the service `principal` issue by itself, when nobody calls.
	 * BW_ENOTFOUND: there is no such authority; BW_EPERM: it may not. */
	enum bw_err (*permits)(struct bw_call *call, struct bw_str arn, struct bw_str principal);
	/* Fills the keyer's request and leaves what `take` needs. BW_EFAILED: stated; BW_ENOTFOUND: there is
	 * no such authority, for the caller to put in the service's words; BW_EPERM: it does not issue in its
	 * state. */
	enum bw_err (*ask)(struct bw_call *call, const struct bw_authority_request *r,
	    struct bw_keyer_request *request, void **state);
	/* With the keyer's answer in call->answer: the certificate, kept in the batch as issued by the
	 * authority. */
	enum bw_err (*take)(struct bw_call *call, void *state, struct bw_authority_issued *out);
};
#define BW_AUTHORITY_KEEPER(id)                                                                              \
	static const struct bw_authority_keeper *const id##_ref                                              \
	    __attribute__((used, section("bw_authority_keepers"))) = &(id)

/* Whose ARN it is. NULL: nobody's. */
const struct bw_authority_keeper *bw_authority_keeper(struct bw_str arn);
