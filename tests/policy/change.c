#include "change.h"

#include <string.h>

static struct bw_str random_statement(
    struct world *w, struct chance *c, enum bw_policy_kind kind, const char *effect)
{
	struct bw_str text;
	struct bw_buf b;

	bw_buf_init(&b, 1 << 16);
	statement_put(c, &b, kind, effect);
	text = bw_arena_str(&w->arena, bw_buf_str(&b));
	bw_buf_free(&b);
	return text;
}

static bool statement_add(struct world *w, struct chance *c, struct world_document *d, const char *effect)
{
	if (d->n == WORLD_STATEMENTS)
		return false;
	d->statements[d->n++] = random_statement(w, c, d->kind, effect);
	return true;
}

static bool deny_add(struct world *w, struct chance *c)
{
	return w->count && statement_add(w, c, &w->documents[chance_below(c, w->count)], "Deny");
}

static bool allow_add(struct world *w, struct chance *c)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->documents[i].kind == BW_POLICY_IDENTITY &&
		    statement_add(w, c, &w->documents[i], "Allow"))
			return true;
	return false;
}

static bool statements_shuffle(struct world *w, struct chance *c)
{
	for (size_t i = 0; i < w->count; i++) {
		struct world_document *d = &w->documents[i];

		for (size_t n = d->n; n > 1; n--) {
			size_t j = chance_below(c, n);
			struct bw_str moved = d->statements[n - 1];

			d->statements[n - 1] = d->statements[j];
			d->statements[j] = moved;
		}
	}
	return true;
}

/* {"Action":["a","b"]} becomes {"Action":["a"]} and {"Action":["b"]}. */
static bool actions_split(struct world *w, struct chance *c)
{
	static const struct bw_str mark = {"\"Action\":[", 10};

	(void)c;
	for (size_t i = 0; i < w->count; i++) {
		struct world_document *d = &w->documents[i];

		for (size_t j = 0; j < d->n && d->n < WORLD_STATEMENTS; j++) {
			struct bw_str s = d->statements[j], head, list, tail;
			const char *at = memmem(s.p, s.n, mark.p, mark.n);
			ptrdiff_t comma;

			if (!at)
				continue;
			head = bw_str_sub(s, 0, (size_t)(at - s.p) + mark.n);
			tail = bw_str_sub(s, head.n, s.n);
			list = bw_str_cut(&tail, ']');
			comma = bw_str_find(list, ',', 0);
			if (comma < 0)
				continue;
			d->statements[j] = bw_arena_printf(
			    &w->arena, "%.*s%.*s]%.*s", BW_FMT(head), (int)comma, list.p, BW_FMT(tail));
			d->statements[d->n++] = bw_arena_printf(&w->arena, "%.*s%.*s]%.*s", BW_FMT(head),
			    BW_FMT(bw_str_sub(list, (size_t)comma + 1, list.n)), BW_FMT(tail));
			return true;
		}
	}
	return false;
}

static bool stays_denied(enum bw_decision before, enum bw_decision after)
{
	return before == BW_ALLOWED || after != BW_ALLOWED;
}

static bool stays_allowed(enum bw_decision before, enum bw_decision after)
{
	return before != BW_ALLOWED || after == BW_ALLOWED;
}

static bool stays(enum bw_decision before, enum bw_decision after)
{
	return before == after;
}

const struct change change_deny_more = {.apply = deny_add, .holds = stays_denied};
const struct change change_allow_more = {.apply = allow_add, .holds = stays_allowed};
const struct change change_order = {.apply = statements_shuffle, .holds = stays};
const struct change change_split = {.apply = actions_split, .holds = stays};

static bool statement_repeat(struct world *w, struct chance *c)
{
	struct world_document *d;

	if (w->count == 0)
		return false;
	d = &w->documents[chance_below(c, w->count)];
	if (d->n == WORLD_STATEMENTS)
		return false;
	d->statements[d->n] = d->statements[chance_below(c, d->n)];
	d->n++;
	return true;
}

const struct change change_twice = {.apply = statement_repeat, .holds = stays};

/* ---- Case ---- */

static char other_case(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c - 'a' + 'A');
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* A statement begins with its effect, its actions come next, and its conditions come last. */
static struct bw_str element(struct bw_str statement, const char *name)
{
	const char *at = memmem(statement.p, statement.n, name, strlen(name));

	return at ? bw_str_sub(statement, (size_t)(at - statement.p) + strlen(name), statement.n)
	          : BW_STR_NONE;
}

/* The bytes of an element's value: a string, or a list of strings in which no ']' stands. */
static struct bw_str value(struct bw_str rest)
{
	ptrdiff_t end = bw_str_find(rest, rest.p[0] == '[' ? ']' : '"', 1);

	return bw_str_sub(rest, 0, (size_t)end + 1);
}

static struct bw_str actions_of(struct bw_str statement)
{
	return value(element(statement, "Action\":"));
}

/* The names behind a '{' are operators and keys: neither has a case. There are no escapes in these strings.
 */
static void statement_recase(char *text, struct bw_str statement)
{
	struct bw_str actions = actions_of(statement), rest = element(statement, ",\"Condition\":");
	bool inside = false, name = false;

	for (size_t i = 0; i < actions.n; i++)
		text[actions.p - statement.p + (ptrdiff_t)i] = other_case(actions.p[i]);
	for (size_t i = 0; i < rest.n; i++) {
		if (rest.p[i] == '"') {
			inside = !inside;
			name = inside && rest.p[i - 1] == '{';
		} else if (name) {
			text[rest.p - statement.p + (ptrdiff_t)i] = other_case(rest.p[i]);
		}
	}
}

static bool documents_recase(struct world *w, struct chance *c)
{
	(void)c;
	for (size_t i = 0; i < w->count; i++)
		for (size_t j = 0; j < w->documents[i].n; j++) {
			struct bw_str old = w->documents[i].statements[j];
			char *text = bw_arena_alloc(&w->arena, old.n);

			memcpy(text, old.p, old.n);
			statement_recase(text, old);
			w->documents[i].statements[j] = bw_str_make(text, old.n);
		}
	return true;
}

static struct bw_str recased(struct world *w, struct bw_str s)
{
	char *text = bw_arena_alloc(&w->arena, s.n);

	for (size_t i = 0; i < s.n; i++)
		text[i] = other_case(s.p[i]);
	return bw_str_make(text, s.n);
}

static void question_recase(struct world *w, struct question_data *q)
{
	q->request.action = recased(w, q->request.action);
	for (size_t i = 0; i < q->request.context_count; i++)
		q->keys[i].name = recased(w, q->keys[i].name);
}

const struct change change_case = {.apply = documents_recase, .reword = question_recase, .holds = stays};

/* ---- NotAction ---- */

/* A statement with an Action, where "*" and NotAction may stand too. */
static bool action_statement(struct world *w, struct world_document **document, struct bw_str **statement)
{
	for (size_t i = 0; i < w->count; i++) {
		struct world_document *d = &w->documents[i];

		if (d->kind == BW_POLICY_TRUST || d->kind == BW_POLICY_RCP || d->n == WORLD_STATEMENTS)
			continue;
		*document = d;
		*statement = &d->statements[0];
		if (element(**statement, ",\"Action\":").n)
			return true;
	}
	return false;
}

static struct bw_str with_actions(
    struct world *w, struct bw_str statement, const char *element_name, struct bw_str actions)
{
	struct bw_str old = actions_of(statement);
	const char *head_end = memmem(statement.p, statement.n, ",\"Action\":", 10);

	return bw_arena_printf(&w->arena, "%.*s,\"%s\":%.*s%.*s", (int)(head_end - statement.p), statement.p,
	    element_name, BW_FMT(actions), (int)(statement.p + statement.n - (old.p + old.n)), old.p + old.n);
}

/* The statement is kept, and is about all actions meanwhile. */
static bool all_actions(struct world *w, struct chance *c)
{
	struct world_document *d;
	struct bw_str *s;

	(void)c;
	if (!action_statement(w, &d, &s))
		return false;
	w->kept = *s;
	*s = with_actions(w, *s, "Action", BW_STR("\"*\""));
	return true;
}

static bool all_actions_halved(struct world *w, struct chance *c)
{
	struct world_document *d;
	struct bw_str *s;

	(void)c;
	MUST(action_statement(w, &d, &s));
	*s = w->kept;
	d->statements[d->n++] = with_actions(w, w->kept, "NotAction", actions_of(w->kept));
	return true;
}

const struct change change_not_action = {.prepare = all_actions, .apply = all_actions_halved, .holds = stays};
