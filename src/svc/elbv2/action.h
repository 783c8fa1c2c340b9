/* Checks of single actions; action.c puts them together. */
#pragma once

#include "svc/elbv2/elb.h"

/* authenticate-oidc, authenticate-cognito, jwt-validation: checked, and filled with defaults in fresh memory.
 * `before`: where UseExistingClientSecret finds the secret; may be NULL. */
BW_CHECKED enum bw_err action_oidc(
    struct bw_call *call, struct elbv2_Action *a, const struct elbv2_Actions *before);
BW_CHECKED enum bw_err action_cognito(struct bw_call *call, struct elbv2_Action *a);
BW_CHECKED enum bw_err action_jwt(struct bw_call *call, struct elbv2_Action *a);
BW_CHECKED enum bw_err action_redirect(struct bw_call *call, struct elbv2_Action *a, struct bw_str protocol);
BW_CHECKED enum bw_err action_fixed(struct bw_call *call, struct elbv2_Action *a);
/* Normalises TargetGroupArn and ForwardConfig, and checks every group against the load balancer and the
 * protocol. */
BW_CHECKED enum bw_err action_forward(
    struct bw_call *call, struct elbv2_Action *a, const struct elb_load_balancer *lb, struct bw_str protocol);
