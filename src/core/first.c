#include "core/internal.h"

#include "crypto/crypto.h"

/* What the first start makes: as AWS advises, an administrator to work with, and a root user with a password and no
 * access key unless one was given. */

static const char admin_name[] = "admin", group_name[] = "Administrators";
static const char admin_policy[] = "arn:aws:iam::aws:policy/AdministratorAccess";

struct making {
	struct bw_core *core;
	struct bw_arena arena;
	struct bw_batch batch;
	int64_t now_ms;
};

static void put(struct making *m, const struct bw_record *r, struct bw_str key, const void *from)
{
	struct bw_buf bytes;

	bw_buf_init(&bytes, BW_STORE_VALUE_MAX);
	bw_record_encode(r, from, &bytes);
	bw_batch_put(&m->batch, key, bw_arena_str(&m->arena, bw_buf_str(&bytes)));
	bw_buf_free(&bytes);
}

static void quota_take(struct making *m, const char *name)
{
	bw_batch_count(&m->batch,
	    bw_arena_printf(&m->arena, "%.*s/global/quota/%s/", BW_FMT(m->core->account), name), 1, INT64_MAX);
}

static void key_put(struct making *m, struct bw_str id, struct bw_str secret, struct bw_str user)
{
	struct bw_access_key key = {.id = id, .account = m->core->account, .user = user, .secret = secret, .active = true,
	    .created_ms = m->now_ms};

	put(m, &bw_access_key_record, bw_access_key_key(&m->arena, id), &key);
}

static void account_put(struct making *m, struct bw_str root_hash)
{
	struct bw_core *core = m->core;
	struct bw_account account = {.id = core->account, .created_ms = m->now_ms, .root_password_hash = root_hash,
	    .root_password_once = true, .root_password_ms = m->now_ms, .global_token_version = 1};

	if (bw_str_set(core->root_key_id)) {
		bw_strs_add(&account.root_access_keys, &m->arena, core->root_key_id);
		key_put(m, core->root_key_id, core->root_secret, BW_STR_NONE);
	}
	put(m, &bw_account_record, bw_account_key(&m->arena, core->account), &account);
	bw_batch_put(&m->batch, BW_STR("-/global/core/home/account"), core->account);
}

static void administrator_put(struct making *m)
{
	struct bw_core *core = m->core;
	struct bw_str name = bw_str_c(admin_name), group = bw_str_c(group_name), policy = bw_str_c(admin_policy);
	struct bw_group g = {.path = BW_STR("/"), .name = group, .id = bw_id_make(&m->arena, "AGPA", core->account),
	    .created_ms = m->now_ms};
	struct bw_user u = {.path = BW_STR("/"), .name = name, .id = bw_id_make(&m->arena, "AIDA", core->account),
	    .created_ms = m->now_ms};

	bw_strs_add(&g.attached, &m->arena, policy);
	bw_strs_add(&u.groups, &m->arena, group);
	bw_strs_add(&u.access_keys, &m->arena, core->first.admin_key_id);
	put(m, &bw_group_record, bw_entity_key(&m->arena, core->account, "group", group), &g);
	put(m, &bw_user_record, bw_entity_key(&m->arena, core->account, "user", name), &u);
	bw_batch_put(&m->batch, bw_member_key(&m->arena, core->account, group, name), BW_STR(""));
	bw_batch_put(&m->batch, bw_attached_key(&m->arena, core->account, "attached", policy, "group", group), BW_STR(""));
	key_put(m, core->first.admin_key_id, core->first.admin_secret, name);
	quota_take(m, "iam-users");
	quota_take(m, "iam-groups");
}

enum bw_err first_start(struct bw_core *core)
{
	struct making m = {.core = core, .now_ms = bw_clock_wall_ms()};
	enum bw_err e;

	bw_arena_init(&m.arena, BW_CALL_ARENA_MAX);
	bw_batch_init(&m.batch, &m.arena);
	account_put(&m, core->root_hash);
	administrator_put(&m);
	e = bw_store_commit_wait(core->store, &m.batch);
	bw_arena_free(&m.arena);
	return e;
}

enum bw_err first_choose(struct bw_core *core, struct bw_str account)
{
	struct bw_arena *a = &core->arena;
	char digits[12], password[24];
	struct bw_buf hash;
	enum bw_err e;

	bw_random_text(digits, 1, BW_STR("123456789"));
	bw_random_text(digits + 1, 11, BW_STR("0123456789"));
	bw_random_text(password, sizeof password, BW_STR("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"));
	core->account = bw_arena_str(a, account.n ? account : bw_str_make(digits, sizeof digits));
	core->first = (struct bw_first_start){.made = true, .account = core->account,
	    .admin_key_id = bw_id_make(a, "AKIA", core->account), .admin_secret = bw_secret_make(a),
	    .root_password = bw_arena_str(a, bw_str_make(password, sizeof password))};
	bw_buf_init(&hash, 1024);
	e = bw_password_hash(core->first.root_password, &hash);
	core->root_hash = bw_arena_str(a, bw_buf_str(&hash));
	bw_buf_free(&hash);
	return e;
}
