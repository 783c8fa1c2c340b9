/* What the files of the TPM's face share. */
#pragma once

#include <tss2/tss2_esys.h>

#include "crypto/tpm.h"

struct bw_tpm {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR storage; /* the storage key */
	unsigned char name[BW_TPM_NAME];
};

/* BW_OK, or what the table makes of it. What is not in the table is logged as the TPM's failure. */
BW_CHECKED enum bw_err tpm_error(TSS2_RC rc, const char *what);
/* What the TPM gave out of an object that it sealed, as one text. BW_ETOOBIG. */
BW_CHECKED enum bw_err tpm_blob_put(const TPM2B_PUBLIC *public, const TPM2B_PRIVATE *private, struct bw_buf *out);
/* Of a text from anywhere. BW_ECORRUPT: it is not as tpm_blob_put writes it. */
BW_CHECKED enum bw_err tpm_blob_read(struct bw_str blob, TPM2B_PUBLIC *public, TPM2B_PRIVATE *private);
/* A session salted for the storage key, so that nobody on the way to the TPM reads along: of HMACs
 * (TPM2_SE_HMAC), a policy or its trial. The caller ends it with tpm_session_end. */
BW_CHECKED enum bw_err tpm_session(struct bw_tpm *t, TPM2_SE kind, TPMA_SESSION attributes, ESYS_TR *out);
void tpm_session_end(struct bw_tpm *t, ESYS_TR session);
