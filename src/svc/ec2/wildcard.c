#include "svc/ec2/ec2.h"

/* One element of a pattern: a star, any one character, or a literal one. */
struct element {
	bool star, any;
	char c;
	size_t bytes;
};

/* A backslash at the very end stands for itself. */
static struct element element_at(struct bw_str pattern, size_t at)
{
	char c = pattern.p[at];

	if (c == '\\' && at + 1 < pattern.n)
		return (struct element){.c = pattern.p[at + 1], .bytes = 2};
	return (struct element){.star = c == '*', .any = c == '?', .c = c, .bytes = 1};
}

/* The character at `at`, all of its bytes. */
static size_t character_bytes(struct bw_str text, size_t at)
{
	size_t n = 1;

	while (at + n < text.n && ((unsigned char)text.p[at + n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Greedy with a way back to the last star alone: what an earlier star took never needs to change. */
bool ec2_wildcard_match(struct bw_str pattern, struct bw_str text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

	while (t < text.n) {
		struct element e = {0};

		if (p < pattern.n)
			e = element_at(pattern, p);
		if (e.star) {
			star = p + 1;
			from = t;
			p = star;
		} else if (p < pattern.n && (e.any || e.c == text.p[t])) {
			p += e.bytes;
			t += e.any ? character_bytes(text, t) : 1;
		} else if (star != SIZE_MAX) {
			p = star;
			t = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && element_at(pattern, p).star)
		p++;
	return p == pattern.n;
}
