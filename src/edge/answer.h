/* The load balancer's own answers: answer.c. */
#pragma once

#include "edge/exchange.h"

void answer_error(struct exchange *x, int status);
void answer_fixed(struct exchange *x);
void answer_redirect(struct exchange *x, const struct bw_http_request *r);
/* 302, to where a check sends the user. */
void answer_found(struct exchange *x, struct bw_str location);
const char *answer_reason(int status);

/* Why a target's answer is not passed on, for the access log's error_reason: AWS has words of that form for functions' answers alone. */
enum answer_fault { ANSWER_MALFORMED, ANSWER_TOO_LARGE, ANSWER_INTERIMS_TOO_MANY };
void answer_fault_note(struct exchange *x, enum answer_fault fault);
