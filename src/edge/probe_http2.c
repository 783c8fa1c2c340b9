/* A health check over HTTP/2, of target groups that are spoken to by it: a GET whose status tells, or for
 * gRPC the call of a method with an empty message, whose status stands behind the answer. */
#include "edge/group.h"
#include "edge/probe.h"

static int header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name_p, size_t name_n,
    const uint8_t *value_p, size_t value_n, uint8_t flags, void *ctx)
{
	struct probe *p = ctx;
	struct bw_str name = bw_str_make(name_p, name_n), value = bw_str_make(value_p, value_n);
	int64_t n;

	(void)session;
	(void)flags;
	if (frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	if (bw_str_eq(name, BW_STR(":status")) && bw_str_to_i64(value, 200, 599, &n) == BW_OK)
		p->status = (int32_t)n;
	else if (bw_str_eq(name, BW_STR("grpc-status")) && bw_str_to_i64(value, 0, 99, &n) == BW_OK)
		p->grpc_status = (int32_t)n;
	return 0;
}

static int frame_received(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	struct probe *p = ctx;

	(void)session;
	pump_spend(&p->pump, frame);
	p->ended = p->ended || (frame->hd.stream_id && frame->hd.flags & NGHTTP2_FLAG_END_STREAM &&
	                           (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA));
	return 0;
}

static int stream_closed(nghttp2_session *session, int32_t id, uint32_t error, void *ctx)
{
	(void)session;
	(void)id;
	(void)error;
	((struct probe *)ctx)->ended = true;
	return 0;
}

static const struct h2_kind kind = {.header = header,
    .frame_received = frame_received,
    .stream_closed = stream_closed,
    .settings = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_HEADERS_BYTES}},
    .setting_count = 2};

/* A message of no bytes, not compressed (gRPC's "Length-Prefixed-Message"). */
static ssize_t message_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t size, uint32_t *flags,
    nghttp2_data_source *source, void *ctx)
{
	enum { MESSAGE = 5 };

	(void)session;
	(void)id;
	(void)source;
	(void)ctx;
	MUST(size >= MESSAGE);
	memset(to, 0, MESSAGE);
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	return MESSAGE;
}

static void begin(struct probe *p)
{
	const struct group *g = p->target->group;
	struct bw_str path = g->in.health_path;
	nghttp2_data_provider message = {.read_callback = message_read};
	nghttp2_nv fields[8];
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
	p->status = p->grpc_status = -1;
	p->ended = p->pump.calm = false;
	p->pump.resets = p->pump.control = 0;
	p->pump.updates = 0;
	pump_open(&p->pump, &kind, p);
	MUST(nghttp2_submit_request(p->pump.session, NULL, fields, n, g->grpc ? &message : NULL, NULL) > 0);
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
		lives = lives && !p->pump.calm &&
		        (nghttp2_session_want_read(p->pump.session) ||
		            nghttp2_session_want_write(p->pump.session));
	} while (lives && (sent || got));
	if (!lives)
		probe_refuse(p);
}

const struct probe_ops probe_http2 = {begin, step};
