/* A TPM 2.0: the root key is sealed to it, and to how the machine was started. */
#include "keyer/unseal_internal.h"

#include "crypto/tpm.h"
#include "keyer/root_key.h"

enum { WORD_MAX = 256 };

/* The word that the TPM wants as well, where there is a file with one. */
static enum bw_err word_read(const struct bw_seal_facts *f, struct bw_secret *word)
{
	*word = (struct bw_secret){0};
	return f->pin_file.n ? bw_secret_file_read(f->pin_file, WORD_MAX, word) : BW_OK;
}

static enum bw_err sealed(
    struct bw_tpm *tpm, const struct bw_secret *root, struct bw_arena *arena, struct bw_seal_facts *facts)
{
	struct bw_secret word;
	struct bw_buf blob;
	enum bw_err e;

	TRY(word_read(facts, &word));
	bw_buf_init(&blob, BW_TPM_BLOB_MAX);
	e = bw_tpm_seal(tpm, (uint32_t)facts->pcrs, bw_secret_bytes(&word), bw_secret_bytes(root), &blob);
	bw_secret_free(&word);
	facts->wrapped = bw_arena_str(arena, bw_buf_str(&blob));
	facts->key_name = bw_arena_str(arena, bw_tpm_name(tpm));
	bw_buf_free(&blob);
	return e;
}

enum bw_err tpm2_make(struct bw_seal_make *m, struct bw_seal_facts *facts)
{
	struct bw_tpm *tpm;
	enum bw_err e;

	facts->tpm = m->wanted.tpm;
	facts->pcrs = m->wanted.pcrs;
	facts->pin_file = m->wanted.pin_file;
	CHECK(facts->pcrs >= 0 && facts->pcrs < 1 << BW_TPM_PCRS, BW_EINVAL);
	TRY(bw_tpm_open(facts->tpm, &tpm));
	e = sealed(tpm, m->root, m->arena, facts);
	bw_tpm_close(tpm);
	return e;
}

static enum bw_err unsealed(struct bw_tpm *tpm, const struct bw_seal_facts *facts, struct bw_secret *root)
{
	struct bw_secret word;
	enum bw_err e;

	if (!bw_str_eq(facts->key_name, bw_tpm_name(tpm))) {
		bw_log(BW_LOG_ERROR,
		    "TPM at %.*s: not the one that sealed the root key, or it was cleared since",
		    BW_FMT(facts->tpm));
		return BW_EPERM;
	}
	TRY(word_read(facts, &word));
	e = bw_tpm_unseal(tpm, (uint32_t)facts->pcrs, bw_secret_bytes(&word), facts->wrapped, root);
	bw_secret_free(&word);
	if (e == BW_OK && root->n != ROOT_BYTES) {
		bw_secret_free(root);
		e = BW_ECORRUPT;
	}
	return e;
}

enum bw_err tpm2_find(const struct bw_seal_facts *facts, struct bw_str root_key_path, struct bw_secret *root)
{
	struct bw_tpm *tpm = NULL;
	enum bw_err e;

	(void)root_key_path;
	*root = (struct bw_secret){0};
	CHECK(facts->pcrs >= 0 && facts->pcrs < 1 << BW_TPM_PCRS, BW_ECORRUPT);
	e = bw_tpm_open(facts->tpm, &tpm);
	if (e == BW_OK)
		e = unsealed(tpm, facts, root);
	bw_tpm_close(tpm);
	if (e != BW_OK)
		bw_log(BW_LOG_ERROR, "TPM at %.*s: does not give the root key: %s", BW_FMT(facts->tpm),
		    bw_err_name(e));
	return e;
}
