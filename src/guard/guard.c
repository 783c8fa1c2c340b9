#include "guard/guard_internal.h"

#include <poll.h>
#include <unistd.h>

#include "base/sys.h"

enum {
	LOOK_MS = 5000, /* between looks at the counters; a table that is gone is put back then */
	SAID_MAX = 8192,
	LISTING_MAX = 1024 * 1024,
	ARENA_MAX = 256 * 1024 * 1024,
};

static const char *const apply_arguments[] = {"-j", "-f", "-", NULL};
static const char *const look_arguments[] = {"-j", "list", "counters", "table", "inet", "bulwark", NULL};
static const char *const probe_arguments[] = {"-j", "list", "tables", NULL};

/* A binding as the guard remembers it. */
struct binding {
	const struct bw_guard_binding *is;
	struct guard_opens open_in, open_out, cut_in, cut_out;
	struct bw_guard_state state;
	char reason[160];
};

struct space {
	const char *name; /* NULL: our own namespace */
	bool loaded;      /* our table is there */
	struct binding *bindings[BW_GUARD_BINDINGS_MAX];
	size_t n;
};

struct guard {
	const struct bw_guard *is;
	struct binding *bindings;
	struct space spaces[BW_GUARD_BINDINGS_MAX];
	size_t space_count;
	struct bw_buf bytes;   /* the newest image, encoded */
	struct bw_arena arena; /* and decoded */
	struct bw_guard_image image;
	bool has_image;
	uint64_t seq;     /* the board's number of it */
	int64_t in_force; /* version of the image that every namespace holds */
	struct bw_buf json, out, said;
	struct guard_origins origins;
	struct guard_lender *lender;
};

/* ---- Bindings by namespace ---- */

static struct space *space_of(struct guard *g, const struct bw_guard_binding *b)
{
	const char *name = bw_str_set(b->space) ? b->space.p : NULL; /* an arena's text: it ends in NUL */

	for (size_t i = 0; i < g->space_count; i++)
		if ((!name && !g->spaces[i].name) ||
		    (name && g->spaces[i].name && strcmp(name, g->spaces[i].name) == 0))
			return &g->spaces[i];
	g->spaces[g->space_count].name = name;
	return &g->spaces[g->space_count++];
}

static void bindings_open(struct guard *g)
{
	const struct bw_guard_config *config = g->is->config;

	g->bindings = bw_alloc(config->count * sizeof *g->bindings);
	for (size_t i = 0; i < config->count; i++) {
		struct binding *b = &g->bindings[i];
		struct space *s = space_of(g, &config->bindings[i]);

		b->is = &config->bindings[i];
		b->state = (struct bw_guard_state){
		    .name = b->is->name, .state = BW_STR("waiting"), .reason = BW_STR("")};
		s->bindings[s->n++] = b;
	}
}

static const struct bw_guard_rules *rules_of(const struct guard *g, const struct binding *b)
{
	static const struct bw_guard_rules none;

	for (size_t i = 0; i < g->image.rules_count; i++)
		if (bw_str_eq(g->image.rules[i].name, b->is->name))
			return &g->image.rules[i];
	return &none;
}

/* ---- Telling ---- */

static void report(struct guard *g)
{
	struct bw_guard_state states[BW_GUARD_BINDINGS_MAX];
	struct bw_guard_report r = {
	    .image_version = g->in_force,
	    .states = states,
	    .state_count = g->is->config->count,
	    .origins = bw_str_c(g->origins.state),
	    .origins_reason = bw_str_c(g->origins.reason),
	    .origins_made = atomic_load(&g->origins.made)};
	struct bw_buf bytes;

	for (size_t i = 0; i < r.state_count; i++)
		states[i] = g->bindings[i].state;
	bw_buf_init(&bytes, BW_GUARD_REPORT_MAX);
	bw_guard_report_encode(&r, &bytes);
	if (bytes.failed || bw_board_publish(g->is->reports, bw_buf_str(&bytes)) != BW_OK)
		bw_log(BW_LOG_WARN, "the guard's report was not published");
	bw_buf_free(&bytes);
}

/* Said in the log when it is news: what fails is tried again and again. */
static void failure_log(const struct binding *b, struct bw_str reason)
{
	if (!bw_str_eq(b->state.state, BW_STR("failed")) || !bw_str_eq(b->state.reason, reason))
		bw_log(BW_LOG_ERROR, "%.*s: the rules were not applied: %.*s", BW_FMT(b->is->name),
		    BW_FMT(reason));
}

static void state_set(struct binding *b, const char *state, struct bw_str reason)
{
	struct bw_str line = bw_str_cut(&reason, '\n');

	if (line.n >= sizeof b->reason)
		line.n = sizeof b->reason - 1;
	if (strcmp(state, "failed") == 0)
		failure_log(b, line);
	if (line.n)
		memcpy(b->reason, line.p, line.n);
	b->state.state = bw_str_c(state);
	b->state.reason = bw_str_make(b->reason, line.n);
}

/* ---- Applying ---- */

static void opens_step(const struct bw_guard_rules *r, struct binding *b)
{
	struct guard_opens in, out;

	guard_opens_find(r->ingress, r->ingress_count, r->egress, r->egress_count, &in);
	guard_opens_find(r->egress, r->egress_count, r->ingress, r->ingress_count, &out);
	guard_opens_closed(&b->open_in, &in, &b->cut_in);
	guard_opens_closed(&b->open_out, &out, &b->cut_out);
	b->open_in = in;
	b->open_out = out;
}

static struct bw_str failure(enum bw_err e, const struct bw_buf *said)
{
	if (e == BW_ENOTFOUND)
		return BW_STR("there is no such network namespace");
	if (e == BW_ETOOBIG)
		return BW_STR("the rules are too many");
	return said->n ? bw_buf_str(said) : BW_STR("nft failed");
}

/* Puts what the image says into one namespace. The kernel takes all of it or nothing. */
static enum bw_err space_apply(struct guard *g, struct space *s)
{
	struct guard_bound bound[BW_GUARD_BINDINGS_MAX];
	enum bw_err e;

	for (size_t i = 0; i < s->n; i++)
		bound[i] = (struct guard_bound){
		    rules_of(g, s->bindings[i]), &s->bindings[i]->cut_in, &s->bindings[i]->cut_out};
	bw_buf_reset(&g->json);
	guard_table_put(bound, s->n, !s->loaded, &g->json);
	e = g->json.failed ? BW_ETOOBIG
	                   : guard_nft(s->name, apply_arguments, bw_buf_str(&g->json), &g->out, &g->said);
	s->loaded = e == BW_OK;
	for (size_t i = 0; i < s->n; i++) {
		const struct bw_guard_rules *r = bound[i].rules;

		if (e != BW_OK)
			state_set(s->bindings[i], "failed", failure(e, &g->said));
		else
			state_set(s->bindings[i], "enforced",
			    r->known ? BW_STR("")
			             : BW_STR("none of its security groups exists: nothing is permitted"));
		s->bindings[i]->state.permits = (int64_t)(r->ingress_count + r->egress_count);
	}
	return e;
}

static void apply(struct guard *g)
{
	bool all = true;

	for (size_t i = 0; i < g->is->config->count; i++)
		opens_step(rules_of(g, &g->bindings[i]), &g->bindings[i]);
	for (size_t i = 0; i < g->space_count; i++)
		all = space_apply(g, &g->spaces[i]) == BW_OK && all;
	guard_origins_apply(&g->origins, &g->image);
	if (all)
		g->in_force = g->image.version;
	report(g);
}

static void image_take(struct guard *g)
{
	struct bw_buf bytes;
	struct bw_guard_image image;
	struct bw_arena arena;
	enum bw_err e;

	bw_board_wake_take(g->is->images);
	bw_buf_init(&bytes, BW_GUARD_IMAGE_MAX);
	bw_arena_init(&arena, ARENA_MAX);
	e = bw_board_read(g->is->images, &bytes, &g->seq);
	if (e == BW_OK)
		e = bw_guard_image_decode(bw_buf_str(&bytes), &arena, &image);
	if (e != BW_OK) {
		/* The next look tries again. */
		if (e != BW_ENOTFOUND && e != BW_EAGAIN)
			bw_log(BW_LOG_ERROR, "the guard's image cannot be read: %s", bw_err_name(e));
		bw_buf_free(&bytes);
		bw_arena_free(&arena);
		return;
	}
	bw_buf_free(&g->bytes);
	bw_arena_free(&g->arena);
	g->bytes = bytes;
	g->arena = arena;
	g->image = image;
	g->has_image = true;
	apply(g);
}

/* ---- Looking after it ---- */

static void space_look(struct guard *g, struct space *s)
{
	if (s->loaded && guard_nft(s->name, look_arguments, BW_STR_NONE, &g->out, &g->said) == BW_OK) {
		for (size_t i = 0; i < s->n; i++)
			if (guard_counters_read(bw_buf_str(&g->out), i, &s->bindings[i]->state.permitted,
			        &s->bindings[i]->state.refused) != BW_OK)
				bw_log(BW_LOG_WARN, "nft's counters cannot be read");
		return;
	}
	if (s->loaded)
		bw_log(BW_LOG_WARN, "%s: the table inet bulwark is gone: it is put back",
		    s->name ? s->name : "this host");
	s->loaded = false;
	(void)space_apply(g, s);
}

static void look(struct guard *g)
{
	if (bw_board_seq(g->is->images) != g->seq)
		image_take(g);
	if (!g->has_image)
		return;
	for (size_t i = 0; i < g->space_count; i++)
		space_look(g, &g->spaces[i]);
	guard_origins_look(&g->origins);
	report(g);
}

/* ---- The process ---- */

static enum bw_err probe_one(struct guard *g, const char *space)
{
	enum bw_err e = guard_nft(space, probe_arguments, BW_STR_NONE, &g->out, &g->said);
	struct bw_str why = failure(e, &g->said), line = bw_str_cut(&why, '\n');

	if (e != BW_OK)
		bw_log(BW_LOG_ERROR, "the guard cannot work in %s: %.*s", space ? space : "this host", BW_FMT(line));
	return e;
}

static enum bw_err probe(struct guard *g)
{
	for (size_t i = 0; i < g->space_count; i++)
		TRY(probe_one(g, g->spaces[i].name));
	return g->is->config->origins ? probe_one(g, NULL) : BW_OK;
}

static bool any_space(const struct bw_guard_config *config)
{
	for (size_t i = 0; i < config->count; i++)
		if (bw_str_set(config->bindings[i].space))
			return true;
	return false;
}

static enum bw_err guard_open(struct guard *g)
{
	bw_buf_init(&g->json, BW_GUARD_IMAGE_MAX * 4);
	bw_buf_init(&g->out, LISTING_MAX);
	bw_buf_init(&g->said, SAID_MAX);
	bw_buf_init(&g->bytes, BW_GUARD_IMAGE_MAX);
	bw_arena_init(&g->arena, ARENA_MAX);
	bindings_open(g);
	TRY(bw_board_read_side(g->is->images));
	TRY(bw_board_write_side(g->is->reports));
	TRY(guard_powers_keep(any_space(g->is->config)));
	TRY(bw_sandbox_enter_runner());
	TRY(probe(g));
	guard_origins_open(&g->origins, g->is->config->origins);
	return g->is->config->origins ? guard_lender_start(&g->is->origins, &g->origins, &g->lender) : BW_OK;
}

static void guard_close(struct guard *g, bool relieved)
{
	guard_lender_stop(g->lender);
	if (g->origins.state)
		guard_origins_close(&g->origins, relieved);
	bw_buf_free(&g->json);
	bw_buf_free(&g->out);
	bw_buf_free(&g->said);
	bw_buf_free(&g->bytes);
	bw_arena_free(&g->arena);
	bw_free(g->bindings);
}

/* Waits for images, the parent and the next look; false when it is time to end, *relieved: another guard follows. */
static bool turn(struct guard *g, int channel, int64_t *look_ms, bool *relieved)
{
	struct pollfd watched[] = {
	    {.fd = channel, .events = POLLIN}, {.fd = bw_board_wake_fd(g->is->images), .events = POLLIN}};
	int64_t left = *look_ms - bw_clock_mono_ms();
	struct bw_proc_message m;
	enum bw_err e;

	(void)poll(watched, BW_COUNT(watched), left > 0 ? (int)left : 0);
	if (watched[1].revents)
		image_take(g);
	if (bw_clock_mono_ms() >= *look_ms) {
		look(g);
		*look_ms = bw_clock_mono_ms() + LOOK_MS;
	}
	e = bw_proc_receive(channel, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RETIRE | 1u << BW_PROC_RELOAD, &m);
	if (e == BW_OK && m.type == BW_PROC_RELOAD)
		return bw_proc_send(channel, BW_PROC_READY, BW_STR("")) == BW_OK;
	*relieved = e == BW_OK && m.type == BW_PROC_RETIRE;
	return e == BW_EAGAIN;
}

int bw_guard_run(const struct bw_proc_self *self)
{
	struct guard *g = bw_alloc(sizeof *g);
	int64_t look_ms = bw_clock_mono_ms() + LOOK_MS;
	bool relieved = false;
	enum bw_err e;

	g->is = self->ctx;
	e = guard_open(g);
	if (e == BW_OK)
		report(g);
	if (e == BW_OK)
		e = bw_proc_send(self->channel, BW_PROC_READY, BW_STR(""));
	if (e == BW_OK) {
		image_take(g); /* what was published before a restart */
		while (turn(g, self->channel, &look_ms, &relieved))
			;
	}
	/* The table stays: an interface is not laid open because its guard ends. What serves the edge's connections goes with them,
	 * and stays for the guard that follows. */
	guard_close(g, relieved);
	bw_free(g);
	return e == BW_OK ? 0 : 1;
}
