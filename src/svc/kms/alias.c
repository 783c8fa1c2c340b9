#include "svc/kms/kms.h"

/* Aliases (AWS KMS Developer Guide, "Aliases in AWS KMS"). An alias is its own resource, and what is done to it needs the
 * permission on the keys it points to, too. The key's record lists its aliases, for kms:ResourceAliases. */

static struct bw_str alias_key(struct bw_call *call, struct bw_str name)
{
	return kms_store_key(call->arena, call->account, call->region, "alias", name);
}

static enum bw_err alias_load(struct bw_call *call, struct bw_str name, struct kms_alias *out)
{
	enum bw_err e = bw_call_load(call, &kms_alias_record, alias_key(call, name), out);

	return e != BW_ENOTFOUND ? e
	                         : bw_call_fail(call, "NotFoundException", "Alias %.*s is not found.",
	                               BW_FMT(kms_alias_arn(call, name)));
}

static enum bw_err name_check(struct bw_call *call, struct bw_str name)
{
	struct bw_str rest = bw_str_sub(name, 6, name.n);

	if (!bw_str_starts(name, BW_STR("alias/")) || rest.n == 0)
		return bw_call_fail(call, "ValidationException", "%s",
		    "Alias must start with the prefix \"alias/\". Please see "
		    "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html");
	if (bw_str_find(rest, ':', 0) >= 0)
		return bw_call_fail(
		    call, "ValidationException", "%.*s contains invalid characters for an alias", BW_FMT(name));
	if (bw_str_starts(rest, BW_STR("aws/")))
		return bw_call_fail(call, "NotAuthorizedException", "%s", "");
	return BW_OK;
}

/* What an alias call is about: the alias, the key it shall point to, the key it points to. */
struct about {
	struct kms_found target, old;
};

static enum bw_err alias_resource(struct bw_call *call)
{
	struct bw_str name = bw_call_input(call, "AliasName"), target = bw_call_input(call, "TargetKeyId");
	struct bw_str action = bw_str_c(bw_at(call->model->action));
	struct about *a = BW_NEW(call->arena, struct about);
	struct bw_also *also;
	struct kms_alias alias;
	enum bw_err e;

	call->state = a;
	bw_call_resource(call, kms_alias_arn(call, name));
	bw_call_context(call, BW_STR("kms:CallerAccount"), call->account);
	a->target.as = a->old.as = KMS_NO_KEY;
	if (bw_str_set(target)) {
		TRY(kms_find(call, target, false, &a->target));
		TRY(kms_also_about(call, action, &a->target, &also));
	}
	e = bw_call_load(call, &kms_alias_record, alias_key(call, name), &alias);
	if (e == BW_ENOTFOUND)
		return BW_OK;
	TRY(e);
	TRY(kms_find_in(call, call->account, call->region, alias.key_id, &a->old));
	/* CreateAlias on a name that is taken changes nothing of the key it is taken by. */
	if (strcmp(bw_at(call->model->name), "CreateAlias") == 0)
		return BW_OK;
	return kms_also_about(call, action, &a->old, &also);
}

static enum bw_err target_check(struct bw_call *call, const struct kms_found *f)
{
	TRY(kms_must_exist(call, f));
	TRY(kms_in_state(call, f, KMS_NOT_GOING));
	if (!bw_str_eq(f->account, call->account))
		return bw_call_fail(call, "NotFoundException", "Key '%.*s' does not exist", BW_FMT(f->arn));
	return BW_OK;
}

BW_OP(kms, CreateAlias, .effect = BW_WRITE, .resource = alias_resource)
{
	struct about *a = call->state;
	struct kms_alias alias = {
	    .name = in->AliasName, .key_id = a->target.id, .created_ms = call->now_ms, .updated_ms = call->now_ms};

	TRY(name_check(call, in->AliasName));
	TRY(target_check(call, &a->target));
	if (bw_call_exists(call, alias_key(call, in->AliasName)))
		return bw_call_fail(call, "AlreadyExistsException", "An alias with the name %.*s already exists",
		    BW_FMT(kms_alias_arn(call, in->AliasName)));
	bw_strs_add(&a->target.key.aliases, call->arena, in->AliasName);
	TRY(bw_call_within(call, &kms_aliases_quota, a->target.key.aliases.n));
	kms_key_save(call, &a->target);
	bw_call_save(call, &kms_alias_record, alias_key(call, in->AliasName), &alias);
	return BW_OK;
}

static bool same_kind(const struct kms_key *a, const struct kms_key *b)
{
	return kms_specs[a->spec].asymmetric == kms_specs[b->spec].asymmetric && a->usage == b->usage;
}

BW_OP(kms, UpdateAlias, .effect = BW_WRITE, .resource = alias_resource)
{
	struct about *a = call->state;
	struct kms_alias alias;

	TRY(name_check(call, in->AliasName));
	TRY(alias_load(call, in->AliasName, &alias));
	TRY(target_check(call, &a->target));
	if (bw_str_eq(alias.key_id, a->target.id))
		return BW_OK;
	if (a->old.as == KMS_FOUND && !same_kind(&a->old.key, &a->target.key))
		return bw_call_fail(call, "ValidationException", "%s",
		    "The current and new KMS keys of an alias must be the same type and have the same key usage.");
	if (a->old.as == KMS_FOUND) {
		bw_strs_remove(&a->old.key.aliases, in->AliasName);
		kms_key_save(call, &a->old);
	}
	bw_strs_add(&a->target.key.aliases, call->arena, in->AliasName);
	TRY(bw_call_within(call, &kms_aliases_quota, a->target.key.aliases.n));
	kms_key_save(call, &a->target);
	alias.key_id = a->target.id;
	alias.updated_ms = call->now_ms;
	bw_call_save(call, &kms_alias_record, alias_key(call, in->AliasName), &alias);
	return BW_OK;
}

BW_OP(kms, DeleteAlias, .effect = BW_WRITE, .resource = alias_resource)
{
	struct about *a = call->state;
	struct kms_alias alias;

	TRY(name_check(call, in->AliasName));
	TRY(alias_load(call, in->AliasName, &alias));
	if (a->old.as == KMS_FOUND) {
		bw_strs_remove(&a->old.key.aliases, in->AliasName);
		kms_key_save(call, &a->old);
	}
	bw_call_delete(call, alias_key(call, in->AliasName));
	return BW_OK;
}

/* ---- Listing ---- */

static void entry(struct bw_call *call, const struct kms_alias *a, struct kms_AliasListEntry *out)
{
	*out = (struct kms_AliasListEntry){.AliasName = a->name, .AliasArn = kms_alias_arn(call, a->name), .TargetKeyId = a->key_id,
	    .CreationDate = BW_TIME(a->created_ms), .LastUpdatedDate = BW_TIME(a->updated_ms)};
}

static enum bw_err list_resource(struct bw_call *call)
{
	struct bw_str given = bw_call_input(call, "KeyId");
	struct kms_found *f;

	bw_call_context(call, BW_STR("kms:CallerAccount"), call->account);
	if (!bw_str_set(given))
		return BW_OK;
	f = BW_NEW(call->arena, struct kms_found);
	TRY(kms_find(call, given, false, f));
	call->state = f;
	return BW_OK;
}

static enum bw_err list_of_key(struct bw_call *call, const IN_kms_ListAliases *in, OUT_kms_ListAliases *out)
{
	struct kms_found *f;
	size_t from, to;

	TRY(kms_key_of(call, &f));
	TRY(kms_page_slice(
	    call, f->key.aliases.n, in->Marker, in->Limit, KMS_PAGE_SMALL, &from, &to, &out->Truncated, &out->NextMarker));
	out->Aliases.set = true;
	out->Aliases.v = BW_NEW_ARRAY(call->arena, struct kms_AliasListEntry, to - from + 1);
	for (size_t i = from; i < to; i++) {
		struct kms_alias alias;

		TRY(alias_load(call, f->key.aliases.v[i], &alias));
		entry(call, &alias, &out->Aliases.v[out->Aliases.n++]);
	}
	return BW_OK;
}

/* AWS's own aliases stand among the others by their names, those too that have no key yet, and no record. All of these that come
 * before `next`, which has one; absent: all that are left. */
static void keyless_put(struct bw_call *call, struct bw_page *page, struct bw_str next, OUT_kms_ListAliases *out)
{
	struct bw_str name;

	for (; bw_str_set(name = kms_managed_after(call->arena, page->last)); page->last = name, page->left--) {
		if (bw_str_set(next) && bw_str_cmp(name, next) >= 0)
			return;
		page->more = page->left == 0;
		if (page->more)
			return;
		out->Aliases.v[out->Aliases.n++] =
		    (struct kms_AliasListEntry){.AliasName = name, .AliasArn = kms_alias_arn(call, name)};
	}
}

/* The next alias that has a record, behind those without; BW_ENOTFOUND when the page is full or nothing is left. */
static enum bw_err list_next(struct bw_call *call, struct bw_page *page, OUT_kms_ListAliases *out)
{
	struct bw_str before = page->last;
	struct kms_alias alias;
	enum bw_err e = bw_page_next(call, page, &kms_alias_record, &alias, NULL);

	if (e == BW_ENOTFOUND && !page->more)
		keyless_put(call, page, BW_STR_NONE, out);
	TRY(e);
	/* Given back until its turn has come. */
	page->last = before;
	page->left++;
	keyless_put(call, page, alias.name, out);
	page->more = page->left == 0;
	CHECK(!page->more, BW_ENOTFOUND);
	page->last = alias.name;
	page->left--;
	entry(call, &alias, &out->Aliases.v[out->Aliases.n++]);
	return BW_OK;
}

BW_OP(kms, ListAliases, .effect = BW_READ, .resource = list_resource)
{
	struct bw_page page;
	enum bw_err e;

	if (call->state)
		return list_of_key(call, in, out);
	TRY(kms_page_begin(call, alias_key(call, BW_STR_NONE), in->Marker, in->Limit, KMS_PAGE_SMALL, &page));
	out->Aliases.set = true;
	out->Aliases.v = BW_NEW_ARRAY(call->arena, struct kms_AliasListEntry, page.left);
	while ((e = list_next(call, &page, out)) == BW_OK)
		;
	bw_page_end(call, &page, &out->Truncated, &out->NextMarker);
	return e == BW_ENOTFOUND ? BW_OK : e;
}
