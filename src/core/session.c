#include "core/session.h"

#include "codec/base64.h"
#include "core/entity.h"
#include "crypto/crypto.h"

static const struct bw_field session_fields[] = {
    BW_FIELD(1, I64, struct bw_session, kind),
    BW_FIELD(2, STR, struct bw_session, key_id),
    BW_FIELD(3, STR, struct bw_session, secret),
    BW_FIELD(4, STR, struct bw_session, account),
    BW_FIELD(5, STR, struct bw_session, name),
    BW_FIELD(6, STR, struct bw_session, entity_id),
    BW_FIELD(7, STR, struct bw_session, session_name),
    BW_FIELD(8, I64, struct bw_session, issued_ms),
    BW_FIELD(9, I64, struct bw_session, expires_ms),
    BW_FIELD(10, STR, struct bw_session, policy),
    BW_FIELD(11, STRS, struct bw_session, policy_arns),
    BW_FIELD(12, PAIRS, struct bw_session, tags),
    BW_FIELD(13, STRS, struct bw_session, transitive),
    BW_FIELD(14, STR, struct bw_session, source_identity),
    BW_FIELD(15, BOOL, struct bw_session, mfa),
    BW_FIELD(16, I64, struct bw_session, mfa_ms),
    BW_FIELD(17, STR, struct bw_session, provider),
    BW_FIELD(18, PAIRS, struct bw_session, claims),
    BW_FIELD(19, STRS, struct bw_session, amr),
};
static const struct bw_record session_record = BW_RECORD("session", struct bw_session, session_fields);

/* A message is at most this long before it is sealed. */
enum { MESSAGE_MAX = 64 * 1024 };
/* IAM and STS quotas: a session's packed policies and tags may take this many bytes. */
enum { PACKED_MAX = 4096 };

struct bw_sessions {
	struct bw_aead_key *tokens, *messages;
	struct bw_hmac_key markers;
};

static struct bw_aead_key *key_for(const struct bw_store *store, struct bw_str purpose)
{
	unsigned char key[32];
	struct bw_aead_key *k;

	bw_store_derive(store, purpose, key);
	k = bw_aead_key_new(key);
	bw_wipe(key, sizeof key);
	return k;
}

struct bw_sessions *bw_sessions_new(const struct bw_store *store)
{
	struct bw_sessions *s = bw_alloc(sizeof *s);
	unsigned char key[32];

	s->tokens = key_for(store, BW_STR("session-token"));
	s->messages = key_for(store, BW_STR("authorization-message"));
	bw_store_derive(store, BW_STR("page-marker"), key);
	bw_hmac_key(&s->markers, bw_str_make(key, sizeof key));
	bw_wipe(key, sizeof key);
	return s;
}

void bw_sessions_free(struct bw_sessions *s)
{
	if (!s)
		return;
	bw_aead_key_free(s->tokens);
	bw_aead_key_free(s->messages);
	bw_wipe(&s->markers, sizeof s->markers);
	bw_free(s);
}

static enum bw_err seal_text(struct bw_aead_key *key, struct bw_str aad, struct bw_str plain, size_t max,
    struct bw_arena *arena, struct bw_str *text)
{
	struct bw_buf sealed, encoded;

	bw_buf_init(&sealed, max + BW_AEAD_OVERHEAD);
	bw_buf_init(&encoded, 2 * max);
	bw_aead_seal(key, aad, plain, &sealed);
	bw_base64_encode(bw_buf_str(&sealed), &encoded);
	*text = bw_arena_str(arena, bw_buf_str(&encoded));
	bw_buf_free(&sealed);
	bw_buf_free(&encoded);
	return sealed.failed || encoded.failed ? BW_ETOOBIG : BW_OK;
}

static enum bw_err open_text(struct bw_aead_key *key, struct bw_str aad, struct bw_str text, struct bw_arena *arena,
    struct bw_str *plain)
{
	struct bw_str sealed;

	CHECK(bw_base64_decode(text, arena, &sealed) == BW_OK, BW_ECORRUPT);
	return bw_aead_open(key, aad, sealed, arena, plain);
}

enum bw_err bw_session_issue(struct bw_sessions *s, struct bw_session *session, struct bw_arena *arena, struct bw_str *token)
{
	struct bw_buf record;
	enum bw_err e;

	session->key_id = bw_id_make(arena, "ASIA", session->account);
	session->secret = bw_secret_make(arena);
	bw_buf_init(&record, BW_SESSION_TOKEN_MAX);
	bw_record_encode(&session_record, session, &record);
	e = record.failed ? BW_ETOOBIG
	                  : seal_text(s->tokens, session->key_id, bw_buf_str(&record), BW_SESSION_TOKEN_MAX, arena, token);
	bw_buf_free(&record);
	return e;
}

enum bw_err bw_session_open(struct bw_sessions *s, struct bw_str key_id, struct bw_str token, struct bw_arena *arena,
    struct bw_session *out)
{
	struct bw_str plain;

	CHECK(token.n <= 2 * BW_SESSION_TOKEN_MAX, BW_ECORRUPT);
	TRY(open_text(s->tokens, key_id, token, arena, &plain));
	TRY(bw_record_decode(&session_record, plain, arena, out));
	CHECK(bw_str_eq(out->key_id, key_id), BW_ECORRUPT);
	return BW_OK;
}

int64_t bw_session_packed_percent(const struct bw_session *session)
{
	size_t bytes = session->policy.n;

	for (size_t i = 0; i < session->policy_arns.n; i++)
		bytes += session->policy_arns.v[i].n;
	for (size_t i = 0; i < session->tags.n; i++)
		bytes += session->tags.v[i].key.n + session->tags.v[i].value.n;
	return bytes ? (int64_t)(bytes * 100 / PACKED_MAX + 1) : 0;
}

enum bw_err bw_message_seal(
    struct bw_sessions *s, struct bw_str account, struct bw_str json, struct bw_arena *arena, struct bw_str *text)
{
	return seal_text(s->messages, account, json, MESSAGE_MAX, arena, text);
}

enum bw_err bw_message_open(
    struct bw_sessions *s, struct bw_str account, struct bw_str text, struct bw_arena *arena, struct bw_str *json)
{
	return open_text(s->messages, account, text, arena, json);
}

void bw_marker_mac(const struct bw_sessions *s, struct bw_str account, struct bw_str list, struct bw_str text,
    struct bw_arena *arena, char mac[BW_MARKER_MAC])
{
	unsigned char whole[32];

	bw_hmac(&s->markers, BW_JOIN(arena, account, BW_STR("\n"), list, BW_STR("\n"), text), whole);
	memcpy(mac, whole, BW_MARKER_MAC);
}
