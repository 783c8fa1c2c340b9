/* Action patterns: one, and the ordered lists of the index. */
#include "policy/form.h"

enum { FEW = 8 };

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

static bool name_is_past(
    const struct bw_policy *p, const struct name *n, uint32_t front, struct bw_str action)
{
	return n->front != front ? n->front > front : literal_is_past(action_literal(p, n->action), action);
}

/* May the literal be the action's front, as far as the first bytes of both tell? */
static bool front_fits(uint32_t literal, uint32_t action)
{
	return literal == 0 || (literal ^ action) >> (__builtin_ctz(literal) & ~7) == 0;
}

static bool name_matches(
    const struct bw_policy *p, const struct name *n, const struct question *q, uint32_t front)
{
	return front_fits(n->front, front) && action_match(p, n->action, q);
}

/* What a PREFIX takes in stands nowhere else in the list, so that only the last literal not past the action
 * may match. */
static bool names_match(
    const struct bw_policy *p, const struct candidate *c, const struct name *names, const struct question *q)
{
	uint32_t front = q->fronts[c->whole], low = 0, high = c->names;

	/* A few are looked at sooner than halved. */
	if (c->names <= FEW) {
		while (low < high && !name_matches(p, &names[low], q, front))
			low++;
		return low < high;
	}
	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (name_is_past(p, &names[middle], front, q->action))
			high = middle;
		else
			low = middle + 1;
	}
	return low > 0 && name_matches(p, &names[low - 1], q, front);
}

bool candidate_match(const struct bw_policy *p, const struct candidate *c, const struct question *q)
{
	const struct name *names = block_at(p, c->v);
	bool match = names_match(p, c, names, q);

	for (size_t i = c->names; !match && i < (size_t)c->names + c->pieces; i++)
		match = action_match(p, names[i].action, q);
	return match != c->negated;
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
