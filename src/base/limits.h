/* Every ceiling of the program on one screen, each with its reason. Bytes unless the name says otherwise. */
#pragma once

enum {
	BW_HTTP_HEAD_MAX = 64 * 1024,       /* a presigned URL with a session token plus headers fits; AWS answers 4xx above 16 to 64 KiB */
	BW_HTTP_HEADERS_MAX = 100,          /* header lines a request; SDKs send about 15 */
	BW_HTTP_BODY_MAX = 1024 * 1024,     /* the largest legal control-plane body: IAM role with ten policies, well below */
	BW_HTTP_HEAD_TIMEOUT_MS = 10000,    /* a slow sender may hold a slot this long before its head is whole */
	BW_HTTP_BODY_TIMEOUT_MS = 30000,    /* and this long before its body is */
	BW_HTTP_IDLE_TIMEOUT_MS = 65000,    /* SDKs keep connections for up to a minute */
	BW_HTTP_REQUESTS_PER_CONNECTION = 1000000, /* then the connection is closed, so that counters cannot wrap */
	BW_CONNECTIONS_MAX = 10000,         /* per process; at about 20 KiB idle each */
	BW_CONNECTIONS_PER_ADDRESS = 4096,  /* one client cannot take every slot */
	BW_RESPONSE_MAX = 16 * 1024 * 1024, /* GetAccountAuthorizationDetails pages stay far below */
	BW_CALL_ARENA_MAX = 64 * 1024 * 1024, /* one call's working memory */
	BW_JSON_DEPTH_MAX = 64,             /* nesting of JSON from outside */
	BW_FORM_FIELDS_MAX = 4096,          /* key=value pairs of a query body */
	BW_LIST_ITEMS_MAX = 10000,          /* elements of one list in an input */
	BW_SHAPE_DEPTH_MAX = 32,            /* nesting of a typed input or output */
	BW_POLICY_TEXT_MAX = 160 * 1024,    /* AWS's longest of its own, AWSSupportServiceRolePolicy, has 139,749 bytes */
	BW_STORE_KEY_MAX = 500,             /* LMDB's default is 511 */
	BW_STORE_VALUE_MAX = 1024 * 1024,   /* one record */
	BW_STORE_BATCH_OPS_MAX = 4096,      /* puts, deletes and counts of one call */
	BW_STORE_QUEUE_MAX = 8192,          /* calls waiting for the committer, then callers are throttled */
	BW_COMMIT_RETRIES = 32,             /* how often the gate re-runs a handler whose reads have changed */
	BW_SIGV4_SKEW_MS = 15 * 60 * 1000,  /* the guide says five minutes; STS's own answers name 15 ("... - 15 min.": aws/aws-cli#6676), presigned or not (aws/aws-sdk-go#2167) */
	BW_SIGV4_SKEW_KMS_MS = 5 * 60 * 1000, /* KMS's name 5 */
	BW_SIGV4_EXPIRES_MAX_S = 7 * 24 * 3600, /* X-Amz-Expires of a presigned request */
	BW_SESSION_TOKEN_MAX = 16 * 1024,   /* a sealed session with policies and tags */
	BW_CALLS_PER_ACCOUNT_S = 100000,    /* sustained calls a second of one account before Throttling; a ceiling, not a quota */
	BW_TRAIL_BLOCK_MAX = 256 * 1024,    /* audit records gathered before they are compressed and sealed */
	BW_TRAIL_FLUSH_MS = 200,            /* and the longest a record waits in memory */
	BW_TRAIL_SEGMENT_MAX = 4 * 1024 * 1024, /* then a new segment file is begun; a start hashes the newest one whole: some 4 ms */
};
