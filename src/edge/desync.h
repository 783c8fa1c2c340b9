/* How far requests stray from the standard: desync.c. */
#pragma once

#include "net/http.h"

enum tier { TIER_COMPLIANT, TIER_ACCEPTABLE, TIER_AMBIGUOUS };
/* How far a request that the parser took strays from RFC 9112, and AWS's word for it. */
enum tier desync_classify(const struct bw_http_request *r, const char **reason);
/* A name that some server may read as Transfer-Encoding or Content-Length. */
bool header_is_suspicious(struct bw_str name);
