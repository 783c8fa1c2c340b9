/* The worker: one loop that follows the images and serves by the newest. */
#include "edge/edge.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "edge/internal.h"
#include "net/tls.h"

enum {
	REGEX_STEPS = 20000, /* of one match; a pattern of 128 characters over a path needs some hundreds */
	REGEX_KIB = 256,
	DRAIN_POLL_MS = 50,
	ARENA_BYTES = 1024 * 1024,
};

enum bw_err bw_edge_make(struct bw_edge *out)
{
	*out = (struct bw_edge){.log_dir = -1};
	TRY(bw_board_new("edge-images", BW_EDGE_IMAGE_MAX, &out->images));
	TRY(bw_board_new("edge-reports", BW_EDGE_REPORT_MAX, &out->reports));
	bw_random(out->cookie_key, sizeof out->cookie_key);
	return BW_OK;
}

void bw_edge_free(struct bw_edge *e)
{
	bw_board_free(e->images);
	bw_board_free(e->reports);
	bw_wipe(e->cookie_key, sizeof e->cookie_key);
}

int64_t edge_wall_ms(struct edge *e)
{
	(void)e;
	return bw_clock_wall_ms();
}

/* ---- images ---- */

static void image_take(struct edge *e)
{
	struct edge_config *config, *old = e->config;
	struct bw_buf bytes;
	enum bw_err err;

	if (bw_board_seq(e->shared->images) == e->image_seq || e->draining)
		return;
	bw_buf_init(&bytes, BW_EDGE_IMAGE_MAX);
	err = bw_board_read(e->shared->images, &bytes, &e->image_seq);
	if (err == BW_OK)
		err = config_make(e, bw_buf_str(&bytes), &config);
	bw_buf_free_secret(&bytes);
	if (err != BW_OK) {
		bw_log(BW_LOG_ERROR, "an image for the edge cannot be used (%s): the last one stays",
		    bw_err_name(err));
		return;
	}
	listenings_update(e, config);
	e->config = config;
	config_release(old);
	report_touch(e);
}

static void image_ready(struct bw_watch *w, uint32_t events)
{
	struct edge *e = (struct edge *)((char *)w - offsetof(struct edge, image_watch));

	(void)events;
	bw_board_wake_take(e->shared->images);
	image_take(e);
}

/* ---- the end ---- */

static void drain_look(struct bw_timer *t)
{
	struct edge *e = (struct edge *)((char *)t - offsetof(struct edge, drain_timer));

	clients_drain(e);
	h2_drain(e);
	if (e->client_count == 0)
		bw_loop_stop(e->loop);
	else
		bw_timer_set(e->loop, &e->drain_timer, DRAIN_POLL_MS);
}

static void drain(struct edge *e)
{
	if (e->draining)
		return;
	e->draining = true;
	listenings_close(e);
	bw_timer_set(e->loop, &e->drain_timer, 0);
}

static void channel_ready(struct bw_watch *w, uint32_t events)
{
	struct edge *e = (struct edge *)((char *)w - offsetof(struct edge, channel_watch));
	struct bw_proc_message m;
	enum bw_err err;

	(void)events;
	while ((err = bw_proc_receive(w->fd, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RELOAD, &m)) == BW_OK) {
		if (m.type == BW_PROC_DRAIN)
			drain(e);
		else if (bw_proc_send(w->fd, BW_PROC_READY, BW_STR("")) != BW_OK)
			break;
	}
	if (err != BW_EAGAIN && err != BW_OK) {
		bw_watch_remove(e->loop, w);
		drain(e);
	}
}

static void report_fire(struct bw_timer *t)
{
	report_publish((struct edge *)((char *)t - offsetof(struct edge, report_timer)));
}

/* ---- the beginning ---- */

static void patterns_open(struct edge *e)
{
	e->match_data = pcre2_match_data_create(64, NULL);
	e->match_context = pcre2_match_context_create(NULL);
	MUST(e->match_data && e->match_context);
	(void)pcre2_set_match_limit(e->match_context, REGEX_STEPS);
	(void)pcre2_set_depth_limit(e->match_context, REGEX_STEPS);
	(void)pcre2_set_heap_limit(e->match_context, REGEX_KIB);
}

static void edge_open(struct edge *e)
{
	bw_map_init(&e->groups, 0, NULL);
	bw_map_init(&e->tls_sets, 0, NULL);
	bw_map_init(&e->stats, 0, NULL);
	bw_map_init(&e->key_sets, 0, NULL);
	bw_buf_init(&e->head, BW_HTTP_HEAD_MAX * 2);
	bw_buf_init(&e->lines, BW_HTTP_HEAD_MAX * 2);
	bw_buf_init(&e->decoded, SIZE_MAX / 2);
	bw_arena_init(&e->arena, ARENA_BYTES);
	bw_arena_init(&e->rewritten, ARENA_BYTES);
	e->scratch = bw_realloc(NULL, SCRATCH_BYTES);
	e->cookies = bw_aead_key_new(e->shared->cookie_key);
	e->target_tls = bw_tls_client_unverified();
	e->report_timer.fire = report_fire;
	e->drain_timer.fire = drain_look;
	patterns_open(e);
}

static enum bw_err edge_start(struct edge *e)
{
	TRY(bw_board_read_side(e->shared->images));
	TRY(bw_board_write_side(e->shared->reports));
	TRY(bw_loop_new(&e->loop));
	if (e->shared->helper)
		TRY(bw_helper_client_new(e->loop, e->shared->helper->asking[0], &e->helper));
	e->image_watch = (struct bw_watch){.fd = bw_board_wake_fd(e->shared->images), .ready = image_ready};
	e->channel_watch = (struct bw_watch){.fd = e->self->channel, .ready = channel_ready};
	TRY(bw_watch_set(e->loop, &e->image_watch, EPOLLIN));
	TRY(bw_watch_set(e->loop, &e->channel_watch, EPOLLIN));
	TRY(bw_sandbox_enter());
	bw_sandbox_files(e->shared->log_dir);
	image_take(e);
	return bw_proc_send(e->self->channel, BW_PROC_READY, BW_STR(""));
}

int bw_edge_run(const struct bw_proc_self *self)
{
	static struct edge *e; /* static: what it owns lives as long as the process */

	e = bw_alloc(sizeof *e);
	e->self = self;
	e->shared = self->ctx;
	edge_open(e);
	if (edge_start(e) != BW_OK) {
		bw_log(BW_LOG_ERROR, "the edge cannot start");
		return 1;
	}
	report_touch(e);
	bw_loop_run(e->loop);
	report_publish(e);
	return 0;
}
