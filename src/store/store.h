/* The state of the program: a consistent view to read, an atomic batch to write. Which database stands behind it is
 * invisible above this header: lmdb.c is the embedded one; a PostgreSQL one fits without a change here.
 *
 * Keys are text, "account/region/service/kind/name", at most BW_STORE_KEY_MAX bytes. Values are sealed (seal.h) with
 * the key and the version as associated data. A version is the commit's sequence number; 0 means absent. */
#pragma once

#include "base/mem.h"
#include "base/limits.h"

struct bw_store;
struct bw_snapshot;

struct bw_store_config {
	struct bw_str data_dir;      /* made 0700 when missing */
	/* Gives the key-encryption key for the store's salt (seal.h) of a generation of main keys, which it says when it is asked for
	 * 0, the newest; its errors are answered by the opening. Needed as long as the store is open. Not used when ephemeral: such
	 * a store's key lives as long as it does, and nowhere but in memory. */
	enum bw_err (*key)(void *ctx, struct bw_str salt, uint32_t *generation, unsigned char out[32]);
	void *key_ctx;
	bool ephemeral;              /* in memory: on a tmpfs, unlinked at once, never synced */
	bool read_only;              /* subcommands looking at a running server's store */
	size_t map_size_bytes;       /* 0: default 64 GiB of address space */
};

/* All logged: BW_EPERM when the key does not open this store; BW_EAGAIN when another process has the data folder open for writing; BW_ECORRUPT when what the
 * store says of itself does not authenticate (state.h); BW_EINVAL for a malformed path; BW_ENOTFOUND for a
 * read-only look at no store; BW_EIO. The caller closes. After fork(2) only: the store does not outlive one.
 *
 * Whether its records are the ones that were last committed is another question, whose answer takes a walk over all of them:
 * bw_store_checked. It may be read before that, and each value authenticates; nothing is written, batches wait. */
BW_CHECKED enum bw_err bw_store_open(const struct bw_store_config *config, struct bw_store **out);
/* Waits until the records have been checked, which begins when it is asked for or the first batch comes. BW_ECORRUPT (logged): some were put
 * back, taken away or changed behind this program's back, and nothing is written by this opening any more; BW_EIO likewise. BW_EPERM: a read-only look, which would
 * pay for the walk each time, is not checked. Any thread, but neither a loop's nor from done. */
BW_CHECKED enum bw_err bw_store_checked(struct bw_store *s);
/* Whether that has ended, and well. Lock-free, any thread. */
bool bw_store_is_checked(const struct bw_store *s);
/* Commits what is queued, then closes. No snapshot may be open. */
void bw_store_close(struct bw_store *s);
/* Copies the store of a data folder as it stands at one moment into another folder, sealed as it is: no key is needed, and its
 * server may be writing. BW_EEXISTS: there is a store already; BW_ENOTFOUND, BW_EIO. Logged. */
BW_CHECKED enum bw_err bw_store_copy(struct bw_str data_dir, struct bw_str to_dir);
/* Deletes every key: for an ephemeral store's reset. Sequence numbers go on. BW_EPERM when not ephemeral. */
BW_CHECKED enum bw_err bw_store_clear(struct bw_store *s);
/* The sequence number of the newest commit; lock-free, any thread. */
uint64_t bw_store_seq(const struct bw_store *s);
/* Makes a new data key the one that seals from now on; what older ones sealed stays readable. Happens by itself before a
 * key has sealed too much. BW_EIO, BW_ETOOBIG (no number left), BW_EPERM (read-only). Any thread; waits for the disk. */
BW_CHECKED enum bw_err bw_store_rotate_data_key(struct bw_store *s);
/* ---- Rekeying: every key of the store but data key 0 is made anew, beside its use ----
 *
 * begin, then steps until one says that it is finished, then end. Each may be cut off at any time, by a crash too, and begun again:
 * what is done stays done. */

/* The generation of main keys whose key-encryption key wraps the data keys. */
uint32_t bw_store_generation(const struct bw_store *s);
/* Whether values are left under data keys from before. */
bool bw_store_rekeying(const struct bw_store *s);
/* Wraps the data keys for that generation, and begins a new data key. BW_EPERM (read-only, ephemeral), BW_EIO, or the key
 * function's error. Waits for the disk, as the others do; from one thread, not on a loop. */
BW_CHECKED enum bw_err bw_store_rekey_begin(struct bw_store *s, uint32_t generation);
/* A walk over all values. Zeroed before the first step. */
struct bw_store_rekey {
	uint64_t done, total; /* values */
	bool finished;
	unsigned table;       /* the store's, with the key that it has come to */
	size_t after_n;
	char after[BW_STORE_KEY_MAX];
};
/* Seals the next some hundred values anew, their versions staying as they are, in one commit. */
BW_CHECKED enum bw_err bw_store_rekey_step(struct bw_store *s, struct bw_store_rekey *r);
/* Destroys the older data keys: on the disk, and in memory as soon as no snapshot from before is left. BW_EAGAIN: some value still
 * needs one, walk again. */
BW_CHECKED enum bw_err bw_store_rekey_end(struct bw_store *s);

/* 32 bytes derived (HKDF) from the store's key hierarchy for the named purpose, stable for the store's life;
 * for session tokens, markers, encoded messages, audit sealing. */
void bw_store_derive(const struct bw_store *s, struct bw_str purpose, unsigned char out[32]);

/* A view that does not change. BW_EAGAIN when too many are open; BW_EIO (logged). One thread at a time; begin and end cost well under a microsecond (readers are pooled
 * by thread). Slices it hands out live in the given arena. */
BW_CHECKED enum bw_err bw_snapshot_begin(struct bw_store *s, struct bw_snapshot **out);
void bw_snapshot_end(struct bw_snapshot *v);
uint64_t bw_snapshot_seq(const struct bw_snapshot *v);
/* BW_ENOTFOUND with *version 0; BW_ECORRUPT when the value does not authenticate (logged). `version` may be NULL. */
BW_CHECKED enum bw_err bw_snapshot_get(struct bw_snapshot *v, struct bw_str key, struct bw_arena *arena,
    struct bw_str *value, uint64_t *version);
/* The version alone, without unsealing; 0 when absent. */
uint64_t bw_snapshot_version(struct bw_snapshot *v, struct bw_str key);
/* The value of a counter kept by bw_batch_count; 0 when absent; INT64_MAX when it does not authenticate (logged), so
 * that a quota errs on the safe side. */
int64_t bw_snapshot_count(struct bw_snapshot *v, struct bw_str key);

/* An ordered walk over the keys that begin with `prefix`, those above `after` (a whole key; may be absent). `prefix` and
 * `after` are borrowed until its end, which comes before the snapshot's. */
struct bw_scan {
	struct bw_snapshot *view;
	struct bw_str prefix;
	void *cursor;
	bool started;
	struct bw_str after;
};
BW_CHECKED enum bw_err bw_scan_begin(struct bw_snapshot *v, struct bw_str prefix, struct bw_str after, struct bw_scan *scan);
/* BW_ENOTFOUND at the end. `value` may be NULL: then nothing is unsealed. After a BW_ECORRUPT the walk may go on. */
BW_CHECKED enum bw_err bw_scan_next(struct bw_scan *scan, struct bw_arena *arena, struct bw_str *key, struct bw_str *value,
    uint64_t *version);
void bw_scan_end(struct bw_scan *scan);

/* What one call wants to change, and the versions of what it read. Lives in an arena, into which keys and values are
 * copied; committed at most once. What a batch cannot hold (an empty key: BW_EINVAL; a key, a value or a number of
 * operations past limits.h: BW_ETOOBIG) is left out, remembered in `refused`, and answered by the commit. */
enum bw_batch_kind { BW_BATCH_PUT, BW_BATCH_DELETE, BW_BATCH_READ, BW_BATCH_READ_PREFIX, BW_BATCH_COUNT };

struct bw_batch_op {
	struct bw_batch_op *next;
	enum bw_batch_kind kind;
	struct bw_str key, value;
	uint64_t version;   /* READ: as read (0 absent); READ_PREFIX: the snapshot's sequence number */
	size_t prefix_keys; /* READ_PREFIX: how many keys were there */
	int64_t delta, max; /* COUNT */
};

struct bw_batch {
	struct bw_arena *arena;
	struct bw_batch_op *first, **last;
	size_t count, writes;
	enum bw_err refused;
};

void bw_batch_init(struct bw_batch *b, struct bw_arena *arena);
void bw_batch_put(struct bw_batch *b, struct bw_str key, struct bw_str value);
void bw_batch_delete(struct bw_batch *b, struct bw_str key);
/* The commit holds only if the key still has this version. */
void bw_batch_read(struct bw_batch *b, struct bw_str key, uint64_t version);
/* The commit holds only if the keys under the prefix are still `keys` many and none is newer than `seq`. */
void bw_batch_read_prefix(struct bw_batch *b, struct bw_str prefix, uint64_t seq, size_t keys);
/* Adds `delta` to a counter at commit time, without a read that could conflict; past `max` the batch fails with
 * BW_EQUOTA. Counters never go below zero. */
void bw_batch_count(struct bw_batch *b, struct bw_str key, int64_t delta, int64_t max);

/* What became of a batch: BW_OK (durable, and seen by every snapshot begun from now on), BW_ECONFLICT, BW_EQUOTA (with
 * the key of the counter, borrowed from the batch), BW_ECORRUPT (a counter does not authenticate, or the
 * store itself: bw_store_checked; logged), BW_EIO (nothing of it is applied; logged). `seq` is the version of what it wrote. */
struct bw_commit {
	struct bw_batch *batch; /* borrowed until done is called */
	void (*done)(struct bw_commit *c); /* on the committer's thread; must only hand over, never block */
	void *ctx;
	enum bw_err result;
	struct bw_str quota_key;
	uint64_t seq;
	struct bw_commit *next; /* the store's, from the call to done */
};
/* Queues. Any thread. When it answers an error, done is not called: BW_EAGAIN while BW_STORE_QUEUE_MAX wait already,
 * what the batch was `refused` for, BW_EPERM for a store that is read-only or closing. */
BW_CHECKED enum bw_err bw_store_commit(struct bw_store *s, struct bw_commit *c);
/* The same for a chain by `next`, whose batches come into one group: all of them, or an error for all. */
BW_CHECKED enum bw_err bw_store_commit_all(struct bw_store *s, struct bw_commit *first);
/* Called on the committer's thread each time the dones of a whole group have been called, so that they can be handed
 * over together. Set before anything is committed that is not waited for. */
void bw_store_on_answered(struct bw_store *s, void (*answered)(void *ctx), void *ctx);
/* Commits and waits: for the first start and for tools, never on a loop or from done. */
BW_CHECKED enum bw_err bw_store_commit_wait(struct bw_store *s, struct bw_batch *b);
