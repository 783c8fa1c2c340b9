#include "svc/kms/kms.h"

/* AWS KMS Developer Guide, "Tags in AWS KMS". Tag keys are case-sensitive. */

static enum bw_err tags_check(struct bw_call *call, const struct kms_TagList *given)
{
	for (size_t i = 0; i < given->n; i++) {
		if (bw_str_starts_nocase(given->v[i].TagKey, BW_STR("aws:")))
			return bw_call_fail(call, "TagException", "%s", "aws: prefixed tag key names are not allowed for external use.");
		for (size_t j = 0; j < i; j++)
			if (bw_str_eq(given->v[i].TagKey, given->v[j].TagKey))
				return bw_call_fail(call, "TagException", "%s", "Duplicate tag keys");
	}
	return BW_OK;
}

enum bw_err kms_tags_set(struct bw_call *call, struct bw_pairs *tags, const struct kms_TagList *given)
{
	/* Before the quadratic check. */
	TRY(bw_call_within(call, &kms_tags_quota, given->n));
	TRY(tags_check(call, given));
	for (size_t i = 0; i < given->n; i++)
		bw_pairs_set(tags, call->arena, given->v[i].TagKey,
		    bw_str_set(given->v[i].TagValue) ? given->v[i].TagValue : BW_STR(""));
	return bw_call_within(call, &kms_tags_quota, tags->n);
}

void kms_tags_to_shape(struct bw_call *call, const struct bw_pairs *tags, size_t from, size_t to, struct kms_TagList *out)
{
	out->set = true;
	out->v = BW_NEW_ARRAY(call->arena, struct kms_Tag, to - from + 1);
	for (size_t i = from; i < to; i++)
		out->v[out->n++] = (struct kms_Tag){.TagKey = tags->v[i].key, .TagValue = tags->v[i].value};
}

BW_OP(kms, TagResource, .effect = BW_WRITE, .resource = kms_managed_key)
{
	struct kms_found *f;

	TRY(kms_key_of(call, &f));
	TRY(kms_in_state(call, f, KMS_NOT_GOING));
	TRY(kms_tags_set(call, &f->key.tags, &in->Tags));
	kms_key_save(call, f);
	return BW_OK;
}

BW_OP(kms, UntagResource, .effect = BW_WRITE, .resource = kms_managed_key)
{
	struct kms_found *f;

	TRY(kms_key_of(call, &f));
	TRY(kms_in_state(call, f, KMS_NOT_GOING));
	for (size_t i = 0; i < in->TagKeys.n; i++)
		bw_pairs_remove(&f->key.tags, in->TagKeys.v[i]);
	kms_key_save(call, f);
	return BW_OK;
}

BW_OP(kms, ListResourceTags, .effect = BW_READ, .resource = kms_managed_key)
{
	struct kms_found *f;
	size_t from, to;

	TRY(kms_key_of(call, &f));
	TRY(kms_page_slice(
	    call, f->key.tags.n, in->Marker, in->Limit, KMS_PAGE_SMALL, &from, &to, &out->Truncated, &out->NextMarker));
	kms_tags_to_shape(call, &f->key.tags, from, to, &out->Tags);
	return BW_OK;
}
