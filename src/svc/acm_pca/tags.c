#include "core/tag.h"
#include "svc/acm_pca/pca.h"

enum bw_err pca_tags_set(struct bw_call *call, struct bw_pairs *tags)
{
	return bw_tags_set(call, tags, &pca_tags_quota, "InvalidTagException");
}

BW_OP(acm_pca, TagCertificateAuthority, .effect = BW_WRITE, .resource = pca_resource)
{
	struct pca_found *f;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, ~PCA_IN(DELETED)));
	TRY(pca_tags_set(call, &f->a.tags));
	pca_save(call, f);
	return BW_OK;
}

BW_OP(acm_pca, UntagCertificateAuthority, .effect = BW_WRITE, .resource = pca_resource)
{
	struct pca_found *f;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, ~PCA_IN(DELETED)));
	bw_tags_remove(call, &f->a.tags);
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
