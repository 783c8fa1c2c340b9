#include "core/trail.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "base/sys.h"
#include "codec/json.h"
#include "core/trail_files.h"

enum {
	BEHIND_MAX = 64,     /* parcels waiting for the writer; then lanes wait: 16 MiB of records */
	SYNC_MS = 1000,      /* the longest that written records are not known to be on the disk */
	RETRY_MS = 500,      /* a disk that refuses a write is asked again after this */
	KEEP_MS = 600 * 1000, /* how often it is looked for what has been kept long enough */
	CLOSE_RETRIES = 4,   /* but not for ever when the server stops */
	OVERSIZE_HEAD = 4096 /* what is kept of a record that is too long */
};

/* Records on their way from a lane to the writer, each with its length (u32, little-endian) in front. */
struct parcel {
	struct parcel *next;
	size_t n, size;
	uint32_t records;
	unsigned epoch;
	char bytes[];
};

struct lane {
	_Alignas(64) struct parcel *now;
	int64_t handed_ms;
};

struct bw_trail {
	struct trail_files files; /* the writer's */
	char *plain;              /* the writer's: small parcels become one block */
	size_t plain_n;
	uint32_t plain_records;
	int64_t synced_ms, kept_ms;
	_Atomic uint64_t durable; /* records */

	pthread_t writer;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t work, room, cleared;
	struct parcel *first, **last, *spare;
	size_t behind; /* handed over and not yet copied by the writer */
	unsigned keep_days; /* 0: for ever */
	bool keep_set;      /* just now */
	bool stopping, clearing;
	enum bw_err clear_err;

	_Atomic unsigned epoch; /* raised by a clear: what lanes gathered before it is dropped */
	unsigned lane_count;
	struct lane lanes[];
};

static struct parcel *parcel_new(size_t size)
{
	struct parcel *p = bw_alloc(sizeof *p + size);

	p->size = size;
	return p;
}

static void parcel_reset(struct parcel *p, unsigned epoch)
{
	p->n = 0;
	p->records = 0;
	p->epoch = epoch;
	p->next = NULL;
}

static void parcel_add(struct parcel *p, struct bw_str record)
{
	char *at = p->bytes + p->n;

	for (int i = 0; i < 4; i++)
		at[i] = (char)(record.n >> (8 * i) & 255);
	memcpy(at + 4, record.p, record.n);
	p->n += 4 + record.n;
	p->records++;
}

/* ---- The writer ---- */

static void pause_ms(int64_t ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static bool stopping(struct bw_trail *t)
{
	bool yes;

	pthread_mutex_lock(&t->lock);
	yes = t->stopping;
	pthread_mutex_unlock(&t->lock);
	return yes;
}

/* A refused write is tried until it works: the calls wait rather than go on unaudited. */
static void plain_flush(struct bw_trail *t)
{
	struct bw_str plain = bw_str_make(t->plain, t->plain_n);

	for (int tries = 0; t->plain_n; tries++) {
		if (trail_files_write(&t->files, plain, t->plain_records, bw_clock_wall_ms()) == BW_OK)
			break;
		bw_log(BW_LOG_ERROR, "audit trail: cannot write: %s", strerror(errno));
		if (tries >= CLOSE_RETRIES && stopping(t)) {
			bw_log(BW_LOG_ERROR, "audit trail: %u records are lost", t->plain_records);
			break;
		}
		pause_ms(RETRY_MS);
	}
	t->plain_n = 0;
	t->plain_records = 0;
}

static void plain_add(struct bw_trail *t, const struct parcel *p)
{
	if (t->plain_n + p->n > BW_TRAIL_BLOCK_MAX)
		plain_flush(t);
	memcpy(t->plain + t->plain_n, p->bytes, p->n);
	t->plain_n += p->n;
	t->plain_records += p->records;
}

/* Gives a parcel back, and room to a lane that waits for it. */
static void parcel_done(struct bw_trail *t, struct parcel *p)
{
	pthread_mutex_lock(&t->lock);
	if (p->size == BW_TRAIL_BLOCK_MAX) {
		p->next = t->spare;
		t->spare = p;
		p = NULL;
	}
	t->behind--;
	pthread_cond_broadcast(&t->room);
	pthread_mutex_unlock(&t->lock);
	bw_free(p);
}

static void parcels_write(struct bw_trail *t, struct parcel *p, bool drop)
{
	while (p) {
		struct parcel *next = p->next;

		if (!drop)
			plain_add(t, p);
		parcel_done(t, p);
		p = next;
	}
	if (t->plain_n == 0)
		return;
	plain_flush(t);
	if (trail_files_note(&t->files) != BW_OK)
		bw_log(BW_LOG_ERROR, "audit trail: cannot write its head: %s", strerror(errno));
}

static void sync_if_due(struct bw_trail *t, bool now)
{
	int64_t ms = bw_clock_mono_ms();

	if (!t->files.unsynced || (!now && ms - t->synced_ms < SYNC_MS))
		return;
	t->synced_ms = ms;
	if (trail_files_sync(&t->files) != BW_OK)
		bw_log(BW_LOG_ERROR, "audit trail: cannot write its head: %s", strerror(errno));
	else
		atomic_store(&t->durable, t->files.at.records);
}

/* Waits for work, or for the next sync. Called with the lock held. */
static void work_wait(struct bw_trail *t)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (t->files.unsynced ? SYNC_MS : KEEP_MS) / 1000;
	while (!t->first && !t->stopping && !t->clearing && !t->keep_set) {
		if (!t->files.unsynced && !t->keep_days)
			pthread_cond_wait(&t->work, &t->lock);
		else if (pthread_cond_timedwait(&t->work, &t->lock, &until) == ETIMEDOUT)
			return;
	}
}

static void clear_answer(struct bw_trail *t, enum bw_err err)
{
	pthread_mutex_lock(&t->lock);
	t->clearing = false;
	t->clear_err = err;
	pthread_cond_broadcast(&t->cleared);
	pthread_mutex_unlock(&t->lock);
}

static void keep_if_due(struct bw_trail *t, unsigned days, bool now)
{
	const int64_t day_ms = 24 * 3600 * 1000;
	int64_t ms = bw_clock_mono_ms();

	if (!days || (!now && ms - t->kept_ms < KEEP_MS))
		return;
	t->kept_ms = ms;
	t->files.segment_age_max_ms = day_ms;
	(void)!trail_files_keep(&t->files, bw_clock_wall_ms() - (int64_t)days * day_ms); /* logged */
}

static void *writer_run(void *arg)
{
	struct bw_trail *t = arg;
	struct parcel *parcels;
	bool stop, clear, keep_set;
	unsigned keep_days;

	do {
		pthread_mutex_lock(&t->lock);
		work_wait(t);
		parcels = t->first;
		t->first = NULL;
		t->last = &t->first;
		stop = t->stopping;
		clear = t->clearing;
		keep_days = t->keep_days;
		keep_set = t->keep_set;
		t->keep_set = false;
		pthread_mutex_unlock(&t->lock);
		parcels_write(t, parcels, clear);
		if (clear)
			clear_answer(t, trail_files_clear(&t->files));
		sync_if_due(t, stop);
		if (!stop)
			keep_if_due(t, keep_days, keep_set);
	} while (!stop);
	return NULL;
}

/* ---- Lanes ---- */

/* Queues a parcel. Called with the lock held, given up while the writer is too far behind. */
static void parcel_queue(struct bw_trail *t, struct parcel *p)
{
	while (t->behind >= BEHIND_MAX)
		pthread_cond_wait(&t->room, &t->lock);
	*t->last = p;
	t->last = &p->next;
	t->behind++;
	pthread_cond_signal(&t->work);
}

/* The lane's gathered records go to the writer, unless a clear came in between; the lane goes on with an
 * empty parcel. */
static void lane_hand_over(struct bw_trail *t, struct lane *l)
{
	pthread_mutex_lock(&t->lock);
	if (l->now->n && l->now->epoch == atomic_load(&t->epoch)) {
		parcel_queue(t, l->now);
		l->now = t->spare;
		if (l->now)
			t->spare = l->now->next;
	}
	pthread_mutex_unlock(&t->lock);
	if (!l->now)
		l->now = parcel_new(BW_TRAIL_BLOCK_MAX);
	parcel_reset(l->now, atomic_load(&t->epoch));
}

/* A record longer than a parcel travels in one of its own, behind those that came before it. */
static void lane_add_long(struct bw_trail *t, struct lane *l, struct bw_str record)
{
	struct parcel *p = parcel_new(4 + record.n);

	parcel_reset(p, 0);
	parcel_add(p, record);
	lane_hand_over(t, l);
	pthread_mutex_lock(&t->lock);
	parcel_queue(t, p);
	pthread_mutex_unlock(&t->lock);
}

/* Nothing leaves the trail unsaid: what is too long is replaced by a record that identifies it. */
static void lane_add_oversize(struct bw_trail *t, unsigned lane, struct bw_str record)
{
	unsigned char hash[32];
	struct bw_buf b;

	bw_sha256(record, hash);
	bw_buf_init(&b, 8 * OVERSIZE_HEAD);
	bw_buf_printf(&b, "{\"eventType\":\"BulwarkRecordTooLong\",\"bytes\":%zu,\"sha256\":\"", record.n);
	bw_buf_put_hex(&b, hash, sizeof hash);
	bw_buf_put(&b, BW_STR("\",\"beginning\":"));
	bw_json_put_str(&b, bw_str_sub(record, 0, OVERSIZE_HEAD));
	bw_buf_put_c(&b, '}');
	MUST(!b.failed);
	bw_log(BW_LOG_ERROR, "audit trail: a record of %zu bytes is too long", record.n);
	bw_trail_add(t, lane, bw_buf_str(&b));
	bw_buf_free(&b);
}

void bw_trail_add(struct bw_trail *t, unsigned lane, struct bw_str record)
{
	struct lane *l = &t->lanes[lane];
	unsigned epoch = atomic_load_explicit(&t->epoch, memory_order_acquire);

	MUST(lane < t->lane_count);
	if (l->now->epoch != epoch)
		parcel_reset(l->now, epoch);
	if (record.n > BW_TRAIL_RECORD_MAX) {
		lane_add_oversize(t, lane, record);
		return;
	}
	if (4 + record.n > BW_TRAIL_BLOCK_MAX) {
		lane_add_long(t, l, record);
		return;
	}
	if (l->now->n + 4 + record.n > l->now->size)
		lane_hand_over(t, l);
	parcel_add(l->now, record);
}

void bw_trail_tick(struct bw_trail *t, unsigned lane, int64_t now_ms)
{
	struct lane *l = &t->lanes[lane];

	if (l->now->n == 0 || now_ms - l->handed_ms < BW_TRAIL_FLUSH_MS)
		return;
	l->handed_ms = now_ms;
	lane_hand_over(t, l);
}

/* ---- Opening and closing ---- */

static void trail_free(struct bw_trail *t)
{
	struct parcel *next;

	for (struct parcel *p = t->spare; p; p = next) {
		next = p->next;
		bw_free(p);
	}
	for (unsigned i = 0; i < t->lane_count; i++)
		bw_free(t->lanes[i].now);
	trail_files_close(&t->files);
	pthread_cond_destroy(&t->work);
	pthread_cond_destroy(&t->room);
	pthread_cond_destroy(&t->cleared);
	pthread_mutex_destroy(&t->lock);
	bw_free(t->plain);
	bw_free(t);
}

static struct bw_trail *trail_new(unsigned lanes)
{
	struct bw_trail *t = bw_alloc(sizeof *t + lanes * sizeof *t->lanes);
	pthread_condattr_t monotonic;

	MUST(pthread_mutex_init(&t->lock, NULL) == 0 && pthread_condattr_init(&monotonic) == 0);
	MUST(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
	MUST(pthread_cond_init(&t->work, &monotonic) == 0);
	MUST(pthread_cond_init(&t->room, NULL) == 0 && pthread_cond_init(&t->cleared, NULL) == 0);
	pthread_condattr_destroy(&monotonic);
	t->last = &t->first;
	t->plain = bw_alloc(TRAIL_PLAIN_MAX);
	t->lane_count = lanes;
	for (unsigned i = 0; i < lanes; i++)
		t->lanes[i].now = parcel_new(BW_TRAIL_BLOCK_MAX);
	return t;
}

/* Signals are the loops' to take. */
static enum bw_err writer_start(struct bw_trail *t)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&t->writer, NULL, writer_run, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		bw_log(BW_LOG_ERROR, "audit trail: cannot start its writer: %s", strerror(err));
	return err ? BW_EIO : BW_OK;
}

enum bw_err bw_trail_open(
    struct bw_str dir, const unsigned char key[32], unsigned lanes, bool ephemeral, struct bw_trail **out)
{
	struct bw_trail *t = trail_new(lanes);
	enum bw_err err = trail_files_open(&t->files, dir, key, ephemeral);

	atomic_store(&t->durable, t->files.at.records);
	if (err == BW_OK)
		err = writer_start(t);
	if (err != BW_OK) {
		trail_free(t);
		return err;
	}
	*out = t;
	return BW_OK;
}

void bw_trail_close(struct bw_trail *t)
{
	for (unsigned i = 0; i < t->lane_count; i++)
		lane_hand_over(t, &t->lanes[i]);
	pthread_mutex_lock(&t->lock);
	t->stopping = true;
	pthread_cond_signal(&t->work);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->writer, NULL);
	trail_free(t);
}

uint64_t bw_trail_durable(const struct bw_trail *t)
{
	return atomic_load(&t->durable);
}

void bw_trail_keep(struct bw_trail *t, unsigned days)
{
	pthread_mutex_lock(&t->lock);
	t->keep_days = days;
	t->keep_set = true;
	pthread_cond_signal(&t->work);
	pthread_mutex_unlock(&t->lock);
}

enum bw_err bw_trail_clear(struct bw_trail *t)
{
	enum bw_err err;

	CHECK(t->files.ephemeral, BW_EPERM);
	pthread_mutex_lock(&t->lock);
	atomic_fetch_add(&t->epoch, 1);
	while (t->clearing)
		pthread_cond_wait(&t->cleared, &t->lock);
	t->clearing = true;
	pthread_cond_signal(&t->work);
	while (t->clearing)
		pthread_cond_wait(&t->cleared, &t->lock);
	err = t->clear_err;
	pthread_mutex_unlock(&t->lock);
	return err;
}
