/* Listening sockets that the parent holds for its children. They ask by address; whoever is started again
 * gets the same socket, with all that waits in it. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/kept_internal.h"
#include "proc/parent.h"
#include "store/record.h"

enum { BACKLOG = 4096 };

struct held {
	uint16_t shares;
	const struct child *of;
	uint32_t asked_by; /* the newest incarnation that asked */
	int fds[BW_PROC_SHARES_MAX];
};

static void held_drop(void *value)
{
	struct held *h = value;

	for (size_t i = 0; i < h->shares; i++)
		if (h->fds[i] >= 0)
			close(h->fds[i]);
	bw_free(h);
}

void sockets_open(struct parent *p)
{
	bw_map_init(&p->sockets, 0, held_drop);
}

void sockets_close(struct parent *p)
{
	bw_map_free(&p->sockets);
	sockets_open(p);
}

/* ---- opening ---- */

static bool option_on(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof on) == 0;
}

/* -1 and errno. Sockets that share a port would share it with a stranger's too: so whether it is free is
 * asked with one that does not. */
static int socket_bound(const struct bw_proc_socket *s, bool shared)
{
	int fd = socket(s->address.ss_family,
	        (s->datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
	    kept;

	if (fd < 0)
		return -1;
	if ((s->datagrams || option_on(fd, SOL_SOCKET, SO_REUSEADDR)) &&
	    (!shared || option_on(fd, SOL_SOCKET, SO_REUSEPORT)) &&
	    (s->address.ss_family != AF_INET6 || option_on(fd, IPPROTO_IPV6, IPV6_V6ONLY)) &&
	    bind(fd, (const struct sockaddr *)&s->address, s->address_bytes) == 0 &&
	    (s->datagrams || listen(fd, BACKLOG) == 0))
		return fd;
	kept = errno;
	close(fd);
	errno = kept;
	return -1;
}

static bool sockets_bind(const struct bw_proc_socket *s, struct held *h)
{
	int alone;

	if (s->shares == 1)
		return (h->fds[0] = socket_bound(s, false)) >= 0;
	alone = socket_bound(s, false);
	if (alone < 0)
		return false;
	close(alone);
	for (size_t i = 0; i < s->shares; i++)
		if ((h->fds[i] = socket_bound(s, true)) < 0)
			return false;
	return true;
}

/* What a socket is found by: its address and kind. */
struct key {
	struct sockaddr_storage address;
	bool datagrams;
};

static struct bw_str key_of(const struct bw_proc_socket *s, struct key *key)
{
	memset(key, 0, sizeof *key);
	memcpy(&key->address, &s->address, s->address_bytes);
	key->datagrams = s->datagrams;
	return bw_str_make(key, sizeof *key);
}

/* NULL and errno. */
static struct held *held_make(
    struct parent *p, const struct child *c, const struct bw_proc_socket *s, struct bw_str key)
{
	struct held *h;
	int kept;

	errno = EACCES;
	if (!c->row->may_listen || !c->row->may_listen(c->row->ctx, (const struct sockaddr *)&s->address))
		return NULL;
	errno = EMFILE;
	if (p->sockets.count >= BW_PROC_SOCKETS_MAX)
		return NULL;
	h = bw_alloc(sizeof *h);
	h->of = c;
	h->shares = s->shares;
	memset(h->fds, 0xff, sizeof h->fds);
	if (!sockets_bind(s, h)) {
		kept = errno;
		held_drop(h);
		errno = kept;
		return NULL;
	}
	bw_map_put(&p->sockets, key, h);
	return h;
}

/* ---- what children say ---- */

static void socket_answer(
    struct parent *p, const struct child *c, const struct life *life, struct bw_proc_socket *s)
{
	struct key bytes;
	struct bw_str key = key_of(s, &bytes);
	struct held *h = bw_map_get(&p->sockets, key);

	errno = ENOENT;
	if (!h && s->make)
		h = held_make(p, c, s, key);
	s->error = h ? 0 : errno;
	if (h && h->shares != s->shares) {
		s->error = EINVAL;
		h = NULL;
	}
	if (h && s->make) {
		h->of = c;
		h->asked_by = life->incarnation;
	}
	/* Who does not take the answer asks again. */
	if (bw_proc_send_fd(
	        life->channel, BW_PROC_SOCKET, bw_str_make(s, sizeof *s), h ? h->fds[s->share] : -1) != BW_OK)
		bw_log(BW_LOG_DEBUG, "process %s does not take a socket", c->row->title);
}

struct settling {
	const struct child *of;
	uint32_t incarnation;
	struct bw_str keys[BW_PROC_SOCKETS_MAX];
	size_t n;
};

static void settle_look(void *ctx, struct bw_str key, void *value)
{
	struct settling *s = ctx;
	const struct held *h = value;

	if (h->of == s->of && h->asked_by != s->incarnation)
		s->keys[s->n++] = key;
}

static void sockets_settle(struct parent *p, const struct child *c, const struct life *life)
{
	struct settling *s = bw_alloc(sizeof *s);

	*s = (struct settling){.of = c, .incarnation = life->incarnation};
	bw_map_each(&p->sockets, settle_look, s);
	for (size_t i = 0; i < s->n; i++)
		bw_map_del(&p->sockets, s->keys[i]);
	bw_free(s);
}

static bool well_formed(const struct bw_proc_socket *s)
{
	bool v4 = s->address.ss_family == AF_INET && s->address_bytes == sizeof(struct sockaddr_in);
	bool v6 = s->address.ss_family == AF_INET6 && s->address_bytes == sizeof(struct sockaddr_in6);

	return (v4 || v6) && s->shares >= 1 && s->shares <= BW_PROC_SHARES_MAX && s->share < s->shares &&
	       (s->datagrams || s->shares == 1);
}

bool sockets_take(
    struct parent *p, const struct child *c, const struct life *life, const struct bw_proc_message *m)
{
	struct bw_proc_socket s;
	struct key bytes;

	if (m->type == BW_PROC_SOCKET_SETTLE) {
		sockets_settle(p, c, life);
		return m->n == 0;
	}
	if (m->n != sizeof s)
		return false;
	/* A flag that is neither true nor false must not be read as one. */
	if ((unsigned char)m->payload[offsetof(struct bw_proc_socket, datagrams)] > 1 ||
	    (unsigned char)m->payload[offsetof(struct bw_proc_socket, make)] > 1)
		return false;
	memcpy(&s, m->payload, sizeof s);
	if (!well_formed(&s))
		return false;
	if (m->type == BW_PROC_SOCKET)
		socket_answer(p, c, life, &s);
	else
		bw_map_del(&p->sockets, key_of(&s, &bytes));
	return true;
}

/* ---- to the program after this one, and from the one before ---- */

struct left {
	struct bw_str title, address;
	bool datagrams;
	int64_t shares, asked_by;
};

static const struct bw_field fields[] = {
    BW_FIELD(1, STR, struct left, title),
    BW_FIELD(2, STR, struct left, address),
    BW_FIELD(3, BOOL, struct left, datagrams),
    BW_FIELD(4, I64, struct left, shares),
    BW_FIELD(5, I64, struct left, asked_by),
};
static const struct bw_record left_record = BW_RECORD("socket", struct left, fields);

enum { RECORD_MAX = 1024 };

static void left_name(char name[BW_KEPT_NAME_MAX], size_t number, int share)
{
	int n = snprintf(name, BW_KEPT_NAME_MAX, "socket/%zu", number);

	if (share >= 0)
		(void)snprintf(name + n, BW_KEPT_NAME_MAX - (size_t)n, "/%d", share);
}

struct sockets_leaving {
	struct leaving *to;
	size_t n;
};

static void held_leave(void *ctx, struct bw_str bytes, void *value)
{
	struct sockets_leaving *s = ctx;
	const struct held *h = value;
	struct key key;
	struct left left = {.title = bw_str_c(h->of->row->title), .shares = h->shares, .asked_by = h->asked_by};
	char name[BW_KEPT_NAME_MAX];
	struct bw_buf record;

	memcpy(&key, bytes.p, sizeof key);
	left.address = bw_str_make(&key.address,
	    key.address.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
	left.datagrams = key.datagrams;
	bw_buf_init(&record, RECORD_MAX);
	bw_record_encode(&left_record, &left, &record);
	MUST(!record.failed);
	left_name(name, s->n, -1);
	leaving_put(s->to, bw_str_c(name), -1, bw_buf_str(&record));
	bw_buf_free(&record);
	for (int i = 0; i < h->shares; i++) {
		left_name(name, s->n, i);
		leaving_put(s->to, bw_str_c(name), h->fds[i], BW_STR(""));
	}
	s->n++;
}

void sockets_leave(struct parent *p, struct leaving *l)
{
	struct sockets_leaving s = {.to = l};

	bw_map_each(&p->sockets, held_leave, &s);
}

static const struct child *child_titled(const struct parent *p, struct bw_str title)
{
	for (size_t i = 0; i < p->count; i++)
		if (bw_str_eq(title, bw_str_c(p->children[i].row->title)))
			return &p->children[i];
	return NULL;
}

/* Of a row that is no more: its sockets are closed with what nobody asked for. */
static enum bw_err held_take(struct parent *p, const struct left *left, size_t number)
{
	struct bw_proc_socket s = {.address_bytes = (uint32_t)left->address.n, .datagrams = left->datagrams, .make = true};
	const struct child *of = child_titled(p, left->title);
	char name[BW_KEPT_NAME_MAX];
	struct key bytes;
	struct held *h;

	CHECK(left->address.n <= sizeof s.address && left->shares >= 1 && left->shares <= BW_PROC_SHARES_MAX, BW_ECORRUPT);
	memcpy(&s.address, left->address.p, left->address.n);
	s.shares = (uint16_t)left->shares;
	CHECK(well_formed(&s) && p->sockets.count < BW_PROC_SOCKETS_MAX, BW_ECORRUPT);
	if (!of)
		return BW_OK;
	h = bw_alloc(sizeof *h);
	h->of = of;
	h->shares = s.shares;
	h->asked_by = (uint32_t)left->asked_by;
	for (int i = 0; i < h->shares; i++) {
		left_name(name, number, i);
		h->fds[i] = bw_kept_fd(name);
	}
	bw_map_put(&p->sockets, key_of(&s, &bytes), h);
	return BW_OK;
}

enum bw_err sockets_take_over(struct parent *p)
{
	char name[BW_KEPT_NAME_MAX];
	struct bw_str text;
	struct bw_arena arena;
	enum bw_err e = BW_OK;

	bw_arena_init(&arena, 16 << 20);
	for (size_t i = 0; e == BW_OK; i++) {
		struct left left;

		left_name(name, i, -1);
		text = kept_text(name);
		if (!bw_str_set(text))
			break;
		e = bw_record_decode(&left_record, text, &arena, &left);
		if (e == BW_OK)
			e = held_take(p, &left, i);
	}
	bw_arena_free(&arena);
	if (e != BW_OK)
		bw_log(BW_LOG_ERROR, "the program before has left nothing readable of its sockets");
	return e;
}
