/* Wildcards and regular expressions of rules. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/edge_regex.h"
#include "edge/rule.h"
#include "edge/worker.h"

static unsigned char fold(char c, bool nocase)
{
	return (unsigned char)(nocase && c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* One character of the pattern at *at: whether it matches `c`; moves *at behind it. */
static bool one_match(struct bw_str pattern, size_t *at, char c, bool nocase)
{
	char p = pattern.p[(*at)++];

	if (p == '?')
		return true;
	if (p == '\\' && *at < pattern.n)
		p = pattern.p[(*at)++];
	return fold(p, nocase) == fold(c, nocase);
}

/* Only the last star is ever tried again: what an earlier one took is as good as any. */
bool wildcard_match(struct bw_str pattern, struct bw_str text, bool nocase)
{
	size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;

	while (t < text.n) {
		size_t next = p;

		if (p < pattern.n && pattern.p[p] == '*') {
			star = ++p;
			mark = t;
		} else if (p < pattern.n && one_match(pattern, &next, text.p[t], nocase)) {
			p = next;
			t++;
		} else if (star != SIZE_MAX) {
			p = star;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

struct pcre2_real_code_8 *regex_compile(struct bw_str pattern, bool nocase)
{
	int error;
	PCRE2_SIZE at;

	return pcre2_compile((PCRE2_SPTR)(pattern.n ? pattern.p : ""), pattern.n,
	    BW_EDGE_REGEX | (nocase ? PCRE2_CASELESS : 0), &error, &at, NULL);
}

void regex_free(struct pcre2_real_code_8 *code)
{
	pcre2_code_free(code);
}

bool regex_match(struct edge *e, const struct pcre2_real_code_8 *code, struct bw_str text)
{
	return code && pcre2_match(code, (PCRE2_SPTR)(text.n ? text.p : ""), text.n, 0, 0, e->match_data,
	                   e->match_context) >= 0;
}
