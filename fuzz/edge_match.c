/* Patterns from outside: a wildcard or network is judged without running away, and a regular expression
 * within its limits. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "edge/rule.h"
#include "edge/worker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct edge e;
	struct bw_str rest = bw_str_make(data, size), pattern = bw_str_cut(&rest, '\n'),
	              text = bw_str_set(rest) ? rest : BW_STR("");
	struct pcre2_real_code_8 *code;
	struct network n;
	struct bw_address a = {.v4 = {.sin_family = AF_INET}, .bytes = sizeof a.v4};

	if (!e.match_data) {
		e.match_data = pcre2_match_data_create(64, NULL);
		e.match_context = pcre2_match_context_create(NULL);
		(void)pcre2_set_match_limit(e.match_context, 20000);
		(void)pcre2_set_depth_limit(e.match_context, 20000);
		(void)pcre2_set_heap_limit(e.match_context, 256);
	}
	if (pattern.n > 128)
		pattern.n = 128; /* as the API permits */
	MUST(wildcard_match(BW_STR("*"), text, false));
	(void)wildcard_match(pattern, text, true);
	if (bw_str_find(pattern, '*', 0) < 0 && bw_str_find(pattern, '?', 0) < 0 &&
	    bw_str_find(pattern, '\\', 0) < 0)
		MUST(wildcard_match(pattern, text, false) == bw_str_eq(pattern, text));
	if (cidr_parse(pattern, &n)) {
		MUST(n.family_bytes == 4 ? n.bits <= 32 : n.bits <= 128);
		(void)cidr_has(&n, &a);
	}
	code = regex_compile(pattern, true);
	(void)regex_match(&e, code, text);
	regex_free(code);
	return 0;
}
