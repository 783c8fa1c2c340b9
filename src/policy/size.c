/* What is asked of a document without asking it anything: its size, and the context keys it mentions. */
#include "codec/utf8.h"
#include "policy/form.h"

/* IAM User Guide, "IAM and AWS STS quotas": "IAM doesn't count white space when calculating the size of a
 * policy". */
size_t bw_policy_size(struct bw_str document)
{
	bool in_string = false;
	size_t n = 0;

	for (size_t at = 0; at < document.n;) {
		char c = document.p[at];
		uint32_t code;
		size_t bytes = bw_utf8_decode(document, at, &code);

		if (in_string && c == '\\' && at + 1 < document.n && (signed char)document.p[at + 1] >= 0) {
			n += 2;
			at += 2;
			continue;
		}
		if (c == '"')
			in_string = !in_string;
		if (in_string || !(c == ' ' || c == '\t' || c == '\n' || c == '\r'))
			n++;
		at += bytes ? bytes : 1;
	}
	return n;
}

void bw_policy_context_keys(const struct bw_policy *p, void (*each)(void *ctx, struct bw_str name), void *ctx)
{
	for (uint32_t i = 0; i < p->key_count; i++)
		each(ctx, key_name(p, i));
}
