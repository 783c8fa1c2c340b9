#include "aws/sigv4_canonical.h"

#include "codec/hex.h"
#include "codec/time.h"

static enum bw_err mismatch(struct bw_sigv4_fault *fault)
{
	return sigv4_refuse(fault, "SignatureDoesNotMatch", 403,
	    "The request signature we calculated does not match the signature you provided. Check your AWS "
	    "Secret Access "
	    "Key and signing method. Consult the service documentation for details.");
}

/* ---- Signing keys ---- */

/* What a scope's signature is made with, and of which secret it was made. */
struct signing_key {
	struct bw_hmac_key hmac;
	unsigned char secret_hash[32];
};

static void signing_key_free(void *value)
{
	bw_wipe(value, sizeof(struct signing_key));
	bw_free(value);
}

static void hmac_once(struct bw_str key, struct bw_str bytes, unsigned char out[32])
{
	struct bw_hmac_key k;

	bw_hmac_key(&k, key);
	bw_hmac(&k, bytes, out);
	bw_wipe(&k, sizeof k);
}

/* IAM User Guide, "Create a signed AWS API request", step 4. */
static void signing_key_derive(struct bw_str secret, struct bw_str date, struct bw_str region,
    struct bw_str service, struct bw_hmac_key *out)
{
	const struct bw_str steps[] = {region, service, BW_STR("aws4_request")};
	char *prefixed = bw_alloc(4 + secret.n);
	unsigned char key[32];

	memcpy(prefixed, "AWS4", 4);
	if (secret.n)
		memcpy(prefixed + 4, secret.p, secret.n);
	hmac_once(bw_str_make(prefixed, 4 + secret.n), date, key);
	bw_wipe(prefixed, 4 + secret.n);
	bw_free(prefixed);
	for (size_t i = 0; i < BW_COUNT(steps); i++)
		hmac_once(bw_str_make(key, sizeof key), steps[i], key);
	bw_hmac_key(out, bw_str_make(key, sizeof key));
	bw_wipe(key, sizeof key);
}

void bw_sigv4_cache_init(struct bw_sigv4_cache *c, size_t max_entries)
{
	bw_map_init(&c->map, max_entries, signing_key_free);
}

void bw_sigv4_cache_free(struct bw_sigv4_cache *c)
{
	bw_map_free(&c->map);
}

/* ---- Short texts on the stack ---- */

/* The longest is the string to sign: parsing has bounded key ids and the parts of scopes. */
struct text {
	char bytes[512];
	size_t n;
};

static void text_put(struct text *t, struct bw_str piece)
{
	MUST(piece.n <= sizeof t->bytes - t->n);
	if (piece.n)
		memcpy(t->bytes + t->n, piece.p, piece.n);
	t->n += piece.n;
}

static void text_put_scope(struct text *t, struct bw_str date, struct bw_str region, struct bw_str service)
{
	text_put(t, date);
	text_put(t, BW_STR("/"));
	text_put(t, region);
	text_put(t, BW_STR("/"));
	text_put(t, service);
}

static struct bw_str text_str(const struct text *t)
{
	return bw_str_make(t->bytes, t->n);
}

/* The signature, in hex, of the canonical request whose hash is given (same page, steps 3 and 5). */
static void signature_make(const struct bw_hmac_key *key, struct bw_str timestamp, struct bw_str region,
    struct bw_str service, const char canonical_hash[64], char hex[64])
{
	struct text t = {.n = 0};
	unsigned char mac[32];

	text_put(&t, BW_STR("AWS4-HMAC-SHA256\n"));
	text_put(&t, timestamp);
	text_put(&t, BW_STR("\n"));
	text_put_scope(&t, bw_str_sub(timestamp, 0, 8), region, service);
	text_put(&t, BW_STR("/aws4_request\n"));
	text_put(&t, bw_str_make(canonical_hash, 64));
	bw_hmac(key, text_str(&t), mac);
	bw_hex_encode(mac, sizeof mac, hex);
}

/* ---- Verifying ---- */

static struct bw_str stamp(int64_t ms, struct bw_arena *arena)
{
	struct bw_str text;
	struct bw_buf b;

	bw_buf_init(&b, 32);
	bw_time_put_basic(ms, &b);
	text = bw_arena_str(arena, bw_buf_str(&b));
	bw_buf_free(&b);
	return text;
}

static enum bw_err time_check(
    const struct bw_sigv4 *s, int64_t now_ms, struct bw_arena *arena, struct bw_sigv4_fault *fault)
{
	const int skew_ms = bw_str_eq(s->service, BW_STR("kms")) ? BW_SIGV4_SKEW_KMS_MS : BW_SIGV4_SKEW_MS;
	const int minutes = skew_ms / 60000;

	if (s->time_ms > now_ms + skew_ms)
		return sigv4_refuse(fault, "SignatureDoesNotMatch", 403,
		    "Signature not yet current: %.*s is still later than %.*s (%.*s + %d min.)",
		    BW_FMT(s->timestamp), BW_FMT(stamp(now_ms + skew_ms, arena)),
		    BW_FMT(stamp(now_ms, arena)), minutes);
	if (s->time_ms < now_ms - skew_ms)
		return sigv4_refuse(fault, "SignatureDoesNotMatch", 403,
		    "Signature expired: %.*s is now earlier than %.*s (%.*s - %d min.)", BW_FMT(s->timestamp),
		    BW_FMT(stamp(now_ms - skew_ms, arena)), BW_FMT(stamp(now_ms, arena)), minutes);
	return BW_OK;
}

/* What stands for the body in the canonical request. It is always the body's own hash, whatever the client
 * claims, so that the signature binds the bytes that will be read: STREAMING-... and foreign hashes cannot
 * match. */
static enum bw_err payload_check(const struct bw_sigv4 *s, struct bw_str body, bool allow_unsigned,
    char hex[64], struct bw_str *payload, struct bw_sigv4_fault *fault)
{
	unsigned char digest[32];

	*payload = s->payload_hash;
	if (allow_unsigned && bw_str_eq(*payload, BW_STR("UNSIGNED-PAYLOAD")))
		return BW_OK;
	bw_sha256(body, digest);
	bw_hex_encode(digest, sizeof digest, hex);
	*payload = bw_str_make(hex, 64);
	if (bw_str_set(s->payload_hash) && !bw_str_eq(s->payload_hash, *payload))
		return mismatch(fault);
	return BW_OK;
}

static bool signature_matches(
    const struct bw_hmac_key *key, const struct bw_sigv4 *s, const char canonical_hash[64])
{
	char hex[64];
	bool same;

	signature_make(key, s->timestamp, s->region, s->service, canonical_hash, hex);
	same = bw_str_eq_secret(bw_str_make(hex, sizeof hex), s->signature);
	bw_wipe(hex, sizeof hex); /* the right signature of a request that was not signed is worth having */
	return same;
}

/* A key enters the cache only after it has verified something: who has no secret cannot turn others' keys
 * out. */
static enum bw_err signature_check(const struct bw_sigv4 *s, struct bw_str secret,
    const char canonical_hash[64], struct bw_sigv4_cache *cache, struct bw_sigv4_fault *fault)
{
	unsigned char hash[32];
	struct signing_key *k;
	struct text name = {.n = 0};

	text_put(&name, s->key_id);
	text_put(&name, BW_STR("/"));
	text_put_scope(&name, s->date, s->region, s->service);
	bw_sha256(secret, hash);
	k = cache ? bw_map_get(&cache->map, text_str(&name)) : NULL;
	if (k && bw_str_eq_secret(bw_str_make(k->secret_hash, 32), bw_str_make(hash, 32)))
		return signature_matches(&k->hmac, s, canonical_hash) ? BW_OK : mismatch(fault);
	k = bw_alloc(sizeof *k);
	memcpy(k->secret_hash, hash, sizeof hash);
	signing_key_derive(secret, s->date, s->region, s->service, &k->hmac);
	if (!signature_matches(&k->hmac, s, canonical_hash)) {
		signing_key_free(k);
		return mismatch(fault);
	}
	if (cache)
		bw_map_put(&cache->map, text_str(&name), k);
	else
		signing_key_free(k);
	return BW_OK;
}

enum bw_err bw_sigv4_verify(const struct bw_sigv4 *sig, const struct bw_http_request *r, struct bw_str body,
    struct bw_str secret, int64_t now_ms, bool allow_unsigned_payload, struct bw_sigv4_cache *cache,
    struct bw_arena *arena, struct bw_sigv4_fault *fault)
{
	struct sigv4_canonical c = {.method = r->method,
	    .path = r->path,
	    .query = r->query,
	    .headers = r->headers,
	    .header_count = r->header_count,
	    .signed_headers = sig->signed_headers,
	    .presigned = sig->form == BW_SIGV4_QUERY};
	char payload[64], hash[64];

	MUST(sig->form != BW_SIGV4_NONE);
	TRY(time_check(sig, now_ms, arena, fault));
	TRY(payload_check(sig, body, allow_unsigned_payload, payload, &c.payload, fault));
	if (sigv4_canonical_hash(&c, arena, hash) != BW_OK)
		return mismatch(fault);
	return signature_check(sig, secret, hash, cache, fault);
}

enum bw_err bw_sigv4_check_scope(
    const struct bw_sigv4 *sig, struct bw_str service, struct bw_str region, struct bw_sigv4_fault *fault)
{
	bool bad_region = bw_str_set(region) && !bw_str_eq(sig->region, region);
	bool bad_service = !bw_str_eq(sig->service, service);
	const char *first = bad_region ? "Credential should be scoped to a valid region. " : "";

	if (!bad_service)
		return bad_region ? sigv4_refuse(fault, "SignatureDoesNotMatch", 403, "%s", first) : BW_OK;
	return sigv4_refuse(fault, "SignatureDoesNotMatch", 403,
	    "%sCredential should be scoped to correct service: '%.*s'. ", first, BW_FMT(service));
}

/* ---- Signing ---- */

static struct bw_str names_join(const struct bw_http_header *headers, size_t count, struct bw_arena *arena)
{
	struct bw_str names = BW_STR("");

	for (size_t i = 0; i < count; i++)
		if (i == 0 || !bw_str_eq(headers[i].name, headers[i - 1].name))
			names = bw_arena_printf(
			    arena, "%.*s%s%.*s", BW_FMT(names), i ? ";" : "", BW_FMT(headers[i].name));
	return names;
}

struct bw_str bw_sigv4_sign(struct bw_str key_id, struct bw_str secret, struct bw_str method,
    struct bw_str path, struct bw_str query, const struct bw_http_header *headers, size_t header_count,
    struct bw_str body, struct bw_str timestamp, struct bw_str region, struct bw_str service,
    struct bw_arena *arena)
{
	struct sigv4_canonical c = {
	    .method = method, .path = path, .query = query, .headers = headers, .header_count = header_count};
	struct bw_str date = bw_str_sub(timestamp, 0, 8);
	char payload[64], hash[64], signature[64];
	unsigned char digest[32];
	struct bw_hmac_key key;

	bw_sha256(body, digest);
	bw_hex_encode(digest, sizeof digest, payload);
	c.payload = bw_str_make(payload, sizeof payload);
	c.signed_headers = names_join(headers, header_count, arena);
	if (sigv4_canonical_hash(&c, arena, hash) != BW_OK)
		return BW_STR_NONE;
	signing_key_derive(secret, date, region, service, &key);
	signature_make(&key, timestamp, region, service, hash, signature);
	bw_wipe(&key, sizeof key);
	return bw_arena_printf(arena,
	    "AWS4-HMAC-SHA256 Credential=%.*s/%.*s/%.*s/%.*s/aws4_request, SignedHeaders=%.*s, "
	    "Signature=%.*s",
	    BW_FMT(key_id), BW_FMT(date), BW_FMT(region), BW_FMT(service), BW_FMT(c.signed_headers), 64,
	    signature);
}
