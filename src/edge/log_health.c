/* Health check logs in AWS's format (ALB User Guide, "Health check logs"): a line a check. */
#include "base/sys.h"
#include "codec/time.h"
#include "edge/group.h"
#include "edge/log.h"
#include "edge/probe.h"

enum { LINE_MAX_BYTES = 1024 };

void log_health(const struct probe *p, const char *failure)
{
	const struct group *g = p->target->group;
	struct stats *s = g->balancer_stats;
	int64_t took_us = bw_clock_mono_us() - p->began_us;
	char text[BW_ADDRESS_TEXT_MAX];
	const struct bw_address *a = &p->target->address;
	struct bw_buf line;

	if (!s || !s->health_logged || g->edge->shared->log_dir < 0)
		return;
	bw_buf_init(&line, LINE_MAX_BYTES);
	bw_buf_printf(&line, "%s ", g->grpc ? "grpc" : g->http2 ? "h2" : p->https ? "https" : "http");
	bw_time_put_iso8601_ms(edge_wall_ms(g->edge) - took_us / 1000, &line);
	bw_buf_printf(&line, " %lld.%06lld000 %.*s:%u %.*s %s ", (long long)(took_us / 1000000),
	    (long long)(took_us % 1000000), BW_FMT(bw_address_text(a, text)), bw_address_port(a),
	    BW_FMT(g->in.name), failure ? "FAIL" : "PASS");
	if (p->code >= 0)
		bw_buf_printf(&line, "%d ", p->code);
	else
		bw_buf_put(&line, BW_STR("- "));
	bw_buf_printf(&line, "%s\n", failure ? failure : "-");
	if (!line.failed)
		log_append(s, &s->health_log, "health_check_log.", bw_buf_str(&line));
	bw_buf_free(&line);
}
