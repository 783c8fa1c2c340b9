/* Identity providers as stored. They live below the services because svc/iam registers them and what
 * federates asks them. */
#pragma once

#include "core/entity.h"

struct bw_oidc_provider {
	struct bw_str url; /* without "https://", as its ARN has it */
	int64_t created_ms;
	struct bw_strs clients, thumbprints;
	struct bw_pairs tags;
};
extern const struct bw_record bw_oidc_provider_record;

/* "host/path" of a provider's ARN, borrowed. */
struct bw_str bw_provider_url(struct bw_str arn);
/* "host/path" -> the record's key. Keys do not tell case apart: the record says how the URL is really
 * spelled. */
struct bw_str bw_oidc_provider_key(struct bw_arena *a, struct bw_str account, struct bw_str url);
