#include "svc/iam/mfa.h"

/* Devices in the hands of users, or of the root user: then the account's record lists them. */

static BW_QUOTA(mfa_per_user_quota, "iam-mfa-devices-per-user", 8, "LimitExceeded",
    "Cannot exceed quota for MFADevicesPerUser: %lld");

struct owner {
	struct bw_str name; /* absent: the root user */
	struct bw_user user;
	struct bw_account account;
	struct bw_strs *devices;
};

/* The root user alone registers its devices, and names itself by the account's id. */
static bool names_root(const struct bw_call *call, struct bw_str given)
{
	return call->caller->kind == BW_PRINCIPAL_ROOT && bw_str_eq(given, call->account);
}

static enum bw_err owner_load(struct bw_call *call, struct bw_str given, struct owner *o)
{
	if (names_root(call, given))
		given = BW_STR_NONE;
	TRY(iam_user_name(call, given, &o->name));
	if (bw_str_set(o->name)) {
		TRY(iam_user_load(call, o->name, &o->user));
		o->devices = &o->user.mfa_devices;
		return BW_OK;
	}
	TRY(iam_account_load(call, &o->account));
	o->devices = &o->account.root_mfa_devices;
	return BW_OK;
}

static void owner_save(struct bw_call *call, const struct owner *o)
{
	if (bw_str_set(o->name))
		iam_user_save(call, &o->user);
	else
		iam_account_save(call, &o->account);
}

/* One of the owner's devices; another's is as absent as none. */
static enum bw_err owned_load(
    struct bw_call *call, const struct owner *o, struct bw_str serial, struct bw_mfa_device *out)
{
	enum bw_err e = bw_strs_has(o->devices, serial) ? bw_mfa_load(call, serial, out) : BW_ENOTFOUND;

	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "NoSuchEntity", "MFA Device invalid for user.");
	return e;
}

/* AWS asks for the permission on the user. */
static enum bw_err owner_resource(struct bw_call *call)
{
	struct bw_str given = bw_call_input(call, "UserName");

	if (names_root(call, given)) {
		bw_call_resource(call, call->caller->arn);
		return BW_OK;
	}
	return iam_user_resource(call);
}

static enum bw_err codes_take(
    struct bw_call *call, struct bw_mfa_device *d, struct bw_str code1, struct bw_str code2)
{
	switch (bw_mfa_synchronise(call, d, code1, code2)) {
	case BW_MFA_GOOD:
		return BW_OK;
	case BW_MFA_OFTEN:
		return bw_call_fail(call, "EntityTemporarilyUnmodifiable",
		    "Too many authentication codes have been wrong. Please try again later.");
	default:
		return bw_call_fail(
		    call, "InvalidAuthenticationCode", "Authentication code for device is not valid.");
	}
}

BW_OP(iam, EnableMFADevice, .effect = BW_WRITE, .resource = owner_resource)
{
	struct bw_mfa_device d;
	struct owner o;

	TRY(owner_load(call, in->UserName, &o));
	TRY(iam_mfa_load(call, in->SerialNumber, &d));
	if (iam_mfa_is_assigned(&d))
		return bw_call_fail(call, "EntityAlreadyExists", "MFA Device is already in use.");
	bw_strs_add(o.devices, call->arena, d.serial);
	TRY(bw_call_within(call, &mfa_per_user_quota, o.devices->n));
	TRY(codes_take(call, &d, in->AuthenticationCode1, in->AuthenticationCode2));
	d.user = o.name;
	d.root = !bw_str_set(o.name);
	d.enabled_ms = call->now_ms;
	bw_mfa_save(call, &d);
	owner_save(call, &o);
	bw_call_take(call, &iam_mfa_in_use_quota, BW_STR_NONE, 1);
	return BW_OK;
}

BW_OP(iam, ResyncMFADevice, .effect = BW_WRITE, .resource = owner_resource)
{
	struct bw_mfa_device d;
	struct owner o;

	TRY(owner_load(call, in->UserName, &o));
	TRY(owned_load(call, &o, in->SerialNumber, &d));
	TRY(codes_take(call, &d, in->AuthenticationCode1, in->AuthenticationCode2));
	bw_mfa_save(call, &d);
	return BW_OK;
}

BW_OP(iam, DeactivateMFADevice, .effect = BW_WRITE, .resource = owner_resource)
{
	struct bw_mfa_device d;
	struct owner o;

	TRY(owner_load(call, in->UserName, &o));
	TRY(owned_load(call, &o, in->SerialNumber, &d));
	(void)bw_strs_remove(o.devices, d.serial);
	d.user = BW_STR_NONE;
	d.root = false;
	d.enabled_ms = 0;
	bw_mfa_save(call, &d);
	owner_save(call, &o);
	bw_call_take(call, &iam_mfa_in_use_quota, BW_STR_NONE, -1);
	return BW_OK;
}

BW_OP(iam, GetMFADevice, .effect = BW_READ, .resource = owner_resource)
{
	struct bw_mfa_device d;
	struct owner o;

	TRY(owner_load(call, in->UserName, &o));
	TRY(owned_load(call, &o, in->SerialNumber, &d));
	out->UserName = o.name;
	out->SerialNumber = d.serial;
	out->EnableDate = BW_TIME(d.enabled_ms);
	out->Certifications.set = true;
	return BW_OK;
}

BW_OP(iam, ListMFADevices, .effect = BW_READ, .resource = owner_resource)
{
	struct owner o;
	size_t from, to;

	TRY(owner_load(call, in->UserName, &o));
	TRY(bw_page_slice(call, o.devices->n, in->Marker, in->MaxItems, IAM_PAGE_USUAL, &from, &to,
	    &out->IsTruncated, &out->Marker));
	out->MFADevices.set = true;
	out->MFADevices.v = BW_NEW_ARRAY(call->arena, struct iam_MFADevice, to - from);
	for (size_t i = from; i < to; i++) {
		struct bw_mfa_device d;

		TRY(owned_load(call, &o, o.devices->v[i], &d));
		out->MFADevices.v[out->MFADevices.n++] = (struct iam_MFADevice){
		    .UserName = bw_str_set(o.name) ? o.name : call->account,
		    .SerialNumber = d.serial,
		    .EnableDate = BW_TIME(d.enabled_ms),
		};
	}
	return BW_OK;
}

/* ---- With their user ---- */

enum bw_err iam_mfa_rename(struct bw_call *call, const struct bw_strs *devices, struct bw_str name)
{
	for (size_t i = 0; i < devices->n; i++) {
		struct bw_mfa_device d;
		enum bw_err e = bw_mfa_load(call, devices->v[i], &d);

		MUST(e != BW_ENOTFOUND);
		TRY(e);
		d.user = name;
		bw_mfa_save(call, &d);
	}
	return BW_OK;
}
