/* A second evaluator, written straight from the guide with no thought of speed: documents stay JSON trees and
 * are read again for every question. It shares nothing with src/policy but the types of policy.h and the JSON
 * reader. */
#pragma once

#include "codec/json.h"
#include "policy/policy.h"

struct naive_document {
	struct bw_str id;
	enum bw_policy_kind kind;
	struct bw_json_value root;
};

struct naive_list {
	const struct naive_document *v;
	size_t n;
};

struct naive_layers {
	struct naive_list identity, resource, boundary, session, vpce;
	bool has_boundary, has_session, has_vpce, resource_must_allow;
	const struct naive_list *scps, *rcps;
	size_t scp_levels, rcp_levels;
};

struct bw_verdict naive_evaluate(const struct naive_layers *l, const struct bw_policy_request *r);

/* naive_value.c */
typedef const struct bw_json_value *json;

bool naive_is(struct bw_str a, const char *b);
bool naive_same_nocase(struct bw_str a, struct bw_str b);
/* One value or a list of them. */
size_t naive_many(json v);
json naive_nth(json v, size_t i);
json naive_get(json object, const char *name);
size_t naive_parts(struct bw_str s, bool variables, struct bw_str out[6]);
bool naive_action_like(struct bw_str pattern, struct bw_str action);
bool naive_arn_like(
    struct bw_str pattern, bool padded, bool variables, struct bw_str s, const struct bw_policy_request *r);
bool naive_conditions(json condition, bool variables, const struct bw_policy_request *r);

/* naive_operand.c: false when either text is none of its kind. */
bool naive_numbers(struct bw_str found, struct bw_str want, int *order);
/* Milliseconds since 1970. */
bool naive_moment(struct bw_str s, __int128 *out);
bool naive_in_network(struct bw_str found, struct bw_str want);
bool naive_written_as(struct bw_str bytes, struct bw_str base64);
