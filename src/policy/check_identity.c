/* IAM's own validator, in its order: what it says first when a document has several faults is part of its
 * behaviour. The order and the words are those of AWS's recorded answers to CreatePolicy. */
#include "policy/check.h"

static const struct bw_json_value *statements_of(const struct bw_json_value *root)
{
	return bw_json_member(root, BW_STR("Statement"));
}

static const struct bw_json_value *element(const struct bw_json_value *statement, const char *name)
{
	return bw_json_member(statement, bw_str_c(name));
}

static bool is_effect(const struct bw_json_value *v)
{
	return v && v->kind == BW_JSON_STRING &&
	       (bw_str_eq_nocase(v->text, BW_STR("Allow")) || bw_str_eq_nocase(v->text, BW_STR("Deny")));
}

static bool is_statement(const struct bw_json_value *s)
{
	static const char *const pairs[][2] = {
	    {"Action", "NotAction"}, {"Resource", "NotResource"}, {"Principal", "NotPrincipal"}};

	if (s->kind != BW_JSON_OBJECT || member_unknown(s, STATEMENT_ELEMENTS))
		return false;
	if (!is_string(element(s, "Sid")) || !is_effect(element(s, "Effect")) ||
	    !is_condition(element(s, "Condition")))
		return false;
	for (size_t i = 0; i < BW_COUNT(pairs); i++) {
		const struct bw_json_value *plain = element(s, pairs[i][0]),
		                           *negated = element(s, pairs[i][1]);

		if (plain && negated)
			return false;
		if (i < 2 && !(is_strings(plain) && is_strings(negated)))
			return false;
	}
	return true;
}

static enum bw_err syntax_check(struct compiler *c, const struct bw_json_value *root)
{
	const struct bw_json_value *version, *statements;
	size_t at = root->offset;

	if (root->kind != BW_JSON_OBJECT || member_unknown(root, BW_STR("Version Id Statement")))
		return policy_fault(c, at, "Syntax errors in policy.");
	version = bw_json_member(root, BW_STR("Version"));
	statements = statements_of(root);
	if ((version && !is_version(version)) || !is_string(bw_json_member(root, BW_STR("Id"))))
		return policy_fault(c, version ? version->offset : at, "Syntax errors in policy.");
	if (list_count(statements) == 0)
		return policy_fault(c, statements ? statements->offset : at, "Syntax errors in policy.");
	for (size_t i = 0; i < list_count(statements); i++)
		if (!is_statement(list_at(statements, i)))
			return policy_fault(c, list_at(statements, i)->offset, "Syntax errors in policy.");
	return BW_OK;
}

static enum bw_err version_check(struct compiler *c, const struct bw_json_value *root)
{
	const struct bw_json_value *version = bw_json_member(root, BW_STR("Version"));

	if (c->kind == BW_POLICY_SESSION || c->kept ||
	    (version && bw_str_eq(version->text, BW_STR("2012-10-17"))))
		return BW_OK;
	return policy_fault(c, version ? version->offset : root->offset,
	    "Policy document must be version 2012-10-17 or greater.");
}

/* "AWS Organizations User Guide", "RCP syntax": everybody, and no NotAction. */
static enum bw_err rcp_check(struct compiler *c, const struct bw_json_value *s)
{
	const struct bw_json_value *principal = element(s, "Principal");

	if (!principal || principal->kind != BW_JSON_STRING || !bw_str_eq(principal->text, BW_STR("*")) ||
	    element(s, "NotAction"))
		return policy_fault(c, s->offset, "Syntax errors in policy.");
	return BW_OK;
}

static enum bw_err principal_check(struct compiler *c, const struct bw_json_value *s)
{
	if (c->kind == BW_POLICY_RCP)
		return rcp_check(c, s);
	if (element(s, "Principal") || element(s, "NotPrincipal"))
		return policy_fault(c, s->offset, "Policy document should not specify a principal.");
	return BW_OK;
}

/* Texts that begin as ARNs but are none. */
static bool is_legacy_arn(struct bw_str text)
{
	struct bw_str parts[ARN_PARTS];
	size_t n = arn_cut(text, true, parts);

	if (!bw_str_starts(text, BW_STR("arn:")))
		return true;
	if (n < ARN_PARTS && bw_str_has(text, BW_STR("::")))
		return false;
	return n < 3 || parts[2].n > 0;
}

static bool is_legacy_dates(const struct bw_json_value *conditions)
{
	for (size_t i = 0; conditions && i < conditions->count; i++) {
		const struct bw_json_value *keys = &conditions->values[i];
		struct condition parsed;
		struct moment moment;

		if (!operator_parse(conditions->keys[i], &parsed) || !operator_wants_date(&parsed))
			continue;
		for (size_t j = 0; j < keys->count; j++)
			for (size_t k = 0; k < list_count(&keys->values[j]); k++)
				if (!moment_parse(scalar_text(list_at(&keys->values[j], k)), &moment))
					return false;
	}
	return true;
}

static enum bw_err legacy_check(struct compiler *c, const struct bw_json_value *s)
{
	static const char *const resources[] = {"Resource", "NotResource"};
	struct bw_str effect = element(s, "Effect")->text;
	bool legacy = (bw_str_eq(effect, BW_STR("Allow")) || bw_str_eq(effect, BW_STR("Deny"))) &&
	              is_legacy_dates(element(s, "Condition"));

	for (size_t i = 0; i < BW_COUNT(resources); i++) {
		const struct bw_json_value *v = element(s, resources[i]);

		for (size_t j = 0; j < list_count(v); j++)
			legacy = legacy && is_legacy_arn(list_at(v, j)->text);
	}
	return legacy ? BW_OK : policy_fault(c, s->offset, "The policy failed legacy parsing");
}

static bool is_alphanumeric(struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
			return false;
	}
	return true;
}

static enum bw_err sid_check(struct compiler *c, const struct bw_json_value *s)
{
	const struct bw_json_value *sid = element(s, "Sid");

	if (sid && !is_alphanumeric(sid->text))
		return policy_fault(c, sid->offset,
		    "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
		    "expression "
		    "[0-9A-Za-z]*");
	return BW_OK;
}

static enum bw_err unique_check(struct compiler *c, const struct bw_json_value *root)
{
	const struct bw_json_value *statements = statements_of(root), *doubled = NULL;
	struct names seen;

	names_init(&seen, &c->scratch);
	for (size_t i = 0; !doubled && i < list_count(statements); i++)
		if (!sid_add(&seen, element(list_at(statements, i), "Sid")))
			doubled = list_at(statements, i);
	return doubled ? policy_fault(
	                     c, doubled->offset, "Statement IDs (SID) in a single policy must be unique.")
	               : BW_OK;
}

static enum bw_err has_actions_check(struct compiler *c, const struct bw_json_value *s)
{
	if (list_count(element(s, "Action")) + list_count(element(s, "NotAction")) == 0)
		return policy_fault(c, s->offset, "Policy statement must contain actions.");
	return BW_OK;
}

static enum bw_err has_resources_check(struct compiler *c, const struct bw_json_value *s)
{
	if (list_count(element(s, "Resource")) + list_count(element(s, "NotResource")) == 0)
		return policy_fault(c, s->offset, "Policy statement must contain resources.");
	return BW_OK;
}

static bool has_wildcard(struct bw_str s)
{
	return bw_str_find(s, '*', 0) >= 0 || bw_str_find(s, '?', 0) >= 0;
}

static bool is_partition(struct bw_str s)
{
	static const char *const known[] = {
	    "aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"};

	for (size_t i = 0; i < BW_COUNT(known); i++)
		if (bw_str_eq(s, bw_str_c(known[i])))
			return true;
	return has_wildcard(s);
}

/* Whether what stands before the first wildcard may become one of IAM's paths. */
static bool is_iam_path(struct bw_str path)
{
	static const char *const known[] = {"user/", "federated-user/", "role/", "group/",
	    "instance-profile/", "mfa/", "server-certificate/", "policy/", "sms-mfa/", "saml-provider/",
	    "oidc-provider/", "report/", "access-report/", "root"};
	size_t fixed = 0;

	while (fixed < path.n && path.p[fixed] != '*' && path.p[fixed] != '?' && path.p[fixed] != '$')
		fixed++;
	for (size_t i = 0; i < BW_COUNT(known); i++) {
		struct bw_str name = bw_str_c(known[i]);

		if (bw_str_starts(path, name) ||
		    (fixed < path.n && bw_str_starts(name, bw_str_sub(path, 0, fixed))))
			return true;
	}
	return false;
}

static enum bw_err iam_resource_check(
    struct compiler *c, const struct bw_json_value *r, const struct bw_str *parts)
{
	if (parts[3].n && !bw_str_eq(parts[3], BW_STR("*")))
		return policy_fault(
		    c, r->offset, "IAM resource %.*s cannot contain region information.", BW_FMT(r->text));
	if (!is_iam_path(parts[5]))
		return policy_fault(c, r->offset,
		    "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, "
		    "group/, "
		    "instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, "
		    "oidc-provider/, "
		    "report/, access-report/.");
	return BW_OK;
}

static enum bw_err format_check(struct compiler *c, const struct bw_json_value *r)
{
	struct bw_str parts[ARN_PARTS], text = r->text;
	size_t n;

	if (bw_str_eq(text, BW_STR("*")))
		return BW_OK;
	if (bw_str_find(text, ':', 0) < 0)
		return policy_fault(
		    c, r->offset, "Resource %.*s must be in ARN format or \"*\".", BW_FMT(text));
	n = arn_cut(text, true, parts);
	while (n < ARN_PARTS)
		parts[n++] = BW_STR("*");
	if (!is_partition(parts[1]))
		return policy_fault(c, r->offset,
		    "Partition \"%.*s\" is not valid for resource \"arn:%.*s:%.*s:%.*s:%.*s:%.*s\".",
		    BW_FMT(parts[1]), BW_FMT(parts[1]), BW_FMT(parts[2]), BW_FMT(parts[3]), BW_FMT(parts[4]),
		    BW_FMT(parts[5]));
	if (has_wildcard(parts[2]) && c->kind != BW_POLICY_SCP && c->kind != BW_POLICY_RCP)
		return policy_fault(
		    c, r->offset, "Resource vendor must be fully qualified and cannot contain regexes.");
	if (bw_str_eq(parts[2], BW_STR("iam")))
		return iam_resource_check(c, r, parts);
	/* Access points are the S3 resources with a Region; they have an account too. */
	if (bw_str_eq(parts[2], BW_STR("s3")) && parts[3].n && !bw_str_eq(parts[3], BW_STR("*")) &&
	    parts[4].n == 0)
		return policy_fault(
		    c, r->offset, "Resource %.*s can not contain region information.", BW_FMT(text));
	return BW_OK;
}

static enum bw_err formats_check(struct compiler *c, const struct bw_json_value *s)
{
	static const char *const elements[] = {"Resource", "NotResource"};

	for (size_t i = 0; i < BW_COUNT(elements); i++) {
		const struct bw_json_value *v = element(s, elements[i]);

		for (size_t j = 0; j < list_count(v); j++)
			TRY(format_check(c, list_at(v, j)));
	}
	return BW_OK;
}

static enum bw_err prefixes_check(struct compiler *c, const struct bw_json_value *s)
{
	TRY(actions_check(c, element(s, "Action")));
	return actions_check(c, element(s, "NotAction"));
}

/* Each phase sees the whole document before the next begins. */
static const struct {
	enum bw_err (*document)(struct compiler *c, const struct bw_json_value *root);
	enum bw_err (*statement)(struct compiler *c, const struct bw_json_value *statement);
} phases[] = {
    {.document = syntax_check},
    {.document = version_check},
    {.statement = principal_check},
    {.statement = legacy_check},
    {.statement = sid_check},
    {.document = unique_check},
    {.statement = has_actions_check},
    {.statement = has_resources_check},
    {.statement = formats_check},
    {.statement = prefixes_check},
};

enum bw_err identity_check(struct compiler *c, const struct bw_json_value *root)
{
	for (size_t i = 0; i < BW_COUNT(phases); i++) {
		const struct bw_json_value *statements;

		if (phases[i].document) {
			TRY(phases[i].document(c, root));
			continue;
		}
		statements = statements_of(root);
		for (size_t j = 0; j < list_count(statements); j++)
			TRY(phases[i].statement(c, list_at(statements, j)));
	}
	return BW_OK;
}
