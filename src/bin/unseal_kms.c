/* Another KMS, AWS's or a Bulwark's, keeps what opens this server: its Encrypt wraps the root key, its Decrypt gives it back. Spoken
 * with over TLS whose certificate is checked, from a process that ends at once (keyer/unseal.h: find). */
#include "aws/sigv4.h"
#include "base/sys.h"
#include "bin/place.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/time.h"
#include "keyer/root_key.h"
#include "keyer/unseal.h"
#include "net/authorities.h"
#include "net/fetch.h"
#include "net/tls.h"

enum { DEADLINE_MS = 10000, ANSWER_MAX = 64 * 1024, CREDENTIALS_MAX = 64 * 1024, ARENA_MAX = 64 << 20 };

/* What Decrypt has to be asked with as well: the ciphertext is good for nothing else. */
#define CONTEXT "\"EncryptionContext\":{\"bulwark\":\"root key\"}"

struct kms_keys {
	struct bw_str id, secret, token;
};

struct kms_call {
	const struct bw_seal_facts *facts;
	struct bw_arena *arena; /* wiped */
	const char *operation;
	struct bw_str body;
	struct kms_keys keys;
	struct bw_url url;
	char timestamp[17];
};

/* The first profile of an AWS credentials file that nobody else may read. */
static enum bw_err keys_read(struct kms_call *c)
{
	struct {
		struct bw_str name, *at;
	} const fields[] = {{BW_STR("aws_access_key_id"), &c->keys.id}, {BW_STR("aws_secret_access_key"), &c->keys.secret},
	    {BW_STR("aws_session_token"), &c->keys.token}};
	struct bw_secret text;
	struct bw_str left;

	TRY(bw_secret_text_read(c->facts->credentials_file, CREDENTIALS_MAX, &text));
	left = bw_arena_str(c->arena, bw_secret_bytes(&text));
	bw_secret_free(&text);
	while (bw_str_set(left)) {
		struct bw_str value = bw_str_cut(&left, '\n'), name = bw_str_trim(bw_str_cut(&value, '='));

		for (size_t i = 0; i < BW_COUNT(fields); i++)
			if (bw_str_eq(name, fields[i].name) && !bw_str_set(*fields[i].at) && bw_str_set(value))
				*fields[i].at = bw_str_trim(value);
	}
	return c->keys.id.n && c->keys.secret.n ? BW_OK : BW_EINVAL;
}

/* yyyymmddThhmmssZ, out of the form with its punctuation. */
static void timestamp_make(char out[17])
{
	struct bw_buf b;
	size_t n = 0;

	bw_buf_init(&b, 64);
	bw_time_put_iso8601(bw_clock_wall_ms() / 1000 * 1000, &b);
	for (size_t i = 0; i < b.n && n < 15; i++)
		if (b.p[i] != '-' && b.p[i] != ':' && b.p[i] != '.')
			out[n++] = b.p[i];
	out[15] = 'Z';
	out[16] = 0;
	bw_buf_free(&b);
}

static struct bw_str authorization_of(struct kms_call *c, struct bw_str target)
{
	const struct bw_http_header headers[] = {{BW_STR("content-type"), BW_STR("application/x-amz-json-1.1")},
	    {BW_STR("host"), c->url.authority}, {BW_STR("x-amz-date"), bw_str_c(c->timestamp)},
	    {BW_STR("x-amz-security-token"), c->keys.token}, {BW_STR("x-amz-target"), target}};
	struct bw_http_header sent[BW_COUNT(headers)];
	size_t n = 0;

	for (size_t i = 0; i < BW_COUNT(headers); i++)
		if (bw_str_set(headers[i].value))
			sent[n++] = headers[i];
	return bw_sigv4_sign(c->keys.id, c->keys.secret, BW_STR("POST"), c->url.target, BW_STR(""), sent, n, c->body,
	    bw_str_c(c->timestamp), c->facts->region, BW_STR("kms"), c->arena);
}

static bool header_safe(struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return true;
}

static enum bw_err trust_make(struct kms_call *c, struct ssl_ctx_st **out)
{
	struct bw_str pem;
	struct bw_buf usual;
	enum bw_err e;

	if (c->facts->ca_file.n) {
		TRY(file_read(bw_arena_str(c->arena, c->facts->ca_file).p, BW_AUTHORITIES_MAX, c->arena, &pem));
		return bw_tls_client_new(pem, out);
	}
	bw_buf_init(&usual, BW_AUTHORITIES_MAX);
	bw_authorities_read(&usual);
	e = usual.n ? bw_tls_client_new(bw_buf_str(&usual), out) : BW_ENOTFOUND;
	bw_buf_free(&usual);
	return e;
}

static enum bw_err answer_read(struct kms_call *c, int status, struct bw_str body, const char *member, struct bw_str *out)
{
	struct bw_json_value answer;
	const struct bw_json_value *v;

	CHECK(bw_json_parse(body, c->arena, &answer) == BW_OK && answer.kind == BW_JSON_OBJECT, BW_EINVAL);
	if (status != 200) {
		v = bw_json_member(&answer, BW_STR("__type"));
		bw_log(BW_LOG_ERROR, "KMS at %.*s: %s: %d %.*s", BW_FMT(c->facts->endpoint), c->operation, status,
		    BW_FMT(v && v->kind == BW_JSON_STRING ? v->text : BW_STR("")));
		return BW_EPERM;
	}
	v = bw_json_member(&answer, bw_str_c(member));
	CHECK(v && v->kind == BW_JSON_STRING, BW_EINVAL);
	return bw_base64_decode(v->text, c->arena, out);
}

static enum bw_err ask(struct kms_call *c, const char *member, struct bw_str *out)
{
	struct bw_str target = bw_arena_printf(c->arena, "TrentService.%s", c->operation), body;
	struct bw_fetch f = {.url = c->facts->endpoint, .json = c->body, .answer_max = ANSWER_MAX};
	struct ssl_ctx_st *trust;
	int status = 0;
	enum bw_err e;

	TRY(keys_read(c));
	TRY(bw_url_parse(c->facts->endpoint, &c->url));
	CHECK(header_safe(c->keys.id) && header_safe(c->keys.token), BW_EINVAL);
	timestamp_make(c->timestamp);
	f.authorization = authorization_of(c, target);
	f.json_lines = bw_arena_printf(c->arena, "Content-Type: application/x-amz-json-1.1\r\nX-Amz-Date: %s\r\nX-Amz-Target: %.*s\r\n%s%.*s%s",
	    c->timestamp, BW_FMT(target), bw_str_set(c->keys.token) ? "X-Amz-Security-Token: " : "", BW_FMT(c->keys.token),
	    bw_str_set(c->keys.token) ? "\r\n" : "");
	f.deadline_ms = bw_clock_mono_ms() + DEADLINE_MS;
	TRY(trust_make(c, &trust));
	e = bw_fetch(&f, trust, c->arena, &status, &body);
	bw_tls_free(trust);
	TRY(e);
	return answer_read(c, status, body, member, out);
}

/* Asks with one blob under `name`, and logs what went wrong. */
static enum bw_err call(const struct bw_seal_facts *facts, struct bw_arena *arena, const char *operation, const char *name,
    struct bw_str blob, const char *member, struct bw_str *out)
{
	struct kms_call c = {.facts = facts, .arena = arena, .operation = operation};
	struct bw_buf body;
	enum bw_err e;

	bw_buf_init(&body, ANSWER_MAX);
	bw_buf_put(&body, BW_STR("{" CONTEXT ",\"KeyId\":"));
	bw_json_put_str(&body, facts->key_id);
	bw_buf_printf(&body, ",\"%s\":\"", name);
	bw_base64_encode(blob, &body);
	bw_buf_put(&body, BW_STR("\"}"));
	c.body = bw_arena_str(arena, bw_buf_str(&body));
	e = body.failed ? BW_ETOOBIG : ask(&c, member, out);
	bw_buf_free(&body);
	if (e != BW_OK)
		bw_log(BW_LOG_ERROR, "KMS at %.*s: %s: %s", BW_FMT(facts->endpoint), operation, bw_err_name(e));
	return e;
}

static enum bw_err kms_make(struct bw_seal_make *m, struct bw_seal_facts *facts)
{
	facts->endpoint = m->wanted.endpoint;
	facts->region = m->wanted.region;
	facts->key_id = m->wanted.key_id;
	facts->credentials_file = m->wanted.credentials_file;
	facts->ca_file = m->wanted.ca_file;
	CHECK(bw_str_starts(facts->endpoint, BW_STR("https://")) && facts->region.n <= 64, BW_EINVAL);
	return call(facts, m->arena, "Encrypt", "Plaintext", bw_secret_bytes(m->root), "CiphertextBlob", &facts->wrapped);
}

static enum bw_err kms_find(const struct bw_seal_facts *facts, struct bw_str root_key_path, struct bw_secret *root)
{
	struct bw_arena arena;
	struct bw_str plain;
	enum bw_err e;

	(void)root_key_path;
	bw_arena_init(&arena, ARENA_MAX);
	e = call(facts, &arena, "Decrypt", "CiphertextBlob", facts->wrapped, "Plaintext", &plain);
	if (e == BW_OK && plain.n != BW_ROOT_KEY_BYTES)
		e = BW_ECORRUPT;
	if (e == BW_OK) {
		*root = bw_secret_new(plain.n);
		memcpy(root->p, plain.p, plain.n);
	}
	bw_arena_free(&arena);
	return e;
}

BW_UNSEAL_KIND(kms, .name = "kms", .make = kms_make, .find = kms_find);
