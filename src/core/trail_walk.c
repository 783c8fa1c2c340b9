#include "core/trail_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <zstd.h>

#include "base/sys.h"

enum { WINDOW = 64 * 1024 };

void trail_walk_init(struct trail_walk *w, int dir_fd, struct bw_aead_key *key)
{
	*w = (struct trail_walk){.dir_fd = dir_fd, .fd = -1, .key = key};
	bw_arena_init(&w->arena, 4 * TRAIL_SEALED_MAX);
	bw_buf_init(&w->window, WINDOW + TRAIL_SEALED_MAX);
}

void trail_walk_end(struct trail_walk *w)
{
	if (w->fd >= 0)
		close(w->fd);
	bw_arena_free(&w->arena);
	bw_buf_free(&w->window);
}

static enum bw_err segment_open(struct trail_walk *w, uint64_t number, int *fd)
{
	char name[TRAIL_NAME_BYTES];

	trail_segment_name(number, name);
	*fd = openat(w->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	CHECK(*fd >= 0 || errno != ENOENT, BW_ENOTFOUND);
	if (*fd < 0)
		bw_log(BW_LOG_ERROR, "audit trail: cannot open %s: %s", name, strerror(errno));
	return *fd < 0 ? BW_EIO : BW_OK;
}

static void segment_adopt(struct trail_walk *w, int fd)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = fd;
	w->window.n = 0;
}

/* Reads the header of an open segment. */
static enum bw_err header_read(int fd, uint64_t number, unsigned char header[TRAIL_HEADER_BYTES],
    struct trail_place *before, int64_t *made_ms)
{
	TRY(trail_pread(fd, header, TRAIL_HEADER_BYTES, 0));
	TRY(trail_header_decode(header, before, made_ms));
	return before->segment + 1 == number ? BW_OK : BW_ECORRUPT;
}

/* Takes the place behind the header, which encoding it anew gives together with the chain. */
static enum bw_err header_pass(
    struct trail_place *at, int64_t made_ms, const unsigned char header[TRAIL_HEADER_BYTES])
{
	unsigned char same[TRAIL_HEADER_BYTES];
	struct trail_place next = *at;

	trail_header_encode(&next, made_ms, same);
	CHECK(memcmp(same, header, sizeof same) == 0, BW_ECORRUPT);
	*at = next;
	return BW_OK;
}

enum bw_err trail_walk_begin(struct trail_walk *w, uint64_t segment)
{
	unsigned char header[TRAIL_HEADER_BYTES];
	struct trail_place before = {0};
	int64_t made_ms = 0;
	enum bw_err err;
	int fd;

	TRY(segment_open(w, segment, &fd));
	err = header_read(fd, segment, header, &before, &made_ms);
	if (err == BW_OK)
		err = header_pass(&before, made_ms, header);
	if (err != BW_OK) {
		close(fd);
		return err;
	}
	before.time_ms = 0; /* the first block may be older than the file by the clock's going back */
	w->at = before;
	segment_adopt(w, fd);
	return BW_OK;
}

enum bw_err trail_walk_resume(struct trail_walk *w, const struct trail_place *at)
{
	int fd;

	TRY(segment_open(w, at->segment, &fd));
	segment_adopt(w, fd);
	w->at = *at;
	return BW_OK;
}

enum bw_err trail_walk_enter(struct trail_walk *w)
{
	unsigned char header[TRAIL_HEADER_BYTES];
	struct trail_place before = {0};
	int64_t made_ms = 0;
	enum bw_err err;
	int fd;

	TRY(segment_open(w, w->at.segment + 1, &fd));
	err = header_read(fd, w->at.segment + 1, header, &before, &made_ms);
	/* The header must be the one that this walk's end gives: it is encoded from our own place. */
	if (err == BW_OK)
		err = header_pass(&w->at, made_ms, header);
	if (err != BW_OK) {
		close(fd);
		return err;
	}
	segment_adopt(w, fd);
	return BW_OK;
}

/* True when the lengths in front of the records fill the block exactly. */
static bool records_well_formed(struct bw_str records, uint32_t count)
{
	struct bw_str record;
	uint32_t n = 0;

	while (n <= count && trail_record_cut(&records, &record))
		n++;
	return n == count && records.n == 0;
}

static enum bw_err records_expand(struct trail_walk *w, const struct trail_block *b, struct bw_str frame)
{
	char *plain = bw_arena_alloc(&w->arena, b->plain_n);

	CHECK(ZSTD_decompress(plain, b->plain_n, frame.p, frame.n) == b->plain_n, BW_ECORRUPT);
	w->records = bw_str_make(plain, b->plain_n);
	return records_well_formed(w->records, b->records) ? BW_OK : BW_ECORRUPT;
}

/* What follows the place, at most `n` bytes of it; fewer: the file ends there, or ended when it was read. */
static enum bw_err window_look(struct trail_walk *w, size_t n, struct bw_str *out)
{
	uint64_t at = w->at.offset, end = w->window_at + w->window.n;
	size_t want = n > WINDOW ? n : WINDOW, got = 0;
	enum bw_err err = BW_OK;

	if (at < w->window_at || at > end || end - at < n) {
		w->window.n = 0;
		w->window_at = at;
		MUST(bw_buf_room(&w->window, want) != NULL);
		err = trail_pread_most(w->fd, w->window.p, want, at, &got);
		w->window.n = got;
	}
	*out = bw_str_sub(bw_buf_str(&w->window), (size_t)(at - w->window_at), n);
	return err;
}

static enum bw_err block_read(
    struct trail_walk *w, unsigned char header[TRAIL_BLOCK_HEADER_BYTES], struct trail_block *b)
{
	struct bw_str bytes;

	TRY(window_look(w, TRAIL_BLOCK_HEADER_BYTES, &bytes));
	CHECK(bytes.n, BW_ENOTFOUND);
	CHECK(bytes.n == TRAIL_BLOCK_HEADER_BYTES, BW_EAGAIN);
	memcpy(header, bytes.p, TRAIL_BLOCK_HEADER_BYTES);
	TRY(trail_block_decode(header, b));
	CHECK(b->first_record == w->at.records && b->time_ms >= w->at.time_ms, BW_ECORRUPT);
	TRY(window_look(w, TRAIL_BLOCK_HEADER_BYTES + b->sealed_n, &bytes));
	CHECK(bytes.n == TRAIL_BLOCK_HEADER_BYTES + b->sealed_n, BW_EAGAIN);
	w->sealed = bw_str_sub(bytes, TRAIL_BLOCK_HEADER_BYTES, bytes.n);
	return BW_OK;
}

static enum bw_err block_pass(struct trail_walk *w, int64_t open_from_ms)
{
	unsigned char header[TRAIL_BLOCK_HEADER_BYTES];
	struct trail_block b;
	struct bw_str frame;

	w->records = BW_STR_NONE;
	TRY(block_read(w, header, &b));
	if (b.time_ms >= open_from_ms) {
		bw_arena_reset(&w->arena);
		TRY(trail_block_open(w->key, &w->at, header, w->sealed, &w->arena, &frame));
		TRY(records_expand(w, &b, frame));
	}
	w->block = b;
	trail_place_pass(&w->at, &b, header, w->sealed);
	return BW_OK;
}

enum bw_err trail_walk_next(struct trail_walk *w, int64_t open_from_ms)
{
	enum bw_err err = block_pass(w, open_from_ms);

	if (err != BW_OK)
		w->window.n = 0; /* who tries again sees what stands in the file by then */
	return err;
}

bool trail_record_cut(struct bw_str *records, struct bw_str *record)
{
	const unsigned char *p = (const unsigned char *)records->p;
	uint32_t n;

	if (records->n < 4)
		return false;
	n = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	if (n > records->n - 4)
		return false;
	*record = bw_str_sub(*records, 4, n);
	*records = bw_str_sub(*records, 4 + (size_t)n, records->n);
	return true;
}

/* ---- To the end ---- */

/* A block, or the next segment. A writer may have finished this segment after we met its end: then the next
 * segment does not continue here, and the block that it continues is there by now. */
static enum bw_err walk_step(struct trail_walk *w, int64_t open_from_ms, bool *entered)
{
	enum bw_err err = trail_walk_next(w, open_from_ms);

	*entered = false;
	if (err != BW_ENOTFOUND)
		return err;
	*entered = true;
	err = trail_walk_enter(w);
	if (err != BW_ECORRUPT || trail_walk_next(w, open_from_ms) != BW_OK)
		return err;
	*entered = false;
	return BW_OK;
}

/* Nothing promised lies beyond what was walked. */
static bool promise_kept(const struct trail_promise *p)
{
	for (int i = 0; i < TRAIL_SLOTS; i++)
		if (p->binding[i] && !p->met[i])
			return false;
	return true;
}

static void fault_say(struct trail_end *end, const struct trail_place *at, const char *what)
{
	snprintf(end->fault, sizeof end->fault, "segment %llu, byte %llu (block %llu, record %llu): %s",
	    (unsigned long long)at->segment, (unsigned long long)at->offset,
	    (unsigned long long)at->blocks + 1, (unsigned long long)at->records + 1, what);
}

static void fault_say_cut(struct trail_end *end, const struct trail_place *at, const struct trail_promise *p)
{
	const struct trail_place *mark =
	    &p->marks[p->binding[TRAIL_WRITTEN] ? TRAIL_WRITTEN : TRAIL_DURABLE].at;

	snprintf(end->fault, sizeof end->fault,
	    "segment %llu, byte %llu: the trail ends after %llu records, but its head promises %llu: the "
	    "tail was cut",
	    (unsigned long long)at->segment, (unsigned long long)at->offset, (unsigned long long)at->records,
	    (unsigned long long)mark->records);
}

/* The walk cannot go on: tells an honest end from a fault. */
static enum bw_err end_judge(
    struct trail_walk *w, const struct trail_promise *p, enum bw_err err, struct trail_end *end)
{
	uint64_t first, last, here = w->at.segment + (end->in_header ? 1 : 0);

	TRY(trail_segments_find(w->dir_fd, &first, &last));
	end->torn = err != BW_ENOTFOUND;
	if (end->torn && (!promise_kept(p) || here < last))
		fault_say(end, &w->at,
		    end->in_header       ? "the header of the next segment does not continue here"
		    : err == BW_ECORRUPT ? "the block does not authenticate"
		                         : "the file ends inside a block");
	else if (!end->torn && here < last)
		fault_say(end, &w->at, "the next segment is missing");
	else if (!end->torn && !promise_kept(p))
		fault_say_cut(end, &w->at, p);
	return end->fault[0] ? BW_ECORRUPT : BW_OK;
}

enum bw_err trail_walk_to_end(
    struct trail_walk *w, struct trail_promise *p, const struct trail_visit *visit, struct trail_end *end)
{
	for (;;) {
		enum bw_err err = trail_promise_note(p, &w->at);

		if (err != BW_OK) {
			fault_say(end, &w->at, "the trail up to here is not what its head promises");
			return err;
		}
		/* What lies behind the durable mark is proven by nothing but itself. */
		err = walk_step(w, p->met[TRAIL_DURABLE] ? 0 : visit->from_ms, &end->in_header);
		CHECK(err != BW_EIO && err != BW_EINTERNAL, err);
		if (err != BW_OK)
			return end_judge(w, p, err, end);
		if (end->in_header)
			end->segments++;
		else if (visit->block && !visit->block(visit->ctx, w))
			return BW_OK;
	}
}

/* ---- What the head promises ---- */

enum bw_err trail_promise_read(int head_fd, struct bw_aead_key *key, struct trail_promise *p)
{
	static const unsigned char unknown[TRAIL_BOOT_BYTES];
	unsigned char boot[TRAIL_BOOT_BYTES];

	*p = (struct trail_promise){0};
	for (int i = 0; i < TRAIL_SLOTS; i++)
		TRY(trail_mark_read(head_fd, key, i, &p->marks[i]));
	trail_boot_read(boot);
	p->binding[TRAIL_DURABLE] = true;
	p->binding[TRAIL_WRITTEN] = memcmp(boot, unknown, sizeof boot) != 0 &&
	                            memcmp(boot, p->marks[TRAIL_WRITTEN].boot, sizeof boot) == 0;
	return BW_OK;
}

enum bw_err trail_promise_note(struct trail_promise *p, const struct trail_place *at)
{
	for (int i = 0; i < TRAIL_SLOTS; i++) {
		const struct trail_place *mark = &p->marks[i].at;

		if (mark->segment != at->segment || mark->offset != at->offset)
			continue;
		p->met[i] = memcmp(mark->chain, at->chain, sizeof at->chain) == 0;
		CHECK(p->met[i] || !p->binding[i], BW_ECORRUPT);
	}
	return BW_OK;
}
