#include "crypto/tpm_internal.h"

#include <stdlib.h>

#include "base/sys.h"

enum { REACH_MAX = 256 };

/* ---- Errors ---- */

static const struct {
	TSS2_RC rc;
	enum bw_err err;
	const char *why;
} errors[] = {
    {TPM2_RC_POLICY_FAIL, BW_EPERM, "its PCRs are not what they were when it sealed"},
    {TPM2_RC_AUTH_FAIL, BW_EPERM, "the word is wrong"},
    {TPM2_RC_BAD_AUTH, BW_EPERM, "the word is wrong"},
    {TPM2_RC_LOCKOUT, BW_EPERM, "too many wrong words: it is locked for a while"},
    {TPM2_RC_INTEGRITY, BW_ECORRUPT, "what it sealed was changed, or another one sealed it"},
    {TPM2_RC_HANDLE, BW_ENOTFOUND, NULL},
};

/* Without the number of the parameter, handle or session that it is about (TPM 2.0 Library part 2, "Response
 * Code Formats"). */
static TSS2_RC rc_base(TSS2_RC rc)
{
	return rc & TPM2_RC_FMT1 ? rc & (TPM2_RC_FMT1 | 0x3f) : rc;
}

enum bw_err tpm_error(TSS2_RC rc, const char *what)
{
	if (rc == TSS2_RC_SUCCESS)
		return BW_OK;
	/* A resource manager's answer is the TPM's. */
	for (size_t i = 0; i < BW_COUNT(errors); i++) {
		if (rc_base(rc & 0xffff) != errors[i].rc ||
		    (rc & TSS2_RC_LAYER_MASK & ~TSS2_RESMGR_TPM_RC_LAYER))
			continue;
		if (errors[i].why)
			bw_log(BW_LOG_ERROR, "TPM: %s: %s", what, errors[i].why);
		return errors[i].err;
	}
	bw_log(BW_LOG_ERROR, "TPM: %s: %s", what, tss.Tss2_RC_Decode(rc));
	return BW_EIO;
}

/* ---- Opening ---- */

bool bw_tpm_reach_valid(struct bw_str reach)
{
	static const char *const ways[] = {"device", "swtpm", "mssim", "tabrmd"};
	struct bw_str rest = reach, way = bw_str_cut(&rest, ':');

	if (reach.n >= REACH_MAX || memchr(reach.p, 0, reach.n))
		return false;
	for (size_t i = 0; i < BW_COUNT(ways); i++)
		if (bw_str_eq(way, bw_str_c(ways[i])))
			return true;
	return false;
}

/* The TCG's template of an ECC storage key (TCG EK Credential Profile and "TCG TPM v2.0 Provisioning
 * Guidance", the storage root key): nothing of ours is in it, so that the TPM makes the same one from its
 * seed each time. */
static enum bw_err storage_make(struct bw_tpm *t)
{
	const TPM2B_PUBLIC template = {
	    .publicArea = {.type = TPM2_ALG_ECC,
	        .nameAlg = TPM2_ALG_SHA256,
	        .objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_FIXEDTPM |
	                            TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
	                            TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA,
	        .parameters.eccDetail = {.symmetric = {.algorithm = TPM2_ALG_AES,
	                                     .keyBits.aes = 128,
	                                     .mode.aes = TPM2_ALG_CFB},
	            .scheme.scheme = TPM2_ALG_NULL,
	            .curveID = TPM2_ECC_NIST_P256,
	            .kdf.scheme = TPM2_ALG_NULL},
	        .unique.ecc = {.x.size = 32, .y.size = 32}}};
	const TPM2B_SENSITIVE_CREATE nothing = {0};
	const TPML_PCR_SELECTION no_pcrs = {0};
	const TPM2B_DATA no_data = {0};
	TPM2B_NAME *name = NULL;

	TRY(tpm_error(
	    tss.Esys_CreatePrimary(t->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
	        &nothing, &template, &no_data, &no_pcrs, &t->storage, NULL, NULL, NULL, NULL),
	    "making its storage key"));
	TRY(tpm_error(tss.Esys_TR_GetName(t->esys, t->storage, &name), "its storage key's name"));
	if (name->size == BW_TPM_NAME)
		memcpy(t->name, name->name, BW_TPM_NAME);
	CHECK(name->size == BW_TPM_NAME, (tss.Esys_Free(name), BW_EIO));
	tss.Esys_Free(name);
	return BW_OK;
}

enum bw_err bw_tpm_open(struct bw_str reach, struct bw_tpm **out)
{
	struct bw_tpm *t;
	char *way;
	enum bw_err e;

	*out = NULL;
	CHECK(bw_tpm_reach_valid(reach), BW_EINVAL);
	TRY(tss_load());
	/* What there is to be said is logged here, once. */
	(void)setenv("TSS2_LOG", "all+NONE", 0);
	t = bw_alloc(sizeof *t);
	t->storage = ESYS_TR_NONE;
	way = bw_strdup(reach);
	e = tpm_error(tss.Tss2_TctiLdr_Initialize(way, &t->tcti), way);
	if (e == BW_OK)
		e = tpm_error(tss.Esys_Initialize(&t->esys, t->tcti, NULL), way);
	bw_free(way);
	if (e == BW_OK)
		e = storage_make(t);
	if (e != BW_OK) {
		bw_tpm_close(t);
		return e == BW_ENOTFOUND ? BW_EIO : e;
	}
	*out = t;
	return BW_OK;
}

void bw_tpm_close(struct bw_tpm *t)
{
	if (!t)
		return;
	if (t->storage != ESYS_TR_NONE)
		(void)tss.Esys_FlushContext(t->esys, t->storage);
	tss.Esys_Finalize(&t->esys);
	tss.Tss2_TctiLdr_Finalize(&t->tcti);
	bw_free(t);
}

struct bw_str bw_tpm_name(const struct bw_tpm *t)
{
	return bw_str_make(t->name, sizeof t->name);
}

/* ---- Sessions ---- */

enum bw_err tpm_session(struct bw_tpm *t, TPM2_SE kind, TPMA_SESSION attributes, ESYS_TR *out)
{
	const TPMT_SYM_DEF aes = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB};
	enum bw_err e;

	*out = ESYS_TR_NONE;
	TRY(tpm_error(tss.Esys_StartAuthSession(t->esys, t->storage, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
	                  ESYS_TR_NONE, NULL, kind, &aes, TPM2_ALG_SHA256, out),
	    "beginning a session"));
	attributes |= TPMA_SESSION_CONTINUESESSION;
	e = tpm_error(tss.Esys_TRSess_SetAttributes(t->esys, *out, attributes, 0xff), "a session's attributes");
	if (e != BW_OK)
		tpm_session_end(t, *out);
	return e;
}

void tpm_session_end(struct bw_tpm *t, ESYS_TR session)
{
	if (session != ESYS_TR_NONE)
		(void)tss.Esys_FlushContext(t->esys, session);
}
