/* `bulwark evaluate`: lines are moved in evaluate.c, read in evaluate_line.c, decided in evaluate_answer.c. */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "policy/policy.h"

/* One thread's working memory. */
struct evaluator {
	struct bw_arena arena;                /* of one line */
	struct bw_map cache[BW_POLICY_KINDS]; /* the text of a document -> its compiled form */
	size_t cached_bytes;
	bool explain;
};

void evaluator_init(struct evaluator *e, bool explain);
void evaluator_free(struct evaluator *e);
/* Appends the answer to one line, and a newline. Whatever is wrong with the line is told in the answer. */
void evaluator_answer(struct evaluator *e, struct bw_str line, struct bw_buf *out);

/* Decides, and appends the decision with its reasons. The documents of `layers` are known by the place of
 * their text, which is their id. */
void decision_put(const struct bw_policy_layers *layers, const struct bw_policy_request *request,
    bool explain, struct bw_buf *out);
