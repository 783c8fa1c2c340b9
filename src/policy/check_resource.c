/* The validator of policies that stand at resources: trust, key, endpoint and other resource policies. It
 * stops at the first fault of the first statement. The words are those AWS answers to CreateRole. */
#include "policy/check.h"

static const struct bw_json_value *element(const struct bw_json_value *statement, const char *name)
{
	return bw_json_member(statement, bw_str_c(name));
}

static bool is_trust(const struct compiler *c)
{
	return c->kind == BW_POLICY_TRUST;
}

static enum bw_err effect_check(struct compiler *c, const struct bw_json_value *s)
{
	const struct bw_json_value *effect = element(s, "Effect");

	if (!effect)
		return policy_fault(c, s->offset, "Missing required field Effect");
	if (effect->kind != BW_JSON_STRING ||
	    (!bw_str_eq(effect->text, BW_STR("Allow")) && !bw_str_eq(effect->text, BW_STR("Deny"))))
		return policy_fault(c, effect->offset, "Invalid effect: %.*s", BW_FMT(scalar_text(effect)));
	return BW_OK;
}

static enum bw_err principal_fault(struct compiler *c, size_t offset, struct bw_str type, struct bw_str value)
{
	char upper[32];
	size_t n = type.n < sizeof upper ? type.n : sizeof upper;

	for (size_t i = 0; i < n; i++)
		upper[i] = (char)(type.p[i] >= 'a' && type.p[i] <= 'z' ? type.p[i] - 32 : type.p[i]);
	return policy_fault(
	    c, offset, "Invalid principal in policy: \"%.*s\":\"%.*s\"", (int)n, upper, BW_FMT(value));
}

static enum bw_err principals_check(struct compiler *c, const struct bw_json_value *map)
{
	struct principal_name parsed;

	if (map->count == 0)
		return policy_fault(c, map->offset, "Missing required field Principal cannot be empty!");
	for (size_t i = 0; i < map->count; i++) {
		const struct bw_json_value *values = &map->values[i];

		if (!is_strings(values))
			return policy_fault(c, values->offset, "Syntax error in policy.");
		if (list_count(values) == 0)
			return policy_fault(
			    c, values->offset, "Missing required field Principal cannot be empty!");
		for (size_t j = 0; j < list_count(values); j++) {
			const struct bw_json_value *v = list_at(values, j);

			if (!principal_parse(map->keys[i], v->text, &parsed) ||
			    (is_trust(c) && parsed.type == PRINCIPAL_CANONICAL))
				return principal_fault(c, v->offset, map->keys[i], v->text);
		}
	}
	return BW_OK;
}

static enum bw_err principal_check(struct compiler *c, const struct bw_json_value *s)
{
	const struct bw_json_value *plain = element(s, "Principal"), *negated = element(s, "NotPrincipal");
	const struct bw_json_value *p = plain ? plain : negated;

	if (plain && negated)
		return policy_fault(c, s->offset, "Syntax error in policy.");
	if (!p)
		return policy_fault(c, s->offset, "Missing required field Principal");
	/* IAM User Guide, "AWS JSON policy elements: NotPrincipal": not with Allow. */
	if (negated && bw_str_eq(element(s, "Effect")->text, BW_STR("Allow")))
		return policy_fault(c, p->offset, "Allow with NotPrincipal is not allowed.");
	if (p->kind == BW_JSON_OBJECT)
		return principals_check(c, p);
	if (p->kind != BW_JSON_STRING || !bw_str_eq(p->text, BW_STR("*")))
		return policy_fault(c, p->offset, "Principal must be a JSON object.");
	if (is_trust(c))
		return policy_fault(
		    c, p->offset, "AssumeRolepolicy contained an invalid principal: \"STAR\":\"*\".");
	return BW_OK;
}

static enum bw_err action_check(struct compiler *c, const struct bw_json_value *s)
{
	const struct bw_json_value *plain = element(s, "Action"), *negated = element(s, "NotAction");
	const struct bw_json_value *v = plain ? plain : negated;

	if ((plain && negated) || !is_strings(v))
		return policy_fault(c, s->offset, "Syntax error in policy.");
	if (list_count(v) == 0)
		return policy_fault(c, s->offset, "Missing required field Action");
	for (size_t i = 0; is_trust(c) && i < list_count(v); i++)
		if (!bw_str_starts_nocase(list_at(v, i)->text, BW_STR("sts:")))
			return policy_fault(c, list_at(v, i)->offset,
			    "AssumeRole policy may only specify STS AssumeRole actions.");
	return actions_check(c, v);
}

static enum bw_err resource_element_check(struct compiler *c, const struct bw_json_value *s)
{
	const struct bw_json_value *plain = element(s, "Resource"), *negated = element(s, "NotResource");
	const struct bw_json_value *v = plain ? plain : negated;

	if (is_trust(c) && plain)
		return policy_fault(c, plain->offset, "Has prohibited field Resource");
	if (is_trust(c) && negated)
		return policy_fault(c, negated->offset, "AssumeRole policy must not contain resources.");
	if ((plain && negated) || !is_strings(v))
		return policy_fault(c, s->offset, "Syntax error in policy.");
	/* Repository policies and their like have no Resource: they stand where they apply. */
	if (list_count(v) == 0 && (v || (c->kind != BW_POLICY_RESOURCE && !is_trust(c))))
		return policy_fault(c, s->offset, "Missing required field Resource");
	for (size_t i = 0; i < list_count(v); i++) {
		struct bw_str text = list_at(v, i)->text;

		if (!bw_str_eq(text, BW_STR("*")) && !bw_str_starts(text, BW_STR("arn:")))
			return policy_fault(c, list_at(v, i)->offset,
			    "Resource %.*s must be in ARN format or \"*\".", BW_FMT(text));
	}
	return BW_OK;
}

static enum bw_err shape_check(struct compiler *c, const struct bw_json_value *s)
{
	const struct bw_str *unknown;

	if (s->kind != BW_JSON_OBJECT)
		return policy_fault(c, s->offset, "Syntax error in policy.");
	unknown = member_unknown(s, STATEMENT_ELEMENTS);
	if (unknown)
		return policy_fault(c, s->offset, "Unknown field %.*s", BW_FMT(*unknown));
	if (!is_string(element(s, "Sid")))
		return policy_fault(c, element(s, "Sid")->offset, "Syntax error in policy.");
	return BW_OK;
}

static enum bw_err condition_check(struct compiler *c, const struct bw_json_value *s)
{
	const struct bw_json_value *condition = element(s, "Condition");

	return is_condition(condition) ? BW_OK
	                               : policy_fault(c, condition->offset, "Syntax error in policy.");
}

static enum bw_err (*const statement_checks[])(struct compiler *c, const struct bw_json_value *s) = {
    shape_check,
    effect_check,
    principal_check,
    condition_check,
    action_check,
    resource_element_check,
};

static enum bw_err statements_check(
    struct compiler *c, const struct bw_json_value *statements, struct names *seen)
{
	for (size_t i = 0; i < list_count(statements); i++) {
		const struct bw_json_value *s = list_at(statements, i);

		for (size_t j = 0; j < BW_COUNT(statement_checks); j++)
			TRY(statement_checks[j](c, s));
		/* Key policies may repeat one: Secrets Manager User Guide, "Permissions for the KMS key". */
		if (!sid_add(seen, element(s, "Sid")) && c->kind != BW_POLICY_KEY)
			return policy_fault(c, s->offset, "The Statement Ids in the policy are not unique");
	}
	return BW_OK;
}

enum bw_err resource_check(struct compiler *c, const struct bw_json_value *root)
{
	const struct bw_json_value *version = bw_json_member(root, BW_STR("Version"));
	const struct bw_json_value *statements = bw_json_member(root, BW_STR("Statement"));
	const struct bw_str *unknown;
	struct names seen;

	if (root->kind != BW_JSON_OBJECT || !is_string(bw_json_member(root, BW_STR("Id"))))
		return policy_fault(c, root->offset, "Syntax error in policy.");
	unknown = member_unknown(root, BW_STR("Version Id Statement"));
	if (unknown)
		return policy_fault(c, root->offset, "Unknown field %.*s", BW_FMT(*unknown));
	if (version && !is_version(version))
		return policy_fault(c, version->offset, "The policy must contain a valid version string");
	if (list_count(statements) == 0 || (statements->kind == BW_JSON_OBJECT && statements->count == 0))
		return policy_fault(c, root->offset, "Could not parse the policy: Statement is empty!");
	names_init(&seen, &c->scratch);
	return statements_check(c, statements, &seen);
}
