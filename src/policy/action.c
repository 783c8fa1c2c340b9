/* Action patterns: one, and the ordered lists of the index. */
#include "policy/form.h"

struct bw_str action_source(const struct bw_policy *p, uint32_t action)
{
	const struct action_pattern *pieces = block_at(p, action & ~(uint32_t)ACTION_SHAPES);

	return text_at(p,
	    (action & ACTION_SHAPES) == ACTION_PIECES ? pieces->source : action & ~(uint32_t)ACTION_SHAPES);
}

/* Of EXACT and PREFIX. */
static struct bw_str action_literal(const struct bw_policy *p, uint32_t action)
{
	struct bw_str text = text_at(p, action & ~(uint32_t)ACTION_SHAPES);

	if ((action & ACTION_SHAPES) == ACTION_PREFIX)
		while (text.n && text.p[text.n - 1] == '*')
			text.n--;
	return text;
}

/* Does the literal stand at the front of the action? Behind both there are bytes to read. */
static bool literal_starts(struct bw_str literal, struct bw_str action)
{
	if (literal.n > action.n)
		return false;
	for (size_t at = 0; at < literal.n; at += WORD)
		if (word_front(word_lower(word_at(literal.p + at)) ^ word_at(action.p + at), literal.n - at))
			return false;
	return true;
}

bool action_match(const struct bw_policy *p, uint32_t action, const struct question *q)
{
	struct scope scope = {.policy = p};
	struct bw_str literal;

	if ((action & ACTION_SHAPES) == ACTION_PIECES) {
		const struct action_pattern *pieces = block_at(p, action & ~(uint32_t)ACTION_SHAPES);

		return pattern_match(&pieces->lower, q->action, &scope);
	}
	literal = action_literal(p, action);
	return literal_starts(literal, q->action) &&
	       (literal.n == q->action.n || (action & ACTION_SHAPES) == ACTION_PREFIX);
}

/* As bw_str_cmp of the lower-cased literal. */
static bool literal_is_past(struct bw_str literal, struct bw_str action)
{
	size_t n = literal.n < action.n ? literal.n : action.n;

	for (size_t at = 0; at < n; at += WORD) {
		uint64_t a = word_front(word_lower(word_at(literal.p + at)), n - at);
		uint64_t b = word_front(word_at(action.p + at), n - at);

		if (a != b)
			return a > b;
	}
	return literal.n > action.n;
}

/* What a PREFIX takes in stands nowhere else in the list, so that only the last literal not past the action
 * may match. */
bool candidate_match(const struct bw_policy *p, const struct candidate *c, const struct question *q)
{
	const uint32_t *actions = block_at(p, c->actions);
	size_t low = 0, high = c->names;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (literal_is_past(action_literal(p, actions[middle]), q->action))
			high = middle;
		else
			low = middle + 1;
	}
	if (low > 0 && action_match(p, actions[low - 1], q))
		return !c->negated;
	for (size_t i = c->names; i < (size_t)c->names + c->pieces; i++)
		if (action_match(p, actions[i], q))
			return !c->negated;
	return c->negated;
}

const struct candidates *candidates_find(const struct bw_policy *p, const struct question *q)
{
	const uint32_t *hashes = block_at(p, p->services_at);
	const struct candidates *lists =
	    block_at(p, p->services_at + p->service_count * (uint32_t)sizeof *hashes);
	uint32_t low = 0, high = p->service_count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (hashes[middle] < q->hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low < p->service_count && hashes[low] == q->hash ? &lists[low] : NULL;
}
