/* A thin face over a TPM 2.0 (TCG, "TPM 2.0 Library", through the Enhanced System API of tpm2-tss): bytes
 * that this TPM alone gives back, and counters that only ever go up. Every call may block for as long as the
 * TPM likes, loads the library that reaches it, and sets an environment variable: for processes of one
 * thread, never on a loop. */
#pragma once

#include "base/buf.h"
#include "crypto/secret.h"

/* A TPM that is open. */
struct bw_tpm;

enum {
	BW_TPM_BLOB_MAX = 1024, /* a sealed object's two parts, which are some two hundred bytes */
	BW_TPM_PLAIN_MAX = 128, /* MAX_SYM_DATA, which every TPM takes */
	BW_TPM_PCRS = 24,       /* of the PC client's platform, 0 to 23 */
	BW_TPM_NAME = 2 + 32,   /* of a key: its hash's number and the hash */
};

/* Whether a name says how a TPM is reached: device, swtpm, mssim or tabrmd, a colon and what that takes.
 * Others would be libraries or programs of anybody's choice. */
bool bw_tpm_reach_valid(struct bw_str reach);
/* Opens the TPM and makes its storage key, which is the same each time until the TPM is cleared. BW_EINVAL:
 * no such way; BW_EIO: not there, or it fails. Logged. The caller closes. */
BW_CHECKED enum bw_err bw_tpm_open(struct bw_str reach, struct bw_tpm **out);
/* NULL is allowed. */
void bw_tpm_close(struct bw_tpm *t);
/* The storage key's name: tells one TPM from another, and from itself before it was cleared. Lives as long as
 * the TPM is open. */
struct bw_str bw_tpm_name(const struct bw_tpm *t);

/* Seals bytes to the TPM as its PCRs stand now (`pcrs`: a bit each, of the SHA-256 bank; 0: whatever they
 * are), and to a word that has to be said as well (empty: none; wrong ones count against the TPM's lockout).
 * What passes to and from the TPM is encrypted for its storage key. BW_ETOOBIG, BW_EIO: logged. */
BW_CHECKED enum bw_err bw_tpm_seal(
    struct bw_tpm *t, uint32_t pcrs, struct bw_str word, struct bw_str plain, struct bw_buf *blob);
/* The caller frees `plain`. All logged: BW_EPERM: the PCRs are others, the word is wrong, or too many were;
 * BW_ECORRUPT: the blob is another TPM's, or was changed; BW_EIO. */
BW_CHECKED enum bw_err bw_tpm_unseal(
    struct bw_tpm *t, uint32_t pcrs, struct bw_str word, struct bw_str blob, struct bw_secret *plain);

/* A counter in the TPM's memory, at an index of the owner's (0x01800000 to 0x01bfffff): it goes up by one,
 * and never down, nor comes back lower after it was deleted and made again (TPM 2.0 Library part 1, "NV
 * Counters"). Any program that may use the TPM can raise it. Answers are authenticated for the storage key.
 * All log but BW_ENOTFOUND. */
enum { BW_TPM_INDEX_FIRST = 0x01800000, BW_TPM_INDEX_LAST = 0x01bfffff };

/* BW_ENOTFOUND: there is nothing at the index; BW_ECORRUPT: something that is no such counter; BW_EIO. */
BW_CHECKED enum bw_err bw_tpm_counter_read(struct bw_tpm *t, uint32_t index, uint64_t *number);
/* Makes it. BW_EEXISTS, BW_EIO. */
BW_CHECKED enum bw_err bw_tpm_counter_make(struct bw_tpm *t, uint32_t index, uint64_t *number);
/* One up, written to its memory, which wears out after some 100,000 of them. BW_ENOTFOUND, BW_ECORRUPT,
 * BW_EIO. */
BW_CHECKED enum bw_err bw_tpm_counter_raise(struct bw_tpm *t, uint32_t index);
