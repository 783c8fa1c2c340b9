/* New keys for a server that is serving: a thread of its own, which the keyer's words on its seal (keyer/seal_status.h) set to
 * work.
 *
 *	a further main key -> the store's data keys wrapped for it, its values sealed anew (store/store.h) -> KMS materials
 *	wrapped anew -> the older data keys and main key destroyed
 *
 * What is done stays done: a rekey that was cut off, by a crash too, is gone on with when the server starts.
 *
 * Who keeps wrapped material in records says so by a row, gathered by the linker:
 *
 *   BW_REKEY(kms_keys, .part = "kms/key/", .find = key_find, .replace = key_replace);
 */
#pragma once

#include "core/core.h"
#include "keyer/keyer.h"

struct bw_rekey {
	const char *part; /* stands in the keys of such records, behind account and Region */
	/* The material in a record. BW_ENOTFOUND: it has none now. */
	enum bw_err (*find)(struct bw_snapshot *view, struct bw_arena *a, struct bw_str key, struct bw_str value,
	    struct bw_keyer_material *out);
	/* The record with this one in its place. */
	enum bw_err (*replace)(struct bw_arena *a, struct bw_str value, struct bw_str wrapped, struct bw_buf *out);
};

#define BW_REKEY(id, ...)                                                                                         \
	static const struct bw_rekey id = {__VA_ARGS__};                                                          \
	static const struct bw_rekey *const id##_rekey_ref __attribute__((used, section("bw_rekeys"))) = &id

/* The keyer has said something new: looks whether there is anything to do, on the thread. */
void bw_rekey_wake(struct bw_core *core);
