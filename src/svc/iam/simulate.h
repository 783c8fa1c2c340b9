/* Simulations of policies: what is asked (simulate_ask.c), which policies bear on it (simulate_source.c), and
 * the answers (simulate.c). Thread, memory and errors as in iam.h. */
#pragma once

#include "svc/iam/iam_policy.h"

/* Where a statement stands, as AWS counts: from behind what precedes it to behind its end. */
struct iam_sim_place {
	struct bw_policy_place start, end;
};

/* A policy of the simulation with what answers say of it. */
struct iam_sim_source {
	struct bw_str id, type;
	struct iam_sim_place *places; /* of its statements */
};

/* A layer that grows: references and sources side by side. */
struct iam_sim_list {
	struct bw_policy_ref *refs;
	struct iam_sim_source *sources;
	size_t n, room;
};

/* The three ways in which a resource policy may be meant; the action tells. */
enum { IAM_SIM_OF_RESOURCE, IAM_SIM_OF_ROLE, IAM_SIM_OF_KEY, IAM_SIM_WAYS };

struct iam_sim {
	struct bw_call *call;
	struct iam_sim_list identity, boundary, resource;
	bool has_boundary;
	struct iam_sim_list
	    given[IAM_SIM_WAYS]; /* the resource policy, read once each way that is asked for */
	struct bw_str resource_policy, owner_account; /* as given; absent: none */
	struct bw_policy_request request;             /* who asks, and the context */
	bool known;                                   /* it is known who asks */
	struct bw_context_key *keys;
	size_t key_count, key_room;
	struct bw_strs missing; /* keys that the policies mention and nobody gave */
};

/* ---- simulate_source.c ---- */

/* Adds a document. InvalidInput when it is not one of that kind. */
BW_CHECKED enum bw_err iam_sim_add(struct iam_sim *s, struct iam_sim_list *list, struct bw_str document,
    enum bw_policy_kind kind, struct bw_str id, struct bw_str type);
/* Documents of an input list, named NAME.1, NAME.2 ... */
BW_CHECKED enum bw_err iam_sim_add_all(struct iam_sim *s, struct iam_sim_list *list,
    const struct iam_SimulationPolicyListType *documents, enum bw_policy_kind kind, const char *name);
/* Everything that a user, group or role has attached, and who it makes the asker. */
BW_CHECKED enum bw_err iam_sim_add_principal(struct iam_sim *s, struct bw_str arn);
/* The policy of one resource as it bears on one action: the one given, or the trust policy of a role of the
 * account.
 * `*must_allow`: identity policies help only where it lets them. */
BW_CHECKED enum bw_err iam_sim_resource(
    struct iam_sim *s, struct bw_str action, struct bw_str resource, bool *must_allow);

/* ---- simulate_ask.c ---- */

BW_CHECKED enum bw_err iam_sim_actions_check(
    struct bw_call *call, const struct iam_ActionNameListType *actions);
BW_CHECKED enum bw_err iam_sim_resources_check(
    struct bw_call *call, const struct iam_ResourceNameListType *resources, struct bw_str handling);
BW_CHECKED enum bw_err iam_sim_context(struct iam_sim *s, const struct iam_ContextEntryListType *entries);
/* Who asks and whose the resources are. */
BW_CHECKED enum bw_err iam_sim_caller(struct iam_sim *s, struct bw_str caller_arn);
BW_CHECKED enum bw_err iam_sim_owner(struct iam_sim *s, struct bw_str owner_arn);
/* A key that follows from who asks; what was given stands. */
void iam_sim_fill(struct iam_sim *s, const char *name, struct bw_str value);
/* The keys that the policies mention and the request does not have. */
void iam_sim_missing_find(struct iam_sim *s);
