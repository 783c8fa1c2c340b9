#include "core/certificate.h"
#include "crypto/pair.h"
#include "svc/iam/iam_policy.h"

/* Server certificates: kept with their keys for listeners to present. The key never leaves the server. */

enum {
	CHAIN_CHARS_MAX = 256 * 1024, /* ten certificates stay far below, and the record below its ceiling */
};

static BW_QUOTA(server_certificates_quota, "iam-server-certificates", 20, "LimitExceeded",
    "Cannot exceed quota for ServerCertificatesPerAccount: %lld");

struct server_certificate {
	struct bw_str path, name, id;
	int64_t uploaded_ms, until_ms;
	struct bw_str body, chain, key;
	struct bw_pairs tags;
};

static const struct bw_field fields[] = {
    BW_FIELD(1, STR, struct server_certificate, path),
    BW_FIELD(2, STR, struct server_certificate, name),
    BW_FIELD(3, STR, struct server_certificate, id),
    BW_FIELD(4, I64, struct server_certificate, uploaded_ms),
    BW_FIELD(5, I64, struct server_certificate, until_ms),
    BW_FIELD(6, STR, struct server_certificate, body),
    BW_FIELD(7, STR, struct server_certificate, chain),
    BW_FIELD(8, STR, struct server_certificate, key),
    BW_FIELD(9, PAIRS, struct server_certificate, tags),
};
static const struct bw_record server_certificate_record =
    BW_RECORD("server-certificate", struct server_certificate, fields);

/* ---- Records ---- */

static struct bw_str key_of(struct bw_call *call, struct bw_str name)
{
	return iam_key(call, "server-certificate", name);
}

static struct bw_str arn_of(struct bw_call *call, struct bw_str path, struct bw_str name)
{
	return bw_iam_arn(call->arena, call->account, "server-certificate", path, name);
}

static enum bw_err certificate_find(struct bw_call *call, struct bw_str name, struct server_certificate *out)
{
	TRY(bw_call_load(call, &server_certificate_record, key_of(call, name), out));
	return bw_str_eq(out->name, name) ? BW_OK : BW_ENOTFOUND;
}

static enum bw_err certificate_load(struct bw_call *call, struct bw_str name, struct server_certificate *out)
{
	enum bw_err e = certificate_find(call, name, out);

	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "NoSuchEntity",
		    "The Server Certificate with name %.*s cannot be found.", BW_FMT(name));
	return e;
}

static void certificate_save(struct bw_call *call, const struct server_certificate *c)
{
	bw_call_save(call, &server_certificate_record, key_of(call, c->name), c);
}

static enum bw_err name_free(struct bw_call *call, struct bw_str name)
{
	if (bw_call_exists(call, key_of(call, name)))
		return bw_call_fail(call, "EntityAlreadyExists",
		    "The Server Certificate with name %.*s already exists.", BW_FMT(name));
	return BW_OK;
}

/* Refused while a listener presents it. */
static enum bw_err unused(struct bw_call *call, const struct server_certificate *c)
{
	struct bw_strs users;

	TRY(bw_certificate_users(call, arn_of(call, c->path, c->name), &users));
	if (users.n == 0)
		return BW_OK;
	return bw_call_fail(call, "DeleteConflict",
	    "Certificate: %.*s is currently in use by %.*s. Please remove it first before deleting it from "
	    "IAM.",
	    BW_FMT(c->id), BW_FMT(users.v[0]));
}

/* ---- Rows ---- */

static enum bw_err certificate_resource(struct bw_call *call)
{
	struct bw_str name = bw_call_input(call, "ServerCertificateName");
	struct server_certificate c;
	enum bw_err e = certificate_find(call, name, &c);

	bw_call_resource(call, arn_of(call, e == BW_OK ? c.path : BW_STR("/"), name));
	if (e == BW_OK)
		bw_call_resource_tags(call, &c.tags, true);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static enum bw_err new_certificate_resource(struct bw_call *call)
{
	const IN_iam_UploadServerCertificate *in = call->in;

	bw_call_resource(call, arn_of(call, iam_path(in->Path), in->ServerCertificateName));
	if (in->Tags.n)
		bw_call_also(
		    call, BW_STR("iam:TagServerCertificate"), call->resource, BW_STR_NONE, BW_STR_NONE);
	return BW_OK;
}

static enum bw_err update_resource(struct bw_call *call)
{
	const IN_iam_UpdateServerCertificate *in = call->in;
	struct server_certificate c;
	enum bw_err e;

	TRY(certificate_resource(call));
	e = certificate_find(call, in->ServerCertificateName, &c);
	if (e != BW_OK)
		return e == BW_ENOTFOUND ? BW_OK : e;
	iam_also_target(
	    call, arn_of(call, bw_str_set(in->NewPath) ? in->NewPath : c.path,
	              bw_str_set(in->NewServerCertificateName) ? in->NewServerCertificateName : c.name));
	return BW_OK;
}

static enum bw_err certificates_resource(struct bw_call *call)
{
	bw_call_resource(call, arn_of(call, iam_path(bw_call_input(call, "PathPrefix")), BW_STR("")));
	return BW_OK;
}

/* ---- Shapes ---- */

static struct iam_ServerCertificateMetadata metadata(struct bw_call *call, const struct server_certificate *c)
{
	return (struct iam_ServerCertificateMetadata){
	    .Path = c->path,
	    .ServerCertificateName = c->name,
	    .ServerCertificateId = c->id,
	    .Arn = arn_of(call, c->path, c->name),
	    .UploadDate = BW_TIME(c->uploaded_ms),
	    .Expiration = BW_TIME(c->until_ms),
	};
}

static struct iam_ServerCertificateMetadata *metadata_new(
    struct bw_call *call, const struct server_certificate *c)
{
	struct iam_ServerCertificateMetadata *out = BW_NEW(call->arena, struct iam_ServerCertificateMetadata);

	*out = metadata(call, c);
	return out;
}

/* ---- Uploading ---- */

static enum bw_err pair_take(struct bw_call *call, struct server_certificate *c)
{
	static const struct {
		const char *code, *message;
	} faults[] = {
	    [BW_PAIR_CERTIFICATE] = {"MalformedCertificate",
	        "Unable to parse certificate. Please ensure the certificate is in PEM format."},
	    [BW_PAIR_SEVERAL] = {"MalformedCertificate",
	        "Unable to parse certificate. Please ensure the certificate is in PEM format."},
	    [BW_PAIR_KEY] = {"MalformedCertificate",
	        "Unable to parse private key. Please ensure the key is in PEM format, without a passphrase."},
	    [BW_PAIR_MISMATCH] = {"KeyPairMismatch",
	        "The public key of the certificate and the private key do not match."},
	    [BW_PAIR_CHAIN] = {"MalformedCertificate",
	        "Unable to validate certificate chain. The certificate chain must start with the immediate "
	        "signing "
	        "certificate, followed by any intermediaries in order. The index within the chain of the "
	        "invalid "
	        "certificate is: 0"},
	};
	struct bw_pair_facts facts;
	enum bw_pair_fault fault = bw_pair_check(c->body, c->key, c->chain, &facts);

	if (fault != BW_PAIR_GOOD)
		return bw_call_fail(call, faults[fault].code, "%s", faults[fault].message);
	if (facts.until_ms <= call->now_ms)
		return bw_call_fail(call, "MalformedCertificate",
		    "Certificate is no longer valid. The 'Not After' date restriction on the certificate has "
		    "passed.");
	c->until_ms = facts.until_ms;
	return BW_OK;
}

/* Without the end of its last line: clients hold what they read against what they have trimmed. */
static struct bw_str without_end(struct bw_str pem)
{
	while (pem.n && (pem.p[pem.n - 1] == '\n' || pem.p[pem.n - 1] == '\r'))
		pem.n--;
	return pem;
}

BW_OP(iam, UploadServerCertificate, .effect = BW_WRITE, .resource = new_certificate_resource)
{
	struct server_certificate c = {
	    .path = iam_path(in->Path),
	    .name = in->ServerCertificateName,
	    .uploaded_ms = call->now_ms,
	    .body = without_end(in->CertificateBody),
	    .chain = without_end(in->CertificateChain),
	    .key = in->PrivateKey,
	};

	if (c.chain.n > CHAIN_CHARS_MAX)
		return bw_call_fail(call, "InvalidInput",
		    "The certificate chain is longer than %d characters.", CHAIN_CHARS_MAX);
	TRY(pair_take(call, &c));
	TRY(iam_exact_tags_set(call, &c.tags, &in->Tags));
	TRY(name_free(call, c.name));
	c.id = bw_id_make(call->arena, "ASCA", call->account);
	bw_call_take(call, &server_certificates_quota, BW_STR_NONE, 1);
	certificate_save(call, &c);
	out->ServerCertificateMetadata = metadata_new(call, &c);
	iam_tags_to_shape(call, &c.tags, &out->Tags);
	return BW_OK;
}

/* ---- Reading ---- */

BW_OP(iam, GetServerCertificate, .effect = BW_READ, .resource = certificate_resource)
{
	struct server_certificate c;

	TRY(certificate_load(call, in->ServerCertificateName, &c));
	out->ServerCertificate = BW_NEW(call->arena, struct iam_ServerCertificate);
	out->ServerCertificate->ServerCertificateMetadata = metadata_new(call, &c);
	out->ServerCertificate->CertificateBody = c.body;
	out->ServerCertificate->CertificateChain = c.chain;
	iam_tags_to_shape(call, &c.tags, &out->ServerCertificate->Tags);
	return BW_OK;
}

BW_OP(iam, ListServerCertificates, .effect = BW_READ, .resource = certificates_resource)
{
	struct server_certificate c;
	struct bw_page page;
	enum bw_err e;

	TRY(bw_page_begin(
	    call, iam_prefix(call, "server-certificate"), in->Marker, in->MaxItems, IAM_PAGE_USUAL, &page));
	out->ServerCertificateMetadataList.set = true;
	out->ServerCertificateMetadataList.v =
	    BW_NEW_ARRAY(call->arena, struct iam_ServerCertificateMetadata, page.left);
	while ((e = bw_page_next(call, &page, &server_certificate_record, &c, NULL)) == BW_OK) {
		if (iam_path_matches(c.path, in->PathPrefix))
			out->ServerCertificateMetadataList.v[out->ServerCertificateMetadataList.n++] =
			    metadata(call, &c);
		else
			bw_page_skip(&page);
	}
	bw_page_end(call, &page, &out->IsTruncated, &out->Marker);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* ---- Changing ---- */

/* Its ARN changes with it, and listeners go by that. */
BW_OP(iam, UpdateServerCertificate, .effect = BW_WRITE, .resource = update_resource)
{
	struct server_certificate c;
	struct bw_str old;

	TRY(certificate_load(call, in->ServerCertificateName, &c));
	TRY(unused(call, &c));
	old = c.name;
	if (bw_str_set(in->NewPath))
		c.path = in->NewPath;
	if (bw_str_set(in->NewServerCertificateName))
		c.name = in->NewServerCertificateName;
	if (!bw_str_eq_nocase(old, c.name)) {
		TRY(name_free(call, c.name));
		bw_call_delete(call, key_of(call, old));
	}
	certificate_save(call, &c);
	return BW_OK;
}

BW_OP(iam, DeleteServerCertificate, .effect = BW_WRITE, .resource = certificate_resource)
{
	struct server_certificate c;

	TRY(certificate_load(call, in->ServerCertificateName, &c));
	TRY(unused(call, &c));
	bw_call_delete(call, key_of(call, c.name));
	bw_call_take(call, &server_certificates_quota, BW_STR_NONE, -1);
	return BW_OK;
}

/* ---- Tags ---- */

BW_OP(iam, TagServerCertificate, .effect = BW_WRITE, .resource = certificate_resource)
{
	struct server_certificate c;

	TRY(certificate_load(call, in->ServerCertificateName, &c));
	TRY(iam_exact_tags_set(call, &c.tags, &in->Tags));
	certificate_save(call, &c);
	return BW_OK;
}

BW_OP(iam, UntagServerCertificate, .effect = BW_WRITE, .resource = certificate_resource)
{
	struct server_certificate c;

	TRY(certificate_load(call, in->ServerCertificateName, &c));
	iam_exact_tags_remove(&c.tags, &in->TagKeys);
	certificate_save(call, &c);
	return BW_OK;
}

BW_OP(iam, ListServerCertificateTags, .effect = BW_READ, .resource = certificate_resource)
{
	struct server_certificate c;

	TRY(certificate_load(call, in->ServerCertificateName, &c));
	return iam_tags_page(
	    call, &c.tags, in->Marker, in->MaxItems, &out->Tags, &out->IsTruncated, &out->Marker);
}

/* ---- For listeners ---- */

static enum bw_err keeper_find(struct bw_core *core, struct bw_snapshot *view, struct bw_arena *arena,
    struct bw_str arn, bool keys, struct bw_certificate *out)
{
	struct server_certificate c;
	struct bw_str name, bytes;
	struct bw_arn parts;

	(void)core;
	CHECK(bw_arn_parse(arn, &parts) == BW_OK &&
	          bw_str_starts(parts.resource, BW_STR("server-certificate/")),
	    BW_ENOTFOUND);
	name = parts.resource;
	for (ptrdiff_t at; (at = bw_str_find(name, '/', 0)) >= 0;)
		name = bw_str_sub(name, (size_t)at + 1, name.n);
	CHECK(name.n > 0 && name.n <= 128, BW_ENOTFOUND);
	out->record = bw_entity_key(arena, parts.account, "server-certificate", name);
	TRY(bw_snapshot_get(view, out->record, arena, &bytes, NULL));
	TRY(bw_record_decode(&server_certificate_record, bytes, arena, &c));
	out->arn = bw_iam_arn(arena, parts.account, "server-certificate", c.path, c.name);
	CHECK(bw_str_eq(out->arn, arn), BW_ENOTFOUND);
	out->chain_pem = bw_str_set(c.chain)
	                     ? bw_arena_printf(arena, "%.*s\n%.*s", BW_FMT(c.body), BW_FMT(c.chain))
	                     : c.body;
	out->key_pem = keys ? c.key : BW_STR_NONE;
	return BW_OK;
}

static const struct bw_certificate_keeper keeper = {"iam", keeper_find};
BW_CERTIFICATE_KEEPER(keeper);
