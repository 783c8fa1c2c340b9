/* What the two dialects of refusal share: IAM's own validator, and the one of policies that stand at
 * resources. */
#pragma once

#include "policy/form.h"

/* Elements that may be one value or a list of them are read alike. */
static inline size_t list_count(const struct bw_json_value *v)
{
	return !v ? 0 : v->kind == BW_JSON_ARRAY ? v->count : 1;
}

static inline const struct bw_json_value *list_at(const struct bw_json_value *v, size_t i)
{
	return v->kind == BW_JSON_ARRAY ? &v->values[i] : v;
}

#define STATEMENT_ELEMENTS                                                                                   \
	BW_STR("Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition")

/* The text of a string, number or boolean. */
struct bw_str scalar_text(const struct bw_json_value *v);

/* Absent, a string, or a list of strings. */
bool is_strings(const struct bw_json_value *v);
/* Absent or a string. */
bool is_string(const struct bw_json_value *v);
bool is_version(const struct bw_json_value *v);
/* The first member whose name is not in `names` (separated by spaces), or NULL. */
const struct bw_str *member_unknown(const struct bw_json_value *object, struct bw_str names);
/* Absent, or operators over keys over values, every operator with keys known. */
bool is_condition(const struct bw_json_value *v);
/* One name more; false when it was there. Empty names do not count. */
bool sid_add(struct names *seen, const struct bw_json_value *sid);
/* "service:name" or "*". */
BW_CHECKED enum bw_err actions_check(struct compiler *c, const struct bw_json_value *actions);

BW_CHECKED enum bw_err identity_check(struct compiler *c, const struct bw_json_value *root);
BW_CHECKED enum bw_err resource_check(struct compiler *c, const struct bw_json_value *root);
