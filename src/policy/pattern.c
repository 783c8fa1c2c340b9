/* Texts of a document into patterns: wildcards and ${...} are found once, when the document is compiled. */
#include "policy/form.h"

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

/* A piece as it stands in the text. */
struct reading {
	enum piece_kind kind;
	struct bw_str text;           /* TEXT */
	struct bw_str name, fallback; /* VARIABLE */
};

/* The next piece; runs of '*' are one. */
static bool piece_next(struct reader *r, struct reading *out)
{
	size_t from = r->at;
	struct reference ref;

	if (from == r->text.n)
		return false;
	*out = (struct reading){.kind = PIECE_TEXT};
	while (r->at < r->text.n && !is_special(r, r->at, &ref))
		r->at++;
	out->text = bw_str_sub(r->text, from, r->at - from);
	if (r->at > from)
		return true;
	if (r->text.p[from] == '$') {
		r->at += ref.n;
		out->text = ref.escape;
		if (ref.escape.n)
			return true;
		*out = (struct reading){.kind = PIECE_VARIABLE, .name = ref.name, .fallback = ref.fallback};
		return true;
	}
	r->at++;
	if (r->text.p[from] == '?') {
		out->kind = PIECE_ONE;
		return true;
	}
	while (r->at < r->text.n && r->text.p[r->at] == '*')
		r->at++;
	out->kind = PIECE_ANY;
	return true;
}

/* What the first two pieces and their count make of a pattern. */
static enum pattern_shape shape_of(const struct reading first[2], uint32_t count)
{
	if (count == 0 || (count == 1 && first[0].kind == PIECE_TEXT))
		return PATTERN_EXACT;
	if (count == 1 && first[0].kind == PIECE_ANY)
		return PATTERN_ALL;
	if (count == 2 && first[0].kind == PIECE_TEXT && first[1].kind == PIECE_ANY)
		return PATTERN_PREFIX;
	return PATTERN_PIECES;
}

/* `at`: where the bytes of the whole text stand. */
static struct piece piece_of(struct compiler *c, const struct reading *r, struct bw_str whole, uint32_t at)
{
	struct piece p = {.kind = (unsigned)r->kind & 3};

	if (r->kind == PIECE_TEXT) {
		p.count = (uint32_t)r->text.n & (uint32_t)(BLOCK_MAX - 1);
		p.at = at + (uint32_t)(r->text.p - whole.p);
	}
	if (r->kind == PIECE_VARIABLE) {
		p.count = key_put(c, r->name) & (uint32_t)(BLOCK_MAX - 1);
		p.at = bw_str_set(r->fallback) ? text_put(c, r->fallback) : 0;
	}
	return p;
}

struct pattern pattern_compile(
    struct compiler *c, struct bw_str text, uint32_t at, bool wildcards, bool variables)
{
	struct reader r = {.text = text, .wildcards = wildcards, .variables = variables && c->variables};
	struct reading first[2] = {{0}}, next;
	struct pattern out = {0};
	uint32_t count = 0;

	for (; piece_next(&r, &next); count++)
		if (count < BW_COUNT(first))
			first[count] = next;
	out.shape = (unsigned)shape_of(first, count) & 3;
	if (out.shape != PATTERN_PIECES) {
		out.count = (uint32_t)first[0].text.n & (uint32_t)(BLOCK_MAX - 1);
		out.at = first[0].text.n ? at + (uint32_t)(first[0].text.p - text.p) : at;
		return out;
	}
	out.count = count & (uint32_t)(BLOCK_MAX - 1);
	out.at = block_take_array(c, sizeof(struct piece), count);
	r.at = 0;
	for (uint32_t i = 0; piece_next(&r, &next); i++) {
		struct piece p = piece_of(c, &next, text, at);

		out.has_ones |= p.kind == PIECE_ONE;
		out.has_variables |= p.kind == PIECE_VARIABLE;
		block_write(c, out.at + i * (uint32_t)sizeof p, &p, sizeof p);
	}
	return out;
}

/* IAM User Guide, "IAM JSON policy elements: Action": names are of any case and have no variables. */
uint32_t action_compile(struct compiler *c, struct bw_str text)
{
	uint32_t source = text_put(c, text);
	struct bw_str literal = text, lower;
	struct action_pattern p = {.source = source};
	uint32_t at;

	while (literal.n && literal.p[literal.n - 1] == '*')
		literal.n--;
	if (bw_str_find(literal, '*', 0) < 0 && bw_str_find(literal, '?', 0) < 0)
		return source | (literal.n == text.n ? ACTION_EXACT : ACTION_PREFIX);
	lower = bw_arena_lower(&c->scratch, text);
	p.lower = pattern_compile(c, lower, text_put(c, lower) + TEXT_HEAD, true, false);
	at = block_take(c, sizeof p);
	block_write(c, at, &p, sizeof p);
	return at | ACTION_PIECES;
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

/* The text before the first wildcard or variable. */
static struct bw_str front_of(const struct compiler *c, struct bw_str text)
{
	struct reader r = {.text = text, .wildcards = true, .variables = c->variables};
	struct reading first;

	return piece_next(&r, &first) && first.kind == PIECE_TEXT && first.text.p == text.p ? first.text
	                                                                                    : BW_STR("");
}

/* The parts that the literal front does not settle: patterns for those that are not open to everything, as
 * missing ones are. */
static void parts_compile(struct compiler *c, struct bw_str text, const struct bw_str cut[ARN_PARTS],
    size_t count, struct arn_pattern *out)
{
	struct pattern kept[ARN_PARTS];
	uint32_t n = 0, at = out->source + TEXT_HEAD;

	for (size_t i = colons_in(bw_str_make(text.p, out->whole.count)); i < count; i++) {
		kept[i] = pattern_compile(c, cut[i], at + (uint32_t)(cut[i].p - text.p), true, true);
		if (kept[i].shape == PATTERN_EXACT)
			out->literal_parts |= (uint8_t)(1u << i);
		else if (kept[i].shape != PATTERN_ALL)
			out->open_parts |= (uint8_t)(1u << i);
	}
	out->parts = block_take_array(
	    c, sizeof kept[0], (size_t)__builtin_popcount((unsigned)(out->literal_parts | out->open_parts)));
	for (unsigned half = 0; half < 2; half++)
		for (unsigned left = half ? out->open_parts : out->literal_parts; left; left &= left - 1)
			block_write(c, out->parts + n++ * (uint32_t)sizeof kept[0],
			    &kept[__builtin_ctz(left)], sizeof kept[0]);
}

struct arn_pattern arn_pattern_compile(struct compiler *c, struct bw_str text, uint32_t source, bool padded)
{
	struct arn_pattern out = {.source = source, .shape = ARN_ALL};
	struct bw_str cut[ARN_PARTS], front = front_of(c, text);
	uint32_t at = source + TEXT_HEAD;
	size_t n;

	if (bw_str_eq(text, BW_STR("*")))
		return out;
	/* With all five colons in the literal front, one comparison of the whole is the same as six of the
	 * parts. */
	if (colons_in(front) == ARN_PARTS - 1) {
		out.shape = ARN_WHOLE;
		out.whole = pattern_compile(c, text, at, true, true);
		return out;
	}
	n = arn_cut(text, c->variables, cut);
	/* IAM User Guide, "IAM JSON policy elements: Resource": a trailing "*" reaches past the colons. */
	out.shape = padded || n == ARN_PARTS || bw_str_ends(text, BW_STR("*")) ? ARN_SPLIT : ARN_NOTHING;
	if (out.shape == ARN_NOTHING)
		return out;
	out.whole = (struct pattern){.shape = PATTERN_PREFIX, .at = at};
	out.whole.count = (uint32_t)front.n & (uint32_t)(BLOCK_MAX - 1);
	parts_compile(c, text, cut, n, &out);
	return out;
}
