/* h2_pair.h: our session. */
#include "base/lend.h"
#include "h2_pair.h"

struct one {
	struct h2_strand strand;
	struct one *next;
	size_t body; /* left to be said */
	bool begun, head_only;
	uint32_t id;
};

struct side ours;
static struct edge e;
static struct h2_pump pump;
static struct one *ones;
static const char zeros[1 << 16];

static struct one *of(struct h2_strand *s)
{
	return (struct one *)((char *)s - offsetof(struct one, strand));
}

static struct one *one_new(void)
{
	struct one *one = bw_slab_alloc(&e.slab, sizeof *one);

	one->next = ones;
	ones = one;
	return one;
}

/* ---- what it calls ---- */

static struct h2_strand *begin(struct h2_pump *p)
{
	(void)p;
	return &one_new()->strand;
}

static void head(struct h2_strand *s, const struct h2_message *m, bool ends)
{
	struct seen *h = seen_of(&ours, s->id);

	if (!h || m->too_large) { /* what stands behind its hundredth field is not looked at any more */
		if (h)
			h->odd = true;
		return;
	}
	h->headed = true;
	h->ended = ends;
	h->status = (uint32_t)m->status;
	if (m->server) {
		seen_field(&h->head, &h->head_count, m->method, m->path);
		seen_field(&h->head, &h->head_count, m->scheme, m->authority);
	}
	h->odd = m->server && !(m->authority.n ? octets_fit(m->authority, true) : m->host);
	for (size_t i = 0; i < m->count; i++)
		h->odd = h->odd || (bw_str_eq(m->headers[i].name, BW_STR("host")) && !octets_fit(m->headers[i].value, true));
	for (size_t i = 0; i < m->count; i++)
		seen_field(&h->head, &h->head_count, m->headers[i].name, m->headers[i].value);
}

static void hear_data(struct h2_strand *s, struct bw_str bytes)
{
	struct seen *h = seen_of(&ours, s->id);

	for (size_t i = 0; h && i < bytes.n; i++)
		h->body = h->body * 31 + (unsigned char)bytes.p[i];
	if (h)
		h->body_bytes += bytes.n;
	strand_consume(s, bytes.n);
}

static void trailers(struct h2_strand *s, const struct h2_message *m)
{
	struct seen *h = seen_of(&ours, s->id);

	if (!h)
		return;
	h->trailed = true;
	for (size_t i = 0; i < m->count; i++) /* there it says nothing, and is passed on to nobody; nghttp2 judges its form */
		h->odd = h->odd || bw_str_eq(m->headers[i].name, BW_STR("content-length"));
	for (size_t i = 0; i < m->count; i++)
		seen_field(&h->trailers, &h->trailer_count, m->headers[i].name, m->headers[i].value);
}

static void ended(struct h2_strand *s)
{
	struct seen *h = seen_of(&ours, s->id);

	if (h)
		h->ended = true;
}

static bool write_turn(struct h2_strand *s)
{
	static const struct bw_hpack_field get[] = {{BW_STR(":method"), BW_STR("GET"), false}, {BW_STR(":scheme"), BW_STR("https"), false},
	    {BW_STR(":authority"), BW_STR("a"), false}, {BW_STR(":path"), BW_STR("/"), false}};
	struct bw_hpack_field fields[FIELDS_SAID];
	struct one *one = of(s);
	size_t n;

	if (!s->session->kind->server && !one->begun && strand_may_say(s)) {
		memcpy(fields, get, sizeof fields);
		if (one->head_only)
			fields[0].value = BW_STR("HEAD");
		s->head_only = one->head_only;
		one->begun = true;
		MUST(strand_say(s, fields, FIELDS_SAID, one->body == 0));
		one->id = s->id;
	}
	if (!one->begun || s->said_end || s->over)
		return false;
	n = strand_say_data(s, bw_str_make(zeros, one->body), true);
	one->body -= n;
	return one->body && strand_window(s) > 0;
}

static void closed(struct h2_strand *s, uint32_t error)
{
	(void)s;
	(void)error;
}

static const struct h2_kind kinds[2] = {{.head = head,
                                            .data = hear_data,
                                            .trailers = trailers,
                                            .ended = ended,
                                            .write = write_turn,
                                            .closed = closed,
                                            .settings = {{H2_ENABLE_PUSH, 0}},
                                            .setting_count = 1,
                                            .window = H2_WINDOW,
                                            .list_max = H2_HEADERS_BYTES},
    {.server = true,
        .begin = begin,
        .head = head,
        .data = hear_data,
        .trailers = trailers,
        .ended = ended,
        .write = write_turn,
        .closed = closed,
        .settings = {{H2_MAX_CONCURRENT_STREAMS, H2_STREAMS}},
        .setting_count = 1,
        .window = H2_WINDOW,
        .list_max = H2_HEADERS_BYTES}};

/* ---- what the pair asks ---- */

static void says(void)
{
	bool more = true;

	while (more) {
		if (!pump.session->failed)
			h2_write(pump.session);
		more = wire_length(&pump.out) > 0;
		side_says(&ours, wire_bytes(&pump.out));
		wire_free(&e, &pump.out);
	}
	ours.failed = pump.session->failed || pump.calm;
}

static void ours_open(bool server)
{
	if (!e.loop) {
		MUST(bw_loop_new(&e.loop) == BW_OK);
		e.scratch = bw_alloc(SCRATCH_BYTES);
		e.held_max = SIZE_MAX;
		h2_places_open(&e);
	}
	ours = (struct side){0};
	pump = (struct h2_pump){.edge = &e};
	pump_open(&pump, &kinds[server]);
	wire_free(&e, &pump.out);
	if (server)
		h2_read(pump.session, bw_str_make(h2_preface, H2_PREFACE_BYTES));
}

static void ours_close(void)
{
	pump.session->failed = true;
	while (ones) {
		struct one *one = ones;

		ones = one->next;
		strand_leave(&one->strand, H2_CANCEL);
		bw_slab_give(&e.slab, one);
	}
	pump_close(&pump);
	wire_free(&e, &pump.out);
	MUST(e.held_bytes + e.slab.used_bytes + e.h2_places.held_bytes == 0);
}

static void ours_read(struct bw_str frame)
{
	pump.updates = pump.control = pump.resets = 0; /* nghttp2 has other budgets */
	h2_read(pump.session, frame);
	says();
}

static void ours_answer(uint32_t id, size_t body)
{
	struct bw_hpack_field status = {BW_STR(":status"), BW_STR("200"), false};
	struct h2_strand *s = strand_find(pump.session, id);

	of(s)->begun = true;
	of(s)->body = body;
	MUST(strand_say(s, &status, 1, body == 0));
	strand_due(s);
	says();
}

static void ours_ask(size_t body, bool head_only)
{
	struct one *one = one_new();

	one->body = body;
	one->head_only = head_only;
	strand_open(pump.session, &one->strand);
	strand_due(&one->strand);
	says();
}

static void ours_reset(uint32_t id, uint32_t error)
{
	strand_reset(strand_find(pump.session, id), error);
	says();
}

static struct state ours_state(uint32_t id)
{
	const struct h2_session *s = pump.session;
	struct h2_strand *strand = strand_find(s, id);

	if (!id)
		return (struct state){.there = true,
		    .in_block = s->block_id,
		    .window_out = s->window_out,
		    .unreturned = (int64_t)s->kind->window - s->window_in};
	if (!strand || strand->over)
		return (struct state){0};
	return (struct state){.there = true,
	    .heard_end = strand->heard_end,
	    .said_end = strand->said_end,
	    .window_out = strand->window_out > 0 ? strand->window_out : 0, /* nghttp2 tells no more */
	    .unreturned = (int64_t)H2_WINDOW - strand->window_in};
}

const struct pair_ops ours_ops = {ours_open, ours_close, ours_read, ours_answer, ours_ask, ours_reset, ours_state};
