#include "core/tls_policy.h"
#include "svc/elbv2/elb.h"

static const struct {
	const char *name;
	unsigned protocol;
} protocols[] = {{"TLSv1.3", BW_TLS13}, {"TLSv1.2", BW_TLS12}, {"TLSv1.1", BW_TLS11}, {"TLSv1", BW_TLS10}};

bool elb_ssl_policy_known(struct bw_str name, bool network)
{
	const struct bw_tls_policy *p = bw_tls_policy_find(name);

	return p && (network || !p->network_only);
}

static void ciphers_to_shape(struct bw_call *call, const struct bw_tls_policy *p, struct elbv2_Ciphers *out)
{
	const char *names[BW_TLS_CIPHERS];
	size_t n = bw_tls_policy_ciphers(p, names);

	*out = (struct elbv2_Ciphers){true, n, BW_NEW_ARRAY(call->arena, struct elbv2_Cipher, n)};
	for (size_t i = 0; i < n; i++)
		out->v[i] = (struct elbv2_Cipher){bw_str_c(names[i]), BW_INT((int64_t)i + 1)};
}

static void policy_to_shape(struct bw_call *call, const struct bw_tls_policy *p, struct elbv2_SslPolicy *out)
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
    struct bw_call *call, const struct elbv2_SslPolicyNames *names, const struct bw_tls_policy **chosen)
{
	for (size_t i = 0; i < names->n; i++) {
		chosen[i] = bw_tls_policy_find(names->v[i]);
		if (!chosen[i])
			return bw_call_fail(
			    call, "SSLPolicyNotFound", "SSL policy '%.*s' not found", BW_FMT(names->v[i]));
	}
	return BW_OK;
}

BW_OP(elbv2, DescribeSSLPolicies, .effect = BW_READ)
{
	const struct bw_tls_policy **chosen =
	    BW_NEW_ARRAY(call->arena, const struct bw_tls_policy *, bw_tls_policy_count + in->Names.n);
	size_t n = in->Names.n, from, to;

	TRY(by_names(call, &in->Names, chosen));
	for (size_t i = 0; in->Names.n == 0 && i < bw_tls_policy_count; i++)
		if (!elb_is(in->LoadBalancerType, "application") || !bw_tls_policies[i].network_only)
			chosen[n++] = &bw_tls_policies[i];
	TRY(bw_page_slice(
	    call, n, in->Marker, in->PageSize, ELB_PAGE_USUAL, &from, &to, NULL, &out->NextMarker));
	out->SslPolicies =
	    (struct elbv2_SslPolicies){true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_SslPolicy, to - from)};
	for (; from < to; from++)
		policy_to_shape(call, chosen[from], &out->SslPolicies.v[out->SslPolicies.n++]);
	return BW_OK;
}
