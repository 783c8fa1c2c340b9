/* Answers of an external key store's proxy, and ciphertexts that say they came through one: whatever they are, what is read of them
 * keeps to its bounds. The first byte chooses. */
#include "svc/kms/custom.h"

static void answers(struct bw_call *call)
{
	struct xks_sealed sealed = {0};
	struct bw_str plain = BW_STR_NONE;
	bool usable;

	(void)xks_health_read(call);
	(void)xks_metadata_read(call, &usable);
	if (xks_encrypt_read(call, BW_STR("aad"), 5, &sealed) == XKS_DONE)
		MUST(sealed.ciphertext.n == 5 && sealed.tag.n == 16 && sealed.metadata.n <= 20);
	if (xks_decrypt_read(call, 5, &plain) == XKS_DONE)
		MUST(plain.n == 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_call call = {0};
	struct kms_crossed crossed;
	struct bw_arena arena;

	if (!size)
		return 0;
	bw_arena_init(&arena, 1 << 22);
	call.arena = &arena;
	call.reached.out = bw_str_make(data + 1, size - 1);
	call.reached.status = data[0] & 1 ? 200 : 400;
	answers(&call);
	if (kms_crossed_parse(call.reached.out, &crossed) == BW_OK)
		MUST(crossed.front.n + crossed.sealed.n < size && crossed.key_id.n && crossed.sealed.n);
	bw_arena_free(&arena);
	return 0;
}
