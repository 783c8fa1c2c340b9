/* Randomness that is never given twice: not to a child, nor to a virtual machine that was saved and goes on twice. */
#include "test.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"

enum { NONCE = 12, DRAWS = 20 };

static void draw(unsigned char out[DRAWS][NONCE])
{
	for (int i = 0; i < DRAWS; i++)
		bw_random(out[i], NONCE);
}

/* What a copy of this process draws, which `copy` makes, and what this one does. */
static void draws_differ(pid_t (*copy)(void))
{
	unsigned char ours[DRAWS][NONCE], theirs[DRAWS][NONCE];
	int ends[2], status;
	pid_t pid;

	bw_random(ours[0], NONCE); /* there is a pool */
	assert_int_equal(pipe(ends), 0);
	pid = copy();
	draw(ours);
	if (pid == 0)
		_exit(write(ends[1], ours, sizeof ours) == sizeof ours ? 0 : 1);
	assert_true(pid > 0);
	assert_int_equal(read(ends[0], theirs, sizeof theirs), sizeof theirs);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(ends[0]);
	close(ends[1]);
	for (int i = 0; i < DRAWS; i++)
		for (int j = 0; j < DRAWS; j++)
			assert_memory_not_equal(ours[i], theirs[j], NONCE);
}

TEST(random_a_child_draws_other_bytes)
{
	draws_differ(fork);
}

/* Behind the C library's back: nothing tells the process that it is the second. */
static pid_t unnoticed_copy(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

TEST(random_a_copy_that_does_not_know_it_draws_other_bytes)
{
	draws_differ(unnoticed_copy);
}

TEST(random_bytes_of_every_length)
{
	for (size_t n = 1; n <= 3000; n += n < 40 ? 1 : 61) {
		unsigned char a[3000] = {0}, zero[3000] = {0};

		for (int i = 0; i < 8 && memcmp(a, zero, n) == 0; i++)
			bw_random(a, n);
		assert_memory_not_equal(a, zero, n);
		assert_memory_equal(a + n, zero, sizeof a - n);
	}
}
