/* What must hold of every document and every question: two evaluators agree, and some changes change nothing.
 */
#include "agree.h"
#include "change.h"
#include "regex.h"

#include "test.h"

enum { QUESTIONS = 20, WORLDS = 1000, COMPARISONS = 1000000, QUESTIONS_A_WORLD = 100 };

TEST(policy_property_two_evaluators_agree)
{
	struct chance c = {.state = 0x9e3779b97f4a7c15u};
	struct agreement sum = {0};

	while (sum.comparisons < COMPARISONS)
		if (!agree_once(&c, QUESTIONS_A_WORLD, &sum))
			fail_msg("after %llu decisions", (unsigned long long)sum.comparisons);
	for (size_t i = 0; i < BW_COUNT(sum.seen); i++)
		assert_true(sum.seen[i] > COMPARISONS / 20);
}

/* "*" in the middle of a value is what it is in a regular expression. */
TEST(policy_property_patterns_are_regular_expressions)
{
	struct chance c = {.state = 0x2545f4914f6cdd1du};
	enum { PATTERNS = 20000, TEXTS = 10 };
	size_t hits = 0;

	for (size_t i = 0; i < PATTERNS; i++)
		assert_true(regex_agrees(&c, TEXTS, &hits));
	assert_in_range(hits, PATTERNS * TEXTS / 4, PATTERNS * TEXTS / 4 * 3);
}

static void questions_ask(
    const struct world *w, const struct question_data *questions, enum bw_decision decisions[QUESTIONS])
{
	for (size_t i = 0; i < QUESTIONS; i++)
		decisions[i] = bw_policy_evaluate(&w->layers, &questions[i].request).decision;
}

/* False: the change is not for this world. */
static bool change_try(const struct change *change, struct world *w, struct chance *c)
{
	static struct question_data questions[QUESTIONS];
	enum bw_decision before[QUESTIONS], after[QUESTIONS];

	if (change->prepare && !change->prepare(w, c))
		return false;
	if (change->prepare)
		world_build(w);
	for (size_t i = 0; i < QUESTIONS; i++)
		question_make(c, &questions[i]);
	questions_ask(w, questions, before);
	if (change->apply && !change->apply(w, c))
		return false;
	world_build(w);
	for (size_t i = 0; change->reword && i < QUESTIONS; i++)
		change->reword(w, &questions[i]);
	questions_ask(w, questions, after);
	for (size_t i = 0; i < QUESTIONS; i++)
		assert_true(change->holds(before[i], after[i]));
	return true;
}

static void change_check(const struct change *change, uint64_t seed)
{
	struct chance c = {.state = seed};
	size_t applied = 0;

	for (size_t i = 0; i < WORLDS; i++) {
		struct world w;

		world_begin(&w, &c);
		applied += change_try(change, &w, &c);
		world_end(&w);
	}
	assert_true(applied > WORLDS / 4);
}

#define PROPERTY(name, change, seed)                                                                         \
	TEST(policy_property_##name)                                                                         \
	{                                                                                                    \
		change_check(&(change), seed);                                                               \
	}

PROPERTY(a_deny_more_never_allows, change_deny_more, 1)
PROPERTY(an_identity_allow_more_never_denies, change_allow_more, 2)
PROPERTY(statement_order_does_not_matter, change_order, 3)
PROPERTY(actions_may_be_split_over_statements, change_split, 4)
PROPERTY(case_of_actions_and_keys_does_not_matter, change_case, 5)
PROPERTY(a_statement_may_stand_twice, change_twice, 6)
PROPERTY(action_and_not_action_are_all_actions, change_not_action, 7)

TEST(policy_property_every_decision_can_be_told)
{
	struct chance c = {.state = 8};

	for (size_t i = 0; i < WORLDS / 4; i++) {
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
