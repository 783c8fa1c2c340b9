/* The helper: the process that speaks to identity providers over HTTPS, so that no process that serves does.
 * It holds no keys but those that are on their way in a request, and forgets each with its answer. Whoever
 * serves asks over a channel of messages, one a loop; the parent makes the channels, so that they outlive
 * either side. */
#pragma once

#include "base/buf.h"
#include "net/loop.h"
#include "proc/proc.h"

enum {
	BW_HELPER_CHANNELS = 64,            /* two for each loop of the edge: its processes take turns */
	BW_HELPER_BODY_MAX = 150 * 1024,    /* of an answer: a key set's ceiling */
	BW_HELPER_MESSAGE_MAX = 192 * 1024, /* a body with its frame; below what a socket takes at once */
	BW_HELPER_TIMEOUT_MS = 10000,       /* for one request, its wait for a free thread included */
	BW_HELPER_HOSTS = 32,               /* names in the list of those that may be spoken to */
};

struct bw_helper_request {
	struct bw_str url;           /* https:// */
	struct bw_str authorization; /* a header's value; absent: none */
	struct bw_str form;          /* POSTed; absent: GET */
	size_t answer_max;           /* at most BW_HELPER_BODY_MAX */
};

/* BW_OK: there is an answer, of whatever status. BW_EPERM: not a host that may be spoken to; BW_EINVAL: not
 * an HTTPS URL, or no answer in HTTP; BW_ETOOBIG: a longer one; BW_EIO: no connection, or no trust;
 * BW_EAGAIN: not in time, or too much waits. */
struct bw_helper_answer {
	enum bw_err result;
	int status;
	struct bw_str body; /* borrowed while `done` runs */
};

/* ---- Asking ---- */

/* One request on its way, embedded in whoever asks. */
struct bw_helper_ask {
	void (*done)(struct bw_helper_ask *ask, const struct bw_helper_answer *answer); /* on the loop */
	uint64_t id;
	struct bw_timer timer;
	struct bw_helper_ask *next, **prev;
};

struct bw_helper_client;
/* `channel` is the asking end, which stays the caller's. BW_EIO, logged. */
BW_CHECKED enum bw_err bw_helper_client_new(struct bw_loop *loop, int channel, struct bw_helper_client **out);
/* Nothing may be on its way. */
void bw_helper_client_free(struct bw_helper_client *c);
/* Sends; the request is not kept. `done` is called once, later, within BW_HELPER_TIMEOUT_MS, also when the
 * helper dies of it. On the loop's thread. */
void bw_helper_send(
    struct bw_helper_client *c, struct bw_helper_ask *ask, const struct bw_helper_request *request);
/* Takes back what was sent: `done` will not be called. */
void bw_helper_withdraw(struct bw_helper_client *c, struct bw_helper_ask *ask);

/* ---- The process ---- */

struct bw_helper {
	int serving[BW_HELPER_CHANNELS], asking[BW_HELPER_CHANNELS]; /* the ends of each channel */
	size_t count;
	struct bw_str ca_pem;     /* authorities trusted beside the system's; absent: none */
	const char *const *hosts; /* who may be spoken to, NULL-terminated; empty: everybody */
};

/* `count` channels. Before the processes are forked. BW_EIO, logged. */
BW_CHECKED enum bw_err bw_helper_make(struct bw_helper *out, size_t count);
/* Closes what a process inherited of it: the serving ends, and the asking ones but that of channel `asks`; -1:
 * all. */
void bw_helper_forget(struct bw_helper *h, int asks);
/* The entry of the process table's row; ctx is the struct bw_helper. */
int bw_helper_run(const struct bw_proc_self *self);
