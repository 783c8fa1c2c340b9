/* The certificate that an authority is given: its own facts, and whether what is above it allows it. */
#include "crypto/csr.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "crypto/pem.h"
#include "crypto/x509_parts.h"

/* A chain of AWS's may be 2 MiB; no path is that long. */
enum { CHAIN_MAX = 10, PEM_MAX = 2 * 1024 * 1024 };

/* NULL: not certificates alone, at least one and at most `most`. */
static STACK_OF(X509) * certificates_read(struct bw_str pem, size_t most)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	size_t n = bw_pem_blocks(pem);
	BIO *bio = all && n && n <= most && pem.n <= PEM_MAX ? bw_pem_open(pem) : NULL;
	X509 *cert;

	while ((cert = bw_pem_certificate(bio)))
		if (!X509_get0_pubkey(cert) || sk_X509_push(all, cert) <= 0)
			X509_free(cert);
	BIO_free(bio);
	ERR_clear_error();
	if (n && (size_t)sk_X509_num(all) == n)
		return all;
	sk_X509_pop_free(all, X509_free);
	return NULL;
}

static bool has_key(X509 *cert, struct bw_str spki)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool same = n > 0 && bw_str_eq(bw_str_make(der, (size_t)n), spki);

	OPENSSL_free(der);
	return same;
}

/* ACM-PCA API Reference, "ImportCertificateAuthorityCertificate": what may be critical. */
static bool criticals_are_good(X509 *cert)
{
	static const int allowed[] = {NID_authority_key_identifier, NID_basic_constraints,
	    NID_certificate_policies, NID_ext_key_usage, NID_inhibit_any_policy, NID_issuer_alt_name,
	    NID_key_usage, NID_name_constraints, NID_policy_mappings, NID_subject_alt_name,
	    NID_subject_directory_attributes, NID_subject_key_identifier, NID_sinfo_access};

	for (int i = 0; i < X509_get_ext_count(cert); i++) {
		X509_EXTENSION *e = X509_get_ext(cert, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));
		bool good = !X509_EXTENSION_get_critical(e);

		for (size_t j = 0; !good && j < BW_COUNT(allowed); j++)
			good = allowed[j] == nid;
		if (!good)
			return false;
	}
	return true;
}

static bool is_authority(X509 *cert)
{
	int at = X509_get_ext_by_NID(cert, NID_basic_constraints, -1);

	/* Key usage that is absent would allow all; an authority says it. */
	return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(cert, at)) && X509_check_ca(cert) == 1 &&
	       X509_get_key_usage(cert) != UINT32_MAX && (X509_get_key_usage(cert) & KU_KEY_CERT_SIGN);
}

static enum bw_authority_fault facts_take(
    X509 *cert, struct bw_str spki, struct bw_arena *arena, struct bw_authority_facts *out)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(cert);
	unsigned char *der = NULL;
	int n = i2d_X509_NAME(X509_get_subject_name(cert), &der);

	if (n > 0)
		out->subject = bw_arena_str(arena, bw_str_make(der, (size_t)n));
	OPENSSL_free(der);
	out->not_before_ms = x509_time_ms(X509_get0_notBefore(cert));
	out->not_after_ms = x509_time_ms(X509_get0_notAfter(cert));
	out->path_length = X509_get_pathlen(cert);
	out->serial = x509_serial_text(cert, arena);
	if (id)
		out->key_id = bw_arena_str(
		    arena, bw_str_make(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)));
	else if (bw_spki_id(spki, arena, &out->key_id) != BW_OK)
		return BW_AUTHORITY_FORM;
	return n > 0 ? BW_AUTHORITY_GOOD : BW_AUTHORITY_FORM;
}

static bool is_chain(X509 *cert, STACK_OF(X509) * chain)
{
	X509 *below = cert;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *above = sk_X509_value(chain, i);

		/* A root is where it ends. */
		if (X509_self_signed(below, 0) == 1 || X509_check_issued(above, below) != X509_V_OK ||
		    X509_verify(below, X509_get0_pubkey(above)) != 1)
			return false;
		below = above;
	}
	return X509_self_signed(below, 1) == 1;
}

/* The whole path, as one who trusts its root would look at it. */
static bool is_allowed(X509 *cert, STACK_OF(X509) * chain, int64_t now_ms)
{
	X509_STORE *trusted = X509_STORE_new();
	X509_STORE_CTX *c = X509_STORE_CTX_new();
	X509 *root = chain ? sk_X509_value(chain, sk_X509_num(chain) - 1) : cert;
	bool good = trusted && c && X509_STORE_add_cert(trusted, root) == 1 &&
	            X509_STORE_CTX_init(c, trusted, cert, chain) == 1;

	if (good) {
		X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(c), (time_t)(now_ms / 1000));
		X509_VERIFY_PARAM_set_depth(X509_STORE_CTX_get0_param(c), CHAIN_MAX);
		good = X509_verify_cert(c) == 1;
	}
	X509_STORE_CTX_free(c);
	X509_STORE_free(trusted);
	ERR_clear_error();
	return good;
}

static bool all_criticals_are_good(STACK_OF(X509) * chain)
{
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (!criticals_are_good(sk_X509_value(chain, i)))
			return false;
	return true;
}

static enum bw_authority_fault check(X509 *cert, STACK_OF(X509) * chain, struct bw_str spki, int64_t now_ms,
    struct bw_arena *arena, struct bw_authority_facts *out)
{
	enum bw_authority_fault fault;

	if (!has_key(cert, spki))
		return BW_AUTHORITY_KEY;
	if (!is_authority(cert))
		return BW_AUTHORITY_NO_CA;
	if (!criticals_are_good(cert) || !all_criticals_are_good(chain))
		return BW_AUTHORITY_CRITICAL;
	fault = facts_take(cert, spki, arena, out);
	if (fault != BW_AUTHORITY_GOOD)
		return fault;
	if (out->not_before_ms > now_ms || out->not_after_ms <= now_ms)
		return BW_AUTHORITY_TIME;
	if ((X509_self_signed(cert, 1) == 1) != (chain == NULL))
		return BW_AUTHORITY_SELF;
	if (chain && !is_chain(cert, chain))
		return BW_AUTHORITY_CHAIN;
	return is_allowed(cert, chain, now_ms) ? BW_AUTHORITY_GOOD : BW_AUTHORITY_PATH;
}

enum bw_authority_fault bw_authority_check(struct bw_str certificate, struct bw_str chain, struct bw_str spki,
    int64_t now_ms, struct bw_arena *arena, struct bw_authority_facts *out)
{
	STACK_OF(X509) *own = certificates_read(certificate, 1);
	STACK_OF(X509) *above = bw_str_set(chain) ? certificates_read(chain, CHAIN_MAX) : NULL;
	enum bw_authority_fault fault = BW_AUTHORITY_FORM;

	*out = (struct bw_authority_facts){0};
	if (own && bw_str_set(chain) && !above)
		fault = BW_AUTHORITY_CHAIN;
	else if (own)
		fault = check(sk_X509_value(own, 0), above, spki, now_ms, arena, out);
	sk_X509_pop_free(own, X509_free);
	sk_X509_pop_free(above, X509_free);
	ERR_clear_error();
	return fault;
}
