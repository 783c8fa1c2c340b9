#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const names[] = {
    [BW_OK] = "ok",
    [BW_ENOTFOUND] = "not found",
    [BW_EEXISTS] = "exists already",
    [BW_EINVAL] = "malformed",
    [BW_ETOOBIG] = "too big",
    [BW_ECONFLICT] = "changed meanwhile",
    [BW_EQUOTA] = "quota exceeded",
    [BW_ECORRUPT] = "does not authenticate",
    [BW_EIO] = "input/output error",
    [BW_EAGAIN] = "try again",
    [BW_EPERM] = "not permitted",
    [BW_EFAILED] = "refused",
    [BW_EINTERNAL] = "internal error",
};

const char *bw_err_name(enum bw_err e)
{
	return (size_t)e < BW_COUNT(names) ? names[e] : "unknown error";
}

void bw_panic(const char *file, int line, const char *what)
{
	fprintf(stderr, "bulwark: broken invariant at %s:%d: %s\n", file, line, what);
	abort();
}
