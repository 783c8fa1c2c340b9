#include <stdlib.h>
#include <unistd.h>

#include "base/sys.h"
#include "bin/simulate.h"

enum {
	EXPLAINED_MAX =
	    32 * 1024 * 1024, /* every value of every statement of documents of BW_POLICY_TEXT_MAX */
	EXIT_ALLOWED = 0,
	EXIT_DENIED = 1,
	EXIT_ERROR = 2,
};

static const struct option simulate_options[] = {
    {"principal", OPTION_VALUE, "WHO", "the ARN of a user, role, session or root; a service; anonymous"},
    {"action", OPTION_MANY, "ACTION", "service:Name; may be given again"},
    {"resource", OPTION_MANY, "ARN", "what it is done to (default: *); may be given again"},
    {"context", OPTION_MANY, "KEY=VALUE",
        "a condition key of the request; given again, a further key or value"},
    {"identity", OPTION_MANY, "FILE", "a policy of the principal or its groups; may be given again"},
    {"resource-policy", OPTION_VALUE, "FILE", "that of the resource: bucket, key, trust policy ..."},
    {"boundary", OPTION_VALUE, "FILE", "the principal's permissions boundary"},
    {"session", OPTION_MANY, "FILE", "a session policy; may be given again"},
    {"scp", OPTION_MANY, "FILE,...", "service control policies of one level; from the root down"},
    {"rcp", OPTION_MANY, "FILE,...", "resource control policies of one level; from the root down"},
    {"vpce", OPTION_VALUE, "FILE", "the policy of the VPC endpoint on the way"},
    {"resource-account", OPTION_VALUE, "DIGITS",
        "whose the resource is (default: its ARN's, or the principal's)"},
    {"brief", OPTION_FLAG, NULL, "the answers without their reasoning"},
    {"json", OPTION_FLAG, NULL, "the answers with their whole reasoning as JSON"},
};

static bool action_is_one(struct bw_str action)
{
	struct bw_str name = action, service = bw_str_cut(&name, ':');

	return service.n && name.n && bw_str_find(name, ':', 0) < 0 && bw_str_find(action, '*', 0) < 0 &&
	       bw_str_find(action, '?', 0) < 0;
}

static bool account_is_one(const char *account)
{
	return !account || (strlen(account) == 12 && strspn(account, "0123456789") == 12);
}

static bool question_read(struct simulation *s)
{
	const char *const *actions = option_all(s->options, "action");
	const char *principal = option_get(s->options, "principal");

	if (s->options->rest_count || !principal || !actions[0]) {
		command_refuse(s->options, s->options->rest_count ? "'%s' is too much" : "%s",
		    s->options->rest_count ? s->options->rest[0]
		    : principal            ? "which --action?"
		                           : "which --principal?");
		return false;
	}
	for (size_t i = 0; actions[i]; i++)
		if (!action_is_one(bw_str_c(actions[i]))) {
			command_refuse(
			    s->options, "--action %s is not one action, like s3:GetObject", actions[i]);
			return false;
		}
	if (!account_is_one(option_get(s->options, "resource-account"))) {
		command_refuse(s->options, "--resource-account is 12 digits");
		return false;
	}
	return simulation_principal(s, bw_str_c(principal)) && simulation_context(s) && simulation_read(s);
}

static void one_show(struct simulation *s, struct bw_str explained)
{
	const char *no_colour = getenv("NO_COLOR");
	bool colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour);

	simulation_show(stdout, explained, &s->arena, option_get(s->options, "brief") != NULL, colour);
}

/* Appends the reasoning to `json`, or shows it. */
static int answer(struct simulation *s, struct bw_str action, struct bw_str resource, struct bw_buf *json)
{
	size_t from = json->n;
	struct bw_policy_request request;
	struct bw_policy_layers layers;
	struct bw_verdict verdict;

	if (!simulation_layers(s, action, resource, &layers))
		return EXIT_ERROR;
	simulation_request(s, action, resource, &request);
	verdict = bw_policy_explain(&layers, &request, json);
	if (json->failed) {
		fprintf(stderr, "bulwark: simulate: the reasoning is larger than %d bytes\n", EXPLAINED_MAX);
		return EXIT_ERROR;
	}
	if (!option_get(s->options, "json")) {
		one_show(s, bw_buf_str(json));
		bw_buf_reset(json);
	} else if (json->n > from) {
		bw_buf_put_c(json, ',');
	}
	return verdict.decision == BW_ALLOWED ? EXIT_ALLOWED : EXIT_DENIED;
}

static int all_answer(struct simulation *s, struct bw_buf *json)
{
	static const char *const everything[] = {"*", NULL};
	const char *const *actions = option_all(s->options, "action");
	const char *const *resources = option_all(s->options, "resource");
	int status = EXIT_ALLOWED, one;

	if (!resources[0])
		resources = everything;
	for (size_t i = 0; actions[i]; i++)
		for (size_t j = 0; resources[j]; j++) {
			one = answer(s, bw_str_c(actions[i]), bw_str_c(resources[j]), json);
			if (one == EXIT_ERROR)
				return one;
			if (one == EXIT_DENIED)
				status = one;
		}
	return status;
}

static int simulate_run(const struct parsed *p)
{
	static struct simulation s;
	struct bw_buf json;
	int status;

	s.options = p;
	s.now_ms = bw_clock_wall_ms();
	bw_arena_init(&s.arena, (size_t)256 << 20);
	bw_buf_init(&json, EXPLAINED_MAX);
	status = question_read(&s) ? all_answer(&s, &json) : EXIT_ERROR;
	if (option_get(p, "json") && status != EXIT_ERROR)
		printf("{\"allowed\":%s,\"results\":[%.*s]}\n", status == EXIT_ALLOWED ? "true" : "false",
		    (int)json.n - 1, json.p);
	bw_buf_free(&json);
	simulation_free(&s);
	return fflush(stdout) == 0 ? status : EXIT_ERROR;
}

const struct command command_simulate = {.name = "simulate",
    .arguments = "",
    .summary = "may X do Y on Z, and why: decide over policy files, without a server",
    .about =
        "Answers, without a server or an account, whether WHO may do ACTION on ARN under the given policies, "
        "and\n"
        "why: each layer, each statement, which element or condition decided. Exit status 0: all allowed; 1: "
        "some\n"
        "denied; 2: no answer. A policy is a file, a document in the word itself ('{...'), or the ARN of an\n"
        "AWS-managed policy. A layer that is not given does not apply.\n\n"
        "Examples:\n"
        "  May alice read the report?\n"
        "    bulwark simulate --principal arn:aws:iam::111122223333:user/alice --action s3:GetObject \\\n"
        "        --resource arn:aws:s3:::reports/q1.csv --identity alice.json --identity developers.json\n"
        "  Under the organisation's policies, root first, and only with a second factor?\n"
        "    bulwark simulate --principal arn:aws:iam::111122223333:role/deploy --action iam:CreateUser \\\n"
        "        --identity arn:aws:iam::aws:policy/IAMFullAccess --boundary boundary.json \\\n"
        "        --scp root.json --scp ou-dev.json,ou-dev-2.json --context aws:MultiFactorAuthPresent=true\n"
        "  May GitHub's workflow assume the role?\n"
        "    bulwark simulate --action sts:AssumeRoleWithWebIdentity --resource-policy trust.json \\\n"
        "        --principal arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com \\\n"
        "        --resource arn:aws:iam::111122223333:role/deploy \\\n"
        "        --context token.actions.githubusercontent.com:sub=repo:acme/app:ref:refs/heads/main\n"
        "  In CI: nobody in the pipeline deletes the trail.\n"
        "    ! bulwark simulate --principal arn:aws:iam::111122223333:role/ci --identity ci.json \\\n"
        "        --action cloudtrail:DeleteTrail --action cloudtrail:StopLogging --brief",
    .options = simulate_options,
    .option_count = BW_COUNT(simulate_options),
    .run = simulate_run};
