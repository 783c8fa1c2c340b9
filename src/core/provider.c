#include "core/provider.h"

static const struct bw_field oidc_fields[] = {
    BW_FIELD(1, STR, struct bw_oidc_provider, url),
    BW_FIELD(2, I64, struct bw_oidc_provider, created_ms),
    BW_FIELD(3, STRS, struct bw_oidc_provider, clients),
    BW_FIELD(4, STRS, struct bw_oidc_provider, thumbprints),
    BW_FIELD(5, PAIRS, struct bw_oidc_provider, tags),
};
const struct bw_record bw_oidc_provider_record =
    BW_RECORD("oidc-provider", struct bw_oidc_provider, oidc_fields);

struct bw_str bw_oidc_provider_key(struct bw_arena *a, struct bw_str account, struct bw_str url)
{
	return bw_entity_key(a, account, "oidc-provider", url);
}

struct bw_str bw_provider_url(struct bw_str arn)
{
	static const struct bw_str prefix = {"oidc-provider/", 14};
	struct bw_arn parts;

	if (bw_arn_parse(arn, &parts) != BW_OK || !bw_str_starts(parts.resource, prefix))
		return BW_STR("");
	return bw_str_sub(parts.resource, prefix.n, arn.n);
}
