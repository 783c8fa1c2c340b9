/* Tags stand beside what they tag, one record a resource, so that every kind is tagged in one way (EC2 User
 * Guide, "Tag your Amazon EC2 resources"). */
#include "svc/ec2/ec2.h"

enum {
	TAG_KEY_MAX = 128, /* characters */
	TAG_VALUE_MAX = 256,
	TAGS_MAX = 500, /* whatever the quota: a record has room for them */
};

static const struct bw_field tags_fields[] = {BW_FIELD(1, PAIRS, struct ec2_tags, tags)};
const struct bw_record ec2_tags_record = BW_RECORD("tags", struct ec2_tags, tags_fields);

static struct bw_str tags_key(struct bw_call *call, struct bw_str id)
{
	return bw_call_key(call, "tags", id);
}

enum bw_err ec2_tags_load(struct bw_call *call, struct bw_str id, struct bw_pairs *tags)
{
	struct ec2_tags t = {0};
	enum bw_err e = bw_call_load(call, &ec2_tags_record, tags_key(call, id), &t);

	*tags = e == BW_OK ? t.tags : (struct bw_pairs){0};
	return e == BW_ENOTFOUND ? BW_OK : e;
}

void ec2_tags_save(struct bw_call *call, struct bw_str id, const struct bw_pairs *tags)
{
	struct ec2_tags t = {.tags = *tags};

	if (tags->n)
		bw_call_save(call, &ec2_tags_record, tags_key(call, id), &t);
	else
		bw_call_delete(call, tags_key(call, id));
}

void ec2_tags_delete(struct bw_call *call, struct bw_str id)
{
	bw_call_delete(call, tags_key(call, id));
}

static void tags_shape(struct bw_call *call, const struct bw_pairs *tags, struct ec2_TagList *out)
{
	*out = (struct ec2_TagList){tags->n > 0, tags->n, BW_NEW_ARRAY(call->arena, struct ec2_Tag, tags->n)};
	for (size_t i = 0; i < tags->n; i++)
		out->v[i] = (struct ec2_Tag){.Key = tags->v[i].key, .Value = tags->v[i].value};
}

enum bw_err ec2_tags_shape(struct bw_call *call, struct bw_str id, struct ec2_TagList *out)
{
	struct bw_pairs tags;

	TRY(ec2_tags_load(call, id, &tags));
	tags_shape(call, &tags, out);
	return BW_OK;
}

static size_t characters(struct bw_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static enum bw_err tag_check(struct bw_call *call, const struct ec2_TagList *given, size_t i)
{
	struct bw_str key = given->v[i].Key;

	if (!key.n)
		return bw_call_fail(call, "InvalidParameterValue", "%s", "Tag keys cannot be empty.");
	if (bw_str_starts_nocase(key, BW_STR("aws:")))
		return bw_call_fail(call, "InvalidParameterValue",
		    "Value ( %.*s ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved "
		    "for "
		    "internal use",
		    BW_FMT(key));
	if (characters(key) > TAG_KEY_MAX)
		return bw_call_fail(call, "InvalidParameterValue",
		    "Tag key exceeds the maximum length of %d characters", TAG_KEY_MAX);
	if (characters(given->v[i].Value) > TAG_VALUE_MAX)
		return bw_call_fail(call, "InvalidParameterValue",
		    "Tag value exceeds the maximum length of %d characters", TAG_VALUE_MAX);
	for (size_t j = 0; j < i; j++)
		if (bw_str_eq(given->v[j].Key, key))
			return bw_call_fail(call, "InvalidParameterValue",
			    "Duplicate tag key '%.*s' specified.", BW_FMT(key));
	return BW_OK;
}

enum bw_err ec2_tags_set(struct bw_call *call, struct bw_pairs *tags, const struct ec2_TagList *given)
{
	/* Each is compared with those before it. */
	TRY(bw_call_within(call, &ec2_tags_quota, given->n));
	for (size_t i = 0; i < given->n; i++) {
		TRY(tag_check(call, given, i));
		bw_pairs_set(tags, call->arena, given->v[i].Key,
		    bw_str_set(given->v[i].Value) ? given->v[i].Value : BW_STR(""));
	}
	if (tags->n > TAGS_MAX)
		return bw_call_within(call, &ec2_tags_quota, SIZE_MAX >> 1);
	return bw_call_within(call, &ec2_tags_quota, tags->n);
}

/* One specification alone: the decision and what is stored must be about the same tags. */
static enum bw_err spec_check(
    struct bw_call *call, const struct ec2_kind *k, const struct ec2_TagSpecificationList *specs, size_t i)
{
	struct bw_str type = specs->v[i].ResourceType;

	if (!type.n)
		return bw_call_fail(
		    call, "InvalidParameterValue", "%s", "Tag specification resource type must have a value");
	if (!bw_str_eq(type, bw_str_c(k->type)))
		return bw_call_fail(call, "InvalidParameterValue",
		    "'%.*s' is not a valid taggable resource type for this operation.", BW_FMT(type));
	if (i > 0)
		return bw_call_fail(call, "InvalidParameterValue",
		    "Tag specification resource type '%.*s' may be specified only once", BW_FMT(type));
	return BW_OK;
}

enum bw_err ec2_tags_new(struct bw_call *call, const struct ec2_kind *k, struct bw_str id,
    const struct ec2_TagSpecificationList *specs, struct ec2_TagList *out)
{
	struct bw_pairs tags = {0};

	for (size_t i = 0; i < specs->n; i++) {
		TRY(spec_check(call, k, specs, i));
		TRY(ec2_tags_set(call, &tags, &specs->v[i].Tags));
	}
	if (tags.n)
		ec2_tags_save(call, id, &tags);
	if (out)
		tags_shape(call, &tags, out);
	return BW_OK;
}
