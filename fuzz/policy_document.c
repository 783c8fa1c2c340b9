/* Any bytes as a document of every kind: it compiles or is refused with a text, and a compiled one can be
 * asked. */
#include "policy/policy.h"

static void name_take(void *ctx, struct bw_str name)
{
	size_t *bytes = ctx;

	MUST(name.n > 0);
	*bytes += name.n;
}

static void document_ask(struct bw_policy *p)
{
	const struct bw_policy_request request = {.principal_kind = BW_PRINCIPAL_USER,
	    .principal_arn = BW_STR("arn:aws:iam::123456789012:user/bob"),
	    .principal_account = BW_STR("123456789012"),
	    .action = BW_STR("s3:GetObject"),
	    .resource = BW_STR("arn:aws:s3:::bucket/key")};
	size_t bytes = 0;
	int32_t statement;

	bw_policy_context_keys(p, name_take, &bytes);
	(void)bw_policy_evaluate_one(p, &request, &statement);
	MUST(statement >= -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str text = bw_str_make(data, size);

	MUST(bw_policy_size(text) <= size);
	for (int kind = 0; kind < BW_POLICY_KINDS; kind++) {
		struct bw_policy_error error;
		struct bw_policy *p;

		if (bw_policy_compile(text, (enum bw_policy_kind)kind, &p, &error) != BW_OK) {
			MUST(p == NULL && error.text[0] != '\0' && strlen(error.text) < sizeof error.text);
			continue;
		}
		MUST(error.text[0] == '\0');
		document_ask(p);
		bw_policy_release(p);
	}
	return 0;
}
