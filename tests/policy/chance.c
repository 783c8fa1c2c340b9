#include "chance.h"

#include "test.h"

size_t chance_below(struct chance *c, size_t n)
{
	c->state ^= c->state << 13;
	c->state ^= c->state >> 7;
	c->state ^= c->state << 17;
	return (size_t)((c->state >> 11) % n);
}

bool chance_one_in(struct chance *c, size_t n)
{
	return chance_below(c, n) == 0;
}

#define PICK(c, list) (list)[chance_below(c, BW_COUNT(list))]

#define HOME "111111111111"
#define AWAY "222222222222"

static const char *const actions[] = {"s3:GetObject", "s3:GetObjectAcl", "s3:PutObject", "S3:Get*", "s3:*",
    "s3:?etObject*", "*", "*:*", "*:Get*", "iam:*", "iam:CreateUser", "iam:c*user", "sts:AssumeRole", "sts:*",
    "ec2:*"};
static const char *const asked_actions[] = {"s3:GetObject", "s3:getobjectacl", "s3:PutObject",
    "iam:CreateUser", "sts:AssumeRole", "ec2:RunInstances", "sts:GetCallerIdentity", "nocolon"};
static const char *const resources[] = {"*", "arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*",
    "arn:aws:s3:::buck*", "arn:aws:s3:::*", "arn:aws:s3:::bucket/${aws:username}/*", "arn:aws:s3:::b?cket/*",
    "arn:aws:iam::*:user/*", "arn:aws:iam::" HOME ":user/${aws:username}", "arn:aws:iam::" HOME ":role/*/x",
    "arn:*:iam::*:role/a*", "arn:aws:sqs", "arn:aws:sqs:us-*", "arn:aws:s3:::${aws:nokey}",
    "arn:aws:s3:::${aws:nokey, `bucket`}", "arn:aws:s3:::bucket/${*}",
    "arn:aws:s3:::*/${aws:PrincipalTag/team}*"};
static const char *const asked_resources[] = {"*", "arn:aws:s3:::bucket", "arn:aws:s3:::bucket/bob/k",
    "arn:aws:s3:::bucket/a:b", "arn:aws:s3:::bucket/*", "arn:aws:iam::" HOME ":user/bob",
    "arn:aws:iam::" HOME ":role/a/x", "arn:aws:sqs:us-east-1:" HOME ":q", "arn:aws:s3:::bucket/red/x"};
static const char *const keys[] = {"aws:username", "AWS:UserName", "aws:PrincipalTag/team",
    "aws:principaltag/TEAM", "aws:TagKeys", "aws:SourceIp", "aws:CurrentTime", "aws:n", "aws:SecureTransport",
    "aws:SourceArn", "aws:nokey"};
static const char *const operators[] = {"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike", "NumericEquals", "NumericNotEquals",
    "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals",
    "DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan",
    "DateGreaterThanEquals", "Bool", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals",
    "ArnNotLike", "Null"};
static const char *const values[] = {"'bob'", "'BOB'", "'b*'", "'?ob'", "'*'", "''", "'red'",
    "'${aws:username}'", "'${aws:nokey}'", "'${aws:nokey, `red`}'", "'${aws:TagKeys}'", "'x${*}'",
    "'*${aws:PrincipalTag/team}?*'", "'a'", "'b'", "7", "'7.50'", "'-1'", "true", "'false'", "'10.0.0.0/8'",
    "'10.1.2.3'", "'0.0.0.0/0'", "'2001:db8::/33'", "'arn:aws:sns:*:" HOME ":*'", "'arn:aws:sns:us-east-1:*'",
    "'arn:aws:sns'", "'arn:aws:sns:*:*:${aws:username}'", "'1e3'", "'7x'"};
static const char *const date_values[] = {
    "'2020'", "'2020-01-01T00:00:00Z'", "1577836800", "'2021-06-15'", "'2020-02-29T12:30:00Z'", "'-5'"};
static const char *const principals[] = {"'" HOME "'", "'arn:aws:iam::" HOME ":root'", "'" AWAY "'",
    "'arn:aws:iam::" HOME ":user/bob'", "'arn:aws:iam::" HOME ":role/p/r'",
    "'arn:aws:sts::" HOME ":assumed-role/r/s'", "'arn:aws:sts::" HOME ":federated-user/f'", "'*'"};

static void put(struct chance *c, struct bw_buf *out, const char *text)
{
	(void)c;
	for (; *text; text++)
		bw_buf_put_c(out, *text == '\'' ? '"' : *text == '`' ? '\'' : *text);
}

/* One value, or a list of up to three. */
static void list_put(
    struct chance *c, struct bw_buf *out, const char *const *words, size_t n, const char *quote)
{
	size_t count = chance_below(c, 4);

	if (count)
		put(c, out, "[");
	for (size_t i = 0; i < (count ? count : 1); i++) {
		if (i)
			put(c, out, ",");
		put(c, out, quote);
		put(c, out, words[chance_below(c, n)]);
		put(c, out, quote);
	}
	if (count)
		put(c, out, "]");
}

static void condition_put(struct chance *c, struct bw_buf *out)
{
	size_t first = chance_below(c, BW_COUNT(operators)), n = 1 + chance_below(c, 2),
	       key = chance_below(c, BW_COUNT(keys));

	put(c, out, ",'Condition':{");
	for (size_t i = 0; i < n; i++) {
		struct bw_str op = bw_str_c(operators[(first + i) % BW_COUNT(operators)]);
		bool date = bw_str_starts(op, BW_STR("Date")), null = bw_str_eq(op, BW_STR("Null"));
		size_t set = chance_below(c, 5);

		put(c, out, i ? ",'" : "'");
		put(c, out, set == 0 ? "ForAllValues:" : set == 1 ? "ForAnyValue:" : "");
		bw_buf_put(out, op);
		put(c, out, !null && chance_one_in(c, 4) ? "IfExists':{'" : "':{'");
		put(c, out, keys[(key + i) % BW_COUNT(keys)]);
		put(c, out, "':");
		if (date)
			list_put(c, out, date_values, BW_COUNT(date_values), "");
		else
			list_put(c, out, values, BW_COUNT(values), "");
		put(c, out, "}");
	}
	put(c, out, "}");
}

static void principal_put(struct chance *c, struct bw_buf *out, enum bw_policy_kind kind, bool allow)
{
	if (kind == BW_POLICY_RCP) {
		put(c, out, ",'Principal':'*'");
		return;
	}
	put(c, out, !allow && chance_one_in(c, 3) ? ",'NotPrincipal':" : ",'Principal':");
	if (kind != BW_POLICY_TRUST && chance_one_in(c, 6)) {
		put(c, out, "'*'");
		return;
	}
	put(c, out, "{");
	switch (chance_below(c, 6)) {
	case 0:
		put(c, out, chance_one_in(c, 2) ? "'Service':'ec2.amazonaws.com'," : "'Service':'*',");
		break;
	case 1:
		put(c, out,
		    chance_one_in(c, 2) ? "'Federated':['accounts.google.com','x']," : "'Federated':'*',");
		break;
	}
	put(c, out, "'AWS':");
	list_put(c, out, principals, BW_COUNT(principals), "");
	put(c, out, "}");
}

static bool has_principal(enum bw_policy_kind kind)
{
	return kind == BW_POLICY_RESOURCE || kind == BW_POLICY_TRUST || kind == BW_POLICY_RCP ||
	       kind == BW_POLICY_VPCE || kind == BW_POLICY_KEY;
}

void statement_put(struct chance *c, struct bw_buf *out, enum bw_policy_kind kind, const char *effect)
{
	static const char *const trust_actions[] = {
	    "sts:AssumeRole", "sts:*", "sts:Assume*", "STS:assumerole", "sts:TagSession"};
	bool allow = effect ? strcmp(effect, "Allow") == 0 : !chance_one_in(c, 5);
	bool negated = kind != BW_POLICY_RCP && chance_one_in(c, 6);

	put(c, out, "{'Effect':");
	put(c, out, allow ? "'Allow'" : "'Deny'");
	put(c, out, negated ? ",'NotAction':" : ",'Action':");
	if (kind == BW_POLICY_TRUST)
		list_put(c, out, trust_actions, BW_COUNT(trust_actions), "'");
	else
		list_put(c, out, actions, BW_COUNT(actions), "'");
	if (kind != BW_POLICY_TRUST && !(kind == BW_POLICY_RESOURCE && chance_one_in(c, 4))) {
		put(c, out, chance_one_in(c, 6) ? ",'NotResource':" : ",'Resource':");
		/* Half of them everything, or nothing ever happens. */
		list_put(c, out, resources, chance_one_in(c, 2) ? 1 : BW_COUNT(resources), "'");
	}
	if (has_principal(kind))
		principal_put(c, out, kind, allow);
	if (chance_one_in(c, 2))
		condition_put(c, out);
	put(c, out, "}");
}

static struct bw_str document_text(struct world *w, const struct world_document *d)
{
	struct bw_buf b;
	struct bw_str text;

	bw_buf_init(&b, 1 << 20);
	bw_buf_put(&b, BW_STR("{"));
	bw_buf_put(&b, d->version);
	bw_buf_put(&b, BW_STR("\"Statement\":["));
	for (size_t i = 0; i < d->n; i++) {
		if (i)
			bw_buf_put_c(&b, ',');
		bw_buf_put(&b, d->statements[i]);
	}
	bw_buf_put(&b, BW_STR("]}"));
	text = bw_arena_str(&w->arena, bw_buf_str(&b));
	bw_buf_free(&b);
	return text;
}

static void document_add(struct world *w, struct chance *c, enum bw_policy_kind kind)
{
	struct world_document *d = &w->documents[w->count++];
	bool old = kind != BW_POLICY_IDENTITY && kind != BW_POLICY_BOUNDARY && kind != BW_POLICY_SCP &&
	           kind != BW_POLICY_RCP && chance_one_in(c, 4);
	struct bw_buf b;

	assert_true(w->count <= WORLD_DOCUMENTS);
	d->kind = kind;
	d->version = old ? BW_STR("\"Version\":\"2008-10-17\",") : BW_STR("\"Version\":\"2012-10-17\",");
	d->id = bw_arena_printf(&w->arena, "document-%zu", w->count);
	d->n = 1 + chance_below(c, WORLD_STATEMENTS);
	for (size_t i = 0; i < d->n; i++) {
		bw_buf_init(&b, 1 << 16);
		statement_put(c, &b, kind, NULL);
		d->statements[i] = bw_arena_str(&w->arena, bw_buf_str(&b));
		bw_buf_free(&b);
	}
}

void world_begin(struct world *w, struct chance *c)
{
	static const enum bw_policy_kind lists[] = {
	    BW_POLICY_IDENTITY, BW_POLICY_BOUNDARY, BW_POLICY_SESSION, BW_POLICY_VPCE};
	static const size_t rarity[] = {1, 3, 3, 6};

	*w = (struct world){0};
	bw_arena_init(&w->arena, 1 << 26);
	for (size_t i = 0; i < BW_COUNT(lists); i++)
		for (size_t n = chance_one_in(c, rarity[i]) ? chance_below(c, 3) : 0; n; n--)
			document_add(w, c, lists[i]);
	if (!chance_one_in(c, 3))
		document_add(w, c, chance_one_in(c, 4) ? BW_POLICY_TRUST : BW_POLICY_RESOURCE);
	for (size_t n = chance_one_in(c, 4) ? chance_below(c, 3) : 0; n; n--)
		document_add(w, c, BW_POLICY_SCP);
	for (size_t n = chance_one_in(c, 4) ? chance_below(c, 3) : 0; n; n--)
		document_add(w, c, BW_POLICY_RCP);
	w->layers.has_boundary = w->naive.has_boundary = chance_one_in(c, 20);
	w->layers.has_session = w->naive.has_session = chance_one_in(c, 20);
	w->layers.has_vpce = w->naive.has_vpce = chance_one_in(c, 40);
	w->layers.resource_must_allow = w->naive.resource_must_allow = chance_one_in(c, 5);
	world_build(w);
}

static void list_build(
    struct world *w, enum bw_policy_kind kind, struct bw_policy_list *list, struct naive_list *naive)
{
	struct bw_policy_ref *refs = BW_NEW_ARRAY(&w->arena, struct bw_policy_ref, w->count);
	struct naive_document *documents = BW_NEW_ARRAY(&w->arena, struct naive_document, w->count);

	*list = (struct bw_policy_list){refs, 0};
	*naive = (struct naive_list){documents, 0};
	for (size_t i = 0; i < w->count; i++) {
		struct world_document *d = &w->documents[i];
		struct bw_policy_error error;
		struct bw_str text;

		if (d->kind != kind)
			continue;
		text = document_text(w, d);
		bw_policy_release(d->policy);
		if (bw_policy_compile(text, kind, &d->policy, &error) != BW_OK)
			fail_msg("%.*s: %s", BW_FMT(text), error.text);
		refs[list->n++] = (struct bw_policy_ref){d->policy, d->id};
		documents[naive->n] = (struct naive_document){.id = d->id, .kind = kind};
		assert_ok(bw_json_parse(text, &w->arena, &documents[naive->n++].root));
	}
}

/* Every document of an organization is a level of its own. */
static void levels_build(struct world *w, enum bw_policy_kind kind, const struct bw_policy_list **lists,
    const struct naive_list **naive, size_t *n)
{
	struct bw_policy_list all, *levels = BW_NEW_ARRAY(&w->arena, struct bw_policy_list, w->count);
	struct naive_list naive_all, *naive_levels = BW_NEW_ARRAY(&w->arena, struct naive_list, w->count);

	list_build(w, kind, &all, &naive_all);
	for (size_t i = 0; i < all.n; i++) {
		levels[i] = (struct bw_policy_list){all.v + i, 1};
		naive_levels[i] = (struct naive_list){naive_all.v + i, 1};
	}
	*lists = levels;
	*naive = naive_levels;
	*n = all.n;
}

void world_build(struct world *w)
{
	list_build(w, BW_POLICY_IDENTITY, &w->layers.identity, &w->naive.identity);
	list_build(w, BW_POLICY_BOUNDARY, &w->layers.boundary, &w->naive.boundary);
	list_build(w, BW_POLICY_SESSION, &w->layers.session, &w->naive.session);
	list_build(w, BW_POLICY_VPCE, &w->layers.vpce, &w->naive.vpce);
	list_build(w, BW_POLICY_RESOURCE, &w->layers.resource, &w->naive.resource);
	if (w->layers.resource.n == 0)
		list_build(w, BW_POLICY_TRUST, &w->layers.resource, &w->naive.resource);
	levels_build(w, BW_POLICY_SCP, &w->layers.scps, &w->naive.scps, &w->layers.scp_levels);
	levels_build(w, BW_POLICY_RCP, &w->layers.rcps, &w->naive.rcps, &w->layers.rcp_levels);
	w->naive.scp_levels = w->layers.scp_levels;
	w->naive.rcp_levels = w->layers.rcp_levels;
}

void world_end(struct world *w)
{
	for (size_t i = 0; i < w->count; i++)
		bw_policy_release(w->documents[i].policy);
	bw_arena_free(&w->arena);
}

static const struct {
	const char *name;
	bool multi;
	const char *values[7];
} asked_keys[] = {
    {"aws:username", false, {"bob", "Bob", "*", "", "x*"}},
    {"aws:PrincipalTag/Team", false, {"red", "blue", ""}},
    {"aws:TagKeys", true, {"a", "b", "", "red", "bob"}},
    {"AWS:sourceip", false, {"10.1.2.3", "8.8.8.8", "2001:db8::1", "2001:db8:8000::1", "nonsense"}},
    {"aws:CurrentTime", false, {"2020-01-01T00:00:00Z", "1600000000", "2021-06-15", "soon"}},
    {"aws:N", false, {"7", "7.5", "-3", "1000", "7x", ""}},
    {"aws:SecureTransport", false, {"true", "false", "TRUE"}},
    {"aws:SourceArn", false,
        {"arn:aws:sns:us-east-1:" HOME ":bob", "arn:aws:sns:us-east-1:" AWAY ":t", "arn:aws:sns", "bob"}},
};

static void context_make(struct chance *c, struct question_data *q)
{
	size_t n = 0;

	for (size_t i = 0; i < BW_COUNT(asked_keys); i++) {
		struct bw_context_key *k = &q->keys[n];
		size_t known = 0;

		if (chance_one_in(c, 4))
			continue;
		while (known < BW_COUNT(asked_keys[i].values) && asked_keys[i].values[known])
			known++;
		*k = (struct bw_context_key){.name = bw_str_c(asked_keys[i].name),
		    .values = q->values[n],
		    .count = 1,
		    .multi = asked_keys[i].multi};
		if (k->multi)
			k->count = chance_below(c, 4);
		for (size_t j = 0; j < k->count; j++)
			q->values[n][j] = bw_str_c(asked_keys[i].values[chance_below(c, known)]);
		n++;
	}
	q->request.context = q->keys;
	q->request.context_count = n;
}

void question_make(struct chance *c, struct question_data *q)
{
	static const struct {
		enum bw_principal_kind kind;
		const char *arn, *role, *account;
	} callers[] = {
	    {BW_PRINCIPAL_USER, "arn:aws:iam::" HOME ":user/bob", NULL, HOME},
	    {BW_PRINCIPAL_USER, "arn:aws:iam::" HOME ":user/eve", NULL, HOME},
	    {BW_PRINCIPAL_ROLE, "arn:aws:sts::" HOME ":assumed-role/r/s", "arn:aws:iam::" HOME ":role/p/r",
	        HOME},
	    {BW_PRINCIPAL_ROLE, "arn:aws:sts::" HOME ":assumed-role/r/t", "arn:aws:iam::" HOME ":role/p/r",
	        HOME},
	    {BW_PRINCIPAL_FEDERATED, "arn:aws:sts::" HOME ":federated-user/f",
	        "arn:aws:iam::" HOME ":user/bob", HOME},
	    {BW_PRINCIPAL_FEDERATED, "arn:aws:sts::" HOME ":federated-user/f", NULL, HOME},
	    {BW_PRINCIPAL_ROOT, "arn:aws:iam::" HOME ":root", NULL, HOME},
	    {BW_PRINCIPAL_ANONYMOUS, NULL, NULL, NULL},
	    {BW_PRINCIPAL_SERVICE, "ec2.amazonaws.com", NULL, NULL},
	    {BW_PRINCIPAL_WEB, "accounts.google.com", NULL, NULL},
	};
	size_t i = chance_below(c, BW_COUNT(callers));

	*q = (struct question_data){.request = {.principal_kind = callers[i].kind,
	                                .principal_arn = bw_str_c(callers[i].arn),
	                                .principal_role_arn = bw_str_c(callers[i].role),
	                                .principal_account = bw_str_c(callers[i].account)}};
	q->request.service_linked_role = callers[i].kind == BW_PRINCIPAL_ROLE && chance_one_in(c, 8);
	q->request.action = bw_str_c(PICK(c, asked_actions));
	q->request.resource = bw_str_c(PICK(c, asked_resources));
	if (chance_one_in(c, 3))
		q->request.resource_account = chance_one_in(c, 2) ? BW_STR(HOME) : BW_STR(AWAY);
	context_make(c, q);
}
