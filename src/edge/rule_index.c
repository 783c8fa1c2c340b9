/* Which rules a request can meet at all, by the literal end of the host and the literal beginning of the path
 * that they ask for: ten thousand of them cost about as much as ten. Whether one holds is for all its
 * conditions to say; rules that name neither are tried one after another. */
#include "edge/rule.h"
#include "edge/worker.h"

enum {
	LITERAL_MAX =
	    128, /* the longest pattern that AWS takes; of a longer one its first or last letters count */
	SLOTS_FIRST = 4,
};

/* By number, that is by priority. */
struct entry {
	size_t rule;
	struct entry *next;
};

struct word {
	struct word *chain;
	uint64_t hash;
	struct bw_str text;
	struct words *paths;         /* of a host */
	struct entry *first, **last; /* of a path */
};

struct words {
	struct word **slots;
	size_t slot_count, count;
	bool lengths[LITERAL_MAX + 1]; /* that some word has */
};

struct rule_index {
	struct words hosts;
};

/* ---- words ---- */

static uint64_t hash_next(uint64_t hash, char c)
{
	return (hash ^ (unsigned char)c) * UINT64_C(0x9e3779b97f4a7c15);
}

static size_t slot_of(const struct words *w, uint64_t hash)
{
	return (size_t)(hash ^ hash >> 32) & (w->slot_count - 1);
}

static struct word *word_find(const struct words *w, uint64_t hash, struct bw_str text)
{
	struct word *found = w->slots[slot_of(w, hash)];

	while (found && !(found->hash == hash && bw_str_eq(found->text, text)))
		found = found->chain;
	return found;
}

static void words_grow(struct bw_arena *a, struct words *w)
{
	struct word **old = w->slots;
	size_t old_count = w->slot_count;

	w->slot_count = old_count ? 2 * old_count : SLOTS_FIRST;
	w->slots = BW_NEW_ARRAY(a, struct word *, w->slot_count);
	for (size_t i = 0; i < old_count; i++)
		for (struct word *at = old[i], *next; at; at = next) {
			struct word **slot = &w->slots[slot_of(w, at->hash)];

			next = at->chain;
			at->chain = *slot;
			*slot = at;
		}
}

static struct word *word_take(struct bw_arena *a, struct words *w, uint64_t hash, struct bw_str text)
{
	struct word *found = w->count ? word_find(w, hash, text) : NULL, **slot;

	if (found)
		return found;
	if (w->count == w->slot_count)
		words_grow(a, w);
	found = BW_NEW(a, struct word);
	*found = (struct word){.hash = hash, .text = bw_arena_str(a, text)};
	found->last = &found->first;
	slot = &w->slots[slot_of(w, hash)];
	found->chain = *slot;
	*slot = found;
	w->count++;
	w->lengths[text.n] = true;
	return found;
}

/* ---- what of a pattern is literal ---- */

struct literal {
	char text[LITERAL_MAX];
	size_t n;
	uint64_t hash;
};

/* One letter of the pattern, as wildcard_match reads it. False: any letter, or any number of them. */
static bool letter_read(struct bw_str pattern, size_t *at, char *out)
{
	char c = pattern.p[(*at)++];

	if (c == '*' || c == '?')
		return false;
	if (c == '\\' && *at < pattern.n)
		c = pattern.p[(*at)++];
	*out = c;
	return true;
}

static void path_literal(struct bw_str pattern, struct literal *out)
{
	out->n = 0;
	out->hash = 0;
	for (size_t at = 0;
	     at < pattern.n && out->n < LITERAL_MAX && letter_read(pattern, &at, &out->text[out->n]);)
		out->hash = hash_next(out->hash, out->text[out->n++]);
}

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* In lower case; its hash goes from the end to the beginning. */
static void host_literal(struct bw_str pattern, struct literal *out)
{
	char c = '\0';

	out->n = 0;
	out->hash = 0;
	for (size_t at = 0; at < pattern.n;) {
		if (!letter_read(pattern, &at, &c)) {
			out->n = 0;
			continue;
		}
		if (out->n == LITERAL_MAX)
			memmove(out->text, out->text + 1, --out->n);
		out->text[out->n++] = lower(c);
	}
	for (size_t i = out->n; i; i--)
		out->hash = hash_next(out->hash, out->text[i - 1]);
}

/* ---- making ---- */

/* The condition on that, when it is one of wildcards alone. */
static const struct condition *condition_on(const struct rule *rule, int on)
{
	for (size_t i = 0; i < rule->condition_count; i++) {
		const struct condition *c = &rule->conditions[i];
		size_t k = 0;

		while ((int)c->on == on && k < c->count && !c->patterns[k].regex)
			k++;
		if ((int)c->on == on && k == c->count)
			return c;
	}
	return NULL;
}

static void path_file(struct bw_arena *a, struct word *host, struct bw_str pattern, size_t number)
{
	struct literal path;
	struct word *w;

	path_literal(pattern, &path);
	w = word_take(a, host->paths, path.hash, bw_str_make(path.text, path.n));
	*w->last = BW_NEW(a, struct entry);
	**w->last = (struct entry){.rule = number};
	w->last = &(*w->last)->next;
}

static void host_file(
    struct bw_arena *a, struct rule_index *x, const struct rule *rule, struct bw_str pattern, size_t number)
{
	const struct condition *paths = condition_on(rule, ON_PATH);
	struct literal host;
	struct word *w;

	host_literal(pattern, &host);
	w = word_take(a, &x->hosts, host.hash, bw_str_make(host.text, host.n));
	if (!w->paths)
		w->paths = BW_NEW(a, struct words);
	for (size_t i = 0; paths && i < paths->count; i++)
		path_file(a, w, paths->patterns[i].text, number);
	if (!paths)
		path_file(a, w, BW_STR(""), number);
}

struct rule_index *rule_index_make(struct bw_arena *a, const struct rule *rules, size_t count)
{
	struct rule_index *x = BW_NEW(a, struct rule_index);

	for (size_t i = 0; i < count; i++) {
		const struct condition *hosts = condition_on(&rules[i], ON_HOST);

		for (size_t k = 0; hosts && k < hosts->count; k++)
			host_file(a, x, &rules[i], hosts->patterns[k].text, i);
		if (!hosts)
			host_file(a, x, &rules[i], BW_STR(""), i);
	}
	return x;
}

/* ---- asking ---- */

struct search {
	bool (*holds)(void *ctx, size_t rule);
	void *ctx;
	size_t best; /* the first by priority that holds, as far as is known */
};

static void entries_try(struct search *s, const struct entry *e)
{
	for (; e && e->rule < s->best; e = e->next)
		if (s->holds(s->ctx, e->rule))
			s->best = e->rule;
}

static void paths_try(struct search *s, const struct words *paths, struct bw_str path)
{
	uint64_t hash = 0;

	for (size_t n = 0; n <= LITERAL_MAX; n++) {
		const struct word *w =
		    paths->lengths[n] ? word_find(paths, hash, bw_str_sub(path, 0, n)) : NULL;

		if (w)
			entries_try(s, w->first);
		if (n == path.n)
			return;
		hash = hash_next(hash, path.p[n]);
	}
}

size_t rule_index_first(const struct rule_index *x, struct bw_str host, struct bw_str path,
    bool (*holds)(void *ctx, size_t rule), void *ctx)
{
	struct search s = {holds, ctx, SIZE_MAX};
	char text[LITERAL_MAX];
	uint64_t hash = 0;

	for (size_t n = 0; x->hosts.count && n <= LITERAL_MAX; n++) {
		struct bw_str end = bw_str_make(text + LITERAL_MAX - n, n);
		const struct word *w = x->hosts.lengths[n] ? word_find(&x->hosts, hash, end) : NULL;

		if (w)
			paths_try(&s, w->paths, path);
		if (n == host.n || n == LITERAL_MAX)
			break;
		text[LITERAL_MAX - n - 1] = lower(host.p[host.n - n - 1]);
		hash = hash_next(hash, text[LITERAL_MAX - n - 1]);
	}
	return s.best;
}
