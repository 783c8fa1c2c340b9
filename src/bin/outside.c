#include "bin/outside.h"

#include "base/sys.h"
#include "net/authorities.h"
#include "net/tls.h"

enum {
	TIMEOUT_MS =
	    250, /* AWS KMS Developer Guide, "External key stores": the timeout of a request to a proxy */
	TIMEOUT_MAX_MS = 10000,
	CERT_MAX = 64 << 10,
};

static int hosts_parse(
    const struct parsed *p, const char *option, enum bw_outside_op op, struct bw_outside_config *c)
{
	for (const char *const *o = option_all(p, option); *o; o++) {
		struct bw_str address = bw_str_c(*o), name = bw_str_cut(&address, '=');

		if (c->host_count == BW_OUTSIDE_HOSTS_MAX)
			return command_refuse(p, "more than %d hosts", BW_OUTSIDE_HOSTS_MAX);
		if (!name.n || !bw_str_set(address) ||
		    bw_address_parse(address, &c->hosts[c->host_count].address) != BW_OK)
			return command_refuse(p, "--%s %s is not NAME=ADDRESS:PORT", option, *o);
		c->hosts[c->host_count].op = op;
		c->hosts[c->host_count++].name = name;
	}
	return 0;
}

static int cluster_parse(
    const struct parsed *p, const char *option, struct bw_arena *a, struct bw_outside_config *c)
{
	struct bw_str rest = bw_str_c(option), cluster = bw_str_cut(&rest, '='),
	              module = bw_str_cut(&rest, ','), label = bw_str_cut(&rest, ',');

	if (c->token_count == BW_OUTSIDE_TOKENS_MAX)
		return command_refuse(p, "more than %d --cloudhsm", BW_OUTSIDE_TOKENS_MAX);
	if (!bw_str_starts(cluster, BW_STR("cluster-")) || !module.n || module.p[0] != '/' || !label.n)
		return command_refuse(p, "--cloudhsm %s is not cluster-ID=/MODULE,TOKEN[,CERT]", option);
	for (size_t i = 0; i < c->token_count; i++)
		if (bw_str_eq(c->tokens[i].cluster, cluster))
			return command_refuse(
			    p, "--cloudhsm %s: there is a token for the cluster already", option);
	if (bw_str_set(rest) && file_read(rest.p, CERT_MAX, a, &c->tokens[c->token_count].trust_pem) != BW_OK)
		return command_refuse(p, "--cloudhsm %s: %s cannot be read", option, rest.p);
	c->tokens[c->token_count].cluster = cluster;
	c->tokens[c->token_count].module = module;
	c->tokens[c->token_count++].label = label;
	return 0;
}

static int authorities_read(const struct parsed *p, const char *option, struct bw_arena *a, struct bw_str *pem)
{
	const char *given = option_get(p, option);
	struct ssl_ctx_st *trust;

	if (!given)
		return 0;
	if (file_read(given, BW_AUTHORITIES_MAX, a, pem) != BW_OK || bw_tls_client_new(*pem, &trust) != BW_OK)
		return command_refuse(p, "--%s %s cannot be read", option, given);
	bw_tls_free(trust);
	return 0;
}

static int options_read(const struct parsed *p, struct bw_arena *a, struct bw_outside_config *c)
{
	const char *timeout = option_get(p, "xks-timeout");
	int refused = hosts_parse(p, "xks-host", BW_OUTSIDE_HTTPS, c);

	if (!refused)
		refused = hosts_parse(p, "idp-address", BW_OUTSIDE_FETCH, c);
	c->timeout_ms = TIMEOUT_MS;
	if (!refused && timeout &&
	    bw_str_to_i64(bw_str_c(timeout), 1, TIMEOUT_MAX_MS, &c->timeout_ms) != BW_OK)
		refused = command_refuse(
		    p, "--xks-timeout %s is not a number from 1 to %d", timeout, TIMEOUT_MAX_MS);
	for (const char *const *o = option_all(p, "cloudhsm"); !refused && *o; o++)
		refused = cluster_parse(p, *o, a, c);
	if (!refused)
		refused = authorities_read(p, "xks-ca", a, &c->ca_pem);
	return refused ? refused : authorities_read(p, "idp-ca", a, &c->idp_ca_pem);
}

int outside_prepare(const struct parsed *p, struct place *place, size_t loops, struct bw_outside *o)
{
	int refused = options_read(p, &place->arena, &o->config);

	return refused ? refused : bw_errand_channels_make("outside", loops, &o->channels) != BW_OK;
}
