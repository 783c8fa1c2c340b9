#include "crypto/csr.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "crypto/pem.h"

enum { EXTENSIONS_MAX = 150, PEM_MAX = 32 * 1024, RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192 };

/* PEM readers skip what they do not know: nothing else may stand there. */
static bool is_alone(struct bw_str pem)
{
	static const char begin[] = "-----BEGIN ";
	size_t n = 0;

	for (size_t i = 0; i + sizeof begin - 1 <= pem.n; i++)
		n += memcmp(pem.p + i, begin, sizeof begin - 1) == 0;
	return n == 1 && pem.n <= PEM_MAX;
}

static bool is_strong(EVP_PKEY *key)
{
	static const int groups[] = {NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1};
	char name[64];
	size_t n;

	if (key && EVP_PKEY_is_a(key, "RSA"))
		return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN && EVP_PKEY_get_bits(key) <= RSA_BITS_MAX;
	if (!key || !EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, name, sizeof name, &n) != 1)
		return false;
	for (size_t i = 0; i < BW_COUNT(groups); i++)
		if (OBJ_txt2nid(name) == groups[i])
			return true;
	return false;
}

static struct bw_str der_take(struct bw_arena *arena, unsigned char *der, int n)
{
	struct bw_str out = n > 0 ? bw_arena_str(arena, bw_str_make(der, (size_t)n)) : BW_STR_NONE;

	OPENSSL_free(der);
	return out;
}

static struct bw_str name_der(const X509_NAME *name, struct bw_arena *arena)
{
	unsigned char *der = NULL;
	int n = i2d_X509_NAME(name, &der);

	return der_take(arena, der, n);
}

static struct bw_str key_id(const X509_PUBKEY *key, struct bw_arena *arena)
{
	unsigned char digest[20];
	const unsigned char *bits;
	int n;

	if (!key || X509_PUBKEY_get0_param(NULL, &bits, &n, NULL, key) != 1 ||
	    EVP_Digest(bits, (size_t)n, digest, NULL, EVP_sha1(), NULL) != 1)
		return BW_STR_NONE;
	return bw_arena_str(arena, bw_str_make(digest, sizeof digest));
}

enum bw_err bw_spki_id(struct bw_str spki, struct bw_arena *arena, struct bw_str *out)
{
	const unsigned char *at = (const unsigned char *)spki.p;
	X509_PUBKEY *key = d2i_X509_PUBKEY(NULL, &at, (long)spki.n);

	*out = key_id(key, arena);
	X509_PUBKEY_free(key);
	ERR_clear_error();
	return bw_str_set(*out) ? BW_OK : BW_EINVAL;
}

/* ---- Extensions ---- */

static bool extension_take(X509_EXTENSION *e, struct bw_arena *arena, struct bw_csr *out)
{
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(e);
	struct bw_x509_extension *to = &out->extensions[out->extension_count];
	char oid[128];
	int n = OBJ_obj2txt(oid, sizeof oid, X509_EXTENSION_get_object(e), 1);

	if (n <= 0 || (size_t)n >= sizeof oid)
		return false;
	*to = (struct bw_x509_extension){bw_arena_str(arena, bw_str_c(oid)),
	    X509_EXTENSION_get_critical(e) != 0,
	    bw_arena_str(
	        arena, bw_str_make(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)))};
	for (size_t i = 0; i < out->extension_count; i++)
		if (bw_str_eq(out->extensions[i].oid, to->oid))
			return false;
	out->extension_count++;
	return true;
}

static bool extensions_take(X509_REQ *request, struct bw_arena *arena, struct bw_csr *out)
{
	STACK_OF(X509_EXTENSION) *all = X509_REQ_get_extensions(request);
	int n = all ? sk_X509_EXTENSION_num(all) : 0;
	bool good = n <= EXTENSIONS_MAX;

	out->extensions = BW_NEW_ARRAY(arena, struct bw_x509_extension, (size_t)n + 1);
	for (int i = 0; good && i < n; i++)
		good = extension_take(sk_X509_EXTENSION_value(all, i), arena, out);
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	return good;
}

/* ---- The request ---- */

static enum bw_csr_fault request_take(X509_REQ *request, struct bw_arena *arena, struct bw_csr *out)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(request);
	unsigned char *der = NULL;
	int n;

	if (!is_strong(key))
		return BW_CSR_KEY;
	if (X509_REQ_verify(request, key) != 1)
		return BW_CSR_SIGNATURE;
	n = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(request), &der);
	out->spki = der_take(arena, der, n);
	out->subject = name_der(X509_REQ_get_subject_name(request), arena);
	out->key_id = key_id(X509_REQ_get_X509_PUBKEY(request), arena);
	if (!bw_str_set(out->spki) || !bw_str_set(out->subject) || !bw_str_set(out->key_id))
		return BW_CSR_FORM;
	return extensions_take(request, arena, out) ? BW_CSR_GOOD : BW_CSR_EXTENSIONS;
}

enum bw_csr_fault bw_csr_read(struct bw_str pem, struct bw_arena *arena, struct bw_csr *out)
{
	BIO *bio = is_alone(pem) ? bw_pem_open(pem) : NULL;
	X509_REQ *request = bw_pem_request(bio);
	enum bw_csr_fault fault;

	*out = (struct bw_csr){0};
	fault = request ? request_take(request, arena, out) : BW_CSR_FORM;
	X509_REQ_free(request);
	BIO_free(bio);
	ERR_clear_error();
	return fault;
}
