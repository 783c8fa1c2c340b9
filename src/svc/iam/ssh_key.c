#include "codec/base64.h"
#include "codec/ssh_rsa.h"
#include "crypto/rsa_public.h"
#include "svc/iam/owned.h"

/* SSH public keys of users: RSA, as AWS takes them (IAM User Guide, "Use IAM with CodeCommit"). */

enum { BITS_MIN = 2048, BITS_MAX = 16384, FINGERPRINT_CHARS = 47 };

static BW_QUOTA(ssh_keys_quota, "iam-ssh-keys-per-user", 5, "LimitExceeded",
    "Cannot exceed quota for SSHPublicKeysPerUser: %lld");

struct ssh_key {
	struct bw_str id, body, fingerprint;
	bool active;
	int64_t uploaded_ms;
};
static const struct bw_field fields[] = {
    BW_FIELD(1, STR, struct ssh_key, id),
    BW_FIELD(2, STR, struct ssh_key, body),
    BW_FIELD(3, STR, struct ssh_key, fingerprint),
    BW_FIELD(4, BOOL, struct ssh_key, active),
    BW_FIELD(5, I64, struct ssh_key, uploaded_ms),
};
const struct bw_record iam_ssh_key_record = BW_RECORD("ssh-key", struct ssh_key, fields);

/* ---- Key material ---- */

static bool is_strong(struct bw_str modulus, struct bw_str exponent)
{
	size_t bits = modulus.n * 8;

	for (unsigned char top = (unsigned char)modulus.p[0]; !(top & 0x80); top = (unsigned char)(top << 1))
		bits--;
	return bits >= BITS_MIN && bits <= BITS_MAX && exponent.n <= 8 && (exponent.p[exponent.n - 1] & 1) &&
	       (exponent.n > 1 || exponent.p[0] > 1);
}

static enum bw_err material_read(
    struct bw_call *call, struct bw_str text, struct bw_str *modulus, struct bw_str *exponent)
{
	struct bw_str wire;
	enum bw_err e;

	text = bw_str_trim(text);
	while (text.n && strchr("\r\n", text.p[text.n - 1]))
		text.n--;
	if (bw_str_starts(text, BW_STR("-----BEGIN "))) {
		e = bw_rsa_public_read(text, call->arena, modulus, exponent);
	} else if (bw_str_starts(text, BW_STR("ssh-rsa "))) {
		text = bw_str_sub(text, 8, text.n);
		e = bw_base64_decode(bw_str_cut(&text, ' '), call->arena, &wire);
		if (e == BW_OK)
			e = bw_ssh_rsa_read(wire, modulus, exponent);
	} else {
		return bw_call_fail(call, "UnrecognizedPublicKeyEncoding",
		    "The encoding of the public key is not recognized. Keys are RSA keys in ssh-rsa or PEM "
		    "format.");
	}
	if (e != BW_OK || !is_strong(*modulus, *exponent))
		return bw_call_fail(
		    call, "InvalidPublicKey", "The public key is malformed or otherwise invalid.");
	return BW_OK;
}

/* "ssh-rsa ...", and the MD5 of the wire form. */
static enum bw_err body_take(struct bw_call *call, struct bw_str text, struct ssh_key *k)
{
	struct bw_str modulus, exponent;
	unsigned char md5[16];
	struct bw_buf wire, body;
	char hex[FINGERPRINT_CHARS + 1];

	TRY(material_read(call, text, &modulus, &exponent));
	bw_buf_init(&wire, 8192);
	bw_buf_init(&body, 16384);
	bw_ssh_rsa_put(modulus, exponent, &wire);
	bw_buf_put(&body, BW_STR("ssh-rsa "));
	bw_base64_encode(bw_buf_str(&wire), &body);
	k->body = bw_arena_str(call->arena, bw_buf_str(&body));
	bw_md5(bw_buf_str(&wire), md5);
	for (int i = 0; i < 16; i++) {
		hex[3 * i] = "0123456789abcdef"[md5[i] >> 4];
		hex[3 * i + 1] = "0123456789abcdef"[md5[i] & 15];
		hex[3 * i + 2] = ':';
	}
	k->fingerprint = bw_arena_str(call->arena, bw_str_make(hex, FINGERPRINT_CHARS));
	bw_buf_free(&wire);
	bw_buf_free(&body);
	return BW_OK;
}

/* ---- Records ---- */

static enum bw_err key_load(
    struct bw_call *call, const struct bw_user *u, struct bw_str id, struct ssh_key *out)
{
	enum bw_err e =
	    bw_call_load(call, &iam_ssh_key_record, iam_owned_key(call, &iam_ssh_key_record, u->id, id), out);

	if (e == BW_ENOTFOUND || (e == BW_OK && !bw_str_eq(out->id, id)))
		return bw_call_fail(
		    call, "NoSuchEntity", "The SSH Public Key with id %.*s cannot be found.", BW_FMT(id));
	return e;
}

static void key_save(struct bw_call *call, const struct bw_user *u, const struct ssh_key *k)
{
	bw_call_save(call, &iam_ssh_key_record, iam_owned_key(call, &iam_ssh_key_record, u->id, k->id), k);
}

static struct bw_str status_name(const struct ssh_key *k)
{
	return k->active ? BW_STR("Active") : BW_STR("Inactive");
}

static struct iam_SSHPublicKey *key_to_shape(
    struct bw_call *call, const struct bw_user *u, const struct ssh_key *k)
{
	struct iam_SSHPublicKey *out = BW_NEW(call->arena, struct iam_SSHPublicKey);

	*out = (struct iam_SSHPublicKey){
	    .UserName = u->name,
	    .SSHPublicKeyId = k->id,
	    .Fingerprint = k->fingerprint,
	    .SSHPublicKeyBody = k->body,
	    .Status = status_name(k),
	    .UploadDate = BW_TIME(k->uploaded_ms),
	};
	return out;
}

/* The same key twice, and more than the quota, are refused. */
static enum bw_err room_check(struct bw_call *call, const struct bw_user *u, const struct ssh_key *k)
{
	struct bw_str prefix = iam_owned_key(call, &iam_ssh_key_record, u->id, BW_STR(""));
	struct bw_page page;
	struct ssh_key other;
	enum bw_err e;

	TRY(bw_page_begin(call, prefix, BW_STR_NONE, BW_INT(1000), 1000, &page));
	while ((e = bw_page_next(call, &page, &iam_ssh_key_record, &other, NULL)) == BW_OK)
		if (bw_str_eq(other.body, k->body))
			break;
	bw_page_end(call, &page, &(struct bw_opt_bool){0}, &(struct bw_str){0});
	if (e == BW_OK)
		return bw_call_fail(
		    call, "DuplicateSSHPublicKey", "The SSH public key is already associated with the user.");
	if (e != BW_ENOTFOUND)
		return e;
	return bw_call_within(call, &ssh_keys_quota, bw_call_count_under(call, prefix, SIZE_MAX) + 1);
}

/* ---- Operations ---- */

BW_OP(iam, UploadSSHPublicKey, .effect = BW_WRITE, .resource = iam_user_resource)
{
	struct ssh_key k = {.active = true, .uploaded_ms = call->now_ms};
	struct bw_user u;

	TRY(iam_user_load(call, in->UserName, &u));
	TRY(body_take(call, in->SSHPublicKeyBody, &k));
	TRY(room_check(call, &u, &k));
	k.id = bw_id_make(call->arena, "APKA", call->account);
	key_save(call, &u, &k);
	out->SSHPublicKey = key_to_shape(call, &u, &k);
	return BW_OK;
}

BW_OP(iam, GetSSHPublicKey, .effect = BW_READ, .resource = iam_user_resource)
{
	struct bw_str text, wire, modulus, exponent;
	struct ssh_key k;
	struct bw_user u;
	struct bw_buf pem;

	TRY(iam_user_load(call, in->UserName, &u));
	TRY(key_load(call, &u, in->SSHPublicKeyId, &k));
	out->SSHPublicKey = key_to_shape(call, &u, &k);
	if (!bw_str_eq(in->Encoding, BW_STR("PEM")))
		return BW_OK;
	text = bw_str_sub(k.body, 8, k.body.n);
	TRY(bw_base64_decode(text, call->arena, &wire));
	TRY(bw_ssh_rsa_read(wire, &modulus, &exponent));
	bw_buf_init(&pem, 16384);
	TRY(bw_rsa_public_pem(modulus, exponent, &pem));
	out->SSHPublicKey->SSHPublicKeyBody = bw_arena_str(call->arena, bw_buf_str(&pem));
	bw_buf_free(&pem);
	return BW_OK;
}

BW_OP(iam, UpdateSSHPublicKey, .effect = BW_WRITE, .resource = iam_user_resource)
{
	struct ssh_key k;
	struct bw_user u;

	TRY(iam_user_load(call, in->UserName, &u));
	TRY(key_load(call, &u, in->SSHPublicKeyId, &k));
	TRY(iam_status_take(call, in->Status, &k.active));
	key_save(call, &u, &k);
	return BW_OK;
}

BW_OP(iam, DeleteSSHPublicKey, .effect = BW_WRITE, .resource = iam_user_resource)
{
	struct ssh_key k;
	struct bw_user u;

	TRY(iam_user_load(call, in->UserName, &u));
	TRY(key_load(call, &u, in->SSHPublicKeyId, &k));
	bw_call_delete(call, iam_owned_key(call, &iam_ssh_key_record, u.id, k.id));
	return BW_OK;
}

BW_OP(iam, ListSSHPublicKeys, .effect = BW_READ, .resource = iam_user_resource)
{
	struct bw_user u = {.id = BW_STR("")};
	struct bw_page page;
	struct bw_str name;
	struct ssh_key k;
	enum bw_err e;

	/* The root user has none, and may ask. */
	TRY(iam_user_name(call, in->UserName, &name));
	if (bw_str_set(name))
		TRY(iam_user_load(call, name, &u));
	else
		u.id = call->account;
	TRY(bw_page_begin(call, iam_owned_key(call, &iam_ssh_key_record, u.id, BW_STR("")), in->Marker,
	    in->MaxItems, IAM_PAGE_USUAL, &page));
	out->SSHPublicKeys.set = true;
	out->SSHPublicKeys.v = BW_NEW_ARRAY(call->arena, struct iam_SSHPublicKeyMetadata, page.left);
	while ((e = bw_page_next(call, &page, &iam_ssh_key_record, &k, NULL)) == BW_OK)
		out->SSHPublicKeys.v[out->SSHPublicKeys.n++] = (struct iam_SSHPublicKeyMetadata){
		    .UserName = u.name,
		    .SSHPublicKeyId = k.id,
		    .Status = status_name(&k),
		    .UploadDate = BW_TIME(k.uploaded_ms),
		};
	bw_page_end(call, &page, &out->IsTruncated, &out->Marker);
	return e == BW_ENOTFOUND ? BW_OK : e;
}
