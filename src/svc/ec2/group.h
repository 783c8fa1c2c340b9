/* What the files of security groups share. */
#pragma once

#include "svc/ec2/ec2.h"

/* By id, or when that is absent by name in the default VPC. */
BW_CHECKED enum bw_err ec2_group_find(
    struct bw_call *call, struct bw_str id, struct bw_str name, struct bw_security_group *out);
/* A row's `resource`: the group that GroupId or GroupName names. */
enum bw_err ec2_group_resource(struct bw_call *call);

/* Above AWS's highest quota, and what a record has room for. */
enum { EC2_RULES_MAX = 2000 };

struct ec2_rules {
	struct bw_group_rule *v;
	size_t n;
};

/* A group and its rules, as they were and as they shall be. */
struct ec2_group_edit {
	struct bw_security_group group;
	struct ec2_rules before, after; /* `after` begins as a copy */
};
BW_CHECKED enum bw_err ec2_group_edit(
    struct bw_call *call, struct bw_str id, struct bw_str name, struct ec2_group_edit *out);
/* Saves the group with the rules of `after`, within the quotas; keeps who refers to whom, and drops the tags
 * of rules that are gone. */
BW_CHECKED enum bw_err ec2_group_commit(struct bw_call *call, struct ec2_group_edit *e);

/* Whether every group whose rules name the prefix list stays within the quota when it becomes as large as
 * `resized`. */
BW_CHECKED enum bw_err ec2_groups_fit(struct bw_call *call, const struct bw_prefix_list *resized);

/* ---- Rules ---- */

/* What a permission of an input is for: a new rule must be right in every way, one that is only looked for
 * may name what is not there. */
enum ec2_rule_use { EC2_RULE_NEW, EC2_RULE_FIND };

/* The rules that an input's permissions spell out, one a source; no two alike. */
BW_CHECKED enum bw_err ec2_rules_parse(struct bw_call *call, const struct bw_security_group *g, bool egress,
    const struct ec2_IpPermissionList *permissions, enum ec2_rule_use use, struct ec2_rules *out);
/* One rule as the API's own form has it (ModifySecurityGroupRules). */
BW_CHECKED enum bw_err ec2_rule_parse(struct bw_call *call, const struct bw_security_group *g, bool egress,
    const struct ec2_SecurityGroupRuleRequest *in, struct bw_group_rule *out);
/* Same direction, protocol, ports and peer. */
bool ec2_rule_same(const struct bw_group_rule *a, const struct bw_group_rule *b);
struct bw_group_rule *ec2_rule_find(const struct ec2_rules *rules, const struct bw_group_rule *like);
struct bw_group_rule *ec2_rule_by_id(const struct ec2_rules *rules, struct bw_str id);
/* Names and descriptions of groups, descriptions of rules: at most 255 of these characters. */
#define EC2_GROUP_CHARACTERS "a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
bool ec2_group_text(struct bw_str text);
BW_CHECKED enum bw_err ec2_rule_description_check(struct bw_call *call, struct bw_str description);
/* InvalidPermission.Duplicate. */
BW_CHECKED enum bw_err ec2_rule_duplicate(struct bw_call *call, const struct bw_group_rule *r);

/* ---- Shapes ---- */

/* Rules of one direction, those of one protocol and port range together. */
void ec2_permissions_shape(
    struct bw_call *call, const struct ec2_rules *rules, bool egress, struct ec2_IpPermissionList *out);
BW_CHECKED enum bw_err ec2_rule_shape(struct bw_call *call, const struct bw_security_group *g,
    const struct bw_group_rule *r, struct ec2_SecurityGroupRule *out);
