#include "svc/acm/acm.h"

#include "codec/sort.h"

static bool has(const struct bw_str *v, size_t n, struct bw_str name)
{
	for (size_t i = 0; i < n; i++)
		if (bw_str_eq(v[i], name) || bw_str_eq(v[i], BW_STR("ANY")))
			return true;
	return false;
}

/* ACM API Reference, "ListCertificates": without key types only RSA_2048 (and 1024) are listed. */
static bool is_wanted(const struct bw_call *call, const struct acm_listed *one, const void *ctx)
{
	const IN_acm_ListCertificates *in = ctx;
	const struct bw_x509_facts *f = &one->f;
	const struct acm_Filters *only = in->Includes;
	bool usage = !only || only->keyUsage.n == 0, extended = !only || only->extendedKeyUsage.n == 0;

	if (in->CertificateStatuses.n &&
	    !has(in->CertificateStatuses.v, in->CertificateStatuses.n, acm_status(call, &one->c, f)))
		return false;
	if (only && only->keyTypes.n ? !has(only->keyTypes.v, only->keyTypes.n, f->key_algorithm)
	                             : !bw_str_eq(f->key_algorithm, BW_STR("RSA_2048")))
		return false;
	for (size_t i = 0; !usage && i < f->key_usage_count; i++)
		usage = has(only->keyUsage.v, only->keyUsage.n, bw_str_c(f->key_usages[i]));
	for (size_t i = 0; !extended && i < f->extended_count; i++)
		extended =
		    has(only->extendedKeyUsage.v, only->extendedKeyUsage.n, bw_str_c(f->extended[i].name));
	return usage && extended;
}

static void entry(struct bw_call *call, const struct acm_listed *one, struct acm_CertificateSummary *s)
{
	const struct acm_certificate *c = &one->c;
	const struct bw_x509_facts *f = &one->f;

	*s = (struct acm_CertificateSummary){.CertificateArn = one->arn,
	    .DomainName = acm_domain(c, f),
	    .SubjectAlternativeNameSummaries = {true, f->name_count, f->names},
	    .HasAdditionalSubjectAlternativeNames = BW_BOOL(false),
	    .Status = acm_status(call, &one->c, f),
	    .Type = acm_type_name(c),
	    .KeyAlgorithm = acm_algorithm_text(call, f->key_algorithm),
	    .InUse = BW_BOOL(one->users > 0),
	    .Exported = BW_BOOL(c->exported),
	    .RenewalEligibility = acm_eligibility(c, one->users),
	    .NotBefore = BW_TIME(f->not_before_ms),
	    .NotAfter = BW_TIME(f->not_after_ms),
	    .CreatedAt = BW_TIME(c->created_ms)};
	if (c->type == ACM_IMPORTED)
		s->ImportedAt = BW_TIME(c->renewed_ms);
	else
		s->IssuedAt = BW_TIME(c->renewed_ms ? c->renewed_ms : c->created_ms);
	if (c->revoked_ms)
		s->RevokedAt = BW_TIME(c->revoked_ms);
	s->KeyUsages.set = s->ExtendedKeyUsages.set = true;
	s->KeyUsages.v = BW_NEW_ARRAY(call->arena, struct bw_str, f->key_usage_count + 1);
	for (size_t i = 0; i < f->key_usage_count; i++)
		s->KeyUsages.v[s->KeyUsages.n++] = bw_str_c(f->key_usages[i]);
	s->ExtendedKeyUsages.v = BW_NEW_ARRAY(call->arena, struct bw_str, f->extended_count + 1);
	for (size_t i = 0; i < f->extended_count; i++)
		s->ExtendedKeyUsages.v[s->ExtendedKeyUsages.n++] = bw_str_c(f->extended[i].name);
}

/* What is known of one certificate, to choose and to list it by. */
static enum bw_err look(struct bw_call *call, struct acm_listed *one)
{
	struct bw_strs users;

	one->arn = acm_arn(call, one->c.id);
	TRY(acm_facts(call, &one->c, &one->f));
	TRY(bw_certificate_users(call, one->arn, &users));
	one->users = users.n;
	return BW_OK;
}

enum bw_err acm_gather(struct bw_call *call,
    bool (*wanted)(const struct bw_call *call, const struct acm_listed *one, const void *ctx),
    const void *ctx, struct acm_listed ***out, size_t *n)
{
	size_t room = (size_t)bw_call_taken(call, &acm_certificates_quota, call->region);
	struct bw_page page;
	struct acm_listed one;
	enum bw_err e;

	*n = 0;
	*out = BW_NEW_ARRAY(call->arena, struct acm_listed *, room + 1);
	TRY(bw_page_begin(call, bw_call_key(call, "certificate", BW_STR_NONE), BW_STR_NONE,
	    BW_INT((int64_t)room), 0, &page));
	while ((e = bw_page_next(call, &page, &acm_certificate_record, &one.c, NULL)) == BW_OK) {
		e = look(call, &one);
		if (e != BW_OK)
			break;
		if (!wanted(call, &one, ctx))
			continue;
		(*out)[*n] = BW_NEW(call->arena, struct acm_listed);
		*(*out)[(*n)++] = one;
	}
	bw_scan_end(&page.scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static int by_creation(const void *a, const void *b)
{
	int64_t x = (*(struct acm_listed *const *)a)->c.created_ms,
	        y = (*(struct acm_listed *const *)b)->c.created_ms;

	return x < y ? -1 : x > y;
}

BW_OP(acm, ListCertificates, .effect = BW_READ, .slow = true)
{
	bool down = bw_str_eq(in->SortOrder, BW_STR("DESCENDING"));
	struct acm_listed **all;
	size_t n, from, to;

	if (bw_str_set(in->SortBy) != bw_str_set(in->SortOrder))
		return bw_call_fail(
		    call, "ValidationException", "%s", "SortBy and SortOrder must be given together.");
	TRY(acm_gather(call, is_wanted, in, &all, &n));
	if (bw_str_set(in->SortBy))
		bw_sort(all, n, sizeof *all, by_creation);
	TRY(bw_page_slice(call, n, in->NextToken, in->MaxItems, 100, &from, &to, NULL, &out->NextToken));
	out->CertificateSummaryList.set = true;
	out->CertificateSummaryList.v =
	    BW_NEW_ARRAY(call->arena, struct acm_CertificateSummary, to - from + 1);
	for (size_t i = from; i < to; i++)
		entry(call, all[down ? n - 1 - i : i],
		    &out->CertificateSummaryList.v[out->CertificateSummaryList.n++]);
	return BW_OK;
}
