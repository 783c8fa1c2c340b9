/* The answer of the operations that read and set attributes: alike, but for the resource. */
#pragma once

#include "svc/elbv2/elb.h"

#define ATTRIBUTES_OUT(call, pairs, List, Item, to)                                                          \
	do {                                                                                                 \
		struct bw_pairs p_ = (pairs);                                                                \
		(to)->set = true;                                                                            \
		(to)->n = p_.n;                                                                              \
		(to)->v = BW_NEW_ARRAY((call)->arena, struct Item, p_.n);                                    \
		for (size_t i_ = 0; i_ < p_.n; i_++)                                                         \
			(to)->v[i_] = (struct Item){p_.v[i_].key, p_.v[i_].value};                           \
	} while (0)
