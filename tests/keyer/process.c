/* The keyer as a process, and a loop that asks it. */
#include "fixture.h"
#include "store/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct bw_loop *loop;
static struct bw_keyer_client *client;
static int keyer_end, api_end;
static size_t answers_left;

/* Outside the narrow sandbox these would all work. */
static void powers_try(void *ctx)
{
	int *out = ctx;
	unsigned char bad = 0;

	bad |= open("/etc/passwd", O_RDONLY) >= 0;
	bad |= (unsigned char)(socket(AF_INET, SOCK_STREAM, 0) >= 0) << 1;
	bad |= (unsigned char)(socket(AF_UNIX, SOCK_STREAM, 0) >= 0) << 2;
	bad |= (unsigned char)(kill(getppid(), 0) == 0) << 3;
	bad |= (unsigned char)(unlink("/nowhere/at/all") == 0 || errno != EPERM) << 4;
	if (write(*out, &bad, 1) != 1)
		_exit(9);
}

static void for_ever(void *ctx)
{
	(void)ctx;
	for (;;)
		(void)poll(NULL, 0, 1000);
}

static pid_t keyer_start(void (*wait_for)(void *ctx), void *ctx)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct bw_secret root = root_make();

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		_exit(bw_keyer_serve(&root, NULL, &keyer_end, 1, wait_for, ctx) == BW_OK ? 0 : 1);
	}
	assert_true(pid > 0);
	return pid;
}

static void keyer_kill(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void begin(void)
{
	keyer_begin();
	assert_ok(bw_keyer_channel(&keyer_end, &api_end));
	assert_ok(bw_loop_new(&loop));
	assert_ok(bw_keyer_client_new(loop, api_end, &client));
}

static void end(void)
{
	bw_keyer_client_free(client);
	bw_loop_free(loop);
	close(keyer_end);
	close(api_end);
}

static void counted(struct bw_keyer_ask *a)
{
	(void)a;
	if (--answers_left == 0)
		bw_loop_stop(loop);
}

TEST(the_process_answers)
{
	const struct bw_keyer_request r = {.op = BW_KEYER_RANDOM, .length = 24};
	struct bw_keyer_ask asks[50];
	pid_t pid;

	begin();
	pid = keyer_start(for_ever, NULL);
	answers_left = BW_COUNT(asks);
	for (size_t i = 0; i < BW_COUNT(asks); i++) {
		asks[i] = (struct bw_keyer_ask){.request = &r, .arena = &arena, .done = counted};
		bw_keyer_send(client, &asks[i]);
	}
	bw_loop_run(loop);
	for (size_t i = 0; i < BW_COUNT(asks); i++) {
		assert_ok(asks[i].answer.result);
		assert_int_equal(asks[i].answer.out.n, 24);
	}
	assert_false(bw_str_eq(asks[0].answer.out, asks[1].answer.out));
	keyer_kill(pid);
	end();
}

TEST(the_start_of_an_api_process_waits_for_the_keyer)
{
	unsigned char root[32], salt[32], want[32];
	struct bw_keyer_request r = {.op = BW_KEYER_STORE_KEY, .input = bw_str_make(salt, sizeof salt)};
	struct bw_keyer_answer a;
	pid_t pid;

	memset(root, 7, sizeof root);
	memset(salt, 9, sizeof salt);
	begin();
	assert_int_equal(bw_keyer_ask_wait(api_end, &r, 50, &arena, &a), BW_EAGAIN);
	pid = keyer_start(for_ever, NULL);
	assert_ok(bw_keyer_ask_wait(api_end, &r, 30000, &arena, &a));
	assert_ok(a.result);
	bw_store_key(bw_str_make(root, sizeof root), r.input, want);
	assert_true(bw_str_eq(a.out, bw_str_make(want, sizeof want)));
	/* Another length is no salt. */
	r.input.n = 31;
	assert_ok(bw_keyer_ask_wait(api_end, &r, 30000, &arena, &a));
	assert_int_equal(a.result, BW_EINVAL);
	assert_int_equal(a.out.n, 0);
	keyer_kill(pid);
	end();
}

/* What the first keyer took along with it is answered by the second. */
TEST(a_keyer_that_is_killed_loses_nothing)
{
	const struct bw_keyer_request slow = {.op = BW_KEYER_GENERATE,
	    .key = {BW_STR("a"), BW_STR("r"), BW_STR("k"), BW_STR_NONE, 1, BW_KEY_RSA_4096, BW_STR_NONE}};
	struct bw_keyer_ask asks[3];
	pid_t pid;

	begin();
	pid = keyer_start(for_ever, NULL);
	answers_left = BW_COUNT(asks);
	for (size_t i = 0; i < BW_COUNT(asks); i++) {
		asks[i] = (struct bw_keyer_ask){.request = &slow, .arena = &arena, .done = counted};
		bw_keyer_send(client, &asks[i]);
	}
	usleep(20000);
	keyer_kill(pid);
	pid = keyer_start(for_ever, NULL);
	bw_loop_run(loop);
	for (size_t i = 0; i < BW_COUNT(asks); i++)
		assert_true(asks[i].answer.result == BW_OK || asks[i].answer.result == BW_EAGAIN);
	assert_ok(asks[0].answer.result);
	keyer_kill(pid);
	end();
}

TEST(what_is_no_request_harms_nobody)
{
	const struct bw_keyer_request r = {.op = BW_KEYER_RANDOM, .length = 8};
	struct bw_keyer_ask one = {.request = &r, .arena = &arena, .done = counted};
	char junk[512];
	pid_t pid;

	begin();
	pid = keyer_start(for_ever, NULL);
	for (size_t n = 1; n < sizeof junk; n += 7) {
		memset(junk, (int)n, n);
		assert_int_equal(send(api_end, junk, n, 0), n);
	}
	answers_left = 1;
	bw_keyer_send(client, &one);
	bw_loop_run(loop);
	assert_ok(one.answer.result);
	keyer_kill(pid);
	end();
}

TEST(too_much_to_say_is_refused_without_sending)
{
	struct bw_keyer_request r = {.op = BW_KEYER_MAC};
	struct bw_keyer_ask one = {.request = &r, .arena = &arena, .done = counted};

	begin();
	r.input = bw_str_make(bw_arena_alloc(&arena, BW_KEYER_MESSAGE_MAX), BW_KEYER_MESSAGE_MAX);
	answers_left = 1;
	bw_keyer_send(client, &one);
	bw_loop_run(loop);
	assert_int_equal(one.answer.result, BW_EAGAIN);
	end();
}

TEST(the_process_can_open_and_reach_nothing)
{
	unsigned char bad = 0xff;
	int status, out[2];
	pid_t pid;

	begin();
	assert_int_equal(pipe(out), 0);
	pid = keyer_start(powers_try, &out[1]);
	assert_int_equal(read(out[0], &bad, 1), 1);
	assert_int_equal(bad, 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(out[0]);
	close(out[1]);
	end();
}
