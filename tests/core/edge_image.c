/* The image's bytes: what goes in comes out, one spelling, and no prefix or changed byte is taken for
 * something else. */
#include "core/edge_form.h"
#include "test.h"

static struct bw_str a_str[] = {{"a", 1}, {"", 0}, {NULL, 0}};
static struct bw_pair a_pair[] = {{{"k", 1}, {"v", 1}}, {{"", 0}, {NULL, 0}}};

static struct bw_edge_image sample(struct bw_arena *arena)
{
	struct bw_edge_load_balancer *lb = BW_NEW_ARRAY(arena, struct bw_edge_load_balancer, 2);
	struct bw_edge_listener *l = BW_NEW(arena, struct bw_edge_listener);
	struct bw_edge_rule *r = BW_NEW(arena, struct bw_edge_rule);
	struct bw_edge_permit *p = BW_NEW(arena, struct bw_edge_permit);
	struct bw_edge_action *action = BW_NEW(arena, struct bw_edge_action);
	struct bw_edge_image image = {.version = 7, .made_ms = -1, .account = BW_STR("123456789012")};

	*p = (struct bw_edge_permit){BW_STR("tcp"), 80, 80, BW_STR("10.0.0.0/8")};
	*action = (struct bw_edge_action){
	    .type = BW_STR("fixed-response"), .parameters = {2, a_pair}, .sticky_groups = true};
	*r = (struct bw_edge_rule){.priority = INT64_MAX, .actions = action, .action_count = 1};
	*l = (struct bw_edge_listener){
	    .arn = BW_STR("arn"), .port = 80, .alpn = {3, a_str}, .rules = r, .rule_count = 1};
	lb[0] = (struct bw_edge_load_balancer){.name = BW_STR("x"),
	    .ingress = p,
	    .ingress_count = 1,
	    .listeners = l,
	    .listener_count = 1,
	    .has_security_groups = true};
	image.load_balancers = lb;
	image.load_balancer_count = 2;
	return image;
}

TEST(edge_image_goes_around)
{
	struct bw_arena a;
	struct bw_edge_image image, back;
	struct bw_buf one, two;

	bw_arena_init(&a, 1 << 20);
	bw_buf_init(&one, 1 << 20);
	bw_buf_init(&two, 1 << 20);
	image = sample(&a);
	bw_edge_image_encode(&image, &one);
	assert_ok(bw_edge_image_decode(bw_buf_str(&one), &a, &back));
	assert_int_equal(back.version, 7);
	assert_int_equal(back.made_ms, -1);
	assert_str(back.account, "123456789012");
	assert_false(bw_str_set(back.region));
	assert_int_equal(back.load_balancer_count, 2);
	assert_true(back.load_balancers[0].has_security_groups);
	assert_str(back.load_balancers[0].ingress[0].network, "10.0.0.0/8");
	assert_int_equal(back.load_balancers[0].listeners[0].alpn.n, 3);
	assert_false(bw_str_set(back.load_balancers[0].listeners[0].alpn.v[2]));
	assert_true(bw_str_set(back.load_balancers[0].listeners[0].alpn.v[1]));
	assert_int_equal(back.load_balancers[0].listeners[0].rules[0].priority, INT64_MAX);
	assert_str(back.load_balancers[0].listeners[0].rules[0].actions[0].parameters.v[0].value, "v");
	assert_null(back.load_balancers[1].listeners);
	bw_edge_image_encode(&back, &two);
	assert_true(bw_str_eq(bw_buf_str(&one), bw_buf_str(&two)));
	bw_buf_free(&one);
	bw_buf_free(&two);
	bw_arena_free(&a);
}

TEST(edge_image_refuses_what_is_cut_or_has_more)
{
	struct bw_arena a;
	struct bw_edge_image image, back;
	struct bw_buf out;

	bw_arena_init(&a, 1 << 24);
	bw_buf_init(&out, 1 << 20);
	image = sample(&a);
	bw_edge_image_encode(&image, &out);
	for (size_t n = 0; n < out.n; n++)
		assert_int_equal(bw_edge_image_decode(bw_str_make(out.p, n), &a, &back), BW_ECORRUPT);
	bw_buf_put_c(&out, 0);
	assert_int_equal(bw_edge_image_decode(bw_buf_str(&out), &a, &back), BW_ECORRUPT);
	out.n--;
	out.p[0]++; /* of a version that is not this */
	assert_int_equal(bw_edge_image_decode(bw_buf_str(&out), &a, &back), BW_ECORRUPT);
	bw_buf_free(&out);
	bw_arena_free(&a);
}

TEST(edge_image_stops_at_the_arenas_ceiling)
{
	struct bw_arena a, tight;
	struct bw_edge_image image, back;
	struct bw_buf out;

	bw_arena_init(&a, 1 << 20);
	bw_arena_init(&tight, 64);
	bw_buf_init(&out, 1 << 20);
	image = sample(&a);
	bw_edge_image_encode(&image, &out);
	assert_int_equal(bw_edge_image_decode(bw_buf_str(&out), &tight, &back), BW_ETOOBIG);
	bw_buf_free(&out);
	bw_arena_free(&a);
	bw_arena_free(&tight);
}

TEST(edge_report_goes_around)
{
	struct bw_edge_health h = {.target_group = BW_STR("tg"),
	    .id = BW_STR("10.0.0.1"),
	    .port = 80,
	    .state = BW_STR("unhealthy"),
	    .reason = BW_STR("Target.Timeout")};
	struct bw_edge_listening open = {.listener = BW_STR("l"), .address = BW_STR("127.66.0.1:80"), .open = true};
	struct bw_edge_metric m = {
	    .name = BW_STR("RequestCount"), .load_balancer = BW_STR("app/x/1"), .value = 12};
	struct bw_edge_unkept unkept = {BW_STR("targetgroup/t/1"), BW_STR("no capability")};
	struct bw_edge_anomaly odd = {BW_STR("tg"), BW_STR("10.0.0.1"), 80, true};
	struct bw_edge_report report = {3, 9, &h, 1, &open, 1, &m, 1, &unkept, 1, &odd, 1}, back;
	struct bw_arena a;
	struct bw_buf out;

	bw_arena_init(&a, 1 << 20);
	bw_buf_init(&out, 1 << 20);
	bw_edge_report_encode(&report, &out);
	assert_ok(bw_edge_report_decode(bw_buf_str(&out), &a, &back));
	assert_int_equal(back.image_version, 3);
	assert_int_equal(back.incarnation, 9);
	assert_str(back.health[0].reason, "Target.Timeout");
	assert_true(back.listening[0].open);
	assert_int_equal(back.metrics[0].value, 12);
	assert_int_equal(back.unkept_count, 1);
	assert_str(back.unkept[0].target_group, "targetgroup/t/1");
	assert_int_equal(back.anomaly_count, 1);
	assert_int_equal(back.anomalies[0].port, 80);
	assert_true(back.anomalies[0].mitigated);
	assert_str(back.unkept[0].reason, "no capability");
	bw_buf_free(&out);
	bw_arena_free(&a);
}
