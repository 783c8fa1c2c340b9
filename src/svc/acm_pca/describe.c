/* DescribeCertificateAuthority, ListCertificateAuthorities. */
#include "svc/acm_pca/pca.h"

enum { PAGE_MAX = 100 };

static struct bw_opt_time time_or_none(int64_t ms)
{
	return ms ? BW_TIME(ms) : (struct bw_opt_time){0};
}

/* As AWS shows it: what was not given is off. */
static enum bw_err revocation_to_shape(
    struct bw_call *call, const struct pca_authority *a, struct acm_pca_RevocationConfiguration *out)
{
	TRY(bw_shape_unpack(acm_pca_RevocationConfiguration_shape, a->revocation, call->arena, out));
	if (!out->CrlConfiguration) {
		out->CrlConfiguration = BW_NEW(call->arena, struct acm_pca_CrlConfiguration);
		out->CrlConfiguration->Enabled = BW_BOOL(false);
	}
	if (!out->OcspConfiguration) {
		out->OcspConfiguration = BW_NEW(call->arena, struct acm_pca_OcspConfiguration);
		out->OcspConfiguration->Enabled = BW_BOOL(false);
	}
	return BW_OK;
}

enum bw_err pca_to_shape(
    struct bw_call *call, const struct pca_authority *a, struct acm_pca_CertificateAuthority *out)
{
	enum pca_state state = pca_state(call, a);

	*out = (struct acm_pca_CertificateAuthority){.Arn = pca_arn(call, a->id),
	    .OwnerAccount = call->account,
	    .CreatedAt = BW_TIME(a->created_ms),
	    .LastStateChangeAt = BW_TIME(a->changed_ms),
	    .Type = a->type == PCA_ROOT ? BW_STR("ROOT") : BW_STR("SUBORDINATE"),
	    .Serial = a->serial,
	    .Status = pca_state_name(state),
	    .NotBefore = time_or_none(a->not_before_ms),
	    .NotAfter = time_or_none(a->not_after_ms),
	    /* ACM-PCA API Reference, "CreateCertificateAuthority": its default. */
	    .KeyStorageSecurityStandard =
	        bw_str_set(a->key_standard) ? a->key_standard : BW_STR("FIPS_140_2_LEVEL_3_OR_HIGHER"),
	    .UsageMode = a->short_lived ? BW_STR("SHORT_LIVED_CERTIFICATE") : BW_STR("GENERAL_PURPOSE")};
	if (state == PCA_DELETED)
		out->RestorableUntil = BW_TIME(a->restorable_ms);
	out->RevocationConfiguration = BW_NEW(call->arena, struct acm_pca_RevocationConfiguration);
	TRY(revocation_to_shape(call, a, out->RevocationConfiguration));
	return pca_configuration(call, a, &out->CertificateAuthorityConfiguration);
}

BW_OP(acm_pca, DescribeCertificateAuthority, .effect = BW_READ, .resource = pca_resource)
{
	struct pca_found *f;

	TRY(pca_found(call, &f));
	out->CertificateAuthority = BW_NEW(call->arena, struct acm_pca_CertificateAuthority);
	return pca_to_shape(call, &f->a, out->CertificateAuthority);
}

static enum bw_err token_bad(struct bw_call *call, enum bw_err e)
{
	if (e != BW_EFAILED)
		return e;
	return bw_call_fail(call, "InvalidNextTokenException", "%s",
	    "The token specified in the NextToken argument is not valid.");
}

enum bw_err pca_page_slice(struct bw_call *call, size_t n, struct bw_str token, struct bw_opt_int max,
    size_t *from, size_t *to, struct bw_str *next)
{
	struct bw_opt_int most = max.set && max.v > PAGE_MAX ? BW_INT(PAGE_MAX) : max;

	return token_bad(call, bw_page_slice(call, n, token, most, PAGE_MAX, from, to, NULL, next));
}

/* ACM-PCA API Reference, "ListCertificateAuthorities": 100 at most, whatever is asked for. */
BW_OP(acm_pca, ListCertificateAuthorities, .effect = BW_READ)
{
	struct bw_opt_int most =
	    in->MaxResults.set && in->MaxResults.v > PAGE_MAX ? BW_INT(PAGE_MAX) : in->MaxResults;
	struct pca_authority a;
	struct bw_page page;
	enum bw_err e;

	out->CertificateAuthorities.set = true;
	out->CertificateAuthorities.v =
	    BW_NEW_ARRAY(call->arena, struct acm_pca_CertificateAuthority, PAGE_MAX + 1);
	if (bw_str_eq(in->ResourceOwner, BW_STR("OTHER_ACCOUNTS")))
		return BW_OK; /* nobody shares one with this account */
	TRY(token_bad(call, bw_page_begin(call, pca_key(call, "authority", BW_STR_NONE), in->NextToken, most,
	                        PAGE_MAX, &page)));
	while ((e = bw_page_next(call, &page, &pca_authority_record, &a, NULL)) == BW_OK) {
		if (a.state == PCA_DELETED && a.restorable_ms <= call->now_ms) {
			bw_page_skip(&page);
			continue;
		}
		e = pca_to_shape(call, &a, &out->CertificateAuthorities.v[out->CertificateAuthorities.n++]);
		if (e != BW_OK)
			break;
	}
	bw_page_end(call, &page, NULL, &out->NextToken);
	return e == BW_ENOTFOUND ? BW_OK : e;
}
