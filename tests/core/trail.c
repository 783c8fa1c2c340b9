#include "trail_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static void pause_ms(int ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

static void add(struct bw_trail *t, unsigned lane, uint64_t n)
{
	char text[64];

	snprintf(text, sizeof text, "{\"n\":%llu}", (unsigned long long)n);
	bw_trail_add(t, lane, bw_str_c(text));
}

TEST(trail_gives_back_what_was_added)
{
	struct folder d;
	struct bw_trail *t;
	struct bw_trail_report report;
	struct counting c = {0};

	folder_make(&d);
	assert_ok(bw_trail_open(folder_str(&d), trail_key, 2, false, &t));
	for (uint64_t i = 0; i < 1000; i++)
		add(t, 1, i);
	bw_trail_close(t);
	assert_ok(bw_trail_read(folder_str(&d), trail_key, 0, count_record, &c, &report));
	assert_int_equal(c.n, 1000);
	assert_false(c.wrong);
	assert_int_equal(report.records, 1000);
	assert_int_equal(report.segments, 1);
	assert_string_equal(report.fault, "");
	folder_remove(&d);
}

TEST(trail_goes_on_where_it_ended)
{
	struct folder d;
	struct bw_trail *t;
	struct bw_trail_report report;
	struct counting c = {0};

	folder_make(&d);
	for (uint64_t i = 0; i < 20; i++) {
		assert_ok(bw_trail_open(folder_str(&d), trail_key, 1, false, &t));
		add(t, 0, i);
		bw_trail_close(t);
	}
	assert_ok(bw_trail_read(folder_str(&d), trail_key, 0, count_record, &c, &report));
	assert_int_equal(c.n, 20);
	assert_false(c.wrong);
	assert_int_equal(report.blocks, 20);
	folder_remove(&d);
}

TEST(trail_empty_is_whole)
{
	struct folder d;
	struct bw_trail *t;
	struct bw_trail_report report;

	folder_make(&d);
	assert_int_equal(folder_verify(&d, &report), BW_ENOTFOUND);
	assert_ok(bw_trail_open(folder_str(&d), trail_key, 1, false, &t));
	assert_ok(folder_verify(&d, &report));
	bw_trail_close(t);
	assert_ok(folder_verify(&d, &report));
	assert_int_equal(report.records, 0);
	folder_remove(&d);
	assert_int_equal(
	    bw_trail_read(BW_STR("/nonexistent/trail"), trail_key, 0, NULL, NULL, &report), BW_ENOTFOUND);
}

TEST(trail_has_one_writer)
{
	struct folder d;
	struct bw_trail *t, *second;

	folder_make(&d);
	assert_ok(bw_trail_open(folder_str(&d), trail_key, 1, false, &t));
	bw_log_level_set((enum bw_log_level) - 1);
	assert_int_equal(bw_trail_open(folder_str(&d), trail_key, 1, false, &second), BW_EPERM);
	bw_trail_close(t);
	assert_ok(bw_trail_open(folder_str(&d), trail_key, 1, false, &t));
	bw_trail_close(t);
	folder_remove(&d);
}

TEST(trail_needs_its_key)
{
	struct folder d;
	struct bw_trail *t;
	struct bw_trail_report report;
	struct bw_trail_cursor cursor = {0};
	unsigned char other[32] = {1};

	folder_make(&d);
	assert_ok(bw_trail_open(folder_str(&d), trail_key, 1, false, &t));
	add(t, 0, 0);
	bw_trail_close(t);
	bw_log_level_set((enum bw_log_level) - 1);
	assert_int_equal(bw_trail_open(folder_str(&d), other, 1, false, &t), BW_ECORRUPT);
	assert_int_equal(bw_trail_read(folder_str(&d), other, 0, NULL, NULL, &report), BW_ECORRUPT);
	assert_non_null(strstr(report.fault, "head"));
	assert_int_equal(bw_trail_follow(folder_str(&d), other, &cursor, count_record, NULL), BW_ECORRUPT);
	folder_remove(&d);
}

static void record_of(struct bw_buf *b, size_t n)
{
	bw_buf_put(b, BW_STR("{\"v\":\""));
	while (b->n < n - 2)
		bw_buf_put_c(b, (char)('a' + b->n % 26));
	bw_buf_put(b, BW_STR("\"}"));
}

struct kept {
	size_t sizes[8], n;
	bool replaced;
};

static bool keep(void *ctx, struct bw_str record)
{
	struct kept *k = ctx;

	k->sizes[k->n++ & 7] = record.n;
	k->replaced |= bw_str_has(record, BW_STR("BulwarkRecordTooLong"));
	return true;
}

TEST(trail_record_sizes_around_every_limit)
{
	static const size_t sizes[] = {16, BW_TRAIL_BLOCK_MAX - 5, BW_TRAIL_BLOCK_MAX - 4,
	    BW_TRAIL_BLOCK_MAX - 3, BW_TRAIL_BLOCK_MAX, BW_TRAIL_RECORD_MAX - 1, BW_TRAIL_RECORD_MAX};
	struct folder d;
	struct bw_trail *t;
	struct bw_trail_report report;
	struct kept k = {0};
	struct bw_buf b;

	folder_make(&d);
	bw_buf_init(&b, BW_TRAIL_RECORD_MAX + 1);
	assert_ok(bw_trail_open(folder_str(&d), trail_key, 1, false, &t));
	for (size_t i = 0; i < BW_COUNT(sizes); i++) {
		bw_buf_reset(&b);
		record_of(&b, sizes[i]);
		bw_trail_add(t, 0, bw_buf_str(&b));
	}
	bw_trail_close(t);
	assert_ok(bw_trail_read(folder_str(&d), trail_key, 0, keep, &k, &report));
	assert_int_equal(k.n, BW_COUNT(sizes));
	assert_memory_equal(k.sizes, sizes, sizeof sizes);
	assert_false(k.replaced);
	bw_buf_free(&b);
	folder_remove(&d);
}

TEST(trail_record_past_the_limit_is_replaced_and_told)
{
	struct folder d;
	struct bw_trail *t;
	struct bw_trail_report report;
	struct kept k = {0};
	struct bw_buf b;

	folder_make(&d);
	bw_log_level_set((enum bw_log_level) - 1);
	bw_buf_init(&b, BW_TRAIL_RECORD_MAX + 1);
	record_of(&b, BW_TRAIL_RECORD_MAX + 1);
	assert_ok(bw_trail_open(folder_str(&d), trail_key, 1, false, &t));
	bw_trail_add(t, 0, bw_buf_str(&b));
	bw_trail_close(t);
	assert_ok(bw_trail_read(folder_str(&d), trail_key, 0, keep, &k, &report));
	assert_int_equal(k.n, 1);
	assert_true(k.replaced);
	bw_buf_free(&b);
	folder_remove(&d);
}

TEST(trail_tick_shows_records_to_readers)
{
	struct folder d;
	struct bw_trail *t;
	struct bw_trail_cursor cursor = {0};
	struct counting c = {0};

	folder_make(&d);
	assert_ok(bw_trail_open(folder_str(&d), trail_key, 1, false, &t));
	add(t, 0, 0);
	bw_trail_tick(t, 0, BW_TRAIL_FLUSH_MS);
	for (int i = 0; i < 500 && cursor.records == 0; i++, pause_ms(2)) {
		cursor = (struct bw_trail_cursor){0};
		assert_ok(bw_trail_follow(folder_str(&d), trail_key, &cursor, count_record, &c));
	}
	assert_int_equal(cursor.records, 1);
	assert_int_equal(c.n, 0);
	c.n = 1;
	add(t, 0, 1);
	bw_trail_tick(t, 0, BW_TRAIL_FLUSH_MS + BW_TRAIL_FLUSH_MS - 1);
	pause_ms(20);
	assert_ok(bw_trail_follow(folder_str(&d), trail_key, &cursor, count_record, &c));
	assert_int_equal(c.n, 1);
	bw_trail_tick(t, 0, BW_TRAIL_FLUSH_MS + BW_TRAIL_FLUSH_MS);
	for (int i = 0; i < 500 && c.n == 1; i++, pause_ms(2))
		assert_ok(bw_trail_follow(folder_str(&d), trail_key, &cursor, count_record, &c));
	assert_int_equal(c.n, 2);
	assert_false(c.wrong);
	bw_trail_close(t);
	folder_remove(&d);
}

TEST(trail_stops_when_the_reader_has_enough)
{
	struct folder d;
	struct bw_trail *t;
	struct bw_trail_report report;
	struct counting c = {.stop_at = 3};

	folder_make(&d);
	assert_ok(bw_trail_open(folder_str(&d), trail_key, 1, false, &t));
	for (uint64_t i = 0; i < 10; i++)
		add(t, 0, i);
	bw_trail_close(t);
	assert_ok(bw_trail_read(folder_str(&d), trail_key, 0, count_record, &c, &report));
	assert_int_equal(c.n, 3);
	folder_remove(&d);
}

TEST(trail_read_from_a_time_skips_what_is_older)
{
	struct folder d;
	struct trail_files f;
	struct bw_trail_report report;
	char text[64];

	folder_make(&d);
	assert_ok(trail_files_open(&f, folder_str(&d), trail_key, true));
	f.segment_max = 400;
	f.at.time_ms = 0;
	for (uint64_t i = 0; i < 40; i++) {
		snprintf(text, sizeof text, "{\"n\":%llu}", (unsigned long long)i);
		files_put(&f, text, 4000000000000 + (int64_t)i * 1000);
	}
	assert_ok(trail_files_sync(&f));
	for (uint64_t i = 0; i <= 40; i++) {
		struct counting c = {.n = i};

		assert_ok(bw_trail_read(
		    folder_str(&d), trail_key, 4000000000000 + (int64_t)i * 1000, count_record, &c, &report));
		assert_int_equal(c.n, 40);
		assert_false(c.wrong);
		assert_true(report.bytes_all > 0 && report.bytes <= report.bytes_all);
	}
	assert_true(f.at.segment > 5);
	assert_true(report.segments < 3);
	trail_files_close(&f);
	folder_remove(&d);
}

TEST(trail_clear_leaves_an_empty_trail)
{
	struct folder d;
	struct bw_trail *t;
	struct bw_trail_report report;
	struct counting c = {0};

	folder_make(&d);
	assert_ok(bw_trail_open(folder_str(&d), trail_key, 2, true, &t));
	add(t, 0, 7);
	bw_trail_tick(t, 0, 1000);
	add(t, 0, 8);
	add(t, 1, 9);
	assert_ok(bw_trail_clear(t));
	add(t, 1, 0);
	bw_trail_close(t);
	assert_ok(bw_trail_read(folder_str(&d), trail_key, 0, count_record, &c, &report));
	assert_int_equal(c.n, 1);
	assert_false(c.wrong);
	folder_remove(&d);
}

TEST(trail_clear_is_for_ephemeral_servers)
{
	struct folder d;
	struct bw_trail *t;

	folder_make(&d);
	assert_ok(bw_trail_open(folder_str(&d), trail_key, 1, false, &t));
	assert_int_equal(bw_trail_clear(t), BW_EPERM);
	bw_trail_close(t);
	folder_remove(&d);
}

/* Adds records until it is killed. */
_Noreturn static void write_for_ever(const struct folder *d, uint64_t from)
{
	struct bw_trail *t;
	int64_t now_ms = 0;

	if (bw_trail_open(folder_str(d), trail_key, 1, false, &t) != BW_OK)
		_exit(1);
	for (uint64_t i = from;; i++) {
		add(t, 0, i);
		if (i % 50 == 0)
			bw_trail_tick(t, 0, now_ms += BW_TRAIL_FLUSH_MS);
	}
}

TEST(trail_survives_being_killed)
{
	struct folder d;
	struct bw_trail_report report;
	uint64_t from = 0;

	folder_make(&d);
	for (int round = 0; round < 12; round++) {
		struct counting c = {0};
		pid_t child = fork();
		int status;

		if (child == 0)
			write_for_ever(&d, from);
		pause_ms(20 + round * 7);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		if (file_size(&d, "head") < 0)
			continue;
		assert_ok(bw_trail_read(folder_str(&d), trail_key, 0, count_record, &c, &report));
		assert_false(c.wrong);
		assert_true(c.n >= from);
		from = c.n;
	}
	assert_true(from > 0);
	folder_remove(&d);
}

/* Eight lanes at once, and a reader beside them: every record arrives once, in its lane's order. */
enum { LANES = 8, EACH = 5000 };

struct race {
	struct bw_trail *t;
	unsigned lane;
};

static void *race_run(void *arg)
{
	struct race *r = arg;
	char text[64];

	for (uint64_t i = 0; i < EACH; i++) {
		snprintf(text, sizeof text, "%u:%06llu", r->lane, (unsigned long long)i);
		bw_trail_add(r->t, r->lane, bw_str_c(text));
		if (i % 64 == 0)
			bw_trail_tick(r->t, r->lane, (int64_t)i * BW_TRAIL_FLUSH_MS);
	}
	return NULL;
}

struct arrived {
	int64_t next[LANES];
	bool wrong;
};

static bool arrive(void *ctx, struct bw_str record)
{
	struct arrived *a = ctx;
	unsigned lane = (unsigned)(record.p[0] - '0');
	int64_t n;

	if (lane >= LANES || bw_str_to_i64(bw_str_sub(record, 2, 6), 0, EACH, &n) != BW_OK ||
	    n != a->next[lane]) {
		a->wrong = true;
		return false;
	}
	a->next[lane]++;
	return true;
}

TEST(trail_lanes_do_not_disturb_each_other)
{
	struct folder d;
	struct bw_trail *t;
	struct race races[LANES];
	pthread_t threads[LANES];
	struct bw_trail_report report;
	struct arrived a = {0};

	folder_make(&d);
	assert_ok(bw_trail_open(folder_str(&d), trail_key, LANES, false, &t));
	for (unsigned i = 0; i < LANES; i++) {
		races[i] = (struct race){t, i};
		assert_int_equal(pthread_create(&threads[i], NULL, race_run, &races[i]), 0);
	}
	for (int i = 0; i < 20; i++)
		assert_ok(folder_verify(&d, &report));
	for (unsigned i = 0; i < LANES; i++)
		pthread_join(threads[i], NULL);
	bw_trail_close(t);
	assert_ok(bw_trail_read(folder_str(&d), trail_key, 0, arrive, &a, &report));
	assert_false(a.wrong);
	for (unsigned i = 0; i < LANES; i++)
		assert_int_equal(a.next[i], EACH);
	folder_remove(&d);
}
