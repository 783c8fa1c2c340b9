#include "core/guard.h"

#include "codec/json.h"
#include "core/internal.h"
#include "core/network.h"
#include "proc/board.h"

static enum bw_err groups_of(
    const struct bw_network *n, const struct bw_guard_binding *b, struct bw_strs *groups)
{
	struct bw_network_interface i;
	enum bw_err e;

	*groups = b->groups;
	if (!b->network_interface.n)
		return BW_OK;
	e = bw_network_load(n, &bw_network_interface_record, b->network_interface, &i);
	*groups = e == BW_OK ? i.groups : (struct bw_strs){0};
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static enum bw_err any_there(const struct bw_network *n, const struct bw_strs *groups, bool *there)
{
	*there = false;
	for (size_t i = 0; i < groups->n && !*there; i++) {
		struct bw_security_group g;
		enum bw_err e = bw_network_load(n, &bw_security_group_record, groups->v[i], &g);

		if (e != BW_OK && e != BW_ENOTFOUND)
			return e;
		*there = e == BW_OK;
	}
	return BW_OK;
}

static enum bw_err rules_make(
    const struct bw_network *n, const struct bw_guard_binding *b, struct bw_guard_rules *out)
{
	struct bw_strs groups;
	struct bw_permits permits;

	TRY(groups_of(n, b, &groups));
	*out = (struct bw_guard_rules){.name = b->name, .space = b->space, .interface = b->interface};
	TRY(any_there(n, &groups, &out->known));
	TRY(bw_network_permits(n, &groups, &permits));
	out->ingress = permits.ingress;
	out->ingress_count = permits.ingress_count;
	out->egress = permits.egress;
	out->egress_count = permits.egress_count;
	return BW_OK;
}

static enum bw_err publish(struct bw_board *images, const struct bw_guard_image *image)
{
	struct bw_buf out;
	enum bw_err e;

	bw_buf_init(&out, BW_GUARD_IMAGE_MAX);
	bw_guard_image_encode(image, &out);
	e = out.failed ? BW_ETOOBIG : bw_board_publish(images, bw_buf_str(&out));
	bw_buf_free(&out);
	return e;
}

/* ---- Targets that see their clients' addresses ---- */

static bool keeps_origin(const struct bw_edge_target_group *g)
{
	const struct bw_pair *p = bw_pairs_find(&g->attributes, BW_STR("preserve_client_ip.enabled"));

	return p && bw_str_eq(p->value, BW_STR("true"));
}

static void group_targets(const struct bw_edge_target_group *g, struct bw_guard_target *v, size_t *n)
{
	bool both = bw_str_eq(g->protocol, BW_STR("TCP_UDP")), udp = both || bw_str_eq(g->protocol, BW_STR("UDP"));

	for (size_t i = 0; i < g->target_count; i++) {
		const struct bw_edge_target *t = &g->targets[i];

		if (!t->address.n)
			continue;
		if (udp)
			v[(*n)++] = (struct bw_guard_target){true, t->address, t->port};
		if (both || !udp)
			v[(*n)++] = (struct bw_guard_target){false, t->address, t->port};
	}
}

static void targets_make(const struct bw_edge_image *edge, struct bw_arena *arena, struct bw_guard_image *out)
{
	struct bw_guard_target *v;
	size_t most = 0, n = 0;

	if (!edge)
		return;
	for (size_t i = 0; i < edge->target_group_count; i++)
		most += keeps_origin(&edge->target_groups[i]) ? 2 * edge->target_groups[i].target_count : 0;
	v = BW_NEW_ARRAY(arena, struct bw_guard_target, most);
	for (size_t i = 0; i < edge->target_group_count; i++)
		if (keeps_origin(&edge->target_groups[i]))
			group_targets(&edge->target_groups[i], v, &n);
	out->targets_known = true;
	out->targets = v;
	out->target_count = n;
}

enum bw_err bw_guard_publish(struct bw_core *core, struct bw_snapshot *view, struct bw_arena *arena, const struct bw_edge_image *edge)
{
	const struct bw_guard_config *config = &core->guard;
	struct bw_network n = {.store = core->store,
	    .view = view,
	    .arena = arena,
	    .account = core->account,
	    .region = core->region};
	struct bw_guard_rules *rules = BW_NEW_ARRAY(arena, struct bw_guard_rules, config->count);
	struct bw_guard_image image = {
	    .version = (int64_t)bw_snapshot_seq(view), .rules = rules, .rules_count = config->count};

	if (!core->guard_images)
		return BW_OK;
	if (config->origins)
		targets_make(edge, arena, &image);
	for (size_t i = 0; i < config->count; i++)
		TRY(rules_make(&n, &config->bindings[i], &rules[i]));
	return arena->over ? BW_ETOOBIG : publish(core->guard_images, &image);
}

static void state_put(const struct bw_guard_state *s, int64_t version, struct bw_buf *json)
{
	bw_buf_put(json, BW_STR("{\"name\":"));
	bw_json_put_str(json, s->name);
	bw_buf_put(json, BW_STR(",\"state\":"));
	bw_json_put_str(json, s->state);
	bw_buf_put(json, BW_STR(",\"reason\":"));
	bw_json_put_str(json, s->reason);
	bw_buf_printf(json, ",\"version\":%lld,\"permits\":%lld,\"permitted\":%lld,\"refused\":%lld}",
	    (long long)version, (long long)s->permits, (long long)s->permitted, (long long)s->refused);
}

static void origins_put(const struct bw_guard_report *r, struct bw_buf *json)
{
	bw_buf_put(json, BW_STR("{\"state\":"));
	bw_json_put_str(json, r->origins);
	bw_buf_put(json, BW_STR(",\"reason\":"));
	bw_json_put_str(json, r->origins_reason);
	bw_buf_printf(json, ",\"sockets\":%lld}", (long long)r->origins_made);
}

void bw_guard_health(const struct bw_core *core, struct bw_buf *json)
{
	struct bw_guard_report report;
	struct bw_arena arena;

	bw_arena_init(&arena, 1 << 20);
	bw_buf_put(json, BW_STR(",\"guard\":["));
	if (bw_guard_report_read(core->guard_reports, &arena, &report) != BW_OK)
		report = (struct bw_guard_report){.origins = core->guard.origins ? BW_STR("waiting") : BW_STR("off"), .origins_reason = BW_STR("")};
	else
		for (size_t i = 0; i < report.state_count; i++) {
			bw_buf_put(json, i ? BW_STR(",") : BW_STR(""));
			state_put(&report.states[i], report.image_version, json);
		}
	bw_buf_put(json, BW_STR("],\"client_addresses\":"));
	origins_put(&report, json);
	bw_arena_free(&arena);
}
