/* Who a statement is about. IAM User Guide, "AWS JSON policy elements: Principal" and "...: NotPrincipal". */
#include "policy/form.h"

static bool all_of(struct bw_str s, const char *alphabet)
{
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] || !strchr(alphabet, s.p[i]))
			return false;
	return s.n > 0;
}

static bool is_account(struct bw_str s)
{
	return s.n == 12 && all_of(s, "0123456789");
}

/* What a deleted user or role leaves behind in a trust policy: AIDA..., AROA... */
static bool is_unique_id(struct bw_str s)
{
	return s.n >= 16 && s.n <= 128 && all_of(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
}

static bool aws_parse(struct bw_str text, struct principal_name *out)
{
	struct bw_str parts[ARN_PARTS];

	out->type = PRINCIPAL_AWS;
	if (bw_str_eq(text, BW_STR("*"))) {
		out->type = PRINCIPAL_EVERYONE;
		out->aws_only = true;
		return true;
	}
	if (is_account(text)) {
		out->type = PRINCIPAL_ACCOUNT;
		return true;
	}
	if (is_unique_id(text))
		return true;
	/* "You cannot use a wildcard to match part of a principal name or ARN." */
	if (bw_str_find(text, '*', 0) >= 0 || bw_str_find(text, '?', 0) >= 0)
		return false;
	if (arn_cut(text, false, parts) != ARN_PARTS || !bw_str_eq(parts[0], BW_STR("arn")) ||
	    parts[5].n == 0)
		return false;
	if (bw_str_eq(parts[2], BW_STR("iam")) && bw_str_eq(parts[5], BW_STR("root"))) {
		out->type = PRINCIPAL_ACCOUNT;
		out->value = parts[4];
		return is_account(parts[4]);
	}
	return true;
}

static bool service_parse(struct bw_str text)
{
	return bw_str_find(text, '.', 0) > 0 &&
	       all_of(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");
}

bool principal_parse(struct bw_str type, struct bw_str text, struct principal_name *out)
{
	bool all = bw_str_eq(text, BW_STR("*"));

	*out = (struct principal_name){.value = text};
	if (bw_str_eq(type, BW_STR("AWS")))
		return aws_parse(text, out);
	if (all)
		out->value = BW_STR_NONE;
	if (bw_str_eq(type, BW_STR("Service"))) {
		out->type = PRINCIPAL_SERVICE;
		return all || service_parse(text);
	}
	if (bw_str_eq(type, BW_STR("Federated"))) {
		out->type = PRINCIPAL_FEDERATED;
		return text.n > 0;
	}
	out->type = PRINCIPAL_CANONICAL;
	return bw_str_eq(type, BW_STR("CanonicalUser")) && text.n > 0;
}

bool principal_has_account(enum bw_principal_kind kind)
{
	return kind == BW_PRINCIPAL_ROOT || kind == BW_PRINCIPAL_USER || kind == BW_PRINCIPAL_ROLE ||
	       kind == BW_PRINCIPAL_FEDERATED;
}

static bool is_value(const struct bw_policy *policy, const struct principal *p, struct bw_str name)
{
	return text_same(bw_str_make(block_at(policy, p->value), p->value_n), name);
}

static bool is_or_all(const struct bw_policy *policy, const struct principal *p, struct bw_str name)
{
	return p->value == 0 || is_value(policy, p, name);
}

static enum grant aws_grant(
    const struct bw_policy *policy, const struct principal *p, const struct bw_policy_request *r)
{
	if (!principal_has_account(r->principal_kind))
		return GRANT_NONE;
	/* The role first: a session without a name has nothing but its role's ARN. */
	if ((r->principal_kind == BW_PRINCIPAL_ROLE || r->principal_kind == BW_PRINCIPAL_FEDERATED) &&
	    bw_str_set(r->principal_role_arn) && is_value(policy, p, r->principal_role_arn))
		return GRANT_ROLE;
	return is_value(policy, p, r->principal_arn) ? GRANT_DIRECT : GRANT_NONE;
}

static bool is_nameless_session(const struct bw_policy_request *r)
{
	return r->principal_kind == BW_PRINCIPAL_ROLE && bw_str_eq(r->principal_arn, r->principal_role_arn);
}

enum grant principal_grant(
    const struct bw_policy *policy, const struct principal *p, const struct bw_policy_request *r)
{
	switch ((enum principal_type)p->type) {
	case PRINCIPAL_EVERYONE:
		return p->aws_only && r->principal_kind == BW_PRINCIPAL_WEB ? GRANT_NONE : GRANT_DIRECT;
	case PRINCIPAL_ACCOUNT:
		if (!principal_has_account(r->principal_kind) || !is_value(policy, p, r->principal_account))
			return GRANT_NONE;
		return r->principal_kind == BW_PRINCIPAL_ROOT ? GRANT_DIRECT : GRANT_ACCOUNT;
	case PRINCIPAL_AWS:
		return aws_grant(policy, p, r);
	case PRINCIPAL_SERVICE:
		return r->principal_kind == BW_PRINCIPAL_SERVICE && is_or_all(policy, p, r->principal_arn)
		           ? GRANT_DIRECT
		           : GRANT_NONE;
	case PRINCIPAL_FEDERATED:
		return r->principal_kind == BW_PRINCIPAL_WEB && is_or_all(policy, p, r->principal_arn)
		           ? GRANT_DIRECT
		           : GRANT_NONE;
	case PRINCIPAL_CANONICAL:
		return GRANT_NONE;
	}
	return GRANT_NONE;
}

/* "...NotPrincipal With Deny": the account is looked at first, then the role, then the session, and each must
 * be excepted. */
static bool is_excepted(
    const struct bw_policy *policy, const struct statement *s, const struct bw_policy_request *r)
{
	const struct principal *principals = block_at(policy, s->principals);
	bool account = false, role = r->principal_kind != BW_PRINCIPAL_ROLE, self = false;

	for (uint32_t i = 0; i < s->principal_count; i++) {
		enum grant grant = principal_grant(policy, &principals[i], r);

		if (grant == GRANT_NONE)
			continue;
		if (principals[i].type == PRINCIPAL_EVERYONE)
			return true;
		account |= principals[i].type == PRINCIPAL_ACCOUNT;
		role |= grant == GRANT_ROLE;
		self |= grant == GRANT_DIRECT || (grant == GRANT_ROLE && is_nameless_session(r));
	}
	return self && role && (account || !principal_has_account(r->principal_kind));
}

enum grant statement_principal(const struct bw_policy *p, const struct statement *s, const struct question *q)
{
	const struct principal *principals = block_at(p, s->principals);
	enum grant best = GRANT_NONE;

	if (s->principal_count == 0)
		return GRANT_DIRECT;
	/* "Permissions boundaries for IAM entities": such a Deny always denies whoever has a boundary. */
	if (s->not_principal)
		return !q->has_boundary && is_excepted(p, s, q->request) ? GRANT_NONE : GRANT_DIRECT;
	for (uint32_t i = 0; i < s->principal_count; i++) {
		enum grant grant = principal_grant(p, &principals[i], q->request);

		if (grant > best)
			best = grant;
	}
	return best;
}
