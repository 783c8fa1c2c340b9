#include "svc/iam/iam_policy.h"

/* ---- Either owner ---- */

static void from_aws(struct bw_call *call, const struct bw_managed *m, struct iam_managed *out)
{
	*out = (struct iam_managed){
	    .aws = true,
	    .arn = bw_managed_arn(m, call->arena),
	    .path = m->path,
	    .name = m->name,
	    .id = m->policy_id,
	    .created_ms = m->create_date_ms,
	    .updated_ms = m->update_date_ms,
	    .default_version = bw_arena_printf(call->arena, "v%u", m->version),
	    .data = *m,
	};
}

void iam_managed_from_own(struct bw_call *call, const struct bw_managed_policy *own, struct iam_managed *out)
{
	*out = (struct iam_managed){
	    .arn = bw_iam_arn(call->arena, call->account, "policy", own->path, own->name),
	    .path = own->path,
	    .name = own->name,
	    .id = own->id,
	    .description = own->description,
	    .created_ms = own->created_ms,
	    .updated_ms = own->updated_ms,
	    .default_version = bw_arena_printf(call->arena, "v%lld", (long long)own->default_version),
	    .own = *own,
	};
}

/* bw_managed_find takes bare names too; here only an ARN will do. */
static enum bw_err aws_find(struct bw_str arn, struct bw_managed *out)
{
	CHECK(bw_str_starts(arn, BW_STR("arn:aws:iam::aws:policy/")), BW_ENOTFOUND);
	return bw_managed_find(arn, out);
}

bool iam_managed_is_aws(struct bw_str arn)
{
	struct bw_managed m;

	return aws_find(arn, &m) == BW_OK;
}

enum bw_err iam_managed_load(struct bw_call *call, struct bw_str arn, struct iam_managed *out)
{
	struct bw_managed m;
	struct bw_managed_policy own;

	if (aws_find(arn, &m) == BW_OK) {
		from_aws(call, &m, out);
		return BW_OK;
	}
	TRY(iam_policy_load(call, arn, &own));
	iam_managed_from_own(call, &own, out);
	return BW_OK;
}

enum bw_err iam_managed_aws_at(struct bw_call *call, size_t index, struct iam_managed *out)
{
	struct bw_managed m;

	CHECK(index < bw_managed_count(), BW_ENOTFOUND);
	bw_managed_at(index, &m);
	from_aws(call, &m, out);
	return BW_OK;
}

struct bw_str iam_managed_document(struct bw_call *call, const struct iam_managed *m)
{
	const struct bw_pair *document;

	if (m->aws)
		return bw_managed_document(&m->data, call->arena);
	document = bw_pairs_find(&m->own.versions, m->default_version);
	MUST(document != NULL); /* the default version cannot be deleted */
	return document->value;
}

size_t iam_managed_uses(struct bw_call *call, struct bw_str arn, const char *how)
{
	struct bw_str prefix = bw_attached_key(call->arena, call->account, how, arn, NULL, BW_STR_NONE);

	return bw_call_count_under(call, prefix, SIZE_MAX);
}

/* ---- ARNs ---- */

static struct bw_str arn_name(struct bw_str arn)
{
	for (size_t i = arn.n; i > 0; i--)
		if (arn.p[i - 1] == '/')
			return bw_str_sub(arn, i, arn.n);
	return arn;
}

struct bw_str iam_policy_arn_path(struct bw_str arn)
{
	ptrdiff_t slash = bw_str_find(arn, '/', 0);
	struct bw_str name = arn_name(arn);

	return slash < 0 ? BW_STR("/") : bw_str_sub(arn, (size_t)slash, arn.n - name.n - (size_t)slash);
}

/* ---- Shapes ---- */

void iam_attached_to_shape(struct bw_call *call, const struct bw_strs *attached, size_t from, size_t to,
    struct iam_attachedPoliciesListType *out)
{
	out->set = true;
	out->v = BW_NEW_ARRAY(call->arena, struct iam_AttachedPolicy, to - from);
	for (size_t i = from; i < to; i++)
		out->v[out->n++] = (struct iam_AttachedPolicy){
		    .PolicyArn = attached->v[i], .PolicyName = arn_name(attached->v[i])};
}

void iam_versions(struct bw_call *call, const struct iam_managed *m, struct bw_strs *out)
{
	*out = (struct bw_strs){0};
	if (m->aws)
		bw_strs_add(out, call->arena, m->default_version);
	for (size_t i = m->own.versions.n; !m->aws && i > 0; i--)
		bw_strs_add(out, call->arena, m->own.versions.v[i - 1].key);
}

enum bw_err iam_version_to_shape(struct bw_call *call, const struct iam_managed *m, struct bw_str version,
    bool document, struct iam_PolicyVersion *out)
{
	bool is_default = bw_str_eq(version, m->default_version);
	const struct bw_pair *text = bw_pairs_find(&m->own.versions, version);
	const struct bw_pair *date = bw_pairs_find(&m->own.version_dates, version);
	int64_t created_ms = m->updated_ms;

	CHECK(m->aws ? is_default : text != NULL, BW_ENOTFOUND);
	if (!m->aws)
		MUST(date && bw_str_to_i64(date->value, 0, INT64_MAX, &created_ms) == BW_OK);
	out->VersionId = version;
	out->IsDefaultVersion = BW_BOOL(is_default);
	out->CreateDate = BW_TIME(created_ms);
	if (document)
		out->Document = iam_document_encode(call, text ? text->value : iam_managed_document(call, m));
	return BW_OK;
}
