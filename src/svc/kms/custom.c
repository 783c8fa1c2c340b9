/* Custom key stores: what there is, and what only looks or ends. */
#include "svc/kms/custom.h"

enum { STORES_MAX = 256 }; /* read at one time; the quota is 10 */

static const char *const type_names[] = {NULL, "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"};
static const char *const connection_names[] = {NULL, "CONNECTED", "DISCONNECTED", "FAILED"};

struct bw_str kms_custom_key(struct bw_call *call, struct bw_str account, struct bw_str region, struct bw_str id)
{
	return kms_store_key(call->arena, account, region, "store", id);
}

static struct bw_str key_here(struct bw_call *call, struct bw_str id)
{
	return kms_custom_key(call, call->account, call->region, id);
}

enum bw_err kms_custom_load(struct bw_call *call, struct bw_str id, struct kms_store *out)
{
	enum bw_err e = bw_call_load(call, &kms_store_record, key_here(call, id), out);

	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "CustomKeyStoreNotFoundException", "%s", "");
	return e;
}

void kms_custom_save(struct bw_call *call, const struct kms_store *s)
{
	bw_call_save(call, &kms_store_record, key_here(call, s->id), s);
}

enum bw_err kms_customs(struct bw_call *call, struct kms_store **out, size_t *n)
{
	struct bw_str prefix = key_here(call, BW_STR("")), key;
	struct kms_store *v = BW_NEW_ARRAY(call->arena, struct kms_store, STORES_MAX);
	struct bw_scan scan;
	enum bw_err e;

	(void)bw_call_count_under(call, prefix, STORES_MAX);
	*n = 0;
	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	while (*n < STORES_MAX && (e = bw_scan_next(&scan, call->arena, &key, NULL, NULL)) == BW_OK) {
		e = bw_call_load(call, &kms_store_record, key, &v[*n]);
		if (e != BW_OK)
			break;
		++*n;
	}
	bw_scan_end(&scan);
	*out = v;
	return *n == STORES_MAX || e == BW_ENOTFOUND ? BW_OK : e;
}

enum bw_err kms_custom_wrong_state(struct bw_call *call, const struct kms_store *s, const char *text)
{
	return bw_call_fail(call, "CustomKeyStoreInvalidStateException", "Custom key store %.*s is %s: %s", BW_FMT(s->id),
	    connection_names[s->state], text);
}

enum bw_err kms_custom_keys(struct bw_call *call)
{
	bw_call_context(call, BW_STR("kms:CallerAccount"), call->account);
	return BW_OK;
}

/* ---- What has to be one store's alone ---- */

enum bw_err kms_custom_name_free(struct bw_call *call, struct bw_str name)
{
	struct kms_store *all;
	size_t n;

	TRY(kms_customs(call, &all, &n));
	for (size_t i = 0; i < n; i++)
		if (bw_str_eq(all[i].name, name))
			return bw_call_fail(call, "CustomKeyStoreNameInUseException", "%s", "");
	return BW_OK;
}

struct bw_str kms_cluster_key(struct bw_call *call, struct bw_str cluster)
{
	return kms_store_key(call->arena, BW_STR("global"), BW_STR("global"), "cluster", cluster);
}

enum bw_err kms_cluster_free(struct bw_call *call, struct bw_str cluster)
{
	if (bw_call_exists(call, kms_cluster_key(call, cluster)))
		return bw_call_fail(call, "CloudHsmClusterInUseException", "%s", "");
	return BW_OK;
}

enum bw_err kms_proxy_free(struct bw_call *call, struct bw_str endpoint, struct bw_str path, struct bw_str but)
{
	struct kms_store *all;
	size_t n;

	TRY(kms_customs(call, &all, &n));
	for (size_t i = 0; i < n; i++)
		if (bw_str_eq_nocase(all[i].endpoint, endpoint) && bw_str_eq(all[i].path, path) && !bw_str_eq(all[i].id, but))
			return bw_call_fail(call, "XksProxyUriInUseException", "%s", "");
	return BW_OK;
}

/* ---- DescribeCustomKeyStores ---- */

static void proxy_to_shape(struct bw_call *call, const struct kms_store *s, struct kms_CustomKeyStoresListEntry *out)
{
	out->XksProxyConfiguration = BW_NEW(call->arena, struct kms_XksProxyConfigurationType);
	*out->XksProxyConfiguration = (struct kms_XksProxyConfigurationType){.Connectivity = BW_STR("PUBLIC_ENDPOINT"),
	    .AccessKeyId = s->key_id, .UriEndpoint = s->endpoint, .UriPath = s->path};
}

static void store_to_shape(struct bw_call *call, const struct kms_store *s, struct kms_CustomKeyStoresListEntry *out)
{
	*out = (struct kms_CustomKeyStoresListEntry){.CustomKeyStoreId = s->id, .CustomKeyStoreName = s->name,
	    .ConnectionState = bw_str_c(connection_names[s->state]), .CreationDate = BW_TIME(s->created_ms),
	    .CustomKeyStoreType = bw_str_c(type_names[s->type]), .CloudHsmClusterId = s->cluster,
	    .TrustAnchorCertificate = s->trust_pem};
	if (s->state == KMS_STORE_FAILED)
		out->ConnectionErrorCode = s->error_code;
	if (s->type == KMS_STORE_EXTERNAL)
		proxy_to_shape(call, s, out);
}

static bool is_meant(const struct kms_store *s, const IN_kms_DescribeCustomKeyStores *in)
{
	return (!bw_str_set(in->CustomKeyStoreId) || bw_str_eq(s->id, in->CustomKeyStoreId)) &&
	       (!bw_str_set(in->CustomKeyStoreName) || bw_str_eq(s->name, in->CustomKeyStoreName));
}

static size_t meant_only(struct kms_store *all, size_t n, const IN_kms_DescribeCustomKeyStores *in)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (is_meant(&all[i], in))
			all[kept++] = all[i];
	return kept;
}

BW_OP(kms, DescribeCustomKeyStores, .effect = BW_READ, .keys = kms_custom_keys)
{
	struct kms_store *all;
	size_t n, from, to;

	if (bw_str_set(in->CustomKeyStoreId) && bw_str_set(in->CustomKeyStoreName))
		return bw_call_fail(call, "ValidationException", "%s",
		    "You cannot specify CustomKeyStoreId and CustomKeyStoreName in the same request.");
	TRY(kms_customs(call, &all, &n));
	n = meant_only(all, n, in);
	if (!n && (bw_str_set(in->CustomKeyStoreId) || bw_str_set(in->CustomKeyStoreName)))
		return bw_call_fail(call, "CustomKeyStoreNotFoundException", "%s", "");
	TRY(kms_page_slice(
	    call, n, in->Marker, in->Limit, KMS_PAGE_USUAL, &from, &to, &out->Truncated, &out->NextMarker));
	out->CustomKeyStores.set = true;
	out->CustomKeyStores.v = BW_NEW_ARRAY(call->arena, struct kms_CustomKeyStoresListEntry, n + 1);
	for (size_t i = from; i < to; i++)
		store_to_shape(call, &all[i], &out->CustomKeyStores.v[out->CustomKeyStores.n++]);
	return BW_OK;
}

/* ---- Their end ---- */

BW_OP(kms, DeleteCustomKeyStore, .effect = BW_WRITE, .keys = kms_custom_keys)
{
	struct bw_str marks = kms_store_key(call->arena, call->account, call->region, "store-key",
	    bw_arena_printf(call->arena, "%.*s/", BW_FMT(in->CustomKeyStoreId)));
	struct kms_store s;

	TRY(kms_custom_load(call, in->CustomKeyStoreId, &s));
	if (bw_call_count_under(call, marks, 1))
		return bw_call_fail(call, "CustomKeyStoreHasCMKsException", "%s", "");
	if (s.state != KMS_STORE_DISCONNECTED)
		return kms_custom_wrong_state(call, &s, "disconnect it first.");
	if (s.type == KMS_STORE_CLOUDHSM)
		bw_call_delete(call, kms_cluster_key(call, s.cluster));
	bw_call_delete(call, key_here(call, s.id));
	return BW_OK;
}

/* A token is closed; of a proxy there is nothing to be closed. */
static enum bw_err disconnect_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_DisconnectCustomKeyStore *in = input;
	struct bw_outside_request *r = BW_NEW(call->arena, struct bw_outside_request);
	struct kms_store s;

	(void)request;
	TRY(kms_custom_load(call, in->CustomKeyStoreId, &s));
	if (s.state == KMS_STORE_DISCONNECTED)
		return kms_custom_wrong_state(call, &s, "there is nothing to disconnect.");
	if (s.type != KMS_STORE_CLOUDHSM)
		return BW_OK;
	*r = (struct bw_outside_request){.op = BW_OUTSIDE_TOKEN_CLOSE, .where = s.cluster};
	call->reach = r;
	return BW_OK;
}

BW_OP(kms, DisconnectCustomKeyStore, .effect = BW_WRITE, .keys = kms_custom_keys, .ask = disconnect_ask)
{
	struct kms_store s;

	TRY(kms_custom_load(call, in->CustomKeyStoreId, &s));
	s.state = KMS_STORE_DISCONNECTED;
	s.error_code = BW_STR_NONE;
	kms_custom_save(call, &s);
	return BW_OK;
}

/* ---- GenerateRandom ---- */

enum bw_err kms_custom_random(struct bw_call *call, struct bw_str id, size_t bytes)
{
	struct bw_outside_request *r = BW_NEW(call->arena, struct bw_outside_request);
	struct kms_store s;

	TRY(kms_custom_load(call, id, &s));
	if (s.type != KMS_STORE_CLOUDHSM)
		return bw_call_fail(call, "UnsupportedOperationException", "%s", "An external key store gives no random bytes.");
	if (s.state != KMS_STORE_CONNECTED)
		return kms_custom_wrong_state(call, &s, "connect it first.");
	*r = (struct bw_outside_request){.op = BW_OUTSIDE_TOKEN_RANDOM, .where = s.cluster, .pin = s.pin, .length = bytes};
	call->reach = r;
	return BW_OK;
}

enum bw_err kms_custom_drawn(struct bw_call *call, struct bw_str *out)
{
	if (call->reached.result != BW_OK)
		return bw_call_fail(call, "DependencyTimeoutException", "%s",
		    "The system timed out while trying to fulfill the request. You can retry the request.");
	*out = call->reached.out;
	return BW_OK;
}
