#include "base/sys.h"
#include "codec/base64.h"
#include "crypto/crypto.h"
#include "svc/iam/owned.h"

/* Service-specific credentials of users (IAM User Guide, "Service-specific credentials for IAM users"). What
 * is kept of a password is a digest: it has 256 random bits, so that nobody finds it by guessing. */

enum { SECRET_BYTES = 32, DIGEST_BYTES = 32, DAY_MS = 24 * 3600 * 1000, CREDENTIALS_MAX = 300 };

static BW_QUOTA(service_credentials_quota, "iam-service-credentials-per-user", 2, "LimitExceeded",
    "Cannot exceed quota for ServiceSpecificCredentialsPerUser: %lld");

struct service_credential {
	struct bw_str id, user, service, name, digest;
	bool active;
	int64_t created_ms, expires_ms; /* the latter 0: never */
};
static const struct bw_field fields[] = {
    BW_FIELD(1, STR, struct service_credential, id),
    BW_FIELD(2, STR, struct service_credential, user),
    BW_FIELD(3, STR, struct service_credential, service),
    BW_FIELD(4, STR, struct service_credential, name),
    BW_FIELD(5, STR, struct service_credential, digest),
    BW_FIELD(6, BOOL, struct service_credential, active),
    BW_FIELD(7, I64, struct service_credential, created_ms),
    BW_FIELD(8, I64, struct service_credential, expires_ms),
};
const struct bw_record iam_service_credential_record =
    BW_RECORD("service-credential", struct service_credential, fields);

/* ---- Services ---- */

static const struct service {
	const char *name;
	bool api_key; /* one secret that may expire, in place of a user name with its password */
} services[] = {
    {"bedrock.amazonaws.com", true},
    {"cassandra.amazonaws.com", false},
    {"codecommit.amazonaws.com", false},
};

static const struct service *service_find(struct bw_str name)
{
	for (size_t i = 0; i < BW_COUNT(services); i++)
		if (bw_str_eq(name, bw_str_c(services[i].name)))
			return &services[i];
	return NULL;
}

static enum bw_err service_known(struct bw_call *call, struct bw_str name)
{
	if (service_find(name))
		return BW_OK;
	return bw_call_fail(call, "NotSupportedService",
	    "No such service %.*s is supported for Service Specific Credentials", BW_FMT(name));
}

static bool is_api_key(const struct service_credential *c)
{
	return service_find(c->service)->api_key;
}

/* ---- Records ---- */

static struct bw_str credential_key(struct bw_call *call, struct bw_str owner, struct bw_str id)
{
	return iam_owned_key(call, &iam_service_credential_record, owner, id);
}

static enum bw_err credential_find(
    struct bw_call *call, const struct bw_user *u, struct bw_str id, struct service_credential *out)
{
	enum bw_err e =
	    bw_call_load(call, &iam_service_credential_record, credential_key(call, u->id, id), out);

	if (e == BW_OK && !bw_str_eq(out->id, id))
		e = BW_ENOTFOUND;
	return e;
}

/* Of the named user, or of the caller. */
static enum bw_err credential_load(struct bw_call *call, struct bw_str user, struct bw_str id,
    struct bw_user *u, struct service_credential *out)
{
	struct bw_str name;
	enum bw_err e;

	TRY(iam_user_name(call, user, &name));
	TRY(iam_user_load(call, name, u));
	e = credential_find(call, u, id, out);
	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "NoSuchEntity", "No such credential %.*s exists", BW_FMT(id));
	return e;
}

static void credential_save(struct bw_call *call, const struct bw_user *u, const struct service_credential *c)
{
	bw_call_save(call, &iam_service_credential_record, credential_key(call, u->id, c->id), c);
}

/* A user's, of all services. */
static enum bw_err credentials_load(
    struct bw_call *call, const struct bw_user *u, struct service_credential *out, size_t room, size_t *n)
{
	struct bw_page page;
	enum bw_err e;

	*n = 0;
	TRY(bw_page_begin(call, credential_key(call, u->id, BW_STR("")), BW_STR_NONE, BW_INT((int64_t)room),
	    (int64_t)room, &page));
	while ((e = bw_page_next(call, &page, &iam_service_credential_record, &out[*n], NULL)) == BW_OK)
		++*n;
	bw_page_end(call, &page, NULL, &(struct bw_str){0});
	/* Who makes one at the same time is seen. */
	(void)bw_call_count_under(call, credential_key(call, u->id, BW_STR("")), SIZE_MAX);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

enum bw_err iam_service_credentials_rename(struct bw_call *call, const struct bw_user *u, struct bw_str name)
{
	struct service_credential *all =
	    BW_NEW_ARRAY(call->arena, struct service_credential, CREDENTIALS_MAX + 1);
	size_t n;

	TRY(credentials_load(call, u, all, CREDENTIALS_MAX, &n));
	for (size_t i = 0; i < n; i++) {
		all[i].user = name;
		credential_save(call, u, &all[i]);
	}
	return BW_OK;
}

/* ---- Rows ---- */

static enum bw_err create_keys(struct bw_call *call)
{
	const IN_iam_CreateServiceSpecificCredential *in = call->in;

	bw_call_context(call, BW_STR("iam:ServiceSpecificCredentialServiceName"), in->ServiceName);
	if (in->CredentialAgeDays.set)
		bw_call_context(call, BW_STR("iam:ServiceSpecificCredentialAgeDays"),
		    bw_arena_printf(call->arena, "%lld", (long long)in->CredentialAgeDays.v));
	return BW_OK;
}

/* Of which service the credential is. */
static enum bw_err change_keys(struct bw_call *call)
{
	struct service_credential c;
	struct bw_str name;
	struct bw_user u;
	enum bw_err e;

	TRY(iam_user_name(call, bw_call_input(call, "UserName"), &name));
	e = bw_str_set(name) ? iam_user_find(call, name, &u) : BW_ENOTFOUND;
	if (e == BW_OK)
		e = credential_find(call, &u, bw_call_input(call, "ServiceSpecificCredentialId"), &c);
	if (e == BW_OK)
		bw_call_context(call, BW_STR("iam:ServiceSpecificCredentialServiceName"), c.service);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* AllUsers asks about the account instead of one user. */
static enum bw_err list_resource(struct bw_call *call)
{
	const IN_iam_ListServiceSpecificCredentials *in = call->in;

	return in->AllUsers.v ? iam_users_resource(call) : iam_user_resource(call);
}

/* ---- Making ---- */

/* Index: who has a name. A service is shown nothing else, so it is one credential's in the whole account; and
 * "maya+1" is a user's name, too. */
static struct bw_str name_key(struct bw_call *call, struct bw_str name)
{
	return bw_call_key(call, "service-credential-name", bw_arena_lower(call->arena, name));
}

/* "maya-at-123456789012", and "maya+1-at-..." beside it: none is given twice at one time. */
static struct bw_str name_make(
    struct bw_call *call, const struct bw_user *u, const struct service_credential *all, size_t n)
{
	for (size_t number = 0;; number++) {
		struct bw_str name = number ? bw_arena_printf(call->arena, "%.*s+%zu-at-%.*s",
		                                  BW_FMT(u->name), number, BW_FMT(call->account))
		                            : bw_arena_printf(call->arena, "%.*s-at-%.*s", BW_FMT(u->name),
		                                  BW_FMT(call->account));
		size_t i = 0;

		while (i < n && !bw_str_eq(all[i].name, name))
			i++;
		if (i == n && !bw_call_exists(call, name_key(call, name)))
			return name;
	}
}

static struct bw_str base64(struct bw_call *call, struct bw_str bytes)
{
	struct bw_buf text;
	struct bw_str out;

	bw_buf_init(&text, 1024);
	bw_base64_encode(bytes, &text);
	out = bw_arena_str(call->arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return out;
}

/* The password or API key, which is shown this once. */
static struct bw_str secret_make(struct bw_call *call, struct service_credential *c)
{
	unsigned char *bytes = bw_arena_alloc(call->arena, SECRET_BYTES),
	              *digest = bw_arena_alloc(call->arena, DIGEST_BYTES);
	struct bw_str secret;

	bw_random(bytes, SECRET_BYTES);
	secret = base64(call, bw_str_make(bytes, SECRET_BYTES));
	if (is_api_key(c))
		secret = bw_arena_printf(call->arena, "ABSK%.*s",
		    BW_FMT(base64(
		        call, bw_arena_printf(call->arena, "%.*s:%.*s", BW_FMT(c->name), BW_FMT(secret)))));
	bw_sha256(secret, digest);
	c->digest = bw_str_make(digest, DIGEST_BYTES);
	return secret;
}

static struct bw_str status_name(const struct bw_call *call, const struct service_credential *c)
{
	if (c->expires_ms && c->expires_ms <= call->now_ms)
		return BW_STR("Expired");
	return c->active ? BW_STR("Active") : BW_STR("Inactive");
}

static struct iam_ServiceSpecificCredential *credential_to_shape(
    struct bw_call *call, const struct service_credential *c, struct bw_str secret)
{
	struct iam_ServiceSpecificCredential *out = BW_NEW(call->arena, struct iam_ServiceSpecificCredential);

	*out = (struct iam_ServiceSpecificCredential){.CreateDate = BW_TIME(c->created_ms),
	    .ServiceName = c->service,
	    .ServiceSpecificCredentialId = c->id,
	    .UserName = c->user,
	    .Status = status_name(call, c)};
	if (c->expires_ms)
		out->ExpirationDate = BW_TIME(c->expires_ms);
	*(is_api_key(c) ? &out->ServiceCredentialAlias : &out->ServiceUserName) = c->name;
	*(is_api_key(c) ? &out->ServiceCredentialSecret : &out->ServicePassword) = secret;
	return out;
}

static enum bw_err age_take(struct bw_call *call, struct bw_opt_int days, struct service_credential *c)
{
	if (!days.set)
		return BW_OK;
	if (!is_api_key(c))
		return bw_call_fail(call, "ValidationError",
		    "CredentialAgeDays is only valid for services that support long-term API keys.");
	c->expires_ms = c->created_ms + days.v * DAY_MS;
	return BW_OK;
}

BW_OP(iam, CreateServiceSpecificCredential, .effect = BW_WRITE, .resource = iam_user_resource,
    .keys = create_keys)
{
	struct service_credential *all =
	    BW_NEW_ARRAY(call->arena, struct service_credential, CREDENTIALS_MAX + 1);
	struct service_credential c = {
	    .service = in->ServiceName, .active = true, .created_ms = call->now_ms};
	size_t n, same = 0;
	struct bw_user u;

	TRY(iam_user_load(call, in->UserName, &u));
	TRY(service_known(call, in->ServiceName));
	TRY(age_take(call, in->CredentialAgeDays, &c));
	TRY(credentials_load(call, &u, all, CREDENTIALS_MAX, &n));
	for (size_t i = 0; i < n; i++)
		same += bw_str_eq(all[i].service, c.service);
	TRY(bw_call_within(call, &service_credentials_quota, same + 1));
	c.user = u.name;
	c.id = bw_id_make(call->arena, "ACCA", call->account);
	c.name = name_make(call, &u, all, n);
	bw_call_mark(call, name_key(call, c.name));
	out->ServiceSpecificCredential = credential_to_shape(call, &c, secret_make(call, &c));
	credential_save(call, &u, &c);
	return BW_OK;
}

/* ---- Changing ---- */

BW_OP(iam, ResetServiceSpecificCredential, .effect = BW_WRITE, .resource = iam_user_resource,
    .keys = change_keys)
{
	struct service_credential c;
	struct bw_user u;

	TRY(credential_load(call, in->UserName, in->ServiceSpecificCredentialId, &u, &c));
	out->ServiceSpecificCredential = credential_to_shape(call, &c, secret_make(call, &c));
	credential_save(call, &u, &c);
	return BW_OK;
}

BW_OP(iam, UpdateServiceSpecificCredential, .effect = BW_WRITE, .resource = iam_user_resource,
    .keys = change_keys)
{
	struct service_credential c;
	struct bw_user u;

	TRY(credential_load(call, in->UserName, in->ServiceSpecificCredentialId, &u, &c));
	TRY(iam_status_take(call, in->Status, &c.active));
	credential_save(call, &u, &c);
	return BW_OK;
}

BW_OP(iam, DeleteServiceSpecificCredential, .effect = BW_WRITE, .resource = iam_user_resource,
    .keys = change_keys)
{
	struct service_credential c;
	struct bw_user u;

	TRY(credential_load(call, in->UserName, in->ServiceSpecificCredentialId, &u, &c));
	bw_call_delete(call, credential_key(call, u.id, c.id));
	bw_call_delete(call, name_key(call, c.name));
	return BW_OK;
}

/* ---- Listing ---- */

/* The prefix of all, or of one user, who must be there. The root user has none, and may ask. */
static enum bw_err list_prefix(
    struct bw_call *call, const IN_iam_ListServiceSpecificCredentials *in, struct bw_str *prefix)
{
	struct bw_user u = {.id = call->account};
	struct bw_str name;

	if (in->AllUsers.v) {
		*prefix = bw_call_key(call, iam_service_credential_record.kind, BW_STR(""));
		return BW_OK;
	}
	TRY(iam_user_name(call, in->UserName, &name));
	if (bw_str_set(name))
		TRY(iam_user_load(call, name, &u));
	*prefix = credential_key(call, u.id, BW_STR(""));
	return BW_OK;
}

BW_OP(iam, ListServiceSpecificCredentials, .effect = BW_READ, .resource = list_resource)
{
	struct service_credential c;
	struct bw_page page;
	struct bw_str prefix;
	enum bw_err e;

	TRY(list_prefix(call, in, &prefix));
	if (bw_str_set(in->ServiceName))
		TRY(service_known(call, in->ServiceName));
	TRY(bw_page_begin(call, prefix, in->Marker, in->MaxItems, IAM_PAGE_USUAL, &page));
	out->ServiceSpecificCredentials.set = true;
	out->ServiceSpecificCredentials.v =
	    BW_NEW_ARRAY(call->arena, struct iam_ServiceSpecificCredentialMetadata, page.left);
	while ((e = bw_page_next(call, &page, &iam_service_credential_record, &c, NULL)) == BW_OK) {
		struct iam_ServiceSpecificCredentialMetadata *m;

		if (bw_str_set(in->ServiceName) && !bw_str_eq(c.service, in->ServiceName)) {
			bw_page_skip(&page);
			continue;
		}
		m = &out->ServiceSpecificCredentials.v[out->ServiceSpecificCredentials.n++];
		*m = (struct iam_ServiceSpecificCredentialMetadata){.UserName = c.user,
		    .Status = status_name(call, &c),
		    .CreateDate = BW_TIME(c.created_ms),
		    .ServiceSpecificCredentialId = c.id,
		    .ServiceName = c.service};
		if (c.expires_ms)
			m->ExpirationDate = BW_TIME(c.expires_ms);
		*(is_api_key(&c) ? &m->ServiceCredentialAlias : &m->ServiceUserName) = c.name;
	}
	bw_page_end(call, &page, &out->IsTruncated, &out->Marker);
	return e == BW_ENOTFOUND ? BW_OK : e;
}
