/* The server's TLS identity: a private CA and a certificate from it, kept sealed in the store. */
#pragma once

#include "base/buf.h"
#include "store/store.h"

struct identity {
	struct bw_str ca_cert, cert, key; /* PEM, in the arena given */
};
/* Loads what the store holds; makes the CA when there is none, and a new certificate when the names differ or less than 30 days are
 * left. Writes the CA's certificate (public) to `data`/ca.pem. */
BW_CHECKED enum bw_err identity_load(struct bw_store *store, struct bw_str data, const struct bw_str *names,
    size_t name_count, int64_t now_ms, struct bw_arena *arena, struct identity *out);
/* The operator's own, of --tls-cert and --tls-key. What cannot be read is told with its name. */
BW_CHECKED enum bw_err identity_read(const char *cert, const char *key, struct bw_arena *arena, struct identity *out);
