/* Ciphertexts of keys in custom key stores. What the store has sealed stands behind a front that names the key:
 *
 *	2 | n account | n Region | n key id | sealed                                              a token's
 *	3 | n account | n Region | n key id | n metadata | n nonce | tag 16 | sealed              a proxy's
 *
 * A name has its length in front, in one byte. The front and a hash of the encryption context are authenticated by the store's
 * key. What a proxy has sealed is a ciphertext under KMS's own material of the key: neither of the two opens it alone. */
#include "svc/kms/custom.h"

#include "crypto/crypto.h"

enum { FORM_TOKEN = 2, FORM_PROXY = 3, TAG = 16, CIPHERTEXT_MAX = 6144 };

static bool part_take(struct bw_str *left, bool may_be_empty, struct bw_str *out)
{
	size_t n = left->n ? (unsigned char)left->p[0] : 0;

	if (left->n < 1 + n || (n == 0 && !may_be_empty))
		return false;
	*out = bw_str_sub(*left, 1, n);
	*left = bw_str_sub(*left, 1 + n, left->n);
	return true;
}

static bool proxy_parts_take(struct bw_str left, struct kms_crossed *out)
{
	if (!part_take(&left, true, &out->metadata) || !part_take(&left, false, &out->nonce) || left.n <= TAG)
		return false;
	out->tag = bw_str_sub(left, 0, TAG);
	out->sealed = bw_str_sub(left, TAG, left.n);
	return true;
}

enum bw_err kms_crossed_parse(struct bw_str ciphertext, struct kms_crossed *out)
{
	struct bw_str left = bw_str_sub(ciphertext, 1, ciphertext.n);

	*out = (struct kms_crossed){0};
	CHECK(ciphertext.n > 1 && (ciphertext.p[0] == FORM_TOKEN || ciphertext.p[0] == FORM_PROXY), BW_EINVAL);
	CHECK(part_take(&left, false, &out->account) && part_take(&left, false, &out->region) &&
	          part_take(&left, false, &out->key_id),
	    BW_EINVAL);
	out->front = bw_str_make(ciphertext.p, ciphertext.n - left.n);
	out->sealed = left;
	CHECK(left.n && (ciphertext.p[0] == FORM_TOKEN || proxy_parts_take(left, out)), BW_EINVAL);
	out->type = ciphertext.p[0] == FORM_TOKEN ? KMS_STORE_CLOUDHSM : KMS_STORE_EXTERNAL;
	return BW_OK;
}

static void part_put(struct bw_buf *out, struct bw_str part)
{
	MUST(part.n < 256);
	bw_buf_put_c(out, (char)part.n);
	bw_buf_put(out, part);
}

static struct bw_str front_make(struct bw_call *call, const struct kms_found *f)
{
	struct bw_buf out;
	struct bw_str front;

	bw_buf_init(&out, 1024);
	bw_buf_put_c(&out, f->store->type == KMS_STORE_EXTERNAL ? FORM_PROXY : FORM_TOKEN);
	part_put(&out, f->account);
	part_put(&out, f->region);
	part_put(&out, f->id);
	front = bw_arena_str(call->arena, bw_buf_str(&out));
	bw_buf_free(&out);
	return front;
}

bool kms_crossed_fits(struct bw_call *call, const struct kms_found *f, const struct kms_crossed *c)
{
	return bw_str_eq(front_make(call, f), c->front);
}

static struct bw_str aad_make(struct bw_call *call, struct bw_str front, struct bw_str context)
{
	unsigned char *aad = bw_arena_alloc(call->arena, front.n + 32);

	memcpy(aad, front.p, front.n);
	bw_sha256(context, aad + front.n);
	return bw_str_make(aad, front.n + 32);
}

static void token_ask(struct bw_call *call, const struct kms_found *f, enum bw_outside_op op, struct bw_str aad, struct bw_str bytes)
{
	struct bw_outside_request *r = BW_NEW(call->arena, struct bw_outside_request);

	*r = (struct bw_outside_request){op, f->store->cluster, f->store->pin, f->id, aad, bytes};
	call->reach = r;
}

void kms_cross_seal(struct bw_call *call, const struct kms_found *f, struct bw_str context, struct bw_str bytes)
{
	struct bw_str aad = aad_make(call, front_make(call, f), context);

	if (f->store->type == KMS_STORE_EXTERNAL)
		xks_encrypt_ask(call, f, aad, bytes);
	else
		token_ask(call, f, BW_OUTSIDE_TOKEN_SEAL, aad, bytes);
}

void kms_cross_open(struct bw_call *call, const struct kms_found *f, struct bw_str context, const struct kms_crossed *c)
{
	struct bw_str aad = aad_make(call, front_make(call, f), context);
	const struct xks_sealed sealed = {c->sealed, c->metadata, c->nonce, c->tag};

	if (f->store->type == KMS_STORE_EXTERNAL)
		xks_decrypt_ask(call, f, aad, &sealed);
	else
		token_ask(call, f, BW_OUTSIDE_TOKEN_UNSEAL, aad, c->sealed);
}

/* ---- What came of it ---- */

static enum bw_err proxy_failed(struct bw_call *call, enum xks_outcome outcome)
{
	return bw_call_fail(call, "KMSInvalidStateException", "%s", xks_words[outcome].text);
}

static enum bw_err token_failed(struct bw_call *call, const struct kms_found *f)
{
	switch (call->reached.result) {
	case BW_ECORRUPT:
		return bw_call_fail(call, "InvalidCiphertextException", "%s", "");
	case BW_EAGAIN:
	case BW_EQUOTA:
		return bw_call_fail(call, "DependencyTimeoutException", "%s",
		    "The system timed out while trying to fulfill the request. You can retry the request.");
	default:
		return bw_call_fail(call, "KMSInvalidStateException",
		    "%.*s is unavailable: its AWS CloudHSM cluster does not answer, or no longer has its key material.", BW_FMT(f->arn));
	}
}

static struct bw_str ciphertext_make(struct bw_call *call, struct bw_str front, const struct xks_sealed *parts)
{
	struct bw_buf out;
	struct bw_str made;

	bw_buf_init(&out, 2 * CIPHERTEXT_MAX);
	bw_buf_put(&out, front);
	if (parts->tag.n) {
		part_put(&out, parts->metadata);
		part_put(&out, parts->nonce);
		bw_buf_put(&out, parts->tag);
	}
	bw_buf_put(&out, parts->ciphertext);
	MUST(!out.failed);
	made = bw_arena_str(call->arena, bw_buf_str(&out));
	bw_buf_free(&out);
	return made;
}

enum bw_err kms_cross_sealed(struct bw_call *call, const struct kms_found *f, struct bw_str context, struct bw_str sent,
    struct bw_str *ciphertext)
{
	struct bw_str front = front_make(call, f);
	struct xks_sealed parts = {0};
	enum xks_outcome outcome = XKS_DONE;

	if (f->store->type == KMS_STORE_EXTERNAL)
		outcome = xks_encrypt_read(call, aad_make(call, front, context), sent.n, &parts);
	else if (call->reached.result != BW_OK)
		return token_failed(call, f);
	else
		parts.ciphertext = call->reached.out;
	if (outcome != XKS_DONE)
		return proxy_failed(call, outcome);
	*ciphertext = ciphertext_make(call, front, &parts);
	return BW_OK;
}

enum bw_err kms_cross_opened(
    struct bw_call *call, const struct kms_found *f, const struct kms_crossed *c, struct bw_str *bytes)
{
	enum xks_outcome outcome;

	if (f->store->type == KMS_STORE_EXTERNAL) {
		outcome = xks_decrypt_read(call, c->sealed.n, bytes);
		return outcome == XKS_DONE ? BW_OK : proxy_failed(call, outcome);
	}
	if (call->reached.result != BW_OK)
		return token_failed(call, f);
	*bytes = call->reached.out;
	return BW_OK;
}

/* ---- Steps ---- */

struct kms_sealing {
	struct bw_str context, sent; /* sent: outside; absent: not yet */
};

static void seal_outside(struct bw_call *call, const struct kms_found *f, struct bw_str bytes)
{
	f->sealing->sent = bytes;
	kms_cross_seal(call, f, f->sealing->context, bytes);
}

/* A proxy seals what the keyer has sealed before; a token is alone, and the keyer makes data keys for it at most. */
void kms_sealing_ask(struct bw_call *call, struct kms_found *f, struct bw_keyer_request *request)
{
	f->sealing = BW_NEW(call->arena, struct kms_sealing);
	f->sealing->context = request->context;
	if (f->store->type == KMS_STORE_EXTERNAL)
		return;
	if (request->op == BW_KEYER_DATA_KEY) {
		request->op = BW_KEYER_RANDOM;
		return;
	}
	request->op = BW_KEYER_NOTHING;
	seal_outside(call, f, request->input);
}

enum bw_err kms_sealing_then(struct bw_call *call, const struct kms_found *f)
{
	if (!f->sealing)
		return BW_OK;
	if (bw_str_set(f->sealing->sent))
		return kms_cross_sealed(call, f, f->sealing->context, f->sealing->sent, &call->answer.out);
	TRY(kms_answered(call, NULL));
	if (f->store->type == KMS_STORE_CLOUDHSM)
		call->answer.out2 = call->answer.out;
	seal_outside(call, f, call->answer.out);
	return BW_OK;
}
