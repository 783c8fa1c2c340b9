/* Bytes between a socket and nghttp2, the budgets of frames that cost us more than their sender, fields. */
#include "edge/h2_pump.h"

enum { HEADERS_FIRST = 16 };

bool pump_pack(struct h2_pump *p)
{
	const uint8_t *bytes;
	ssize_t n;

	while (wire_room(&p->out)) {
		n = nghttp2_session_mem_send(p->session, &bytes);
		if (n <= 0)
			return n == 0;
		(void)wire_put(p->edge, &p->out, bw_str_make(bytes, (size_t)n));
	}
	return true;
}

bool pump_send(struct h2_pump *p, bool *moved)
{
	size_t n;
	enum io io;

	*moved = false;
	if (!pump_pack(p))
		return false;
	io = sock_flush(p->edge, &p->sock, &p->out, &n);
	p->updates -= (int64_t)n / 512;
	if (n) {
		p->active_ms = bw_loop_now_ms(p->edge->loop);
		*moved = true;
	}
	return io == IO_DONE || io == IO_WAIT;
}

/* A peer who does not take what we say is not listened to either: its frames would only make us say more. */
bool pump_read(struct h2_pump *p, bool *moved)
{
	size_t n;
	enum io io;

	*moved = false;
	if (wire_room(&p->out) == 0)
		return true;
	io = sock_read(&p->sock, p->edge->scratch, BLOCK_BYTES, &n);
	if (io == IO_WAIT)
		return true;
	if (io != IO_DONE)
		return false;
	*moved = true;
	p->active_ms = bw_loop_now_ms(p->edge->loop);
	return nghttp2_session_mem_recv(p->session, (const uint8_t *)p->edge->scratch, n) == (ssize_t)n;
}

/* ---- budgets ---- */

static void span_look(struct h2_pump *p)
{
	int64_t now = bw_loop_now_ms(p->edge->loop);

	if (now - p->span_ms < H2_SPAN_MS)
		return;
	p->span_ms = now;
	p->resets = p->control = 0;
	p->updates = 0;
}

void pump_spend(struct h2_pump *p, const nghttp2_frame *frame)
{
	span_look(p);
	switch (frame->hd.type) {
	case NGHTTP2_RST_STREAM:
		p->resets++;
		break;
	case NGHTTP2_PING:
	case NGHTTP2_SETTINGS:
	case NGHTTP2_PRIORITY:
		p->control++;
		break;
	case NGHTTP2_DATA:
		p->control += frame->hd.length == 0 && !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
		break;
	case NGHTTP2_WINDOW_UPDATE:
		p->updates++;
		break;
	default:
		break;
	}
	p->calm = p->calm || p->resets > H2_RESETS || p->control > H2_CONTROL || p->updates > H2_UPDATES;
}

/* ---- fields ---- */

bool field_fits(struct bw_str s, bool line)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' ? c != '\t' || line : c == 0x7f)
			return false;
		if (line && (c == ' ' || c >= 0x7f || c == '#'))
			return false;
	}
	return true;
}

nghttp2_nv field_make(struct bw_str name, struct bw_str value)
{
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name.p, (uint8_t *)(uintptr_t)value.p, name.n, value.n,
	    NGHTTP2_NV_FLAG_NONE};
}

/* Most messages have few: the array begins small, and doubles. */
struct bw_http_header *header_add(struct bw_arena *a, struct bw_http_header **v, size_t *count)
{
	size_t n = *count, room = n ? 2 * n : HEADERS_FIRST;
	struct bw_http_header *more;

	if (n == BW_HTTP_HEADERS_MAX)
		return NULL;
	if (!*v || (n && n % HEADERS_FIRST == 0 && (n & (n - 1)) == 0)) {
		more = BW_NEW_ARRAY(a, struct bw_http_header, room);
		if (n)
			memcpy(more, *v, n * sizeof *more);
		*v = more;
	}
	++*count;
	return *v + n;
}

/* Another value each time: in the table of HPACK it would only push out what comes again. */
static bool is_once(struct bw_str name)
{
	return bw_str_eq(name, BW_STR("x-amzn-trace-id"));
}

/* As HTTP/2 has it: mostly it is already. */
static struct bw_str name_lower(struct bw_arena *a, struct bw_str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] >= 'A' && name.p[i] <= 'Z')
			return bw_arena_lower(a, name);
	return name;
}

size_t fields_make(
    struct bw_arena *a, struct bw_str lines, bool (*skip)(struct bw_str name), nghttp2_nv *to, size_t max)
{
	size_t n = 0;

	while (lines.n && n < max) {
		struct bw_str line = bw_str_cut(&lines, '\n'), name;

		line.n -= line.n > 0;
		name = bw_str_cut(&line, ':');
		if (skip(name))
			continue;
		to[n] = field_make(name_lower(a, name), bw_str_trim(line));
		if (is_once(bw_str_make(to[n].name, to[n].namelen)))
			to[n].flags |= NGHTTP2_NV_FLAG_NO_INDEX;
		n++;
	}
	return n;
}

void field_put(struct bw_buf *lines, struct bw_str name, struct bw_str value)
{
	bw_buf_put(lines, name);
	bw_buf_put(lines, BW_STR(": "));
	bw_buf_put(lines, value);
	bw_buf_put(lines, BW_STR("\r\n"));
}
