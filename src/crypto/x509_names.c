/* Names that a certificate carries, whole (RFC 5280 sections 4.1.2.4 and 4.2.1.6). */
#include "crypto/x509.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "crypto/pem.h"

static struct bw_str oid_text(const ASN1_OBJECT *o, struct bw_arena *arena)
{
	char text[128];

	return OBJ_obj2txt(text, sizeof text, o, 1) > 0 ? bw_arena_str(arena, bw_str_c(text)) : BW_STR("");
}

static struct bw_str string_text(const ASN1_STRING *s, struct bw_arena *arena)
{
	unsigned char *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, s);
	struct bw_str out = n >= 0 ? bw_arena_str(arena, bw_str_make(utf8, (size_t)n)) : BW_STR("");

	OPENSSL_free(utf8);
	return out;
}

static void dn_take(const X509_NAME *name, struct bw_arena *arena, struct bw_x509_dn *out)
{
	int n = X509_NAME_entry_count(name);

	out->v = BW_NEW_ARRAY(arena, struct bw_x509_part, (size_t)n + 1);
	for (int i = 0; i < n; i++) {
		const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);

		out->v[out->n++] = (struct bw_x509_part){oid_text(X509_NAME_ENTRY_get_object(e), arena),
		    string_text(X509_NAME_ENTRY_get_data(e), arena)};
	}
}

static struct bw_str address_text(const ASN1_STRING *s, struct bw_arena *arena)
{
	char text[INET6_ADDRSTRLEN];
	int n = ASN1_STRING_length(s), family = n == 4 ? AF_INET : AF_INET6;

	if ((n != 4 && n != 16) || !inet_ntop(family, ASN1_STRING_get0_data(s), text, sizeof text))
		return BW_STR("");
	return bw_arena_str(arena, bw_str_c(text));
}

static struct bw_str raw_text(const ASN1_STRING *s, struct bw_arena *arena)
{
	return bw_arena_str(arena, bw_str_make(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)));
}

/* False: of a kind that nobody tells of. */
static bool alt_take(const GENERAL_NAME *g, struct bw_arena *arena, struct bw_x509_name *out)
{
	int type;
	const void *value = GENERAL_NAME_get0_value(g, &type);

	*out = (struct bw_x509_name){0};
	switch (type) {
	case GEN_DNS:
		*out = (struct bw_x509_name){BW_NAME_DNS, raw_text(value, arena)};
		return true;
	case GEN_EMAIL:
		*out = (struct bw_x509_name){BW_NAME_EMAIL, raw_text(value, arena)};
		return true;
	case GEN_URI:
		*out = (struct bw_x509_name){BW_NAME_URI, raw_text(value, arena)};
		return true;
	case GEN_IPADD:
		*out = (struct bw_x509_name){BW_NAME_ADDRESS, address_text(value, arena)};
		return true;
	case GEN_RID:
		*out = (struct bw_x509_name){BW_NAME_REGISTERED, oid_text(value, arena)};
		return true;
	case GEN_DIRNAME:
		out->kind = BW_NAME_DIRECTORY;
		dn_take(value, arena, &out->dn);
		return true;
	default:
		return false;
	}
}

static void alts_take(X509 *cert, struct bw_arena *arena, struct bw_x509_names *out)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int n = all ? sk_GENERAL_NAME_num(all) : 0;

	out->alt = BW_NEW_ARRAY(arena, struct bw_x509_name, (size_t)n + 1);
	for (int i = 0; i < n; i++)
		if (alt_take(sk_GENERAL_NAME_value(all, i), arena, &out->alt[out->alt_count]))
			out->alt_count++;
	GENERAL_NAMES_free(all);
}

enum bw_err bw_x509_names(struct bw_str cert_pem, struct bw_arena *arena, struct bw_x509_names *out)
{
	BIO *bio = bw_pem_open(cert_pem);
	X509 *cert = bw_pem_certificate(bio);

	*out = (struct bw_x509_names){0};
	BIO_free(bio);
	ERR_clear_error();
	CHECK(cert, BW_EINVAL);
	dn_take(X509_get_subject_name(cert), arena, &out->subject);
	dn_take(X509_get_issuer_name(cert), arena, &out->issuer);
	alts_take(cert, arena, out);
	X509_free(cert);
	ERR_clear_error();
	return BW_OK;
}
