/* A request on its way to a target over HTTP/1.1. */
#include "edge/upstream.h"
#include "edge/worker.h"

void upstream_flush(struct upstream *u)
{
	size_t moved;
	enum io io;

	if (u->state != U_BUSY)
		return;
	io = sock_flush(u->edge, &u->sock, &u->out, &moved);
	if (io == IO_FAIL || io == IO_END) {
		/* The next run finds it; an answer may have come before. */
		u->sock.failed = u->sock.readable = true;
		upstream_post(u);
	}
	if (moved)
		u->active_ms = bw_loop_now_ms(u->edge->loop);
}

/* `bytes`: the head, and what is known of the body. */
static void bind_exchange(struct upstream *u, struct exchange *x, struct bw_str bytes)
{
	u->x = x;
	x->up = u;
	u->framing = F_HEAD;
	u->interims = 0;
	u->got = false;
	u->body_sent = x->request_done;
	u->keep = true;
	u->active_ms = bw_loop_now_ms(u->edge->loop);
	x->sent_us = bw_clock_mono_us();
	(void)wire_put(u->edge, &u->out, bytes);
	upstream_timer(u);
	upstream_flush(u);
}

/* What is lost with a kept connection has one more try, on a fresh one. */
static bool op_begin(struct exchange *x, struct bw_str bytes)
{
	struct upstream *u = x->upgrade || x->lost ? NULL : upstream_take(x->target);

	if (u && !x->unsafe && !wire_length(&x->again))
		wire_keep(x->edge, &x->again, bytes);
	if (!u)
		u = upstream_open(x->target);
	if (u)
		bind_exchange(u, x, bytes);
	return u != NULL;
}

size_t upstream_room(const struct upstream *u)
{
	size_t room = wire_room(&u->out);

	return room > CHUNK_LINES ? room - CHUNK_LINES : 0;
}

static size_t op_room(const struct exchange *x)
{
	return upstream_room(x->up);
}

static void op_body(struct exchange *x, struct bw_str bytes)
{
	struct upstream *u = x->up;
	struct bw_buf *b = &u->edge->head;

	if (bytes.n == 0)
		return;
	if (x->chunked_out) {
		bw_buf_reset(b);
		bw_buf_printf(b, "%zx\r\n", bytes.n);
		(void)wire_put(u->edge, &u->out, bw_buf_str(b));
	}
	(void)wire_put(u->edge, &u->out, bytes);
	if (x->chunked_out)
		(void)wire_put(u->edge, &u->out, BW_STR("\r\n"));
	upstream_flush(u);
}

/* Nobody reads them here: a chunked body ends without any. */
static void op_trailers(struct exchange *x, struct bw_str lines)
{
	(void)x;
	(void)lines;
}

static void op_body_end(struct exchange *x)
{
	struct upstream *u = x->up;

	u->body_sent = true;
	if (x->chunked_out)
		(void)wire_put(u->edge, &u->out, BW_STR("0\r\n\r\n"));
	upstream_flush(u);
}

static void op_pull(struct exchange *x)
{
	upstream_post(x->up);
}

static void op_leave(struct exchange *x)
{
	upstream_leave(x->up, false);
}

const struct target_ops upstream_http1 = {
    op_begin, op_room, op_body, op_trailers, op_body_end, op_pull, op_leave};
