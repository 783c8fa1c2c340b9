/* nghttp2's sessions of either side, and the memory that they get: of the loop's slabs, so that it is
 * counted. */
#include "edge/h2_pump.h"

/* ---- memory ---- */

/* What a session is made of at its beginning, and keeps to its end, lies in a place that can sleep: 9,072
 * bytes with nghttp2 1.52, each piece behind its size. */
enum { PLACE_BYTES = 9536 };

struct placed {
	size_t bytes;
	_Alignas(16) char data[];
};

void h2_places_open(struct edge *e)
{
	bw_doze_init(&e->h2_places, PLACE_BYTES, CONNECTIONS_MAX);
}

/* Each session has a room in which it makes a frame; what lies there is copied by pump_pack before another
 * session can be asked for anything (nghttp2 promises it until the next call alone), and a server's session
 * keeps nothing there from call to call. So those of a loop share one, instead of 16 KiB each. A client's
 * keeps the preface there from its beginning. */
static bool is_room(const struct edge *e, size_t bytes)
{
	return e->h2_opening.room && bytes > BLOCK_BYTES && bytes <= sizeof e->h2_room->bytes;
}

static char *room_take(struct edge *e)
{
	e->h2_opening.room = false;
	if (!e->h2_room)
		e->h2_room = bw_alloc(sizeof *e->h2_room);
	return e->h2_room->bytes;
}

static void *memory_take(size_t bytes, void *ctx)
{
	struct edge *e = ctx;
	size_t n = (sizeof(struct placed) + bytes + 15) & ~(size_t)15;
	struct placed *p;

	if (is_room(e, bytes))
		return room_take(e);
	if (n > (size_t)(e->h2_opening.end - e->h2_opening.at))
		return bw_slab_take(&e->slab, bytes);
	p = (struct placed *)(void *)e->h2_opening.at;
	e->h2_opening.at += n;
	p->bytes = bytes;
	return p->data;
}

/* What lies in a place or in the room stays there. */
static bool is_given(const struct edge *e, const void *p)
{
	return !bw_doze_has(&e->h2_places, p) && (!e->h2_room || p != e->h2_room->bytes);
}

static void memory_give(void *p, void *ctx)
{
	struct edge *e = ctx;

	if (is_given(e, p))
		bw_slab_give(&e->slab, p);
}

static void *memory_zeroed(size_t count, size_t size, void *ctx)
{
	size_t bytes;

	MUST(!__builtin_mul_overflow(count, size, &bytes));
	return memset(memory_take(bytes, ctx), 0, bytes);
}

static void *memory_resize(void *p, size_t bytes, void *ctx)
{
	struct edge *e = ctx;
	size_t had;
	void *moved;

	if (!p)
		return memory_take(bytes, ctx);
	MUST(!e->h2_room || p != e->h2_room->bytes);
	if (is_given(e, p))
		return bw_slab_resize(&e->slab, p, bytes);
	had = ((struct placed *)(void *)((char *)p - offsetof(struct placed, data)))->bytes;
	moved = bw_slab_take(&e->slab, bytes);
	return memcpy(moved, p, had < bytes ? had : bytes);
}

/* ---- sessions ---- */

static nghttp2_option *options_make(void)
{
	nghttp2_option *o;

	MUST(nghttp2_option_new(&o) == 0);
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1); /* they would only be remembered for priorities */
	nghttp2_option_set_max_outbound_ack(o, 100);
	nghttp2_option_set_max_settings(o, 32);
	return o;
}

static nghttp2_session_callbacks *callbacks_make(const struct h2_kind *k)
{
	nghttp2_session_callbacks *c;

	MUST(nghttp2_session_callbacks_new(&c) == 0);
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, k->begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(c, k->header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(c, k->header_invalid);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, k->frame_received);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, k->data_received);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, k->stream_closed);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, k->frame_sent);
	return c;
}

int pump_header_invalid(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *ctx)
{
	(void)session;
	(void)frame;
	(void)name;
	(void)name_n;
	(void)value;
	(void)value_n;
	(void)flags;
	(void)ctx;
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* Clients' sessions are many and idle; ours towards targets are few. */
static void opening_begin(struct h2_pump *p, bool server)
{
	struct edge *e = p->edge;

	p->place = server ? bw_doze_take(&e->h2_places) : NULL;
	e->h2_opening.at = p->place;
	e->h2_opening.end = p->place ? (char *)p->place + PLACE_BYTES : NULL;
	e->h2_opening.room = server;
}

static void opening_end(struct edge *e)
{
	MUST(!e->h2_opening.room); /* it has the shared room */
	e->h2_opening.at = e->h2_opening.end = NULL;
}

void pump_open(struct h2_pump *p, const struct h2_kind *k, void *ctx)
{
	nghttp2_mem memory = {p->edge, memory_take, memory_give, memory_zeroed, memory_resize};
	nghttp2_session_callbacks *c = callbacks_make(k);
	nghttp2_option *o = options_make();

	opening_begin(p, k->server);
	MUST((k->server ? nghttp2_session_server_new3 : nghttp2_session_client_new3)(
	         &p->session, c, ctx, o, &memory) == 0);
	opening_end(p->edge);
	nghttp2_session_callbacks_del(c);
	nghttp2_option_del(o);
	MUST(nghttp2_submit_settings(p->session, NGHTTP2_FLAG_NONE, k->settings, k->setting_count) == 0);
	if (k->window)
		(void)nghttp2_session_set_local_window_size(p->session, NGHTTP2_FLAG_NONE, 0, k->window);
}

static bool session_sleeps(const struct h2_pump *p)
{
	return p->place && bw_doze_sleeps(&p->edge->h2_places, p->place);
}

void pump_close(struct h2_pump *p)
{
	pump_wake(p);
	nghttp2_session_del(p->session);
	p->session = NULL;
	if (p->place)
		bw_doze_give(&p->edge->h2_places, p->place);
	p->place = NULL;
}

void pump_sleep(struct h2_pump *p)
{
	sock_sleep(&p->sock);
	if (p->place && !session_sleeps(p))
		bw_doze_sleep(&p->edge->h2_places, p->place);
}

void pump_wake(struct h2_pump *p)
{
	if (session_sleeps(p))
		bw_doze_wake(&p->edge->h2_places, p->place);
}
