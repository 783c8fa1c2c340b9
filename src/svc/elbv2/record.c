#include "svc/elbv2/elb.h"

/* Field numbers are for ever. */

static const struct bw_field load_balancer_fields[] = {
    BW_FIELD(1, STR, struct elb_load_balancer, name),
    BW_FIELD(2, STR, struct elb_load_balancer, id),
    BW_FIELD(3, STR, struct elb_load_balancer, type),
    BW_FIELD(4, I64, struct elb_load_balancer, created_ms),
    BW_FIELD(5, STR, struct elb_load_balancer, packed),
    BW_FIELD(6, PAIRS, struct elb_load_balancer, tags),
    BW_FIELD(7, PAIRS, struct elb_load_balancer, attributes),
    BW_FIELD(8, STR, struct elb_load_balancer, address),
    BW_FIELD(9, PAIRS, struct elb_load_balancer, interfaces),
    BW_FIELD(10, I64, struct elb_load_balancer, capacity_units),
    BW_FIELD(11, I64, struct elb_load_balancer, capacity_ms),
    BW_FIELD(12, I64, struct elb_load_balancer, capacity_decreases),
};

static const struct bw_field target_group_fields[] = {
    BW_FIELD(1, STR, struct elb_target_group, name),
    BW_FIELD(2, STR, struct elb_target_group, id),
    BW_FIELD(3, I64, struct elb_target_group, created_ms),
    BW_FIELD(4, STR, struct elb_target_group, packed),
    BW_FIELD(5, PAIRS, struct elb_target_group, tags),
    BW_FIELD(6, PAIRS, struct elb_target_group, attributes),
};

static const struct bw_field listener_fields[] = {
    BW_FIELD(1, STR, struct elb_listener, id),
    BW_FIELD(2, STR, struct elb_listener, load_balancer),
    BW_FIELD(3, STR, struct elb_listener, load_balancer_id),
    BW_FIELD(4, STR, struct elb_listener, type),
    BW_FIELD(5, STR, struct elb_listener, packed),
    BW_FIELD(6, PAIRS, struct elb_listener, tags),
    BW_FIELD(7, PAIRS, struct elb_listener, attributes),
    BW_FIELD(8, STRS, struct elb_listener, certificates),
    BW_FIELD(9, STR, struct elb_listener, default_rule),
};

static const struct bw_field rule_fields[] = {
    BW_FIELD(1, STR, struct elb_rule, id),
    BW_FIELD(2, STR, struct elb_rule, listener),
    BW_FIELD(3, STR, struct elb_rule, load_balancer),
    BW_FIELD(4, STR, struct elb_rule, load_balancer_id),
    BW_FIELD(5, STR, struct elb_rule, type),
    BW_FIELD(6, I64, struct elb_rule, priority),
    BW_FIELD(7, STR, struct elb_rule, packed),
    BW_FIELD(8, PAIRS, struct elb_rule, tags),
};

static const struct bw_field target_fields[] = {
    BW_FIELD(1, STR, struct elb_target, id),
    BW_FIELD(2, I64, struct elb_target, port),
    BW_FIELD(3, STR, struct elb_target, zone),
    BW_FIELD(4, I64, struct elb_target, registered_ms),
    BW_FIELD(5, I64, struct elb_target, draining_ms),
};

static const struct bw_field trust_store_fields[] = {
    BW_FIELD(1, STR, struct elb_trust_store, name),
    BW_FIELD(2, STR, struct elb_trust_store, id),
    BW_FIELD(3, I64, struct elb_trust_store, created_ms),
    BW_FIELD(4, PAIRS, struct elb_trust_store, tags),
    BW_FIELD(5, STR, struct elb_trust_store, bundle),
    BW_FIELD(6, I64, struct elb_trust_store, certificates),
    BW_FIELD(7, I64, struct elb_trust_store, next_revocation),
};

static const struct bw_field revocation_fields[] = {
    BW_FIELD(1, I64, struct elb_revocation, id),
    BW_FIELD(2, STR, struct elb_revocation, content),
    BW_FIELD(3, I64, struct elb_revocation, entries),
};

static const struct bw_record load_balancer_record =
    BW_RECORD("load-balancer", struct elb_load_balancer, load_balancer_fields);
static const struct bw_record target_group_record =
    BW_RECORD("target-group", struct elb_target_group, target_group_fields);
static const struct bw_record listener_record = BW_RECORD("listener", struct elb_listener, listener_fields);
static const struct bw_record rule_record = BW_RECORD("rule", struct elb_rule, rule_fields);
static const struct bw_record target_record = BW_RECORD("target", struct elb_target, target_fields);
static const struct bw_record trust_store_record =
    BW_RECORD("trust-store", struct elb_trust_store, trust_store_fields);
static const struct bw_record revocation_record =
    BW_RECORD("revocation", struct elb_revocation, revocation_fields);

#define PACKED(record_, type, shape_)                                                                        \
	{                                                                                                    \
		.record = &(record_), .shape = &(shape_), .packed_at = offsetof(type, packed),               \
		.shape_at = offsetof(type, shape)                                                            \
	}

const struct elb_kind elb_load_balancer_kind =
    PACKED(load_balancer_record, struct elb_load_balancer, elbv2_LoadBalancer_shape);
const struct elb_kind elb_target_group_kind =
    PACKED(target_group_record, struct elb_target_group, elbv2_TargetGroup_shape);
const struct elb_kind elb_listener_kind = PACKED(listener_record, struct elb_listener, elbv2_Listener_shape);
const struct elb_kind elb_rule_kind = PACKED(rule_record, struct elb_rule, elbv2_Rule_shape);
const struct elb_kind elb_target_kind = {.record = &target_record};
const struct elb_kind elb_trust_store_kind = {.record = &trust_store_record};
const struct elb_kind elb_revocation_kind = {.record = &revocation_record};

/* ---- Keys ---- */

struct bw_str elb_key(struct bw_call *call, const struct elb_kind *k, struct bw_str name)
{
	return bw_call_key(call, k->record->kind, name);
}

struct bw_str elb_index(struct bw_call *call, const char *index, struct bw_str name)
{
	return bw_call_key(call, index, name);
}

/* ---- Loading and saving ---- */

enum bw_err elb_unpack(struct bw_arena *arena, const struct elb_kind *k, void *record)
{
	if (!k->shape)
		return BW_OK;
	return bw_shape_unpack(*k->shape, *(struct bw_str *)((char *)record + k->packed_at), arena,
	    (char *)record + k->shape_at);
}

enum bw_err elb_load(struct bw_call *call, const struct elb_kind *k, struct bw_str name, void *to)
{
	TRY(bw_call_load(call, k->record, elb_key(call, k, name), to));
	return elb_unpack(call->arena, k, to);
}

void elb_save(struct bw_call *call, const struct elb_kind *k, struct bw_str name, void *from)
{
	if (k->shape)
		*(struct bw_str *)((char *)from + k->packed_at) =
		    bw_shape_pack(*k->shape, (char *)from + k->shape_at, call->arena);
	bw_call_save(call, k->record, elb_key(call, k, name), from);
}

void elb_delete(struct bw_call *call, const struct elb_kind *k, struct bw_str name)
{
	bw_call_delete(call, elb_key(call, k, name));
}

/* ---- Lists ---- */

static void *array_room(struct bw_call *call, void *v, size_t size, size_t n, size_t *room)
{
	void *more;

	if (n < *room)
		return v;
	*room = *room ? *room * 2 : 16;
	more = bw_arena_alloc_array(call->arena, size, *room);
	if (n)
		memcpy(more, v, n * size);
	return more;
}

static void guard(struct bw_call *call, struct bw_str prefix, size_t n)
{
	if (call->op && call->op->effect == BW_WRITE)
		bw_batch_read_prefix(&call->batch, prefix, bw_snapshot_seq(call->view), n);
}

enum bw_err elb_all(
    struct bw_call *call, const struct elb_kind *k, struct bw_str prefix, void *array, size_t *n)
{
	struct bw_str at = elb_key(call, k, prefix), key, bytes;
	size_t size = k->record->size, room = 0;
	char *v = NULL;
	struct bw_scan scan;
	enum bw_err e;

	*n = 0;
	TRY(bw_scan_begin(call->view, at, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, call->arena, &key, &bytes, NULL)) == BW_OK) {
		if (call->op && *n == ELB_LIST_MAX) {
			e = BW_ETOOBIG;
			break;
		}
		v = array_room(call, v, size, *n, &room);
		e = bw_record_decode(k->record, bytes, call->arena, v + *n * size);
		if (e == BW_OK)
			e = elb_unpack(call->arena, k, v + *n * size);
		if (e != BW_OK)
			break;
		++*n;
	}
	bw_scan_end(&scan);
	guard(call, at, *n);
	*(void **)array = v;
	return e == BW_ENOTFOUND || e == BW_OK ? BW_OK : e;
}

enum bw_err elb_names(struct bw_call *call, struct bw_str prefix, struct bw_strs *out)
{
	struct bw_str key;
	struct bw_scan scan;
	size_t room = 0;
	enum bw_err e;

	*out = (struct bw_strs){0};
	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, call->arena, &key, NULL, NULL)) == BW_OK) {
		if (call->op && out->n == ELB_LIST_MAX) {
			e = BW_ETOOBIG;
			break;
		}
		out->v = array_room(call, out->v, sizeof *out->v, out->n, &room);
		out->v[out->n++] = bw_str_sub(key, prefix.n, key.n);
	}
	bw_scan_end(&scan);
	guard(call, prefix, out->n);
	return e == BW_ENOTFOUND || e == BW_OK ? BW_OK : e;
}
