/* Who asks for what, and with which context. */
#include "chance.h"

static const char *const asked_actions[] = {"s3:GetObject", "s3:getobjectacl", "s3:PutObject",
    "iam:CreateUser", "sts:AssumeRole", "ec2:RunInstances", "sts:GetCallerIdentity", "nocolon"};
static const char *const asked_resources[] = {"*", "arn:aws:s3:::bucket", "arn:aws:s3:::bucket/bob/k",
    "arn:aws:s3:::bucket/a:b", "arn:aws:s3:::bucket/*", "arn:aws:iam::" HOME ":user/bob",
    "arn:aws:iam::" HOME ":role/a/x", "arn:aws:sqs:us-east-1:" HOME ":q", "arn:aws:s3:::bucket/red/x"};

static const struct {
	const char *name;
	bool multi;
	const char *values[7];
} asked_keys[] = {
    {"aws:username", false, {"bob", "Bob", "*", "", "x*"}},
    {"aws:PrincipalTag/Team", false, {"red", "blue", ""}},
    {"aws:TagKeys", true, {"a", "b", "", "red", "bob"}},
    {"AWS:sourceip", false,
        {"10.1.2.3", "8.8.8.8", "2001:db8::1", "2001:db8:8000::1", "nonsense", "::ffff:10.1.2.3"}},
    {"aws:CurrentTime", false,
        {"2020-01-01T00:00:00Z", "1600000000", "2021-06-15", "soon", "2019-12-31T19:00:00-05:00",
            "2020-01-01T00:00:00.500Z"}},
    {"aws:N", false, {"7", "7.5", "-3", "1000", "7x", ""}},
    {"aws:SecureTransport", false, {"true", "false", "TRUE"}},
    {"aws:SourceArn", false,
        {"arn:aws:sns:us-east-1:" HOME ":bob", "arn:aws:sns:us-east-1:" AWAY ":t", "arn:aws:sns", "bob"}},
};

static void context_make(struct chance *c, struct question_data *q)
{
	struct bw_str text = free_text(c, &value_alphabet, q->value);
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
		/* One text for all keys: that it stands twice is more likely so. */
		if (k->count && chance_one_in(c, 8))
			q->values[n][0] = text;
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
	    {BW_PRINCIPAL_ROLE, "arn:aws:iam::" HOME ":role/p/r", "arn:aws:iam::" HOME ":role/p/r", HOME},
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
	q->request.action =
	    chance_one_in(c, 8) ? free_text(c, &asked_alphabet, q->action) : bw_str_c(PICK(c, asked_actions));
	q->request.resource = chance_one_in(c, 8) ? free_text(c, &resource_alphabet, q->resource)
	                                          : bw_str_c(PICK(c, asked_resources));
	if (chance_one_in(c, 3))
		q->request.resource_account = chance_one_in(c, 2) ? BW_STR(HOME) : BW_STR(AWAY);
	context_make(c, q);
}
