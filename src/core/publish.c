#include "core/publish.h"

#include "core/edge_log.h"
#include "core/guard.h"
#include "core/internal.h"
#include "proc/board.h"

enum {
	GATHER_MS = 30,                /* commits of one burst become one image */
	RETRY_MS = 1000,               /* after a build that failed */
	ARENA_MAX = 256 * 1024 * 1024, /* while an image is gathered: some times its encoded size */
};

extern const struct bw_image_builder *const __start_bw_image_builders[] __attribute__((weak));
extern const struct bw_image_builder *const __stop_bw_image_builders[] __attribute__((weak));

struct publisher {
	struct bw_core *core;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool dirty, stop;
	int64_t due_ms;
	_Atomic int64_t newest_version;
};

static const struct bw_image_builder *builder(void)
{
	ptrdiff_t n = __start_bw_image_builders ? __stop_bw_image_builders - __start_bw_image_builders : 0;

	return n > 0 ? __start_bw_image_builders[0] : NULL;
}

/* ---- Making one ---- */

/* The edge is started by its first image: there is none before there is something to serve. */
static bool is_needed(const struct publisher *p, const struct bw_edge_image *image)
{
	return image->load_balancer_count || !p->core->edge_images || bw_board_seq(p->core->edge_images);
}

static enum bw_err make(struct publisher *p, int64_t *due_ms)
{
	struct bw_edge_image image = {
	    .made_ms = bw_clock_wall_ms(), .account = p->core->account, .region = p->core->region};
	struct bw_snapshot *view;
	struct bw_arena arena, guards;
	enum bw_err e, guarded;

	TRY(bw_snapshot_begin(p->core->store, &view));
	bw_arena_init(&arena, ARENA_MAX);
	bw_arena_init(&guards, ARENA_MAX);
	image.version = (int64_t)bw_snapshot_seq(view);
	image.log_key = bw_edge_log_public(p->core->store, &arena);
	e = builder()->build(p->core, view, &arena, &image, due_ms);
	if (e == BW_OK && arena.over)
		e = BW_ETOOBIG;
	/* The guard lets a target be reached before the edge may want to. */
	guarded = bw_guard_publish(p->core, view, &guards, e == BW_OK ? &image : NULL);
	if (e == BW_OK && is_needed(p, &image))
		e = bw_edge_publish(p->core->edge_images, &image);
	bw_snapshot_end(view);
	bw_arena_free(&arena); /* it holds the certificates' keys */
	bw_arena_free(&guards);
	if (e == BW_OK)
		atomic_store(&p->newest_version, image.version);
	/* Each is published whatever becomes of the other. */
	return e == BW_OK ? guarded : e;
}

/* ---- When ---- */

/* Waits until something is due. False when it is time to end. */
static bool await(struct publisher *p)
{
	MUST(pthread_mutex_lock(&p->lock) == 0);
	while (!p->dirty && !p->stop && bw_clock_wall_ms() < p->due_ms) {
		struct timespec until;
		int64_t wait_ms = p->due_ms - bw_clock_wall_ms();

		if (wait_ms > 60000)
			wait_ms = 60000;
		MUST(clock_gettime(CLOCK_REALTIME, &until) == 0);
		until.tv_sec += wait_ms / 1000;
		until.tv_nsec += wait_ms % 1000 * 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		(void)pthread_cond_timedwait(&p->wake, &p->lock, &until);
	}
	MUST(pthread_mutex_unlock(&p->lock) == 0);
	return !p->stop;
}

static void *publish_main(void *arg)
{
	struct publisher *p = arg;

	while (await(p)) {
		const struct timespec gather = {.tv_nsec = GATHER_MS * 1000000L};
		int64_t due_ms = INT64_MAX;
		enum bw_err e;

		(void)nanosleep(&gather, NULL);
		MUST(pthread_mutex_lock(&p->lock) == 0);
		p->dirty = false;
		MUST(pthread_mutex_unlock(&p->lock) == 0);
		e = make(p, &due_ms);
		if (e != BW_OK) {
			bw_log(
			    BW_LOG_ERROR, "the edge's configuration was not published: %s", bw_err_name(e));
			due_ms = bw_clock_wall_ms() + RETRY_MS;
		}
		MUST(pthread_mutex_lock(&p->lock) == 0);
		p->due_ms = due_ms;
		MUST(pthread_mutex_unlock(&p->lock) == 0);
	}
	return NULL;
}

void bw_publish_start(struct bw_core *core)
{
	struct publisher *p;

	if (!builder())
		return;
	MUST(core->publisher == NULL);
	p = bw_alloc(sizeof *p);
	p->core = core;
	p->dirty = true;
	MUST(pthread_mutex_init(&p->lock, NULL) == 0 && pthread_cond_init(&p->wake, NULL) == 0);
	core->publisher = p;
	MUST(pthread_create(&p->thread, NULL, publish_main, p) == 0);
}

void publisher_free(struct publisher *p)
{
	if (!p)
		return;
	MUST(pthread_mutex_lock(&p->lock) == 0);
	p->stop = true;
	MUST(pthread_cond_signal(&p->wake) == 0);
	MUST(pthread_mutex_unlock(&p->lock) == 0);
	MUST(pthread_join(p->thread, NULL) == 0);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	bw_free(p);
}

void publisher_wake(struct publisher *p)
{
	MUST(pthread_mutex_lock(&p->lock) == 0);
	p->dirty = true;
	MUST(pthread_cond_signal(&p->wake) == 0);
	MUST(pthread_mutex_unlock(&p->lock) == 0);
}

/* "account/Region/SERVICE/kind/name" */
static bool of_interest(struct bw_str key)
{
	struct bw_str rest = key, service;

	(void)bw_str_cut(&rest, '/');
	(void)bw_str_cut(&rest, '/');
	service = bw_str_cut(&rest, '/');
	for (const char *const *s = builder()->services; *s; s++)
		if (bw_str_eq(service, bw_str_c(*s)))
			return true;
	return false;
}

bool bw_publish_concerns(const struct bw_core *core, const struct bw_batch *batch)
{
	if (!core->publisher)
		return false;
	for (const struct bw_batch_op *op = batch->first; op; op = op->next)
		if ((op->kind == BW_BATCH_PUT || op->kind == BW_BATCH_DELETE) && of_interest(op->key))
			return true;
	return false;
}

void bw_publish_wake(struct bw_core *core)
{
	publisher_wake(core->publisher);
}

/* ---- Looking ---- */

void bw_edge_report_latest(struct bw_core *core, struct bw_arena *arena, struct bw_edge_report *out)
{
	*out = (struct bw_edge_report){0};
	if (core->publisher && !core->edge_images)
		out->image_version = atomic_load(&core->publisher->newest_version);
	else if (bw_edge_report_read(core->edge_reports, arena, out) != BW_OK)
		*out = (struct bw_edge_report){0};
}

/* ---- Options ---- */

const struct bw_edge_config *bw_core_edge(const struct bw_core *core)
{
	return &core->edge;
}

static enum bw_err instance_parse(struct bw_str text, struct bw_arena *arena, struct bw_pairs *out)
{
	struct bw_str address = text, id = bw_str_cut(&address, '=');
	struct bw_cidr c;

	CHECK(bw_str_starts(id, BW_STR("i-")) && (id.n == 10 || id.n == 19), BW_EINVAL);
	TRY(bw_cidr_address(address, &c));
	bw_pairs_set(out, arena, bw_arena_str(arena, id), bw_cidr_address_text(arena, &c));
	return BW_OK;
}

enum bw_err bw_edge_config_parse(const char *pool, const char *address, const char *const *instances,
    struct bw_arena *arena, struct bw_edge_config *out, const char **wrong)
{
	struct bw_cidr one;

	*out = (struct bw_edge_config){0};
	*wrong = pool ? pool : "127.66.0.0/16";
	TRY(bw_cidr_parse(bw_str_c(*wrong), &out->pool));
	CHECK(!out->pool.v6 && out->pool.bits >= 8 && out->pool.bits <= 30 && !bw_cidr_mask(&out->pool),
	    BW_EINVAL);
	if (address) {
		*wrong = address;
		TRY(bw_cidr_address(bw_str_c(address), &one));
		out->address = bw_cidr_address_text(arena, &one);
	}
	for (; instances && *instances; instances++) {
		*wrong = *instances;
		TRY(instance_parse(bw_str_c(*instances), arena, &out->instances));
	}
	return BW_OK;
}
