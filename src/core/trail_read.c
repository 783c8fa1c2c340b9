#include "core/trail_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"

/* A folder opened for reading. */
struct reading {
	int dir_fd, head_fd;
	struct bw_aead_key *key;
	struct trail_walk walk;
	struct trail_promise promise;
	struct trail_place removed;
	int64_t from_ms;
	bool (*each)(void *ctx, struct bw_str record);
	void *ctx;
	struct bw_trail_report *report;
};

static int folder_open(struct bw_str dir)
{
	char *path = bw_strdup(dir);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	bw_free(path);
	return fd;
}

static enum bw_err reading_begin(struct reading *r, struct bw_str dir, const unsigned char key[32])
{
	r->head_fd = -1;
	r->dir_fd = folder_open(dir);
	r->key = bw_aead_key_new(key);
	trail_walk_init(&r->walk, r->dir_fd, r->key);
	CHECK(r->dir_fd >= 0, errno == ENOENT ? BW_ENOTFOUND : BW_EIO);
	r->head_fd = openat(r->dir_fd, "head", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return BW_OK;
}

static void reading_end(struct reading *r)
{
	trail_walk_end(&r->walk);
	bw_aead_key_free(r->key);
	if (r->head_fd >= 0)
		close(r->head_fd);
	if (r->dir_fd >= 0)
		close(r->dir_fd);
}

static enum bw_err fault(struct bw_trail_report *report, const char *fmt, ...) BW_PRINTF(2, 3);
static enum bw_err fault(struct bw_trail_report *report, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(report->fault, sizeof report->fault, fmt, args);
	va_end(args);
	return BW_ECORRUPT;
}

static int64_t segment_made_ms(const struct reading *r, uint64_t number)
{
	unsigned char header[TRAIL_HEADER_BYTES];
	char name[TRAIL_NAME_BYTES];
	struct trail_place before;
	int64_t made_ms = INT64_MAX;
	int fd;

	trail_segment_name(number, name);
	fd = openat(r->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return INT64_MAX;
	if (trail_pread(fd, header, sizeof header, 0) != BW_OK ||
	    trail_header_decode(header, &before, &made_ms) != BW_OK)
		made_ms = INT64_MAX;
	close(fd);
	return made_ms;
}

/* The newest segment that was made before the time: no block of an earlier one is that young. A header that
 * lies is found out by the first block behind it. */
static uint64_t segment_choose(const struct reading *r, uint64_t last)
{
	uint64_t durable = r->promise.marks[TRAIL_DURABLE].at.segment;
	uint64_t n = last < durable ? last : durable, oldest = r->removed.segment + 1;

	while (n > oldest && segment_made_ms(r, n) >= r->from_ms)
		n--;
	return n > oldest ? n : oldest;
}

static uint64_t segments_bytes(const struct reading *r, uint64_t from, uint64_t to)
{
	uint64_t all = 0;

	for (uint64_t n = from; n <= to; n++) {
		char name[TRAIL_NAME_BYTES];
		struct stat st;

		trail_segment_name(n, name);
		if (fstatat(r->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			all += (uint64_t)st.st_size;
	}
	return all;
}

static bool block_give(void *ctx, struct trail_walk *w)
{
	struct reading *r = ctx;
	struct bw_str record;

	r->report->blocks++;
	r->report->bytes += TRAIL_BLOCK_HEADER_BYTES + w->block.sealed_n;
	r->report->records += w->block.records;
	while (w->block.time_ms >= r->from_ms && trail_record_cut(&w->records, &record))
		if (r->each && !r->each(r->ctx, record))
			return false;
	return true;
}

static enum bw_err read_from(struct reading *r, uint64_t segment)
{
	const struct trail_visit visit = {.from_ms = r->from_ms, .block = block_give, .ctx = r};
	struct trail_end end = {.segments = 1};
	bool oldest = segment == r->removed.segment + 1;
	enum bw_err err =
	    oldest ? trail_walk_oldest(&r->walk, &r->removed) : trail_walk_begin(&r->walk, segment);

	if (err == BW_ENOTFOUND)
		return fault(r->report, "segment %llu is missing", (unsigned long long)segment);
	if (err == BW_EAGAIN || err == BW_ECORRUPT)
		return fault(r->report, "segment %llu, byte 0: not the header of this segment",
		    (unsigned long long)segment);
	TRY(err);
	err = trail_walk_to_end(&r->walk, &r->promise, &visit, &end);
	r->report->segments = end.segments;
	if (end.fault[0])
		memcpy(r->report->fault, end.fault, sizeof end.fault);
	return err;
}

static enum bw_err removed_read(struct reading *r)
{
	enum bw_err err = trail_removed_read(r->head_fd, r->key, &r->removed);

	if (err == BW_ECORRUPT)
		return fault(r->report, "the file \"head\" does not authenticate");
	r->report->removed = r->removed.records;
	r->report->removed_to_ms = r->removed.time_ms;
	return err;
}

/* Begun again when the writer has meanwhile removed the segment to begin with. */
static enum bw_err read_all(struct reading *r)
{
	uint64_t first, last, start, removed;
	enum bw_err err;

	TRY(trail_segments_find(r->dir_fd, &first, &last));
	CHECK(last > 0 || r->head_fd >= 0, BW_ENOTFOUND);
	if (r->head_fd < 0)
		return fault(
		    r->report, "the file \"head\" is missing beside %llu segments", (unsigned long long)last);
	err = trail_promise_read(r->head_fd, r->key, &r->promise);
	if (err == BW_ECORRUPT)
		return fault(r->report, "the file \"head\" does not authenticate");
	TRY(err);
	TRY(removed_read(r));
	do {
		removed = r->removed.segment;
		start = r->from_ms > 0 ? segment_choose(r, last) : removed + 1;
		r->report->bytes_all = segments_bytes(r, start, last);
		err = read_from(r, start);
		TRY(removed_read(r));
	} while (err == BW_ECORRUPT && r->report->blocks == 0 && r->removed.segment != removed);
	return err;
}

enum bw_err bw_trail_read(struct bw_str dir, const unsigned char key[32], int64_t from_ms,
    bool (*each)(void *ctx, struct bw_str record), void *ctx, struct bw_trail_report *report)
{
	struct reading r = {.from_ms = from_ms, .each = each, .ctx = ctx, .report = report};
	enum bw_err err;

	*report = (struct bw_trail_report){0};
	err = reading_begin(&r, dir, key);
	if (err == BW_OK)
		err = read_all(&r);
	reading_end(&r);
	return err;
}

/* ---- Following ---- */

static struct trail_place place_of_cursor(const struct bw_trail_cursor *c)
{
	struct trail_place at = {
	    .segment = c->segment, .offset = c->offset, .blocks = c->blocks, .records = c->records};

	memcpy(at.chain, c->chain, sizeof at.chain);
	return at;
}

static void cursor_set(struct bw_trail_cursor *c, const struct trail_place *at)
{
	*c = (struct bw_trail_cursor){
	    .segment = at->segment, .offset = at->offset, .blocks = at->blocks, .records = at->records};
	memcpy(c->chain, at->chain, sizeof c->chain);
}

static bool block_follow(struct reading *r)
{
	struct bw_str record;

	while (trail_record_cut(&r->walk.records, &record))
		if (!r->each(r->ctx, record))
			return false;
	return true;
}

/* What lies before the mark was written before it: nothing there may be missing or torn. */
static enum bw_err follow_to(
    struct reading *r, const struct trail_place *mark, struct bw_trail_cursor *cursor)
{
	bool more = true;

	while (more && r->walk.at.records < mark->records) {
		enum bw_err err = trail_walk_next(&r->walk, 0);

		if (err == BW_OK)
			more = block_follow(r);
		else if (err == BW_ENOTFOUND)
			err = trail_walk_enter(&r->walk);
		CHECK(err != BW_EAGAIN && err != BW_ENOTFOUND, BW_ECORRUPT);
		TRY(err);
		cursor_set(cursor, &r->walk.at);
	}
	return BW_OK;
}

static enum bw_err follow(struct reading *r, struct bw_trail_cursor *cursor)
{
	struct trail_mark mark;
	struct trail_place at = place_of_cursor(cursor);

	CHECK(r->head_fd >= 0, BW_ENOTFOUND);
	TRY(trail_mark_read(r->head_fd, r->key, TRAIL_WRITTEN, &mark));
	if (cursor->segment == 0) {
		cursor_set(cursor, &mark.at);
		return BW_OK;
	}
	CHECK(mark.at.records >= at.records, BW_ECORRUPT);
	if (mark.at.records == at.records)
		return BW_OK;
	TRY(trail_walk_resume(&r->walk, &at));
	return follow_to(r, &mark.at, cursor);
}

enum bw_err bw_trail_follow(struct bw_str dir, const unsigned char key[32], struct bw_trail_cursor *cursor,
    bool (*each)(void *ctx, struct bw_str record), void *ctx)
{
	struct reading r = {.each = each, .ctx = ctx};
	enum bw_err err = reading_begin(&r, dir, key);

	if (err == BW_OK)
		err = follow(&r, cursor);
	reading_end(&r);
	return err;
}
