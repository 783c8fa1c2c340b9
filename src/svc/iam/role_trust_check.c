#include "codec/json.h"
#include "svc/iam/role_trust.h"

/* What a trust policy may no longer say when it is written. Older ones that say so are kept, and count as
 * they always did: so this is no part of the grammar, which is asked whenever a policy is read. */

struct statement {
	struct bw_call *call;
	const struct bw_json_value *json;
};

static const struct bw_json_value *element(const struct statement *s, const char *name)
{
	return bw_json_member(s->json, bw_str_c(name));
}

/* One value or a list of them: the number of values, and each. */
static size_t count_of(const struct bw_json_value *v)
{
	return !v ? 0 : v->kind == BW_JSON_ARRAY ? v->count : 1;
}

static const struct bw_json_value *value_at(const struct bw_json_value *v, size_t i)
{
	return v->kind == BW_JSON_ARRAY ? &v->values[i] : v;
}

/* ---- AWS principals ---- */

/* IAM User Guide, "AWS JSON policy elements: Principal": accounts, users, roles and their sessions, and no
 * groups. What is not an ARN the grammar knows. */
static bool is_actor(struct bw_str text)
{
	static const struct {
		const char *service, *resource;
	} actors[] = {
	    {"iam", "root"},
	    {"iam", "user/"},
	    {"iam", "role/"},
	    {"sts", "assumed-role/"},
	    {"sts", "federated-user/"},
	};
	struct bw_arn arn;

	if (bw_arn_parse(text, &arn) != BW_OK)
		return true;
	for (size_t i = 0; i < BW_COUNT(actors); i++)
		if (bw_str_eq(arn.service, bw_str_c(actors[i].service)) &&
		    bw_str_starts(arn.resource, bw_str_c(actors[i].resource)))
			return true;
	return false;
}

static enum bw_err aws_check(const struct statement *s, struct bw_str text)
{
	if (is_actor(text))
		return BW_OK;
	return bw_call_fail(s->call, "MalformedPolicyDocument",
	    "Invalid principal in policy: \"AWS\":\"%.*s\"", BW_FMT(text));
}

/* ---- Federated principals ---- */

static bool is_domain(struct bw_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		        c == '-' || c == '.'))
			return false;
	}
	return bw_str_find(text, '.', 0) > 0;
}

static bool is_provider(struct bw_str text)
{
	struct bw_arn arn;

	if (bw_arn_parse(text, &arn) != BW_OK)
		return bw_str_eq(text, BW_STR("*")) || is_domain(text);
	return bw_str_eq(arn.service, BW_STR("iam")) &&
	       (bw_str_starts(arn.resource, BW_STR("saml-provider/")) ||
	           bw_str_starts(arn.resource, BW_STR("oidc-provider/")));
}

/* Providers whose keys and audiences many tenants share: without one of these claims their tokens are
 * anybody's. IAM User Guide, "Identity-provider controls for shared OIDC providers". */
static const struct shared {
	const char *url;
	bool below; /* and what stands below it, each enterprise at a path of its own */
	const char *claims[2];
} shared[] = {
    {"agent.buildkite.com", false, {"sub"}},
    {"api.pulumi.com/oidc", false, {"aud"}},
    {"app.terraform.io", false, {"sub"}},
    {"gitlab.com", false, {"sub"}},
    {"oidc-configuration.audit-log.githubusercontent.com", false, {"sub"}},
    {"oidc.codefresh.io", false, {"sub"}},
    {"oidc.vercel.com", false, {"aud"}},
    {"proidc.upbound.io", false, {"sub"}},
    {"sandboxes.cloud", false, {"aud"}},
    {"scalr.io", false, {"sub"}},
    {"studio.datachain.ai/api", false, {"sub"}},
    {"token.actions.githubusercontent.com", true, {"sub", "job_workflow_ref"}},
    {"tokens.cloud.shisho.dev", false, {"sub"}},
    {"vstoken.actions.githubusercontent.com", false, {"sub"}},
};

/* NULL when the principal is none of them. `url`: of the provider, as its condition keys begin. */
static const struct shared *shared_find(struct bw_str principal, struct bw_str *url)
{
	static const struct bw_str kind = {"oidc-provider/", 14};
	struct bw_arn arn;

	if (bw_arn_parse(principal, &arn) != BW_OK || !bw_str_starts(arn.resource, kind))
		return NULL;
	*url = bw_str_sub(arn.resource, kind.n, arn.resource.n);
	for (size_t i = 0; i < BW_COUNT(shared); i++) {
		struct bw_str known = bw_str_c(shared[i].url);

		if (bw_str_eq(*url, known) ||
		    (shared[i].below && bw_str_starts(*url, known) && url->p[known.n] == '/'))
			return &shared[i];
	}
	return NULL;
}

static bool is_scoping_operator(struct bw_str operator)
{
	static const char *const operators[] = {"StringEquals", "StringLike", "StringEqualsIgnoreCase"};
	struct bw_str name = operator, set = bw_str_cut(&name, ':');

	if (!bw_str_set(name))
		name = set;
	for (size_t i = 0; i < BW_COUNT(operators); i++)
		if (bw_str_eq_nocase(name, bw_str_c(operators[i])))
			return true;
	return false;
}

/* Whether a value says more than that anything will do: one among several is enough. */
static bool is_scoped(const struct bw_json_value *values)
{
	for (size_t i = 0; i < count_of(values); i++) {
		struct bw_str text = value_at(values, i)->text;

		for (size_t at = 0; at < text.n; at++)
			if (text.p[at] != '*' && text.p[at] != '?')
				return true;
	}
	return false;
}

static struct bw_str claim_key(const struct statement *s, struct bw_str url, const char *claim)
{
	return bw_arena_printf(s->call->arena, "%.*s:%s", BW_FMT(url), claim);
}

static bool is_asked(const struct statement *s, const struct shared *p, struct bw_str url, struct bw_str key)
{
	for (size_t i = 0; i < BW_COUNT(p->claims) && p->claims[i]; i++)
		if (bw_str_eq_nocase(key, claim_key(s, url, p->claims[i])))
			return true;
	return false;
}

static bool tenant_is_asked(const struct statement *s, const struct shared *p, struct bw_str url)
{
	const struct bw_json_value *conditions = element(s, "Condition");

	for (size_t i = 0; conditions && i < conditions->count; i++) {
		const struct bw_json_value *keys = &conditions->values[i];

		if (!is_scoping_operator(conditions->keys[i]))
			continue;
		for (size_t j = 0; j < keys->count; j++)
			if (is_asked(s, p, url, keys->keys[j]) && is_scoped(&keys->values[j]))
				return true;
	}
	return false;
}

static bool allows_web_identity(const struct statement *s)
{
	const struct bw_json_value *actions = element(s, "Action");

	if (!bw_str_eq(element(s, "Effect")->text, BW_STR("Allow")))
		return false;
	for (size_t i = 0; i < count_of(actions); i++) {
		struct bw_str action = value_at(actions, i)->text;

		if (bw_str_eq_nocase(action, BW_STR("sts:AssumeRoleWithWebIdentity")) ||
		    bw_str_find(action, '*', 0) >= 0)
			return true;
	}
	return actions == NULL; /* NotAction */
}

static enum bw_err tenant_check(const struct statement *s, struct bw_str principal)
{
	struct bw_str url, keys;
	const struct shared *p = shared_find(principal, &url);

	if (!p || !allows_web_identity(s) || tenant_is_asked(s, p, url))
		return BW_OK;
	keys = claim_key(s, url, p->claims[0]);
	if (p->claims[1])
		keys = BW_JOIN(s->call->arena, keys, BW_STR(" or "), claim_key(s, url, p->claims[1]));
	return bw_call_fail(s->call, "MalformedPolicyDocument",
	    "Trust policy with trusted principal %.*s must evaluate, using StringEquals, StringLike or "
	    "StringEqualsIgnoreCase, %.*s which is not scoped to all.",
	    BW_FMT(principal), BW_FMT(keys));
}

static enum bw_err federated_check(const struct statement *s, struct bw_str text)
{
	const struct bw_json_value *conditions = element(s, "Condition");

	if (!is_provider(text))
		return bw_call_fail(s->call, "MalformedPolicyDocument",
		    "Federated principals must be valid domain names or SAML metadata ARNs");
	if (bw_str_eq(text, BW_STR("cognito-identity.amazonaws.com")) &&
	    (!conditions || conditions->count == 0))
		return bw_call_fail(s->call, "MalformedPolicyDocument",
		    "A condition block must be present for the Cognito provider");
	return tenant_check(s, text);
}

/* ---- Statements ---- */

static enum bw_err statement_check(const struct statement *s)
{
	static const struct {
		const char *type;
		enum bw_err (*check)(const struct statement *s, struct bw_str text);
	} types[] = {{"AWS", aws_check}, {"Federated", federated_check}};
	const struct bw_json_value *map = element(s, "Principal");

	/* IAM User Guide, "AWS JSON policy elements: NotPrincipal": not in a trust policy. */
	if (!map)
		return bw_call_fail(s->call, "MalformedPolicyDocument",
		    "AssumeRole policy must not contain NotPrincipal field.");
	for (size_t i = 0; i < BW_COUNT(types); i++) {
		const struct bw_json_value *values = bw_json_member(map, bw_str_c(types[i].type));

		for (size_t j = 0; j < count_of(values); j++)
			TRY(types[i].check(s, value_at(values, j)->text));
	}
	return BW_OK;
}

enum bw_err iam_trust_check(struct bw_call *call, struct bw_str document)
{
	const struct bw_json_value *statements;
	struct bw_json_value root;

	MUST(bw_json_parse(document, call->arena, &root) == BW_OK); /* it has compiled */
	statements = bw_json_member(&root, BW_STR("Statement"));
	for (size_t i = 0; i < count_of(statements); i++)
		TRY(statement_check(&(struct statement){call, value_at(statements, i)}));
	return BW_OK;
}
