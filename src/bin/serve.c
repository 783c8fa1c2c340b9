#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "bin/anchor.h"
#include "bin/keyer.h"
#include "bin/outside.h"
#include "bin/program.h"
#include "bin/seal.h"
#include "edge/edge.h"
#include "guard/guard.h"
#include "net/authorities.h"
#include "net/tls.h"

enum { DRAIN_MS = 30000 };

static const struct option serve_options[] = {
    OPTION_DATA,
    OPTION_ROOT_KEY,
    OPTIONS_SEAL,
    OPTIONS_ANCHOR,
    {"listen", OPTION_MANY, "ADDR:PORT", "where to listen, HTTPS and on loopback HTTP too (default: 127.0.0.1:4566)"},
    {"account-id", OPTION_VALUE, "DIGITS", "the account of the first start (default: random)"},
    {"region", OPTION_VALUE, "REGION", "the Region of unsigned calls and of the credentials file (default: us-east-1)"},
    {"ephemeral", OPTION_FLAG, NULL, "state in memory, loopback only, POST /_bulwark/reset starts over: for tests"},
    {"tls-cert", OPTION_VALUE, "FILE", "serve this PEM certificate (chain) instead of one of the server's own CA"},
    {"tls-key", OPTION_VALUE, "FILE", "its key; both are read again on SIGHUP"},
    {"quota", OPTION_MANY, "NAME=VALUE", "another value for a quota, such as iam-users=20000"},
    {"edge-pool", OPTION_VALUE, "CIDR", "addresses of load balancers, one each (default: 127.66.0.0/16)"},
    {"edge-address", OPTION_VALUE, "ADDR", "one address for all load balancers instead"},
    {"edge-loops", OPTION_VALUE, "N", "processes that serve load balancers, one loop each (default: the number of cores, at most 32)"},
    {"instance", OPTION_MANY, "ID=ADDR", "the address that an instance id stands for as a target: i-0123456789abcdef0=10.0.0.8"},
    {"guard", OPTION_MANY, "[NS/]IFACE=GROUPS", "enforce security groups at an interface: eth0=sg-..., blue/eth0=eni-..., *=sg-...,sg-..."},
    {"preserve-client-ip", OPTION_FLAG, NULL, "let targets see their clients' addresses where target groups ask for it; takes CAP_NET_ADMIN"},
    {"idp-ca", OPTION_VALUE, "FILE", "authorities that certificates of identity providers may come from, beside the system's (PEM)"},
    {"cognito-url", OPTION_VALUE, "URL", "the provider that stands in for Cognito's user pools (default: at AWS's names)"},
    {"cognito-clients", OPTION_VALUE, "FILE", "secrets of user pools' clients: ID SECRET in each line"},
    {"idp-host", OPTION_MANY, "HOST", "an identity provider that load balancers may speak to (default: any)"},
    OPTIONS_OUTSIDE,
    {"trail-keep-days", OPTION_VALUE, "N", "remove audit records older than N days (default: keep for ever)"},
    {"loops", OPTION_VALUE, "N", "event loops (default: the number of cores, at most 8)"},
    {"rehearse", OPTION_FLAG, NULL, "say whether this program could go on with what a running one leaves it, and end: an upgrade asks so"},
    {"log-level", OPTION_VALUE, "LEVEL", "error, warn, info or debug (default: info)"},
};

/* Boards are made before the processes that meet at them. */
static enum bw_err guard_boards_open(struct api *api, struct bw_guard *guard, struct bw_edge *edge)
{
	*guard = (struct bw_guard){.config = &api->core.guard};
	if (!api->core.guard.count && !api->core.guard.origins)
		return BW_OK;
	if (api->core.guard.origins) {
		TRY(bw_errand_channels_make("origins", edge->reports.n, &guard->origins));
		edge->origins = &guard->origins;
	}
	TRY(bw_board_new("guard-images", BW_GUARD_IMAGE_MAX, &guard->images));
	TRY(bw_board_new("guard-reports", BW_GUARD_REPORT_MAX, &guard->reports));
	api->core.guard_images = guard->images;
	api->core.guard_reports = guard->reports;
	return BW_OK;
}

/* Whoever started us, unless that is root: then a user who owns nothing. Looked up once, which may mean asking a directory, and
 * when a process of his is about to start. */
static const char *nobody_user(void)
{
	static const char *user;

	if (geteuid() != 0)
		return NULL;
	if (!user)
		user = getpwnam("bulwark-edge") ? "bulwark-edge" : "nobody";
	return user;
}

static int logs_fd = -1;

/* The folder of the access logs is the edge's alone: it becomes his when the first edge starts. */
static const char *edge_user(void)
{
	static bool given;
	const char *user = nobody_user();
	const struct passwd *found = user && logs_fd >= 0 && !given ? getpwnam(user) : NULL;

	if (found && fchown(logs_fd, found->pw_uid, found->pw_gid) != 0)
		bw_log(BW_LOG_WARN, "no access logs of load balancers: their folder cannot become %s's: %s", user, strerror(errno));
	given = true;
	return user;
}

/* Its descriptor is all of the file system that the edge is given. */
static int logs_open(const struct place *place, struct bw_edge *edge)
{
	char path[4096];

	(void)snprintf(path, sizeof path, "%.*s/edge-logs", BW_FMT(place->data));
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return -1;
	edge->log_dir = logs_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return edge->log_dir;
}

/* What load balancers may listen on: the parent opens nothing else for the edge. */
static struct bw_cidr edge_place(const struct bw_edge_config *config)
{
	struct bw_cidr one;

	return bw_str_set(config->address) && bw_cidr_address(config->address, &one) == BW_OK ? one : config->pool;
}

/* Of all addresses, or one of IPv4 that is written as one of IPv6. */
static bool address_is_any(const struct bw_address *a)
{
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == INADDR_ANY;
	return IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr) || IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr);
}

/* No target may be one of these: the API answers in clear to whoever connects from this machine. */
static void own_note(const struct api *api, struct bw_arena *arena, struct bw_edge_config *out)
{
	for (size_t i = 0; i < api->listen_count; i++) {
		struct bw_address address;
		struct bw_str at = BW_STR("*");
		struct bw_cidr one;
		char text[BW_ADDRESS_TEXT_MAX];

		MUST(bw_address_parse(api->listen[i], &address) == BW_OK);
		if (bw_cidr_address(bw_address_text(&address, text), &one) == BW_OK && !address_is_any(&address))
			at = bw_cidr_address_text(arena, &one);
		bw_strs_add(&out->own, arena, bw_arena_printf(arena, "%.*s %u", BW_FMT(at), bw_address_port(&address)));
	}
}

static int edge_prepare(const struct parsed *p, struct bw_edge *edge, struct api *api, const struct place *place)
{
	const char *asked = option_get(p, "edge-loops");
	struct bw_cidr at = edge_place(&api->core.edge);
	int64_t n = sysconf(_SC_NPROCESSORS_ONLN);

	if (asked && bw_str_to_i64(bw_str_c(asked), 1, BW_EDGE_LOOPS_MAX, &n) != BW_OK)
		return command_refuse(p, "--edge-loops %s is not a number from 1 to %d", asked, BW_EDGE_LOOPS_MAX);
	if (bw_edge_make((unsigned)(n < 1 ? 1 : n > BW_EDGE_LOOPS_MAX ? BW_EDGE_LOOPS_MAX : n), &at, edge) != BW_OK)
		return 1;
	own_note(api, &api->place->arena, &api->core.edge);
	if (logs_open(place, edge) < 0)
		bw_log(BW_LOG_WARN, "no access logs of load balancers: %.*s/edge-logs: %s", BW_FMT(place->data), strerror(errno));
	api->core.edge_images = edge->images;
	api->core.edge_reports = &edge->reports;
	return 0;
}

static struct keyer_process keyer;
static struct bw_helper helper;
static struct bw_outside outside;
static struct anchor_process anchor;
static struct bw_guard guard;
static const struct api *served;

/* The API's sockets are the api's alone, and so is the root user's key, which stands in the environment that all inherit. */
static void api_forget(void)
{
	bw_wipe((void *)(uintptr_t)served->core.root_secret.p, served->core.root_secret.n);
	for (unsigned i = 0; i < served->loops; i++)
		for (size_t k = 0; k < served->listen_count; k++)
			close(served->fds[i][k]);
}

/* What the guard is told, and tells, is its own and the api's: whoever could write there would rule the network. */
static void guard_forget(void)
{
	bw_board_free(guard.images);
	bw_board_free(guard.reports);
}

static int keyer_main(const struct bw_proc_self *self)
{
	api_forget();
	return keyer_run(self);
}

/* Every process but the keyer, the helper and the outside forgets what it inherited for them. */
static int api_main(const struct bw_proc_self *self)
{
	keyer_forget(&keyer, true);
	bw_errand_channels_forget(&helper.channels, BW_ERRAND_NOBODY);
	bw_errand_channels_forget(&outside.channels, BW_ERRAND_EVERYBODY);
	bw_errand_channels_forget(&guard.origins, BW_ERRAND_NOBODY);
	anchor_forget(&anchor, true);
	return api_run(self);
}

static int edge_main(const struct bw_proc_self *self)
{
	keyer_forget(&keyer, false);
	bw_errand_channels_forget(&helper.channels, (int)bw_edge_seat(self));
	bw_errand_channels_forget(&outside.channels, BW_ERRAND_NOBODY);
	bw_errand_channels_forget(&guard.origins, (int)bw_edge_seat(self));
	anchor_forget(&anchor, false);
	guard_forget();
	api_forget();
	return bw_edge_run(self);
}

/* Of what is memory, it keeps neither the key of an ephemeral server nor the edge's images, which hold keys too. */
static int helper_main(const struct bw_proc_self *self)
{
	const struct bw_proc_self own = {.channel = self->channel, .ctx = &helper};

	keyer_forget(&keyer, false);
	bw_errand_channels_forget(&outside.channels, BW_ERRAND_NOBODY);
	bw_errand_channels_forget(&guard.origins, BW_ERRAND_NOBODY);
	anchor_forget(&anchor, false);
	guard_forget();
	api_forget();
	bw_edge_free(self->ctx);
	return bw_helper_run(&own);
}

/* What is read here, the helper could not: it is another user by then. */
static enum bw_err helper_prepare(const struct parsed *p, struct place *place, struct bw_edge *edge)
{
	const char *authorities = option_get(p, "idp-ca");
	struct ssl_ctx_st *trust;

	TRY(bw_errand_channels_make("helper", edge->reports.n, &helper.channels));
	if (authorities) {
		TRY(file_read(authorities, BW_AUTHORITIES_MAX, &place->arena, &helper.ca_pem));
		TRY(bw_tls_client_new(helper.ca_pem, &trust));
		bw_tls_free(trust);
	}
	helper.hosts = option_all(p, "idp-host");
	edge->helper = &helper;
	return BW_OK;
}

/* It loads code of others: nothing of ours stays in its memory. */
static int outside_main(const struct bw_proc_self *self)
{
	const struct bw_proc_self own = {.channel = self->channel, .ctx = &outside};

	keyer_forget(&keyer, false);
	anchor_forget(&anchor, false);
	bw_errand_channels_forget(&helper.channels, BW_ERRAND_NOBODY);
	bw_errand_channels_forget(&guard.origins, BW_ERRAND_NOBODY);
	guard_forget();
	api_forget();
	bw_edge_free(self->ctx);
	return bw_outside_run(&own);
}

/* Tokens belong to whoever started us; without any, nothing but the network is asked for. */
static const char *outside_user(void)
{
	return outside.config.token_count ? NULL : nobody_user();
}

/* It has the TPM's library, or waits for another machine's disk: it keeps nothing. */
static int anchor_main(const struct bw_proc_self *self)
{
	const struct bw_proc_self own = {.channel = self->channel, .ctx = &anchor};

	keyer_forget(&keyer, false);
	bw_errand_channels_forget(&helper.channels, BW_ERRAND_NOBODY);
	bw_errand_channels_forget(&outside.channels, BW_ERRAND_NOBODY);
	bw_errand_channels_forget(&guard.origins, BW_ERRAND_NOBODY);
	guard_forget();
	api_forget();
	bw_edge_free(self->ctx);
	close(anchor.asker);
	return anchor_run(&own);
}

/* The guard has power over the network: it keeps nothing of those that speak on it, neither their sockets nor the edge's
 * images, which hold keys. */
static int guard_main(const struct bw_proc_self *self)
{
	const struct bw_proc_self own = {.channel = self->channel, .ctx = &guard};

	keyer_forget(&keyer, false);
	bw_errand_channels_forget(&helper.channels, BW_ERRAND_NOBODY);
	bw_errand_channels_forget(&outside.channels, BW_ERRAND_NOBODY);
	anchor_forget(&anchor, false);
	bw_edge_free(self->ctx);
	api_forget();
	for (size_t i = 0; i < guard.origins.count; i++)
		close(guard.origins.asking[i]);
	return bw_guard_run(&own);
}

static int serve_run(const struct parsed *p)
{
	struct api api;
	static struct place place;
	static struct bw_edge edge;
	/* The keyer first: the api asks it; the helper before the edge, which asks that one. */
	struct bw_proc_row rows[BW_PROC_ROWS_MAX] = {
	    {.title = "keyer", .run = keyer_main, .ctx = &keyer, .may_send = 1u << BW_PROC_READY | 1u << BW_PROC_UPGRADE, .outlives = true,
	        .succeeded = true},
	    {.title = "helper", .run = helper_main, .ctx = &edge, .may_send = 1u << BW_PROC_READY, .needed_by = helper.channels.serving,
	        .outlives = true, .user = nobody_user},
	    {.title = "outside", .run = outside_main, .ctx = &edge, .may_send = 1u << BW_PROC_READY,
	        .needed_by = outside.channels.serving, .outlives = true, .user = outside_user},
	    {.title = "api", .run = api_main, .ctx = &api, .may_send = 1u << BW_PROC_READY},
	};
	struct bw_secret root = {0};
	struct bw_proc_program program;
	bool taken;
	int refused, status;
	struct bw_proc_row guard_row = {.title = "guard", .run = guard_main, .ctx = &edge, .may_send = 1u << BW_PROC_READY};
	const struct bw_proc_row anchor_row = {.title = "anchor", .run = anchor_main, .ctx = &edge, .may_send = 1u << BW_PROC_READY, .outlives = true};
	size_t count = 4;

	served = &api;
	umask(077);
	if ((refused = program_begin(p, &program, &taken)) || (refused = api_prepare(p, &api, &place)) ||
	    (refused = listen_open(p, &api)) || (refused = edge_prepare(p, &edge, &api, &place)) ||
	    (refused = outside_prepare(p, &place, api.loops, &outside)) || (refused = anchor_choose(p, &place, &anchor)))
		return refused;
	/* A keyer that has its root key need not find it again. */
	if (!api.core.ephemeral && !taken && (refused = seal_ready(p, &place, &root)))
		return refused;
	if (helper_prepare(p, &place, &edge) != BW_OK || guard_boards_open(&api, &guard, &edge) != BW_OK ||
	    keyer_prepare(&keyer, &place, &root, api.core.ephemeral, api.loops) != BW_OK)
		return 1;
	rows[1].needed_count = helper.channels.count;
	rows[2].needed_count = outside.channels.count;
	api.core.keyer_channels = keyer.channels;
	api.core.outside_channels = outside.channels.asking;
	api.core.seal = keyer.status;
	api.core.seal_place = (struct bw_seal_place){seal_read, seal_write, &place};
	api.core.anchor = anchor_of(&anchor);
	/* Connections that drain still need their way back. */
	guard_row.outlives = api.core.guard.origins;
	if (guard.images)
		rows[count++] = guard_row;
	if (anchor.place)
		rows[count++] = anchor_row;
	bw_edge_rows(&edge, edge_user, edge_main, rows + count);
	status = bw_proc_run(rows, count + edge.loops, DRAIN_MS, &program);
	bw_board_free(guard.images);
	bw_board_free(guard.reports);
	bw_edge_free(&edge);
	return status;
}

const struct command command_serve = {.name = "serve", .arguments = "", .summary = "serve AWS's API",
    .about = "Serves AWS's API to every AWS client; what is not built answers a clear NotImplemented ('bulwark coverage'). The first start makes an administrator "
             "with an access key\nand a root user with a one-time password. SIGTERM drains, SIGHUP reloads, SIGUSR2 goes on as the program\nthat the file is now ('bulwark upgrade').\n\nIn the environment of "
             "the first start, BULWARK_ROOT_ACCESS_KEY_ID and BULWARK_ROOT_SECRET_ACCESS_KEY give the root user\na known access "
             "key.\n\nExamples:\n  bulwark serve --data ./data\n  bulwark serve --ephemeral --account-id 123456789012\n  bulwark serve "
             "--listen 0.0.0.0:4566 --listen [::1]:4566",
    .options = serve_options, .option_count = BW_COUNT(serve_options), .run = serve_run};
const struct command command_init = {.name = "init", .arguments = "", .summary = "make the first account without serving",
    .about = "Does what the first start of 'serve' does and ends: the store, the root key, the administrator.",
    .options = serve_options, .option_count = BW_COUNT(serve_options), .run = init_run};
const struct command command_accept = {.name = "accept", .arguments = "", .summary = "say that a data folder that was put back is the one",
    .about = "Binds the data folder to the anchor that --anchor names, wherever the two stand, and gives an anchor up when there is no\n"
             "--anchor. After a restore or a move that is meant: whatever was deleted or revoked since the copy was made holds again. No server\n"
             "may be running on it.\n\nExamples:\n  bulwark restore /mnt/backup/monday && bulwark accept --anchor tpm2\n  bulwark accept",
    .options = serve_options, .option_count = BW_COUNT(serve_options), .run = accept_run};
