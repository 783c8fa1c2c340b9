#include "net/wheel.h"

enum { SLOT_MASK = BW_WHEEL_SLOTS - 1 };

static int level_shift(int level)
{
	return level * BW_WHEEL_SLOT_BITS;
}

void bw_wheel_init(struct bw_wheel *w, int64_t now_ms)
{
	*w = (struct bw_wheel){.tick = now_ms >> BW_WHEEL_TICK_SHIFT};
}

void bw_wheel_remove(struct bw_timer *t)
{
	if (!t->prev)
		return;
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->next = NULL;
	t->prev = NULL;
}

static void slot_push(struct bw_wheel *w, int level, int64_t tick, struct bw_timer *t)
{
	int slot = (int)((tick >> level_shift(level)) & SLOT_MASK);
	struct bw_timer **head = &w->slots[level][slot];

	t->next = *head;
	t->prev = head;
	if (t->next)
		t->next->prev = &t->next;
	*head = t;
	w->occupied[level] |= UINT64_C(1) << slot;
}

/* Places `t` for the first tick at or after its due time, which is at least `earliest`. */
static void timer_place(struct bw_wheel *w, struct bw_timer *t, int64_t earliest)
{
	int64_t due =
	    (t->due_ms >> BW_WHEEL_TICK_SHIFT) + ((t->due_ms & ((1 << BW_WHEEL_TICK_SHIFT) - 1)) != 0);
	int64_t furthest = w->tick + (INT64_C(1) << level_shift(BW_WHEEL_LEVELS)) - 1;
	int level = 0;

	if (due < earliest)
		due = earliest;
	if (due > furthest)
		due = furthest;
	while (due - w->tick >= INT64_C(1) << level_shift(level + 1))
		level++;
	slot_push(w, level, due, t);
}

void bw_wheel_add(struct bw_wheel *w, struct bw_timer *t)
{
	timer_place(w, t, w->tick + 1);
}

/* The tick at which the level's next occupied slot begins, INT64_MAX when the level is empty. */
static int64_t level_next_tick(struct bw_wheel *w, int level)
{
	int64_t first = (w->tick >> level_shift(level)) + 1;

	while (w->occupied[level]) {
		int turn = (int)(first & SLOT_MASK);
		uint64_t ahead = w->occupied[level] >> turn | w->occupied[level] << ((64 - turn) & 63);
		int64_t at = first + __builtin_ctzll(ahead);
		int slot = (int)(at & SLOT_MASK);

		if (w->slots[level][slot])
			return at << level_shift(level);
		w->occupied[level] &= ~(UINT64_C(1) << slot);
	}
	return INT64_MAX;
}

static int64_t next_tick(struct bw_wheel *w)
{
	int64_t next = INT64_MAX;

	for (int level = 0; level < BW_WHEEL_LEVELS; level++) {
		int64_t at = level_next_tick(w, level);

		if (at < next)
			next = at;
	}
	return next;
}

int64_t bw_wheel_wait_ms(struct bw_wheel *w, int64_t now_ms)
{
	int64_t next = next_tick(w), wait;

	if (next == INT64_MAX)
		return -1;
	wait = (next << BW_WHEEL_TICK_SHIFT) - now_ms;
	return wait > 0 ? wait : 0;
}

/* Detaches a slot's list so that it hangs on `*head`. */
static void slot_take(struct bw_wheel *w, int level, struct bw_timer **head)
{
	int slot = (int)((w->tick >> level_shift(level)) & SLOT_MASK);

	*head = w->slots[level][slot];
	if (*head)
		(*head)->prev = head;
	w->slots[level][slot] = NULL;
	w->occupied[level] &= ~(UINT64_C(1) << slot);
}

/* Hands the timers of a higher level's slot that begins now down to the lower levels. */
static void slot_cascade(struct bw_wheel *w, int level)
{
	struct bw_timer *list;

	if (w->tick & ((INT64_C(1) << level_shift(level)) - 1))
		return;
	slot_take(w, level, &list);
	while (list) {
		struct bw_timer *t = list;

		bw_wheel_remove(t);
		timer_place(w, t, w->tick);
	}
}

static void tick_fire(struct bw_wheel *w)
{
	struct bw_timer *list;

	for (int level = BW_WHEEL_LEVELS - 1; level > 0; level--)
		slot_cascade(w, level);
	slot_take(w, 0, &list);
	while (list) {
		struct bw_timer *t = list;

		bw_wheel_remove(t);
		t->fire(t);
	}
}

void bw_wheel_advance(struct bw_wheel *w, int64_t now_ms)
{
	int64_t now = now_ms >> BW_WHEEL_TICK_SHIFT;

	while (w->tick < now) {
		int64_t next = next_tick(w);

		w->tick = next < now ? next : now;
		if (next <= now)
			tick_fire(w);
	}
}
