/* Custom key stores: what has to be tried outside before it is believed. */
#include "svc/kms/custom.h"

#include "base/sys.h"

enum { ID_DIGITS = 17 };

static enum bw_err invalid(struct bw_call *call, const char *text)
{
	return bw_call_fail(call, "ValidationException", "%s", text);
}

static void token_ask(struct bw_call *call, enum bw_outside_op op, const struct kms_store *s)
{
	struct bw_outside_request *r = BW_NEW(call->arena, struct bw_outside_request);

	*r = (struct bw_outside_request){
	    .op = op, .where = s->cluster, .pin = s->pin, .input = op == BW_OUTSIDE_TOKEN_LOOK ? s->trust_pem : BW_STR("")};
	call->reach = r;
}

/* ---- CreateCustomKeyStore ---- */

static void store_from_input(const IN_kms_CreateCustomKeyStore *in, struct kms_store *s)
{
	*s = (struct kms_store){.name = in->CustomKeyStoreName, .type = KMS_STORE_CLOUDHSM, .state = KMS_STORE_DISCONNECTED,
	    .cluster = in->CloudHsmClusterId, .trust_pem = in->TrustAnchorCertificate, .pin = in->KeyStorePassword,
	    .endpoint = in->XksProxyUriEndpoint, .path = in->XksProxyUriPath};
	if (bw_str_eq(in->CustomKeyStoreType, BW_STR("EXTERNAL_KEY_STORE")))
		s->type = KMS_STORE_EXTERNAL;
	if (in->XksProxyAuthenticationCredential) {
		s->key_id = in->XksProxyAuthenticationCredential->AccessKeyId;
		s->secret = in->XksProxyAuthenticationCredential->RawSecretAccessKey;
	}
}

static enum bw_err token_store_check(struct bw_call *call, const IN_kms_CreateCustomKeyStore *in)
{
	if (bw_str_set(in->XksProxyUriEndpoint) || bw_str_set(in->XksProxyUriPath) || bw_str_set(in->XksProxyConnectivity) ||
	    bw_str_set(in->XksProxyVpcEndpointServiceName) || in->XksProxyAuthenticationCredential)
		return invalid(call, "XksProxy parameters are valid only when CustomKeyStoreType is EXTERNAL_KEY_STORE.");
	if (!bw_str_set(in->CloudHsmClusterId) || !bw_str_set(in->TrustAnchorCertificate) || !bw_str_set(in->KeyStorePassword))
		return invalid(call,
		    "CloudHsmClusterId, TrustAnchorCertificate and KeyStorePassword are required when CustomKeyStoreType is "
		    "AWS_CLOUDHSM.");
	return kms_cluster_free(call, in->CloudHsmClusterId);
}

/* There are no VPC endpoint services behind this API. */
static enum bw_err connectivity_check(struct bw_call *call, struct bw_str connectivity, struct bw_str service)
{
	if (bw_str_eq(connectivity, BW_STR("VPC_ENDPOINT_SERVICE")))
		return bw_str_set(service)
		           ? bw_call_fail(call, "XksProxyVpcEndpointServiceNotFoundException", "%s",
		                 "There is no such VPC endpoint service.")
		           : invalid(call, "XksProxyVpcEndpointServiceName is required when XksProxyConnectivity is "
		                           "VPC_ENDPOINT_SERVICE.");
	if (bw_str_set(service))
		return invalid(call,
		    "XksProxyVpcEndpointServiceName is valid only when XksProxyConnectivity is VPC_ENDPOINT_SERVICE.");
	return BW_OK;
}

static enum bw_err proxy_store_check(struct bw_call *call, const IN_kms_CreateCustomKeyStore *in)
{
	if (bw_str_set(in->CloudHsmClusterId) || bw_str_set(in->TrustAnchorCertificate) || bw_str_set(in->KeyStorePassword))
		return invalid(call, "CloudHsmClusterId, TrustAnchorCertificate and KeyStorePassword are not valid when "
		                     "CustomKeyStoreType is EXTERNAL_KEY_STORE.");
	if (!bw_str_set(in->XksProxyConnectivity) || !bw_str_set(in->XksProxyUriEndpoint) || !bw_str_set(in->XksProxyUriPath) ||
	    !in->XksProxyAuthenticationCredential)
		return invalid(call, "XksProxyConnectivity, XksProxyAuthenticationCredential, XksProxyUriEndpoint and XksProxyUriPath "
		                     "are required when CustomKeyStoreType is EXTERNAL_KEY_STORE.");
	TRY(connectivity_check(call, in->XksProxyConnectivity, in->XksProxyVpcEndpointServiceName));
	return kms_proxy_free(call, in->XksProxyUriEndpoint, in->XksProxyUriPath, BW_STR_NONE);
}

static enum bw_err room_check(struct bw_call *call)
{
	struct kms_store *all;
	size_t n;

	TRY(kms_customs(call, &all, &n));
	return bw_call_within(call, &kms_stores_quota, n + 1);
}

static enum bw_err create_check(struct bw_call *call, const IN_kms_CreateCustomKeyStore *in, const struct kms_store *s)
{
	TRY(s->type == KMS_STORE_EXTERNAL ? proxy_store_check(call, in) : token_store_check(call, in));
	TRY(kms_custom_name_free(call, in->CustomKeyStoreName));
	return room_check(call);
}

static enum bw_err create_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	struct kms_store s;

	(void)request;
	store_from_input(input, &s);
	TRY(create_check(call, input, &s));
	if (s.type == KMS_STORE_EXTERNAL)
		xks_health_ask(call, &s);
	else
		token_ask(call, BW_OUTSIDE_TOKEN_LOOK, &s);
	return BW_OK;
}

/* What the proxy says of its health, as an error of CreateCustomKeyStore and UpdateCustomKeyStore. */
static enum bw_err health_check(struct bw_call *call)
{
	enum xks_outcome outcome = xks_health_read(call);

	return outcome == XKS_DONE ? BW_OK : bw_call_fail(call, xks_words[outcome].store_code, "%s", xks_words[outcome].text);
}

/* `corrupt`: the error's code when the trust anchor is another's. */
static enum bw_err cluster_check(struct bw_call *call, const char *corrupt)
{
	switch (call->reached.result) {
	case BW_OK:
		return BW_OK;
	case BW_ENOTFOUND:
		return bw_call_fail(call, "CloudHsmClusterNotFoundException", "%s", "");
	case BW_ECORRUPT:
		return bw_call_fail(call, corrupt, "%s", "");
	default:
		return bw_call_fail(call, "CloudHsmClusterNotActiveException", "%s", "");
	}
}

static struct bw_str store_id_make(struct bw_call *call)
{
	char digits[ID_DIGITS];

	bw_random_text(digits, sizeof digits, BW_STR("0123456789abcdef"));
	return bw_arena_printf(call->arena, "cks-%.*s", ID_DIGITS, digits);
}

BW_OP(kms, CreateCustomKeyStore, .effect = BW_WRITE, .keys = kms_custom_keys, .ask = create_ask)
{
	struct kms_store s;

	store_from_input(in, &s);
	/* Once more: this is another view, and it is this one that the commit is held to. */
	TRY(create_check(call, in, &s));
	TRY(s.type == KMS_STORE_EXTERNAL ? health_check(call) : cluster_check(call, "IncorrectTrustAnchorException"));
	s.id = store_id_make(call);
	s.created_ms = call->now_ms;
	if (s.type == KMS_STORE_CLOUDHSM)
		bw_call_mark(call, kms_cluster_key(call, s.cluster));
	kms_custom_save(call, &s);
	out->CustomKeyStoreId = s.id;
	return BW_OK;
}

/* ---- ConnectCustomKeyStore ---- */

static enum bw_err connect_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_ConnectCustomKeyStore *in = input;
	struct kms_store s;

	(void)request;
	TRY(kms_custom_load(call, in->CustomKeyStoreId, &s));
	if (s.state == KMS_STORE_FAILED)
		return kms_custom_wrong_state(call, &s, "disconnect it before it is connected again.");
	if (s.type == KMS_STORE_EXTERNAL)
		xks_health_ask(call, &s);
	else
		token_ask(call, BW_OUTSIDE_TOKEN_OPEN, &s);
	return BW_OK;
}

static const char *token_connection_code(enum bw_err result)
{
	switch (result) {
	case BW_OK:
		return NULL;
	case BW_EPERM:
		return "INVALID_CREDENTIALS";
	case BW_ENOTFOUND:
		return "CLUSTER_NOT_FOUND";
	case BW_EEXISTS:
		return "USER_LOGGED_IN";
	case BW_EAGAIN:
	case BW_EQUOTA:
		return "NETWORK_ERRORS";
	default:
		return "INTERNAL_ERROR";
	}
}

/* As AWS's, the operation succeeds whatever becomes of the connection; DescribeCustomKeyStores tells. */
BW_OP(kms, ConnectCustomKeyStore, .effect = BW_WRITE, .keys = kms_custom_keys, .ask = connect_ask)
{
	struct kms_store s;
	const char *code;

	TRY(kms_custom_load(call, in->CustomKeyStoreId, &s));
	code = s.type == KMS_STORE_EXTERNAL ? xks_words[xks_health_read(call)].connection_code
	                                    : token_connection_code(call->reached.result);
	s.state = code ? KMS_STORE_FAILED : KMS_STORE_CONNECTED;
	s.error_code = bw_str_c(code);
	kms_custom_save(call, &s);
	return BW_OK;
}

/* ---- UpdateCustomKeyStore ---- */

struct update {
	struct kms_store s;
	bool while_connected; /* all that changes may change then */
	bool tried;           /* has to be tried outside */
	bool cluster;
};

static void take(struct bw_str given, struct bw_str *to, bool *changed)
{
	if (!bw_str_set(given))
		return;
	*to = given;
	*changed = true;
}

static enum bw_err proxy_update(struct bw_call *call, const IN_kms_UpdateCustomKeyStore *in, struct update *u)
{
	bool moved = bw_str_set(in->XksProxyConnectivity);

	if (bw_str_set(in->CloudHsmClusterId) || bw_str_set(in->KeyStorePassword))
		return invalid(call, "CloudHsmClusterId and KeyStorePassword are not valid for an external key store.");
	TRY(connectivity_check(call, in->XksProxyConnectivity, in->XksProxyVpcEndpointServiceName));
	take(in->XksProxyUriEndpoint, &u->s.endpoint, &moved);
	u->tried = moved || in->XksProxyAuthenticationCredential;
	take(in->XksProxyUriPath, &u->s.path, &u->tried);
	if (in->XksProxyAuthenticationCredential) {
		u->s.key_id = in->XksProxyAuthenticationCredential->AccessKeyId;
		u->s.secret = in->XksProxyAuthenticationCredential->RawSecretAccessKey;
	}
	u->while_connected = !moved;
	return kms_proxy_free(call, u->s.endpoint, u->s.path, u->s.id);
}

static enum bw_err token_update(struct bw_call *call, const IN_kms_UpdateCustomKeyStore *in, struct update *u)
{
	bool pin;

	if (bw_str_set(in->XksProxyUriEndpoint) || bw_str_set(in->XksProxyUriPath) || bw_str_set(in->XksProxyConnectivity) ||
	    bw_str_set(in->XksProxyVpcEndpointServiceName) || in->XksProxyAuthenticationCredential)
		return invalid(call, "XksProxy parameters are not valid for an AWS CloudHSM key store.");
	u->cluster = bw_str_set(in->CloudHsmClusterId) && !bw_str_eq(in->CloudHsmClusterId, u->s.cluster);
	if (u->cluster)
		TRY(kms_cluster_free(call, in->CloudHsmClusterId));
	take(in->CloudHsmClusterId, &u->s.cluster, &u->tried);
	take(in->KeyStorePassword, &u->s.pin, &pin);
	return BW_OK;
}

static enum bw_err update_check(struct bw_call *call, const IN_kms_UpdateCustomKeyStore *in, struct update *u)
{
	*u = (struct update){0};
	TRY(kms_custom_load(call, in->CustomKeyStoreId, &u->s));
	TRY(u->s.type == KMS_STORE_EXTERNAL ? proxy_update(call, in, u) : token_update(call, in, u));
	if (u->s.state != KMS_STORE_DISCONNECTED && !(u->while_connected && u->s.state == KMS_STORE_CONNECTED))
		return kms_custom_wrong_state(call, &u->s, "disconnect it first.");
	if (bw_str_set(in->NewCustomKeyStoreName) && !bw_str_eq(in->NewCustomKeyStoreName, u->s.name)) {
		TRY(kms_custom_name_free(call, in->NewCustomKeyStoreName));
		u->s.name = in->NewCustomKeyStoreName;
	}
	return BW_OK;
}

static enum bw_err update_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	struct update u;

	(void)request;
	TRY(update_check(call, input, &u));
	if (u.tried && u.s.type == KMS_STORE_EXTERNAL)
		xks_health_ask(call, &u.s);
	else if (u.tried)
		token_ask(call, BW_OUTSIDE_TOKEN_LOOK, &u.s);
	return BW_OK;
}

BW_OP(kms, UpdateCustomKeyStore, .effect = BW_WRITE, .keys = kms_custom_keys, .ask = update_ask)
{
	struct kms_store before;
	struct update u;

	TRY(kms_custom_load(call, in->CustomKeyStoreId, &before));
	TRY(update_check(call, in, &u));
	if (u.tried)
		TRY(u.s.type == KMS_STORE_EXTERNAL ? health_check(call) : cluster_check(call, "CloudHsmClusterNotRelatedException"));
	if (u.cluster) {
		bw_call_delete(call, kms_cluster_key(call, before.cluster));
		bw_call_mark(call, kms_cluster_key(call, u.s.cluster));
	}
	kms_custom_save(call, &u.s);
	return BW_OK;
}
