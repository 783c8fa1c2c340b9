/* The process: its first thread takes requests off the channels and never waits for anybody else; threads
 * that may wait do the work. What is slow at one place does not hold up another: each place has a few
 * threads' worth of the world. */
#include "outside/outside_internal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"

enum {
	THREADS = 32,
	PER_PLACE = 8,  /* requests at one place at one time, waiting ones too */
	JOBS_MAX = 256, /* at all places */
	ARENA_MAX = 1 << 20,
	CHANNELS_MAX = 16,
	STACK_BYTES = 1 << 20, /* a module's code runs on it, and the resolver's */
};

struct job {
	struct job *next;       /* waiting */
	struct job *all, **ref; /* every job there is */
	int channel;
	uint64_t id;
	struct bw_outside_request request; /* slices into `bytes` */
	size_t n;
	char bytes[];
};

struct serving {
	struct https *https;
	struct tokens *tokens;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job *first, **last, *all;
	size_t count;
};

/* The other side reads always; when it is gone nobody waits for the answer. */
static void answer_send(int channel, uint64_t id, const struct bw_outside_answer *a)
{
	struct bw_buf out;

	bw_buf_init(&out, BW_OUTSIDE_MESSAGE_MAX);
	outside_answer_encode(id, a, &out);
	MUST(!out.failed);
	while (send(channel, out.p, out.n, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	bw_buf_free_secret(&out);
}

/* ---- The threads ---- */

static struct job *job_take(struct serving *s)
{
	struct job *j;

	MUST(pthread_mutex_lock(&s->lock) == 0);
	while (!s->first)
		MUST(pthread_cond_wait(&s->wake, &s->lock) == 0);
	j = s->first;
	s->first = j->next;
	if (!s->first)
		s->last = &s->first;
	MUST(pthread_mutex_unlock(&s->lock) == 0);
	return j;
}

static void job_end(struct serving *s, struct job *j)
{
	MUST(pthread_mutex_lock(&s->lock) == 0);
	*j->ref = j->all;
	if (j->all)
		j->all->ref = j->ref;
	s->count--;
	MUST(pthread_mutex_unlock(&s->lock) == 0);
	bw_wipe(j->bytes, j->n);
	bw_free(j);
}

static void job_do(struct serving *s, struct job *j)
{
	struct bw_outside_answer a = {BW_EINVAL, 0, BW_STR("")};
	struct bw_arena arena;

	bw_arena_init(&arena, ARENA_MAX);
	if (j->request.op == BW_OUTSIDE_HTTPS)
		a.result = https_exchange(s->https, &j->request, &arena, &a);
	else
		a.result = tokens_answer(s->tokens, &j->request, &arena, &a);
	if (a.result != BW_OK || a.out.n > BW_OUTSIDE_BODY_MAX)
		a.out = BW_STR("");
	answer_send(j->channel, j->id, &a);
	bw_arena_wipe(&arena);
}

static void *thread_main(void *arg)
{
	struct serving *s = arg;

	for (;;) {
		struct job *j = job_take(s);

		job_do(s, j);
		job_end(s, j);
	}
	return NULL;
}

/* ---- The first thread ---- */

static bool has_room(const struct serving *s, struct bw_str where)
{
	size_t there = 0;

	for (const struct job *j = s->all; j; j = j->all)
		there += bw_str_eq(j->request.where, where);
	return s->count < JOBS_MAX && there < PER_PLACE;
}

static bool job_put(struct serving *s, struct job *j)
{
	bool room;

	MUST(pthread_mutex_lock(&s->lock) == 0);
	room = has_room(s, j->request.where);
	if (room) {
		j->all = s->all;
		j->ref = &s->all;
		if (j->all)
			j->all->ref = &j->all;
		s->all = j;
		s->count++;
		*s->last = j;
		s->last = &j->next;
		MUST(pthread_cond_signal(&s->wake) == 0);
	}
	MUST(pthread_mutex_unlock(&s->lock) == 0);
	return room;
}

static void message_take(struct serving *s, int channel, struct bw_str bytes)
{
	const struct bw_outside_answer busy = {BW_EQUOTA, 0, BW_STR("")};
	struct job *j = bw_alloc(sizeof *j + bytes.n);

	j->channel = channel;
	j->n = bytes.n;
	memcpy(j->bytes, bytes.p, bytes.n);
	if (outside_request_decode(bw_str_make(j->bytes, j->n), &j->id, &j->request) != BW_OK) {
		bw_log(BW_LOG_DEBUG, "what came over a channel is no request: left unanswered");
	} else if (job_put(s, j)) {
		return;
	} else {
		answer_send(channel, j->id, &busy);
	}
	bw_wipe(j->bytes, j->n);
	bw_free(j);
}

static void channel_read(struct serving *s, int channel, char *message)
{
	ssize_t n;

	while ((n = recv(channel, message, BW_OUTSIDE_MESSAGE_MAX + 1, MSG_DONTWAIT)) > 0) {
		if (n <= BW_OUTSIDE_MESSAGE_MAX)
			message_take(s, channel, bw_str_make(message, (size_t)n));
		bw_wipe(message, (size_t)n);
	}
}

/* False when the process has to end. */
static bool parent_obey(const struct bw_proc_self *self)
{
	struct bw_proc_message m;
	enum bw_err e = bw_proc_receive(self->channel, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RELOAD, &m);

	if (e == BW_EAGAIN)
		return true;
	if (e == BW_OK && m.type == BW_PROC_RELOAD)
		return bw_proc_send(self->channel, BW_PROC_READY, BW_STR("")) == BW_OK;
	return false;
}

static void channels_read(struct serving *s, const struct bw_proc_self *self)
{
	const struct bw_outside *o = self->ctx;
	struct pollfd watched[CHANNELS_MAX + 1] = {{.fd = self->channel, .events = POLLIN}};
	char *message = bw_alloc(BW_OUTSIDE_MESSAGE_MAX + 1);

	for (size_t i = 0; i < o->channel_count; i++)
		watched[i + 1] = (struct pollfd){.fd = o->channels[i], .events = POLLIN};
	for (;;) {
		if (poll(watched, o->channel_count + 1, -1) <= 0)
			continue;
		if (watched[0].revents && !parent_obey(self))
			break;
		for (size_t i = 0; i < o->channel_count; i++)
			if (watched[i + 1].revents & POLLIN)
				channel_read(s, o->channels[i], message);
	}
	bw_free(message);
}

static enum bw_err threads_start(struct serving *s)
{
	pthread_attr_t small;
	pthread_t thread;
	int e = 0;

	MUST(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, STACK_BYTES) == 0);
	for (int i = 0; !e && i < THREADS; i++) {
		e = pthread_create(&thread, &small, thread_main, s);
		if (!e)
			pthread_detach(thread);
	}
	pthread_attr_destroy(&small);
	return e ? BW_EIO : BW_OK;
}

static enum bw_err serving_start(struct serving *s, const struct bw_proc_self *self)
{
	const struct bw_outside_answer nothing = {BW_OK, 0, BW_STR("")};
	const struct bw_outside *o = self->ctx;

	MUST(o->channel_count <= CHANNELS_MAX);
	s->last = &s->first;
	MUST(pthread_mutex_init(&s->lock, NULL) == 0 && pthread_cond_init(&s->wake, NULL) == 0);
	s->tokens = tokens_new(o->config);
	TRY(https_new(o->config, &s->https));
	/* Names that nobody resolves shall not hold a thread for longer than this. */
	(void)setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
	TRY(bw_sandbox_enter());
	TRY(threads_start(s));
	for (size_t i = 0; i < o->channel_count && self->incarnation > 1; i++)
		answer_send(o->channels[i], OUTSIDE_HELLO, &nothing);
	return bw_proc_send(self->channel, BW_PROC_READY, BW_STR(""));
}

int bw_outside_run(const struct bw_proc_self *self)
{
	static struct serving s;
	const struct bw_outside *o = self->ctx;
	int keep[CHANNELS_MAX + 1];

	memcpy(keep, o->channels, o->channel_count * sizeof *keep);
	keep[o->channel_count] = self->channel;
	bw_descriptors_keep(keep, o->channel_count + 1);
	if (serving_start(&s, self) != BW_OK) {
		bw_log(BW_LOG_ERROR, "the outside cannot start");
		return 1;
	}
	channels_read(&s, self);
	/* Its threads may still wait for others: what they hold dies with the process, which ends now. */
	_exit(0);
}
