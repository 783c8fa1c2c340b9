#include "core/trail_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/sys.h"

/* Level 1: records are alike, and the higher levels save a tenth for twice the time. */
enum { ZSTD_LEVEL = 1 };

static enum bw_err failed(const char *what)
{
	bw_log(BW_LOG_ERROR, "audit trail: %s: %s", what, strerror(errno));
	return BW_EIO;
}

static enum bw_err refuse(const char *why)
{
	bw_log(
	    BW_LOG_ERROR, "audit trail: %s. Keep its folder as evidence, move it away, and start again", why);
	return BW_ECORRUPT;
}

void trail_disk_sync(const struct trail_files *f, int fd)
{
	if (f->ephemeral || fdatasync(fd) == 0)
		return;
	(void)failed("the disk refuses to sync");
	MUST(!"audit records are durable");
}

/* ---- The head ---- */

static enum bw_err mark_write(struct trail_files *f, enum trail_slot slot)
{
	struct trail_mark mark = {.at = f->at};

	memcpy(mark.boot, f->boot, sizeof mark.boot);
	return trail_mark_write(f->head_fd, f->key, slot, &mark);
}

enum bw_err trail_files_note(struct trail_files *f)
{
	return mark_write(f, TRAIL_WRITTEN);
}

enum bw_err trail_files_sync(struct trail_files *f)
{
	trail_disk_sync(f, f->fd);
	TRY(mark_write(f, TRAIL_WRITTEN));
	TRY(mark_write(f, TRAIL_DURABLE));
	trail_disk_sync(f, f->head_fd);
	f->unsynced = false;
	return BW_OK;
}

/* The head appears under its name only when it is whole. */
static enum bw_err head_make(struct trail_files *f)
{
	f->head_fd = openat(f->dir_fd, "head.new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->head_fd < 0)
		return failed("cannot make its head");
	TRY(trail_files_sync(f));
	if (renameat(f->dir_fd, "head.new", f->dir_fd, "head") != 0)
		return failed("cannot name its head");
	trail_disk_sync(f, f->dir_fd);
	return BW_OK;
}

/* ---- Segments ---- */

static int segment_fd(const struct trail_files *f, uint64_t number, int flags)
{
	char name[TRAIL_NAME_BYTES];

	trail_segment_name(number, name);
	return openat(f->dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* The finished segment is on the disk before the next begins, so that what lies before the durable mark
 * always is. */
static enum bw_err segment_next(struct trail_files *f, int64_t now_ms)
{
	unsigned char header[TRAIL_HEADER_BYTES];
	struct trail_place next = f->at;
	int fd;

	if (f->fd >= 0)
		trail_disk_sync(f, f->fd);
	if (now_ms < next.time_ms)
		now_ms = next.time_ms;
	trail_header_encode(&next, now_ms, header);
	fd = segment_fd(f, next.segment, O_RDWR | O_CREAT | O_TRUNC);
	CHECK(fd >= 0, BW_EIO);
	if (trail_pwrite(fd, header, sizeof header, 0) != BW_OK) {
		close(fd);
		return BW_EIO;
	}
	trail_disk_sync(f, fd);
	trail_disk_sync(f, f->dir_fd);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	f->at = next;
	f->segment_made_ms = now_ms;
	return BW_OK;
}

static enum bw_err begin_anew(struct trail_files *f)
{
	f->at = (struct trail_place){0};
	f->removed = f->at;
	if (segment_next(f, bw_clock_wall_ms()) != BW_OK)
		return failed("cannot begin");
	return head_make(f);
}

/* Compresses; the frame stays in f->frame. */
static void frame_make(struct trail_files *f, struct bw_str plain)
{
	size_t bound = ZSTD_compressBound(plain.n), n;
	char *room;

	f->frame.n = 0;
	room = bw_buf_room(&f->frame, bound);
	MUST(room != NULL);
	n = ZSTD_compress(room, bound, plain.p, plain.n, ZSTD_LEVEL);
	MUST(!ZSTD_isError(n));
	f->frame.n = n;
}

/* By its size, or by its age, so that a trail of few records can be kept for a number of days. */
static bool segment_full(const struct trail_files *f, uint64_t more, int64_t now_ms)
{
	return f->at.offset + more > f->segment_max ||
	       (f->segment_age_max_ms && now_ms - f->segment_made_ms >= f->segment_age_max_ms);
}

enum bw_err trail_files_write(struct trail_files *f, struct bw_str plain, uint32_t records, int64_t now_ms)
{
	unsigned char header[TRAIL_BLOCK_HEADER_BYTES];
	struct trail_block b = {.plain_n = (uint32_t)plain.n, .records = records};
	struct bw_str sealed;

	MUST(plain.n > 0 && plain.n <= TRAIL_PLAIN_MAX && records > 0);
	frame_make(f, plain);
	b.sealed_n = (uint32_t)(f->frame.n + BW_AEAD_OVERHEAD);
	if (f->at.offset > TRAIL_HEADER_BYTES && segment_full(f, sizeof header + b.sealed_n, now_ms))
		TRY(segment_next(f, now_ms));
	b.time_ms = now_ms > f->at.time_ms ? now_ms : f->at.time_ms;
	b.first_record = f->at.records;
	trail_block_encode(&b, header);
	f->out.n = 0;
	trail_block_seal(f->key, &f->at, header, bw_buf_str(&f->frame), &f->out);
	MUST(!f->out.failed && f->out.n == sizeof header + b.sealed_n);
	TRY(trail_pwrite(f->fd, f->out.p, f->out.n, f->at.offset));
	sealed = bw_str_sub(bw_buf_str(&f->out), sizeof header, b.sealed_n);
	trail_place_pass(&f->at, &b, header, sealed);
	f->unsynced = true;
	return BW_OK;
}

/* ---- Opening ---- */

static enum bw_err folder_open(struct trail_files *f, struct bw_str dir)
{
	char *path = bw_strdup(dir);
	bool made = mkdir(path, 0700) == 0 || errno == EEXIST;

	f->dir_fd = made ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	bw_free(path);
	if (f->dir_fd < 0)
		return failed("cannot open its folder");
	if (flock(f->dir_fd, LOCK_EX | LOCK_NB) == 0)
		return BW_OK;
	bw_log(BW_LOG_ERROR, "audit trail: another process is writing it");
	return BW_EPERM;
}

/* Cuts off a write that did not finish. */
static enum bw_err tail_cut(struct trail_files *f, const struct trail_end *end)
{
	char name[TRAIL_NAME_BYTES];

	if (!end->torn)
		return BW_OK;
	bw_log(BW_LOG_WARN, "audit trail: segment %llu, byte %llu: cut off a write that was not finished",
	    (unsigned long long)f->at.segment, (unsigned long long)f->at.offset);
	trail_segment_name(f->at.segment + 1, name);
	if (end->in_header && unlinkat(f->dir_fd, name, 0) != 0)
		return failed("cannot remove the unfinished segment");
	if (!end->in_header && ftruncate(f->fd, (off_t)f->at.offset) != 0)
		return failed("cannot cut off the unfinished block");
	return BW_OK;
}

/* Walks from the durable mark's segment to the end, which becomes ours. */
static enum bw_err tail_find(struct trail_files *f, struct trail_promise *p, struct trail_end *end)
{
	const struct trail_visit visit = {.from_ms = INT64_MAX};
	struct trail_walk walk;
	enum bw_err err;

	trail_walk_init(&walk, f->dir_fd, f->key);
	err = trail_walk_begin(&walk, p->marks[TRAIL_DURABLE].at.segment);
	if (err == BW_OK)
		err = trail_walk_to_end(&walk, p, &visit, end);
	f->at = walk.at;
	trail_walk_end(&walk);
	return err;
}

static enum bw_err made_read(struct trail_files *f)
{
	unsigned char header[TRAIL_HEADER_BYTES];
	struct trail_place before;

	TRY(trail_pread(f->fd, header, sizeof header, 0));
	return trail_header_decode(header, &before, &f->segment_made_ms);
}

static bool is_at(const struct trail_place *a, const struct trail_place *b)
{
	return a->segment == b->segment && a->offset == b->offset && a->blocks == b->blocks && a->records == b->records &&
	       memcmp(a->chain, b->chain, sizeof a->chain) == 0;
}

static enum bw_err tail_open(struct trail_files *f)
{
	struct trail_promise promise;
	struct trail_end end = {0};
	enum bw_err err = trail_promise_read(f->head_fd, f->key, &promise);

	if (err == BW_ECORRUPT)
		return refuse("its head does not authenticate");
	TRY(err);
	err = trail_removed_read(f->head_fd, f->key, &f->removed);
	if (err == BW_ECORRUPT)
		return refuse("its head does not authenticate");
	TRY(err);
	err = tail_find(f, &promise, &end);
	CHECK(err != BW_EIO, err);
	if (err != BW_OK)
		return refuse(end.fault[0] ? end.fault : "the segment that its head names is not there");
	for (int i = 0; i < TRAIL_SLOTS; i++)
		if (promise.marks[i].at.time_ms > f->at.time_ms)
			f->at.time_ms = promise.marks[i].at.time_ms;
	if (promise.marks[TRAIL_WRITTEN].at.records > f->at.records)
		bw_log(BW_LOG_WARN,
		    "audit trail: the machine stopped before the last %llu records reached the disk",
		    (unsigned long long)(promise.marks[TRAIL_WRITTEN].at.records - f->at.records));
	f->fd = segment_fd(f, f->at.segment, O_RDWR);
	if (f->fd < 0)
		return failed("cannot open its last segment");
	TRY(made_read(f));
	TRY(tail_cut(f, &end));
	/* After an orderly end the disk has all of it, and the head says so. */
	return !end.torn && is_at(&promise.marks[TRAIL_DURABLE].at, &f->at) ? BW_OK : trail_files_sync(f);
}

/* No head: nothing may be there but the first segment of a beginning that was not finished. */
static enum bw_err begin_if_new(struct trail_files *f)
{
	uint64_t first, last;
	struct stat st = {0};
	int fd;

	TRY(trail_segments_find(f->dir_fd, &first, &last));
	if (last == 1) {
		fd = segment_fd(f, 1, O_RDONLY);
		if (fd < 0 || fstat(fd, &st) != 0)
			st.st_size = TRAIL_HEADER_BYTES + 1;
		if (fd >= 0)
			close(fd);
	}
	if (last > 1 || st.st_size > TRAIL_HEADER_BYTES)
		return refuse("its head is missing");
	return begin_anew(f);
}

enum bw_err trail_files_open(
    struct trail_files *f, struct bw_str dir, const unsigned char key[32], bool ephemeral)
{
	*f = (struct trail_files){.dir_fd = -1,
	    .head_fd = -1,
	    .fd = -1,
	    .ephemeral = ephemeral,
	    .segment_max = BW_TRAIL_SEGMENT_MAX};
	f->key = bw_aead_key_new(key);
	bw_buf_init(&f->frame, TRAIL_SEALED_MAX);
	bw_buf_init(&f->out, TRAIL_BLOCK_HEADER_BYTES + TRAIL_SEALED_MAX);
	trail_boot_read(f->boot);
	TRY(folder_open(f, dir));
	f->head_fd = openat(f->dir_fd, "head", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (f->head_fd >= 0)
		return tail_open(f);
	if (errno != ENOENT)
		return failed("cannot open its head");
	return begin_if_new(f);
}

void trail_files_close(struct trail_files *f)
{
	int fds[] = {f->fd, f->head_fd, f->dir_fd};

	for (size_t i = 0; i < BW_COUNT(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	bw_aead_key_free(f->key);
	bw_buf_free(&f->frame);
	bw_buf_free(&f->out);
}

/* The head goes first: segments without a head are refused, and a head without segments too. */
enum bw_err trail_files_clear(struct trail_files *f)
{
	uint64_t first, last;
	char name[TRAIL_NAME_BYTES];

	CHECK(f->ephemeral, BW_EPERM);
	TRY(trail_segments_find(f->dir_fd, &first, &last));
	if (unlinkat(f->dir_fd, "head", 0) != 0)
		return failed("cannot remove its head");
	for (uint64_t n = first; n && n <= last; n++) {
		trail_segment_name(n, name);
		if (unlinkat(f->dir_fd, name, 0) != 0 && errno != ENOENT)
			return failed("cannot remove a segment");
	}
	close(f->head_fd);
	close(f->fd);
	f->head_fd = f->fd = -1;
	return begin_anew(f);
}
