#include "svc/iam/iam.h"

/* Access keys belong to a user, or to the root user: then the account's record lists them. A key's own record
 * is found without knowing the account, since a signature names nothing but the key. */

struct owner {
	struct bw_str name; /* absent: the root user */
	struct bw_user user;
	struct bw_account account;
	struct bw_strs *keys;
};

static enum bw_err owner_load(struct bw_call *call, struct bw_str given, struct owner *o)
{
	TRY(iam_user_name(call, given, &o->name));
	if (bw_str_set(o->name)) {
		TRY(iam_user_load(call, o->name, &o->user));
		o->keys = &o->user.access_keys;
		return BW_OK;
	}
	TRY(iam_account_load(call, &o->account));
	o->keys = &o->account.root_access_keys;
	return BW_OK;
}

static void owner_save(struct bw_call *call, const struct owner *o)
{
	if (bw_str_set(o->name))
		iam_user_save(call, &o->user);
	else
		iam_account_save(call, &o->account);
}

static struct bw_str key_of(struct bw_call *call, struct bw_str id)
{
	return bw_access_key_key(call->arena, id);
}

/* One of the owner's keys; another's is as absent as none. */
static enum bw_err key_load(
    struct bw_call *call, const struct owner *o, struct bw_str id, struct bw_access_key *out)
{
	enum bw_err e = bw_strs_has(o->keys, id)
	                    ? bw_call_load(call, &bw_access_key_record, key_of(call, id), out)
	                    : BW_ENOTFOUND;

	if (e == BW_ENOTFOUND)
		return bw_call_fail(
		    call, "NoSuchEntity", "The Access Key with id %.*s cannot be found.", BW_FMT(id));
	return e;
}

static struct bw_str status_name(const struct bw_access_key *k)
{
	return k->active ? BW_STR("Active") : BW_STR("Inactive");
}

/* Ids hold about forty random bits beside the account: a clash is unlikely, and must not hand a key to two
 * owners. */
static struct bw_str fresh_id(struct bw_call *call)
{
	struct bw_str id;

	do
		id = bw_id_make(call->arena, "AKIA", call->account);
	while (bw_call_exists(call, key_of(call, id)));
	return id;
}

BW_OP(iam, CreateAccessKey, .effect = BW_WRITE, .resource = iam_user_resource)
{
	struct bw_access_key k = {.account = call->account, .active = true, .created_ms = call->now_ms};
	struct owner o;

	TRY(owner_load(call, in->UserName, &o));
	k.id = fresh_id(call);
	k.user = o.name;
	k.secret = bw_secret_make(call->arena);
	bw_strs_add(o.keys, call->arena, k.id);
	TRY(bw_call_within(call, &iam_keys_per_user_quota, o.keys->n));
	owner_save(call, &o);
	bw_call_save(call, &bw_access_key_record, key_of(call, k.id), &k);
	out->AccessKey = BW_NEW(call->arena, struct iam_AccessKey);
	*out->AccessKey = (struct iam_AccessKey){
	    .UserName = k.user,
	    .AccessKeyId = k.id,
	    .Status = status_name(&k),
	    .SecretAccessKey = k.secret,
	    .CreateDate = BW_TIME(k.created_ms),
	};
	return BW_OK;
}

BW_OP(iam, DeleteAccessKey, .effect = BW_WRITE, .resource = iam_user_resource)
{
	struct bw_access_key k;
	struct owner o;

	TRY(owner_load(call, in->UserName, &o));
	TRY(key_load(call, &o, in->AccessKeyId, &k));
	(void)bw_strs_remove(o.keys, k.id);
	owner_save(call, &o);
	bw_call_delete(call, key_of(call, k.id));
	bw_call_delete(call, bw_last_used_key(call->arena, call->account, "access-key", k.id));
	return BW_OK;
}

BW_OP(iam, UpdateAccessKey, .effect = BW_WRITE, .resource = iam_user_resource)
{
	struct bw_access_key k;
	struct owner o;

	TRY(owner_load(call, in->UserName, &o));
	TRY(key_load(call, &o, in->AccessKeyId, &k));
	/* The model's third status is what AWS itself sets: nobody may ask for it. */
	if (bw_str_eq(in->Status, BW_STR("Expired")))
		return bw_call_fail(call, "InvalidInput",
		    "The status of an access key can be set to Active or Inactive only.");
	k.active = bw_str_eq(in->Status, BW_STR("Active"));
	bw_call_save(call, &bw_access_key_record, key_of(call, k.id), &k);
	return BW_OK;
}

BW_OP(iam, ListAccessKeys, .effect = BW_READ, .resource = iam_user_resource)
{
	struct owner o;
	size_t from, to;

	TRY(owner_load(call, in->UserName, &o));
	TRY(bw_page_slice(call, o.keys->n, in->Marker, in->MaxItems, IAM_PAGE_USUAL, &from, &to,
	    &out->IsTruncated, &out->Marker));
	out->AccessKeyMetadata.set = true;
	out->AccessKeyMetadata.v = BW_NEW_ARRAY(call->arena, struct iam_AccessKeyMetadata, to - from);
	for (size_t i = from; i < to; i++) {
		struct bw_access_key k;

		TRY(key_load(call, &o, o.keys->v[i], &k));
		out->AccessKeyMetadata.v[out->AccessKeyMetadata.n++] = (struct iam_AccessKeyMetadata){
		    .UserName = k.user,
		    .AccessKeyId = k.id,
		    .Status = status_name(&k),
		    .CreateDate = BW_TIME(k.created_ms),
		};
	}
	return BW_OK;
}

/* ---- Last use ---- */

/* BW_ENOTFOUND for another account's key, as for none: AWS tells neither apart. */
static enum bw_err key_find(struct bw_call *call, struct bw_str id, struct bw_access_key *out)
{
	TRY(bw_call_load(call, &bw_access_key_record, key_of(call, id), out));
	return bw_str_eq(out->account, call->account) ? BW_OK : BW_ENOTFOUND;
}

/* The permission is on the user who owns the key. */
static enum bw_err key_owner_resource(struct bw_call *call)
{
	struct bw_access_key k;
	struct bw_user u;
	enum bw_err e = key_find(call, bw_call_input(call, "AccessKeyId"), &k);

	if (e == BW_OK && !bw_str_set(k.user))
		bw_call_resource(
		    call, bw_arena_printf(call->arena, "arn:aws:iam::%.*s:root", BW_FMT(call->account)));
	else if (e == BW_OK && (e = iam_user_find(call, k.user, &u)) == BW_OK)
		iam_user_state(call, &u);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

BW_OP(iam, GetAccessKeyLastUsed, .effect = BW_READ, .resource = key_owner_resource)
{
	struct iam_AccessKeyLastUsed *used = BW_NEW(call->arena, struct iam_AccessKeyLastUsed);
	struct bw_access_key k;
	struct bw_last_used last;
	enum bw_err e = key_find(call, in->AccessKeyId, &k);

	if (e == BW_ENOTFOUND)
		return iam_denied(call, bw_arena_printf(call->arena,
		                            "User: %.*s is not authorized to perform "
		                            "iam:GetAccessKeyLastUsed on resource: access key %.*s",
		                            BW_FMT(call->caller->arn), BW_FMT(in->AccessKeyId)));
	TRY(e);
	e = bw_call_load(call, &bw_last_used_record,
	    bw_last_used_key(call->arena, call->account, "access-key", k.id), &last);
	if (e == BW_ENOTFOUND)
		*used = (struct iam_AccessKeyLastUsed){.ServiceName = BW_STR("N/A"), .Region = BW_STR("N/A")};
	else if (e == BW_OK)
		*used = (struct iam_AccessKeyLastUsed){.LastUsedDate = BW_TIME(last.when_ms),
		    .ServiceName = last.service,
		    .Region = last.region};
	else
		return e;
	out->UserName = k.user;
	out->AccessKeyLastUsed = used;
	return BW_OK;
}
