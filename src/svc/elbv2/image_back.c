#include "svc/elbv2/image.h"

#include "base/map.h"

/* Where targets lead back to. A load balancer that is its own target, or one of its target's, would pass a
 * connection round and round until every ceiling is reached; nobody has to call for that, a health check is
 * enough. So the image is looked at as a graph: listeners lead to target groups, and groups to the listeners
 * that some of their targets are. */

/* A way on: from a listener to a group, or by a target to a listener. */
struct way {
	struct node *to;
	struct bw_edge_target *by;
};

struct node {
	struct way *ways;
	size_t n, at;                     /* at: the next that is gone */
	enum { FRESH, OPEN, DONE } state; /* open: on the way that is being gone */
	struct bw_edge_target *by;        /* what an open listener was come to by */
};

struct graph {
	struct bw_arena *arena;
	struct bw_map by_address, by_group; /* "ADDRESS PORT TRANSPORT", ARN -> struct node */
	struct node *listeners, *groups;
	size_t listener_count, group_count;
};

static const char *const transports[] = {"tcp", "udp"};
enum { TRANSPORTS = BW_COUNT(transports) };

static bool is_over(struct bw_str protocol, size_t transport)
{
	return elb_is(protocol, "TCP_UDP") || elb_is(protocol, "UDP") == (transport == 1);
}

static struct bw_str key_of(struct bw_arena *a, struct bw_str address, int64_t port, size_t transport)
{
	return bw_arena_printf(a, "%.*s %lld %s", BW_FMT(address), (long long)port, transports[transport]);
}

static void listener_add(struct graph *g, const struct bw_edge_load_balancer *lb,
    const struct bw_edge_listener *l, struct node *to)
{
	for (size_t i = 0; i < lb->addresses.n; i++)
		for (size_t t = 0; t < TRANSPORTS; t++)
			if (is_over(l->protocol, t))
				bw_map_put(
				    &g->by_address, key_of(g->arena, lb->addresses.v[i], l->port, t), to);
}

static void listeners_add(struct graph *g, const struct bw_edge_image *image)
{
	size_t n = 0;

	for (size_t i = 0; i < image->load_balancer_count; i++)
		n += image->load_balancers[i].listener_count;
	g->listeners = BW_NEW_ARRAY(g->arena, struct node, n);
	for (size_t i = 0; i < image->load_balancer_count; i++) {
		const struct bw_edge_load_balancer *lb = &image->load_balancers[i];

		for (size_t k = 0; k < lb->listener_count; k++)
			listener_add(g, lb, &lb->listeners[k], &g->listeners[g->listener_count++]);
	}
}

static void target_lead(struct graph *g, const struct bw_edge_target_group *in, struct bw_edge_target *target,
    size_t transport, struct node *of)
{
	struct node *to;

	if (!bw_str_set(target->address) || !is_over(in->protocol, transport))
		return;
	to = bw_map_get(&g->by_address, key_of(g->arena, target->address, target->port, transport));
	if (!to)
		return;
	if (!of->ways)
		of->ways = BW_NEW_ARRAY(g->arena, struct way, TRANSPORTS * in->target_count);
	of->ways[of->n++] = (struct way){to, target};
}

/* A group's targets that are listeners. */
static void group_add(struct graph *g, const struct bw_edge_target_group *in)
{
	/* The image's own, which nobody has seen yet. */
	struct bw_edge_target *targets = (struct bw_edge_target *)(uintptr_t)in->targets;
	struct node *of = &g->groups[g->group_count];

	for (size_t i = 0; i < in->target_count; i++)
		for (size_t t = 0; t < TRANSPORTS; t++)
			target_lead(g, in, &targets[i], t, of);
	if (!of->n)
		return;
	bw_map_put(&g->by_group, in->arn, of);
	g->group_count++;
}

/* What a listener's rules forward to and leads on. */
static void listener_lead(struct graph *g, const struct bw_edge_listener *l, struct node *of)
{
	size_t most = 0;

	for (int fill = 0; fill < 2; fill++) {
		for (size_t i = 0; i < l->rule_count; i++)
			for (size_t k = 0; k < l->rules[i].action_count; k++)
				for (size_t j = 0; j < l->rules[i].actions[k].forward_count; j++) {
					struct node *to = bw_map_get(
					    &g->by_group, l->rules[i].actions[k].forwards[j].target_group);

					if (to && fill)
						of->ways[of->n++] = (struct way){to, NULL};
					most += to && !fill;
				}
		if (!fill)
			of->ways = BW_NEW_ARRAY(g->arena, struct way, most);
	}
}

/* Every way once, deeper first: one that leads to where it came through is cut. */
static void walk(struct node *from, struct node **open)
{
	size_t depth = 0;

	open[depth++] = from;
	from->state = OPEN;
	while (depth) {
		struct node *n = open[depth - 1], *to;
		struct way *way;

		if (n->at == n->n) {
			n->state = DONE;
			depth--;
			continue;
		}
		way = &n->ways[n->at++];
		to = way->to;
		if (to->state == OPEN) {
			/* Over a group that stands open, it is what led to this listener. */
			(way->by ? way->by : n->by)->address = BW_STR_NONE;
		} else if (to->state == FRESH) {
			to->state = OPEN;
			to->by = way->by;
			open[depth++] = to;
		}
	}
}

static void loops_cut(struct graph *g, const struct bw_edge_image *image)
{
	struct node **open = BW_NEW_ARRAY(g->arena, struct node *, g->listener_count + g->group_count);
	size_t at = 0;

	for (size_t i = 0; i < image->load_balancer_count; i++)
		for (size_t k = 0; k < image->load_balancers[i].listener_count; k++)
			listener_lead(g, &image->load_balancers[i].listeners[k], &g->listeners[at++]);
	for (size_t i = 0; i < g->listener_count; i++)
		if (g->listeners[i].state == FRESH)
			walk(&g->listeners[i], open);
}

static void own_cut(const struct bw_core *core, struct bw_arena *arena, const struct bw_edge_target_group *in)
{
	struct bw_edge_target *targets = (struct bw_edge_target *)(uintptr_t)in->targets;

	for (size_t i = 0; i < in->target_count; i++)
		if (bw_str_set(targets[i].address) &&
		    elb_address_is_own(core, arena, targets[i].address, targets[i].port))
			targets[i].address = BW_STR_NONE;
}

void image_cut_back(const struct bw_core *core, struct bw_arena *arena, const struct bw_edge_image *image)
{
	struct graph g = {.arena = arena};

	bw_map_init(&g.by_address, 0, NULL);
	bw_map_init(&g.by_group, 0, NULL);
	listeners_add(&g, image);
	g.groups = BW_NEW_ARRAY(arena, struct node, image->target_group_count);
	for (size_t i = 0; i < image->target_group_count; i++) {
		own_cut(core, arena, &image->target_groups[i]);
		group_add(&g, &image->target_groups[i]);
	}
	if (g.group_count)
		loops_cut(&g, image);
	bw_map_free(&g.by_address);
	bw_map_free(&g.by_group);
}
