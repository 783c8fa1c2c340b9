#include "svc/elbv2/listener.h"

static const char *const app_protocols[] = {"HTTP", "HTTPS", NULL};
static const char *const net_protocols[] = {"TCP", "TLS", "UDP", "TCP_UDP", NULL};
static const char *const alpn_names[] = {
    "HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None", NULL};

bool listener_secure(const struct elb_listener *l)
{
	return elb_is(l->shape.Protocol, "HTTPS") || elb_is(l->shape.Protocol, "TLS");
}

static enum bw_err protocol_check(
    struct bw_call *call, const struct elb_load_balancer *lb, struct bw_str protocol)
{
	bool app = elb_is(lb->type, "app");

	if (elb_is(protocol, "QUIC") || elb_is(protocol, "TCP_QUIC"))
		return elb_not_built(call, "listeners with the QUIC and TCP_QUIC protocols");
	if (!elb_one_of(protocol, app ? app_protocols : net_protocols))
		return bw_call_fail(call, "UnsupportedProtocol",
		    "Protocol '%.*s' is not supported for load balancers with type '%s'", BW_FMT(protocol),
		    app ? "application" : "network");
	return BW_OK;
}

/* ---- Certificates and policy ---- */

/* Of ACM in the load balancer's Region, or of IAM. */
static bool certificate_arn(const struct bw_call *call, struct bw_str arn)
{
	struct bw_arn a;

	if (bw_arn_parse(arn, &a) != BW_OK || !elb_is(a.partition, "aws"))
		return false;
	if (elb_is(a.service, "iam"))
		return bw_str_starts(a.resource, BW_STR("server-certificate/"));
	return elb_is(a.service, "acm") && bw_str_eq(a.region, call->region) &&
	       bw_str_starts(a.resource, BW_STR("certificate/"));
}

enum bw_err listener_certificate_check(struct bw_call *call, struct bw_str arn)
{
	enum bw_err e;

	if (!bw_str_set(arn))
		return elb_invalid(call, "A certificate ARN must be specified");
	if (!certificate_arn(call, arn))
		return elb_invalid(call, "Certificate ARN '%.*s' is not valid", BW_FMT(arn));
	e = bw_certificate_hold(call, arn);
	return e == BW_ENOTFOUND
	           ? bw_call_fail(call, "CertificateNotFound", "Certificate '%.*s' not found", BW_FMT(arn))
	           : e;
}

static enum bw_err certificates_set(
    struct bw_call *call, struct elb_listener *l, const struct elbv2_CertificateList *given)
{
	if (!given->n)
		return BW_OK;
	if (!listener_secure(l))
		return elb_invalid(
		    call, "A certificate cannot be specified for %.*s listeners", BW_FMT(l->shape.Protocol));
	if (given->n > 1)
		return elb_invalid(call, "You can only specify one certificate for a listener: further ones "
		                         "are added to its certificate list");
	if (given->v[0].IsDefault.set)
		return elb_invalid(call, "You cannot set the isDefault parameter for a certificate");
	TRY(listener_certificate_check(call, given->v[0].CertificateArn));
	l->shape.Certificates =
	    (struct elbv2_CertificateList){true, 1, BW_NEW(call->arena, struct elbv2_Certificate)};
	l->shape.Certificates.v[0].CertificateArn = given->v[0].CertificateArn;
	return BW_OK;
}

static enum bw_err policy_set(struct bw_call *call, struct elb_listener *l, struct bw_str policy)
{
	if (!policy.n)
		return BW_OK;
	if (!listener_secure(l))
		return elb_invalid(
		    call, "An SSL policy cannot be specified for %.*s listeners", BW_FMT(l->shape.Protocol));
	if (!elb_ssl_policy_known(policy, elb_is(l->type, "net")))
		return bw_call_fail(call, "SSLPolicyNotFound", "SSL policy '%.*s' not found", BW_FMT(policy));
	l->shape.SslPolicy = policy;
	return BW_OK;
}

static enum bw_err alpn_set(
    struct bw_call *call, struct elb_listener *l, const struct elbv2_AlpnPolicyName *given)
{
	if (!given->n)
		return BW_OK;
	if (!elb_is(l->shape.Protocol, "TLS"))
		return elb_invalid(
		    call, "An ALPN policy cannot be specified for %.*s listeners", BW_FMT(l->shape.Protocol));
	if (given->n > 1)
		return elb_invalid(call, "You can only specify one ALPN policy");
	if (!elb_one_of(given->v[0], alpn_names))
		return bw_call_fail(
		    call, "ALPNPolicyNotFound", "ALPN policy '%.*s' not found", BW_FMT(given->v[0]));
	l->shape.AlpnPolicy = *given;
	return BW_OK;
}

/* ---- Mutual authentication ---- */

static enum bw_err verify_set(struct bw_call *call, struct elbv2_MutualAuthenticationAttributes *m)
{
	struct elb_trust_store store;

	if (!bw_str_set(m->TrustStoreArn))
		return elb_invalid(
		    call, "A trust store ARN must be specified for mutual authentication with mode 'verify'");
	TRY(elb_trust_store_load(call, m->TrustStoreArn, &store));
	if (!m->IgnoreClientCertificateExpiry.set)
		m->IgnoreClientCertificateExpiry = BW_BOOL(false);
	if (!bw_str_set(m->AdvertiseTrustStoreCaNames))
		m->AdvertiseTrustStoreCaNames = BW_STR("off");
	m->TrustStoreAssociationStatus = BW_STR("active");
	return BW_OK;
}

static enum bw_err client_set(
    struct bw_call *call, struct elb_listener *l, const struct elbv2_MutualAuthenticationAttributes *given)
{
	static const char *const modes[] = {"off", "passthrough", "verify", NULL};
	struct elbv2_MutualAuthenticationAttributes *m;

	if (!given)
		return BW_OK;
	if (!elb_is(l->shape.Protocol, "HTTPS"))
		return elb_invalid(call, "Mutual authentication cannot be specified for %.*s listeners",
		    BW_FMT(l->shape.Protocol));
	m = BW_NEW(call->arena, struct elbv2_MutualAuthenticationAttributes);
	*m = *given;
	if (!elb_one_of(m->Mode, modes))
		return elb_invalid(call,
		    "Mutual authentication mode '%.*s' must be one of 'off, passthrough, verify'",
		    BW_FMT(m->Mode));
	m->TrustStoreAssociationStatus = BW_STR_NONE;
	/* Terraform names no trust store by an empty text. */
	if (!m->TrustStoreArn.n)
		m->TrustStoreArn = BW_STR_NONE;
	if (elb_is(m->Mode, "verify"))
		TRY(verify_set(call, m));
	else if (bw_str_set(m->TrustStoreArn) || m->IgnoreClientCertificateExpiry.set ||
	         bw_str_set(m->AdvertiseTrustStoreCaNames))
		return elb_invalid(call, "A trust store and its settings can only be specified for mutual "
		                         "authentication with mode 'verify'");
	l->shape.MutualAuthentication = m;
	return BW_OK;
}

/* ---- All together ---- */

/* What a protocol has not goes; what it must have and was not given gets its default. */
static enum bw_err complete(struct bw_call *call, struct elb_listener *l)
{
	struct elbv2_Listener *s = &l->shape;

	if (!listener_secure(l)) {
		s->Certificates = (struct elbv2_CertificateList){0};
		s->SslPolicy = BW_STR_NONE;
		l->certificates = (struct bw_strs){0};
	} else if (!s->Certificates.n) {
		return elb_invalid(
		    call, "A certificate must be specified for %.*s listeners", BW_FMT(s->Protocol));
	} else if (!bw_str_set(s->SslPolicy)) {
		s->SslPolicy = BW_STR("ELBSecurityPolicy-2016-08");
	}
	if (!elb_is(s->Protocol, "TLS"))
		s->AlpnPolicy = (struct elbv2_AlpnPolicyName){0};
	if (!elb_is(s->Protocol, "HTTPS"))
		s->MutualAuthentication = NULL;
	else if (!s->MutualAuthentication) {
		s->MutualAuthentication = BW_NEW(call->arena, struct elbv2_MutualAuthenticationAttributes);
		s->MutualAuthentication->Mode = BW_STR("off");
	}
	return BW_OK;
}

enum bw_err listener_set(struct bw_call *call, const struct elb_load_balancer *lb, struct elb_listener *l,
    const struct listener_input *in)
{
	if (bw_str_set(in->protocol)) {
		TRY(protocol_check(call, lb, in->protocol));
		l->shape.Protocol = in->protocol;
	}
	if (in->port.set)
		l->shape.Port = in->port;
	if (!bw_str_set(l->shape.Protocol))
		return elb_invalid(call, "A protocol must be specified");
	if (!l->shape.Port.set)
		return elb_invalid(call, "A port must be specified");
	TRY(certificates_set(call, l, in->certificates));
	TRY(policy_set(call, l, in->ssl_policy));
	TRY(alpn_set(call, l, in->alpn));
	TRY(client_set(call, l, in->client));
	return complete(call, l);
}

void listener_uses_set(
    struct bw_call *call, const struct elb_load_balancer *lb, const struct elb_listener *l, bool used)
{
	struct bw_str arn = elb_load_balancer_arn(call, lb->type, lb->name, lb->id);
	const struct elbv2_MutualAuthenticationAttributes *m = l->shape.MutualAuthentication;
	struct elb_arn store;

	for (size_t i = 0; i < l->shape.Certificates.n; i++)
		bw_certificate_use_set(call, l->shape.Certificates.v[i].CertificateArn, arn, l->id, used);
	for (size_t i = 0; i < l->certificates.n; i++)
		bw_certificate_use_set(call, l->certificates.v[i], arn, l->id, used);
	if (m && bw_str_set(m->TrustStoreArn) && elb_arn_parse(call, m->TrustStoreArn, &store) == BW_OK) {
		struct bw_str key = elb_index(call, "trust",
		    bw_arena_printf(call->arena, "%.*s/%.*s/%.*s", BW_FMT(store.name),
		        BW_FMT(l->load_balancer), BW_FMT(l->id)));

		if (used)
			bw_call_mark(call, key);
		else
			bw_call_delete(call, key);
	}
}
