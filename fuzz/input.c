/* Requests of every protocol: routed, decoded, and what comes out written down again as audit record and as
 * error. The first bytes choose the operation, so that the fuzzer spends its time on inputs and not on names.
 */
#include "aws/pack.h"
#include "aws/wire/wire_internal.h"
#include "codec/json.h"
#include "codec/utf8.h"

static const struct bw_operation *choose(uint8_t service, uint8_t operation)
{
	size_t n = 0;

	while (bw_services[n])
		n++;
	return &bw_services[service % n]->operations[operation % bw_services[service % n]->operation_count];
}

/* The uri with its labels filled from the fuzzer's first line. */
static struct bw_str path_of(const struct bw_operation *op, struct bw_str line, struct bw_arena *arena)
{
	struct bw_str uri = bw_str_c(bw_at(op->uri)), path = BW_STR("");

	for (;;) {
		struct bw_str before = bw_str_cut(&uri, '{');

		path = bw_arena_printf(arena, "%.*s%.*s", BW_FMT(path), BW_FMT(before));
		if (!bw_str_set(uri))
			return path;
		bw_str_cut(&uri, '}');
		path = bw_arena_printf(arena, "%.*s%.*s", BW_FMT(path), BW_FMT(line));
	}
}

static void request_make(const struct bw_operation *op, struct bw_str rest, struct bw_arena *arena,
    struct bw_http_request *r, struct bw_str *body)
{
	const struct bw_service *s = bw_service_of(op);

	*r = (struct bw_http_request){.method = bw_str_c(bw_at(op->method)), .path = BW_STR("/")};
	*body = rest;
	if (s->protocol == BW_PROTOCOL_JSON) {
		r->headers[r->header_count++] = (struct bw_http_header){
		    BW_STR("X-Amz-Target"), bw_arena_printf(arena, "%s.%s", s->target_prefix, bw_at(op->name))};
	} else if (s->protocol == BW_PROTOCOL_REST_JSON) {
		r->query = bw_str_cut(body, '\n');
		r->path = path_of(op, bw_str_cut(body, '\n'), arena);
		r->headers[r->header_count++] =
		    (struct bw_http_header){BW_STR("x-amz-sso_bearer_token"), bw_str_cut(body, '\n')};
		if (!bw_str_set(*body))
			*body = BW_STR("");
	} else {
		char *text = bw_arena_alloc(arena, rest.n + 256);
		struct bw_str head = bw_arena_printf(arena, "Action=%s&Version=%s&", bw_at(op->name), s->version);

		memcpy(text, head.p, head.n);
		if (rest.n)
			memcpy(text + head.n, rest.p, rest.n);
		*body = bw_str_make(text, head.n + rest.n);
	}
}

/* What is packed unpacks to what packs to the same. */
static void packed_must_unpack(const struct bw_shape *shape, const void *in, struct bw_arena *arena)
{
	struct bw_str text = bw_shape_pack(shape, in, arena);
	void *again = bw_arena_alloc(arena, shape->size);

	MUST(bw_shape_unpack(shape, text, arena, again) == BW_OK || arena->over);
	MUST(bw_str_eq(text, bw_shape_pack(shape, again, arena)) || arena->over);
}

/* Whatever was decoded, its JSON forms must be JSON. */
static void written_must_read(const struct bw_operation *op, const void *in, struct bw_arena *arena)
{
	struct bw_json_value v;
	struct bw_buf text;

	bw_buf_init(&text, 64 << 20);
	bw_shape_audit(bw_at(op->input), in, &text);
	MUST(bw_json_parse(bw_buf_str(&text), arena, &v) == BW_OK);
	bw_buf_reset(&text);
	if (bw_at(op->input)) {
		wire_json_structure(&text, bw_at(op->input), in);
		MUST(bw_json_parse(bw_buf_str(&text), arena, &v) == BW_OK);
		if (bw_service_of(op)->protocol == BW_PROTOCOL_QUERY || bw_service_of(op)->protocol == BW_PROTOCOL_EC2)
			packed_must_unpack(bw_at(op->input), in, arena);
	}
	bw_buf_free(&text);
}

static void error_must_encode(
    const struct bw_service *s, const struct bw_http_request *r, const struct bw_error_text *e)
{
	struct bw_buf headers, body;

	bw_buf_init(&headers, 1 << 20);
	bw_buf_init(&body, 64 << 20);
	bw_error_encode(s, r, e, BW_STR("id"), &headers, &body);
	MUST(!headers.failed && !body.failed && bw_utf8_valid(bw_buf_str(&body)));
	bw_buf_free(&headers);
	bw_buf_free(&body);
}

static void run(
    const struct bw_http_request *r, struct bw_str body, struct bw_str scope, struct bw_arena *arena)
{
	struct bw_error_text e;
	struct bw_faults faults;
	struct bw_route route;
	struct bw_form form;
	void *in;

	if (bw_route_request(r, body, scope, arena, &form, &route) != BW_OK) {
		bw_route_error(&route, r, arena, &e);
		error_must_encode(route.service, r, &e);
		return;
	}
	if (bw_input_decode(route.operation, r, body, &form, &route, arena, &in, &faults) == BW_OK) {
		written_must_read(route.operation, in, arena);
		return;
	}
	MUST(faults.malformed || faults.n > 0);
	bw_faults_error(route.operation, &faults, arena, &e);
	error_must_encode(route.service, r, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_http_request r;
	struct bw_arena arena;
	struct bw_str body;

	if (size < 3)
		return 0;
	bw_arena_init(&arena, 64 << 20);
	if (data[0] % 8) {
		const struct bw_operation *op = choose(data[1], data[2]);

		request_make(op, bw_str_make(data + 3, size - 3), &arena, &r, &body);
		run(&r, body, bw_str_c(bw_service_of(op)->signing_name), &arena);
	} else {
		static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};

		body = bw_str_make(data + 2, size - 2);
		r = (struct bw_http_request){.method = bw_str_c(methods[data[1] % 4])};
		r.path = bw_str_cut(&body, '\n');
		r.query = bw_str_cut(&body, '\n');
		if (data[1] & 8)
			r.headers[r.header_count++] =
			    (struct bw_http_header){BW_STR("x-amz-target"), bw_str_cut(&body, '\n')};
		run(&r, bw_str_set(body) ? body : BW_STR(""), BW_STR_NONE, &arena);
	}
	bw_arena_free(&arena);
	return 0;
}
