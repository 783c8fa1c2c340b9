/* What must hold of every document and every question: two evaluators agree, and some changes change nothing.
 */
#include "chance.h"

#include <stdio.h>
#include <stdlib.h>

#include "test.h"

enum { QUESTIONS = 20 };

/* BW_POLICY_ROUNDS in the environment asks for more than the test run's share. */
static size_t rounds(size_t usual)
{
	const char *wish = getenv("BW_POLICY_ROUNDS");
	int64_t n;

	return wish && bw_str_to_i64(bw_str_c(wish), 1, 1000000000, &n) == BW_OK ? (size_t)n : usual;
}

static void difference(const struct world *w, const struct bw_policy_request *r, const struct bw_verdict *a,
    const struct bw_verdict *b)
{
	struct bw_buf reasons;

	bw_buf_init(&reasons, 1 << 24);
	(void)bw_policy_explain(&w->layers, r, &reasons);
	(void)fwrite(reasons.p, 1, reasons.n, stderr);
	bw_buf_free(&reasons);
	fail_msg("decision %d layer %d %.*s %d, want %d %d %.*s %d", a->decision, a->layer,
	    BW_FMT(a->policy_id), a->statement, b->decision, b->layer, BW_FMT(b->policy_id), b->statement);
}

TEST(policy_property_two_evaluators_agree)
{
	struct chance c = {0x9e3779b97f4a7c15u};
	size_t seen[3] = {0}, worlds = rounds(10000);

	for (size_t i = 0; i < worlds; i++) {
		struct world w;

		world_begin(&w, &c);
		for (size_t j = 0; j < QUESTIONS; j++) {
			struct bw_verdict a, b;
			struct question_data q;

			question_make(&c, &q);
			a = bw_policy_evaluate(&w.layers, &q.request);
			b = naive_evaluate(&w.naive, &q.request);
			seen[a.decision]++;
			if (a.decision != b.decision || a.layer != b.layer || a.statement != b.statement ||
			    !bw_str_eq(a.policy_id, b.policy_id))
				difference(&w, &q.request, &a, &b);
		}
		world_end(&w);
	}
	for (size_t i = 0; i < 3; i++)
		assert_true(seen[i] > worlds * QUESTIONS / 20);
}

/* A change to a world and what it may do to a decision. */
struct change {
	/* False: not for this world. */
	bool (*apply)(struct world *w, struct chance *c);
	bool (*holds)(enum bw_decision before, enum bw_decision after);
};

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

static void change_check(const struct change *change, uint64_t seed)
{
	struct chance c = {seed};
	size_t applied = 0;

	for (size_t i = 0; i < rounds(2000); i++) {
		struct question_data questions[QUESTIONS];
		enum bw_decision before[QUESTIONS];
		struct world w;

		world_begin(&w, &c);
		for (size_t j = 0; j < QUESTIONS; j++) {
			question_make(&c, &questions[j]);
			before[j] = bw_policy_evaluate(&w.layers, &questions[j].request).decision;
		}
		if (change->apply(&w, &c)) {
			applied++;
			world_build(&w);
			for (size_t j = 0; j < QUESTIONS; j++)
				assert_true(change->holds(before[j],
				    bw_policy_evaluate(&w.layers, &questions[j].request).decision));
		}
		world_end(&w);
	}
	assert_true(applied > rounds(2000) / 4);
}

TEST(policy_property_a_deny_more_never_allows)
{
	change_check(&(struct change){deny_add, stays_denied}, 1);
}

TEST(policy_property_an_identity_allow_more_never_denies)
{
	change_check(&(struct change){allow_add, stays_allowed}, 2);
}

TEST(policy_property_statement_order_does_not_matter)
{
	change_check(&(struct change){statements_shuffle, stays}, 3);
}

TEST(policy_property_actions_may_be_split_over_statements)
{
	change_check(&(struct change){actions_split, stays}, 4);
}

TEST(policy_property_every_decision_can_be_told)
{
	struct chance c = {5};

	for (size_t i = 0; i < rounds(500); i++) {
		struct world w;

		world_begin(&w, &c);
		for (size_t j = 0; j < QUESTIONS; j++) {
			struct bw_json_value json;
			struct question_data q;
			struct bw_buf b;

			question_make(&c, &q);
			bw_buf_init(&b, 1 << 22);
			assert_int_equal(bw_policy_explain(&w.layers, &q.request, &b).decision,
			    bw_policy_evaluate(&w.layers, &q.request).decision);
			assert_false(b.failed);
			assert_ok(bw_json_parse(bw_buf_str(&b), &w.arena, &json));
			bw_buf_free(&b);
		}
		world_end(&w);
	}
}
