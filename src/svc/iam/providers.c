#include "svc/iam/iam.h"

/* SAML providers cannot be registered yet, so that the list is truly empty. */

BW_OP(iam, ListSAMLProviders, .effect = BW_READ)
{
	out->SAMLProviderList.set = true;
	return BW_OK;
}
