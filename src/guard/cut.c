#include "guard/guard_internal.h"

enum { TCP = 6, UDP = 17, PORT_MAX = 65535 };

static const int protocols[] = {TCP, UDP};

static bool covers(const struct guard_open *a, const struct guard_open *b)
{
	return a->protocol == b->protocol && a->v6 == b->v6 && a->from <= b->from && a->to >= b->to;
}

static bool any_covers(const struct guard_opens *list, const struct guard_open *o)
{
	for (size_t i = 0; i < list->n; i++)
		if (covers(&list->v[i], o))
			return true;
	return false;
}

/* When there is no more room all ports count as open: that ends rather too much than too little. */
static void opens_add(struct guard_opens *list, struct guard_open o)
{
	if (any_covers(list, &o))
		return;
	if (list->n == GUARD_OPEN_MAX) {
		size_t kept = 0;

		o.from = 0;
		o.to = PORT_MAX;
		for (size_t i = 0; i < list->n; i++)
			if (!covers(&o, &list->v[i]))
				list->v[kept++] = list->v[i];
		/* The others are of other families and protocols: at most three such wholes are left to make.
		 */
		list->n = kept < GUARD_OPEN_MAX ? kept : GUARD_OPEN_MAX - 1;
	}
	list->v[list->n++] = o;
}

/* A permit of everybody as the port range that it opens for the protocol; false when it is none. */
static bool open_range(const struct guard_permit *p, int protocol, struct guard_open *out)
{
	if (p->network.bits != 0 || (p->protocol != -1 && p->protocol != protocol))
		return false;
	*out = (struct guard_open){.protocol = protocol, .from = p->from, .to = p->to, .v6 = p->network.v6};
	if (p->protocol == -1 || p->from < 0) {
		out->from = 0;
		out->to = PORT_MAX;
	}
	return true;
}

static bool answers_everybody(const struct bw_edge_permit *permits, size_t n, int protocol, bool v6)
{
	for (size_t i = 0; i < n; i++) {
		struct guard_permit p;
		struct guard_open o;

		if (guard_permit_parse(&permits[i], &p) == BW_OK && open_range(&p, protocol, &o) &&
		    o.v6 == v6 && o.from == 0 && o.to == PORT_MAX)
			return true;
	}
	return false;
}

void guard_opens_find(const struct bw_edge_permit *permits, size_t n, const struct bw_edge_permit *back,
    size_t back_n, struct guard_opens *out)
{
	bool answered[2][2]; /* [protocol][v6] */

	out->n = 0;
	for (size_t k = 0; k < 2; k++)
		for (int v6 = 0; v6 < 2; v6++)
			answered[k][v6] = answers_everybody(back, back_n, protocols[k], v6);
	for (size_t i = 0; i < n; i++) {
		struct guard_permit p;
		struct guard_open o;

		if (guard_permit_parse(&permits[i], &p) != BW_OK)
			continue;
		for (size_t k = 0; k < 2; k++)
			if (open_range(&p, protocols[k], &o) && answered[k][o.v6])
				opens_add(out, o);
	}
}

void guard_opens_closed(
    const struct guard_opens *before, const struct guard_opens *now, struct guard_opens *cut)
{
	for (size_t i = 0; i < before->n; i++)
		if (!any_covers(now, &before->v[i]))
			opens_add(cut, before->v[i]);
}
