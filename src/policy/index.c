/* The index by action: which statements may speak of a service, and with which names. */
#include "codec/sort.h"
#include "policy/form.h"

/* One action pattern of one statement. */
struct entry {
	struct bw_str service, name;
	uint32_t statement, order;
	bool allow;
};

static int by_service(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = bw_str_cmp(a->service, b->service);

	if (order)
		return order;
	if (a->allow != b->allow)
		return a->allow ? 1 : -1;
	if (a->statement != b->statement)
		return a->statement < b->statement ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

/* Statements that cannot be filed under services. */
static bool is_general(const struct statement *s)
{
	if (s->not_action || s->all_actions)
		return true;
	for (uint32_t i = 0; i < s->action_count; i++)
		if (s->action_sources[i].p[0] == '*')
			return true;
	return false;
}

static void general_build(struct bw_policy *p)
{
	struct candidates *g = &p->general;
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->statement_count; i++) {
		g->count += is_general(&p->statements[i]);
		g->deny_count += is_general(&p->statements[i]) && !p->statements[i].allow;
	}
	g->v = BW_NEW_ARRAY(&p->arena, struct candidate, g->count);
	for (int allow = 0; allow < 2; allow++)
		for (uint32_t i = 0; i < p->statement_count; i++)
			if (p->statements[i].allow == allow && is_general(&p->statements[i]))
				g->v[n++].statement = i;
}

static size_t entries_gather(struct compiler *c, struct entry **out)
{
	const struct bw_policy *p = c->policy;
	struct entry *entries;
	size_t n = 0, at = 0;

	for (uint32_t i = 0; i < p->statement_count; i++)
		n += is_general(&p->statements[i]) ? 0 : p->statements[i].action_count;
	entries = BW_NEW_ARRAY(&c->scratch, struct entry, n);
	for (uint32_t i = 0; i < p->statement_count; i++) {
		const struct statement *s = &p->statements[i];

		for (uint32_t j = 0; !is_general(s) && j < s->action_count; j++) {
			struct bw_str name = bw_arena_lower(&c->scratch, s->action_sources[j]);
			struct bw_str service = bw_str_cut(&name, ':');

			entries[at++] = (struct entry){service, name, i, j, s->allow};
		}
	}
	bw_sort(entries, n, sizeof *entries, by_service);
	*out = entries;
	return n;
}

/* The entries of one service as candidates. */
static void bucket_fill(struct compiler *c, struct bucket *b, const struct entry *entries, size_t n)
{
	struct bw_arena *arena = &c->policy->arena;
	struct candidates *list = &b->list;
	struct pattern *names = BW_NEW_ARRAY(arena, struct pattern, n);

	b->service = bw_arena_str(arena, entries[0].service);
	list->v = BW_NEW_ARRAY(arena, struct candidate, n);
	for (size_t i = 0; i < n; i++) {
		pattern_compile(c, entries[i].name, true, false, &names[i]);
		if (i == 0 || entries[i].statement != entries[i - 1].statement) {
			list->v[list->count++] = (struct candidate){entries[i].statement, 0, &names[i]};
			list->deny_count += !entries[i].allow;
		}
		list->v[list->count - 1].count++;
	}
}

static struct bucket *bucket_slot(struct bw_policy *p, uint32_t hash)
{
	uint32_t at = hash & p->bucket_mask;

	while (bw_str_set(p->buckets[at].service))
		at = (at + 1) & p->bucket_mask;
	p->buckets[at].hash = hash;
	p->services |= 1ull << (hash & 63);
	return &p->buckets[at];
}

void index_build(struct compiler *c)
{
	struct bw_policy *p = c->policy;
	struct entry *entries;
	size_t n = entries_gather(c, &entries), services = 0, slots = 2, from = 0;

	general_build(p);
	for (size_t i = 0; i < n; i++)
		services += i == 0 || !bw_str_eq(entries[i].service, entries[i - 1].service);
	while (slots < 2 * services)
		slots *= 2;
	p->buckets = BW_NEW_ARRAY(&p->arena, struct bucket, slots);
	p->bucket_mask = (uint32_t)slots - 1;
	for (size_t i = 1; i <= n; i++) {
		if (i < n && bw_str_eq(entries[i].service, entries[from].service))
			continue;
		bucket_fill(c, bucket_slot(p, service_hash(entries[from].service)), &entries[from], i - from);
		from = i;
	}
}
