/* HTTP/1.1 towards clients. An idle connection is this struct and nothing else. */
#include "edge/client.h"
#include "edge/h2.h"
#include "edge/log.h"
#include "edge/tls.h"

#include <sys/socket.h>

enum { QUICK_MS = 50, LOOK_EACH = 8 };

static struct client *of_watch(struct bw_watch *w)
{
	return (struct client *)((char *)w - offsetof(struct client, sock.watch));
}

/* ---- the end ---- */

static void client_reap(struct client *c)
{
	if (c->state != C_CLOSED || c->running || c->posted)
		return;
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	connection_counted_out(c->edge, c->slot);
	c->listening->listener_stats->values[M_ACTIVE_CONNECTIONS]--;
	listening_release(c->listening);
	bw_slab_give(&c->edge->slab, c);
}

void client_shut(struct client *c)
{
	struct exchange *x = c->x;

	if (c->state == C_CLOSED)
		return;
	c->state = C_CLOSED;
	c->x = NULL;
	if (x && x->ended) {
		log_access(x);
		exchange_free(x);
	} else if (x) {
		exchange_abandon(x, 460);
	}
	bw_timer_cancel(c->edge->loop, &c->timer);
	sock_close(c->edge, &c->sock);
	wire_free(c->edge, &c->in);
	wire_free(c->edge, &c->out);
}

/* An answer that was cut off must not look whole: the connection is reset. */
static void client_reset(struct client *c)
{
	struct linger now = {.l_onoff = 1};

	if (c->state != C_CLOSED && !c->sock.tls)
		(void)setsockopt(c->sock.watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	client_shut(c);
}

/* ---- running ---- */

/* The answer is on its way, and nothing of the client's is wanted; one who leaves is not waited for. */
static bool wait_step(struct client *c)
{
	if (!c->x->ended && c->sock.hup)
		client_shut(c);
	return false;
}

static bool shake_step(struct client *c)
{
	enum io io = sock_handshake(&c->sock);

	if (io == IO_WAIT)
		return false;
	log_connection(c->listening, c->sock.tls, &c->peer, c->opened_ms, c->serial, io == IO_DONE);
	if (io != IO_DONE) {
		c->listening->listener_stats->values[M_TLS_ERRORS]++;
		client_shut(c);
		return false;
	}
	if (tls_chose_http2(c->sock.tls)) {
		h2_open(c->listening, &c->sock, &c->peer, c->slot, c->serial);
		client_shut(c);
		return false;
	}
	c->sock.readable = true;
	c->active_ms = now_of(c);
	enter(c, C_HEAD);
	return true;
}

static bool flush(struct client *c)
{
	bool was_full = c->x && client_room(c) == 0;
	size_t moved;
	enum io io;

	if (!wire_length(&c->out))
		return true;
	io = sock_flush(c->edge, &c->sock, &c->out, &moved);
	c->rate_bytes += (uint32_t)moved;
	if (c->x)
		c->x->sent += moved;
	if (moved)
		c->active_ms = now_of(c);
	if (io == IO_END || io == IO_FAIL) {
		client_shut(c);
		return false;
	}
	if (c->state == C_WAIT) {
		/* The span runs while bytes wait for the peer. */
		if (wire_length(&c->out) && !c->blocked)
			span_begin(c);
		c->blocked = wire_length(&c->out) > 0;
	}
	if (was_full && c->x && client_room(c))
		exchange_pull(c->x);
	return true;
}

typedef bool step_fn(struct client *c);
static step_fn *const steps[] = {[C_SHAKE] = shake_step,
    [C_HEAD] = client_head_step,
    [C_BODY] = client_body_step,
    [C_WAIT] = wait_step,
    [C_TUNNEL] = client_tunnel_step,
    [C_LINGER] = client_linger_step};

static bool turn(struct client *c)
{
	if (c->state != C_SHAKE && !flush(c))
		return false;
	if (c->cut) {
		client_reset(c);
		return false;
	}
	if (c->x && c->x->ended && !wire_length(&c->out) && c->state != C_SHAKE && client_answer_sent(c))
		return true;
	return c->state != C_CLOSED && steps[c->state](c);
}

/* Until when it may begin a request. One who is about to while its connection is wound up is answered, and told. */
static int64_t begin_ms(const struct client *c)
{
	int64_t idle = c->active_ms + c->listening->idle_ms, wound = c->listening->closed_ms;

	if (!wound)
		return idle;
	wound = (wound > c->began_ms ? wound : c->began_ms) + WIND_MS;
	return wound < idle ? wound : idle;
}

/* When patience ends, as things stand; INT64_MAX: the target's side has the say. */
static int64_t due_ms(const struct client *c)
{
	switch (c->state) {
	case C_SHAKE:
		return c->opened_ms + HEAD_MS;
	case C_HEAD:
		return wire_length(&c->in) ? c->began_ms + HEAD_MS : begin_ms(c);
	case C_BODY:
		if (exchange_body_room(c->x) == 0)
			return INT64_MAX;
		return c->began_ms + RATE_MS;
	case C_WAIT:
		return wire_length(&c->out) ? c->began_ms + RATE_MS : INT64_MAX;
	case C_TUNNEL:
		return c->active_ms + c->listening->idle_ms;
	default:
		return c->began_ms + LINGER_MS;
	}
}

static bool may_sleep(const struct client *c)
{
	return c->state == C_HEAD && c->sock.tls && c->sock.shaken && !c->sock.asleep &&
	       !wire_length(&c->in) && !wire_length(&c->out);
}

/* A new connection whose request the target has, and only the target is waited for: mostly it answers soon, the connection is closed
 * with the answer, and whether the client leaves meanwhile was not worth to be told. */
static bool is_quick(const struct client *c)
{
	return c->state == C_WAIT && !wire_length(&c->out) && !c->sock.watch.added && now_of(c) - c->active_ms < QUICK_MS;
}

static void await(struct client *c)
{
	if (c->state != C_CLOSED && !is_quick(c) && sock_await(c->edge, &c->sock) != BW_OK)
		client_shut(c);
}

static void timer_arm(struct client *c)
{
	int64_t due = c->state == C_CLOSED ? INT64_MAX : due_ms(c);

	if (may_sleep(c) && c->active_ms + DOZE_MS < due)
		due = c->active_ms + DOZE_MS;
	if (is_quick(c))
		due = c->active_ms + QUICK_MS;
	if (due != INT64_MAX && (!c->timer.prev || c->timer.due_ms > due))
		bw_timer_set(c->edge->loop, &c->timer, due - now_of(c));
}

void client_run(struct client *c)
{
	int rounds = 0;

	if (c->running || c->state == C_CLOSED) {
		client_reap(c);
		return;
	}
	c->running = true;
	while (c->state != C_CLOSED && turn(c) && ++rounds < ROUNDS)
		;
	c->running = false;
	if (c->state != C_CLOSED && rounds == ROUNDS && !c->posted) {
		c->posted = true;
		bw_loop_post(c->edge->loop, &c->post);
	}
	await(c);
	timer_arm(c);
	client_reap(c);
}

static void client_posted(struct bw_post *p)
{
	struct client *c = (struct client *)((char *)p - offsetof(struct client, post));

	c->posted = false;
	client_run(c);
}

static void client_ready(struct bw_watch *w, uint32_t events)
{
	struct client *c = of_watch(w);

	sock_note(&c->sock, events);
	client_run(c);
}

/* What has come by now counts, whether we were told of it or not. */
static void idle_end(struct client *c)
{
	c->sock.readable = true;
	if (!client_head_step(c) && c->state == C_HEAD)
		client_part(c);
}

static void expire(struct client *c)
{
	bool moving = (c->state == C_BODY || c->state == C_WAIT) && c->rate_bytes >= RATE_BYTES;

	if (moving) {
		span_begin(c);
	} else if (c->state == C_HEAD && wire_length(&c->in)) {
		client_head_refuse(c, 408);
	} else if (c->state == C_HEAD) {
		idle_end(c);
	} else if (c->state == C_LINGER) {
		client_shut(c); /* not a reset: the answer may still be on its way */
	} else if (c->state == C_BODY && !c->x->answered) {
		c->close_after = true;
		exchange_fail(c->x, 408);
		enter(c, C_WAIT);
	} else {
		client_reset(c);
	}
}

static void timer_fired(struct bw_timer *t)
{
	struct client *c = (struct client *)((char *)t - offsetof(struct client, timer));

	if (now_of(c) >= due_ms(c)) {
		c->running = true;
		expire(c);
		c->running = false;
	} else if (may_sleep(c) && now_of(c) - c->active_ms >= DOZE_MS) {
		sock_sleep(&c->sock);
	}
	client_run(c);
}

/* ---- the beginning ---- */

/* Reads at the end of the turn, if it is to be expected that the request has come by then; else waits for it. */
static void begin(struct client *c)
{
	struct listening *l = c->listening;

	c->posted = l->early || ++l->accepts % LOOK_EACH == 0;
	if (c->posted) {
		bw_loop_post(c->edge->loop, &c->post);
		return;
	}
	c->sock.readable = false;
	await(c);
}

void client_open(struct listening *l, int fd, const struct bw_address *peer, uint32_t slot)
{
	struct edge *e = l->edge;
	struct client *c = bw_slab_alloc(&e->slab, sizeof *c);

	c->edge = e;
	c->listening = l;
	l->references++;
	c->peer = *peer;
	c->slot = slot;
	c->serial = e->connections_opened++;
	c->timer.fire = timer_fired;
	c->post.run = client_posted;
	c->opened_ms = c->active_ms = now_of(c);
	c->next = e->clients;
	c->prev = &e->clients;
	if (e->clients)
		e->clients->prev = &c->next;
	e->clients = c;
	l->listener_stats->values[M_NEW_CONNECTIONS]++;
	l->listener_stats->values[M_ACTIVE_CONNECTIONS]++;
	enter(c, C_HEAD);
	sock_hold(&c->sock, fd, client_ready);
	if (l->listener->tls) {
		c->sock.tls = tls_accept(l->listener, fd);
		c->sock.readable = false; /* a hand is shaken in more steps than one: each is waited for */
		c->state = C_SHAKE;
		await(c);
	} else {
		log_connection(l, NULL, peer, c->opened_ms, c->serial, false);
		begin(c);
	}
	timer_arm(c);
	client_reap(c);
}

void clients_drain(struct edge *e)
{
	for (struct client *c = e->clients; c; c = c->next)
		timer_arm(c);
}
