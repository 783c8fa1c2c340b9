#include "svc/iam/access.h"

/* Whom a report of last access is about. */

struct bw_str iam_holder_type(const struct iam_holder *h)
{
	return h->kind == &iam_user_holder   ? BW_STR("USER")
	       : h->kind == &iam_role_holder ? BW_STR("ROLE")
	                                     : BW_STR("GROUP");
}

enum bw_err iam_access_holder(struct bw_call *call, struct bw_str arn, struct iam_holder *h)
{
	enum bw_err e = iam_holder_find(call, arn, h);
	struct bw_arn parts;

	if (e == BW_OK && bw_arn_parse(arn, &parts) == BW_OK && !bw_str_eq(parts.account, call->account))
		e = BW_ENOTFOUND;
	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "NoSuchEntity", "Arn %.*s was not found.", BW_FMT(arn));
	return e;
}

static void entity_add(struct iam_access_subject *s, const struct iam_holder *h)
{
	for (size_t i = 0; i < s->n; i++)
		if (bw_str_eq(s->entities[i].id, h->id))
			return;
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 16;
		struct iam_access_entity *v = BW_NEW_ARRAY(s->call->arena, struct iam_access_entity, room);

		if (s->n)
			memcpy(v, s->entities, s->n * sizeof *v);
		s->entities = v;
		s->room = room;
	}
	s->entities[s->n++] = (struct iam_access_entity){
	    .arn = bw_iam_arn(s->call->arena, s->call->account, h->kind->kind, h->path, h->name),
	    .name = h->name,
	    .id = h->id,
	    .path = h->path,
	    .type = iam_holder_type(h),
	};
}

static enum bw_err holder_documents(struct iam_access_subject *s, const struct iam_holder *h)
{
	struct iam_managed m;
	struct iam_holder group;

	for (size_t i = 0; i < h->attached->n; i++) {
		TRY(iam_managed_load(s->call, h->attached->v[i], &m));
		bw_strs_add(&s->documents, s->call->arena, iam_managed_document(s->call, &m));
	}
	for (size_t i = 0; i < h->inline_policies->n; i++)
		bw_strs_add(&s->documents, s->call->arena, h->inline_policies->v[i].value);
	for (size_t i = 0; h->groups && i < h->groups->n; i++) {
		TRY(iam_holder_load(s->call, &iam_group_holder, h->groups->v[i], &group));
		TRY(holder_documents(s, &group));
	}
	return BW_OK;
}

static enum bw_err names_under(struct bw_call *call, struct bw_str prefix, struct bw_strs *out)
{
	struct bw_scan scan;
	struct bw_str key;
	enum bw_err e;

	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, call->arena, &key, NULL, NULL)) == BW_OK)
		bw_strs_add(out, call->arena, bw_str_sub(key, prefix.n, key.n));
	bw_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* By the name in lower case, as indices have it. */
static enum bw_err indexed_add(struct iam_access_subject *s, const char *kind, struct bw_str lower);

static enum bw_err members_add(struct iam_access_subject *s, struct bw_str group)
{
	struct bw_strs users = {0};

	TRY(names_under(s->call, bw_member_key(s->call->arena, s->call->account, group, BW_STR("")), &users));
	for (size_t i = 0; i < users.n; i++)
		TRY(indexed_add(s, "user", users.v[i]));
	return BW_OK;
}

static enum bw_err indexed_add(struct iam_access_subject *s, const char *kind, struct bw_str lower)
{
	struct bw_str key = iam_key(s->call, kind, lower);
	struct iam_holder h;
	struct bw_user u;
	struct bw_role r;

	if (strcmp(kind, "group") == 0)
		return members_add(s, lower);
	if (strcmp(kind, "user") == 0) {
		TRY(bw_call_load(s->call, &bw_user_record, key, &u));
		TRY(iam_holder_load(s->call, &iam_user_holder, u.name, &h));
	} else {
		TRY(bw_call_load(s->call, &bw_role_record, key, &r));
		TRY(iam_holder_load(s->call, &iam_role_holder, r.name, &h));
	}
	entity_add(s, &h);
	return BW_OK;
}

static enum bw_err policy_subject(struct iam_access_subject *s, struct bw_str arn)
{
	static const char *const kinds[] = {"user", "group", "role"};
	struct iam_managed m;

	TRY(iam_managed_load(s->call, arn, &m));
	bw_strs_add(&s->documents, s->call->arena, iam_managed_document(s->call, &m));
	for (size_t i = 0; i < BW_COUNT(kinds); i++) {
		struct bw_strs names = {0};

		TRY(names_under(s->call,
		    bw_attached_key(s->call->arena, s->call->account, "attached", arn, kinds[i], BW_STR_NONE),
		    &names));
		for (size_t k = 0; k < names.n; k++)
			TRY(indexed_add(s, kinds[i], names.v[k]));
	}
	return BW_OK;
}

enum bw_err iam_access_subject_load(struct iam_access_subject *s, struct bw_str arn)
{
	struct iam_holder h;
	struct bw_arn parts;

	if (bw_arn_parse(arn, &parts) != BW_OK)
		return bw_call_fail(s->call, "InvalidInput", "Invalid Arn: %.*s", BW_FMT(arn));
	if (bw_str_starts(parts.resource, BW_STR("policy/")))
		return policy_subject(s, arn);
	TRY(iam_access_holder(s->call, arn, &h));
	TRY(holder_documents(s, &h));
	if (h.kind == &iam_group_holder)
		return members_add(s, h.name);
	entity_add(s, &h);
	return BW_OK;
}

enum bw_err iam_access_subject_grants(struct iam_access_subject *s, struct bw_str prefix, bool *grants)
{
	*grants = false;
	for (size_t i = 0; i < s->documents.n && !*grants; i++)
		TRY(iam_document_grants(s->call, s->documents.v[i], prefix, grants));
	return BW_OK;
}
