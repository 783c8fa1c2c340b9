#include "asking.h"

#include "codec/json.h"

void asking_begin(struct asking *a)
{
	*a = (struct asking){0};
	bw_arena_init(&a->arena, 64 * 1024 * 1024);
	a->request =
	    (struct bw_policy_request){.action = BW_STR("s3:GetObject"), .resource = BW_STR(BUCKET_ARN)};
	ask_as(a, BW_PRINCIPAL_USER, USER_ARN);
}

void asking_end(struct asking *a)
{
	for (size_t i = 0; i < a->policy_count; i++)
		bw_policy_release(a->policies[i]);
	bw_arena_free(&a->arena);
}

struct bw_str quoted(struct bw_arena *arena, const char *text)
{
	char *copy = bw_arena_alloc(arena, strlen(text) + 1);

	for (size_t i = 0; text[i]; i++)
		copy[i] = text[i] == '\'' ? '"' : text[i] == '`' ? '\'' : text[i];
	return bw_str_make(copy, strlen(text));
}

struct bw_policy *policy_of(struct asking *a, enum bw_policy_kind kind, const char *text)
{
	struct bw_policy_error error;
	struct bw_policy *p;

	assert_true(a->policy_count < BW_COUNT(a->policies));
	if (bw_policy_compile(quoted(&a->arena, text), kind, &p, &error) != BW_OK)
		fail_msg("%s: %s", text, error.text);
	a->policies[a->policy_count++] = p;
	return p;
}

struct bw_policy_list list_of(struct asking *a, enum bw_policy_kind kind, const char *id, const char *text)
{
	struct bw_policy_ref *ref = BW_NEW(&a->arena, struct bw_policy_ref);

	*ref = (struct bw_policy_ref){policy_of(a, kind, text), bw_str_c(id)};
	return (struct bw_policy_list){ref, 1};
}

struct bw_policy_list list_join(struct asking *a, struct bw_policy_list x, struct bw_policy_list y)
{
	struct bw_policy_ref *refs = BW_NEW_ARRAY(&a->arena, struct bw_policy_ref, x.n + y.n);

	memcpy(refs, x.v, x.n * sizeof *refs);
	memcpy(refs + x.n, y.v, y.n * sizeof *refs);
	return (struct bw_policy_list){refs, x.n + y.n};
}

void context_of(struct asking *a, const char *text)
{
	struct bw_str rest = bw_arena_str(&a->arena, bw_str_c(text));
	size_t n = 0;

	while (rest.n) {
		struct bw_str value = bw_str_cut(&rest, ';'), key = bw_str_cut(&value, '=');
		struct bw_str *values = BW_NEW_ARRAY(&a->arena, struct bw_str, VALUES_MAX);
		struct bw_context_key *k = &a->keys[n++];

		assert_true(n <= KEYS_MAX);
		*k = (struct bw_context_key){.name = key, .values = values, .count = 1};
		values[0] = value;
		if (!bw_str_ends(key, BW_STR("@")))
			continue;
		k->name.n--;
		k->multi = true;
		for (k->count = 0; bw_str_set(value) && k->count < VALUES_MAX; k->count++)
			values[k->count] = bw_str_cut(&value, '|');
	}
	a->request.context = a->keys;
	a->request.context_count = n;
}

void ask_as(struct asking *a, enum bw_principal_kind kind, const char *arn)
{
	bool has_account =
	    kind != BW_PRINCIPAL_ANONYMOUS && kind != BW_PRINCIPAL_SERVICE && kind != BW_PRINCIPAL_WEB;

	a->request.principal_kind = kind;
	a->request.principal_arn = bw_str_c(arn);
	a->request.principal_role_arn = kind == BW_PRINCIPAL_ROLE ? BW_STR(ROLE_ARN) : BW_STR_NONE;
	a->request.principal_account = has_account ? BW_STR(ACCOUNT) : BW_STR_NONE;
}

/* Every question is also explained: the explanation must be JSON and decide alike. */
struct bw_verdict ask(struct asking *a)
{
	struct bw_verdict v = bw_policy_evaluate(&a->layers, &a->request), told;
	struct bw_json_value json;
	struct bw_buf buf;

	bw_buf_init(&buf, 4 * 1024 * 1024);
	told = bw_policy_explain(&a->layers, &a->request, &buf);
	assert_false(buf.failed);
	assert_int_equal(told.decision, v.decision);
	assert_int_equal(told.layer, v.layer);
	assert_int_equal(told.statement, v.statement);
	assert_ok(bw_json_parse(bw_buf_str(&buf), &a->arena, &json));
	bw_buf_free(&buf);
	return v;
}
