/* Lets the two evaluators compare decisions for as long as one likes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agree.h"
#include "base/sys.h"

enum { QUESTIONS = 100 };

static int usage(void)
{
	fputs("usage: policy-rounds [--rounds N] [--seed N]\n"
	      "Compares N decisions (a million) of the engine with the naive evaluator's; exit status 1 at a "
	      "difference.\n",
	    stderr);
	return 2;
}

static bool number_read(const char *text, int64_t least, int64_t *out)
{
	return text && bw_str_to_i64(bw_str_c(text), least, INT64_MAX, out) == BW_OK;
}

static bool options_read(int argc, char **argv, int64_t *rounds, int64_t *seed)
{
	for (int i = 1; i < argc; i += 2) {
		int64_t *out = strcmp(argv[i], "--rounds") == 0 ? rounds
		               : strcmp(argv[i], "--seed") == 0 ? seed
		                                                : NULL;

		if (!out || !number_read(i + 1 < argc ? argv[i + 1] : NULL, 1, out))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	int64_t rounds = 1000000, seed = 1, began;
	struct agreement sum = {0};
	struct chance c;
	double seconds;

	if (!options_read(argc, argv, &rounds, &seed))
		return usage();
	/* Small seeds differ in few bits; a generator of this kind would begin alike with them. */
	c = (struct chance){.state = (uint64_t)seed * 0x9e3779b97f4a7c15u};
	began = bw_clock_mono_ms();
	while (sum.comparisons < (uint64_t)rounds)
		if (!agree_once(&c, QUESTIONS, &sum))
			return EXIT_FAILURE;
	seconds = (double)(bw_clock_mono_ms() - began) / 1000;
	printf("%llu decisions compared in %.1f s, no difference: %llu allowed, %llu denied implicitly, %llu "
	       "explicitly\n",
	    (unsigned long long)sum.comparisons, seconds, (unsigned long long)sum.seen[BW_ALLOWED],
	    (unsigned long long)sum.seen[BW_DENIED_IMPLICIT],
	    (unsigned long long)sum.seen[BW_DENIED_EXPLICIT]);
	return EXIT_SUCCESS;
}
