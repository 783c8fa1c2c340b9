/* The edge's configuration: an immutable picture of every load balancer, made from a snapshot by the services
 * and published whole to the edge processes, which have no store. svc and edge meet here and nowhere else.
 *
 * Attributes are AWS's own keys and values ("idle_timeout.timeout_seconds" = "60"), each list complete with
 * defaults. Lists are borrowed from the arena that the image was made or decoded in. */
#pragma once

#include <stdatomic.h>

#include "store/record.h"

/* What a security group permits, flattened: group references and prefix lists resolved to networks when it
 * was published. */
struct bw_edge_permit {
	struct bw_str protocol;     /* "tcp", "udp", "icmp", "icmpv6", a number, or "-1" for all */
	int64_t from_port, to_port; /* -1 and -1: all; for ICMP the type and code */
	struct bw_str network;      /* CIDR, IPv4 or IPv6 */
};

struct bw_edge_certificate {
	struct bw_str arn, chain_pem, key_pem;
	bool is_default;
};

struct bw_edge_condition {
	struct bw_str
	    field; /* host-header, path-pattern, http-header, http-request-method, query-string, source-ip */
	struct bw_str header;  /* http-header: its name */
	struct bw_strs values; /* wildcards; methods; networks */
	struct bw_strs regexes;
	struct bw_pairs query; /* query-string: key (may be empty) and value patterns */
};

struct bw_edge_forward {
	struct bw_str target_group; /* ARN */
	int64_t weight;
};

struct bw_edge_transform {
	struct bw_str type;       /* host-header-rewrite, url-rewrite */
	struct bw_pairs rewrites; /* regex, replacement */
};

struct bw_edge_action {
	struct bw_str type; /* forward, fixed-response, redirect, authenticate-oidc, authenticate-cognito,
	                       jwt-validation */
	const struct bw_edge_forward *forwards;
	size_t forward_count;
	bool sticky_groups;
	int64_t sticky_seconds;
	struct bw_pairs
	    parameters; /* of the other types: the API's member names ("StatusCode", "Path", "Issuer" ...) */
};

struct bw_edge_rule {
	struct bw_str arn;
	int64_t priority; /* the default rule's is INT64_MAX */
	const struct bw_edge_condition *conditions;
	size_t condition_count;
	const struct bw_edge_action *actions; /* in their order */
	size_t action_count;
	const struct bw_edge_transform *transforms;
	size_t transform_count;
};

struct bw_edge_listener {
	struct bw_str arn;
	int64_t port;
	struct bw_str protocol;   /* HTTP, HTTPS, TCP, TLS, UDP, TCP_UDP */
	struct bw_str ssl_policy; /* AWS's name */
	struct bw_strs alpn;
	struct bw_pairs attributes;
	const struct bw_edge_certificate *certificates;
	size_t certificate_count;
	struct bw_str client_mode; /* mutual TLS: off, passthrough, verify */
	bool client_ignore_expiry;
	bool client_advertise; /* the names of the trust store's authorities, in the handshake */
	struct bw_str client_ca_pem;      /* the trust store's bundle */
	struct bw_strs client_crls;       /* its revocation lists, PEM or DER */
	const struct bw_edge_rule *rules; /* by priority; the last is the default */
	size_t rule_count;
};

/* For a while: sessions of users are sealed with it, and what a target is told of them is signed. Whoever has the
 * secret derives both keys. */
struct bw_edge_auth_key {
	struct bw_str id;    /* of the public key: a UUID */
	int64_t from_ms;     /* until the next one's */
	struct bw_str secret; /* 32 bytes */
};

struct bw_edge_load_balancer {
	struct bw_str arn, name, id, dns_name; /* id: the 16 hexadecimal digits behind the name */
	struct bw_str type;                    /* application, network */
	struct bw_strs addresses;
	struct bw_pairs attributes;
	bool has_security_groups; /* false (a network load balancer without any): everything is permitted */
	const struct bw_edge_permit *ingress;
	size_t ingress_count;
	const struct bw_edge_permit *egress;
	size_t egress_count;
	const struct bw_edge_listener *listeners;
	size_t listener_count;
	const struct bw_edge_auth_key *auth_keys; /* the oldest first; none when no action authenticates users */
	size_t auth_key_count;
};

struct bw_edge_target {
	struct bw_str id, address; /* address: what the id maps to; absent: it is unused or unknown */
	int64_t port;
	struct bw_str zone;
	bool elsewhere;        /* in a zone that the load balancer has not */
	bool draining;         /* deregistered; kept for the deregistration delay */
	int64_t draining_ms;   /* since when */
	int64_t registered_ms; /* slow start counts from here */
};

struct bw_edge_target_group {
	struct bw_str arn, name;
	struct bw_str protocol,
	    protocol_version;      /* HTTP, HTTPS, TCP, TLS, UDP, TCP_UDP; HTTP1, HTTP2, GRPC */
	struct bw_str target_type; /* ip, instance, alb */
	int64_t port;
	struct bw_pairs attributes;
	bool health_enabled;
	struct bw_str health_protocol, health_port, health_path, health_codes;
	int64_t health_interval_s, health_timeout_s, healthy_threshold, unhealthy_threshold;
	const struct bw_edge_target *targets;
	size_t target_count;
};

struct bw_edge_image {
	int64_t version; /* the snapshot's sequence number */
	int64_t made_ms;
	struct bw_str account, region;
	struct bw_str log_key; /* public, hexadecimal: logs are sealed to it (core/edge_log.h); absent: none are written */
	const struct bw_edge_load_balancer *load_balancers;
	size_t load_balancer_count;
	const struct bw_edge_target_group *target_groups;
	size_t target_group_count;
};

/* Appends the image's bytes: every string with its length in front, each list with its count. */
void bw_edge_image_encode(const struct bw_edge_image *image, struct bw_buf *out);
/* BW_ECORRUPT on any malformation, and for another version of the form. Slices point into `bytes`. */
BW_CHECKED enum bw_err bw_edge_image_decode(
    struct bw_str bytes, struct bw_arena *arena, struct bw_edge_image *out);

/* ---- What the edge tells back: published the other way, read by the services ---- */

/* AWS's states and reason codes: "initial" "Elb.RegistrationInProgress", "healthy", "unhealthy"
 * "Target.ResponseCodeMismatch" ... */
struct bw_edge_health {
	struct bw_str target_group, id; /* ARN; the target's id */
	int64_t port;
	struct bw_str state, reason, description;
};

struct bw_edge_listening {
	struct bw_str listener; /* ARN */
	struct bw_str address;  /* "127.66.0.1:80"; absent when it was not even tried */
	bool open;
	struct bw_str reason; /* why not: "127.66.0.1:80: permission denied"; of an open one: what to see to soon */
};

/* One of CloudWatch's metrics: name, and the dimension values as AWS spells them ("app/name/id"). Counters
 * only grow. */
struct bw_edge_metric {
	struct bw_str name, load_balancer, target_group;
	int64_t value;
};

/* A target group whose targets should see their clients' addresses, and do not. */
struct bw_edge_unkept {
	struct bw_str target_group, reason;
};

/* A target whose answers to that process's requests are errors far more often than the others'. */
struct bw_edge_anomaly {
	struct bw_str target_group, id;
	int64_t port;
	bool mitigated; /* it gets fewer requests for it */
};

struct bw_edge_report {
	int64_t image_version; /* what it serves by */
	int64_t incarnation;   /* of the process that wrote it */
	const struct bw_edge_health *health;
	size_t health_count;
	const struct bw_edge_listening *listening;
	size_t listening_count;
	const struct bw_edge_metric *metrics;
	size_t metric_count;
	const struct bw_edge_unkept *unkept;
	size_t unkept_count;
	const struct bw_edge_anomaly *anomalies;
	size_t anomaly_count;
};

/* ---- The boards that carry both (proc/board.h): made by bin, handed to the core in its configuration ----
 */

enum {
	BW_EDGE_IMAGE_MAX = 64 * 1024 * 1024,  /* 10,000 rules with their certificates are some megabytes */
	BW_EDGE_REPORT_MAX = 16 * 1024 * 1024, /* a line a target and a metric a target group */
};

struct bw_board;
/* Publishes; nothing when `images` is NULL (a server without an edge). BW_ETOOBIG: the edge stays with its
 * last one; BW_ECONFLICT: this process has published a newer version already. Any thread. */
BW_CHECKED enum bw_err bw_edge_publish(struct bw_board *images, const struct bw_edge_image *image);
/* Where one process of the edge reports. Its row's processes take turns at two of these, so that one that still drains and the
 * one that has taken over do not write over each other; whoever comes later goes on from the counters that stand there. */
struct bw_edge_reporter {
	struct bw_board *board;
	const _Atomic uint32_t *incarnation; /* of the process that writes there now; 0: nobody */
};

/* Two for each loop of the edge; the first loop's, which alone tells of health and listeners, come first. */
struct bw_edge_reports {
	const struct bw_edge_reporter *v;
	size_t n;
};

/* The newest report of all of them together, in the arena: counters are sums, the version is the oldest that anybody still serves
 * by. BW_ENOTFOUND: none yet (or `reports` is NULL); others as bw_board_read and the decoder. Any thread. */
BW_CHECKED enum bw_err bw_edge_report_read(
    const struct bw_edge_reports *reports, struct bw_arena *arena, struct bw_edge_report *out);

void bw_edge_report_encode(const struct bw_edge_report *report, struct bw_buf *out);
BW_CHECKED enum bw_err bw_edge_report_decode(
    struct bw_str bytes, struct bw_arena *arena, struct bw_edge_report *out);
