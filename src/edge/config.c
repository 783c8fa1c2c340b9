/* An image made ready: attributes parsed, patterns compiled, names of target groups resolved. Whatever cannot
 * be read is made to permit or match nothing, and said in the log; the API has checked it all before. */
#include "edge/auth.h"
#include "edge/check.h"
#include "edge/group.h"
#include "edge/listen.h"
#include "edge/rule.h"
#include "edge/tls.h"
#include "edge/worker.h"

enum { RULES_FEW = 8 }; /* so many are tried sooner than looked up */

struct bw_str attribute(const struct bw_pairs *p, const char *name)
{
	const struct bw_pair *found = bw_pairs_find(p, bw_str_c(name));

	return found ? found->value : BW_STR_NONE;
}

bool attribute_on(const struct bw_pairs *p, const char *name)
{
	return bw_str_eq(attribute(p, name), BW_STR("true"));
}

int64_t attribute_number(const struct bw_pairs *p, const char *name, int64_t usual)
{
	int64_t n;

	return bw_str_to_i64(attribute(p, name), 0, INT64_C(1) << 40, &n) == BW_OK ? n : usual;
}

/* One of some words, or the usual. */
static int attribute_word(const struct bw_pairs *p, const char *name, const char *const *words, int usual)
{
	struct bw_str v = attribute(p, name);

	for (int i = 0; words[i]; i++)
		if (bw_str_eq(v, bw_str_c(words[i])))
			return i;
	return usual;
}

static struct pcre2_real_code_8 *regex_keep(struct edge_config *c, struct bw_str text, bool nocase)
{
	struct pcre2_real_code_8 *code = regex_compile(text, nocase);

	if (!code) {
		bw_log(BW_LOG_WARN, "a rule's regular expression cannot be compiled and matches nothing");
		return NULL;
	}
	if (c->regex_count == c->regex_room) {
		c->regex_room = c->regex_room ? c->regex_room * 2 : 16;
		c->regexes = bw_realloc(c->regexes, c->regex_room * sizeof(struct pcre2_real_code_8 *));
	}
	c->regexes[c->regex_count++] = code;
	return code;
}

struct key_set *config_key_set(struct edge_config *c, struct bw_str url)
{
	struct key_set *s = key_set_hold(c->edge, url);

	c->key_sets = bw_realloc(c->key_sets, (c->key_set_count + 1) * sizeof(struct key_set *));
	c->key_sets[c->key_set_count++] = s;
	return s;
}

static const struct {
	const char *field;
	int on;
	bool nocase;
} fields[] = {
    {"host-header", ON_HOST, true},
    {"path-pattern", ON_PATH, false},
    {"http-header", ON_HEADER, true},
    {"http-request-method", ON_METHOD, false},
    {"query-string", ON_QUERY, true},
    {"source-ip", ON_SOURCE, false},
};

static void query_compile(struct edge_config *c, const struct bw_edge_condition *in, struct condition *out)
{
	out->patterns = BW_NEW_ARRAY(&c->arena, struct pattern, in->query.n + 1);
	out->keys = BW_NEW_ARRAY(&c->arena, struct pattern, in->query.n + 1);
	out->count = in->query.n;
	for (size_t i = 0; i < in->query.n; i++) {
		out->keys[i].text = in->query.v[i].key;
		out->patterns[i].text = in->query.v[i].value;
	}
}

static void values_compile(
    struct edge_config *c, const struct bw_edge_condition *in, bool nocase, struct condition *out)
{
	out->patterns = BW_NEW_ARRAY(&c->arena, struct pattern, in->values.n + in->regexes.n + 1);
	for (size_t i = 0; i < in->values.n; i++) {
		struct pattern *p = &out->patterns[out->count];

		p->text = in->values.v[i];
		if (out->on == ON_SOURCE && !cidr_parse(p->text, &p->network))
			continue;
		out->count++;
	}
	for (size_t i = 0; i < in->regexes.n; i++) {
		struct pcre2_real_code_8 *code = regex_keep(c, in->regexes.v[i], nocase);

		if (code)
			out->patterns[out->count++].regex = code;
	}
}

static void condition_compile(
    struct edge_config *c, const struct bw_edge_condition *in, struct condition *out)
{
	out->on = ON_METHOD; /* an unknown field has no patterns: it never holds */
	out->header = in->header;
	for (size_t i = 0; i < BW_COUNT(fields); i++) {
		if (!bw_str_eq(in->field, bw_str_c(fields[i].field)))
			continue;
		out->on = fields[i].on;
		if (out->on == ON_QUERY)
			query_compile(c, in, out);
		else
			values_compile(c, in, fields[i].nocase, out);
	}
}

static void balancer_address(const struct balancer *b, struct bw_address *out)
{
	const struct bw_strs *all = &b->in->addresses;

	if (!all->n || !address_make(all->v[0], 0, out))
		out->bytes = 0;
}

static void forwards_compile(struct edge_config *c, const struct bw_edge_action *in, struct rule *out)
{
	out->forwards = BW_NEW_ARRAY(&c->arena, struct forward, in->forward_count + 1);
	for (size_t i = 0; i < in->forward_count; i++) {
		struct group *g = group_find(c->edge, in->forwards[i].target_group);
		int64_t weight = in->forwards[i].weight;

		if (!g)
			continue;
		weight = in->forward_count == 1 ? 1 : weight;
		out->forwards[out->forward_count++] = (struct forward){g, weight};
		out->weights += weight;
		g->used = true;
		if (!g->balancer_stats)
			g->balancer_stats = c->compiling->stats;
		g->egress = c->compiling->egress;
		balancer_address(c->compiling, &g->balancer);
	}
}

static void rewrites_compile(struct edge_config *c, const struct bw_edge_rule *in, struct rule *out)
{
	size_t n = 0;

	for (size_t i = 0; i < in->transform_count; i++)
		n += in->transforms[i].rewrites.n;
	out->rewrites = BW_NEW_ARRAY(&c->arena, struct rewrite, n + 1);
	for (size_t i = 0; i < in->transform_count; i++)
		for (size_t k = 0; k < in->transforms[i].rewrites.n; k++) {
			bool host = bw_str_eq(in->transforms[i].type, BW_STR("host-header-rewrite"));
			struct pcre2_real_code_8 *code =
			    regex_keep(c, in->transforms[i].rewrites.v[k].key, host);

			if (code)
				out->rewrites[out->rewrite_count++] =
				    (struct rewrite){host, code, in->transforms[i].rewrites.v[k].value};
		}
}

static void rule_compile(struct edge_config *c, const struct bw_edge_rule *in, struct rule *out)
{
	static const char *const kinds[] = {"forward", "fixed-response", "redirect", NULL};

	*out = (struct rule){.in = in, .what = DO_NOT_BUILT};
	out->conditions = BW_NEW_ARRAY(&c->arena, struct condition, in->condition_count + 1);
	out->condition_count = in->condition_count;
	for (size_t i = 0; i < in->condition_count; i++)
		condition_compile(c, &in->conditions[i], &out->conditions[i]);
	rewrites_compile(c, in, out);
	/* Without a check that is asked for nothing may pass. */
	if (!checks_compile(c, in, out)) {
		out->check_count = 0;
		return;
	}
	out->action = &in->actions[in->action_count - 1];
	for (int i = 0; kinds[i]; i++)
		if (bw_str_eq(out->action->type, bw_str_c(kinds[i])))
			out->what = i;
	if (out->what == DO_FORWARD)
		forwards_compile(c, out->action, out);
}

static void listener_compile(
    struct edge_config *c, const struct bw_edge_listener *in, struct balancer *b, struct listener *out)
{
	*out = (struct listener){.in = in, .balancer = b};
	out->tls = bw_str_eq(in->protocol, BW_STR("HTTPS")) || bw_str_eq(in->protocol, BW_STR("TLS"));
	out->tcp = b->network && !bw_str_eq(in->protocol, BW_STR("UDP"));
	out->udp = bw_str_eq(in->protocol, BW_STR("UDP")) || bw_str_eq(in->protocol, BW_STR("TCP_UDP"));
	out->tcp_idle_ms = attribute_number(&in->attributes, "tcp.idle_timeout.seconds", 350) * 1000;
	out->http2 = out->tls && !b->network && b->http2;
	if (out->tls)
		out->tls_set = tls_set_make(c->edge, in, out->http2, &out->tls_reason);
	c->compiling_tls = out->tls;
	out->rules = BW_NEW_ARRAY(&c->arena, struct rule, in->rule_count + 1);
	out->rule_count = in->rule_count;
	for (size_t i = 0; i < in->rule_count; i++)
		rule_compile(c, &in->rules[i], &out->rules[i]);
	if (out->rule_count > RULES_FEW)
		out->index = rule_index_make(&c->arena, out->rules, out->rule_count);
}

static void balancer_attributes(struct balancer *b, const struct bw_pairs *p)
{
	static const char *const desyncs[] = {"monitor", "defensive", "strictest", NULL};
	static const char *const xffs[] = {"append", "preserve", "remove", NULL};

	b->idle_ms = attribute_number(p, "idle_timeout.timeout_seconds", 60) * 1000;
	b->keep_alive_ms = attribute_number(p, "client_keep_alive.seconds", 3600) * 1000;
	b->desync = attribute_word(p, "routing.http.desync_mitigation_mode", desyncs, DESYNC_DEFENSIVE);
	b->xff = attribute_word(p, "routing.http.xff_header_processing.mode", xffs, XFF_APPEND);
	b->xff_port = attribute_on(p, "routing.http.xff_client_port.enabled");
	b->drop_invalid = attribute_on(p, "routing.http.drop_invalid_header_fields.enabled");
	b->preserve_host = attribute_on(p, "routing.http.preserve_host_header.enabled");
	b->tls_headers = attribute_on(p, "routing.http.x_amzn_tls_version_and_cipher_suite.enabled");
	b->http2 = !bw_str_eq(attribute(p, "routing.http2.enabled"), BW_STR("false"));
	b->access_log = attribute_on(p, "access_logs.s3.enabled");
	b->connection_log = attribute_on(p, "connection_logs.s3.enabled");
}

static void balancer_compile(
    struct edge_config *c, const struct bw_edge_load_balancer *in, struct balancer *out)
{
	*out = (struct balancer){.in = in, .config = c};
	out->network = bw_str_eq(in->type, BW_STR("network"));
	balancer_attributes(out, &in->attributes);
	auth_keys_make(c, out);
	if (in->has_security_groups) {
		out->ingress = permits_compile(&c->arena, in->ingress, in->ingress_count);
		out->egress = permits_compile(&c->arena, in->egress, in->egress_count);
	}
	out->stats = stats_hold(c->edge, in);
	out->stats->health_logged = attribute_on(&in->attributes, "health_check_logs.s3.enabled");
	c->compiling = out;
	out->listeners = BW_NEW_ARRAY(&c->arena, struct listener, in->listener_count + 1);
	for (size_t i = 0; i < in->listener_count; i++)
		listener_compile(c, &in->listeners[i], out, &out->listeners[i]);
}

enum bw_err config_make(struct edge *e, struct bw_str bytes, struct edge_config **out)
{
	struct edge_config *c = bw_alloc(sizeof *c);
	enum bw_err err;

	*c = (struct edge_config){.edge = e, .references = 1};
	bw_arena_init(&c->arena, 4 * (size_t)BW_EDGE_IMAGE_MAX);
	err = bw_edge_image_decode(bw_arena_str(&c->arena, bytes), &c->arena, &c->image);
	if (err != BW_OK) {
		config_release(c);
		return err;
	}
	groups_update(e, c);
	c->balancers = BW_NEW_ARRAY(&c->arena, struct balancer, c->image.load_balancer_count + 1);
	for (size_t i = 0; i < c->image.load_balancer_count; i++)
		balancer_compile(c, &c->image.load_balancers[i], &c->balancers[i]);
	groups_settle(e);
	*out = c;
	return BW_OK;
}

void config_release(struct edge_config *c)
{
	if (!c || --c->references)
		return;
	for (size_t i = 0; c->balancers && i < c->image.load_balancer_count; i++) {
		for (size_t k = 0; k < c->balancers[i].in->listener_count; k++)
			tls_set_release(c->balancers[i].listeners[k].tls_set);
		stats_release(c->balancers[i].stats);
		auth_keys_free(&c->balancers[i]);
	}
	for (size_t i = 0; i < c->group_count; i++)
		group_release(c->groups[i]);
	for (size_t i = 0; i < c->regex_count; i++)
		regex_free(c->regexes[i]);
	for (size_t i = 0; i < c->key_set_count; i++)
		key_set_release(c->key_sets[i]);
	bw_free(c->key_sets);
	bw_free(c->regexes);
	bw_free(c->groups);
	bw_arena_free(&c->arena);
	bw_free(c);
}
