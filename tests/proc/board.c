/* Texts between processes: whole or not at all, the newest, to whoever comes later too. */
#include "proc/board.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "test.h"

enum { MAX = 1 << 20 };

static bool woken(struct bw_board *b)
{
	struct pollfd p = {.fd = bw_board_wake_fd(b), .events = POLLIN};

	return poll(&p, 1, 5000) == 1;
}

/* Runs `writes` in a process that is the writer; the test is the reader. */
static pid_t writer(struct bw_board *b, void (*writes)(struct bw_board *b))
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	if (bw_board_write_side(b) != BW_OK)
		_exit(1);
	writes(b);
	_exit(0);
}

static void ended_well(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void say_one(struct bw_board *b)
{
	if (bw_board_publish(b, BW_STR("one")) != BW_OK)
		_exit(2);
}

static void say_two(struct bw_board *b)
{
	if (bw_board_publish(b, BW_STR("two, longer")) != BW_OK)
		_exit(2);
}

TEST(board_shows_the_newest_and_wakes)
{
	struct bw_board *b;
	struct bw_buf out;
	uint64_t seq;
	pid_t first, second;

	bw_crypto_init();
	bw_buf_init(&out, MAX);
	assert_ok(bw_board_new("test", MAX, &b));
	first = writer(b, say_one);
	ended_well(first);
	second = writer(b, say_two); /* another process goes on where the first ended */
	ended_well(second);
	assert_ok(bw_board_read_side(b));
	assert_true(woken(b));
	bw_board_wake_take(b);
	assert_ok(bw_board_read(b, &out, &seq));
	assert_int_equal(seq, 2);
	assert_str(bw_buf_str(&out), "two, longer");
	bw_buf_free(&out);
	bw_board_free(b);
}

/* Of the memory of that name, as this process has it mapped. */
static bool is_mapped(const char *memory, const char *text)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	char line[512];
	bool found = false;

	assert_non_null(maps);
	while (fgets(line, sizeof line, maps))
		if (strstr(line, memory) && sscanf(line, "%lx-%lx", &from, &to) == 2)
			found |= memmem((const void *)from, to - from, text, strlen(text)) != NULL;
	(void)fclose(maps);
	return found;
}

/* What a newer text is without is nowhere: neither where the one before lay, nor behind its end. */
TEST(board_forgets_what_was_replaced)
{
	static const char *const texts[] = {"the first secret, a long one", "one", "two", "no"};
	struct bw_board *b;
	struct bw_buf out;
	uint64_t seq;

	bw_crypto_init();
	bw_buf_init(&out, MAX);
	assert_ok(bw_board_new("forgets", MAX, &b));
	assert_ok(bw_board_write_side(b));
	for (size_t i = 0; i < BW_COUNT(texts); i++) {
		assert_ok(bw_board_publish(b, bw_str_c(texts[i])));
		assert_true(is_mapped("memfd:forgets", texts[i]));
		for (size_t k = 0; k < i; k++)
			assert_false(is_mapped("memfd:forgets", texts[k]));
		assert_ok(bw_board_read(b, &out, &seq));
		assert_str(bw_buf_str(&out), texts[i]);
	}
	bw_buf_free(&out);
	bw_board_free(b);
}

TEST(board_is_empty_at_first)
{
	struct bw_board *b;
	struct bw_buf out;
	uint64_t seq;

	bw_buf_init(&out, MAX);
	assert_ok(bw_board_new("test", MAX, &b));
	assert_ok(bw_board_read_side(b));
	assert_int_equal(bw_board_read(b, &out, &seq), BW_ENOTFOUND);
	bw_buf_free(&out);
	bw_board_free(b);
}

static void say_limits(struct bw_board *b)
{
	char *big = bw_alloc(MAX + 1);

	if (bw_board_publish(b, bw_str_make(big, MAX)) != BW_OK ||
	    bw_board_publish(b, bw_str_make(big, MAX + 1)) != BW_ETOOBIG)
		_exit(2);
	bw_free(big);
}

TEST(board_has_a_ceiling)
{
	struct bw_board *b;
	struct bw_buf out, tight;
	uint64_t seq;

	bw_crypto_init();
	bw_buf_init(&out, MAX);
	bw_buf_init(&tight, MAX - 1);
	assert_ok(bw_board_new("test", MAX, &b));
	ended_well(writer(b, say_limits));
	assert_ok(bw_board_read_side(b));
	assert_ok(bw_board_read(b, &out, &seq));
	assert_int_equal(out.n, MAX);
	assert_int_equal(seq, 1);
	assert_int_equal(bw_board_read(b, &tight, &seq), BW_ETOOBIG);
	bw_buf_free(&out);
	bw_buf_free(&tight);
	bw_board_free(b);
}

static void say_many(struct bw_board *b)
{
	char text[5000];

	for (int i = 0; i < 3000; i++) {
		size_t n = 1 + (size_t)(i * 37 % 4999);

		memset(text, 'a' + i % 26, n);
		if (bw_board_publish(b, bw_str_make(text, n)) != BW_OK)
			_exit(2);
	}
}

/* While the writer is at it, every text read is one that was written. */
TEST(board_never_shows_a_mixture)
{
	struct bw_board *b;
	struct bw_buf out;
	uint64_t seq = 0, before = 0;
	pid_t pid;

	bw_crypto_init();
	bw_buf_init(&out, MAX);
	assert_ok(bw_board_new("test", MAX, &b));
	pid = writer(b, say_many);
	assert_ok(bw_board_read_side(b));
	while (seq < 3000) {
		enum bw_err e = bw_board_read(b, &out, &seq);

		if (e != BW_OK) {
			assert_true(e == BW_ENOTFOUND || e == BW_EAGAIN);
			continue;
		}
		assert_true(seq >= before);
		before = seq;
		assert_int_equal(out.n, 1 + (seq - 1) * 37 % 4999);
		for (size_t i = 0; i < out.n; i++)
			assert_int_equal(out.p[i], 'a' + (int)((seq - 1) % 26));
	}
	ended_well(pid);
	bw_buf_free(&out);
	bw_board_free(b);
}

static void write_where_it_reads(struct bw_board *b)
{
	(void)bw_board_publish(b, BW_STR("mine"));
}

/* A reader that was taken over cannot write: the mapping has no write side left. */
TEST(board_readers_cannot_write)
{
	struct bw_board *b;
	pid_t pid;
	int status;

	assert_ok(bw_board_new("test", MAX, &b));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGSEGV, SIG_DFL);
		if (bw_board_read_side(b) != BW_OK)
			_exit(1);
		write_where_it_reads(b);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	bw_board_free(b);
}
