/* Requests for certificates and authorities' own certificates as people hand them in. What is read of a request goes through the writer
 * again, and must be what OpenSSL reads of it. The input is cut in two at a zero byte: a certificate and its chain. Input that is not
 * PEM stands for the bytes in one. */
#include "crypto/csr.h"
#include "crypto/der.h"

#include <openssl/err.h>
#include <openssl/x509.h>

static void request_check(const struct bw_csr *csr, struct bw_arena *a)
{
	const unsigned char *at = (const unsigned char *)csr->spki.p;
	X509_PUBKEY *key = d2i_X509_PUBKEY(NULL, &at, (long)csr->spki.n);

	MUST(key && at == (const unsigned char *)csr->spki.p + csr->spki.n && csr->key_id.n == 20);
	X509_PUBKEY_free(key);
	for (size_t i = 0; i < csr->extension_count; i++) {
		struct bw_str oid = bw_der_oid(a, csr->extensions[i].oid);
		const unsigned char *from = (const unsigned char *)oid.p;
		ASN1_OBJECT *object = bw_str_set(oid) ? d2i_ASN1_OBJECT(NULL, &from, (long)oid.n) : NULL;

		/* Larger numbers than ours are another's, and refused where they are written. */
		MUST(!bw_str_set(oid) || object);
		ASN1_OBJECT_free(object);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str chain = bw_str_make(data, size), certificate = bw_str_cut(&chain, '\0'), pem = bw_str_make(data, size);
	struct bw_authority_facts facts;
	struct bw_arena a;
	struct bw_csr csr;

	bw_arena_init(&a, 16 * 1024 * 1024);
	if (!bw_str_starts(pem, BW_STR("-----")))
		pem = bw_der_pem(&a, "CERTIFICATE REQUEST", pem);
	if (bw_csr_read(pem, &a, &csr) == BW_CSR_GOOD)
		request_check(&csr, &a);
	(void)bw_authority_check(certificate, chain, BW_STR("x"), 1800000000000, &a, &facts);
	bw_arena_free(&a);
	return 0;
}
