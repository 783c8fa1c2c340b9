/* Who asks, from one text, and what follows from it: context keys, and whose word a resource's policy is. */
#include "policy/form.h"

static struct bw_str last_part(struct bw_str s)
{
	for (ptrdiff_t at; (at = bw_str_find(s, '/', 0)) >= 0;)
		s = bw_str_sub(s, (size_t)at + 1, s.n);
	return s;
}

static bool is_account(struct bw_str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return n == 12 && s.n == 12;
}

/* ---- ARNs ---- */

typedef const struct bw_str *arn_parts;

static bool user_read(arn_parts arn, struct bw_arena *arena, struct bw_policy_request *r)
{
	(void)arena;
	r->principal_kind = BW_PRINCIPAL_USER;
	return last_part(arn[5]).n > 0;
}

static bool root_read(arn_parts arn, struct bw_arena *arena, struct bw_policy_request *r)
{
	(void)arena;
	r->principal_kind = BW_PRINCIPAL_ROOT;
	return bw_str_eq(arn[5], BW_STR("root"));
}

static bool role_read(arn_parts arn, struct bw_arena *arena, struct bw_policy_request *r)
{
	(void)arena;
	r->principal_kind = BW_PRINCIPAL_ROLE;
	r->principal_role_arn = r->principal_arn;
	r->service_linked_role = bw_str_starts(arn[5], BW_STR("role/aws-service-role/"));
	return last_part(arn[5]).n > 0;
}

/* IAM refuses this beginning to all other roles. */
static bool session_read(arn_parts arn, struct bw_arena *arena, struct bw_policy_request *r)
{
	struct bw_str rest = arn[5], name;

	(void)bw_str_cut(&rest, '/');
	name = bw_str_cut(&rest, '/');
	r->principal_kind = BW_PRINCIPAL_ROLE;
	r->principal_role_arn = bw_arena_printf(
	    arena, "arn:%.*s:iam::%.*s:role/%.*s", BW_FMT(arn[1]), BW_FMT(arn[4]), BW_FMT(name));
	r->service_linked_role = bw_str_starts_nocase(name, BW_STR("AWSServiceRoleFor"));
	return name.n > 0 && rest.n > 0 && bw_str_find(rest, '/', 0) < 0;
}

static bool federated_read(arn_parts arn, struct bw_arena *arena, struct bw_policy_request *r)
{
	(void)arena;
	r->principal_kind = BW_PRINCIPAL_FEDERATED;
	return last_part(arn[5]).n > 0;
}

/* Whoever comes with a provider's word stands in no account yet. */
static bool provider_read(arn_parts arn, struct bw_arena *arena, struct bw_policy_request *r)
{
	(void)arena;
	r->principal_kind = BW_PRINCIPAL_WEB;
	r->principal_account = BW_STR_NONE;
	return last_part(arn[5]).n > 0;
}

static const struct {
	const char *service, *resource; /* what the resource begins with */
	bool (*read)(arn_parts arn, struct bw_arena *arena, struct bw_policy_request *r);
} arns[] = {
    {"iam", "user/", user_read},
    {"iam", "root", root_read},
    {"iam", "role/", role_read},
    {"iam", "saml-provider/", provider_read},
    {"iam", "oidc-provider/", provider_read},
    {"sts", "assumed-role/", session_read},
    {"sts", "federated-user/", federated_read},
};

static bool arn_read(struct bw_str text, struct bw_arena *arena, struct bw_policy_request *r)
{
	struct bw_str parts[ARN_PARTS];

	if (arn_cut(text, false, parts) != ARN_PARTS || parts[1].n == 0 || parts[3].n ||
	    !is_account(parts[4]))
		return false;
	r->principal_arn = text;
	r->principal_account = parts[4];
	for (size_t i = 0; i < BW_COUNT(arns); i++)
		if (bw_str_eq(parts[2], bw_str_c(arns[i].service)) &&
		    bw_str_starts(parts[5], bw_str_c(arns[i].resource)))
			return arns[i].read(parts, arena, r);
	return false;
}

/* ---- Names ---- */

/* IAM User Guide, "AWS JSON policy elements: Principal": these providers are named without an ARN. */
static bool is_provider(struct bw_str name)
{
	static const char *const providers[] = {
	    "accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"};

	for (size_t i = 0; i < BW_COUNT(providers); i++)
		if (bw_str_eq(name, bw_str_c(providers[i])))
			return true;
	return false;
}

static bool is_service(struct bw_str name)
{
	struct principal_name parsed;

	return !bw_str_eq(name, BW_STR("*")) && principal_parse(BW_STR("Service"), name, &parsed);
}

enum bw_err bw_policy_principal(struct bw_str text, struct bw_arena *arena, struct bw_policy_request *out)
{
	out->principal_arn = out->principal_account = out->principal_role_arn = BW_STR_NONE;
	out->service_linked_role = false;
	out->principal_kind = BW_PRINCIPAL_ANONYMOUS;
	if (bw_str_eq(text, BW_STR("anonymous")))
		return BW_OK;
	if (bw_str_starts(text, BW_STR("arn:")))
		return arn_read(text, arena, out) ? BW_OK : BW_EINVAL;
	CHECK(is_provider(text) || is_service(text), BW_EINVAL);
	out->principal_kind = is_provider(text) ? BW_PRINCIPAL_WEB : BW_PRINCIPAL_SERVICE;
	out->principal_arn = text;
	return BW_OK;
}

/* ---- What follows ---- */

static void imply(struct bw_policy_implied *to, struct bw_str name, struct bw_str value)
{
	size_t at = to->count;

	if (!bw_str_set(value))
		return;
	MUST(at < BW_POLICY_IMPLIED_MAX);
	to->values[at] = value;
	to->keys[at] = (struct bw_context_key){.name = name, .values = &to->values[at], .count = 1};
	to->count++;
}

void bw_policy_imply(const struct bw_policy_request *r, struct bw_policy_implied *out)
{
	static const struct bw_str types[] = {
	    [BW_PRINCIPAL_ANONYMOUS] = {"Anonymous", 9},
	    [BW_PRINCIPAL_ROOT] = {"Account", 7},
	    [BW_PRINCIPAL_USER] = {"User", 4},
	    [BW_PRINCIPAL_ROLE] = {"AssumedRole", 11},
	    [BW_PRINCIPAL_FEDERATED] = {"FederatedUser", 13},
	};
	enum bw_principal_kind kind = r->principal_kind;
	bool has_account = principal_has_account(kind),
	     signed_call = has_account || kind == BW_PRINCIPAL_SERVICE;

	out->count = 0;
	if ((size_t)kind < BW_COUNT(types))
		imply(out, BW_STR("aws:PrincipalType"), types[kind]);
	if (kind == BW_PRINCIPAL_ANONYMOUS)
		imply(out, BW_STR("aws:PrincipalAccount"), BW_STR("anonymous"));
	if (signed_call)
		imply(out, BW_STR("aws:PrincipalIsAWSService"),
		    kind == BW_PRINCIPAL_SERVICE ? BW_STR("true") : BW_STR("false"));
	if (kind == BW_PRINCIPAL_SERVICE)
		imply(out, BW_STR("aws:PrincipalServiceName"), r->principal_arn);
	if (has_account) {
		imply(out, BW_STR("aws:PrincipalAccount"), r->principal_account);
		imply(out, BW_STR("aws:PrincipalArn"),
		    kind == BW_PRINCIPAL_ROLE ? r->principal_role_arn : r->principal_arn);
	}
	if (kind == BW_PRINCIPAL_USER)
		imply(out, BW_STR("aws:username"), last_part(r->principal_arn));
	if (kind == BW_PRINCIPAL_ROOT)
		imply(out, BW_STR("aws:userid"), r->principal_account);
	imply(out, BW_STR("aws:ResourceAccount"),
	    bw_str_set(r->resource_account) ? r->resource_account : r->principal_account);
}

/* STS API Reference: the actions a role's trust policy speaks of. */
static bool is_assuming(struct bw_str action)
{
	static const char *const actions[] = {"sts:AssumeRole", "sts:AssumeRoleWithSAML",
	    "sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext"};

	for (size_t i = 0; i < BW_COUNT(actions); i++)
		if (bw_str_eq_nocase(action, bw_str_c(actions[i])))
			return true;
	return false;
}

enum bw_policy_kind bw_policy_resource_kind(struct bw_str action, struct bw_str resource, bool *must_exist)
{
	struct bw_str parts[ARN_PARTS];
	bool arn = arn_cut(resource, false, parts) == ARN_PARTS;

	*must_exist = false;
	if (is_assuming(action)) {
		*must_exist =
		    arn && bw_str_eq(parts[2], BW_STR("iam")) && bw_str_starts(parts[5], BW_STR("role/"));
		return BW_POLICY_TRUST;
	}
	if (bw_str_starts_nocase(action, BW_STR("kms:"))) {
		*must_exist =
		    arn && bw_str_eq(parts[2], BW_STR("kms")) && bw_str_starts(parts[5], BW_STR("key/"));
		return *must_exist || !arn ? BW_POLICY_KEY : BW_POLICY_RESOURCE;
	}
	return BW_POLICY_RESOURCE;
}

struct bw_str bw_policy_resource_account(struct bw_str resource)
{
	struct bw_str parts[ARN_PARTS];

	if (arn_cut(resource, false, parts) == ARN_PARTS && bw_str_eq(parts[0], BW_STR("arn")) &&
	    is_account(parts[4]))
		return parts[4];
	return BW_STR_NONE;
}
