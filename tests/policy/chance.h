/* Random documents and questions from a vocabulary small enough that they often meet. */
#pragma once

#include "base/buf.h"
#include "naive.h"

struct chance {
	uint64_t state;
};

size_t chance_below(struct chance *c, size_t n);
/* One in `n`. */
bool chance_one_in(struct chance *c, size_t n);

/* One statement of a kind of policy; `effect` NULL: either. */
void statement_put(struct chance *c, struct bw_buf *out, enum bw_policy_kind kind, const char *effect);

enum { WORLD_DOCUMENTS = 24, WORLD_STATEMENTS = 4 };

/* Documents of every layer, in both evaluators' forms. */
struct world {
	struct bw_arena arena;
	size_t count;
	struct world_document {
		enum bw_policy_kind kind;
		struct bw_str version, id;
		struct bw_str statements[WORLD_STATEMENTS];
		size_t n;
		struct bw_policy *policy;
	} documents[WORLD_DOCUMENTS];
	struct bw_policy_layers layers;
	struct naive_layers naive;
};

void world_begin(struct world *w, struct chance *c);
/* Compiles the statements as they stand now. */
void world_build(struct world *w);
void world_end(struct world *w);

struct question_data {
	struct bw_policy_request request;
	struct bw_context_key keys[16];
	struct bw_str values[16][3];
};

void question_make(struct chance *c, struct question_data *q);
