/* Extensions of requests and certificates (RFC 5280 section 4.2). */
#include "svc/acm_pca/pca.h"

#include "codec/base64.h"

static enum bw_err invalid(struct bw_call *call, const char *text)
{
	return bw_call_fail(call, "InvalidArgsException", "%s", text);
}

/* ---- The list ---- */

static bool has(const struct pca_extensions *list, struct bw_str oid)
{
	for (size_t i = 0; i < list->n; i++)
		if (bw_str_eq(list->v[i].oid, oid))
			return true;
	return false;
}

void pca_extension_add_all(
    struct bw_call *call, struct pca_extensions *list, const struct bw_x509_extension *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (has(list, v[i].oid))
			continue;
		if (list->n == list->room) {
			struct bw_x509_extension *more =
			    BW_NEW_ARRAY(call->arena, struct bw_x509_extension, 2 * list->room + 16);

			if (list->n)
				memcpy(more, list->v, list->n * sizeof *more);
			list->v = more;
			list->room = 2 * list->room + 16;
		}
		list->v[list->n++] = v[i];
	}
}

void pca_extension_add(
    struct bw_call *call, struct pca_extensions *list, const char *oid, bool critical, struct bw_str value)
{
	pca_extension_add_all(call, list, &(struct bw_x509_extension){bw_str_c(oid), critical, value}, 1);
}

enum bw_err pca_extensions_der(struct bw_call *call, const struct pca_extensions *list, struct bw_str *out)
{
	struct bw_str *parts = BW_NEW_ARRAY(call->arena, struct bw_str, list->n + 1);
	struct bw_arena *a = call->arena;

	for (size_t i = 0; i < list->n; i++) {
		struct bw_str oid = bw_der_oid(a, list->v[i].oid);

		if (!bw_str_set(oid))
			return invalid(call, "An extension's object identifier is not valid.");
		parts[i] = BW_DER(a, BW_DER_SEQUENCE, oid, list->v[i].critical ? bw_der_true(a) : BW_STR_NONE,
		    BW_DER(a, BW_DER_OCTET_STRING, list->v[i].value));
	}
	*out = bw_der_list(a, BW_DER_SEQUENCE, parts, list->n);
	return BW_OK;
}

/* ---- Values ---- */

struct bw_str pca_key_usage_der(struct bw_call *call, const struct acm_pca_KeyUsage *u)
{
	/* In the order of the bits. */
	const struct bw_opt_bool bits[] = {u->DigitalSignature, u->NonRepudiation, u->KeyEncipherment,
	    u->DataEncipherment, u->KeyAgreement, u->KeyCertSign, u->CRLSign, u->EncipherOnly,
	    u->DecipherOnly};
	unsigned set = 0;

	for (unsigned i = 0; i < BW_COUNT(bits); i++)
		if (bits[i].set && bits[i].v)
			set |= 1u << i;
	return bw_der_named_bits(call->arena, set);
}

static enum bw_err method_der(struct bw_call *call, const struct acm_pca_AccessMethod *m, struct bw_str *out)
{
	static const struct {
		const char *name, *oid;
	} methods[] = {
	    {"CA_REPOSITORY", "1.3.6.1.5.5.7.48.5"},
	    {"RESOURCE_PKI_MANIFEST", "1.3.6.1.5.5.7.48.10"},
	    {"RESOURCE_PKI_NOTIFY", "1.3.6.1.5.5.7.48.13"},
	};

	if (bw_str_set(m->AccessMethodType) == bw_str_set(m->CustomObjectIdentifier))
		return invalid(call, "An access method must be given by exactly one of its members.");
	*out = bw_der_oid(call->arena, m->CustomObjectIdentifier);
	for (size_t i = 0; i < BW_COUNT(methods); i++)
		if (bw_str_eq(m->AccessMethodType, bw_str_c(methods[i].name)))
			*out = bw_der_oid(call->arena, bw_str_c(methods[i].oid));
	return bw_str_set(*out) ? BW_OK : invalid(call, "An access method's object identifier is not valid.");
}

enum bw_err pca_access_der(
    struct bw_call *call, const struct acm_pca_AccessDescriptionList *list, struct bw_str *out)
{
	struct bw_str *parts = BW_NEW_ARRAY(call->arena, struct bw_str, list->n + 1);

	for (size_t i = 0; i < list->n; i++) {
		struct bw_str method, location;

		TRY(method_der(call, list->v[i].AccessMethod, &method));
		TRY(pca_general_name_der(call, list->v[i].AccessLocation, &location));
		parts[i] = BW_DER(call->arena, BW_DER_SEQUENCE, method, location);
	}
	*out = bw_der_list(call->arena, BW_DER_SEQUENCE, parts, list->n);
	return BW_OK;
}

static enum bw_err names_der(
    struct bw_call *call, const struct acm_pca_GeneralNameList *list, struct bw_str *out)
{
	struct bw_str *parts = BW_NEW_ARRAY(call->arena, struct bw_str, list->n + 1);

	for (size_t i = 0; i < list->n; i++)
		TRY(pca_general_name_der(call, &list->v[i], &parts[i]));
	*out = bw_der_list(call->arena, BW_DER_SEQUENCE, parts, list->n);
	return BW_OK;
}

static enum bw_err extended_der(
    struct bw_call *call, const struct acm_pca_ExtendedKeyUsageList *list, struct bw_str *out)
{
	static const struct {
		const char *name, *oid;
	} types[] = {
	    {"SERVER_AUTH", "1.3.6.1.5.5.7.3.1"},
	    {"CLIENT_AUTH", "1.3.6.1.5.5.7.3.2"},
	    {"CODE_SIGNING", "1.3.6.1.5.5.7.3.3"},
	    {"EMAIL_PROTECTION", "1.3.6.1.5.5.7.3.4"},
	    {"TIME_STAMPING", "1.3.6.1.5.5.7.3.8"},
	    {"OCSP_SIGNING", "1.3.6.1.5.5.7.3.9"},
	    {"SMART_CARD_LOGIN", "1.3.6.1.4.1.311.20.2.2"},
	    {"DOCUMENT_SIGNING", "1.3.6.1.4.1.311.10.3.12"},
	    {"CERTIFICATE_TRANSPARENCY", "1.3.6.1.4.1.11129.2.4.4"},
	};
	struct bw_str *parts = BW_NEW_ARRAY(call->arena, struct bw_str, list->n + 1);

	for (size_t i = 0; i < list->n; i++) {
		const struct acm_pca_ExtendedKeyUsage *u = &list->v[i];

		if (bw_str_set(u->ExtendedKeyUsageType) == bw_str_set(u->ExtendedKeyUsageObjectIdentifier))
			return invalid(
			    call, "An extended key usage must be given by exactly one of its members.");
		parts[i] = bw_der_oid(call->arena, u->ExtendedKeyUsageObjectIdentifier);
		for (size_t j = 0; j < BW_COUNT(types); j++)
			if (bw_str_eq(u->ExtendedKeyUsageType, bw_str_c(types[j].name)))
				parts[i] = bw_der_oid(call->arena, bw_str_c(types[j].oid));
		if (!bw_str_set(parts[i]))
			return invalid(call, "An extended key usage's object identifier is not valid.");
	}
	*out = bw_der_list(call->arena, BW_DER_SEQUENCE, parts, list->n);
	return BW_OK;
}

static enum bw_err policy_der(
    struct bw_call *call, const struct acm_pca_PolicyInformation *p, struct bw_str *out)
{
	struct bw_arena *a = call->arena;
	struct bw_str *parts = BW_NEW_ARRAY(a, struct bw_str, p->PolicyQualifiers.n + 1),
	              oid = bw_der_oid(a, p->CertPolicyId);

	if (!bw_str_set(oid))
		return invalid(call, "A certificate policy's object identifier is not valid.");
	for (size_t i = 0; i < p->PolicyQualifiers.n; i++) {
		struct bw_str uri = p->PolicyQualifiers.v[i].Qualifier->CpsUri;

		for (size_t j = 0; j < uri.n; j++)
			if (uri.p[j] <= ' ' || uri.p[j] >= 0x7f)
				return invalid(call, "A CpsUri must be of visible ASCII characters.");
		parts[i] = BW_DER(a, BW_DER_SEQUENCE, bw_der_oid(a, BW_STR("1.3.6.1.5.5.7.2.1")),
		    BW_DER(a, BW_DER_IA5, uri));
	}
	*out = BW_DER(a, BW_DER_SEQUENCE, oid,
	    p->PolicyQualifiers.n ? bw_der_list(a, BW_DER_SEQUENCE, parts, p->PolicyQualifiers.n)
	                          : BW_STR_NONE);
	return BW_OK;
}

static enum bw_err policies_der(
    struct bw_call *call, const struct acm_pca_CertificatePolicyList *list, struct bw_str *out)
{
	struct bw_str *parts = BW_NEW_ARRAY(call->arena, struct bw_str, list->n + 1);

	for (size_t i = 0; i < list->n; i++)
		TRY(policy_der(call, &list->v[i], &parts[i]));
	*out = bw_der_list(call->arena, BW_DER_SEQUENCE, parts, list->n);
	return BW_OK;
}

/* ---- ApiPassthrough ---- */

static enum bw_err custom_add(
    struct bw_call *call, struct pca_extensions *list, const struct acm_pca_CustomExtensionList *given)
{
	for (size_t i = 0; i < given->n; i++) {
		struct bw_x509_extension e = {
		    given->v[i].ObjectIdentifier, given->v[i].Critical.set && given->v[i].Critical.v};

		if (bw_base64_decode(given->v[i].Value, call->arena, &e.value) != BW_OK)
			return invalid(call, "The value of a custom extension is not base64.");
		for (size_t j = 0; j < i; j++)
			if (bw_str_eq(given->v[j].ObjectIdentifier, e.oid))
				return invalid(call, "A custom extension is given twice.");
		pca_extension_add_all(call, list, &e, 1);
	}
	return BW_OK;
}

enum bw_err pca_extensions_add(
    struct bw_call *call, struct pca_extensions *list, const struct acm_pca_Extensions *e)
{
	struct bw_str value;

	if (e->SubjectAlternativeNames.n) {
		TRY(names_der(call, &e->SubjectAlternativeNames, &value));
		pca_extension_add(call, list, PCA_OID_SUBJECT_ALT_NAME, false, value);
	}
	if (e->KeyUsage)
		pca_extension_add(call, list, PCA_OID_KEY_USAGE, true, pca_key_usage_der(call, e->KeyUsage));
	if (e->ExtendedKeyUsage.n) {
		TRY(extended_der(call, &e->ExtendedKeyUsage, &value));
		pca_extension_add(call, list, PCA_OID_EXTENDED_KEY_USAGE, false, value);
	}
	if (e->CertificatePolicies.n) {
		TRY(policies_der(call, &e->CertificatePolicies, &value));
		pca_extension_add(call, list, PCA_OID_POLICIES, false, value);
	}
	return custom_add(call, list, &e->CustomExtensions);
}
