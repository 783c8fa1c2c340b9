#include "core/network_internal.h"

#include "base/sys.h"

/* Field numbers are for ever: a removed field's number is never used again. */

static const struct bw_field vpc_fields[] = {
    BW_FIELD(1, STR, struct bw_vpc, id),
    BW_FIELD(2, STR, struct bw_vpc, cidr),
    BW_FIELD(3, STR, struct bw_vpc, tenancy),
    BW_FIELD(4, BOOL, struct bw_vpc, is_default),
    BW_FIELD(5, BOOL, struct bw_vpc, dns_support),
    BW_FIELD(6, BOOL, struct bw_vpc, dns_hostnames),
    BW_FIELD(7, BOOL, struct bw_vpc, address_metrics),
    BW_FIELD(8, I64, struct bw_vpc, created_ms),
    BW_FIELD(9, STR, struct bw_vpc, cidr_association),
    BW_FIELD(10, STR, struct bw_vpc, dhcp_options),
    BW_FIELD(11, STR, struct bw_vpc, route_table),
    BW_FIELD(12, STR, struct bw_vpc, route_association),
    BW_FIELD(13, STR, struct bw_vpc, network_acl),
    BW_FIELD(14, STR, struct bw_vpc, group),
    BW_FIELD(15, STR, struct bw_vpc, ipv6_cidr),
    BW_FIELD(16, STR, struct bw_vpc, ipv6_association),
};

static const struct bw_field subnet_fields[] = {
    BW_FIELD(1, STR, struct bw_subnet, id),
    BW_FIELD(2, STR, struct bw_subnet, vpc),
    BW_FIELD(3, STR, struct bw_subnet, cidr),
    BW_FIELD(4, STR, struct bw_subnet, zone),
    BW_FIELD(5, STR, struct bw_subnet, zone_id),
    BW_FIELD(6, BOOL, struct bw_subnet, default_for_zone),
    BW_FIELD(7, BOOL, struct bw_subnet, public_addresses),
    BW_FIELD(8, STR, struct bw_subnet, acl_association),
    BW_FIELD(9, STR, struct bw_subnet, hostname_type),
    BW_FIELD(10, BOOL, struct bw_subnet, name_a_record),
    BW_FIELD(11, BOOL, struct bw_subnet, name_aaaa_record),
    BW_FIELD(12, BOOL, struct bw_subnet, dns64),
    BW_FIELD(13, I64, struct bw_subnet, created_ms),
    BW_FIELD(14, STR, struct bw_subnet, ipv6_cidr),
    BW_FIELD(15, STR, struct bw_subnet, ipv6_association),
    BW_FIELD(16, BOOL, struct bw_subnet, ipv6_on_creation),
};

static const struct bw_field internet_gateway_fields[] = {
    BW_FIELD(1, STR, struct bw_internet_gateway, id),
    BW_FIELD(2, STR, struct bw_internet_gateway, vpc),
};

static const struct bw_field security_group_fields[] = {
    BW_FIELD(1, STR, struct bw_security_group, id),
    BW_FIELD(2, STR, struct bw_security_group, name),
    BW_FIELD(3, STR, struct bw_security_group, description),
    BW_FIELD(4, STR, struct bw_security_group, vpc),
    BW_FIELD(5, I64, struct bw_security_group, created_ms),
    BW_FIELD(6, STRS, struct bw_security_group, rules),
    BW_FIELD(7, STRS, struct bw_security_group, vpcs),
};

static const struct bw_field group_rule_fields[] = {
    BW_FIELD(1, STR, struct bw_group_rule, id),
    BW_FIELD(2, BOOL, struct bw_group_rule, egress),
    BW_FIELD(3, STR, struct bw_group_rule, protocol),
    BW_FIELD(4, I64, struct bw_group_rule, from_port),
    BW_FIELD(5, I64, struct bw_group_rule, to_port),
    BW_FIELD(6, STR, struct bw_group_rule, cidr),
    BW_FIELD(7, STR, struct bw_group_rule, prefix_list),
    BW_FIELD(8, STR, struct bw_group_rule, group),
    BW_FIELD(9, STR, struct bw_group_rule, description),
};

static const struct bw_field network_interface_fields[] = {
    BW_FIELD(1, STR, struct bw_network_interface, id),
    BW_FIELD(2, STR, struct bw_network_interface, subnet),
    BW_FIELD(3, STR, struct bw_network_interface, vpc),
    BW_FIELD(4, STR, struct bw_network_interface, zone),
    BW_FIELD(5, STR, struct bw_network_interface, zone_id),
    BW_FIELD(6, STR, struct bw_network_interface, description),
    BW_FIELD(7, STR, struct bw_network_interface, type),
    BW_FIELD(8, STR, struct bw_network_interface, mac),
    BW_FIELD(9, STR, struct bw_network_interface, address),
    BW_FIELD(10, STR, struct bw_network_interface, public_address),
    BW_FIELD(11, STRS, struct bw_network_interface, more_addresses),
    BW_FIELD(12, STRS, struct bw_network_interface, groups),
    BW_FIELD(13, BOOL, struct bw_network_interface, source_check),
    BW_FIELD(14, STR, struct bw_network_interface, requester),
    BW_FIELD(15, STR, struct bw_network_interface, attachment),
    BW_FIELD(16, I64, struct bw_network_interface, created_ms),
    BW_FIELD(17, I64, struct bw_network_interface, attached_ms),
    BW_FIELD(18, STR, struct bw_network_interface, token),
    BW_FIELD(19, STRS, struct bw_network_interface, ipv6_addresses),
};

static const struct bw_field prefix_list_fields[] = {
    BW_FIELD(1, STR, struct bw_prefix_list, id),
    BW_FIELD(2, STR, struct bw_prefix_list, name),
    BW_FIELD(3, STR, struct bw_prefix_list, family),
    BW_FIELD(4, I64, struct bw_prefix_list, max_entries),
    BW_FIELD(5, I64, struct bw_prefix_list, version),
    BW_FIELD(6, PAIRS, struct bw_prefix_list, entries),
    BW_FIELD(7, STR, struct bw_prefix_list, state),
    BW_FIELD(8, STR, struct bw_prefix_list, token),
};

const struct bw_record bw_vpc_record = BW_RECORD("vpc", struct bw_vpc, vpc_fields);
const struct bw_record bw_subnet_record = BW_RECORD("subnet", struct bw_subnet, subnet_fields);
const struct bw_record bw_internet_gateway_record =
    BW_RECORD("internet-gateway", struct bw_internet_gateway, internet_gateway_fields);
const struct bw_record bw_security_group_record =
    BW_RECORD("security-group", struct bw_security_group, security_group_fields);
const struct bw_record bw_group_rule_record =
    BW_RECORD("security-group-rule", struct bw_group_rule, group_rule_fields);
const struct bw_record bw_network_interface_record =
    BW_RECORD("network-interface", struct bw_network_interface, network_interface_fields);
const struct bw_record bw_prefix_list_record =
    BW_RECORD("prefix-list", struct bw_prefix_list, prefix_list_fields);

struct bw_network bw_network_of(struct bw_call *call)
{
	return (struct bw_network){.call = call,
	    .store = bw_core_store(call->core),
	    .view = call->view,
	    .arena = call->arena,
	    .account = call->account,
	    .region = call->region};
}

/* ---- Names ---- */

static struct bw_str network_key(const struct bw_network *n, const char *kind, struct bw_str id)
{
	return bw_arena_printf(
	    n->arena, "%.*s/%.*s/ec2/%s/%.*s", BW_FMT(n->account), BW_FMT(n->region), kind, BW_FMT(id));
}

struct bw_str bw_network_index(
    const struct bw_network *n, const char *index, struct bw_str of, struct bw_str what)
{
	return network_key(n, index, bw_arena_printf(n->arena, "%.*s/%.*s", BW_FMT(of), BW_FMT(what)));
}

struct bw_str bw_network_id(struct bw_arena *a, const char *prefix)
{
	char digits[16];

	/* AWS's begin with a zero. */
	bw_random_text(digits, sizeof digits, BW_STR("0123456789abcdef"));
	return bw_arena_printf(a, "%s-0%.*s", prefix, (int)sizeof digits, digits);
}

struct bw_str bw_network_arn(const struct bw_network *n, const char *type, struct bw_str id)
{
	return bw_arena_printf(n->arena, "arn:aws:ec2:%.*s:%.*s:%s/%.*s", BW_FMT(n->region),
	    BW_FMT(n->account), type, BW_FMT(id));
}

static struct bw_str id_of(const void *record)
{
	return *(const struct bw_str *)record;
}

/* ---- Reading ---- */

static bool writes(const struct bw_network *n)
{
	return n->call && n->call->op->effect == BW_WRITE;
}

static bool batch_has(const struct bw_batch *b, enum bw_batch_kind kind, struct bw_str key)
{
	for (const struct bw_batch_op *op = b->first; op; op = op->next)
		if (op->kind == kind && bw_str_eq(op->key, key))
			return true;
	return false;
}

/* Asked before every load: remembered once. */
/* Whether the default network was written: what is stored is then all there is. */
static bool network_settled(const struct bw_network *n)
{
	struct bw_str key = network_key(n, "settled", BW_STR_NONE);

	if (writes(n) && !batch_has(&n->call->batch, BW_BATCH_READ, key))
		return bw_call_exists(n->call, key);
	return bw_snapshot_version(n->view, key) != 0;
}

static enum bw_err stored_load(
    const struct bw_network *n, const struct bw_record *r, struct bw_str id, void *to)
{
	struct bw_str key = network_key(n, r->kind, id), bytes;

	if (n->call)
		return bw_call_load(n->call, r, key, to);
	TRY(bw_snapshot_get(n->view, key, n->arena, &bytes, NULL));
	return bw_record_decode(r, bytes, n->arena, to);
}

enum bw_err bw_network_load(const struct bw_network *n, const struct bw_record *r, struct bw_str id, void *to)
{
	size_t count;
	const char *at;

	/* A key has room for an id, not for what a client calls one. */
	CHECK(id.n > 0 && id.n <= NETWORK_ID_MAX && bw_str_find(id, '/', 0) < 0, BW_ENOTFOUND);
	if (network_settled(n))
		return stored_load(n, r, id, to);
	at = network_default(n, r, &count);
	for (size_t i = 0; i < count; i++, at += r->size)
		if (bw_str_eq(id_of(at), id)) {
			memcpy(to, at, r->size);
			return BW_OK;
		}
	return BW_ENOTFOUND;
}

static enum bw_err stored_count(const struct bw_network *n, struct bw_str prefix, size_t *count)
{
	struct bw_scan scan;
	struct bw_str key;
	enum bw_err e;

	TRY(bw_scan_begin(n->view, prefix, BW_STR_NONE, &scan));
	for (*count = 0; (e = bw_scan_next(&scan, n->arena, &key, NULL, NULL)) == BW_OK;)
		++*count;
	bw_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static enum bw_err stored_read(
    const struct bw_network *n, const struct bw_record *r, struct bw_str prefix, char *array, size_t count)
{
	struct bw_scan scan;
	struct bw_str key, bytes;
	enum bw_err e = BW_OK;

	TRY(bw_scan_begin(n->view, prefix, BW_STR_NONE, &scan));
	for (size_t i = 0; e == BW_OK && i < count; i++) {
		e = bw_scan_next(&scan, n->arena, &key, &bytes, NULL);
		if (e == BW_OK)
			e = bw_record_decode(r, bytes, n->arena, array + i * r->size);
	}
	bw_scan_end(&scan);
	return e;
}

enum bw_err bw_network_all(const struct bw_network *n, const struct bw_record *r, void *array, size_t *count)
{
	struct bw_str prefix = network_key(n, r->kind, BW_STR_NONE);
	char *stored;

	if (!network_settled(n)) {
		*(void **)array = network_default(n, r, count);
		return BW_OK;
	}
	TRY(stored_count(n, prefix, count));
	if (writes(n))
		bw_batch_read_prefix(&n->call->batch, prefix, bw_snapshot_seq(n->view), *count);
	stored = bw_arena_alloc_array(n->arena, r->size, *count);
	*(void **)array = stored;
	return stored_read(n, r, prefix, stored, *count);
}

enum bw_err bw_group_rules(const struct bw_network *n, const struct bw_security_group *g,
    struct bw_group_rule **rules, size_t *count)
{
	*count = g->rules.n;
	*rules = BW_NEW_ARRAY(n->arena, struct bw_group_rule, g->rules.n);
	for (size_t i = 0; i < g->rules.n; i++)
		TRY(bw_record_decode(&bw_group_rule_record, g->rules.v[i], n->arena, *rules + i));
	return BW_OK;
}

/* ---- Writing ---- */

/* The default network stands in the store from the first write on, so that its parts can be changed one by
 * one. */
static void settle(struct bw_call *call)
{
	struct bw_network n = bw_network_of(call);
	struct bw_str mark = network_key(&n, "settled", BW_STR_NONE);
	static const struct bw_record *const kinds[] = {
	    &bw_vpc_record, &bw_subnet_record, &bw_internet_gateway_record, &bw_security_group_record};

	if (network_settled(&n) || batch_has(&call->batch, BW_BATCH_PUT, mark))
		return;
	for (size_t k = 0; k < BW_COUNT(kinds); k++) {
		size_t count;
		const char *at = network_default(&n, kinds[k], &count);

		for (size_t i = 0; i < count; i++, at += kinds[k]->size)
			bw_call_save(call, kinds[k], network_key(&n, kinds[k]->kind, id_of(at)), at);
	}
	bw_call_mark(call, mark);
}

void bw_network_save(struct bw_call *call, const struct bw_record *r, const void *from)
{
	struct bw_network n = bw_network_of(call);

	settle(call);
	bw_call_save(call, r, network_key(&n, r->kind, id_of(from)), from);
}

void bw_network_delete(struct bw_call *call, const struct bw_record *r, struct bw_str id)
{
	struct bw_network n = bw_network_of(call);

	settle(call);
	bw_call_delete(call, network_key(&n, r->kind, id));
	bw_call_delete(call, network_key(&n, "tags", id));
}

void network_rules_encode(
    struct bw_arena *a, struct bw_security_group *g, const struct bw_group_rule *rules, size_t count)
{
	g->rules = (struct bw_strs){count, BW_NEW_ARRAY(a, struct bw_str, count)};
	for (size_t i = 0; i < count; i++) {
		struct bw_buf bytes;

		bw_buf_init(&bytes, NETWORK_RULE_MAX);
		bw_record_encode(&bw_group_rule_record, &rules[i], &bytes);
		MUST(!bytes.failed);
		g->rules.v[i] = bw_arena_str(a, bw_buf_str(&bytes));
		bw_buf_free(&bytes);
	}
}

void bw_group_rules_set(
    struct bw_call *call, struct bw_security_group *g, const struct bw_group_rule *rules, size_t count)
{
	network_rules_encode(call->arena, g, rules, count);
}
