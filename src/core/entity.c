#include "core/entity.h"

#include "base/sys.h"

/* Field numbers are for ever: a removed field's number is never used again. */

static const struct bw_field account_fields[] = {
    BW_FIELD(1, STR, struct bw_account, id),
    BW_FIELD(2, STR, struct bw_account, alias),
    BW_FIELD(3, STR, struct bw_account, email),
    BW_FIELD(4, I64, struct bw_account, created_ms),
    BW_FIELD(5, STR, struct bw_account, root_password_hash),
    BW_FIELD(6, BOOL, struct bw_account, root_password_once),
    BW_FIELD(7, I64, struct bw_account, root_password_ms),
    BW_FIELD(8, BOOL, struct bw_account, has_password_policy),
    BW_FIELD(9, BOOL, struct bw_account, require_symbols),
    BW_FIELD(10, BOOL, struct bw_account, require_numbers),
    BW_FIELD(11, BOOL, struct bw_account, require_upper),
    BW_FIELD(12, BOOL, struct bw_account, require_lower),
    BW_FIELD(13, BOOL, struct bw_account, users_may_change),
    BW_FIELD(14, BOOL, struct bw_account, hard_expiry),
    BW_FIELD(15, I64, struct bw_account, min_length),
    BW_FIELD(16, I64, struct bw_account, max_age_days),
    BW_FIELD(17, I64, struct bw_account, reuse_prevention),
    BW_FIELD(18, I64, struct bw_account, global_token_version),
    BW_FIELD(19, STRS, struct bw_account, root_access_keys),
    BW_FIELD(20, STRS, struct bw_account, root_mfa_devices),
};

static const struct bw_field user_fields[] = {
    BW_FIELD(1, STR, struct bw_user, path),
    BW_FIELD(2, STR, struct bw_user, name),
    BW_FIELD(3, STR, struct bw_user, id),
    BW_FIELD(4, I64, struct bw_user, created_ms),
    BW_FIELD(5, PAIRS, struct bw_user, tags),
    BW_FIELD(6, STR, struct bw_user, boundary),
    BW_FIELD(7, STRS, struct bw_user, attached),
    BW_FIELD(8, PAIRS, struct bw_user, inline_policies),
    BW_FIELD(9, STRS, struct bw_user, groups),
    BW_FIELD(10, STRS, struct bw_user, access_keys),
    BW_FIELD(11, STR, struct bw_user, password_hash),
    BW_FIELD(12, I64, struct bw_user, password_ms),
    BW_FIELD(13, BOOL, struct bw_user, password_reset),
    BW_FIELD(14, STRS, struct bw_user, password_history),
    BW_FIELD(15, I64, struct bw_user, password_used_ms),
    BW_FIELD(16, STRS, struct bw_user, mfa_devices),
};

static const struct bw_field moved_user_fields[] = {
    BW_FIELD(1, STR, struct bw_moved_user, name),
};

static const struct bw_field group_fields[] = {
    BW_FIELD(1, STR, struct bw_group, path),
    BW_FIELD(2, STR, struct bw_group, name),
    BW_FIELD(3, STR, struct bw_group, id),
    BW_FIELD(4, I64, struct bw_group, created_ms),
    BW_FIELD(5, STRS, struct bw_group, attached),
    BW_FIELD(6, PAIRS, struct bw_group, inline_policies),
};

static const struct bw_field role_fields[] = {
    BW_FIELD(1, STR, struct bw_role, path),
    BW_FIELD(2, STR, struct bw_role, name),
    BW_FIELD(3, STR, struct bw_role, id),
    BW_FIELD(4, I64, struct bw_role, created_ms),
    BW_FIELD(5, STR, struct bw_role, trust),
    BW_FIELD(6, STR, struct bw_role, description),
    BW_FIELD(7, I64, struct bw_role, max_session_s),
    BW_FIELD(8, PAIRS, struct bw_role, tags),
    BW_FIELD(9, STR, struct bw_role, boundary),
    BW_FIELD(10, STRS, struct bw_role, attached),
    BW_FIELD(11, PAIRS, struct bw_role, inline_policies),
    BW_FIELD(12, STR, struct bw_role, service),
    BW_FIELD(13, PAIRS, struct bw_role, trust_principals),
};

static const struct bw_field instance_profile_fields[] = {
    BW_FIELD(1, STR, struct bw_instance_profile, path),
    BW_FIELD(2, STR, struct bw_instance_profile, name),
    BW_FIELD(3, STR, struct bw_instance_profile, id),
    BW_FIELD(4, I64, struct bw_instance_profile, created_ms),
    BW_FIELD(5, STR, struct bw_instance_profile, role),
    BW_FIELD(6, PAIRS, struct bw_instance_profile, tags),
};

static const struct bw_field access_key_fields[] = {
    BW_FIELD(1, STR, struct bw_access_key, id),
    BW_FIELD(2, STR, struct bw_access_key, account),
    BW_FIELD(3, STR, struct bw_access_key, user),
    BW_FIELD(4, STR, struct bw_access_key, secret),
    BW_FIELD(5, BOOL, struct bw_access_key, active),
    BW_FIELD(6, I64, struct bw_access_key, created_ms),
};

static const struct bw_field last_used_fields[] = {
    BW_FIELD(1, I64, struct bw_last_used, when_ms),
    BW_FIELD(2, STR, struct bw_last_used, region),
    BW_FIELD(3, STR, struct bw_last_used, service),
};

static const struct bw_field access_fields[] = {
    BW_FIELD(1, I64, struct bw_access, when_ms),
    BW_FIELD(2, STR, struct bw_access, region),
};

static const struct bw_field managed_policy_fields[] = {
    BW_FIELD(1, STR, struct bw_managed_policy, path),
    BW_FIELD(2, STR, struct bw_managed_policy, name),
    BW_FIELD(3, STR, struct bw_managed_policy, id),
    BW_FIELD(4, STR, struct bw_managed_policy, description),
    BW_FIELD(5, I64, struct bw_managed_policy, created_ms),
    BW_FIELD(6, I64, struct bw_managed_policy, updated_ms),
    BW_FIELD(7, I64, struct bw_managed_policy, default_version),
    BW_FIELD(8, I64, struct bw_managed_policy, next_version),
    BW_FIELD(9, PAIRS, struct bw_managed_policy, versions),
    BW_FIELD(10, PAIRS, struct bw_managed_policy, version_dates),
    BW_FIELD(11, PAIRS, struct bw_managed_policy, tags),
};

const struct bw_record bw_account_record = BW_RECORD("account", struct bw_account, account_fields);
const struct bw_record bw_user_record = BW_RECORD("user", struct bw_user, user_fields);
const struct bw_record bw_moved_user_record = BW_RECORD("moved-user", struct bw_moved_user, moved_user_fields);
const struct bw_record bw_group_record = BW_RECORD("group", struct bw_group, group_fields);
const struct bw_record bw_role_record = BW_RECORD("role", struct bw_role, role_fields);
const struct bw_record bw_instance_profile_record =
    BW_RECORD("instance-profile", struct bw_instance_profile, instance_profile_fields);
const struct bw_record bw_access_key_record = BW_RECORD("access-key", struct bw_access_key, access_key_fields);
const struct bw_record bw_last_used_record = BW_RECORD("last-used", struct bw_last_used, last_used_fields);
const struct bw_record bw_access_record = BW_RECORD("access", struct bw_access, access_fields);
const struct bw_record bw_managed_policy_record = BW_RECORD("policy", struct bw_managed_policy, managed_policy_fields);

struct bw_str bw_account_key(struct bw_arena *a, struct bw_str account)
{
	return bw_arena_printf(a, "%.*s/global/iam/account/", BW_FMT(account));
}

struct bw_str bw_entity_key(struct bw_arena *a, struct bw_str account, const char *kind, struct bw_str name)
{
	struct bw_str lower = bw_arena_lower(a, name);

	return BW_JOIN(a, account, BW_STR("/global/iam/"), bw_str_c(kind), BW_STR("/"), lower);
}

struct bw_str bw_moved_user_key(struct bw_arena *a, struct bw_str account, struct bw_str id)
{
	return BW_JOIN(a, account, BW_STR("/global/iam/moved-user/"), id);
}

struct bw_str bw_access_key_key(struct bw_arena *a, struct bw_str key_id)
{
	return BW_JOIN(a, BW_STR("-/global/iam/access-key/"), key_id);
}

struct bw_str bw_last_used_key(struct bw_arena *a, struct bw_str account, const char *kind, struct bw_str name)
{
	return bw_arena_printf(a, "%.*s/global/iam/last-used/%s/%.*s", BW_FMT(account), kind, BW_FMT(name));
}

struct bw_str bw_access_record_key(struct bw_arena *a, struct bw_str account, struct bw_str entity_id, struct bw_str action)
{
	return BW_JOIN(a, account, BW_STR("/global/iam/access/"), entity_id, BW_STR("/"), action);
}

struct bw_str bw_member_key(struct bw_arena *a, struct bw_str account, struct bw_str group, struct bw_str user)
{
	struct bw_str g = bw_arena_lower(a, group), u = bw_arena_lower(a, user);

	return bw_arena_printf(a, "%.*s/global/iam/member/%.*s/%.*s", BW_FMT(account), BW_FMT(g), BW_FMT(u));
}

/* A policy in a key: "aws:Name" or "own:name". Names are unique in their realm whatever their paths, and a path may be longer than
 * a key; so the path stays out. */
static struct bw_str policy_in_key(struct bw_arena *a, struct bw_str arn)
{
	bool aws = bw_str_starts(arn, BW_STR("arn:aws:iam::aws:"));
	struct bw_str name = arn;

	for (size_t i = arn.n; i > 0; i--)
		if (arn.p[i - 1] == '/') {
			name = bw_str_sub(arn, i, arn.n);
			break;
		}
	name = bw_arena_lower(a, name);
	return bw_arena_printf(a, "%s:%.*s", aws ? "aws" : "own", BW_FMT(name));
}

struct bw_str bw_attached_key(struct bw_arena *a, struct bw_str account, const char *how, struct bw_str policy_arn,
    const char *kind, struct bw_str entity)
{
	struct bw_str policy = policy_in_key(a, policy_arn), name = bw_arena_lower(a, entity);

	if (!kind)
		return bw_arena_printf(a, "%.*s/global/iam/%s/%.*s/", BW_FMT(account), how, BW_FMT(policy));
	return bw_arena_printf(a, "%.*s/global/iam/%s/%.*s/%s/%.*s", BW_FMT(account), how, BW_FMT(policy), kind,
	    BW_FMT(name));
}

struct bw_str bw_iam_arn(struct bw_arena *a, struct bw_str account, const char *kind, struct bw_str path, struct bw_str name)
{
	struct bw_str p = path.n ? path : BW_STR("/");

	return BW_JOIN(a, BW_STR("arn:aws:iam::"), account, BW_STR(":"), bw_str_c(kind), p, name);
}

enum bw_err bw_arn_parse(struct bw_str text, struct bw_arn *out)
{
	struct bw_str rest = text;

	CHECK(bw_str_eq(bw_str_cut(&rest, ':'), BW_STR("arn")), BW_EINVAL);
	out->partition = bw_str_cut(&rest, ':');
	out->service = bw_str_cut(&rest, ':');
	out->region = bw_str_cut(&rest, ':');
	out->account = bw_str_cut(&rest, ':');
	out->resource = rest;
	CHECK(bw_str_set(rest) && rest.n && out->partition.n && out->service.n, BW_EINVAL);
	return BW_OK;
}

/* Base32 of RFC 4648 without padding: eight characters for five bytes. */
static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

struct bw_str bw_id_make(struct bw_arena *a, const char *prefix, struct bw_str account)
{
	bool key = strcmp(prefix, "AKIA") == 0 || strcmp(prefix, "ASIA") == 0;
	unsigned char bytes[10];
	int64_t number = 0;
	uint64_t head;
	char text[24];
	size_t n = 0;

	MUST(bw_str_to_i64(account, 0, 999999999999, &number) == BW_OK);
	bw_random(bytes, sizeof bytes);
	/* The account stands in bits 46 to 7 of the first 48; the others are random, the first is set as in AWS's newer keys. */
	head = (uint64_t)1 << 47 | (uint64_t)number << 7 | (bytes[0] & 0x7f);
	for (int i = 0; i < 6; i++)
		bytes[i] = (unsigned char)(head >> (40 - 8 * i));
	for (; n < 4; n++)
		text[n] = prefix[n];
	for (size_t bit = 0; bit < 80; bit += 5, n++) {
		unsigned value = (unsigned)bytes[bit / 8] << 8 | (bit / 8 + 1 < 10 ? bytes[bit / 8 + 1] : 0u);

		text[n] = base32[(value >> (11 - bit % 8)) & 31];
	}
	if (!key) {
		bw_random_text(text + n, 1, bw_str_make(base32, 32));
		n++;
	}
	return bw_arena_str(a, bw_str_make(text, n));
}

enum bw_err bw_id_account(struct bw_str key_id, struct bw_arena *a, struct bw_str *account)
{
	uint64_t head = 0;
	uint64_t number;

	CHECK(key_id.n == 20, BW_EINVAL);
	for (size_t i = 4; i < 14; i++) {
		const char *at = key_id.p[i] ? strchr(base32, key_id.p[i]) : NULL;

		CHECK(at != NULL, BW_EINVAL);
		head = head << 5 | (uint64_t)(at - base32);
	}
	number = ((head >> 2) & 0x7fffffffff80u) >> 7;
	CHECK(number <= 999999999999u, BW_EINVAL);
	*account = bw_arena_printf(a, "%012llu", (unsigned long long)number);
	return BW_OK;
}

struct bw_str bw_secret_make(struct bw_arena *a)
{
	char text[40];

	bw_random_text(text, sizeof text, BW_STR("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"));
	return bw_arena_str(a, bw_str_make(text, sizeof text));
}
