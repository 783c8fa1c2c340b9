/* A statement as STS's decoded authorisation messages show one: texts, each an object in an "items" list. */
#include "policy/form.h"

static void list_open(struct bw_buf *out, const char *name, bool first)
{
	bw_buf_printf(out, "%s\"%s\":{\"items\":[", first ? "" : ",", name);
}

static void list_shut(struct bw_buf *out)
{
	bw_buf_put(out, BW_STR("]}"));
}

static void value_put(struct bw_buf *out, struct bw_str value, bool first)
{
	bw_buf_put(out, first ? BW_STR("{\"value\":") : BW_STR(",{\"value\":"));
	bw_json_put_str(out, value);
	bw_buf_put_c(out, '}');
}

static void conditions_put(const struct bw_policy *p, const struct statement *s, struct bw_buf *out)
{
	list_open(out, "conditions", false);
	for (uint32_t i = 0; i < s->condition_count; i++) {
		const struct condition *c = &conditions_of(p, s)[i];

		bw_buf_put(out, i ? BW_STR(",{\"key\":") : BW_STR("{\"key\":"));
		bw_json_put_str(out, key_name(p, c->key));
		list_open(out, "values", false);
		for (uint32_t j = 0; j < c->count; j++)
			value_put(out, operand_source(p, c, j), j == 0);
		list_shut(out);
		bw_buf_put_c(out, '}');
	}
	list_shut(out);
}

void bw_policy_statement_put(
    const struct bw_policy *p, uint32_t statement, struct bw_str principal, struct bw_buf *out)
{
	const struct statement *s = statement_at(p, statement);
	const struct principal *principals = block_at(p, s->principals);
	const uint32_t *actions = block_at(p, s->actions);
	const struct arn_pattern *resources = block_at(p, s->resources);
	struct bw_str sid = text_at(p, s->sid);

	bw_buf_put(out, BW_STR("{\"statementId\":"));
	bw_json_put_str(out, bw_str_set(sid) ? sid : BW_STR(""));
	bw_buf_printf(out, ",\"effect\":\"%s\"", s->allow ? "ALLOW" : "DENY");
	list_open(out, "principals", false);
	for (uint32_t i = 0; i < s->principal_count; i++)
		value_put(out, text_at(p, principals[i].source), i == 0);
	if (s->principal_count == 0)
		value_put(out, principal, true);
	list_shut(out);
	list_open(out, "principalGroups", false);
	list_shut(out);
	list_open(out, "actions", false);
	for (uint32_t i = 0; i < s->action_count; i++)
		value_put(out, action_source(p, actions[i]), i == 0);
	list_shut(out);
	list_open(out, "resources", false);
	for (uint32_t i = 0; i < s->resource_count; i++)
		value_put(out, text_at(p, resources[i].source), i == 0);
	list_shut(out);
	conditions_put(p, s, out);
	bw_buf_put_c(out, '}');
}
