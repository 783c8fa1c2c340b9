/* Refusals in AWS's words, and what the dialects of refusal share. IAM User Guide, "Grammar of the IAM JSON
 * policy language"; the words are those AWS answers. */
#include "policy/check.h"

#include <stdarg.h>
#include <stdio.h>

enum bw_err policy_fault(struct compiler *c, size_t offset, const char *fmt, ...)
{
	enum bw_policy_kind kind = c->kind;
	va_list args;

	if (!c->error)
		return BW_EINVAL;
	bw_json_place(c->document, offset, &c->error->line, &c->error->column);
	/* AWS Organizations has one text for every fault. */
	if (kind == BW_POLICY_SCP || kind == BW_POLICY_RCP)
		fmt = "The provided policy document does not meet the requirements of the specified policy "
		      "type.";
	va_start(args, fmt);
	vsnprintf(c->error->text, sizeof c->error->text, fmt, args);
	va_end(args);
	return BW_EINVAL;
}

struct bw_str scalar_text(const struct bw_json_value *v)
{
	if (v->kind == BW_JSON_TRUE)
		return BW_STR("true");
	if (v->kind == BW_JSON_FALSE)
		return BW_STR("false");
	return v->text;
}

bool is_strings(const struct bw_json_value *v)
{
	for (size_t i = 0; i < list_count(v); i++)
		if (list_at(v, i)->kind != BW_JSON_STRING)
			return false;
	return true;
}

bool is_string(const struct bw_json_value *v)
{
	return !v || v->kind == BW_JSON_STRING;
}

bool is_version(const struct bw_json_value *v)
{
	return v->kind == BW_JSON_STRING &&
	       (bw_str_eq(v->text, BW_STR("2012-10-17")) || bw_str_eq(v->text, BW_STR("2008-10-17")));
}

static bool is_among(struct bw_str name, struct bw_str names)
{
	while (bw_str_set(names))
		if (bw_str_eq(bw_str_cut(&names, ' '), name))
			return true;
	return false;
}

const struct bw_str *member_unknown(const struct bw_json_value *object, struct bw_str names)
{
	for (size_t i = 0; i < object->count; i++)
		if (!is_among(object->keys[i], names))
			return &object->keys[i];
	return NULL;
}

static bool is_scalars(const struct bw_json_value *v)
{
	for (size_t i = 0; i < list_count(v); i++) {
		enum bw_json_kind kind = list_at(v, i)->kind;

		if (kind != BW_JSON_STRING && kind != BW_JSON_NUMBER && kind != BW_JSON_TRUE &&
		    kind != BW_JSON_FALSE)
			return false;
	}
	return true;
}

bool is_condition(const struct bw_json_value *v)
{
	struct condition parsed;

	if (v && v->kind != BW_JSON_OBJECT)
		return false;
	for (size_t i = 0; v && i < v->count; i++) {
		const struct bw_json_value *keys = &v->values[i];

		if (keys->kind != BW_JSON_OBJECT || (keys->count && !operator_parse(v->keys[i], &parsed)))
			return false;
		for (size_t j = 0; j < keys->count; j++)
			if (!is_scalars(&keys->values[j]))
				return false;
	}
	return true;
}

bool sid_add(struct names *seen, const struct bw_json_value *sid)
{
	uint32_t *there;

	if (!sid || sid->text.n == 0)
		return true;
	there = names_put(seen, sid->text);
	return ++*there == 1;
}

static bool is_vendor(struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		        c == '-' || c == '.'))
			return bw_str_eq(s, BW_STR("*"));
	}
	return s.n > 0;
}

static enum bw_err action_check(struct compiler *c, const struct bw_json_value *action)
{
	struct bw_str name = action->text, vendor = bw_str_cut(&name, ':');

	if (!bw_str_set(name))
		return bw_str_eq(vendor, BW_STR("*"))
		           ? BW_OK
		           : policy_fault(c, action->offset,
		                 "Actions/Conditions must be prefaced by a vendor, e.g., iam, "
		                 "sdb, ec2, etc.");
	if (bw_str_find(name, ':', 0) >= 0)
		return policy_fault(c, action->offset, "Actions/Condition can contain only one colon.");
	if (!is_vendor(vendor))
		return policy_fault(c, action->offset, "Vendor %.*s is not valid", BW_FMT(vendor));
	return BW_OK;
}

enum bw_err actions_check(struct compiler *c, const struct bw_json_value *actions)
{
	for (size_t i = 0; i < list_count(actions); i++)
		TRY(action_check(c, list_at(actions, i)));
	return BW_OK;
}

enum bw_err document_check(struct compiler *c, const struct bw_json_value *root)
{
	switch (c->kind) {
	case BW_POLICY_RESOURCE:
	case BW_POLICY_TRUST:
	case BW_POLICY_VPCE:
	case BW_POLICY_KEY:
		return resource_check(c, root);
	default:
		return identity_check(c, root);
	}
}
