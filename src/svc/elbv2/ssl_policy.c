#include "svc/elbv2/elb.h"

/* Application and Network Load Balancers Guides, "Security policies": protocols and ciphers of each policy,
 * in the order of preference. The ciphers fall into groups that a policy has whole or not at all. */

enum { TLS10 = 1 << 0, TLS11 = 1 << 1, TLS12 = 1 << 2, TLS13 = 1 << 3 };

enum {
	T13 = 1 << 0,    /* AES of TLS 1.3 */
	CHACHA = 1 << 1, /* not in FIPS policies */
	GCM = 1 << 2,    /* ECDHE with AES-GCM */
	SHA2 = 1 << 3,   /* ECDHE with AES-CBC */
	SHA1 = 1 << 4,
	RSA_GCM = 1 << 5, /* without forward secrecy */
	RSA_SHA2 = 1 << 6,
	RSA_SHA1 = 1 << 7,
	DES3 = 1 << 8,
	MODERN = T13 | CHACHA,
	FS = GCM | SHA2 | SHA1,
	NO_FS = RSA_GCM | RSA_SHA2 | RSA_SHA1,
};

static const struct {
	const char *name;
	unsigned group;
} ciphers[] = {
    {"TLS_AES_128_GCM_SHA256", T13},
    {"TLS_AES_256_GCM_SHA384", T13},
    {"TLS_CHACHA20_POLY1305_SHA256", CHACHA},
    {"ECDHE-ECDSA-AES128-GCM-SHA256", GCM},
    {"ECDHE-RSA-AES128-GCM-SHA256", GCM},
    {"ECDHE-ECDSA-AES128-SHA256", SHA2},
    {"ECDHE-RSA-AES128-SHA256", SHA2},
    {"ECDHE-ECDSA-AES128-SHA", SHA1},
    {"ECDHE-RSA-AES128-SHA", SHA1},
    {"ECDHE-ECDSA-AES256-GCM-SHA384", GCM},
    {"ECDHE-RSA-AES256-GCM-SHA384", GCM},
    {"ECDHE-ECDSA-AES256-SHA384", SHA2},
    {"ECDHE-RSA-AES256-SHA384", SHA2},
    {"ECDHE-RSA-AES256-SHA", SHA1},
    {"ECDHE-ECDSA-AES256-SHA", SHA1},
    {"AES128-GCM-SHA256", RSA_GCM},
    {"AES128-SHA256", RSA_SHA2},
    {"AES128-SHA", RSA_SHA1},
    {"AES256-GCM-SHA384", RSA_GCM},
    {"AES256-SHA256", RSA_SHA2},
    {"AES256-SHA", RSA_SHA1},
    {"DES-CBC3-SHA", DES3},
};

static const struct {
	const char *name;
	unsigned protocol;
} protocols[] = {{"TLSv1.3", TLS13}, {"TLSv1.2", TLS12}, {"TLSv1.1", TLS11}, {"TLSv1", TLS10}};

static const struct policy {
	const char *name;
	unsigned protocols, ciphers;
	bool network_only;
} policies[] = {
    {"ELBSecurityPolicy-2016-08", TLS10 | TLS11 | TLS12, FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", TLS12 | TLS13, MODERN | GCM},
    {"ELBSecurityPolicy-TLS13-1-2-PQ-2025-09", TLS12 | TLS13, MODERN | GCM | SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09", TLS12 | TLS13, MODERN | GCM | SHA2 | RSA_GCM | RSA_SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09", TLS12 | TLS13, MODERN | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", TLS13, MODERN},
    {"ELBSecurityPolicy-TLS13-1-0-PQ-2025-09", TLS10 | TLS11 | TLS12 | TLS13, MODERN | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", TLS12 | TLS13, MODERN | GCM},
    {"ELBSecurityPolicy-TLS13-1-2-2021-06", TLS12 | TLS13, MODERN | GCM | SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", TLS12 | TLS13, MODERN | GCM | SHA2 | RSA_GCM | RSA_SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", TLS12 | TLS13, MODERN | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-1-2021-06", TLS11 | TLS12 | TLS13, MODERN | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-0-2021-06", TLS10 | TLS11 | TLS12 | TLS13, MODERN | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-3-2021-06", TLS13, MODERN},
    {"ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04", TLS13, T13},
    {"ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04", TLS12 | TLS13, T13 | GCM},
    {"ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04", TLS12 | TLS13, T13 | GCM | SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-2023-04", TLS12 | TLS13, T13 | FS},
    {"ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-2023-04", TLS12 | TLS13, T13 | GCM | SHA2 | RSA_GCM | RSA_SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-2023-04", TLS12 | TLS13, T13 | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-1-FIPS-2023-04", TLS11 | TLS12 | TLS13, T13 | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04", TLS10 | TLS11 | TLS12 | TLS13, T13 | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09", TLS13, T13},
    {"ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09", TLS12 | TLS13, T13 | GCM},
    {"ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09", TLS12 | TLS13, T13 | GCM | SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-PQ-2025-09", TLS12 | TLS13, T13 | FS},
    {"ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-PQ-2025-09", TLS12 | TLS13,
        T13 | GCM | SHA2 | RSA_GCM | RSA_SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-PQ-2025-09", TLS12 | TLS13, T13 | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-0-FIPS-PQ-2025-09", TLS10 | TLS11 | TLS12 | TLS13, T13 | FS | NO_FS},
    {"ELBSecurityPolicy-TLS-1-2-2017-01", TLS12, GCM | SHA2 | RSA_GCM | RSA_SHA2},
    {"ELBSecurityPolicy-TLS-1-1-2017-01", TLS11 | TLS12, FS | NO_FS},
    {"ELBSecurityPolicy-TLS-1-2-Ext-2018-06", TLS12, FS | NO_FS},
    {"ELBSecurityPolicy-FS-2018-06", TLS10 | TLS11 | TLS12, FS},
    {"ELBSecurityPolicy-FS-1-1-2019-08", TLS11 | TLS12, FS},
    {"ELBSecurityPolicy-FS-1-2-2019-08", TLS12, FS},
    {"ELBSecurityPolicy-FS-1-2-Res-2019-08", TLS12, GCM | SHA2},
    {"ELBSecurityPolicy-FS-1-2-Res-2020-10", TLS12, GCM},
    {"ELBSecurityPolicy-TLS-1-0-2015-04", TLS10 | TLS11 | TLS12, FS | NO_FS | DES3},
    {"ELBSecurityPolicy-2015-05", TLS10 | TLS11 | TLS12, FS | NO_FS, .network_only = true},
};

static const struct policy *policy_find(struct bw_str name)
{
	for (size_t i = 0; i < BW_COUNT(policies); i++)
		if (elb_is(name, policies[i].name))
			return &policies[i];
	return NULL;
}

bool elb_ssl_policy_known(struct bw_str name, bool network)
{
	const struct policy *p = policy_find(name);

	return p && (network || !p->network_only);
}

static void ciphers_to_shape(struct bw_call *call, const struct policy *p, struct elbv2_Ciphers *out)
{
	*out = (struct elbv2_Ciphers){
	    true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_Cipher, BW_COUNT(ciphers))};
	for (size_t i = 0; i < BW_COUNT(ciphers); i++)
		if (ciphers[i].group & p->ciphers) {
			out->v[out->n] =
			    (struct elbv2_Cipher){bw_str_c(ciphers[i].name), BW_INT((int64_t)out->n + 1)};
			out->n++;
		}
}

static void policy_to_shape(struct bw_call *call, const struct policy *p, struct elbv2_SslPolicy *out)
{
	out->Name = bw_str_c(p->name);
	ciphers_to_shape(call, p, &out->Ciphers);
	out->SslProtocols = (struct elbv2_SslProtocols){
	    true, 0, BW_NEW_ARRAY(call->arena, struct bw_str, BW_COUNT(protocols))};
	for (size_t i = 0; i < BW_COUNT(protocols); i++)
		if (protocols[i].protocol & p->protocols)
			out->SslProtocols.v[out->SslProtocols.n++] = bw_str_c(protocols[i].name);
	out->SupportedLoadBalancerTypes =
	    (struct elbv2_ListOfString){true, 0, BW_NEW_ARRAY(call->arena, struct bw_str, 2)};
	if (!p->network_only)
		out->SupportedLoadBalancerTypes.v[out->SupportedLoadBalancerTypes.n++] =
		    BW_STR("application");
	out->SupportedLoadBalancerTypes.v[out->SupportedLoadBalancerTypes.n++] = BW_STR("network");
}

static enum bw_err by_names(
    struct bw_call *call, const struct elbv2_SslPolicyNames *names, const struct policy **chosen)
{
	for (size_t i = 0; i < names->n; i++) {
		chosen[i] = policy_find(names->v[i]);
		if (!chosen[i])
			return bw_call_fail(
			    call, "SSLPolicyNotFound", "SSL policy '%.*s' not found", BW_FMT(names->v[i]));
	}
	return BW_OK;
}

BW_OP(elbv2, DescribeSSLPolicies, .effect = BW_READ)
{
	const struct policy **chosen =
	    BW_NEW_ARRAY(call->arena, const struct policy *, BW_COUNT(policies) + in->Names.n);
	size_t n = in->Names.n, from, to;

	TRY(by_names(call, &in->Names, chosen));
	for (size_t i = 0; in->Names.n == 0 && i < BW_COUNT(policies); i++)
		if (!elb_is(in->LoadBalancerType, "application") || !policies[i].network_only)
			chosen[n++] = &policies[i];
	TRY(bw_page_slice(
	    call, n, in->Marker, in->PageSize, ELB_PAGE_USUAL, &from, &to, NULL, &out->NextMarker));
	out->SslPolicies =
	    (struct elbv2_SslPolicies){true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_SslPolicy, to - from)};
	for (; from < to; from++)
		policy_to_shape(call, chosen[from], &out->SslPolicies.v[out->SslPolicies.n++]);
	return BW_OK;
}
