/* Clients' certificates that their authorities have taken back (RFC 5280, 5 and 6.3): each one of a chain is asked for, not the
 * client's alone, in every list that its issuer has signed. An issuer that has no list revokes nobody. */
#include <openssl/x509_vfy.h>

#include "crypto/pem.h"
#include "edge/tls.h"

/* ---- asking ---- */

/* What the lists of one issuer say together. */
struct said {
	bool any, ours, current; /* of that name, signed by that issuer, and in force */
	int late;                /* why one of them is not in force */
};

static int time_fault(const X509_CRL *list)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(list);

	if (X509_cmp_current_time(X509_CRL_get0_lastUpdate(list)) >= 0)
		return X509_V_ERR_CRL_NOT_YET_VALID;
	return next && X509_cmp_current_time(next) < 0 ? X509_V_ERR_CRL_HAS_EXPIRED : X509_V_OK;
}

/* Whether the list revokes the certificate. One that is out of date does too: who was revoked stays it. */
static bool list_revokes(X509_CRL *list, X509 *cert, X509 *issuer, struct said *s)
{
	X509_REVOKED *entry;
	int fault;

	s->any = true;
	if (X509_CRL_verify(list, X509_get0_pubkey(issuer)) != 1)
		return false; /* of another key of that name, perhaps an older one */
	s->ours = true;
	fault = time_fault(list);
	if (fault)
		s->late = fault;
	else
		s->current = true;
	return X509_CRL_get0_by_cert(list, &entry, cert) == 1;
}

/* X509_V_OK, or what is wrong. Lists of which none can be believed are no reason to let anybody pass. */
static int certificate_fault(X509_STORE_CTX *ctx, X509 *cert, X509 *issuer)
{
	STACK_OF(X509_CRL) *lists = X509_STORE_CTX_get1_crls(ctx, X509_get_issuer_name(cert));
	struct said s = {0};
	bool revoked = false;

	for (int i = 0; i < sk_X509_CRL_num(lists); i++)
		revoked = list_revokes(sk_X509_CRL_value(lists, i), cert, issuer, &s) || revoked;
	sk_X509_CRL_pop_free(lists, X509_CRL_free);
	if (revoked)
		return X509_V_ERR_CERT_REVOKED;
	if (s.any && !s.ours)
		return X509_V_ERR_CRL_SIGNATURE_FAILURE;
	return s.ours && !s.current ? s.late : X509_V_OK;
}

/* The last of the chain is in the trust store: it is trusted for being there. */
static int chain_check(X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);

	for (int i = 0; i + 1 < sk_X509_num(chain); i++) {
		X509 *cert = sk_X509_value(chain, i);
		int fault = certificate_fault(ctx, cert, sk_X509_value(chain, i + 1));

		if (!fault)
			continue;
		X509_STORE_CTX_set_error(ctx, fault);
		X509_STORE_CTX_set_error_depth(ctx, i);
		X509_STORE_CTX_set_current_cert(ctx, cert);
		if (!X509_STORE_CTX_get_verify_cb(ctx)(0, ctx))
			return 0;
	}
	return 1;
}

/* ---- reading ---- */

static bool list_add(X509_STORE *store, struct bw_str pem)
{
	BIO *b = bw_pem_open(pem);
	X509_CRL *list = bw_pem_revocations(b);
	bool good = list && X509_STORE_add_crl(store, list) == 1;

	X509_CRL_free(list);
	BIO_free(b);
	return good;
}

bool tls_revocations_use(struct x509_store_st *store, const struct bw_strs *pems)
{
	for (size_t i = 0; i < pems->n; i++)
		if (!list_add(store, pems->v[i]))
			return false;
	X509_STORE_set_check_revocation(store, chain_check);
	return true;
}
