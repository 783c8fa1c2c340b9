/* AWS-managed policies ("arn:aws:iam::aws:policy/AdministratorAccess" ...): data inside the program, sorted
 * by name. A document is unpacked only when asked for. Pure; any thread. */
#pragma once

#include "base/mem.h"

struct bw_managed {
	struct bw_str name, path, policy_id; /* borrowed from the program's data */
	uint32_t version;                    /* 5: the default version is "v5", the only one known */
	int64_t create_date_ms, update_date_ms;
	size_t index;
};

size_t bw_managed_count(void);
/* The policy at `index` in name order; `index` must be below the count. */
void bw_managed_at(size_t index, struct bw_managed *out);
/* By ARN or by bare name, both case-sensitive as IAM's names are. BW_ENOTFOUND when AWS has no such policy.
 */
BW_CHECKED enum bw_err bw_managed_find(struct bw_str arn_or_name, struct bw_managed *out);
/* "arn:aws:iam::aws:policy/service-role/Name". */
struct bw_str bw_managed_arn(const struct bw_managed *p, struct bw_arena *arena);
/* The policy document, compact JSON; lives in the arena. */
struct bw_str bw_managed_document(const struct bw_managed *p, struct bw_arena *arena);
