/* What a parent leaves of its children to the program after it, and takes of them: records, so that programs of other versions read
 * them, and the channels' ends. */
#include <stdio.h>

#include "base/sys.h"
#include "proc/kept_internal.h"
#include "proc/parent.h"
#include "store/record.h"

enum { RECORD_MAX = 1024, TAKE_ARENA_MAX = 4096 };

struct left {
	int64_t pid, incarnation, started_ms;
	struct bw_str version;
	int64_t old_pid, old_incarnation, old_started_ms;
	struct bw_str old_version;
	bool ready, asleep;
	int64_t incarnations;
};

static const struct bw_field fields[] = {
    BW_FIELD(1, I64, struct left, pid),
    BW_FIELD(2, I64, struct left, incarnation),
    BW_FIELD(3, I64, struct left, started_ms),
    BW_FIELD(4, STR, struct left, version),
    BW_FIELD(5, I64, struct left, old_pid),
    BW_FIELD(6, I64, struct left, old_incarnation),
    BW_FIELD(7, I64, struct left, old_started_ms),
    BW_FIELD(8, STR, struct left, old_version),
    BW_FIELD(9, BOOL, struct left, ready),
    BW_FIELD(10, BOOL, struct left, asleep),
    BW_FIELD(11, I64, struct left, incarnations),
};
static const struct bw_record left_record = BW_RECORD("process", struct left, fields);

struct names {
	char row[BW_KEPT_NAME_MAX], now[BW_KEPT_NAME_MAX], old[BW_KEPT_NAME_MAX];
};

static struct names names_of(const struct child *c)
{
	struct names n;

	(void)snprintf(n.row, sizeof n.row, "row/%s", c->row->title);
	(void)snprintf(n.now, sizeof n.now, "row/%s/now", c->row->title);
	(void)snprintf(n.old, sizeof n.old, "row/%s/old", c->row->title);
	return n;
}

uint32_t version_number(struct parent *p, struct bw_str version)
{
	uint32_t n = 1;

	/* The first is this program's, also when the one before was of the same version. */
	while (n < p->version_count && !bw_str_eq(version, bw_str_c(p->versions[n])))
		n++;
	if (n == BW_PROC_PROGRAMS_MAX)
		return n - 1;
	if (n == p->version_count) {
		(void)snprintf(p->versions[n], sizeof p->versions[n], "%.*s", BW_FMT(version));
		p->version_count++;
	}
	return n;
}

/* ---- Leaving ---- */

static void child_leave(struct parent *p, const struct child *c, struct leaving *l)
{
	const struct left left = {.pid = c->now.pid,
	    .incarnation = c->now.incarnation,
	    .started_ms = c->now.started_ms,
	    .version = bw_str_c(p->versions[c->now.program]),
	    .old_pid = c->old.pid,
	    .old_incarnation = c->old.incarnation,
	    .old_started_ms = c->old.started_ms,
	    .old_version = bw_str_c(p->versions[c->old.program]),
	    .ready = c->ready,
	    .asleep = c->asleep && !c->restart_ms,
	    .incarnations = c->incarnations};
	const struct names names = names_of(c);
	struct bw_buf record;

	bw_buf_init(&record, RECORD_MAX);
	bw_record_encode(&left_record, &left, &record);
	MUST(!record.failed);
	leaving_put(l, bw_str_c(names.row), -1, bw_buf_str(&record));
	bw_buf_free(&record);
	if (c->now.channel >= 0)
		leaving_put(l, bw_str_c(names.now), c->now.channel, BW_STR(""));
	if (c->old.channel >= 0)
		leaving_put(l, bw_str_c(names.old), c->old.channel, BW_STR(""));
}

void children_leave(struct parent *p, struct leaving *l)
{
	for (size_t i = 0; i < p->count; i++)
		child_leave(p, &p->children[i], l);
}

/* ---- Taking ---- */

static bool number_of(int64_t n)
{
	return n >= 0 && n <= INT32_MAX;
}

static bool well_formed(const struct left *l)
{
	return number_of(l->pid) && number_of(l->old_pid) && number_of(l->incarnation) && number_of(l->old_incarnation) &&
	       number_of(l->incarnations);
}

static void left_take(struct parent *p, struct child *c, const struct left *l, const struct names *names)
{
	c->now = (struct life){.pid = (pid_t)l->pid,
	    .channel = bw_kept_fd(names->now),
	    .incarnation = (uint32_t)l->incarnation,
	    .started_ms = l->started_ms,
	    .program = version_number(p, l->version)};
	c->old = (struct life){.pid = (pid_t)l->old_pid,
	    .channel = bw_kept_fd(names->old),
	    .incarnation = (uint32_t)l->old_incarnation,
	    .started_ms = l->old_started_ms,
	    .program = version_number(p, l->old_version),
	    .until_ms = l->old_pid && l->ready ? bw_clock_mono_ms() + child_patience_ms(p, c) : 0};
	c->incarnations = (uint32_t)l->incarnations;
	c->ready = l->ready && c->now.pid > 0;
	c->reloading = !c->ready && c->old.pid > 0;
	/* Nobody is asleep any more whom nothing may wake in this program. */
	c->asleep = l->asleep && c->needs >= 0;
	if (!c->asleep && c->now.pid <= 0)
		c->restart_ms = bw_clock_mono_ms();
}

static enum bw_err child_take(struct parent *p, struct child *c)
{
	const struct names names = names_of(c);
	struct bw_str text = kept_text(names.row);
	struct bw_arena arena;
	struct left left;
	enum bw_err e;

	if (!bw_str_set(text)) { /* a row that the program before did not have */
		c->restart_ms = c->asleep ? 0 : bw_clock_mono_ms();
		return BW_OK;
	}
	bw_arena_init(&arena, TAKE_ARENA_MAX);
	e = bw_record_decode(&left_record, text, &arena, &left);
	if (e == BW_OK && !well_formed(&left))
		e = BW_ECORRUPT;
	if (e == BW_OK)
		left_take(p, c, &left, &names);
	else
		bw_log(BW_LOG_ERROR, "the program before has left nothing readable of its process %s", c->row->title);
	bw_arena_free(&arena);
	return e;
}

enum bw_err children_take(struct parent *p)
{
	for (size_t i = 0; i < p->count; i++)
		TRY(child_take(p, &p->children[i]));
	return BW_OK;
}
