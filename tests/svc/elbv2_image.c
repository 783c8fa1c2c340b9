/* The image that is published, from records as the operations leave them. */
#include "test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/sys.h"
#include "core/certificate.h"
#include "core/core.h"
#include "svc/elbv2/image.h"

extern const struct bw_image_builder *const __start_bw_image_builders[];

struct world {
	char folder[64];
	struct bw_core *core;
	struct bw_arena arena;
	struct bw_call call;
	struct bw_snapshot *view;
	int64_t due_ms;
	struct bw_edge_image image;
};

static void world_begin(struct world *w)
{
	static const char *const instances[] = {"i-0123456789abcdef0=127.0.0.9", NULL};
	struct bw_core_config config = {.ephemeral = true, .account = BW_STR("123456789012"), .lanes = 1};
	struct bw_first_start first;
	const char *wrong;

	memset(w, 0, sizeof *w);
	bw_arena_init(&w->arena, 64 << 20);
	snprintf(w->folder, sizeof w->folder, "/tmp/bulwark-image-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	config.data_dir = bw_str_c(w->folder);
	assert_ok(bw_edge_config_parse(NULL, NULL, instances, &w->arena, &config.edge, &wrong));
	bw_strs_add(&config.edge.own, &w->arena, BW_STR("127.0.0.1 4566"));
	bw_strs_add(&config.edge.own, &w->arena, BW_STR("* 4567"));
	assert_ok(bw_core_open(&config, &w->arena, &first, &w->core));
	w->call = (struct bw_call){.core = w->core,
	    .arena = &w->arena,
	    .now_ms = 1000000,
	    .account = BW_STR("123456789012"),
	    .region = BW_STR("us-east-1"),
	    .service = &bw_service_elbv2};
	bw_batch_init(&w->call.batch, &w->arena);
	bw_call_mark(&w->call, BW_STR("-/global/elbv2/place/123456789012/us-east-1"));
}

/* What was saved so far as an image, made at `now_ms`. */
static void world_build(struct world *w, int64_t now_ms)
{
	assert_ok(bw_store_commit_wait(bw_core_store(w->core), &w->call.batch));
	bw_batch_init(&w->call.batch, &w->arena);
	assert_ok(bw_snapshot_begin(bw_core_store(w->core), &w->view));
	w->image = (struct bw_edge_image){.version = 7, .made_ms = now_ms};
	assert_ok(__start_bw_image_builders[0]->build(w->core, w->view, &w->arena, &w->image, &w->due_ms));
	assert_false(w->arena.over);
	bw_snapshot_end(w->view);
}

static int away(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

static void world_end(struct world *w)
{
	char key[80];

	bw_core_close(w->core);
	bw_arena_free(&w->arena);
	assert_int_equal(nftw(w->folder, away, 8, FTW_DEPTH | FTW_PHYS), 0);
	snprintf(key, sizeof key, "%s.key", w->folder);
	(void)remove(key);
}

static void load_balancer_put(struct world *w, const char *name, const char *type, const char *address)
{
	struct elb_load_balancer lb = {.name = bw_str_c(name),
	    .id = BW_STR("0123456789abcdef"),
	    .type = bw_str_c(type),
	    .address = bw_str_c(address)};

	lb.shape = (struct elbv2_LoadBalancer){
	    .Type = elb_is(lb.type, "app") ? BW_STR("application") : BW_STR("network"),
	    .DNSName = bw_arena_printf(&w->arena, "%s.example", name)};
	bw_pairs_set(&lb.attributes, &w->arena, BW_STR("idle_timeout.timeout_seconds"), BW_STR("7"));
	elb_save(&w->call, &elb_load_balancer_kind, lb.name, &lb);
}

static void listener_put(struct world *w, const char *lb, const char *id, int64_t port)
{
	struct elb_listener l = {.id = bw_str_c(id),
	    .load_balancer = bw_str_c(lb),
	    .load_balancer_id = BW_STR("0123456789abcdef"),
	    .type = BW_STR("app"),
	    .default_rule = BW_STR("dddddddddddddddd")};

	l.shape = (struct elbv2_Listener){.Port = BW_INT(port), .Protocol = BW_STR("HTTP")};
	elb_save(&w->call, &elb_listener_kind, elb_listener_name(&w->call, &l), &l);
}

static struct elb_rule rule_of(const char *lb, const char *listener, const char *id, int64_t priority)
{
	return (struct elb_rule){.id = bw_str_c(id),
	    .listener = bw_str_c(listener),
	    .load_balancer = bw_str_c(lb),
	    .load_balancer_id = BW_STR("0123456789abcdef"),
	    .type = BW_STR("app"),
	    .priority = priority};
}

static struct elbv2_Action fixed(struct world *w, const char *code)
{
	struct elbv2_FixedResponseActionConfig *f = BW_NEW(&w->arena, struct elbv2_FixedResponseActionConfig);

	f->StatusCode = bw_str_c(code);
	f->MessageBody = BW_STR("no \"<&>\xc3\xa9");
	return (struct elbv2_Action){.Type = BW_STR("fixed-response"), .FixedResponseConfig = f};
}

static void rule_put(struct world *w, struct elb_rule r, struct elbv2_Action *actions, size_t n)
{
	r.shape.Actions = (struct elbv2_Actions){true, n, actions};
	elb_rule_save(&w->call, &r);
	assert_ok(elb_uses_set(&w->call, &r, NULL, &r.shape.Actions));
}

static struct bw_str parameter(const struct bw_edge_action *a, const char *name)
{
	const struct bw_pair *p = bw_pairs_find(&a->parameters, bw_str_c(name));

	return p ? p->value : BW_STR_NONE;
}

/* A keeper of certificates, all but the one that was lost. */
static enum bw_err certificate_find(struct bw_core *core, struct bw_snapshot *view, struct bw_arena *arena,
    struct bw_str arn, bool keys, struct bw_certificate *out)
{
	(void)core;
	(void)view;
	if (bw_str_ends(arn, BW_STR("/lost")))
		return BW_ENOTFOUND;
	*out = (struct bw_certificate){.arn = arn,
	    .chain_pem = bw_arena_printf(arena, "chain of %.*s", BW_FMT(arn)),
	    .key_pem = keys ? BW_STR("key") : BW_STR_NONE};
	return BW_OK;
}

static const struct bw_certificate_keeper keeper = {"acm", certificate_find};
BW_CERTIFICATE_KEEPER(keeper);

TEST(image_has_certificates_and_what_clients_are_verified_by)
{
	struct elbv2_Certificate usual = {
	    .CertificateArn = BW_STR("arn:aws:acm:us-east-1:123456789012:certificate/usual")};
	struct bw_str more[] = {BW_STR("arn:aws:acm:us-east-1:123456789012:certificate/lost"),
	    BW_STR("arn:aws:acm:us-east-1:123456789012:certificate/more"),
	    BW_STR("arn:aws:iam::123456789012:server-certificate/x")};
	struct elbv2_MutualAuthenticationAttributes client = {.Mode = BW_STR("verify"),
	    .TrustStoreArn = BW_STR(
	        "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/trust/0123456789abcdef"),
	    .IgnoreClientCertificateExpiry = BW_BOOL(true)};
	struct elb_listener l = {.id = BW_STR("1111111111111111"),
	    .load_balancer = BW_STR("lb"),
	    .load_balancer_id = BW_STR("0123456789abcdef"),
	    .type = BW_STR("app"),
	    .certificates = {BW_COUNT(more), more}};
	struct elb_trust_store store = {
	    .name = BW_STR("trust"), .id = BW_STR("0123456789abcdef"), .bundle = BW_STR("bundle")};
	struct elb_revocation r = {.id = 1, .content = BW_STR("list")};
	const struct bw_edge_listener *out;
	struct world w;

	world_begin(&w);
	load_balancer_put(&w, "lb", "app", "127.66.0.1");
	l.shape = (struct elbv2_Listener){.Port = BW_INT(443),
	    .Protocol = BW_STR("HTTPS"),
	    .SslPolicy = BW_STR("policy"),
	    .Certificates = {true, 1, &usual},
	    .MutualAuthentication = &client};
	elb_save(&w.call, &elb_listener_kind, elb_listener_name(&w.call, &l), &l);
	elb_save(&w.call, &elb_trust_store_kind, store.name, &store);
	elb_save(&w.call, &elb_revocation_kind, BW_STR("trust/0000000001"), &r);
	world_build(&w, 1);
	out = w.image.load_balancers[0].listeners;
	assert_str(out->ssl_policy, "policy");
	assert_int_equal(out->certificate_count, 2);
	assert_true(out->certificates[0].is_default);
	assert_str(
	    out->certificates[0].chain_pem, "chain of arn:aws:acm:us-east-1:123456789012:certificate/usual");
	assert_str(out->certificates[0].key_pem, "key");
	assert_false(out->certificates[1].is_default);
	assert_str(out->certificates[1].arn, "arn:aws:acm:us-east-1:123456789012:certificate/more");
	assert_str(out->client_mode, "verify");
	assert_true(out->client_ignore_expiry);
	assert_str(out->client_ca_pem, "bundle");
	assert_int_equal(out->client_crls.n, 1);
	assert_str(out->client_crls.v[0], "list");
	assert_str(
	    bw_pairs_find(&out->attributes, BW_STR("routing.http.request.x_amzn_tls_version.header_name"))
	        ->value,
	    "X-Amzn-Tls-Version");
	world_end(&w);
}

TEST(image_of_nothing_is_empty)
{
	struct world w;

	world_begin(&w);
	world_build(&w, 1);
	assert_int_equal(w.image.load_balancer_count + w.image.target_group_count, 0);
	assert_true(w.due_ms == INT64_MAX);
	world_end(&w);
}

TEST(image_has_rules_by_priority_and_the_default_one_last)
{
	static const struct {
		const char *id;
		int64_t priority;
	} rules[] = {{"aaaaaaaaaaaaaaaa", 50000}, {"bbbbbbbbbbbbbbbb", 9}, {"cccccccccccccccc", 10},
	    {"dddddddddddddddd", ELB_DEFAULT_PRIORITY}};
	static const int64_t order[] = {9, 10, 50000, INT64_MAX};
	const struct bw_edge_listener *l;
	struct world w;

	world_begin(&w);
	load_balancer_put(&w, "lb", "app", "127.66.0.1");
	/* A namesake with a hyphen behind it sorts between "lb" and "lb/". */
	load_balancer_put(&w, "lb-2", "app", "127.66.0.2");
	listener_put(&w, "lb", "1111111111111111", 80);
	listener_put(&w, "lb-2", "2222222222222222", 81);
	for (size_t i = 0; i < BW_COUNT(rules); i++) {
		struct elbv2_Action a = fixed(&w, "404");

		rule_put(&w, rule_of("lb", "1111111111111111", rules[i].id, rules[i].priority), &a, 1);
		rule_put(&w, rule_of("lb-2", "2222222222222222", rules[i].id, rules[i].priority), &a, 1);
	}
	world_build(&w, 1);
	assert_int_equal(w.image.load_balancer_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(w.image.load_balancers[i].listener_count, 1);
		l = w.image.load_balancers[i].listeners;
		assert_int_equal(l->rule_count, 4);
		for (size_t k = 0; k < 4; k++)
			assert_true(l->rules[k].priority == order[k]);
		assert_str(parameter(l->rules[0].actions, "StatusCode"), "404");
		assert_str(parameter(l->rules[0].actions, "MessageBody"), "no \"<&>\xc3\xa9");
	}
	assert_str(w.image.load_balancers[0].addresses.v[0], "127.66.0.1");
	assert_str(
	    bw_pairs_find(&w.image.load_balancers[0].attributes, BW_STR("idle_timeout.timeout_seconds"))
	        ->value,
	    "7");
	assert_str(
	    bw_pairs_find(&w.image.load_balancers[0].attributes, BW_STR("routing.http2.enabled"))->value,
	    "true");
	assert_false(w.image.load_balancers[0].has_security_groups);
	world_end(&w);
}

TEST(image_names_nested_parameters_by_their_way)
{
	struct elbv2_JwtValidationActionAdditionalClaim claim = {
	    .Format = BW_STR("string-array"), .Name = BW_STR("scope")};
	struct elbv2_JwtValidationActionConfig jwt = {
	    .JwksEndpoint = BW_STR("https://idp/jwks"), .Issuer = BW_STR("https://idp")};
	struct elbv2_AuthenticateOidcActionConfig oidc = {
	    .ClientSecret = BW_STR("s"), .SessionTimeout = BW_INT(60)};
	struct bw_str values[] = {BW_STR("a"), BW_STR("b")}, names[] = {BW_STR("prompt")},
	              prompts[] = {BW_STR("login")};
	struct elbv2_Action actions[3];
	const struct bw_edge_rule *r;
	struct world w;

	world_begin(&w);
	claim.Values = (struct elbv2_JwtValidationActionAdditionalClaimValues){true, 2, values};
	jwt.AdditionalClaims = (struct elbv2_JwtValidationActionAdditionalClaims){true, 1, &claim};
	oidc.AuthenticationRequestExtraParams.set = true;
	oidc.AuthenticationRequestExtraParams.n = 1;
	oidc.AuthenticationRequestExtraParams.keys = names;
	oidc.AuthenticationRequestExtraParams.v = prompts;
	actions[0] = (struct elbv2_Action){.Type = BW_STR("jwt-validation"), .JwtValidationConfig = &jwt};
	actions[1] =
	    (struct elbv2_Action){.Type = BW_STR("authenticate-oidc"), .AuthenticateOidcConfig = &oidc};
	actions[2] = fixed(&w, "200");
	load_balancer_put(&w, "lb", "app", "127.66.0.1");
	listener_put(&w, "lb", "1111111111111111", 80);
	rule_put(&w, rule_of("lb", "1111111111111111", "dddddddddddddddd", ELB_DEFAULT_PRIORITY), actions, 3);
	world_build(&w, 1);
	r = w.image.load_balancers[0].listeners[0].rules;
	assert_int_equal(r->action_count, 3);
	assert_str(parameter(&r->actions[0], "AdditionalClaims.1.Values.2"), "b");
	assert_str(parameter(&r->actions[0], "AdditionalClaims.1.Name"), "scope");
	assert_str(parameter(&r->actions[1], "AuthenticationRequestExtraParams.prompt"), "login");
	assert_str(parameter(&r->actions[1], "SessionTimeout"), "60");
	assert_str(parameter(&r->actions[1], "ClientSecret"), "s");
	world_end(&w);
}

static void target_put(struct world *w, const struct elb_target_group *g, const char *id, int64_t draining_ms)
{
	struct elb_target t = {
	    .id = bw_str_c(id), .port = 80, .registered_ms = 5, .draining_ms = draining_ms};

	elb_save(&w->call, &elb_target_kind, elb_target_name(&w->call, g, t.id, t.port), &t);
}

static struct elbv2_Action forward(struct world *w, const struct elb_target_group *g)
{
	struct elbv2_ForwardActionConfig *f = BW_NEW(&w->arena, struct elbv2_ForwardActionConfig);

	f->TargetGroups =
	    (struct elbv2_TargetGroupList){true, 1, BW_NEW(&w->arena, struct elbv2_TargetGroupTuple)};
	f->TargetGroups.v[0] = (struct elbv2_TargetGroupTuple){
	    elb_named_arn(&w->call, "targetgroup", g->name, g->id), BW_INT(3)};
	return (struct elbv2_Action){.Type = BW_STR("forward"), .ForwardConfig = f};
}

static struct elb_target_group group_put(struct world *w, const char *name, const char *type)
{
	struct elb_target_group g = {.name = bw_str_c(name), .id = BW_STR("fedcba9876543210")};

	g.shape = (struct elbv2_TargetGroup){.Protocol = BW_STR("HTTP"),
	    .TargetType = bw_str_c(type),
	    .Port = BW_INT(80),
	    .HealthCheckEnabled = BW_BOOL(true),
	    .HealthCheckIntervalSeconds = BW_INT(30)};
	bw_pairs_set(&g.attributes, &w->arena, BW_STR("deregistration_delay.timeout_seconds"), BW_STR("10"));
	elb_save(&w->call, &elb_target_group_kind, g.name, &g);
	return g;
}

TEST(image_has_used_groups_with_addresses_and_drops_what_has_drained)
{
	const struct bw_edge_target_group *used;
	struct elb_target_group g;
	struct elbv2_Action a;
	struct world w;

	world_begin(&w);
	load_balancer_put(&w, "lb", "app", "127.66.0.1");
	listener_put(&w, "lb", "1111111111111111", 80);
	g = group_put(&w, "unused", "ip");
	target_put(&w, &g, "127.0.0.1", 0);
	g = group_put(&w, "used", "instance");
	target_put(&w, &g, "i-0123456789abcdef0", 0);
	target_put(&w, &g, "i-00000000000000000", 100000);
	a = forward(&w, &g);
	rule_put(&w, rule_of("lb", "1111111111111111", "dddddddddddddddd", ELB_DEFAULT_PRIORITY), &a, 1);
	world_build(&w, 109999);
	assert_int_equal(w.image.target_group_count, 1);
	used = w.image.target_groups;
	assert_str(used->name, "used");
	assert_int_equal(used->target_count, 2);
	assert_true(w.due_ms == 110000);
	for (size_t i = 0; i < 2; i++) {
		bool known = bw_str_ends(used->targets[i].id, BW_STR("f0"));

		assert_int_equal(bw_str_set(used->targets[i].address), known);
		assert_int_equal(used->targets[i].draining, !known);
		if (known)
			assert_str(used->targets[i].address, "127.0.0.9");
	}
	assert_str(w.image.load_balancers[0].listeners[0].rules[0].actions[0].forwards[0].target_group,
	    "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/used/fedcba9876543210");
	world_build(&w, 110000);
	assert_int_equal(w.image.target_groups->target_count, 1);
	assert_true(w.due_ms == INT64_MAX);
	world_end(&w);
}

/* Every network that could be meant for a pool, and what could not. */
TEST(edge_options_take_one_spelling)
{
	static const char *const good[] = {"127.66.0.0/16", "10.0.0.0/8", "192.0.2.0/30"};
	static const char *const bad[] = {
	    "127.66.0.1/16", "10.0.0.0/7", "192.0.2.0/31", "127.66.0.0", "::/64", "", "127.66.0.0/016"};
	static const char *const instances[][2] = {{"i-0123456789abcdef0", NULL}, {"i-0123=10.0.0.1", NULL},
	    {"=10.0.0.1", NULL}, {"i-0123456789abcdef0=10.0.0", NULL}, {"i-0123456789abcdef0=host", NULL}};
	struct bw_edge_config config;
	struct bw_arena a;
	const char *wrong;

	bw_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < BW_COUNT(good); i++)
		assert_ok(bw_edge_config_parse(good[i], NULL, NULL, &a, &config, &wrong));
	for (size_t i = 0; i < BW_COUNT(bad); i++) {
		assert_int_equal(bw_edge_config_parse(bad[i], NULL, NULL, &a, &config, &wrong), BW_EINVAL);
		assert_ptr_equal(wrong, bad[i]);
	}
	for (size_t i = 0; i < BW_COUNT(instances); i++)
		assert_int_equal(
		    bw_edge_config_parse(NULL, NULL, instances[i], &a, &config, &wrong), BW_EINVAL);
	assert_int_equal(bw_edge_config_parse(NULL, "10.0.0.256", NULL, &a, &config, &wrong), BW_EINVAL);
	bw_arena_free(&a);
}

/* ---- What leads back ---- */

/* Load balancers a, b ... at 127.66.0.1, .2 ..., each with one listener at port 80 that forwards to the groups of its name. */
enum { BALANCERS = 4 };

struct site {
	struct bw_edge_load_balancer lbs[BALANCERS];
	struct bw_edge_listener listeners[BALANCERS];
	struct bw_edge_rule rules[BALANCERS];
	struct bw_edge_action actions[BALANCERS];
	struct bw_edge_forward forwards[BALANCERS];
	struct bw_edge_target_group groups[BALANCERS];
	struct bw_edge_target targets[BALANCERS][4];
	struct bw_edge_image image;
};

static struct site *site_of(struct world *w, const char *protocol)
{
	static const char *const arns[BALANCERS] = {"a", "b", "c", "d"};
	struct site *s = BW_NEW(&w->arena, struct site);

	for (size_t i = 0; i < BALANCERS; i++) {
		s->forwards[i] = (struct bw_edge_forward){bw_str_c(arns[i]), 1};
		s->actions[i] = (struct bw_edge_action){.type = BW_STR("forward"), .forwards = &s->forwards[i], .forward_count = 1};
		s->rules[i] = (struct bw_edge_rule){.actions = &s->actions[i], .action_count = 1};
		s->listeners[i] = (struct bw_edge_listener){.port = 80, .protocol = bw_str_c(protocol), .rules = &s->rules[i], .rule_count = 1};
		s->lbs[i] = (struct bw_edge_load_balancer){.listeners = &s->listeners[i], .listener_count = 1};
		bw_strs_add(&s->lbs[i].addresses, &w->arena, bw_arena_printf(&w->arena, "127.66.0.%zu", i + 1));
		s->groups[i] = (struct bw_edge_target_group){.arn = bw_str_c(arns[i]), .protocol = bw_str_c(protocol), .targets = s->targets[i]};
	}
	s->image = (struct bw_edge_image){
	    .load_balancers = s->lbs, .load_balancer_count = BALANCERS, .target_groups = s->groups, .target_group_count = BALANCERS};
	return s;
}

static struct bw_edge_target *target_add(struct site *s, size_t group, const char *address, int64_t port)
{
	struct bw_edge_target *t = &s->targets[group][s->groups[group].target_count++];

	*t = (struct bw_edge_target){.id = bw_str_c(address), .address = bw_str_c(address), .port = port};
	return t;
}

TEST(a_target_that_is_this_server_has_no_address)
{
	static const struct {
		const char *address;
		int64_t port;
		bool own;
	} given[] = {{"127.0.0.1", 4566, true}, {"127.0.0.2", 4566, false}, {"127.0.0.1", 4565, false}, {"127.9.9.9", 4567, true},
	    {"::1", 4567, true}, {"10.0.0.1", 4567, false}};

	struct world world, *w = &world;

	world_begin(w);
	{
		for (size_t i = 0; i < BW_COUNT(given); i++) {
			struct site *s = site_of(w, "HTTP");
			struct bw_edge_target *t = target_add(s, 0, given[i].address, given[i].port);

			image_cut_back(w->core, &w->arena, &s->image);
			assert_int_equal(!bw_str_set(t->address), given[i].own);
		}
	}
	world_end(w);
}

TEST(what_leads_back_is_cut_and_nothing_else)
{
	struct world world, *w = &world;

	world_begin(w);
	{
		struct site *s = site_of(w, "TCP");
		struct bw_edge_target *self = target_add(s, 0, "127.66.0.1", 80), *chain = target_add(s, 0, "127.66.0.2", 80),
		                      *other = target_add(s, 0, "127.0.0.1", 80), *there = target_add(s, 1, "127.66.0.3", 80),
		                      *port = target_add(s, 1, "127.66.0.1", 81), *back = target_add(s, 2, "127.66.0.2", 80),
		                      *twice = target_add(s, 3, "127.66.0.2", 80);

		image_cut_back(w->core, &w->arena, &s->image);
		assert_false(bw_str_set(self->address));
		assert_true(bw_str_set(chain->address) && bw_str_set(other->address) && bw_str_set(port->address));
		assert_true(bw_str_set(twice->address)); /* two ways to one place are no loop */
		assert_true(bw_str_set(there->address) && !bw_str_set(back->address)); /* b to c, and not c to b */
	}
	world_end(w);
}

TEST(what_leads_back_over_a_group_that_two_share_is_cut)
{
	struct world world, *w = &world;

	world_begin(w);
	{
		struct site *s = site_of(w, "TCP");
		struct bw_edge_target *on = target_add(s, 0, "127.66.0.2", 80);

		s->forwards[1].target_group = BW_STR("a"); /* b forwards to where it is itself */
		image_cut_back(w->core, &w->arena, &s->image);
		assert_false(bw_str_set(on->address));
	}
	world_end(w);
}

TEST(datagrams_lead_to_datagrams)
{
	struct world world, *w = &world;

	world_begin(w);
	{
		struct site *s = site_of(w, "UDP");
		struct bw_edge_target *t = target_add(s, 0, "127.66.0.1", 80);

		s->groups[0].protocol = BW_STR("TCP");
		image_cut_back(w->core, &w->arena, &s->image);
		assert_true(bw_str_set(t->address));
		s->groups[0].protocol = BW_STR("TCP_UDP");
		image_cut_back(w->core, &w->arena, &s->image);
		assert_false(bw_str_set(t->address));
	}
	world_end(w);
}
