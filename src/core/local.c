#include "core/edge_auth.h"
#include "core/guard.h"
#include "core/internal.h"
#include "core/sealed.h"

#include "base/version.h"
#include "codec/json.h"

/* The server's own paths: health for anybody, reset for loopback and ephemeral servers only. */

/* "127.0.0.1:4566", "[::1]", "localhost": with or without a port. */
static bool is_own_name(struct bw_str host)
{
	struct bw_str name = host;
	struct bw_address address;
	char text[BW_ADDRESS_TEXT_MAX + 8];
	size_t n = host.n < sizeof text - 2 ? host.n : 0;

	if (bw_address_parse(host, &address) == BW_OK)
		return bw_address_loopback(&address);
	memcpy(text, host.p, n);
	memcpy(text + n, ":1", 2);
	if (bw_address_parse(bw_str_make(text, n + 2), &address) == BW_OK)
		return bw_address_loopback(&address);
	name = bw_str_cut(&name, ':');
	return bw_str_eq_nocase(name, BW_STR("localhost")) ||
	       (name.n > 10 && bw_str_eq_nocase(bw_str_sub(name, name.n - 10, name.n), BW_STR(".localhost")));
}

bool local_peer(const struct bw_http_exchange *x)
{
	struct bw_str site = bw_http_header(x->request, BW_STR("sec-fetch-site"), NULL);

	return x->peer_loopback && is_own_name(x->request->host) &&
	       !bw_str_set(bw_http_header(x->request, BW_STR("origin"), NULL)) &&
	       (!bw_str_set(site) || bw_str_eq(site, BW_STR("none")));
}

static void answer(struct bw_http_exchange *x, int status, struct bw_str body)
{
	bw_http_respond(x, status, BW_STR("Content-Type: application/json\r\nCache-Control: no-store\r\n"), body, false);
}

static void health(struct bw_lane *lane, struct bw_http_exchange *x)
{
	struct bw_core *core = lane->core;
	struct bw_buf body;

	bw_buf_init(&body, 64 * 1024);
	bw_buf_printf(&body, "{\"status\":\"ok\",\"version\":\"%s\",\"account\":", bw_version);
	bw_json_put_str(&body, core->account);
	bw_buf_put(&body, BW_STR(",\"region\":"));
	bw_json_put_str(&body, core->region);
	bw_buf_printf(&body, ",\"ephemeral\":%s,\"enforcing\":true,\"uptime_s\":%lld,\"calls\":%llu,\"commits\":%llu",
	    core->ephemeral ? "true" : "false", (long long)((bw_clock_mono_ms() - core->started_ms) / 1000),
	    (unsigned long long)atomic_load(&core->calls), (unsigned long long)bw_store_seq(core->store));
	/* Names of interfaces, and how this server is made, are for this machine alone. */
	if (local_peer(x)) {
		bw_guard_health(core, &body);
		bw_processes_health(core->processes, &body);
	}
	bw_seal_health(core->seal, &body);
	rekeyer_health(core->rekeyer, &body);
	if (!core->ephemeral)
		anchored_health(core->anchored, &body);
	bw_buf_put(&body, BW_STR("}\n"));
	answer(x, 200, bw_buf_str(&body));
	bw_buf_free(&body);
}

static void reset(struct bw_lane *lane, struct bw_http_exchange *x)
{
	if (!lane->core->ephemeral || !x->peer_loopback)
		answer(x, 404, BW_STR("{\"message\":\"Only an ephemeral server can be reset, and only from loopback.\"}\n"));
	else if (!bw_str_eq(x->request->method, BW_STR("POST")))
		answer(x, 405, BW_STR("{\"message\":\"POST resets the server.\"}\n"));
	else if (!local_peer(x))
		answer(x, 403, BW_STR("{\"message\":\"Only under 127.0.0.1 or localhost, and not from a web page.\"}\n"));
	else if (bw_core_reset(lane->core) != BW_OK)
		answer(x, 500, BW_STR("{\"message\":\"The reset failed; the log says why.\"}\n"));
	else
		answer(x, 200, BW_STR("{\"status\":\"reset\"}\n"));
}

/* The public keys that applications verify a load balancer's word with (ALB User Guide, "User claims encoding and signature
 * verification"): at AWS's name, where it leads here, and at a path of our own. False: another request. */
static bool public_key(struct bw_lane *lane, struct bw_http_exchange *x)
{
	struct bw_str own = BW_STR("/_bulwark/elb-public-keys/"), path = x->request->path;
	bool there = bw_str_starts_nocase(x->request->host, BW_STR("public-keys.auth.elb."));
	struct bw_buf pem;

	if (!there && !bw_str_starts(path, own))
		return false;
	bw_buf_init(&pem, 4096);
	if (bw_edge_auth_public(lane->core->store, bw_str_sub(path, there ? 1 : own.n, path.n), bw_clock_wall_ms(), &pem) == BW_OK)
		bw_http_respond(x, 200, BW_STR("Content-Type: text/plain\r\n"), bw_buf_str(&pem), false);
	else
		answer(x, 404, BW_STR("{\"message\":\"No such key.\"}\n"));
	bw_buf_free(&pem);
	return true;
}

static const struct {
	struct bw_str path;
	void (*serve)(struct bw_lane *lane, struct bw_http_exchange *x);
} paths[] = {
    {{"/_bulwark/health", 16}, health},
    {{"/_bulwark/reset", 15}, reset},
    {{"/_bulwark/metrics", 17}, local_metrics},
    {{"/_bulwark/listeners", 19}, local_listeners},
    {{"/_bulwark/targets", 17}, local_targets},
};

bool local_request(struct bw_lane *lane, struct bw_http_exchange *x)
{
	if (public_key(lane, x))
		return true;
	if (!bw_str_starts(x->request->path, BW_STR("/_bulwark/")))
		return false;
	if (object_request(lane, x))
		return true;
	for (size_t i = 0; i < BW_COUNT(paths); i++)
		if (bw_str_eq(x->request->path, paths[i].path)) {
			paths[i].serve(lane, x);
			return true;
		}
	answer(x, 404, BW_STR("{\"message\":\"No such path. There is /_bulwark/health.\"}\n"));
	return true;
}
