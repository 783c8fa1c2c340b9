#include <stdlib.h>

#include "codec/json.h"
#include "svc/iam/access.h"

/* ---- Namespaces ---- */

static const struct {
	const char *prefix, *name;
} names[] = {
    {"access-analyzer", "AWS IAM Access Analyzer"},
    {"account", "AWS Account Management"},
    {"acm", "AWS Certificate Manager"},
    {"acm-pca", "AWS Private Certificate Authority"},
    {"artifact", "AWS Artifact"},
    {"cloudtrail", "AWS CloudTrail"},
    {"ec2", "Amazon EC2"},
    {"elasticloadbalancing", "AWS Elastic Load Balancing"},
    {"iam", "AWS Identity and Access Management"},
    {"identitystore", "AWS Identity Store"},
    {"kms", "AWS Key Management Service"},
    {"organizations", "AWS Organizations"},
    {"ram", "AWS Resource Access Manager (RAM)"},
    {"rolesanywhere", "AWS Identity and Access Management Roles Anywhere"},
    {"shield", "AWS Shield"},
    {"signin", "AWS Signin"},
    {"sso", "AWS IAM Identity Center"},
    {"sso-oauth", "AWS IAM Identity Center OIDC service"},
    {"sts", "AWS Security Token Service"},
    {"wafv2", "AWS WAF V2"},
};

struct bw_str iam_namespace_name(struct bw_str prefix)
{
	for (size_t i = 0; i < BW_COUNT(names); i++)
		if (bw_str_eq(prefix, bw_str_c(names[i].prefix)))
			return bw_str_c(names[i].name);
	return prefix;
}

static int by_text(const void *a, const void *b)
{
	return bw_str_cmp(*(const struct bw_str *)a, *(const struct bw_str *)b);
}

void iam_namespaces(struct bw_call *call, struct bw_strs *out)
{
	*out = (struct bw_strs){0};
	for (size_t i = 0; bw_services[i]; i++)
		if (!bw_strs_has(out, bw_str_c(bw_services[i]->prefix)))
			bw_strs_add(out, call->arena, bw_str_c(bw_services[i]->prefix));
	qsort(out->v, out->n, sizeof *out->v, by_text);
}

/* ---- Patterns ---- */

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* '*' and '?' as in policies, any case. The last '*' alone is tried again, so that it takes no more than the
 * product of both lengths. */
static bool pattern_matches(struct bw_str pattern, struct bw_str text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = t;
		} else if (p < pattern.n &&
		           (pattern.p[p] == '?' || lower(pattern.p[p]) == lower(text.p[t]))) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

/* A string or a list of strings. */
static bool any_matches(const struct bw_json_value *patterns, struct bw_str action)
{
	if (patterns->kind == BW_JSON_STRING)
		return pattern_matches(patterns->text, action);
	for (size_t i = 0; i < patterns->count; i++)
		if (pattern_matches(patterns->values[i].text, action))
			return true;
	return false;
}

static bool statement_grants(const struct bw_json_value *s, struct bw_str action)
{
	const struct bw_json_value *actions = bw_json_member(s, BW_STR("Action")),
	                           *others = bw_json_member(s, BW_STR("NotAction"));

	return actions ? any_matches(actions, action) : others && !any_matches(others, action);
}

/* Of all that the models have under the prefix, is there one action? */
static bool statement_reaches(struct bw_str prefix, const struct bw_json_value *s)
{
	char room[256];

	if (!bw_str_eq(bw_json_member(s, BW_STR("Effect"))->text, BW_STR("Allow")))
		return false;
	for (size_t i = 0; bw_services[i]; i++) {
		const struct bw_service *service = bw_services[i];

		if (!bw_str_eq(bw_str_c(service->prefix), prefix))
			continue;
		for (uint32_t k = 0; k < service->operation_count; k++)
			if (statement_grants(s, bw_str_c(bw_at(service->operations[k].action))))
				return true;
		for (uint32_t k = 0; k < service->action_count; k++) {
			struct bw_buf action = bw_buf_over(room, sizeof room);

			bw_buf_put(&action, prefix);
			bw_buf_put(&action, BW_STR(":"));
			bw_buf_put(&action, bw_str_c(bw_at(service->actions[k].name)));
			if (!action.failed && statement_grants(s, bw_buf_str(&action)))
				return true;
		}
	}
	return false;
}

enum bw_err iam_document_grants(
    struct bw_call *call, struct bw_str document, struct bw_str prefix, bool *grants)
{
	const struct bw_json_value *statements;
	struct bw_json_value root;

	*grants = false;
	TRY(bw_json_parse(document, call->arena, &root));
	statements = bw_json_member(&root, BW_STR("Statement"));
	if (statements->kind == BW_JSON_OBJECT) {
		*grants = statement_reaches(prefix, statements);
		return BW_OK;
	}
	for (size_t i = 0; i < statements->count && !*grants; i++)
		*grants = statement_reaches(prefix, &statements->values[i]);
	return BW_OK;
}
