#include "svc/iam/password.h"

#include "base/buf.h"
#include "codec/utf8.h"
#include "crypto/crypto.h"

/* ---- What a password must be (IAM User Guide, "Setting an account password policy") ---- */

enum { MIXES = 4, DEFAULT_LENGTH = 8, DEFAULT_MIXES = 3 };

static const char *const mix_names[MIXES] = {"uppercase letter", "lowercase letter", "number", "symbol"};

static bool is_symbol(char c)
{
	return c && strchr("!@#$%^&*()_+-=[]{}|'", c) != NULL;
}

static void mixes_of(struct bw_str password, bool has[MIXES])
{
	memset(has, 0, MIXES * sizeof *has);
	for (size_t i = 0; i < password.n; i++) {
		char c = password.p[i];

		has[0] |= c >= 'A' && c <= 'Z';
		has[1] |= c >= 'a' && c <= 'z';
		has[2] |= c >= '0' && c <= '9';
		has[3] |= is_symbol(c);
	}
}

static void fault_put(struct bw_buf *faults, const char *what)
{
	bw_buf_printf(faults, "%s%s", faults->n ? ", " : "", what);
}

static void mixes_put(struct bw_buf *faults, const bool wanted[MIXES])
{
	for (size_t i = 0; i < MIXES; i++)
		if (wanted[i])
			bw_buf_printf(faults, "%sPassword should have at least one %s", faults->n ? ", " : "",
			    mix_names[i]);
}

static void length_put(struct bw_buf *faults, struct bw_str password, int64_t least)
{
	if ((int64_t)bw_utf8_count(password) < least)
		bw_buf_printf(faults, "Password should have a minimum length of %lld", (long long)least);
}

/* The account's own policy: everything it asks for. */
static void own_faults(
    const struct bw_account *a, struct bw_str password, const bool has[MIXES], struct bw_buf *faults)
{
	const bool wanted[MIXES] = {a->require_upper && !has[0], a->require_lower && !has[1],
	    a->require_numbers && !has[2], a->require_symbols && !has[3]};

	length_put(faults, password, a->min_length);
	mixes_put(faults, wanted);
}

/* Without one AWS asks for eight characters of three kinds, and for another text than the account's name or
 * address. */
static void default_faults(
    const struct bw_account *a, struct bw_str password, const bool has[MIXES], struct bw_buf *faults)
{
	const bool wanted[MIXES] = {!has[0], !has[1], !has[2], !has[3]};
	int missing = DEFAULT_MIXES - (has[0] + has[1] + has[2] + has[3]);
	struct bw_buf kinds;

	length_put(faults, password, DEFAULT_LENGTH);
	if (missing > 0) {
		bw_buf_init(&kinds, 1024);
		mixes_put(&kinds, wanted);
		bw_buf_printf(faults, "%sPassword should meet %d more of the following requirements: %.*s",
		    faults->n ? ", " : "", missing, BW_FMT(bw_buf_str(&kinds)));
		bw_buf_free(&kinds);
	}
	if ((a->email.n && bw_str_eq_nocase(password, a->email)) ||
	    (a->alias.n && bw_str_eq_nocase(password, a->alias)))
		fault_put(faults, "Password should not be identical to the account name or email address");
}

static enum bw_err conforms(struct bw_call *call, const struct bw_account *a, struct bw_str password)
{
	struct bw_buf faults;
	bool has[MIXES];
	enum bw_err e = BW_OK;

	bw_buf_init(&faults, 2048);
	mixes_of(password, has);
	if (a->has_password_policy)
		own_faults(a, password, has, &faults);
	else
		default_faults(a, password, has, &faults);
	if (faults.n)
		e = bw_call_fail(call, "PasswordPolicyViolation", "%.*s", BW_FMT(bw_buf_str(&faults)));
	bw_buf_free(&faults);
	return e;
}

/* The current password counts as the newest of those that may not come again. */
static bool used_before(const struct bw_account *a, const struct bw_user *u, struct bw_str password)
{
	size_t most = a->has_password_policy ? (size_t)a->reuse_prevention : 0;

	if (most && u->password_hash.n && bw_password_verify(password, u->password_hash))
		return true;
	for (size_t i = 0; i + 1 < most && i < u->password_history.n; i++)
		if (bw_password_verify(password, u->password_history.v[i]))
			return true;
	return false;
}

enum bw_err iam_password_allowed(struct bw_call *call, const struct bw_user *u, struct bw_str password)
{
	struct bw_account a;

	TRY(iam_account_load(call, &a));
	TRY(conforms(call, &a, password));
	if (used_before(&a, u, password))
		return bw_call_fail(call, "PasswordPolicyViolation",
		    "Policy constraint violation with password reuse prevention during password change.");
	return BW_OK;
}

/* ---- Who may change his own ---- */

enum bw_err iam_password_right(struct bw_call *call)
{
	struct bw_account a;
	struct bw_policy *policy;
	struct bw_str text, resource = bw_str_set(call->resource) ? call->resource : BW_STR("*");

	if (call->caller->kind != BW_PRINCIPAL_USER)
		return BW_OK;
	TRY(iam_account_load(call, &a));
	if (!a.has_password_policy || !a.users_may_change)
		return BW_OK;
	text = bw_arena_printf(call->arena,
	    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"%.*s\"}"
	    ","
	    "\"Action\":\"%s\",\"Resource\":\"%.*s\"}}",
	    BW_FMT(call->caller->arn), bw_at(call->model->action), BW_FMT(resource));
	TRY(bw_call_policy(call, text, BW_POLICY_RESOURCE, NULL, &policy));
	bw_call_resource_policy(call, policy, BW_STR("AccountPasswordPolicy"), false);
	return BW_OK;
}

/* ---- The policy itself ---- */

BW_OP(iam, UpdateAccountPasswordPolicy, .effect = BW_WRITE)
{
	struct bw_account a;

	TRY(iam_account_load(call, &a));
	a.has_password_policy = true;
	a.min_length =
	    in->MinimumPasswordLength.set ? in->MinimumPasswordLength.v : IAM_PASSWORD_LENGTH_USUAL;
	a.require_symbols = in->RequireSymbols.v;
	a.require_numbers = in->RequireNumbers.v;
	a.require_upper = in->RequireUppercaseCharacters.v;
	a.require_lower = in->RequireLowercaseCharacters.v;
	a.users_may_change = in->AllowUsersToChangePassword.v;
	a.max_age_days = in->MaxPasswordAge.v;
	a.reuse_prevention = in->PasswordReusePrevention.v;
	a.hard_expiry = in->HardExpiry.v;
	iam_account_save(call, &a);
	return BW_OK;
}

BW_OP(iam, GetAccountPasswordPolicy, .effect = BW_READ, .resource = iam_password_right)
{
	struct bw_account a;
	struct iam_PasswordPolicy *p = BW_NEW(call->arena, struct iam_PasswordPolicy);

	TRY(iam_account_load(call, &a));
	if (!a.has_password_policy)
		return bw_call_fail(call, "NoSuchEntity",
		    "The Password Policy with domain name %.*s cannot be found.", BW_FMT(call->account));
	*p = (struct iam_PasswordPolicy){
	    .MinimumPasswordLength = BW_INT(a.min_length),
	    .RequireSymbols = BW_BOOL(a.require_symbols),
	    .RequireNumbers = BW_BOOL(a.require_numbers),
	    .RequireUppercaseCharacters = BW_BOOL(a.require_upper),
	    .RequireLowercaseCharacters = BW_BOOL(a.require_lower),
	    .AllowUsersToChangePassword = BW_BOOL(a.users_may_change),
	    .ExpirePasswords = BW_BOOL(a.max_age_days > 0),
	};
	/* AWS leaves out what was never asked for. */
	if (a.max_age_days)
		p->MaxPasswordAge = BW_INT(a.max_age_days);
	if (a.reuse_prevention)
		p->PasswordReusePrevention = BW_INT(a.reuse_prevention);
	if (a.hard_expiry)
		p->HardExpiry = BW_BOOL(true);
	out->PasswordPolicy = p;
	return BW_OK;
}

BW_OP(iam, DeleteAccountPasswordPolicy, .effect = BW_WRITE)
{
	struct bw_account a;

	TRY(iam_account_load(call, &a));
	if (!a.has_password_policy)
		return bw_call_fail(
		    call, "NoSuchEntity", "The account policy with name PasswordPolicy cannot be found.");
	a.has_password_policy = a.require_symbols = a.require_numbers = a.require_upper = a.require_lower =
	    false;
	a.users_may_change = a.hard_expiry = false;
	a.min_length = a.max_age_days = a.reuse_prevention = 0;
	iam_account_save(call, &a);
	return BW_OK;
}
