/* The list of what is kept, as the parent writes and reads it. */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "proc/kept.h"

/* 8,192 listeners of load balancers at some hundred bytes, and the rest. */
enum { LEAVING_MAX = 8 << 20 };

/* What is about to be left: its bytes, and the descriptors that they name. */
struct leaving {
	struct bw_buf bytes;
	int memory; /* where they stand for the next program; -1: not yet */
	int *fds;
	size_t count, room;
};

/* With all that was said to be kept. */
void leaving_begin(struct leaving *l);
void leaving_put(struct leaving *l, struct bw_str name, int fd, struct bw_str bytes);
BW_CHECKED enum bw_err leaving_end(struct leaving *l);
/* From now on a program that is started has all of it, or nothing. */
BW_CHECKED bool leaving_inherit(const struct leaving *l, bool yes);
void leaving_free(struct leaving *l);

/* When nothing is left to anybody any more: what was kept may be closed from now on. */
void kept_forget(void);

/* Whether bw_kept_take has found a list: there was a program before, whatever it has left. */
bool kept_was_taken(void);

/* The bytes under a name, while nobody has asked for them; absent: nothing. */
struct bw_str kept_text(const char *name);
