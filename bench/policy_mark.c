/* The mark of bench/policy_peers.mjs: policies from a file, one document a line, asked one request that is
 * built from scratch each time. Prints one JSON object. */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "policy/policy.h"

enum { POLICIES_MAX = 1000, SAMPLES = 100000, WARM = 5000 };

static struct bw_policy_ref refs[POLICIES_MAX];
static size_t ref_count;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#define KEY(n, v)                                                                                            \
	(struct bw_context_key)                                                                              \
	{                                                                                                    \
		.name = bw_str_c(n), .values = &(struct bw_str){(v), strlen(v)}, .count = 1                  \
	}

/* What a gate does for a call: the request's fields from C strings, then the decision. */
__attribute__((noinline)) static enum bw_decision ask(
    const char *user, const char *action, const char *resource)
{
	const struct bw_context_key keys[] = {KEY("aws:CurrentTime", "2026-01-01T00:00:00Z"),
	    KEY("aws:PrincipalArn", user), KEY("aws:PrincipalAccount", "123456789012"),
	    KEY("aws:PrincipalType", "User"), KEY("aws:username", "bob"), KEY("aws:PrincipalTag/team", "red"),
	    KEY("aws:SecureTransport", "true"), KEY("aws:SourceIp", "10.1.4.7"),
	    KEY("aws:RequestedRegion", "us-east-1")};
	const struct bw_policy_request request = {.principal_kind = BW_PRINCIPAL_USER,
	    .principal_arn = bw_str_c(user),
	    .principal_account = bw_str_c("123456789012"),
	    .action = bw_str_c(action),
	    .resource = bw_str_c(resource),
	    .context = keys,
	    .context_count = BW_COUNT(keys)};
	const struct bw_policy_layers layers = {.identity = {refs, ref_count}};

	return bw_policy_evaluate(&layers, &request).decision;
}

static void one(void)
{
	MUST(ask("arn:aws:iam::123456789012:user/bob", "s3:GetObject", "arn:aws:s3:::bucket/bob/key") ==
	     BW_ALLOWED);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void *many(void *ctx)
{
	for (long i = 0, n = *(long *)ctx; i < n; i++)
		one();
	return NULL;
}

static double rate(size_t threads, long each)
{
	pthread_t t[2];
	int64_t from = now_ns();

	for (size_t i = 0; i < threads; i++)
		MUST(pthread_create(&t[i], NULL, many, &each) == 0);
	for (size_t i = 0; i < threads; i++)
		MUST(pthread_join(t[i], NULL) == 0);
	return (double)threads * (double)each * 1e9 / (double)(now_ns() - from);
}

/* Bytes of text; what the compiled forms take is found in the heap. */
static size_t policies_read(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t bytes = 0, room = 0;
	char *line = NULL;
	ssize_t n;

	MUST(f != NULL);
	while (ref_count < POLICIES_MAX && (n = getline(&line, &room, f)) > 0) {
		struct bw_str text = bw_str_make(line, (size_t)n - 1);

		MUST(bw_policy_compile(text, BW_POLICY_IDENTITY, &refs[ref_count].policy, NULL) == BW_OK);
		refs[ref_count++].id = BW_STR("p");
		bytes += text.n;
	}
	free(line);
	fclose(f);
	return bytes;
}

int main(int argc, char **argv)
{
	static int64_t times[SAMPLES];
	int64_t clock_ns = INT64_MAX;
	size_t before, bytes, taken;
	long each;

	MUST(argc == 2);
	before = mallinfo2().uordblks;
	bytes = policies_read(argv[1]);
	taken = mallinfo2().uordblks - before;
	for (size_t i = 0; i < WARM; i++) {
		int64_t from = now_ns(), took = now_ns() - from;

		clock_ns = took < clock_ns ? took : clock_ns;
		one();
	}
	for (size_t i = 0; i < SAMPLES; i++) {
		int64_t from = now_ns();

		one();
		times[i] = now_ns() - from - clock_ns;
	}
	qsort(times, SAMPLES, sizeof *times, by_size);
	each = ref_count > 100 ? 100000 : 1000000;
	printf("{\"median\":%lld,\"p99\":%lld,\"rate1\":%.0f,\"rate2\":%.0f,\"memory\":%.2f}\n",
	    (long long)times[SAMPLES / 2], (long long)times[SAMPLES * 99 / 100], rate(1, each), rate(2, each),
	    (double)taken / (double)bytes);
	for (size_t i = 0; i < ref_count; i++)
		bw_policy_release(refs[i].policy);
	return 0;
}
