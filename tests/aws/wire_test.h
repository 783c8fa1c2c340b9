/* A request as bytes, routed and decoded, for the tests of the wire codecs. */
#pragma once

#include "test.h"

#include "aws/wire.h"

struct wire_case {
	struct bw_arena arena;
	struct bw_http_request r;
	struct bw_str body;
	struct bw_form form;
	struct bw_route route;
	struct bw_faults faults;
	void *in;
};

static inline void case_begin(struct wire_case *c, const char *method, const char *path, const char *query)
{
	memset(c, 0, sizeof *c);
	bw_arena_init(&c->arena, 1 << 26);
	c->r.method = bw_str_c(method);
	c->r.path = bw_str_c(path);
	c->r.query = bw_str_c(query);
	c->body = BW_STR("");
}

static inline void case_header(struct wire_case *c, const char *name, const char *value)
{
	c->r.headers[c->r.header_count++] = (struct bw_http_header){bw_str_c(name), bw_str_c(value)};
}

static inline enum bw_err case_route(struct wire_case *c, const char *scope)
{
	return bw_route_request(&c->r, c->body, bw_str_c(scope), &c->arena, &c->form, &c->route);
}

static inline enum bw_err case_decode(struct wire_case *c)
{
	return bw_input_decode(
	    c->route.operation, &c->r, c->body, &c->form, &c->route, &c->arena, &c->in, &c->faults);
}

/* A query call signed for `scope`, up to the decoder's answer. */
static inline enum bw_err query_call_n(struct wire_case *c, const char *scope, struct bw_str body)
{
	case_begin(c, "POST", "/", NULL);
	case_header(c, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
	c->body = body;
	assert_ok(case_route(c, scope));
	return case_decode(c);
}

static inline enum bw_err query_call(struct wire_case *c, const char *scope, const char *body)
{
	return query_call_n(c, scope, bw_str_c(body));
}

static inline enum bw_err json_call_n(
    struct wire_case *c, const char *scope, const char *target, struct bw_str body)
{
	case_begin(c, "POST", "/", NULL);
	case_header(c, "Content-Type", "application/x-amz-json-1.1");
	case_header(c, "X-Amz-Target", target);
	c->body = body;
	assert_ok(case_route(c, scope));
	return case_decode(c);
}

static inline enum bw_err json_call(
    struct wire_case *c, const char *scope, const char *target, const char *body)
{
	return json_call_n(c, scope, target, bw_str_c(body));
}

static inline void case_end(struct wire_case *c)
{
	bw_arena_free(&c->arena);
}

/* The client's error for what the decoder found. */
#define assert_faults(c, code_, message_)                                                                    \
	do {                                                                                                 \
		struct bw_error_text e_;                                                                     \
		bw_faults_error((c)->route.operation, &(c)->faults, &(c)->arena, &e_);                       \
		assert_str(e_.message, message_);                                                            \
		assert_str(e_.code, code_);                                                                  \
		assert_int_equal(e_.status, 400);                                                            \
		case_end(c);                                                                                 \
	} while (0)
