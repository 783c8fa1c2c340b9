/* An application that authorises its own actions: may alice do what the command line says? */
#include <bulwark/policy.h>
#include <stdio.h>
#include <string.h>

#define TEXT(s) ((struct bulwark_text){(s), strlen(s)})

int main(int argc, char **argv)
{
	const char *document =
	    "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": "
	    "\"shop:*Order\","
	    " \"Resource\": \"arn:aws:shop:::order/${aws:username}/*\"},"
	    " {\"Effect\": \"Deny\", \"Action\": \"shop:CancelOrder\", \"Resource\": \"*\"}]}";
	const struct bulwark_text name = TEXT("alice");
	const struct bulwark_key context = {TEXT("aws:username"), &name, 1, false};
	struct bulwark_ref policy = {NULL, TEXT("customers")};
	struct bulwark_layers layers = {.size = sizeof layers, .identity = {&policy, 1}};
	struct bulwark_request request = {
	    .size = sizeof request, .principal = BULWARK_USER, .context = &context, .context_count = 1};
	struct bulwark_fault fault;

	if (argc != 3)
		return 2;
	if (bulwark_policy_compile(TEXT(document), BULWARK_IDENTITY, NULL, &policy.policy, &fault) !=
	    BULWARK_OK) {
		fprintf(stderr, "line %u: %s\n", fault.line, fault.text);
		return 2;
	}
	request.principal_arn = TEXT("arn:aws:iam::111122223333:user/alice");
	request.principal_account = TEXT("111122223333");
	request.action = TEXT(argv[1]);
	request.resource = TEXT(argv[2]);
	struct bulwark_verdict verdict = bulwark_policy_evaluate(&layers, &request);
	puts(verdict.decision == BULWARK_ALLOWED ? "yes" : "no");
	bulwark_policy_free(policy.policy);
	return verdict.decision != BULWARK_ALLOWED;
}
