#include "svc/iam/iam.h"

/* Identity providers cannot be registered yet, so that both lists are truly empty. */

BW_OP(iam, ListOpenIDConnectProviders, .effect = BW_READ)
{
	out->OpenIDConnectProviderList.set = true;
	return BW_OK;
}

BW_OP(iam, ListSAMLProviders, .effect = BW_READ)
{
	out->SAMLProviderList.set = true;
	return BW_OK;
}
