/* Retention: whole segments whose records are all older than the trail is to be kept are removed, oldest first.
 *
 * The head remembers the place behind what was removed: numbers, chain and all. What is left is proven from
 * there just as a whole trail is from its beginning, so that nobody can pass off a removal of his own as
 * retention. A segment goes only once it has been opened to its last block and the next one has continued it:
 * evidence of tampering is never tidied away. */
#include "core/trail_files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/sys.h"

enum bw_err trail_removed_read(int head_fd, struct bw_aead_key *key, struct trail_place *at)
{
	struct trail_mark mark;
	off_t end = lseek(head_fd, 0, SEEK_END);

	*at = (struct trail_place){0};
	CHECK(end >= 0, BW_EIO);
	/* A head of two marks: nothing was removed. */
	if (end <= (off_t)TRAIL_REMOVED * TRAIL_SLOT_BYTES)
		return BW_OK;
	TRY(trail_mark_read(head_fd, key, TRAIL_REMOVED, &mark));
	*at = mark.at;
	return BW_OK;
}

enum bw_err trail_walk_oldest(struct trail_walk *w, const struct trail_place *removed)
{
	if (removed->segment == 0)
		return trail_walk_begin(w, 1);
	w->at = *removed;
	return trail_walk_enter(w);
}

/* Reads the oldest segment to its end and enters the next; *end is the place in between. BW_EAGAIN: its newest
 * record is still to be kept. */
static enum bw_err segment_pass(struct trail_walk *w, int64_t before_ms, struct trail_place *end)
{
	enum bw_err err;

	while ((err = trail_walk_next(w, 0)) == BW_OK)
		CHECK(w->at.time_ms < before_ms, BW_EAGAIN);
	CHECK(err == BW_ENOTFOUND, err == BW_EAGAIN ? BW_ECORRUPT : err);
	*end = w->at;
	err = trail_walk_enter(w);
	return err == BW_ENOTFOUND || err == BW_EAGAIN ? BW_ECORRUPT : err;
}

static enum bw_err segment_unlink(const struct trail_files *f, uint64_t number)
{
	char name[TRAIL_NAME_BYTES];

	trail_segment_name(number, name);
	return unlinkat(f->dir_fd, name, 0) == 0 || errno == ENOENT ? BW_OK : BW_EIO;
}

/* Those that a stop between the note and the removal has left, too. */
static enum bw_err removed_unlink(struct trail_files *f)
{
	uint64_t first, last;

	TRY(trail_segments_find(f->dir_fd, &first, &last));
	for (uint64_t n = first; n && n <= f->removed.segment; n++)
		TRY(segment_unlink(f, n));
	return BW_OK;
}

/* The newest block of a segment is no younger than the next segment. */
static bool segment_due(const struct trail_files *f, int64_t before_ms)
{
	unsigned char header[TRAIL_HEADER_BYTES];
	char name[TRAIL_NAME_BYTES];
	struct trail_place place;
	int64_t made_ms = INT64_MAX;
	int fd;

	if (f->removed.segment + 1 >= f->at.segment)
		return false; /* the one that is being written stays */
	trail_segment_name(f->removed.segment + 2, name);
	fd = openat(f->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return true; /* the walk will say it */
	if (trail_pread(fd, header, sizeof header, 0) == BW_OK)
		(void)!trail_header_decode(header, &place, &made_ms);
	close(fd);
	return made_ms < before_ms;
}

static enum bw_err oldest_remove(struct trail_files *f, int64_t before_ms)
{
	struct trail_mark mark = {0};
	struct trail_walk walk;
	enum bw_err err;

	trail_walk_init(&walk, f->dir_fd, f->key);
	err = trail_walk_oldest(&walk, &f->removed);
	if (err == BW_OK)
		err = segment_pass(&walk, before_ms, &mark.at);
	trail_walk_end(&walk);
	TRY(err);
	TRY(trail_files_sync(f));
	TRY(trail_mark_write(f->head_fd, f->key, TRAIL_REMOVED, &mark));
	trail_disk_sync(f, f->head_fd);
	f->removed = mark.at;
	return removed_unlink(f);
}

enum bw_err trail_files_keep(struct trail_files *f, int64_t before_ms)
{
	enum bw_err err = removed_unlink(f);

	while (err == BW_OK && segment_due(f, before_ms)) {
		err = oldest_remove(f, before_ms);
		if (err == BW_EAGAIN)
			return BW_OK;
		if (err == BW_OK)
			bw_log(BW_LOG_INFO, "audit trail: segment %llu was kept long enough and is removed",
			    (unsigned long long)f->removed.segment);
	}
	if (err != BW_OK)
		bw_log(BW_LOG_ERROR, "audit trail: segment %llu is old, and stays: %s",
		    (unsigned long long)f->removed.segment + 1,
		    err == BW_EIO ? strerror(errno) : "it does not verify");
	return err;
}
