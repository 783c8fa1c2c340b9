/* Random documents in random layers asked with random requests. The input's lines are, in turn: what the
 * request is made of, then one document each. Explained and evaluated decisions must be the same, and the
 * explanation JSON. */
#include "codec/json.h"
#include "policy/policy.h"

enum { KEYS_MAX = 8, VALUES_MAX = 3, LISTS = 7 };

struct asked {
	struct bw_policy_request request;
	struct bw_context_key keys[KEYS_MAX];
	struct bw_str values[KEYS_MAX][VALUES_MAX];
};

/* "kind,flags,principal,role,account,action,resource,resource account,key,value|value,key,value..." */
static void asked_read(struct bw_str line, struct asked *a)
{
	struct bw_policy_request *r = &a->request;
	struct bw_str *fields[] = {&r->principal_arn, &r->principal_role_arn, &r->principal_account,
	    &r->action, &r->resource, &r->resource_account};
	size_t n = 0;

	*a = (struct asked){0};
	r->principal_kind =
	    (enum bw_principal_kind)(line.n ? (unsigned char)line.p[0] % (BW_PRINCIPAL_SERVICE + 1) : 0);
	r->service_linked_role = line.n > 1 && line.p[1] == 's';
	(void)bw_str_cut(&line, ',');
	for (size_t i = 0; i < BW_COUNT(fields); i++)
		*fields[i] = bw_str_cut(&line, ',');
	for (; bw_str_set(line) && n < KEYS_MAX; n++) {
		struct bw_context_key *k = &a->keys[n];
		struct bw_str values;

		k->name = bw_str_cut(&line, ',');
		values = bw_str_cut(&line, ',');
		k->values = a->values[n];
		while (bw_str_set(values) && k->count < VALUES_MAX)
			a->values[n][k->count++] = bw_str_cut(&values, '|');
		k->multi = k->count != 1;
	}
	r->context = a->keys;
	r->context_count = n;
}

struct documents {
	struct bw_policy_ref refs[LISTS];
	struct bw_policy_list lists[LISTS];
};

static void documents_read(struct bw_str rest, struct documents *d)
{
	static const enum bw_policy_kind kinds[LISTS] = {BW_POLICY_IDENTITY, BW_POLICY_RESOURCE,
	    BW_POLICY_SESSION, BW_POLICY_BOUNDARY, BW_POLICY_SCP, BW_POLICY_RCP, BW_POLICY_VPCE};

	for (size_t i = 0; i < LISTS; i++) {
		struct bw_policy *p = NULL;

		if (bw_str_set(rest) &&
		    bw_policy_compile(bw_str_cut(&rest, '\n'), kinds[i], &p, NULL) != BW_OK)
			p = NULL;
		d->refs[i] = (struct bw_policy_ref){p, BW_STR("document")};
		d->lists[i] = (struct bw_policy_list){&d->refs[i], p != NULL};
	}
}

static void ask(const struct bw_policy_layers *layers, const struct bw_policy_request *request)
{
	struct bw_verdict v = bw_policy_evaluate(layers, request), told;
	struct bw_json_value json;
	struct bw_arena arena;
	struct bw_buf out;

	bw_arena_init(&arena, 256 << 20);
	bw_buf_init(&out, 64 << 20);
	told = bw_policy_explain(layers, request, &out);
	MUST(told.decision == v.decision && told.layer == v.layer && told.statement == v.statement);
	MUST(out.failed || bw_json_parse(bw_buf_str(&out), &arena, &json) == BW_OK);
	bw_buf_reset(&out);
	bw_policy_denial(request, &v, &out);
	bw_buf_free(&out);
	bw_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str rest = bw_str_make(data, size), line = bw_str_cut(&rest, '\n');
	struct bw_policy_layers layers;
	struct documents d;
	struct asked a;

	asked_read(line, &a);
	documents_read(rest, &d);
	layers = (struct bw_policy_layers){.identity = d.lists[0],
	    .resource = d.lists[1],
	    .session = d.lists[2],
	    .boundary = d.lists[3],
	    .scps = &d.lists[4],
	    .scp_levels = d.lists[4].n,
	    .rcps = &d.lists[5],
	    .rcp_levels = d.lists[5].n,
	    .vpce = d.lists[6],
	    .resource_must_allow = line.n > 2 && line.p[2] == 'm'};
	ask(&layers, &a.request);
	for (size_t i = 0; i < LISTS; i++)
		bw_policy_release(d.refs[i].policy);
	return 0;
}
