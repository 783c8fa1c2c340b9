/* What the files of Elastic Load Balancing share: the records, ARNs, loading with AWS's words, tags,
 * attributes. An operation is a block in the file of its resource. Everything runs on the call's own thread
 * and gives out memory of the call's arena; errors of the client are stated on the call (BW_EFAILED).
 *
 * Keys are "account/Region/elbv2/KIND/NAME". Names by kind:
 *   load-balancer, target-group, trust-store: the name
 *   listener: LB/ID, rule: LB/LISTENER/ID, target: GROUP/PORT/ID, revocation: STORE/ID
 * and the indices' entries:
 *   priority: LB/LISTENER/PRIORITY/ID, in five digits; the default rule's is "99999"
 *   use: GROUP/LB/LISTENER/RULE, which rules forward to a group
 *   group: LB/GROUP/LISTENER/RULE, which groups a load balancer's rules forward to
 *   trust: STORE/LB/LISTENER, which listeners verify clients by a trust store
 *   behind: LB/GROUP, which groups have the load balancer as their target */
#pragma once

#include "aws/pack.h"
#include "codec/cidr.h"
#include "core/core.h"
#include "core/entity.h"
#include "core/network.h"
#include "core/op.h"
#include "core/publish.h"
#include "gen/elbv2.h"

enum {
	ELB_PAGE_USUAL = 400, /* PageSize's maximum is also what a call without one gets */
	ELB_ID_DIGITS = 16,   /* hexadecimal, of every id in an ARN */
	ELB_DEFAULT_PRIORITY = 99999,
	ELB_LIST_MAX = 20000, /* records or entries that one call looks at together; then it is BW_ETOOBIG */
};

/* ---- Records ---- */

struct elb_load_balancer {
	struct bw_str name, id, type; /* type as ARNs spell it: "app", "net" */
	int64_t created_ms;
	struct bw_str packed;
	struct bw_pairs tags, attributes; /* attributes: those that were set */
	struct bw_str address;            /* where its listeners listen */
	struct bw_pairs interfaces;       /* subnet, network interface */
	int64_t capacity_units, capacity_ms, capacity_decreases;
	struct elbv2_LoadBalancer shape;
};

struct elb_target_group {
	struct bw_str name, id;
	int64_t created_ms;
	struct bw_str packed;
	struct bw_pairs tags, attributes;
	struct elbv2_TargetGroup shape;
};

struct elb_listener {
	struct bw_str id, load_balancer, load_balancer_id, type;
	struct bw_str packed;
	struct bw_pairs tags, attributes;
	struct bw_strs certificates; /* further ones, chosen by server name */
	struct bw_str default_rule;  /* its id */
	struct elbv2_Listener shape; /* without DefaultActions: those are the default rule's */
};

struct elb_rule {
	struct bw_str id, listener, load_balancer, load_balancer_id, type;
	int64_t priority;
	struct bw_str packed;
	struct bw_pairs tags;
	struct elbv2_Rule shape;
};

struct elb_target {
	struct bw_str id;
	int64_t port;
	struct bw_str zone; /* as registered; absent: found by its address */
	int64_t registered_ms, draining_ms;
};

struct elb_trust_store {
	struct bw_str name, id;
	int64_t created_ms;
	struct bw_pairs tags;
	struct bw_str bundle; /* PEM */
	int64_t certificates, next_revocation;
};

struct elb_revocation {
	int64_t id;
	struct bw_str content;
	int64_t entries;
};

/* How a record is kept: with the structure of the model packed beside its own fields. */
struct elb_kind {
	const struct bw_record *record;
	const struct bw_shape *const *shape; /* NULL: none */
	size_t packed_at, shape_at;
};
extern const struct elb_kind elb_load_balancer_kind, elb_target_group_kind, elb_listener_kind, elb_rule_kind,
    elb_target_kind, elb_trust_store_kind, elb_revocation_kind;

struct bw_str elb_key(struct bw_call *call, const struct elb_kind *k, struct bw_str name);
/* An index entry's key, or with `name` ending in '/' the prefix of several. */
struct bw_str elb_index(struct bw_call *call, const char *index, struct bw_str name);
/* BW_ENOTFOUND is for the caller to put in words. */
BW_CHECKED enum bw_err elb_load(struct bw_call *call, const struct elb_kind *k, struct bw_str name, void *to);
void elb_save(struct bw_call *call, const struct elb_kind *k, struct bw_str name, void *from);
void elb_delete(struct bw_call *call, const struct elb_kind *k, struct bw_str name);
BW_CHECKED enum bw_err elb_unpack(struct bw_arena *arena, const struct elb_kind *k, void *record);
/* Every record whose name begins with `prefix` (may be empty), in order, as an array of the record's struct.
 * In a write, none of them may change before it is committed. */
BW_CHECKED enum bw_err elb_all(
    struct bw_call *call, const struct elb_kind *k, struct bw_str prefix, void *array, size_t *n);
/* The names behind a prefix of an index, guarded likewise. */
BW_CHECKED enum bw_err elb_names(struct bw_call *call, struct bw_str prefix, struct bw_strs *out);

/* ---- ARNs ---- */

enum elb_arn_kind { ELB_LOAD_BALANCER, ELB_TARGET_GROUP, ELB_LISTENER, ELB_RULE, ELB_TRUST_STORE };

struct elb_arn {
	enum elb_arn_kind kind;
	bool here;              /* of the call's account and Region */
	struct bw_str type;     /* app, net, gwy */
	struct bw_str name, id; /* of the load balancer, target group or trust store */
	struct bw_str listener, rule;
};
/* BW_EINVAL: it has not the form of one of ours. */
BW_CHECKED enum bw_err elb_arn_parse(const struct bw_call *call, struct bw_str text, struct elb_arn *out);
/* The name of its record's key. */
struct bw_str elb_arn_name(struct bw_call *call, const struct elb_arn *a);
struct bw_str elb_load_balancer_arn(
    struct bw_call *call, struct bw_str type, struct bw_str name, struct bw_str id);
struct bw_str elb_named_arn(struct bw_call *call, const char *kind, struct bw_str name, struct bw_str id);
struct bw_str elb_listener_arn(struct bw_call *call, const struct elb_listener *l);
struct bw_str elb_rule_arn(struct bw_call *call, const struct elb_rule *r);
/* Sixteen random hexadecimal digits. */
struct bw_str elb_id(struct bw_call *call);

struct bw_str elb_listener_name(struct bw_call *call, const struct elb_listener *l);
struct bw_str elb_rule_name(struct bw_call *call, const struct elb_rule *r);

/* By ARN. ValidationError when it is none of the kind, *NotFound when there is none. */
BW_CHECKED enum bw_err elb_load_balancer_load(
    struct bw_call *call, struct bw_str arn, struct elb_load_balancer *out);
BW_CHECKED enum bw_err elb_target_group_load(
    struct bw_call *call, struct bw_str arn, struct elb_target_group *out);
BW_CHECKED enum bw_err elb_listener_load(struct bw_call *call, struct bw_str arn, struct elb_listener *out);
BW_CHECKED enum bw_err elb_rule_load(struct bw_call *call, struct bw_str arn, struct elb_rule *out);
BW_CHECKED enum bw_err elb_trust_store_load(
    struct bw_call *call, struct bw_str arn, struct elb_trust_store *out);
/* Of a loading by ARN in a call that AWS answers without the ARN, as those do that list: what it says there. */
BW_CHECKED enum bw_err elb_among(struct bw_call *call, enum elb_arn_kind kind, enum bw_err e);
/* The load balancer of a listener or rule. */
BW_CHECKED enum bw_err elb_owner_load(
    struct bw_call *call, struct bw_str name, struct elb_load_balancer *out);

/* ---- Rows: .resource and .keys ---- */

/* The entity whose ARN is the operation's own (LoadBalancerArn, TargetGroupArn, ListenerArn, RuleArn,
 * TrustStoreArn, ResourceArn), with its tags when it exists. */
BW_CHECKED enum bw_err elb_arn_resource(struct bw_call *call);
/* What a Create* makes: `pattern` is its ARN behind the account ("targetgroup/NAME/\*"). With Tags the call
 * needs the permission to tag, too. */
void elb_new_resource(struct bw_call *call, struct bw_str pattern);
/* Several: every one must be permitted, each by its own tags. */
BW_CHECKED enum bw_err elb_arns_resource(struct bw_call *call, const struct bw_str *arns, size_t n);
/* elasticloadbalancing:ListenerProtocol and SecurityPolicy of the input. */
BW_CHECKED enum bw_err elb_listener_keys(struct bw_call *call);

/* ---- Words ---- */

/* ValidationError, the commonest. */
#define elb_invalid(call, ...) bw_call_fail((call), "ValidationError", __VA_ARGS__)
/* What AWS has and this server has not: answered as 501. */
BW_CHECKED enum bw_err elb_not_built(struct bw_call *call, const char *what);
bool elb_is(struct bw_str s, const char *word);
/* One of the NULL-terminated words. */
bool elb_one_of(struct bw_str s, const char *const *words);
/* Names of load balancers and target groups: 32 letters, digits and hyphens, none of these at an end. `label`
 * begins the sentence, and `joint` is between characters and hyphens in it: "The load balancer", "and"; "Target group", "or". */
BW_CHECKED enum bw_err elb_name_check(
    struct bw_call *call, const char *label, const char *joint, struct bw_str name);

/* ---- Tags (tags.c) ---- */

extern const struct bw_quota elb_tags_quota;

BW_CHECKED enum bw_err elb_tags_set(
    struct bw_call *call, struct bw_pairs *tags, const struct elbv2_TagList *given);

/* ---- Attributes (attribute.c; the tables: attribute_table.c) ---- */

/* What an attribute may belong to. */
enum elb_attribute_of {
	ELB_OF_APP = 1 << 0, /* load balancer or listener of an application load balancer */
	ELB_OF_NET = 1 << 1,
	ELB_OF_HTTPS = 1 << 2,      /* listener attributes of HTTPS alone */
	ELB_OF_GROUP_HTTP = 1 << 3, /* target groups by protocol */
	ELB_OF_GROUP_TCP = 1 << 4,
	ELB_OF_GROUP_UDP = 1 << 5,
};

struct elb_attribute {
	const char *key, *usual;
	unsigned of;              /* enum elb_attribute_of */
	const char *const *words; /* the values it may have; NULL: a number or text */
	int64_t min, max;         /* of a number when max > 0 */
	bool off;                 /* "off" beside the numbers; "0" when min is above it */
	bool zero;
};
/* NULL-key-terminated. */
extern const struct elb_attribute elb_load_balancer_attributes[], elb_listener_attributes[],
    elb_target_group_attributes[];

/* The value in force: what was set, else `usual`. Absent: no such attribute for it. */
struct bw_str elb_attribute_value(
    const struct elb_attribute *table, unsigned of, const struct bw_pairs *set, const char *key);
/* Checks and sets one. `label`: "Load balancer", "Listener", "Target group". */
BW_CHECKED enum bw_err elb_attribute_set(struct bw_call *call, const char *label,
    const struct elb_attribute *table, unsigned of, struct bw_pairs *set, struct bw_str key,
    struct bw_str value);
unsigned elb_group_of(const struct elbv2_TargetGroup *g);
/* Whether the attribute has that value now. */
bool elb_group_has(const struct elb_target_group *g, const char *key, const char *value);
struct bw_pairs elb_group_attributes(struct bw_arena *a, const struct elb_target_group *g);
struct bw_pairs elb_load_balancer_attributes_all(struct bw_arena *a, const struct elb_load_balancer *lb);
struct bw_pairs elb_listener_attributes_all(struct bw_arena *a, const struct elb_listener *l);

/* ---- Quotas (quota.c) ---- */

extern const struct bw_quota elb_app_quota, elb_net_quota, elb_groups_quota, elb_targets_quota,
    elb_app_listeners_quota, elb_net_listeners_quota, elb_rules_quota, elb_app_groups_quota,
    elb_net_groups_quota, elb_app_certificates_quota, elb_net_certificates_quota, elb_condition_values_quota, elb_wildcards_quota,
    elb_app_action_groups_quota, elb_net_action_groups_quota, elb_trust_stores_quota, elb_revocations_quota, elb_trust_certificates_quota,
    elb_targets_of_app_quota, elb_targets_of_net_quota, elb_targets_of_zone_quota;

/* ---- Target groups and what uses them ---- */

/* ARNs of the load balancers that forward to the group; at most one, as AWS has it. */
BW_CHECKED enum bw_err elb_group_users(
    struct bw_call *call, struct bw_str group, struct elbv2_LoadBalancerArns *out);
/* The targets registered, those included whose draining has not ended by now. */
BW_CHECKED enum bw_err elb_group_targets(
    struct bw_call *call, const struct elb_target_group *g, struct elb_target **targets, size_t *n);
struct bw_str elb_target_name(
    struct bw_call *call, const struct elb_target_group *g, struct bw_str id, int64_t port);
/* That a load balancer's id stands among the targets of a group of type alb, or no longer does. */
void elb_behind_set(struct bw_call *call, const struct elb_target_group *g, struct bw_str id, bool behind);
/* Whether it is in a zone that the load balancer has not: then it gets nothing. */
bool elb_target_elsewhere(const struct elb_load_balancer *lb, const struct elb_target *t);
int64_t elb_group_drain_ms(const struct elb_target_group *g);

/* ---- Listeners and rules ---- */

/* The actions of a rule on a listener of the protocol: checked, normalised to what AWS answers (Order,
 * ForwardConfig beside TargetGroupArn, defaults), their target groups counted and bound to the load balancer.
 * `before`: the actions they replace, or NULL. */
BW_CHECKED enum bw_err elb_actions_check(struct bw_call *call, const struct elb_load_balancer *lb,
    struct bw_str protocol, struct elbv2_Actions *actions, const struct elbv2_Actions *before);
/* Several groups, and clients that do not stay with one of them. */
bool elb_forward_loose(const struct elbv2_ForwardActionConfig *f);
/* The rules that forward to the group, by the names of their records. */
BW_CHECKED enum bw_err elb_group_rules(struct bw_call *call, struct bw_str group, struct bw_strs *names);
/* Enters or leaves the indices of a rule's groups. */
BW_CHECKED enum bw_err elb_uses_set(struct bw_call *call, const struct elb_rule *r,
    const struct elbv2_Actions *before, const struct elbv2_Actions *after);
/* Whether a rule of the load balancer forwards to the group already; in a write, one that does must go on
 * doing so until it commits. */
bool elb_used_by(struct bw_call *call, const struct elb_load_balancer *lb, struct bw_str group);
/* How many groups the load balancer may forward to, checked when a rule begins to. */
BW_CHECKED enum bw_err elb_uses_allowed(
    struct bw_call *call, const struct elb_load_balancer *lb, const struct elbv2_Actions *after);
BW_CHECKED enum bw_err elb_conditions_check(struct bw_call *call, struct elbv2_RuleConditionList *conditions);
BW_CHECKED enum bw_err elb_transforms_check(
    struct bw_call *call, const struct elbv2_RuleTransformList *transforms);
/* The rules of a listener, by priority; the default one last. */
BW_CHECKED enum bw_err elb_rules(
    struct bw_call *call, const struct elb_listener *l, struct elb_rule **rules, size_t *n);
/* Everything of a listener goes: rules, indices, its port. */
BW_CHECKED enum bw_err elb_listener_remove(
    struct bw_call *call, const struct elb_load_balancer *lb, const struct elb_listener *l);
void elb_rule_save(struct bw_call *call, struct elb_rule *r);
/* Other actions for a rule, checked and entered into the indices; the caller saves it. */
BW_CHECKED enum bw_err elb_rule_actions_set(struct bw_call *call, const struct elb_load_balancer *lb,
    struct bw_str protocol, struct elb_rule *r, const struct elbv2_Actions *given);
void elb_rule_forget(struct bw_call *call, const struct elb_rule *r);
/* As clients see it: without secrets. */
void elb_actions_to_shape(
    struct bw_call *call, const struct elbv2_Actions *actions, struct elbv2_Actions *out);
/* With its default actions. */
BW_CHECKED enum bw_err elb_listener_to_shape(
    struct bw_call *call, struct elb_listener *l, struct elbv2_Listener *out);

/* ---- Addresses (address.c) ---- */

/* An address of the pool that no other load balancer has, or the one that all share. */
BW_CHECKED enum bw_err elb_address_take(struct bw_call *call, struct elb_load_balancer *lb);
void elb_address_give(struct bw_call *call, const struct elb_load_balancer *lb);
/* The records that `bulwark dns` answers from: the name and, of a network load balancer, one for each zone. */
void elb_dns_put(struct bw_call *call, const struct elb_load_balancer *lb);
void elb_dns_delete(struct bw_call *call, const struct elb_load_balancer *lb);
/* The listener's port at that address; clear words when another listener has it. */
BW_CHECKED enum bw_err elb_port_take(struct bw_call *call, const struct elb_load_balancer *lb,
    struct bw_str listener_arn, int64_t port, struct bw_str protocol);
void elb_port_give(
    struct bw_call *call, const struct elb_load_balancer *lb, int64_t port, struct bw_str protocol);
/* What a registered instance id stands for; absent when nobody said. */
struct bw_str elb_instance_address(const struct bw_core *core, struct bw_str id);
/* Whether this server itself listens there: its API answers in clear to whoever connects from this machine, so that no target may
 * be one of its addresses. The address is a canonical one. */
bool elb_address_is_own(const struct bw_core *core, struct bw_arena *arena, struct bw_str address, int64_t port);

/* ---- Security policies (ssl_policy.c) ---- */

bool elb_ssl_policy_known(struct bw_str name, bool network);
