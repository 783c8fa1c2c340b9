/* The seed of bw_str_hash: for processes that count together by hashes, and were started by different programs. */
#pragma once

#include "base/str.h"

uint64_t bw_hash_seed(void);
/* Before anything was put into a map. */
void bw_hash_seed_set(uint64_t seed);
