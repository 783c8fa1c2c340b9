#include "svc/kms/custom.h"

#include "core/trust.h"

/* ---- From what is given to a key ---- */

struct bw_str kms_key_arn(struct bw_call *call, struct bw_str account, struct bw_str region, struct bw_str id)
{
	return bw_arena_printf(call->arena, "arn:aws:kms:%.*s:%.*s:key/%.*s", BW_FMT(region), BW_FMT(account), BW_FMT(id));
}

struct bw_str kms_alias_arn(struct bw_call *call, struct bw_str name)
{
	return bw_arena_printf(
	    call->arena, "arn:aws:kms:%.*s:%.*s:%.*s", BW_FMT(call->region), BW_FMT(call->account), BW_FMT(name));
}

void kms_key_save(struct bw_call *call, const struct kms_found *f)
{
	bw_call_save(call, &kms_key_record, f->store_key, &f->key);
}

static bool is_hex(struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

/* A UUID, or "mrk-" and 32 hexadecimal digits. */
static bool is_key_id(struct bw_str s)
{
	if (s.n != 36)
		return false;
	if (bw_str_starts(s, BW_STR("mrk-")))
		return is_hex(bw_str_sub(s, 4, 32));
	for (size_t i = 0; i < s.n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s.p[i] != '-' : !is_hex(bw_str_sub(s, i, 1)))
			return false;
	}
	return true;
}

/* The window has passed: the key is gone, though its record may stand until the next tick. */
static bool is_destroyed(const struct bw_call *call, const struct kms_key *key)
{
	return key->state == KMS_PENDING_DELETION && key->deletion_ms <= call->now_ms;
}

enum bw_err kms_find_in(struct bw_call *call, struct bw_str account, struct bw_str region, struct bw_str id,
    struct kms_found *out)
{
	enum bw_err e;

	out->account = account;
	out->region = region;
	out->id = id;
	out->arn = kms_key_arn(call, account, region, id);
	out->as = KMS_NO_KEY;
	/* What stands in a ciphertext's head is anybody's. */
	if (account.n != 12 || !is_key_id(id))
		return BW_OK;
	out->store_key = kms_store_key(call->arena, account, region, "key", id);
	e = bw_call_load(call, &kms_key_record, out->store_key, &out->key);
	if (e != BW_OK && e != BW_ENOTFOUND)
		return e;
	out->as = e == BW_OK && !is_destroyed(call, &out->key) ? KMS_FOUND : KMS_NO_KEY;
	if (e == BW_OK && bw_str_set(out->key.store_id))
		TRY(kms_store_of(call, out));
	/* Imported material that has expired is gone, too. */
	if (out->as == KMS_FOUND && out->key.material_valid_to_ms && out->key.material_valid_to_ms <= call->now_ms) {
		out->key.wrapped = BW_STR_NONE;
		if (out->key.state == KMS_ENABLED || out->key.state == KMS_DISABLED) {
			out->key.was_disabled = out->key.state == KMS_DISABLED;
			out->key.state = KMS_PENDING_IMPORT;
		}
	}
	return BW_OK;
}

static enum bw_err find_alias(struct bw_call *call, struct bw_str account, struct bw_str name, struct kms_found *out)
{
	struct kms_alias alias;
	enum bw_err e = BW_ENOTFOUND;

	out->alias = name;
	out->account = account;
	if (name.n <= 256)
		e = bw_call_load(call, &kms_alias_record,
		    kms_store_key(call->arena, account, call->region, "alias", name), &alias);
	if (e == BW_ENOTFOUND) {
		out->as = KMS_NO_ALIAS;
		out->arn = bw_arena_printf(call->arena, "arn:aws:kms:%.*s:%.*s:%.*s", BW_FMT(call->region), BW_FMT(account),
		    BW_FMT(name));
		return BW_OK;
	}
	TRY(e);
	return kms_find_in(call, account, call->region, alias.key_id, out);
}

static enum bw_err find_arn(struct bw_call *call, const struct bw_arn *arn, bool aliases, struct kms_found *out)
{
	struct bw_str id = arn->resource;

	out->arn = out->given;
	out->as = KMS_BAD_ARN;
	if (!bw_str_eq(arn->service, BW_STR("kms")) || !bw_str_eq(arn->partition, BW_STR("aws")) || arn->account.n != 12)
		return BW_OK;
	out->account = arn->account;
	if (!bw_str_eq(arn->region, call->region)) {
		out->as = KMS_ELSEWHERE;
		out->region = arn->region;
		return BW_OK;
	}
	if (bw_str_starts(arn->resource, BW_STR("alias/")))
		return aliases ? find_alias(call, arn->account, arn->resource, out) : BW_OK;
	if (!bw_str_eq(bw_str_cut(&id, '/'), BW_STR("key")) || !bw_str_set(id))
		return BW_OK;
	if (!is_key_id(id)) {
		out->as = KMS_NO_KEY;
		return BW_OK;
	}
	return kms_find_in(call, arn->account, call->region, id, out);
}

enum bw_err kms_find(struct bw_call *call, struct bw_str given, bool aliases, struct kms_found *out)
{
	struct bw_arn arn;

	*out = (struct kms_found){.as = KMS_BAD_ID, .given = given, .account = call->account, .region = call->region};
	if (bw_arn_parse(given, &arn) == BW_OK)
		return find_arn(call, &arn, aliases, out);
	out->arn = kms_key_arn(call, call->account, call->region, given);
	if (bw_str_starts(given, BW_STR("alias/")) && aliases)
		return find_alias(call, call->account, given, out);
	return is_key_id(given) ? kms_find_in(call, call->account, call->region, given, out) : BW_OK;
}

enum bw_err kms_must_exist(struct bw_call *call, const struct kms_found *f)
{
	switch (f->as) {
	case KMS_FOUND:
		return BW_OK;
	case KMS_NO_KEY:
		return bw_call_fail(call, "NotFoundException", "Key '%.*s' does not exist", BW_FMT(f->arn));
	case KMS_NO_ALIAS:
		return bw_call_fail(call, "NotFoundException", "Alias %.*s is not found.", BW_FMT(f->arn));
	case KMS_ELSEWHERE:
		return bw_call_fail(call, "NotFoundException", "Invalid arn %.*s", BW_FMT(f->region));
	case KMS_BAD_ARN:
		return bw_call_fail(call, "InvalidArnException", "Invalid arn: %.*s", BW_FMT(f->given));
	case KMS_BAD_ID:
		break;
	}
	return bw_call_fail(call, "NotFoundException", "Invalid keyId '%.*s'", BW_FMT(f->given));
}

/* ---- What the call is about ---- */

/* The policy as it counts now: a user or role that was deleted and made again under its name is somebody else. */
static enum bw_err policy_of(struct bw_call *call, const struct kms_found *f, struct bw_policy **out)
{
	struct bw_str text = bw_principals_effective(call, f->key.policy, &f->key.policy_principals);

	return bw_call_policy(call, text, BW_POLICY_KEY, "MalformedPolicyDocumentException", out);
}

struct put {
	struct bw_call *call;
	struct bw_also *also; /* NULL: on the call */
};

static void put(const struct put *p, const char *name, struct bw_str value)
{
	if (p->also)
		bw_also_context(p->call, p->also, bw_str_c(name), value);
	else
		bw_call_context(p->call, bw_str_c(name), value);
}

static void put_list(const struct put *p, const char *name, const struct bw_strs *values)
{
	if (p->also)
		bw_also_context_list(p->call, p->also, bw_str_c(name), values->v, values->n);
	else
		bw_call_context_list(p->call, bw_str_c(name), values->v, values->n);
}

/* AWS KMS Developer Guide, "AWS KMS condition keys": those of the key itself. */
static void key_keys(const struct put *p, const struct kms_found *f)
{
	const struct kms_key *k = &f->key;
	struct bw_str spec = bw_str_c(kms_specs[k->spec].name), usage = bw_str_c(kms_usage_names[k->usage]);

	put(p, "kms:CallerAccount", p->call->account);
	put(p, "kms:KeySpec", spec);
	put(p, "kms:CustomerMasterKeySpec", spec);
	put(p, "kms:KeyUsage", usage);
	put(p, "kms:CustomerMasterKeyUsage", usage);
	put(p, "kms:KeyOrigin", bw_str_c(kms_origin_names[k->origin]));
	put(p, "kms:MultiRegion", k->region_kind == KMS_REGIONAL ? BW_STR("false") : BW_STR("true"));
	if (k->region_kind != KMS_REGIONAL)
		put(p, "kms:MultiRegionKeyType", k->region_kind == KMS_PRIMARY ? BW_STR("PRIMARY") : BW_STR("REPLICA"));
	if (k->aliases.n)
		put_list(p, "kms:ResourceAliases", &k->aliases);
	put(p, "kms:RequestAlias", f->alias);
}

enum bw_err kms_about(struct bw_call *call, struct kms_found *f)
{
	struct bw_policy *policy;

	call->state = f;
	bw_call_resource(call, f->arn);
	if (f->as != KMS_FOUND) {
		bw_call_context(call, BW_STR("kms:CallerAccount"), call->account);
		bw_call_context(call, BW_STR("kms:RequestAlias"), f->alias);
		return BW_OK;
	}
	TRY(policy_of(call, f, &policy));
	bw_call_resource_policy(call, policy, f->arn, true);
	bw_call_resource_tags(call, &f->key.tags, false);
	key_keys(&(struct put){call, NULL}, f);
	call->grants = kms_grants;
	return BW_OK;
}

enum bw_err kms_also_about(struct bw_call *call, struct bw_str action, struct kms_found *f, struct bw_also **out)
{
	struct bw_also *also = bw_call_also_on(call, action, f->arn);
	struct bw_policy *policy;

	*out = also;
	if (f->as != KMS_FOUND)
		return BW_OK;
	TRY(policy_of(call, f, &policy));
	also->policy = (struct bw_policy_ref){policy, f->arn};
	also->must_allow = true;
	also->state = f;
	for (size_t i = 0; i < f->key.tags.n; i++)
		bw_also_context(call, also,
		    bw_arena_printf(call->arena, "aws:ResourceTag/%.*s", BW_FMT(f->key.tags.v[i].key)), f->key.tags.v[i].value);
	key_keys(&(struct put){call, also}, f);
	call->grants = kms_grants;
	return BW_OK;
}

static enum bw_err key_resource(struct bw_call *call, bool aliases)
{
	struct bw_str given = bw_call_input(call, "KeyId");
	struct kms_found *f;

	if (!bw_str_set(given))
		return BW_OK;
	f = BW_NEW(call->arena, struct kms_found);
	TRY(kms_find(call, given, aliases, f));
	return kms_about(call, f);
}

enum bw_err kms_managed_key(struct bw_call *call)
{
	return key_resource(call, false);
}

enum bw_err kms_used_key(struct bw_call *call)
{
	return key_resource(call, true);
}

enum bw_err kms_key_of(struct bw_call *call, struct kms_found **out)
{
	MUST(call->state != NULL);
	*out = call->state;
	return kms_must_exist(call, *out);
}
