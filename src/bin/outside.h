/* The outside's process: what the operator says of the world, and the channels to it. */
#pragma once

#include "bin/api.h"
#include "outside/outside.h"

#define OPTIONS_OUTSIDE                                                                                      \
	{"idp-address", OPTION_MANY, "NAME=ADDR:PORT",                                                       \
	    "where the host of an identity provider is that IAM knows (default: what DNS says, port 443)"},  \
	    {"xks-host", OPTION_MANY, "NAME=ADDR:PORT",                                                          \
	    "where the host of an external key store's proxy is (default: what DNS says, port 443)"},        \
	    {"xks-ca", OPTION_VALUE, "FILE",                                                                 \
	        "trust these authorities' certificates for such proxies (default: the system's)"},           \
	    {"xks-timeout", OPTION_VALUE, "MS", "how long such a proxy may take (default: 250, as AWS's)"},  \
	{                                                                                                    \
		"cloudhsm", OPTION_MANY, "CLUSTER=MODULE,TOKEN[,CERT]",                                      \
		    "the PKCS #11 token that stands for a CloudHSM cluster, and its trust anchor's file"     \
	}

/* Reads the options and makes the channels, one a loop. Before the processes are forked. 0, or what the
 * program ends with: said on stderr. */
int outside_prepare(const struct parsed *p, struct place *place, size_t loops, struct bw_outside *o);
