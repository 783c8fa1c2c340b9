/* Addresses under which a service lets something be fetched without credentials for some minutes, where AWS
 * hands out presigned S3 URLs: "/_bulwark/object/SERVICE/ACCOUNT/REGION/NAME?expires=SECONDS&signature=HEX",
 * signed with a key of the store's. Whoever may call the operation gets the URL; whoever has the URL gets the
 * object. */
#pragma once

#include "core/call.h"

/* A row a service, gathered by the linker. */
struct bw_object_keeper {
	const char *service; /* as the model's */
	/* The object of that name, in the arena. BW_ENOTFOUND: it is gone. On a loop's thread: a look into
	 * the snapshot, no more. */
	enum bw_err (*read)(struct bw_core *core, struct bw_snapshot *view, struct bw_arena *arena,
	    struct bw_str account, struct bw_str region, struct bw_str name, struct bw_str *bytes);
	const char *content_type;
};
#define BW_OBJECT_KEEPER(id)                                                                                 \
	static const struct bw_object_keeper *const id##_ref                                                 \
	    __attribute__((used, section("bw_object_keepers"))) = &(id)

/* The URL of an object of the call's service, account and Region. `name`: letters, digits, '-' and '/' only.
 */
struct bw_str bw_object_url(struct bw_call *call, struct bw_str name, int64_t seconds);
