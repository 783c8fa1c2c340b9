/* Names of a certificate in SearchCertificates' shapes. */
#include "svc/acm/acm.h"

/* ACM API Reference, "DistinguishedName"; the identifiers are X.520's. */
static const struct {
	struct bw_str oid;
	size_t at;
} attributes[] = {
#define ATTRIBUTE(oid_, member)                                                                              \
	{                                                                                                    \
		{oid_, sizeof oid_ - 1}, offsetof(struct acm_DistinguishedName, member)                      \
	}
    ATTRIBUTE("2.5.4.3", CommonName),
    ATTRIBUTE("2.5.4.4", Surname),
    ATTRIBUTE("2.5.4.5", SerialNumber),
    ATTRIBUTE("2.5.4.6", Country),
    ATTRIBUTE("2.5.4.7", Locality),
    ATTRIBUTE("2.5.4.8", State),
    ATTRIBUTE("2.5.4.10", Organization),
    ATTRIBUTE("2.5.4.11", OrganizationalUnit),
    ATTRIBUTE("2.5.4.12", Title),
    ATTRIBUTE("2.5.4.42", GivenName),
    ATTRIBUTE("2.5.4.43", Initials),
    ATTRIBUTE("2.5.4.44", GenerationQualifier),
    ATTRIBUTE("2.5.4.46", DistinguishedNameQualifier),
    ATTRIBUTE("2.5.4.65", Pseudonym),
};

/* The member that stands for it; NULL: none does, or it is taken. */
static struct bw_str *member_of(struct acm_DistinguishedName *d, struct bw_str oid)
{
	for (size_t i = 0; i < BW_COUNT(attributes); i++) {
		struct bw_str *member = (struct bw_str *)(void *)((char *)d + attributes[i].at);

		if (bw_str_eq(attributes[i].oid, oid) && !bw_str_set(*member))
			return member;
	}
	return NULL;
}

static struct acm_DistinguishedName *distinguished(struct bw_call *call, const struct bw_x509_dn *dn)
{
	struct acm_DistinguishedName *d = BW_NEW(call->arena, struct acm_DistinguishedName);

	d->DomainComponents.v = BW_NEW_ARRAY(call->arena, struct bw_str, dn->n + 1);
	d->CustomAttributes.v = BW_NEW_ARRAY(call->arena, struct acm_CustomAttribute, dn->n + 1);
	for (size_t i = 0; i < dn->n; i++) {
		struct bw_str *member = member_of(d, dn->v[i].oid);

		if (member)
			*member = dn->v[i].value;
		else if (bw_str_eq(dn->v[i].oid, BW_STR("0.9.2342.19200300.100.1.25")))
			d->DomainComponents.v[d->DomainComponents.n++] = dn->v[i].value;
		else
			d->CustomAttributes.v[d->CustomAttributes.n++] =
			    (struct acm_CustomAttribute){dn->v[i].oid, dn->v[i].value};
	}
	d->DomainComponents.set = d->DomainComponents.n > 0;
	d->CustomAttributes.set = d->CustomAttributes.n > 0;
	return d;
}

static struct acm_GeneralName general(struct bw_call *call, const struct bw_x509_name *name)
{
	switch (name->kind) {
	case BW_NAME_DNS:
		return (struct acm_GeneralName){.DnsName = name->text};
	case BW_NAME_ADDRESS:
		return (struct acm_GeneralName){.IpAddress = name->text};
	case BW_NAME_EMAIL:
		return (struct acm_GeneralName){.Rfc822Name = name->text};
	case BW_NAME_URI:
		return (struct acm_GeneralName){.UniformResourceIdentifier = name->text};
	case BW_NAME_REGISTERED:
		return (struct acm_GeneralName){.RegisteredId = name->text};
	case BW_NAME_DIRECTORY:
		break;
	}
	return (struct acm_GeneralName){.DirectoryName = distinguished(call, &name->dn)};
}

static void usages(struct bw_call *call, const struct bw_x509_facts *f, struct acm_X509Attributes *x)
{
	x->KeyUsages.set = x->ExtendedKeyUsages.set = true;
	x->KeyUsages.v = BW_NEW_ARRAY(call->arena, struct bw_str, f->key_usage_count + 1);
	for (size_t i = 0; i < f->key_usage_count; i++)
		x->KeyUsages.v[x->KeyUsages.n++] = bw_str_c(f->key_usages[i]);
	if (f->any_key_usage)
		x->KeyUsages.v[x->KeyUsages.n++] = BW_STR("ANY");
	x->ExtendedKeyUsages.v = BW_NEW_ARRAY(call->arena, struct bw_str, f->extended_count + 1);
	for (size_t i = 0; i < f->extended_count; i++)
		x->ExtendedKeyUsages.v[x->ExtendedKeyUsages.n++] = bw_str_c(f->extended[i].name);
}

enum bw_err acm_attributes(
    struct bw_call *call, const struct acm_listed *one, struct acm_X509Attributes **out)
{
	const struct bw_x509_facts *f = &one->f;
	struct acm_X509Attributes *x = BW_NEW(call->arena, struct acm_X509Attributes);
	struct bw_x509_names names;

	TRY(bw_x509_names(one->c.cert_pem, call->arena, &names));
	*x = (struct acm_X509Attributes){.Issuer = distinguished(call, &names.issuer),
	    .Subject = distinguished(call, &names.subject),
	    .KeyAlgorithm = f->key_algorithm,
	    .SerialNumber = f->serial,
	    .NotBefore = BW_TIME(f->not_before_ms),
	    .NotAfter = BW_TIME(f->not_after_ms)};
	x->SubjectAlternativeNames.set = true;
	x->SubjectAlternativeNames.v = BW_NEW_ARRAY(call->arena, struct acm_GeneralName, names.alt_count + 1);
	for (size_t i = 0; i < names.alt_count; i++)
		x->SubjectAlternativeNames.v[x->SubjectAlternativeNames.n++] = general(call, &names.alt[i]);
	usages(call, f, x);
	*out = x;
	return BW_OK;
}
