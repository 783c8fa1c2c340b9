/* The api process: opens the core and serves it on event loops, until the parent says drain. */
#pragma once

#include "bin/place.h"
#include "core/core.h"
#include "proc/proc.h"

enum { LISTEN_MAX = 16, LOOPS_MAX = 8 };

struct api {
	const struct parsed *options;
	struct place *place;
	struct bw_core_config core;
	struct bw_str listen[LISTEN_MAX]; /* as given */
	size_t listen_count;
	int fds[LOOPS_MAX][LISTEN_MAX];   /* bound by the parent; one socket a loop and address */
	unsigned loops;
};

/* What the options say, and the place. 0 or the exit status, with a message. */
int api_prepare(const struct parsed *p, struct api *api, struct place *place);
/* The commands that open as a server would: to make the folder, and to say that it is the one. */
int init_run(const struct parsed *p);
int accept_run(const struct parsed *p);

int api_run(const struct bw_proc_self *self);
/* Opens the core and writes the credentials file when this was the first start. */
BW_CHECKED enum bw_err api_open(struct api *api, struct bw_core **core, struct bw_first_start *first);
