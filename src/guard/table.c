/* The table as nft's JSON (libnftables-json(5)): three base chains that send the packets of a bound interface
 * through its chains, and for each binding and direction one chain for packets of known connections and one
 * for the beginnings of new ones. What a chain permits returns to the base chain, so that a forwarded packet
 * is asked at both its interfaces. */
#include "guard/guard_internal.h"

#include <stdio.h>

#include "codec/json.h"
#include "codec/sort.h"

#define TABLE "\"family\":\"inet\",\"table\":\"bulwark\""

struct writer {
	struct bw_buf *out;
	bool some; /* a command stands before */
};

static void command(struct writer *w, const char *text)
{
	bw_buf_put(w->out, w->some ? BW_STR(",") : BW_STR(""));
	bw_buf_put(w->out, bw_str_c(text));
	w->some = true;
}

/* ---- Matches: each begins with a comma unless it is the first of its rule ---- */

static void rule_begin(struct writer *w, const char *chain)
{
	command(w, "{\"add\":{\"rule\":{" TABLE ",\"chain\":\"");
	bw_buf_printf(w->out, "%s\",\"expr\":[", chain);
}

static void rule_end(struct writer *w, const char *verdict)
{
	bw_buf_printf(w->out, "%s]}}}", verdict);
}

static void match_meta(struct writer *w, const char *key, const char *op, const char *value)
{
	bw_buf_printf(w->out,
	    "{\"match\":{\"op\":\"%s\",\"left\":{\"meta\":{\"key\":\"%s\"}},\"right\":%s}},", op, key, value);
}

static void match_ct(struct writer *w, const char *key, const char *op, const char *value)
{
	bw_buf_printf(w->out, "{\"match\":{\"op\":\"%s\",\"left\":{\"ct\":{\"key\":\"%s\"}},\"right\":%s}},",
	    op, key, value);
}

static void match_field(struct writer *w, const char *protocol, const char *field, int from, int to)
{
	bw_buf_printf(w->out,
	    "{\"match\":{\"op\":\"==\",\"left\":{\"payload\":{\"protocol\":\"%s\",\"field\":\"%s\"}},"
	    "\"right\":",
	    protocol, field);
	if (from == to)
		bw_buf_printf(w->out, "%d}},", from);
	else
		bw_buf_printf(w->out, "{\"range\":[%d,%d]}}},", from, to);
}

static void match_family(struct writer *w, bool v6)
{
	match_meta(w, "nfproto", "==", v6 ? "\"ipv6\"" : "\"ipv4\"");
}

static void match_number(struct writer *w, const char *key, int n)
{
	char text[16];

	(void)snprintf(text, sizeof text, "%d", n);
	match_meta(w, key, "==", text);
}

/* Ports of TCP and UDP, type and code of ICMP, the bare number of others. */
static void match_protocol(struct writer *w, int protocol, int from, int to)
{
	const char *name = protocol == 6 ? "tcp" : protocol == 17 ? "udp" : protocol == 1 ? "icmp" : "icmpv6";
	bool ports = protocol == 6 || protocol == 17, types = protocol == 1 || protocol == 58;

	if (protocol < 0)
		return;
	if ((!ports && !types) || from < 0 || (ports && from == 0 && to == 65535)) {
		match_number(w, "l4proto", protocol);
	} else if (ports) {
		match_field(w, name, "dport", from, to);
	} else {
		match_field(w, name, "type", from, from);
		if (to >= 0)
			match_field(w, name, "code", to, to);
	}
}

/* ---- Permits: those of one protocol, ports and family are one rule over a set of networks ---- */

static int permit_order(const void *a, const void *b)
{
	const struct guard_permit *x = a, *y = b;
	const int keys[][2] = {
	    {x->protocol, y->protocol}, {x->from, y->from}, {x->to, y->to}, {x->network.v6, y->network.v6}};
	int order;

	for (size_t i = 0; i < BW_COUNT(keys); i++)
		if (keys[i][0] != keys[i][1])
			return keys[i][0] < keys[i][1] ? -1 : 1;
	order = memcmp(x->network.bytes, y->network.bytes, sizeof x->network.bytes);
	return order ? order : x->network.bits - y->network.bits;
}

static bool same_rule(const struct guard_permit *a, const struct guard_permit *b)
{
	return a->protocol == b->protocol && a->from == b->from && a->to == b->to &&
	       a->network.v6 == b->network.v6;
}

/* ICMP is of IPv4, ICMPv6 of IPv6: a permit that crosses them never matches, and nft would refuse it. */
static bool possible(const struct guard_permit *p)
{
	return !(p->protocol == 1 && p->network.v6) && !(p->protocol == 58 && !p->network.v6);
}

/* Networks are nested or apart: sorted, each that an earlier one contains follows it. */
static void networks_put(struct writer *w, const struct guard_permit *p, size_t n, bool egress)
{
	const struct bw_cidr *last = NULL;
	struct bw_arena arena;

	if (p->network.bits == 0) {
		match_family(w, p->network.v6);
		return;
	}
	bw_arena_init(&arena, 64 << 20);
	bw_buf_printf(w->out,
	    "{\"match\":{\"op\":\"==\",\"left\":{\"payload\":{\"protocol\":\"%s\",\"field\":\"%s\"}},"
	    "\"right\":{\"set\":[",
	    p->network.v6 ? "ip6" : "ip", egress ? "daddr" : "saddr");
	for (size_t i = 0; i < n; i++) {
		const struct bw_cidr *c = &p[i].network;

		if (last && bw_cidr_contains(last, c))
			continue;
		bw_buf_printf(w->out, "%s{\"prefix\":{\"addr\":\"%.*s\",\"len\":%d}}", last ? "," : "",
		    BW_FMT(bw_cidr_address_text(&arena, c)), c->bits);
		last = c;
	}
	bw_buf_put(w->out, BW_STR("]}}},"));
	bw_arena_free(&arena);
}

static void permits_put(struct writer *w, const char *chain, size_t index,
    const struct bw_edge_permit *permits, size_t count, bool egress)
{
	struct guard_permit *p = bw_alloc((count + 1) * sizeof *p);
	size_t n = 0;
	char verdict[80];

	for (size_t i = 0; i < count; i++)
		if (guard_permit_parse(&permits[i], &p[n]) == BW_OK && possible(&p[n]))
			n++;
	if (n)
		bw_sort(p, n, sizeof *p, permit_order);
	(void)snprintf(verdict, sizeof verdict, "{\"counter\":\"b%zu_permitted\"},{\"return\":null}", index);
	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && same_rule(&p[from], &p[to]); to++)
			;
		rule_begin(w, chain);
		networks_put(w, &p[from], to - from, egress);
		match_protocol(w, p[from].protocol, p[from].from, p[from].to);
		rule_end(w, verdict);
	}
	bw_free(p);
}

/* ---- What no group decides, as on AWS: addresses by DHCP, and IPv6 neighbours ---- */

static void exempt_udp(struct writer *w, const char *chain, int from, int to)
{
	rule_begin(w, chain);
	match_field(w, "udp", "sport", from, from);
	match_field(w, "udp", "dport", to, to);
	rule_end(w, "{\"return\":null}");
}

static void exempt_icmpv6(struct writer *w, const char *chain, int from, int to, int hops)
{
	rule_begin(w, chain);
	match_field(w, "icmpv6", "type", from, to);
	match_field(w, "ip6", "hoplimit", hops, hops);
	rule_end(w, "{\"return\":null}");
}

static void exempt_put(struct writer *w, const char *chain, bool egress)
{
	exempt_udp(w, chain, egress ? 68 : 67, egress ? 67 : 68);
	exempt_udp(w, chain, egress ? 546 : 547, egress ? 547 : 546);
	/* Neighbours, from a neighbour: nobody else's packets arrive with that limit. */
	exempt_icmpv6(w, chain, 133, 136, 255);
	/* Who listens to which group (RFC 4890 4.4.1): without it a switch that goes by that passes neighbours' questions on to nobody. The
	 * kernel believes link-local senders alone. */
	exempt_icmpv6(w, chain, 130, 132, 1);
	exempt_icmpv6(w, chain, 143, 143, 1);
}

/* ---- Chains ---- */

static void cuts_put(struct writer *w, const char *chain, const char *next, const struct guard_opens *cut)
{
	for (size_t i = 0; i < cut->n; i++) {
		rule_begin(w, chain);
		match_family(w, cut->v[i].v6);
		match_ct(w, "state", "in", "\"established\"");
		match_ct(w, "direction", "==", "\"original\"");
		match_protocol(w, cut->v[i].protocol, cut->v[i].from, cut->v[i].to);
		bw_buf_printf(w->out, "{\"goto\":{\"target\":\"%s\"}}", next);
		rule_end(w, "");
	}
}

static void direction_put(struct writer *w, const struct guard_bound *b, size_t index, bool egress)
{
	char chain[32], next[sizeof chain + 4], verdict[80];

	(void)snprintf(chain, sizeof chain, "b%zu_%s", index, egress ? "out" : "in");
	(void)snprintf(next, sizeof next, "%s_new", chain);
	(void)snprintf(verdict, sizeof verdict, "{\"counter\":\"b%zu_refused\"},{\"drop\":null}", index);
	cuts_put(w, chain, next, egress ? b->cut_out : b->cut_in);
	rule_begin(w, chain);
	match_ct(w, "state", "in", "[\"established\",\"related\"]");
	rule_end(w, "{\"return\":null}");
	rule_begin(w, chain);
	bw_buf_printf(w->out, "{\"goto\":{\"target\":\"%s\"}}", next);
	rule_end(w, "");
	exempt_put(w, next, egress);
	rule_begin(w, next);
	match_ct(w, "state", "in", "\"invalid\"");
	rule_end(w, verdict);
	permits_put(w, next, index, egress ? b->rules->egress : b->rules->ingress,
	    egress ? b->rules->egress_count : b->rules->ingress_count, egress);
	rule_begin(w, next);
	rule_end(w, verdict);
}

static void jump_put(
    struct writer *w, const char *hook, const struct bw_guard_rules *r, size_t index, bool egress)
{
	struct bw_buf name;

	bw_buf_init(&name, 256);
	bw_json_put_str(&name, bw_str_set(r->interface) ? r->interface : BW_STR("lo"));
	bw_buf_put_c(&name, '\0');
	rule_begin(w, hook);
	match_meta(w, egress ? "oifname" : "iifname", bw_str_set(r->interface) ? "==" : "!=", name.p);
	bw_buf_printf(w->out, "{\"jump\":{\"target\":\"b%zu_%s\"}}", index, egress ? "out" : "in");
	rule_end(w, "");
	bw_buf_free(&name);
}

static const char *const hooks[] = {"input", "output", "forward"};
static const char *const suffixes[] = {"in", "in_new", "out", "out_new"};

/* Adding what is there changes nothing: the commands are the same each time. */
static void frame_put(struct writer *w, size_t n, bool fresh)
{
	char text[200];

	command(w, "{\"add\":{\"table\":{\"family\":\"inet\",\"name\":\"bulwark\"}}}");
	if (fresh) {
		command(w, "{\"delete\":{\"table\":{\"family\":\"inet\",\"name\":\"bulwark\"}}}");
		command(w, "{\"add\":{\"table\":{\"family\":\"inet\",\"name\":\"bulwark\"}}}");
	}
	for (size_t i = 0; fresh && i < n; i++)
		for (int refused = 0; refused < 2; refused++) {
			(void)snprintf(text, sizeof text,
			    "{\"add\":{\"counter\":{" TABLE ",\"name\":\"b%zu_%s\"}}}", i,
			    refused ? "refused" : "permitted");
			command(w, text);
		}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < BW_COUNT(suffixes); k++) {
			(void)snprintf(text, sizeof text,
			    "{\"add\":{\"chain\":{" TABLE ",\"name\":\"b%zu_%s\"}}}", i, suffixes[k]);
			command(w, text);
		}
	for (size_t k = 0; k < BW_COUNT(hooks); k++) {
		(void)snprintf(text, sizeof text,
		    "{\"add\":{\"chain\":{" TABLE ",\"name\":\"%s\",\"type\":\"filter\",\"hook\":\"%s\","
		                                  "\"prio\":0,\"policy\":\"accept\"}}}",
		    hooks[k], hooks[k]);
		command(w, text);
	}
	/* All chains at once. */
	command(w, "{\"flush\":{\"table\":{\"family\":\"inet\",\"name\":\"bulwark\"}}}");
}

void guard_table_put(const struct guard_bound *bound, size_t n, bool fresh, struct bw_buf *json)
{
	struct writer w = {.out = json};

	bw_buf_put(json, BW_STR("{\"nftables\":["));
	frame_put(&w, n, fresh);
	for (size_t i = 0; i < n; i++) {
		direction_put(&w, &bound[i], i, false);
		direction_put(&w, &bound[i], i, true);
		jump_put(&w, "input", bound[i].rules, i, false);
		jump_put(&w, "output", bound[i].rules, i, true);
	}
	/* What is forwarded comes in before it goes out. */
	for (size_t i = 0; i < n; i++)
		jump_put(&w, "forward", bound[i].rules, i, false);
	for (size_t i = 0; i < n; i++)
		jump_put(&w, "forward", bound[i].rules, i, true);
	bw_buf_put(json, BW_STR("]}\n"));
}

/* ---- Counters ---- */

static int64_t packets_of(const struct bw_json_value *counter, const char *name)
{
	const struct bw_json_value *own = bw_json_member(counter, BW_STR("name")), *v;
	int64_t packets = 0;

	v = bw_json_member(counter, BW_STR("packets"));
	if (!own || !v || own->kind != BW_JSON_STRING || v->kind != BW_JSON_NUMBER ||
	    !bw_str_eq(own->text, bw_str_c(name)) || bw_str_to_i64(v->text, 0, INT64_MAX, &packets) != BW_OK)
		return 0;
	return packets;
}

enum bw_err guard_counters_read(struct bw_str json, size_t index, int64_t *permitted, int64_t *refused)
{
	struct bw_json_value all;
	const struct bw_json_value *list;
	struct bw_arena arena;
	char names[2][40];
	enum bw_err e;

	*permitted = *refused = 0;
	(void)snprintf(names[0], sizeof names[0], "b%zu_permitted", index);
	(void)snprintf(names[1], sizeof names[1], "b%zu_refused", index);
	bw_arena_init(&arena, 4 << 20);
	e = bw_json_parse(json, &arena, &all);
	list = e == BW_OK && all.kind == BW_JSON_OBJECT ? bw_json_member(&all, BW_STR("nftables")) : NULL;
	for (size_t i = 0; list && list->kind == BW_JSON_ARRAY && i < list->count; i++) {
		const struct bw_json_value *c = list->values[i].kind == BW_JSON_OBJECT
		                                    ? bw_json_member(&list->values[i], BW_STR("counter"))
		                                    : NULL;

		if (!c || c->kind != BW_JSON_OBJECT)
			continue;
		*permitted += packets_of(c, names[0]);
		*refused += packets_of(c, names[1]);
	}
	bw_arena_free(&arena);
	return list ? BW_OK : BW_EINVAL;
}
