/* The load balancer's own answers: answer.c. */
#pragma once

#include "edge/exchange.h"

void answer_error(struct exchange *x, int status);
void answer_fixed(struct exchange *x);
void answer_redirect(struct exchange *x, const struct bw_http_request *r);
/* 302, to where a check sends the user. */
void answer_found(struct exchange *x, struct bw_str location);
const char *answer_reason(int status);
