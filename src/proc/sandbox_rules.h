/* The sandboxes' kinds, for the program that writes their filters and for what loads them. */
#pragma once

#include <seccomp.h>

#include "proc/sandbox_kinds.h"

/* NULL: libseccomp does not make it. The caller releases. */
scmp_filter_ctx sandbox_rules(enum sandbox_kind kind);
