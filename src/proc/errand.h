/* Errands: what one process does for others because it takes long, or is nobody else's to do. Requests come
 * over channels of messages, one for each loop that asks; the parent makes them, so that they outlive either
 * side, and what is sent while nobody serves wakes and waits for whoever will. Who serves keeps nothing:
 * every request brings what it needs. */
#pragma once

#include "codec/message.h"
#include "net/loop.h"
#include "proc/proc.h"

enum {
	BW_ERRAND_CHANNELS = 64, /* of one kind: two for each loop of the edge, whose processes take turns */
	BW_ERRAND_REQUEST_MAX = 256,        /* of the struct */
	BW_ERRAND_IDLE_MS = 10 * 60 * 1000, /* whom nothing has needed for so long ends */
};

/* A kind of errand: what both sides know of it. */
struct bw_errands {
	const char *who; /* serves, for the log: "the helper" */
	const struct bw_message_form
	    *request; /* of a struct of request_bytes, all of whose members it names */
	size_t request_bytes;
	size_t message_max;  /* either way */
	size_t out_max;      /* of an answer */
	int64_t patience_ms; /* with one request, its wait for a free thread included */
};

/* `result` is the kind's to define. For all: BW_EQUOTA: too much is on its way; BW_EAGAIN: not in time, or
 * the process died of it. */
struct bw_errand_answer {
	enum bw_err result;
	int status;        /* HTTP's */
	struct bw_str out; /* borrowed while `done` runs */
};

/* ---- Channels ---- */

struct bw_errand_channels {
	int serving[BW_ERRAND_CHANNELS], asking[BW_ERRAND_CHANNELS]; /* the ends of each */
	size_t count;
};
/* Kept under the name (kept.h). Before the processes are forked. BW_EIO, logged. */
BW_CHECKED enum bw_err bw_errand_channels_make(const char *name, size_t count, struct bw_errand_channels *out);
/* Closes what a process inherited of them: the serving ends, and the asking ones but that of channel `asks`, or of all. */
enum { BW_ERRAND_NOBODY = -1, BW_ERRAND_EVERYBODY = -2 };
void bw_errand_channels_forget(const struct bw_errand_channels *c, int asks);

/* ---- Asking ---- */

/* One on its way, embedded in whoever asks; zeroed but for the first two before it is sent. */
struct bw_errand {
	void (*done)(struct bw_errand *errand, const struct bw_errand_answer *answer); /* on the loop */
	void *ctx;
	struct bw_errand_client *client;
	uint64_t id;
	struct bw_timer timer;
	enum bw_err unanswered; /* what `done` is told when time is up */
	struct bw_errand *next, **prev;
};

/* A loop's way there. */
struct bw_errand_client;
/* `channel` is the asking end, which stays the caller's. BW_EIO, logged. */
BW_CHECKED enum bw_err bw_errand_client_new(
    struct bw_loop *loop, int channel, const struct bw_errands *kind, struct bw_errand_client **out);
/* Nothing may be on its way. */
void bw_errand_client_free(struct bw_errand_client *c);
/* `request` is the kind's struct, and not kept. `done` is called once, later, within the kind's patience,
 * whatever becomes of it. On the loop's thread. Whoever has a kind wraps this with its type. */
void bw_errand_send(struct bw_errand_client *c, struct bw_errand *errand, const void *request);
/* Takes back what was sent: `done` will not be called. */
void bw_errand_withdraw(struct bw_errand *errand);

/* ---- Serving ---- */

struct bw_errand_service {
	const struct bw_errands *kind;
	const struct bw_errand_channels *channels;
	unsigned threads;
	unsigned most; /* on their way at one time */
	/* Of both, what one channel may have: whoever was taken over behind it leaves the others the rest. */
	unsigned channel_threads, channel_most;
	/* Requests at one place share `most_there` of these; NULL: there are no places. */
	struct bw_str (*place)(const void *request);
	unsigned most_there;
	/* Requests that are less than the others, for strangers can cause them: of both, what all of these together may have. NULL: none
	 * is. */
	bool (*lesser)(const void *request);
	unsigned lesser_threads, lesser_most;
	int64_t idle_ms; /* 0: it stays */
	/* Gives up powers, before there are threads; descriptors but the channels are closed by then. Logged.
	 */
	enum bw_err (*start)(void *ctx);
	/* On one of the threads, for as long as it takes; `answer` is zeroed. Memory of the arena goes with
	 * the request, wiped. */
	void (*run)(void *ctx, const void *request, int64_t deadline_ms, struct bw_arena *arena,
	    struct bw_errand_answer *answer);
	void *ctx;
};

/* The whole of such a process, until the parent says drain, or nothing has needed it for a while (then with status 0: the row
 * says `needed_by`). Its threads may still be at work: what they hold dies with it. When the parent says retire, it reads nothing
 * more, and ends so when what it has begun is done. */
_Noreturn void bw_errand_serve(const struct bw_errand_service *service, const struct bw_proc_self *self);
