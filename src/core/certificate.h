/* Server certificates that listeners present, whichever service keeps them. A keeper registers a row,
 * gathered by the linker; elbv2 asks here whether a certificate exists, puts it into the edge's image, and
 * notes where it is used. */
#pragma once

#include "core/call.h"

struct bw_certificate {
	struct bw_str arn, chain_pem, key_pem; /* the chain begins with the certificate itself */
	struct bw_str record;                  /* the key of its record, which its deletion deletes */
};

struct bw_certificate_keeper {
	const char *service; /* in its ARNs: "acm" */
	/* The certificate in a state to be presented (issued or imported, with its key). BW_ENOTFOUND when
	 * there is none. `keys`: whether key_pem is wanted. Any thread; slices live in the arena. */
	enum bw_err (*find)(struct bw_core *core, struct bw_snapshot *view, struct bw_arena *arena,
	    struct bw_str arn, bool keys, struct bw_certificate *out);
};
#define BW_CERTIFICATE_KEEPER(id)                                                                            \
	static const struct bw_certificate_keeper *const id##_ref                                            \
	    __attribute__((used, section("bw_certificate_keepers"))) = &(id)

/* BW_ENOTFOUND: nobody keeps it. */
BW_CHECKED enum bw_err bw_certificate_find(struct bw_core *core, struct bw_snapshot *view,
    struct bw_arena *arena, struct bw_str arn, bool keys, struct bw_certificate *out);

/* The same for a call that begins to use it: the certificate must still be there when the call commits. */
BW_CHECKED enum bw_err bw_certificate_hold(struct bw_call *call, struct bw_str arn);

/* That `user` (a load balancer's ARN) presents the certificate at `place` (a listener's id), or no longer
 * does. */
void bw_certificate_use_set(
    struct bw_call *call, struct bw_str arn, struct bw_str user, struct bw_str place, bool used);
/* Who presents it, each once: for InUseBy, and to refuse its deletion. In a write, nobody may begin before it
 * commits. */
BW_CHECKED enum bw_err bw_certificate_users(struct bw_call *call, struct bw_str arn, struct bw_strs *users);
