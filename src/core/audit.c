#include "core/internal.h"

#include "codec/json.h"
#include "codec/time.h"

/* CloudTrail User Guide, "CloudTrail record contents", event version 1.11. Secrets never get here: the shapes mark them. */

enum {
	NAME_SHOWN = 128,     /* of the name of an operation that is none; AWS's longest has 64 letters */
	AGENT_SHOWN = 1024,   /* CloudTrail's own ceiling */
	STRANGER_SHOWN = 224, /* as written, of each text that somebody sends who has proven nothing: five at most, and
	                         what is ours stays below STRANGER_RECORD_MAX */
};

/* What bw_json_put_str makes of a byte at most. */
static size_t written_bytes(unsigned char c)
{
	if (c < ' ' || c > '~')
		return 6;
	return c == '"' || c == '\\' ? 2 : 1;
}

/* A text that came with the call, cut when nobody answers for its length. */
static struct bw_str shown(const struct gate_call *g, struct bw_str text)
{
	size_t n = 0, written = 0;

	if (g->call.caller)
		return text;
	while (n < text.n && (written += written_bytes((unsigned char)text.p[n])) <= STRANGER_SHOWN)
		n++;
	return bw_str_sub(text, 0, n);
}

struct members {
	struct bw_buf *out;
	bool any;
};

static void name_put(struct members *m, const char *name)
{
	if (m->any)
		bw_buf_put_c(m->out, ',');
	m->any = true;
	bw_buf_put_c(m->out, '"');
	bw_buf_put(m->out, bw_str_c(name));
	bw_buf_put(m->out, BW_STR("\":"));
}

static void str_put(struct members *m, const char *name, struct bw_str value)
{
	if (!bw_str_set(value))
		return;
	name_put(m, name);
	bw_json_put_str(m->out, value);
}

static void bool_put(struct members *m, const char *name, bool value)
{
	name_put(m, name);
	bw_buf_put(m->out, value ? BW_STR("true") : BW_STR("false"));
}

static void time_put(struct members *m, const char *name, int64_t ms)
{
	name_put(m, name);
	bw_buf_put_c(m->out, '"');
	bw_time_put_iso8601(ms, m->out);
	bw_buf_put_c(m->out, '"');
}

static struct members object_begin(struct members *outer, const char *name)
{
	name_put(outer, name);
	bw_buf_put_c(outer->out, '{');
	return (struct members){outer->out, false};
}

static void object_end(struct members *m)
{
	bw_buf_put_c(m->out, '}');
}

static const char *const identity_types[] = {
    [BW_PRINCIPAL_ANONYMOUS] = "Unknown",
    [BW_PRINCIPAL_ROOT] = "Root",
    [BW_PRINCIPAL_USER] = "IAMUser",
    [BW_PRINCIPAL_ROLE] = "AssumedRole",
    [BW_PRINCIPAL_FEDERATED] = "FederatedUser",
    [BW_PRINCIPAL_WEB] = "WebIdentityUser",
    [BW_PRINCIPAL_SERVICE] = "AWSService",
};

static void session_put(struct members *identity, const struct bw_caller *c)
{
	struct members session, part;
	bool role = c->kind == BW_PRINCIPAL_ROLE;

	if (!c->temporary)
		return;
	session = object_begin(identity, "sessionContext");
	if (role || c->kind == BW_PRINCIPAL_FEDERATED) {
		part = object_begin(&session, "sessionIssuer");
		str_put(&part, "type", role ? BW_STR("Role") : bw_str_set(c->name) ? BW_STR("IAMUser") : BW_STR("Root"));
		str_put(&part, "principalId", c->entity_id);
		str_put(&part, "arn", c->issuer_arn);
		str_put(&part, "accountId", c->account);
		str_put(&part, "userName", c->name);
		object_end(&part);
	}
	if (bw_str_set(c->provider)) {
		part = object_begin(&session, "webIdFederationData");
		str_put(&part, "federatedProvider", c->provider);
		object_end(&part);
	}
	part = object_begin(&session, "attributes");
	time_put(&part, "creationDate", c->issued_ms);
	str_put(&part, "mfaAuthenticated", c->mfa ? BW_STR("true") : BW_STR("false"));
	object_end(&part);
	str_put(&session, "sourceIdentity", c->source_identity);
	object_end(&session);
}

static void identity_put(struct members *record, struct gate_call *g)
{
	const struct bw_caller *c = g->call.caller;
	struct members m = object_begin(record, "userIdentity");

	str_put(&m, "type", bw_str_c(identity_types[c ? c->kind : BW_PRINCIPAL_ANONYMOUS]));
	if (c && c->kind == BW_PRINCIPAL_WEB) {
		str_put(&m, "principalId", c->id);
		str_put(&m, "userName", c->name);
		str_put(&m, "identityProvider", c->provider);
	} else if (c) {
		str_put(&m, "principalId", c->id);
		str_put(&m, "arn", c->arn);
		str_put(&m, "accountId", c->account);
		str_put(&m, "accessKeyId", c->key_id);
		if (c->kind == BW_PRINCIPAL_USER)
			str_put(&m, "userName", c->name);
		session_put(&m, c);
	} else if (g->signature.form != BW_SIGV4_NONE) {
		/* Who it claimed to be; nothing of it was proven. */
		str_put(&m, "accessKeyId", shown(g, g->signature.key_id));
	}
	object_end(&m);
}

static void event_put(struct members *m, struct gate_call *g)
{
	const struct bw_call *call = &g->call;
	const struct bw_service *s = call->service;

	time_put(m, "eventTime", call->now_ms);
	str_put(m, "eventSource", s ? bw_str_c(s->event_source) : BW_STR("unknown.amazonaws.com"));
	str_put(m, "eventName",
	    call->model ? bw_str_c(bw_at(call->model->name))
	    : bw_str_set(g->route.operation_name) ? shown(g, bw_str_sub(g->route.operation_name, 0, NAME_SHOWN))
	                                          : BW_STR("Unknown"));
	str_put(m, "awsRegion", s && s->global ? BW_STR("us-east-1") : call->region);
	str_put(m, "sourceIPAddress", g->exchange->peer_address);
	str_put(m, "userAgent",
	    shown(g, bw_str_sub(bw_http_header(g->exchange->request, BW_STR("user-agent"), NULL), 0, AGENT_SHOWN)));
}

/* CloudTrail tells codes in its own way: EC2's with the side that is at fault, a denial under one name for all services. */
static void code_put(struct members *m, const struct bw_call *call)
{
	struct bw_str code = call->error.code;

	name_put(m, "errorCode");
	if (call->service && call->service->protocol == BW_PROTOCOL_EC2)
		code = BW_JOIN(call->arena, call->error.status < 500 ? BW_STR("Client.") : BW_STR("Server."), code);
	else if (bw_str_eq(code, BW_STR("AccessDeniedException")))
		code = BW_STR("AccessDenied");
	bw_json_put_str(m->out, code);
}

static void outcome_put(struct members *m, struct gate_call *g)
{
	const struct bw_call *call = &g->call;
	bool failed = g->result != BW_OK;
	bool told = call->op && (call->op->effect == BW_WRITE || call->op->answer_told);

	if (failed) {
		code_put(m, call);
		str_put(m, "errorMessage", shown(g, call->error.message));
	}
	name_put(m, "requestParameters");
	bw_shape_audit(call->model ? bw_at(call->model->input) : NULL, call->in, m->out);
	name_put(m, "responseElements");
	bw_shape_audit(call->model && told ? bw_at(call->model->output) : NULL, failed || !told ? NULL : call->out, m->out);
	if (g->denial.n) {
		struct members extra = object_begin(m, "additionalEventData");

		str_put(&extra, "encodedAuthorizationMessage", g->denial);
		object_end(&extra);
	}
}

/* ---- What it was done to: of the services for which CloudTrail tells it (KMS Developer Guide and IAM User Guide, their pages on logging
 * with CloudTrail) ---- */

static const struct {
	const char *service;           /* that was called */
	const char *of, *kind, *type;  /* in the ARN, and CloudTrail's name for it */
} resource_types[] = {
    {"kms", "kms", "key/", "AWS::KMS::Key"},
    {"kms", "kms", "alias/", "AWS::KMS::Alias"},
    {"sts", "iam", "role/", "AWS::IAM::Role"},
};

static bool tells_resources(const struct bw_service *s)
{
	size_t i = 0;

	while (i < BW_COUNT(resource_types) && strcmp(s->name, resource_types[i].service) != 0)
		i++;
	return i < BW_COUNT(resource_types);
}

static void resource_put(struct members *m, const struct bw_call *call, struct bw_str text)
{
	struct members one = {m->out, false};
	struct bw_arn arn;

	if (bw_arn_parse(text, &arn) != BW_OK || bw_str_find(text, '*', 0) >= 0)
		return;
	for (size_t i = 0; i < BW_COUNT(resource_types); i++) {
		if (strcmp(call->service->name, resource_types[i].service) != 0 ||
		    !bw_str_eq(arn.service, bw_str_c(resource_types[i].of)) ||
		    !bw_str_starts(arn.resource, bw_str_c(resource_types[i].kind)))
			continue;
		if (m->any)
			bw_buf_put_c(m->out, ',');
		else
			bw_buf_put(m->out, BW_STR(",\"resources\":["));
		m->any = true;
		bw_buf_put_c(m->out, '{');
		str_put(&one, "accountId", arn.account);
		str_put(&one, "type", bw_str_c(resource_types[i].type));
		str_put(&one, "ARN", text);
		bw_buf_put_c(m->out, '}');
	}
}

static bool told_before(const struct bw_call *call, const struct bw_also *also)
{
	const struct bw_also *other = call->also;

	while (other != also && !bw_str_eq(other->resource, also->resource))
		other = other->next;
	return other != also || bw_str_eq(call->resource, also->resource);
}

static void resources_put(struct bw_buf *out, const struct bw_call *call)
{
	struct members list = {out, false};

	if (!call->service || !tells_resources(call->service) || !bw_str_set(call->resource))
		return;
	resource_put(&list, call, call->resource);
	for (const struct bw_also *also = call->also; also; also = also->next)
		if (!told_before(call, also))
			resource_put(&list, call, also->resource);
	if (list.any)
		bw_buf_put_c(out, ']');
}

/* Whether it could have changed something. Of a call that was refused before its row was looked at, too. */
static bool is_read_only(const struct bw_call *call)
{
	const struct bw_op *row = call->op;

	if (!row && call->model)
		row = registry_row(call->core, call->service, call->model);
	return !row || row->effect != BW_WRITE;
}

static void tls_put(struct members *m, struct gate_call *g)
{
	const struct bw_http_exchange *x = g->exchange;
	struct members tls;

	if (!x->tls)
		return;
	tls = object_begin(m, "tlsDetails");
	str_put(&tls, "tlsVersion", x->tls_version);
	str_put(&tls, "cipherSuite", x->tls_cipher);
	str_put(&tls, "clientProvidedHostHeader", shown(g, x->request->host));
	object_end(&tls);
}

void audit_record(struct gate_call *g, struct bw_buf *out)
{
	struct members m = {out, false};

	bw_buf_put_c(out, '{');
	str_put(&m, "eventVersion", BW_STR("1.11"));
	identity_put(&m, g);
	event_put(&m, g);
	outcome_put(&m, g);
	str_put(&m, "requestID", g->call.request_id);
	str_put(&m, "eventID", bw_call_event_id(&g->call));
	bool_put(&m, "readOnly", is_read_only(&g->call));
	resources_put(out, &g->call);
	str_put(&m, "eventType", BW_STR("AwsApiCall"));
	bool_put(&m, "managementEvent", true);
	str_put(&m, "recipientAccountId", g->call.account);
	str_put(&m, "eventCategory", BW_STR("Management"));
	tls_put(&m, g);
	bw_buf_put_c(out, '}');
}

/* CloudTrail User Guide, "Non-API events captured by CloudTrail". */
void audit_event(const struct audit_event *e, struct bw_buf *out)
{
	static const struct bw_str internal = {"AWS Internal", 12};
	struct members m = {out, false}, part;

	bw_buf_put_c(out, '{');
	str_put(&m, "eventVersion", BW_STR("1.11"));
	part = object_begin(&m, "userIdentity");
	str_put(&part, "accountId", e->account);
	str_put(&part, "invokedBy", internal);
	object_end(&part);
	time_put(&m, "eventTime", e->when_ms);
	str_put(&m, "eventSource", e->source);
	str_put(&m, "eventName", e->name);
	str_put(&m, "awsRegion", e->region);
	str_put(&m, "sourceIPAddress", internal);
	str_put(&m, "userAgent", internal);
	str_put(&m, "eventID", e->id);
	bool_put(&m, "readOnly", false);
	str_put(&m, "eventType", BW_STR("AwsServiceEvent"));
	bool_put(&m, "managementEvent", true);
	str_put(&m, "recipientAccountId", e->account);
	part = object_begin(&m, "serviceEventDetails");
	str_put(&part, "subject", e->subject);
	object_end(&part);
	str_put(&m, "eventCategory", BW_STR("Management"));
	bw_buf_put_c(out, '}');
}

void audit_task(struct gate_call *g, struct bw_str subject, struct bw_str event, struct bw_buf *out)
{
	struct bw_call *call = &g->call;
	const struct audit_event e = {.source = bw_str_c(call->service->event_source), .name = event, .account = call->account,
	    .region = call->region, .id = bw_call_event_id(call), .subject = subject, .when_ms = call->now_ms};

	audit_event(&e, out);
}
