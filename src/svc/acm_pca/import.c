/* The authority's own certificate: imported, and given out. */
#include "svc/acm_pca/pca.h"

static const struct {
	const char *code, *message;
} faults[] = {
    [BW_AUTHORITY_FORM] = {"MalformedCertificateException",
        "The certificate is not one certificate in PEM format."},
    [BW_AUTHORITY_KEY] = {"CertificateMismatchException",
        "The public key of the certificate is not the one of the certificate authority's certificate signing "
        "request."},
    [BW_AUTHORITY_NO_CA] = {"MalformedCertificateException",
        "The certificate is not a certificate authority's: it needs critical basic constraints with CA:TRUE "
        "and the key usage keyCertSign."},
    [BW_AUTHORITY_CRITICAL] = {"MalformedCertificateException",
        "The certificate or its chain has a critical extension that is not supported."},
    [BW_AUTHORITY_TIME] = {"MalformedCertificateException",
        "The certificate is not valid now: it has expired or is not yet valid."},
    [BW_AUTHORITY_SELF] = {"InvalidRequestException",
        "Only a self-signed certificate can be imported as a root CA, and only one that is not as a "
        "subordinate CA."},
    [BW_AUTHORITY_CHAIN] = {"MalformedCertificateException",
        "The certificate chain is not the certificates above the CA's, each signed by the next, up to a "
        "self-signed root."},
    [BW_AUTHORITY_PATH] = {"CertificateMismatchException",
        "The certificate does not comply with conditions of the certificates that signed it."},
};

static enum bw_err chain_check(struct bw_call *call, const struct pca_authority *a, struct bw_str chain)
{
	if (a->type == PCA_ROOT && chain.n)
		return bw_call_fail(
		    call, "InvalidRequestException", "%s", "A root CA has no certificate chain.");
	if (a->type == PCA_SUBORDINATE && !chain.n)
		return bw_call_fail(
		    call, "InvalidRequestException", "%s", "A subordinate CA needs its certificate chain.");
	return BW_OK;
}

/* Chains of strangers' large keys take a while to verify: not on a loop. */
BW_OP(acm_pca, ImportCertificateAuthorityCertificate, .effect = BW_WRITE, .slow = true,
    .resource = pca_resource)
{
	struct bw_str chain = in->CertificateChain.n ? in->CertificateChain : BW_STR_NONE;
	struct bw_authority_facts facts;
	enum bw_authority_fault fault;
	struct pca_found *f;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, ~PCA_IN(DELETED)));
	TRY(chain_check(call, &f->a, chain));
	fault = bw_authority_check(in->Certificate, chain, f->a.spki, call->now_ms, call->arena, &facts);
	if (fault != BW_AUTHORITY_GOOD)
		return bw_call_fail(call, faults[fault].code, "%s", faults[fault].message);
	f->a.cert_pem = in->Certificate;
	f->a.chain_pem = chain;
	f->a.subject = facts.subject;
	f->a.key_id = facts.key_id;
	f->a.serial = facts.serial;
	f->a.not_before_ms = facts.not_before_ms;
	f->a.not_after_ms = facts.not_after_ms;
	f->a.path_limit = facts.path_length + 1;
	if (f->a.state == PCA_PENDING_CERTIFICATE)
		f->a.state = PCA_ACTIVE;
	f->a.changed_ms = call->now_ms;
	pca_save(call, f);
	return BW_OK;
}

BW_OP(acm_pca, GetCertificateAuthorityCertificate, .effect = BW_READ, .resource = pca_resource)
{
	struct pca_found *f;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, PCA_IN(ACTIVE) | PCA_IN(DISABLED) | PCA_IN(EXPIRED)));
	out->Certificate = f->a.cert_pem;
	out->CertificateChain = f->a.chain_pem;
	return BW_OK;
}
