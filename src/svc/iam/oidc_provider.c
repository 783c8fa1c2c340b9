#include "core/provider.h"
#include "svc/iam/iam_policy.h"

/* OpenID Connect providers (IAM User Guide, "OIDC federation"). */

enum {
	PROVIDERS_MAX = 1000, /* of a list that has no pages; the quota is far below unless raised */
	THUMBPRINTS_MAX = 5,  /* IAM API Reference, CreateOpenIDConnectProvider */
};

static BW_QUOTA(oidc_providers_quota, "iam-oidc-providers", 100, "LimitExceeded",
    "Cannot exceed quota for OpenIdConnectProvidersPerAccount: %lld");
static BW_QUOTA(oidc_clients_quota, "iam-client-ids-per-oidc-provider", 100, "LimitExceeded",
    "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %lld");

/* ---- ARNs and records ---- */

static struct bw_str arn_of(struct bw_call *call, struct bw_str url)
{
	return bw_arena_printf(
	    call->arena, "arn:aws:iam::%.*s:oidc-provider/%.*s", BW_FMT(call->account), BW_FMT(url));
}

/* The URL inside an ARN of this account; false when it is none. */
static bool url_of(struct bw_call *call, struct bw_str arn, struct bw_str *url)
{
	static const struct bw_str prefix = {"oidc-provider/", 14};
	struct bw_arn parts;

	/* One spelling alone: policies are held against the ARN as it was given. */
	if (bw_arn_parse(arn, &parts) != BW_OK || !bw_str_eq(parts.partition, BW_STR("aws")) ||
	    !bw_str_eq(parts.service, BW_STR("iam")) || parts.region.n || !bw_str_eq(parts.account, call->account) ||
	    !bw_str_starts(parts.resource, prefix))
		return false;
	*url = bw_str_sub(parts.resource, prefix.n, arn.n);
	return url->n > 0 && url->n <= 255;
}

static enum bw_err provider_find(struct bw_call *call, struct bw_str arn, struct bw_oidc_provider *out)
{
	struct bw_str url;

	CHECK(url_of(call, arn, &url), BW_ENOTFOUND);
	TRY(bw_call_load(
	    call, &bw_oidc_provider_record, bw_oidc_provider_key(call->arena, call->account, url), out));
	return bw_str_eq(out->url, url) ? BW_OK : BW_ENOTFOUND;
}

static enum bw_err provider_load(struct bw_call *call, struct bw_str arn, struct bw_oidc_provider *out)
{
	enum bw_err e = provider_find(call, arn, out);
	struct bw_arn parts;

	if (e != BW_ENOTFOUND)
		return e;
	if (bw_arn_parse(arn, &parts) != BW_OK)
		return bw_call_fail(call, "ValidationError", "Invalid ARN:  Could not be parsed!");
	return bw_call_fail(
	    call, "NoSuchEntity", "OpenIDConnect Provider not found for arn %.*s", BW_FMT(arn));
}

static void provider_save(struct bw_call *call, const struct bw_oidc_provider *p)
{
	bw_call_save(
	    call, &bw_oidc_provider_record, bw_oidc_provider_key(call->arena, call->account, p->url), p);
}

/* ---- Rows ---- */

static enum bw_err provider_resource(struct bw_call *call)
{
	struct bw_str arn = bw_call_input(call, "OpenIDConnectProviderArn");
	struct bw_oidc_provider p;
	enum bw_err e;

	bw_call_resource(call, arn);
	e = provider_find(call, arn, &p);
	if (e == BW_OK)
		bw_call_resource_tags(call, &p.tags, true);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* As the ARN has it. A '/' at the end is part of the issuer's name, and stays: tokens and condition keys have it, too. */
static struct bw_str without_scheme(struct bw_str url)
{
	return bw_str_starts(url, BW_STR("https://")) ? bw_str_sub(url, 8, url.n) : url;
}

static enum bw_err new_provider_resource(struct bw_call *call)
{
	const IN_iam_CreateOpenIDConnectProvider *in = call->in;

	bw_call_resource(call, arn_of(call, without_scheme(in->Url)));
	if (in->Tags.n)
		bw_call_also(
		    call, BW_STR("iam:TagOpenIDConnectProvider"), call->resource, BW_STR_NONE, BW_STR_NONE);
	return BW_OK;
}

static enum bw_err providers_resource(struct bw_call *call)
{
	bw_call_resource(call, arn_of(call, BW_STR("")));
	return BW_OK;
}

/* ---- Creating ---- */

static bool is_host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
	       c == '-';
}

/* https, a host without a port, perhaps a path; no user, query or fragment: OpenID Connect Discovery 1.0,
 * section 2, and what the ARN can carry. */
static bool is_url(struct bw_str url)
{
	struct bw_str path, host;

	if (!bw_str_starts(url, BW_STR("https://")))
		return false;
	path = bw_str_sub(url, 8, url.n);
	host = bw_str_cut(&path, '/');
	for (size_t i = 0; i < host.n; i++)
		if (!is_host_char(host.p[i]))
			return false;
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] <= ' ' || path.p[i] > '~' || strchr("?#@\\\"<>", path.p[i]))
			return false;
	return host.n > 0 && host.p[0] != '.' && host.p[0] != '-' && bw_str_find(host, '.', 0) > 0;
}

static enum bw_err thumbprints_take(
    struct bw_call *call, const struct iam_thumbprintListType *given, struct bw_strs *out)
{
	*out = (struct bw_strs){0};
	if (given->n > THUMBPRINTS_MAX)
		return bw_call_fail(call, "InvalidInput",
		    "Thumbprint list must contain fewer than %d entries.", THUMBPRINTS_MAX);
	for (size_t i = 0; i < given->n; i++) {
		for (size_t j = 0; j < given->v[i].n; j++)
			if (!strchr("0123456789abcdefABCDEF", given->v[i].p[j]))
				return bw_call_fail(
				    call, "InvalidInput", "Thumbprint contains invalid characters.");
		bw_strs_add(out, call->arena, bw_arena_lower(call->arena, given->v[i]));
	}
	return BW_OK;
}

static enum bw_err client_add(struct bw_call *call, struct bw_oidc_provider *p, struct bw_str client)
{
	if (bw_strs_has(&p->clients, client))
		return BW_OK;
	bw_strs_add(&p->clients, call->arena, client);
	return bw_call_within(call, &oidc_clients_quota, p->clients.n);
}

BW_OP(iam, CreateOpenIDConnectProvider, .effect = BW_WRITE, .resource = new_provider_resource)
{
	struct bw_oidc_provider p = {.url = without_scheme(in->Url), .created_ms = call->now_ms};

	if (!is_url(in->Url))
		return bw_call_fail(call, "ValidationError", "Invalid Open ID Connect Provider URL");
	TRY(thumbprints_take(call, &in->ThumbprintList, &p.thumbprints));
	for (size_t i = 0; i < in->ClientIDList.n; i++)
		TRY(client_add(call, &p, in->ClientIDList.v[i]));
	TRY(iam_exact_tags_set(call, &p.tags, &in->Tags));
	if (bw_call_exists(call, bw_oidc_provider_key(call->arena, call->account, p.url)))
		return bw_call_fail(call, "EntityAlreadyExists",
		    "Provider with url https://%.*s already exists.", BW_FMT(p.url));
	bw_call_take(call, &oidc_providers_quota, BW_STR_NONE, 1);
	provider_save(call, &p);
	out->OpenIDConnectProviderArn = arn_of(call, p.url);
	iam_tags_to_shape(call, &p.tags, &out->Tags);
	return BW_OK;
}

/* "This operation is idempotent": the absent one is deleted. */
BW_OP(iam, DeleteOpenIDConnectProvider, .effect = BW_WRITE, .resource = provider_resource)
{
	struct bw_oidc_provider p;
	enum bw_err e = provider_find(call, in->OpenIDConnectProviderArn, &p);

	if (e != BW_OK)
		return e == BW_ENOTFOUND ? BW_OK : e;
	bw_call_delete(call, bw_oidc_provider_key(call->arena, call->account, p.url));
	bw_call_take(call, &oidc_providers_quota, BW_STR_NONE, -1);
	return BW_OK;
}

/* ---- Reading ---- */

BW_OP(iam, GetOpenIDConnectProvider, .effect = BW_READ, .resource = provider_resource)
{
	struct bw_oidc_provider p;

	TRY(provider_load(call, in->OpenIDConnectProviderArn, &p));
	out->Url = p.url;
	out->CreateDate = BW_TIME(p.created_ms);
	out->ClientIDList.set = out->ThumbprintList.set = true;
	out->ClientIDList.n = p.clients.n;
	out->ClientIDList.v = p.clients.v;
	out->ThumbprintList.n = p.thumbprints.n;
	out->ThumbprintList.v = p.thumbprints.v;
	iam_tags_to_shape(call, &p.tags, &out->Tags);
	return BW_OK;
}

BW_OP(iam, ListOpenIDConnectProviders, .effect = BW_READ, .resource = providers_resource)
{
	struct bw_str prefix = iam_prefix(call, "oidc-provider"), key, bytes;
	struct bw_oidc_provider p;
	struct bw_scan scan;
	enum bw_err e;

	out->OpenIDConnectProviderList.set = true;
	out->OpenIDConnectProviderList.v =
	    BW_NEW_ARRAY(call->arena, struct iam_OpenIDConnectProviderListEntry, PROVIDERS_MAX);
	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, call->arena, &key, &bytes, NULL)) == BW_OK &&
	       out->OpenIDConnectProviderList.n < PROVIDERS_MAX) {
		e = bw_record_decode(&bw_oidc_provider_record, bytes, call->arena, &p);
		if (e != BW_OK)
			break;
		out->OpenIDConnectProviderList.v[out->OpenIDConnectProviderList.n++].Arn =
		    arn_of(call, p.url);
	}
	bw_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* ---- Changing ---- */

BW_OP(iam, AddClientIDToOpenIDConnectProvider, .effect = BW_WRITE, .resource = provider_resource)
{
	struct bw_oidc_provider p;

	TRY(provider_load(call, in->OpenIDConnectProviderArn, &p));
	TRY(client_add(call, &p, in->ClientID));
	provider_save(call, &p);
	return BW_OK;
}

BW_OP(iam, RemoveClientIDFromOpenIDConnectProvider, .effect = BW_WRITE, .resource = provider_resource)
{
	struct bw_oidc_provider p;

	TRY(provider_load(call, in->OpenIDConnectProviderArn, &p));
	if (bw_strs_remove(&p.clients, in->ClientID))
		provider_save(call, &p);
	return BW_OK;
}

BW_OP(iam, UpdateOpenIDConnectProviderThumbprint, .effect = BW_WRITE, .resource = provider_resource)
{
	struct bw_oidc_provider p;

	TRY(provider_load(call, in->OpenIDConnectProviderArn, &p));
	TRY(thumbprints_take(call, &in->ThumbprintList, &p.thumbprints));
	provider_save(call, &p);
	return BW_OK;
}

/* ---- Tags ---- */

BW_OP(iam, TagOpenIDConnectProvider, .effect = BW_WRITE, .resource = provider_resource)
{
	struct bw_oidc_provider p;

	TRY(provider_load(call, in->OpenIDConnectProviderArn, &p));
	TRY(iam_exact_tags_set(call, &p.tags, &in->Tags));
	provider_save(call, &p);
	return BW_OK;
}

BW_OP(iam, UntagOpenIDConnectProvider, .effect = BW_WRITE, .resource = provider_resource)
{
	struct bw_oidc_provider p;

	TRY(provider_load(call, in->OpenIDConnectProviderArn, &p));
	iam_exact_tags_remove(&p.tags, &in->TagKeys);
	provider_save(call, &p);
	return BW_OK;
}

BW_OP(iam, ListOpenIDConnectProviderTags, .effect = BW_READ, .resource = provider_resource)
{
	struct bw_oidc_provider p;

	TRY(provider_load(call, in->OpenIDConnectProviderArn, &p));
	return iam_tags_page(
	    call, &p.tags, in->Marker, in->MaxItems, &out->Tags, &out->IsTruncated, &out->Marker);
}
