/* The kinds of sandboxes: who writes their filters (sandbox_write.c) and who loads them (sandbox.c) go by the same list. */
#pragma once

enum sandbox_kind { SANDBOX_SERVER, SANDBOX_LOADER, SANDBOX_RUNNER, SANDBOX_NARROW, SANDBOX_SPEAKER, SANDBOX_KINDS };

/* Stands in a filter where the process's own number belongs. The kernel gives none of this size (PID_MAX_LIMIT is 2^22). */
#define SANDBOX_OWN_PID 0x5a5a5a5aU
