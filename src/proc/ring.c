#include "proc/ring_form.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "proc/kept.h"
#include "proc/wake.h"

struct bw_ring {
	size_t way_bytes, message_max;
	int memory_fd, wake_fd;
};

static size_t mapped_bytes(const struct bw_ring *r)
{
	return RING_HEAD_BYTES + 2 * r->way_bytes;
}

static enum bw_err refuse(const char *what)
{
	bw_log(BW_LOG_ERROR, "%s: %s", what, strerror(errno));
	return BW_EIO;
}

/* ---- Making ---- */

static enum bw_err ring_found(struct bw_ring *r, const char *memory, const char *wake)
{
	TRY(bw_kept_memory(memory, mapped_bytes(r), &r->memory_fd));
	r->wake_fd = bw_kept_fd(wake);
	return r->wake_fd >= 0 ? BW_OK : BW_EINVAL;
}

static enum bw_err ring_made(struct bw_ring *r, const char *name)
{
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->memory_fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	/* Whoever could make it shorter could end the other side by a fault. */
	if (r->wake_fd < 0 || r->memory_fd < 0 || fchmod(r->memory_fd, 0600) != 0 ||
	    ftruncate(r->memory_fd, (off_t)mapped_bytes(r)) != 0 ||
	    fcntl(r->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		return refuse("cannot make shared memory");
	return BW_OK;
}

enum bw_err bw_ring_new(const char *name, size_t way_bytes, size_t message_max, struct bw_ring **out)
{
	struct bw_ring *r = bw_alloc(sizeof *r);
	char memory[BW_KEPT_NAME_MAX], wake[BW_KEPT_NAME_MAX];
	enum bw_err e;

	_Static_assert(sizeof(struct ring_head) <= RING_HEAD_BYTES, "the head fits in front of the ways");
	MUST(way_bytes % 4096 == 0 && (way_bytes & (way_bytes - 1)) == 0);
	MUST(message_max + RING_LENGTH_BYTES <= way_bytes);
	*r = (struct bw_ring){.way_bytes = way_bytes, .message_max = message_max, .memory_fd = -1, .wake_fd = -1};
	MUST(snprintf(memory, sizeof memory, "ring/%s/memory", name) < (int)sizeof memory);
	MUST(snprintf(wake, sizeof wake, "ring/%s/wake", name) < (int)sizeof wake);
	e = ring_found(r, memory, wake);
	if (e == BW_ENOTFOUND)
		e = ring_made(r, name);
	if (e != BW_OK) {
		bw_ring_free(r);
		return e;
	}
	bw_keep_fd(memory, r->memory_fd);
	bw_keep_fd(wake, r->wake_fd);
	*out = r;
	return BW_OK;
}

void bw_ring_free(struct bw_ring *r)
{
	if (!r)
		return;
	if (r->memory_fd >= 0)
		close(r->memory_fd);
	if (r->wake_fd >= 0)
		close(r->wake_fd);
	bw_free(r);
}

void bw_ring_fds(const struct bw_ring *r, int fds[2])
{
	fds[0] = r->memory_fd;
	fds[1] = r->wake_fd;
}

int bw_ring_wake_fd(const struct bw_ring *r)
{
	return r->wake_fd;
}

enum bw_err bw_ring_end_open(struct bw_ring *r, enum bw_ring_side side, struct bw_ring_end **out)
{
	void *p = mmap(NULL, mapped_bytes(r), PROT_READ | PROT_WRITE, MAP_SHARED, r->memory_fd, 0);
	struct bw_ring_end *e;

	if (p == MAP_FAILED)
		return refuse("cannot map shared memory");
	/* Keys and plaintexts pass through. Best effort, as with bw_secret_new. */
	(void)mlock2(p, mapped_bytes(r), MLOCK_ONFAULT);
	MUST(madvise(p, mapped_bytes(r), MADV_DONTDUMP) == 0);
	e = bw_alloc(sizeof *e);
	*e = (struct bw_ring_end){.ring = r, .side = side, .head = p};
	e->out = (char *)p + RING_HEAD_BYTES + (side == BW_RING_ASKING ? 0 : r->way_bytes);
	e->in = (char *)p + RING_HEAD_BYTES + (side == BW_RING_ASKING ? r->way_bytes : 0);
	e->put = atomic_load(&e->head->ways[side].put);
	e->taken = atomic_load(&e->head->ways[!side].taken);
	/* Who had this side before may have ended without a kick: the first one always wakes. */
	e->told_put = ~e->put;
	e->told_taken = ~e->taken;
	*out = e;
	return BW_OK;
}

void bw_ring_end_close(struct bw_ring_end *e)
{
	if (!e)
		return;
	(void)munmap(e->head, mapped_bytes(e->ring));
	bw_free(e);
}

/* ---- Bytes that go round ---- */

static void bytes_put(struct bw_ring_end *e, uint64_t at, const void *from, size_t n)
{
	size_t from_at = (size_t)at & (e->ring->way_bytes - 1), first = e->ring->way_bytes - from_at;

	if (first > n)
		first = n;
	memcpy(e->out + from_at, from, first);
	memcpy(e->out, (const char *)from + first, n - first);
}

static void bytes_take(struct bw_ring_end *e, uint64_t at, void *to, size_t n)
{
	size_t from_at = (size_t)at & (e->ring->way_bytes - 1), first = e->ring->way_bytes - from_at;

	if (first > n)
		first = n;
	memcpy(to, e->in + from_at, first);
	memcpy((char *)to + first, e->in, n - first);
	bw_wipe(e->in + from_at, first);
	bw_wipe(e->in, n - first);
}

/* ---- Putting ---- */

/* How much fits; BW_ECORRUPT: the other side says that it took what was not put. */
static enum bw_err room_find(const struct bw_ring_end *e, size_t *room)
{
	uint64_t under_way =
	    e->put - atomic_load_explicit(&e->head->ways[e->side].taken, memory_order_acquire);

	CHECK(under_way <= e->ring->way_bytes, BW_ECORRUPT);
	*room = e->ring->way_bytes - (size_t)under_way;
	return BW_OK;
}

static void put_publish(struct bw_ring_end *e, uint64_t put)
{
	e->put = put;
	atomic_store_explicit(&e->head->ways[e->side].put, put, memory_order_release);
}

enum bw_err bw_ring_put(struct bw_ring_end *e, struct bw_str message)
{
	uint32_t n = (uint32_t)message.n;
	size_t room;

	CHECK(message.n <= e->ring->message_max, BW_ETOOBIG);
	if (room_find(e, &room) != BW_OK) {
		put_publish(e, atomic_load(&e->head->ways[e->side].taken));
		return BW_ECORRUPT;
	}
	CHECK(room >= RING_LENGTH_BYTES + message.n, BW_EAGAIN);
	bytes_put(e, e->put, &n, sizeof n);
	bytes_put(e, e->put + RING_LENGTH_BYTES, message.p, message.n);
	put_publish(e, e->put + RING_LENGTH_BYTES + message.n);
	return BW_OK;
}

uint64_t bw_ring_put_at(const struct bw_ring_end *e)
{
	return e->put;
}

/* ---- Taking ---- */

static void taken_publish(struct bw_ring_end *e, uint64_t taken)
{
	e->taken = taken;
	atomic_store_explicit(&e->head->ways[!e->side].taken, taken, memory_order_release);
}

enum bw_err bw_ring_take(struct bw_ring_end *e, void *out, size_t *n)
{
	uint64_t put = atomic_load_explicit(&e->head->ways[!e->side].put, memory_order_acquire),
	         there = put - e->taken;
	uint32_t length = 0;

	CHECK(there != 0, BW_EAGAIN);
	if (there >= RING_LENGTH_BYTES && there <= e->ring->way_bytes)
		bytes_take(e, e->taken, &length, sizeof length);
	if (there < RING_LENGTH_BYTES || there > e->ring->way_bytes || length > e->ring->message_max ||
	    length > there - RING_LENGTH_BYTES) {
		taken_publish(e, put);
		return BW_ECORRUPT;
	}
	bytes_take(e, e->taken + RING_LENGTH_BYTES, out, length);
	*n = length;
	taken_publish(e, e->taken + RING_LENGTH_BYTES + length);
	return BW_OK;
}

void bw_ring_skip(struct bw_ring_end *e)
{
	uint64_t put = atomic_load_explicit(&e->head->ways[!e->side].put, memory_order_acquire);

	/* Of a ring that has not gone round yet, the rest was never written: it is not even there. */
	bw_wipe(e->in, put < e->ring->way_bytes ? (size_t)put : e->ring->way_bytes);
	taken_publish(e, put);
}

uint64_t bw_ring_taken_at(const struct bw_ring_end *e)
{
	return e->taken;
}

/* ---- Waiting ----
 *
 * Who waits says so and looks once more; who puts looks afterwards whether somebody waits. Between the two
 * there is a fence on either side, so that one of them sees the other. */

static void futex_wake(_Atomic uint32_t *word)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void bw_ring_kick(struct bw_ring_end *e)
{
	_Atomic uint32_t *dozes = &e->head->dozes[!e->side].for_what;
	uint32_t done =
	    (e->put != e->told_put ? RING_MESSAGE : 0) | (e->taken != e->told_taken ? RING_ROOM : 0);

	e->told_put = e->put;
	e->told_taken = e->taken;
	atomic_thread_fence(memory_order_seq_cst);
	if (!(atomic_load_explicit(dozes, memory_order_relaxed) & done) || !atomic_exchange(dozes, 0))
		return;
	if (e->side == BW_RING_ASKING)
		futex_wake(dozes);
	else
		wake_raise(e->ring->wake_fd);
}

static bool message_is_there(const struct bw_ring_end *e)
{
	return atomic_load_explicit(&e->head->ways[!e->side].put, memory_order_acquire) != e->taken;
}

/* A spoilt ring has room: whoever puts finds it out. */
static bool room_is_there(const struct bw_ring_end *e, size_t n)
{
	size_t room;

	return room_find(e, &room) != BW_OK || room >= RING_LENGTH_BYTES + n;
}

bool bw_ring_doze(struct bw_ring_end *e, bool message, size_t room)
{
	uint32_t for_what = (message ? RING_MESSAGE : 0) | (room ? RING_ROOM : 0);

	atomic_store_explicit(&e->head->dozes[e->side].for_what, for_what, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (!(message && message_is_there(e)) && !(room && room_is_there(e, room)))
		return true;
	bw_ring_rouse(e);
	return false;
}

void bw_ring_rouse(struct bw_ring_end *e)
{
	atomic_store_explicit(&e->head->dozes[e->side].for_what, 0, memory_order_relaxed);
}

void bw_ring_wait(struct bw_ring_end *e, int64_t wait_ms)
{
	const struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
	_Atomic uint32_t *dozes = &e->head->dozes[e->side].for_what;
	uint32_t for_what = atomic_load_explicit(dozes, memory_order_relaxed);

	if (for_what)
		(void)syscall(SYS_futex, dozes, FUTEX_WAIT, for_what, wait_ms < 0 ? NULL : &wait, NULL, 0);
	bw_ring_rouse(e);
}

void bw_ring_wake(struct bw_ring_end *e)
{
	_Atomic uint32_t *dozes = &e->head->dozes[e->side].for_what;

	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_exchange(dozes, 0))
		futex_wake(dozes);
}
