#include "core/edge_name.h"
#include "core/publish.h"
#include "svc/elbv2/elb.h"

/* Which addresses are taken is one list for the whole server, whatever the account and Region:
 * "-/global/elbv2/address/HEX" names the load balancer, "-/global/elbv2/port/HEX/PORT/PROTOCOL" the listener.
 */

static struct bw_str address_hex(struct bw_call *call, const struct bw_cidr *c)
{
	const uint8_t *b = c->bytes;

	if (!c->v6)
		return bw_arena_printf(call->arena, "%02x%02x%02x%02x", b[0], b[1], b[2], b[3]);
	return bw_arena_printf(call->arena,
	    "%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4],
	    b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static struct bw_str address_key(struct bw_call *call, const struct bw_cidr *c)
{
	return bw_arena_printf(call->arena, "-/global/elbv2/address/%.*s", BW_FMT(address_hex(call, c)));
}

/* The lowest free one, neither the network's own address nor its last. */
static enum bw_err pool_take(struct bw_call *call, const struct bw_cidr *pool, struct elb_load_balancer *lb)
{
	uint64_t size = bw_cidr_size(pool);

	for (uint32_t i = 1; i + 1 < size; i++) {
		struct bw_cidr at = bw_cidr_nth(pool, i);
		struct bw_str key = address_key(call, &at);

		if (bw_snapshot_version(call->view, key) || bw_call_exists(call, key))
			continue;
		lb->address = bw_cidr_address_text(call->arena, &at);
		bw_batch_put(&call->batch, key, elb_load_balancer_arn(call, lb->type, lb->name, lb->id));
		return BW_OK;
	}
	return bw_call_fail(call, "InvalidConfigurationRequest",
	    "Every address of the edge's pool is taken (serve --edge-pool names a larger one)");
}

enum bw_err elb_address_take(struct bw_call *call, struct elb_load_balancer *lb)
{
	const struct bw_edge_config *edge = bw_core_edge(call->core);

	if (!bw_str_set(edge->address))
		return pool_take(call, &edge->pool, lb);
	lb->address = edge->address;
	return BW_OK;
}

void elb_address_give(struct bw_call *call, const struct elb_load_balancer *lb)
{
	struct bw_str arn = elb_load_balancer_arn(call, lb->type, lb->name, lb->id), value;
	struct bw_cidr c;

	/* One address that all share is nobody's record. */
	if (bw_cidr_address(lb->address, &c) != BW_OK ||
	    bw_snapshot_get(call->view, address_key(call, &c), call->arena, &value, NULL) != BW_OK ||
	    !bw_str_eq(value, arn))
		return;
	bw_call_delete(call, address_key(call, &c));
}

/* ---- names ---- */

/* "us-east-1a.NAME": the address in one zone, of network load balancers alone. */
static struct bw_str zonal_key(struct bw_call *call, const struct elb_load_balancer *lb, size_t i)
{
	struct bw_str zone = lb->shape.AvailabilityZones.v[i].ZoneName;

	return bw_edge_name_key(call->arena,
	    bw_arena_printf(call->arena, "%.*s.%.*s", BW_FMT(zone), BW_FMT(lb->shape.DNSName)));
}

static size_t zonal_count(const struct elb_load_balancer *lb)
{
	return elb_is(lb->type, "net") ? lb->shape.AvailabilityZones.n : 0;
}

void elb_dns_put(struct bw_call *call, const struct elb_load_balancer *lb)
{
	bw_batch_put(&call->batch, bw_edge_name_key(call->arena, lb->shape.DNSName), lb->address);
	for (size_t i = 0; i < zonal_count(lb); i++)
		bw_batch_put(&call->batch, zonal_key(call, lb, i), lb->address);
}

void elb_dns_delete(struct bw_call *call, const struct elb_load_balancer *lb)
{
	bw_call_delete(call, bw_edge_name_key(call->arena, lb->shape.DNSName));
	for (size_t i = 0; i < zonal_count(lb); i++)
		bw_call_delete(call, zonal_key(call, lb, i));
}

/* ---- ports ---- */

/* TCP_UDP listens on both. */
static size_t transports(struct bw_str protocol, const char *out[2])
{
	size_t n = 0;

	if (!elb_is(protocol, "UDP"))
		out[n++] = "tcp";
	if (elb_is(protocol, "UDP") || elb_is(protocol, "TCP_UDP"))
		out[n++] = "udp";
	return n;
}

static struct bw_str port_key(
    struct bw_call *call, const struct elb_load_balancer *lb, int64_t port, const char *transport)
{
	struct bw_cidr c = {0};

	MUST(bw_cidr_address(lb->address, &c) == BW_OK);
	return bw_arena_printf(call->arena, "-/global/elbv2/port/%.*s/%05lld/%s",
	    BW_FMT(address_hex(call, &c)), (long long)port, transport);
}

enum bw_err elb_port_take(struct bw_call *call, const struct elb_load_balancer *lb,
    struct bw_str listener_arn, int64_t port, struct bw_str protocol)
{
	const char *names[2];
	size_t n = transports(protocol, names);

	for (size_t i = 0; i < n; i++) {
		struct bw_str key = port_key(call, lb, port, names[i]), other = BW_STR_NONE;

		if (bw_call_exists(call, key) &&
		    bw_snapshot_get(call->view, key, call->arena, &other, NULL) == BW_OK &&
		    !bw_str_eq(other, listener_arn))
			return bw_call_fail(call, "InvalidConfigurationRequest",
			    "Port %lld of address %.*s is taken by listener '%.*s': with --edge-address all "
			    "load balancers share one address",
			    (long long)port, BW_FMT(lb->address), BW_FMT(other));
		bw_batch_put(&call->batch, key, listener_arn);
	}
	return BW_OK;
}

void elb_port_give(
    struct bw_call *call, const struct elb_load_balancer *lb, int64_t port, struct bw_str protocol)
{
	const char *names[2];
	size_t n = transports(protocol, names);

	for (size_t i = 0; i < n; i++)
		bw_call_delete(call, port_key(call, lb, port, names[i]));
}

struct bw_str elb_instance_address(const struct bw_core *core, struct bw_str id)
{
	const struct bw_pair *p = bw_pairs_find(&bw_core_edge(core)->instances, id);

	return p ? p->value : BW_STR_NONE;
}

bool elb_address_is_own(const struct bw_core *core, struct bw_arena *arena, struct bw_str address, int64_t port)
{
	const struct bw_strs *own = &bw_core_edge(core)->own;
	struct bw_str exact = bw_arena_printf(arena, "%.*s %lld", BW_FMT(address), (long long)port),
	              any = bw_arena_printf(arena, "* %lld", (long long)port);
	bool local = bw_str_starts(address, BW_STR("127.")) || bw_str_eq(address, BW_STR("::1"));

	for (size_t i = 0; i < own->n; i++)
		if (bw_str_eq(own->v[i], exact) || (local && bw_str_eq(own->v[i], any)))
			return true;
	return false;
}
