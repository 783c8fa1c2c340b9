/* Asking policies in tests: documents with ' for ", contexts as "key=value;key@=a|b". */
#pragma once

#include "policy/policy.h"
#include "test.h"

#define ACCOUNT    "123456789012"
#define OTHER      "999999999999"
#define USER_ARN   "arn:aws:iam::" ACCOUNT ":user/bob"
#define ROLE_ARN   "arn:aws:iam::" ACCOUNT ":role/team/builder"
#define SESSION    "arn:aws:sts::" ACCOUNT ":assumed-role/builder/s1"
#define FEDERATED  "arn:aws:sts::" ACCOUNT ":federated-user/feb"
#define ROOT_ARN   "arn:aws:iam::" ACCOUNT ":root"
#define BUCKET_ARN "arn:aws:s3:::bucket/key"

enum { KEYS_MAX = 16, VALUES_MAX = 8 };

struct asking {
	struct bw_arena arena;
	struct bw_policy *policies[32];
	size_t policy_count;
	struct bw_context_key keys[KEYS_MAX];
	struct bw_policy_request request;
	struct bw_policy_layers layers;
	struct bw_policy_list levels[8];
};

/* bob asks for s3:GetObject on BUCKET_ARN of his account. */
void asking_begin(struct asking *a);
void asking_end(struct asking *a);
/* `text` with ' turned into " and ` into '. */
struct bw_str quoted(struct bw_arena *arena, const char *text);
struct bw_policy *policy_of(struct asking *a, enum bw_policy_kind kind, const char *text);
/* A list of one document named `id`. */
struct bw_policy_list list_of(struct asking *a, enum bw_policy_kind kind, const char *id, const char *text);
/* Two lists after each other. */
struct bw_policy_list list_join(struct asking *a, struct bw_policy_list x, struct bw_policy_list y);
/* "aws:username=bob;aws:TagKeys@=a|b"; "key@" has no value, "key@=" one empty value. */
void context_of(struct asking *a, const char *text);
void ask_as(struct asking *a, enum bw_principal_kind kind, const char *arn);
struct bw_verdict ask(struct asking *a);

#define assert_verdict(a, want_decision, want_layer)                                                         \
	do {                                                                                                 \
		struct bw_verdict v_ = ask(a);                                                               \
		if (v_.decision != (want_decision) || v_.layer != (want_layer))                              \
			fail_msg("decision %d layer %d, want %d %d", v_.decision, v_.layer, want_decision,   \
			    want_layer);                                                                     \
	} while (0)
