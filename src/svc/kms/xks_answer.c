/* Answers of the proxy of an external key store: read as strictly as if an enemy had written them. */
#include "svc/kms/custom.h"

#include "codec/base64.h"
#include "codec/json.h"
#include "crypto/crypto.h"

enum {
	FLEET_MAX = 10,    /* entries of ekmFleetDetails */
	USAGES_MAX = 10,   /* entries of keyUsage */
	METADATA_MAX = 20, /* bytes of ciphertextMetadata */
	TAG = 16,
};

/* ---- Whatever was asked ---- */

static enum xks_outcome outcome_of(enum bw_err result)
{
	switch (result) {
	case BW_OK:
		return XKS_DONE;
	case BW_EPERM:
		return XKS_NO_TLS;
	case BW_EAGAIN:
		return XKS_TIMEOUT;
	case BW_EINVAL:
	case BW_ETOOBIG:
		return XKS_MALFORMED;
	case BW_EQUOTA:
		return XKS_THROTTLED;
	default:
		return XKS_NO_CONNECTION;
	}
}

static enum xks_outcome refusal_of(const struct bw_json_value *body)
{
	const struct bw_json_value *name = bw_json_member(body, BW_STR("errorName"));

	for (int i = 1; name && name->kind == BW_JSON_STRING && i < XKS_OUTCOMES; i++)
		if (xks_words[i].name && bw_str_eq(name->text, bw_str_c(xks_words[i].name)))
			return (enum xks_outcome)i;
	return XKS_MALFORMED;
}

static enum xks_outcome body_read(struct bw_call *call, struct bw_json_value *body)
{
	enum xks_outcome outcome = outcome_of(call->reached.result);

	if (outcome != XKS_DONE)
		return outcome;
	if (bw_json_parse(call->reached.out, call->arena, body) != BW_OK || body->kind != BW_JSON_OBJECT)
		return XKS_MALFORMED;
	return call->reached.status == 200 ? XKS_DONE : refusal_of(body);
}

static struct bw_str text_of(const struct bw_json_value *object, const char *name)
{
	const struct bw_json_value *v = bw_json_member(object, bw_str_c(name));

	return v && v->kind == BW_JSON_STRING ? v->text : BW_STR_NONE;
}

/* False when it is there and not in base64; absent when it is not there. */
static bool bytes_of(struct bw_call *call, const struct bw_json_value *object, const char *name, struct bw_str *out)
{
	const struct bw_json_value *v = bw_json_member(object, bw_str_c(name));

	*out = BW_STR_NONE;
	if (!v)
		return true;
	return v->kind == BW_JSON_STRING && bw_base64_decode(v->text, call->arena, out) == BW_OK;
}

/* ---- GetHealthStatus ---- */

static enum xks_outcome fleet_read(const struct bw_json_value *fleet)
{
	bool up = false;

	if (!fleet || fleet->kind != BW_JSON_ARRAY || fleet->count < 1 || fleet->count > FLEET_MAX)
		return XKS_MALFORMED;
	for (size_t i = 0; i < fleet->count; i++) {
		const struct bw_json_value *one = &fleet->values[i];
		struct bw_str status = one->kind == BW_JSON_OBJECT ? text_of(one, "healthStatus") : BW_STR_NONE;

		if (bw_str_eq(status, BW_STR("ACTIVE")) || bw_str_eq(status, BW_STR("DEGRADED")))
			up = true;
		else if (!bw_str_eq(status, BW_STR("UNAVAILABLE")))
			return XKS_MALFORMED;
		if (!text_of(one, "id").n || !text_of(one, "model").n)
			return XKS_MALFORMED;
	}
	return up ? XKS_DONE : XKS_ALL_DOWN;
}

enum xks_outcome xks_health_read(struct bw_call *call)
{
	static const char *const names[] = {"xksProxyVendor", "xksProxyModel", "ekmVendor"};
	const struct bw_json_value *size;
	struct bw_json_value body;
	enum xks_outcome outcome = body_read(call, &body);
	int64_t n;

	if (outcome != XKS_DONE)
		return outcome;
	size = bw_json_member(&body, BW_STR("xksProxyFleetSize"));
	if (!size || size->kind != BW_JSON_NUMBER || bw_str_to_i64(size->text, 1, INT32_MAX, &n) != BW_OK)
		return XKS_MALFORMED;
	for (size_t i = 0; i < BW_COUNT(names); i++)
		if (!text_of(&body, names[i]).n)
			return XKS_MALFORMED;
	return fleet_read(bw_json_member(&body, BW_STR("ekmFleetDetails")));
}

/* ---- GetKeyMetadata ---- */

static bool usages_read(const struct bw_json_value *list, bool *both)
{
	bool encrypt = false, decrypt = false;

	if (!list || list->kind != BW_JSON_ARRAY || list->count > USAGES_MAX)
		return false;
	for (size_t i = 0; i < list->count; i++) {
		if (list->values[i].kind != BW_JSON_STRING)
			return false;
		encrypt = encrypt || bw_str_eq(list->values[i].text, BW_STR("ENCRYPT"));
		decrypt = decrypt || bw_str_eq(list->values[i].text, BW_STR("DECRYPT"));
	}
	*both = encrypt && decrypt;
	return true;
}

enum xks_outcome xks_metadata_read(struct bw_call *call, bool *usable)
{
	struct bw_json_value body;
	enum xks_outcome outcome = body_read(call, &body);
	struct bw_str spec, status;
	bool both;

	if (outcome != XKS_DONE)
		return outcome;
	spec = text_of(&body, "keySpec");
	status = text_of(&body, "keyStatus");
	if (!spec.n || !usages_read(bw_json_member(&body, BW_STR("keyUsage")), &both) ||
	    !(bw_str_eq(status, BW_STR("ENABLED")) || bw_str_eq(status, BW_STR("DISABLED"))))
		return XKS_MALFORMED;
	*usable = bw_str_eq(spec, BW_STR("AES_256")) && both && bw_str_eq(status, BW_STR("ENABLED"));
	return XKS_DONE;
}

/* ---- Encrypt ---- */

/* The specification's appendix C: whether the proxy has computed what it sends. */
static bool integrity_holds(struct bw_str aad, const struct xks_sealed *s, struct bw_str given)
{
	unsigned char sum[32];
	struct bw_sha256_ctx c;

	bw_sha256_begin(&c);
	bw_sha256_add(&c, aad);
	bw_sha256_add(&c, s->metadata);
	bw_sha256_add(&c, s->nonce);
	bw_sha256_add(&c, s->ciphertext);
	bw_sha256_add(&c, s->tag);
	bw_sha256_end(&c, sum);
	return bw_str_eq(bw_str_make(sum, sizeof sum), given);
}

enum xks_outcome xks_encrypt_read(struct bw_call *call, struct bw_str aad, size_t plain_bytes, struct xks_sealed *out)
{
	struct bw_json_value body;
	enum xks_outcome outcome = body_read(call, &body);
	struct bw_str sum;

	if (outcome != XKS_DONE)
		return outcome;
	if (!bytes_of(call, &body, "ciphertext", &out->ciphertext) ||
	    !bytes_of(call, &body, "ciphertextMetadata", &out->metadata) ||
	    !bytes_of(call, &body, "initializationVector", &out->nonce) ||
	    !bytes_of(call, &body, "authenticationTag", &out->tag) ||
	    !bytes_of(call, &body, "ciphertextDataIntegrityValue", &sum))
		return XKS_MALFORMED;
	if (out->ciphertext.n != plain_bytes || out->metadata.n > METADATA_MAX || (out->nonce.n != 12 && out->nonce.n != 16) ||
	    out->tag.n != TAG || !integrity_holds(aad, out, sum))
		return XKS_MALFORMED;
	return XKS_DONE;
}

/* ---- Decrypt ---- */

enum xks_outcome xks_decrypt_read(struct bw_call *call, size_t bytes, struct bw_str *plain)
{
	struct bw_json_value body;
	enum xks_outcome outcome = body_read(call, &body);

	if (outcome != XKS_DONE)
		return outcome;
	return bytes_of(call, &body, "plaintext", plain) && plain->n == bytes && bw_str_set(*plain) ? XKS_DONE : XKS_MALFORMED;
}
