/* Bytes sealed to a TPM: an object whose policy says which PCRs have to stand as they did, and that a word
 * has to be said. */
#include "crypto/tpm_internal.h"

#include "base/sys.h"
#include "crypto/crypto.h"

static TPML_PCR_SELECTION pcrs_select(uint32_t pcrs)
{
	TPML_PCR_SELECTION s = {.count = 1, .pcrSelections = {{.hash = TPM2_ALG_SHA256, .sizeofSelect = 3}}};

	for (size_t i = 0; i < 3; i++)
		s.pcrSelections[0].pcrSelect[i] = (BYTE)(pcrs >> 8 * i);
	return s;
}

/* What is asserted in a session, real or trial: the PCRs as they stand, and that the object's word will be
 * proved. */
static enum bw_err policy_state(struct bw_tpm *t, ESYS_TR session, uint32_t pcrs)
{
	const TPML_PCR_SELECTION selected = pcrs_select(pcrs);
	const TPM2B_DIGEST as_they_are = {0};

	if (pcrs)
		TRY(tpm_error(tss.Esys_PolicyPCR(t->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
		                  &as_they_are, &selected),
		    "its PCRs"));
	return tpm_error(
	    tss.Esys_PolicyAuthValue(t->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE), "a policy");
}

static enum bw_err policy_digest(struct bw_tpm *t, uint32_t pcrs, TPM2B_DIGEST *out)
{
	TPM2B_DIGEST *digest = NULL;
	ESYS_TR trial;
	enum bw_err e;

	TRY(tpm_session(t, TPM2_SE_TRIAL, 0, &trial));
	e = policy_state(t, trial, pcrs);
	if (e == BW_OK)
		e = tpm_error(
		    tss.Esys_PolicyGetDigest(t->esys, trial, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &digest),
		    "a policy's digest");
	if (e == BW_OK)
		*out = *digest;
	tss.Esys_Free(digest);
	tpm_session_end(t, trial);
	return e;
}

/* A word of any length is hashed, as a TPM takes no longer ones than its hash. */
static TPM2B_AUTH word_value(struct bw_str word)
{
	TPM2B_AUTH value = {.size = word.n ? 32 : 0};

	if (word.n)
		bw_sha256(word, value.buffer);
	return value;
}

enum bw_err tpm_blob_put(const TPM2B_PUBLIC *public, const TPM2B_PRIVATE *private, struct bw_buf *out)
{
	BYTE bytes[BW_TPM_BLOB_MAX];
	size_t n = 0;

	TRY(tpm_error(tss.Tss2_MU_TPM2B_PUBLIC_Marshal(public, bytes, sizeof bytes, &n), "a sealed object"));
	TRY(tpm_error(tss.Tss2_MU_TPM2B_PRIVATE_Marshal(private, bytes, sizeof bytes, &n), "a sealed object"));
	bw_buf_put(out, bw_str_make(bytes, n));
	return out->failed ? BW_ETOOBIG : BW_OK;
}

static enum bw_err object_make(struct bw_tpm *t, ESYS_TR session, const TPM2B_SENSITIVE_CREATE *secret,
    const TPM2B_PUBLIC *template, struct bw_buf *blob)
{
	const TPML_PCR_SELECTION no_pcrs = {0};
	const TPM2B_DATA no_data = {0};
	TPM2B_PRIVATE *private = NULL;
	TPM2B_PUBLIC *public = NULL;
	enum bw_err e;

	e = tpm_error(tss.Esys_Create(t->esys, t->storage, session, ESYS_TR_NONE, ESYS_TR_NONE, secret, template,
	                  &no_data, &no_pcrs, &private, &public, NULL, NULL, NULL),
	    "sealing");
	if (e == BW_OK)
		e = tpm_blob_put(public, private, blob);
	tss.Esys_Free(private);
	tss.Esys_Free(public);
	return e;
}

enum bw_err bw_tpm_seal(
    struct bw_tpm *t, uint32_t pcrs, struct bw_str word, struct bw_str plain, struct bw_buf *blob)
{
	TPM2B_PUBLIC template = {.publicArea = {.type = TPM2_ALG_KEYEDHASH,
	                             .nameAlg = TPM2_ALG_SHA256,
	                             .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
	                                                 (word.n ? 0 : TPMA_OBJECT_NODA),
	                             .parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL}};
	TPM2B_SENSITIVE_CREATE secret = {
	    .sensitive = {.userAuth = word_value(word), .data.size = (UINT16)plain.n}};
	ESYS_TR session = ESYS_TR_NONE;
	enum bw_err e;

	CHECK(plain.n <= BW_TPM_PLAIN_MAX && pcrs < 1u << BW_TPM_PCRS, BW_ETOOBIG);
	memcpy(secret.sensitive.data.buffer, plain.p, plain.n);
	e = policy_digest(t, pcrs, &template.publicArea.authPolicy);
	if (e == BW_OK)
		e = tpm_session(t, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT, &session);
	if (e == BW_OK)
		e = object_make(t, session, &secret, &template, blob);
	tpm_session_end(t, session);
	bw_wipe(&secret, sizeof secret);
	return e;
}

/* ---- Opening ---- */

/* The library reads what it never writes. */
static bool is_put_as(const TPM2B_PUBLIC *public, const TPM2B_PRIVATE *private, struct bw_str blob)
{
	BYTE bytes[BW_TPM_BLOB_MAX];
	size_t n = 0;

	return tss.Tss2_MU_TPM2B_PUBLIC_Marshal(public, bytes, sizeof bytes, &n) == TSS2_RC_SUCCESS &&
	       tss.Tss2_MU_TPM2B_PRIVATE_Marshal(private, bytes, sizeof bytes, &n) == TSS2_RC_SUCCESS &&
	       bw_str_eq(bw_str_make((const char *)bytes, n), blob);
}

enum bw_err tpm_blob_read(struct bw_str blob, TPM2B_PUBLIC *public, TPM2B_PRIVATE *private)
{
	const BYTE *bytes = (const BYTE *)blob.p;
	size_t n = 0;

	*public = (TPM2B_PUBLIC){0};
	*private = (TPM2B_PRIVATE){0};
	CHECK(blob.n <= BW_TPM_BLOB_MAX &&
	          tss.Tss2_MU_TPM2B_PUBLIC_Unmarshal(bytes, blob.n, &n, public) == TSS2_RC_SUCCESS &&
	          tss.Tss2_MU_TPM2B_PRIVATE_Unmarshal(bytes, blob.n, &n, private) == TSS2_RC_SUCCESS &&
	          n == blob.n && is_put_as(public, private, blob),
	    BW_ECORRUPT);
	return BW_OK;
}

static enum bw_err object_load(struct bw_tpm *t, struct bw_str blob, ESYS_TR *out)
{
	TPM2B_PRIVATE private;
	TPM2B_PUBLIC public;

	TRY(tpm_blob_read(blob, &public, &private));
	/* Whatever the TPM has against it: it is not what it gave out. */
	return tpm_error(tss.Esys_Load(t->esys, t->storage, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
	                     &private, &public, out),
	           "loading what it sealed") == BW_OK
	           ? BW_OK
	           : BW_ECORRUPT;
}

static enum bw_err object_open(struct bw_tpm *t, ESYS_TR object, ESYS_TR session, struct bw_secret *plain)
{
	TPM2B_SENSITIVE_DATA *data = NULL;

	TRY(tpm_error(tss.Esys_Unseal(t->esys, object, session, ESYS_TR_NONE, ESYS_TR_NONE, &data), "unsealing"));
	if (data->size) {
		*plain = bw_secret_new(data->size);
		memcpy(plain->p, data->buffer, data->size);
	}
	bw_wipe(data, sizeof *data);
	tss.Esys_Free(data);
	return plain->p ? BW_OK : BW_ECORRUPT;
}

enum bw_err bw_tpm_unseal(
    struct bw_tpm *t, uint32_t pcrs, struct bw_str word, struct bw_str blob, struct bw_secret *plain)
{
	const TPM2B_AUTH value = word_value(word);
	ESYS_TR object = ESYS_TR_NONE, session = ESYS_TR_NONE;
	enum bw_err e;

	*plain = (struct bw_secret){0};
	CHECK(pcrs < 1u << BW_TPM_PCRS, BW_ECORRUPT);
	TRY(object_load(t, blob, &object));
	e = tpm_error(tss.Esys_TR_SetAuth(t->esys, object, &value), "a word");
	if (e == BW_OK)
		e = tpm_session(t, TPM2_SE_POLICY, TPMA_SESSION_ENCRYPT, &session);
	if (e == BW_OK)
		e = policy_state(t, session, pcrs);
	if (e == BW_OK)
		e = object_open(t, object, session, plain);
	tpm_session_end(t, session);
	(void)tss.Esys_FlushContext(t->esys, object);
	return e;
}
