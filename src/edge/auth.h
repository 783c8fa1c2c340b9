/* Users and their identity providers, for the rest of the edge: auth_*.c. */
#pragma once

#include "edge/exchange.h"

void auth_keys_make(struct edge_config *c, struct balancer *b);
void auth_keys_free(struct balancer *b);
/* Whether the request is a user who comes back from a provider: then it is looked after. */
bool login_returns(struct exchange *x, const struct bw_http_request *r);
void flow_free(struct exchange *x);
