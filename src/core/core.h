/* The control plane in one process: what every call shares, and the gate that every call goes through. */
#pragma once

#include "core/anchor.h"
#include "core/caller.h"
#include "core/guard_image.h"
#include "core/op.h"
#include "core/publish.h"
#include "core/session.h"
#include "core/trail.h"

/* Where the seal file (keyer/unseal.h) is. Any thread; errors are logged. */
struct bw_seal_place {
	enum bw_err (*read)(void *ctx, struct bw_arena *arena, struct bw_str *bytes);
	enum bw_err (*write)(void *ctx, struct bw_str bytes);
	void *ctx;
};

struct bw_core_config {
	struct bw_str data_dir;
	/* Where there is no keyer: the store's key (store/store.h). NULL: the keyer is asked, or it is ephemeral. */
	enum bw_err (*store_key)(void *ctx, struct bw_str salt, uint32_t *generation, unsigned char out[32]);
	void *store_key_ctx;
	struct bw_board *seal; /* the keyer's words on its seal (keyer/seal_status.h); NULL: it is never sealed */
	struct bw_seal_place seal_place; /* beside it */
	const struct bw_anchor *anchor; /* NULL: nothing tells when the whole folder was put back */
	bool anchor_accept;             /* this folder is the one from now on, whatever the anchor says */
	bool ephemeral;
	struct bw_str account, region;        /* of the first start; later starts keep the stored account */
	struct bw_str root_key_id, root_secret; /* from the environment; absent: the root user has no access key */
	struct bw_board *edge_images;                /* to the edge (core/edge_image.h); NULL: there is no edge */
	const struct bw_edge_reports *edge_reports;  /* and from it */
	unsigned lanes;                       /* event loops */
	unsigned trail_keep_days;             /* 0: the trail is kept for ever */
	const char *const *quotas;            /* "name=value", NULL-terminated; may be NULL */
	struct bw_ring *const *keyer_channels; /* one a lane and, beside `seal`, one more, kept; NULL: no keyer */
	const int *outside_channels;          /* the api's ends of its channels, likewise, kept open; NULL: no outside */
	struct bw_edge_config edge;           /* lists are borrowed for the core's life */
	struct bw_guard_config guard;         /* likewise */
	const struct bw_proc_table *processes; /* the parent's word on them; NULL: there is none */
	struct bw_board *guard_images, *guard_reports; /* to and from the guard (core/guard_image.h); NULL: there is none */
};

/* Whether `quotas` may have it; else the names that there are, with their usual values, each on a line of its own. */
bool bw_quota_fits(const char *text, struct bw_buf *names);

/* What the first start made, for the credentials file. Slices live in the given arena. */
struct bw_first_start {
	bool made;
	struct bw_str account, admin_key_id, admin_secret, root_password;
};

/* Opens the store and the trail, makes the first account when the store is empty. Errors are logged. */
BW_CHECKED enum bw_err bw_core_open(const struct bw_core_config *config, struct bw_arena *arena, struct bw_first_start *first,
    struct bw_core **out);
/* Once the first start's secrets have been told: they are wiped here, too. An ephemeral core keeps what its reset brings back. */
void bw_core_first_forget(struct bw_core *core, struct bw_first_start *first);
/* No call may be in work. */
void bw_core_close(struct bw_core *core);
/* Of a core whose store is not the one last committed (bw_store_checked): says so on the trail, and has what the trail holds on the disk. The
 * process then ends without another word. No loop runs any more. */
void bw_core_condemn(struct bw_core *core);
/* The account of this server, 12 digits. */
struct bw_str bw_core_account(const struct bw_core *core);
/* Back to the first-start state with the same credentials (ephemeral only). */
BW_CHECKED enum bw_err bw_core_reset(struct bw_core *core);

/* One event loop's share: caches, lane of the trail, last-used times. */
struct bw_lane;
BW_CHECKED enum bw_err bw_lane_new(struct bw_core *core, struct bw_loop *loop, unsigned index, struct bw_lane **out);
void bw_lane_free(struct bw_lane *lane);
/* The HTTP server's callbacks: everything a client sends to the API ends here. ctx: the lane. */
void bw_gate_request(void *lane, struct bw_http_exchange *x);
void bw_gate_refused(void *lane, int status, struct bw_buf *lines, struct bw_buf *body);

struct bw_store *bw_core_store(const struct bw_core *core);
struct bw_sessions *bw_core_sessions(const struct bw_core *core);
struct bw_str bw_core_region(const struct bw_core *core);

/* Rows of all operations, sorted by service and name: for the coverage table. */
const struct bw_op *const *bw_ops_all(size_t *count);
