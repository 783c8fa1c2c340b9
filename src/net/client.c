#include "net/client.h"

#include "base/buf.h"
#include "base/sys.h"
#include "net/peer.h"
#include "net/tls.h"

enum { ANSWER_MAX = (1 << 20) + 64 * 1024, READ_BYTES = 16 * 1024 };

/* Everything until the server closes: the request asks it to. */
static enum bw_err peer_read(struct peer *p, struct bw_buf *out)
{
	for (;;) {
		char *at = bw_buf_room(out, READ_BYTES);
		size_t n = 0;
		enum bw_err e;

		CHECK(at != NULL, BW_ETOOBIG);
		e = peer_read_some(p, at, READ_BYTES, &n);
		if (e == BW_ENOTFOUND)
			return BW_OK;
		TRY(e);
		out->n += n;
	}
}

static enum bw_err secure(struct peer *p, const struct bw_address *to, struct bw_str ca_pem)
{
	char text[BW_ADDRESS_TEXT_MAX];

	TRY(bw_tls_client_new(ca_pem, &p->ctx));
	return peer_secure(p, p->ctx, bw_address_text(to, text));
}

static enum bw_err exchange(struct peer *p, struct bw_str endpoint, struct bw_str path, struct bw_str ca_pem,
    struct bw_arena *arena, struct bw_buf *answer)
{
	bool tls = bw_str_starts(endpoint, BW_STR("https://"));
	struct bw_str host = bw_str_sub(endpoint, tls ? 8 : 7, endpoint.n);
	struct bw_address to;

	CHECK(tls || bw_str_starts(endpoint, BW_STR("http://")), BW_EINVAL);
	if (bw_str_ends(host, BW_STR("/")))
		host.n--;
	TRY(bw_address_parse(host, &to));
	TRY(peer_connect(p, &to));
	if (tls)
		TRY(secure(p, &to, ca_pem));
	TRY(peer_write(
	    p, bw_arena_printf(arena, "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\n\r\n",
	           BW_FMT(path), BW_FMT(host))));
	return peer_read(p, answer);
}

/* The body of an answer that came to its end: as long as its Content-Length says, which our servers always
 * send. */
static enum bw_err body_find(struct bw_str lines, struct bw_str rest, struct bw_str *body)
{
	struct bw_str line, name;
	int64_t n;

	while (bw_str_set(lines)) {
		line = bw_str_cut(&lines, '\n');
		name = bw_str_cut(&line, ':');
		if (!bw_str_eq_nocase(name, BW_STR("content-length")) || line.n == 0)
			continue;
		TRY(bw_str_to_i64(bw_str_trim(bw_str_sub(line, 0, line.n - 1)), 0, ANSWER_MAX, &n));
		CHECK((size_t)n == rest.n, BW_EINVAL);
		*body = rest;
		return BW_OK;
	}
	return BW_EINVAL;
}

static enum bw_err answer_parse(struct bw_str all, int *status, struct bw_str *body)
{
	const char *end = all.n ? memmem(all.p, all.n, "\r\n\r\n", 4) : NULL;
	struct bw_str head;
	int64_t code = 0;

	CHECK(end != NULL && bw_str_starts(all, BW_STR("HTTP/1.1 ")), BW_EINVAL);
	TRY(bw_str_to_i64(bw_str_sub(all, 9, 3), 200, 599, &code));
	head = bw_str_sub(all, 0, (size_t)(end - all.p) + 2);
	*status = (int)code;
	return body_find(head, bw_str_sub(all, head.n + 2, all.n), body);
}

enum bw_err bw_client_get(struct bw_str endpoint, struct bw_str path, struct bw_str ca_pem, int timeout_ms,
    struct bw_arena *arena, int *status, struct bw_str *body)
{
	struct peer p = {.fd = -1, .deadline_ms = bw_clock_mono_ms() + timeout_ms};
	struct bw_buf answer;
	struct bw_str all;
	enum bw_err e;

	bw_buf_init(&answer, ANSWER_MAX);
	e = exchange(&p, endpoint, path, ca_pem, arena, &answer);
	peer_close(&p);
	all = bw_arena_str(arena, bw_buf_str(&answer));
	bw_buf_free(&answer);
	CHECK(e != BW_EAGAIN && e != BW_EPERM, BW_EIO);
	TRY(e);
	return answer_parse(all, status, body);
}
