/* Who calls: a principal with its credentials, attributes and policies, resolved once and kept until what it was made
 * from changes. */
#pragma once

#include "policy/policy.h"
#include "store/record.h"

struct bw_caller {
	enum bw_principal_kind kind;
	struct bw_str account;        /* 12 digits */
	struct bw_str arn;            /* user ARN, root ARN, assumed-role ARN, federated-user ARN */
	struct bw_str id;             /* aws:userid and UserId: AIDA..., account for root, AROA...:session, account:name */
	struct bw_str name;           /* user name, role name; absent for root */
	struct bw_str entity_id;      /* AIDA... or AROA... alone */
	struct bw_str issuer_arn;     /* of a session: its role's ARN, with its path, or that of the user who federated; else absent */
	struct bw_str session_name;
	struct bw_str key_id;
	struct bw_str source_identity;
	struct bw_pairs tags;         /* principal tags: the user's or role's, overlaid by session tags */
	struct bw_strs transitive;    /* keys of session tags that go along when roles are chained */
	struct bw_pairs session_tags; /* as passed */
	struct bw_str provider;       /* whose token it was: of who shows one, and of a session that came of one */
	struct bw_pairs claims;       /* of it, by the names of their condition keys */
	struct bw_strs amr;
	bool temporary;               /* session credentials */
	bool chained;                 /* a role session: AssumeRole from it lasts an hour at most */
	bool federation_token;        /* from GetFederationToken */
	bool session_token;           /* from GetSessionToken */
	bool mfa;
	int64_t mfa_ms;               /* when the factor was shown */
	int64_t issued_ms, expires_ms;
	bool service_linked_role;
	struct bw_policy_list identity, boundary, session;
	bool has_boundary, has_session;
};
