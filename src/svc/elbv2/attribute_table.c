#include "svc/elbv2/elb.h"

/* ELB API Reference, LoadBalancerAttribute, ListenerAttribute and TargetGroupAttribute: keys, defaults and
 * valid values. The order is the one they are described in. Of two rows with one key the first that belongs
 * to the resource counts. */

static const char *const booleans[] = {"true", "false", NULL};
static const char *const on_off[] = {"on", "off", NULL};
static const char *const desync[] = {"monitor", "defensive", "strictest", NULL};
static const char *const forwarded[] = {"append", "preserve", "remove", NULL};
static const char *const routing[] = {
    "any_availability_zone", "availability_zone_affinity", "partial_availability_zone_affinity", NULL};
static const char *const cross_zone[] = {"true", "false", "use_load_balancer_configuration", NULL};
static const char *const algorithms[] = {
    "round_robin", "least_outstanding_requests", "weighted_random", NULL};
static const char *const cookies[] = {"lb_cookie", "app_cookie", NULL};
static const char *const source_address[] = {"source_ip", NULL};
static const char *const always[] = {"true", NULL};
static const char *const never[] = {"false", NULL};

#define APP       ELB_OF_APP
#define BOTH      (ELB_OF_APP | ELB_OF_NET)
#define GROUP_NET (ELB_OF_GROUP_TCP | ELB_OF_GROUP_UDP)
#define GROUP_ALL (ELB_OF_GROUP_HTTP | GROUP_NET)

const struct elb_attribute elb_load_balancer_attributes[] = {
    {"access_logs.s3.enabled", "false", BOTH, booleans},
    {"access_logs.s3.bucket", "", BOTH},
    {"access_logs.s3.prefix", "", BOTH},
    {"idle_timeout.timeout_seconds", "60", APP, NULL, 1, 4000},
    {"deletion_protection.enabled", "false", BOTH, booleans},
    {"routing.http2.enabled", "true", APP, booleans},
    {"routing.http.drop_invalid_header_fields.enabled", "false", APP, booleans},
    {"routing.http.xff_client_port.enabled", "false", APP, booleans},
    {"routing.http.preserve_host_header.enabled", "false", APP, booleans},
    {"routing.http.xff_header_processing.mode", "append", APP, forwarded},
    {"load_balancing.cross_zone.enabled", "true", APP, always},
    {"load_balancing.cross_zone.enabled", "false", ELB_OF_NET, booleans},
    {"routing.http.desync_mitigation_mode", "defensive", APP, desync},
    {"client_keep_alive.seconds", "3600", APP, NULL, 60, 604800},
    {"waf.fail_open.enabled", "false", APP, booleans},
    {"routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", APP, booleans},
    {"zonal_shift.config.enabled", "false", BOTH, booleans},
    {"connection_logs.s3.enabled", "false", APP, booleans},
    {"connection_logs.s3.bucket", "", APP},
    {"connection_logs.s3.prefix", "", APP},
    {"health_check_logs.s3.enabled", "false", APP, booleans},
    {"health_check_logs.s3.bucket", "", APP},
    {"health_check_logs.s3.prefix", "", APP},
    {"ipv6.deny_all_igw_traffic", "false", BOTH, booleans},
    {"dns_record.client_routing_policy", "any_availability_zone", ELB_OF_NET, routing},
    {"secondary_ips.auto_assigned.per_subnet", "0", ELB_OF_NET, NULL, 0, 7},
    {NULL},
};

const struct elb_attribute elb_listener_attributes[] = {
    {"tcp.idle_timeout.seconds", "350", ELB_OF_NET, NULL, 60, 6000},
    {"routing.http.response.server.enabled", "true", APP, booleans},
    {"routing.http.response.strict_transport_security.header_value", "", APP},
    {"routing.http.response.access_control_allow_origin.header_value", "", APP},
    {"routing.http.response.access_control_allow_methods.header_value", "", APP},
    {"routing.http.response.access_control_allow_headers.header_value", "", APP},
    {"routing.http.response.access_control_allow_credentials.header_value", "", APP},
    {"routing.http.response.access_control_expose_headers.header_value", "", APP},
    {"routing.http.response.access_control_max_age.header_value", "", APP},
    {"routing.http.response.content_security_policy.header_value", "", APP},
    {"routing.http.response.x_content_type_options.header_value", "", APP},
    {"routing.http.response.x_frame_options.header_value", "", APP},
    {"routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name",
        "X-Amzn-Mtls-Clientcert-Serial-Number", ELB_OF_HTTPS},
    {"routing.http.request.x_amzn_mtls_clientcert_issuer.header_name", "X-Amzn-Mtls-Clientcert-Issuer",
        ELB_OF_HTTPS},
    {"routing.http.request.x_amzn_mtls_clientcert_subject.header_name", "X-Amzn-Mtls-Clientcert-Subject",
        ELB_OF_HTTPS},
    {"routing.http.request.x_amzn_mtls_clientcert_validity.header_name", "X-Amzn-Mtls-Clientcert-Validity",
        ELB_OF_HTTPS},
    {"routing.http.request.x_amzn_mtls_clientcert_leaf.header_name", "X-Amzn-Mtls-Clientcert-Leaf",
        ELB_OF_HTTPS},
    {"routing.http.request.x_amzn_mtls_clientcert.header_name", "X-Amzn-Mtls-Clientcert", ELB_OF_HTTPS},
    {"routing.http.request.x_amzn_tls_version.header_name", "X-Amzn-Tls-Version", ELB_OF_HTTPS},
    {"routing.http.request.x_amzn_tls_cipher_suite.header_name", "X-Amzn-Tls-Cipher-Suite", ELB_OF_HTTPS},
    {NULL},
};

const struct elb_attribute elb_target_group_attributes[] = {
    {"deregistration_delay.timeout_seconds", "300", GROUP_ALL, NULL, 0, 3600},
    {"stickiness.enabled", "false", GROUP_ALL, booleans},
    {"stickiness.type", "lb_cookie", ELB_OF_GROUP_HTTP, cookies},
    {"stickiness.type", "source_ip", GROUP_NET, source_address},
    {"load_balancing.cross_zone.enabled", "use_load_balancer_configuration", GROUP_ALL, cross_zone},
    {"target_group_health.dns_failover.minimum_healthy_targets.count", "1", GROUP_ALL, NULL, 1, 3000,
        .off = true},
    {"target_group_health.dns_failover.minimum_healthy_targets.percentage", "off", GROUP_ALL, NULL, 1, 100,
        .off = true},
    {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1", GROUP_ALL, NULL, 1,
        3000},
    {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off", GROUP_ALL, NULL,
        1, 100, .off = true},
    {"load_balancing.algorithm.type", "round_robin", ELB_OF_GROUP_HTTP, algorithms},
    {"load_balancing.algorithm.anomaly_mitigation", "off", ELB_OF_GROUP_HTTP, on_off},
    {"slow_start.duration_seconds", "0", ELB_OF_GROUP_HTTP, NULL, 30, 900, .zero = true},
    {"stickiness.app_cookie.cookie_name", "", ELB_OF_GROUP_HTTP},
    {"stickiness.app_cookie.duration_seconds", "86400", ELB_OF_GROUP_HTTP, NULL, 1, 604800},
    {"stickiness.lb_cookie.duration_seconds", "86400", ELB_OF_GROUP_HTTP, NULL, 1, 604800},
    {"deregistration_delay.connection_termination.enabled", "false", ELB_OF_GROUP_TCP, booleans},
    {"deregistration_delay.connection_termination.enabled", "true", ELB_OF_GROUP_UDP, booleans},
    {"preserve_client_ip.enabled", "true", GROUP_NET, booleans},
    {"proxy_protocol_v2.enabled", "false", GROUP_NET, booleans},
    {"target_health_state.unhealthy.connection_termination.enabled", "true", ELB_OF_GROUP_TCP, booleans},
    {"target_health_state.unhealthy.connection_termination.enabled", "false", ELB_OF_GROUP_UDP, never},
    {"target_health_state.unhealthy.draining_interval_seconds", "0", GROUP_NET, NULL, 0, 360000},
    {NULL},
};
