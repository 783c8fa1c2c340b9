/* The table of service-linked roles. */
#pragma once

#include "base/str.h"

struct iam_linked_service {
	const char *service; /* before ".amazonaws.com" */
	const char *role;    /* behind "AWSServiceRoleFor" */
	const char *policy;  /* of AWS's policies under /aws-service-role/ */
	bool suffix;         /* may have several, told apart by a custom suffix */
};
extern const struct iam_linked_service iam_linked_services[];
extern const size_t iam_linked_service_count;
