/* What happens by itself at a set time: a key is destroyed, imported material expires. A row a kind, gathered by the linker:
 *
 *   BW_TASK(kms, key_due, .run = key_due_run);
 *   bw_call_task(call, &key_due, due_ms, "account/Region/key id");
 *
 * The mark of a due time is written with the call's batch, and taken away with the task's own: what is due happens once, over
 * restarts and crashes too. A mark that became pointless does no harm: `run` looks at what is there. */
#pragma once

#include "core/call.h"

struct bw_task {
	const char *service, *name; /* the service's as in models/ */
	/* As a row's: what the keyer or the outside shall do first. NULL: nothing. */
	enum bw_err (*ask)(struct bw_call *call, struct bw_str subject, struct bw_keyer_request *request);
	/* Writes to the call's batch; the keyer's answer, if it was asked, stands in call->answer, the outside's in call->reached. `subject` begins with
	 * "account/Region/", which the call stands in. `event`: the name of what happened, for the audit trail; absent when
	 * nothing did. An error other than BW_OK (logged) has it tried again a minute later. Needs no permission: it carries out
	 * what was permitted before. */
	enum bw_err (*run)(struct bw_call *call, struct bw_str subject, struct bw_str *event);
};

#define BW_TASK(svc, id, ...)                                                                                     \
	static const struct bw_task id = {.service = #svc, .name = #id, __VA_ARGS__};                             \
	static const struct bw_task *const id##_task_ref __attribute__((used, section("bw_tasks"))) = &id

void bw_call_task(struct bw_call *call, const struct bw_task *task, int64_t due_ms, struct bw_str subject);
