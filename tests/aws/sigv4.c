#include "test.h"

#include <stdio.h>

#include "aws/sigv4.h"
#include "codec/form.h"
#include "sigv4_vectors.h"

/* ---- One request on its way ---- */

/* A request whose bytes lie in allocations of their own size, so that the sanitizer sees a read past the end.
 */
struct trial {
	char *head, *body;
	size_t head_n, body_n;
	struct bw_arena arena;
	struct bw_http_request request;
	struct bw_sigv4 sig;
	struct bw_sigv4_fault fault;
};

static void trial_init(struct trial *t, struct bw_str head, struct bw_str body)
{
	memset(t, 0, sizeof *t);
	bw_arena_init(&t->arena, 1 << 22);
	t->head = bw_alloc(head.n);
	t->body = bw_alloc(body.n);
	memcpy(t->head, head.p, head.n);
	if (body.n)
		memcpy(t->body, body.p, body.n);
	t->head_n = head.n;
	t->body_n = body.n;
}

static void trial_free(struct trial *t)
{
	bw_arena_free(&t->arena);
	bw_free(t->head);
	bw_free(t->body);
}

static const struct vector *vector_find(const char *name)
{
	for (size_t i = 0; i < BW_COUNT(vectors); i++)
		if (strcmp(vectors[i].name, name) == 0)
			return &vectors[i];
	fail_msg("no vector %s", name);
	return NULL;
}

static void trial_vector(struct trial *t, const struct vector *v)
{
	trial_init(t, bw_str_c(v->head), bw_str_c(v->body));
}

/* The head of a vector with the first `from` become `to`. */
static void trial_changed(struct trial *t, const char *name, const char *from, const char *to)
{
	struct bw_str head = bw_str_c(vector_find(name)->head);
	const char *hit = strstr(head.p, from);
	struct bw_buf b;

	assert_non_null(hit);
	bw_buf_init(&b, 1 << 20);
	bw_buf_put(&b, bw_str_make(head.p, (size_t)(hit - head.p)));
	bw_buf_put(&b, bw_str_c(to));
	bw_buf_put(&b, bw_str_c(hit + strlen(from)));
	trial_init(t, bw_buf_str(&b), bw_str_c(vector_find(name)->body));
	bw_buf_free(&b);
}

struct check {
	const char *secret;
	int64_t now_ms;
	bool unsigned_ok;
	struct bw_sigv4_cache *cache;
};
static const struct check usual = {SECRET, NOW_MS, false, NULL};

/* All that stands between bytes and trust: BW_ENOTFOUND when there is no signature, or none of our key. */
static enum bw_err trial_run(struct trial *t, const struct check *c)
{
	size_t used;
	int status;

	TRY(bw_http_parse_head(bw_str_make(t->head, t->head_n), &t->request, &used, &status));
	TRY(bw_sigv4_parse(&t->request, &t->arena, &t->sig, &t->fault));
	CHECK(t->sig.form != BW_SIGV4_NONE, BW_ENOTFOUND);
	CHECK(bw_str_eq(t->sig.key_id, BW_STR(KEY_ID)), BW_ENOTFOUND);
	return bw_sigv4_verify(&t->sig, &t->request, bw_str_make(t->body, t->body_n), bw_str_c(c->secret),
	    c->now_ms, c->unsigned_ok, c->cache, &t->arena, &t->fault);
}

#define MISMATCH                                                                                             \
	"The request signature we calculated does not match the signature you provided. Check your AWS "     \
	"Secret Access "                                                                                     \
	"Key and signing method. Consult the service documentation for details."

static void assert_fault(
    struct trial *t, const struct check *c, const char *code, int status, const char *message)
{
	enum bw_err err = trial_run(t, c);

	assert_true(err == BW_EINVAL || err == BW_EPERM);
	assert_non_null(t->fault.code);
	assert_string_equal(t->fault.message, message);
	assert_string_equal(t->fault.code, code);
	assert_int_equal(t->fault.status, status);
	trial_free(t);
}

static void assert_refused(
    const char *name, const char *from, const char *to, const char *code, int status, const char *message)
{
	struct trial t;

	trial_changed(&t, name, from, to);
	assert_fault(&t, &usual, code, status, message);
}

/* ---- Vectors ---- */

static bool vector_in(const struct vector *v, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v->name, names[i]) == 0)
			return true;
	return false;
}

/* Rightly signed, yet their body is not bound. */
static const char *const unbound[] = {"streaming", "foreign_hash", "foreign_header", "unsigned_payload"};

TEST(sigv4_vectors_verify)
{
	struct bw_sigv4_cache cache;

	bw_sigv4_cache_init(&cache, 100);
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < BW_COUNT(vectors); i++) {
			struct check c = {SECRET, NOW_MS, false, round ? &cache : NULL};
			bool bound = !vector_in(&vectors[i], unbound, BW_COUNT(unbound));
			struct trial t;

			trial_vector(&t, &vectors[i]);
			if (trial_run(&t, &c) != (bound ? BW_OK : BW_EPERM))
				fail_msg("%s: %s", vectors[i].name, t.fault.message);
			if (!bound)
				assert_string_equal(t.fault.message, MISMATCH);
			trial_free(&t);
		}
	bw_sigv4_cache_free(&cache);
}

TEST(sigv4_unsigned_payload_only_where_the_service_does)
{
	struct check c = {SECRET, NOW_MS, true, NULL};

	for (size_t i = 0; i < BW_COUNT(unbound); i++) {
		bool want = strcmp(unbound[i], "unsigned_payload") == 0;
		struct trial t;

		trial_vector(&t, vector_find(unbound[i]));
		assert_int_equal(trial_run(&t, &c), want ? BW_OK : BW_EPERM);
		trial_free(&t);
	}
}

TEST(sigv4_parse_gives_the_parts)
{
	struct trial t;

	trial_vector(&t, vector_find("token"));
	assert_ok(trial_run(&t, &usual));
	assert_int_equal(t.sig.form, BW_SIGV4_HEADER);
	assert_str(t.sig.key_id, KEY_ID);
	assert_str(t.sig.date, "20261123");
	assert_str(t.sig.region, "eu-west-1");
	assert_str(t.sig.service, "sts");
	assert_str(t.sig.signed_headers, "content-type;host;x-amz-date;x-amz-security-token");
	assert_str(t.sig.token, "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJ=");
	assert_str(t.sig.timestamp, "20261123T100000Z");
	assert_true(t.sig.time_ms == NOW_MS);
	assert_false(bw_str_set(t.sig.payload_hash));
	trial_free(&t);
	trial_vector(&t, vector_find("presigned_token"));
	assert_ok(trial_run(&t, &usual));
	assert_int_equal(t.sig.form, BW_SIGV4_QUERY);
	assert_str(t.sig.key_id, KEY_ID);
	assert_str(t.sig.token, "Fwo+/=GZX//EXAMPLE==");
	trial_free(&t);
	trial_vector(&t, vector_find("date_http"));
	assert_ok(trial_run(&t, &usual));
	assert_str(t.sig.timestamp, "20261123T100000Z");
	trial_free(&t);
}

/* ---- Every byte counts ---- */

/* What a handler may trust of a request, in one text: two heads of one meaning may share a signature. */
static void meaning(const struct trial *t, struct bw_buf *out)
{
	struct bw_str key, value;
	struct bw_form_reader f;
	struct bw_arena arena;

	bw_arena_init(&arena, 1 << 20);
	bw_buf_init(out, 1 << 20);
	bw_buf_printf(out, "%.*s %.*s\n", BW_FMT(t->request.method), BW_FMT(t->request.path));
	bw_form_init(&f, t->request.query, &arena);
	while (bw_form_next(&f, &key, &value) == BW_OK)
		bw_buf_printf(out, "%zu %.*s=%zu %.*s\n", key.n, BW_FMT(key), value.n, BW_FMT(value));
	for (size_t i = 0; i < t->request.header_count; i++) {
		struct bw_str name = bw_arena_lower(&arena, t->request.headers[i].name);

		if (bw_str_has(t->sig.signed_headers, name) || bw_str_eq(name, BW_STR("authorization")))
			bw_buf_printf(out, "%.*s: %.*s\n", BW_FMT(name), BW_FMT(t->request.headers[i].value));
	}
	bw_arena_free(&arena);
}

static void flip_every_byte(const struct vector *v, unsigned char mask, unsigned *still_good)
{
	struct bw_buf before, after;
	struct trial t;

	trial_vector(&t, v);
	assert_ok(trial_run(&t, &usual));
	meaning(&t, &before);
	for (size_t i = 0; i < t.head_n; i++) {
		struct trial flipped;

		trial_vector(&flipped, v);
		flipped.head[i] = (char)(flipped.head[i] ^ mask);
		if (trial_run(&flipped, &usual) == BW_OK) {
			++*still_good;
			meaning(&flipped, &after);
			if (!bw_str_eq(bw_buf_str(&before), bw_buf_str(&after)))
				fail_msg("%s: byte %zu (%c) changed and still good", v->name, i, v->head[i]);
			bw_buf_free(&after);
		}
		trial_free(&flipped);
	}
	for (size_t i = 0; i < t.body_n; i++) {
		t.body[i] = (char)(t.body[i] ^ mask);
		assert_int_equal(trial_run(&t, &usual), BW_EPERM);
		t.body[i] = (char)(t.body[i] ^ mask);
	}
	bw_buf_free(&before);
	trial_free(&t);
}

TEST(sigv4_any_flipped_byte_breaks_it)
{
	/* Several spellings of these paths are one path to AWS, and so to the signature. */
	static const char *const skipped[] = {
	    "path_dots", "path_up", "streaming", "foreign_hash", "foreign_header", "unsigned_payload"};
	static const unsigned char masks[] = {0x01, 0x02, 0x20, 0x40, 0x80};
	unsigned still_good = 0;

	for (size_t i = 0; i < BW_COUNT(vectors); i++)
		for (size_t m = 0; m < BW_COUNT(masks); m++)
			if (!vector_in(&vectors[i], skipped, BW_COUNT(skipped)))
				flip_every_byte(&vectors[i], masks[m], &still_good);
	assert_true(still_good > 0); /* the case of header names, at least: or the comparison never ran */
}

TEST(sigv4_a_longer_or_shorter_body_breaks_it)
{
	struct trial t;

	trial_init(&t, bw_str_c(vector_find("form")->head), BW_STR("Action=GetUser&Version=2010-05-0"));
	assert_fault(&t, &usual, "SignatureDoesNotMatch", 403, MISMATCH);
	trial_init(&t, bw_str_c(vector_find("form")->head), BW_STR("Action=GetUser&Version=2010-05-08&"));
	assert_fault(&t, &usual, "SignatureDoesNotMatch", 403, MISMATCH);
	trial_init(&t, bw_str_c(vector_find("form")->head), BW_STR(""));
	assert_fault(&t, &usual, "SignatureDoesNotMatch", 403, MISMATCH);
}

TEST(sigv4_added_things_break_it)
{
	assert_refused("query", "&Marker=", "&Marker=&Marker=", "SignatureDoesNotMatch", 403, MISMATCH);
	assert_refused("query", "&Marker=", "", "SignatureDoesNotMatch", 403, MISMATCH);
	assert_refused(
	    "presigned", "X-Amz-Expires=60", "X-Amz-Expires=61", "SignatureDoesNotMatch", 403, MISMATCH);
	assert_refused("form", "Host: localhost:9911\r\n", "Host: localhost:9911\r\nContent-Type: x\r\n",
	    "SignatureDoesNotMatch", 403, MISMATCH);
	/* In a signed header's request an X-Amz-Signature of the query is a parameter as any. */
	assert_refused(
	    "query", "&Marker=", "&Marker=&X-Amz-Signature=x", "SignatureDoesNotMatch", 403, MISMATCH);
}

/* ---- Time ---- */

static enum bw_err run_at(const char *name, int64_t now_ms, char *message, size_t size)
{
	struct check c = {SECRET, now_ms, false, NULL};
	struct trial t;
	enum bw_err err;

	trial_vector(&t, vector_find(name));
	err = trial_run(&t, &c);
	assert_true(strlen(t.fault.message) < size);
	memcpy(message, t.fault.message, strlen(t.fault.message) + 1);
	trial_free(&t);
	return err;
}

TEST(sigv4_a_signed_header_is_good_for_fifteen_minutes_either_way)
{
	char why[256];

	assert_ok(run_at("form", NOW_MS + 900000, why, sizeof why));
	assert_ok(run_at("form", NOW_MS - 900000, why, sizeof why));
	assert_int_equal(run_at("form", NOW_MS + 900001, why, sizeof why), BW_EPERM);
	assert_string_equal(why, "Signature expired: 20261123T100000Z is now earlier than 20261123T100000Z "
	                         "(20261123T101500Z - 15 min.)");
	assert_int_equal(run_at("form", NOW_MS - 900001, why, sizeof why), BW_EPERM);
	assert_string_equal(why, "Signature not yet current: 20261123T100000Z is still later than "
	                         "20261123T095959Z (20261123T094459Z + 15 min.)");
	assert_int_equal(run_at("form", NOW_MS + 86400000, why, sizeof why), BW_EPERM);
	assert_string_equal(why, "Signature expired: 20261123T100000Z is now earlier than 20261124T094500Z "
	                         "(20261124T100000Z - 15 min.)");
}

/* Whatever X-Amz-Expires says: 60 seconds, seven days, nothing. */
TEST(sigv4_a_signed_query_is_good_for_as_long_as_a_signed_header)
{
	static const char *const names[] = {"presigned", "presigned_token", "presigned_forever"};
	char why[256];

	for (size_t i = 0; i < BW_COUNT(names); i++) {
		assert_ok(run_at(names[i], NOW_MS + 900000, why, sizeof why));
		assert_ok(run_at(names[i], NOW_MS - 900000, why, sizeof why));
		assert_int_equal(run_at(names[i], NOW_MS - 900001, why, sizeof why), BW_EPERM);
		assert_int_equal(run_at(names[i], NOW_MS + 900001, why, sizeof why), BW_EPERM);
		assert_string_equal(why, "Signature expired: 20261123T100000Z is now earlier than "
		                         "20261123T100000Z (20261123T101500Z - 15 min.)");
	}
}

/* Signed here, as no vector is of the service. */
static bool good_for(struct bw_str service, int64_t now_ms)
{
	const struct bw_http_header headers[] = {
	    {BW_STR("host"), BW_STR("localhost")}, {BW_STR("x-amz-date"), BW_STR("20261123T100000Z")}};
	struct check c = {SECRET, now_ms, false, NULL};
	struct bw_arena a;
	struct trial t;
	struct bw_str head;
	bool good;

	bw_arena_init(&a, 1 << 16);
	head = bw_sigv4_sign(BW_STR(KEY_ID), BW_STR(SECRET), BW_STR("POST"), BW_STR("/"), BW_STR(""), headers,
	    BW_COUNT(headers), BW_STR(""), headers[1].value, BW_STR("us-east-1"), service, &a);
	head = bw_arena_printf(&a,
	    "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Date: 20261123T100000Z\r\nAuthorization: %.*s\r\n\r\n",
	    BW_FMT(head));
	trial_init(&t, head, BW_STR(""));
	good = trial_run(&t, &c) == BW_OK;
	trial_free(&t);
	bw_arena_free(&a);
	return good;
}

TEST(sigv4_kms_allows_five_minutes)
{
	assert_true(good_for(BW_STR("kms"), NOW_MS + 300000));
	assert_false(good_for(BW_STR("kms"), NOW_MS + 300001));
	assert_true(good_for(BW_STR("sts"), NOW_MS + 300001));
}

TEST(sigv4_expiry_is_a_number_up_to_seven_days)
{
	static const char code[] = "AuthorizationQueryParametersError";
	static const char week[] =
	    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be "
	    "less than 604800 seconds";

	assert_refused("presigned", "X-Amz-Expires=60", "X-Amz-Expires=604801", code, 400, week);
	assert_refused("presigned", "X-Amz-Expires=60", "X-Amz-Expires=9223372036854775807", code, 400, week);
	assert_refused("presigned", "X-Amz-Expires=60", "X-Amz-Expires=9223372036854775808", code, 400,
	    "X-Amz-Expires should be a number");
	assert_refused(
	    "presigned", "X-Amz-Expires=60", "X-Amz-Expires=", code, 400, "X-Amz-Expires should be a number");
	assert_refused("presigned", "X-Amz-Expires=60", "X-Amz-Expires=6x", code, 400,
	    "X-Amz-Expires should be a number");
	assert_refused("presigned", "X-Amz-Expires=60", "X-Amz-Expires=%2B60", code, 400,
	    "X-Amz-Expires should be a number");
	assert_refused("presigned", "X-Amz-Expires=60", "X-Amz-Expires=-1", code, 400,
	    "X-Amz-Expires must be non-negative");
}

/* ---- Refusals, in AWS's words ---- */

/* The Authorization header of the vector "form", whole. */
static void authorization(char *out, size_t size)
{
	const char *from = strstr(vector_find("form")->head, "AWS4-HMAC-SHA256"), *end = strstr(from, "\r\n");

	assert_true((size_t)(end - from) < size);
	memcpy(out, from, (size_t)(end - from));
	out[end - from] = 0;
}

static void assert_header_refused(const char *header, const char *code, int status, const char *message)
{
	char whole[512];

	authorization(whole, sizeof whole);
	assert_refused("form", whole, header, code, status, message);
}

#define CREDENTIAL "Credential=" KEY_ID "/20261123/us-east-1/iam/aws4_request"
#define HASHED     "(Hashed with SHA-256 and encoded with Base64) Authorization="

TEST(sigv4_missing_parameters_are_all_named)
{
	assert_header_refused("AWS4-HMAC-SHA256", "IncompleteSignature", 400,
	    "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
	    "parameter. "
	    "Authorization header requires 'SignedHeaders' parameter. " HASHED
	    "YI2YWea8FSxnksZL2ETHbs5elHm9HQufxTLK0W0ffV0=");
	assert_header_refused("AWS4-HMAC-SHA256 Credential=a/b/c/d/e, Signature=f", "IncompleteSignature",
	    400,
	    "Authorization header requires 'SignedHeaders' parameter. " HASHED
	    "B8n0ekdJaRRcjkdhC0PI3kO4worpbtv2963iejFoEFo=");
	assert_refused("form",
	    "X-Amz-Date: 20261123T100000Z\r\nAuthorization: AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=",
	    "Authorization: AWS4-HMAC-SHA256 SignedHeaders=, x=", "IncompleteSignature", 400,
	    "The request signature does not conform to AWS standards.");
}

TEST(sigv4_a_date_is_needed)
{
	struct trial t;

	trial_changed(&t, "form", "X-Amz-Date: 20261123T100000Z\r\n", "");
	assert_int_equal(trial_run(&t, &usual), BW_EINVAL);
	assert_string_equal(t.fault.code, "IncompleteSignature");
	assert_non_null(strstr(t.fault.message,
	    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " HASHED));
	assert_null(strstr(t.fault.message, "'Credential'"));
	trial_free(&t);
}

TEST(sigv4_dates_have_one_spelling)
{
	static const char *const bad[] = {"2026-11-23T10:00:00Z", "20261123", "20261123T100000",
	    "20261123T100000+0000", "20261323T100000Z", "Mon, 23 Nov 2026 10:00:00 GMT"};

	for (size_t i = 0; i < BW_COUNT(bad); i++) {
		char line[128], want[256];

		snprintf(line, sizeof line, "X-Amz-Date: %s", bad[i]);
		snprintf(want, sizeof want,
		    "Date must be in ISO-8601 'basic format'. Got '%s'. See "
		    "http://en.wikipedia.org/wiki/ISO_8601",
		    bad[i]);
		assert_refused(
		    "form", "X-Amz-Date: 20261123T100000Z", line, "IncompleteSignature", 400, want);
	}
	assert_refused("date_http", "Mon, 23", "Tue, 23", "IncompleteSignature", 400,
	    "Date must be in ISO-8601 'basic format'. Got 'Tue, 23 Nov 2026 10:00:00 GMT'. See "
	    "http://en.wikipedia.org/wiki/ISO_8601");
	assert_refused("presigned", "X-Amz-Date=20261123T100000Z", "X-Amz-Date=20261123",
	    "IncompleteSignature", 400,
	    "Date must be in ISO-8601 'basic format'. Got '20261123'. See "
	    "http://en.wikipedia.org/wiki/ISO_8601");
}

TEST(sigv4_header_parameters_are_pairs)
{
	assert_header_refused("AWS4-HMAC-SHA256 Credential", "IncompleteSignature", 400,
	    "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and "
	    "encoded with Base64): "
	    "'KfSoC26UaBDGXxo5AUFS45c1cmAbyLKDOxOTKcZYWt4='.");
	assert_refused("form", ", Signature=", ", Signature=0, Signature=", "IncompleteSignature", 400,
	    "The request signature does not conform to AWS standards.");
	assert_refused("form", ", Signature=", ", Extra=0, Signature=", "IncompleteSignature", 400,
	    "The request signature does not conform to AWS standards.");
	assert_refused("form", ", Signature=", ", signature=", "IncompleteSignature", 400,
	    "The request signature does not conform to AWS standards.");
}

static void assert_credential_refused(
    const char *credential, const char *code, int status, const char *message)
{
	char text[1024];

	snprintf(text, sizeof text, "Credential=%s", credential);
	assert_refused("form", CREDENTIAL, text, code, status, message);
}

TEST(sigv4_credentials_have_five_parts)
{
	static const char *const bad[] = {"AKID", "AKID/20261123", "AKID/20261123/us-east-1/iam",
	    "a/b/c/d/e/f", "AKID/20261123/us-east-1/iam/aws4_request/",
	    "/AKID/20261123/us-east-1/iam/aws4_request"};

	for (size_t i = 0; i < BW_COUNT(bad); i++) {
		char want[256];

		snprintf(want, sizeof want,
		    "Credential must have exactly 5 slash-delimited elements, e.g. "
		    "keyid/date/region/service/term, got '%s'",
		    bad[i]);
		assert_credential_refused(bad[i], "IncompleteSignature", 400, want);
	}
}

TEST(sigv4_scopes_are_checked)
{
	assert_credential_refused(KEY_ID "/20261123/us-east-1/iam/aws5_request", "SignatureDoesNotMatch", 403,
	    "Credential should be scoped with a valid terminator: 'aws4_request'. ");
	assert_credential_refused(KEY_ID "/20261124/us-east-1/iam/aws4_request", "SignatureDoesNotMatch", 403,
	    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.");
	assert_credential_refused(KEY_ID "//us-east-1/iam/aws4_request", "SignatureDoesNotMatch", 403,
	    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.");
	assert_credential_refused(KEY_ID "/20261123//iam/aws4_request", "SignatureDoesNotMatch", 403,
	    "Credential should be scoped to a valid region. ");
	assert_credential_refused(KEY_ID "/20261123/us:east/iam/aws4_request", "SignatureDoesNotMatch", 403,
	    "Credential should be scoped to a valid region. ");
	assert_credential_refused(KEY_ID "/20261123/*/iam/aws4_request", "SignatureDoesNotMatch", 403,
	    "Credential should be scoped to a valid region. ");
	assert_credential_refused(KEY_ID "/20261123/us-east-1//aws4_request", "IncompleteSignature", 400,
	    "The request signature does not conform to AWS standards.");
	assert_credential_refused("/20261123/us-east-1/iam/aws4_request", "InvalidClientTokenId", 403,
	    "The security token included in the request is invalid.");
}

TEST(sigv4_parts_of_scopes_have_ceilings)
{
	char region[66], key[130], text[512];

	memset(region, 'r', 65);
	region[65] = 0;
	snprintf(text, sizeof text, KEY_ID "/20261123/%s/iam/aws4_request", region);
	assert_credential_refused(
	    text, "SignatureDoesNotMatch", 403, "Credential should be scoped to a valid region. ");
	region[64] = 0;
	snprintf(text, sizeof text, KEY_ID "/20261123/%s/%s/aws4_request", region, region);
	assert_credential_refused(text, "SignatureDoesNotMatch", 403, MISMATCH);
	memset(key, 'K', 129);
	key[129] = 0;
	snprintf(text, sizeof text, "%s/20261123/us-east-1/iam/aws4_request", key);
	assert_credential_refused(
	    text, "InvalidClientTokenId", 403, "The security token included in the request is invalid.");
}

TEST(sigv4_what_must_be_signed)
{
	static const char host[] =
	    "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";

	assert_refused("form", "SignedHeaders=content-type;host;x-amz-date",
	    "SignedHeaders=content-type;x-amz-date", "SignatureDoesNotMatch", 403, host);
	assert_refused("presigned", "X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=hosts",
	    "SignatureDoesNotMatch", 403, host);
	assert_refused("form", "content-type;host;x-amz-date", "content-type;host", "SignatureDoesNotMatch",
	    403, "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization.");
	assert_refused("token", ";x-amz-date;x-amz-security-token", ";x-amz-date", "SignatureDoesNotMatch",
	    403, "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization.");
	assert_refused("form", "Host: ", "x-amz-Target: a\r\nHost: ", "SignatureDoesNotMatch", 403,
	    "'x-amz-Target' must be a 'SignedHeader' in the AWS Authorization.");
	assert_refused("presigned",
	    "Host: ", "X-Amz-Date: 20261123T100000Z\r\nHost: ", "SignatureDoesNotMatch", 403,
	    "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization.");
	/* A name in the list and no such header. */
	assert_refused("form", "content-type;host;x-amz-date", "content-type;host;x-amz-date;x-amz-target",
	    "SignatureDoesNotMatch", 403, MISMATCH);
}

TEST(sigv4_signed_headers_have_one_spelling)
{
	static const char *const bad[] = {"host;content-type;x-amz-date", "content-type;host;host;x-amz-date",
	    "Content-Type;host;x-amz-date", "content-type;Host;x-amz-date", ";content-type;host;x-amz-date",
	    "content-type;;host;x-amz-date", "content-type;host;x-amz-date;",
	    "content-type; host;x-amz-date;host"};

	for (size_t i = 0; i < BW_COUNT(bad); i++)
		assert_refused("form", "content-type;host;x-amz-date", bad[i], "IncompleteSignature", 400,
		    "The request signature does not conform to AWS standards.");
}

/* Each header of a request is looked for among the signed ones, before anybody has proven who it is. */
TEST(sigv4_signed_headers_have_their_ceiling)
{
	static const char list[] = "content-type;host;x-amz-date";
	char text[2048];
	size_t n;

	for (int more = BW_HTTP_HEADERS_MAX - 3; more <= BW_HTTP_HEADERS_MAX - 2; more++) {
		bool above = more > BW_HTTP_HEADERS_MAX - 3;

		n = (size_t)snprintf(text, sizeof text, "%s", list);
		for (int i = 0; i < more; i++)
			n += (size_t)snprintf(text + n, sizeof text - n, ";y%03d", i);
		assert_refused("form", list, text, above ? "IncompleteSignature" : "SignatureDoesNotMatch",
		    above ? 400 : 403,
		    above ? "The request signature does not conform to AWS standards." : MISMATCH);
	}
}

TEST(sigv4_other_headers_may_stay_unsigned)
{
	struct trial t;

	trial_changed(
	    &t, "form", "Host: ", "User-Agent: aws-cli\r\nX-Amzn-Trace-Id: Root=1\r\nAccept: */*\r\nHost: ");
	assert_ok(trial_run(&t, &usual));
	trial_free(&t);
}

TEST(sigv4_one_header_of_a_kind)
{
	static const char *const twice[] = {"X-Amz-Date: 20261123T100000Z\r\n",
	    "Authorization: AWS4-HMAC-SHA256 x\r\n", "X-Amz-Security-Token: a\r\nX-Amz-Security-Token: b\r\n",
	    "Date: 20261123T100000Z\r\nDate: 20261123T100000Z\r\n"};

	for (size_t i = 0; i < BW_COUNT(twice); i++) {
		char head[256];

		snprintf(head, sizeof head, "%sX-Amz-Date: ", twice[i]);
		assert_refused("form", "X-Amz-Date: ", head, "IncompleteSignature", 400,
		    "The request signature does not conform to AWS standards.");
	}
}

/* ---- None, or another ---- */

static enum bw_sigv4_form form_of(const char *head, enum bw_err *err, struct bw_sigv4_fault *fault)
{
	enum bw_sigv4_form form;
	struct trial t;
	size_t used;
	int status;

	trial_init(&t, bw_str_c(head), BW_STR(""));
	assert_ok(bw_http_parse_head(bw_str_make(t.head, t.head_n), &t.request, &used, &status));
	*err = bw_sigv4_parse(&t.request, &t.arena, &t.sig, fault);
	form = t.sig.form;
	trial_free(&t);
	return form;
}

TEST(sigv4_none_is_no_fault)
{
	static const char *const heads[] = {"POST / HTTP/1.1\r\nHost: a\r\n\r\n",
	    "GET /?Action=AssumeRoleWithWebIdentity HTTP/1.1\r\nHost: a\r\n\r\n",
	    "GET /?X-Amz-Signature=x&X-Amz-Credential=y HTTP/1.1\r\nHost: a\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic eDp5\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: AWS AKID:c2ln\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: aws4-hmac-sha256 x\r\n\r\n"};
	struct bw_sigv4_fault fault;
	enum bw_err err;

	for (size_t i = 0; i < BW_COUNT(heads); i++) {
		assert_int_equal(form_of(heads[i], &err, &fault), BW_SIGV4_NONE);
		assert_ok(err);
	}
}

static void assert_parse_refused(const char *head, const char *code, int status, const char *message)
{
	struct bw_sigv4_fault fault = {0};
	enum bw_err err;

	form_of(head, &err, &fault);
	assert_int_equal(err, BW_EINVAL);
	assert_string_equal(fault.message, message);
	assert_string_equal(fault.code, code);
	assert_int_equal(fault.status, status);
}

TEST(sigv4_other_algorithms_are_refused)
{
	assert_parse_refused(
	    "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: AWS4-ECDSA-P256-SHA256 Credential=x\r\n\r\n",
	    "MissingAuthenticationToken", 403, "Request is missing Authentication Token");
	assert_parse_refused(
	    "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: AWS4-HMAC-SHA2567 Credential=x\r\n\r\n",
	    "MissingAuthenticationToken", 403, "Request is missing Authentication Token");
	assert_parse_refused("GET /?X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256 HTTP/1.1\r\nHost: a\r\n\r\n",
	    "MissingAuthenticationToken", 403, "Missing Authentication Token");
	assert_parse_refused("GET /?X-Amz-Algorithm= HTTP/1.1\r\nHost: a\r\n\r\n",
	    "MissingAuthenticationToken", 403, "Missing Authentication Token");
}

TEST(sigv4_one_form_at_a_time)
{
	static const char both[] =
	    "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.";

	assert_parse_refused("GET /?X-Amz-Algorithm=AWS4-HMAC-SHA256 HTTP/1.1\r\nHost: a\r\nAuthorization: "
	                     "AWS4-HMAC-SHA256 x\r\n\r\n",
	    "SignatureDoesNotMatch", 403, both);
	assert_parse_refused(
	    "GET /?X%2DAmz-Algorithm=x HTTP/1.1\r\nHost: a\r\nAuthorization: Basic x\r\n\r\n",
	    "SignatureDoesNotMatch", 403, both);
}

TEST(sigv4_missing_query_parameters_are_all_named)
{
	assert_parse_refused("GET /?X-Amz-Algorithm=AWS4-HMAC-SHA256 HTTP/1.1\r\nHost: a\r\n\r\n",
	    "IncompleteSignature", 400,
	    "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must "
	    "include "
	    "'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS "
	    "query-string parameters "
	    "must include 'X-Amz-Date'. Re-examine the query-string parameters.");
	assert_refused("presigned", "X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=", "IncompleteSignature",
	    400,
	    "AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the query-string "
	    "parameters.");
}

TEST(sigv4_query_parameters_stand_once)
{
	static const char *const names[] = {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature",
	    "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Security-Token", "X-Amz%2DDate"};

	for (size_t i = 0; i < BW_COUNT(names); i++) {
		char text[128];

		snprintf(text, sizeof text, "?%s=AWS4-HMAC-SHA256&Action=", names[i]);
		assert_refused("presigned_token", "?Action=", text, "IncompleteSignature", 400,
		    "The request signature does not conform to AWS standards.");
	}
	assert_refused("presigned_token", "Host:", "X-Amz-Security-Token: x\r\nHost:", "IncompleteSignature",
	    400, "The request signature does not conform to AWS standards.");
}

TEST(sigv4_malformed_queries_are_refused)
{
	static const char *const bad[] = {"a=%", "a=%zz", "%4=1", "=1", "a=1&=2"};

	for (size_t i = 0; i < BW_COUNT(bad); i++) {
		char head[128];

		snprintf(head, sizeof head, "GET /?%s HTTP/1.1\r\nHost: a\r\n\r\n", bad[i]);
		assert_parse_refused(
		    head, "MalformedQueryString", 404, "The query string contains a syntax error.");
	}
}

/* ---- Scope, cache, signing ---- */

TEST(sigv4_scope_helper)
{
	struct bw_sigv4 sig = {.service = BW_STR("iam"), .region = BW_STR("us-east-1")};
	struct bw_sigv4_fault fault;

	assert_ok(bw_sigv4_check_scope(&sig, BW_STR("iam"), BW_STR_NONE, &fault));
	assert_ok(bw_sigv4_check_scope(&sig, BW_STR("iam"), BW_STR("us-east-1"), &fault));
	assert_int_equal(bw_sigv4_check_scope(&sig, BW_STR("sts"), BW_STR_NONE, &fault), BW_EPERM);
	assert_string_equal(fault.code, "SignatureDoesNotMatch");
	assert_int_equal(fault.status, 403);
	assert_string_equal(fault.message, "Credential should be scoped to correct service: 'sts'. ");
	assert_int_equal(bw_sigv4_check_scope(&sig, BW_STR("iam"), BW_STR("us-east-2"), &fault), BW_EPERM);
	assert_string_equal(fault.message, "Credential should be scoped to a valid region. ");
	assert_int_equal(bw_sigv4_check_scope(&sig, BW_STR("ia"), BW_STR(""), &fault), BW_EPERM);
	assert_string_equal(fault.message, "Credential should be scoped to a valid region. Credential should "
	                                   "be scoped to correct service: 'ia'. ");
}

static enum bw_err run_cached(const char *name, const char *secret, struct bw_sigv4_cache *cache)
{
	struct check c = {secret, NOW_MS, false, cache};
	struct trial t;
	enum bw_err err;

	trial_vector(&t, vector_find(name));
	err = trial_run(&t, &c);
	trial_free(&t);
	return err;
}

TEST(sigv4_cache_is_tied_to_the_secret)
{
	struct bw_sigv4_cache cache;

	bw_sigv4_cache_init(&cache, 4);
	assert_ok(run_cached("form", SECRET, &cache));
	assert_int_equal(cache.map.count, 1);
	assert_int_equal(run_cached("form", "another", &cache), BW_EPERM);
	assert_int_equal(run_cached("form", "", &cache), BW_EPERM);
	assert_ok(run_cached("form", SECRET, &cache));
	assert_ok(run_cached("compact", SECRET, &cache));
	assert_int_equal(cache.map.count, 1);
	bw_sigv4_cache_free(&cache);
}

TEST(sigv4_cache_takes_only_keys_that_verified)
{
	struct bw_sigv4_cache cache;

	bw_sigv4_cache_init(&cache, 4);
	assert_int_equal(run_cached("form", "another", &cache), BW_EPERM);
	assert_int_equal(run_cached("foreign_hash", SECRET, &cache), BW_EPERM);
	assert_int_equal(cache.map.count, 0);
	bw_sigv4_cache_free(&cache);
}

TEST(sigv4_cache_has_a_ceiling)
{
	struct bw_sigv4_cache cache;

	bw_sigv4_cache_init(&cache, 2);
	for (int round = 0; round < 3; round++) {
		assert_ok(run_cached("form", SECRET, &cache));
		assert_ok(run_cached("token", SECRET, &cache));
		assert_ok(run_cached("json", SECRET, &cache));
		assert_int_equal(cache.map.count, 2);
	}
	bw_sigv4_cache_free(&cache);
}

TEST(sigv4_signs_as_the_vectors_are)
{
	static const struct bw_http_header headers[] = {
	    {BW_STR("content-type"), BW_STR("application/x-www-form-urlencoded; charset=utf-8")},
	    {BW_STR("host"), BW_STR("localhost:9911")},
	    {BW_STR("x-amz-date"), BW_STR("20261123T100000Z")},
	};
	struct bw_arena arena;
	struct bw_str got;
	char want[512];

	bw_arena_init(&arena, 1 << 20);
	authorization(want, sizeof want);
	got = bw_sigv4_sign(BW_STR(KEY_ID), BW_STR(SECRET), BW_STR("POST"), BW_STR("/"), BW_STR_NONE, headers,
	    BW_COUNT(headers), bw_str_c(vector_find("form")->body), BW_STR("20261123T100000Z"),
	    BW_STR("us-east-1"), BW_STR("iam"), &arena);
	assert_str(got, want);
	got = bw_sigv4_sign(BW_STR(KEY_ID), BW_STR(SECRET), BW_STR("POST"), BW_STR("/"), BW_STR("a=%"),
	    headers, BW_COUNT(headers), BW_STR(""), BW_STR("20261123T100000Z"), BW_STR("us-east-1"),
	    BW_STR("iam"), &arena);
	assert_false(bw_str_set(got));
	bw_arena_free(&arena);
}

/* Signing and verifying agree over paths, queries, values and bodies of any kind. */
TEST(sigv4_what_is_signed_verifies)
{
	static const char *const paths[] = {
	    "/", "/a", "/a/", "//a//b", "/a/../b", "/%2F%20%E2%82%AC", "/a:b,c;d=e", "/~u/-._"};
	static const char *const queries[] = {
	    NULL, "", "a", "a=&a", "b=1&a=2", "a=%20+%2b", "a=1&a=0&A=&%61=3", "x=%00%ff"};
	static const char *const values[] = {"v", "a  b   c", "\"a  b\"", "=,;", "tail"};
	struct bw_http_request r = {.method = BW_STR("PUT"), .header_count = 4};
	struct bw_sigv4_cache cache;

	bw_sigv4_cache_init(&cache, 8);
	for (size_t i = 0; i < 8 * 8 * 5; i++) {
		struct bw_str body = bw_str_c(paths[i % 8]);
		struct bw_sigv4_fault fault;
		struct bw_arena arena;
		struct bw_sigv4 sig;

		bw_arena_init(&arena, 1 << 20);
		r.path = bw_str_c(paths[i % 8]);
		r.query = bw_str_c(queries[i / 8 % 8]);
		r.headers[0] = (struct bw_http_header){BW_STR("host"), BW_STR("h")};
		r.headers[1] = (struct bw_http_header){BW_STR("x-amz-date"), BW_STR("20261123T100000Z")};
		r.headers[2] = (struct bw_http_header){BW_STR("x-amz-meta"), bw_str_c(values[i / 64])};
		r.headers[3] = (struct bw_http_header){BW_STR("authorization"),
		    bw_sigv4_sign(BW_STR("K"), BW_STR("S"), r.method, r.path, r.query, r.headers, 3, body,
		        r.headers[1].value, BW_STR("r"), BW_STR("s"), &arena)};
		assert_ok(bw_sigv4_parse(&r, &arena, &sig, &fault));
		assert_ok(
		    bw_sigv4_verify(&sig, &r, body, BW_STR("S"), NOW_MS, false, &cache, &arena, &fault));
		assert_int_equal(
		    bw_sigv4_verify(&sig, &r, body, BW_STR("T"), NOW_MS, false, &cache, &arena, &fault),
		    BW_EPERM);
		bw_arena_free(&arena);
	}
	bw_sigv4_cache_free(&cache);
}

/* Many parameters in the worst order must not be slow: whoever has no secret can send them. */
TEST(sigv4_many_parameters_verify)
{
	struct bw_http_request r = {.method = BW_STR("GET"), .path = BW_STR("/"), .header_count = 3};
	struct bw_sigv4_fault fault;
	struct bw_arena arena;
	struct bw_sigv4 sig;
	struct bw_buf query;

	bw_arena_init(&arena, 1 << 24);
	bw_buf_init(&query, 1 << 20);
	for (unsigned i = 0; i < BW_FORM_FIELDS_MAX; i++)
		bw_buf_printf(&query, "&p%u=%u", BW_FORM_FIELDS_MAX - i, i);
	r.query = bw_buf_str(&query);
	r.headers[0] = (struct bw_http_header){BW_STR("host"), BW_STR("h")};
	r.headers[1] = (struct bw_http_header){BW_STR("x-amz-date"), BW_STR("20261123T100000Z")};
	r.headers[2] = (struct bw_http_header){BW_STR("authorization"),
	    bw_sigv4_sign(BW_STR("K"), BW_STR("S"), r.method, r.path, r.query, r.headers, 2, BW_STR(""),
	        r.headers[1].value, BW_STR("r"), BW_STR("s"), &arena)};
	assert_ok(bw_sigv4_parse(&r, &arena, &sig, &fault));
	assert_ok(bw_sigv4_verify(&sig, &r, BW_STR(""), BW_STR("S"), NOW_MS, false, NULL, &arena, &fault));
	bw_buf_put(&query, BW_STR("&one=more"));
	r.query = bw_buf_str(&query);
	assert_int_equal(bw_sigv4_parse(&r, &arena, &sig, &fault), BW_EINVAL);
	assert_string_equal(fault.code, "MalformedQueryString");
	bw_buf_free(&query);
	bw_arena_free(&arena);
}
