/* The form of the edge's log files: records, each a line sealed in a box (crypto/box.h) to a key that the
 * edge does not have. The edge writes them, `bulwark logs` reads them.
 *
 * A record: "BWL1"; the length of all that follows (4 bytes, big-endian); the sender's public key (32); the
 * record's number among those of the sender in this log (8); the length of the log's name (1), the name; the
 * box. Everything in front of the box is authenticated with it, so that no line can be changed, moved to
 * another log, or taken out between two others unseen. */
#pragma once

#include "crypto/box.h"

struct bw_store;

enum {
	BW_EDGE_LOG_NAME_MAX = 255,
	BW_EDGE_LOG_LINE_MAX = 64 * 1024, /* what an access log's line may hold of a request's is below that (edge/log_access.c) */
};

/* The secret key of the logs of a store, and what the edge is given of it (hexadecimal, in the arena). */
void bw_edge_log_secret(const struct bw_store *store, unsigned char out[BW_BOX_KEY]);
struct bw_str bw_edge_log_public(const struct bw_store *store, struct bw_arena *arena);

/* Appends a record. `out` fails for a name or a line above the limits. */
void bw_edge_log_put(struct bw_box *box, const unsigned char sender[BW_BOX_KEY], uint64_t number,
    struct bw_str name, struct bw_str line, struct bw_buf *out);

struct bw_edge_log_record {
	struct bw_str sender, name, head, sealed; /* head: what is authenticated beside the line */
	uint64_t number;
};
/* Takes the next record off `bytes`. BW_ENOTFOUND: nothing is left; BW_ECORRUPT: here is none, and `bytes`
 * begins with the next place where one could be. */
BW_CHECKED enum bw_err bw_edge_log_next(struct bw_str *bytes, struct bw_edge_log_record *out);
