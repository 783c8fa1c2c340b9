#include "codec/base32.h"
#include "codec/qr.h"
#include "svc/iam/mfa.h"

/* Virtual MFA devices as things of the account: made, listed, tagged, deleted. Whose they are: mfa_enable.c.
 */

enum {
	SEED_BYTES = 40,        /* 64 characters of Base32, as AWS's seeds */
	SERIAL_CHARS_MAX = 256, /* serialNumberType of the model: a longer one could never be named */
	NAME_CHARS_MAX = 226,   /* IAM API Reference, CreateVirtualMFADevice */
	DATUM_MAX = 64 * 1024,
};

static BW_QUOTA(mfa_devices_quota, "iam-mfa-devices", 5000, "LimitExceeded",
    "Cannot exceed quota for MFADevicesPerAccount: %lld");

/* ---- Rows ---- */

static struct bw_str serial_of(struct bw_call *call, struct bw_str path, struct bw_str name)
{
	return bw_iam_arn(call->arena, call->account, "mfa", path, name);
}

static enum bw_err new_device_resource(struct bw_call *call)
{
	const IN_iam_CreateVirtualMFADevice *in = call->in;

	bw_call_resource(call, serial_of(call, iam_path(in->Path), in->VirtualMFADeviceName));
	if (in->Tags.n)
		bw_call_also(call, BW_STR("iam:TagMFADevice"), call->resource, BW_STR_NONE, BW_STR_NONE);
	return BW_OK;
}

enum bw_err iam_mfa_device_resource(struct bw_call *call)
{
	struct bw_str serial = bw_call_input(call, "SerialNumber");
	struct bw_mfa_device d;
	enum bw_err e;

	bw_call_resource(call, serial);
	e = bw_mfa_load(call, serial, &d);
	if (e == BW_OK)
		bw_call_resource_tags(call, &d.tags, true);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

enum bw_err iam_mfa_load(struct bw_call *call, struct bw_str serial, struct bw_mfa_device *out)
{
	enum bw_err e = bw_mfa_load(call, serial, out);

	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "NoSuchEntity",
		    "VirtualMFADevice with serial number %.*s doesn't exist.", BW_FMT(serial));
	return e;
}

/* ---- Creating ---- */

static struct bw_str taken(struct bw_call *call, struct bw_buf *b)
{
	struct bw_str out;

	MUST(!b->failed);
	out = bw_arena_str(call->arena, bw_buf_str(b));
	bw_buf_free(b);
	return out;
}

/* What is shown once: the seed in Base32, and the picture of the key URI that authenticators scan. */
static enum bw_err secrets_to_shape(
    struct bw_call *call, const struct bw_mfa_device *d, struct iam_VirtualMFADevice *out)
{
	struct bw_buf b;

	bw_buf_init(&b, DATUM_MAX);
	bw_base32_encode(d->seed, &b);
	out->Base32StringSeed = taken(call, &b);
	bw_buf_init(&b, DATUM_MAX);
	TRY(bw_qr_png(bw_arena_printf(call->arena,
	                  "otpauth://totp/"
	                  "Amazon%%20Web%%20Services:%.*s@%.*s?secret=%.*s&issuer=Amazon%%20Web%%20Services",
	                  BW_FMT(d->name), BW_FMT(call->account), BW_FMT(out->Base32StringSeed)),
	    &b));
	out->QRCodePNG = taken(call, &b);
	return BW_OK;
}

static enum bw_err name_check(struct bw_call *call, const struct bw_mfa_device *d)
{
	if (d->name.n > NAME_CHARS_MAX)
		return bw_call_fail(call, "ValidationError",
		    "1 validation error detected: Value at 'virtualMFADeviceName' failed to satisfy "
		    "constraint: Member must "
		    "have length less than or equal to %d",
		    NAME_CHARS_MAX);
	if (d->serial.n > SERIAL_CHARS_MAX)
		return bw_call_fail(call, "InvalidInput",
		    "The serial number made of this path and name is longer than %d characters.",
		    SERIAL_CHARS_MAX);
	if (bw_call_exists(call, bw_mfa_key(call->arena, d->serial)))
		return bw_call_fail(call, "EntityAlreadyExists",
		    "MFADevice entity at the same path and name already exists.");
	return BW_OK;
}

BW_OP(iam, CreateVirtualMFADevice, .effect = BW_WRITE, .resource = new_device_resource)
{
	struct bw_mfa_device d = {
	    .path = iam_path(in->Path), .name = in->VirtualMFADeviceName, .created_ms = call->now_ms};
	char *seed = bw_arena_alloc(call->arena, SEED_BYTES);

	d.serial = serial_of(call, d.path, d.name);
	TRY(name_check(call, &d));
	TRY(iam_exact_tags_set(call, &d.tags, &in->Tags));
	bw_random(seed, SEED_BYTES);
	d.seed = bw_str_make(seed, SEED_BYTES);
	bw_call_take(call, &mfa_devices_quota, BW_STR_NONE, 1);
	bw_mfa_save(call, &d);
	out->VirtualMFADevice = BW_NEW(call->arena, struct iam_VirtualMFADevice);
	out->VirtualMFADevice->SerialNumber = d.serial;
	iam_tags_to_shape(call, &d.tags, &out->VirtualMFADevice->Tags);
	return secrets_to_shape(call, &d, out->VirtualMFADevice);
}

BW_OP(iam, DeleteVirtualMFADevice, .effect = BW_WRITE, .resource = iam_mfa_device_resource)
{
	struct bw_mfa_device d;

	TRY(iam_mfa_load(call, in->SerialNumber, &d));
	if (iam_mfa_is_assigned(&d))
		return bw_call_fail(
		    call, "DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.");
	bw_call_delete(call, bw_mfa_key(call->arena, d.serial));
	bw_call_take(call, &mfa_devices_quota, BW_STR_NONE, -1);
	return BW_OK;
}

/* ---- Listing ---- */

static enum bw_err device_to_shape(
    struct bw_call *call, const struct bw_mfa_device *d, struct iam_VirtualMFADevice *out)
{
	struct bw_user u;

	*out = (struct iam_VirtualMFADevice){.SerialNumber = d->serial};
	if (!iam_mfa_is_assigned(d))
		return BW_OK;
	out->EnableDate = BW_TIME(d->enabled_ms);
	out->User = BW_NEW(call->arena, struct iam_User);
	if (d->root)
		return iam_root_to_shape(call, out->User);
	TRY(iam_user_load(call, d->user, &u));
	iam_user_to_shape(call, &u, false, out->User);
	return BW_OK;
}

static bool is_wanted(const struct bw_mfa_device *d, struct bw_str status)
{
	if (bw_str_eq(status, BW_STR("Assigned")))
		return iam_mfa_is_assigned(d);
	return !bw_str_eq(status, BW_STR("Unassigned")) || !iam_mfa_is_assigned(d);
}

static enum bw_err devices_resource(struct bw_call *call)
{
	bw_call_resource(call, bw_iam_arn(call->arena, call->account, "mfa", BW_STR("/"), BW_STR("")));
	return BW_OK;
}

BW_OP(iam, ListVirtualMFADevices, .effect = BW_READ, .resource = devices_resource)
{
	struct bw_mfa_device d;
	struct bw_page page;
	enum bw_err e;

	TRY(bw_page_begin(call, iam_prefix(call, "mfa"), in->Marker, in->MaxItems, IAM_PAGE_USUAL, &page));
	out->VirtualMFADevices.set = true;
	out->VirtualMFADevices.v = BW_NEW_ARRAY(call->arena, struct iam_VirtualMFADevice, page.left);
	while ((e = bw_page_next(call, &page, &bw_mfa_device_record, &d, NULL)) == BW_OK) {
		if (!is_wanted(&d, in->AssignmentStatus)) {
			bw_page_skip(&page);
			continue;
		}
		e = device_to_shape(call, &d, &out->VirtualMFADevices.v[out->VirtualMFADevices.n++]);
		if (e != BW_OK)
			break;
	}
	bw_page_end(call, &page, &out->IsTruncated, &out->Marker);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* ---- Tags ---- */

static enum bw_err tagged_load(struct bw_call *call, struct bw_str serial, struct bw_mfa_device *out)
{
	enum bw_err e = bw_mfa_load(call, serial, out);

	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "NoSuchEntity",
		    "MFA Device with serial number %.*s does not exist.", BW_FMT(serial));
	return e;
}

BW_OP(iam, TagMFADevice, .effect = BW_WRITE, .resource = iam_mfa_device_resource)
{
	struct bw_mfa_device d;

	TRY(tagged_load(call, in->SerialNumber, &d));
	TRY(iam_exact_tags_set(call, &d.tags, &in->Tags));
	bw_mfa_save(call, &d);
	return BW_OK;
}

BW_OP(iam, UntagMFADevice, .effect = BW_WRITE, .resource = iam_mfa_device_resource)
{
	struct bw_mfa_device d;

	TRY(tagged_load(call, in->SerialNumber, &d));
	iam_exact_tags_remove(&d.tags, &in->TagKeys);
	bw_mfa_save(call, &d);
	return BW_OK;
}

BW_OP(iam, ListMFADeviceTags, .effect = BW_READ, .resource = iam_mfa_device_resource)
{
	struct bw_mfa_device d;

	TRY(tagged_load(call, in->SerialNumber, &d));
	return iam_tags_page(
	    call, &d.tags, in->Marker, in->MaxItems, &out->Tags, &out->IsTruncated, &out->Marker);
}
