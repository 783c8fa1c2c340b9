/* Every allocation of a compilation fails in turn: nothing is lost, and the answer says so. Then many threads
 * ask. And what needs no memory: sizes, and which version this is. */
#include <bulwark/policy.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(s) ((struct bulwark_text){(s), strlen(s)})
#define MUST(cond)                                                                                           \
	do {                                                                                                 \
		if (!(cond)) {                                                                               \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                           \
			exit(1);                                                                             \
		}                                                                                            \
	} while (0)

struct budget {
	long left, live;
};

static void *resize(void *ctx, void *p, size_t bytes)
{
	struct budget *b = ctx;
	void *moved;

	if (b->left-- <= 0)
		return NULL;
	moved = realloc(p, bytes);
	if (moved && !p)
		b->live++;
	return moved;
}

static void release(void *ctx, void *p)
{
	((struct budget *)ctx)->live--;
	free(p);
}

static const char *const document =
    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":[\"a:*\",\"b:x\"],"
    "\"Resource\":\"*\","
    "\"Condition\":{\"StringLike\":{\"aws:username\":[\"al*\",\"${aws:PrincipalTag/x, 'bob'}\"]}}}}";

static struct bulwark_policy *failing_compile(struct budget *b)
{
	const struct bulwark_allocator allocator = {resize, release, b};
	enum bulwark_result result = BULWARK_NO_MEMORY;
	struct bulwark_policy *policy = NULL;
	long allowed = 0;

	for (; result == BULWARK_NO_MEMORY; allowed++) {
		MUST(policy == NULL && b->live == 0);
		b->left = allowed;
		result = bulwark_policy_compile(TEXT(document), BULWARK_IDENTITY, &allocator, &policy, NULL);
	}
	MUST(result == BULWARK_OK && allowed > 3);
	return policy;
}

static void *ask(void *ctx)
{
	const struct bulwark_text name = TEXT("alice");
	const struct bulwark_key context = {TEXT("aws:username"), &name, 1, false};
	const struct bulwark_ref ref = {ctx, TEXT("p")};
	const struct bulwark_layers layers = {.size = sizeof layers, .identity = {&ref, 1}};
	struct bulwark_request request = {.size = sizeof request,
	    .principal = BULWARK_USER,
	    .principal_arn = TEXT("arn:aws:iam::111122223333:user/alice"),
	    .principal_account = TEXT("111122223333"),
	    .resource = TEXT("*"),
	    .context = &context,
	    .context_count = 1};

	for (int i = 0; i < 20000; i++) {
		request.action = TEXT(i % 2 ? "A:thing" : "b:y");
		MUST(
		    (bulwark_policy_evaluate(&layers, &request).decision == BULWARK_ALLOWED) == (i % 2 == 1));
	}
	request.action = TEXT("a:thing");
	request.size--;
	MUST(bulwark_policy_evaluate(&layers, &request).decision == BULWARK_DENIED_IMPLICITLY);
	return NULL;
}

int main(void)
{
	struct budget budget = {0};
	struct bulwark_policy *policy = failing_compile(&budget);
	struct bulwark_fault fault;
	pthread_t threads[4];
	long live = budget.live;

	for (size_t i = 0; i < 4; i++)
		MUST(pthread_create(&threads[i], NULL, ask, policy) == 0);
	for (size_t i = 0; i < 4; i++)
		MUST(pthread_join(threads[i], NULL) == 0);
	MUST(budget.live == live);
	bulwark_policy_free(policy);
	MUST(budget.live == 0);
	budget.left = 1000;
	MUST(bulwark_policy_compile(TEXT("{}"), BULWARK_SCP,
	         &(struct bulwark_allocator){resize, release, &budget}, &policy, &fault) == BULWARK_INVALID);
	MUST(policy == NULL && fault.text[0] && budget.live == 0);
	MUST(bulwark_policy_size(TEXT("{ \"a b\" :\n\t1 }\r\n")) == strlen("{\"a b\":1}"));
	MUST(strchr(bulwark_policy_version(), '.') != NULL);
	puts("good");
	return 0;
}
