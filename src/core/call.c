#include "core/internal.h"

#include <stdarg.h>
#include <stdio.h>

/* A model does not list every error of every operation: then another operation of the service tells what the code is. */
static const struct bw_shape *error_of(const struct bw_call *call, struct bw_str code)
{
	const struct bw_shape *shape = call->model ? bw_operation_error(call->model, code) : NULL;

	for (uint32_t i = 0; !shape && call->service && i < call->service->operation_count; i++)
		shape = bw_operation_error(&call->service->operations[i], code);
	return shape;
}

enum bw_err bw_call_fail(struct bw_call *call, const char *code, const char *fmt, ...)
{
	const struct bw_shape *shape = error_of(call, bw_str_c(code));
	char text[2048];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	MUST(n >= 0);
	if ((size_t)n >= sizeof text)
		n = sizeof text - 1;
	call->error = (struct bw_error_text){
	    .code = bw_str_c(code),
	    .message = bw_arena_str(call->arena, bw_str_make(text, (size_t)n)),
	    .status = shape && shape->error_status ? shape->error_status : strcmp(code, "AccessDenied") == 0 ? 403 : 400,
	    .sender = shape ? shape->error_sender : true,
	};
	return BW_EFAILED;
}

/* Our own fault: logged here with what the client is not told. */
static enum bw_err internal(struct bw_call *call, enum bw_err e, struct bw_str key)
{
	bw_log(BW_LOG_ERROR, "request %.*s: record %.*s: %s", BW_FMT(call->request_id), BW_FMT(key), bw_err_name(e));
	return gate_fail(gate_call_of(call), "ServiceFailure", 500,
	    "The request processing has failed because of an unknown error, exception or failure.");
}

struct bw_str bw_call_key(const struct bw_call *call, const char *kind, struct bw_str name)
{
	return BW_JOIN(call->arena, call->account, BW_STR("/"), call->service->global ? BW_STR("global") : call->region,
	    BW_STR("/"), bw_str_c(call->service->name), BW_STR("/"), bw_str_c(kind), BW_STR("/"), name);
}

static bool writes(const struct bw_call *call)
{
	return call->op && call->op->effect != BW_READ;
}

enum bw_err bw_call_load(struct bw_call *call, const struct bw_record *r, struct bw_str key, void *to)
{
	struct bw_str bytes;
	uint64_t version;
	enum bw_err e = bw_snapshot_get(call->view, key, call->arena, &bytes, &version);

	if (writes(call) && (e == BW_OK || e == BW_ENOTFOUND))
		bw_batch_read(&call->batch, key, version);
	if (e == BW_ENOTFOUND)
		return e;
	if (e == BW_OK)
		e = bw_record_decode(r, bytes, call->arena, to);
	return e == BW_OK ? BW_OK : internal(call, e, key);
}

bool bw_call_exists(struct bw_call *call, struct bw_str key)
{
	uint64_t version = bw_snapshot_version(call->view, key);

	if (writes(call))
		bw_batch_read(&call->batch, key, version);
	return version != 0;
}

enum { RECORD_USUAL = 1024 };

static void save_large(struct bw_call *call, const struct bw_record *r, struct bw_str key, const void *from)
{
	struct bw_buf bytes;

	bw_buf_init(&bytes, BW_STORE_VALUE_MAX);
	bw_record_encode(r, from, &bytes);
	MUST(!bytes.failed); /* the services' own limits keep records far below the ceiling */
	bw_batch_put(&call->batch, key, bw_buf_str(&bytes));
	bw_buf_free(&bytes);
}

void bw_call_save(struct bw_call *call, const struct bw_record *r, struct bw_str key, const void *from)
{
	char room[RECORD_USUAL];
	struct bw_buf bytes = bw_buf_over(room, sizeof room);

	bw_record_encode(r, from, &bytes);
	if (bytes.failed)
		save_large(call, r, key, from);
	else
		bw_batch_put(&call->batch, key, bw_buf_str(&bytes));
	bw_wipe(room, sizeof room);
}

void bw_call_note(struct bw_call *call, const struct bw_record *r, struct bw_str key, const void *from)
{
	struct bw_buf bytes;

	bw_buf_init(&bytes, BW_STORE_VALUE_MAX);
	bw_record_encode(r, from, &bytes);
	MUST(!bytes.failed);
	lane_note(gate_call_of(call)->lane, key, bw_buf_str(&bytes));
	bw_buf_free(&bytes);
}

struct bw_str bw_call_event_id(struct bw_call *call)
{
	if (!bw_str_set(call->event_id))
		call->event_id = bw_uuid_new(call->arena);
	return call->event_id;
}

void bw_call_delete(struct bw_call *call, struct bw_str key)
{
	bw_batch_delete(&call->batch, key);
}

void bw_call_mark(struct bw_call *call, struct bw_str key)
{
	bw_batch_put(&call->batch, key, BW_STR(""));
}

size_t bw_call_count_under(struct bw_call *call, struct bw_str prefix, size_t most)
{
	struct bw_scan scan;
	struct bw_str key;
	size_t n = 0;

	if (bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan) != BW_OK)
		return 0;
	while (n < most && bw_scan_next(&scan, call->arena, &key, NULL, NULL) == BW_OK)
		n++;
	bw_scan_end(&scan);
	/* A count that was cut short says "at least one"; only whole counts can be guarded, and only those need it. */
	if (writes(call) && n < most)
		bw_batch_read_prefix(&call->batch, prefix, bw_snapshot_seq(call->view), n);
	return n;
}

struct bw_str bw_call_input(const struct bw_call *call, const char *member)
{
	const struct bw_shape *shape = call->model ? bw_at(call->model->input) : NULL;

	for (uint32_t i = 0; shape && call->in && i < shape->member_count; i++) {
		const struct bw_member *m = &bw_at(shape->members)[i];

		if (bw_at(m->shape)->kind == BW_SHAPE_STRING && strcmp(bw_at(m->name), member) == 0)
			return *(const struct bw_str *)((const char *)call->in + m->offset);
	}
	return BW_STR_NONE;
}

void bw_call_resource(struct bw_call *call, struct bw_str arn)
{
	struct bw_arn parts;

	call->resource = arn;
	call->resource_said = BW_STR_NONE;
	if (bw_arn_parse(arn, &parts) == BW_OK && parts.account.n == 12)
		call->resource_account = parts.account;
}

void bw_call_resource_said(struct bw_call *call, struct bw_str words)
{
	call->resource_said = words;
}

void bw_call_resource_account(struct bw_call *call, struct bw_str account)
{
	call->resource_account = account;
}

void bw_call_resource_policy(struct bw_call *call, struct bw_policy *policy, struct bw_str id, bool must_allow)
{
	call->resource_policy = (struct bw_policy_ref){policy, id};
	call->resource_must_allow = must_allow;
}

static void key_add(struct bw_call *call, struct bw_context_key **keys, size_t *count, size_t *room, struct bw_context_key key)
{
	if (*count == *room) {
		size_t wider = *room ? *room * 2 : 32;
		struct bw_context_key *more = BW_NEW_ARRAY(call->arena, struct bw_context_key, wider);

		if (*count)
			memcpy(more, *keys, *count * sizeof **keys);
		*keys = more;
		*room = wider;
	}
	(*keys)[(*count)++] = key;
}

static struct bw_context_key key_of(struct bw_call *call, struct bw_str name, struct bw_str value)
{
	struct bw_str *one = BW_NEW(call->arena, struct bw_str);

	*one = value;
	return (struct bw_context_key){.name = name, .values = one, .count = 1};
}

void bw_call_context_list(struct bw_call *call, struct bw_str name, const struct bw_str *values, size_t n)
{
	key_add(call, &call->keys, &call->key_count, &call->key_room,
	    (struct bw_context_key){.name = name, .values = values, .count = n, .multi = true});
}

void bw_call_context(struct bw_call *call, struct bw_str name, struct bw_str value)
{
	if (bw_str_set(value))
		key_add(call, &call->keys, &call->key_count, &call->key_room, key_of(call, name, value));
}

void bw_also_context_list(struct bw_call *call, struct bw_also *also, struct bw_str name, const struct bw_str *values, size_t n)
{
	key_add(call, &also->keys, &also->key_count, &also->key_room,
	    (struct bw_context_key){.name = name, .values = values, .count = n, .multi = true});
}

void bw_also_context(struct bw_call *call, struct bw_also *also, struct bw_str name, struct bw_str value)
{
	if (bw_str_set(value))
		key_add(call, &also->keys, &also->key_count, &also->key_room, key_of(call, name, value));
}

void bw_call_resource_tags(struct bw_call *call, const struct bw_pairs *tags, bool service_prefix)
{
	for (size_t i = 0; i < tags->n; i++) {
		bw_call_context(call, bw_arena_printf(call->arena, "aws:ResourceTag/%.*s", BW_FMT(tags->v[i].key)),
		    tags->v[i].value);
		if (service_prefix)
			bw_call_context(call,
			    bw_arena_printf(call->arena, "%s:ResourceTag/%.*s", call->service->prefix,
			        BW_FMT(tags->v[i].key)),
			    tags->v[i].value);
	}
}

static struct bw_also *also_new(struct bw_call *call, struct bw_str action, struct bw_str resource)
{
	struct bw_also *also = BW_NEW(call->arena, struct bw_also), **at = &call->also;

	*also = (struct bw_also){.action = action, .resource = resource};
	while (*at)
		at = &(*at)->next;
	*at = also;
	return also;
}

void bw_call_also(struct bw_call *call, struct bw_str action, struct bw_str resource, struct bw_str key, struct bw_str value)
{
	bw_also_context(call, also_new(call, action, resource), key, value);
}

struct bw_also *bw_call_also_on(struct bw_call *call, struct bw_str action, struct bw_str resource)
{
	struct bw_also *also = also_new(call, action, resource);

	also->alone = true;
	return also;
}

enum bw_err bw_call_policy(struct bw_call *call, struct bw_str document, enum bw_policy_kind kind, const char *code,
    struct bw_policy **out)
{
	struct gate_call *g = gate_call_of(call);
	struct bw_policy_error error;

	if (policy_cache_get(call->core->policies, document, kind, out, &error) != BW_OK)
		return bw_call_fail(call, code ? code : "MalformedPolicyDocument", "%s", error.text);
	if (g->policy_count == g->policy_room) {
		g->policy_room = g->policy_room ? g->policy_room * 2 : 8;
		g->policies = bw_realloc(g->policies, g->policy_room * sizeof(void *));
	}
	g->policies[g->policy_count++] = *out;
	return BW_OK;
}
