/* Revocation: how it is told, and of what. */
#include "svc/acm_pca/pca.h"

/* AWS Private CA puts lists into a bucket of S3 and answers OCSP at an address of its own. Neither is here,
 * and a certificate that names a place where nobody answers is worse than one that names none. */
enum bw_err pca_revocation_set(
    struct bw_call *call, struct pca_authority *a, const struct acm_pca_RevocationConfiguration *r)
{
	static const struct acm_pca_RevocationConfiguration none;
	const struct acm_pca_CrlConfiguration *crl = r ? r->CrlConfiguration : NULL;
	const struct acm_pca_OcspConfiguration *ocsp = r ? r->OcspConfiguration : NULL;

	if (crl && crl->Enabled.v)
		return bw_call_fail(call, "InvalidArgsException", "%s",
		    "Certificate revocation lists are published in Amazon S3, which this server does not "
		    "have.");
	if (ocsp && ocsp->Enabled.v)
		return bw_call_fail(call, "InvalidArgsException", "%s", "This server has no OCSP responder.");
	/* ACM-PCA API Reference, "RevocationConfiguration": what is off has no other parameters. */
	if (crl &&
	    (crl->ExpirationInDays.set || bw_str_set(crl->CustomCname) || bw_str_set(crl->S3BucketName) ||
	        bw_str_set(crl->CustomPath) || bw_str_set(crl->S3ObjectAcl)))
		return bw_call_fail(call, "InvalidArgsException", "%s",
		    "A disabled CRL configuration must contain only Enabled.");
	if (ocsp && bw_str_set(ocsp->OcspCustomCname))
		return bw_call_fail(call, "InvalidArgsException", "%s",
		    "A disabled OCSP configuration must contain only Enabled.");
	a->revocation = bw_shape_pack(acm_pca_RevocationConfiguration_shape, r ? r : &none, call->arena);
	return BW_OK;
}
