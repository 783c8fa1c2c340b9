#include "core/tag.h"

#include "core/internal.h"

enum bw_err bw_tags_set(
    struct bw_call *call, struct bw_pairs *tags, const struct bw_quota *quota, const char *doubled)
{
	const struct bw_pairs given = input_tags(call);

	/* Before the quadratic check. */
	TRY(bw_call_within(call, quota, given.n));
	for (size_t i = 0; i < given.n; i++) {
		if (bw_str_starts_nocase(given.v[i].key, BW_STR("aws:")))
			return bw_call_fail(call, "InvalidTagException", "%s",
			    "aws: prefixed tag key names are not allowed for external use.");
		for (size_t j = 0; j < i; j++)
			if (bw_str_eq(given.v[i].key, given.v[j].key))
				return bw_call_fail(call, doubled, "%s", "Duplicate tag keys found.");
		bw_pairs_set(tags, call->arena, given.v[i].key,
		    bw_str_set(given.v[i].value) ? given.v[i].value : BW_STR(""));
	}
	return bw_call_within(call, quota, tags->n);
}

void bw_tags_remove(const struct bw_call *call, struct bw_pairs *tags)
{
	const struct bw_pairs given = input_tags(call);

	for (size_t i = 0; i < given.n; i++) {
		const struct bw_pair *tag = bw_pairs_find(tags, given.v[i].key);

		if (tag && (!bw_str_set(given.v[i].value) || bw_str_eq(tag->value, given.v[i].value)))
			bw_pairs_remove(tags, given.v[i].key);
	}
}
