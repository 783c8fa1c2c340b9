#include "core/certificate.h"
#include "svc/elbv2/image.h"

#include <stdlib.h>

#include "base/sys.h"

/* ---- Conditions and transforms ---- */

static struct bw_strs strings(const struct elbv2_ListOfString *l)
{
	return (struct bw_strs){l->n, l->v};
}

static void condition_fill(
    struct bw_arena *a, const struct elbv2_RuleCondition *c, struct bw_edge_condition *out)
{
	out->field = c->Field;
	if (c->HostHeaderConfig) {
		out->values = strings(&c->HostHeaderConfig->Values);
		out->regexes = strings(&c->HostHeaderConfig->RegexValues);
	} else if (c->PathPatternConfig) {
		out->values = strings(&c->PathPatternConfig->Values);
		out->regexes = strings(&c->PathPatternConfig->RegexValues);
	} else if (c->HttpHeaderConfig) {
		out->header = c->HttpHeaderConfig->HttpHeaderName;
		out->values = strings(&c->HttpHeaderConfig->Values);
		out->regexes = strings(&c->HttpHeaderConfig->RegexValues);
	} else if (c->HttpRequestMethodConfig) {
		out->values = strings(&c->HttpRequestMethodConfig->Values);
	} else if (c->SourceIpConfig) {
		out->values = strings(&c->SourceIpConfig->Values);
	} else if (c->QueryStringConfig) {
		const struct elbv2_QueryStringKeyValuePairList *q = &c->QueryStringConfig->Values;

		out->query = (struct bw_pairs){q->n, BW_NEW_ARRAY(a, struct bw_pair, q->n)};
		for (size_t i = 0; i < q->n; i++)
			out->query.v[i] = (struct bw_pair){
			    bw_str_set(q->v[i].Key) ? q->v[i].Key : BW_STR(""), q->v[i].Value};
	}
}

static void transform_fill(
    struct bw_arena *a, const struct elbv2_RuleTransform *t, struct bw_edge_transform *out)
{
	const struct elbv2_RewriteConfigList *r = t->HostHeaderRewriteConfig
	                                              ? &t->HostHeaderRewriteConfig->Rewrites
	                                              : &t->UrlRewriteConfig->Rewrites;

	out->type = t->Type;
	out->rewrites = (struct bw_pairs){r->n, BW_NEW_ARRAY(a, struct bw_pair, r->n)};
	for (size_t i = 0; i < r->n; i++)
		out->rewrites.v[i] = (struct bw_pair){r->v[i].Regex, r->v[i].Replace};
}

/* ---- Actions ---- */

/* Every set value of a structure, named by its way: "StatusCode", "AdditionalClaims.1.Values.2",
 * "AuthenticationRequestExtraParams.prompt". */
static void parameters_add(struct bw_arena *a, const struct bw_shape *shape, const void *at,
    struct bw_str name, struct bw_pairs *out)
{
	const struct bw_any_list *list = at;
	const struct bw_any_map *map = at;

	switch ((enum bw_shape_kind)shape->kind) {
	case BW_SHAPE_STRING:
		if (bw_str_set(*(const struct bw_str *)at))
			bw_pairs_set(out, a, name, *(const struct bw_str *)at);
		return;
	case BW_SHAPE_INTEGER:
		if (((const struct bw_opt_int *)at)->set)
			bw_pairs_set(out, a, name,
			    bw_arena_printf(a, "%lld", (long long)((const struct bw_opt_int *)at)->v));
		return;
	case BW_SHAPE_BOOLEAN:
		if (((const struct bw_opt_bool *)at)->set)
			bw_pairs_set(out, a, name,
			    ((const struct bw_opt_bool *)at)->v ? BW_STR("true") : BW_STR("false"));
		return;
	case BW_SHAPE_STRUCTURE:
		for (uint32_t i = 0; i < shape->member_count; i++) {
			const struct bw_member *m = &bw_at(shape->members)[i];
			const void *its = (const char *)at + m->offset;

			if (bw_at(m->shape)->kind == BW_SHAPE_STRUCTURE)
				its = *(const void *const *)its;
			if (its)
				parameters_add(a, bw_at(m->shape), its,
				    name.n ? bw_arena_printf(a, "%.*s.%s", BW_FMT(name), bw_at(m->name))
				           : bw_str_c(bw_at(m->name)),
				    out);
		}
		return;
	case BW_SHAPE_LIST:
		for (size_t i = 0; i < list->n; i++)
			parameters_add(a, bw_at(shape->element), (const char *)list->v + i * bw_at(shape->element)->size,
			    bw_arena_printf(a, "%.*s.%zu", BW_FMT(name), i + 1), out);
		return;
	case BW_SHAPE_MAP:
		for (size_t i = 0; i < map->n; i++)
			parameters_add(a, bw_at(shape->element), (const char *)map->v + i * bw_at(shape->element)->size,
			    bw_arena_printf(a, "%.*s.%.*s", BW_FMT(name), BW_FMT(map->keys[i])), out);
		return;
	default:
		return;
	}
}

static void forward_fill(
    struct bw_arena *a, const struct elbv2_ForwardActionConfig *f, struct bw_edge_action *out)
{
	struct bw_edge_forward *v = BW_NEW_ARRAY(a, struct bw_edge_forward, f->TargetGroups.n);

	for (size_t i = 0; i < f->TargetGroups.n; i++)
		v[i] = (struct bw_edge_forward){
		    f->TargetGroups.v[i].TargetGroupArn, f->TargetGroups.v[i].Weight.v};
	out->forwards = v;
	out->forward_count = f->TargetGroups.n;
	out->sticky_groups = f->TargetGroupStickinessConfig && f->TargetGroupStickinessConfig->Enabled.v;
	if (f->TargetGroupStickinessConfig)
		out->sticky_seconds = f->TargetGroupStickinessConfig->DurationSeconds.v;
}

/* What authenticate-oidc states of itself follows here from the pool (Cognito Developer Guide, "User pool endpoints and managed
 * login reference"): the domain's endpoints, or those at the URL that stands in for Cognito. */
static void cognito_add(
    struct place *p, const struct elbv2_AuthenticateCognitoActionConfig *c, struct bw_pairs *out)
{
	static const struct {
		const char *name, *path;
	} endpoints[] = {{"AuthorizationEndpoint", "oauth2/authorize"}, {"TokenEndpoint", "oauth2/token"}, {"UserInfoEndpoint", "oauth2/userInfo"}};
	const struct bw_edge_config *config = bw_core_edge(p->call.core);
	struct bw_arena *a = p->call.arena;
	struct bw_str base = config->cognito_url, pool = c->UserPoolArn;
	const struct bw_pair *secret = bw_pairs_find(&config->cognito_clients, c->UserPoolClientId);
	bool own = bw_str_find(c->UserPoolDomain, '.', 0) >= 0;

	(void)bw_str_cut(&pool, '/');
	if (bw_str_set(base))
		bw_pairs_set(out, a, BW_STR("Issuer"), bw_arena_printf(a, "%.*s/%.*s", BW_FMT(base), BW_FMT(pool)));
	else
		bw_pairs_set(out, a, BW_STR("Issuer"),
		    bw_arena_printf(a, "https://cognito-idp.%.*s.amazonaws.com/%.*s", BW_FMT(p->call.region), BW_FMT(pool)));
	if (!bw_str_set(base))
		base = own ? bw_arena_printf(a, "https://%.*s", BW_FMT(c->UserPoolDomain))
		           : bw_arena_printf(a, "https://%.*s.auth.%.*s.amazoncognito.com", BW_FMT(c->UserPoolDomain), BW_FMT(p->call.region));
	for (size_t i = 0; i < BW_COUNT(endpoints); i++)
		bw_pairs_set(out, a, bw_str_c(endpoints[i].name), bw_arena_printf(a, "%.*s/%s", BW_FMT(base), endpoints[i].path));
	bw_pairs_set(out, a, BW_STR("ClientId"), c->UserPoolClientId);
	if (secret)
		bw_pairs_set(out, a, BW_STR("ClientSecret"), secret->value);
}

static void action_fill(struct place *p, const struct elbv2_Action *x, struct bw_edge_action *out)
{
	struct bw_arena *a = p->call.arena;

	out->type = x->Type;
	if (x->ForwardConfig)
		forward_fill(a, x->ForwardConfig, out);
	if (x->RedirectConfig)
		parameters_add(
		    a, elbv2_RedirectActionConfig_shape, x->RedirectConfig, BW_STR(""), &out->parameters);
	if (x->FixedResponseConfig)
		parameters_add(a, elbv2_FixedResponseActionConfig_shape, x->FixedResponseConfig, BW_STR(""),
		    &out->parameters);
	if (x->AuthenticateOidcConfig)
		parameters_add(a, elbv2_AuthenticateOidcActionConfig_shape, x->AuthenticateOidcConfig,
		    BW_STR(""), &out->parameters);
	if (x->AuthenticateCognitoConfig) {
		parameters_add(a, elbv2_AuthenticateCognitoActionConfig_shape, x->AuthenticateCognitoConfig,
		    BW_STR(""), &out->parameters);
		cognito_add(p, x->AuthenticateCognitoConfig, &out->parameters);
	}
	if (x->JwtValidationConfig)
		parameters_add(a, elbv2_JwtValidationActionConfig_shape, x->JwtValidationConfig, BW_STR(""),
		    &out->parameters);
}

/* ---- Rules ---- */

static void rule_fill(struct place *p, const struct elb_rule *r, struct bw_edge_rule *out)
{
	struct bw_arena *a = p->call.arena;
	struct bw_edge_condition *conditions =
	    BW_NEW_ARRAY(a, struct bw_edge_condition, r->shape.Conditions.n);
	struct bw_edge_action *actions = BW_NEW_ARRAY(a, struct bw_edge_action, r->shape.Actions.n);
	struct bw_edge_transform *transforms =
	    BW_NEW_ARRAY(a, struct bw_edge_transform, r->shape.Transforms.n);

	for (size_t i = 0; i < r->shape.Conditions.n; i++)
		condition_fill(a, &r->shape.Conditions.v[i], &conditions[i]);
	for (size_t i = 0; i < r->shape.Actions.n; i++)
		action_fill(p, &r->shape.Actions.v[i], &actions[i]);
	for (size_t i = 0; i < r->shape.Transforms.n; i++)
		transform_fill(a, &r->shape.Transforms.v[i], &transforms[i]);
	*out = (struct bw_edge_rule){.arn = elb_rule_arn(&p->call, r),
	    .priority = r->priority == ELB_DEFAULT_PRIORITY ? INT64_MAX : r->priority,
	    .conditions = conditions,
	    .condition_count = r->shape.Conditions.n,
	    .actions = actions,
	    .action_count = r->shape.Actions.n,
	    .transforms = transforms,
	    .transform_count = r->shape.Transforms.n};
}

static int by_priority(const void *x, const void *y)
{
	int64_t a = ((const struct bw_edge_rule *)x)->priority,
	        b = ((const struct bw_edge_rule *)y)->priority;

	return a < b ? -1 : a > b;
}

/* The records stand in the order of "LB/LISTENER/ID": a listener's are together. */
static void rules_fill(struct place *p, const struct elb_listener *l, struct bw_edge_listener *out)
{
	struct bw_edge_rule *v;
	size_t from = 0, to;

	while (from < p->rule_count && !(bw_str_eq(p->rules[from].listener, l->id) &&
	                                   bw_str_eq(p->rules[from].load_balancer, l->load_balancer)))
		from++;
	for (to = from; to < p->rule_count && bw_str_eq(p->rules[to].listener, l->id);)
		to++;
	v = BW_NEW_ARRAY(p->call.arena, struct bw_edge_rule, to - from);
	for (size_t i = from; i < to; i++)
		rule_fill(p, &p->rules[i], &v[i - from]);
	if (to > from)
		qsort(v, to - from, sizeof *v, by_priority);
	out->rules = v;
	out->rule_count = to - from;
}

/* ---- Certificates and clients ---- */

/* One that cannot be had, because its keeper lost it, is said and left out: the listener's other names go on.
 */
static enum bw_err certificate_add(
    struct place *p, struct bw_str arn, bool usual, struct bw_edge_certificate *v, size_t *n)
{
	struct bw_certificate c;
	enum bw_err e = bw_certificate_find(p->call.core, p->call.view, p->call.arena, arn, true, &c);

	if (e == BW_OK)
		v[(*n)++] = (struct bw_edge_certificate){arn, c.chain_pem, c.key_pem, usual};
	else
		bw_log(BW_LOG_ERROR, "certificate %.*s cannot be presented: %s", BW_FMT(arn), bw_err_name(e));
	return BW_OK;
}

static enum bw_err certificates_fill(
    struct place *p, const struct elb_listener *l, struct bw_edge_listener *out)
{
	size_t most = l->shape.Certificates.n + l->certificates.n, n = 0;
	struct bw_edge_certificate *v = BW_NEW_ARRAY(p->call.arena, struct bw_edge_certificate, most);

	for (size_t i = 0; i < l->shape.Certificates.n; i++)
		TRY(certificate_add(p, l->shape.Certificates.v[i].CertificateArn, true, v, &n));
	for (size_t i = 0; i < l->certificates.n; i++)
		TRY(certificate_add(p, l->certificates.v[i], false, v, &n));
	out->certificates = v;
	out->certificate_count = n;
	return BW_OK;
}

static enum bw_err revocations_fill(
    struct place *p, const struct elb_trust_store *s, struct bw_edge_listener *out)
{
	struct elb_revocation *v;
	size_t n;

	TRY(elb_all(&p->call, &elb_revocation_kind, bw_arena_printf(p->call.arena, "%.*s/", BW_FMT(s->name)),
	    &v, &n));
	for (size_t i = 0; i < n; i++)
		bw_strs_add(&out->client_crls, p->call.arena, v[i].content);
	return BW_OK;
}

static enum bw_err client_fill(struct place *p, const struct elb_listener *l, struct bw_edge_listener *out)
{
	const struct elbv2_MutualAuthenticationAttributes *m = l->shape.MutualAuthentication;
	struct elb_arn a;

	if (!m)
		return BW_OK;
	out->client_mode = m->Mode;
	out->client_ignore_expiry = m->IgnoreClientCertificateExpiry.v;
	out->client_advertise = elb_is(m->AdvertiseTrustStoreCaNames, "on");
	if (!bw_str_set(m->TrustStoreArn) || elb_arn_parse(&p->call, m->TrustStoreArn, &a) != BW_OK)
		return BW_OK;
	for (size_t i = 0; i < p->store_count; i++)
		if (bw_str_eq(p->stores[i].name, a.name)) {
			out->client_ca_pem = p->stores[i].bundle;
			return revocations_fill(p, &p->stores[i], out);
		}
	return BW_OK;
}

enum bw_err image_listener(struct place *p, const struct elb_listener *l, struct bw_edge_listener *out)
{
	*out = (struct bw_edge_listener){.arn = elb_listener_arn(&p->call, l),
	    .port = l->shape.Port.v,
	    .protocol = l->shape.Protocol,
	    .ssl_policy = l->shape.SslPolicy,
	    .alpn = {l->shape.AlpnPolicy.n, l->shape.AlpnPolicy.v},
	    .attributes = elb_listener_attributes_all(p->call.arena, l)};
	TRY(certificates_fill(p, l, out));
	TRY(client_fill(p, l, out));
	rules_fill(p, l, out);
	return BW_OK;
}
