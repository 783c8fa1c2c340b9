/* The database file cut short, and bytes of it changed: a store says so, and never gives another value than
 * was written. LMDB maps a file only once a process, so each damaged copy is opened in a child. */
#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RECORDS = 60, PAGE = 4096, PAGES = 120 /* more than are in use */ };

static struct fixture f;

static struct bw_str key_of(size_t i)
{
	return bw_arena_printf(&f.arena, "acct/-/iam/user/%03zu", i);
}

static struct bw_str value_of(size_t i)
{
	return bw_arena_printf(&f.arena, "%0*zu", (int)(100 + 40 * i), i);
}

/* A closed store of some pages, and its bytes. */
static struct bw_str store_make(char path[128])
{
	struct stat st;
	char *bytes;
	int fd;

	fixture_open(&f);
	for (size_t i = 0; i < RECORDS; i++)
		assert_ok(put_one(&f, key_of(i), value_of(i)));
	fixture_close_store(&f);
	snprintf(path, 128, "%s/data.mdb", f.data);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	bytes = bw_arena_alloc(&f.arena, (size_t)st.st_size);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	return bw_str_make(bytes, (size_t)st.st_size);
}

/* What is behind the pages in use is room taken ahead, and holds nothing. */
static void file_write(const char *path, struct bw_str bytes, size_t size)
{
	int fd = open(path, O_WRONLY);

	bytes = bw_str_sub(bytes, 0, PAGES * PAGE);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.n), (ssize_t)bytes.n);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

enum outcome { WHOLE, REFUSED, EMPTY, LIED, CRASHED };

/* No assertions here: the child is not to go on with the other tests. */
static enum outcome store_read(void)
{
	struct bw_snapshot *v;

	if (bw_store_open(&f.config, &f.store) != BW_OK || bw_snapshot_begin(f.store, &v) != BW_OK)
		return REFUSED;
	for (size_t i = 0; i < RECORDS; i++) {
		struct bw_str value;
		enum bw_err e = bw_snapshot_get(v, key_of(i), &f.arena, &value, NULL);

		if (e != BW_OK)
			return e == BW_ENOTFOUND ? EMPTY : REFUSED;
		if (!bw_str_eq(value, value_of(i)))
			return LIED;
	}
	return WHOLE;
}

static enum outcome store_try(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT};
	pid_t child = fork();
	int status;

	if (child == 0) {
		/* cmocka would go on after them. */
		for (size_t i = 0; i < BW_COUNT(signals); i++)
			signal(signals[i], SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(CRASHED);
		_exit((int)store_read());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) && WEXITSTATUS(status) <= LIED ? (enum outcome)WEXITSTATUS(status) : CRASHED;
}

TEST(damage_a_cut_file_is_refused)
{
	size_t whole = 0, refused = 0;
	struct bw_str bytes;
	char path[128];

	bytes = store_make(path);
	for (size_t n = 0; n <= PAGES * PAGE; n += n < 4 * PAGE ? PAGE / 2 : 4 * PAGE) {
		enum outcome o;

		file_write(path, bytes, n);
		o = store_try();
		/* An empty file is none: what was interrupted when it was made begins again. */
		if (o > EMPTY || (o == EMPTY) != (n == 0))
			fail_msg("%zu of %zu bytes: %d", n, bytes.n, o);
		/* Once it is whole, it stays so. */
		assert_true(o == WHOLE || whole == 0);
		whole += o == WHOLE;
		refused += o == REFUSED;
	}
	assert_true(refused > 10);
	assert_true(whole > 0);
	fixture_close(&f);
}

/* Sealed values are safe from any change (tamper.c). LMDB trusts its own pages, so that one of those may end
 * the process; what it may not do is to give a wrong value. */
TEST(damage_a_changed_byte_never_makes_a_wrong_value)
{
	size_t outcomes[CRASHED + 1] = {0};
	struct bw_str bytes;
	uint64_t seed = 88172645463325252u;
	char path[128], *changed;

	bytes = store_make(path);
	changed = (char *)(uintptr_t)bytes.p;
	for (size_t i = 0; i < 60; i++) {
		size_t at;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		at = seed % (PAGES * PAGE);
		changed[at] ^= (char)(1 << seed % 8);
		file_write(path, bytes, bytes.n);
		outcomes[store_try()]++;
		changed[at] ^= (char)(1 << seed % 8);
	}
	assert_int_equal(outcomes[LIED] + outcomes[EMPTY], 0);
	assert_true(outcomes[REFUSED] > 5);
	fixture_close(&f);
}
