/* A server without a network on a clock of the test's: what happens by itself at its times. For one test program each. */
#pragma once

#include "test.h"

#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/internal.h"

static const char account[] = "123456789012";
static const struct bw_service *due_service; /* whose records are put */

static struct {
	char folder[64];
	struct bw_core *core;
	struct bw_loop *loop;
	struct bw_lane *lane;
	struct bw_arena arena;
	struct gate_call g; /* what records are put with */
	struct bw_timer timer;
	int64_t now_ms, turn_ms, give_up_ms;
	struct bw_ring *channel;
	pid_t keyer;
	bool (*enough)(void); /* NULL: when nothing is due any more */
} w;

static void for_ever(void *ctx)
{
	(void)ctx;
	for (;;)
		(void)poll(NULL, 0, 1000);
}

static void keyer_start(void)
{
	struct bw_secret root = bw_secret_new(32);

	assert_ok(bw_keyer_channel(0, &w.channel));
	w.keyer = fork();
	if (w.keyer == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		_exit(bw_keyer_serve(&root, NULL, &w.channel, 1, for_ever, NULL) == BW_OK ? 0 : 1);
	}
	assert_true(w.keyer > 0);
	bw_secret_free(&root);
}

static void put_begin(void)
{
	w.g.call = (struct bw_call){.core = w.core, .arena = &w.arena, .now_ms = w.now_ms, .account = bw_str_c(account),
	    .region = BW_STR("us-east-1"), .service = due_service};
	w.g.lane = w.lane;
	bw_batch_init(&w.g.call.batch, &w.arena);
	assert_ok(bw_snapshot_begin(w.core->store, &w.g.call.view));
}

static void put_end(void)
{
	bw_snapshot_end(w.g.call.view);
	assert_ok(bw_store_commit_wait(w.core->store, &w.g.call.batch));
}

static void begin(void)
{
	struct bw_core_config config = {.ephemeral = true, .account = bw_str_c(account), .lanes = 1};
	struct bw_first_start first;

	memset(&w, 0, sizeof w);
	keyer_start();
	bw_crypto_init();
	bw_arena_init(&w.arena, 64 << 20);
	snprintf(w.folder, sizeof w.folder, "/tmp/bulwark-due-XXXXXX");
	assert_non_null(mkdtemp(w.folder));
	config.data_dir = bw_str_c(w.folder);
	config.keyer_channels = &w.channel;
	assert_ok(bw_core_open(&config, &w.arena, &first, &w.core));
	assert_ok(bw_loop_new(&w.loop));
	assert_ok(bw_lane_new(w.core, w.loop, 0, &w.lane));
	/* Far from the real clock, which the lane goes by. */
	w.now_ms = bw_clock_wall_ms() + INT64_C(10000) * 24 * 3600 * 1000;
	w.turn_ms = bw_clock_mono_ms();
}

static int away(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st, (void)kind, (void)where;
	return remove(path);
}

static void end(void)
{
	char name[80];
	int status;

	bw_lane_free(w.lane);
	bw_loop_free(w.loop);
	bw_core_close(w.core);
	bw_arena_free(&w.arena);
	kill(w.keyer, SIGKILL);
	assert_int_equal(waitpid(w.keyer, &status, 0), w.keyer);
	bw_ring_free(w.channel);
	assert_int_equal(nftw(w.folder, away, 8, FTW_DEPTH | FTW_PHYS), 0);
	snprintf(name, sizeof name, "%s.key", w.folder);
	(void)remove(name);
}

/* How many marks are due at the test's time. */
static size_t due_count(void)
{
	struct bw_snapshot *view;
	struct bw_scan scan;
	struct bw_str key;
	int64_t due_ms;
	size_t n = 0;

	assert_ok(bw_snapshot_begin(w.core->store, &view));
	assert_ok(bw_scan_begin(view, BW_STR("-/global/task/due/"), BW_STR_NONE, &scan));
	while (bw_scan_next(&scan, &w.arena, &key, NULL, NULL) == BW_OK) {
		assert_ok(bw_str_to_i64(bw_str_sub(key, 18, 14), 0, INT64_MAX, &due_ms));
		n += due_ms <= w.now_ms;
	}
	bw_scan_end(&scan);
	bw_snapshot_end(view);
	return n;
}

static void turn(struct bw_timer *t)
{
	w.turn_ms += 10000;
	tasks_tick(w.lane, w.turn_ms, w.now_ms);
	if (due_count() == 0 || (w.enough && w.enough()) || bw_clock_mono_ms() > w.give_up_ms)
		bw_loop_stop(w.loop);
	else
		bw_timer_set(w.loop, t, 10);
}

static void turns(int64_t now_ms)
{
	w.now_ms = now_ms;
	w.give_up_ms = bw_clock_mono_ms() + 20000;
	w.timer.fire = turn;
	bw_timer_set(w.loop, &w.timer, 1);
	bw_loop_run(w.loop);
}

/* Everything that is due by then happens. */
static void time_is(int64_t now_ms)
{
	turns(now_ms);
	assert_int_equal(due_count(), 0);
}

static bool is_there(struct bw_str key)
{
	struct bw_snapshot *view;
	bool there;

	assert_ok(bw_snapshot_begin(w.core->store, &view));
	there = bw_snapshot_version(view, key) != 0;
	bw_snapshot_end(view);
	return there;
}
