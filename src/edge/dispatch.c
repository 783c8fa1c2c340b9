/* Which target gets a request, and which other one when it cannot be reached. */
#include "edge/dispatch.h"
#include "edge/emit.h"
#include "edge/group.h"
#include "edge/sticky.h"
#include "edge/worker.h"

enum { REFUSALS = 3 }; /* of one request, by targets that take it again each time */

static void target_take(struct exchange *x, struct target *t)
{
	target_hold(t);
	t->outstanding++;
	x->target = t;
	x->prev_there = &t->exchanges;
	x->next_there = t->exchanges;
	if (x->next_there)
		x->next_there->prev_there = &x->next_there;
	t->exchanges = x;
}

static void unlink_there(struct exchange *x)
{
	if (!x->prev_there)
		return;
	*x->prev_there = x->next_there;
	if (x->next_there)
		x->next_there->prev_there = x->prev_there;
	x->prev_there = NULL;
}

void dispatch_leave(struct exchange *x)
{
	if (!x->target)
		return;
	unlink_there(x);
	x->target->outstanding--;
	target_release(x->target);
	x->target = NULL;
}

/* ALB User Guide, "Troubleshooting", HTTP 502: the deregistration delay elapsed for a request being handled. */
static void exchanges_end(struct target *t)
{
	while (t->exchanges) {
		struct exchange *x = t->exchanges;

		unlink_there(x);
		if (x->ended)
			continue;
		exchange_fail(x, 502);
		x->ops->wake(x);
	}
}

static void ended_posted(struct bw_post *p)
{
	struct edge *e = (struct edge *)((char *)p - offsetof(struct edge, ended_post));

	while (e->ended) {
		struct target *t = e->ended;

		e->ended = t->ended_next;
		exchanges_end(t);
		target_release(t);
	}
}

void dispatch_end(struct target *t)
{
	struct edge *e = t->group->edge;

	if (!t->exchanges)
		return;
	target_hold(t);
	if (!e->ended) {
		e->ended_post.run = ended_posted;
		bw_loop_post(e->loop, &e->ended_post);
	}
	t->ended_next = e->ended;
	e->ended = t;
}

static struct group *group_choose(struct exchange *x, const struct bw_http_request *r)
{
	const struct rule *rule = x->rule;
	struct group *g = sticky_group(x, r);
	int64_t at;
	uint32_t random;

	if (g || rule->weights <= 0)
		return g;
	if (rule->forward_count == 1)
		return rule->forwards[0].group;
	bw_random(&random, sizeof random);
	at = random % rule->weights;
	for (size_t i = 0; i < rule->forward_count; i++) {
		at -= rule->forwards[i].weight;
		if (at < 0)
			return rule->forwards[i].group;
	}
	return NULL;
}

/* Upgrades pass to HTTP/1.1 targets, for WebSocket alone: another protocol could carry requests past the
 * rules. */
static bool wants_websocket(const struct exchange *x, const struct bw_http_request *r)
{
	return !x->http2 && bw_str_eq(r->method, BW_STR("GET")) && r->minor_version == 1 &&
	       r->content_length <= 0 && !r->chunked &&
	       bw_str_eq_nocase(bw_http_header(r, BW_STR("upgrade"), NULL), BW_STR("websocket")) &&
	       connection_names(r->headers, r->header_count, BW_STR("upgrade"));
}

static bool may_reach(const struct exchange *x)
{
	const struct bw_address *a = &x->target->address;

	return permits_pass(x->listener->balancer->egress, false, a, bw_address_port(a));
}

void dispatch_unconnected(struct exchange *x)
{
	x->listener->balancer->stats->values[M_CONNECTION_ERROR]++;
	x->group->values[M_CONNECTION_ERROR]++;
}

/* False: every target that may be tried was, or the next may not be reached. `failed`: it is this one's fault. */
static bool next_target(struct exchange *x, bool failed)
{
	struct target *t;

	if (x->tried_count + 1 == TRIES)
		return false;
	x->tried[x->tried_count++] = x->target;
	t = group_pick_other(x->group, edge_wall_ms(x->edge), x->tried, x->tried_count);
	if (!t)
		return false;
	if (failed)
		target_outcome(x->target, true);
	dispatch_leave(x);
	target_take(x, t);
	return may_reach(x);
}

static bool begin(struct exchange *x, struct bw_str bytes)
{
	while (!x->to->begin(x, bytes)) {
		dispatch_unconnected(x);
		if (!next_target(x, true))
			return false;
	}
	return true;
}

/* `some`: there is a target for it. One that the image no longer has is asked nothing: its group may be gone too, and with it what is
 * known of it, such as whether it wants TLS. */
static void begin_again(struct exchange *x, bool some, struct bw_str bytes)
{
	x->up = NULL;
	if (some && !x->target->gone && begin(x, bytes)) {
		x->ops->pull(x); /* a kept connection may have taken everything at once */
		return;
	}
	exchange_fail(x, 502);
	x->ops->wake(x);
}

void dispatch_again(struct exchange *x, struct bw_str bytes)
{
	dispatch_unconnected(x);
	begin_again(x, next_target(x, true), bytes);
}

void dispatch_refused(struct exchange *x, struct bw_str bytes)
{
	begin_again(x, x->refusals++ < REFUSALS, bytes);
}

bool dispatch_lost(struct exchange *x, bool kept)
{
	bool first = !x->lost;

	x->lost = true;
	return kept && first && !x->unsafe;
}

/* A target that has just been killed may take connections for a moment longer, but answers on none: the one try is better spent
 * on another, unless the client has to stay where it was. */
void dispatch_once_more(struct exchange *x, struct bw_str bytes)
{
	if (x->group->sticky == STICKY_NONE)
		(void)next_target(x, false);
	begin_again(x, may_reach(x), bytes);
}

/* Which requests go to which groups (User Guide, "Target groups", and what it says of status 464). */
static bool protocol_fits(const struct exchange *x, const struct bw_http_request *r)
{
	if (!x->group->http2)
		return !x->grpc;
	return x->http2 && (!x->group->grpc || bw_str_eq(r->method, BW_STR("POST")));
}

/* The status to refuse with; 0: the request is on its way. */
static int forward(struct exchange *x, struct bw_http_request *r)
{
	struct edge *e = x->edge;
	struct target *t;

	x->group = group_choose(x, r);
	if (!x->group || !x->group->http)
		return 503;
	if (!protocol_fits(x, r))
		return 464;
	t = sticky_target(x, r, x->group);
	if (!t)
		t = group_pick(x->group, edge_wall_ms(e));
	if (!t)
		return 503;
	target_take(x, t);
	x->to = x->group->http2 ? &upstream_http2 : &upstream_http1;
	x->upgrade = wants_websocket(x, r);
	x->chunked_out = r->chunked;
	x->listener->balancer->stats->values[M_REQUEST_COUNT]++;
	x->group->values[M_REQUEST_COUNT]++;
	x->listener->balancer->stats->values[M_GRPC_REQUESTS] += x->grpc;
	x->group->values[M_GRPC_REQUESTS] += x->grpc;
	if (!may_reach(x))
		return 504;
	bw_buf_reset(&e->head);
	emit_request(x, r, &e->head);
	if (e->head.failed)
		return 400;
	return begin(x, bw_buf_str(&e->head)) ? 0 : 502;
}

void dispatch(struct exchange *x, struct bw_http_request *r)
{
	int status = forward(x, r);

	if (status)
		exchange_fail(x, status);
}
