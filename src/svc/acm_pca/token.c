/* Idempotency tokens: the same request under the same token within five minutes is one request (ACM-PCA API
 * Reference, "CreateCertificateAuthority", "IssueCertificate"). */
#include "core/task.h"
#include "svc/acm_pca/pca.h"

#include "crypto/crypto.h"

enum { TOKEN_MS = 5 * 60 * 1000 };

struct token {
	struct bw_str made, digest;
	int64_t when_ms;
};

static const struct bw_field fields[] = {
    BW_FIELD(1, STR, struct token, made),
    BW_FIELD(2, STR, struct token, digest),
    BW_FIELD(3, I64, struct token, when_ms),
};
static const struct bw_record token_record = BW_RECORD("token", struct token, fields);

/* Any text is a token: it stands in the key by its hash. */
static struct bw_str token_key(struct bw_call *call, struct bw_str token)
{
	unsigned char digest[32];

	bw_sha256(bw_arena_printf(call->arena, "%s\n%.*s", call->model->name, BW_FMT(token)), digest);
	return pca_key(call, "token", pca_hex(call, bw_str_make(digest, sizeof digest)));
}

static struct bw_str request_digest(struct bw_call *call)
{
	unsigned char digest[32];

	bw_sha256(bw_shape_pack(call->model->input, call->in, call->arena), digest);
	return pca_hex(call, bw_str_make(digest, sizeof digest));
}

enum bw_err pca_earlier(struct bw_call *call, struct bw_str token, struct bw_str *made)
{
	struct token t;
	enum bw_err e;

	*made = BW_STR_NONE;
	if (!bw_str_set(token))
		return BW_OK;
	e = bw_call_load(call, &token_record, token_key(call, token), &t);
	if (e != BW_OK)
		return e == BW_ENOTFOUND ? BW_OK : e;
	if (call->now_ms - t.when_ms < TOKEN_MS && bw_str_eq(t.digest, request_digest(call)))
		*made = t.made;
	return BW_OK;
}

/* ---- A token's end ---- */

static enum bw_err expire(struct bw_call *call, struct bw_str subject, struct bw_str *event)
{
	struct bw_str name = subject, key;
	struct token t;
	enum bw_err e;

	(void)event;
	(void)bw_str_cut(&name, '/');
	(void)bw_str_cut(&name, '/');
	key = pca_key(call, "token", name);
	e = bw_call_load(call, &token_record, key, &t);
	if (e != BW_OK)
		return e == BW_ENOTFOUND ? BW_OK : e;
	/* It may have been used again meanwhile: then another mark stands for it. */
	if (call->now_ms - t.when_ms >= TOKEN_MS)
		bw_call_delete(call, key);
	return BW_OK;
}

BW_TASK(acm_pca, token_end, .service = "acm-pca", .run = expire); /* the model's spelling is no identifier */

void pca_remember(struct bw_call *call, struct bw_str token, struct bw_str made)
{
	struct bw_str key = token_key(call, token), name = key;

	if (!bw_str_set(token))
		return;
	for (int part = 0; part < 4; part++)
		(void)bw_str_cut(&name, '/');
	bw_call_save(call, &token_record, key, &(struct token){made, request_digest(call), call->now_ms});
	bw_call_task(call, &token_end, call->now_ms + TOKEN_MS,
	    bw_arena_printf(
	        call->arena, "%.*s/%.*s/%.*s", BW_FMT(call->account), BW_FMT(call->region), BW_FMT(name)));
}
