#include "svc/kms/kms.h"

#include "crypto/crypto.h"

/* One key for all, derived from the store's; the purpose is authenticated with what it seals. */
static struct bw_aead_key *token_key(struct bw_call *call)
{
	unsigned char bytes[32];
	struct bw_aead_key *key;

	bw_store_derive(bw_core_store(call->core), BW_STR("kms tokens"), bytes);
	key = bw_aead_key_new(bytes);
	bw_wipe(bytes, sizeof bytes);
	return key;
}

void kms_token_seal(struct bw_call *call, struct bw_str purpose, struct bw_str bytes, struct bw_str *out)
{
	struct bw_aead_key *key = token_key(call);
	struct bw_buf sealed;

	bw_buf_init(&sealed, 64 * 1024);
	bw_aead_seal(key, purpose, bytes, &sealed);
	MUST(!sealed.failed);
	*out = bw_arena_str(call->arena, bw_buf_str(&sealed));
	bw_buf_free(&sealed);
	bw_aead_key_free(key);
}

enum bw_err kms_token_open(struct bw_call *call, struct bw_str purpose, struct bw_str token, struct bw_str *bytes)
{
	struct bw_aead_key *key = token_key(call);
	enum bw_err e = bw_aead_open(key, purpose, token, call->arena, bytes);

	bw_aead_key_free(key);
	return e;
}
