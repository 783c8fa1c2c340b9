/* From bytes to typed inputs and from typed outputs to bytes, for each protocol, driven by the shape tables. */
#pragma once

#include "aws/shape.h"
#include "net/http.h"

/* Which operation a request is for. */
struct bw_route {
	const struct bw_service *service;      /* NULL: unknown */
	const struct bw_operation *operation;  /* NULL: unknown */
	struct bw_str operation_name;          /* as asked, for messages and audit; may be absent */
	struct bw_str version;                 /* query: as asked */
	struct bw_str labels[8];               /* rest: decoded values of the uri's labels, in order */
	size_t label_count;
};

/* Parsed parameters of a query-protocol call: decoded key/value pairs in order. */
struct bw_form {
	size_t n;
	struct bw_form_field {
		struct bw_str key, value;
	} *fields;
};

/* Routes by X-Amz-Target, by Action and Version (body form or query string), by the scope's service name and path for rest.
 * `scope_service`: the credential scope's service, absent when unsigned. Fills what it can; BW_ENOTFOUND when service or
 * operation is unknown, BW_EINVAL when the body is not a form where one is needed. */
BW_CHECKED enum bw_err bw_route_request(const struct bw_http_request *r, struct bw_str body, struct bw_str scope_service,
    struct bw_arena *arena, struct bw_form *form, struct bw_route *out);

/* A list of failed constraints in AWS's words, gathered while decoding. */
struct bw_faults {
	size_t n;
	struct bw_str text[16]; /* "Value at 'userName' failed to satisfy constraint: Member must have length ..." */
	bool malformed;         /* the bytes themselves: SerializationException, MalformedQueryString ... */
	struct bw_str why;
};

/* Decodes into a new zeroed input struct of `op` in the arena (NULL input shape: *in is an empty struct). Checks types,
 * required members, lengths, ranges, patterns, enums, UTF-8, list and depth ceilings. BW_EINVAL with `faults`. */
BW_CHECKED enum bw_err bw_input_decode(const struct bw_operation *op, const struct bw_http_request *r, struct bw_str body,
    const struct bw_form *form, const struct bw_route *route, struct bw_arena *arena, void **in, struct bw_faults *faults);
/* "N validation errors detected: ...; ..." in AWS's words. */
struct bw_str bw_faults_message(const struct bw_faults *f, struct bw_arena *arena);

/* Encodes a successful answer: body, status, and header lines (Content-Type, x-amzn-RequestId, bound headers). */
void bw_output_encode(const struct bw_operation *op, const void *out, struct bw_str request_id, struct bw_buf *headers,
    struct bw_buf *body, int *status);

/* An error in the service's protocol. `service` may be NULL (unknown): then the protocol is guessed from the request's
 * content type: JSON for application/x-amz-json-*, else query XML. */
struct bw_error_text {
	struct bw_str code, message;
	int status;
	bool sender;
};
void bw_error_encode(const struct bw_service *service, const struct bw_http_request *r, const struct bw_error_text *e,
    struct bw_str request_id, struct bw_buf *headers, struct bw_buf *body);

/* The input or output as CloudTrail shows it: JSON with lower-camel member names, sensitive members left out. NULL
 * struct: "null". `depth`-bounded; strings over 1 KiB... are shown whole, the record's ceiling cuts. */
void bw_shape_audit(const struct bw_shape *shape, const void *value, struct bw_buf *json);
