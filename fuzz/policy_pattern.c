/* Patterns against PCRE2: see tests/policy/regex.h. */
#include "regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chance dice = {.bytes = size ? bw_str_make(data, size) : BW_STR("")};
	size_t hits = 0;

	MUST(regex_agrees(&dice, 4, &hits));
	return 0;
}
