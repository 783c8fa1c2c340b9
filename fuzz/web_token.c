/* The claims of a token whose signature is good: whatever a provider says, what is read of it keeps its
 * bounds. */
#include "svc/sts/web_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sts_web_token t = {0};
	struct bw_arena arena;
	const char *missing;

	bw_arena_init(&arena, 64 << 20);
	if (sts_web_claims_read(bw_str_make(data, size), &arena, &t, &missing) == BW_OK) {
		MUST(!missing && t.subject.n && t.subject.n <= 255 && t.audience.n && t.audience.n <= 255);
		MUST(t.audiences.n && t.tags.n <= STS_WEB_TAGS_MAX && t.transitive.n <= STS_WEB_TAGS_MAX);
		for (size_t i = 0; i < t.tags.n; i++)
			MUST(bw_pairs_find_nocase(&t.tags, t.tags.v[i].key) == &t.tags.v[i]);
	}
	bw_arena_free(&arena);
	return 0;
}
