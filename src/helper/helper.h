/* The helper: the process that speaks to identity providers over HTTPS, so that no process that serves does.
 * It holds no keys but those that are on their way in a request, and forgets each with its answer. Asking it
 * is an errand (proc/errand.h). */
#pragma once

#include "proc/errand.h"

enum { BW_HELPER_BODY_MAX = 150 * 1024 }; /* of an answer: a key set's ceiling */

struct bw_helper_request {
	struct bw_str url;           /* https:// */
	struct bw_str authorization; /* a header's value; absent: none */
	struct bw_str form;          /* POSTed; absent: GET */
	size_t answer_max;           /* at most BW_HELPER_BODY_MAX */
};

/* Of an answer `out` is the body. BW_OK: there is one, of whatever status. BW_EPERM: not a host that may be
 * spoken to; BW_EINVAL: not an HTTPS URL, or no answer in HTTP; BW_ETOOBIG: a longer one; BW_EIO: no
 * connection, or no trust. */
extern const struct bw_errands bw_helper_errands;

static inline void bw_helper_send(
    struct bw_errand_client *c, struct bw_errand *errand, const struct bw_helper_request *request)
{
	bw_errand_send(c, errand, request);
}

/* ---- The process ---- */

struct bw_helper {
	struct bw_errand_channels channels;
	struct bw_str ca_pem;     /* authorities trusted beside the system's; absent: none */
	const char *const *hosts; /* who may be spoken to, NULL-terminated; NULL or empty: everybody */
};

/* The entry of the process table's row; ctx is the struct bw_helper. */
int bw_helper_run(const struct bw_proc_self *self);
