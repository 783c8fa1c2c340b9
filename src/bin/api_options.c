/* What the options that a server and its first start share come to. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/sys.h"
#include "bin/api.h"
#include "guard/guard.h"
#include "net/fetch.h"

enum { CLIENTS_MAX = 1 << 20, TRAIL_KEEP_DAYS_MAX = 36500, QUOTA_NAMES_MAX = 64 << 10 };

static bool all_digits(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789") == n;
}

static int log_level_set(const struct parsed *p)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	const char *level = option_get(p, "log-level");

	for (size_t i = 0; level && i < BW_COUNT(names); i++)
		if (strcmp(level, names[i]) == 0) {
			bw_log_level_set((enum bw_log_level)i);
			return 0;
		}
	return level ? command_refuse(p, "--log-level %s is not one of error, warn, info, debug", level) : 0;
}

static int trail_keep_choose(const struct parsed *p, struct api *api)
{
	const char *asked = option_get(p, "trail-keep-days");
	int64_t days = 0;

	if (asked && bw_str_to_i64(bw_str_c(asked), 1, TRAIL_KEEP_DAYS_MAX, &days) != BW_OK)
		return command_refuse(p, "--trail-keep-days %s is not a number from 1 to %d", asked, TRAIL_KEEP_DAYS_MAX);
	api->core.trail_keep_days = (unsigned)days;
	return 0;
}

static int loops_choose(const struct parsed *p, struct api *api)
{
	const char *asked = option_get(p, "loops");
	int64_t n = sysconf(_SC_NPROCESSORS_ONLN);

	if (asked && bw_str_to_i64(bw_str_c(asked), 1, LOOPS_MAX, &n) != BW_OK)
		return command_refuse(p, "--loops %s is not a number from 1 to %d", asked, LOOPS_MAX);
	api->loops = (unsigned)(n < 1 ? 1 : n > LOOPS_MAX ? LOOPS_MAX : n);
	api->core.lanes = api->loops;
	return 0;
}

/* A known root key, as CI setups want it. Short ones, such as "test", only where the state is thrown away. */
static int root_key_choose(const struct parsed *p, struct api *api)
{
	struct bw_str id = bw_str_c(getenv("BULWARK_ROOT_ACCESS_KEY_ID"));
	struct bw_str secret = bw_str_c(getenv("BULWARK_ROOT_SECRET_ACCESS_KEY"));
	size_t id_min = api->core.ephemeral ? 1 : 16, secret_min = api->core.ephemeral ? 1 : 32;

	if (!id.n && !secret.n)
		return 0;
	if (!id.n || !secret.n)
		return command_refuse(p, "BULWARK_ROOT_ACCESS_KEY_ID and BULWARK_ROOT_SECRET_ACCESS_KEY go together");
	for (size_t i = 0; i < id.n; i++)
		if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'A' && id.p[i] <= 'Z') ||
		        (id.p[i] >= 'a' && id.p[i] <= 'z') || id.p[i] == '_'))
			return command_refuse(p, "BULWARK_ROOT_ACCESS_KEY_ID has other characters than letters, digits and _");
	if (id.n < id_min || id.n > 128 || secret.n < secret_min || secret.n > 128)
		return command_refuse(p, "the root access key has %zu to 128 characters and its secret %zu to 128", id_min, secret_min);
	api->core.root_key_id = id;
	api->core.root_secret = secret;
	return 0;
}

static int quotas_choose(const struct parsed *p, struct api *api)
{
	struct bw_buf names;
	int refused = 0;

	api->core.quotas = option_all(p, "quota");
	bw_buf_init(&names, QUOTA_NAMES_MAX);
	for (const char *const *quota = api->core.quotas; !refused && *quota; quota++)
		if (!bw_quota_fits(*quota, &names))
			refused = command_refuse(p, "--quota %s is not NAME=NUMBER with one of these names:%.*s", *quota, BW_FMT(bw_buf_str(&names)));
	bw_buf_free(&names);
	return refused;
}

static int account_choose(const struct parsed *p, struct api *api)
{
	const char *account = option_get(p, "account-id"), *region = option_get(p, "region");

	if (!option_get(p, "tls-cert") != !option_get(p, "tls-key"))
		return command_refuse(p, "--tls-cert and --tls-key go together");
	if (account && !all_digits(account, 12))
		return command_refuse(p, "--account-id %s is not 12 digits", account);
	if (region && (strlen(region) > 30 || strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(region) || !*region))
		return command_refuse(p, "--region %s is not the name of a Region", region);
	api->core.account = bw_str_c(account);
	api->core.region = bw_str_c(region);
	return 0;
}

static int edge_choose(const struct parsed *p, struct api *api, struct place *place)
{
	const char *wrong;

	if (option_get(p, "edge-pool") && option_get(p, "edge-address"))
		return command_refuse(p, "--edge-pool and --edge-address exclude each other");
	if (bw_edge_config_parse(option_get(p, "edge-pool"), option_get(p, "edge-address"), option_all(p, "instance"), &place->arena,
	        &api->core.edge, &wrong) != BW_OK)
		return command_refuse(
		    p, "%s: --edge-pool takes an IPv4 network of /8 to /30, --edge-address an address, --instance i-ID=ADDRESS", wrong);
	return 0;
}

/* "ID SECRET" in each line. */
static bool clients_read(const char *path, struct bw_arena *arena, struct bw_pairs *out)
{
	struct bw_str text, line, id;

	if (file_read(path, CLIENTS_MAX, arena, &text) != BW_OK)
		return false;
	while (bw_str_set(text)) {
		line = bw_str_cut(&text, '\n');
		id = bw_str_cut(&line, ' ');
		if (id.n && line.n)
			bw_pairs_set(out, arena, id, line);
		else if (id.n)
			return false;
	}
	return true;
}

static int cognito_choose(const struct parsed *p, struct api *api, struct place *place)
{
	const char *url = option_get(p, "cognito-url"), *clients = option_get(p, "cognito-clients");
	struct bw_edge_config *edge = &api->core.edge;
	struct bw_url parts;

	if (url && (bw_url_parse(bw_str_c(url), &parts) != BW_OK || bw_str_ends(bw_str_c(url), BW_STR("/"))))
		return command_refuse(p, "--cognito-url %s is not https://HOST or https://HOST/PATH", url);
	if (clients && !clients_read(clients, &place->arena, &edge->cognito_clients))
		return command_refuse(p, "--cognito-clients %s: not a file with ID SECRET in each line", clients);
	edge->cognito_url = bw_str_c(url);
	return 0;
}

static int guard_choose(const struct parsed *p, struct api *api, struct place *place)
{
	const char *wrong, *why;

	if (bw_guard_parse(option_all(p, "guard"), &place->arena, &api->core.guard, &wrong, &why) != BW_OK)
		return command_refuse(p, "--guard %s: %s", wrong, why);
	api->core.guard.origins = option_get(p, "preserve-client-ip") != NULL;
	return 0;
}

int api_prepare(const struct parsed *p, struct api *api, struct place *place)
{
	int refused;

	if (p->rest_count)
		return command_refuse(p, "'%s' is not an option", p->rest[0]);
	*api = (struct api){.options = p, .place = place};
	api->core.ephemeral = option_get(p, "ephemeral") != NULL;
	if ((refused = log_level_set(p)) || (refused = loops_choose(p, api)) || (refused = account_choose(p, api)) || (refused = quotas_choose(p, api)) ||
	    (refused = trail_keep_choose(p, api)) || (refused = root_key_choose(p, api)))
		return refused;
	if (!place_find(p, true, place))
		return 1;
	if ((refused = edge_choose(p, api, place)) || (refused = cognito_choose(p, api, place)) || (refused = guard_choose(p, api, place)))
		return refused;
	api->core.data_dir = place->data;
	if (api->core.ephemeral && option_get(p, "seal"))
		return command_refuse(p, "an ephemeral server's keys die with it: --seal is for a data folder");
	if (api->core.ephemeral && option_get(p, "anchor"))
		return command_refuse(p, "an ephemeral server's data dies with it: --anchor is for a data folder");
	return 0;
}
