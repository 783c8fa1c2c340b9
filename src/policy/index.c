/* The index by action: which statements may speak of a service, and with which names. */
#include "codec/sort.h"
#include "policy/form.h"

/* One action pattern of one statement. */
struct entry {
	bool general; /* its statement cannot be filed under services */
	bool allow, pieces, prefix;
	uint16_t statement;
	uint32_t hash; /* of the service; nought when general */
	uint32_t action;
	struct bw_str literal, service; /* lower case */
};

static int compare(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int by_group(const struct entry *a, const struct entry *b)
{
	if (a->general != b->general)
		return compare(a->general, b->general);
	if (a->hash != b->hash)
		return compare(a->hash, b->hash);
	if (a->allow != b->allow)
		return compare(a->allow, b->allow);
	/* Services may hash alike; fronts order the names of one. */
	return a->statement != b->statement ? compare(a->statement, b->statement)
	                                    : bw_str_cmp(a->service, b->service);
}

static int by_place(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = by_group(a, b);

	if (order)
		return order;
	if (a->pieces != b->pieces)
		return compare(a->pieces, b->pieces);
	order = bw_str_cmp(a->literal, b->literal);
	/* Of two alike the more open first: the other is in it. */
	return order                    ? order
	       : a->prefix != b->prefix ? compare(b->prefix, a->prefix)
	                                : compare(a->action, b->action);
}

static const struct bw_policy *policy_of(const struct compiler *c)
{
	return (const void *)c->block;
}

static struct entry entry_make(struct compiler *c, uint32_t statement, uint32_t action)
{
	struct entry e = {.statement = (uint16_t)statement, .action = action};
	struct bw_str source = action_source(policy_of(c), action), rest;

	e.allow = statement_at(policy_of(c), statement)->allow;
	e.pieces = (action & ACTION_SHAPES) == ACTION_PIECES;
	e.prefix = (action & ACTION_SHAPES) == ACTION_PREFIX;
	e.literal = rest = bw_arena_lower(&c->scratch, source);
	e.service = bw_str_cut(&rest, ':');
	e.hash = service_hash(e.service);
	if (e.prefix)
		while (e.literal.n && e.literal.p[e.literal.n - 1] == '*')
			e.literal.n--;
	return e;
}

/* Whether every pattern names its service. */
static bool is_filed(const struct bw_policy *p, const struct statement *s)
{
	const uint32_t *actions = block_at(p, s->actions);

	for (uint32_t i = 0; i < s->action_count; i++) {
		struct bw_str text = action_source(p, actions[i]);
		size_t n = 0;

		while (n < text.n && text.p[n] != ':' && text.p[n] != '*' && text.p[n] != '?')
			n++;
		if (n == text.n || text.p[n] != ':')
			return false;
	}
	return !s->not_action;
}

static size_t entries_gather(struct compiler *c, struct entry **out)
{
	uint32_t count = policy_of(c)->statement_count;
	struct entry *entries;
	size_t n = 0, at = 0;

	for (uint32_t i = 0; i < count; i++)
		n += statement_at(policy_of(c), i)->action_count;
	entries = BW_NEW_ARRAY(&c->scratch, struct entry, n);
	for (uint32_t i = 0; i < count; i++) {
		const struct statement *s = statement_at(policy_of(c), i);
		const uint32_t *actions = block_at(policy_of(c), s->actions);
		bool filed = is_filed(policy_of(c), s);

		for (uint32_t j = 0; j < s->action_count; j++) {
			entries[at] = entry_make(c, i, actions[j]);
			entries[at].general = !filed;
			if (!filed) {
				entries[at].hash = 0;
				entries[at].service = BW_STR_NONE;
			}
			at++;
		}
	}
	bw_sort(entries, n, sizeof *entries, by_place);
	*out = entries;
	return n;
}

static uint32_t entry_front(const struct entry *e)
{
	size_t colon = e->general ? 0 : e->service.n + 1;

	return name_front(bw_str_sub(e->literal, colon, e->literal.n));
}

/* The entries of one statement under one service. What another literal has at its front is matched with it.
 */
static struct candidate candidate_make(struct compiler *c, const struct entry *entries, size_t n)
{
	struct candidate out = {.statement = entries[0].statement, .whole = entries[0].general};
	struct name *names = BW_NEW_ARRAY(&c->scratch, struct name, n);
	const struct entry *last = NULL;
	uint32_t count = 0;

	out.negated = statement_at(policy_of(c), out.statement)->not_action;
	for (size_t i = 0; i < n; i++) {
		const struct entry *e = &entries[i];

		if (last && !e->pieces &&
		    (last->prefix ? bw_str_starts(e->literal, last->literal)
		                  : bw_str_eq(e->literal, last->literal)))
			continue;
		last = e->pieces ? NULL : e;
		out.names = (uint16_t)(out.names + !e->pieces);
		out.pieces = (uint16_t)(out.pieces + e->pieces);
		names[count++] = (struct name){e->pieces ? 0 : entry_front(e), e->action};
	}
	out.v = block_take_array(c, sizeof *names, count);
	block_write(c, out.v, names, count * sizeof *names);
	return out;
}

static bool is_same_statement(const struct entry *a, const struct entry *b)
{
	return by_group(a, b) == 0;
}

static bool is_same_list(const struct entry *a, const struct entry *b)
{
	return a->general == b->general && a->hash == b->hash;
}

/* How many of the entries stand together with the first. */
static size_t together(
    const struct entry *entries, size_t n, bool (*same)(const struct entry *a, const struct entry *b))
{
	size_t count = 1;

	while (count < n && same(&entries[0], &entries[count]))
		count++;
	return count;
}

/* The entries of one service, or the general ones, as candidates. */
static struct candidates list_make(struct compiler *c, const struct entry *entries, size_t n)
{
	struct candidate *list = BW_NEW_ARRAY(&c->scratch, struct candidate, n);
	struct candidates out = {0};

	for (size_t at = 0, size; at < n; at += size) {
		size = together(entries + at, n - at, is_same_statement);
		list[out.count++] = candidate_make(c, entries + at, size);
		out.deny_count = (uint16_t)(out.deny_count + !entries[at].allow);
	}
	out.v = block_take_array(c, sizeof *list, out.count);
	block_write(c, out.v, list, out.count * sizeof *list);
	return out;
}

void index_build(struct compiler *c)
{
	struct entry *entries;
	size_t n = entries_gather(c, &entries), size;
	uint32_t *hashes = BW_NEW_ARRAY(&c->scratch, uint32_t, n), count = 0;
	struct candidates *lists = BW_NEW_ARRAY(&c->scratch, struct candidates, n), general = {0};
	struct bw_policy *p;
	uint64_t services = 0;
	uint32_t at;

	for (size_t from = 0; from < n; from += size) {
		size = together(entries + from, n - from, is_same_list);
		if (entries[from].general) {
			general = list_make(c, entries + from, size);
			services = UINT64_MAX;
			continue;
		}
		hashes[count] = entries[from].hash;
		lists[count++] = list_make(c, entries + from, size);
		services |= service_bits(entries[from].hash);
	}
	at = block_take_array(c, sizeof *hashes + sizeof *lists, count);
	block_write(c, at, hashes, count * sizeof *hashes);
	block_write(c, at + count * (uint32_t)sizeof *hashes, lists, count * sizeof *lists);
	p = (void *)c->block;
	p->services = services;
	p->services_at = at;
	p->service_count = count;
	p->general = general;
}
