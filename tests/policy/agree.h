/* The two evaluators side by side. */
#pragma once

#include "chance.h"

struct agreement {
	uint64_t comparisons;
	uint64_t seen[3]; /* by decision */
};

/* One random world asked `questions` random questions. False at the first difference, which is told on stderr
 * with the engine's whole reasoning. */
bool agree_once(struct chance *c, size_t questions, struct agreement *sum);
