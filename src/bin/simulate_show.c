#include "bin/simulate.h"

#include "codec/json.h"

/* The reasoning is read from the same JSON that --json, the trail and encoded messages carry, so that people
 * and programs are told the same. */

enum hue { HUE_PLAIN, HUE_GOOD, HUE_BAD, HUE_WARN, HUE_QUIET, HUE_STRONG };

struct shower {
	FILE *to;
	bool colour;
};

static void say(const struct shower *s, enum hue hue, struct bw_str text)
{
	static const char *const codes[] = {
	    [HUE_GOOD] = "32",
	    [HUE_BAD] = "31",
	    [HUE_WARN] = "33",
	    [HUE_QUIET] = "2",
	    [HUE_STRONG] = "1",
	};

	if (s->colour && hue != HUE_PLAIN)
		fprintf(s->to, "\033[%sm", codes[hue]);
	/* What was asked may hold anything; a terminal is told nothing but text. */
	for (size_t i = 0; i < text.n; i++)
		fputc((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f ? '?' : text.p[i], s->to);
	if (s->colour && hue != HUE_PLAIN)
		fputs("\033[0m", s->to);
}

static void put(const struct shower *s, const char *text)
{
	say(s, HUE_PLAIN, bw_str_c(text));
}

/* Text in a column of its own. */
static void cell(const struct shower *s, enum hue hue, struct bw_str text, int width)
{
	say(s, hue, text);
	fprintf(s->to, "%*s", (int)text.n < width ? width - (int)text.n : 1, "");
}

static const struct bw_json_value *member(const struct bw_json_value *v, const char *name)
{
	return v && v->kind == BW_JSON_OBJECT ? bw_json_member(v, bw_str_c(name)) : NULL;
}

static struct bw_str word(const struct bw_json_value *v, const char *name)
{
	const struct bw_json_value *m = member(v, name);

	return m && (m->kind == BW_JSON_STRING || m->kind == BW_JSON_NUMBER) ? m->text : BW_STR_NONE;
}

static bool truth(const struct bw_json_value *v, const char *name)
{
	const struct bw_json_value *m = member(v, name);

	return m && m->kind == BW_JSON_TRUE;
}

static size_t count(const struct bw_json_value *v)
{
	return v ? v->count : 0;
}

/* ---- Words ---- */

static const struct {
	const char *name, *one, *title;
} layers[] = {
    {"resourceControl", "resource control policy", "resource control policies"},
    {"serviceControl", "service control policy", "service control policies"},
    {"vpcEndpoint", "VPC endpoint policy", "VPC endpoint policy"},
    {"resource", "resource policy", "resource policy"},
    {"trust", "trust policy", "trust policy of the role"},
    {"identity", "identity policy", "identity policies"},
    {"permissionsBoundary", "permissions boundary", "permissions boundary"},
    {"session", "session policy", "session policies"},
};

static size_t layer_of(struct bw_str name)
{
	size_t i = 0;

	while (i < BW_COUNT(layers) && !bw_str_eq(name, bw_str_c(layers[i].name)))
		i++;
	return i;
}

static const struct {
	const char *name, *shown;
	enum hue hue;
} results[] = {
    {"allowed", "allows", HUE_GOOD},
    {"implicitDeny", "does not allow", HUE_WARN},
    {"explicitDeny", "denies", HUE_BAD},
};

static size_t result_of(struct bw_str name)
{
	size_t i = 0;

	while (i < BW_COUNT(results) - 1 && !bw_str_eq(name, bw_str_c(results[i].name)))
		i++;
	return i;
}

/* ---- One statement ---- */

static void list_say(const struct shower *s, const struct bw_json_value *list)
{
	for (size_t i = 0; i < count(list); i++) {
		put(s, i ? ", \"" : "\"");
		say(s, HUE_PLAIN, list->values[i].text);
		put(s, "\"");
	}
	if (count(list) == 0)
		put(s, "nothing");
}

/* Why an element failed: what it asks for. */
static void element_say(
    const struct shower *s, const char *title, const struct bw_json_value *list, const char *name)
{
	fprintf(s->to, "              %s: ", title);
	for (size_t i = 0; i < count(list); i++) {
		put(s, i ? ", " : "");
		say(s, HUE_PLAIN, word(&list->values[i], name));
	}
	fputc('\n', s->to);
}

static void conditions_say(const struct shower *s, const struct bw_json_value *conditions)
{
	for (size_t i = 0; i < count(conditions); i++) {
		const struct bw_json_value *c = &conditions->values[i];

		if (truth(c, "matches"))
			continue;
		put(s, "              Condition: ");
		say(s, HUE_PLAIN, word(c, "operator"));
		put(s, " ");
		say(s, HUE_STRONG, word(c, "key"));
		put(s, " ");
		list_say(s, member(c, "values"));
		put(s, "; the request has ");
		list_say(s, member(c, "found"));
		fputc('\n', s->to);
	}
}

static const struct {
	const char *member, *title, *list, *name;
} elements[] = {
    {"action", "Action", "patterns", "pattern"},
    {"notAction", "NotAction", "patterns", "pattern"},
    {"resource", "Resource", "patterns", "pattern"},
    {"notResource", "NotResource", "patterns", "pattern"},
    {"principal", "Principal", "named", "principal"},
    {"notPrincipal", "NotPrincipal", "named", "principal"},
};

/* The first element that keeps it from applying. */
static void obstacle_say(const struct shower *s, const struct bw_json_value *statement)
{
	for (size_t i = 0; i < BW_COUNT(elements); i++) {
		const struct bw_json_value *e = member(statement, elements[i].member);

		if (e && !truth(e, "matches")) {
			element_say(s, elements[i].title, member(e, elements[i].list), elements[i].name);
			return;
		}
	}
	conditions_say(s, member(statement, "conditions"));
}

static void place_say(const struct shower *s, const struct bw_json_value *statement)
{
	struct bw_str line = word(statement, "line"), column = word(statement, "column");
	char text[32];

	snprintf(text, sizeof text, "%.*s:%.*s", BW_FMT(line), BW_FMT(column));
	cell(s, HUE_QUIET, bw_str_c(line.n ? text : ""), 8);
}

static void statement_say(const struct shower *s, const struct bw_json_value *statement)
{
	bool matches = truth(statement, "matches");
	bool denies = bw_str_eq(word(statement, "effect"), BW_STR("Deny"));

	put(s, "      ");
	place_say(s, statement);
	cell(s, !matches ? HUE_QUIET : denies ? HUE_BAD : HUE_GOOD, word(statement, "effect"), 6);
	if (word(statement, "sid").n)
		cell(s, matches ? HUE_STRONG : HUE_QUIET, word(statement, "sid"), 0);
	say(s, matches ? HUE_PLAIN : HUE_QUIET, word(statement, "why"));
	fputc('\n', s->to);
	if (!matches)
		obstacle_say(s, statement);
}

/* ---- Layers ---- */

static void result_say(const struct shower *s, struct bw_str result)
{
	size_t i = result_of(result);

	say(s, results[i].hue, bw_str_c(results[i].shown));
	fputc('\n', s->to);
}

static void layer_say(const struct shower *s, const struct bw_json_value *layer)
{
	const struct bw_json_value *policies = member(layer, "policies");
	size_t at = layer_of(word(layer, "layer"));
	struct bw_str level = word(layer, "level");
	char title[80];
	int64_t number;

	snprintf(title, sizeof title, "%s", at < BW_COUNT(layers) ? layers[at].title : "");
	if (level.n && bw_str_to_i64(level, 0, 1000, &number) == BW_OK)
		snprintf(title, sizeof title, "%s, level %d", layers[at].title, (int)number + 1);
	put(s, "  ");
	cell(s, HUE_STRONG, bw_str_c(title), 40);
	result_say(s, word(layer, "result"));
	if (count(policies) == 0)
		put(s, "    (none)\n");
	for (size_t i = 0; i < count(policies); i++) {
		const struct bw_json_value *p = &policies->values[i], *statements = member(p, "statements");

		put(s, "    ");
		cell(s, HUE_PLAIN, word(p, "id"), 38);
		result_say(s, word(p, "result"));
		for (size_t j = 0; j < count(statements); j++)
			statement_say(s, &statements->values[j]);
	}
}

/* ---- The verdict ---- */

static const struct bw_json_value *statement_find(const struct bw_json_value *root)
{
	const struct bw_json_value *all = member(root, "layers");
	struct bw_str layer = word(root, "layer"), policy = word(root, "policy");
	int64_t index;

	if (!policy.n || bw_str_to_i64(word(root, "statement"), 0, INT32_MAX, &index) != BW_OK)
		return NULL;
	for (size_t i = 0; i < count(all); i++) {
		const struct bw_json_value *policies = member(&all->values[i], "policies");

		for (size_t j = 0; bw_str_eq(word(&all->values[i], "layer"), layer) && j < count(policies);
		     j++) {
			const struct bw_json_value *statements = member(&policies->values[j], "statements");

			if (bw_str_eq(word(&policies->values[j], "id"), policy) &&
			    (size_t)index < count(statements))
				return &statements->values[index];
		}
	}
	return NULL;
}

static void where_say(const struct shower *s, const struct bw_json_value *root)
{
	const struct bw_json_value *statement = statement_find(root);
	struct bw_str sid = word(statement, "sid"), line = word(statement, "line"),
	              column = word(statement, "column");

	put(s, ": ");
	say(s, HUE_STRONG, word(root, "policy"));
	if (line.n)
		fprintf(s->to, ":%.*s:%.*s", BW_FMT(line), BW_FMT(column));
	if (sid.n) {
		put(s, " (");
		say(s, HUE_PLAIN, sid);
		put(s, ")");
	}
}

static void because_say(const struct shower *s, const struct bw_json_value *root)
{
	size_t layer = layer_of(word(root, "layer"));
	size_t result = result_of(word(root, "decision"));
	const char *article = layer < BW_COUNT(layers) && layers[layer].one[0] == 'i' ? "an" : "a";

	put(s, "         because ");
	if (layer == BW_COUNT(layers)) {
		say(s, HUE_PLAIN, word(root, "why").n ? word(root, "why") : BW_STR("no such action can be"));
	} else if (result == 1) {
		fprintf(s->to, "no %s allows it", layers[layer].one);
	} else {
		fprintf(s->to, "%s %s %s it", article, layers[layer].one, results[result].shown);
		if (word(root, "policy").n)
			where_say(s, root);
	}
	fputc('\n', s->to);
}

void simulation_show(FILE *to, struct bw_str explained, struct bw_arena *arena, bool brief, bool colour)
{
	struct shower s = {to, colour};
	struct bw_json_value root;
	const struct bw_json_value *request, *all;
	bool allowed;

	MUST(bw_json_parse(explained, arena, &root) == BW_OK);
	request = member(&root, "request");
	all = member(&root, "layers");
	allowed = bw_str_eq(word(&root, "decision"), BW_STR("allowed"));
	cell(&s, allowed ? HUE_GOOD : HUE_BAD, allowed ? BW_STR("ALLOWED") : BW_STR("DENIED"), 9);
	say(&s, HUE_STRONG, word(request, "action"));
	put(&s, " on ");
	say(&s, HUE_PLAIN, word(request, "resource"));
	fputc('\n', to);
	because_say(&s, &root);
	if (brief)
		return;
	fputc('\n', to);
	for (size_t i = 0; i < count(all); i++)
		layer_say(&s, &all->values[i]);
	fputc('\n', to);
}
