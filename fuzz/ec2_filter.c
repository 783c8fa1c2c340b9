/* A pattern of literal characters matches itself alone; wildcards agree with a plain recursive matcher on
 * short inputs; long ones come to an end. The first byte says where the pattern ends. */
#include "svc/ec2/ec2.h"

/* The rule as it reads, for texts of single bytes. */
static bool plain(struct bw_str p, struct bw_str t)
{
	if (!p.n)
		return !t.n;
	if (p.p[0] == '*')
		return plain(bw_str_sub(p, 1, p.n), t) || (t.n && plain(p, bw_str_sub(t, 1, t.n)));
	if (!t.n)
		return false;
	if (p.p[0] == '\\' && p.n > 1)
		return p.p[1] == t.p[0] && plain(bw_str_sub(p, 2, p.n), bw_str_sub(t, 1, t.n));
	return (p.p[0] == '?' || p.p[0] == t.p[0]) && plain(bw_str_sub(p, 1, p.n), bw_str_sub(t, 1, t.n));
}

static bool ascii(struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 0x7f)
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str all = bw_str_make(data, size), pattern, text;

	if (size < 1)
		return 0;
	pattern = bw_str_sub(all, 1, data[0]);
	text = bw_str_sub(all, 1 + pattern.n, all.n);
	if (pattern.n <= 12 && text.n <= 12 && ascii(pattern) && ascii(text))
		MUST(ec2_wildcard_match(pattern, text) == plain(pattern, text));
	else
		(void)ec2_wildcard_match(pattern, text);
	MUST(ec2_wildcard_match(BW_STR("*"), text));
	return 0;
}
