#include "svc/ec2/ec2.h"

#include "codec/sort.h"

enum { RESOURCES_MAX = 1000 };

/* ---- Tagging ---- */

static enum bw_err resources_state(struct bw_call *call, const struct ec2_ResourceIdList *ids)
{
	for (size_t i = 0; i < ids->n && i < RESOURCES_MAX; i++)
		if (ec2_kind_of(ids->v[i]))
			ec2_about_id(call, ids->v[i]);
	return BW_OK;
}

static enum bw_err create_resource(struct bw_call *call)
{
	return resources_state(call, &((const struct ec2_CreateTagsRequest *)call->in)->Resources);
}

static enum bw_err delete_resource(struct bw_call *call)
{
	return resources_state(call, &((const struct ec2_DeleteTagsRequest *)call->in)->Resources);
}

static enum bw_err id_refuse(struct bw_call *call, struct bw_str id)
{
	return bw_call_fail(call, "InvalidID", "The ID '%.*s' is not valid", BW_FMT(id));
}

/* What is malformed is no id of any kind here (EC2 API Reference, "Error codes": InvalidID). */
static enum bw_err resources_check(struct bw_call *call, const struct ec2_ResourceIdList *ids)
{
	if (ids->n > RESOURCES_MAX)
		return bw_call_fail(call, "InvalidParameterValue",
		    "The maximum number of resources that can be tagged in one request is %d.",
		    RESOURCES_MAX);
	for (size_t i = 0; i < ids->n; i++) {
		const struct ec2_kind *k = ec2_kind_of(ids->v[i]);
		enum bw_err e;

		if (!k)
			return id_refuse(call, ids->v[i]);
		e = ec2_id_check(call, k, ids->v[i]);
		TRY(e == BW_EFAILED ? id_refuse(call, ids->v[i]) : e);
		TRY(ec2_exists(call, k, ids->v[i]));
	}
	return BW_OK;
}

EC2_OP(CreateTags, .effect = BW_WRITE, .resource = create_resource)
{
	TRY(resources_check(call, &in->Resources));
	for (size_t i = 0; i < in->Resources.n; i++) {
		struct bw_pairs tags;

		TRY(ec2_tags_load(call, in->Resources.v[i], &tags));
		TRY(ec2_tags_set(call, &tags, &in->Tags));
		ec2_tags_save(call, in->Resources.v[i], &tags);
	}
	return BW_OK;
}

/* Without a value whatever value goes; with one, also with an empty one, that alone. */
static bool tag_goes(const struct ec2_TagList *asked, const struct bw_pair *tag)
{
	for (size_t i = 0; i < asked->n; i++)
		if (bw_str_eq(asked->v[i].Key, tag->key) &&
		    (!bw_str_set(asked->v[i].Value) || bw_str_eq(asked->v[i].Value, tag->value)))
			return true;
	return asked->n == 0;
}

EC2_OP(DeleteTags, .effect = BW_WRITE, .resource = delete_resource)
{
	TRY(resources_check(call, &in->Resources));
	for (size_t i = 0; i < in->Resources.n; i++) {
		struct bw_pairs tags, kept = {0};

		TRY(ec2_tags_load(call, in->Resources.v[i], &tags));
		kept.v = BW_NEW_ARRAY(call->arena, struct bw_pair, tags.n);
		for (size_t k = 0; k < tags.n; k++)
			if (!tag_goes(&in->Tags, &tags.v[k]))
				kept.v[kept.n++] = tags.v[k];
		if (kept.n < tags.n)
			ec2_tags_save(call, in->Resources.v[i], &kept);
	}
	return BW_OK;
}

/* ---- Describing ---- */

/* One tag of one resource. */
struct tag_item {
	struct bw_str id; /* the resource's and the key: what the list is sorted by */
	struct bw_str key, value, resource, type;
};

static const struct ec2_filter_row tag_filters[] = {
    EC2_FILTER_STR("key", struct tag_item, key),
    EC2_FILTER_STR("resource-id", struct tag_item, resource),
    EC2_FILTER_STR("resource-type", struct tag_item, type),
    EC2_FILTER_STR("value", struct tag_item, value),
};
static const struct ec2_listing tag_listing = {
    NULL, sizeof(struct tag_item), tag_filters, BW_COUNT(tag_filters)};

static int by_id(const void *a, const void *b)
{
	return bw_str_cmp(((const struct tag_item *)a)->id, ((const struct tag_item *)b)->id);
}

struct tag_items {
	struct tag_item *v;
	size_t n, room;
};

static void items_add(
    struct bw_call *call, struct tag_items *items, struct bw_str resource, const struct bw_pairs *tags)
{
	const struct ec2_kind *k = ec2_kind_of(resource);

	if (items->n + tags->n > items->room) {
		size_t room = (items->n + tags->n) * 2;
		struct tag_item *more = BW_NEW_ARRAY(call->arena, struct tag_item, room);

		if (items->n)
			memcpy(more, items->v, items->n * sizeof *more);
		items->v = more;
		items->room = room;
	}
	for (size_t i = 0; i < tags->n; i++)
		items->v[items->n++] = (struct tag_item){
		    .id = bw_arena_printf(call->arena, "%.*s/%.*s", BW_FMT(resource), BW_FMT(tags->v[i].key)),
		    .key = tags->v[i].key,
		    .value = tags->v[i].value,
		    .resource = resource,
		    .type = k ? bw_str_c(k->type) : BW_STR_NONE};
}

static enum bw_err items_read(struct bw_call *call, struct tag_items *items)
{
	struct bw_str prefix = bw_call_key(call, "tags", BW_STR("")), key, bytes;
	struct bw_scan scan;
	enum bw_err e;

	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, call->arena, &key, &bytes, NULL)) == BW_OK) {
		struct ec2_tags t;

		e = bw_record_decode(&ec2_tags_record, bytes, call->arena, &t);
		if (e != BW_OK)
			break;
		items_add(call, items, bw_str_sub(key, prefix.n, key.n), &t.tags);
	}
	bw_scan_end(&scan);
	if (items->n)
		bw_sort(items->v, items->n, sizeof *items->v, by_id);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* The key behind "tag:" is meant as it stands. */
static struct bw_str literal(struct bw_call *call, struct bw_str key)
{
	char *text = bw_arena_alloc(call->arena, key.n * 2);
	size_t n = 0;

	for (size_t i = 0; i < key.n; i++) {
		if (key.p[i] == '*' || key.p[i] == '?' || key.p[i] == '\\')
			text[n++] = '\\';
		text[n++] = key.p[i];
	}
	return bw_str_make(text, n);
}

/* "tag:KEY" as the two filters that it means. */
static struct ec2_FilterList filters_spell(struct bw_call *call, const struct ec2_FilterList *in)
{
	struct ec2_FilterList out = {true, 0, BW_NEW_ARRAY(call->arena, struct ec2_Filter, in->n * 2)};

	for (size_t i = 0; i < in->n; i++) {
		struct ec2_Filter *f = &out.v[out.n++];

		*f = in->v[i];
		if (!bw_str_starts(f->Name, BW_STR("tag:")))
			continue;
		out.v[out.n] = (struct ec2_Filter){BW_STR("value"), f->Values};
		f->Values = (struct ec2_ValueStringList){true, 1, BW_NEW(call->arena, struct bw_str)};
		*f->Values.v = literal(call, bw_str_sub(f->Name, 4, f->Name.n));
		f->Name = BW_STR("key");
		out.n++;
	}
	return out;
}

/* "This value can be between 5 and 1000": the model does not say so. */
static enum bw_err page_check(struct bw_call *call, struct bw_opt_int max)
{
	if (!max.set || (max.v >= 5 && max.v <= 1000))
		return BW_OK;
	return bw_call_fail(call, "InvalidParameterValue",
	    "Value ( %lld ) for parameter maxResults is invalid. Expecting a value %s than or equal to %d.",
	    (long long)max.v, max.v < 5 ? "greater" : "less", max.v < 5 ? 5 : 1000);
}

EC2_OP(DescribeTags, .effect = BW_READ)
{
	struct ec2_FilterList filters = filters_spell(call, &in->Filters);
	struct tag_items items = {0};
	struct ec2_page page;

	TRY(page_check(call, in->MaxResults));
	TRY(items_read(call, &items));
	TRY(ec2_select(
	    call, &tag_listing, items.v, items.n, NULL, &filters, in->NextToken, in->MaxResults, &page));
	out->Tags = (struct ec2_TagDescriptionList){
	    true, page.n, BW_NEW_ARRAY(call->arena, struct ec2_TagDescription, page.n)};
	for (size_t i = 0; i < page.n; i++) {
		const struct tag_item *t = page.items[i];

		out->Tags.v[i] = (struct ec2_TagDescription){
		    .Key = t->key, .ResourceId = t->resource, .ResourceType = t->type, .Value = t->value};
	}
	out->NextToken = page.next_token;
	return BW_OK;
}
