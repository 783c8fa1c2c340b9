/* The TPM's face in a build without tpm2-tss. */
#include "crypto/tpm.h"

#include "base/sys.h"

bool bw_tpm_reach_valid(struct bw_str reach)
{
	return reach.n != 0;
}

enum bw_err bw_tpm_open(struct bw_str reach, struct bw_tpm **out)
{
	(void)reach;
	*out = NULL;
	bw_log(BW_LOG_ERROR, "TPM: this program was built without tpm2-tss (libtss2-dev), and reaches none");
	return BW_EPERM;
}

void bw_tpm_close(struct bw_tpm *t)
{
	(void)t;
}

/* No TPM is ever open: the others are never called. */
struct bw_str bw_tpm_name(const struct bw_tpm *t)
{
	(void)t;
	return BW_STR_NONE;
}

enum bw_err bw_tpm_seal(
    struct bw_tpm *t, uint32_t pcrs, struct bw_str word, struct bw_str plain, struct bw_buf *blob)
{
	(void)t, (void)pcrs, (void)word, (void)plain, (void)blob;
	return BW_EPERM;
}

enum bw_err bw_tpm_unseal(
    struct bw_tpm *t, uint32_t pcrs, struct bw_str word, struct bw_str blob, struct bw_secret *plain)
{
	(void)t, (void)pcrs, (void)word, (void)blob;
	*plain = (struct bw_secret){0};
	return BW_EPERM;
}

enum bw_err bw_tpm_counter_read(struct bw_tpm *t, uint32_t index, uint64_t *number)
{
	(void)t, (void)index, (void)number;
	return BW_EPERM;
}

enum bw_err bw_tpm_counter_make(struct bw_tpm *t, uint32_t index, uint64_t *number)
{
	(void)t, (void)index, (void)number;
	return BW_EPERM;
}

enum bw_err bw_tpm_counter_raise(struct bw_tpm *t, uint32_t index)
{
	(void)t, (void)index;
	return BW_EPERM;
}
