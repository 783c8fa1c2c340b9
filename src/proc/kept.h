/* What outlives the program: descriptors, and some bytes, that a parent leaves to the program that takes its place in the same
 * process (upgrade.c). Whoever makes such a thing looks first whether it is there already, and says then that it is to be kept;
 * its name tells it from others. All of it travels in memory that has no name: neither files nor the environment ever hold it.
 * The parent's alone, before it forks and in between. */
#pragma once

#include "base/str.h"

enum { BW_KEPT_NAME_MAX = 96 };

/* At the very beginning of a program that may take another's place: takes what the one before has left, if there was one.
 * *taken: there was. BW_EINVAL (logged): what is there is not what this program knows. */
BW_CHECKED enum bw_err bw_kept_take(bool *taken);
/* Once everything was made: closes what nobody asked for. */
void bw_kept_settle(void);

/* What stands under the name, the caller's from now on; -1: nothing. */
int bw_kept_fd(const char *name);
/* The same for memory. BW_ENOTFOUND: nothing; BW_EINVAL (logged): it is of another size than this program's. */
BW_CHECKED enum bw_err bw_kept_memory(const char *name, size_t bytes, int *fd);
/* False: nothing, or of another length. */
BW_CHECKED bool bw_kept_bytes(const char *name, void *bytes, size_t n);

/* It goes to the next program. Open, and unchanged, for as long as this one runs. */
void bw_keep_fd(const char *name, int fd);
void bw_keep_bytes(const char *name, const void *bytes, size_t n);
