/* From bytes to typed inputs and from typed outputs to bytes, for each protocol, driven by the shape tables.
 */
#pragma once

#include "aws/shape.h"
#include "net/http.h"

/* Which operation a request is for. */
struct bw_route {
	const struct bw_service *service;     /* NULL: unknown */
	const struct bw_operation *operation; /* NULL: unknown */
	struct bw_str operation_name;         /* as asked, for messages and audit; may be absent */
	struct bw_str version;                /* query: as asked */
	struct bw_str labels[8];              /* rest: decoded values of the uri's labels, in order */
	size_t label_count;
	bool bad_form; /* the body or query string is not a form */
};

/* Parsed parameters of a query-protocol call: decoded key/value pairs in order. */
struct bw_form {
	size_t n;
	struct bw_form_field {
		struct bw_str key, value;
	} * fields;
};

/* Routes by X-Amz-Target, by Action and Version (body form or query string), by the scope's service name and
 * path for rest. `scope_service`: the credential scope's service, absent when unsigned. What that service does
 * not have is looked for in the others, so that the caller can say what the scope should have named: whoever
 * acts on the route has to check the scope against it (bw_sigv4_check_scope). Fills what it can;
 * BW_ENOTFOUND when service or operation is unknown, BW_EINVAL when the body is not a form where one is
 * needed. */
BW_CHECKED enum bw_err bw_route_request(const struct bw_http_request *r, struct bw_str body,
    struct bw_str scope_service, struct bw_arena *arena, struct bw_form *form, struct bw_route *out);

/* What is wrong with an input, gathered while decoding and checking it. */
struct bw_faults {
	size_t n;
	struct bw_str
	    text[16]; /* "Value at 'userName' failed to satisfy constraint: Member must have length ..." */
	const char *code;  /* NULL: the protocol's usual one; ec2 tells a missing from a wrong parameter */
	bool malformed;    /* the bytes themselves: SerializationException, MalformedInput */
	struct bw_str why; /* of malformed; empty where AWS gives no message, never absent then */
};

/* Decodes into a new zeroed input struct of `op` in the arena (NULL input shape: *in is a struct bw_empty).
 * First the types, then required members, lengths, ranges, patterns, enums, and the ceilings of limits.h.
 * Unknown members are ignored as AWS ignores them. Strings are UTF-8 without NUL. BW_EINVAL with `faults`.
 * Slices in the struct point into the request, the form or the arena. */
BW_CHECKED enum bw_err bw_input_decode(const struct bw_operation *op, const struct bw_http_request *r,
    struct bw_str body, const struct bw_form *form, const struct bw_route *route, struct bw_arena *arena,
    void **in, struct bw_faults *faults);

/* Encodes a successful answer: body, status, and header lines (Content-Type, x-amzn-RequestId, bound
 * headers). */
void bw_output_encode(const struct bw_operation *op, const void *out, struct bw_str request_id,
    struct bw_buf *headers, struct bw_buf *body, int *status);

/* An error in the service's protocol. `service` may be NULL (unknown): then the protocol is guessed from the
 * request's content type: JSON for application/x-amz-json-*, else query XML. An empty message is left out of
 * JSON, as AWS does. */
struct bw_error_text {
	struct bw_str code, message;
	int status;
	bool sender;
	/* Further members of the error's shape, all strings: WAF's Field and Parameter, Organizations' Reason
	 * ... */
	struct bw_error_member {
		struct bw_str name, value;
	} members[4];
	size_t member_count;
};
/* Whether a client of one of the json protocols asks, by its content type: for when no service is known. */
bool bw_request_is_json(const struct bw_http_request *r);
void bw_error_encode(const struct bw_service *service, const struct bw_http_request *r,
    const struct bw_error_text *e, struct bw_str request_id, struct bw_buf *headers, struct bw_buf *body);
/* The error AWS gives when bw_route_request did not find an operation. */
void bw_route_error(const struct bw_route *route, const struct bw_http_request *r, struct bw_arena *arena,
    struct bw_error_text *out);
/* The error AWS gives when bw_input_decode failed. */
void bw_faults_error(const struct bw_operation *op, const struct bw_faults *f, struct bw_arena *arena,
    struct bw_error_text *out);

/* The input or output as CloudTrail shows it: JSON with lower-camel member names, sensitive members and blobs
 * left out. NULL shape or struct: "null". Bounded in depth; long strings are shown whole, the record's
 * ceiling cuts. */
void bw_shape_audit(const struct bw_shape *shape, const void *value, struct bw_buf *json);
