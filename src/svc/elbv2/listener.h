/* Listeners: what CreateListener and ModifyListener check alike. */
#pragma once

#include "core/certificate.h"
#include "svc/elbv2/elb.h"

/* The parts of a listener that one call names. */
struct listener_input {
	struct bw_str protocol, ssl_policy;
	struct bw_opt_int port;
	const struct elbv2_CertificateList *certificates;
	const struct elbv2_AlpnPolicyName *alpn;
	const struct elbv2_MutualAuthenticationAttributes *client;
};

/* Takes over what is given, checks that it goes together, and fills the defaults of the protocol. */
BW_CHECKED enum bw_err listener_set(struct bw_call *call, const struct elb_load_balancer *lb,
    struct elb_listener *l, const struct listener_input *in);
bool listener_secure(const struct elb_listener *l);
/* Which certificates and which trust store it uses, entered into or taken out of the indices. */
void listener_uses_set(
    struct bw_call *call, const struct elb_load_balancer *lb, const struct elb_listener *l, bool used);
/* CertificateNotFound when nobody keeps it. */
BW_CHECKED enum bw_err listener_certificate_check(struct bw_call *call, struct bw_str arn);
