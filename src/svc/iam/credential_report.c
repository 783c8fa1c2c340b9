#include "codec/time.h"
#include "svc/iam/owned.h"

/* The credential report: who has which credentials, as of one moment (IAM User Guide, "Generate credential
 * reports for your AWS account"). It is kept in parts, for a record has a ceiling. */

enum {
	FRESH_MS = 4 * 3600 * 1000, /* "as often as once every four hours" */
	PART_BYTES = 512 * 1024,
	PARTS_MAX = 16,
	REPORT_MAX = PARTS_MAX * PART_BYTES,
	KEYS = 2, /* columns; an account whose quota is raised has more keys than the report shows */
};

struct report {
	int64_t generated_ms, parts;
};
static const struct bw_field report_fields[] = {
    BW_FIELD(1, I64, struct report, generated_ms),
    BW_FIELD(2, I64, struct report, parts),
};
static const struct bw_record report_record = BW_RECORD("credential-report", struct report, report_fields);

struct part {
	struct bw_str text;
};
static const struct bw_field part_fields[] = {BW_FIELD(1, STR, struct part, text)};
static const struct bw_record part_record = BW_RECORD("credential-report-part", struct part, part_fields);

static struct bw_str report_key(struct bw_call *call)
{
	return bw_call_key(call, "credential-report", BW_STR("head"));
}

static struct bw_str part_key(struct bw_call *call, int64_t n)
{
	return bw_call_key(
	    call, "credential-report-part", bw_arena_printf(call->arena, "%lld", (long long)n));
}

/* ---- Cells ---- */

/* A report reads much and must not conflict with every change meanwhile: it is true of the moment it was
 * read. */
static enum bw_err peek(struct bw_call *call, const struct bw_record *r, struct bw_str key, void *to)
{
	struct bw_str bytes;

	TRY(bw_snapshot_get(call->view, key, call->arena, &bytes, NULL));
	return bw_record_decode(r, bytes, call->arena, to);
}

static void cell(struct bw_buf *out, struct bw_str text)
{
	bool quoted = bw_str_find(text, ',', 0) >= 0;

	if (out->n && out->p[out->n - 1] != '\n')
		bw_buf_put_c(out, ',');
	if (quoted)
		bw_buf_put_c(out, '"');
	bw_buf_put(out, text);
	if (quoted)
		bw_buf_put_c(out, '"');
}

static void truth(struct bw_buf *out, bool v)
{
	cell(out, v ? BW_STR("true") : BW_STR("false"));
}

/* 2026-11-25T10:00:00+00:00; `absent` when there is no such time. */
static void moment(struct bw_buf *out, int64_t ms, const char *absent)
{
	struct bw_buf text;

	if (ms == 0) {
		cell(out, bw_str_c(absent));
		return;
	}
	bw_buf_init(&text, 64);
	bw_time_put_iso8601(ms, &text);
	text.n--; /* the Z */
	bw_buf_put(&text, BW_STR("+00:00"));
	cell(out, bw_buf_str(&text));
	bw_buf_free(&text);
}

/* ---- Rows ---- */

static enum bw_err key_cells(struct bw_call *call, struct bw_str id, struct bw_buf *out)
{
	struct bw_last_used used = {0};
	struct bw_access_key k;
	enum bw_err e;

	TRY(peek(call, &bw_access_key_record, bw_access_key_key(call->arena, id), &k));
	e = peek(call, &bw_last_used_record, bw_last_used_key(call->arena, call->account, "access-key", id),
	    &used);
	if (e != BW_OK && e != BW_ENOTFOUND)
		return e;
	truth(out, k.active);
	moment(out, k.created_ms, "N/A");
	moment(out, used.when_ms, "N/A");
	cell(out, used.when_ms ? used.region : BW_STR("N/A"));
	cell(out, used.when_ms ? used.service : BW_STR("N/A"));
	return BW_OK;
}

static enum bw_err certificate_cells(struct bw_call *call, struct bw_str owner_id, struct bw_buf *out)
{
	struct bw_str prefix = iam_owned_key(call, &iam_signing_certificate_record, owner_id, BW_STR("")),
	              key, bytes;
	struct iam_signing_certificate c;
	struct bw_scan scan;
	enum bw_err e = BW_OK;

	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	for (int i = 0; i < KEYS; i++) {
		c = (struct iam_signing_certificate){0};
		if (e == BW_OK && (e = bw_scan_next(&scan, call->arena, &key, &bytes, NULL)) == BW_OK)
			e = bw_record_decode(&iam_signing_certificate_record, bytes, call->arena, &c);
		truth(out, c.active);
		moment(out, c.uploaded_ms, "N/A");
	}
	bw_scan_end(&scan);
	bw_buf_put_c(out, '\n');
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static enum bw_err keys_cells(
    struct bw_call *call, const struct bw_strs *keys, struct bw_str owner_id, struct bw_buf *out)
{
	for (size_t i = 0; i < KEYS; i++) {
		if (i < keys->n) {
			TRY(key_cells(call, keys->v[i], out));
			continue;
		}
		truth(out, false);
		for (int j = 0; j < 4; j++)
			cell(out, BW_STR("N/A"));
	}
	return certificate_cells(call, owner_id, out);
}

static enum bw_err root_row(struct bw_call *call, const struct bw_account *a, struct bw_buf *out)
{
	cell(out, BW_STR("<root_account>"));
	cell(out, bw_arena_printf(call->arena, "arn:aws:iam::%.*s:root", BW_FMT(call->account)));
	moment(out, a->created_ms, "N/A");
	cell(out, BW_STR("not_supported"));
	cell(out, BW_STR("no_information"));
	cell(out, BW_STR("not_supported"));
	cell(out, BW_STR("not_supported"));
	truth(out, a->root_mfa_devices.n > 0);
	return keys_cells(call, &a->root_access_keys, call->account, out);
}

static int64_t password_until(const struct bw_account *a, const struct bw_user *u)
{
	return a->has_password_policy && a->max_age_days ? u->password_ms + a->max_age_days * 86400 * 1000
	                                                 : 0;
}

static enum bw_err user_row(
    struct bw_call *call, const struct bw_account *a, const struct bw_user *u, struct bw_buf *out)
{
	bool password = u->password_hash.n > 0;

	cell(out, u->name);
	cell(out, bw_iam_arn(call->arena, call->account, "user", u->path, u->name));
	moment(out, u->created_ms, "N/A");
	truth(out, password);
	moment(out, password ? u->password_used_ms : 0, password ? "no_information" : "N/A");
	moment(out, password ? u->password_ms : 0, "N/A");
	moment(out, password ? password_until(a, u) : 0, "N/A");
	truth(out, u->mfa_devices.n > 0);
	return keys_cells(call, &u->access_keys, u->id, out);
}

static enum bw_err report_write(struct bw_call *call, struct bw_buf *out)
{
	struct bw_str prefix = iam_prefix(call, "user"), key, bytes;
	struct bw_account a;
	struct bw_scan scan;
	struct bw_user u;
	enum bw_err e;

	bw_buf_put(out,
	    BW_STR("user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,"
	           "password_next_rotation,"
	           "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
	           "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_"
	           "key_2_last_rotated,"
	           "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,"
	           "cert_1_active,"
	           "cert_1_last_rotated,cert_2_active,cert_2_last_rotated\n"));
	TRY(peek(call, &bw_account_record, bw_account_key(call->arena, call->account), &a));
	TRY(root_row(call, &a, out));
	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, call->arena, &key, &bytes, NULL)) == BW_OK) {
		e = bw_record_decode(&bw_user_record, bytes, call->arena, &u);
		if (e == BW_OK)
			e = user_row(call, &a, &u, out);
		if (e != BW_OK)
			break;
	}
	bw_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* ---- Operations ---- */

static void parts_save(struct bw_call *call, struct bw_str text, struct report *r)
{
	for (r->parts = 0; text.n > (size_t)r->parts * PART_BYTES; r->parts++) {
		struct part p = {bw_str_sub(text, (size_t)r->parts * PART_BYTES, PART_BYTES)};

		bw_call_save(call, &part_record, part_key(call, r->parts), &p);
	}
}

static enum bw_err report_make(struct bw_call *call, struct report *r)
{
	struct bw_buf text;
	enum bw_err e;

	bw_buf_init(&text, REPORT_MAX);
	e = report_write(call, &text);
	if (e == BW_OK && text.failed)
		e = bw_call_fail(
		    call, "LimitExceeded", "The credential report is larger than %d bytes.", REPORT_MAX);
	if (e == BW_OK)
		parts_save(call, bw_buf_str(&text), r);
	bw_buf_free(&text);
	return e;
}

/* The first call makes the report and says that it has begun, as AWS does; clients ask until it is complete.
 */
BW_OP(iam, GenerateCredentialReport, .effect = BW_WRITE, .slow = true)
{
	struct report r = {0};
	enum bw_err e = bw_call_load(call, &report_record, report_key(call), &r);

	if (e != BW_OK && e != BW_ENOTFOUND)
		return e;
	if (e == BW_OK && call->now_ms - r.generated_ms < FRESH_MS) {
		out->State = BW_STR("COMPLETE");
		return BW_OK;
	}
	out->State = BW_STR("STARTED");
	out->Description =
	    e == BW_OK
	        ? BW_STR("The last report is older than four hours. Starting a new report generation task")
	        : BW_STR("No report exists. Starting a new report generation task");
	r.generated_ms = call->now_ms;
	TRY(report_make(call, &r));
	bw_call_save(call, &report_record, report_key(call), &r);
	return BW_OK;
}

BW_OP(iam, GetCredentialReport, .effect = BW_READ)
{
	struct bw_buf text;
	struct report r;
	enum bw_err e = bw_call_load(call, &report_record, report_key(call), &r);

	if (e == BW_ENOTFOUND)
		return bw_call_fail(
		    call, "ReportNotPresent", "No report exists. Call GenerateCredentialReport first.");
	TRY(e);
	if (call->now_ms - r.generated_ms >= FRESH_MS)
		return bw_call_fail(call, "ReportExpired",
		    "The most recent report has expired. Call GenerateCredentialReport to make a new one.");
	bw_buf_init(&text, REPORT_MAX);
	for (int64_t i = 0; i < r.parts && e == BW_OK; i++) {
		struct part p;

		e = bw_call_load(call, &part_record, part_key(call, i), &p);
		if (e == BW_OK)
			bw_buf_put(&text, p.text);
	}
	out->Content = bw_arena_str(call->arena, bw_buf_str(&text));
	out->ReportFormat = BW_STR("text/csv");
	out->GeneratedTime = BW_TIME(r.generated_ms);
	bw_buf_free(&text);
	return e == BW_ENOTFOUND ? BW_EINTERNAL : e;
}
