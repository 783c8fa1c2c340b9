#include "svc/iam/iam.h"

/* Credentials of kinds that nobody can make here yet: their lists are truly empty. Clients read them before
 * they delete a user, so the user must be there all the same. */

static enum bw_err user_there(struct bw_call *call, struct bw_str given)
{
	struct bw_str name;
	struct bw_user u;

	TRY(iam_user_name(call, given, &name));
	return bw_str_set(name) ? iam_user_load(call, name, &u) : BW_OK;
}

/* AllUsers asks about the account instead of one user. */
static enum bw_err service_credentials_resource(struct bw_call *call)
{
	const IN_iam_ListServiceSpecificCredentials *in = call->in;

	return in->AllUsers.v ? iam_users_resource(call) : iam_user_resource(call);
}

BW_OP(iam, ListServiceSpecificCredentials, .effect = BW_READ, .resource = service_credentials_resource)
{
	out->ServiceSpecificCredentials.set = true;
	out->IsTruncated = BW_BOOL(false);
	return in->AllUsers.v ? BW_OK : user_there(call, in->UserName);
}
