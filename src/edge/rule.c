/* Which rule a request meets: the first, by priority, all of whose conditions hold. */
#include "edge/rule.h"
#include "edge/worker.h"

/* Without its port, and without the brackets of an IPv6 address. */
static struct bw_str host_name(struct bw_str host)
{
	ptrdiff_t at;

	if (host.n && host.p[0] == '[') {
		at = bw_str_find(host, ']', 0);
		return bw_str_sub(host, 1, at > 0 ? (size_t)at - 1 : host.n);
	}
	at = bw_str_find(host, ':', 0);
	return at >= 0 ? bw_str_sub(host, 0, (size_t)at) : host;
}

static bool pattern_holds(struct edge *e, const struct pattern *p, struct bw_str text, bool nocase)
{
	return p->regex ? regex_match(e, p->regex, text) : wildcard_match(p->text, text, nocase);
}

static bool any_holds(struct edge *e, const struct condition *c, struct bw_str text, bool nocase)
{
	for (size_t i = 0; i < c->count; i++)
		if (pattern_holds(e, &c->patterns[i], text, nocase))
			return true;
	return false;
}

static bool header_holds(struct edge *e, const struct condition *c, const struct bw_http_request *r)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (bw_str_eq_nocase(r->headers[i].name, c->header) &&
		    any_holds(e, c, r->headers[i].value, true))
			return true;
	return false;
}

static bool pair_holds(struct edge *e, const struct condition *c, struct bw_str key, struct bw_str value)
{
	for (size_t i = 0; i < c->count; i++) {
		bool any_key = c->keys[i].text.n == 0;

		/* A value without a key is looked for in the whole pair as well as behind its '='. */
		if ((any_key || wildcard_match(c->keys[i].text, key, true)) &&
		    (pattern_holds(e, &c->patterns[i], value, true) ||
		        (any_key && !bw_str_set(value) && pattern_holds(e, &c->patterns[i], key, true))))
			return true;
	}
	return false;
}

static bool query_holds(struct edge *e, const struct condition *c, struct bw_str query)
{
	while (bw_str_set(query)) {
		struct bw_str value = bw_str_cut(&query, '&'), key = bw_str_cut(&value, '=');

		if (pair_holds(e, c, key, value))
			return true;
	}
	return false;
}

static bool source_holds(const struct condition *c, const struct bw_address *peer)
{
	for (size_t i = 0; i < c->count; i++)
		if (cidr_has(&c->patterns[i].network, peer))
			return true;
	return false;
}

static bool method_holds(const struct condition *c, struct bw_str method)
{
	for (size_t i = 0; i < c->count; i++)
		if (bw_str_eq(c->patterns[i].text, method))
			return true;
	return false;
}

static bool condition_holds(
    struct edge *e, const struct condition *c, const struct bw_http_request *r, const struct bw_address *peer)
{
	switch (c->on) {
	case ON_HOST:
		return any_holds(e, c, host_name(r->host), true);
	case ON_PATH:
		return any_holds(e, c, r->path, false);
	case ON_HEADER:
		return header_holds(e, c, r);
	case ON_METHOD:
		return method_holds(c, r->method);
	case ON_QUERY:
		return query_holds(e, c, r->query);
	case ON_SOURCE:
		return source_holds(c, peer);
	}
	return false;
}

/* A request, for rule_index_first. */
struct asked {
	struct edge *edge;
	const struct listener *listener;
	const struct bw_http_request *request;
	const struct bw_address *peer;
};

static bool rule_holds(void *ctx, size_t number)
{
	const struct asked *a = ctx;
	const struct rule *rule = &a->listener->rules[number];
	size_t k = 0;

	while (
	    k < rule->condition_count && condition_holds(a->edge, &rule->conditions[k], a->request, a->peer))
		k++;
	return k == rule->condition_count;
}

const struct rule *rule_match(
    struct edge *e, const struct listener *l, const struct bw_http_request *r, const struct bw_address *peer)
{
	struct asked asked = {e, l, r, peer};
	size_t first = 0;

	if (l->index)
		first = rule_index_first(l->index, host_name(r->host), r->path, rule_holds, &asked);
	else
		while (first < l->rule_count && !rule_holds(&asked, first))
			first++;
	return first < l->rule_count ? &l->rules[first] : NULL;
}
