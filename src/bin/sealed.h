/* The api process while the keyer is sealed: it has no store, as the store's key is the keyer's. */
#pragma once

#include "bin/api.h"

/* Answers health, and 503 in each service's form to everything else, on the sockets of all loops, until the keyer is open. BW_OK:
 * it is; BW_EPERM: the parent said drain, or is gone; BW_EIO, logged. Returns at once when it is open already. */
BW_CHECKED enum bw_err sealed_wait(struct api *api, int channel);
