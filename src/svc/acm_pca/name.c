/* Names out of the model's shapes (RFC 5280 sections 4.1.2.4 and 4.2.1.6). */
#include "svc/acm_pca/pca.h"

#include "codec/cidr.h"

/* Distinguished names within names: one level is all that makes sense. */
enum { ATTRIBUTES_MAX = 150 };

/* ACM-PCA API Reference, "ASN1Subject": in the model's order. */
static const struct {
	size_t at;
	const char *oid;
	unsigned tag;
} attributes[] = {
#define ATTRIBUTE(member, oid, tag)                                                                          \
	{                                                                                                    \
		offsetof(struct acm_pca_ASN1Subject, member), oid, tag                                       \
	}
    ATTRIBUTE(Country, "2.5.4.6", BW_DER_PRINTABLE),
    ATTRIBUTE(Organization, "2.5.4.10", BW_DER_UTF8),
    ATTRIBUTE(OrganizationalUnit, "2.5.4.11", BW_DER_UTF8),
    ATTRIBUTE(DistinguishedNameQualifier, "2.5.4.46", BW_DER_PRINTABLE),
    ATTRIBUTE(State, "2.5.4.8", BW_DER_UTF8),
    ATTRIBUTE(CommonName, "2.5.4.3", BW_DER_UTF8),
    ATTRIBUTE(SerialNumber, "2.5.4.5", BW_DER_PRINTABLE),
    ATTRIBUTE(Locality, "2.5.4.7", BW_DER_UTF8),
    ATTRIBUTE(Title, "2.5.4.12", BW_DER_UTF8),
    ATTRIBUTE(Surname, "2.5.4.4", BW_DER_UTF8),
    ATTRIBUTE(GivenName, "2.5.4.42", BW_DER_UTF8),
    ATTRIBUTE(Initials, "2.5.4.43", BW_DER_UTF8),
    ATTRIBUTE(Pseudonym, "2.5.4.65", BW_DER_UTF8),
    ATTRIBUTE(GenerationQualifier, "2.5.4.44", BW_DER_UTF8),
};

static enum bw_err invalid(struct bw_call *call, const char *text)
{
	return bw_call_fail(call, "InvalidArgsException", "%s", text);
}

static struct bw_str rdn(struct bw_arena *a, struct bw_str oid, unsigned tag, struct bw_str value)
{
	return BW_DER(a, BW_DER_SET, BW_DER(a, BW_DER_SEQUENCE, oid, BW_DER(a, tag, value)));
}

static enum bw_err custom_der(
    struct bw_call *call, const struct acm_pca_CustomAttributeList *list, struct bw_str *parts, size_t *n)
{
	for (size_t i = 0; i < list->n && i < ATTRIBUTES_MAX; i++) {
		struct bw_str oid = bw_der_oid(call->arena, list->v[i].ObjectIdentifier);

		if (!bw_str_set(oid))
			return invalid(call, "A custom attribute's object identifier is not valid.");
		parts[(*n)++] = rdn(call->arena, oid, BW_DER_UTF8, list->v[i].Value);
	}
	return BW_OK;
}

enum bw_err pca_subject_der(struct bw_call *call, const struct acm_pca_ASN1Subject *s, struct bw_str *out)
{
	struct bw_str parts[BW_COUNT(attributes) + ATTRIBUTES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < BW_COUNT(attributes); i++) {
		struct bw_str value =
		    *(const struct bw_str *)(const void *)((const char *)s + attributes[i].at);

		if (value.n)
			parts[n++] = rdn(call->arena, bw_der_oid(call->arena, bw_str_c(attributes[i].oid)),
			    attributes[i].tag, value);
	}
	if (n && s->CustomAttributes.n)
		return invalid(
		    call, "Custom attributes cannot be used in combination with standard attributes.");
	TRY(custom_der(call, &s->CustomAttributes, parts, &n));
	if (n == 0)
		return invalid(call, "A subject must have at least one attribute.");
	*out = bw_der_list(call->arena, BW_DER_SEQUENCE, parts, n);
	return BW_OK;
}

/* ---- General names ---- */

/* IA5String is ASCII, and a name that is empty or has a control character is none. */
static bool is_ia5(struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return s.n > 0;
}

static enum bw_err text_name(struct bw_call *call, unsigned number, struct bw_str text, struct bw_str *out)
{
	if (!is_ia5(text))
		return invalid(call, "A general name must be of visible ASCII characters.");
	*out = BW_DER(call->arena, BW_DER_CONTEXT + number, text);
	return BW_OK;
}

static enum bw_err address_name(struct bw_call *call, struct bw_str text, struct bw_str *out)
{
	struct bw_cidr address;

	if (bw_cidr_address(text, &address) != BW_OK)
		return invalid(call, "An IpAddress is not an address.");
	*out = BW_DER(call->arena, BW_DER_CONTEXT + 7, bw_str_make(address.bytes, address.v6 ? 16 : 4));
	return BW_OK;
}

static enum bw_err registered_name(struct bw_call *call, struct bw_str text, struct bw_str *out)
{
	struct bw_str oid = bw_der_oid(call->arena, text);

	if (!bw_str_set(oid))
		return invalid(call, "A RegisteredId is not an object identifier.");
	*out = BW_DER(call->arena, BW_DER_CONTEXT + 8,
	    bw_str_sub(oid, 2, oid.n)); /* implicit: without its own tag and length */
	return BW_OK;
}

static enum bw_err other_name(struct bw_call *call, const struct acm_pca_OtherName *o, struct bw_str *out)
{
	struct bw_arena *a = call->arena;
	struct bw_str oid = bw_der_oid(a, o->TypeId);

	if (!bw_str_set(oid))
		return invalid(call, "The TypeId of an OtherName is not an object identifier.");
	*out = BW_DER(
	    a, BW_DER_CONSTRUCTED, oid, BW_DER(a, BW_DER_CONSTRUCTED, BW_DER(a, BW_DER_UTF8, o->Value)));
	return BW_OK;
}

static struct bw_str party_name(struct bw_arena *a, const struct acm_pca_EdiPartyName *e)
{
	struct bw_str assigner = bw_str_set(e->NameAssigner)
	                             ? BW_DER(a, BW_DER_CONSTRUCTED, BW_DER(a, BW_DER_UTF8, e->NameAssigner))
	                             : BW_STR_NONE;

	return BW_DER(a, BW_DER_CONSTRUCTED + 5, assigner,
	    BW_DER(a, BW_DER_CONSTRUCTED + 1, BW_DER(a, BW_DER_UTF8, e->PartyName)));
}

enum bw_err pca_general_name_der(
    struct bw_call *call, const struct acm_pca_GeneralName *g, struct bw_str *out)
{
	size_t set = (g->OtherName != NULL) + bw_str_set(g->Rfc822Name) + bw_str_set(g->DnsName) +
	             (g->DirectoryName != NULL) + (g->EdiPartyName != NULL) +
	             bw_str_set(g->UniformResourceIdentifier) + bw_str_set(g->IpAddress) +
	             bw_str_set(g->RegisteredId);
	struct bw_str name;

	if (set != 1)
		return invalid(call, "A general name must have exactly one of its members set.");
	if (bw_str_set(g->Rfc822Name))
		return text_name(call, 1, g->Rfc822Name, out);
	if (bw_str_set(g->DnsName))
		return text_name(call, 2, g->DnsName, out);
	if (bw_str_set(g->UniformResourceIdentifier))
		return text_name(call, 6, g->UniformResourceIdentifier, out);
	if (bw_str_set(g->IpAddress))
		return address_name(call, g->IpAddress, out);
	if (bw_str_set(g->RegisteredId))
		return registered_name(call, g->RegisteredId, out);
	if (g->OtherName)
		return other_name(call, g->OtherName, out);
	if (g->EdiPartyName) {
		*out = party_name(call->arena, g->EdiPartyName);
		return BW_OK;
	}
	TRY(pca_subject_der(call, g->DirectoryName, &name));
	*out = BW_DER(call->arena, BW_DER_CONSTRUCTED + 4, name);
	return BW_OK;
}
