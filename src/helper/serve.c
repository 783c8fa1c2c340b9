/* The helper's process: one thread takes requests off the channels, some others fetch. */
#include "helper/helper_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"
#include "net/fetch.h"
#include "net/tls.h"

enum {
	THREADS = 8,
	WAITING_MAX = 256, /* requests that no thread has taken; then callers are told to come again */
	BUFFER = 1 << 20,  /* of a channel's socket each way */
	CA_MAX = 4 << 20,  /* of all authorities' certificates: a system's are 220 KiB */
	ARENA_MAX = 1 << 20,
};

struct work {
	struct work *next;
	int channel;
	size_t n;
	char bytes[];
};

struct serving {
	const struct bw_helper *helper;
	struct ssl_ctx_st *trust;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct work *first, **last;
	unsigned waiting;
};

enum bw_err bw_helper_make(struct bw_helper *out, size_t count)
{
	static const char *const none[] = {NULL};

	MUST(count <= BW_HELPER_CHANNELS);
	*out = (struct bw_helper){.hosts = none};
	for (; out->count < count; out->count++) {
		int ends[2], size = BUFFER;

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
			bw_log(BW_LOG_ERROR, "socketpair: %s", strerror(errno));
			return BW_EIO;
		}
		for (int i = 0; i < 2; i++)
			(void)setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
		out->serving[out->count] = ends[0];
		out->asking[out->count] = ends[1];
	}
	return BW_OK;
}

void bw_helper_forget(struct bw_helper *h, int asks)
{
	for (int i = 0; i < (int)h->count; i++) {
		close(h->serving[i]);
		if (i != asks)
			close(h->asking[i]);
	}
}

/* ---- Who is trusted ---- */

static void file_add(const char *path, struct bw_buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;
	char *at;

	while (fd >= 0 && n > 0 && (at = bw_buf_room(out, 64 * 1024)) != NULL) {
		n = read(fd, at, 64 * 1024);
		out->n += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
}

/* Where distributions keep the authorities that everybody trusts; the first that there is. */
static void system_add(struct bw_buf *out)
{
	static const char *const paths[] = {
	    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};

	for (size_t i = 0; i < BW_COUNT(paths) && out->n == 0; i++)
		file_add(paths[i], out);
	if (out->n == 0)
		bw_log(BW_LOG_WARN, "this system has no list of certification authorities: no public "
		                    "identity provider is trusted");
}

static enum bw_err trust_make(struct serving *s)
{
	struct bw_buf pem;
	enum bw_err e = BW_OK;

	bw_buf_init(&pem, CA_MAX);
	system_add(&pem);
	bw_buf_put(&pem, s->helper->ca_pem);
	if (pem.n)
		e = pem.failed ? BW_ETOOBIG : bw_tls_client_new(bw_buf_str(&pem), &s->trust);
	bw_buf_free(&pem);
	return e;
}

/* ---- Fetching ---- */

static bool host_listed(const struct bw_helper *h, struct bw_str host)
{
	if (!h->hosts[0])
		return true;
	for (size_t i = 0; h->hosts[i]; i++)
		if (bw_str_eq_nocase(host, bw_str_c(h->hosts[i])))
			return true;
	return false;
}

static void fetch(const struct serving *s, const struct bw_helper_request *r, int64_t deadline_ms,
    struct bw_arena *arena, struct bw_helper_answer *a)
{
	struct bw_fetch f = {.url = r->url, .authorization = r->authorization, .form = r->form, .answer_max = r->answer_max,
	    .deadline_ms = deadline_ms};
	struct bw_url url;

	*a = (struct bw_helper_answer){.result = bw_url_parse(r->url, &url), .body = BW_STR("")};
	if (a->result != BW_OK)
		return;
	if (!host_listed(s->helper, url.host))
		a->result = BW_EPERM;
	else if (!s->trust)
		a->result = BW_EIO;
	else if (bw_clock_mono_ms() >= deadline_ms)
		a->result = BW_EAGAIN;
	else
		a->result = bw_fetch(&f, s->trust, arena, &a->status, &a->body);
	if (a->result != BW_OK) {
		*a = (struct bw_helper_answer){.result = a->result, .body = BW_STR("")};
		bw_log(BW_LOG_WARN, "%.*s cannot be spoken to: %s", BW_FMT(url.authority),
		    bw_err_name(a->result));
	}
}

static void answer_send(int channel, uint64_t id, const struct bw_helper_answer *a)
{
	struct bw_buf out;

	bw_buf_init(&out, BW_HELPER_MESSAGE_MAX);
	helper_answer_encode(id, a, &out);
	MUST(!out.failed);
	while (send(channel, out.p, out.n, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	bw_buf_free_secret(&out);
}

static void answer_make(const struct serving *s, const struct work *w)
{
	struct bw_helper_request r;
	struct bw_helper_answer a;
	struct bw_arena arena;
	int64_t deadline_ms;
	uint64_t id;

	if (helper_request_decode(bw_str_make(w->bytes, w->n), &id, &deadline_ms, &r) != BW_OK) {
		bw_log(BW_LOG_DEBUG, "what came over a channel is no request: left unanswered");
		return;
	}
	bw_arena_init(&arena, ARENA_MAX);
	fetch(s, &r, deadline_ms, &arena, &a);
	answer_send(w->channel, id, &a);
	bw_arena_wipe(&arena);
}

static struct work *work_take(struct serving *s)
{
	struct work *w;

	MUST(pthread_mutex_lock(&s->lock) == 0);
	while (!s->first)
		MUST(pthread_cond_wait(&s->wake, &s->lock) == 0);
	w = s->first;
	s->first = w->next;
	if (!s->first)
		s->last = &s->first;
	s->waiting--;
	MUST(pthread_mutex_unlock(&s->lock) == 0);
	return w;
}

static void *thread_main(void *arg)
{
	struct serving *s = arg;

	for (;;) {
		struct work *w = work_take(s);

		answer_make(s, w);
		bw_wipe(w->bytes, w->n);
		bw_free(w);
	}
	return NULL;
}

/* What finds no room is left to its own patience. */
static void work_put(struct serving *s, int channel, struct bw_str bytes)
{
	struct work *w = bw_alloc(sizeof *w + bytes.n);
	bool room;

	w->channel = channel;
	w->n = bytes.n;
	memcpy(w->bytes, bytes.p, bytes.n);
	MUST(pthread_mutex_lock(&s->lock) == 0);
	room = s->waiting < WAITING_MAX;
	if (room) {
		*s->last = w;
		s->last = &w->next;
		s->waiting++;
		MUST(pthread_cond_signal(&s->wake) == 0);
	}
	MUST(pthread_mutex_unlock(&s->lock) == 0);
	if (!room) {
		bw_wipe(w->bytes, w->n); /* a client's secret may be in it */
		bw_free(w);
	}
}

/* ---- The process ---- */

static void channel_take(struct serving *s, int channel, char *message)
{
	ssize_t n;

	while ((n = recv(channel, message, BW_HELPER_MESSAGE_MAX, MSG_DONTWAIT)) > 0) {
		work_put(s, channel, bw_str_make(message, (size_t)n));
		bw_wipe(message, (size_t)n);
	}
}

/* False: it is time to end. */
static bool parent_obey(const struct bw_proc_self *self)
{
	struct bw_proc_message m;
	enum bw_err e;

	while ((e = bw_proc_receive(self->channel, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RELOAD, &m)) == BW_OK)
		if (m.type == BW_PROC_DRAIN ||
		    bw_proc_send(self->channel, BW_PROC_READY, BW_STR("")) != BW_OK)
			return false;
	return e == BW_EAGAIN;
}

static void serve(struct serving *s, const struct bw_proc_self *self)
{
	struct pollfd watched[1 + BW_HELPER_CHANNELS] = {{.fd = self->channel, .events = POLLIN}};
	char *message = bw_alloc(BW_HELPER_MESSAGE_MAX);
	size_t count = s->helper->count;

	for (size_t i = 0; i < count; i++)
		watched[1 + i] = (struct pollfd){.fd = s->helper->serving[i], .events = POLLIN};
	do {
		(void)poll(watched, 1 + count, -1);
		for (size_t i = 0; i < count; i++)
			if (watched[1 + i].revents)
				channel_take(s, watched[1 + i].fd, message);
	} while (!watched[0].revents || parent_obey(self));
}

static enum bw_err threads_start(struct serving *s)
{
	pthread_t thread;

	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_create(&thread, NULL, thread_main, s) == 0, BW_EIO);
		pthread_detach(thread);
	}
	return BW_OK;
}

static enum bw_err start(struct serving *s)
{
	TRY(trust_make(s));
	TRY(bw_sandbox_enter());
	bw_sandbox_files_read();
	return threads_start(s);
}

int bw_helper_run(const struct bw_proc_self *self)
{
	struct serving *s = bw_alloc(sizeof *s);
	int keep[BW_HELPER_CHANNELS + 1];
	enum bw_err e;

	s->helper = self->ctx;
	s->last = &s->first;
	MUST(pthread_mutex_init(&s->lock, NULL) == 0 && pthread_cond_init(&s->wake, NULL) == 0);
	memcpy(keep, s->helper->serving, s->helper->count * sizeof *keep);
	keep[s->helper->count] = self->channel;
	bw_descriptors_keep(keep, s->helper->count + 1);
	e = start(s);
	if (e == BW_OK)
		e = bw_proc_send(self->channel, BW_PROC_READY, BW_STR(""));
	if (e == BW_OK)
		serve(s, self);
	else
		bw_log(BW_LOG_ERROR, "the helper cannot start: %s", bw_err_name(e));
	/* Its threads are still at work: what they hold dies with the process. */
	_exit(e == BW_OK ? 0 : 1);
}
