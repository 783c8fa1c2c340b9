/* AWS Signature Version 4: parsing and verifying, in the Authorization header and in the query string. Rules:
 * IAM User Guide, "AWS Signature Version 4 for API requests". Error codes and texts are AWS's. */
#pragma once

#include "base/map.h"
#include "crypto/crypto.h"
#include "net/http.h"

enum bw_sigv4_form { BW_SIGV4_NONE, BW_SIGV4_HEADER, BW_SIGV4_QUERY };

struct bw_sigv4 {
	enum bw_sigv4_form form;
	struct bw_str key_id, date /* yyyymmdd */, region, service;
	struct bw_str signed_headers; /* "host;x-amz-date" as sent */
	struct bw_str signature;      /* 64 hex digits */
	struct bw_str token;          /* X-Amz-Security-Token; absent without */
	struct bw_str timestamp;      /* yyyymmddThhmmssZ */
	int64_t time_ms;
	struct bw_str payload_hash; /* x-amz-content-sha256 as sent; absent without */
};

/* The error AWS gives: code and message. */
struct bw_sigv4_fault {
	const char *code; /* "IncompleteSignature", "InvalidClientTokenId" ... */
	int status;
	char message[1024];
};

/* Finds and parses the signature. BW_OK with form NONE when there is none (an Authorization header of another
 * scheme is none); BW_EINVAL with `fault`, `out` then being filled as far as it was read. Slices point into
 * the request or the arena. Checks all that needs no secret, clock or service: one form, its parameters, the
 * date of the scope, and that the host and every x-amz- header are signed. */
BW_CHECKED enum bw_err bw_sigv4_parse(const struct bw_http_request *r, struct bw_arena *arena,
    struct bw_sigv4 *out, struct bw_sigv4_fault *fault);

/* Signing keys as HMAC midstates by (access key, date, region, service): one loop's, not thread-safe. An
 * entry is tied to the secret by a hash of it, so a rotated secret does not meet an old entry. */
struct bw_sigv4_cache {
	struct bw_map map;
};
void bw_sigv4_cache_init(struct bw_sigv4_cache *c, size_t max_entries);
void bw_sigv4_cache_free(struct bw_sigv4_cache *c);

/* Checks time (BW_SIGV4_SKEW_MS), the payload hash and the signature in constant time. BW_EPERM with `fault`
 * (SignatureDoesNotMatch). The signature covers the hash of `body` itself, and an
 * x-amz-content-sha256 that was sent must be that hash; with `allow_unsigned_payload`, only for services that
 * do so, it may be UNSIGNED-PAYLOAD. Needs a `sig` from a parse that succeeded with a form. `cache` may be
 * NULL. On a cache hit nothing is allocated but, for query strings and unusual paths, from the arena. */
BW_CHECKED enum bw_err bw_sigv4_verify(const struct bw_sigv4 *sig, const struct bw_http_request *r,
    struct bw_str body, struct bw_str secret, int64_t now_ms, bool allow_unsigned_payload,
    struct bw_sigv4_cache *cache, struct bw_arena *arena, struct bw_sigv4_fault *fault);

/* Checks the scope against the signing name of the service that will answer, and against a Region unless that
 * is absent. BW_EPERM with `fault`. */
BW_CHECKED enum bw_err bw_sigv4_check_scope(
    const struct bw_sigv4 *sig, struct bw_str service, struct bw_str region, struct bw_sigv4_fault *fault);

/* Signs a request for our own client (status, tour, tests): the Authorization header's value. `headers`
 * sorted by name, lower-case, all that are to be signed. `timestamp` is yyyymmddThhmmssZ. Region and service
 * at most 64 bytes each. The value lies in the arena; absent when the query has a bad escape. */
struct bw_str bw_sigv4_sign(struct bw_str key_id, struct bw_str secret, struct bw_str method,
    struct bw_str path, struct bw_str query, const struct bw_http_header *headers, size_t header_count,
    struct bw_str body, struct bw_str timestamp, struct bw_str region, struct bw_str service,
    struct bw_arena *arena);
