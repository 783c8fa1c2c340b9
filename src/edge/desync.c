/* Desync mitigation by the tiers that ALB documents (User Guide, "Desync mitigation mode" and the access
 * log's "Classification reasons"). What its Severe tier names, and two lengths of one message, the parser has
 * refused before, in every mode. */
#include "edge/desync.h"

/* Letters and digits alone, in lower case, against a word. */
static bool normalises_to(struct bw_str name, const char *word)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
			continue;
		if (*word++ != c)
			return false;
	}
	return *word == '\0';
}

bool header_is_suspicious(struct bw_str name)
{
	if (bw_str_eq_nocase(name, BW_STR("transfer-encoding")) ||
	    bw_str_eq_nocase(name, BW_STR("content-length")))
		return false;
	return normalises_to(name, "transferencoding") || normalises_to(name, "contentlength");
}

static bool value_is_ascii(struct bw_str s)
{
	uint64_t all = 0, eight;
	size_t i = 0;

	for (; i + sizeof eight <= s.n; i += sizeof eight) {
		memcpy(&eight, s.p + i, sizeof eight);
		all |= eight;
	}
	for (; i < s.n; i++)
		all |= (unsigned char)s.p[i];
	return !(all & UINT64_C(0x8080808080808080));
}

static void worse(enum tier *now, const char **reason, enum tier tier, const char *why)
{
	if (tier > *now) {
		*now = tier;
		*reason = why;
	}
}

enum tier desync_classify(const struct bw_http_request *r, const char **reason)
{
	bool bodiless = bw_str_eq(r->method, BW_STR("GET")) || bw_str_eq(r->method, BW_STR("HEAD"));
	enum tier tier = TIER_COMPLIANT;

	*reason = "-";
	if (bodiless && r->content_length == 0)
		worse(&tier, reason, TIER_ACCEPTABLE, "GetHeadZeroContentLength");
	if (bodiless && r->content_length > 0)
		worse(&tier, reason, TIER_AMBIGUOUS, "UndefinedContentLengthSemantics");
	if (bodiless && r->chunked)
		worse(&tier, reason, TIER_AMBIGUOUS, "UndefinedTransferEncodingSemantics");
	for (size_t i = 0; i < r->header_count; i++) {
		if (r->headers[i].value.n == 0)
			worse(&tier, reason, TIER_AMBIGUOUS, "EmptyHeader");
		if (header_is_suspicious(r->headers[i].name))
			worse(&tier, reason, TIER_AMBIGUOUS, "SuspiciousHeader");
		if (!value_is_ascii(r->headers[i].value))
			worse(&tier, reason, TIER_ACCEPTABLE, "NonCompliantHeader");
	}
	return tier;
}
