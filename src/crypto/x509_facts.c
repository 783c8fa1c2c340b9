/* What a certificate says, in ACM's words (ACM API Reference, "CertificateDetail"). */
#include "crypto/x509.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "crypto/pem.h"
#include "crypto/x509_parts.h"

static struct bw_str name_text(X509_NAME *name, struct bw_arena *arena)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct bw_str out = BW_STR("");
	char *p;
	long n;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0 &&
	    (n = BIO_get_mem_data(bio, &p)) > 0)
		out = bw_arena_str(arena, bw_str_make(p, (size_t)n));
	BIO_free(bio);
	return out;
}

static struct bw_str entry_text(X509_NAME *name, int nid, struct bw_arena *arena)
{
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	unsigned char *utf8 = NULL;
	struct bw_str out;
	int n;

	if (at < 0)
		return BW_STR_NONE;
	n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (n < 0)
		return BW_STR_NONE;
	out = bw_arena_str(arena, bw_str_make(utf8, (size_t)n));
	OPENSSL_free(utf8);
	return out;
}

static struct bw_str alt_name_text(const GENERAL_NAME *g, struct bw_arena *arena)
{
	char text[INET6_ADDRSTRLEN];
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(g, &type);
	int n = (type == GEN_DNS || type == GEN_IPADD) ? ASN1_STRING_length(value) : 0;

	if (type == GEN_DNS)
		return bw_arena_str(arena, bw_str_make(ASN1_STRING_get0_data(value), (size_t)n));
	if (n == 4 && inet_ntop(AF_INET, ASN1_STRING_get0_data(value), text, sizeof text))
		return bw_arena_str(arena, bw_str_c(text));
	if (n == 16 && inet_ntop(AF_INET6, ASN1_STRING_get0_data(value), text, sizeof text))
		return bw_arena_str(arena, bw_str_c(text));
	return BW_STR_NONE;
}

static void names_take(X509 *cert, struct bw_arena *arena, struct bw_x509_facts *out)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int n = all ? sk_GENERAL_NAME_num(all) : 0;

	out->names = BW_NEW_ARRAY(arena, struct bw_str, (size_t)n + 1);
	for (int i = 0; i < n; i++) {
		struct bw_str name = alt_name_text(sk_GENERAL_NAME_value(all, i), arena);

		if (bw_str_set(name))
			out->names[out->name_count++] = name;
	}
	GENERAL_NAMES_free(all);
}

static struct bw_str key_algorithm(EVP_PKEY *key, struct bw_arena *arena)
{
	char group[64];
	size_t n;

	if (key && EVP_PKEY_is_a(key, "RSA"))
		return bw_arena_printf(arena, "RSA_%d", EVP_PKEY_get_bits(key));
	if (key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, &n) == 1)
		return bw_arena_printf(arena, "EC_%s", group);
	return BW_STR_NONE;
}

static struct bw_str signature_algorithm(X509 *cert, struct bw_arena *arena)
{
	int digest, key;

	if (OBJ_find_sigid_algs(X509_get_signature_nid(cert), &digest, &key) != 1 || digest == NID_undef)
		return bw_arena_str(arena, bw_str_c(OBJ_nid2sn(X509_get_signature_nid(cert))));
	return bw_arena_printf(
	    arena, "%sWITH%s", OBJ_nid2sn(digest), key == NID_X9_62_id_ecPublicKey ? "ECDSA" : "RSA");
}

static const struct {
	uint32_t bit;
	const char *name;
} key_usages[] = {
    {KU_DIGITAL_SIGNATURE, "DIGITAL_SIGNATURE"},
    {KU_NON_REPUDIATION, "NON_REPUDIATION"},
    {KU_KEY_ENCIPHERMENT, "KEY_ENCIPHERMENT"},
    {KU_DATA_ENCIPHERMENT, "DATA_ENCIPHERMENT"},
    {KU_KEY_AGREEMENT, "KEY_AGREEMENT"},
    {KU_KEY_CERT_SIGN, "CERTIFICATE_SIGNING"},
    {KU_CRL_SIGN, "CRL_SIGNING"},
    {KU_ENCIPHER_ONLY, "ENCIPHER_ONLY"},
    {KU_DECIPHER_ONLY, "DECIPHER_ONLY"},
};

static void usages_take(X509 *cert, struct bw_x509_facts *out)
{
	uint32_t bits = X509_get_key_usage(cert);

	out->any_key_usage = bits == UINT32_MAX;
	for (size_t i = 0; !out->any_key_usage && i < BW_COUNT(key_usages); i++)
		if (bits & key_usages[i].bit)
			out->key_usages[out->key_usage_count++] = key_usages[i].name;
}

static const struct {
	int nid;
	const char *name;
} extended_usages[] = {
    {NID_server_auth, "TLS_WEB_SERVER_AUTHENTICATION"},
    {NID_client_auth, "TLS_WEB_CLIENT_AUTHENTICATION"},
    {NID_code_sign, "CODE_SIGNING"},
    {NID_email_protect, "EMAIL_PROTECTION"},
    {NID_time_stamp, "TIME_STAMPING"},
    {NID_OCSP_sign, "OCSP_SIGNING"},
    {NID_ipsecEndSystem, "IPSEC_END_SYSTEM"},
    {NID_ipsecTunnel, "IPSEC_TUNNEL"},
    {NID_ipsecUser, "IPSEC_USER"},
    {NID_anyExtendedKeyUsage, "ANY"},
};

static const char *extended_name(int nid)
{
	for (size_t i = 0; i < BW_COUNT(extended_usages); i++)
		if (extended_usages[i].nid == nid)
			return extended_usages[i].name;
	return "CUSTOM";
}

static void extended_take(X509 *cert, struct bw_arena *arena, struct bw_x509_facts *out)
{
	EXTENDED_KEY_USAGE *all = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	int n = all ? sk_ASN1_OBJECT_num(all) : 0;

	out->extended = BW_NEW_ARRAY(arena, struct bw_x509_use, (size_t)n + 1);
	for (int i = 0; i < n; i++) {
		const ASN1_OBJECT *object = sk_ASN1_OBJECT_value(all, i);
		char oid[128];

		if (OBJ_obj2txt(oid, sizeof oid, object, 1) > 0)
			out->extended[out->extended_count++] =
			    (struct bw_x509_use){extended_name(OBJ_obj2nid(object)), bw_arena_str(arena, bw_str_c(oid))};
	}
	EXTENDED_KEY_USAGE_free(all);
}

enum bw_err bw_x509_facts(struct bw_str cert_pem, struct bw_arena *arena, struct bw_x509_facts *out)
{
	BIO *bio = bw_pem_open(cert_pem);
	X509 *cert = bw_pem_certificate(bio);

	*out = (struct bw_x509_facts){0};
	BIO_free(bio);
	ERR_clear_error();
	CHECK(cert, BW_EINVAL);
	out->common_name = entry_text(X509_get_subject_name(cert), NID_commonName, arena);
	out->subject = name_text(X509_get_subject_name(cert), arena);
	out->issuer = name_text(X509_get_issuer_name(cert), arena);
	out->issuer_name = entry_text(X509_get_issuer_name(cert), NID_organizationName, arena);
	if (!bw_str_set(out->issuer_name))
		out->issuer_name = entry_text(X509_get_issuer_name(cert), NID_commonName, arena);
	out->serial = x509_serial_text(cert, arena);
	names_take(cert, arena, out);
	out->not_before_ms = x509_time_ms(X509_get0_notBefore(cert));
	out->not_after_ms = x509_time_ms(X509_get0_notAfter(cert));
	out->key_algorithm = key_algorithm(X509_get0_pubkey(cert), arena);
	out->signature_algorithm = signature_algorithm(cert, arena);
	usages_take(cert, out);
	extended_take(cert, arena, out);
	X509_free(cert);
	ERR_clear_error();
	return BW_OK;
}
