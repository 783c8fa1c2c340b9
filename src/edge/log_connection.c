/* Connection logs in AWS's format (ALB User Guide, "Connection logs"): a line a connection, when its
 * handshake is over, or when it begins where there is none. */
#include "codec/time.h"
#include "edge/log.h"
#include "edge/tls.h"
#include "edge/worker.h"
#include "net/tls.h"

enum { LINE_MAX_BYTES = 4096 };

static void put_tls(
    const struct listening *l, struct ssl_st *tls, bool shaken, int64_t opened_ms, struct bw_buf *out)
{
	int64_t took = bw_loop_now_ms(l->edge->loop) - opened_ms;

	if (shaken)
		bw_buf_printf(out, " %.*s %.*s %lld.%03lld ", BW_FMT(bw_tls_version(tls)),
		    BW_FMT(bw_tls_cipher(tls)), (long long)(took / 1000), (long long)(took % 1000));
	else
		bw_buf_put(out, BW_STR(" - - - "));
}

void log_connection(const struct listening *l, struct ssl_st *tls, const struct bw_address *peer,
    int64_t opened_ms, uint64_t serial, bool shaken)
{
	const struct balancer *b = l->listener->balancer;
	char text[BW_ADDRESS_TEXT_MAX];
	struct bw_buf line;

	if (!b->connection_log || l->edge->shared->log_dir < 0)
		return;
	bw_buf_init(&line, LINE_MAX_BYTES);
	bw_time_put_iso8601_ms(edge_wall_ms(l->edge), &line);
	bw_buf_printf(&line, " %.*s %u %u", BW_FMT(bw_address_text(peer, text)), bw_address_port(peer),
	    bw_address_port(&l->address));
	put_tls(l, tls, shaken, opened_ms, &line);
	tls_log_client(l->listener, tls, shaken, &line);
	bw_buf_put_c(&line, ' ');
	log_put_connection(l->edge, serial, &line);
	bw_buf_printf(&line, " %s\n", shaken ? tls_key_exchange(tls) : "-");
	if (!line.failed)
		log_append(b->stats, &b->stats->connection_log, "conn_log.", bw_buf_str(&line));
	bw_buf_free(&line);
}
