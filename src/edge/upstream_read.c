/* A target's answer over HTTP/1.1. */
#include "edge/answer.h"
#include "edge/dispatch.h"
#include "edge/upstream.h"
#include "edge/worker.h"

/* The answer has ended: the connection is free before the client hears, who may ask again on it at once. */
static void answer_ends(struct upstream *u)
{
	struct exchange *x = u->x;

	upstream_leave(u, !x->ambiguous);
	exchange_answer_end(x);
	x->ops->wake(x);
}

static void switch_protocols(struct upstream *u)
{
	u->framing = F_CLOSE;
	u->keep = false;
	u->x->chunked_out = false;
	u->x->tunnel = true;
	u->x->ops->tunnel(u->x);
}

static void framing_choose(struct upstream *u, const struct bw_http_response *r)
{
	u->keep = r->keep_alive;
	u->left = 0;
	if (u->x->is_head || r->status == 204 || r->status == 304) {
		u->framing = F_LENGTH;
		return;
	}
	u->framing = r->chunked ? F_CHUNKED : r->content_length >= 0 ? F_LENGTH : F_CLOSE;
	u->keep = u->keep && u->framing != F_CLOSE;
	u->left = r->content_length;
	u->chunked = (struct bw_http_chunked){0};
}

/* Consumes a head from `bytes`. BW_EAGAIN: not whole. */
static enum bw_err head_take(struct upstream *u, struct bw_str bytes, size_t *used)
{
	struct bw_http_response *r = &u->edge->response;
	enum bw_err e = bw_http_parse_response(bytes, r, used);

	CHECK(
	    e == BW_OK ? *used <= ANSWER_HEAD_MAX : e != BW_EAGAIN || bytes.n < ANSWER_HEAD_MAX, BW_ETOOBIG);
	TRY(e);
	if (r->status == 101) {
		CHECK(u->x->upgrade, BW_EINVAL);
		CHECK(exchange_answer(u->x, r, false), BW_ETOOBIG);
		switch_protocols(u);
		return BW_OK;
	}
	if (r->status < 200) { /* the client was told to go on already */
		CHECK(u->interims < ANSWER_INTERIMS, BW_EQUOTA);
		u->interims++;
		return BW_OK;
	}
	CHECK(exchange_answer(u->x, r, false), BW_ETOOBIG);
	framing_choose(u, r);
	return BW_OK;
}

static enum bw_err chunks_take(struct upstream *u, struct bw_str bytes, size_t *used, bool *end)
{
	struct bw_buf *out = &u->edge->decoded;
	enum bw_err e;

	bw_buf_reset(out);
	e = bw_http_chunked_feed(&u->chunked, bytes, used, out);
	if (e != BW_OK && e != BW_EAGAIN)
		return BW_EINVAL;
	if (out->n)
		u->x->ops->body(u->x, bw_buf_str(out));
	*end = e == BW_OK;
	return BW_OK;
}

/* What of `bytes` belongs to the answer goes to the client. */
static enum bw_err body_take(struct upstream *u, struct bw_str bytes, size_t *used, bool *end)
{
	*end = false;
	if (u->framing == F_CHUNKED)
		return chunks_take(u, bytes, used, end);
	*used = bytes.n;
	if (u->framing == F_LENGTH && (int64_t)bytes.n > u->left)
		*used = (size_t)u->left;
	u->left -= (int64_t)*used;
	if (*used)
		u->x->ops->body(u->x, bw_str_sub(bytes, 0, *used));
	*end = u->framing == F_LENGTH && u->left == 0;
	return BW_OK;
}

/* Everything in `bytes`. BW_OK with *end: the answer is whole; BW_EAGAIN: more is needed, and *used says what
 * is kept. */
static enum bw_err answer_take(struct upstream *u, struct bw_str bytes, size_t *used, bool *end)
{
	*used = 0;
	*end = false;
	while (!*end) {
		struct bw_str rest = bw_str_sub(bytes, *used, bytes.n);
		size_t n = 0;

		if (u->framing == F_HEAD) {
			TRY(head_take(u, rest, &n));
			*end = u->framing == F_LENGTH && u->left == 0;
		} else if (rest.n == 0) {
			return BW_EAGAIN;
		} else {
			TRY(body_take(u, rest, &n, end));
		}
		*used += n;
	}
	return BW_OK;
}

/* Whether the request goes out once more: a kept connection was closed before a byte came. */
static bool try_again(struct upstream *u)
{
	struct exchange *x = u->x;
	struct edge *e = u->edge;
	struct wire again = x->again;

	if (u->got || x->answered || wire_length(&again) == 0 || !dispatch_lost(x, u->reused))
		return false;
	x->up = NULL;
	upstream_shut(u);
	x->again = (struct wire){0};
	dispatch_once_more(x, wire_bytes(&again));
	wire_free(e, &again);
	return true;
}

/* Only an orderly end is the end of what has no other: a reset may have taken some of it along (RFC 9112 8). */
static void input_ended(struct upstream *u, bool orderly)
{
	if (u->state == U_IDLE || !u->x) {
		upstream_shut(u);
	} else if (u->framing == F_CLOSE && orderly) {
		u->keep = false;
		answer_ends(u);
	} else if (!try_again(u)) {
		upstream_fail(u, 502);
	}
}

static void refuse(struct upstream *u, enum bw_err e)
{
	answer_fault_note(u->x, e == BW_ETOOBIG  ? ANSWER_TOO_LARGE
	                        : e == BW_EQUOTA ? ANSWER_INTERIMS_TOO_MANY
	                                         : ANSWER_MALFORMED);
	upstream_fail(u, 502);
}

bool upstream_read(struct upstream *u)
{
	struct edge *e = u->edge;
	size_t held = wire_length(&u->in), room = u->x ? u->x->ops->room(u->x) : 1, n, used;
	enum bw_err err;
	bool end;
	enum io io;

	if (room == 0)
		return false;
	if (room > BLOCK_BYTES)
		room = BLOCK_BYTES;
	if (held)
		memcpy(e->scratch, wire_bytes(&u->in).p, held);
	io = sock_read(&u->sock, e->scratch + held, room, &n);
	scratch_use(e, held + n);
	if (io == IO_WAIT)
		return false;
	if (io != IO_DONE) {
		input_ended(u, io == IO_END);
		return false;
	}
	if (u->state == U_IDLE || !u->x) { /* nobody has asked */
		upstream_shut(u);
		return false;
	}
	u->got = true;
	wire_free(e, &u->in);
	err = answer_take(u, bw_str_make(e->scratch, held + n), &used, &end);
	if (err != BW_EAGAIN && !end) {
		refuse(u, err);
		return false;
	}
	/* Nothing of what comes before a head is whole reaches the client, who is idle meanwhile. */
	if (u->framing != F_HEAD)
		u->active_ms = bw_loop_now_ms(e->loop);
	if (used < held + n)
		(void)wire_put(e, &u->in, bw_str_make(e->scratch + used, held + n - used));
	if (end) {
		answer_ends(u);
		return false;
	}
	return true;
}
