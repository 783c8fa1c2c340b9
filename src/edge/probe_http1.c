/* A health check over HTTP/1.1: the status of the first head that comes and is not an interim one. */
#include <stdio.h>

#include "edge/group.h"
#include "edge/probe.h"

enum { ANSWER_MAX = 8 * 1024 };

/* As for any answer, ANSWER_INTERIMS at most may come before it. */
static enum bw_err final_head(const struct probe *p, struct bw_http_response *r)
{
	struct bw_str bytes = bw_str_make(p->answer, p->got);
	size_t head_n;

	for (int interims = 0; interims <= ANSWER_INTERIMS; interims++) {
		TRY(bw_http_parse_response(bytes, r, &head_n));
		if (r->status >= 200 || r->status == 101)
			return BW_OK;
		bytes = bw_str_sub(bytes, head_n, bytes.n);
	}
	return BW_EQUOTA;
}

static void read_some(struct probe *p)
{
	struct bw_http_response *r = &p->pump.edge->response;
	size_t n;
	enum io io;

	for (;;) {
		enum bw_err e;

		io = sock_read(&p->pump.sock, p->answer + p->got, ANSWER_MAX - p->got, &n);
		if (io == IO_WAIT)
			return;
		p->got += n;
		e = final_head(p, r);
		if (e == BW_OK) {
			probe_judge(p, r->status);
			return;
		}
		if (io != IO_DONE || (e != BW_OK && e != BW_EAGAIN) || p->got == ANSWER_MAX) {
			probe_refuse(p);
			return;
		}
	}
}

static void begin(struct probe *p)
{
	struct bw_str path = p->target->group->in.health_path;
	char request[1536];

	(void)snprintf(request, sizeof request,
	    "GET %.*s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nUser-Agent: ELB-HealthChecker/2.0\r\n"
	    "Accept-Encoding: gzip, compressed\r\n\r\n",
	    BW_FMT(path.n && path.n <= 1024 ? path : BW_STR("/")), p->host);
	p->got = 0;
	p->answer = bw_realloc(NULL, ANSWER_MAX);
	(void)wire_put(p->pump.edge, &p->pump.out, bw_str_c(request));
}

static void step(struct probe *p)
{
	size_t moved;
	enum io io = sock_flush(p->pump.edge, &p->pump.sock, &p->pump.out, &moved);

	if (io == IO_FAIL || io == IO_END)
		probe_refuse(p);
	else if (io == IO_DONE)
		read_some(p);
}

const struct probe_ops probe_http1 = {begin, step};
