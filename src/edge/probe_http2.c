/* A health check over HTTP/2, of target groups that are spoken to by it: a GET whose status tells, or for
 * gRPC the call of a method with an empty message, whose status stands behind the answer. */
#include "base/lend.h"
#include "edge/group.h"
#include "edge/probe.h"

static struct probe *of_strand(struct h2_strand *s)
{
	return (struct probe *)((char *)s - offsetof(struct probe, strand));
}

static void fields_take(struct probe *p, const struct h2_message *m)
{
	int64_t n;

	for (size_t i = 0; i < m->count && !m->too_large; i++)
		if (bw_str_eq(m->headers[i].name, BW_STR("grpc-status")) &&
		    bw_str_to_i64(m->headers[i].value, 0, 99, &n) == BW_OK)
			p->grpc_status = (int32_t)n;
}

static void head(struct h2_strand *s, const struct h2_message *m, bool ends)
{
	if (!m->too_large)
		of_strand(s)->status = m->status;
	of_strand(s)->ended = ends;
	fields_take(of_strand(s), m);
}

static void data(struct h2_strand *s, struct bw_str bytes)
{
	strand_consume(s, bytes.n);
}

static void trailers(struct h2_strand *s, const struct h2_message *m)
{
	fields_take(of_strand(s), m);
}

static void ended(struct h2_strand *s)
{
	of_strand(s)->ended = true;
}

static void closed(struct h2_strand *s, uint32_t error)
{
	(void)error;
	of_strand(s)->ended = true;
}

static void head_say(struct probe *p)
{
	const struct group *g = p->target->group;
	struct bw_str path = g->in.health_path;
	struct bw_hpack_field fields[8];
	size_t n = 0;

	if (!path.n || path.n > 1024)
		path = g->grpc ? BW_STR("/AWS.ALB/healthcheck") : BW_STR("/");
	fields[n++] = field_make(BW_STR(":method"), g->grpc ? BW_STR("POST") : BW_STR("GET"));
	fields[n++] = field_make(BW_STR(":scheme"), p->https ? BW_STR("https") : BW_STR("http"));
	fields[n++] = field_make(BW_STR(":authority"), bw_str_c(p->host));
	fields[n++] = field_make(BW_STR(":path"), path);
	fields[n++] = field_make(BW_STR("user-agent"), BW_STR("ELB-HealthChecker/2.0"));
	if (g->grpc) {
		fields[n++] = field_make(BW_STR("content-type"), BW_STR("application/grpc"));
		fields[n++] = field_make(BW_STR("te"), BW_STR("trailers"));
	}
	MUST(strand_say(&p->strand, fields, n, !g->grpc));
}

/* gRPC's message has no bytes, and is not compressed (gRPC's "Length-Prefixed-Message"). */
static bool write_turn(struct h2_strand *s)
{
	static const char message[5];
	struct probe *p = of_strand(s);

	if (!s->id && strand_may_say(s))
		head_say(p);
	if (s->id && !s->said_end && !s->over)
		(void)strand_say_data(s, bw_str_make(message, sizeof message), true);
	return false;
}

static const struct h2_kind kind = {.head = head,
    .data = data,
    .trailers = trailers,
    .ended = ended,
    .write = write_turn,
    .closed = closed,
    .settings = {{H2_ENABLE_PUSH, 0}, {H2_MAX_HEADER_LIST_SIZE, H2_HEADERS_BYTES}},
    .setting_count = 2,
    .list_max = H2_HEADERS_BYTES,
    .window = H2_WINDOW};

static void begin(struct probe *p)
{
	p->status = p->grpc_status = -1;
	p->ended = p->pump.calm = false;
	p->pump.resets = p->pump.updates = p->pump.control = 0;
	p->strand = (struct h2_strand){0};
	pump_open(&p->pump, &kind);
	strand_open(p->pump.session, &p->strand);
	strand_due(&p->strand);
}

/* What is known is enough. */
static bool verdict(struct probe *p)
{
	bool grpc = p->target->group->grpc;
	int status = grpc ? p->grpc_status : p->status;

	if (status < 0 && !p->ended)
		return false;
	if (status < 0 || p->pump.calm || (grpc && p->status != 200))
		probe_refuse(p);
	else
		probe_judge(p, status);
	return true;
}

static void step(struct probe *p)
{
	bool sent = false, got = false, lives;

	do {
		lives = pump_send(&p->pump, &sent) && pump_read(&p->pump, &got);
		if (verdict(p))
			return;
		lives = lives && !p->pump.calm && !h2_is_over(p->pump.session);
	} while (lives && (sent || got));
	if (!lives)
		probe_refuse(p);
}

const struct probe_ops probe_http2 = {begin, step};
