/* The edge's configuration, published. A service registers who builds it (one row, gathered by the linker)
 * and of which services' records it is made; after a commit that touched those, and at start, the image is
 * built anew from a snapshot on a thread of its own, encoded, and handed to the transport. Bursts of commits
 * make one image. */
#pragma once

#include "codec/cidr.h"
#include "core/edge_image.h"
#include "store/store.h"

struct bw_core;

/* Where load balancers listen, and what instance ids stand for: the options of `serve`. */
struct bw_edge_config {
	struct bw_cidr pool;       /* every load balancer gets one of these addresses */
	struct bw_str address;     /* set: all share this one */
	struct bw_pairs instances; /* "i-..." -> address */
	struct bw_strs own;        /* where this server itself listens: "ADDRESS PORT", or "* PORT" for every address */
	struct bw_str cognito_url; /* where user pools' endpoints are; absent: at AWS's names */
	struct bw_pairs cognito_clients; /* id -> secret; one that is not here has none */
};
const struct bw_edge_config *bw_core_edge(const struct bw_core *core);

/* "127.66.0.0/16", "10.0.0.7", and "i-0123456789abcdef0=10.0.0.8" entries (NULL-terminated) as given; NULL:
 * none, the pool's default. Lists live in the arena. BW_EINVAL with *wrong the text that is not what it
 * should be. */
BW_CHECKED enum bw_err bw_edge_config_parse(const char *pool, const char *address,
    const char *const *instances, struct bw_arena *arena, struct bw_edge_config *out, const char **wrong);

struct bw_image_builder {
	const char *const *services; /* whose keys it reads, NULL-terminated: "elbv2", "ec2" ... */
	/* Fills the image, whose version and time are set. `due_ms`: when it must be built again even if
	 * nothing is written (INT64_MAX: never). On the publisher's thread. */
	enum bw_err (*build)(struct bw_core *core, struct bw_snapshot *view, struct bw_arena *arena,
	    struct bw_edge_image *image, int64_t *due_ms);
};
#define BW_IMAGE_BUILDER(id)                                                                                 \
	static const struct bw_image_builder *const id##_ref                                                 \
	    __attribute__((used, section("bw_image_builders"))) = &(id)

/* Begins publishing on the board of the core's configuration; the first image is made at once. Once. */
void bw_publish_start(struct bw_core *core);
/* Whether a batch touches what images are made of, so that one is due when it has been committed. Any thread. */
bool bw_publish_concerns(const struct bw_core *core, const struct bw_batch *batch);
/* Such a batch was committed: makes a new image due. Any thread. */
void bw_publish_wake(struct bw_core *core);
/* What the edge told last; empty when it has told nothing. A server without an edge (no boards) tells itself
 * that the newest image is served. Slices live in the arena. */
void bw_edge_report_latest(struct bw_core *core, struct bw_arena *arena, struct bw_edge_report *out);
