/* What the reports of last access share: which services a policy grants, and who has attempted what. Thread,
 * memory and errors as in iam.h. */
#pragma once

#include "svc/iam/iam_policy.h"

/* ---- Namespaces (access_grant.c) ---- */

/* The prefixes of actions that the models know, sorted, each once: "acm", "ec2", "iam" ... */
void iam_namespaces(struct bw_call *call, struct bw_strs *out);
/* AWS's name of one (Service Authorization Reference): "AWS Key Management Service". */
struct bw_str iam_namespace_name(struct bw_str prefix);
/* Whether some statement of the document allows some action of that prefix, by Action or NotAction; what it
 * denies, on which resources and under which conditions does not count, as AWS lists what can be reached. */
BW_CHECKED enum bw_err iam_document_grants(
    struct bw_call *call, struct bw_str document, struct bw_str prefix, bool *grants);

/* ---- The record of attempts (access_record.c) ---- */

/* AWS's tracking period: IAM User Guide, "Refine permissions using last accessed information". */
enum { IAM_TRACKED_DAYS = 400 };

/* Calls `each` for what an entity attempted in the tracking period: "iam/CreateUser". */
BW_CHECKED enum bw_err iam_access_each(struct bw_call *call, struct bw_str entity_id,
    void (*each)(void *ctx, struct bw_str action, const struct bw_access *access), void *ctx);
/* The attempts of a deleted entity go as soon as none of them can be on its way any more. */
void iam_access_forget(struct bw_call *call, struct bw_str entity_id);

/* ---- Whom a report is about (access_subject.c) ---- */

/* USER, GROUP or ROLE. */
struct bw_str iam_holder_type(const struct iam_holder *h);
/* iam_holder_find of this account's, with NoSuchEntity in words. */
BW_CHECKED enum bw_err iam_access_holder(struct bw_call *call, struct bw_str arn, struct iam_holder *h);

struct iam_access_entity {
	struct bw_str arn, name, id, path, type;
	int64_t when_ms; /* of the newest attempt at the service asked for; 0: none */
};

struct iam_access_subject {
	struct bw_call *call;
	struct bw_strs documents;
	struct iam_access_entity *entities; /* who could have used them */
	size_t n, room;
};
/* A user or role with its own policies and those of its groups, a group with its members, a managed policy
 * with whoever has it attached, through groups too. `s` is zeroed but for the call. NoSuchEntity,
 * InvalidInput for what is no ARN. */
BW_CHECKED enum bw_err iam_access_subject_load(struct iam_access_subject *s, struct bw_str arn);
/* Whether one of its documents grants the service. */
BW_CHECKED enum bw_err iam_access_subject_grants(
    struct iam_access_subject *s, struct bw_str prefix, bool *grants);
