/* Reading JSON: tokens, a tree, and jansson beside them, on a KMS body and on a policy. */
#include <jansson.h>
#include <stdio.h>

#include "base/sys.h"
#include "codec/json.h"

static struct bw_arena arena;

static void run_tokens(struct bw_str text)
{
	struct bw_json_token t;
	struct bw_json j;

	bw_json_init(&j, text, &arena);
	do
		MUST(bw_json_next(&j, &t) == BW_OK);
	while (t.kind != BW_JSON_END);
}

static void run_tree(struct bw_str text)
{
	struct bw_json_value v;

	MUST(bw_json_parse(text, &arena, &v) == BW_OK);
}

static void run_jansson(struct bw_str text)
{
	json_t *v = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);

	MUST(v != NULL);
	json_decref(v);
}

static const struct {
	const char *name;
	void (*run)(struct bw_str text);
} rows[] = {{"tokens", run_tokens}, {"tree", run_tree}, {"jansson", run_jansson}};

static void texts_make(struct bw_buf *small, struct bw_buf *large)
{
	bw_buf_put(small,
	    BW_STR(
	        "{\"KeyId\": "
	        "\"arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab\", "
	        "\"Plaintext\": \"VGhpcyBpcyBhIHNlY3JldCBvZiBzb21lIGxlbmd0aCwgYXMgdGhleSBhcmU=\", "
	        "\"EncryptionContext\": {\"Department\": \"Finance\", \"Purpose\": \"Test\"}, "
	        "\"GrantTokens\": [], \"EncryptionAlgorithm\": \"SYMMETRIC_DEFAULT\", \"DryRun\": false}"));
	bw_buf_put(large, BW_STR("{\"Version\": \"2012-10-17\", \"Statement\": ["));
	for (int i = 0; i < 12; i++)
		bw_buf_printf(large,
		    "%s\n  {\"Sid\": \"Statement%d\", \"Effect\": \"Allow\", \"Action\": [\"s3:GetObject\", "
		    "\"s3:PutObject\"],\n"
		    "   \"Resource\": [\"arn:aws:s3:::bucket-%d/*\"],\n"
		    "   \"Condition\": {\"StringEquals\": {\"aws:PrincipalTag/team\": \"blue-%d\"}}}",
		    i ? "," : "", i, i, i);
	bw_buf_put(large, BW_STR("]}"));
}

static double nanoseconds_of(void (*run)(struct bw_str), struct bw_str text)
{
	double best = 1e9;

	for (int round = 0; round < 7; round++) {
		int64_t begin = bw_clock_mono_us(), turns = 20000000 / (int64_t)text.n;

		for (int64_t turn = 0; turn < turns; turn++) {
			run(text);
			bw_arena_reset(&arena);
		}
		if ((double)(bw_clock_mono_us() - begin) * 1000 / (double)turns < best)
			best = (double)(bw_clock_mono_us() - begin) * 1000 / (double)turns;
	}
	return best;
}

int main(void)
{
	struct bw_buf texts[2];

	bw_arena_init(&arena, 1 << 24);
	bw_buf_init(&texts[0], 1 << 16);
	bw_buf_init(&texts[1], 1 << 16);
	texts_make(&texts[0], &texts[1]);
	printf("%-10s %8s %8s %8s %8s\n", "", "bytes", "ns", "MB/s", "ratio");
	for (size_t t = 0; t < BW_COUNT(texts); t++) {
		double first = 0;

		for (size_t i = 0; i < BW_COUNT(rows); i++) {
			double ns = nanoseconds_of(rows[i].run, bw_buf_str(&texts[t]));

			first = i ? first : ns;
			printf("%-10s %8zu %8.0f %8.0f %8.1f\n", rows[i].name, texts[t].n, ns,
			    (double)texts[t].n * 1000 / ns, ns / first);
		}
		bw_buf_free(&texts[t]);
	}
	bw_arena_free(&arena);
	return 0;
}
