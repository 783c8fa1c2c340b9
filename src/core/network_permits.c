/* Security groups flattened to networks: what the edge and the guard enforce. */
#include "core/network_internal.h"

enum { PERMITS_MAX = 200000 }; /* five groups of sixty rules with hundreds of members each stay far below */

struct flatten {
	const struct bw_network *n;
	struct bw_permits *out;
	size_t room[2];
};

static enum bw_err permit_add(struct flatten *f, const struct bw_group_rule *r, struct bw_str network)
{
	struct bw_edge_permit **list = r->egress ? &f->out->egress : &f->out->ingress;
	size_t *count = r->egress ? &f->out->egress_count : &f->out->ingress_count,
	       *room = &f->room[r->egress];

	CHECK(*count < PERMITS_MAX, BW_ETOOBIG);
	if (*count == *room) {
		struct bw_edge_permit *more =
		    BW_NEW_ARRAY(f->n->arena, struct bw_edge_permit, *room ? *room * 2 : 16);

		if (*count)
			memcpy(more, *list, *count * sizeof *more);
		*list = more;
		*room = *room ? *room * 2 : 16;
	}
	(*list)[(*count)++] = (struct bw_edge_permit){
	    .protocol = r->protocol, .from_port = r->from_port, .to_port = r->to_port, .network = network};
	return BW_OK;
}

static enum bw_err address_add(struct flatten *f, const struct bw_group_rule *r, struct bw_str address)
{
	const char *bits = bw_str_find(address, ':', 0) >= 0 ? "128" : "32";

	return address.n ? permit_add(f, r, bw_arena_printf(f->n->arena, "%.*s/%s", BW_FMT(address), bits)) : BW_OK;
}

static enum bw_err interface_add(struct flatten *f, const struct bw_group_rule *r, struct bw_str id)
{
	struct bw_network_interface i;
	enum bw_err e = bw_network_load(f->n, &bw_network_interface_record, id, &i);

	if (e != BW_OK)
		return e == BW_ENOTFOUND ? BW_OK : e;
	TRY(address_add(f, r, i.address));
	TRY(address_add(f, r, i.public_address));
	for (size_t k = 0; k < i.more_addresses.n; k++)
		TRY(address_add(f, r, i.more_addresses.v[k]));
	for (size_t k = 0; k < i.ipv6_addresses.n; k++)
		TRY(address_add(f, r, i.ipv6_addresses.v[k]));
	return BW_OK;
}

static enum bw_err members_add(struct flatten *f, const struct bw_group_rule *r)
{
	struct bw_str prefix = bw_network_index(f->n, "member", r->group, BW_STR_NONE), key;
	struct bw_scan scan;
	enum bw_err e;

	TRY(bw_scan_begin(f->n->view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, f->n->arena, &key, NULL, NULL)) == BW_OK) {
		e = interface_add(f, r, bw_str_sub(key, prefix.n, key.n));
		if (e != BW_OK)
			break;
	}
	bw_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static enum bw_err entries_add(struct flatten *f, const struct bw_group_rule *r)
{
	struct bw_prefix_list list;
	enum bw_err e = bw_network_load(f->n, &bw_prefix_list_record, r->prefix_list, &list);

	if (e != BW_OK)
		return e == BW_ENOTFOUND ? BW_OK : e;
	for (size_t i = 0; i < list.entries.n; i++)
		TRY(permit_add(f, r, list.entries.v[i].key));
	return BW_OK;
}

static enum bw_err rule_add(struct flatten *f, const struct bw_group_rule *r)
{
	if (r->group.n)
		return members_add(f, r);
	if (r->prefix_list.n)
		return entries_add(f, r);
	return permit_add(f, r, r->cidr);
}

enum bw_err bw_network_permits(
    const struct bw_network *n, const struct bw_strs *groups, struct bw_permits *out)
{
	struct flatten f = {.n = n, .out = out};

	*out = (struct bw_permits){0};
	for (size_t i = 0; i < groups->n; i++) {
		struct bw_security_group g;
		struct bw_group_rule *rules;
		size_t count;
		enum bw_err e = bw_network_load(n, &bw_security_group_record, groups->v[i], &g);

		if (e == BW_ENOTFOUND)
			continue;
		TRY(e);
		TRY(bw_group_rules(n, &g, &rules, &count));
		for (size_t k = 0; k < count; k++)
			TRY(rule_add(&f, &rules[k]));
	}
	return BW_OK;
}
