/* The canonical request of Signature Version 4, hashed as it is made. Private to the signature's own files.
 */
#pragma once

#include "aws/sigv4.h"

struct sigv4_canonical {
	struct bw_str method, path, query; /* as sent; query absent without */
	const struct bw_http_header *headers;
	size_t header_count;
	struct bw_str signed_headers; /* "host;x-amz-date" */
	struct bw_str payload;        /* 64 hex digits, or UNSIGNED-PAYLOAD */
	bool presigned;               /* the signature stands in the query and is left out */
};

/* The SHA-256 of the canonical request in hex (IAM User Guide, "Create a signed AWS API request", steps 1 and
 * 2), as every service but S3 forms it: the path without dot and empty segments, encoded once more as it was
 * sent. BW_EINVAL when the query has a bad escape, BW_ETOOBIG past BW_FORM_FIELDS_MAX parameters,
 * BW_ENOTFOUND when a signed header was not sent. */
BW_CHECKED enum bw_err sigv4_canonical_hash(
    const struct sigv4_canonical *c, struct bw_arena *arena, char hex[64]);

/* The next name of a list like "host;x-amz-date", absent at the end. */
static inline bool sigv4_name_next(struct bw_str *list, struct bw_str *name)
{
	if (!bw_str_set(*list))
		return false;
	*name = bw_str_cut(list, ';');
	return true;
}

/* States the client's error and returns BW_EPERM; `fmt` gives the message, cut at its room. */
BW_CHECKED enum bw_err sigv4_refuse(
    struct bw_sigv4_fault *fault, const char *code, int status, const char *fmt, ...) BW_PRINTF(4, 5);
