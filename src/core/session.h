/* Temporary credentials: the session token is the session, sealed. Issuing one writes nothing; it dies with its expiry,
 * with the principal it was made from, or with the root key. */
#pragma once

#include "store/record.h"
#include "store/store.h"

struct bw_session {
	int64_t kind;              /* enum bw_principal_kind: USER (GetSessionToken), ROLE, FEDERATED, ROOT */
	struct bw_str key_id, secret, account;
	struct bw_str name;        /* user or role name; absent for root */
	struct bw_str entity_id;   /* AIDA or AROA: a recreated namesake is not the same */
	struct bw_str session_name; /* RoleSessionName or the federated name */
	int64_t issued_ms, expires_ms;
	struct bw_str policy;      /* inline session policy */
	struct bw_strs policy_arns;
	struct bw_pairs tags;
	struct bw_strs transitive;
	struct bw_str source_identity;
	bool mfa;
	int64_t mfa_ms;
	/* AssumeRoleWithWebIdentity: whose token it was, and what of it stays a condition key (URL:sub, URL:aud; URL:amr) */
	struct bw_str provider;
	struct bw_pairs claims;
	struct bw_strs amr;
};

struct bw_sessions; /* the sealing key and its midstates; shared by all threads */
struct bw_sessions *bw_sessions_new(const struct bw_store *store);
void bw_sessions_free(struct bw_sessions *s);

/* Fills key_id and secret, and seals: the token's text in the arena. BW_ETOOBIG past BW_SESSION_TOKEN_MAX. Any thread. */
BW_CHECKED enum bw_err bw_session_issue(struct bw_sessions *s, struct bw_session *session, struct bw_arena *arena,
    struct bw_str *token);
/* Opens a token. BW_ECORRUPT when it is not ours or does not belong to key_id. Expiry is the caller's to check. */
BW_CHECKED enum bw_err bw_session_open(struct bw_sessions *s, struct bw_str key_id, struct bw_str token,
    struct bw_arena *arena, struct bw_session *out);
/* The size of a session's packed policies and tags in per cent of their ceiling: PackedPolicySize. */
int64_t bw_session_packed_percent(const struct bw_session *session);

/* Encoded authorisation messages: sealed JSON as text, which opens in the account of who was denied alone. */
BW_CHECKED enum bw_err bw_message_seal(
    struct bw_sessions *s, struct bw_str account, struct bw_str json, struct bw_arena *arena, struct bw_str *text);
BW_CHECKED enum bw_err bw_message_open(
    struct bw_sessions *s, struct bw_str account, struct bw_str text, struct bw_arena *arena, struct bw_str *json);

/* What tells a place in a list that we gave out from any other text: as short as a guess in billions allows, for AWS's models bound markers. */
enum { BW_MARKER_MAC = 8 };
void bw_marker_mac(const struct bw_sessions *s, struct bw_str account, struct bw_str list, struct bw_str text,
    struct bw_arena *arena, char mac[BW_MARKER_MAC]);
