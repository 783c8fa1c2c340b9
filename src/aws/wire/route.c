/* Which operation a request is for. */
#include "aws/wire.h"

#include "codec/form.h"
#include "codec/uri.h"

/* The credential scope names the service by its signing name. Without a signature any service may be meant. */
static bool scope_allows(const struct bw_service *s, struct bw_str scope_service)
{
	return !bw_str_set(scope_service) || bw_str_eq(scope_service, bw_str_c(s->signing_name));
}

/* ---- json: X-Amz-Target: TrentService.CreateKey ---- */

static enum bw_err route_target(
    const struct bw_http_request *r, struct bw_str target, struct bw_str scope_service, struct bw_route *out)
{
	size_t dot = target.n;

	while (dot > 0 && target.p[dot - 1] != '.')
		dot--;
	out->operation_name = bw_str_sub(target, dot, target.n);
	for (const struct bw_service *const *s = bw_services; *s; s++)
		if ((*s)->protocol == BW_PROTOCOL_JSON && scope_allows(*s, scope_service) && dot > 0 &&
		    bw_str_eq(bw_str_sub(target, 0, dot - 1), bw_str_c((*s)->target_prefix)))
			out->service = *s;
	if (!out->service || !bw_str_eq(r->method, BW_STR("POST")))
		return BW_ENOTFOUND;
	out->operation = bw_operation_find(out->service, out->operation_name);
	return out->operation ? BW_OK : BW_ENOTFOUND;
}

/* ---- query, ec2: Action and Version ---- */

static size_t fields_most(struct bw_str text)
{
	size_t n = 1;

	for (ptrdiff_t at = bw_str_find(text, '&', 0); at >= 0; at = bw_str_find(text, '&', (size_t)at + 1))
		n++;
	return n < BW_FORM_FIELDS_MAX ? n : BW_FORM_FIELDS_MAX;
}

static enum bw_err form_read(struct bw_str text, struct bw_arena *arena, struct bw_form *form)
{
	struct bw_form_reader reader;
	struct bw_form_field field;
	enum bw_err e;

	*form = (struct bw_form){0};
	if (text.n == 0)
		return BW_OK;
	form->fields = BW_NEW_ARRAY(arena, struct bw_form_field, fields_most(text));
	bw_form_init(&reader, text, arena);
	while ((e = bw_form_next(&reader, &field.key, &field.value)) == BW_OK)
		form->fields[form->n++] = field;
	return e == BW_ENOTFOUND ? BW_OK : BW_EINVAL;
}

/* POST carries the form in its body; GET, and a POST without a body, in the query string. */
static struct bw_str form_text(const struct bw_http_request *r, struct bw_str body)
{
	struct bw_str type = bw_http_header(r, BW_STR("content-type"), NULL);

	if (bw_str_eq(r->method, BW_STR("GET")) || (bw_str_eq(r->method, BW_STR("POST")) && body.n == 0))
		return r->query;
	if (!bw_str_eq(r->method, BW_STR("POST")))
		return BW_STR_NONE;
	if (bw_str_set(type) && !bw_str_starts_nocase(type, BW_STR("application/x-www-form-urlencoded")))
		return BW_STR_NONE;
	return body;
}

static struct bw_str form_value(const struct bw_form *form, struct bw_str key)
{
	for (size_t i = 0; i < form->n; i++)
		if (bw_str_eq(form->fields[i].key, key))
			return form->fields[i].value;
	return BW_STR_NONE;
}

static bool has_actions(const struct bw_service *s)
{
	return s->protocol == BW_PROTOCOL_QUERY || s->protocol == BW_PROTOCOL_EC2;
}

static void route_action(const struct bw_form *form, struct bw_str scope_service, struct bw_route *out)
{
	out->operation_name = form_value(form, BW_STR("Action"));
	out->version = form_value(form, BW_STR("Version"));
	for (const struct bw_service *const *s = bw_services; *s; s++) {
		const struct bw_operation *op = NULL;

		if (!has_actions(*s) || !scope_allows(*s, scope_service))
			continue;
		if (bw_str_eq(out->version, bw_str_c((*s)->version)))
			op = bw_operation_find(*s, out->operation_name);
		/* A signed request's service is known though the action is not: its error is in that
		 * service's form. */
		if (op || bw_str_set(scope_service))
			out->service = *s;
		if (op)
			out->operation = op;
	}
}

/* ---- rest: method and path ---- */

enum { SEGMENTS_MAX = 16 };

/* How specific a match is: a literal segment outweighs a label, earlier segments outweigh later ones. */
struct match {
	uint32_t rank;
	struct bw_str labels[8];
	size_t label_count;
};

static bool label_take(struct bw_str raw, struct bw_arena *arena, struct match *m)
{
	if (raw.n == 0 || m->label_count == BW_COUNT(m->labels))
		return false;
	return bw_uri_decode(raw, false, arena, &m->labels[m->label_count++]) == BW_OK;
}

static bool segment_matches(struct bw_str pattern, struct bw_str raw, struct bw_arena *arena, struct match *m)
{
	if (bw_str_starts(pattern, BW_STR("{")))
		return label_take(raw, arena, m);
	m->rank |= 1;
	return bw_str_eq(pattern, raw);
}

static bool path_matches(struct bw_str pattern, struct bw_str path, struct bw_arena *arena, struct match *m)
{
	for (int i = 0; i < SEGMENTS_MAX; i++) {
		struct bw_str want;

		m->rank <<= 1;
		want = bw_str_cut(&pattern, '/');
		/* A greedy label takes the rest of the path; it stands last in every model. */
		if (bw_str_ends(want, BW_STR("+}"))) {
			m->rank <<= SEGMENTS_MAX - 1 - i;
			return label_take(path, arena, m);
		}
		if (!segment_matches(want, bw_str_cut(&path, '/'), arena, m))
			return false;
		if (!bw_str_set(pattern) || !bw_str_set(path)) {
			m->rank <<= SEGMENTS_MAX - 1 - i;
			return !bw_str_set(pattern) && !bw_str_set(path);
		}
	}
	return false;
}

/* "aws_iam=t" of POST /token?aws_iam=t: one of the query string's parameters. */
static bool query_has(struct bw_str query, struct bw_str wanted)
{
	while (bw_str_set(query))
		if (bw_str_eq(bw_str_cut(&query, '&'), wanted))
			return true;
	return false;
}

static void route_path_in(const struct bw_http_request *r, const struct bw_service *s, struct bw_arena *arena,
    uint32_t *best, struct bw_route *out)
{
	for (const struct bw_operation *op = s->operations; op < s->operations + s->operation_count; op++) {
		struct match m = {0};

		if (!bw_str_eq(r->method, bw_str_c(bw_at(op->method))) ||
		    !path_matches(bw_str_c(bw_at(op->uri)), r->path, arena, &m))
			continue;
		if (bw_at(op->fixed_query) && !query_has(r->query, bw_str_c(bw_at(op->fixed_query))))
			continue;
		m.rank = m.rank << 1 | (bw_at(op->fixed_query) != NULL);
		if (m.rank < *best)
			continue;
		*best = m.rank;
		out->service = s;
		out->operation = op;
		out->operation_name = bw_str_c(bw_at(op->name));
		out->label_count = m.label_count;
		memcpy(out->labels, m.labels, sizeof m.labels);
	}
}

static void route_path(const struct bw_http_request *r, struct bw_str scope_service, struct bw_arena *arena,
    struct bw_route *out)
{
	uint32_t best = 0;

	for (const struct bw_service *const *s = bw_services; *s; s++) {
		if ((*s)->protocol != BW_PROTOCOL_REST_JSON || !scope_allows(*s, scope_service))
			continue;
		if (bw_str_set(scope_service))
			out->service = *s;
		route_path_in(r, *s, arena, &best, out);
	}
}

static enum bw_err route_within(const struct bw_http_request *r, struct bw_str body, struct bw_str scope_service,
    struct bw_arena *arena, struct bw_form *form, struct bw_route *out)
{
	size_t targets;
	struct bw_str target = bw_http_header(r, BW_STR("x-amz-target"), &targets);

	*form = (struct bw_form){0};
	*out = (struct bw_route){0};
	if (bw_str_set(target))
		return targets == 1 ? route_target(r, target, scope_service, out) : BW_ENOTFOUND;
	route_path(r, scope_service, arena, out);
	if (out->service)
		return out->operation ? BW_OK : BW_ENOTFOUND;
	if (form_read(form_text(r, body), arena, form) != BW_OK) {
		*form = (struct bw_form){0};
		out->bad_form = true;
		route_action(form, scope_service, out);
		return BW_EINVAL;
	}
	route_action(form, scope_service, out);
	return out->operation ? BW_OK : BW_ENOTFOUND;
}

enum bw_err bw_route_request(const struct bw_http_request *r, struct bw_str body, struct bw_str scope_service,
    struct bw_arena *arena, struct bw_form *form, struct bw_route *out)
{
	enum bw_err e = route_within(r, body, scope_service, arena, form, out);
	struct bw_form other_form;
	struct bw_route other;

	/* Whom it was meant for, so that the error can name it. It stays unfound: what is signed for one service is never another's. */
	if (e == BW_ENOTFOUND && bw_str_set(scope_service) &&
	    route_within(r, body, BW_STR_NONE, arena, &other_form, &other) == BW_OK)
		*out = other;
	return e;
}

/* ---- The error of a request that is for nothing ---- */

enum { NAME_SAID_MAX = 256 }; /* AWS's longest names have 64 letters */

static struct bw_error_text error_of(const char *code, int status, struct bw_str message)
{
	return (struct bw_error_text){
	    .code = bw_str_c(code), .message = message, .status = status, .sender = true};
}

void bw_route_error(const struct bw_route *route, const struct bw_http_request *r, struct bw_arena *arena,
    struct bw_error_text *out)
{
	const struct bw_service *s = route->service;
	struct bw_str name = bw_str_sub(route->operation_name, 0, NAME_SAID_MAX);
	struct bw_str version =
	    bw_str_set(route->version) ? bw_str_sub(route->version, 0, NAME_SAID_MAX) : BW_STR("NO_VERSION_SPECIFIED");

	if (bw_str_set(bw_http_header(r, BW_STR("x-amz-target"), NULL)) || (s && !has_actions(s)))
		*out = error_of("UnknownOperationException", s && s->protocol == BW_PROTOCOL_JSON ? 400 : 404,
		    BW_STR(""));
	else if (route->bad_form)
		*out =
		    error_of("MalformedQueryString", 404, BW_STR("The query string contains a syntax error"));
	else if (!bw_str_set(route->operation_name))
		*out =
		    error_of("MissingAction", 400, BW_STR("The request must contain the parameter Action"));
	else if (s && s->protocol == BW_PROTOCOL_EC2)
		*out = error_of("InvalidAction", 400,
		    bw_arena_printf(arena, "The action %.*s is not valid for this web service.", BW_FMT(name)));
	else
		*out = error_of("InvalidAction", 400,
		    bw_arena_printf(arena, "Could not find operation %.*s for version %.*s",
		        BW_FMT(name), BW_FMT(version)));
}
