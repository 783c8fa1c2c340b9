/* Errands: a process that is started when it is asked, and a loop that asks it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/errand_internal.h"
#include "test.h"

enum { IDLE_MS = 100 };

struct request {
	uint8_t what; /* 'e': echoes; 'h': holds until it is released; 'm': looks for the text in its memory;
	               'p': its number; 't': how long it may take, in ms */
	struct bw_str place, text;
};

static const struct bw_message_member members[] = {
    BW_MESSAGE_NUMBER(struct request, what, 1, 'z'),
    BW_MESSAGE_TEXT(struct request, place),
    BW_MESSAGE_TEXT(struct request, text),
};
static const struct bw_message_form form = BW_MESSAGE_FORM(members);
/* On a busy machine a look through all of its memory has taken a process half a minute, and two are waited for: nobody gives up meanwhile. */
static const struct bw_errands kind = {.who = "the errand boy",
    .request = &form,
    .request_bytes = sizeof(struct request),
    .message_max = 1024,
    .out_max = 100,
    .patience_ms = 600000};

static struct bw_errand_channels channels;
static int release[2];

/* ---- Who serves ---- */

/* What is looked for comes disguised, so that the looking itself is not found. */
enum { DISGUISE = 0x5a };

__attribute__((no_sanitize("address"))) static size_t count_in(
    const char *from, const char *to, struct bw_str hidden)
{
	size_t found = 0;

	for (; from + hidden.n <= to; from++) {
		size_t i = 0;

		while (i < hidden.n && (from[i] ^ DISGUISE) == hidden.p[i])
			i++;
		found += i == hidden.n;
	}
	return found;
}

static size_t memory_count(struct bw_str hidden)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long from, to;
	size_t found = 0;
	char line[512], flags[5];

	MUST(maps);
	while (fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx %4s", &from, &to, flags) == 3 && strcmp(flags, "rw-p") == 0 &&
		    to - from < 256ul << 20)
			found += count_in((const char *)from, (const char *)to, hidden);
	fclose(maps);
	return found;
}

static void run(
    void *ctx, const void *request, int64_t deadline_ms, struct bw_arena *arena, struct bw_errand_answer *a)
{
	const struct request *r = request;
	char c;

	(void)ctx;
	a->status = 200;
	a->result = BW_OK;
	a->out = bw_arena_str(arena, r->text);
	if (r->what == 'h' && read(release[0], &c, 1) != 1)
		a->result = BW_EIO;
	if (r->what == 'm')
		a->out = bw_arena_printf(arena, "%zu", memory_count(r->text));
	if (r->what == 'p')
		a->out = bw_arena_printf(arena, "%d", (int)getpid());
	if (r->what == 't')
		a->out = bw_arena_printf(arena, "%lld", (long long)(deadline_ms - bw_clock_mono_ms()));
}

static enum bw_err start(void *ctx)
{
	(void)ctx;
	return BW_OK;
}

static struct bw_str place(const void *request)
{
	return ((const struct request *)request)->place;
}

static bool is_lesser(const void *request)
{
	return bw_str_starts(place(request), BW_STR("lesser"));
}

static int serve(const struct bw_proc_self *self)
{
	const struct bw_errand_service service = {.kind = &kind,
	    .channels = &channels,
	    .threads = 4,
	    .most = 6,
	    .channel_threads = 3,
	    .channel_most = 4,
	    .place = place,
	    .most_there = 2,
	    .lesser = is_lesser,
	    .lesser_threads = 1,
	    .lesser_most = 2,
	    .idle_ms = self->ctx ? IDLE_MS : 0,
	    .start = start,
	    .run = run};

	/* Beside the channels it keeps the standard descriptors alone. */
	MUST(dup2(release[0], STDIN_FILENO) == STDIN_FILENO);
	release[0] = STDIN_FILENO;
	bw_errand_serve(&service, self);
}

/* ---- Who asks ---- */

struct asked {
	struct bw_errand errand;
	bool done;
	enum bw_err result;
	char out[128];
};

static struct bw_loop *loop;
static struct bw_errand_client *client, *other_client;
static pid_t parent;
static size_t awaited;

static void done(struct bw_errand *errand, const struct bw_errand_answer *answer)
{
	struct asked *a = errand->ctx;

	assert_false(a->done);
	a->done = true;
	a->result = answer->result;
	(void)snprintf(a->out, sizeof a->out, "%.*s", BW_FMT(answer->out));
	if (--awaited == 0)
		bw_loop_stop(loop);
}

static void ask_over(struct bw_errand_client *c, struct asked *a, char what, const char *at, const char *text)
{
	const struct request r = {(uint8_t)what, bw_str_c(at), bw_str_c(text)};

	*a = (struct asked){.errand = {.done = done, .ctx = a}};
	bw_errand_send(c, &a->errand, &r);
}

static void ask(struct asked *a, char what, const char *at, const char *text)
{
	ask_over(client, a, what, at, text);
}

static void await(size_t n)
{
	awaited = n;
	bw_loop_run(loop);
}

static void let_go(size_t n)
{
	for (; n; n--)
		assert_int_equal(write(release[1], "", 1), 1);
}

static void begin(bool ends_idle)
{
	static struct bw_proc_row row;
	static int yes;

	assert_int_equal(pipe(release), 0);
	assert_ok(bw_errand_channels_make("test", 2, &channels));
	row = (struct bw_proc_row){.title = "errands",
	    .run = serve,
	    .ctx = ends_idle ? &yes : NULL,
	    .may_send = 1u << BW_PROC_READY,
	    .needed_by = channels.serving,
	    .needed_count = 2,
	    .outlives = true};
	parent = fork();
	assert_true(parent >= 0);
	if (parent == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		_exit(bw_proc_run(&row, 1, 5000, NULL));
	}
	assert_ok(bw_loop_new(&loop));
	assert_ok(bw_errand_client_new(loop, channels.asking[1], &kind, &client));
	assert_ok(bw_errand_client_new(loop, channels.asking[0], &kind, &other_client));
}

static void end(void)
{
	int status;

	bw_errand_client_free(client);
	bw_errand_client_free(other_client);
	bw_loop_free(loop);
	kill(parent, SIGTERM);
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_int_equal(status, 0);
	bw_errand_channels_forget(&channels, BW_ERRAND_NOBODY);
	close(release[0]);
	close(release[1]);
}

static pid_t whose(void)
{
	struct asked a;

	ask(&a, 'p', "number", "");
	await(1);
	assert_int_equal(a.result, BW_OK);
	return (pid_t)strtol(a.out, NULL, 10);
}

TEST(an_errand_is_done_by_whoever_it_wakes)
{
	struct asked a, b;

	begin(false);
	ask(&a, 'e', "x", "one");
	ask(&b, 'e', "y", "");
	await(2);
	assert_int_equal(a.result, BW_OK);
	assert_string_equal(a.out, "one");
	assert_int_equal(b.result, BW_OK);
	assert_string_equal(b.out, "");
	end();
}

TEST(what_is_too_long_is_told_so)
{
	char text[1100] = {0};
	struct asked a, b, c;

	begin(false);
	ask(&a, 'e', "x", memset(text, 'a', 100));
	text[100] = 'a';
	ask(&b, 'e', "y", text); /* an answer of that length is none */
	ask(&c, 'e', "z", memset(text, 'a', 1099));
	await(3);
	assert_int_equal(a.result, BW_OK);
	assert_int_equal(b.result, BW_ETOOBIG);
	assert_int_equal(c.result, BW_EQUOTA);
	end();
}

TEST(places_have_a_few_threads_each)
{
	struct asked held[2], refused, other;

	begin(false);
	for (size_t i = 0; i < 2; i++)
		ask(&held[i], 'h', "slow", "");
	ask(&refused, 'e', "slow", "");
	ask(&other, 'e', "quick", "");
	await(2);
	assert_int_equal(refused.result, BW_EQUOTA);
	assert_int_equal(other.result, BW_OK);
	let_go(2);
	await(2);
	ask(&refused, 'e', "slow", "");
	await(1);
	assert_int_equal(refused.result, BW_OK);
	end();
}

TEST(what_is_less_than_the_rest_leaves_it_threads_and_room)
{
	struct asked held, waiting, refused, other;

	begin(false);
	ask(&held, 'h', "lesser a", "");
	ask(&waiting, 'e', "lesser b", "");
	ask(&refused, 'e', "lesser c", "");
	ask(&other, 'e', "x", "");
	await(2);
	assert_true(refused.done);
	assert_int_equal(refused.result, BW_EQUOTA);
	assert_true(other.done);
	assert_int_equal(other.result, BW_OK);
	/* Although there are threads: they are the others'. */
	ask_over(other_client, &other, 'e', "y", "");
	await(1);
	assert_true(other.done);
	assert_false(waiting.done);
	let_go(1);
	await(2);
	assert_int_equal(held.result, BW_OK);
	assert_int_equal(waiting.result, BW_OK);
	ask(&refused, 'e', "lesser c", "");
	await(1);
	assert_int_equal(refused.result, BW_OK);
	end();
}

TEST(a_channel_has_some_of_the_threads_and_all_together_have_a_ceiling)
{
	static const char *const at[] = {"a", "b", "c", "d", "e"};
	struct asked held[5], others[3];

	begin(false);
	for (size_t i = 0; i < 5; i++)
		ask(&held[i], 'h', at[i], "");
	await(1);
	assert_true(held[4].done);
	assert_int_equal(held[4].result, BW_EQUOTA);
	/* The fourth waits for a thread of its channel; the other channel has one. */
	ask_over(other_client, &others[0], 'e', "f", "through");
	await(1);
	assert_int_equal(others[0].result, BW_OK);
	assert_string_equal(others[0].out, "through");
	assert_false(held[3].done);
	ask_over(other_client, &others[0], 'h', "f", "");
	ask_over(other_client, &others[1], 'h', "g", "");
	ask_over(other_client, &others[2], 'h', "h", "");
	await(1);
	assert_true(others[2].done);
	assert_int_equal(others[2].result, BW_EQUOTA);
	let_go(6);
	await(6);
	assert_int_equal(held[3].result, BW_OK);
	assert_int_equal(others[1].result, BW_OK);
	end();
}

/* As whoever took over a process that asks: no word of this is the client's. */
static void send_raw(int channel, uint64_t id, int64_t deadline_ms, char what, const char *text)
{
	const struct request r = {(uint8_t)what, BW_STR("z"), bw_str_c(text)};
	struct bw_buf out;

	bw_buf_init(&out, kind.message_max);
	errand_request_encode(&kind, id, deadline_ms, &r, &out);
	while (send(channel, out.p, out.n, MSG_DONTWAIT) < 0)
		usleep(1000);
	bw_buf_free(&out);
}

TEST(who_asks_can_shorten_the_time_and_not_lengthen_it)
{
	char answer[1024];
	struct bw_errand_answer a;
	uint64_t id = ERRAND_NOBODY;
	int64_t left_ms;
	ssize_t n;

	begin(false);
	bw_errand_client_free(client);
	send_raw(channels.asking[1], 7, INT64_MAX, 't', "");
	while (id != 7) {
		n = recv(channels.asking[1], answer, sizeof answer, 0);
		assert_ok(errand_answer_decode(&kind, bw_str_make(answer, (size_t)n), &id, &a));
	}
	assert_ok(bw_str_to_i64(a.out, 0, kind.patience_ms, &left_ms));
	assert_ok(bw_errand_client_new(loop, channels.asking[1], &kind, &client));
	end();
}

TEST(who_does_not_read_holds_nobody_else_up)
{
	char text[101] = {0};
	struct asked other;

	begin(false);
	memset(text, 'a', 100);
	bw_errand_client_free(client); /* nobody reads that channel now */
	/* More answers than its socket takes, and as many refusals. */
	for (uint64_t i = 1; i < 2000; i++)
		send_raw(channels.asking[1], i, bw_clock_mono_ms() + 1000, 'e', text);
	for (size_t i = 0; i < 3; i++) {
		ask_over(other_client, &other, 'e', "x", "served");
		await(1);
		assert_int_equal(other.result, BW_OK);
	}
	/* And who reads again is served again. */
	assert_ok(bw_errand_client_new(loop, channels.asking[1], &kind, &client));
	usleep(1200000);
	(void)whose();
	end();
}

TEST(what_was_refused_leaves_nothing_in_memory)
{
	static const char hidden[] = {'r' ^ DISGUISE, 'e' ^ DISGUISE, 'f' ^ DISGUISE, '-' ^ DISGUISE,
	    'P' ^ DISGUISE, 'I' ^ DISGUISE, 'N' ^ DISGUISE, '-' ^ DISGUISE, '8' ^ DISGUISE, '1' ^ DISGUISE,
	    '7' ^ DISGUISE, '3' ^ DISGUISE, 0};
	char secret[sizeof hidden], kept[sizeof hidden], kept_hidden[sizeof hidden];
	struct asked held[2], refused, count;

	begin(false);
	/* Only now: the process has a copy of what was here before. */
	for (size_t i = 0; i < sizeof hidden; i++)
		secret[i] = i < sizeof hidden - 1 ? hidden[i] ^ DISGUISE : 0;
	memcpy(kept, secret, sizeof kept);
	memcpy(kept_hidden, hidden, sizeof kept);
	kept[0] = 'k';
	kept_hidden[0] = 'k' ^ DISGUISE;
	ask(&held[0], 'h', "slow", kept);
	ask(&held[1], 'h', "slow", "");
	ask(&refused, 'h', "slow", secret);
	await(1);
	assert_int_equal(refused.result, BW_EQUOTA);
	ask(&count, 'm', "here", hidden);
	await(1);
	assert_string_equal(count.out, "0");
	/* The looking finds what is there. */
	ask(&count, 'm', "here", kept_hidden);
	await(1);
	assert_string_not_equal(count.out, "0");
	let_go(2);
	await(2);
	end();
}

TEST(what_a_dead_process_took_along_is_told_and_the_rest_is_done)
{
	struct asked held, next;
	pid_t pid;

	begin(false);
	pid = whose();
	ask(&held, 'h', "slow", "");
	(void)whose(); /* it has been read by now */
	kill(pid, SIGKILL);
	usleep(20000);
	ask(&next, 'e', "x", "still");
	await(2);
	assert_int_equal(held.result, BW_EAGAIN);
	assert_int_equal(next.result, BW_OK);
	assert_string_equal(next.out, "still");
	/* Nothing new needed to be asked for that. */
	pid = whose();
	ask(&held, 'h', "slow", "");
	(void)whose();
	kill(pid, SIGKILL);
	await(1);
	assert_int_equal(held.result, BW_EAGAIN);
	end();
}

TEST(whom_nothing_needs_ends_and_comes_back)
{
	struct asked held;
	pid_t first, second;

	begin(true);
	first = whose();
	ask(&held, 'h', "slow", "");
	usleep(3 * IDLE_MS * 1000); /* not while something is in its hands */
	assert_int_equal(kill(first, 0), 0);
	let_go(1);
	await(1);
	assert_int_equal(held.result, BW_OK);
	for (int i = 0; i < 200 && kill(first, 0) == 0; i++)
		usleep(50000);
	assert_int_not_equal(kill(first, 0), 0);
	second = whose();
	assert_int_not_equal(first, second);
	end();
}

/* Of a core's time, in hundredths of a second. */
static long time_of(pid_t pid)
{
	char path[64], line[512], *at;
	long user = 0, system = 0;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	assert_true(f && fgets(line, sizeof line, f));
	fclose(f);
	at = strrchr(line, ')');
	assert_true(at && sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system) == 2);
	return user + system;
}

/* Whoever was taken over can do it, and both ends are the parent's too: such a channel stays readable. */
TEST(a_channel_that_was_shut_down_is_passed_over_by_both_sides)
{
	struct asked under_way, after, other;
	long before;
	pid_t pid;

	begin(false);
	pid = whose();
	ask(&under_way, 'h', "x", "");
	ask_over(other_client, &other, 'e', "x", "first");
	await(1);
	assert_int_equal(shutdown(channels.asking[1], SHUT_RDWR), 0);
	await(1);
	assert_true(under_way.done);
	assert_int_not_equal(under_way.result, BW_OK);
	ask(&after, 'e', "x", "");
	await(1);
	assert_int_equal(after.result, BW_EQUOTA);
	let_go(1);
	ask_over(other_client, &other, 'e', "y", "served");
	await(1);
	assert_string_equal(other.out, "served");
	before = time_of(pid);
	usleep(500000);
	assert_true(time_of(pid) - before < 20); /* it waits, and does not look again and again */
	end();
}

TEST(what_is_withdrawn_is_not_told)
{
	struct asked gone, other;

	begin(false);
	ask(&gone, 'e', "x", "gone");
	bw_errand_withdraw(&gone.errand);
	ask(&other, 'e', "x", "other");
	await(1);
	assert_false(gone.done);
	assert_true(other.done);
	end();
}

TEST(what_is_no_request_is_left_unanswered)
{
	char long_one[1100] = {1};
	struct asked a;

	begin(false);
	assert_int_equal(send(channels.asking[1], "", 1, 0), 1);
	assert_int_equal(send(channels.asking[1], long_one, 40, 0), 40);
	assert_int_equal(send(channels.asking[1], long_one, sizeof long_one, 0), (ssize_t)sizeof long_one);
	ask(&a, 'e', "x", "word");
	await(1);
	assert_int_equal(a.result, BW_OK);
	assert_string_equal(a.out, "word");
	end();
}
