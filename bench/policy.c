/* Decisions a second: ten documents of five statements, as a user has, and a thousand of fifty, as nobody
 * should; against the naive evaluator of the tests, which answers the same. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "naive.h"
#include "policy/policy.h"

#define ACCOUNT "123456789012"

struct scene {
	const char *name;
	size_t documents, statements;
	bool conditions;
	size_t runs, naive_runs;
};

static const struct scene scenes[] = {
    {"10 x 5", 10, 5, false, 200000, 300},
    {"10 x 5, conditions", 10, 5, true, 200000, 300},
    {"1000 x 50", 1000, 50, false, 2000, 2},
    {"1000 x 50, conditions", 1000, 50, true, 2000, 2},
};

static const char *const services[] = {
    "s3", "ec2", "iam", "sqs", "sns", "kms", "logs", "lambda", "dynamodb", "rds", "ecs", "sts"};

/* Statements as people write them: a few actions of one service, on resources of it, or everywhere under
 * conditions. One in twelve is about the action asked, and fails by its resource or its last condition but
 * one. */
static void statement_put(struct bw_buf *b, const struct scene *s, size_t seed)
{
	const char *service = services[seed % BW_COUNT(services)];

	bw_buf_printf(b,
	    "{\"Effect\":\"%s\",\"Action\":[\"%s:List%zu\",\"%s:Describe%zu*\",\"%s:Put%zu\",\"%s:Get*\"],",
	    seed % 7 == 3 ? "Deny" : "Allow", service, seed, service, seed, service, seed, service);
	if (s->conditions)
		bw_buf_put(b, BW_STR("\"Resource\":\"*\""));
	else
		bw_buf_printf(b,
		    "\"Resource\":[\"arn:aws:%s:*:" ACCOUNT ":user/%zu/*\",\"arn:aws:%s:*:" ACCOUNT
		    ":user/${aws:username}/*\"]",
		    service, seed, service);
	if (s->conditions)
		bw_buf_printf(b,
		    ",\"Condition\":{\"StringEquals\":{\"aws:PrincipalTag/"
		    "team\":[\"red\",\"blue\"]},\"IpAddress\":{\"aws:SourceIp\":"
		    "[\"10.%zu.0.0/16\",\"172.16.0.0/12\"]},\"Bool\":{\"aws:SecureTransport\":\"true\"}}",
		    seed % 200);
	bw_buf_put_c(b, '}');
}

static struct bw_str document(struct bw_arena *arena, const struct scene *s, size_t index)
{
	struct bw_str text;
	struct bw_buf b;

	bw_buf_init(&b, 1 << 20);
	bw_buf_printf(&b, "{\"Version\":\"2012-10-17\",\"Statement\":[");
	for (size_t i = 0; i < s->statements; i++) {
		if (i)
			bw_buf_put_c(&b, ',');
		statement_put(&b, s, index * s->statements + i);
	}
	/* The last document is the one that allows. */
	if (index + 1 == s->documents)
		bw_buf_printf(&b, ",{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:"
		                  "s3:::bucket/${aws:username}/*\"}");
	bw_buf_printf(&b, "]}");
	text = bw_arena_str(arena, bw_buf_str(&b));
	bw_buf_free(&b);
	return text;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

struct measured {
	double mean_ns;
	int64_t median_ns, p99_ns;
};

/* Each sample is as many decisions as take longer than the clock's own cost can blur. */
static struct measured measure(size_t runs, size_t each, struct bw_verdict (*decide)(void *ctx), void *ctx)
{
	size_t samples = runs / each ? runs / each : 1;
	int64_t *times = bw_alloc(samples * sizeof *times), begin = now_ns(), end;
	struct measured m;

	for (size_t i = 0; i < samples; i++) {
		int64_t from = now_ns();

		for (size_t j = 0; j < each; j++)
			MUST(decide(ctx).decision == BW_ALLOWED);
		times[i] = (now_ns() - from) / (int64_t)each;
	}
	end = now_ns();
	qsort(times, samples, sizeof *times, by_size);
	m = (struct measured){
	    (double)(end - begin) / (double)(samples * each), times[samples / 2], times[samples * 99 / 100]};
	bw_free(times);
	return m;
}

struct both {
	struct bw_policy_layers layers;
	struct naive_layers naive;
	struct bw_policy_request request;
};

static struct bw_verdict compiled_decide(void *ctx)
{
	struct both *b = ctx;

	return bw_policy_evaluate(&b->layers, &b->request);
}

static struct bw_verdict naive_decide(void *ctx)
{
	struct both *b = ctx;

	return naive_evaluate(&b->naive, &b->request);
}

#define ONE(text) ((const struct bw_str[]){{text, sizeof(text) - 1}})
#define KEY(name, text)                                                                                      \
	{                                                                                                    \
		{name, sizeof(name) - 1}, ONE(text), 1, false                                                \
	}

static void scene_run(const struct scene *s)
{
	/* What a signed call carries. */
	const struct bw_context_key keys[] = {KEY("aws:CurrentTime", "2026-01-01T00:00:00Z"),
	    KEY("aws:EpochTime", "1767225600"), KEY("aws:PrincipalArn", "arn:aws:iam::" ACCOUNT ":user/bob"),
	    KEY("aws:PrincipalAccount", ACCOUNT), KEY("aws:PrincipalType", "User"),
	    KEY("aws:userid", "AIDACKCEVSQ6C2EXAMPLE"), KEY("aws:username", "bob"),
	    KEY("aws:PrincipalTag/team", "red"), KEY("aws:SecureTransport", "true"),
	    KEY("aws:SourceIp", "192.168.4.7"), KEY("aws:UserAgent", "aws-cli/2.22"),
	    KEY("aws:RequestedRegion", "us-east-1"), KEY("aws:ResourceAccount", ACCOUNT)};
	struct bw_policy_ref *refs = bw_alloc(s->documents * sizeof *refs);
	struct naive_document *naive = bw_alloc(s->documents * sizeof *naive);
	struct both both = {.request = {.principal_kind = BW_PRINCIPAL_USER,
	                        .principal_arn = BW_STR("arn:aws:iam::" ACCOUNT ":user/bob"),
	                        .principal_account = BW_STR(ACCOUNT),
	                        .action = BW_STR("s3:GetObject"),
	                        .resource = BW_STR("arn:aws:s3:::bucket/bob/key"),
	                        .context = keys,
	                        .context_count = BW_COUNT(keys)}};
	struct measured compiled, plain;
	struct bw_arena arena;

	bw_arena_init(&arena, 1ull << 32);
	for (size_t i = 0; i < s->documents; i++) {
		struct bw_str text = document(&arena, s, i);

		MUST(bw_policy_compile(text, BW_POLICY_IDENTITY, &refs[i].policy, NULL) == BW_OK);
		MUST(bw_json_parse(text, &arena, &naive[i].root) == BW_OK);
	}
	both.layers.identity = (struct bw_policy_list){refs, s->documents};
	both.naive.identity = (struct naive_list){naive, s->documents};
	compiled = measure(s->runs, s->documents > 100 ? 1 : 100, compiled_decide, &both);
	plain = measure(s->naive_runs, 1, naive_decide, &both);
	printf("%-22s %12.0f %10.0f %10lld %10lld %14.0f %8.0fx\n", s->name, 1e9 / compiled.mean_ns,
	    compiled.mean_ns, (long long)compiled.median_ns, (long long)compiled.p99_ns, plain.mean_ns,
	    plain.mean_ns / compiled.mean_ns);
	for (size_t i = 0; i < s->documents; i++)
		bw_policy_release(refs[i].policy);
	bw_arena_free(&arena);
	bw_free(refs);
	bw_free(naive);
}

int main(void)
{
	printf("%-22s %12s %10s %10s %10s %14s %9s\n", "documents", "decisions/s", "mean ns", "median ns",
	    "p99 ns", "naive ns", "ratio");
	for (size_t i = 0; i < BW_COUNT(scenes); i++)
		scene_run(&scenes[i]);
	return 0;
}
