/* What the files of the TPM's face share. */
#pragma once

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "crypto/tpm.h"

/* What is called of the TPM's libraries, and where it is. They are loaded by whoever comes to use a TPM, which is none of the processes that
 * serve: a start without one does not wait for them. */
#define TSS_CALLS(X) \
	X("libtss2-esys.so.0", Esys_Create) \
	X("libtss2-esys.so.0", Esys_CreatePrimary) \
	X("libtss2-esys.so.0", Esys_Finalize) \
	X("libtss2-esys.so.0", Esys_FlushContext) \
	X("libtss2-esys.so.0", Esys_Free) \
	X("libtss2-esys.so.0", Esys_Initialize) \
	X("libtss2-esys.so.0", Esys_Load) \
	X("libtss2-esys.so.0", Esys_NV_DefineSpace) \
	X("libtss2-esys.so.0", Esys_NV_Increment) \
	X("libtss2-esys.so.0", Esys_NV_Read) \
	X("libtss2-esys.so.0", Esys_NV_ReadPublic) \
	X("libtss2-esys.so.0", Esys_PolicyAuthValue) \
	X("libtss2-esys.so.0", Esys_PolicyGetDigest) \
	X("libtss2-esys.so.0", Esys_PolicyPCR) \
	X("libtss2-esys.so.0", Esys_StartAuthSession) \
	X("libtss2-esys.so.0", Esys_TRSess_SetAttributes) \
	X("libtss2-esys.so.0", Esys_TR_FromTPMPublic) \
	X("libtss2-esys.so.0", Esys_TR_GetName) \
	X("libtss2-esys.so.0", Esys_TR_SetAuth) \
	X("libtss2-esys.so.0", Esys_Unseal) \
	X("libtss2-mu.so.0", Tss2_MU_TPM2B_PRIVATE_Marshal) \
	X("libtss2-mu.so.0", Tss2_MU_TPM2B_PRIVATE_Unmarshal) \
	X("libtss2-mu.so.0", Tss2_MU_TPM2B_PUBLIC_Marshal) \
	X("libtss2-mu.so.0", Tss2_MU_TPM2B_PUBLIC_Unmarshal) \
	X("libtss2-rc.so.0", Tss2_RC_Decode) \
	X("libtss2-tctildr.so.0", Tss2_TctiLdr_Finalize) \
	X("libtss2-tctildr.so.0", Tss2_TctiLdr_Initialize)

struct tss {
#define TSS_POINTER(library, name) __typeof__(name) *name;
	TSS_CALLS(TSS_POINTER)
};
extern struct tss tss;
/* Once; before anything of `tss` is called. BW_EIO, logged: a library or what is wanted of it is not there. Any thread. */
BW_CHECKED enum bw_err tss_load(void);

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
