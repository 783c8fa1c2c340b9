/* Renewal: a new certificate for the key that there is, by itself or on request. */
#include "svc/acm/acm.h"

#include "core/task.h"
#include "crypto/crypto.h"

enum { PEM_MAX = 256 * 1024, RENEW_DAYS = 60 };

static const int64_t day_ms = 24 * 3600 * 1000;

/* What is on its way through a call's or a task's steps. */
struct renewing {
	struct acm_certificate c;
	struct bw_str fault; /* why it cannot be, in ACM's word; absent: it can */
	void *issuing;
};

/* AWS Private CA User Guide, "Assigning certificate renewal permissions to ACM": here it is ACM that asks,
 * not the caller. */
static enum bw_err renew_ask(struct bw_call *call, struct renewing *r, struct bw_keyer_request *request)
{
	const struct bw_authority_keeper *keeper = bw_authority_keeper(r->c.authority);
	enum bw_err e;

	if (!bw_str_set(r->c.authority))
		return BW_OK;
	e = keeper ? keeper->permits(call, r->c.authority, BW_STR("acm.amazonaws.com")) : BW_ENOTFOUND;
	if (e == BW_EPERM) {
		r->fault = BW_STR("PCA_ACCESS_DENIED");
		return BW_OK;
	}
	if (e == BW_OK)
		e = acm_issue_ask(call, &r->c, request, &r->issuing);
	if (e == BW_ENOTFOUND || e == BW_EPERM) {
		r->fault = e == BW_ENOTFOUND ? BW_STR("PCA_RESOURCE_NOT_FOUND") : BW_STR("PCA_INVALID_STATE");
		return BW_OK;
	}
	return e;
}

static enum bw_err renew_own(struct bw_call *call, struct acm_certificate *c)
{
	struct acm_authority ca;
	struct bw_buf cert;
	enum bw_err e;

	TRY(acm_authority_load(call, &ca));
	bw_buf_init(&cert, PEM_MAX);
	e = bw_ca_issue_for(ca.cert_pem, ca.key_pem, c->key_pem, c->names.v, c->names.n, call->now_ms, &cert);
	c->cert_pem = acm_taken(call->arena, &cert);
	c->chain_pem = ca.cert_pem;
	return e;
}

static enum bw_err renew(struct bw_call *call, struct renewing *r)
{
	TRY(bw_str_set(r->c.authority) ? acm_issue_take(call, r->issuing, &r->c) : renew_own(call, &r->c));
	r->c.renewed_ms = call->now_ms;
	r->c.renewal_fault = BW_STR_NONE;
	return BW_OK;
}

/* ---- By itself ---- */

static enum bw_err due_ask(struct bw_call *call, struct bw_str subject, struct bw_keyer_request *request)
{
	struct bw_str id = subject;
	struct bw_x509_facts facts;
	struct renewing *r = BW_NEW(call->arena, struct renewing);
	enum bw_err e;

	*r = (struct renewing){0};
	(void)bw_str_cut(&id, '/');
	(void)bw_str_cut(&id, '/');
	e = bw_call_load(call, &acm_certificate_record, bw_call_key(call, "certificate", id), &r->c);
	if (e != BW_OK)
		return e == BW_ENOTFOUND ? BW_OK : e; /* deleted meanwhile */
	TRY(acm_facts(call, &r->c, &facts));
	if (r->c.type == ACM_IMPORTED || r->c.revoked_ms ||
	    facts.not_after_ms - call->now_ms > RENEW_DAYS * day_ms)
		return BW_OK;
	call->state = r;
	return renew_ask(call, r, request);
}

static void again_schedule(struct bw_call *call, const struct acm_certificate *c, int64_t due_ms);

static enum bw_err due_run(struct bw_call *call, struct bw_str subject, struct bw_str *event)
{
	struct renewing *r = call->state;

	(void)subject;
	if (!r)
		return BW_OK; /* there is nothing to renew */
	if (!bw_str_set(r->fault)) {
		TRY(renew(call, r));
		acm_renewal_schedule(call, &r->c);
		*event = BW_STR("RenewCertificate");
	} else {
		r->c.renewal_fault = r->fault;
		again_schedule(call, &r->c, call->now_ms + day_ms);
	}
	acm_save(call, &r->c);
	return BW_OK;
}

BW_TASK(acm, renewal, .ask = due_ask, .run = due_run);

static void again_schedule(struct bw_call *call, const struct acm_certificate *c, int64_t due_ms)
{
	bw_call_task(call, &renewal, due_ms,
	    bw_arena_printf(
	        call->arena, "%.*s/%.*s/%.*s", BW_FMT(call->account), BW_FMT(call->region), BW_FMT(c->id)));
}

void acm_renewal_schedule(struct bw_call *call, const struct acm_certificate *c)
{
	struct bw_x509_facts facts;

	MUST(acm_facts(call, c, &facts) == BW_OK);
	again_schedule(call, c, facts.not_after_ms - RENEW_DAYS * day_ms);
}

/* ---- On request ---- */

static enum bw_err request_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_acm_RenewCertificate *in = input;
	struct renewing *r = BW_NEW(call->arena, struct renewing);

	*r = (struct renewing){0};
	call->state = r;
	TRY(acm_load(call, in->CertificateArn, &r->c));
	if (r->c.type == ACM_IMPORTED)
		return bw_call_fail(call, "ValidationException", "%s",
		    "Imported certificates cannot be renewed: import a new one.");
	TRY(acm_not_revoked(call, &r->c));
	TRY(renew_ask(call, r, request));
	if (bw_str_set(r->fault))
		return bw_call_fail(call, "ValidationException",
		    "Certificate %.*s cannot be renewed by its certificate authority: %.*s.",
		    BW_FMT(in->CertificateArn), BW_FMT(r->fault));
	return BW_OK;
}

BW_OP(acm, RenewCertificate, .effect = BW_WRITE, .resource = acm_resource, .ask = request_ask)
{
	struct renewing *r = call->state;

	TRY(renew(call, r));
	acm_save(call, &r->c);
	acm_renewal_schedule(call, &r->c);
	return BW_OK;
}
