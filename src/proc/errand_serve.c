/* The process: its first thread takes requests off the channels and never waits for anybody else; threads
 * that may wait do the work. What is slow at one place does not hold up another. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/errand_internal.h"

enum {
	ARENA_MAX = 1 << 20,
	FINISH_LOOK_MS = 10,
	STACK_BYTES = 1 << 20, /* the resolver's code runs on it, and that of PKCS #11 modules */
	TURN_MESSAGES = 64,    /* taken of one channel before the others have their turn */
};

struct job {
	struct job *next;       /* waiting */
	struct job *all, **ref; /* every job there is */
	size_t channel;
	uint64_t id;
	int64_t deadline_ms;
	bool lesser;
	size_t n;
	_Alignas(16) char request[BW_ERRAND_REQUEST_MAX]; /* the kind's struct, with slices into `bytes` */
	char bytes[];
};

struct serving {
	const struct bw_errand_service *is;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job *first, **last, *all;
	size_t count, running; /* running: threads at work, until the answer is sent */
	size_t lesser_count, lesser_running; /* those of them that are less than the others */
	struct {
		size_t count, running;
		bool met; /* its first request was told of */
	} channels[BW_ERRAND_CHANNELS];
};

/* ---- Answers ---- */

static void answer_send(int channel, uint64_t id, const struct bw_errand_answer *a, size_t max, int flags)
{
	struct bw_buf out;

	bw_buf_init(&out, max);
	errand_answer_encode(id, a, &out);
	MUST(!out.failed);
	while (send(channel, out.p, out.n, MSG_NOSIGNAL | flags) < 0 && errno == EINTR)
		;
	bw_buf_free(&out);
}

/* To nobody in particular. A channel that nobody reads fills up in time: who will not hear it is not waited
 * for. */
static void word_send(const struct serving *s, int channel, enum errand_word word, struct bw_str out)
{
	const struct bw_errand_answer a = {BW_OK, (int)word, out};

	answer_send(channel, ERRAND_NOBODY, &a, s->is->kind->message_max, MSG_DONTWAIT);
}

/* ---- The threads ---- */

static bool may_run(const struct serving *s, const struct job *j)
{
	return s->channels[j->channel].running < s->is->channel_threads &&
	       (!j->lesser || s->lesser_running < s->is->lesser_threads);
}

/* The first that waits and that there is a thread for; NULL: none. */
static struct job *job_find(struct serving *s)
{
	struct job **at = &s->first, *j;

	while (*at && !may_run(s, *at))
		at = &(*at)->next;
	j = *at;
	if (!j)
		return NULL;
	*at = j->next;
	if (s->last == &j->next)
		s->last = at;
	return j;
}

static struct job *job_take(struct serving *s)
{
	struct job *j;

	MUST(pthread_mutex_lock(&s->lock) == 0);
	while ((j = job_find(s)) == NULL)
		MUST(pthread_cond_wait(&s->wake, &s->lock) == 0);
	s->channels[j->channel].running++;
	s->running++;
	s->lesser_running += j->lesser;
	MUST(pthread_mutex_unlock(&s->lock) == 0);
	return j;
}

static void job_free(struct job *j)
{
	bw_wipe(j->bytes, j->n);
	bw_free(j);
}

/* It makes room before it is answered: who was told is not refused for what he was told of. */
static void job_leave(struct serving *s, struct job *j)
{
	MUST(pthread_mutex_lock(&s->lock) == 0);
	*j->ref = j->all;
	if (j->all)
		j->all->ref = j->ref;
	s->count--;
	s->lesser_count -= j->lesser;
	s->channels[j->channel].count--;
	MUST(pthread_mutex_unlock(&s->lock) == 0);
}

static void job_do(struct serving *s, struct job *j)
{
	struct bw_errand_answer a = {.result = BW_EAGAIN, .out = BW_STR("")};
	struct bw_arena arena;

	bw_arena_init(&arena, ARENA_MAX);
	if (bw_clock_mono_ms() < j->deadline_ms)
		s->is->run(s->is->ctx, j->request, j->deadline_ms, &arena, &a);
	if (a.result == BW_OK && a.out.n > s->is->kind->out_max)
		a.result = BW_ETOOBIG;
	if (a.result != BW_OK)
		a.out = BW_STR("");
	job_leave(s, j);
	/* The other side reads always, or it is none that should be waited for; when it is gone nobody waits
	 * for the answer. */
	answer_send(s->is->channels->serving[j->channel], j->id, &a, s->is->kind->message_max, 0);
	bw_arena_free(&arena);
}

/* What waits for a thread of this channel, or of the lesser ones, is this one's: it looks next. */
static void job_end(struct serving *s, struct job *j)
{
	MUST(pthread_mutex_lock(&s->lock) == 0);
	s->channels[j->channel].running--;
	s->running--;
	s->lesser_running -= j->lesser;
	MUST(pthread_mutex_unlock(&s->lock) == 0);
	job_free(j);
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

static bool has_room(const struct serving *s, const struct job *asked)
{
	size_t there = 0;

	for (const struct job *j = s->all; s->is->place && j; j = j->all)
		there += bw_str_eq(s->is->place(j->request), s->is->place(asked->request));
	return s->count < s->is->most && s->channels[asked->channel].count < s->is->channel_most &&
	       (!s->is->place || there < s->is->most_there) &&
	       (!asked->lesser || s->lesser_count < s->is->lesser_most);
}

static bool job_put(struct serving *s, struct job *j)
{
	bool room;

	MUST(pthread_mutex_lock(&s->lock) == 0);
	room = has_room(s, j);
	if (room) {
		j->all = s->all;
		j->ref = &s->all;
		if (j->all)
			j->all->ref = &j->all;
		s->all = j;
		s->count++;
		s->lesser_count += j->lesser;
		s->channels[j->channel].count++;
		*s->last = j;
		s->last = &j->next;
		MUST(pthread_cond_signal(&s->wake) == 0);
	}
	MUST(pthread_mutex_unlock(&s->lock) == 0);
	return room;
}

/* What was read of a channel so far is what this process has, and no other. */
static void meet(struct serving *s, size_t channel, uint64_t id)
{
	if (s->channels[channel].met)
		return;
	s->channels[channel].met = true;
	word_send(s, s->is->channels->serving[channel], ERRAND_FIRST, bw_str_make(&id, sizeof id));
}

static void message_take(struct serving *s, size_t channel, struct bw_str bytes)
{
	const struct bw_errand_answer busy = {.result = BW_EQUOTA, .out = BW_STR("")};
	struct job *j = bw_alloc(sizeof *j + bytes.n);
	int64_t latest_ms;
	bool knock;

	j->channel = channel;
	j->n = bytes.n;
	memcpy(j->bytes, bytes.p, bytes.n);
	if (errand_request_decode(s->is->kind, bw_str_make(j->bytes, j->n), &j->id, &j->deadline_ms, &knock,
	        j->request) != BW_OK) {
		bw_log(BW_LOG_DEBUG, "what came over a channel is no request: left unanswered");
		job_free(j);
		return;
	}
	/* The time is whoever asked's to shorten, and not to lengthen. */
	latest_ms = bw_clock_mono_ms() + s->is->kind->patience_ms;
	if (j->deadline_ms > latest_ms)
		j->deadline_ms = latest_ms;
	j->lesser = !knock && s->is->lesser && s->is->lesser(j->request);
	meet(s, channel, j->id);
	if (!knock && job_put(s, j))
		return;
	/* Who does not read is not waited for here: others would wait along, and he is told by the time. */
	if (!knock)
		answer_send(
		    s->is->channels->serving[channel], j->id, &busy, s->is->kind->message_max, MSG_DONTWAIT);
	job_free(j);
}

/* False: nothing more comes from there. The other side's end is the parent's too, and does not close by itself: somebody has shut it
 * down, and it would be readable for ever. */
static bool channel_read(struct serving *s, size_t channel, char *message)
{
	size_t max = s->is->kind->message_max;
	ssize_t n;

	for (int turn = 0; turn < TURN_MESSAGES; turn++) {
		n = recv(s->is->channels->serving[channel], message, max + 1, MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0) {
			bw_log(BW_LOG_ERROR, "%s: a channel was shut down by whoever asks over it: it is passed over until the server is started anew", s->is->kind->who);
			return false;
		}
		if ((size_t)n <= max)
			message_take(s, channel, bw_str_make(message, (size_t)n));
		bw_wipe(message, (size_t)n);
	}
	return true;
}

enum told { GO_ON, FINISH, END };

static enum told parent_obey(const struct bw_proc_self *self)
{
	struct bw_proc_message m;
	enum bw_err e;

	while ((e = bw_proc_receive(self->channel,
	            1u << BW_PROC_DRAIN | 1u << BW_PROC_RETIRE | 1u << BW_PROC_RELOAD, &m)) == BW_OK) {
		if (m.type == BW_PROC_RETIRE)
			return FINISH;
		if (m.type == BW_PROC_DRAIN || bw_proc_send(self->channel, BW_PROC_READY, BW_STR("")) != BW_OK)
			return END;
	}
	return e == BW_EAGAIN ? GO_ON : END;
}

/* Nothing is read but by this thread: what is sent from now on stays in its channel, and wakes the next. */
static bool is_idle(struct serving *s)
{
	bool idle;

	MUST(pthread_mutex_lock(&s->lock) == 0);
	idle = s->count == 0 && s->running == 0;
	MUST(pthread_mutex_unlock(&s->lock) == 0);
	return idle;
}

/* What is sent meanwhile waits in its channel for the one that comes after. */
static void finish(struct serving *s, const struct bw_proc_self *self)
{
	struct pollfd watched = {.fd = self->channel, .events = POLLIN};
	int64_t until = bw_clock_mono_ms() + s->is->kind->patience_ms;

	while (!is_idle(s) && bw_clock_mono_ms() < until)
		if (poll(&watched, 1, FINISH_LOOK_MS) > 0 && parent_obey(self) == END)
			return;
}

static void channels_read(struct serving *s, const struct bw_proc_self *self)
{
	const struct bw_errand_channels *c = s->is->channels;
	struct pollfd watched[1 + BW_ERRAND_CHANNELS] = {{.fd = self->channel, .events = POLLIN}};
	char *message = bw_alloc(s->is->kind->message_max + 1);
	int wait_ms = s->is->idle_ms ? (int)s->is->idle_ms : -1;
	enum told told;

	for (size_t i = 0; i < c->count; i++)
		watched[1 + i] = (struct pollfd){.fd = c->serving[i], .events = POLLIN};
	for (;;) {
		int n = poll(watched, 1 + c->count, wait_ms);

		if (n == 0 && is_idle(s))
			break;
		if (n <= 0)
			continue;
		told = watched[0].revents ? parent_obey(self) : GO_ON;
		if (told == FINISH)
			finish(s, self);
		if (told != GO_ON)
			break;
		for (size_t i = 0; i < c->count; i++)
			if (watched[1 + i].revents && !channel_read(s, i, message))
				watched[1 + i].fd = -1;
	}
	bw_free(message);
}

/* ---- The process ---- */

static enum bw_err threads_start(struct serving *s)
{
	pthread_attr_t small;
	pthread_t thread;
	int e = 0;

	MUST(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, STACK_BYTES) == 0);
	for (unsigned i = 0; !e && i < s->is->threads; i++) {
		e = pthread_create(&thread, &small, thread_main, s);
		if (!e)
			pthread_detach(thread);
	}
	pthread_attr_destroy(&small);
	return e ? BW_EIO : BW_OK;
}

static enum bw_err begin(struct serving *s, const struct bw_proc_self *self)
{
	const struct bw_errand_channels *c = s->is->channels;
	int keep[BW_ERRAND_CHANNELS + 1];

	MUST(s->is->kind->request_bytes <= BW_ERRAND_REQUEST_MAX);
	s->last = &s->first;
	MUST(pthread_mutex_init(&s->lock, NULL) == 0 && pthread_cond_init(&s->wake, NULL) == 0);
	memcpy(keep, c->serving, c->count * sizeof *keep);
	keep[c->count] = self->channel;
	bw_descriptors_keep(keep, c->count + 1);
	TRY(s->is->start(s->is->ctx));
	TRY(threads_start(s));
	for (size_t i = 0; i < c->count; i++)
		word_send(s, c->serving[i], ERRAND_HELLO, BW_STR(""));
	return bw_proc_send(self->channel, BW_PROC_READY, BW_STR(""));
}

void bw_errand_serve(const struct bw_errand_service *service, const struct bw_proc_self *self)
{
	static struct serving s; /* the threads' for as long as there is a process */
	enum bw_err e;

	s.is = service;
	e = begin(&s, self);
	if (e == BW_OK)
		channels_read(&s, self);
	else
		bw_log(BW_LOG_ERROR, "%s cannot start: %s", service->kind->who, bw_err_name(e));
	_exit(e == BW_OK ? 0 : 1);
}
