/* Where a server's things lie, and small whole files. */
#pragma once

#include "base/buf.h"
#include "bin/options.h"

/* The data folder (made 0700 when `make`) and the root key file of the options or the defaults, absolute. */
struct place {
	struct bw_arena arena;
	struct bw_str data, root_key;
};
/* False with a message on stderr. */
bool place_find(const struct parsed *p, bool make, struct place *out);

/* The server's health as it says itself, in the arena. BW_EIO: no answer; BW_EINVAL: no health. */
BW_CHECKED enum bw_err health_ask(struct bw_str endpoint, struct bw_str ca, struct bw_arena *arena, struct bw_str *body);
/* Where the server of a folder listens, and the certificate to trust. */
BW_CHECKED enum bw_err endpoint_find(const struct place *place, struct bw_arena *arena, struct bw_str *endpoint, struct bw_str *ca);

/* Replaces a file atomically with the given mode. BW_EIO, logged. */
BW_CHECKED enum bw_err file_write(const char *path, struct bw_str bytes, unsigned mode);
/* The same unless the file says so already, so that a start does not wait for the disk. */
BW_CHECKED enum bw_err file_keep(const char *path, struct bw_str bytes, unsigned mode);
/* Reads a whole file of at most `max` bytes. BW_ENOTFOUND, BW_ETOOBIG, BW_EIO. */
BW_CHECKED enum bw_err file_read(const char *path, size_t max, struct bw_arena *arena, struct bw_str *bytes);
/* The same of a folder that another user writes into: what is no file (a pipe would be waited for) or a link is BW_EIO. */
BW_CHECKED enum bw_err file_read_of_stranger(const char *path, size_t max, struct bw_arena *arena, struct bw_str *bytes);

/* The administrator's credentials file of a data folder, made at the first start. */
struct credentials {
	struct bw_str key_id, secret, endpoint, region, account;
};
BW_CHECKED enum bw_err credentials_read(struct bw_str data, struct bw_arena *arena, struct credentials *out);
BW_CHECKED enum bw_err credentials_write(struct bw_str data, const struct credentials *c, struct bw_str root_password);
/* Where the server that is starting listens. */
BW_CHECKED enum bw_err endpoint_write(struct bw_str data, struct bw_str endpoint, struct bw_arena *arena);
