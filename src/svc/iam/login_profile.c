#include "svc/iam/password.h"

#include "base/buf.h"
#include "core/guess.h"
#include "crypto/crypto.h"

/* A login profile is a user's password. It stands in the user's record as an Argon2id hash; a record without
 * one is a user without a login profile. */

static enum bw_err profile_load(struct bw_call *call, struct bw_str given, struct bw_user *u)
{
	struct bw_str name;

	TRY(iam_user_name(call, given, &name));
	TRY(iam_user_load(call, name, u));
	if (!u->password_hash.n)
		return bw_call_fail(
		    call, "NoSuchEntity", "Login Profile for User %.*s cannot be found.", BW_FMT(name));
	return BW_OK;
}

/* The old hash goes into the history, so that it can be kept from coming back. */
static void history_push(struct bw_call *call, struct bw_user *u)
{
	struct bw_strs list = {0};

	if (!u->password_hash.n)
		return;
	bw_strs_add(&list, call->arena, u->password_hash);
	for (size_t i = 0; i < u->password_history.n && list.n < IAM_PASSWORD_HISTORY_MAX; i++)
		bw_strs_add(&list, call->arena, u->password_history.v[i]);
	u->password_history = list;
}

static enum bw_err password_set(struct bw_call *call, struct bw_user *u, struct bw_str password)
{
	struct bw_buf hash;
	enum bw_err e;

	TRY(iam_password_allowed(call, u, password));
	bw_buf_init(&hash, 1024);
	e = bw_password_hash(password, &hash);
	if (e == BW_OK) {
		history_push(call, u);
		u->password_hash = bw_arena_str(call->arena, bw_buf_str(&hash));
		u->password_ms = call->now_ms;
	}
	bw_buf_free(&hash);
	return e;
}

static void profile_to_shape(const struct bw_user *u, struct iam_LoginProfile *out)
{
	*out = (struct iam_LoginProfile){
	    .UserName = u->name,
	    .CreateDate = BW_TIME(u->password_ms),
	    .PasswordResetRequired = BW_BOOL(u->password_reset),
	};
}

BW_OP(iam, CreateLoginProfile, .effect = BW_WRITE, .slow = true, .resource = iam_user_resource)
{
	struct bw_str name;
	struct bw_user u;

	TRY(iam_user_name(call, in->UserName, &name));
	TRY(iam_user_load(call, name, &u));
	if (u.password_hash.n)
		return bw_call_fail(
		    call, "EntityAlreadyExists", "Login Profile for user %.*s already exists.", BW_FMT(name));
	/* The model lets it be absent, for sessions of AssumeRoot alone. */
	if (!bw_str_set(in->Password))
		return bw_call_fail(call, "ValidationError",
		    "1 validation error detected: Value at 'password' failed to satisfy constraint: Member "
		    "must not be null");
	TRY(password_set(call, &u, in->Password));
	u.password_reset = in->PasswordResetRequired.v;
	iam_user_save(call, &u);
	out->LoginProfile = BW_NEW(call->arena, struct iam_LoginProfile);
	profile_to_shape(&u, out->LoginProfile);
	return BW_OK;
}

BW_OP(iam, GetLoginProfile, .effect = BW_READ, .resource = iam_user_resource)
{
	struct bw_user u;

	TRY(profile_load(call, in->UserName, &u));
	out->LoginProfile = BW_NEW(call->arena, struct iam_LoginProfile);
	profile_to_shape(&u, out->LoginProfile);
	return BW_OK;
}

BW_OP(iam, UpdateLoginProfile, .effect = BW_WRITE, .slow = true, .resource = iam_user_resource)
{
	struct bw_user u;

	TRY(profile_load(call, in->UserName, &u));
	if (bw_str_set(in->Password))
		TRY(password_set(call, &u, in->Password));
	if (in->PasswordResetRequired.set)
		u.password_reset = in->PasswordResetRequired.v;
	iam_user_save(call, &u);
	return BW_OK;
}

BW_OP(iam, DeleteLoginProfile, .effect = BW_WRITE, .resource = iam_user_resource)
{
	struct bw_user u;

	TRY(profile_load(call, in->UserName, &u));
	u.password_hash = BW_STR_NONE;
	u.password_ms = 0;
	u.password_reset = false;
	u.password_history = (struct bw_strs){0};
	iam_user_save(call, &u);
	return BW_OK;
}

/* ---- Changing one's own ---- */

static enum bw_err own_password_resource(struct bw_call *call)
{
	bw_call_resource(call, call->caller->arn);
	if (call->caller->kind == BW_PRINCIPAL_USER)
		bw_call_resource_said(
		    call, bw_arena_printf(call->arena, "user %.*s", BW_FMT(call->caller->name)));
	return iam_password_right(call);
}

/* Whoever holds a user's keys may not find its password by trying. */
static enum bw_err old_password_check(struct bw_call *call, const struct bw_user *u, struct bw_str given)
{
	struct bw_str of = BW_JOIN(call->arena, BW_STR("password "), u->id);

	if (!bw_guess_take(call, of))
		return bw_call_fail(call, "EntityTemporarilyUnmodifiable",
		    "Too many passwords have been wrong. Please try again later.");
	if (!bw_password_verify(given, u->password_hash))
		return iam_denied(call, BW_STR("The old password was incorrect."));
	bw_guess_forgive(call, of);
	return BW_OK;
}

BW_OP(iam, ChangePassword, .effect = BW_WRITE, .slow = true, .resource = own_password_resource)
{
	struct bw_user u;

	if (call->caller->kind != BW_PRINCIPAL_USER)
		return bw_call_fail(call, "InvalidUserType", "Only IAM Users can change their own password");
	TRY(profile_load(call, call->caller->name, &u));
	TRY(old_password_check(call, &u, in->OldPassword));
	TRY(password_set(call, &u, in->NewPassword));
	u.password_reset = false;
	iam_user_save(call, &u);
	return BW_OK;
}
