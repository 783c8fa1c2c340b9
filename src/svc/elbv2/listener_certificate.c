#include "svc/elbv2/listener.h"

/* The certificate list of a listener, from which one is chosen by server name. */

static enum bw_err one_given(struct bw_call *call, const struct elb_listener *l,
    const struct elbv2_CertificateList *given, struct bw_str *arn)
{
	if (!listener_secure(l))
		return bw_call_fail(call, "OperationNotPermitted",
		    "Certificates are not supported for %.*s listeners", BW_FMT(l->shape.Protocol));
	if (given->n != 1)
		return elb_invalid(call, "You must specify exactly one certificate");
	if (given->v[0].IsDefault.set)
		return elb_invalid(call, "You cannot set the isDefault parameter for a certificate");
	*arn = given->v[0].CertificateArn;
	return bw_str_set(*arn) ? BW_OK : elb_invalid(call, "A certificate ARN must be specified");
}

/* Certificates of all listeners of the load balancer; default ones do not count. */
static enum bw_err room_check(struct bw_call *call, const struct elb_load_balancer *lb)
{
	struct elb_listener *v;
	size_t n, certificates = 1;

	TRY(elb_all(
	    call, &elb_listener_kind, bw_arena_printf(call->arena, "%.*s/", BW_FMT(lb->name)), &v, &n));
	for (size_t i = 0; i < n; i++)
		certificates += v[i].certificates.n;
	return bw_call_within(
	    call, elb_is(lb->type, "app") ? &elb_app_certificates_quota : &elb_net_certificates_quota, certificates);
}

static void one_to_shape(
    struct bw_call *call, struct bw_str arn, bool usual, struct elbv2_CertificateList *out)
{
	*out = (struct elbv2_CertificateList){true, 1, BW_NEW(call->arena, struct elbv2_Certificate)};
	out->v[0] = (struct elbv2_Certificate){.CertificateArn = arn, .IsDefault = BW_BOOL(usual)};
}

BW_OP(elbv2, AddListenerCertificates, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_load_balancer lb;
	struct elb_listener l;
	struct bw_str arn;

	TRY(elb_listener_load(call, in->ListenerArn, &l));
	TRY(elb_owner_load(call, l.load_balancer, &lb));
	TRY(one_given(call, &l, &in->Certificates, &arn));
	TRY(listener_certificate_check(call, arn));
	one_to_shape(call, arn, false, &out->Certificates);
	if (bw_strs_has(&l.certificates, arn))
		return BW_OK;
	TRY(room_check(call, &lb));
	bw_strs_add(&l.certificates, call->arena, arn);
	listener_uses_set(call, &lb, &l, true);
	elb_save(call, &elb_listener_kind, elb_listener_name(call, &l), &l);
	return BW_OK;
}

BW_OP(elbv2, RemoveListenerCertificates, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_load_balancer lb;
	struct elb_listener l;
	struct bw_str arn;

	TRY(elb_listener_load(call, in->ListenerArn, &l));
	TRY(elb_owner_load(call, l.load_balancer, &lb));
	TRY(one_given(call, &l, &in->Certificates, &arn));
	if (!bw_strs_has(&l.certificates, arn) && bw_str_eq(l.shape.Certificates.v[0].CertificateArn, arn))
		return bw_call_fail(call, "OperationNotPermitted",
		    "The default certificate of listener '%.*s' cannot be removed", BW_FMT(in->ListenerArn));
	listener_uses_set(call, &lb, &l, false);
	(void)bw_strs_remove(&l.certificates, arn);
	listener_uses_set(call, &lb, &l, true);
	elb_save(call, &elb_listener_kind, elb_listener_name(call, &l), &l);
	return BW_OK;
}

BW_OP(elbv2, DescribeListenerCertificates, .effect = BW_READ)
{
	struct elb_listener l;
	struct bw_strs all = {0};
	size_t from, to, usual;

	TRY(elb_among(call, ELB_LISTENER, elb_listener_load(call, in->ListenerArn, &l)));
	usual = l.shape.Certificates.n;
	for (size_t i = 0; i < usual; i++)
		bw_strs_add(&all, call->arena, l.shape.Certificates.v[i].CertificateArn);
	for (size_t i = 0; i < l.certificates.n; i++)
		bw_strs_add(&all, call->arena, l.certificates.v[i]);
	TRY(bw_page_slice(
	    call, all.n, in->Marker, in->PageSize, ELB_PAGE_USUAL, &from, &to, NULL, &out->NextMarker));
	out->Certificates = (struct elbv2_CertificateList){
	    true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_Certificate, to - from)};
	for (; from < to; from++)
		out->Certificates.v[out->Certificates.n++] = (struct elbv2_Certificate){
		    .CertificateArn = all.v[from], .IsDefault = BW_BOOL(from < usual)};
	return BW_OK;
}
