#include "svc/iam/iam.h"

#include <stdlib.h>

/* IAM User Guide, "Tags for AWS Identity and Access Management resources": keys are kept as given but are the
 * same in any case; the prefix "aws:" is AWS's own. */

static enum bw_err tags_check(struct bw_call *call, const struct iam_tagListType *given)
{
	for (size_t i = 0; i < given->n; i++) {
		if (bw_str_starts_nocase(given->v[i].Key, BW_STR("aws:")))
			return bw_call_fail(call, "InvalidInput",
			    "aws: prefixed tag key names are not allowed for external use.");
		for (size_t j = 0; j < i; j++)
			if (bw_str_eq_nocase(given->v[i].Key, given->v[j].Key))
				return bw_call_fail(call, "InvalidInput",
				    "Duplicate tag keys found. Please note that Tag keys are case "
				    "insensitive.");
	}
	return BW_OK;
}

enum bw_err iam_tags_set(struct bw_call *call, struct bw_pairs *tags, const struct iam_tagListType *given)
{
	TRY(tags_check(call, given));
	for (size_t i = 0; i < given->n; i++) {
		struct bw_str value = bw_str_set(given->v[i].Value) ? given->v[i].Value : BW_STR("");
		struct bw_pair *old = bw_pairs_find_nocase(tags, given->v[i].Key);

		if (old)
			*old = (struct bw_pair){given->v[i].Key, value};
		else
			bw_pairs_set(tags, call->arena, given->v[i].Key, value);
	}
	return bw_call_within(call, &iam_tags_quota, tags->n);
}

void iam_tags_remove(struct bw_call *call, struct bw_pairs *tags, const struct iam_tagKeyListType *keys)
{
	struct bw_pairs kept = {0, BW_NEW_ARRAY(call->arena, struct bw_pair, tags->n)};

	for (size_t i = 0; i < tags->n; i++) {
		size_t k = 0;

		while (k < keys->n && !bw_str_eq_nocase(tags->v[i].key, keys->v[k]))
			k++;
		if (k == keys->n)
			kept.v[kept.n++] = tags->v[i];
	}
	*tags = kept;
}

static void tags_put(struct bw_call *call, const struct bw_pair *v, size_t n, struct iam_tagListType *out)
{
	out->set = true;
	out->n = n;
	out->v = BW_NEW_ARRAY(call->arena, struct iam_Tag, n);
	for (size_t i = 0; i < n; i++)
		out->v[i] = (struct iam_Tag){.Key = v[i].key, .Value = v[i].value};
}

void iam_tags_to_shape(struct bw_call *call, const struct bw_pairs *tags, struct iam_tagListType *out)
{
	if (tags->n)
		tags_put(call, tags->v, tags->n, out);
}

static int by_key(const void *a, const void *b)
{
	return bw_str_cmp(((const struct bw_pair *)a)->key, ((const struct bw_pair *)b)->key);
}

enum bw_err iam_tags_page(struct bw_call *call, const struct bw_pairs *tags, struct bw_str marker,
    struct bw_opt_int max, struct iam_tagListType *out, struct bw_opt_bool *truncated, struct bw_str *next)
{
	struct bw_pair *sorted = BW_NEW_ARRAY(call->arena, struct bw_pair, tags->n);
	size_t from, to;

	if (tags->n) {
		memcpy(sorted, tags->v, tags->n * sizeof *sorted);
		qsort(sorted, tags->n, sizeof *sorted, by_key);
	}
	TRY(bw_page_slice(call, tags->n, marker, max, IAM_PAGE_USUAL, &from, &to, truncated, next));
	tags_put(call, sorted + from, to - from, out);
	return BW_OK;
}
