/* Filters and pages of the Describe operations (EC2 User Guide, "Filter resources"): filters must all hold,
 * of a filter's values one. */
#include "svc/ec2/ec2.h"


enum { FILTERS_MAX = 50, FILTER_VALUES_MAX = 200, PAGE_MAX = 1000 };

void ec2_fact(struct ec2_facts *f, struct bw_str value)
{
	if (value.n)
		bw_strs_add(&f->list, f->call->arena, value);
}

void ec2_fact_bool(struct ec2_facts *f, bool value)
{
	ec2_fact(f, value ? BW_STR("true") : BW_STR("false"));
}

void ec2_fact_int(struct ec2_facts *f, int64_t value)
{
	ec2_fact(f, bw_arena_printf(f->call->arena, "%lld", (long long)value));
}

static void facts_of_row(const struct ec2_filter_row *row, const void *item, struct ec2_facts *f)
{
	const char *at = (const char *)item + row->offset;
	const struct bw_strs *list = (const void *)at;

	switch (row->kind) {
	case EC2_FACT_STR:
		ec2_fact(f, *(const struct bw_str *)at);
		return;
	case EC2_FACT_BOOL:
		ec2_fact_bool(f, *(const bool *)at);
		return;
	case EC2_FACT_STRS:
		for (size_t i = 0; i < list->n; i++)
			ec2_fact(f, list->v[i]);
		return;
	case EC2_FACT_FIXED:
		ec2_fact(f, bw_str_c(row->fixed));
		return;
	case EC2_FACT_OWNER:
		ec2_fact(f, f->call->account);
		return;
	case EC2_FACT_OF:
		row->of(f, item);
		return;
	}
}

static struct bw_str item_id(const void *item)
{
	return *(const struct bw_str *)item;
}

static const struct ec2_filter_row *row_find(const struct ec2_listing *l, struct bw_str name)
{
	for (size_t i = 0; i < l->row_count; i++)
		if (bw_str_eq(name, bw_str_c(l->rows[i].name)))
			return &l->rows[i];
	return NULL;
}

static bool names_tags(const struct ec2_listing *l, struct bw_str name)
{
	return l->kind && (bw_str_starts(name, BW_STR("tag:")) || bw_str_eq(name, BW_STR("tag-key")));
}

static enum bw_err facts_of_tags(struct bw_str name, const void *item, struct ec2_facts *f)
{
	struct bw_pairs tags;
	const struct bw_pair *pair;

	TRY(ec2_tags_load(f->call, item_id(item), &tags));
	if (bw_str_eq(name, BW_STR("tag-key"))) {
		for (size_t i = 0; i < tags.n; i++)
			ec2_fact(f, tags.v[i].key);
		return BW_OK;
	}
	pair = bw_pairs_find(&tags, bw_str_sub(name, 4, name.n));
	/* An empty value is a value here. */
	if (pair)
		bw_strs_add(&f->list, f->call->arena, pair->value);
	return BW_OK;
}

static bool any_matches(const struct ec2_Filter *filter, const struct bw_strs *facts)
{
	for (size_t v = 0; v < filter->Values.n; v++)
		for (size_t i = 0; i < facts->n; i++)
			if (ec2_wildcard_match(filter->Values.v[v], facts->v[i]))
				return true;
	return false;
}

static enum bw_err passes(struct bw_call *call, const struct ec2_listing *l,
    const struct ec2_FilterList *filters, const void *item, bool *out)
{
	*out = false;
	for (size_t i = 0; i < filters->n; i++) {
		struct ec2_facts f = {.call = call};
		struct bw_str name = filters->v[i].Name;

		if (names_tags(l, name))
			TRY(facts_of_tags(name, item, &f));
		else
			facts_of_row(row_find(l, name), item, &f);
		if (!any_matches(&filters->v[i], &f.list))
			return BW_OK;
	}
	*out = true;
	return BW_OK;
}

static enum bw_err filters_check(
    struct bw_call *call, const struct ec2_listing *l, const struct ec2_FilterList *filters)
{
	size_t values = 0;

	if (filters->n > FILTERS_MAX)
		return bw_call_fail(call, "FilterLimitExceeded", "%s",
		    "The maximum number of filters in a request has been exceeded.");
	for (size_t i = 0; i < filters->n; i++) {
		struct bw_str name = filters->v[i].Name;

		if (!name.n || (!row_find(l, name) && !names_tags(l, name)))
			return bw_call_fail(
			    call, "InvalidParameterValue", "The filter '%.*s' is invalid", BW_FMT(name));
		if (!filters->v[i].Values.n)
			return bw_call_fail(
			    call, "InvalidParameterValue", "The filter '%.*s' has no values", BW_FMT(name));
		values += filters->v[i].Values.n;
	}
	if (values > FILTER_VALUES_MAX)
		return bw_call_fail(call, "FilterLimitExceeded",
		    "The maximum number of filter values specified on a single call is %d",
		    FILTER_VALUES_MAX);
	return BW_OK;
}

/* Items are sorted by their ids. */
static bool item_find(
    const struct ec2_listing *l, const void *items, size_t count, struct bw_str id, size_t *at)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = bw_str_cmp(item_id((const char *)items + middle * l->item_size), id);

		if (order == 0) {
			*at = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Which items are named: all, when no id is given. */
static enum bw_err ids_mark(struct bw_call *call, const struct ec2_listing *l, const void *items,
    size_t count, const struct bw_any_list *ids, bool **named)
{
	const struct bw_str *v = ids ? ids->v : NULL;
	size_t at;

	*named = BW_NEW_ARRAY(call->arena, bool, count);
	for (size_t i = 0; ids && i < ids->n; i++) {
		TRY(ec2_id_check(call, l->kind, v[i]));
		if (!item_find(l, items, count, v[i], &at))
			return ec2_absent(call, l->kind, v[i]);
		(*named)[at] = true;
	}
	for (size_t i = 0; (!ids || !ids->n) && i < count; i++)
		(*named)[i] = true;
	return BW_OK;
}

/* A token is of the last id shown. */
static enum bw_err token_open(struct bw_call *call, struct bw_str token, struct bw_str *after)
{
	*after = BW_STR("");
	if (!token.n)
		return BW_OK;
	if (bw_marker_open(call, token, after) != BW_OK)
		return bw_call_fail(call, "InvalidNextToken", "%s", "The specified NextToken is not valid.");
	return BW_OK;
}

enum bw_err ec2_select(struct bw_call *call, const struct ec2_listing *l, const void *items, size_t count,
    const void *ids, const struct ec2_FilterList *filters, struct bw_str token, struct bw_opt_int max,
    struct ec2_page *out)
{
	size_t most = max.set ? (size_t)max.v : PAGE_MAX;
	struct bw_str after;
	bool *chosen;

	*out = (struct ec2_page){.items = BW_NEW_ARRAY(call->arena, const void *, count)};
	if (max.set && (max.v < 1 || max.v > PAGE_MAX))
		return bw_call_fail(
		    call, "InvalidMaxResults", "%s", "The specified value for MaxResults is not valid.");
	TRY(ids_mark(call, l, items, count, ids, &chosen));
	TRY(filters_check(call, l, filters));
	TRY(token_open(call, token, &after));
	for (size_t i = 0; i < count; i++) {
		const void *item = (const char *)items + i * l->item_size;
		bool pass;

		if (bw_str_cmp(item_id(item), after) <= 0 || !chosen[i])
			continue;
		TRY(passes(call, l, filters, item, &pass));
		if (!pass)
			continue;
		if (out->n == most) {
			out->next_token = bw_marker_make(call, item_id(out->items[out->n - 1]));
			return BW_OK;
		}
		out->items[out->n++] = item;
	}
	return BW_OK;
}

enum bw_err ec2_select_stored(struct bw_call *call, const struct ec2_listing *l, const void *ids,
    const struct ec2_FilterList *filters, struct bw_str token, struct bw_opt_int max, struct ec2_page *out)
{
	struct bw_network n = bw_network_of(call);
	void *items;
	size_t count;

	TRY(bw_network_all(&n, l->kind->record, &items, &count));
	return ec2_select(call, l, items, count, ids, filters, token, max, out);
}
