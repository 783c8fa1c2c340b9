/* Texts of a document into patterns: wildcards and ${...} are found once, when the document is compiled. */
#include "policy/form.h"

uint32_t key_intern(struct compiler *c, struct bw_str name)
{
	struct bw_policy *p = c->policy;
	struct bw_str lower = bw_arena_lower(&c->scratch, name);
	void *known = bw_map_get(&c->names, lower);

	if (known)
		return (uint32_t)((uintptr_t)known - 1);
	if (p->key_count == c->key_room) {
		uint32_t room = c->key_room ? 2 * c->key_room : 8;
		struct key *keys = BW_NEW_ARRAY(&p->arena, struct key, room);

		if (p->key_count)
			memcpy(keys, p->keys, p->key_count * sizeof *keys);
		p->keys = keys;
		c->key_room = room;
	}
	p->keys[p->key_count] = (struct key){bw_arena_str(&p->arena, name), bw_arena_str(&p->arena, lower)};
	bw_map_put(&c->names, lower, (void *)((uintptr_t)p->key_count + 1));
	return p->key_count++;
}

/* What stands between "${" and "}": one of the three escapes, or a key with perhaps a default. */
struct reference {
	struct bw_str escape, name, fallback;
	size_t n; /* bytes of the whole */
};

static size_t spaces(struct bw_str s, size_t at)
{
	while (at < s.n && s.p[at] == ' ')
		at++;
	return at;
}

/* IAM User Guide, "IAM policy elements: Variables and tags", "Specifying default values": ${key, 'default'}.
 */
static bool fallback_parse(struct bw_str s, size_t comma, struct reference *out)
{
	size_t open = spaces(s, comma + 1);
	ptrdiff_t shut;

	if (open >= s.n || s.p[open] != '\'')
		return false;
	shut = bw_str_find(s, '\'', open + 1);
	if (shut < 0)
		return false;
	out->fallback = bw_str_sub(s, open + 1, (size_t)shut - open - 1);
	out->n = spaces(s, (size_t)shut + 1) + 1;
	return out->n <= s.n && s.p[out->n - 1] == '}';
}

/* `s` begins with a '$'. False: it is a text like any other. */
static bool reference_parse(struct bw_str s, struct reference *out)
{
	size_t at = 2;

	*out = (struct reference){0};
	if (s.n < 4 || s.p[1] != '{')
		return false;
	if (s.p[3] == '}' && (s.p[2] == '*' || s.p[2] == '?' || s.p[2] == '$')) {
		out->escape = bw_str_sub(s, 2, 1);
		out->n = 4;
		return true;
	}
	while (at < s.n && s.p[at] != ',' && s.p[at] != '}')
		at++;
	out->name = bw_str_trim(bw_str_sub(s, 2, at - 2));
	out->n = at + 1;
	if (at == s.n || out->name.n == 0)
		return false;
	return s.p[at] == '}' || fallback_parse(s, at, out);
}

struct reader {
	struct bw_str text;
	size_t at;
	bool wildcards, variables;
};

static bool is_special(const struct reader *r, size_t at, struct reference *ref)
{
	char c = r->text.p[at];

	if (c == '*' || c == '?')
		return r->wildcards;
	return c == '$' && r->variables && reference_parse(bw_str_sub(r->text, at, r->text.n), ref);
}

/* The next piece; runs of '*' are one. The key of a variable is left in `name`. */
static bool piece_next(struct reader *r, struct piece *piece, struct bw_str *name)
{
	size_t from = r->at;
	struct reference ref;

	if (from == r->text.n)
		return false;
	*piece = (struct piece){.kind = PIECE_TEXT};
	while (r->at < r->text.n && !is_special(r, r->at, &ref))
		r->at++;
	piece->text = bw_str_sub(r->text, from, r->at - from);
	if (r->at > from)
		return true;
	if (r->text.p[from] == '$') {
		r->at += ref.n;
		piece->text = ref.escape;
		if (ref.escape.n)
			return true;
		*piece = (struct piece){.kind = PIECE_VARIABLE, .text = ref.fallback};
		*name = ref.name;
		return true;
	}
	r->at++;
	if (r->text.p[from] == '?') {
		*piece = (struct piece){.kind = PIECE_ONE};
		return true;
	}
	while (r->at < r->text.n && r->text.p[r->at] == '*')
		r->at++;
	*piece = (struct piece){.kind = PIECE_ANY};
	return true;
}

static enum pattern_shape shape_of(const struct piece *pieces, uint32_t count)
{
	if (count == 0 || (count == 1 && pieces[0].kind == PIECE_TEXT))
		return PATTERN_EXACT;
	if (count == 1 && pieces[0].kind == PIECE_ANY)
		return PATTERN_ALL;
	if (count == 2 && pieces[0].kind == PIECE_TEXT && pieces[1].kind == PIECE_ANY)
		return PATTERN_PREFIX;
	return PATTERN_PIECES;
}

void pattern_compile(
    struct compiler *c, struct bw_str text, bool wildcards, bool variables, struct pattern *out)
{
	struct bw_arena *arena = &c->policy->arena;
	struct reader r = {.wildcards = wildcards, .variables = variables && c->policy->variables};
	struct piece *pieces, piece;
	struct bw_str name;
	uint32_t count = 0;

	*out = (struct pattern){.shape = PATTERN_EXACT};
	r.text = bw_arena_str(arena, text);
	while (piece_next(&r, &piece, &name))
		count++;
	pieces = BW_NEW_ARRAY(arena, struct piece, count);
	r.at = 0;
	for (uint32_t i = 0; i < count; i++) {
		(void)piece_next(&r, &pieces[i], &name);
		out->has_ones |= pieces[i].kind == PIECE_ONE;
		if (pieces[i].kind != PIECE_VARIABLE)
			continue;
		pieces[i].key = key_intern(c, name);
		out->has_variables = true;
	}
	out->shape = shape_of(pieces, count);
	out->count = count;
	out->pieces = pieces;
	out->text = count ? pieces[0].text : BW_STR("");
}

size_t arn_cut(struct bw_str text, bool variables, struct bw_str parts[ARN_PARTS])
{
	struct reference ref;
	size_t n = 0, from = 0, at = 0;

	while (at < text.n && n < ARN_PARTS - 1) {
		if (variables && text.p[at] == '$' && reference_parse(bw_str_sub(text, at, text.n), &ref)) {
			at += ref.n;
			continue;
		}
		if (text.p[at++] != ':')
			continue;
		parts[n++] = bw_str_sub(text, from, at - 1 - from);
		from = at;
	}
	parts[n++] = bw_str_sub(text, from, text.n);
	return n;
}

static size_t colons_in(struct bw_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == ':';
	return n < ARN_PARTS - 1 ? n : ARN_PARTS - 1;
}

/* Whether one comparison of the whole text is the same as six of the parts: nothing but the end is open. */
static bool is_whole(const struct pattern *p)
{
	return (p->shape == PATTERN_EXACT || p->shape == PATTERN_PREFIX) &&
	       colons_in(p->text) == ARN_PARTS - 1;
}

/* Which parts are still to be looked at once the literal front has matched, and how. */
static void parts_sort(struct arn_pattern *p)
{
	size_t settled = 0;

	p->has_front = p->whole.shape == PATTERN_PIECES && p->whole.pieces[0].kind == PIECE_TEXT;
	if (p->has_front)
		settled = colons_in(p->whole.text);
	for (size_t i = settled; i < ARN_PARTS; i++) {
		if (p->parts[i].shape == PATTERN_EXACT)
			p->literal_parts |= (uint8_t)(1u << i);
		else if (p->parts[i].shape != PATTERN_ALL)
			p->open_parts |= (uint8_t)(1u << i);
	}
}

void arn_pattern_compile(struct compiler *c, struct bw_str text, bool padded, struct arn_pattern *out)
{
	struct bw_arena *arena = &c->policy->arena;
	struct bw_str cut[ARN_PARTS];
	struct pattern *parts;
	size_t n;

	*out = (struct arn_pattern){.shape = ARN_ALL, .source = bw_arena_str(arena, text)};
	if (bw_str_eq(text, BW_STR("*")))
		return;
	pattern_compile(c, text, true, true, &out->whole);
	out->shape = ARN_WHOLE;
	if (is_whole(&out->whole))
		return;
	n = arn_cut(text, c->policy->variables, cut);
	/* IAM User Guide, "IAM JSON policy elements: Resource": a trailing "*" reaches past the colons. */
	out->shape = padded || n == ARN_PARTS || bw_str_ends(text, BW_STR("*")) ? ARN_SPLIT : ARN_NOTHING;
	if (out->shape == ARN_NOTHING)
		return;
	while (n < ARN_PARTS)
		cut[n++] = BW_STR("*");
	parts = BW_NEW_ARRAY(arena, struct pattern, ARN_PARTS);
	for (size_t i = 0; i < ARN_PARTS; i++)
		pattern_compile(c, cut[i], true, true, &parts[i]);
	out->parts = parts;
	parts_sort(out);
}
