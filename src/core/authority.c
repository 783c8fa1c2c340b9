#include "core/authority.h"

#include "core/entity.h"

extern const struct bw_authority_keeper *const __start_bw_authority_keepers[] __attribute__((weak));
extern const struct bw_authority_keeper *const __stop_bw_authority_keepers[] __attribute__((weak));

const struct bw_authority_keeper *bw_authority_keeper(struct bw_str arn)
{
	size_t n = __start_bw_authority_keepers
	               ? (size_t)(__stop_bw_authority_keepers - __start_bw_authority_keepers)
	               : 0;
	struct bw_arn parts;

	if (bw_arn_parse(arn, &parts) != BW_OK)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (bw_str_eq(parts.service, bw_str_c(__start_bw_authority_keepers[i]->service)))
			return __start_bw_authority_keepers[i];
	return NULL;
}
