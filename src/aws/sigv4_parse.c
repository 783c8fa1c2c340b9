#include "aws/sigv4_canonical.h"

#include <stdarg.h>
#include <stdio.h>

#include "codec/base64.h"
#include "codec/form.h"
#include "codec/time.h"

/* Longer parts of a scope or of a key's name are nobody's: AWS's are below 40 and 128. They bound the string
 * to sign. */
enum { SCOPE_PART_MAX = 64, KEY_ID_MAX = 128 };

static const char algorithm[] = "AWS4-HMAC-SHA256";

enum bw_err sigv4_refuse(struct bw_sigv4_fault *fault, const char *code, int status, const char *fmt, ...)
{
	va_list args;

	fault->code = code;
	fault->status = status;
	va_start(args, fmt);
	vsnprintf(fault->message, sizeof fault->message, fmt, args);
	va_end(args);
	return BW_EPERM;
}

/* For requests no AWS client sends: two spellings of one thing, unsorted lists. */
static enum bw_err nonconforming(struct bw_sigv4_fault *fault)
{
	return sigv4_refuse(
	    fault, "IncompleteSignature", 400, "The request signature does not conform to AWS standards.");
}

/* ---- Headers ---- */

enum header { AUTHORIZATION, AMZ_DATE, DATE, AMZ_TOKEN, AMZ_CONTENT, HEADERS };

static const struct bw_str header_names[HEADERS] = {
    [AUTHORIZATION] = BW_STR("authorization"),
    [AMZ_DATE] = BW_STR("x-amz-date"),
    [DATE] = BW_STR("date"),
    [AMZ_TOKEN] = BW_STR("x-amz-security-token"),
    [AMZ_CONTENT] = BW_STR("x-amz-content-sha256"),
};

/* The values; absent without. Twice the same header is refused: which one counts would be a matter of taste.
 */
static enum bw_err headers_gather(
    const struct bw_http_request *r, struct bw_str found[HEADERS], struct bw_sigv4_fault *fault)
{
	for (size_t h = 0; h < HEADERS; h++)
		found[h] = BW_STR_NONE;
	for (size_t i = 0; i < r->header_count; i++)
		for (size_t h = 0; h < HEADERS; h++) {
			if (!bw_str_eq_nocase(r->headers[i].name, header_names[h]))
				continue;
			if (bw_str_set(found[h]))
				return nonconforming(fault);
			found[h] = bw_str_set(r->headers[i].value) ? r->headers[i].value : BW_STR("");
		}
	return BW_OK;
}

static bool list_has(struct bw_str list, struct bw_str name)
{
	struct bw_str one;

	while (sigv4_name_next(&list, &one))
		if (bw_str_eq_nocase(one, name))
			return true;
	return false;
}

/* Lower case and strictly ascending, as every signer sorts them; and no more than a request may have: each of its headers is looked for
 * among them. */
static bool list_is_canonical(struct bw_str list)
{
	struct bw_str before = BW_STR(""), name;
	size_t n = 0;

	for (size_t i = 0; i < list.n; i++)
		if ((unsigned char)list.p[i] <= ' ' || (list.p[i] >= 'A' && list.p[i] <= 'Z'))
			return false;
	for (; sigv4_name_next(&list, &name); before = name)
		if (bw_str_cmp(before, name) >= 0 || ++n > BW_HTTP_HEADERS_MAX)
			return false;
	return true;
}

/* IAM User Guide, "Create a signed AWS API request": the host and every x-amz- header must be signed. */
static enum bw_err signed_headers_check(
    const struct bw_sigv4 *s, const struct bw_http_request *r, struct bw_sigv4_fault *fault)
{
	if (!list_has(s->signed_headers, BW_STR("host")))
		return sigv4_refuse(fault, "SignatureDoesNotMatch", 403,
		    "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
	if (!list_is_canonical(s->signed_headers))
		return nonconforming(fault);
	for (size_t i = 0; i < r->header_count; i++)
		if (bw_str_starts_nocase(r->headers[i].name, BW_STR("x-amz-")) &&
		    !list_has(s->signed_headers, r->headers[i].name))
			return sigv4_refuse(fault, "SignatureDoesNotMatch", 403,
			    "'%.*s' must be a 'SignedHeader' in the AWS Authorization.",
			    BW_FMT(r->headers[i].name));
	return BW_OK;
}

/* ---- Credential and date ---- */

/* A Region's or a service's name goes into ARNs and store keys: nothing may stand in it that separates their
 * parts. */
static bool scope_part_ok(struct bw_str part)
{
	for (size_t i = 0; i < part.n; i++) {
		char c = part.p[i];

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-')
			return false;
	}
	return part.n > 0 && part.n <= SCOPE_PART_MAX;
}

enum { KEY_ID, SCOPE_DATE, SCOPE_REGION, SCOPE_SERVICE, SCOPE_END, CREDENTIAL_PARTS };

static enum bw_err credential_parse(
    struct bw_str credential, struct bw_sigv4 *s, struct bw_sigv4_fault *fault)
{
	struct bw_str parts[CREDENTIAL_PARTS] = {0}, rest = credential;

	for (size_t i = 0; i < CREDENTIAL_PARTS; i++)
		parts[i] = bw_str_cut(&rest, '/');
	if (!bw_str_set(parts[SCOPE_END]) || bw_str_set(rest))
		return sigv4_refuse(fault, "IncompleteSignature", 400,
		    "Credential must have exactly 5 slash-delimited elements, e.g. "
		    "keyid/date/region/service/term, got '%.*s'",
		    BW_FMT(credential));
	if (parts[KEY_ID].n == 0 || parts[KEY_ID].n > KEY_ID_MAX)
		return sigv4_refuse(fault, "InvalidClientTokenId", 403,
		    "The security token included in the request is invalid.");
	if (!scope_part_ok(parts[SCOPE_REGION]))
		return sigv4_refuse(
		    fault, "SignatureDoesNotMatch", 403, "Credential should be scoped to a valid region. ");
	if (!scope_part_ok(parts[SCOPE_SERVICE]))
		return nonconforming(fault);
	s->key_id = parts[KEY_ID];
	s->date = parts[SCOPE_DATE];
	s->region = parts[SCOPE_REGION];
	s->service = parts[SCOPE_SERVICE];
	if (!bw_str_eq(parts[SCOPE_END], BW_STR("aws4_request")))
		return sigv4_refuse(fault, "SignatureDoesNotMatch", 403,
		    "Credential should be scoped with a valid terminator: 'aws4_request'. ");
	return BW_OK;
}

/* Sets time and timestamp. The Date header, which may stand in for X-Amz-Date, has HTTP's spelling as a rule;
 * it is brought into the one that is signed. */
static enum bw_err date_parse(
    struct bw_str text, bool http, struct bw_sigv4 *s, struct bw_arena *arena, struct bw_sigv4_fault *fault)
{
	struct bw_buf basic;

	s->timestamp = text;
	if (bw_time_parse_basic(text, &s->time_ms) == BW_OK)
		return BW_OK;
	if (!http || bw_time_parse_http(text, &s->time_ms) != BW_OK)
		return sigv4_refuse(fault, "IncompleteSignature", 400,
		    "Date must be in ISO-8601 'basic format'. Got '%.*s'. See "
		    "http://en.wikipedia.org/wiki/ISO_8601",
		    BW_FMT(text));
	bw_buf_init(&basic, 16);
	bw_time_put_basic(s->time_ms, &basic);
	s->timestamp = bw_arena_str(arena, bw_buf_str(&basic));
	bw_buf_free(&basic);
	return BW_OK;
}

static enum bw_err scope_date_check(const struct bw_sigv4 *s, struct bw_sigv4_fault *fault)
{
	if (bw_str_eq(s->date, bw_str_sub(s->timestamp, 0, 8)))
		return BW_OK;
	return sigv4_refuse(fault, "SignatureDoesNotMatch", 403,
	    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.");
}

/* ---- The Authorization header ---- */

enum parameter { CREDENTIAL, SIGNATURE, SIGNED_HEADERS, PARAMETERS };

static const char *const parameter_names[PARAMETERS] = {"Credential", "Signature", "SignedHeaders"};

/* AWS shows the header only as a hash, for it may hold another system's secret. */
static struct bw_str header_hash(struct bw_str authorization, struct bw_arena *arena)
{
	unsigned char digest[32];
	struct bw_str text;
	struct bw_buf b;

	bw_sha256(authorization, digest);
	bw_buf_init(&b, 64);
	bw_base64_encode(bw_str_make(digest, sizeof digest), &b);
	text = bw_arena_str(arena, bw_buf_str(&b));
	bw_buf_free(&b);
	return text;
}

/* "Credential=..., SignedHeaders=..., Signature=...", in any order, with or without the spaces. */
static enum bw_err parameters_parse(struct bw_str rest, struct bw_str whole, struct bw_str found[PARAMETERS],
    struct bw_arena *arena, struct bw_sigv4_fault *fault)
{
	while (bw_str_set(rest)) {
		struct bw_str value = bw_str_trim(bw_str_cut(&rest, ',')), name;
		size_t p = 0;

		if (value.n == 0)
			continue;
		name = bw_str_cut(&value, '=');
		if (!bw_str_set(value))
			return sigv4_refuse(fault, "IncompleteSignature", 400,
			    "Invalid key=value pair (missing equal-sign) in Authorization header (hashed "
			    "with SHA-256 and "
			    "encoded with Base64): '%.*s'.",
			    BW_FMT(header_hash(whole, arena)));
		while (p < PARAMETERS && !bw_str_eq(name, bw_str_c(parameter_names[p])))
			p++;
		if (p == PARAMETERS || bw_str_set(found[p]))
			return nonconforming(fault);
		found[p] = value;
	}
	return BW_OK;
}

/* Everything that is missing is named at once. */
static enum bw_err header_missing(const struct bw_str found[PARAMETERS], bool dated, struct bw_str whole,
    struct bw_arena *arena, struct bw_sigv4_fault *fault)
{
	struct bw_str text = BW_STR("");

	for (size_t p = 0; p < PARAMETERS; p++)
		if (found[p].n == 0)
			text = bw_arena_printf(arena, "%.*sAuthorization header requires '%s' parameter. ",
			    BW_FMT(text), parameter_names[p]);
	if (!dated)
		text = bw_arena_printf(arena,
		    "%.*sAuthorization header requires existence of either a 'X-Amz-Date' or a 'Date' "
		    "header. ",
		    BW_FMT(text));
	if (text.n == 0)
		return BW_OK;
	return sigv4_refuse(fault, "IncompleteSignature", 400,
	    "%.*s(Hashed with SHA-256 and encoded with Base64) Authorization=%.*s", BW_FMT(text),
	    BW_FMT(header_hash(whole, arena)));
}

static enum bw_err header_parse(const struct bw_str headers[HEADERS], struct bw_arena *arena,
    struct bw_sigv4 *s, struct bw_sigv4_fault *fault)
{
	struct bw_str whole = headers[AUTHORIZATION], rest = whole, found[PARAMETERS] = {0};
	bool http = !bw_str_set(headers[AMZ_DATE]);
	struct bw_str date = http ? headers[DATE] : headers[AMZ_DATE];

	if (!bw_str_eq(bw_str_cut(&rest, ' '), bw_str_c(algorithm)))
		return sigv4_refuse(
		    fault, "MissingAuthenticationToken", 403, "Request is missing Authentication Token");
	TRY(parameters_parse(rest, whole, found, arena, fault));
	TRY(header_missing(found, bw_str_set(date), whole, arena, fault));
	s->signature = found[SIGNATURE];
	s->signed_headers = found[SIGNED_HEADERS];
	s->token = headers[AMZ_TOKEN];
	s->payload_hash = headers[AMZ_CONTENT];
	TRY(date_parse(date, http, s, arena, fault));
	return credential_parse(found[CREDENTIAL], s, fault);
}

/* ---- The query string ---- */

enum query {
	Q_ALGORITHM,
	Q_CREDENTIAL,
	Q_SIGNATURE,
	Q_SIGNED_HEADERS,
	Q_DATE,
	Q_NEEDED,
	Q_EXPIRES = Q_NEEDED,
	Q_TOKEN,
	Q_CONTENT,
	QUERY
};

static const char *const query_names[QUERY] = {
    [Q_ALGORITHM] = "X-Amz-Algorithm",
    [Q_CREDENTIAL] = "X-Amz-Credential",
    [Q_SIGNATURE] = "X-Amz-Signature",
    [Q_SIGNED_HEADERS] = "X-Amz-SignedHeaders",
    [Q_DATE] = "X-Amz-Date",
    [Q_EXPIRES] = "X-Amz-Expires",
    [Q_TOKEN] = "X-Amz-Security-Token",
    [Q_CONTENT] = "X-Amz-Content-Sha256",
};

/* `*twice`: one of them stands there again. */
static enum bw_err query_gather(
    struct bw_str query, struct bw_arena *arena, struct bw_str found[QUERY], bool *twice)
{
	struct bw_str name, value;
	struct bw_form_reader f;
	enum bw_err err;

	bw_form_init(&f, query, arena);
	while ((err = bw_form_next(&f, &name, &value)) == BW_OK)
		for (size_t q = 0; q < QUERY; q++)
			if (bw_str_eq(name, bw_str_c(query_names[q]))) {
				*twice |= bw_str_set(found[q]);
				found[q] = value;
			}
	return err == BW_ENOTFOUND ? BW_OK : err;
}

static enum bw_err query_missing(
    const struct bw_str found[QUERY], struct bw_arena *arena, struct bw_sigv4_fault *fault)
{
	struct bw_str text = BW_STR("");

	for (size_t q = 0; q < Q_NEEDED; q++)
		if (found[q].n == 0)
			text = bw_arena_printf(arena, "%.*sAWS query-string parameters must include '%s'. ",
			    BW_FMT(text), query_names[q]);
	if (text.n == 0)
		return BW_OK;
	return sigv4_refuse(
	    fault, "IncompleteSignature", 400, "%.*sRe-examine the query-string parameters.", BW_FMT(text));
}

/* Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters". It has to be well formed, and is
 * of no further effect: outside of S3 a signed query is good for as long as a signed header (aws-sdk-go#2167;
 * aws-iam-authenticator signs 60 seconds and counts on 15 minutes). */
static enum bw_err expires_check(struct bw_str text, struct bw_sigv4_fault *fault)
{
	static const char code[] = "AuthorizationQueryParametersError";
	int64_t expires_s;

	if (!bw_str_set(text))
		return BW_OK;
	if (bw_str_to_i64(text, INT64_MIN, INT64_MAX, &expires_s) != BW_OK)
		return sigv4_refuse(fault, code, 400, "X-Amz-Expires should be a number");
	if (expires_s < 0)
		return sigv4_refuse(fault, code, 400, "X-Amz-Expires must be non-negative");
	if (expires_s > BW_SIGV4_EXPIRES_MAX_S)
		return sigv4_refuse(fault, code, 400,
		    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires "
		    "must be less than "
		    "%d seconds",
		    BW_SIGV4_EXPIRES_MAX_S);
	return BW_OK;
}

static enum bw_err query_parse(const struct bw_str found[QUERY], const struct bw_str headers[HEADERS],
    struct bw_arena *arena, struct bw_sigv4 *s, struct bw_sigv4_fault *fault)
{
	if (!bw_str_eq(found[Q_ALGORITHM], bw_str_c(algorithm)))
		return sigv4_refuse(fault, "MissingAuthenticationToken", 403, "Missing Authentication Token");
	TRY(query_missing(found, arena, fault));
	if ((bw_str_set(found[Q_TOKEN]) && bw_str_set(headers[AMZ_TOKEN])) ||
	    (bw_str_set(found[Q_CONTENT]) && bw_str_set(headers[AMZ_CONTENT])))
		return nonconforming(fault);
	s->signature = found[Q_SIGNATURE];
	s->signed_headers = found[Q_SIGNED_HEADERS];
	s->token = bw_str_set(found[Q_TOKEN]) ? found[Q_TOKEN] : headers[AMZ_TOKEN];
	s->payload_hash = bw_str_set(found[Q_CONTENT]) ? found[Q_CONTENT] : headers[AMZ_CONTENT];
	TRY(date_parse(found[Q_DATE], false, s, arena, fault));
	TRY(expires_check(found[Q_EXPIRES], fault));
	return credential_parse(found[Q_CREDENTIAL], s, fault);
}

/* ---- Either ---- */

static enum bw_err form_find(const struct bw_http_request *r, const struct bw_str headers[HEADERS],
    struct bw_str query[QUERY], struct bw_arena *arena, struct bw_sigv4 *s, struct bw_sigv4_fault *fault)
{
	bool twice = false;

	if (query_gather(r->query, arena, query, &twice) != BW_OK)
		return sigv4_refuse(
		    fault, "MalformedQueryString", 404, "The query string contains a syntax error.");
	if (bw_str_starts(headers[AUTHORIZATION], BW_STR("AWS4-")))
		s->form = BW_SIGV4_HEADER;
	if (!bw_str_set(query[Q_ALGORITHM]))
		return BW_OK;
	if (bw_str_set(headers[AUTHORIZATION]))
		return sigv4_refuse(fault, "SignatureDoesNotMatch", 403,
		    "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP "
		    "header.");
	s->form = BW_SIGV4_QUERY;
	return twice ? nonconforming(fault) : BW_OK;
}

static enum bw_err parse(
    const struct bw_http_request *r, struct bw_arena *arena, struct bw_sigv4 *s, struct bw_sigv4_fault *fault)
{
	struct bw_str headers[HEADERS], query[QUERY] = {0};

	TRY(headers_gather(r, headers, fault));
	TRY(form_find(r, headers, query, arena, s, fault));
	if (s->form == BW_SIGV4_NONE)
		return BW_OK;
	if (s->form == BW_SIGV4_HEADER)
		TRY(header_parse(headers, arena, s, fault));
	else
		TRY(query_parse(query, headers, arena, s, fault));
	TRY(scope_date_check(s, fault));
	return signed_headers_check(s, r, fault);
}

enum bw_err bw_sigv4_parse(const struct bw_http_request *r, struct bw_arena *arena, struct bw_sigv4 *out,
    struct bw_sigv4_fault *fault)
{
	*out = (struct bw_sigv4){0};
	return parse(r, arena, out, fault) == BW_OK ? BW_OK : BW_EINVAL;
}
