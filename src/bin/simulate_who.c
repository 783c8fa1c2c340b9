#include "bin/simulate.h"

#include "codec/time.h"
#include "core/entity.h"

/* ---- The principal ---- */

static struct bw_str last_part(struct bw_str s)
{
	for (ptrdiff_t at; (at = bw_str_find(s, '/', 0)) >= 0;)
		s = bw_str_sub(s, (size_t)at + 1, s.n);
	return s;
}

static bool arn_user(struct simulation *s, const struct bw_arn *arn)
{
	(void)arn;
	s->request.principal_kind = BW_PRINCIPAL_USER;
	return true;
}

static bool arn_root(struct simulation *s, const struct bw_arn *arn)
{
	(void)arn;
	s->request.principal_kind = BW_PRINCIPAL_ROOT;
	return true;
}

/* A role asks through a session; when none is named, through any. */
static bool arn_role(struct simulation *s, const struct bw_arn *arn)
{
	struct bw_policy_request *r = &s->request;

	r->principal_kind = BW_PRINCIPAL_ROLE;
	r->principal_role_arn = r->principal_arn;
	r->principal_arn = bw_arena_printf(&s->arena, "arn:%.*s:sts::%.*s:assumed-role/%.*s/session",
	    BW_FMT(arn->partition), BW_FMT(arn->account), BW_FMT(last_part(arn->resource)));
	r->service_linked_role = bw_str_starts(arn->resource, BW_STR("role/aws-service-role/"));
	return true;
}

static bool arn_session(struct simulation *s, const struct bw_arn *arn)
{
	struct bw_policy_request *r = &s->request;
	struct bw_str rest = arn->resource, name;

	(void)bw_str_cut(&rest, '/');
	name = bw_str_cut(&rest, '/');
	if (name.n == 0 || rest.n == 0)
		return false;
	r->principal_kind = BW_PRINCIPAL_ROLE;
	r->principal_role_arn = bw_arena_printf(&s->arena, "arn:%.*s:iam::%.*s:role/%.*s",
	    BW_FMT(arn->partition), BW_FMT(arn->account), BW_FMT(name));
	return true;
}

static bool arn_federated(struct simulation *s, const struct bw_arn *arn)
{
	(void)arn;
	s->request.principal_kind = BW_PRINCIPAL_FEDERATED;
	return true;
}

static bool arn_provider(struct simulation *s, const struct bw_arn *arn)
{
	(void)arn;
	s->request.principal_kind = BW_PRINCIPAL_WEB;
	s->request.principal_account = BW_STR_NONE;
	return true;
}

static const struct {
	const char *service, *resource; /* what the resource begins with */
	bool (*read)(struct simulation *s, const struct bw_arn *arn);
} arns[] = {
    {"iam", "user/", arn_user},
    {"iam", "root", arn_root},
    {"iam", "role/", arn_role},
    {"iam", "saml-provider/", arn_provider},
    {"iam", "oidc-provider/", arn_provider},
    {"sts", "assumed-role/", arn_session},
    {"sts", "federated-user/", arn_federated},
};

static bool principal_arn(struct simulation *s, struct bw_str text)
{
	struct bw_arn arn;

	if (bw_arn_parse(text, &arn) != BW_OK || arn.account.n != 12)
		return false;
	s->request.principal_arn = text;
	s->request.principal_account = arn.account;
	for (size_t i = 0; i < BW_COUNT(arns); i++)
		if (bw_str_eq(arn.service, bw_str_c(arns[i].service)) &&
		    bw_str_starts(arn.resource, bw_str_c(arns[i].resource)))
			return arns[i].read(s, &arn);
	return false;
}

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

bool simulation_principal(struct simulation *s, struct bw_str text)
{
	struct bw_policy_request *r = &s->request;

	if (bw_str_eq(text, BW_STR("anonymous"))) {
		r->principal_kind = BW_PRINCIPAL_ANONYMOUS;
		return true;
	}
	if (bw_str_starts(text, BW_STR("arn:"))) {
		if (principal_arn(s, text))
			return true;
	} else if (is_provider(text) || bw_str_ends(text, BW_STR(".amazonaws.com"))) {
		r->principal_kind = is_provider(text) ? BW_PRINCIPAL_WEB : BW_PRINCIPAL_SERVICE;
		r->principal_arn = text;
		return true;
	}
	command_refuse(s->options,
	    "--principal %.*s is none of: the ARN of a user, role, session, root or identity provider; a "
	    "service "
	    "like ec2.amazonaws.com; anonymous",
	    BW_FMT(text));
	return false;
}

/* ---- Context keys ---- */

static struct bw_context_key *key_find(struct bw_context_key *keys, size_t n, struct bw_str name)
{
	for (size_t i = 0; i < n; i++)
		if (bw_str_eq_nocase(keys[i].name, name))
			return &keys[i];
	return NULL;
}

bool simulation_context(struct simulation *s)
{
	const char *const *words = option_all(s->options, "context");

	s->key_room = 2 * MANY_MAX;
	s->keys = BW_NEW_ARRAY(&s->arena, struct bw_context_key, s->key_room);
	for (size_t i = 0; words[i]; i++) {
		struct bw_str value = bw_str_c(words[i]), name = bw_str_cut(&value, '=');
		struct bw_context_key *key = key_find(s->keys, s->key_count, name);
		struct bw_str *values;

		if (!bw_str_set(value) || name.n == 0) {
			command_refuse(s->options, "--context %s is not KEY=VALUE", words[i]);
			return false;
		}
		if (!key) {
			key = &s->keys[s->key_count++];
			key->name = name;
		}
		values = BW_NEW_ARRAY(&s->arena, struct bw_str, key->count + 1);
		if (key->count)
			memcpy(values, key->values, key->count * sizeof *values);
		values[key->count++] = value;
		key->values = values;
		key->multi = key->count > 1;
	}
	return true;
}

struct filling {
	struct simulation *s;
	struct bw_context_key *keys;
	size_t count;
};

/* What was given stands. */
static void fill(struct filling *f, const char *name, struct bw_str value)
{
	struct bw_str *one;

	if (!bw_str_set(value) || key_find(f->keys, f->count, bw_str_c(name)))
		return;
	one = BW_NEW(&f->s->arena, struct bw_str);
	*one = value;
	f->keys[f->count++] = (struct bw_context_key){.name = bw_str_c(name), .values = one, .count = 1};
}

static struct bw_str now_text(struct simulation *s)
{
	struct bw_buf text;
	struct bw_str out;

	bw_buf_init(&text, 64);
	bw_time_put_iso8601(s->now_ms, &text);
	out = bw_arena_str(&s->arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return out;
}

static void fill_principal(struct filling *f, const struct bw_policy_request *r)
{
	static const char *const types[] = {
	    [BW_PRINCIPAL_ANONYMOUS] = "Anonymous",
	    [BW_PRINCIPAL_ROOT] = "Account",
	    [BW_PRINCIPAL_USER] = "User",
	    [BW_PRINCIPAL_ROLE] = "AssumedRole",
	    [BW_PRINCIPAL_FEDERATED] = "FederatedUser",
	};
	bool service = r->principal_kind == BW_PRINCIPAL_SERVICE;

	if (r->principal_kind < BW_COUNT(types))
		fill(f, "aws:PrincipalType", bw_str_c(types[r->principal_kind]));
	fill(f, "aws:PrincipalIsAWSService", service ? BW_STR("true") : BW_STR("false"));
	if (service)
		fill(f, "aws:PrincipalServiceName", r->principal_arn);
	fill(f, "aws:PrincipalAccount", r->principal_account);
	if (bw_str_set(r->principal_account))
		fill(f, "aws:PrincipalArn",
		    r->principal_kind == BW_PRINCIPAL_ROLE ? r->principal_role_arn : r->principal_arn);
	if (r->principal_kind == BW_PRINCIPAL_USER)
		fill(f, "aws:username", last_part(r->principal_arn));
}

static struct bw_str resource_account(struct simulation *s, struct bw_str resource)
{
	const char *given = option_get(s->options, "resource-account");
	struct bw_arn arn;

	if (given)
		return bw_str_c(given);
	return bw_arn_parse(resource, &arn) == BW_OK && arn.account.n == 12 ? arn.account : BW_STR_NONE;
}

void simulation_request(
    struct simulation *s, struct bw_str action, struct bw_str resource, struct bw_policy_request *out)
{
	struct filling f = {.s = s, .count = s->key_count};

	*out = s->request;
	out->action = action;
	out->resource = resource;
	out->resource_account = resource_account(s, resource);
	f.keys = BW_NEW_ARRAY(&s->arena, struct bw_context_key, s->key_room);
	if (s->key_count)
		memcpy(f.keys, s->keys, s->key_count * sizeof *f.keys);
	fill_principal(&f, out);
	fill(&f, "aws:ResourceAccount",
	    bw_str_set(out->resource_account) ? out->resource_account : out->principal_account);
	fill(&f, "aws:CurrentTime", now_text(s));
	fill(&f, "aws:EpochTime", bw_arena_printf(&s->arena, "%lld", (long long)(s->now_ms / 1000)));
	out->context = f.keys;
	out->context_count = f.count;
}
