/* Random documents and questions from a vocabulary small enough that they often meet. */
#pragma once

#include "base/buf.h"
#include "naive.h"

#define HOME "111111111111"
#define AWAY "222222222222"

/* Dice: a generator's, or a fuzzer's bytes, one a throw, and noughts when they are spent. */
struct chance {
	uint64_t state;
	struct bw_str bytes;
};

size_t chance_below(struct chance *c, size_t n);
/* One in `n`; never when the fuzzer's bytes are spent, unless `n` is 1. */
bool chance_one_in(struct chance *c, size_t n);

#define PICK(c, list) (list)[chance_below(c, BW_COUNT(list))]

/* Texts made letter by letter. A letter may be several bytes. */
struct alphabet {
	const char *before;
	const char *const *letters;
	size_t n;
};

enum { FREE_LETTERS = 12, FREE_TEXT_MAX = 256 };
extern const struct alphabet value_alphabet, resource_alphabet, asked_alphabet;
struct bw_str free_text(struct chance *c, const struct alphabet *a, char out[FREE_TEXT_MAX]);

/* One statement of a kind of policy; `effect` NULL: either. */
void statement_put(struct chance *c, struct bw_buf *out, enum bw_policy_kind kind, const char *effect);

/* ---- world.c ---- */

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
	size_t level_documents; /* how many stand at one level of an organization */
	struct bw_str kept;     /* a statement as it was before a change */
	struct bw_policy_layers layers;
	struct naive_layers naive;
};

void world_begin(struct world *w, struct chance *c);
/* Compiles the statements as they stand now. */
void world_build(struct world *w);
void world_end(struct world *w);

/* ---- question.c ---- */

enum { QUESTION_KEYS = 16, QUESTION_VALUES = 3 };

struct question_data {
	struct bw_policy_request request;
	struct bw_context_key keys[QUESTION_KEYS];
	struct bw_str values[QUESTION_KEYS][QUESTION_VALUES];
	char action[FREE_TEXT_MAX], resource[FREE_TEXT_MAX], value[FREE_TEXT_MAX];
};

/* Slices of the request are of `q`: it must not move. */
void question_make(struct chance *c, struct question_data *q);
