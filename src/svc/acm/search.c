/* SearchCertificates: chosen by a filter (search_filter.c), sorted by one fact, shown with all. */
#include "svc/acm/acm.h"

#include "codec/sort.h"

enum { PAGE_USUAL = 100 };

static int64_t issued_ms(const struct acm_certificate *c)
{
	return c->type == ACM_IMPORTED ? 0 : c->renewed_ms ? c->renewed_ms : c->created_ms;
}

static int64_t imported_ms(const struct acm_certificate *c)
{
	return c->type == ACM_IMPORTED ? c->renewed_ms : 0;
}

/* ---- Sorting ---- */

/* What one is sorted by: a number or a text; 0 and absent stand first. */
struct place {
	int64_t number;
	struct bw_str text;
	const struct acm_listed *one;
};

struct sorting {
	const char *name;
	void (*place)(struct bw_call *call, const struct acm_listed *one, struct place *p);
};

#define PLACE(id, what, value)                                                                               \
	static void by_##id(struct bw_call *call, const struct acm_listed *one, struct place *p)             \
	{                                                                                                    \
		(void)call, (void)one;                                                                       \
		p->what = value;                                                                             \
	}
PLACE(created, number, one->c.created_ms)
PLACE(issued, number, issued_ms(&one->c))
PLACE(imported, number, imported_ms(&one->c))
PLACE(revoked, number, one->c.revoked_ms)
PLACE(not_before, number, one->f.not_before_ms)
PLACE(not_after, number, one->f.not_after_ms)
PLACE(exported, number, one->c.exported)
PLACE(in_use, number, one->users > 0)
PLACE(status, text, acm_status(call, &one->c, &one->f))
PLACE(renewal_status, text, acm_renewal_status(&one->c))
PLACE(eligibility, text, acm_eligibility(&one->c, one->users))
PLACE(algorithm, text, one->f.key_algorithm)
PLACE(type, text, acm_type_name(&one->c))
PLACE(validation, text, one->c.validation)
PLACE(arn, text, one->arn)
PLACE(common_name, text, one->f.common_name)
PLACE(export_option, text, acm_export_option(&one->c))
PLACE(nothing, text, BW_STR_NONE)

static const struct sorting sortings[] = {
    {"CREATED_AT", by_created},
    {"ISSUED_AT", by_issued},
    {"IMPORTED_AT", by_imported},
    {"REVOKED_AT", by_revoked},
    {"NOT_BEFORE", by_not_before},
    {"NOT_AFTER", by_not_after},
    {"EXPORTED", by_exported},
    {"IN_USE", by_in_use},
    {"STATUS", by_status},
    {"RENEWAL_STATUS", by_renewal_status},
    {"RENEWAL_ELIGIBILITY", by_eligibility},
    {"KEY_ALGORITHM", by_algorithm},
    {"TYPE", by_type},
    {"CERTIFICATE_ARN", by_arn},
    {"COMMON_NAME", by_common_name},
    {"EXPORT_OPTION", by_export_option},
    {"MANAGED_BY", by_nothing}, /* none of ours has it */
    {"VALIDATION_METHOD", by_validation},
};

/* Those that are alike in it keep one order, so that pages fit together. */
static int in_order(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int order = x->number != y->number ? (x->number < y->number ? -1 : 1) : bw_str_cmp(x->text, y->text);

	return order ? order : bw_str_cmp(x->one->arn, y->one->arn);
}

static struct place *sort(struct bw_call *call, struct acm_listed **all, size_t n, struct bw_str by)
{
	struct place *places = BW_NEW_ARRAY(call->arena, struct place, n + 1);
	size_t at = 0;

	while (bw_str_set(by) && !bw_str_eq(by, bw_str_c(sortings[at].name)))
		at++; /* the model has no others */
	for (size_t i = 0; i < n; i++) {
		places[i].one = all[i];
		sortings[at].place(call, all[i], &places[i]);
	}
	bw_sort(places, n, sizeof *places, in_order);
	return places;
}

/* ---- Showing ---- */

static struct bw_opt_time time_or_none(int64_t ms)
{
	return ms ? BW_TIME(ms) : (struct bw_opt_time){0};
}

static struct acm_CertificateMetadata *metadata(struct bw_call *call, const struct acm_listed *one)
{
	struct acm_CertificateMetadata *wrapper = BW_NEW(call->arena, struct acm_CertificateMetadata);
	struct acm_AcmCertificateMetadata *m = BW_NEW(call->arena, struct acm_AcmCertificateMetadata);
	const struct acm_certificate *c = &one->c;

	*m = (struct acm_AcmCertificateMetadata){.CreatedAt = BW_TIME(c->created_ms),
	    .Exported = BW_BOOL(c->exported),
	    .ImportedAt = time_or_none(imported_ms(c)),
	    .InUse = BW_BOOL(one->users > 0),
	    .IssuedAt = time_or_none(issued_ms(c)),
	    .RenewalEligibility = acm_eligibility(c, one->users),
	    .RevokedAt = time_or_none(c->revoked_ms),
	    .Status = acm_status(call, c, &one->f),
	    .RenewalStatus = acm_renewal_status(c),
	    .Type = acm_type_name(c),
	    .ExportOption = acm_export_option(c),
	    .ValidationMethod = c->validation};
	wrapper->AcmCertificateMetadata = m;
	return wrapper;
}

static bool is_wanted(const struct bw_call *call, const struct acm_listed *one, const void *ctx)
{
	const struct acm_CertificateFilterStatement *s = ctx;

	return !s || acm_filter_matches(call, one, s);
}

BW_OP(acm, SearchCertificates, .effect = BW_READ, .slow = true)
{
	bool down = bw_str_eq(in->SortOrder, BW_STR("DESCENDING"));
	struct acm_listed **all;
	struct place *places;
	size_t n, from, to;

	TRY(acm_filter_check(call, in->FilterStatement));
	TRY(acm_gather(call, is_wanted, in->FilterStatement, &all, &n));
	places = sort(call, all, n, in->SortBy);
	TRY(bw_page_slice(
	    call, n, in->NextToken, in->MaxResults, PAGE_USUAL, &from, &to, NULL, &out->NextToken));
	out->Results.set = true;
	out->Results.v = BW_NEW_ARRAY(call->arena, struct acm_CertificateSearchResult, to - from + 1);
	for (size_t i = from; i < to; i++) {
		const struct acm_listed *one = places[down ? n - 1 - i : i].one;
		struct acm_CertificateSearchResult *r = &out->Results.v[out->Results.n++];

		r->CertificateArn = one->arn;
		r->CertificateMetadata = metadata(call, one);
		TRY(acm_attributes(call, one, &r->X509Attributes));
	}
	return BW_OK;
}
