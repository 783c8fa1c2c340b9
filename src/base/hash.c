/* Apart from the rest of str.h, which keeps nothing: libraries do without a seed of their own. */
#include "base/hash.h"

#include <sys/random.h>

static uint64_t hash_seed;

__attribute__((constructor)) static void hash_seed_init(void)
{
	MUST(getrandom(&hash_seed, sizeof hash_seed, 0) == (ssize_t)sizeof hash_seed);
}

uint64_t bw_str_hash(struct bw_str s)
{
	uint64_t h = 0xcbf29ce484222325u ^ hash_seed;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
	return h ^ (h >> 29);
}

uint64_t bw_hash_seed(void)
{
	return hash_seed;
}

void bw_hash_seed_set(uint64_t seed)
{
	hash_seed = seed;
}
