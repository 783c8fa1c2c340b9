#include "core/sealed.h"

#include "aws/sigv4.h"
#include "aws/wire.h"
#include "base/sys.h"
#include "base/version.h"
#include "codec/json.h"
#include "codec/uuid.h"
#include "core/internal.h"
#include "keyer/seal_status.h"

enum { ARENA_MAX = 1 << 22 };

static void text_put(struct bw_buf *out, const char *name, struct bw_str value)
{
	bw_buf_printf(out, ",\"%s\":", name);
	bw_json_put_str(out, value);
}

void bw_seal_health(const struct bw_board *seal, struct bw_buf *out)
{
	struct bw_seal_status s;
	struct bw_arena arena;

	if (!seal)
		return;
	bw_arena_init(&arena, ARENA_MAX);
	if (bw_seal_status_read(seal, &arena, &s) == BW_OK) {
		bw_buf_printf(out, ",\"seal\":{\"sealed\":%s", s.sealed ? "true" : "false");
		text_put(out, "kind", s.kind);
		if (s.sealed && bw_str_set(s.asks)) {
			text_put(out, "asks", s.asks);
			bw_buf_printf(out, ",\"given\":%lld,\"wanted\":%lld", (long long)s.given, (long long)s.wanted);
		}
		bw_buf_printf(out, ",\"memory_locked\":%s", s.unlocked ? "false" : "true");
		if (s.shares)
			bw_buf_printf(out, ",\"shares\":%lld,\"threshold\":%lld", (long long)s.shares, (long long)s.wanted);
		if (!s.sealed)
			bw_buf_printf(out, ",\"generation\":%lld,\"rekey\":%s", (long long)s.newest,
			    s.rekey || s.oldest != s.newest ? "true" : "false");
		bw_buf_put(out, BW_STR("}"));
	}
	bw_arena_free(&arena);
}

static void health(const struct bw_sealed *s, struct bw_http_exchange *x)
{
	struct bw_buf body;

	bw_buf_init(&body, 64 * 1024);
	bw_buf_printf(&body, "{\"status\":\"sealed\",\"version\":\"%s\",\"region\":", bw_version);
	bw_json_put_str(&body, s->region);
	bw_buf_printf(&body, ",\"enforcing\":true,\"uptime_s\":%lld", (long long)((bw_clock_mono_ms() - s->started_ms) / 1000));
	bw_seal_health(s->seal, &body);
	if (local_peer(x))
		bw_processes_health(s->processes, &body);
	bw_buf_put(&body, BW_STR("}\n"));
	bw_http_respond(x, 200, BW_STR("Content-Type: application/json\r\nCache-Control: no-store\r\n"), bw_buf_str(&body), false);
	bw_buf_free(&body);
}

/* The signature's scope is read for the service's name, and not believed. */
static const struct bw_service *service_of(struct bw_http_exchange *x, struct bw_arena *arena)
{
	struct bw_sigv4 signature = {0};
	struct bw_sigv4_fault fault;
	struct bw_form form;
	struct bw_route route = {0};

	if (bw_sigv4_parse(x->request, arena, &signature, &fault) != BW_OK)
		signature = (struct bw_sigv4){0};
	if (bw_route_request(x->request, x->body, signature.service, arena, &form, &route) != BW_OK)
		return route.service;
	return route.service;
}

static void refuse(struct bw_http_exchange *x)
{
	struct bw_error_text e = {.code = BW_STR("ServiceUnavailable"), .status = 503,
	    .message = BW_STR("The server is sealed: its keys are not available until an operator has unsealed it.")};
	unsigned char random[16];
	struct bw_buf headers, body, id;
	const struct bw_service *service;
	struct bw_arena arena;

	bw_arena_init(&arena, ARENA_MAX);
	bw_buf_init(&headers, 64 * 1024);
	bw_buf_init(&body, 64 * 1024);
	bw_buf_init(&id, 64);
	bw_random(random, sizeof random);
	bw_uuid_put(random, &id);
	service = service_of(x, &arena);
	if (service && strcmp(service->name, "kms") == 0)
		e.code = BW_STR("KMSInvalidStateException");
	bw_error_encode(service, x->request, &e, bw_buf_str(&id), &headers, &body);
	bw_buf_put(&headers, BW_STR("Retry-After: 5\r\n"));
	bw_http_respond(x, e.status, bw_buf_str(&headers), bw_buf_str(&body), false);
	bw_buf_free(&headers);
	bw_buf_free(&body);
	bw_buf_free(&id);
	bw_arena_free(&arena);
}

void bw_sealed_request(void *ctx, struct bw_http_exchange *x)
{
	if (bw_str_eq(x->request->path, BW_STR("/_bulwark/health")))
		health(ctx, x);
	else
		refuse(x);
}
