#include "svc/iam/iam_policy.h"

enum bw_err iam_exact_tags_set(
    struct bw_call *call, struct bw_pairs *tags, const struct iam_tagListType *given)
{
	for (size_t i = 0; i < given->n; i++) {
		if (bw_str_starts_nocase(given->v[i].Key, BW_STR("aws:")))
			return bw_call_fail(call, "InvalidInput",
			    "aws: prefixed tag key names are not allowed for external use.");
		for (size_t j = 0; j < i; j++)
			if (bw_str_eq(given->v[i].Key, given->v[j].Key))
				return bw_call_fail(call, "InvalidInput", "Duplicate tag keys found.");
	}
	for (size_t i = 0; i < given->n; i++)
		bw_pairs_set(tags, call->arena, given->v[i].Key,
		    bw_str_set(given->v[i].Value) ? given->v[i].Value : BW_STR(""));
	return bw_call_within(call, &iam_tags_quota, tags->n);
}

void iam_exact_tags_remove(struct bw_pairs *tags, const struct iam_tagKeyListType *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		(void)bw_pairs_remove(tags, keys->v[i]);
}
