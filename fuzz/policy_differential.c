/* The engine against the naive evaluator of the tests: the fuzzer's bytes are the dice that policies of every
 * layer and requests are made with, so that nearly every input is a question worth asking. */
#include "agree.h"

enum { QUESTIONS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chance dice = {.bytes = size ? bw_str_make(data, size) : BW_STR("")};
	struct agreement sum = {0};

	MUST(agree_once(&dice, QUESTIONS, &sum));
	return 0;
}
