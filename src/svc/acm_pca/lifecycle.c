/* An authority is disabled, deleted, restored, and destroyed when nobody restored it. */
#include "core/task.h"
#include "svc/acm_pca/pca.h"

enum { WINDOW_USUAL = 30, CERTIFICATES_A_ROUND = 500 };

/* ---- UpdateCertificateAuthority ---- */

static enum bw_err state_set(struct bw_call *call, struct pca_authority *a, struct bw_str given)
{
	bool active = bw_str_eq(given, BW_STR("ACTIVE"));

	if (!bw_str_set(given))
		return BW_OK;
	if (!active && !bw_str_eq(given, BW_STR("DISABLED")))
		return bw_call_fail(
		    call, "InvalidArgsException", "%s", "Status can be set to ACTIVE or DISABLED only.");
	a->state = active ? PCA_ACTIVE : PCA_DISABLED;
	a->changed_ms = call->now_ms;
	return BW_OK;
}

BW_OP(acm_pca, UpdateCertificateAuthority, .effect = BW_WRITE, .resource = pca_resource)
{
	struct pca_found *f;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, PCA_IN(ACTIVE) | PCA_IN(DISABLED)));
	if (!bw_str_set(in->Status) && !in->RevocationConfiguration)
		return bw_call_fail(
		    call, "InvalidArgsException", "%s", "Status or RevocationConfiguration must be given.");
	if (in->RevocationConfiguration)
		TRY(pca_revocation_set(call, &f->a, in->RevocationConfiguration));
	TRY(state_set(call, &f->a, in->Status));
	pca_save(call, f);
	return BW_OK;
}

/* ---- DeleteCertificateAuthority, RestoreCertificateAuthority ---- */

BW_OP(acm_pca, DeleteCertificateAuthority, .effect = BW_WRITE, .resource = pca_resource)
{
	int64_t days = in->PermanentDeletionTimeInDays.set ? in->PermanentDeletionTimeInDays.v : WINDOW_USUAL;
	struct pca_found *f;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, PCA_IN(PENDING_CERTIFICATE) | PCA_IN(DISABLED) | PCA_IN(EXPIRED)));
	/* One that has expired while it was active comes back disabled, as AWS says of all that are restored.
	 */
	f->a.state_before = f->a.state == PCA_PENDING_CERTIFICATE ? PCA_PENDING_CERTIFICATE : PCA_DISABLED;
	f->a.state = PCA_DELETED;
	f->a.changed_ms = call->now_ms;
	f->a.restorable_ms = call->now_ms + days * PCA_DAY_MS;
	pca_save(call, f);
	pca_end_schedule(call, f->id, f->a.restorable_ms);
	return BW_OK;
}

BW_OP(acm_pca, RestoreCertificateAuthority, .effect = BW_WRITE, .resource = pca_resource)
{
	struct pca_found *f;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, PCA_IN(DELETED)));
	f->a.state = f->a.state_before;
	f->a.changed_ms = call->now_ms;
	f->a.restorable_ms = 0;
	pca_save(call, f);
	return BW_OK;
}

/* ---- The end: its key is gone with its record, what it issued after that ---- */

static enum bw_err certificates_sweep(struct bw_call *call, struct bw_str id, bool *more)
{
	struct bw_scan scan;
	struct bw_str key;
	size_t n = 0;
	enum bw_err e = BW_OK;

	TRY(bw_scan_begin(call->view, pca_certificate_key(call, id, BW_STR_NONE), BW_STR_NONE, &scan));
	while (
	    n < CERTIFICATES_A_ROUND && (e = bw_scan_next(&scan, call->arena, &key, NULL, NULL)) == BW_OK) {
		bw_call_delete(call, key);
		n++;
	}
	bw_scan_end(&scan);
	if (n)
		bw_call_take(call, &pca_certificates_quota, id, -(int64_t)n);
	*more = n == CERTIFICATES_A_ROUND;
	return *more || e == BW_ENOTFOUND ? BW_OK : e;
}

static enum bw_err end(struct bw_call *call, struct bw_str subject, struct bw_str *event)
{
	struct bw_str id = subject, key;
	struct pca_authority a;
	enum bw_err e;
	bool more;

	(void)bw_str_cut(&id, '/');
	(void)bw_str_cut(&id, '/');
	key = pca_key(call, "authority", id);
	e = bw_call_load(call, &pca_authority_record, key, &a);
	if (e != BW_OK && e != BW_ENOTFOUND)
		return e;
	if (e == BW_OK && (a.state != PCA_DELETED || a.restorable_ms > call->now_ms))
		return BW_OK; /* it was restored */
	if (e == BW_OK) {
		bw_call_delete(call, key);
		bw_call_take(call, &pca_authorities_quota, call->region, -1);
		*event = BW_STR("DeleteCertificateAuthority");
	}
	TRY(certificates_sweep(call, id, &more));
	if (more)
		pca_end_schedule(call, id, call->now_ms);
	return BW_OK;
}

BW_TASK(acm_pca, authority_end, .service = "acm-pca", .run = end); /* the model's spelling is no identifier */

void pca_end_schedule(struct bw_call *call, struct bw_str id, int64_t due_ms)
{
	bw_call_task(call, &authority_end, due_ms,
	    bw_arena_printf(
	        call->arena, "%.*s/%.*s/%.*s", BW_FMT(call->account), BW_FMT(call->region), BW_FMT(id)));
}
