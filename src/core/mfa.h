/* Virtual MFA devices as stored, and their codes. They live below the services because svc/iam registers them and svc/sts asks
 * them. All on the call's own thread. */
#pragma once

#include "core/call.h"
#include "core/entity.h"

struct bw_mfa_device {
	struct bw_str serial;          /* arn:aws:iam::ACCOUNT:mfa/path/name */
	struct bw_str path, name;
	struct bw_str seed;            /* bytes */
	struct bw_str user;            /* whose it is; absent: nobody's, or the root user's */
	bool root;
	int64_t created_ms, enabled_ms;
	int64_t drift;                 /* its clock's distance from ours in steps, as last synchronised */
	int64_t used_step;             /* codes of this step and older ones are spent */
	struct bw_pairs tags;
};
extern const struct bw_record bw_mfa_device_record;

/* The record's key; absent when the text is not the serial number of a virtual device. Names differ by more than case. */
struct bw_str bw_mfa_key(struct bw_arena *a, struct bw_str serial);
/* BW_ENOTFOUND: no device of the account has that serial number. */
BW_CHECKED enum bw_err bw_mfa_load(struct bw_call *call, struct bw_str serial, struct bw_mfa_device *out);
void bw_mfa_save(struct bw_call *call, const struct bw_mfa_device *d);

enum bw_mfa_answer { BW_MFA_GOOD, BW_MFA_WRONG, BW_MFA_OFTEN };
/* Whether the device shows this code now. A good one is spent with the call's commit (so the row is BW_READ_NOTING or BW_WRITE)
 * and never good again; wrong ones are counted, and after too many no more are looked at for a while. */
enum bw_mfa_answer bw_mfa_verify(struct bw_call *call, struct bw_mfa_device *d, struct bw_str code);
/* Two codes one after the other, from which the device's clock is learnt: for registering and synchronising. Does not save. */
enum bw_mfa_answer bw_mfa_synchronise(
    struct bw_call *call, struct bw_mfa_device *d, struct bw_str code1, struct bw_str code2);
