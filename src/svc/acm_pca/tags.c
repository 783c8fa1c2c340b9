#include "svc/acm_pca/pca.h"

enum bw_err pca_tags_set(struct bw_call *call, struct bw_pairs *tags, const struct acm_pca_TagList *given)
{
	for (size_t i = 0; i < given->n; i++) {
		if (bw_str_starts_nocase(given->v[i].Key, BW_STR("aws:")))
			return bw_call_fail(call, "InvalidTagException", "%s",
			    "aws: prefixed tag key names are not allowed for external use.");
		for (size_t j = 0; j < i; j++)
			if (bw_str_eq(given->v[i].Key, given->v[j].Key))
				return bw_call_fail(
				    call, "InvalidTagException", "%s", "Duplicate tag keys found.");
		bw_pairs_set(tags, call->arena, given->v[i].Key,
		    bw_str_set(given->v[i].Value) ? given->v[i].Value : BW_STR(""));
	}
	return bw_call_within(call, &pca_tags_quota, tags->n);
}

BW_OP(acm_pca, TagCertificateAuthority, .effect = BW_WRITE, .resource = pca_resource)
{
	struct pca_found *f;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, ~PCA_IN(DELETED)));
	TRY(pca_tags_set(call, &f->a.tags, &in->Tags));
	pca_save(call, f);
	return BW_OK;
}

/* A tag given with a value is removed only if it has that value. */
BW_OP(acm_pca, UntagCertificateAuthority, .effect = BW_WRITE, .resource = pca_resource)
{
	struct pca_found *f;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, ~PCA_IN(DELETED)));
	for (size_t i = 0; i < in->Tags.n; i++) {
		const struct bw_pair *tag = bw_pairs_find(&f->a.tags, in->Tags.v[i].Key);

		if (tag && (!bw_str_set(in->Tags.v[i].Value) || bw_str_eq(tag->value, in->Tags.v[i].Value)))
			bw_pairs_remove(&f->a.tags, in->Tags.v[i].Key);
	}
	pca_save(call, f);
	return BW_OK;
}

BW_OP(acm_pca, ListTags, .effect = BW_READ, .resource = pca_resource)
{
	struct pca_found *f;
	size_t from, to;

	TRY(pca_found(call, &f));
	TRY(pca_page_slice(call, f->a.tags.n, in->NextToken, in->MaxResults, &from, &to, &out->NextToken));
	out->Tags.set = true;
	out->Tags.v = BW_NEW_ARRAY(call->arena, struct acm_pca_Tag, to - from + 1);
	for (size_t i = from; i < to; i++)
		out->Tags.v[out->Tags.n++] =
		    (struct acm_pca_Tag){.Key = f->a.tags.v[i].key, .Value = f->a.tags.v[i].value};
	return BW_OK;
}
