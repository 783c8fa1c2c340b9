/* Requests to the proxy of an external key store (AWS KMS External Key Store Proxy API Specification, version 1). */
#include "svc/kms/custom.h"

#include "aws/sigv4.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/time.h"

enum { BODY_MAX = 32 * 1024 }; /* 4,300 bytes to be sealed and as much of a context, in base64, and who asks */

#define CANNOT_READ                                                                                                   \
	"AWS KMS cannot interpret the response from the external key store proxy. If you see this error repeatedly, "     \
	"report it to your external key store proxy administrator."
#define NO_ANSWER                                                                                                     \
	"AWS KMS cannot communicate with the external key store proxy. This might be a transient network issue. If you "  \
	"see this error repeatedly, verify that your external key store proxy is active and is connected to the "         \
	"network, and that its endpoint URI is correct in your external key store."

#define INVALID_STATE "CustomKeyStoreInvalidStateException"
#define UNREACHABLE   "XksProxyUriUnreachableException"
#define BAD_RESPONSE  "XksProxyInvalidResponseException"
#define BAD_KEY       "XksKeyInvalidConfigurationException"

/* The specification's section "Error codes". */
const struct xks_words xks_words[XKS_OUTCOMES] = {
    [XKS_VALIDATION] = {"ValidationException", BAD_RESPONSE, INVALID_STATE, "XKS_PROXY_INVALID_RESPONSE", CANNOT_READ},
    [XKS_STATE] = {"InvalidStateException", BAD_RESPONSE, BAD_KEY, "XKS_PROXY_INVALID_RESPONSE",
        "The external key associated with this KMS key in an external key store is not enabled in the external key manager. "
        "Enable the external key in the external key manager and retry the request."},
    [XKS_CIPHERTEXT] = {"InvalidCiphertextException", BAD_RESPONSE, INVALID_STATE, "XKS_PROXY_INVALID_RESPONSE",
        "The external key store proxy rejected the request because the specified ciphertext or encryption context is "
        "corrupted, missing, or otherwise invalid."},
    [XKS_USAGE] = {"InvalidKeyUsageException", BAD_RESPONSE, BAD_KEY, "XKS_PROXY_INVALID_RESPONSE",
        "The external key associated with this KMS key in an external key store does not support the requested operation. "
        "Enable the operation on the key in your external key manager, and try the request again."},
    [XKS_AUTHENTICATION] = {"AuthenticationFailedException", "XksProxyIncorrectAuthenticationCredentialException", INVALID_STATE,
        "INVALID_CREDENTIALS",
        "The external key store proxy rejected the request because it could not authenticate AWS KMS. Verify the XKS proxy "
        "authentication credentials for your external key store and update if necessary."},
    [XKS_ACCESS] = {"AccessDeniedException", BAD_RESPONSE, "KMSInvalidStateException", "XKS_PROXY_ACCESS_DENIED",
        "The external key store proxy denied access to the operation. Verify that the user and the external key are both "
        "authorized for this operation, and try the request again."},
    [XKS_KEY] = {"KeyNotFoundException", BAD_RESPONSE, "XksKeyNotFoundException", "XKS_PROXY_INVALID_RESPONSE",
        "The external key associated with this KMS key in an external key store was not found in its external key manager. If "
        "the external key ID associated with this KMS key is incorrect, create a new KMS key with the correct external key "
        "ID."},
    [XKS_PATH] = {"InvalidUriPathException", "XksProxyInvalidConfigurationException", INVALID_STATE,
        "XKS_PROXY_INVALID_CONFIGURATION",
        "The external key store proxy rejected the request because of an invalid URI path. Verify the URI path for your "
        "external key store and update if necessary."},
    [XKS_UNSUPPORTED] = {"UnsupportedOperationException", BAD_RESPONSE, "XksProxyInvalidResponseException",
        "XKS_PROXY_INVALID_RESPONSE",
        "The external key store proxy rejected the request because it does not support the requested operation. If you see "
        "this error repeatedly, report it to your external key store proxy administrator."},
    [XKS_SLOW_DEPENDENCY] = {"DependencyTimeoutException", UNREACHABLE, INVALID_STATE, "XKS_PROXY_TIMED_OUT",
        "The external key store proxy did not respond to the request in the time allotted. Retry the request. If you see this "
        "error repeatedly, report it to your external key store proxy administrator."},
    [XKS_THROTTLED] = {"ThrottlingException", UNREACHABLE, INVALID_STATE, "XKS_PROXY_NOT_REACHABLE",
        "The external key store proxy rejected the request due to a very high request rate. Reduce the frequency of your calls "
        "using KMS keys in this external key store."},
    [XKS_INTERNAL] = {"InternalException", BAD_RESPONSE, INVALID_STATE, "XKS_PROXY_NOT_REACHABLE",
        "The external key store proxy rejected the request because it cannot communicate with the external key manager. Verify "
        "that the external key store proxy configuration is correct and that the external key manager is available."},
    [XKS_NO_CONNECTION] = {NULL, UNREACHABLE, INVALID_STATE, "XKS_PROXY_NOT_REACHABLE", NO_ANSWER},
    [XKS_NO_TLS] = {NULL, UNREACHABLE, INVALID_STATE, "XKS_PROXY_INVALID_TLS_CONFIGURATION",
        "AWS KMS cannot establish a TLS connection to the external key store proxy. Verify the TLS configuration, including "
        "its certificate."},
    [XKS_TIMEOUT] = {NULL, UNREACHABLE, INVALID_STATE, "XKS_PROXY_TIMED_OUT",
        "AWS KMS rejected the request because the external key store proxy did not respond in time. Retry the request. If you "
        "see this error repeatedly, report it to your external key store proxy administrator."},
    [XKS_MALFORMED] = {NULL, BAD_RESPONSE, INVALID_STATE, "XKS_PROXY_INVALID_RESPONSE", CANNOT_READ},
    [XKS_ALL_DOWN] = {NULL, UNREACHABLE, INVALID_STATE, "XKS_PROXY_NOT_REACHABLE", NO_ANSWER},
};

/* ---- The body ---- */

static void member(struct bw_buf *out, const char *name, struct bw_str value)
{
	if (!bw_str_set(value))
		return;
	bw_buf_printf(out, "%s\"%s\":", out->p[out->n - 1] == '{' ? "" : ",", name);
	bw_json_put_str(out, value);
}

static void bytes_member(struct bw_buf *out, const char *name, struct bw_str bytes)
{
	if (!bw_str_set(bytes))
		return;
	bw_buf_printf(out, ",\"%s\":\"", name);
	bw_base64_encode(bytes, out);
	bw_buf_put_c(out, '"');
}

/* Health is asked for by no key and no principal. */
static void metadata_put(struct bw_call *call, const struct kms_found *f, bool made, struct bw_buf *out)
{
	bw_buf_put(out, BW_STR("{\"requestMetadata\":{"));
	if (f)
		member(out, "awsPrincipalArn", call->caller->arn);
	if (made)
		member(out, "kmsKeyArn", f->arn);
	member(out, "kmsOperation", bw_str_c(bw_at(call->model->name)));
	member(out, "kmsRequestId", call->request_id);
	bw_buf_put_c(out, '}');
}

/* ---- The request ---- */

static struct bw_str host_of(const struct kms_store *s)
{
	return bw_str_sub(s->endpoint, sizeof "https://" - 1, s->endpoint.n);
}

static struct bw_str timestamp(struct bw_call *call)
{
	struct bw_buf text;
	struct bw_str out;

	bw_buf_init(&text, 32);
	bw_time_put_basic(call->now_ms, &text);
	out = bw_arena_str(call->arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return out;
}

/* The specification's appendix A: host and date are signed, and the body's hash. */
static struct bw_str authorization(struct bw_call *call, const struct kms_store *s, struct bw_str path, struct bw_str date,
    struct bw_str body)
{
	const struct bw_http_header headers[] = {{BW_STR("host"), host_of(s)}, {BW_STR("x-amz-date"), date}};

	return bw_sigv4_sign(s->key_id, s->secret, BW_STR("POST"), path, BW_STR(""), headers, BW_COUNT(headers), body, date,
	    call->region, BW_STR("kms-xks-proxy"), call->arena);
}

/* `body` is closed here, and given back. */
static void post(struct bw_call *call, const struct kms_store *s, struct bw_str tail, struct bw_buf *body)
{
	struct bw_outside_request *r = BW_NEW(call->arena, struct bw_outside_request);
	struct bw_str path = bw_arena_printf(call->arena, "%.*s%.*s", BW_FMT(s->path), BW_FMT(tail)), date = timestamp(call), text;

	bw_buf_put_c(body, '}');
	MUST(!body->failed);
	text = bw_arena_str(call->arena, bw_buf_str(body));
	bw_buf_free(body);
	r->op = BW_OUTSIDE_HTTPS;
	r->where = host_of(s);
	r->input = bw_arena_printf(call->arena,
	    "POST %.*s HTTP/1.1\r\nHost: %.*s\r\nX-Amz-Date: %.*s\r\nAuthorization: %.*s\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%.*s",
	    BW_FMT(path), BW_FMT(r->where), BW_FMT(date), BW_FMT(authorization(call, s, path, date, text)), text.n, BW_FMT(text));
	call->reach = r;
}

static struct bw_str key_path(struct bw_call *call, const struct kms_found *f, const char *what)
{
	return bw_arena_printf(call->arena, "/keys/%.*s/%s", BW_FMT(f->key.xks_key_id), what);
}

void xks_health_ask(struct bw_call *call, const struct kms_store *s)
{
	struct bw_buf body;

	bw_buf_init(&body, BODY_MAX);
	metadata_put(call, NULL, false, &body);
	post(call, s, BW_STR("/health"), &body);
}

void xks_metadata_ask(struct bw_call *call, const struct kms_found *f)
{
	struct bw_buf body;

	bw_buf_init(&body, BODY_MAX);
	/* CreateKey asks before there is a key. */
	metadata_put(call, f, false, &body);
	post(call, f->store, key_path(call, f, "metadata"), &body);
}

void xks_encrypt_ask(struct bw_call *call, const struct kms_found *f, struct bw_str aad, struct bw_str plain)
{
	struct bw_buf body;

	bw_buf_init(&body, BODY_MAX);
	metadata_put(call, f, true, &body);
	bytes_member(&body, "additionalAuthenticatedData", aad);
	bytes_member(&body, "plaintext", plain);
	member(&body, "encryptionAlgorithm", BW_STR("AES_GCM"));
	member(&body, "ciphertextDataIntegrityValueAlgorithm", BW_STR("SHA_256"));
	post(call, f->store, key_path(call, f, "encrypt"), &body);
}

void xks_decrypt_ask(struct bw_call *call, const struct kms_found *f, struct bw_str aad, const struct xks_sealed *sealed)
{
	struct bw_buf body;

	bw_buf_init(&body, BODY_MAX);
	metadata_put(call, f, true, &body);
	bytes_member(&body, "additionalAuthenticatedData", aad);
	bytes_member(&body, "ciphertext", sealed->ciphertext);
	bytes_member(&body, "ciphertextMetadata", sealed->metadata.n ? sealed->metadata : BW_STR_NONE);
	bytes_member(&body, "initializationVector", sealed->nonce);
	bytes_member(&body, "authenticationTag", sealed->tag);
	member(&body, "encryptionAlgorithm", BW_STR("AES_GCM"));
	post(call, f->store, key_path(call, f, "decrypt"), &body);
}
