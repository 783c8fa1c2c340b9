/* The list of what is kept, and its bytes: a head, then an entry each of a descriptor and some bytes under a name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/sys.h"
#include "proc/kept_internal.h"

#define VARIABLE "BULWARK_KEPT"
#define SEED "hash-seed"

/* In front of all entries. The last number goes up when entries are written otherwise, or mean something else. */
static const char head[8] = {'B', 'W', 'K', 'E', 'P', 'T', 0, 1};

struct entry_head {
	int32_t fd;
	uint32_t name_n, n;
};

struct entry {
	int fd; /* -1: none */
	size_t n;
	const void *borrowed;
	char bytes[];
};

static struct bw_map before; /* not asked for yet */
static struct bw_map kept;
static bool open_now;
static bool taken_over; /* there was a program before */

static void entry_drop(void *value)
{
	struct entry *e = value;

	bw_wipe(e->bytes, e->borrowed ? 0 : e->n);
	bw_free(e);
}

static void lists_open(void)
{
	if (open_now)
		return;
	open_now = true;
	bw_map_init(&before, 0, entry_drop);
	bw_map_init(&kept, 0, entry_drop);
}

/* ---- Leaving ---- */

void bw_keep_fd(const char *name, int fd)
{
	struct entry *e = bw_alloc(sizeof *e);

	lists_open();
	MUST(fd >= 0 && strlen(name) < BW_KEPT_NAME_MAX);
	e->fd = fd;
	bw_map_put(&kept, bw_str_c(name), e);
}

void bw_keep_bytes(const char *name, const void *bytes, size_t n)
{
	struct entry *e = bw_alloc(sizeof *e);

	lists_open();
	MUST(strlen(name) < BW_KEPT_NAME_MAX);
	e->fd = -1;
	e->n = n;
	e->borrowed = bytes;
	bw_map_put(&kept, bw_str_c(name), e);
}

void leaving_put(struct leaving *l, struct bw_str name, int fd, struct bw_str bytes)
{
	const struct entry_head h = {fd, (uint32_t)name.n, (uint32_t)bytes.n};

	bw_buf_put(&l->bytes, bw_str_make(&h, sizeof h));
	bw_buf_put(&l->bytes, name);
	bw_buf_put(&l->bytes, bytes);
	if (fd < 0)
		return;
	if (l->count == l->room) {
		l->room = l->room ? 2 * l->room : 256;
		l->fds = bw_realloc(l->fds, l->room * sizeof *l->fds);
	}
	l->fds[l->count++] = fd;
}

static void kept_put(void *ctx, struct bw_str key, void *value)
{
	const struct entry *e = value;

	leaving_put(ctx, key, e->fd, bw_str_make(e->borrowed ? e->borrowed : "", e->n));
}

void leaving_begin(struct leaving *l)
{
	const uint64_t seed = bw_hash_seed();

	lists_open();
	*l = (struct leaving){.memory = -1};
	bw_buf_init(&l->bytes, LEAVING_MAX);
	bw_buf_put(&l->bytes, bw_str_make(head, sizeof head));
	leaving_put(l, BW_STR(SEED), -1, bw_str_make(&seed, sizeof seed));
	bw_map_each(&kept, kept_put, l);
}

enum bw_err leaving_end(struct leaving *l)
{
	struct bw_str rest = bw_buf_str(&l->bytes);

	l->memory = l->bytes.failed ? -1 : memfd_create("kept", MFD_CLOEXEC);
	CHECK(l->memory >= 0, BW_EIO);
	while (rest.n) {
		ssize_t n = write(l->memory, rest.p, rest.n);

		CHECK(n > 0, BW_EIO);
		rest = bw_str_sub(rest, (size_t)n, rest.n);
	}
	return lseek(l->memory, 0, SEEK_SET) == 0 ? BW_OK : BW_EIO;
}

static bool inherit(int fd, bool yes)
{
	return fcntl(fd, F_SETFD, yes ? 0 : FD_CLOEXEC) == 0;
}

bool leaving_inherit(const struct leaving *l, bool yes)
{
	char number[16];
	bool good = inherit(l->memory, yes);

	for (size_t i = 0; i < l->count; i++)
		good = inherit(l->fds[i], yes) && good;
	(void)snprintf(number, sizeof number, "%d", l->memory);
	return (yes ? setenv(VARIABLE, number, 1) : unsetenv(VARIABLE)) == 0 && good;
}

void leaving_free(struct leaving *l)
{
	bw_buf_free(&l->bytes);
	bw_free(l->fds);
	if (l->memory >= 0)
		close(l->memory);
	*l = (struct leaving){.memory = -1};
}

/* ---- Taking ---- */

/* Without maps, whose order the seed decides. */
static enum bw_err entry_next(struct bw_str *rest, struct entry_head *h, struct bw_str *name, struct bw_str *bytes)
{
	CHECK(rest->n >= sizeof *h, BW_EINVAL);
	memcpy(h, rest->p, sizeof *h);
	*rest = bw_str_sub(*rest, sizeof *h, rest->n);
	CHECK(h->name_n > 0 && h->name_n < BW_KEPT_NAME_MAX && h->name_n <= rest->n && h->n <= rest->n - h->name_n, BW_EINVAL);
	CHECK(h->fd == -1 || (h->fd > 2 && fcntl(h->fd, F_GETFD) >= 0), BW_EINVAL);
	*name = bw_str_sub(*rest, 0, h->name_n);
	*bytes = bw_str_sub(*rest, h->name_n, h->n);
	*rest = bw_str_sub(*rest, (size_t)h->name_n + h->n, rest->n);
	return BW_OK;
}

static enum bw_err head_check(struct bw_str bytes)
{
	CHECK(bytes.n >= sizeof head && memcmp(bytes.p, head, sizeof head - 1) == 0, BW_EINVAL);
	if (bytes.p[sizeof head - 1] == head[sizeof head - 1])
		return BW_OK;
	bw_log(BW_LOG_ERROR, "the program before leaves what it has in form %d, and this one knows form %d: stop it, and start this one",
	    bytes.p[sizeof head - 1], head[sizeof head - 1]);
	return BW_EINVAL;
}

static enum bw_err entries_read(struct bw_str bytes, bool seed_alone)
{
	struct bw_str rest = bw_str_sub(bytes, sizeof head, bytes.n), name, of;
	struct entry_head h;

	TRY(head_check(bytes));
	while (rest.n) {
		struct entry *e;
		uint64_t seed;

		TRY(entry_next(&rest, &h, &name, &of));
		if (seed_alone && bw_str_eq(name, BW_STR(SEED)) && of.n == sizeof seed) {
			memcpy(&seed, of.p, sizeof seed);
			bw_hash_seed_set(seed);
		}
		if (seed_alone)
			continue;
		CHECK(!bw_map_get(&before, name), BW_EINVAL);
		if (h.fd >= 0)
			(void)inherit(h.fd, false);
		e = bw_alloc(sizeof *e + of.n);
		e->fd = h.fd;
		e->n = of.n;
		memcpy(e->bytes, of.p, of.n);
		bw_map_put(&before, name, e);
	}
	return BW_OK;
}

static enum bw_err memory_read(int fd, struct bw_buf *out)
{
	struct stat st;
	char *room;
	ssize_t n;

	CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= LEAVING_MAX, BW_EINVAL);
	room = bw_buf_room(out, (size_t)st.st_size);
	CHECK(room, BW_EINVAL);
	n = pread(fd, room, (size_t)st.st_size, 0);
	CHECK(n == (ssize_t)st.st_size, BW_EINVAL);
	out->n = (size_t)n;
	return BW_OK;
}

enum bw_err bw_kept_take(bool *taken)
{
	struct bw_str told = bw_str_c(getenv(VARIABLE));
	struct bw_buf bytes;
	int64_t fd;
	enum bw_err e;

	*taken = bw_str_set(told);
	if (!*taken)
		return BW_OK;
	e = bw_str_to_i64(told, 3, INT32_MAX, &fd);
	(void)unsetenv(VARIABLE);
	bw_buf_init(&bytes, LEAVING_MAX);
	if (e == BW_OK)
		e = memory_read((int)fd, &bytes);
	if (e == BW_OK)
		e = entries_read(bw_buf_str(&bytes), true);
	lists_open();
	if (e == BW_OK)
		e = entries_read(bw_buf_str(&bytes), false);
	bw_buf_free(&bytes);
	if (e != BW_OK)
		bw_log(BW_LOG_ERROR, "what the program before has left is not what this one knows");
	CHECK(e == BW_OK, BW_EINVAL);
	close((int)fd);
	taken_over = true;
	return BW_OK;
}

bool kept_was_taken(void)
{
	return taken_over;
}

int bw_kept_fd(const char *name)
{
	struct entry *e = open_now ? bw_map_get(&before, bw_str_c(name)) : NULL;
	int fd = e ? e->fd : -1;

	if (e)
		bw_map_del(&before, bw_str_c(name));
	return fd;
}

enum bw_err bw_kept_memory(const char *name, size_t bytes, int *fd)
{
	struct stat st;

	*fd = bw_kept_fd(name);
	CHECK(*fd >= 0, BW_ENOTFOUND);
	if (fstat(*fd, &st) == 0 && st.st_size == (off_t)bytes)
		return BW_OK;
	bw_log(BW_LOG_ERROR, "the memory %s of the program before has another form than this one's", name);
	return BW_EINVAL;
}

struct bw_str kept_text(const char *name)
{
	const struct entry *e = open_now ? bw_map_get(&before, bw_str_c(name)) : NULL;

	return e ? bw_str_make(e->bytes, e->n) : BW_STR_NONE;
}

bool bw_kept_bytes(const char *name, void *bytes, size_t n)
{
	struct bw_str of = kept_text(name);

	if (!bw_str_set(of) || of.n != n)
		return false;
	memcpy(bytes, of.p, n);
	bw_map_del(&before, bw_str_c(name));
	return true;
}

static void leftover_close(void *ctx, struct bw_str key, void *value)
{
	const struct entry *e = value;

	(void)ctx;
	(void)key;
	if (e->fd >= 0)
		close(e->fd);
}

void bw_kept_settle(void)
{
	if (!open_now)
		return;
	bw_map_each(&before, leftover_close, NULL);
	bw_map_free(&before);
	bw_map_init(&before, 0, entry_drop);
}

void kept_forget(void)
{
	if (!open_now)
		return;
	bw_kept_settle();
	bw_map_free(&before);
	bw_map_free(&kept);
	open_now = taken_over = false;
}
