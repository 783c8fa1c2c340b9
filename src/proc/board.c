/* Two halves: the writer fills the one that is not shown, turns the number, and wipes the other one: texts have
 * secrets in them, which are gone from here as soon as a newer text is without them. A reader copies first
 * and believes afterwards: what the checksum does not cover was written to meanwhile. */
#include "proc/board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "crypto/crypto.h"
#include "proc/kept.h"
#include "proc/wake.h"

enum { HEAD_BYTES = 4096, TRIES = 8 };

struct half {
	uint64_t seq, n;
	unsigned char digest[32];
};

struct head {
	_Atomic uint64_t seq;
	struct half halves[2];
};

struct bw_board {
	size_t max, mapped;
	int write_fd, read_fd, wake_fd;
	char *memory;
};

static char *half_text(const struct bw_board *b, uint64_t seq)
{
	return b->memory + HEAD_BYTES + (seq & 1) * b->max;
}

static struct head *head_of(const struct bw_board *b)
{
	return (struct head *)(void *)b->memory;
}

static void fds_close(struct bw_board *b, bool wake)
{
	if (b->write_fd >= 0)
		close(b->write_fd);
	if (b->read_fd >= 0)
		close(b->read_fd);
	b->write_fd = b->read_fd = -1;
	if (wake && b->wake_fd >= 0)
		close(b->wake_fd);
}

static enum bw_err refuse(const char *what)
{
	bw_log(BW_LOG_ERROR, "%s: %s", what, strerror(errno));
	return BW_EIO;
}

/* Its three descriptors, by which the next program finds it. */
static void parts_name(const char *name, char names[3][BW_KEPT_NAME_MAX])
{
	static const char *const parts[] = {"write", "read", "wake"};

	for (size_t i = 0; i < 3; i++)
		MUST(snprintf(names[i], BW_KEPT_NAME_MAX, "board/%s/%s", name, parts[i]) < BW_KEPT_NAME_MAX);
}

static enum bw_err board_found(struct bw_board *b, char names[3][BW_KEPT_NAME_MAX])
{
	TRY(bw_kept_memory(names[0], b->mapped, &b->write_fd));
	b->read_fd = bw_kept_fd(names[1]);
	b->wake_fd = bw_kept_fd(names[2]);
	return b->read_fd >= 0 && b->wake_fd >= 0 ? BW_OK : BW_EINVAL;
}

static enum bw_err board_made(struct bw_board *b, const char *name)
{
	char path[64];

	b->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	b->write_fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	/* Not to be opened for writing again by whoever reads as another user, nor to be made shorter, which would end the readers by a fault. */
	if (b->wake_fd >= 0 && b->write_fd >= 0 && fchmod(b->write_fd, 0600) == 0 && ftruncate(b->write_fd, (off_t)b->mapped) == 0 &&
	    fcntl(b->write_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", b->write_fd);
		b->read_fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return b->read_fd >= 0 ? BW_OK : refuse("cannot make shared memory");
}

enum bw_err bw_board_new(const char *name, size_t max_bytes, struct bw_board **out)
{
	struct bw_board *b = bw_alloc(sizeof *b);
	char names[3][BW_KEPT_NAME_MAX];
	enum bw_err e;

	_Static_assert(sizeof(struct head) <= HEAD_BYTES, "the head fits in front of the halves");
	*b = (struct bw_board){.max = (max_bytes + 4095) & ~(size_t)4095, .write_fd = -1, .read_fd = -1, .wake_fd = -1};
	b->mapped = HEAD_BYTES + 2 * b->max;
	parts_name(name, names);
	e = board_found(b, names);
	if (e == BW_ENOTFOUND)
		e = board_made(b, name);
	if (e != BW_OK) {
		bw_board_free(b);
		return e;
	}
	bw_keep_fd(names[0], b->write_fd);
	bw_keep_fd(names[1], b->read_fd);
	bw_keep_fd(names[2], b->wake_fd);
	*out = b;
	return BW_OK;
}

static enum bw_err side_take(struct bw_board *b, int fd, int protection)
{
	void *p = mmap(NULL, b->mapped, protection, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return refuse("cannot map shared memory");
	b->memory = p;
	fds_close(b, false);
	return BW_OK;
}

enum bw_err bw_board_write_side(struct bw_board *b)
{
	return side_take(b, b->write_fd, PROT_READ | PROT_WRITE);
}

enum bw_err bw_board_read_side(struct bw_board *b)
{
	return side_take(b, b->read_fd, PROT_READ);
}

void bw_board_free(struct bw_board *b)
{
	if (!b)
		return;
	if (b->memory)
		(void)munmap(b->memory, b->mapped);
	fds_close(b, true);
	bw_free(b);
}

/* Also what a writer that died amid a text has left of it, for its length is there before it. */
static void half_wipe(struct bw_board *b, uint64_t seq)
{
	struct half *half = &head_of(b)->halves[seq & 1];

	half->seq = 0;
	atomic_thread_fence(memory_order_release);
	bw_wipe(half_text(b, seq), half->n < b->max ? half->n : b->max);
	half->n = 0;
}

enum bw_err bw_board_publish(struct bw_board *b, struct bw_str bytes)
{
	struct head *h = head_of(b);
	uint64_t seq = atomic_load(&h->seq) + 1;
	struct half *half = &h->halves[seq & 1];

	CHECK(bytes.n <= b->max, BW_ETOOBIG);
	half_wipe(b, seq);
	half->n = bytes.n;
	memcpy(half_text(b, seq), bytes.p, bytes.n);
	bw_sha256(bytes, half->digest);
	half->seq = seq;
	atomic_store(&h->seq, seq);
	half_wipe(b, seq - 1);
	wake_raise(b->wake_fd);
	return BW_OK;
}

int bw_board_wake_fd(const struct bw_board *b)
{
	return b->wake_fd;
}

void bw_board_wake_take(struct bw_board *b)
{
	uint64_t count;

	(void)!read(b->wake_fd, &count, sizeof count);
}

uint64_t bw_board_seq(const struct bw_board *b)
{
	return atomic_load(&head_of(b)->seq);
}

static enum bw_err copy_once(const struct bw_board *b, uint64_t seq, struct bw_buf *out)
{
	struct half half = head_of(b)->halves[seq & 1];
	unsigned char digest[32];

	CHECK(half.seq == seq && half.n <= b->max, BW_ECORRUPT);
	bw_buf_reset(out);
	bw_buf_put(out, bw_str_make(half_text(b, seq), half.n));
	if (out->failed) {
		bw_buf_reset(out);
		return BW_ETOOBIG;
	}
	bw_sha256(bw_buf_str(out), digest);
	return memcmp(digest, half.digest, sizeof digest) == 0 ? BW_OK : BW_ECORRUPT;
}

enum bw_err bw_board_read(const struct bw_board *b, struct bw_buf *out, uint64_t *seq)
{
	enum bw_err e = BW_EAGAIN;

	for (int i = 0; i < TRIES; i++) {
		*seq = bw_board_seq(b);
		CHECK(*seq != 0, BW_ENOTFOUND);
		e = copy_once(b, *seq, out);
		if (e != BW_ECORRUPT)
			return e;
		if (bw_board_seq(b) == *seq)
			return BW_ECORRUPT;
	}
	return BW_EAGAIN;
}
