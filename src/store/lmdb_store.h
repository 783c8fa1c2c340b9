/* The embedded store's inside: an LMDB environment with three tables.
 *
 *	(main)    "format", "salt", "state" (state.h), "key/00000001" ... : wrapped data keys (seal.h), "generation" of
 *	          the main key that they are wrapped under, "reseal" while values are sealed anew (lmdb_rekey.c)
 *	records   key -> sealed value
 *	counters  key -> sealed 8-byte number
 *
 * LMDB is trusted not to lose what it has synced, and for nothing else: what it hands back is believed only
 *once it has authenticated. Its own pages are not hardened against somebody who writes into the file; such a
 *one can crash the program, but neither read nor change a record unseen. */
#pragma once

#include "store/seal.h"
#include "store/state.h"
#include "store/store.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

enum store_table { STORE_META, STORE_RECORDS, STORE_COUNTERS, STORE_TABLES };

enum {
	STORE_IDLE_VIEWS = 64,    /* snapshots kept ready: about two a thread are in use at one time */
	STORE_READERS_MAX = 1024, /* LMDB's reader table: open snapshots of all processes together */
	STORE_UNCHECKED = -1,
};

/* Calls waiting for the committer (commit.c). */
struct store_queue {
	pthread_mutex_t mutex;
	pthread_cond_t wake, checked;
	pthread_t thread;
	struct bw_commit *first, **last;
	size_t count;
	bool check_wanted; /* by somebody who waits for it */
	bool stopping;
};

struct bw_store {
	MDB_env *env;
	MDB_dbi tables[STORE_TABLES];
	struct bw_seal *seal;
	bool ephemeral, read_only;
	enum bw_err (*key)(void *ctx, struct bw_str salt, uint32_t *generation, unsigned char out[32]);
	void *key_ctx;
	_Atomic uint32_t generation; /* of the main key behind the key-encryption key */
	_Atomic uint32_t reseal;     /* values under data keys below this one are sealed anew; 0: no rekeying is at work */
	int lock_fd;                /* -1: none */
	uint64_t seals_max;         /* under one data key, then it is rotated; tests lower it */
	pthread_mutex_t write_lock; /* held from a transaction's begin to the publication of its number */
	uint64_t file_bytes;        /* the data file is at least as long; under the write lock (lmdb_ahead.c) */
	struct store_fingerprint fingerprint;
	_Atomic uint64_t seq;
	_Atomic int check; /* STORE_UNCHECKED, or what has become of it, an enum bw_err; the committer's to write (lmdb_check.c) */
	_Atomic(struct bw_snapshot *) idle[STORE_IDLE_VIEWS];
	struct store_queue queue;
	void (*answered)(void *ctx); /* after a group's answers; may be NULL */
	void *answered_ctx;
};

/* One write transaction. Its functions answer BW_EIO (logged) when it has to be aborted as a whole. */
struct store_txn {
	struct bw_store *store;
	MDB_txn *txn;
	/* One a table, opened when it is needed: what stands near the last key is found without coming down from the root again. */
	MDB_cursor *cursors[STORE_TABLES];
	struct store_state state;
	uint32_t new_key; /* a data key made within it; 0: none */
	struct bw_buf sealed;
	struct bw_arena arena;
};

/* lmdb_txn.c: the writing side. Begins when the store has been checked; BW_ECORRUPT when that has failed. */
BW_CHECKED enum bw_err store_txn_begin(struct bw_store *s, struct store_txn *t);
void store_txn_abort(struct store_txn *t);
/* Durable when it returns BW_OK. Ends the transaction either way. */
BW_CHECKED enum bw_err store_txn_commit(struct store_txn *t);
BW_CHECKED enum bw_err store_txn_version(struct store_txn *t, struct bw_str key, uint64_t *version);
/* False in *same unless exactly `keys` keys have the prefix and none has a version above `seq`. */
BW_CHECKED enum bw_err store_txn_prefix_same(
    struct store_txn *t, struct bw_str prefix, uint64_t seq, size_t keys, bool *same);
/* 0 when absent; BW_ECORRUPT (logged), after which the transaction is still good. */
BW_CHECKED enum bw_err store_txn_count(struct store_txn *t, struct bw_str key, int64_t *value);
BW_CHECKED enum bw_err store_txn_put(struct store_txn *t, struct bw_str key, struct bw_str value);
BW_CHECKED enum bw_err store_txn_delete(struct store_txn *t, struct bw_str key);
BW_CHECKED enum bw_err store_txn_count_set(struct store_txn *t, struct bw_str key, int64_t value);
/* A fresh data key for what is sealed from here on. */
BW_CHECKED enum bw_err store_txn_rotate(struct store_txn *t);
/* Empties records and counters. */
BW_CHECKED enum bw_err store_txn_clear(struct store_txn *t);

/* lmdb_ahead.c: makes the data file longer before a commit has to. With the write lock held, outside a transaction. */
void store_write_ahead(struct bw_store *s);

/* lmdb_meta.c: keys, state, and what is checked when a store is opened. */
struct bw_str store_key_name(uint32_t id, char out[16]);
BW_CHECKED enum bw_err store_key_load(struct bw_store *s, MDB_txn *txn, uint32_t id);
BW_CHECKED enum bw_err store_state_load(struct bw_store *s, MDB_txn *txn, struct store_state *state);
BW_CHECKED enum bw_err store_meta_make(struct bw_store *s);
BW_CHECKED enum bw_err store_meta_load(struct bw_store *s);
/* A number kept in the main table; `fallback` when absent. */
BW_CHECKED enum bw_err store_number_load(
    struct bw_store *s, MDB_txn *txn, struct bw_str key, uint32_t fallback, uint32_t *out);
/* Takes a store that store_meta_load has found to be of an older format over to today's. */
BW_CHECKED enum bw_err store_format_raise(struct bw_store *s);

/* lmdb_check.c: the sum over all records and counters, into `sum`'s count and sum; whether it is the state's (BW_ECORRUPT, logged). */
BW_CHECKED enum bw_err store_sum_take(struct bw_store *s, MDB_txn *txn, struct store_state *sum);
BW_CHECKED enum bw_err store_sum_check(struct bw_store *s, MDB_txn *txn, const struct store_state *state);
/* Checks the store, and wakes whoever waits for that. The committer's, once. */
void store_check_run(struct bw_store *s);

/* lmdb.c: shared by both sides. BW_OK, BW_ENOTFOUND, or BW_EIO, which it logs. */
BW_CHECKED enum bw_err store_lmdb_err(int rc, const char *what);
static inline MDB_val store_val(struct bw_str s)
{
	return (MDB_val){s.n, (void *)(uintptr_t)s.p};
}
static inline struct bw_str store_str(MDB_val v)
{
	return bw_str_make(v.mv_data, v.mv_size);
}
/* The stored bytes of a key, borrowed from the map; BW_ENOTFOUND also for a key that cannot be one. */
BW_CHECKED enum bw_err store_lookup(
    const struct bw_store *s, MDB_txn *txn, enum store_table table, struct bw_str key, struct bw_str *sealed);
/* Opens a sealed value, fetching its data key if need be. BW_ECORRUPT is logged. */
BW_CHECKED enum bw_err store_unseal(struct bw_store *s, MDB_txn *txn, enum bw_seal_kind kind,
    struct bw_str key, struct bw_str sealed, struct bw_arena *arena, struct bw_str *plain);
/* A counter's number out of its plain bytes (big-endian, above zero), and back. */
enum { STORE_COUNT_BYTES = 8 };
BW_CHECKED enum bw_err store_count_decode(struct bw_str plain, int64_t *out);
void store_count_encode(int64_t value, unsigned char out[STORE_COUNT_BYTES]);
/* Frees the pooled snapshots, before the environment is closed. */
void store_views_free(struct bw_store *s);
/* The cursor on the first key at or above `from`. */
BW_CHECKED enum bw_err store_seek(MDB_cursor *c, struct bw_str from, MDB_val *key, MDB_val *value);

/* commit.c: from then on nothing is written before the store has been checked. */
BW_CHECKED enum bw_err store_queue_start(struct bw_store *s);
/* Commits what waits, then ends the thread. */
void store_queue_stop(struct bw_store *s);
