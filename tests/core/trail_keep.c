/* Retention: what is old goes in whole segments, and what is left is proven as before. */
#include "trail_fixture.h"

enum { DAY_MS = 86400000 };

/* Ten segments of three blocks; the blocks of segment n are of day n. */
static void ten_days(struct folder *d, struct trail_files *f)
{
	char record[64];
	uint64_t n = 0;

	folder_make(d);
	assert_ok(trail_files_open(f, folder_str(d), trail_key, false));
	f->at.time_ms = 0;
	f->segment_made_ms = DAY_MS;
	f->segment_age_max_ms = DAY_MS;
	for (int64_t day = 1; day <= 10; day++)
		for (int i = 0; i < 3; i++) {
			snprintf(record, sizeof record, "{\"n\":%llu}", (unsigned long long)n++);
			files_put(f, record, day * DAY_MS + i * 1000);
		}
	assert_int_equal(f->at.segment, 10);
	assert_ok(trail_files_sync(f));
}

static void name_of(uint64_t segment, char name[TRAIL_NAME_BYTES])
{
	trail_segment_name(segment, name);
}

static void assert_first(const struct folder *d, uint64_t first)
{
	char name[TRAIL_NAME_BYTES];

	for (uint64_t n = 1; n <= 10; n++) {
		name_of(n, name);
		assert_int_equal(file_size(d, name) >= 0, n >= first);
	}
}

TEST(trail_keep_removes_whole_old_segments_and_verifies)
{
	struct bw_trail_report report;
	struct counting c = {.n = 12};
	struct trail_files f;
	struct folder d;

	ten_days(&d, &f);
	/* The segment of day 4 ends when that of day 5 begins. */
	assert_ok(trail_files_keep(&f, 5 * DAY_MS));
	assert_first(&d, 4);
	assert_ok(trail_files_keep(&f, 5 * DAY_MS + 1));
	assert_first(&d, 5);
	assert_ok(bw_trail_read(folder_str(&d), trail_key, 0, count_record, &c, &report));
	assert_int_equal(c.n, 30);
	assert_false(c.wrong);
	assert_int_equal(report.removed, 12);
	assert_int_equal(report.removed_to_ms, 4 * (int64_t)DAY_MS + 2000);
	assert_int_equal(report.segments, 6);
	trail_files_close(&f);
	folder_remove(&d);
}

TEST(trail_keep_leaves_the_segment_that_is_written)
{
	struct bw_trail_report report;
	struct trail_files f;
	struct folder d;

	ten_days(&d, &f);
	assert_ok(trail_files_keep(&f, 1000 * (int64_t)DAY_MS));
	assert_first(&d, 10);
	files_put(&f, "{\"n\":30}", 11 * (int64_t)DAY_MS);
	assert_ok(trail_files_sync(&f));
	trail_files_close(&f);
	/* Opened again, it goes on from there. */
	assert_ok(trail_files_open(&f, folder_str(&d), trail_key, false));
	assert_int_equal(f.removed.segment, 9);
	assert_int_equal(f.at.records, 31);
	assert_ok(trail_files_keep(&f, 1000 * (int64_t)DAY_MS));
	assert_ok(folder_verify(&d, &report));
	assert_int_equal(report.records + report.removed, 31);
	trail_files_close(&f);
	folder_remove(&d);
}

TEST(trail_keep_reads_from_a_time_before_the_removal)
{
	struct bw_trail_report report;
	struct trail_files f;
	struct folder d;

	ten_days(&d, &f);
	assert_ok(trail_files_keep(&f, 5 * DAY_MS + 1));
	assert_ok(bw_trail_read(folder_str(&d), trail_key, 1, NULL, NULL, &report));
	assert_int_equal(report.records, 18);
	assert_ok(bw_trail_read(folder_str(&d), trail_key, 8 * (int64_t)DAY_MS, NULL, NULL, &report));
	assert_int_equal(report.records, 12);
	trail_files_close(&f);
	folder_remove(&d);
}

TEST(trail_keep_does_not_excuse_other_removals)
{
	struct bw_trail_report report;
	char name[TRAIL_NAME_BYTES];
	struct trail_files f;
	struct folder d;
	char *head;
	long n;

	ten_days(&d, &f);
	assert_ok(trail_files_keep(&f, 3 * DAY_MS + 1));
	assert_first(&d, 3);
	head = file_read(&d, "head", &n);
	assert_ok(trail_files_keep(&f, 5 * DAY_MS + 1));
	trail_files_close(&f);
	assert_ok(folder_verify(&d, &report));
	/* The note of an earlier removal, no note, a note that was changed. */
	file_write(&d, "head", head, n);
	assert_int_equal(folder_verify(&d, &report), BW_ECORRUPT);
	file_write(&d, "head", head, TRAIL_SLOTS * TRAIL_SLOT_BYTES);
	assert_int_equal(folder_verify(&d, &report), BW_ECORRUPT);
	head[n - 1] ^= 1;
	file_write(&d, "head", head, n);
	assert_int_equal(folder_verify(&d, &report), BW_ECORRUPT);
	head[n - 1] ^= 1;
	free(head);
	folder_remove(&d);
	/* One segment more than was noted. */
	ten_days(&d, &f);
	assert_ok(trail_files_keep(&f, 3 * DAY_MS + 1));
	trail_files_close(&f);
	name_of(3, name);
	file_remove(&d, name);
	assert_int_equal(folder_verify(&d, &report), BW_ECORRUPT);
	assert_non_null(strstr(report.fault, "segment 3 is missing"));
	folder_remove(&d);
}

TEST(trail_keep_leaves_what_does_not_verify)
{
	char name[TRAIL_NAME_BYTES], *bytes;
	struct trail_files f;
	struct folder d;
	long n;

	ten_days(&d, &f);
	name_of(2, name);
	bytes = file_read(&d, name, &n);
	bytes[n / 2] ^= 1;
	file_write(&d, name, bytes, n);
	free(bytes);
	bw_log_level_set((enum bw_log_level) - 1);
	assert_int_equal(trail_files_keep(&f, 100 * (int64_t)DAY_MS), BW_ECORRUPT);
	assert_first(&d, 2);
	trail_files_close(&f);
	folder_remove(&d);
}

/* Stopped between the note and the removal. */
TEST(trail_keep_finishes_what_was_begun)
{
	char name[TRAIL_NAME_BYTES], *bytes;
	struct bw_trail_report report;
	struct trail_files f;
	struct folder d;
	long n;

	ten_days(&d, &f);
	name_of(2, name);
	bytes = file_read(&d, name, &n);
	assert_ok(trail_files_keep(&f, 4 * DAY_MS + 1));
	assert_first(&d, 4);
	file_write(&d, name, bytes, n);
	free(bytes);
	assert_ok(folder_verify(&d, &report));
	assert_int_equal(report.records, 21);
	assert_ok(trail_files_keep(&f, 0));
	assert_first(&d, 4);
	trail_files_close(&f);
	folder_remove(&d);
}
