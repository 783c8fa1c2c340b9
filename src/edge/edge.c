/* The worker: one loop that follows the images and serves by the newest. */
#include "edge/client.h"
#include "edge/edge.h"
#include "edge/group.h"
#include "edge/h2.h"
#include "edge/log.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "net/tls.h"

enum {
	REGEX_STEPS = 20000, /* of one match; a pattern of 128 characters over a path needs some hundreds */
	REGEX_KIB = 256,
	DRAIN_POLL_MS = 50,
	DRAIN_MS = 25000, /* what a connection may take to end once we drain: then it is cut, before our parent does it to all of us */
	RETIRE_MS = 5 * 60 * 1000 - DRAIN_MS, /* what it may take before, while another has taken over */
	FLOWS_LEAST_MS = 5000, /* so long a retiring one stays for the answers to datagrams, if it took any */
	ARENA_BYTES = 1024 * 1024,
};

/* A rest of the loop is shorter than what the kernel takes to be near enough. */
static const unsigned long REST_SLACK_NS = 1000;

int64_t edge_wall_ms(struct edge *e)
{
	int64_t turn_ms = bw_loop_now_ms(e->loop);

	if (turn_ms != e->wall_asked_ms) {
		e->wall_asked_ms = turn_ms;
		e->wall_ms = bw_clock_wall_ms();
	}
	return e->wall_ms;
}

/* Those of its connections that have to end are told. */
static void wind_up(struct edge *e)
{
	clients_drain(e);
	h2_drain(e);
}

/* ---- images ---- */

static void image_take(struct edge *e)
{
	struct edge_config *config, *old = e->config;
	struct bw_buf bytes;
	enum bw_err err;
	bool gone;

	if (bw_board_seq(e->shared->images) == e->image_seq || e->draining)
		return;
	bw_buf_init(&bytes, BW_EDGE_IMAGE_MAX);
	err = bw_board_read(e->shared->images, &bytes, &e->image_seq);
	if (err == BW_OK)
		err = config_make(e, bw_buf_str(&bytes), &config);
	bw_buf_free(&bytes);
	if (err != BW_OK) {
		bw_log(BW_LOG_ERROR, "an image for the edge cannot be used (%s): the last one stays",
		    bw_err_name(err));
		return;
	}
	gone = listenings_update(e, config);
	e->config = config;
	config_release(old);
	if (gone)
		wind_up(e);
	sockets_say(e);
	report_touch(e);
}

static void image_ready(struct bw_watch *w, uint32_t events)
{
	struct edge *e = (struct edge *)((char *)w - offsetof(struct edge, image_watch));

	(void)events;
	image_take(e);
}

static void health_0_ready(struct bw_watch *w, uint32_t events)
{
	(void)events;
	health_hear((struct edge *)((char *)w - offsetof(struct edge, health_watches[0])));
}

static void health_1_ready(struct bw_watch *w, uint32_t events)
{
	(void)events;
	health_hear((struct edge *)((char *)w - offsetof(struct edge, health_watches[1])));
}

/* What the process that had this seat before has counted. */
static void before_read(struct edge *e)
{
	struct bw_buf bytes;
	uint64_t seq;

	bw_buf_init(&bytes, BW_EDGE_REPORT_MAX);
	if (bw_board_read(e->reports, &bytes, &seq) == BW_OK &&
	    bw_edge_report_decode(
	        bw_arena_str(&e->before_arena, bw_buf_str(&bytes)), &e->before_arena, &e->before) != BW_OK)
		e->before = (struct bw_edge_report){0};
	bw_buf_free(&bytes);
}

/* ---- the end ---- */

static void drain(struct edge *e)
{
	if (e->draining)
		return;
	e->draining = true;
	e->ending_ms = bw_loop_now_ms(e->loop);
	listenings_close(e);
	wind_up(e);
	bw_timer_set(e->loop, &e->drain_timer, 0);
}

/* Another has taken over and accepts. Whoever is connected here is served by the newest image as before, and
 * told with its answer to connect anew: a connection closed while a request is on its way would lose it. */
static void retire(struct edge *e)
{
	if (e->draining || e->retiring)
		return;
	e->retiring = true;
	e->ending_ms = bw_loop_now_ms(e->loop);
	listenings_retire(e);
	groups_retire(e);
	e->first = false;
	wind_up(e);
	bw_timer_set(e->loop, &e->drain_timer, 0);
}

static bool datagrams_come(const struct edge *e)
{
	for (const struct listening *l = e->listenings; l; l = l->next)
		if (l->udp)
			return true;
	return false;
}

static void drain_look(struct bw_timer *t)
{
	struct edge *e = (struct edge *)((char *)t - offsetof(struct edge, drain_timer));
	int64_t since_ms = bw_loop_now_ms(e->loop) - e->ending_ms;
	size_t left = connection_count(e);

	if (e->draining && left && since_ms > DRAIN_MS)
		bw_log(BW_LOG_WARN, "%zu connections have not ended in time: they are cut", left);
	if (e->draining ? !left || since_ms > DRAIN_MS : !left && (!datagrams_come(e) || since_ms > FLOWS_LEAST_MS))
		bw_loop_stop(e->loop);
	else if (!e->draining && since_ms > RETIRE_MS)
		drain(e);
	else
		bw_timer_set(e->loop, &e->drain_timer, DRAIN_POLL_MS);
}

static void message_take(struct edge *e, const struct bw_proc_message *m)
{
	if (m->type == BW_PROC_SOCKET)
		socket_answered(e, m);
	else if (m->fd >= 0)
		close(m->fd);
	if (m->type == BW_PROC_DRAIN)
		drain(e);
	else if (m->type == BW_PROC_RETIRE)
		retire(e);
}

static void channel_ready(struct bw_watch *w, uint32_t events)
{
	struct edge *e = (struct edge *)((char *)w - offsetof(struct edge, channel_watch));
	struct bw_proc_message m;
	enum bw_err err;

	(void)events;
	while ((err = bw_proc_receive(
	            w->fd, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RETIRE | 1u << BW_PROC_SOCKET, &m)) == BW_OK)
		message_take(e, &m);
	if (err != BW_EAGAIN) {
		bw_watch_remove(e->loop, w);
		drain(e);
	}
}

static void socket_fire(struct bw_timer *t)
{
	sockets_say((struct edge *)((char *)t - offsetof(struct edge, socket_timer)));
}

/* An image is looked for here too: whoever shares the board's descriptor may have taken the waking. */
static void report_fire(struct bw_timer *t)
{
	struct edge *e = (struct edge *)((char *)t - offsetof(struct edge, report_timer));

	image_take(e);
	report_publish(e);
}

/* What was read and made in a turn is in none of what its steps shared once it is over. */
static bool turn_end(struct bw_turn *t)
{
	struct edge *e = (struct edge *)((char *)t - offsetof(struct edge, turn));

	bw_wipe(e->scratch, e->scratch_used);
	bw_wipe(e->scratch + BLOCK_BYTES, e->room_used);
	e->scratch_used = e->room_used = 0;
	bw_buf_reset(&e->head);
	bw_buf_reset(&e->lines);
	bw_buf_reset(&e->decoded);
	bw_arena_reset(&e->arena);
	bw_arena_reset(&e->rewritten);
	return true;
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

static void edge_open(struct edge *e, const struct bw_proc_self *self)
{
	e->self = self;
	e->row = self->ctx;
	e->shared = e->row->edge;
	e->seat = seat_take(e->row, self->incarnation);
	e->reports = seat_board(e->row, self->incarnation);
	e->first = e->row->number == 0;
	e->held_max = (size_t)HELD_MIB_MAX * 1024 * 1024 / e->shared->loops;
	bw_map_init(&e->groups, 0, NULL);
	bw_map_init(&e->tls_sets, 0, NULL);
	bw_map_init(&e->stats, 0, NULL);
	bw_map_init(&e->key_sets, 0, NULL);
	bw_random(&e->connection_key, sizeof e->connection_key);
	bw_buf_init(&e->head, BW_HTTP_HEAD_MAX * 2);
	bw_buf_init(&e->lines, BW_HTTP_HEAD_MAX * 2);
	bw_buf_init(&e->decoded, SIZE_MAX / 2);
	bw_arena_init(&e->arena, ARENA_BYTES);
	bw_arena_init(&e->rewritten, ARENA_BYTES);
	bw_arena_init(&e->before_arena, BW_EDGE_REPORT_MAX * 4);
	bw_arena_init(&e->heard_arena, BW_EDGE_REPORT_MAX * 4);
	e->scratch = bw_realloc(NULL, SCRATCH_BYTES);
	e->cookies = bw_aead_key_new(e->shared->cookie_key);
	bw_tls_dozing(CONNECTIONS_MAX);
	h2_places_open(e);
	e->target_tls = bw_tls_client_unverified();
	e->turn.end = turn_end;
	e->report_timer.fire = report_fire;
	e->drain_timer.fire = drain_look;
	e->socket_timer.fire = socket_fire;
	patterns_open(e);
}

static enum bw_err boards_take(struct edge *e)
{
	uint32_t own = e->self->incarnation & 1;

	close(e->shared->roster_fd); /* its memory stays, and that is all of it that is needed */
	for (size_t i = 0; i < e->shared->reports.n; i++) /* what other loops report is theirs to write */
		if (e->shared->reports.v[i].board != e->reports)
			bw_board_free(e->shared->reports.v[i].board);
	TRY(bw_board_read_side(e->shared->images));
	TRY(bw_board_write_side(e->reports));
	for (uint32_t i = 0; i < 2; i++)
		TRY(e->first && i == own ? bw_board_write_side(e->shared->health[i])
		                         : bw_board_read_side(e->shared->health[i]));
	return BW_OK;
}

/* Watched at its edge, and never taken: all loops are woken by each publication. */
static enum bw_err board_watch(struct edge *e, struct bw_watch *w, struct bw_board *b,
    void (*ready)(struct bw_watch *w, uint32_t events))
{
	*w = (struct bw_watch){.fd = bw_board_wake_fd(b), .ready = ready};
	return bw_watch_set(e->loop, w, EPOLLIN | EPOLLET);
}

static enum bw_err edge_watch(struct edge *e)
{
	TRY(board_watch(e, &e->image_watch, e->shared->images, image_ready));
	TRY(board_watch(e, &e->health_watches[0], e->shared->health[0], health_0_ready));
	TRY(board_watch(e, &e->health_watches[1], e->shared->health[1], health_1_ready));
	bw_turn_add(e->loop, &e->turn);
	e->channel_watch = (struct bw_watch){.fd = e->self->channel, .ready = channel_ready};
	return bw_watch_set(e->loop, &e->channel_watch, EPOLLIN);
}

static enum bw_err edge_start(struct edge *e)
{
	TRY(boards_take(e));
	TRY(bw_loop_new(&e->loop));
	TRY(edge_watch(e));
	if (e->shared->helper)
		TRY(bw_errand_client_new(e->loop, e->shared->helper->channels.asking[bw_edge_seat(e->self)],
		    &bw_helper_errands, &e->helper));
	TRY(origins_open(e, e->shared->origins ? e->shared->origins->asking[bw_edge_seat(e->self)] : -1));
	(void)prctl(PR_SET_TIMERSLACK, REST_SLACK_NS, 0, 0, 0);
	TRY(bw_sandbox_enter_speaker(e->shared->log_dir));
	before_read(e);
	image_take(e);
	/* Another serves by that image: who cannot relieves nobody. */
	CHECK(e->config || !e->self->relieves || !bw_board_seq(e->shared->images), BW_EINVAL);
	return BW_OK;
}

int bw_edge_run(const struct bw_proc_self *self)
{
	static struct edge *e; /* static: what it owns lives as long as the process */

	e = bw_alloc(sizeof *e);
	edge_open(e, self);
	if (edge_start(e) != BW_OK || bw_proc_send(self->channel, BW_PROC_READY, BW_STR("")) != BW_OK) {
		bw_log(BW_LOG_ERROR, "the edge cannot start");
		return 1;
	}
	report_touch(e);
	bw_loop_run(e->loop);
	logs_write(e);
	report_publish(e);
	return 0;
}
