#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proc/kept_internal.h"
#include "test.h"

/* As the program after this one would find it. */
static enum bw_err taken_from(const void *bytes, size_t n)
{
	char number[16];
	bool taken = false;
	int fd = memfd_create("test", 0);
	enum bw_err e;

	assert_true(write(fd, bytes, n) == (ssize_t)n);
	(void)snprintf(number, sizeof number, "%d", fd);
	assert_int_equal(setenv("BULWARK_KEPT", number, 1), 0);
	e = bw_kept_take(&taken);
	assert_true(taken);
	assert_null(getenv("BULWARK_KEPT"));
	if (e != BW_OK)
		close(fd);
	return e;
}

/* Other tests have made boards and rings, and closed them. */
static void begin(struct leaving *l)
{
	kept_forget();
	leaving_begin(l);
}

TEST(what_is_kept_is_found_once_by_the_next_program)
{
	static const char text[] = "some bytes";
	struct leaving l;
	char bytes[sizeof text], other[4];
	int kept = memfd_create("kept", MFD_CLOEXEC), more = dup(kept), found;

	assert_int_equal(ftruncate(kept, 4096), 0);
	kept_forget();
	bw_keep_fd("a/fd", kept);
	bw_keep_bytes("bytes", text, sizeof text);
	leaving_begin(&l);
	leaving_put(&l, BW_STR("row"), more, BW_STR("record"));
	assert_ok(leaving_end(&l));
	assert_true(leaving_inherit(&l, true));
	assert_int_equal(fcntl(kept, F_GETFD), 0);
	assert_true(leaving_inherit(&l, false));
	assert_int_equal(fcntl(kept, F_GETFD), FD_CLOEXEC);
	assert_ok(taken_from(l.bytes.p, l.bytes.n));
	leaving_free(&l);

	assert_true(kept_was_taken());
	assert_int_equal(bw_kept_fd("nothing"), -1);
	assert_false(bw_kept_bytes("bytes", other, sizeof other)); /* another length */
	assert_true(bw_kept_bytes("bytes", bytes, sizeof bytes));
	assert_string_equal(bytes, text);
	assert_false(bw_kept_bytes("bytes", bytes, sizeof bytes));
	assert_int_equal(bw_kept_memory("a/fd", 4096, &found), BW_OK);
	assert_int_equal(found, kept);
	assert_int_equal(bw_kept_memory("a/fd", 4096, &found), BW_ENOTFOUND);
	assert_true(bw_str_eq(kept_text("row"), BW_STR("record")));
	/* Nobody asked for it. */
	bw_kept_settle();
	assert_int_equal(fcntl(more, F_GETFD), -1);
	assert_false(bw_str_set(kept_text("row")));
	close(kept);
}

TEST(memory_of_another_size_is_refused)
{
	struct leaving l;
	int memory = memfd_create("memory", MFD_CLOEXEC), found;

	assert_int_equal(ftruncate(memory, 8192), 0);
	begin(&l);
	leaving_put(&l, BW_STR("memory"), memory, BW_STR(""));
	assert_ok(taken_from(l.bytes.p, l.bytes.n));
	leaving_free(&l);
	assert_int_equal(bw_kept_memory("memory", 4096, &found), BW_EINVAL);
	close(memory);
	bw_kept_settle();
}

TEST(what_is_not_a_list_is_refused)
{
	struct leaving l;
	char spoilt[256];
	size_t n;

	begin(&l);
	leaving_put(&l, BW_STR("last"), -1, BW_STR("of all"));
	n = l.bytes.n;
	assert_true(n <= sizeof spoilt);
	memcpy(spoilt, l.bytes.p, n);
	leaving_free(&l);
	for (size_t cut = 1; cut < n; cut++)
		if (taken_from(spoilt, cut) == BW_OK)
			/* Whole entries are a list; none of them is the last one's half. */
			assert_false(bw_str_set(kept_text("last")));
	kept_forget();
	spoilt[7]++; /* another form */
	assert_int_equal(taken_from(spoilt, n), BW_EINVAL);
	assert_false(kept_was_taken());
	spoilt[7]--;
	/* A name twice. */
	begin(&l);
	leaving_put(&l, BW_STR("twice"), -1, BW_STR("a"));
	leaving_put(&l, BW_STR("twice"), -1, BW_STR("a"));
	assert_int_equal(taken_from(l.bytes.p, l.bytes.n), BW_EINVAL);
	leaving_free(&l);
	kept_forget();
	/* A descriptor that is not open. */
	begin(&l);
	leaving_put(&l, BW_STR("fd"), 1000000, BW_STR(""));
	assert_int_equal(taken_from(l.bytes.p, l.bytes.n), BW_EINVAL);
	l.count = 0;
	leaving_free(&l);
	bw_kept_settle();
	assert_int_equal(setenv("BULWARK_KEPT", "no number", 1), 0);
	assert_int_equal(bw_kept_take(&(bool){false}), BW_EINVAL);
	assert_int_equal(setenv("BULWARK_KEPT", "2", 1), 0);
	assert_int_equal(bw_kept_take(&(bool){false}), BW_EINVAL);
}

/* A list of one entry with a name and so many bytes. */
static enum bw_err list_of(size_t name_n, size_t n)
{
	static char name[BW_KEPT_NAME_MAX + 1];
	char *bytes = calloc(1, n + 1);
	struct leaving l;
	enum bw_err e;

	memset(name, 'n', sizeof name);
	kept_forget();
	l = (struct leaving){.memory = -1};
	bw_buf_init(&l.bytes, 2 * (size_t)LEAVING_MAX);
	bw_buf_put(&l.bytes, bw_str_make("BWKEPT\0\1", 8));
	leaving_put(&l, bw_str_make(name, name_n), -1, bw_str_make(bytes, n));
	e = taken_from(l.bytes.p, l.bytes.n);
	leaving_free(&l);
	free(bytes);
	kept_forget();
	return e;
}

TEST(a_list_is_as_long_as_a_list_may_be_and_its_names_too)
{
	enum { HEADS = 8 + 12 };

	assert_int_equal(list_of(1, LEAVING_MAX - HEADS - 2), BW_OK);
	assert_int_equal(list_of(1, LEAVING_MAX - HEADS - 1), BW_OK);
	assert_int_equal(list_of(1, LEAVING_MAX - HEADS), BW_EINVAL);
	assert_int_equal(list_of(BW_KEPT_NAME_MAX - 1, 1), BW_OK);
	assert_int_equal(list_of(BW_KEPT_NAME_MAX, 1), BW_EINVAL);
	assert_int_equal(list_of(0, 1), BW_EINVAL);
	assert_int_equal(list_of(1, 0), BW_OK);
}
