/* The mark of bench/policy_peers.mjs: policies from a file, one document a line, asked one request that is
 * built from scratch each time. Prints one JSON object. */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "policy/policy.h"

enum { POLICIES_MAX = 1000, SAMPLES = 100000, WARM = 5000, ROUNDS = 7 };

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

/* Work of one thread: what it costs in CPU time is told apart from how long it took on a machine that others
 * use too. */
struct work {
	void (*each)(void);
	long times;
	double cpu_ns; /* of one, filled in */
};

static void *work_do(void *ctx)
{
	struct work *w = ctx;
	struct timespec from, to;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	for (long i = 0; i < w->times; i++)
		w->each();
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	w->cpu_ns = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
	            (double)w->times;
	return NULL;
}

/* As much arithmetic in registers as a decision takes time: what two threads of the machine can do at best.
 */
static void spin(void)
{
	unsigned long x = 1;

	for (int i = 0; i < 150; i++) {
		x = x * 3 + 1;
		__asm__ volatile("" : "+r"(x));
	}
}

struct rate {
	double a_second, cpu_ns;
};

static struct rate rate(void (*each)(void), size_t threads, long times)
{
	struct work work[2] = {{each, times, 0}, {each, times, 0}};
	struct rate r = {0};
	pthread_t t[2];
	int64_t from = now_ns();

	for (size_t i = 0; i < threads; i++)
		MUST(pthread_create(&t[i], NULL, work_do, &work[i]) == 0);
	for (size_t i = 0; i < threads; i++) {
		MUST(pthread_join(t[i], NULL) == 0);
		r.cpu_ns += work[i].cpu_ns / (double)threads;
	}
	r.a_second = (double)threads * (double)times * 1e9 / (double)(now_ns() - from);
	return r;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double v[ROUNDS])
{
	qsort(v, ROUNDS, sizeof *v, by_value);
	return v[ROUNDS / 2];
}

/* One and two threads, and the register loop beside them, in rounds: medians of each. */
static void rates_print(long times)
{
	double one_rate[ROUNDS], two_rate[ROUNDS], one_cpu[ROUNDS], two_cpu[ROUNDS], scale[ROUNDS],
	    limit[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++) {
		struct rate a = rate(one, 1, times), b = rate(one, 2, times);
		double spin_one = rate(spin, 1, times).a_second, spin_two = rate(spin, 2, times).a_second;

		one_rate[i] = a.a_second;
		two_rate[i] = b.a_second;
		one_cpu[i] = a.cpu_ns;
		two_cpu[i] = b.cpu_ns;
		scale[i] = b.a_second / a.a_second;
		limit[i] = spin_two / spin_one;
	}
	printf("\"rate1\":%.0f,\"rate2\":%.0f,\"cpu1\":%.0f,\"cpu2\":%.0f,\"scale\":%.2f,\"limit\":%.2f",
	    median(one_rate), median(two_rate), median(one_cpu), median(two_cpu), median(scale),
	    median(limit));
}

/* How many times the text the compiled forms are, with what malloc adds to them. */
static double policies_read(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t bytes = 0, taken = 0, room = 0;
	char *line = NULL;
	ssize_t n;

	MUST(f != NULL);
	while (ref_count < POLICIES_MAX && (n = getline(&line, &room, f)) > 0) {
		struct bw_str text = bw_str_make(line, (size_t)n - 1);

		MUST(bw_policy_compile(text, BW_POLICY_IDENTITY, &refs[ref_count].policy, NULL) == BW_OK);
		refs[ref_count++].id = BW_STR("p");
		taken += malloc_usable_size(refs[ref_count - 1].policy) + sizeof(size_t);
		bytes += text.n;
	}
	free(line);
	fclose(f);
	return (double)taken / (double)bytes;
}

int main(int argc, char **argv)
{
	static int64_t times[SAMPLES];
	int64_t clock_ns = INT64_MAX;
	double memory;

	MUST(argc == 2);
	memory = policies_read(argv[1]);
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
	printf("{\"median\":%lld,\"p99\":%lld,\"memory\":%.2f,", (long long)times[SAMPLES / 2],
	    (long long)times[SAMPLES * 99 / 100], memory);
	rates_print(ref_count > 100 ? 20000 : 300000);
	puts("}");
	for (size_t i = 0; i < ref_count; i++)
		bw_policy_release(refs[i].policy);
	return 0;
}
