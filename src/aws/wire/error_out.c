/* Errors in the service's protocol. */
#include "aws/wire/wire_internal.h"

#include "codec/json.h"
#include "codec/xml.h"

static const struct bw_shape *error_shape(const struct bw_service *s, struct bw_str code)
{
	for (uint32_t i = 0; i < s->operation_count; i++) {
		const struct bw_shape *shape = bw_operation_error(&s->operations[i], code);

		if (shape)
			return shape;
	}
	return NULL;
}

/* "message" or "Message", as the error's shape spells it. Errors of AWS's framework have no shape: it writes
 * "Message" for a denial and for bytes it cannot read, and "message" for the rest (recorded answers). */
static struct bw_str message_name(const struct bw_service *s, struct bw_str code)
{
	const struct bw_shape *shape = s ? error_shape(s, code) : NULL;

	if (!shape)
		return bw_str_eq(code, BW_STR("AccessDeniedException")) ||
		               bw_str_eq(code, BW_STR("SerializationException"))
		           ? BW_STR("Message")
		           : BW_STR("message");
	for (const struct bw_member *m = bw_at(shape->members), *end = m + shape->member_count; m < end; m++)
		if (bw_str_eq_nocase(bw_str_c(bw_at(m->wire)), BW_STR("message")))
			return bw_str_c(bw_at(m->wire));
	return BW_STR("message");
}

static void json_member(struct bw_buf *body, struct bw_str name, struct bw_str value)
{
	if (body->n > 1)
		bw_buf_put_c(body, ',');
	bw_json_put_str(body, name);
	bw_buf_put_c(body, ':');
	bw_json_put_str(body, value);
}

static void json_error(
    const struct bw_service *s, const struct bw_error_text *e, bool typed, struct bw_buf *body)
{
	bw_buf_put_c(body, '{');
	if (typed)
		json_member(body, BW_STR("__type"), e->code);
	if (e->message.n)
		json_member(body, message_name(s, e->code), e->message);
	for (size_t i = 0; i < e->member_count; i++)
		json_member(body, e->members[i].name, e->members[i].value);
	bw_buf_put_c(body, '}');
}

static void error_element(const struct bw_error_text *e, bool type, struct bw_buf *body)
{
	bw_xml_open(body, BW_STR("Error"));
	if (type)
		bw_xml_element(body, BW_STR("Type"), e->sender ? BW_STR("Sender") : BW_STR("Receiver"));
	bw_xml_element(body, BW_STR("Code"), e->code);
	bw_xml_element(body, BW_STR("Message"), e->message);
	for (size_t i = 0; i < e->member_count; i++)
		bw_xml_element(body, e->members[i].name, e->members[i].value);
	bw_xml_close(body, BW_STR("Error"));
}

static void query_error(
    const struct bw_service *s, const struct bw_error_text *e, struct bw_str request_id, struct bw_buf *body)
{
	wire_xml_begin(body, s, BW_STR("ErrorResponse"));
	error_element(e, true, body);
	bw_xml_element(body, BW_STR("RequestId"), request_id);
	bw_xml_close(body, BW_STR("ErrorResponse"));
}

static void ec2_error(const struct bw_error_text *e, struct bw_str request_id, struct bw_buf *body)
{
	bw_buf_put(body, BW_STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
	bw_xml_open(body, BW_STR("Response"));
	bw_xml_open(body, BW_STR("Errors"));
	error_element(e, false, body);
	bw_xml_close(body, BW_STR("Errors"));
	bw_xml_element(body, BW_STR("RequestID"), request_id);
	bw_xml_close(body, BW_STR("Response"));
}

/* For a service unknown: the content type tells which kind of client asks. */
static const char *guess_json(const struct bw_http_request *r)
{
	struct bw_str type = bw_http_header(r, BW_STR("content-type"), NULL);

	if (bw_str_starts_nocase(type, BW_STR("application/x-amz-json-1.0")))
		return "application/x-amz-json-1.0";
	if (bw_str_starts_nocase(type, BW_STR("application/x-amz-json-")))
		return "application/x-amz-json-1.1";
	return NULL;
}

bool bw_request_is_json(const struct bw_http_request *r)
{
	return guess_json(r) != NULL;
}

void bw_error_encode(const struct bw_service *service, const struct bw_http_request *r,
    const struct bw_error_text *e, struct bw_str request_id, struct bw_buf *headers, struct bw_buf *body)
{
	bool json =
	    service && (service->protocol == BW_PROTOCOL_JSON || service->protocol == BW_PROTOCOL_REST_JSON);
	const char *json_type = json ? wire_json_type(service) : service ? NULL : guess_json(r);
	bool rest = service && service->protocol == BW_PROTOCOL_REST_JSON;

	if (json_type) {
		wire_headers_begin(headers, request_id, json_type);
		if (rest)
			bw_buf_printf(headers, "x-amzn-ErrorType: %.*s\r\n", BW_FMT(e->code));
		json_error(service, e, !rest, body);
		return;
	}
	if (service && service->protocol == BW_PROTOCOL_EC2) {
		wire_headers_begin(headers, request_id, "text/xml;charset=UTF-8");
		ec2_error(e, request_id, body);
		return;
	}
	wire_headers_begin(headers, request_id, "text/xml");
	query_error(service, e, request_id, body);
}
