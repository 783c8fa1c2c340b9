/* HTTP/2 from either side: bytes as a client's connection, or as a target's answers to a request in work.
 * Whatever they are, everything that was begun ends, and nothing is held then. */
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "edge/h2.h"
#include "edge/upstream_h2.h"
#include "net/tls.h"

enum { ROUNDS_RUN = 10, PEERS = 16 };

static struct edge e;
static struct listening listening;
static int target_fd; /* where the target listens */

/* ---- what the run is made of ---- */

static struct {
	struct bw_post post;
	int turn, client, peers[PEERS];
	size_t peer_count;
	struct bw_str answer; /* what a target says as soon as it is connected to */
} run;

static void drain_fd(int fd)
{
	char bytes[4096];

	while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		;
}

static void peers_turn(void)
{
	int fd;

	while ((fd = accept4(target_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (run.peer_count == PEERS) {
			close(fd);
			continue;
		}
		(void)!send(fd, run.answer.p, run.answer.n, MSG_NOSIGNAL);
		run.peers[run.peer_count++] = fd;
	}
	for (size_t i = 0; i < run.peer_count; i++)
		drain_fd(run.peers[i]);
	if (run.client >= 0)
		drain_fd(run.client);
	/* Half way the other sides go. */
	if (run.turn != ROUNDS_RUN / 2)
		return;
	while (run.peer_count)
		close(run.peers[--run.peer_count]);
	if (run.client >= 0)
		close(run.client);
	run.client = -1;
}

static void tick(struct bw_post *p)
{
	peers_turn();
	if (++run.turn == ROUNDS_RUN)
		bw_loop_stop(e.loop);
	else
		bw_loop_post(e.loop, p);
}

static void turns(void)
{
	run.turn = 0;
	run.post.run = tick;
	bw_loop_post(e.loop, &run.post);
	bw_loop_run(e.loop);
}

/* ---- an exchange's client that takes everything ---- */

static void take_head(
    struct exchange *x, int status, struct bw_str reason, struct bw_str lines, int64_t length, bool no_body)
{
	(void)x;
	(void)reason;
	(void)lines;
	(void)length;
	(void)no_body;
	MUST(status >= 200 && status <= 599);
}

static size_t take_room(const struct exchange *x)
{
	(void)x;
	return BLOCK_BYTES;
}

static void take_bytes(struct exchange *x, struct bw_str bytes)
{
	MUST(x->answered && !x->ended && bytes.n <= BLOCK_BYTES * 8);
}

static void take_nothing(struct exchange *x)
{
	(void)x;
}

static const struct client_ops takes_all = {take_head, take_room, take_bytes, take_bytes, take_nothing,
    take_nothing, take_nothing, take_nothing, take_nothing};

/* ---- the edge ---- */

static void no_report(struct bw_timer *t)
{
	(void)t;
}

static void no_event(struct bw_watch *w, uint32_t events)
{
	(void)w;
	(void)events;
}

static uint16_t target_open(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;

	target_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	MUST(target_fd >= 0 && bind(target_fd, (struct sockaddr *)&a, n) == 0 && listen(target_fd, 64) == 0 &&
	     getsockname(target_fd, (struct sockaddr *)&a, &n) == 0);
	return ntohs(a.sin_port);
}

/* A listener that forwards to a group of one target over HTTP/2, and answers /fixed itself. */
static void config_open(void)
{
	const struct bw_edge_target target = {
	    .id = BW_STR("127.0.0.1"), .address = BW_STR("127.0.0.1"), .port = target_open()};
	const struct bw_edge_target_group group = {.arn = BW_STR("arn:g"),
	    .protocol = BW_STR("HTTP"),
	    .protocol_version = BW_STR("HTTP2"),
	    .targets = &target,
	    .target_count = 1};
	const struct bw_edge_forward forward = {.target_group = BW_STR("arn:g"), .weight = 1};
	const struct bw_edge_action actions[] = {{.type = BW_STR("fixed-response")},
	    {.type = BW_STR("forward"), .forwards = &forward, .forward_count = 1}};
	struct bw_str pattern = BW_STR("/fixed*");
	const struct bw_edge_condition condition = {.field = BW_STR("path-pattern"), .values = {1, &pattern}};
	const struct bw_edge_rule rules[] = {{.arn = BW_STR("arn:r1"),
	                                         .priority = 1,
	                                         .conditions = &condition,
	                                         .condition_count = 1,
	                                         .actions = &actions[0],
	                                         .action_count = 1},
	    {.arn = BW_STR("arn:r2"), .priority = INT64_MAX, .actions = &actions[1], .action_count = 1}};
	const struct bw_edge_listener listener = {
	    .arn = BW_STR("arn:l"), .port = 80, .protocol = BW_STR("HTTP"), .rules = rules, .rule_count = 2};
	const struct bw_edge_load_balancer lb = {.arn = BW_STR("arn:lb"),
	    .type = BW_STR("application"),
	    .listeners = &listener,
	    .listener_count = 1};
	const struct bw_edge_image image = {.version = 1,
	    .load_balancers = &lb,
	    .load_balancer_count = 1,
	    .target_groups = &group,
	    .target_group_count = 1};
	struct bw_buf bytes;

	bw_buf_init(&bytes, BW_EDGE_IMAGE_MAX);
	bw_edge_image_encode(&image, &bytes);
	MUST(config_make(&e, bw_buf_str(&bytes), &e.config) == BW_OK);
	bw_buf_free(&bytes);
}

/* As the first loop of one, whose parent is this process too. */
static void shared_make(void)
{
	static struct bw_edge shared;
	static struct bw_proc_self self;
	static struct bw_proc_row row;
	struct bw_cidr loopback;

	MUST(bw_cidr_parse(BW_STR("127.0.0.0/8"), &loopback) == BW_OK &&
	     bw_edge_make(1, &loopback, &shared) == BW_OK);
	MUST(bw_board_read_side(shared.health[0]) == BW_OK && bw_board_read_side(shared.health[1]) == BW_OK);
	bw_edge_rows(&shared, NULL, bw_edge_run, &row);
	self = (struct bw_proc_self){.channel = -1, .ctx = row.ctx, .incarnation = 1};
	e.self = &self;
	e.shared = &shared;
	e.row = row.ctx;
	e.seat = seat_take(e.row, self.incarnation);
	e.first = true;
	e.held_max = (size_t)HELD_MIB_MAX * 1024 * 1024;
}

static void edge_make(void)
{
	static const unsigned char key[32];

	bw_crypto_init();
	shared_make();
	MUST(bw_loop_new(&e.loop) == BW_OK);
	bw_map_init(&e.groups, 0, NULL);
	bw_map_init(&e.tls_sets, 0, NULL);
	bw_map_init(&e.stats, 0, NULL);
	bw_map_init(&e.key_sets, 0, NULL);
	bw_buf_init(&e.head, BW_HTTP_HEAD_MAX * 2);
	bw_buf_init(&e.lines, BW_HTTP_HEAD_MAX * 2);
	bw_buf_init(&e.decoded, SIZE_MAX / 2);
	bw_arena_init(&e.arena, 1 << 20);
	bw_arena_init(&e.rewritten, 1 << 20);
	e.scratch = bw_realloc(NULL, SCRATCH_BYTES);
	e.held_max = SIZE_MAX;
	h2_places_open(&e);
	e.cookies = bw_aead_key_new(key);
	e.match_data = pcre2_match_data_create(64, NULL);
	e.match_context = pcre2_match_context_create(NULL);
	e.report_timer.fire = no_report;
	config_open();
	listening = (struct listening){.edge = &e,
	    .references = 1,
	    .listener = &e.config->balancers[0].listeners[0],
	    .listener_stats = e.config->balancers[0].stats,
	    .address = {.v4 = {.sin_family = AF_INET}, .bytes = sizeof(struct sockaddr_in)},
	    .idle_ms = 60000,
	    .keep_alive_ms = 3600000};
}

static void nothing_is_left(void)
{
	struct target *t = e.config->groups[0]->targets;

	fars_close(t);
	turns();
	MUST(!t->fars && t->outstanding == 0 && !e.h2s && connection_count(&e) == 0 && e.held_bytes == 0 &&
	     e.slab.used_bytes == 0 && e.h2_places.held_bytes == 0);
}

/* ---- either side ---- */

static void client_run(struct bw_str bytes)
{
	struct sock s;
	int pair[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	MUST(sock_watch(&e, &s, pair[0], no_event) == BW_OK);
	run.client = pair[1];
	run.answer = BW_STR("\0\0\0\4\0\0\0\0\0");
	(void)!send(pair[1], "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33, MSG_NOSIGNAL);
	(void)!send(pair[1], bytes.p, bytes.n, MSG_NOSIGNAL);
	h2_open(&listening, &s, &listening.address, 0, 1);
	turns();
}

static void target_run(struct bw_str bytes, bool body)
{
	struct exchange *x = exchange_new(&e);
	struct bw_http_request *r = &e.request;

	*r = (struct bw_http_request){.method = body ? BW_STR("POST") : BW_STR("GET"),
	    .target = BW_STR("/"),
	    .path = BW_STR("/"),
	    .host = BW_STR("a"),
	    .minor_version = 1,
	    .chunked = body,
	    .content_length = -1};
	x->ops = &takes_all;
	x->listener = listening.listener;
	x->peer = x->local = &listening.address;
	x->http2 = true;
	run.client = -1;
	run.answer = bytes;
	exchange_start(x, r);
	if (body)
		exchange_body(x, BW_STR("abc"));
	exchange_body_end(x);
	turns();
	if (x->ended)
		exchange_free(x);
	else
		exchange_abandon(x, 460);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str bytes;

	if (!e.loop)
		edge_make();
	if (size < 1 || size > 60000)
		return 0;
	bytes = bw_str_make(data + 1, size - 1);
	if (data[0] & 1)
		client_run(bytes);
	else
		target_run(bytes, data[0] & 2);
	nothing_is_left();
	return 0;
}
