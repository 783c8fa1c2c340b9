/* Where AWS's services read from S3, this server reads from a folder: bucket NAME is "buckets/NAME" in the
 * data folder, an object's key the path of a file in it. The operator puts files there; no call can. */
#pragma once

#include "base/mem.h"

struct bw_core;

/* The object, in the arena. BW_ENOTFOUND: no such bucket or object, or a key that leaves the bucket's folder,
 * by name or by a symbolic link; BW_ETOOBIG: above `max` bytes; BW_EIO. Reads a file: for rows marked slow.
 */
BW_CHECKED enum bw_err bw_bucket_read(struct bw_core *core, struct bw_str bucket, struct bw_str key,
    size_t max, struct bw_arena *arena, struct bw_str *bytes);
