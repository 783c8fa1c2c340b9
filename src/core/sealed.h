/* What a server answers while it is sealed. Its store is, too, and with it every credential: nobody can be authenticated, so that
 * every call of every service is refused alike, before it is looked at. */
#pragma once

#include "base/buf.h"
#include "net/http.h"
#include "proc/board.h"

struct bw_proc_table;

struct bw_sealed {
	const struct bw_board *seal; /* keyer/seal_status.h */
	struct bw_str region;
	int64_t started_ms;
	const struct bw_proc_table *processes;
};

/* The HTTP server's callback. ctx: struct bw_sealed. Health is answered 200 with the state of the seal, and everything else 503 in
 * the form of the service that is asked: KMSInvalidStateException by KMS, ServiceUnavailable by the others. */
void bw_sealed_request(void *ctx, struct bw_http_exchange *x);
/* ,"seal":{...} as health shows it. */
void bw_seal_health(const struct bw_board *seal, struct bw_buf *out);
/* ,"processes":[...],"upgrades":{...}, for this machine alone. */
void bw_processes_health(const struct bw_proc_table *t, struct bw_buf *out);
