/* Counters in a TPM's memory. */
#include "crypto/tpm_internal.h"

#include "base/sys.h"

enum { NUMBER_BYTES = 8 };

/* Whoever may use the TPM may read and raise it; only the owner may take it away. Written through each time:
 * an orderly one would jump after a loss of power. */
static const TPMA_NV counter = TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT | TPMA_NV_AUTHREAD |
                               TPMA_NV_AUTHWRITE | TPMA_NV_OWNERREAD | TPMA_NV_NO_DA;

/* What lies there has to be a counter: memory of another kind would say what its writer likes. */
static enum bw_err counter_find(struct bw_tpm *t, uint32_t index, ESYS_TR *out)
{
	TPM2B_NV_PUBLIC *public = NULL;
	TSS2_RC rc = tss.Esys_TR_FromTPMPublic(t->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, out);
	bool good;

	TRY(tpm_error(rc, "finding a counter"));
	TRY(tpm_error(
	    tss.Esys_NV_ReadPublic(t->esys, *out, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public, NULL),
	    "looking at a counter"));
	good = (public->nvPublic.attributes & ~(TPMA_NV)TPMA_NV_WRITTEN) == counter &&
	       public->nvPublic.dataSize == NUMBER_BYTES && public->nvPublic.nvIndex == index;
	tss.Esys_Free(public);
	if (!good)
		bw_log(BW_LOG_ERROR, "TPM: what lies at index 0x%08x is no counter of ours", index);
	return good ? BW_OK : BW_ECORRUPT;
}

/* In a salted session, so that nobody in between answers for the TPM; the index's name, and so that it is a
 * counter, is part of what is proved. */
static enum bw_err number_read(struct bw_tpm *t, ESYS_TR at, uint64_t *number)
{
	TPM2B_MAX_NV_BUFFER *data = NULL;
	ESYS_TR session;
	enum bw_err e;

	TRY(tpm_session(t, TPM2_SE_HMAC, TPMA_SESSION_ENCRYPT, &session));
	e = tpm_error(
	    tss.Esys_NV_Read(t->esys, at, at, session, ESYS_TR_NONE, ESYS_TR_NONE, NUMBER_BYTES, 0, &data),
	    "reading a counter");
	tpm_session_end(t, session);
	TRY(e);
	*number = 0;
	for (size_t i = 0; i < data->size; i++)
		*number = *number << 8 | data->buffer[i];
	CHECK(data->size == NUMBER_BYTES, (tss.Esys_Free(data), BW_EIO));
	tss.Esys_Free(data);
	return BW_OK;
}

static enum bw_err number_raise(struct bw_tpm *t, ESYS_TR at)
{
	ESYS_TR session;
	enum bw_err e;

	TRY(tpm_session(t, TPM2_SE_HMAC, 0, &session));
	e = tpm_error(
	    tss.Esys_NV_Increment(t->esys, at, at, session, ESYS_TR_NONE, ESYS_TR_NONE), "raising a counter");
	tpm_session_end(t, session);
	return e;
}

enum bw_err bw_tpm_counter_read(struct bw_tpm *t, uint32_t index, uint64_t *number)
{
	ESYS_TR at;

	TRY(counter_find(t, index, &at));
	return number_read(t, at, number);
}

enum bw_err bw_tpm_counter_raise(struct bw_tpm *t, uint32_t index)
{
	ESYS_TR at;

	TRY(counter_find(t, index, &at));
	return number_raise(t, at);
}

/* It has a number only once it was raised. */
enum bw_err bw_tpm_counter_make(struct bw_tpm *t, uint32_t index, uint64_t *number)
{
	const TPM2B_NV_PUBLIC public = {.nvPublic = {.nvIndex = index,
	                                    .nameAlg = TPM2_ALG_SHA256,
	                                    .attributes = counter,
	                                    .dataSize = NUMBER_BYTES}};
	const TPM2B_AUTH none = {0};
	ESYS_TR at;
	TSS2_RC rc;

	CHECK(index >= BW_TPM_INDEX_FIRST && index <= BW_TPM_INDEX_LAST, BW_EINVAL);
	rc = tss.Esys_NV_DefineSpace(
	    t->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &none, &public, &at);
	CHECK(rc != TPM2_RC_NV_DEFINED, BW_EEXISTS);
	TRY(tpm_error(rc, "making a counter"));
	TRY(number_raise(t, at));
	return number_read(t, at, number);
}
