/* An image made ready to serve by: what the rest of the edge reads of it. */
#pragma once

#include "core/edge_image.h"
#include "net/socket.h"

struct edge;
struct stats;
struct group;
struct tls_set;
struct rule_index;
struct check;
struct key_set;
struct auth_keys;
struct pcre2_real_code_8;

/* ---- permit.c ---- */

struct permits;
struct permits *permits_compile(struct bw_arena *a, const struct bw_edge_permit *list, size_t count);
/* Whether one of them lets `protocol` ("tcp", "udp") pass between here and that address and port. */
bool permits_pass(const struct permits *p, bool udp, const struct bw_address *peer, uint16_t port);
/* A network in text, for rules' source-ip; false when malformed. */
struct network {
	unsigned char bytes[16];
	uint8_t bits, family_bytes; /* 4 or 16 */
};
bool cidr_parse(struct bw_str text, struct network *out);
bool cidr_has(const struct network *n, const struct bw_address *a);

/* ---- config.c: an image made ready to serve by ---- */

enum desync { DESYNC_MONITOR, DESYNC_DEFENSIVE, DESYNC_STRICTEST };
enum xff { XFF_APPEND, XFF_PRESERVE, XFF_REMOVE };

struct pattern {
	struct bw_str text; /* wildcards */
	struct pcre2_real_code_8 *regex;
	struct network network;
};

struct condition {
	enum { ON_HOST, ON_PATH, ON_HEADER, ON_METHOD, ON_QUERY, ON_SOURCE } on;
	struct bw_str header;
	struct pattern *patterns, *keys; /* keys: ON_QUERY's, beside patterns; empty text: any */
	size_t count;
};

struct rewrite {
	bool host; /* else the URL */
	struct pcre2_real_code_8 *regex;
	struct bw_str replacement;
};

struct forward {
	struct group *group;
	int64_t weight;
};

struct rule {
	const struct bw_edge_rule *in;
	struct condition *conditions;
	size_t condition_count;
	struct check *checks; /* what has to be passed first */
	size_t check_count;
	const struct bw_edge_action *action; /* the last: what is done */
	enum { DO_FORWARD, DO_FIXED, DO_REDIRECT, DO_NOT_BUILT } what;
	struct forward *forwards;
	size_t forward_count;
	int64_t weights;
	struct rewrite *rewrites;
	size_t rewrite_count;
};

struct listener {
	const struct bw_edge_listener *in;
	struct balancer *balancer;
	struct rule *rules;
	size_t rule_count;
	struct rule_index *index; /* NULL: so few that each is tried */
	bool tls, tcp, udp;
	struct tls_set *tls_set; /* a reference */
	const char *tls_reason;  /* why there is none */
	int64_t tcp_idle_ms;
	bool http2;
};

struct balancer {
	const struct bw_edge_load_balancer *in;
	struct edge_config *config;
	struct listener *listeners;
	struct permits *ingress, *egress; /* NULL: everything passes */
	struct stats *stats;
	int64_t idle_ms, keep_alive_ms;
	enum desync desync;
	enum xff xff;
	bool xff_port, drop_invalid, preserve_host, tls_headers, network, access_log, connection_log, http2;
	struct auth_keys *auth;
};

struct edge_config {
	struct edge *edge;
	int references;
	struct bw_arena arena;
	struct bw_edge_image image;
	struct balancer *balancers;
	struct group **groups; /* references */
	size_t group_count;
	struct pcre2_real_code_8 **regexes;
	size_t regex_count, regex_room;
	struct key_set **key_sets; /* references */
	size_t key_set_count;
	struct balancer *compiling;
	bool compiling_tls; /* its listener */
};

/* Keeps `bytes` in its own memory. The owner releases. */
BW_CHECKED enum bw_err config_make(struct edge *e, struct bw_str bytes, struct edge_config **out);
void config_release(struct edge_config *c);
/* The key set at a URL, held as long as the image is. */
struct key_set *config_key_set(struct edge_config *c, struct bw_str url);
struct bw_str attribute(const struct bw_pairs *p, const char *name);
bool attribute_on(const struct bw_pairs *p, const char *name);
int64_t attribute_number(const struct bw_pairs *p, const char *name, int64_t usual);
