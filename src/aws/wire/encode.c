/* Successful answers in the service's protocol. */
#include "aws/wire/wire_internal.h"

#include "codec/xml.h"

void wire_headers_begin(struct bw_buf *headers, struct bw_str request_id, const char *content_type)
{
	bw_buf_put(headers, BW_STR("x-amzn-RequestId: "));
	bw_buf_put(headers, request_id);
	bw_buf_put(headers, BW_STR("\r\n"));
	if (!content_type)
		return;
	bw_buf_put(headers, BW_STR("Content-Type: "));
	bw_buf_put(headers, bw_str_c(content_type));
	bw_buf_put(headers, BW_STR("\r\n"));
}

/* The namespace of ec2's answers ends in '/', which its model leaves out. */
void wire_xml_begin(struct bw_buf *out, const struct bw_service *s, struct bw_str name)
{
	char xmlns[128];
	struct bw_str text = s ? bw_str_c(s->xmlns) : BW_STR_NONE;

	if (!bw_str_set(text)) {
		bw_xml_open(out, name);
		return;
	}
	MUST(text.n + 1 < sizeof xmlns);
	memcpy(xmlns, text.p, text.n);
	xmlns[text.n] = '/';
	bw_xml_open_ns(out, name, bw_str_make(xmlns, text.n + !bw_str_ends(text, BW_STR("/"))));
}

enum { NAME_MAX = 256 };

static struct bw_str response_name(const struct bw_operation *op, char room[NAME_MAX])
{
	struct bw_buf name = bw_buf_over(room, NAME_MAX);

	bw_buf_put(&name, bw_str_c(bw_at(op->name)));
	bw_buf_put(&name, BW_STR("Response"));
	MUST(!name.failed);
	return bw_buf_str(&name);
}

static void query_answer(
    const struct bw_operation *op, const void *out, struct bw_str request_id, struct bw_buf *body)
{
	char room[NAME_MAX];
	struct bw_str name = response_name(op, room);

	wire_xml_begin(body, bw_service_of(op), name);
	if (bw_at(op->result_wrapper))
		bw_xml_open(body, bw_str_c(bw_at(op->result_wrapper)));
	if (bw_at(op->output))
		wire_xml_members(body, bw_service_of(op), bw_at(op->output), out);
	if (bw_at(op->result_wrapper))
		bw_xml_close(body, bw_str_c(bw_at(op->result_wrapper)));
	bw_xml_open(body, BW_STR("ResponseMetadata"));
	bw_xml_element(body, BW_STR("RequestId"), request_id);
	bw_xml_close(body, BW_STR("ResponseMetadata"));
	bw_xml_close(body, name);
}

/* An operation without an output answers <return>true</return> in ec2. */
static void ec2_answer(
    const struct bw_operation *op, const void *out, struct bw_str request_id, struct bw_buf *body)
{
	char room[NAME_MAX];
	struct bw_str name = response_name(op, room);

	bw_buf_put(body, BW_STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
	wire_xml_begin(body, bw_service_of(op), name);
	bw_xml_element(body, BW_STR("requestId"), request_id);
	if (bw_at(op->output))
		wire_xml_members(body, bw_service_of(op), bw_at(op->output), out);
	else
		bw_xml_element(body, BW_STR("return"), BW_STR("true"));
	bw_xml_close(body, name);
}

/* ---- rest-json ---- */

/* A value that would begin another header line ends as a space. */
static void header_put(struct bw_buf *headers, const struct bw_member *m, const void *at)
{
	struct bw_buf text;

	bw_buf_init(&text, 8192);
	if (bw_at(m->shape)->kind == BW_SHAPE_STRING)
		bw_buf_put(&text, *(const struct bw_str *)at);
	else if (bw_at(m->shape)->kind == BW_SHAPE_INTEGER)
		bw_buf_put_i64(&text, ((const struct bw_opt_int *)at)->v);
	else if (bw_at(m->shape)->kind == BW_SHAPE_TIMESTAMP)
		wire_time_put(&text, m->time_format ? m->time_format : BW_TIME_RFC822, false,
		    ((const struct bw_opt_time *)at)->ms);
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ')
			text.p[i] = ' ';
	bw_buf_printf(headers, "%s: ", bw_at(m->wire));
	bw_buf_put(headers, bw_buf_str(&text));
	bw_buf_put(headers, BW_STR("\r\n"));
	bw_buf_free(&text);
}

static void rest_bound(const struct bw_shape *shape, const void *out, struct bw_buf *headers, int *status)
{
	for (const struct bw_member *m = bw_at(shape->members), *end = m + shape->member_count; m < end; m++) {
		const void *at = wire_member_at(m, out);

		if (!at || !wire_is_set(bw_at(m->shape), at))
			continue;
		if (m->location == BW_IN_HEADER)
			header_put(headers, m, at);
		if (m->location == BW_IN_STATUS)
			*status = (int)((const struct bw_opt_int *)at)->v;
	}
}

static void rest_answer(
    const struct bw_operation *op, const void *out, struct bw_buf *headers, struct bw_buf *body, int *status)
{
	const struct bw_member *payload = bw_at(op->output) ? bw_at(bw_at(op->output)->payload) : NULL;
	const void *at = payload ? wire_member_at(payload, out) : NULL;

	if (!bw_at(op->output)) {
		bw_buf_put(body, BW_STR("{}"));
		return;
	}
	rest_bound(bw_at(op->output), out, headers, status);
	if (!payload)
		wire_json_structure(body, bw_at(op->output), out);
	else if (bw_at(payload->shape)->kind == BW_SHAPE_STRUCTURE && at)
		wire_json_structure(body, bw_at(payload->shape), at);
	else if (bw_at(payload->shape)->kind != BW_SHAPE_STRUCTURE && wire_is_set(bw_at(payload->shape), at))
		bw_buf_put(body, *(const struct bw_str *)at);
}

const char *wire_json_type(const struct bw_service *s)
{
	if (s->protocol == BW_PROTOCOL_REST_JSON)
		return "application/json";
	return strcmp(s->json_version, "1.0") == 0 ? "application/x-amz-json-1.0"
	                                           : "application/x-amz-json-1.1";
}

void bw_output_encode(const struct bw_operation *op, const void *out, struct bw_str request_id,
    struct bw_buf *headers, struct bw_buf *body, int *status)
{
	*status = op->success_status ? op->success_status : 200;
	switch ((enum bw_protocol)bw_service_of(op)->protocol) {
	case BW_PROTOCOL_QUERY:
		wire_headers_begin(headers, request_id, "text/xml");
		query_answer(op, out, request_id, body);
		return;
	case BW_PROTOCOL_EC2:
		wire_headers_begin(headers, request_id, "text/xml;charset=UTF-8");
		ec2_answer(op, out, request_id, body);
		return;
	case BW_PROTOCOL_JSON:
		wire_headers_begin(headers, request_id, wire_json_type(bw_service_of(op)));
		/* An operation without an output answers with an empty body. */
		if (bw_at(op->output))
			wire_json_structure(body, bw_at(op->output), out);
		return;
	case BW_PROTOCOL_REST_JSON:
		wire_headers_begin(headers, request_id, wire_json_type(bw_service_of(op)));
		rest_answer(op, out, headers, body, status);
		return;
	}
}
