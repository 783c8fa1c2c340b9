/* Documents in few words, and decisions in one letter, for tables of cases. */
#pragma once

#include "asking.h"

#define DOC(body)        "{'Version':'2012-10-17','Statement':[{" body "}]}"
#define ALLOW            DOC("'Effect':'Allow','Action':'*','Resource':'*'")
#define NOTHING          DOC("'Effect':'Allow','Action':'ec2:*','Resource':'*'")
#define DENY             DOC("'Effect':'Deny','Action':'s3:*','Resource':'*'")
#define FOR(who)         DOC("'Effect':'Allow','Action':'*','Resource':'*','Principal':" who)
#define NOT_FOR(who)     DOC("'Effect':'Deny','Action':'*','Resource':'*','NotPrincipal':" who)
#define AGAINST(who)     DOC("'Effect':'Deny','Action':'*','Resource':'*','Principal':" who)
#define NAME_ACCOUNT     "{'AWS':'" ACCOUNT "'}"
#define NAME_USER        "{'AWS':'" USER_ARN "'}"
#define NAME_ROLE        "{'AWS':'" ROLE_ARN "'}"
#define NAME_SESSION     "{'AWS':'" SESSION "'}"
#define NAME_FEDERATED   "{'AWS':'" FEDERATED "'}"
#define IDENTITY(a, t)   ((a)->layers.identity = list_of(a, BW_POLICY_IDENTITY, "identity", t))
#define RESOURCE(a, t)   ((a)->layers.resource = list_of(a, BW_POLICY_RESOURCE, "resource", t))
#define BOUNDARY(a, t)   ((a)->layers.boundary = list_of(a, BW_POLICY_BOUNDARY, "boundary", t))
#define SESSION_OF(a, t) ((a)->layers.session = list_of(a, BW_POLICY_SESSION, "session", t))

#define I BW_DENIED_IMPLICIT
#define X BW_DENIED_EXPLICIT
#define Y BW_ALLOWED
