/* What a seal file says that a TPM sealed, from anywhere: what is read is written the same. */
#include "crypto/tpm_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str text = bw_str_make(data, size);
	TPM2B_PRIVATE private;
	TPM2B_PUBLIC public;
	struct bw_buf again;

	MUST(tss_load() == BW_OK);
	bw_buf_init(&again, BW_TPM_BLOB_MAX);
	if (tpm_blob_read(text, &public, &private) == BW_OK)
		MUST(tpm_blob_put(&public, &private, &again) == BW_OK && bw_str_eq(bw_buf_str(&again), text));
	bw_buf_free(&again);
	return 0;
}
