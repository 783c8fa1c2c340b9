/* Whatever is done to the files, it is found. */
#include "trail_fixture.h"

#include <sys/wait.h>

enum { BLOCKS = 12 };
static const char first[] = "000000000001.trail", second[] = "000000000002.trail",
                  third[] = "000000000003.trail";

static void record_text(uint64_t n, char out[64])
{
	snprintf(out, 64, "{\"n\":%llu}", (unsigned long long)n);
}

/* Twelve blocks of one record in four segments, synced, the marks at the end. */
static void trail_make(struct folder *d)
{
	struct trail_files f;
	char text[64];

	folder_make(d);
	bw_log_level_set((enum bw_log_level) - 1);
	assert_ok(trail_files_open(&f, folder_str(d), trail_key, true));
	f.segment_max = 350;
	for (uint64_t i = 0; i < BLOCKS; i++) {
		record_text(i, text);
		files_put(&f, text, 4000000000000);
	}
	assert_ok(trail_files_sync(&f));
	assert_int_equal(f.at.segment, 4);
	trail_files_close(&f);
}

/* Found by a reader, which gave only whole, true records in order before it. */
static void assert_found(const struct folder *d)
{
	struct bw_trail_report report;
	struct counting c = {0};

	assert_int_equal(bw_trail_read(folder_str(d), trail_key, 0, count_record, &c, &report), BW_ECORRUPT);
	assert_true(report.fault[0] != 0);
	assert_false(c.wrong);
}

static void assert_opens(const struct folder *d, enum bw_err want)
{
	struct trail_files f;

	assert_int_equal(trail_files_open(&f, folder_str(d), trail_key, true), want);
	trail_files_close(&f);
}

static void assert_whole(const struct folder *d, uint64_t records)
{
	struct bw_trail_report report;
	struct counting c = {0};

	assert_ok(bw_trail_read(folder_str(d), trail_key, 0, count_record, &c, &report));
	assert_false(c.wrong);
	assert_int_equal(c.n, records);
}

TEST(trail_every_flipped_bit_is_found)
{
	static const char *const names[] = {
	    "000000000001.trail", "000000000002.trail", "000000000003.trail", "000000000004.trail", "head"};
	struct folder d;

	trail_make(&d);
	assert_whole(&d, BLOCKS);
	for (size_t i = 0; i < BW_COUNT(names); i++) {
		long n;
		char *bytes = file_read(&d, names[i], &n);

		assert_true(n > 100);
		for (long at = 0; at < n; at++) {
			bytes[at] ^= (char)(1 << at % 8);
			file_write(&d, names[i], bytes, n);
			assert_found(&d);
			bytes[at] ^= (char)(1 << at % 8);
		}
		file_write(&d, names[i], bytes, n);
		free(bytes);
	}
	assert_whole(&d, BLOCKS);
	folder_remove(&d);
}

TEST(trail_every_cut_of_the_tail_is_found)
{
	struct folder d;
	long n;
	char *bytes;

	trail_make(&d);
	bytes = file_read(&d, "000000000004.trail", &n);
	for (long cut = 0; cut < n; cut++) {
		file_write(&d, "000000000004.trail", bytes, cut);
		assert_found(&d);
		assert_opens(&d, BW_ECORRUPT);
	}
	file_remove(&d, "000000000004.trail");
	assert_found(&d);
	assert_opens(&d, BW_ECORRUPT);
	free(bytes);
	folder_remove(&d);
}

TEST(trail_a_cut_inside_an_older_segment_is_found)
{
	struct folder d;
	long n;
	char *bytes;

	trail_make(&d);
	bytes = file_read(&d, second, &n);
	for (long cut = 0; cut < n; cut++) {
		file_write(&d, second, bytes, cut);
		assert_found(&d);
	}
	free(bytes);
	folder_remove(&d);
}

/* Where block `index` of a segment lies. */
static void block_place(const char *bytes, int index, size_t *at, size_t *n)
{
	struct trail_block b;

	*at = TRAIL_HEADER_BYTES;
	for (;; index--) {
		assert_ok(trail_block_decode((const unsigned char *)bytes + *at, &b));
		*n = TRAIL_BLOCK_HEADER_BYTES + b.sealed_n;
		if (index == 0)
			return;
		*at += *n;
	}
}

TEST(trail_a_removed_block_is_found)
{
	for (int index = 0; index < 3; index++) {
		struct folder d;
		size_t at, size;
		long n;
		char *bytes;

		trail_make(&d);
		bytes = file_read(&d, second, &n);
		block_place(bytes, index, &at, &size);
		memmove(bytes + at, bytes + at + size, (size_t)n - at - size);
		file_write(&d, second, bytes, n - (long)size);
		assert_found(&d);
		free(bytes);
		folder_remove(&d);
	}
}

TEST(trail_swapped_blocks_are_found)
{
	struct folder d;
	size_t at, size, at2, size2;
	long n;
	char *bytes, *swapped;

	trail_make(&d);
	bytes = file_read(&d, second, &n);
	swapped = file_read(&d, second, &n);
	block_place(bytes, 0, &at, &size);
	block_place(bytes, 1, &at2, &size2);
	memcpy(swapped + at, bytes + at2, size2);
	memcpy(swapped + at + size2, bytes + at, size);
	file_write(&d, second, swapped, n);
	assert_found(&d);
	free(bytes);
	free(swapped);
	folder_remove(&d);
}

TEST(trail_a_block_of_another_segment_is_found)
{
	struct folder d;
	size_t at, size, at2, size2;
	long n, n2;
	char *bytes, *other;

	trail_make(&d);
	bytes = file_read(&d, second, &n);
	other = file_read(&d, third, &n2);
	block_place(bytes, 1, &at, &size);
	block_place(other, 1, &at2, &size2);
	assert_int_equal(size, size2);
	memcpy(bytes + at, other + at2, size);
	file_write(&d, second, bytes, n);
	assert_found(&d);
	free(bytes);
	free(other);
	folder_remove(&d);
}

TEST(trail_a_removed_segment_is_found)
{
	static const char *const names[] = {first, second, third};

	for (size_t i = 0; i < BW_COUNT(names); i++) {
		struct folder d;

		trail_make(&d);
		file_remove(&d, names[i]);
		assert_found(&d);
		folder_remove(&d);
	}
}

TEST(trail_swapped_segments_are_found)
{
	struct folder d;
	long n, n2;
	char *a, *b;

	trail_make(&d);
	a = file_read(&d, second, &n);
	b = file_read(&d, third, &n2);
	file_write(&d, second, b, n2);
	file_write(&d, third, a, n);
	assert_found(&d);
	free(a);
	free(b);
	folder_remove(&d);
}

TEST(trail_segments_moved_down_are_found)
{
	struct folder d;
	char from[320], to[320];

	trail_make(&d);
	folder_file(&d, second, from);
	folder_file(&d, first, to);
	assert_int_equal(rename(from, to), 0);
	folder_file(&d, third, from);
	folder_file(&d, second, to);
	assert_int_equal(rename(from, to), 0);
	assert_found(&d);
	folder_remove(&d);
}

TEST(trail_a_missing_head_is_found)
{
	struct folder d;

	trail_make(&d);
	file_remove(&d, "head");
	assert_found(&d);
	assert_opens(&d, BW_ECORRUPT);
	folder_remove(&d);
}

TEST(trail_missing_segments_are_found)
{
	static const char *const names[] = {first, second, third, "000000000004.trail"};
	struct folder d;

	trail_make(&d);
	for (size_t i = 0; i < BW_COUNT(names); i++)
		file_remove(&d, names[i]);
	assert_found(&d);
	assert_opens(&d, BW_ECORRUPT);
	folder_remove(&d);
}

TEST(trail_marks_cannot_change_places)
{
	struct folder d;
	long n;
	char *bytes, *swapped;

	trail_make(&d);
	bytes = file_read(&d, "head", &n);
	swapped = file_read(&d, "head", &n);
	memcpy(swapped, bytes + n / 2, (size_t)n / 2);
	memcpy(swapped + n / 2, bytes, (size_t)n / 2);
	file_write(&d, "head", swapped, n);
	assert_found(&d);
	free(bytes);
	free(swapped);
	folder_remove(&d);
}

/* An older copy of one file among newer ones. An older head alone hides nothing: all records are there and
 * true. */
TEST(trail_an_older_file_is_found_unless_it_hides_nothing)
{
	struct folder d;
	struct trail_files f;
	long segment_n, head_n, n;
	char *segment, *head, *bytes, text[64];

	trail_make(&d);
	segment = file_read(&d, "000000000004.trail", &segment_n);
	head = file_read(&d, "head", &head_n);
	assert_ok(trail_files_open(&f, folder_str(&d), trail_key, true));
	f.segment_max = 350;
	for (uint64_t i = BLOCKS; i < BLOCKS + 6; i++) {
		record_text(i, text);
		files_put(&f, text, 4000000000001);
	}
	assert_ok(trail_files_sync(&f));
	trail_files_close(&f);
	bytes = file_read(&d, "head", &n);
	file_write(&d, "head", head, head_n);
	assert_whole(&d, BLOCKS + 6);
	/* Older by one block than what the next segment continues. */
	file_write(&d, "000000000004.trail", segment, segment_n - 40);
	assert_found(&d);
	file_write(&d, "head", bytes, n);
	assert_found(&d);
	free(segment);
	free(head);
	free(bytes);
	folder_remove(&d);
}

/* Bytes behind the promised end are a write that did not finish: they hide nothing, and the next start cuts
 * them off. */
TEST(trail_unfinished_writes_are_cut_off)
{
	struct folder d;
	long n, longer;
	char *bytes;

	trail_make(&d);
	bytes = file_read(&d, "000000000004.trail", &n);
	for (longer = 1; longer < 100; longer += 7) {
		char *more = calloc(1, (size_t)(n + longer));

		assert_non_null(more);
		memcpy(more, bytes, (size_t)n);
		memcpy(more + n, bytes + TRAIL_HEADER_BYTES, (size_t)longer);
		file_write(&d, "000000000004.trail", more, n + longer);
		assert_whole(&d, BLOCKS);
		assert_opens(&d, BW_OK);
		assert_int_equal(file_size(&d, "000000000004.trail"), n);
		free(more);
	}
	for (long cut = 0; cut < TRAIL_HEADER_BYTES; cut += 13) {
		file_write(&d, "000000000005.trail", bytes, cut);
		assert_whole(&d, BLOCKS);
		assert_opens(&d, BW_OK);
		assert_int_equal(file_size(&d, "000000000005.trail"), -1);
	}
	free(bytes);
	folder_remove(&d);
}

TEST(trail_whole_blocks_behind_the_head_are_kept)
{
	struct folder d;
	long head_n;
	char *head, text[64];
	struct trail_files f;

	trail_make(&d);
	head = file_read(&d, "head", &head_n);
	assert_ok(trail_files_open(&f, folder_str(&d), trail_key, true));
	for (uint64_t i = BLOCKS; i < BLOCKS + 3; i++) {
		record_text(i, text);
		files_put(&f, text, 4000000000001);
	}
	trail_files_close(&f);
	file_write(&d, "head", head, head_n);
	assert_whole(&d, BLOCKS + 3);
	assert_opens(&d, BW_OK);
	assert_whole(&d, BLOCKS + 3);
	free(head);
	folder_remove(&d);
}

/* Records written and noted but not synced may be lost with the machine's memory, and only then. */
static void unsynced_make(struct folder *d, bool other_boot, long *durable_n)
{
	struct trail_files f;
	char text[64];

	trail_make(d);
	*durable_n = file_size(d, "000000000004.trail");
	assert_ok(trail_files_open(&f, folder_str(d), trail_key, true));
	if (other_boot)
		f.boot[0] ^= 1;
	for (uint64_t i = BLOCKS; i < BLOCKS + 3; i++) {
		record_text(i, text);
		files_put(&f, text, 4000000000001);
	}
	assert_ok(trail_files_note(&f));
	trail_files_close(&f);
}

TEST(trail_what_the_machine_lost_is_not_held_against_it)
{
	struct folder d;
	long durable_n, n;
	char *bytes;

	unsynced_make(&d, true, &durable_n);
	bytes = file_read(&d, "000000000004.trail", &n);
	assert_true(n > durable_n);
	file_write(&d, "000000000004.trail", bytes, n - 1);
	assert_whole(&d, BLOCKS + 2);
	file_write(&d, "000000000004.trail", bytes, durable_n);
	assert_whole(&d, BLOCKS);
	file_write(&d, "000000000004.trail", bytes, durable_n - 1);
	assert_found(&d);
	assert_opens(&d, BW_ECORRUPT);
	file_write(&d, "000000000004.trail", bytes, durable_n + 5);
	assert_opens(&d, BW_OK);
	assert_whole(&d, BLOCKS);
	free(bytes);
	folder_remove(&d);
}

TEST(trail_what_the_machine_cannot_have_lost_is_found)
{
	struct folder d;
	long durable_n, n;
	char *bytes;

	unsynced_make(&d, false, &durable_n);
	bytes = file_read(&d, "000000000004.trail", &n);
	for (long cut = durable_n; cut < n; cut++) {
		file_write(&d, "000000000004.trail", bytes, cut);
		assert_found(&d);
		assert_opens(&d, BW_ECORRUPT);
	}
	free(bytes);
	folder_remove(&d);
}

TEST(trail_a_follower_finds_a_changed_block)
{
	struct folder d;
	struct trail_files f;
	struct bw_trail_cursor cursor = {0};
	struct counting c = {0};
	long n;
	char *bytes, text[64];

	trail_make(&d);
	assert_ok(bw_trail_follow(folder_str(&d), trail_key, &cursor, count_record, &c));
	assert_int_equal(cursor.records, BLOCKS);
	assert_ok(trail_files_open(&f, folder_str(&d), trail_key, true));
	f.segment_max = 350;
	for (uint64_t i = BLOCKS; i < BLOCKS + 6; i++) {
		record_text(i, text);
		files_put(&f, text, 4000000000001);
	}
	assert_ok(trail_files_note(&f));
	trail_files_close(&f);
	bytes = file_read(&d, "000000000005.trail", &n);
	bytes[n - 1] ^= 1;
	file_write(&d, "000000000005.trail", bytes, n);
	c.n = BLOCKS;
	assert_int_equal(bw_trail_follow(folder_str(&d), trail_key, &cursor, count_record, &c), BW_ECORRUPT);
	bytes[n - 1] ^= 1;
	file_write(&d, "000000000005.trail", bytes, n);
	assert_ok(bw_trail_follow(folder_str(&d), trail_key, &cursor, count_record, &c));
	assert_int_equal(c.n, BLOCKS + 6);
	assert_false(c.wrong);
	free(bytes);
	folder_remove(&d);
}

TEST(trail_a_beginning_that_was_not_finished_begins_again)
{
	struct folder d;

	folder_make(&d);
	file_write(&d, first, "BULWARK", 7);
	file_write(&d, "head.new", "", 0);
	assert_opens(&d, BW_OK);
	assert_whole(&d, 0);
	folder_remove(&d);
}
