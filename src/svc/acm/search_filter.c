/* SearchCertificates' filter: a tree of And, Or, Not over single facts of a certificate. */
#include "svc/acm/acm.h"

#include "codec/cidr.h"

/* Every certificate of the quota is held against every part: two full levels of 15. */
enum { PARTS_MAX = 225, DEPTH_MAX = 16 };

/* ---- Checking ---- */

static bool range_is_good(const struct acm_TimestampRange *r)
{
	return !r || !r->Start.set || !r->End.set || r->Start.ms <= r->End.ms;
}

static enum bw_err single_check(struct bw_call *call, const struct acm_CertificateFilter *f)
{
	const struct acm_X509AttributeFilter *x = f->X509AttributeFilter;

	if (!x || (range_is_good(x->NotAfter) && range_is_good(x->NotBefore)))
		return BW_OK;
	return bw_call_fail(
	    call, "ValidationException", "%s", "The end of a time range must not be before its start.");
}

static enum bw_err statement_check(
    struct bw_call *call, const struct acm_CertificateFilterStatement *s, unsigned depth, unsigned *parts)
{
	const struct acm_CertificateFilterStatementList *list = s->And.set ? &s->And : &s->Or;

	if (++*parts > PARTS_MAX || depth > DEPTH_MAX)
		return bw_call_fail(call, "ValidationException",
		    "A filter statement can have at most %d parts, %d deep.", PARTS_MAX, DEPTH_MAX);
	if (s->Filter)
		return single_check(call, s->Filter);
	if (s->Not)
		return statement_check(call, s->Not, depth + 1, parts);
	for (size_t i = 0; i < list->n; i++)
		TRY(statement_check(call, &list->v[i], depth + 1, parts));
	return BW_OK;
}

enum bw_err acm_filter_check(struct bw_call *call, const struct acm_CertificateFilterStatement *s)
{
	unsigned parts = 0;

	return s ? statement_check(call, s, 1, &parts) : BW_OK;
}

/* ---- Matching ---- */

/* Names of hosts and common names are compared without regard to case (RFC 5280 section 7). */
static bool text_matches(struct bw_str text, struct bw_str wanted, struct bw_str how)
{
	if (bw_str_eq(how, BW_STR("EQUALS")))
		return bw_str_eq_nocase(text, wanted);
	for (size_t i = 0; i + wanted.n <= text.n; i++)
		if (bw_str_eq_nocase(bw_str_sub(text, i, wanted.n), wanted))
			return true;
	return false;
}

static bool range_matches(const struct acm_TimestampRange *r, int64_t ms)
{
	return (!r->Start.set || r->Start.ms <= ms) && (!r->End.set || ms <= r->End.ms);
}

static bool is_host(struct bw_str name)
{
	struct bw_cidr address;

	return bw_cidr_address(name, &address) != BW_OK;
}

static bool host_matches(const struct bw_x509_facts *f, const struct acm_DnsNameFilter *wanted)
{
	for (size_t i = 0; i < f->name_count; i++)
		if (is_host(f->names[i]) &&
		    text_matches(f->names[i], wanted->Value, wanted->ComparisonOperator))
			return true;
	return false;
}

static bool usage_matches(const struct bw_x509_facts *f, struct bw_str wanted)
{
	for (size_t i = 0; i < f->key_usage_count; i++)
		if (bw_str_eq(bw_str_c(f->key_usages[i]), wanted))
			return true;
	return f->any_key_usage && bw_str_eq(wanted, BW_STR("ANY"));
}

static bool extended_matches(const struct bw_x509_facts *f, struct bw_str wanted)
{
	for (size_t i = 0; i < f->extended_count; i++)
		if (bw_str_eq(bw_str_c(f->extended[i].name), wanted))
			return true;
	return f->extended_count == 0 && bw_str_eq(wanted, BW_STR("NONE"));
}

static bool attribute_matches(const struct bw_x509_facts *f, const struct acm_X509AttributeFilter *x)
{
	if (x->Subject)
		return bw_str_set(f->common_name) &&
		       text_matches(f->common_name, x->Subject->CommonName->Value,
		           x->Subject->CommonName->ComparisonOperator);
	if (x->SubjectAlternativeName)
		return host_matches(f, x->SubjectAlternativeName->DnsName);
	if (bw_str_set(x->KeyUsage))
		return usage_matches(f, x->KeyUsage);
	if (bw_str_set(x->ExtendedKeyUsage))
		return extended_matches(f, x->ExtendedKeyUsage);
	if (bw_str_set(x->KeyAlgorithm))
		return bw_str_eq(f->key_algorithm, x->KeyAlgorithm);
	if (bw_str_set(x->SerialNumber))
		return bw_str_eq(f->serial, x->SerialNumber);
	return x->NotAfter ? range_matches(x->NotAfter, f->not_after_ms)
	                   : range_matches(x->NotBefore, f->not_before_ms);
}

static bool metadata_matches(const struct bw_call *call, const struct acm_listed *one,
    const struct acm_AcmCertificateMetadataFilter *m)
{
	const struct acm_certificate *c = &one->c;

	if (bw_str_set(m->Status))
		return bw_str_eq(acm_status(call, c, &one->f), m->Status);
	if (bw_str_set(m->Type))
		return bw_str_eq(acm_type_name(c), m->Type);
	if (bw_str_set(m->RenewalStatus))
		return bw_str_eq(acm_renewal_status(c), m->RenewalStatus);
	if (bw_str_set(m->ExportOption))
		return bw_str_eq(acm_export_option(c), m->ExportOption);
	if (m->InUse.set)
		return m->InUse.v == (one->users > 0);
	if (m->Exported.set)
		return m->Exported.v == c->exported;
	if (bw_str_set(m->ValidationMethod))
		return bw_str_eq(c->validation, m->ValidationMethod);
	return false; /* nobody else manages certificates here */
}

static bool single_matches(
    const struct bw_call *call, const struct acm_listed *one, const struct acm_CertificateFilter *f)
{
	if (f->X509AttributeFilter)
		return attribute_matches(&one->f, f->X509AttributeFilter);
	if (f->AcmCertificateMetadataFilter)
		return metadata_matches(call, one, f->AcmCertificateMetadataFilter);
	return bw_str_eq(f->CertificateArn, one->arn);
}

bool acm_filter_matches(
    const struct bw_call *call, const struct acm_listed *one, const struct acm_CertificateFilterStatement *s)
{
	const struct acm_CertificateFilterStatementList *list = s->And.set ? &s->And : &s->Or;

	if (s->Filter)
		return single_matches(call, one, s->Filter);
	if (s->Not)
		return !acm_filter_matches(call, one, s->Not);
	for (size_t i = 0; i < list->n; i++)
		if (acm_filter_matches(call, one, &list->v[i]) != s->And.set)
			return !s->And.set;
	return s->And.set;
}
