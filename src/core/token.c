#include "core/token.h"

#include "codec/hex.h"
#include "core/task.h"
#include "crypto/crypto.h"

struct token {
	struct bw_str made, digest;
	int64_t until_ms;
};

static const struct bw_field fields[] = {
    BW_FIELD(1, STR, struct token, made),
    BW_FIELD(2, STR, struct token, digest),
    BW_FIELD(4, I64, struct token, until_ms),
};
static const struct bw_record token_record = BW_RECORD("token", struct token, fields);

static struct bw_str digest_of(struct bw_call *call, struct bw_str text)
{
	unsigned char digest[32];
	char hex[2 * sizeof digest];

	bw_sha256(text, digest);
	bw_hex_encode(digest, sizeof digest, hex);
	return bw_arena_str(call->arena, bw_str_make(hex, sizeof hex));
}

/* By its hash: a key is shorter than a token may be. */
static struct bw_str token_key(struct bw_call *call, struct bw_str token)
{
	struct bw_str text = bw_arena_printf(call->arena, "%s\n%.*s", bw_at(call->model->name), BW_FMT(token));

	return bw_call_key(call, "token", digest_of(call, text));
}

enum bw_err bw_token_find(struct bw_call *call, const struct bw_token *t, struct bw_str *made)
{
	struct token kept;
	enum bw_err e;

	*made = BW_STR_NONE;
	if (!bw_str_set(t->token))
		return BW_OK;
	e = bw_call_load(call, &token_record, token_key(call, t->token), &kept);
	if (e != BW_OK)
		return e == BW_ENOTFOUND ? BW_OK : e;
	if (call->now_ms < kept.until_ms && bw_str_eq(kept.digest, digest_of(call, t->request)))
		*made = kept.made;
	return BW_OK;
}

/* ---- A token's end ---- */

/* `key` begins with account and Region, as a task's subject does. */
static enum bw_err expire(struct bw_call *call, struct bw_str key, struct bw_str *event)
{
	struct token kept;
	enum bw_err e = bw_call_load(call, &token_record, key, &kept);

	(void)event;
	if (e != BW_OK)
		return e == BW_ENOTFOUND ? BW_OK : e;
	/* It may have been used again meanwhile: then another mark stands for it. */
	if (call->now_ms >= kept.until_ms)
		bw_call_delete(call, key);
	return BW_OK;
}

BW_TASK(core, token_end, .run = expire);

void bw_token_keep(struct bw_call *call, const struct bw_token *t, struct bw_str made)
{
	int64_t until_ms = call->now_ms + t->within_ms;
	struct bw_str key;

	if (!bw_str_set(t->token))
		return;
	key = token_key(call, t->token);
	bw_call_save(call, &token_record, key, &(struct token){made, digest_of(call, t->request), until_ms});
	bw_call_task(call, &token_end, until_ms, key);
}
