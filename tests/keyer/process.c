/* The keyer as a process, and a loop that asks it. */
#include "fixture.h"
#include "base/sys.h"
#include "proc/ring_form.h"
#include "store/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct bw_loop *loop;
static struct bw_keyer_client *client;
static struct bw_ring *channel;
static size_t answers_left;
static int64_t hours;

enum { MANY = 5000 };

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
	bad |= (unsigned char)(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) << 5;
	bad |= (unsigned char)(syscall(SYS_tgkill, getppid(), getppid(), 0) == 0 || syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 0) != 0) << 6;
	bad |= (unsigned char)(epoll_create1(0) >= 0 || fork() >= 0 || dup(0) >= 0) << 7;
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
		_exit(bw_keyer_serve(&root, NULL, &channel, 1, wait_for, ctx) == BW_OK ? 0 : 1);
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
	assert_ok(bw_keyer_channel(0, &channel));
	assert_ok(bw_loop_new(&loop));
	assert_ok(bw_keyer_client_new(loop, channel, &client));
}

static void end(void)
{
	bw_keyer_client_free(client);
	bw_loop_free(loop);
	bw_ring_free(channel);
}

static void counted(struct bw_keyer_ask *a)
{
	(void)a;
	if (--answers_left == 0)
		bw_loop_stop(loop);
}

static void send_all(struct bw_keyer_ask *asks, size_t n, const struct bw_keyer_request *r)
{
	answers_left = n;
	for (size_t i = 0; i < n; i++) {
		asks[i] = (struct bw_keyer_ask){.request = r, .arena = &arena, .done = counted};
		bw_keyer_send(client, &asks[i]);
	}
}

static void stop(struct bw_timer *t)
{
	(void)t;
	bw_loop_stop(loop);
}

static void turn_for(int64_t ms)
{
	struct bw_timer t = {.fire = stop};

	bw_timer_set(loop, &t, ms);
	bw_loop_run(loop);
}

/* As a keyer does that starts. */
static void hello_say(uint64_t taken, uint64_t until)
{
	struct bw_ring_end *e;
	struct bw_buf b;

	assert_ok(bw_ring_end_open(channel, BW_RING_ANSWERING, &e));
	bw_buf_init(&b, 256);
	keyer_hello_encode(taken, until, &b);
	assert_ok(bw_ring_put(e, bw_buf_str(&b)));
	bw_ring_kick(e);
	bw_buf_free(&b);
	bw_ring_end_close(e);
}

TEST(the_process_answers)
{
	const struct bw_keyer_request r = {.op = BW_KEYER_RANDOM, .length = 24};
	struct bw_keyer_ask asks[50];
	pid_t pid;

	begin();
	pid = keyer_start(for_ever, NULL);
	send_all(asks, BW_COUNT(asks), &r);
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
	struct bw_keyer_waiter *waiter;
	struct bw_keyer_answer a;
	pid_t pid;

	memset(root, 7, sizeof root);
	memset(salt, 9, sizeof salt);
	keyer_begin();
	assert_ok(bw_keyer_channel(0, &channel));
	assert_ok(bw_keyer_waiter_new(channel, &waiter));
	assert_int_equal(bw_keyer_ask_wait(waiter, &r, 50, &arena, &a), BW_EAGAIN);
	pid = keyer_start(for_ever, NULL);
	assert_ok(bw_keyer_ask_wait(waiter, &r, 30000, &arena, &a));
	assert_ok(a.result);
	bw_store_key(bw_str_make(root, sizeof root), r.input, want);
	assert_true(bw_str_eq(a.out, bw_str_make(want, sizeof want)));
	/* Another length is no salt. */
	r.input.n = 31;
	assert_ok(bw_keyer_ask_wait(waiter, &r, 30000, &arena, &a));
	assert_int_equal(a.result, BW_EINVAL);
	assert_int_equal(a.out.n, 0);
	keyer_kill(pid);
	bw_keyer_waiter_free(waiter);
	bw_ring_free(channel);
}

/* What the first keyer took along with it is answered by the second. */
TEST(a_keyer_that_is_killed_loses_nothing)
{
	const struct bw_keyer_request slow = {.op = BW_KEYER_GENERATE,
	    .key = {BW_STR("a"), BW_STR("r"), BW_STR("k"), BW_STR_NONE, 1, BW_KEY_RSA_3072, BW_STR_NONE}};
	struct bw_keyer_ask asks[3];
	pid_t pid;

	begin();
	pid = keyer_start(for_ever, NULL);
	send_all(asks, BW_COUNT(asks), &slow);
	turn_for(20);
	keyer_kill(pid);
	pid = keyer_start(for_ever, NULL);
	bw_loop_run(loop);
	for (size_t i = 0; i < BW_COUNT(asks); i++)
		assert_ok(asks[i].answer.result);
	keyer_kill(pid);
	end();
}

/* What waits in the ring was taken by nobody: any number of keyers may come and go. */
TEST(a_request_that_no_keyer_has_begun_is_not_counted)
{
	const struct bw_keyer_request r = {.op = BW_KEYER_RANDOM, .length = 24};
	struct bw_keyer_ask asks[40];
	pid_t pid;

	begin();
	send_all(asks, BW_COUNT(asks), &r);
	for (int i = 0; i < 3; i++)
		hello_say(0, UINT64_MAX);
	pid = keyer_start(for_ever, NULL);
	bw_loop_run(loop);
	for (size_t i = 0; i < BW_COUNT(asks); i++)
		assert_ok(asks[i].answer.result);
	keyer_kill(pid);
	end();
}

TEST(a_request_that_two_keyers_die_of_is_not_sent_again)
{
	const struct bw_keyer_request r = {.op = BW_KEYER_RANDOM, .length = 24};
	struct bw_keyer_ask one[1];

	begin();
	send_all(one, 1, &r);
	hello_say(UINT64_MAX, UINT64_MAX);
	turn_for(20);
	assert_int_equal(answers_left, 1);
	hello_say(UINT64_MAX, UINT64_MAX);
	bw_loop_run(loop);
	assert_int_equal(one[0].answer.result, BW_EAGAIN);
	end();
}

static int64_t an_hour_later(void)
{
	return bw_clock_mono_ms() + hours * 3600 * 1000;
}

TEST(a_keyer_that_says_nothing_is_waited_for_in_vain)
{
	const struct bw_keyer_request r = {.op = BW_KEYER_RANDOM, .length = 24};
	struct bw_keyer_ask asks[3];

	begin();
	hours = 0;
	bw_loop_clock_set(loop, an_hour_later);
	send_all(asks, BW_COUNT(asks), &r);
	turn_for(20);
	assert_int_equal(answers_left, 3);
	hours = 1;
	bw_loop_run(loop);
	for (size_t i = 0; i < BW_COUNT(asks); i++)
		assert_int_equal(asks[i].answer.result, BW_EIO);
	end();
}

/* More than the ring holds wait in front of it; more than that are refused. */
TEST(what_the_ring_has_no_room_for_waits)
{
	struct bw_keyer_request r = {.op = BW_KEYER_MAC, .algorithm = BW_ALG_HMAC_SHA_256};
	struct bw_keyer_ask *asks = bw_alloc(MANY * sizeof *asks);
	size_t refused = 0;
	pid_t pid;

	begin();
	r.key = key_make(BW_KEY_HMAC_256, NULL);
	r.input = bw_str_make(bw_arena_alloc(&arena, 4096), 4096);
	send_all(asks, MANY, &r);
	pid = keyer_start(for_ever, NULL);
	bw_loop_run(loop);
	for (size_t i = 0; i < MANY; i++) {
		refused += asks[i].answer.result == BW_EAGAIN;
		assert_true(asks[i].answer.result == BW_EAGAIN || (asks[i].answer.result == BW_OK && asks[i].answer.out.n == 32));
	}
	assert_int_equal(refused, MANY - 4096);
	keyer_kill(pid);
	end();
	bw_free(asks);
}

TEST(what_is_no_request_harms_nobody)
{
	const struct bw_keyer_request r = {.op = BW_KEYER_RANDOM, .length = 8};
	struct bw_keyer_ask one[1];
	struct bw_ring_end *other;
	struct bw_keyer_waiter *waiter;
	struct bw_keyer_answer a;
	char junk[512];
	pid_t pid;

	keyer_begin();
	assert_ok(bw_keyer_channel(0, &channel));
	pid = keyer_start(for_ever, NULL);
	assert_ok(bw_keyer_waiter_new(channel, &waiter));
	assert_ok(bw_keyer_ask_wait(waiter, &r, 30000, &arena, &a));
	bw_keyer_waiter_free(waiter);
	assert_ok(bw_ring_end_open(channel, BW_RING_ASKING, &other));
	for (size_t n = 0; n < sizeof junk; n += 7) {
		memset(junk, (int)n, n);
		assert_ok(bw_ring_put(other, bw_str_make(junk, n)));
	}
	bw_ring_kick(other);
	assert_ok(bw_loop_new(&loop));
	assert_ok(bw_keyer_client_new(loop, channel, &client));
	send_all(one, 1, &r);
	bw_loop_run(loop);
	assert_ok(one[0].answer.result);
	keyer_kill(pid);
	bw_ring_end_close(other);
	end();
}

/* An api process that was taken over writes into the ring what it likes. */
TEST(a_spoilt_ring_is_emptied_and_serves_again)
{
	static const uint64_t places[] = {0, 1, 3, 1 << 17, (1 << 17) + 1, UINT64_MAX, UINT64_MAX / 2};
	const struct bw_keyer_request r = {.op = BW_KEYER_RANDOM, .length = 8};
	struct bw_ring_end *other;
	struct bw_keyer_ask one[1];
	pid_t pid;

	begin();
	pid = keyer_start(for_ever, NULL);
	assert_ok(bw_ring_end_open(channel, BW_RING_ASKING, &other));
	for (size_t i = 0; i < 2 * BW_COUNT(places); i++) {
		_Atomic uint64_t *at = i & 1 ? &other->head->ways[BW_RING_ANSWERING].taken : &other->head->ways[BW_RING_ASKING].put;

		memset(other->out, (int)(i * 37), 128 * 1024);
		atomic_store(at, atomic_load(at) + places[i / 2]);
		bw_ring_kick(other);
		turn_for(5);
		send_all(one, 1, &r);
		bw_loop_run(loop);
		assert_ok(one[0].answer.result);
	}
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	keyer_kill(pid);
	bw_ring_end_close(other);
	end();
}

TEST(too_much_to_say_is_refused_without_sending)
{
	struct bw_keyer_request r = {.op = BW_KEYER_MAC};
	struct bw_keyer_ask one[1];

	begin();
	r.input = bw_str_make(bw_arena_alloc(&arena, BW_KEYER_MESSAGE_MAX), BW_KEYER_MESSAGE_MAX);
	send_all(one, 1, &r);
	bw_loop_run(loop);
	assert_int_equal(one[0].answer.result, BW_EINVAL);
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
